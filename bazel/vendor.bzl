"""`bazel run` targets that vendor what MODULE.bazel asks for."""

def _helper_command_impl(ctx):
    source = ctx.file.helper
    ending = "." + source.extension if source.extension == "exe" else ""
    link = ctx.actions.declare_file(ctx.label.name + ending)
    ctx.actions.symlink(output = link, target_file = source, is_executable = True)
    return [DefaultInfo(executable = link, runfiles = ctx.runfiles([source] + ctx.files.data))]

_helper_command = rule(
    implementation = _helper_command_impl,
    doc = "Runs the helper; `args` holds the command.",
    attrs = {
        "data": attr.label_list(allow_files = True, doc = "Files that the command reads."),
        "helper": attr.label(
            allow_single_file = True,
            default = Label("@wasm_airgap_helper//:helper"),
            doc = "The helper.",
        ),
    },
    executable = True,
)

def vendor_toolchains(name, request = Label("@wasm_toolchains//:request.json"), **kwargs):
    """A target that vendors toolchains by `bazel run`.

    Args:
        name: the target's name.
        request: the file that says which tools; by default what MODULE.bazel asks for.
        **kwargs: the attributes that every rule has.
    """
    _helper_command(
        name = name,
        # `bazel run` starts in the main repository's folder in the runfiles.
        args = ["vendor", "toolchains", "--request=../$(rlocationpath {})".format(request)],
        data = [request],
        tags = ["manual"],
        **kwargs
    )
