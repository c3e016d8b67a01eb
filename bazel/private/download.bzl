"""Downloading an item of the helper's plan by Bazel's own downloader.

In this way the repository cache, `--distdir`, the downloader config, credential helpers and
`--repository_disable_download` keep working.
"""

load("@bazel_tools//tools/build_defs/repo:utils.bzl", "parse_netrc", "use_netrc")
load(":helper.bzl", "fail_once")
load(":policy.bzl", "may_see_credentials")

def plan(rctx, run, request, arguments = [], hint = ""):
    """Asks the helper for the sources of the one file of a request.

    Args:
        rctx: the repository context.
        run: the function that `helper` returned.
        request: the request, as JSON.
        arguments: further arguments of `wasm-airgap plan`.
        hint: the advice in the message if the file is not found.

    Returns:
        The item of the plan, a dict.
    """
    rctx.file("download/request.json", request, executable = False)
    plan = run("find", [
        "plan",
        "--json",
        "--request=download/request.json",
        "--workspace=" + str(rctx.workspace_root),
        "--with-missing",
    ] + arguments)
    return dict(json.decode(plan)["items"][0], hint = hint)

def obtain(rctx, item, subject):
    """Returns the path of the file of a plan's item: a local file, or one downloaded into `download/`.

    Args:
        rctx: the repository context.
        item: the item that `plan` returned.
        subject: a name of the file, for messages.

    Returns:
        A path. The helper verifies the file when it uses it.
    """
    if item["path"]:
        return item["path"]
    output = "download/" + item["filename"]
    if not item["urls"]:
        if cached_only(rctx, item["filename"], output, item["sha256"]):
            return output
        fail_once(rctx, rctx.attr.stamp, "cannot find {}, neither in Bazel's repository cache nor in a `--distdir`\n{}\n{}".format(
            subject,
            item["failure"],
            item["hint"],
        ))
    result = rctx.download(
        item["urls"],
        output = output,
        sha256 = item["sha256"],
        auth = credentials(rctx, item["urls"]),
        allow_fail = True,
    )
    if not result.success:
        fail_once(rctx, rctx.attr.stamp, "cannot download {}; the warnings above have the reason for each address\n{}".format(
            subject,
            item["failure"],
        ))
    return output

def cached_only(rctx, filename, output, sha256, executable = False):
    """Copies a file from Bazel's repository cache or a `--distdir`, without a network.

    Bazel searches both before it uses an address. The address here names a file that does not
    exist.

    Args:
        rctx: the repository context.
        filename: the last part of its address, which is its name in a `--distdir`.
        output: its path in the repository.
        sha256: its SHA-256.
        executable: whether it is a program.

    Returns:
        Whether the file was found.
    """
    nowhere = str(rctx.path("not_downloaded_offline")).lstrip("/")
    return rctx.download(
        ["file:///{}/{}".format(nowhere, filename)],
        output = output,
        sha256 = sha256,
        executable = executable,
        allow_fail = True,
    ).success

def credentials(rctx, urls):
    """Returns the credentials that `rctx.download` sends to servers that ask for them.

    Args:
        rctx: the repository context.
        urls: the addresses.

    Returns:
        The user's credentials for the addresses, from netrc; none for plain http to another
        machine, because others on the network could read them.
    """
    return use_netrc(_netrc(rctx), [url for url in urls if may_see_credentials(url)], {})

def _netrc(rctx):
    """Returns the user's parsed netrc file, which is read without recording it as a dependency."""
    home = rctx.os.environ.get("HOME") or rctx.os.environ.get("USERPROFILE")
    name = rctx.os.environ.get("NETRC") or (home + "/.netrc" if home else "")
    if not name or not rctx.path(name).exists:
        return {}
    return parse_netrc(rctx.read(name, watch = "no"), name)

def reproducible(rctx, value = True):
    """Returns the metadata of a repository: whether the rule's attributes alone decide its content.

    Args:
        rctx: the repository context.
        value: whether the attributes alone decide it.

    Returns:
        The metadata, or None if this version of Bazel does not have `repo_metadata`.
    """
    return rctx.repo_metadata(reproducible = value) if hasattr(rctx, "repo_metadata") else None
