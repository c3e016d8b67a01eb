"""The toolchains of the helper.

    BUILD.bazel     `host`: the helper of this machine, for exec platforms of its kind; and a
                    toolchain for each platform with a pinned helper

It depends on the repositories of the helpers only by label, so that loading it fetches none of them.
"""

load(":download.bzl", "reproducible")
load(":helper_releases.bzl", "HELPER_RELEASES")
load(":module_name.bzl", "module_label")
load(":pinned_helper_repo.bzl", "pinned_helper_repo")
load(":platforms.bzl", "PLATFORMS", "platform_of")

def helper_hub(pins):
    """Creates the hub `wasm_airgap_helpers`, and a repository for each pinned helper.

    Args:
        pins: platform -> `[version, sha256, url]` of the helpers that MODULE.bazel pins.
    """
    pins = {
        platform: [release.version, release.sha256, release.url]
        for platform, release in HELPER_RELEASES.items()
    } | pins
    for platform, pin in pins.items():
        pinned_helper_repo(name = _spoke(platform), pin = pin, platform = platform)
    helper_hub_repo(name = "wasm_airgap_helpers", platforms = sorted(pins))

def _spoke(platform):
    return "wasm_airgap_helper_" + platform

def _helper_hub_repo_impl(rctx):
    host = platform_of(rctx.os.name, rctx.os.arch)
    build = [_HEADER.format(
        command = module_label(rctx, "//tools/vendor:helper"),
        extension = module_label(rctx, "//bazel:helper.bzl"),
        rules = Label("//bazel/private:helper_toolchain.bzl"),
    )]

    # On a machine for which no tools are published, the helper that was built there is the only
    # one, and actions run there too.
    build.append(_toolchain("host", PLATFORMS.get(host, []), "wasm_airgap_helper"))
    for platform in rctx.attr.platforms:
        build.append(_toolchain(platform, PLATFORMS[platform], _spoke(platform)))
    rctx.file("BUILD.bazel", "\n".join(build), executable = False)
    return reproducible(rctx, False)

def _toolchain(name, constraints, repository):
    return _TOOLCHAIN.format(
        constraints = ", ".join(['"{}"'.format(label) for label in constraints]),
        name = name,
        repository = repository,
        type = Label("//bazel/helper:toolchain_type"),
    )

_HEADER = """\
# Written by rules_wasm_airgap from the `pin` tags in MODULE.bazel.

load("{rules}", "missing_helper")

package(default_visibility = ["//visibility:public"])

missing_helper(
    name = "missing",
    command = "{command}",
    extension = "{extension}",
)
"""

_TOOLCHAIN = """\
toolchain(
    name = "{name}",
    exec_compatible_with = [{constraints}],
    toolchain = "@{repository}//:toolchain",
    toolchain_type = "{type}",
)
"""

helper_hub_repo = repository_rule(
    implementation = _helper_hub_repo_impl,
    doc = "Registers the helper of this machine and the pinned helpers of others as toolchains.",
    attrs = {
        "platforms": attr.string_list(doc = "The platforms with a pinned helper, as in `linux_amd64`."),
    },
    # Of this machine: Bazel does not vendor it.
    configure = True,
)
