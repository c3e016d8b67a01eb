"""The helper as a toolchain, which Bazel resolves for the exec platform of an action."""

load("//bazel:providers.bzl", "WasmHelperInfo")

HELPER_TYPE = Label("//bazel/helper:toolchain_type")

# For the `toolchains` of a rule. It is optional, because Bazel's own message about a missing
# toolchain does not say what to do. Bazel still prefers an exec platform that has one.
HELPER_TOOLCHAINS = [config_common.toolchain_type(HELPER_TYPE, mandatory = False)]

_MissingHelperInfo = provider(
    doc = "The names for the message about a missing helper.",
    fields = {
        "command": "string: the label of the command that vendors a helper and prints its pin.",
        "extension": "string: the label of the extension `wasm_helper`, as MODULE.bazel writes it.",
    },
)

# For the attributes of a rule.
HELPER_ATTRS = {
    "_missing_helper": attr.label(
        default = Label("@wasm_airgap_helpers//:missing"),
        providers = [_MissingHelperInfo],
    ),
}

def helper_of(ctx):
    """Returns the helper for the exec platform; fails with the lines to add if there is none.

    Args:
        ctx: the context of a rule with `HELPER_TOOLCHAINS` and `HELPER_ATTRS`.

    Returns:
        The program, a File.
    """
    toolchain = ctx.toolchains[HELPER_TYPE]
    if toolchain:
        return toolchain.wasm_helper.executable
    names = ctx.attr._missing_helper[_MissingHelperInfo]
    fail(_MISSING.format(command = names.command, extension = names.extension, label = ctx.label))

_MISSING = """{label} runs the helper `wasm-airgap` on an exec platform for which there is none.
The helper that this machine builds or gets by BAZEL_WASM_HELPER is for this machine. Pin one for the exec platform in MODULE.bazel:

wasm_helper = use_extension("{extension}", "wasm_helper")
wasm_helper.pin(platform = "linux_amd64", sha256 = "...", version = "...")

A machine of that platform prints these lines and vendors the program by
  bazel run {command} -- --output-dir vendor/toolchains
To see the exec platforms, build with --toolchain_resolution_debug=.*wasm.*
"""

def _wasm_helper_toolchain_impl(ctx):
    info = WasmHelperInfo(executable = ctx.file.helper)
    return [
        platform_common.ToolchainInfo(wasm_helper = info),
        DefaultInfo(files = depset([ctx.file.helper])),
        info,
    ]

wasm_helper_toolchain = rule(
    implementation = _wasm_helper_toolchain_impl,
    doc = """A helper for one exec platform: the `toolchain` of a `toolchain` target.

    wasm_helper_toolchain(name = "my_helper", helper = ":wasm-airgap")

    toolchain(
        name = "my_helper_toolchain",
        exec_compatible_with = ["@platforms//os:linux"],
        toolchain = ":my_helper",
        toolchain_type = "@rules_wasm_airgap//bazel/helper:toolchain_type",
    )""",
    attrs = {
        "helper": attr.label(allow_single_file = True, mandatory = True, doc = "The program `wasm-airgap`."),
    },
    provides = [platform_common.ToolchainInfo, WasmHelperInfo],
)

def _missing_helper_impl(ctx):
    return [_MissingHelperInfo(command = ctx.attr.command, extension = ctx.attr.extension)]

missing_helper = rule(
    implementation = _missing_helper_impl,
    doc = "Holds the names for the message about a missing helper. `helper_hub_repo` writes it.",
    attrs = {
        "command": attr.string(mandatory = True, doc = "The label of the command that vendors a helper."),
        "extension": attr.string(mandatory = True, doc = "The label of the extension `wasm_helper`."),
    },
)
