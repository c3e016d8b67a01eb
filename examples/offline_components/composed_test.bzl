"""A test of the interface of a component."""

def _composed_test_impl(ctx):
    script = ctx.actions.declare_file(ctx.label.name + ".sh")
    ctx.actions.write(
        content = _CHECK.format(interface = ctx.file.interface.short_path),
        is_executable = True,
        output = script,
    )
    return [DefaultInfo(executable = script, runfiles = ctx.runfiles([ctx.file.interface]))]

_CHECK = """\
#!/bin/sh
# The composed component must import nothing, and must export `run`.
if grep "import " "{interface}"; then
    echo "expected: no imports"
    exit 1
fi
grep "export run: func() -> u32;" "{interface}"
"""

composed_test = rule(
    implementation = _composed_test_impl,
    doc = "Tests that a composed component exports `run` and imports nothing.",
    attrs = {
        "interface": attr.label(
            allow_single_file = [".wit"],
            mandatory = True,
            doc = "The interface of the component, as WIT.",
        ),
    },
    test = True,
)
