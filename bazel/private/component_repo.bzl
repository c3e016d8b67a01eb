"""The repository that holds a component.

    <component>.wasm    the component, verified
    BUILD.bazel         the target `:<repository's name in MODULE.bazel>`
"""

load(":digest.bzl", "digest_problem")
load(":download.bzl", "reproducible")
load(":helper.bzl", "STAMP", "fail_once", "helper")

def _component_repo_impl(rctx):
    run = helper(rctx, rctx.attr.stamp, rctx.attr.reference)
    file = rctx.attr.component + ".wasm"
    arguments = [
        "component",
        "fetch",
        "--reference=" + rctx.attr.reference,
        "--name=" + rctx.attr.component,
        "--workspace=" + str(rctx.workspace_root),
    ]
    if rctx.attr.digest:
        problem = digest_problem(rctx.attr.digest)
        if problem:
            fail_once(rctx, rctx.attr.stamp, ("the `digest` of {} {}\n" +
                                              "  hint: to get the digest, run\n        wasm-airgap component pin {}").format(
                rctx.attr.reference,
                problem,
                rctx.attr.reference,
            ))
        arguments.append("--digest=" + rctx.attr.digest)
    for index, content in enumerate(rctx.attr.registry):
        path = "registry/{}.json".format(index)
        rctx.file(path, content, executable = False)
        arguments.append("--registry=" + path)

    # Without a pin, the helper prints a warning with the digest to add, which the user must see.
    run("fetch", arguments + [file], quiet = rctx.attr.pinned)
    rctx.delete("registry")
    rctx.file("BUILD.bazel", _BUILD.format(
        digest = rctx.attr.digest,
        file = file,
        name = rctx.attr.target,
        reference = rctx.attr.reference,
        rules = Label("//bazel:component.bzl"),
    ), executable = False)
    return reproducible(rctx, rctx.attr.pinned)

_BUILD = """\
# Written by rules_wasm_airgap for {reference}.

load("{rules}", "wasm_component_file")

package(default_visibility = ["//visibility:public"])

exports_files(["{file}"])

wasm_component_file(
    name = "{name}",
    src = "{file}",
    digest = "{digest}",
    reference = "{reference}",
)
"""

component_repo = repository_rule(
    implementation = _component_repo_impl,
    doc = "Holds a component from an OCI registry, a mirror or a vendor folder.",
    attrs = {
        "component": attr.string(mandatory = True, doc = "The component's name, which is also the name of its file in vendor folders."),
        "digest": attr.string(doc = "The digest that pins the component: the manifest's or the content's."),
        "pinned": attr.bool(mandatory = True, doc = "Whether a digest or the checksum registry pins the component."),
        "reference": attr.string(mandatory = True, doc = "The reference of the component, as in `ghcr.io/my-org/auth-service:v1.2.0`."),
        "registry": attr.string_list(
            doc = "The checksum registry files about the component, as JSON. A changed pin makes Bazel fetch it again.",
        ),
        "stamp": attr.label(default = STAMP, doc = "The helper's stamp file; the helper is in the same folder."),
        "target": attr.string(mandatory = True, doc = "The name of the target."),
    },
)

def _component_hub_impl(rctx):
    rctx.file("BUILD.bazel", 'exports_files(["request.json"])\n', executable = False)
    rctx.file("request.json", rctx.attr.request, executable = False)
    return reproducible(rctx)

component_hub = repository_rule(
    implementation = _component_hub_impl,
    doc = "Holds the list of components in MODULE.bazel, which `vendor_all` vendors.",
    attrs = {"request": attr.string(mandatory = True, doc = "The request for the helper, as JSON.")},
)
