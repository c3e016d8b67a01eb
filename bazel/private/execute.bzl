"""Running a program in a repository rule, with an error that says what went wrong."""

def fail_before_helper(rctx, words):
    """Fails where there is no helper yet, so that the whole message is read once.

    Bazel repeats what a repository rule fails with for each target that needs the repository, and
    puts a traceback before it. So the whole is printed, and the rule fails with its first line.

    Args:
        rctx: the repository context.
        words: the message.
    """
    words = words.strip()

    # Below the length that any system takes for an argument.
    script = ["/bin/sh", "-c", "printf 'error: %s\\n' \"$1\" >&2", "sh", words[:30000]]
    is_said = not rctx.os.name.startswith("windows") and not rctx.execute(script, quiet = False).return_code
    fail("{} (see the error above)".format(words.split("\n")[0].rstrip(":")) if is_said else words)

def execute_checked(rctx, action, arguments, hint = "", **kwargs):
    """Runs a program and fails with its own words where it fails.

    Args:
        rctx: the repository context.
        action: what is being done, as in "build the helper with cargo".
        arguments: the program and its arguments.
        hint: what to try next.
        **kwargs: passed to `rctx.execute`.

    Returns:
        What the program wrote to stdout.
    """
    result = rctx.execute(arguments, **kwargs)
    if result.return_code:
        words = (result.stderr or result.stdout).strip()
        fail_before_helper(rctx, "cannot {} (exit code {}):\n{}\n{}".format(action, result.return_code, words, hint))
    return result.stdout
