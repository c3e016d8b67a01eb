"""The WASI packages: a repository for each version, and a hub with a name for each.

    @wasi_wit//:wasi-http-0.2.6     the library, in a WORKSPACE as well as in a module
    @wasi_http_0.2.6                the repository behind it, fetched when it is first used
"""

load("//bazel/private:download.bzl", "reproducible")
load("//bazel/private:helper.bzl", "STAMP")
load("//bazel/private:helper_hub_repo.bzl", "helper_hub")
load("//bazel/private:helper_releases.bzl", "released_pins")
load("//bazel/private:helper_repo.bzl", "helper_repo")
load("//bazel/private:settings_repo.bzl", "settings_repo")
load("//bazel/private:wasi_table.bzl", "WASI_WIT")
load("//bazel/private:wit_request.bzl", "wit_request")
load(":wit_package.bzl", "RULES", "hub_label", "wit_archive")

def wasi_wit_dependencies():
    """Makes every WASI package and version available, as `@wasi_wit//:wasi-http-0.2.6`.

    For a WORKSPACE; in MODULE.bazel the extension `wit_packages` does this. A package is fetched
    when it is first used, and is pinned by SHA-256.
    """
    if not native.existing_rule("wasm_airgap_helper"):
        helper_repo(name = "wasm_airgap_helper", pins = released_pins())
    if not native.existing_rule("wasm_airgap_helpers"):
        helper_hub(released_pins())
    if not native.existing_rule("wasm_airgap_settings"):
        settings_repo(name = "wasm_airgap_settings", stamp = STAMP)
    request, _ = wit_request(WASI_WIT, [], [])
    wit_archives(WASI_WIT, RULES, {}, request)

def wit_archives(archives, rules, labels, request):
    """Creates a repository for each archive, and the hub.

    Args:
        archives: package, as in `wasi:http@0.2.6` -> the request for its archive, a dict.
        rules: the label of the `.bzl` file with `wit_library`.
        labels: packages that are not in `WASI_WIT` -> the labels of their libraries.
        request: the request for `vendor_all`, a dict.
    """
    for package, archive in archives.items():
        wit_archive(
            name = repository_name(package),
            labels = labels,
            package = package,
            request = json.encode({"packages": [archive], "schema_version": 1}),
            rules = rules,
        )
    wit_hub(
        name = "wasi_wit",
        labels = {package: library_label(repository_name(package), package) for package in archives},
        request = json.encode_indent(request, indent = "  ") + "\n",
    )

def library_label(repository, package):
    """Returns the label of the library of a package in its repository."""
    return "@{}//:{}".format(repository, package.split("@")[0].replace(":", "-"))

def repository_name(package):
    """Returns the name of the repository of a package: `wasi_http_0.2.6`."""
    return package.replace(":", "_").replace("@", "_")

def _wit_hub_impl(rctx):
    build = [_HEADER]
    for package, label in sorted(rctx.attr.labels.items()):
        build.append(_ALIAS.format(actual = label, name = hub_label(package).split(":")[1]))
    rctx.file("BUILD.bazel", "\n".join(build), executable = False)
    rctx.file("request.json", rctx.attr.request, executable = False)
    return reproducible(rctx)

_HEADER = """\
# Written by rules_wasm_airgap from its table of WASI packages and the tags in MODULE.bazel.

package(default_visibility = ["//visibility:public"])

exports_files(["request.json"])
"""

# The tag `manual` keeps `bazel build @wasi_wit//...` from fetching every version.
_ALIAS = """\
alias(
    name = "{name}",
    actual = "{actual}",
    tags = ["manual"],
)
"""

wit_hub = repository_rule(
    implementation = _wit_hub_impl,
    doc = "Names the libraries of WIT packages, and holds the list of packages that `vendor_all` vendors.",
    attrs = {
        "labels": attr.string_dict(
            doc = "Package -> the label of its library.",
            mandatory = True,
        ),
        "request": attr.string(doc = "The request for the helper, as JSON.", mandatory = True),
    },
)
