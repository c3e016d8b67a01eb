"""The module extension that provides WIT packages.

    wit = use_extension("@rules_wasm_airgap//bazel:wit.bzl", "wit_packages")
    wit.package(name = "custom_api", package = "myorg:custom-api@1.0.0", registry = "ghcr.io/myorg", sha256 = "...")
    use_repo(wit, "custom_api", "wasi_wit")

`@wasi_wit//:wasi-http-0.2.6` needs no tag, like every WASI package and version in `checksums/wit`;
a package that no build uses is not fetched.
"""

load("//bazel:wasi_wit.bzl", "library_label", "wit_archives")
load("//bazel:wit_package.bzl", "RULES", "hub_label", "wit_package")
load("//bazel/private:asked.bzl", "asked_by", "contradiction", "one_each", "pin")
load("//bazel/private:direct_deps.bzl", "extension_metadata")
load("//bazel/private:wasi_table.bzl", "WASI_WIT")
load("//bazel/private:wit_request.bzl", "wit_request")

def _wit_packages_impl(mctx):
    archives = dict(WASI_WIT)
    pins = _pins(None, WASI_WIT)
    for module in reversed(mctx.modules):
        for tag in module.tags.registry:
            own = _archives(mctx, tag.file)
            archives.update(own)
            pins.extend(_pins(module, own))
    problem = contradiction("archives", pins)
    if problem:
        fail(problem)
    rules = RULES
    for module in mctx.modules:
        # Only the root module decides which rules the generated BUILD files of all modules load.
        for tag in module.tags.rules if module.is_root else []:
            rules = tag.file

    asked = asked_by(mctx.modules, lambda module: module.tags.package, _wish)
    tags, problem = one_each("WIT packages", asked, "Give one of the two another name.")
    if problem:
        fail(problem)

    # A vendored package has one folder, even if it has several repositories.
    by_package = [
        struct(module = it.module, name = it.tag.package, tag = it.tag, wish = "the SHA-256 " + it.tag.sha256)
        for it in asked
        if it.tag.sha256
    ]
    _, problem = one_each("contents", by_package, "Pin the same in both.")
    if problem:
        fail(problem)
    labels = {package: hub_label(package) for package in archives if package not in WASI_WIT}
    labels.update({tag.package: library_label(tag.name, tag.package) for tag in tags.values()})
    wanted = [package for module in mctx.modules for tag in module.tags.vendor for package in tag.packages]
    request, problem = wit_request(archives, tags.values(), wanted)
    if problem:
        fail(problem)
    wit_archives(archives, rules, labels, request)
    for tag in tags.values():
        wit_package(
            name = tag.name,
            labels = labels,
            package = tag.package,
            registry = tag.registry,
            rules = rules,
            sha256 = tag.sha256,
        )
    return extension_metadata(mctx, hubs = ["wasi_wit"], tags = lambda module: module.tags.package)

def _pins(module, archives):
    """Returns the pins of a registry file, for `contradiction`."""
    return [pin(module, package, archive["archive"]["sha256"]) for package, archive in archives.items()]

def _wish(tag):
    """Returns the request of a tag in words."""
    return "{} from {} {}".format(
        tag.package,
        tag.registry or "the configured registry",
        "with the SHA-256 " + tag.sha256 if tag.sha256 else "without a SHA-256",
    )

def _archives(mctx, file):
    """Returns the archives that a registry file pins."""
    registry = json.decode(mctx.read(mctx.path(file)), default = None)
    if type(registry) != "dict" or "package" not in registry or "versions" not in registry:
        fail("`{}` is not a registry file of a WIT package; the format is in checksums/wit.schema.json".format(file))
    archives = {}
    for version, published in registry["versions"].items():
        if "archive" in published:
            package = "{}@{}".format(registry["package"], version)
            archives[package] = {
                "archive": published["archive"],
                "package": package,
                "wit_dir": published.get("wit_dir", "wit"),
            }
            if "tree" in published:
                archives[package]["tree"] = published["tree"]
    return archives

_package = tag_class(
    doc = "Asks for a package from a package registry.",
    attrs = {
        "name": attr.string(mandatory = True, doc = "The name of the repository."),
        "package": attr.string(mandatory = True, doc = "The package, as in `myorg:custom-api@1.0.0`."),
        "registry": attr.string(
            doc = "The registry, as in `ghcr.io/myorg`; by default the one in wkg's config file, otherwise the built-in one.",
        ),
        "sha256": attr.string(
            doc = "The SHA-256 of the published `.wasm`. Without a SHA-256 the package is fetched " +
                  "online only, with a warning that prints the value to add.",
        ),
    },
)

_registry = tag_class(
    doc = "Adds a registry file of your own, in the form of `checksums/wit/*.json`.",
    attrs = {"file": attr.label(mandatory = True, doc = "The registry file.")},
)

_rules = tag_class(
    doc = "Lets the generated BUILD files load `wit_library` from another file. Only the tag of the root module has an effect.",
    attrs = {"file": attr.label(mandatory = True, doc = "The `.bzl` file.")},
)

_vendor = tag_class(
    doc = "Lists the packages that `vendor_all` vendors, with their dependencies. Without this tag it vendors all of `@wasi_wit`.",
    attrs = {"packages": attr.string_list(mandatory = True, doc = "Packages, as in `wasi:http@0.2.6`.")},
)

wit_packages = module_extension(
    implementation = _wit_packages_impl,
    doc = "Provides WIT packages: WASI packages in `@wasi_wit`, and others by tag.",
    tag_classes = {"package": _package, "registry": _registry, "rules": _rules, "vendor": _vendor},
)
