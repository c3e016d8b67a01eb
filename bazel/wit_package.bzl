"""Repositories that hold a WIT package.

    wit/            its `.wit` files
    BUILD.bazel     the `wit_library` target `:<namespace>-<name>`

A package comes from an archive with its sources (`wit_archive`), which Bazel downloads, or from a
package registry (`wit_package`), from which the helper fetches it, as Bazel lacks the protocol.
"""

load("//bazel/private:digest.bzl", "digest_problem")
load("//bazel/private:download.bzl", "obtain", "plan", "reproducible")
load("//bazel/private:helper.bzl", "STAMP", "fail_once", "helper")
load("//bazel/private:wasi_table.bzl", "WASI_WIT")

RULES = Label("//wit:defs.bzl")

def _wit_archive_impl(rctx):
    package = rctx.attr.package
    run = helper(rctx, rctx.attr.stamp, package)
    looked = _look_for_text(rctx, run)
    if not looked["adopted"]:
        item = plan(rctx, run, rctx.attr.request, hint = "\n".join(looked["remarks"]))
        run("unpack", [
            "wit",
            "unpack",
            "--request=download/request.json",
            obtain(rctx, item, package),
            "wit",
        ])
    rctx.delete("download")
    _emit(rctx, run, package)

    # A package that `[overrides]` replaces is not pinned.
    return reproducible(rctx, not looked.get("overridden", False))

def _look_for_text(rctx, run):
    """Takes the text from the path in `[overrides]`, or from a folder with exactly the archive's text."""
    rctx.file("download/request.json", rctx.attr.request, executable = False)
    return json.decode(run("look for", [
        "wit",
        "adopt",
        "--request=download/request.json",
        "--workspace=" + str(rctx.workspace_root),
        "wit",
    ]))

def _wit_package_impl(rctx):
    package = rctx.attr.package
    if "@" not in package:
        fail("`{}` has no version; expected a package such as `myorg:custom-api@1.0.0`".format(package))
    run = helper(rctx, rctx.attr.stamp, package)
    arguments = ["wit", "fetch", package, "--workspace=" + str(rctx.workspace_root)]
    if rctx.attr.registry:
        arguments.append("--registry=" + rctx.attr.registry)
    if rctx.attr.sha256:
        _check_sha256(rctx, package)
        fetched = json.decode(run("fetch", arguments + ["--sha256=" + rctx.attr.sha256, "--json", "wit"]))

        # A package that `[overrides]` replaces has no digest.
        is_pinned = bool(fetched["sha256"])
    else:
        # The helper prints a warning with the value to add, which the user must see.
        run("fetch", arguments + ["wit"], quiet = False)
        is_pinned = False
    _emit(rctx, run, package)
    return reproducible(rctx, is_pinned)

def _check_sha256(rctx, package):
    problem = digest_problem(rctx.attr.sha256)
    if problem:
        registry = " --registry " + rctx.attr.registry if rctx.attr.registry else ""
        fail_once(rctx, rctx.attr.stamp, ("the `sha256` of {} {}\n" +
                                          "  hint: to get the SHA-256, run\n        wasm-airgap wit pin {}{}\n" +
                                          "  hint: or leave out `sha256`: a warning then prints the value").format(package, problem, package, registry))

def _emit(rctx, run, package):
    labels = {package: str(Label(hub_label(package))) for package in WASI_WIT}
    labels.update(rctx.attr.labels)
    labels.update({package: str(label) for label, package in rctx.attr.deps.items()})
    arguments = ["emit", "wit", "--package=" + package, "--rules=" + str(rctx.attr.rules)]
    arguments += ["--dep={}={}".format(dep, label) for dep, label in labels.items() if dep != package]
    rctx.file("BUILD.bazel", run("describe", arguments + ["--folder=wit", "."]), executable = False)

def hub_label(package):
    """Returns the label of a WASI package in the hub: `@wasi_wit//:wasi-http-0.2.6`."""
    return "@wasi_wit//:" + package.replace(":", "-").replace("@", "-")

_ATTRS = {
    "deps": attr.label_keyed_string_dict(
        doc = "The library of each package that this one uses -> the package, as in " +
              "`myorg:types@1.0.0`. WASI packages need not be named.",
    ),
    "labels": attr.string_dict(
        doc = "The reverse map: package -> the label of its library. Only the extension sets it.",
    ),
    "package": attr.string(
        doc = "The package, as in `myorg:custom-api@1.0.0`.",
        mandatory = True,
    ),
    "rules": attr.label(
        default = RULES,
        doc = "The `.bzl` file that the BUILD file loads `wit_library` from.",
    ),
    "stamp": attr.label(
        default = STAMP,
        doc = "The helper's stamp file; the helper is in the same folder.",
    ),
}

wit_archive = repository_rule(
    implementation = _wit_archive_impl,
    doc = "Holds a WIT package whose sources are published as an archive that is pinned by SHA-256.",
    attrs = dict(
        _ATTRS,
        request = attr.string(
            doc = "The request for the helper: JSON with this one package.",
            mandatory = True,
        ),
    ),
)

wit_package = repository_rule(
    implementation = _wit_package_impl,
    doc = """Holds a WIT package from a package registry, a mirror or a vendor folder.

    wit_package = use_repo_rule("@rules_wasm_airgap//wit:defs.bzl", "wit_package")
    wit_package(
        name = "custom_api",
        package = "myorg:custom-api@1.0.0",
        registry = "ghcr.io/myorg",
        sha256 = "...",
    )

The library is `@custom_api//:myorg-custom-api`. In a WORKSPACE, call
`wasi_wit_dependencies()` first.""",
    attrs = dict(
        _ATTRS,
        registry = attr.string(
            doc = "The registry, as in `ghcr.io/myorg` or `wasi.dev`; by default the one in wkg's " +
                  "config file, otherwise the built-in one, for the namespace.",
        ),
        sha256 = attr.string(
            doc = "The SHA-256 of the published `.wasm`. Without a SHA-256 the package is fetched " +
                  "online only, with a warning that prints the value to add.",
        ),
    ),
)
