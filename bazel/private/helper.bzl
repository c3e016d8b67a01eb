"""Running the helper in a repository rule."""

load(":platforms.bzl", "executable_name")

STAMP = Label("@wasm_airgap_helper//:stamp")

def helper(rctx, stamp, subject):
    """Returns a function that runs the helper.

    Bazel records the stamp as a dependency, but not the binary beside it. The variables are read
    untracked: they select the sources of pinned bytes and do not change the bytes. A repository that was
    fetched online must stay valid offline.

    Args:
        rctx: the repository context.
        stamp: the label of the helper's stamp file; the helper is in the same folder.
        subject: a name of the repository's content, for messages.

    Returns:
        A function of an action, as in "find"; a list of arguments; whether to hide the helper's
        messages; and a hint that is added to a failure. It returns the helper's stdout.
    """
    program = _program(rctx, stamp)
    rctx.read(rctx.path(stamp))

    # All variables are passed, so that `--repo_env` reaches the helper for each of them.
    environ = dict(rctx.os.environ)

    environ.update(_workspace(rctx))

    def run(action, arguments, quiet = True, hint = ""):
        result = rctx.execute([program] + arguments, environment = environ, quiet = quiet)
        if result.return_code:
            words = (result.stderr or result.stdout).strip().removeprefix("error: ")
            if not words:
                words = "cannot {} {} (exit code {})".format(action, subject, result.return_code)
            fail_once(rctx, stamp, words + ("\n" + hint if hint else ""), said = not quiet)
        return result.stdout

    return run

def fail_once(rctx, stamp, words, said = False):
    """Fails so that the whole message is shown once, with the cause first.

    Bazel repeats the message of a failed repository rule for each target that needs the repository,
    and puts a traceback before it. So the whole message is printed, and the rule fails with its
    first line.

    Args:
        rctx: the repository context.
        stamp: the label of the helper's stamp file.
        words: the message.
        said: whether the message was printed already.
    """
    first = words.split("\n")[0].rstrip(":")
    if not said:
        # 30000 characters are below every system's limit for the length of an argument.
        say = [_program(rctx, stamp), "say", words[:30000]]
        said = not rctx.execute(say, environment = _workspace(rctx), quiet = False).return_code
    fail("{} (see the error above)".format(first) if said else words)

def _workspace(rctx):
    """Returns the variable that lets messages use this workspace's name for this module, and its commands."""
    return {"BAZEL_WASM_WORKSPACE": str(rctx.workspace_root)}

def _program(rctx, stamp):
    name = executable_name("wasm-airgap", "windows" if rctx.os.name.startswith("windows") else "")
    return rctx.path(stamp).dirname.get_child(name)
