"""A helper that is pinned by SHA-256, from the vendor folder, a mirror or its upstream address."""

load(":copy.bzl", "copy_program")
load(":download.bzl", "cached_only", "credentials")
load(":execute.bzl", "fail_before_helper")
load(":module_name.bzl", "module_label")
load(":policy.bzl", "is_offline", "mirror_urls", "vendor_folder", "vendor_places")
load(":sha256.bzl", "sha256_of")

def take_pinned_helper(rctx, pin, platform, name, advice):
    """Brings a pinned helper into the repository; fails if no allowed source has it.

    Args:
        rctx: the repository context.
        pin: a struct with `version`, `sha256` and `url`.
        platform: the platform on which the helper runs, as in `linux_amd64`.
        name: the file name of the helper, here and in vendor folders.
        advice: the end of the message if no source has it.
    """
    path = "wasm-airgap/{}/{}/{}".format(pin.version, platform, name)
    environ = rctx.os.environ
    offline = policy_answer(rctx, is_offline(environ))
    urls = policy_answer(rctx, mirror_urls(environ, path, pin.url))
    _check_vendor_folder(rctx, environ)

    looked_at = []
    for place in vendor_places(environ, path):
        file = path_in_workspace(rctx, place)
        if file.exists:
            _verify(rctx, file, pin.sha256)
            copy_program(rctx, file, name)
            return
        looked_at.append("{}: not there".format(file))

    if offline:
        published = pin.url.split("?")[0].split("/")[-1] or name
        if cached_only(rctx, published, name, pin.sha256, executable = True):
            return
        looked_at.append("Bazel's repository cache, `--distdir`: {} is not there".format(published))
        looked_at.extend(["{}: not asked: BAZEL_WASM_OFFLINE is on".format(url) for url in urls])
    elif urls:
        result = rctx.download(
            urls,
            output = name,
            sha256 = pin.sha256,
            auth = credentials(rctx, urls),
            executable = True,
            allow_fail = True,
        )
        if result.success:
            return
        looked_at.extend(["{}: failed, see the warning above".format(url) for url in urls])
    fail_before_helper(rctx, "the pinned helper wasm-airgap {} ({}) was not found in any allowed source:\n  {}\n{}".format(
        pin.version,
        platform,
        "\n  ".join(looked_at),
        advice,
    ))

def policy_answer(rctx, answer):
    """Returns an answer of the policy; fails if it is a string, the problem of a variable.

    Args:
        rctx: the repository context.
        answer: the result of a function of `policy.bzl`.

    Returns:
        The answer.
    """
    if type(answer) == "string":
        fail_before_helper(rctx, answer)
    return answer

def _check_vendor_folder(rctx, environ):
    """Fails if the named vendor folder does not exist: a mount is missing, or the path is misspelt."""
    named = vendor_folder(environ)
    folder = path_in_workspace(rctx, named) if named else None
    if folder and not folder.is_dir:
        fail_before_helper(rctx, ("the vendor folder `{}` {}\n" +
                                  "  named by: BAZEL_WASM_VENDOR_DIR\n" +
                                  "  hint:     a relative path is relative to the workspace root; check the path and the mount\n" +
                                  "  hint:     to create it on an online machine, unset the variable and run\n" +
                                  "        bazel run {} -- --output-dir {}").format(
            folder,
            "is not a folder" if folder.exists else "does not exist",
            module_label(rctx, "//tools/vendor:helper"),
            folder,
        ))

def _verify(rctx, file, expected):
    """Fails unless the file has the SHA-256. No helper exists yet to check it."""
    found, failed = sha256_of(rctx, file)
    if not found:
        fail_before_helper(rctx, ("the pinned helper `{}` could not be hashed, so it is not used\n" +
                                  "  tried: {}\n" +
                                  "  hint:  put one of these programs on PATH, or name a helper that you trust by " +
                                  "--repo_env=BAZEL_WASM_HELPER=/path/to/wasm-airgap").format(file, "\n         ".join(failed)))
    if found != expected:
        fail_before_helper(rctx, ("the bytes of the helper are not the pinned ones\n" +
                                  "  source:   {}\n  expected: sha256:{}\n  found:    sha256:{}\n" +
                                  "  hint:     vendor it again, or pin this one in MODULE.bazel if you trust it").format(
            file,
            expected,
            found,
        ))

def path_in_workspace(rctx, text):
    """Returns a path from a setting; a relative one is relative to the workspace root.

    Args:
        rctx: the repository context.
        text: the path in the setting.

    Returns:
        A path.
    """
    is_relative = not text.startswith("/") and text[1:2] != ":"
    return rctx.workspace_root.get_child(*text.split("/")) if is_relative else rctx.path(text)

def helper_build_file(name, files = []):
    """Returns the BUILD file of a repository with a helper.

    Args:
        name: the file name of the helper.
        files: other files that are visible.

    Returns:
        The text, with the targets `helper` and `toolchain`.
    """
    return _BUILD.format(
        files = [name] + files,
        name = name,
        rules = Label("//bazel/private:helper_toolchain.bzl"),
    )

_BUILD = """\
load("{rules}", "wasm_helper_toolchain")

package(default_visibility = ["//visibility:public"])

exports_files({files})

filegroup(
    name = "helper",
    srcs = ["{name}"],
)

wasm_helper_toolchain(
    name = "toolchain",
    helper = "{name}",
)
"""
