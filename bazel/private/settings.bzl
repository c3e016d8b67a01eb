"""The variables that set up the helper in repository rules, in actions and in `bazel run`."""

load("//bazel:providers.bzl", "WasmSettingsInfo")

# The variables that crates/airgap-core/src/environment.rs reads, except those that Bazel sets. A test compares both lists.
VARIABLES = [
    "ALL_PROXY",
    "APPDATA",
    "BAZEL_WASM_COMPONENT_MIRROR",
    "BAZEL_WASM_GITHUB_MIRROR",
    "BAZEL_WASM_MIRROR",
    "BAZEL_WASM_OFFLINE",
    "BAZEL_WASM_RETRY_SECONDS",
    "BAZEL_WASM_VENDOR_DIR",
    "BAZEL_WASM_WIT_VENDOR_DIR",
    "DOCKER_AUTH_CONFIG",
    "DOCKER_CONFIG",
    "HOME",
    "HTTPS_PROXY",
    "NETRC",
    "NO_PROXY",
    "PATH",
    "REGISTRY_AUTH_FILE",
    "SSL_CERT_DIR",
    "SSL_CERT_FILE",
    "USERPROFILE",
    "WKG_CONFIG_FILE",
    "XDG_CONFIG_HOME",
    "XDG_RUNTIME_DIR",
    "all_proxy",
    "http_proxy",
    "https_proxy",
    "no_proxy",
]

_REGISTRY = "WKG_REGISTRY_"

def is_setting(name):
    """Returns whether a variable is a setting of the helper, by its name or by the prefix of registries."""
    return name in VARIABLES or name.startswith(_REGISTRY)

# A limit above the length of a host name with a port, in characters.
_LONGEST_HOST = 256

def registry_variables(text):
    """Returns the names of the variables about the registries that a file names.

    Args:
        text: the content of MODULE.bazel or of a config file.

    Returns:
        A list of names, such as `WKG_REGISTRY_GHCR_IO_URL`, for each string in quotation marks
        that begins with a host, such as `ghcr.io/my-org/auth-service:v1.2.0`.
    """
    names = {}
    for word in text.replace("'", "\"").split("\""):
        host = word.split("://")[-1].split("/")[0]
        is_host = "." in host.strip(".") or ":" in host.strip(":")
        if not is_host or len(host) > _LONGEST_HOST or host.startswith("sha256:"):
            continue
        if [letter for letter in host.elems() if not (letter.isalnum() or letter in "-.:_")]:
            continue
        name = "".join([letter.upper() if letter.isalnum() else "_" for letter in host.elems()])
        for part in REGISTRY_PARTS:
            names[_REGISTRY + name + part] = None
    return list(names)

# The ends of the names of variables about a registry.
REGISTRY_PARTS = ["_AUTH_BEARER", "_TOKEN", "_URL"]

# The variable with the names, separated by commas, of variables that are written into the file
# although they may be secret.
SECRETS = "BAZEL_WASM_ACTION_SECRETS"

def named_secrets(environ):
    """Returns the names in `BAZEL_WASM_ACTION_SECRETS`.

    Args:
        environ: the environment, a dict.

    Returns:
        A list.
    """
    return [name.strip() for name in environ.get(SECRETS, "").split(",") if name.strip()]

def split_settings(environ, permitted = []):
    """Splits variables into those to write into a file and those to withhold as possibly secret.

    Args:
        environ: the variables, a dict.
        permitted: the names of variables to write although they may be secret.

    Returns:
        A pair: a dict of the variables to write, and a list of the names of the withheld ones.
    """
    variables = {}
    withheld = []
    for name, value in environ.items():
        value = value.strip()
        if not value:
            continue
        if name not in permitted and _may_be_secret(name, value):
            withheld.append(name)
        else:
            variables[name] = value
    return variables, withheld

def _may_be_secret(name, value):
    """Returns whether a value is a token, or an address with a user, a password or a signature."""
    if name == "DOCKER_AUTH_CONFIG" or name.startswith(_REGISTRY) and not name.endswith("_URL"):
        return True
    if name in ["NO_PROXY", "PATH", "no_proxy"]:
        return False

    # A proxy may be written without `https://` too.
    if "://" not in value and not name.lower().endswith("_proxy"):
        return False
    rests = [word.partition("://")[2] or word for word in value.split(",")]
    return any(["@" in rest.split("/")[0] or "?" in rest for rest in rests])

def action_environment(seen, shell):
    """Returns the variables that an action gets directly, not from the file.

    These are the variables to which `--action_env` gives a value, except those that the file has
    with the same value: an action that gets them runs again when one changes.

    Args:
        seen: the variables in the file, each with a hash of its value.
        shell: the variables that `--action_env` sets for all actions.

    Returns:
        A dict from name to value.
    """
    return {
        name: value
        for name, value in shell.items()
        if not is_setting(name) or seen.get(name) != str(hash(value.strip()))
    }

def _wasm_settings_impl(ctx):
    return [WasmSettingsInfo(
        file = ctx.file.file,
        helper = ctx.file.helper,
        seen = ctx.attr.seen,
    )]

wasm_settings = rule(
    implementation = _wasm_settings_impl,
    doc = "Provides the settings of the workspace to rules. `settings_repo` writes this rule.",
    attrs = {
        "file": attr.label(allow_single_file = True, mandatory = True, doc = "The settings."),
        "helper": attr.label(allow_single_file = True, mandatory = True, doc = "The helper beside it."),
        "seen": attr.string_dict(doc = "The variables in the file -> a hash of the value."),
    },
    provides = [WasmSettingsInfo],
)
