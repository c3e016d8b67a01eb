"""A spoke: the repository that holds one tool for one platform.

    tool/           what the archive holds
    BUILD.bazel     the `wasm_tool` target `:toolchain`

The helper decides where the archive comes from and prints a plan; Bazel downloads it, so that the
repository cache, `--distdir`, the downloader config and `--repository_disable_download` keep
working; the helper verifies and extracts it.
"""

load("@bazel_tools//tools/build_defs/repo:utils.bzl", "parse_netrc", "use_netrc")
load(":execute.bzl", "execute_checked")
load(":platforms.bzl", "executable_name")

def _tool_repo_impl(rctx):
    run = _helper(rctx)
    item = _plan(rctx, run)
    archive = item["path"] or _download(rctx, item)
    _extract(rctx, run, item, archive)
    rctx.delete("download")
    _emit(rctx, run, item)
    return rctx.repo_metadata(reproducible = True) if hasattr(rctx, "repo_metadata") else None

def _helper(rctx):
    """A function that runs the helper.

    The stamp is a recorded dependency and the binary beside it is not. The variables are read
    untracked: they say where pinned bytes come from and do not change them, and what was fetched
    online must stay valid offline.
    """
    stamp = rctx.path(rctx.attr.stamp)
    rctx.read(stamp)
    name = executable_name("wasm-airgap", "windows" if rctx.os.name.startswith("windows") else "")
    helper = stamp.dirname.get_child(name)
    environ = {name: value for name, value in rctx.os.environ.items() if name.startswith("BAZEL_WASM_")}

    def run(action, arguments):
        action = "{} {}".format(action, rctx.attr.subject)
        return execute_checked(rctx, action, [helper] + arguments, environment = environ, quiet = True)

    return run

def _plan(rctx, run):
    rctx.file("download/request.json", rctx.attr.request, executable = False)
    plan = run("find", [
        "plan",
        "--json",
        "--request=download/request.json",
        "--platform=" + rctx.attr.platform,
        "--workspace=" + str(rctx.workspace_root),
    ])
    return json.decode(plan)["items"][0]

def _download(rctx, item):
    output = "download/" + item["filename"]
    result = rctx.download(
        item["urls"],
        output = output,
        sha256 = item["sha256"],
        auth = use_netrc(_netrc(rctx), item["urls"], {}),
        allow_fail = True,
    )
    if not result.success:
        fail("cannot download {}; the warnings above say why each address failed\n{}".format(
            rctx.attr.subject,
            item["failure"],
        ))
    return output

def _netrc(rctx):
    """The user's credentials, read without recording the file as a dependency."""
    home = rctx.os.environ.get("HOME") or rctx.os.environ.get("USERPROFILE")
    name = rctx.os.environ.get("NETRC") or (home + "/.netrc" if home else "")
    if not name or not rctx.path(name).exists:
        return {}
    return parse_netrc(rctx.read(name, watch = "no"), name)

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
            doc = "The helper's stamp file; the helper lies beside it.",
        ),
        "subject": attr.string(
            mandatory = True,
            doc = "What this is, for messages: `wasm-tools 1.244.0 (linux_amd64)`.",
        ),
    },
)
