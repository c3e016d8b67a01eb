"""The helper that actions run: the one for their exec platform.

The rules of this module take it from `@wasm_airgap_helpers//:helper`, which is configured for the exec
platform. They do not resolve a toolchain for it: that loads the toolchains of all modules, and some
of those are downloaded. Rules in other modules may use the toolchain type `//bazel/helper:toolchain_type`.
"""

load("//bazel:providers.bzl", "WasmHelperInfo")

# For the attributes of a rule that runs the helper in an action.
HELPER_ATTRS = {
    "_helper": attr.label(
        cfg = "exec",
        default = Label("@wasm_airgap_helpers//:helper"),
        providers = [WasmHelperInfo],
    ),
}

def helper_of(ctx):
    """Returns the helper for the exec platform; fails with the lines to add if there is none.

    Args:
        ctx: the context of a rule with `HELPER_ATTRS`.

    Returns:
        The program, a File.
    """
    info = ctx.attr._helper[WasmHelperInfo]
    if not info.executable:
        fail("{}: {}".format(ctx.label, info.problem))
    return info.executable

def _wasm_helper_toolchain_impl(ctx):
    info = WasmHelperInfo(executable = ctx.file.helper, problem = "")
    return [
        platform_common.ToolchainInfo(wasm_helper = info),
        DefaultInfo(files = depset([ctx.file.helper])),
        info,
    ]

wasm_helper_toolchain = rule(
    implementation = _wasm_helper_toolchain_impl,
    doc = "A helper for one exec platform. The repository of each helper has this target.",
    attrs = {
        "helper": attr.label(allow_single_file = True, mandatory = True, doc = "The program `wasm-airgap`."),
    },
    provides = [platform_common.ToolchainInfo, WasmHelperInfo],
)

def _missing_helper_impl(ctx):
    return [WasmHelperInfo(executable = None, problem = _MISSING.format(
        command = ctx.attr.command,
        extension = ctx.attr.extension,
    ))]

_MISSING = """there is no helper `wasm-airgap` for the exec platform of its action.
The helper that is built here or named by BAZEL_WASM_HELPER is for this machine only. Pin one for the exec platform in MODULE.bazel:

wasm_helper = use_extension("{extension}", "wasm_helper")
wasm_helper.pin(platform = "linux_amd64", sha256 = "...", version = "...")

A machine of that platform prints these lines and vendors the program by
  bazel run {command} -- --output-dir vendor/toolchains
To run the action on another exec platform, name its constraints by `exec_compatible_with` in the target.
"""

missing_helper = rule(
    implementation = _missing_helper_impl,
    doc = "Represents the helper of an exec platform without one. Only a rule that runs the helper there fails.",
    attrs = {
        "command": attr.string(
            mandatory = True,
            doc = "The label of the command that vendors a helper and prints its pin.",
        ),
        "extension": attr.string(
            mandatory = True,
            doc = "The label of the file with the extension `wasm_helper`, as MODULE.bazel writes it.",
        ),
    },
    provides = [WasmHelperInfo],
)
