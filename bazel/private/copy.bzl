"""Copying a program into a repository."""

load(":execute.bzl", "execute_checked")

def copy_program(rctx, source, name):
    """Copies a program. A link out of the repository would break `bazel vendor` and the contents cache.

    Args:
        rctx: the repository context.
        source: the program, a path.
        name: its name in the repository.
    """
    if rctx.os.name.startswith("windows"):
        execute_checked(rctx, "copy the helper", ["cmd", "/c", "copy", str(source).replace("/", "\\"), name])
        return
    execute_checked(rctx, "copy the helper", ["cp", "-L", source, name])
    execute_checked(rctx, "make the helper executable", ["chmod", "755", name])
