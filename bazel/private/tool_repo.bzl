"""A spoke: the repository that holds one tool for one platform.

    tool/           the content of the archive
    BUILD.bazel     the `wasm_tool` target `:toolchain`

The helper chooses the source of the archive and prints a plan. Bazel downloads it, so that the
repository cache, `--distdir`, the downloader config and `--repository_disable_download` keep
working. The helper verifies and extracts it.
"""

load(":download.bzl", "obtain", "plan", "reproducible")
load(":helper.bzl", "helper")
load(":platforms.bzl", "executable_name")

def _tool_repo_impl(rctx):
    run = helper(rctx, rctx.attr.stamp, rctx.attr.subject)
    item = plan(rctx, run, rctx.attr.request, ["--platform=" + rctx.attr.platform])
    _extract(rctx, run, item, obtain(rctx, item, rctx.attr.subject))
    rctx.delete("download")
    _emit(rctx, run, item)
    return reproducible(rctx)

def _extract(rctx, run, item, archive):
    arguments = [
        "extract",
        "--for-bazel",
        "--sha256=" + item["sha256"],
        "--type=" + item["archive"],
        "--subject=" + rctx.attr.subject,
    ]
    if item["archive"] == "none":
        main = rctx.attr.executables[0].split("/")[-1]
        arguments.append("--filename=" + executable_name(main, rctx.attr.platform))
    if item.get("strip_prefix") != None:
        arguments.append("--strip-prefix=" + item["strip_prefix"])
    arguments.extend(["--executable=" + path for path in rctx.attr.executables])
    run("extract", arguments + [archive, "tool"])

def _emit(rctx, run, item):
    arguments = [
        "emit",
        "tool",
        "--tool=" + item["tool"],
        "--version=" + item["version"],
        "--platform=" + item["platform"],
        "--rules=" + str(Label("//bazel:toolchain.bzl")),
    ]
    arguments.extend(["--executable=" + path for path in rctx.attr.executables])
    rctx.file("BUILD.bazel", run("describe", arguments + ["."]), executable = False)

tool_repo = repository_rule(
    implementation = _tool_repo_impl,
    doc = "Holds one tool for one platform, unpacked from an archive that is pinned by SHA-256.",
    attrs = {
        "executables": attr.string_list(
            mandatory = True,
            doc = "The executables in the archive, the main one first.",
        ),
        "platform": attr.string(
            mandatory = True,
            doc = "The platform on which the tool runs, as in `linux_amd64`.",
        ),
        "request": attr.string(
            mandatory = True,
            doc = "The request for the helper: JSON with this one tool.",
        ),
        "stamp": attr.label(
            mandatory = True,
            doc = "The helper's stamp file; the helper is in the same folder.",
        ),
        "subject": attr.string(
            mandatory = True,
            doc = "The name of the tool in messages, as in `wasm-tools 1.244.0 (linux_amd64)`.",
        ),
    },
)
