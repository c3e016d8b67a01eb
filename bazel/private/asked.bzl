"""What the tags of all modules ask for by name, and where they disagree."""

def asked_by(modules, tags_of, describe):
    """The tags of all modules, each with who asks.

    Args:
        modules: the modules, the root first.
        tags_of: a function that gives the tags of a module.
        describe: a function that says in words what a tag asks for. Tags with the same words ask
            for the same.

    Returns:
        A list of structs with `is_root`, `module`, `name`, `tag` and `wish`.
    """
    return [
        struct(is_root = module.is_root, module = module.name, name = tag.name, tag = tag, wish = describe(tag))
        for module in modules
        for tag in tags_of(module)
    ]

def one_each(kind, asked, remedy):
    """One tag for each name. The same thing may be asked for twice, and is shared.

    Args:
        kind: what is asked for, in the plural, as in "components".
        asked: a list of structs as `asked_by` gives it.
        remedy: what to do about two that disagree.

    Returns:
        A dict from name to tag, and None or a string that names two that disagree.
    """
    first = {}
    for one in asked:
        other = first.setdefault(one.name, one)
        if other.wish != one.wish:
            return {}, "two tags ask for different {} by the name `{}`:\n  {}\n  {}\n{}".format(
                kind,
                one.name,
                _said(other),
                _said(one),
                remedy,
            )
    return {name: one.tag for name, one in first.items()}, None

def contradiction(kind, pins):
    """Where registry files of several modules pin different bytes by one name.

    The root module's files decide. Those of other modules add to what is known, and change nothing.

    Args:
        kind: what is pinned, in the plural, as in "archives".
        pins: a list of structs with `is_root`, `module`, `name`, `tag` and `wish`.

    Returns:
        None or a string that names two that disagree.
    """
    by_root = {one.name: None for one in pins if one.is_root}
    others = [one for one in pins if not one.is_root and one.name not in by_root]
    _, problem = one_each(kind, others, "Pin the same in both; a registry file of the root module decides.")
    return problem

def pin(module, name, digest):
    """What a registry file pins.

    Args:
        module: the module that names the file, or None for this one's own files.
        name: what is pinned, with its version.
        digest: its digest.

    Returns:
        A struct for `contradiction`.
    """
    return struct(
        is_root = bool(module) and module.is_root,
        module = module.name if module else "rules_wasm_airgap",
        name = name,
        tag = None,
        wish = "the digest " + digest,
    )

def _said(one):
    return "{} asks for {}".format("the module `{}`".format(one.module) if one.module else "the root module", one.wish)
