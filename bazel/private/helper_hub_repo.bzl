"""The helpers of all platforms.

    BUILD.bazel     `helper`: the helper for the platform of the configuration; and a toolchain
                    for each platform with a helper
    request.json    the pinned helpers that have an address, which the vendor targets vendor

The helper of this machine serves the platform of this machine; each other platform needs a pinned
helper.

The hub depends on the repositories of the helpers only by label, so loading it fetches none of them.
"""

load(":download.bzl", "reproducible")
load(":module_name.bzl", "module_label")
load(":pinned_helper_repo.bzl", "pinned_helper_repo")
load(":platforms.bzl", "PLATFORMS", "platform_of")

def helper_hub(pins):
    """Creates the hub `wasm_airgap_helpers`, and a repository for each pinned helper.

    Args:
        pins: platform -> `[version, sha256, url]` of the pinned helpers.
    """
    for platform, pin in pins.items():
        pinned_helper_repo(name = _spoke(platform), pin = pin, platform = platform)
    helpers = [
        {"platform": platform, "sha256": sha256, "url": url, "version": version}
        for platform, (version, sha256, url) in sorted(pins.items())
        if url
    ]
    helper_hub_repo(
        name = "wasm_airgap_helpers",
        platforms = sorted(pins),
        request = json.encode_indent({"helpers": helpers, "schema_version": 1}, indent = "  ") + "\n",
    )

def _spoke(platform):
    return "wasm_airgap_helper_" + platform

def _helper_hub_repo_impl(rctx):
    host = platform_of(rctx.os.name, rctx.os.arch)
    helpers = {platform: _spoke(platform) for platform in rctx.attr.platforms}
    missing = ":missing"
    if host:
        helpers[host] = _HOST
    else:
        # This machine has none of the known platforms, so the helper that was built here serves all
        # platforms without a pin.
        missing = _target(_HOST)
    build = [_HEADER.format(
        command = module_label(rctx, "//tools/vendor:helper"),
        extension = module_label(rctx, "//bazel:helper.bzl"),
        rules = Label("//bazel/private:helper_toolchain.bzl"),
    )]
    for platform, repository in sorted(helpers.items()):
        build.append(_PLATFORM.format(
            constraints = PLATFORMS[platform],
            helper = _target(repository),
            platform = platform,
            type = Label("//bazel/helper:toolchain_type"),
        ))
    choices = {":is_" + platform: _target(repository) for platform, repository in sorted(helpers.items())}
    build.append(_HELPER.format(choices = choices | {"//conditions:default": missing}))
    rctx.file("BUILD.bazel", "\n".join(build), executable = False)
    rctx.file("request.json", rctx.attr.request, executable = False)
    return reproducible(rctx, False)

def _target(repository):
    return "@{}//:toolchain".format(repository)

# The repository with the helper of this machine.
_HOST = "wasm_airgap_helper"

_HEADER = """\
# Written by rules_wasm_airgap from its release and the `pin` tags in MODULE.bazel.

load("{rules}", "missing_helper")

package(default_visibility = ["//visibility:public"])

exports_files(["request.json"])

missing_helper(
    name = "missing",
    command = "{command}",
    extension = "{extension}",
)
"""

_PLATFORM = """\
config_setting(
    name = "is_{platform}",
    constraint_values = {constraints},
)

toolchain(
    name = "{platform}",
    exec_compatible_with = {constraints},
    toolchain = "{helper}",
    toolchain_type = "{type}",
)
"""

_HELPER = """\
alias(
    name = "helper",
    actual = select({choices}),
)
"""

helper_hub_repo = repository_rule(
    implementation = _helper_hub_repo_impl,
    doc = "Chooses among the helper of this machine and the pinned helpers of others, by platform.",
    attrs = {
        "platforms": attr.string_list(doc = "The platforms with a pinned helper, as in `linux_amd64`."),
        "request": attr.string(mandatory = True, doc = "The pinned helpers that have an address, as JSON."),
    },
    # The content depends on this machine, so Bazel must not vendor it.
    configure = True,
)
