"""Running the helper in a repository rule."""

load(":execute.bzl", "execute_checked")
load(":platforms.bzl", "executable_name")

STAMP = Label("@wasm_airgap_helper//:stamp")

def helper(rctx, stamp, subject):
    """A function that runs the helper.

    The stamp is a recorded dependency and the binary beside it is not. The variables are read
    untracked: they say where pinned bytes come from and do not change them, and what was fetched
    online must stay valid offline.

    Args:
        rctx: the repository context.
        stamp: the label of the helper's stamp file; the helper lies beside it.
        subject: what the repository holds, for messages.

    Returns:
        A function of an action, as in "find", a list of arguments, whether the person need not see
        what the helper says, and what to add where it fails; it gives what the helper wrote to
        stdout.
    """
    file = rctx.path(stamp)
    rctx.read(file)
    name = executable_name("wasm-airgap", "windows" if rctx.os.name.startswith("windows") else "")
    program = file.dirname.get_child(name)

    # The whole environment, so that `--repo_env` reaches the helper for every variable.
    environ = dict(rctx.os.environ)

    # Messages name this module as this workspace does, and commands for its users.
    environ["BAZEL_WASM_WORKSPACE"] = str(rctx.workspace_root)

    def run(action, arguments, quiet = True, hint = ""):
        action = "{} {}".format(action, subject)
        return execute_checked(
            rctx,
            action,
            [program] + arguments,
            environment = environ,
            hint = hint,
            quiet = quiet,
        )

    return run
