"""Where bytes may come from, for the one file that is needed before the helper is there: itself.

Everything else asks the helper. The rules are those of src/policy.rs; tests/vectors holds both to
the same answers.
"""

_ON = ["1", "true", "yes", "on"]
_OFF = ["", "0", "false", "no", "off"]

# Folders in the workspace that need no setting.
_WORKSPACE_FOLDERS = ["third_party/toolchains", "vendor/toolchains"]

def is_offline(environ):
    """Whether only what needs no network may be used.

    Args:
        environ: the environment, a dict.

    Returns:
        True or False, or a string that says what is wrong with the variable.
    """
    value = environ.get("BAZEL_WASM_OFFLINE", "").strip()
    if value.lower() in _ON:
        return True
    if value.lower() in _OFF:
        return False
    return ("`BAZEL_WASM_OFFLINE` is neither on nor off: found `{}`, expected " +
            "1, true, yes or on; 0, false, no, off or nothing").format(value)

def vendor_places(environ, path):
    """The places where a vendored file may lie, in order, relative to the workspace or absolute.

    Args:
        environ: the environment, a dict.
        path: `{tool}/{version}/{platform}/{filename}`.

    Returns:
        A list of paths.
    """
    folder = environ.get("BAZEL_WASM_VENDOR_DIR", "").strip()
    named = [folder + "/toolchains", folder] if folder else []
    return ["{}/{}".format(place, path) for place in named + _WORKSPACE_FOLDERS]

def mirror_urls(environ, path, upstream):
    """The addresses of a file, in order.

    Args:
        environ: the environment, a dict.
        path: `{tool}/{version}/{platform}/{filename}`.
        upstream: the upstream address, or the empty string where there is none.

    Returns:
        A list of URLs, with the mirrors' and upstream's in the order of `BAZEL_WASM_MIRROR`.
    """
    words = [word.strip() for word in environ.get("BAZEL_WASM_MIRROR", "").split(",")]
    words = [word for word in words if word] or ["direct"]
    github = environ.get("BAZEL_WASM_GITHUB_MIRROR", "").strip().rstrip("/")
    if github and upstream.startswith("https://github.com/"):
        upstream = github + upstream[len("https://github.com"):]
    urls = []
    for word in words:
        if word != "direct":
            urls.append("{}/{}".format(word.rstrip("/"), path))
        elif upstream:
            urls.append(upstream)
    return urls
