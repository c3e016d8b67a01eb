"""The hub: registers a toolchain for each tool and platform, and names the tools.

    BUILD.bazel     per tool: `<tool>_toolchain_type` and `<tool>_runtime_toolchain_type`, two
                    `toolchain`s for each platform, and a runnable target for each executable, as in
                    `:wasm-tools`; and for each tool that was not chosen, or that is published as
                    WebAssembly only, the same names with an error that says what to do
    defs.bzl        the rules behind the runnable targets: two for each tool, because a rule names
                    the toolchain types that Bazel resolves for all of its targets
    request.json    the tools in MODULE.bazel, which `vendor_all_toolchains` vendors

The hub depends on the spokes only by label, so loading it fetches none of them.
"""

load(":download.bzl", "reproducible")
load(":module_name.bzl", "module_label")
load(":platforms.bzl", "PLATFORMS")

def _hub_repo_impl(rctx):
    request = json.decode(rctx.attr.request)
    tools = request["tools"]
    names = _target_names(tools)
    extension = module_label(rctx, "//bazel:toolchains.bzl")
    defs = [_DEFS.format(toolchain = Label("//bazel:toolchain.bzl"))]
    build = [_BUILD.format(targets = Label("//bazel/private:hub_targets.bzl"))]
    for index, choice in enumerate(tools):
        defs.append(_RULE.format(index = index, tool = choice["tool"]))
        build.append(_LOAD.format(index = index))
    build.append(_PACKAGE)
    for index, choice in enumerate(tools):
        tool = choice["tool"]
        executables = {name: executable for name, (owner, executable) in names.items() if owner == tool}
        platforms = [platform for platform in choice["assets"] if platform in PLATFORMS]
        template = _TOOL if platforms else _WEBASSEMBLY
        build.append(template.format(
            executables = executables if platforms else executables.keys(),
            form = sorted(choice["assets"])[-1] if choice["assets"] else "wasm",
            index = index,
            others = _others(json.decode(rctx.attr.releases).get(tool, {}), platforms),
            platforms = platforms,
            program = module_label(rctx, "//:wasm-airgap"),
            tool = tool,
            version = repr(choice["version"]),
        ))
    for tool, executables in _missing_names(rctx.attr.missing, names).items():
        build.append(_MISSING.format(executables = executables, extension = extension, tool = tool))
    rctx.file("BUILD.bazel", "".join(build), executable = False)
    rctx.file("defs.bzl", "".join(defs), executable = False)
    rctx.file("request.json", json.encode_indent(request, indent = "  ") + "\n", executable = False)
    return reproducible(rctx)

def _others(versions, platforms):
    """Returns platform -> the versions that have a release for it, without these platforms."""
    others = {}
    for version, published in versions.items():
        for platform in published:
            if platform in PLATFORMS and platform not in platforms:
                others.setdefault(platform, []).append(version)
    return others

def _target_names(tools):
    """Returns target name -> (tool, executable). A tool's own name goes to its main executable."""
    names = {choice["tool"]: (choice["tool"], "") for choice in tools}
    for choice in tools:
        for path in choice["executables"]:
            executable = path.split("/")[-1]
            names.setdefault(executable, (choice["tool"], executable))
    return names

def _missing_names(missing, taken):
    """Returns tool -> the names of its targets, without those that another tool has."""
    taken = dict(taken)
    targets = {}
    for tool, executables in sorted(missing.items()):
        targets[tool] = []
        for name in [tool] + [path.split("/")[-1] for path in executables]:
            if name not in taken:
                taken[name] = None
                targets[tool].append(name)
    return targets

_BUILD = """\
# Written by rules_wasm_airgap from the tags in MODULE.bazel.

load("{targets}", "missing_tool_targets", "platform_settings", "tool_targets", "webassembly_targets")
"""

_PACKAGE = """
package(default_visibility = ["//visibility:public"])

exports_files(["request.json"])

platform_settings(name = "is")
"""

_LOAD = """\
load("//:defs.bzl", "exec_tool_{index}", "runtime_tool_{index}")
"""

_TOOL = """
tool_targets(
    name = "{tool}",
    exec_rule = exec_tool_{index},
    executables = {executables},
    others = {others},
    platforms = {platforms},
    program = "{program}",
    runtime_rule = runtime_tool_{index},
    version = {version},
)
"""

_WEBASSEMBLY = """
webassembly_targets(
    name = "{tool}",
    executables = {executables},
    form = "{form}",
    version = {version},
)
"""

_MISSING = """
missing_tool_targets(
    name = "{tool}",
    executables = {executables},
    extension = "{extension}",
)
"""

_DEFS = """\
# Written by rules_wasm_airgap from the tags in MODULE.bazel.

load("{toolchain}", "resolved_tool_rule")

"""

_RULE = """\
exec_tool_{index} = resolved_tool_rule(Label("//:{tool}_toolchain_type"))
runtime_tool_{index} = resolved_tool_rule(Label("//:{tool}_runtime_toolchain_type"))
"""

hub_repo = repository_rule(
    implementation = _hub_repo_impl,
    doc = "Registers the toolchains of all chosen tools and names their executables.",
    attrs = {
        "missing": attr.string_list_dict(
            doc = "The known tools that were not chosen -> their executables.",
        ),
        "releases": attr.string(
            default = "{}",
            doc = "Tool -> version -> the platforms for which there is a release, as JSON; for messages.",
        ),
        "request": attr.string(
            mandatory = True,
            doc = "The chosen tools, as JSON in the form of the helper's request.",
        ),
    },
)
