"""The policy of sources for the helper itself, which is needed before a helper can run.

All other code asks the helper. The rules are those of crates/airgap-config/src/policy.rs; tests/vectors
tests that both have the same meaning of `BAZEL_WASM_OFFLINE` and `BAZEL_WASM_MIRROR`.
"""

_ON = ["1", "true", "yes", "on"]
_OFF = ["", "0", "false", "no", "off"]

# The word for upstream in a list of mirrors.
_DIRECT = "direct"

# Folders in the workspace that need no setting.
_WORKSPACE_FOLDERS = ["third_party/toolchains", "vendor/toolchains"]

def is_offline(environ):
    """Returns whether only sources that need no network may be used.

    Args:
        environ: the environment, a dict.

    Returns:
        True or False, or a string with the problem of the variable.
    """
    value = environ.get("BAZEL_WASM_OFFLINE", "").strip()
    if value.lower() in _ON:
        return True
    if value.lower() in _OFF:
        return False
    problem = ("`BAZEL_WASM_OFFLINE` must be on or off: found `{}`, expected " +
               "1, true, yes or on; or 0, false, no, off or empty").format(value)
    if value.lower() == "prefer":
        problem += "; unset it: vendor folders are always searched first, and the network is used for the rest"
    return problem

def vendor_folder(environ):
    """Returns the vendor folder in `BAZEL_WASM_VENDOR_DIR`, which must exist; empty if none is named.

    Args:
        environ: the environment, a dict.

    Returns:
        A path, relative to the workspace or absolute.
    """
    return environ.get("BAZEL_WASM_VENDOR_DIR", "").strip()

def vendor_places(environ, path):
    """Returns the possible paths of a vendored file, in order, relative to the workspace or absolute.

    Args:
        environ: the environment, a dict.
        path: `{tool}/{version}/{platform}/{filename}`.

    Returns:
        A list of paths.
    """
    folder = vendor_folder(environ)
    named = [folder + "/toolchains", folder] if folder else []
    return ["{}/{}".format(place, path) for place in named + _WORKSPACE_FOLDERS]

def mirrors(environ):
    """Returns the mirrors to try, in order.

    Args:
        environ: the environment, a dict.

    Returns:
        A list of the mirrors' addresses, with `direct` for upstream; or a string with the
        problem of the variable. An invalid value never silently means upstream.
    """
    value = environ.get("BAZEL_WASM_MIRROR", "").strip()
    if not value:
        return [_DIRECT]
    found = []
    for word in [word.strip() for word in value.split(",")]:
        problem = _address_problem("BAZEL_WASM_MIRROR", word) if word and word != _DIRECT else None
        if problem:
            return problem
        if word:
            found.append(word.rstrip("/"))
    return found or ("`BAZEL_WASM_MIRROR` does not name a mirror: found `{}`, " +
                     "expected URLs separated by commas, optionally with `direct` at the end").format(value)

def mirror_urls(environ, path, upstream):
    """Returns the addresses of a file, in order.

    Args:
        environ: the environment, a dict.
        path: `{tool}/{version}/{platform}/{filename}`.
        upstream: the upstream address, or the empty string if there is none.

    Returns:
        A list of URLs, with the mirrors' and upstream's in the order of `BAZEL_WASM_MIRROR`; or a
        string with the problem of a variable.
    """
    words = mirrors(environ)
    if type(words) == "string":
        return words
    github = environ.get("BAZEL_WASM_GITHUB_MIRROR", "").strip().rstrip("/")
    problem = _address_problem("BAZEL_WASM_GITHUB_MIRROR", github) if github else None
    if problem:
        return problem
    if github and upstream.startswith("https://github.com/"):
        upstream = github + upstream[len("https://github.com"):]
    urls = [upstream if word == _DIRECT else "{}/{}".format(word, path) for word in words]
    return [url for url in urls if url]

def may_see_credentials(url):
    """Returns whether credentials may be sent with a request: by https, or by plain http to this machine.

    Args:
        url: the address.

    Returns:
        A bool.
    """
    scheme, _, rest = url.partition("://")
    if scheme.lower() == "https":
        return True
    if scheme.lower() != "http":
        return False
    authority = rest.split("/")[0].split("?")[0].split("#")[0].split("\\")[0].split("@")[-1].lower()
    if authority == "[::1]" or authority.startswith("[::1]:"):
        return True
    host = authority.split(":")[0]
    numbers = host.split(".")
    return host == "localhost" or (
        len(numbers) == 4 and numbers[0] == "127" and all([it.isdigit() for it in numbers])
    )

def _address_problem(name, value):
    """Returns the problem of an address to which paths will be added, or None."""
    scheme, _, rest = value.partition("://")
    host = rest.split("/")[0]

    # A password or a signature must not be printed, not even in the message about it.
    shown = value.split("@")[-1].split("?")[0].split("#")[0]
    if "@" in host:
        problem = "it contains a user name or password, which would be printed and stored; put them into your netrc file"
    elif scheme.lower() not in ["https", "http", "file"]:
        problem = "`{}` does not start with https://, http:// or file://".format(shown)
    elif " " in value or not (host or scheme.lower() == "file"):
        problem = "`{}` does not contain a host".format(shown)
    elif "?" in value or "#" in value:
        problem = "`{}` has a query or fragment, so no path can be added to it".format(shown)
    else:
        return None
    return "`{}` does not contain a usable URL: {}; expected one such as `https://mirror.example.com/tools`".format(
        name,
        problem,
    )
