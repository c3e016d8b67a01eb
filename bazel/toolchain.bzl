"""Toolchains of WebAssembly tools: the provider, the rule in each spoke, and runnable tools.

To use a tool in a rule of your own:

    def _impl(ctx):
        tool = ctx.toolchains[_TYPE].wasm_tool
        ctx.actions.run(executable = tool.executable, tools = [tool.files], toolchain = _TYPE, ...)

    _TYPE = "@wasm_toolchains//:wasm-tools_toolchain_type"
    rule(_impl, toolchains = [_TYPE])
"""

load("//bazel:providers.bzl", _WasmToolInfo = "WasmToolInfo")

WasmToolInfo = _WasmToolInfo

def _wasm_tool_impl(ctx):
    executables = {name: target.files.to_list()[0] for target, name in ctx.attr.executables.items()}
    files = depset(ctx.files.files)
    info = WasmToolInfo(
        executable = executables[ctx.attr.main],
        executables = executables,
        files = files,
        tool = ctx.attr.tool,
        version = ctx.attr.version,
    )
    return [platform_common.ToolchainInfo(wasm_tool = info), DefaultInfo(files = files), info]

wasm_tool = rule(
    implementation = _wasm_tool_impl,
    doc = "A tool for one platform. The helper writes this rule into the BUILD file of each spoke.",
    attrs = {
        "executables": attr.label_keyed_string_dict(
            allow_files = True,
            mandatory = True,
            doc = "The file of each executable -> its name.",
        ),
        "files": attr.label_list(allow_files = True, doc = "All files of the tool."),
        "main": attr.string(mandatory = True, doc = "The name of the main executable."),
        "tool": attr.string(mandatory = True, doc = "The tool's name."),
        "version": attr.string(mandatory = True, doc = "The tool's version."),
    },
    provides = [platform_common.ToolchainInfo, WasmToolInfo],
)

def resolved_tool_rule(toolchain_type):
    """Returns a rule that makes the resolved toolchain of a type runnable.

    `bazel run` and the `tools` of a genrule need an executable target, and a toolchain is not one.

    Args:
        toolchain_type: the Label of the toolchain type.

    Returns:
        A rule with the attributes `executable`: the name of an executable of the tool, or the empty
        string for the main one; `file`: the name of the built file, by default the target's; and
        `no_release`: the message for builds in which no execution platform has a toolchain of the type.
    """

    def _impl(ctx):
        toolchain = ctx.toolchains[toolchain_type]
        if not toolchain:
            fail(ctx.attr.no_release or "no execution platform has a toolchain of the type {}".format(toolchain_type))
        tool = toolchain.wasm_tool
        source = tool.executables[ctx.attr.executable] if ctx.attr.executable else tool.executable
        ending = "." + source.extension if source.extension == "exe" else ""
        link = ctx.actions.declare_file((ctx.attr.file or ctx.label.name) + ending)
        ctx.actions.symlink(output = link, target_file = source, is_executable = True)
        return [
            DefaultInfo(
                executable = link,
                files = depset([link]),
                runfiles = ctx.runfiles(transitive_files = tool.files),
            ),
            tool,
        ]

    return rule(
        implementation = _impl,
        attrs = {"executable": attr.string(), "file": attr.string(), "no_release": attr.string()},
        executable = True,
        # Optional, so that the message is ours. Bazel uses an execution platform that has the tool if there
        # is one.
        toolchains = [config_common.toolchain_type(toolchain_type, mandatory = False)],
    )

def _missing_tool_impl(ctx):
    fail(("no tag in MODULE.bazel asks for the tool `{}`, and there are tags for other tools. Add\n\n" +
          "wasm = use_extension(\"{}\", \"wasm_toolchains\")\n" +
          "wasm.tool(name = \"{}\")\n").format(
        ctx.attr.tool,
        ctx.attr.extension,
        ctx.attr.tool,
    ))

missing_tool = rule(
    implementation = _missing_tool_impl,
    doc = "Represents a known tool that MODULE.bazel does not ask for. Building it fails with the tag to add.",
    attrs = {
        "extension": attr.string(
            mandatory = True,
            doc = "The label of the file with the extension `wasm_toolchains`, as MODULE.bazel writes it.",
        ),
        "tool": attr.string(mandatory = True, doc = "The tool's name."),
    },
    executable = True,
)
