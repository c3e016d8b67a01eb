"""Running a program in a repository rule, with an error that says what went wrong."""

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
        fail("cannot {} (exit code {}):\n{}\n{}".format(action, result.return_code, words, hint))
    return result.stdout
