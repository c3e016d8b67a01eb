"""The hub: registers a toolchain for each tool and platform, and names the tools.

    BUILD.bazel     per tool: `<tool>_toolchain_type`, a `toolchain` for each platform, and a
                    runnable target for each executable, as in `:wasm-tools`; and for each tool that
                    was not chosen, the same names with an error that says which tag to add
    defs.bzl        the rules behind the runnable targets
    request.json    the tools in MODULE.bazel, which `vendor_all_toolchains` vendors

It depends on the spokes only by label, so that loading it fetches none of them.
"""

load(":download.bzl", "reproducible")
load(":module_name.bzl", "module_label")
load(":platforms.bzl", "PLATFORMS")

def spoke_name(tool, platform):
    """Returns the name of the repository that holds a tool for a platform."""
    return "wasm_toolchains_{}_{}".format(tool, platform)

def _hub_repo_impl(rctx):
    request = json.decode(rctx.attr.request)
    tools = request["tools"]
    names = _target_names(tools)
    build = [_HEADER, 'load("{}", "missing_tool")'.format(Label("//bazel:toolchain.bzl"))]
    defs = [_DEFS_HEADER.format(toolchain = Label("//bazel:toolchain.bzl"))]
    for index, choice in enumerate(tools):
        rule = "tool_{}".format(index)
        defs.append('{} = resolved_tool_rule(Label("//:{}_toolchain_type"))'.format(rule, choice["tool"]))
        build.append('load("//:defs.bzl", "{}")'.format(rule))
    for index, choice in enumerate(tools):
        build.append(_tool(index, choice, names))
    extension = module_label(rctx, "//bazel:toolchains.bzl")
    build.extend(_missing(rctx.attr.missing, names, extension))
    rctx.file("BUILD.bazel", "\n".join(build) + "\n", executable = False)
    rctx.file("defs.bzl", "\n".join(defs) + "\n", executable = False)
    rctx.file("request.json", json.encode_indent(request, indent = "  ") + "\n", executable = False)
    return reproducible(rctx)

def _target_names(tools):
    """Returns target name -> (tool, executable). A tool's own name goes to its main executable."""
    names = {choice["tool"]: (choice["tool"], "") for choice in tools}
    for choice in tools:
        for path in choice["executables"]:
            executable = path.split("/")[-1]
            names.setdefault(executable, (choice["tool"], executable))
    return names

def _tool(index, choice, names):
    tool = choice["tool"]
    lines = ['\ntoolchain_type(name = "{}_toolchain_type")'.format(tool)]
    for platform in choice["assets"]:
        if platform in PLATFORMS:
            lines.append(_TOOLCHAIN.format(
                constraints = ", ".join(['"{}"'.format(label) for label in PLATFORMS[platform]]),
                platform = platform,
                spoke = spoke_name(tool, platform),
                tool = tool,
            ))
    for name, (owner, executable) in names.items():
        if owner == tool:
            lines.append(_TARGET.format(executable = executable, name = name, rule = "tool_{}".format(index)))
    return "\n".join(lines)

def _missing(missing, names, extension):
    """Returns targets for the known tools that were not chosen; each fails and says which tag to add."""
    lines = []
    names = dict(names)
    for tool, executables in sorted(missing.items()):
        lines.append(_MISSING_TYPE.format(extension = extension, tool = tool))
        for name in [tool] + [path.split("/")[-1] for path in executables]:
            if name not in names:
                names[name] = None
                lines.append(_MISSING.format(extension = extension, name = name, tool = tool))
    return lines

_MISSING_TYPE = """
toolchain_type(name = "{tool}_toolchain_type")

missing_tool(
    name = "{tool}_missing",
    extension = "{extension}",
    tags = ["manual"],
    tool = "{tool}",
)

toolchain(
    name = "{tool}_none",
    toolchain = ":{tool}_missing",
    toolchain_type = ":{tool}_toolchain_type",
)"""

_MISSING = """
missing_tool(
    name = "{name}",
    extension = "{extension}",
    tags = ["manual"],
    tool = "{tool}",
)"""

_HEADER = """\
# Written by rules_wasm_airgap from the tags in MODULE.bazel.

package(default_visibility = ["//visibility:public"])

exports_files(["request.json"])
"""

_DEFS_HEADER = """\
# Written by rules_wasm_airgap from the tags in MODULE.bazel.

load("{toolchain}", "resolved_tool_rule")
"""

_TOOLCHAIN = """
toolchain(
    name = "{tool}_{platform}",
    exec_compatible_with = [{constraints}],
    toolchain = "@{spoke}//:toolchain",
    toolchain_type = ":{tool}_toolchain_type",
)"""

# Manual: `bazel build @wasm_toolchains//...` should not fetch every tool.
_TARGET = """
{rule}(
    name = "{name}",
    executable = "{executable}",
    tags = ["manual"],
)"""

hub_repo = repository_rule(
    implementation = _hub_repo_impl,
    doc = "Registers the toolchains of all chosen tools and names their executables.",
    attrs = {
        "missing": attr.string_list_dict(
            doc = "The known tools that were not chosen -> their executables.",
        ),
        "request": attr.string(
            mandatory = True,
            doc = "The chosen tools, as JSON in the form of the helper's request.",
        ),
    },
)
