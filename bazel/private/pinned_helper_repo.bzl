"""The repository that holds a pinned helper for another platform, on which actions run."""

load(":download.bzl", "reproducible")
load(":module_name.bzl", "module_label")
load(":pinned_helper.bzl", "helper_build_file", "take_pinned_helper")
load(":platforms.bzl", "executable_name")

def _pinned_helper_repo_impl(rctx):
    version, sha256, url = rctx.attr.pin
    name = executable_name("wasm-airgap", rctx.attr.platform)
    pin = struct(sha256 = sha256, url = url, version = version)
    advice = (_ADVICE if url else _ADVICE_WITHOUT_ADDRESS).format(
        platform = rctx.attr.platform,
        vendor_helper = module_label(rctx, "//tools/vendor:helper"),
    )
    take_pinned_helper(rctx, pin, rctx.attr.platform, name, advice)
    rctx.file("BUILD.bazel", helper_build_file(name), executable = False)
    return reproducible(rctx)

_ADVICE = """
An action runs on {platform}, and needs the helper for it. Vendor it on a machine with a network by
  bazel run {vendor_helper} -- --output-dir vendor/toolchains --platform {platform}
and copy the folder here.
"""

_ADVICE_WITHOUT_ADDRESS = """
An action runs on {platform}, and needs the helper for it. Vendor it on such a machine by
  bazel run {vendor_helper} -- --output-dir vendor/toolchains
and copy the folder here.
"""

pinned_helper_repo = repository_rule(
    implementation = _pinned_helper_repo_impl,
    doc = "Holds the `wasm-airgap` binary for one platform, pinned by SHA-256.",
    attrs = {
        "pin": attr.string_list(mandatory = True, doc = "The version, the SHA-256 and the upstream address."),
        "platform": attr.string(mandatory = True, doc = "The platform on which it runs, as in `linux_amd64`."),
    },
)
