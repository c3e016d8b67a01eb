"""A rule that uses a tool by its toolchain."""

_WASM_TOOLS = "@wasm_toolchains//:wasm-tools_toolchain_type"

def _wasm_component_impl(ctx):
    tool = ctx.toolchains[_WASM_TOOLS].wasm_tool
    embedded = ctx.actions.declare_file(ctx.label.name + ".embedded.wasm")
    component = ctx.actions.declare_file(ctx.label.name + ".component.wasm")
    ctx.actions.run(
        arguments = [
            "component",
            "embed",
            "--world",
            ctx.attr.world,
            ctx.file.wit.path,
            ctx.file.module.path,
            "-o",
            embedded.path,
        ],
        executable = tool.executable,
        inputs = [ctx.file.module, ctx.file.wit],
        mnemonic = "WasmEmbed",
        outputs = [embedded],
        toolchain = _WASM_TOOLS,
        tools = [tool.files],
    )
    ctx.actions.run(
        arguments = ["component", "new", embedded.path, "-o", component.path],
        executable = tool.executable,
        inputs = [embedded],
        mnemonic = "WasmComponent",
        outputs = [component],
        toolchain = _WASM_TOOLS,
        tools = [tool.files],
    )
    return [DefaultInfo(files = depset([component]))]

wasm_component = rule(
    implementation = _wasm_component_impl,
    doc = "Makes a component out of a core module and its WIT.",
    attrs = {
        "module": attr.label(
            allow_single_file = [".wasm"],
            mandatory = True,
            doc = "The core module.",
        ),
        "wit": attr.label(
            allow_single_file = [".wit"],
            mandatory = True,
            doc = "The WIT package with the world.",
        ),
        "world": attr.string(mandatory = True, doc = "The world that the module implements."),
    },
    toolchains = [_WASM_TOOLS],
)

def _wasm_component_test_impl(ctx):
    tool = ctx.toolchains[_WASM_TOOLS].wasm_tool
    component = ctx.file.component
    script = ctx.actions.declare_file(ctx.label.name + ".sh")
    ctx.actions.write(
        content = _CHECK.format(
            component = component.short_path,
            export = ctx.attr.export,
            tool = tool.executable.short_path,
        ),
        is_executable = True,
        output = script,
    )
    runfiles = ctx.runfiles([component], transitive_files = tool.files)
    return [DefaultInfo(executable = script, runfiles = runfiles)]

_CHECK = """\
#!/bin/sh
# Reads the interface out of the component, and looks for one line in it.
interface=$("{tool}" component wit "{component}") || exit 1
case $interface in
*"export {export};"*) exit 0 ;;
esac
echo "expected: export {export};"
echo "found:    $interface"
exit 1
"""

wasm_component_test = rule(
    implementation = _wasm_component_test_impl,
    doc = "Tests that a component exports an item.",
    attrs = {
        "component": attr.label(
            allow_single_file = [".wasm"],
            mandatory = True,
            doc = "The component.",
        ),
        "export": attr.string(mandatory = True, doc = "The item, as WIT writes it, without `export` and `;`."),
    },
    test = True,
    toolchains = [_WASM_TOOLS],
)
