"""The module extension that provides the `wasm-airgap` helper.

    wasm_helper = use_extension("@rules_wasm_airgap//bazel:helper.bzl", "wasm_helper")
    wasm_helper.pin(platform = "linux_amd64", sha256 = "...", version = "0.1.0")

A release of this module pins a helper for each of its platforms, and needs no tag. With the sources of this
module, a machine with cargo needs no tag either: it builds the helper. `vendor_all_toolchains` prints the
`pin` tag for an offline machine without cargo. Actions that run on another platform use the helper that is
pinned for that platform.
"""

load("//bazel/private:direct_deps.bzl", "extension_metadata")
load("//bazel/private:helper.bzl", "STAMP")
load("//bazel/private:helper_hub_repo.bzl", "helper_hub")
load("//bazel/private:helper_releases.bzl", "released_pins")
load("//bazel/private:helper_repo.bzl", "helper_repo")
load("//bazel/private:platforms.bzl", "PLATFORMS")
load("//bazel/private:settings_repo.bzl", "settings_repo")

def _wasm_helper_impl(mctx):
    pins = released_pins()

    # Only the root module decides which program runs in the repository rules of all modules.
    for module in [module for module in mctx.modules if module.is_root]:
        if module.tags.from_sources:
            pins = {}
        for tag in module.tags.pin:
            if tag.platform not in PLATFORMS:
                fail("`{}` is not a platform; the platforms are {}".format(tag.platform, ", ".join(sorted(PLATFORMS))))
            if len(tag.sha256) != 64:
                fail("a SHA-256 has 64 hexadecimal digits, `{}` has {}".format(tag.sha256, len(tag.sha256)))
            pins[tag.platform] = [tag.version, tag.sha256.lower(), tag.url]
    helper_repo(name = "wasm_airgap_helper", pins = pins)
    helper_hub(pins)
    settings_repo(name = "wasm_airgap_settings", stamp = STAMP)
    return extension_metadata(mctx, own = ["wasm_airgap_helper", "wasm_airgap_helpers", "wasm_airgap_settings"])

_from_sources = tag_class(
    doc = "Ignores the helpers that the release pins: this machine builds its helper with cargo.",
)

_pin = tag_class(
    doc = "Pins a helper by SHA-256. A machine of its platform uses it instead of building one, and actions use it on that exec platform.",
    attrs = {
        "platform": attr.string(mandatory = True, doc = "The platform on which the helper runs, as in `linux_amd64`."),
        "sha256": attr.string(mandatory = True, doc = "Its SHA-256 in hexadecimal."),
        "url": attr.string(doc = "Its upstream address. Without one, the helper must be in a vendor folder or on a mirror."),
        "version": attr.string(mandatory = True, doc = "Its version, which is a part of its path in vendor folders and on mirrors."),
    },
)

wasm_helper = module_extension(
    implementation = _wasm_helper_impl,
    doc = "Provides the `wasm-airgap` binary: for this machine, and for the exec platforms of actions.",
    tag_classes = {"from_sources": _from_sources, "pin": _pin},
)
