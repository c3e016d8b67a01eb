"""The repositories of an extension that the root module imports, for `bazel mod tidy`."""

_OWN_NAME = "rules_wasm_airgap"

def extension_metadata(mctx, hubs = [], own = [], tags = lambda module: []):
    """Returns the metadata of an extension whose result depends on its inputs only.

    `bazel mod tidy` writes the `use_repo` lines of the root module from it.

    Args:
        mctx: the module context.
        hubs: the repositories that each root module imports.
        own: the repositories that only this module imports.
        tags: a function that returns the tags of a module that ask for a repository by their `name`.

    Returns:
        The metadata.
    """
    regular, dev = direct_deps(
        mctx.modules,
        hubs = hubs,
        is_dev = mctx.is_dev_dependency,
        is_regular = mctx.root_module_has_non_dev_dependency,
        own = own,
        tags = tags,
    )
    if not regular and not dev:
        # No tag of the root module asks for a repository, but the root module may import one by hand.
        return mctx.extension_metadata(reproducible = True)
    return mctx.extension_metadata(
        reproducible = True,
        root_module_direct_deps = regular,
        root_module_direct_dev_deps = dev,
    )

def direct_deps(modules, hubs, is_dev, is_regular, own, tags):
    """Returns the repositories that the root module imports.

    Args:
        modules: the modules that use the extension.
        hubs: the repositories that each root module imports.
        is_dev: a function that returns whether a tag is of a `use_extension` with `dev_dependency`.
        is_regular: whether the root module has a `use_extension` without `dev_dependency`.
        own: the repositories that only this module imports.
        tags: a function that returns the tags of a module that ask for a repository by their `name`.

    Returns:
        A pair of lists: the repositories of usages without and with `dev_dependency`.
    """
    roots = [module for module in modules if module.is_root]
    names = hubs + (own if [root for root in roots if root.name == _OWN_NAME] else [])
    regular = {name: None for name in names} if is_regular else {}
    dev = {} if is_regular else {name: None for name in names}
    for tag in [tag for root in roots for tag in tags(root)]:
        (dev if is_dev(tag) else regular)[tag.name] = None
    return sorted(regular), sorted([name for name in dev if name not in regular])
