"""Copying a program into a repository, and out of it."""

load(":execute.bzl", "execute_checked")

def copy_program(rctx, source, name):
    """Copies a program. A link out of the repository would break `bazel vendor` and the contents cache.

    Args:
        rctx: the repository context.
        source: the program, a path.
        name: its name in the repository.
    """
    if rctx.os.name.startswith("windows"):
        execute_checked(rctx, "copy the helper", _batch(rctx, "copy"), environment = {
            "WASM_AIRGAP_FROM": windows_path(source),
            "WASM_AIRGAP_TO": name,
        })
        rctx.delete(_BATCH)
        return
    execute_checked(rctx, "copy the helper", ["cp", "-L", source, name])
    execute_checked(rctx, "make the helper executable", ["chmod", "755", name])

def keep_program(rctx, source, target):
    """Copies a program to a place outside of the repository. It gets its name when it is complete.

    Args:
        rctx: the repository context.
        source: the program, a path.
        target: the new path, which may exist; its folder may be missing.

    Returns:
        The result of the program that copied it, such as its exit code.
    """
    if not rctx.os.name.startswith("windows"):
        # Two workspaces may write it at the same time.
        return rctx.execute(["sh", "-c", _KEEP, "sh", source, target])
    result = rctx.execute(_batch(rctx, "keep"), environment = {
        "WASM_AIRGAP_FOLDER": windows_path(target).rsplit("\\", 1)[0],
        "WASM_AIRGAP_FROM": windows_path(source),
        "WASM_AIRGAP_TO": windows_path(target),
    })
    rctx.delete(_BATCH)
    return result

def windows_path(path):
    """Returns the path as programs of Windows write it, with backslashes."""
    return str(path).replace("/", "\\")

_KEEP = """set -e; umask 077; mkdir -p "$(dirname "$2")"
part=$(mktemp "$2.XXXXXX"); trap 'rm -f "$part"' EXIT
cp "$1" "$part"; chmod 755 "$part"; mv -f "$part" "$2"
"""

_BATCH = "command.bat"

def _batch(rctx, name):
    """Writes a file of commands for cmd.exe, and returns the command line that runs it.

    `copy` joins files at a plus, which is in the names of Bazel's repositories, unless the path is in
    quotes; and Bazel puts only arguments with spaces into quotes. So the file has the quotes, and the
    paths are variables.
    """
    text = rctx.read(Label("//bazel/private:{}.bat".format(name)))
    rctx.file(_BATCH, text.replace("\r", "").replace("\n", "\r\n"), executable = False)
    return ["cmd", "/d", "/c", ".\\" + _BATCH]
