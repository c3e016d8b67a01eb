"""The user's cache of helpers that were built from sources.

One build serves all workspaces of a user, and outlives `bazel clean --expunge`. A binary is in a
folder whose name is the SHA-256 of all its inputs: the sources, the compiler, and the flags in the
environment. The build is reproducible, so a cached binary has the same bytes as a new one.
"""

load(":copy.bzl", "keep_program")
load(":sha256.bzl", "sha256_of")

# Folders and files of the sources. A change of one changes the helper. `rust-toolchain.toml` may be
# missing.
HELPER_SOURCES = [".cargo", "Cargo.lock", "Cargo.toml", "checksums", "crates", "rust-toolchain.toml", "src"]

# Variables that change what cargo builds.
_FLAGS = ["CARGO_BUILD_TARGET", "CARGO_ENCODED_RUSTFLAGS", "RUSTC", "RUSTC_WRAPPER", "RUSTFLAGS"]

# A limit above the number of the source files.
_MOST_FILES = 100000

def cached_helper(rctx, root, name):
    """Returns the path of the helper in the user's cache.

    Args:
        rctx: the repository context.
        root: the folder of the helper's sources, a path.
        name: the file name of the helper.

    Returns:
        A path, at which a file may exist; or None if there is no home folder, if `rustc` does not
        print its version, or if no program can compute a SHA-256.
    """
    cache = _cache(rctx.os.environ)
    rustc = rctx.which("rustc")
    if not cache or not rustc:
        return None
    version = rctx.execute([rustc, "-vV"], working_directory = str(root))
    if version.return_code:
        return None
    words = [version.stdout] + ["{}={}".format(flag, rctx.os.environ.get(flag, "")) for flag in _FLAGS]
    for path in _files(root):
        content = rctx.read(path, watch = "no")
        words.append("{} {}\n{}".format(str(path).removeprefix(str(root)), len(content), content))
    rctx.file("sources", "\n".join(words), executable = False)
    key, _ = sha256_of(rctx, rctx.path("sources"))
    rctx.delete("sources")
    return rctx.path("{}/helper/{}/{}".format(cache, key, name)) if key else None

def keep_helper(rctx, built, place):
    """Puts a helper into the cache. A failure is ignored: a helper that is not kept is built again.

    Args:
        rctx: the repository context.
        built: the helper, a path.
        place: the path that `cached_helper` returned.
    """
    keep_program(rctx, built, place)

def _cache(environ):
    cache = environ.get("XDG_CACHE_HOME", "")
    home = environ.get("HOME") or environ.get("USERPROFILE")
    if not _is_absolute(cache):
        cache = home + "/.cache" if home else ""
    return cache + "/rules_wasm_airgap" if _is_absolute(cache) else ""

def _is_absolute(path):
    return path.startswith("/") or path[1:2] == ":"

def _files(root):
    """Returns all source files, in the order of their paths."""
    files = []
    todo = [root.get_child(name) for name in HELPER_SOURCES]
    for _ in range(_MOST_FILES):
        if not todo:
            break
        path = todo.pop()
        if path.is_dir:
            todo.extend(path.readdir(watch = "no"))
        elif path.exists:
            files.append(path)
    return sorted(files, key = str)
