"""Running a program in a repository rule, with an error that has the program's own message."""

def fail_before_helper(rctx, words):
    """Fails before there is a helper, so that the whole message is shown once.

    Bazel repeats the message of a failed repository rule for each target that needs the repository,
    and puts a traceback before it. So the whole message is printed, and the rule fails with its
    first line.

    Args:
        rctx: the repository context.
        words: the message.
    """
    words = words.strip()

    # 30000 characters are below every system's limit for the length of an argument.
    script = ["/bin/sh", "-c", "printf 'error: %s\\n' \"$1\" >&2", "sh", words[:30000]]
    is_said = not rctx.os.name.startswith("windows") and not rctx.execute(script, quiet = False).return_code
    fail("{} (see the error above)".format(words.split("\n")[0].rstrip(":")) if is_said else words)

def execute_checked(rctx, action, arguments, hint = "", **kwargs):
    """Runs a program; fails with the program's own message if the program fails.

    Args:
        rctx: the repository context.
        action: the action, for messages, as in "build the helper with cargo".
        arguments: the program and its arguments.
        hint: the advice in the message.
        **kwargs: passed to `rctx.execute`.

    Returns:
        The program's stdout.
    """
    result = rctx.execute(arguments, **kwargs)
    if result.return_code:
        words = (result.stderr or result.stdout).strip()
        fail_before_helper(rctx, "cannot {} (exit code {}):\n{}\n{}".format(action, result.return_code, words, hint))
    return result.stdout
