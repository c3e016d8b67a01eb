"""The module extension that chooses tools and registers their toolchains.

    wasm = use_extension("@rules_wasm_airgap//bazel:toolchains.bzl", "wasm_toolchains")
    wasm.tool(name = "wasm-tools", version = "1.244.0")
    wasm.bundle(name = "minimal")
    wasm.registry(file = "//:private_tools.json")
    use_repo(wasm, "wasm_toolchains")

Without `tool` and `bundle` tags, every tool of the registry is available in its latest version; a
tool that no build uses is not fetched. The tags of the root module have priority over those of other modules.
"""

load("//bazel/private:asked.bzl", "asked_by", "contradiction")
load("//bazel/private:direct_deps.bzl", "extension_metadata")
load("//bazel/private:helper.bzl", "STAMP")
load("//bazel/private:hub_repo.bzl", "hub_repo")
load("//bazel/private:hub_targets.bzl", "spoke_name")
load("//bazel/private:platforms.bzl", "PLATFORMS")
load("//bazel/private:registry.bzl", "add_to_registry", "choose", "disagreement", "pins_of")
load("//bazel/private:tool_repo.bzl", "tool_repo")

def _wasm_toolchains_impl(mctx):
    registry = _registry(mctx)
    bundles = json.decode(mctx.read(mctx.path(Label("//checksums:bundles.json"))))["bundles"]

    asked = asked_by(mctx.modules, lambda module: module.tags.tool, lambda tag: tag.version)
    problem = disagreement(registry, asked)
    if problem:
        fail(problem)

    # The modules come in breadth-first order from the root, so the root's tag comes first.
    tools = [(one.name, one.tag.version) for one in asked]
    wanted = [tag.name for module in mctx.modules for tag in module.tags.bundle]

    # A root module without tags has every tool, even if the modules that it depends on have tags.
    has_all = [module for module in mctx.modules if module.is_root and not (module.tags.tool or module.tags.bundle)]
    choices, problem = choose(registry, tools, wanted, bundles, everything = True if has_all else None)
    if problem:
        fail(problem)

    for choice in choices:
        for platform, asset in choice["assets"].items():
            if platform in PLATFORMS:
                one = dict(choice, assets = {platform: asset})
                tool_repo(
                    name = spoke_name(choice["tool"], platform),
                    executables = choice["executables"],
                    platform = platform,
                    request = _request([one]),
                    stamp = STAMP,
                    subject = "{} {} ({})".format(choice["tool"], choice["version"], platform),
                )
    chosen = {choice["tool"]: None for choice in choices}
    hub_repo(
        name = "wasm_toolchains",
        missing = {
            name: tool.get("executables") or [name]
            for name, tool in registry.items()
            if name not in chosen
        },
        releases = json.encode({
            name: {version: assets.keys() for version, assets in registry[name]["versions"].items()}
            for name in chosen
        }),
        request = _request(choices),
    )
    return extension_metadata(mctx, hubs = ["wasm_toolchains"])

def _request(choices):
    return json.encode({"schema_version": 1, "tools": choices})

def _registry(mctx):
    """Returns this module's registry files merged with the users'; the root module's files come last and have priority."""
    registry = {}
    pins = []
    folder = mctx.path(Label("//checksums/tools:BUILD.bazel")).dirname
    for file in sorted(folder.readdir(), key = str):
        if file.basename.endswith(".json"):
            pins.extend(_add(registry, mctx.read(file), file.basename, None))
    for module in reversed(mctx.modules):
        for tag in module.tags.registry:
            pins.extend(_add(registry, mctx.read(mctx.path(tag.file)), str(tag.file), module))
    problem = contradiction("archives", pins)
    if problem:
        fail(problem)
    return registry

def _add(registry, text, origin, module):
    tool = json.decode(text, default = None)
    if type(tool) != "dict":
        fail("the registry file `{}` is not a JSON object".format(origin))
    problem = add_to_registry(registry, tool, origin, decides = not module or module.is_root)
    if problem:
        fail(problem)
    return pins_of(module, tool)

_tool = tag_class(
    doc = "Asks for a tool.",
    attrs = {
        "name": attr.string(mandatory = True, doc = "The tool's name in the registry."),
        "version": attr.string(doc = "The tool's version; by default the registry's latest."),
    },
)

_bundle = tag_class(
    doc = "Asks for the tools of a bundle in checksums/bundles.json. A `tool` tag has priority over the bundle.",
    attrs = {"name": attr.string(mandatory = True, doc = "The bundle's name.")},
)

_registry_tag = tag_class(
    doc = "Adds a registry file of your own: private builds, or versions that are newer than this module.",
    attrs = {
        "file": attr.label(
            mandatory = True,
            doc = "The registry file, as `wasm-airgap toolchain pin --registry` writes it.",
        ),
    },
)

wasm_toolchains = module_extension(
    implementation = _wasm_toolchains_impl,
    doc = "Chooses WebAssembly tools and registers their toolchains in `@wasm_toolchains`.",
    tag_classes = {"bundle": _bundle, "registry": _registry_tag, "tool": _tool},
)
