"""The repository with the settings of the workspace, for the helper in actions and in `bazel run`.

    settings.json   the variables that are set, and the workspace root
    wasm-airgap     a copy of the helper, which finds the file beside itself
    BUILD.bazel     the target `:settings`

Only the copy is an input of an action, so the variables are not in the action's key. A component
with a digest is not fetched again when a variable changes; the action reads them when it runs.

The repository is `local`: Bazel never vendors it, and creates it again when a variable changes.
"""

load(":copy.bzl", "copy_program")
load(":download.bzl", "reproducible")
load(":execute.bzl", "execute_checked")
load(":platforms.bzl", "executable_name")
load(":settings.bzl", "REGISTRY_PARTS", "SECRETS", "VARIABLES", "is_setting", "named_secrets", "registry_variables", "split_settings")

# Registries whose variables are noticed when a shell sets them for the first time, beside those that
# MODULE.bazel and the config file name. Variables of other registries are noticed when
# `--repo_env` or `.bazelrc` sets them, or with the next start of Bazel's server.
_REGISTRIES = ["BYTECODEALLIANCE_ORG", "DOCKER_IO", "GHCR_IO", "QUAY_IO", "WASI_DEV"]

def _settings_repo_impl(rctx):
    stamp = rctx.path(rctx.attr.stamp)
    rctx.read(stamp)
    windows = "windows" if rctx.os.name.startswith("windows") else ""
    name = executable_name("wasm-airgap", windows)
    program = stamp.dirname.get_child(name)
    rctx.watch(program)
    copy_program(rctx, program, name)

    names = {name: None for name in VARIABLES + [name for name in rctx.os.environ if is_setting(name)]}
    for registry in _REGISTRIES:
        names.update({"WKG_REGISTRY_" + registry + part: None for part in REGISTRY_PARTS})
    for file in _files(rctx):
        names.update({name: None for name in registry_variables(file)})
    secrets = named_secrets({SECRETS: rctx.getenv(SECRETS, "")})
    names.update({name: None for name in secrets})
    environ = {name: rctx.getenv(name, "") for name in sorted(names)}
    variables, withheld = split_settings(environ, secrets)
    rctx.file("settings.json", json.encode_indent({
        "schema_version": 1,
        "variables": variables,
        "withheld": withheld,
        "workspace": str(rctx.workspace_root),
    }, indent = "  ") + "\n", executable = False)
    if not windows:
        execute_checked(rctx, "hide the settings from other users", ["chmod", "600", "settings.json"])
    rctx.file("BUILD.bazel", _BUILD.format(
        name = name,
        rules = Label("//bazel/private:settings.bzl"),
        seen = {name: str(hash(value)) for name, value in variables.items()},
    ), executable = False)
    return reproducible(rctx, False)

def _files(rctx):
    """Returns the content of the files that name registries."""
    files = [rctx.workspace_root.get_child("MODULE.bazel")]
    config = rctx.getenv("WKG_CONFIG_FILE", "")
    if config:
        is_absolute = config.startswith("/") or config[1:2] == ":"
        files.append(rctx.path(config) if is_absolute else rctx.workspace_root.get_child(*config.split("/")))
    return [rctx.read(file) for file in files if file.exists and not file.is_dir]

_BUILD = """\
load("{rules}", "wasm_settings")

package(default_visibility = ["//visibility:public"])

exports_files(["settings.json"])

wasm_settings(
    name = "settings",
    file = "settings.json",
    helper = "{name}",
    seen = {seen},
)
"""

settings_repo = repository_rule(
    implementation = _settings_repo_impl,
    doc = "Holds the settings of the workspace, and a helper that reads them.",
    attrs = {
        "stamp": attr.label(mandatory = True, doc = "The helper's stamp file; the helper is in the same folder."),
    },
    local = True,
)
