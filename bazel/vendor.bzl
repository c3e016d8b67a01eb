"""Targets that run the helper: commands that vendor the files for MODULE.bazel, and tests."""

def _helper_command_impl(ctx):
    source = ctx.file.helper
    ending = "." + source.extension if source.extension == "exe" else ""
    link = ctx.actions.declare_file(ctx.label.name + ending)
    ctx.actions.symlink(output = link, target_file = source, is_executable = True)
    return [DefaultInfo(executable = link, runfiles = ctx.runfiles([source] + ctx.files.data))]

_ATTRS = {
    "data": attr.label_list(allow_files = True, doc = "Files that the command reads."),
    "helper": attr.label(
        allow_single_file = True,
        default = Label("@wasm_airgap_helper//:helper"),
        doc = "The helper.",
    ),
}

_helper_command = rule(
    implementation = _helper_command_impl,
    doc = "Runs the helper by `bazel run`; `args` holds the command.",
    attrs = _ATTRS,
    executable = True,
)

def helper_command(name, args, data = [], **kwargs):
    """Creates a target that runs the helper by `bazel run`, with the settings of repository rules.

    Args:
        name: the target's name.
        args: the command and its arguments.
        data: files that the command reads.
        **kwargs: the attributes that every rule has.
    """
    _helper_command(name = name, args = args + _SETTINGS_ARGS, data = data + [_SETTINGS], **kwargs)

# `--repo_env` does not reach a program that `bazel run` starts, so the settings come from this
# file. A variable that the shell sets has priority.
_SETTINGS = Label("@wasm_airgap_settings//:settings.json")
_SETTINGS_ARGS = ["--settings=../$(rlocationpath {})".format(_SETTINGS)]

def _helper_test_impl(ctx):
    # The test needs no network, and must not use one.
    return _helper_command_impl(ctx) + [RunEnvironmentInfo(environment = {"BAZEL_WASM_OFFLINE": "1"})]

_helper_test = rule(
    implementation = _helper_test_impl,
    doc = "Runs the helper by `bazel test`; `args` holds the command.",
    attrs = _ATTRS,
    test = True,
)

def helper_test(name, args, data = [], tags = [], **kwargs):
    """Creates a test that reads the source tree itself, so that its result is never cached.

    Args:
        name: the target's name.
        args: the command and its arguments.
        data: files that the command reads.
        tags: further tags.
        **kwargs: the attributes that every test has.
    """
    _helper_test(
        name = name,
        size = "small",
        args = args + _SETTINGS_ARGS,
        data = data + [_SETTINGS],
        tags = ["external", "local"] + tags,
        **kwargs
    )

# The requests that the extensions derive from MODULE.bazel.
_TOOLCHAINS = Label("@wasm_toolchains//:request.json")
_WIT = Label("@wasi_wit//:request.json")
_COMPONENTS = Label("@wasm_components//:request.json")
_HELPERS = Label("@wasm_airgap_helpers//:request.json")

def vendor_all(name, wit_library = None, **kwargs):
    """Creates a target that vendors the toolchains, WIT and components of MODULE.bazel by `bazel run`.

    Args:
        name: the target's name.
        wit_library: the label of the `.bzl` file that the generated BUILD files load `wit_library`
            from; by default this module's, by the name that MODULE.bazel gives it.
        **kwargs: the attributes that every rule has.
    """
    _vendor(
        name,
        ["vendor", "all"] + (["--rules=" + wit_library] if wit_library else []),
        [_TOOLCHAINS, _WIT, _COMPONENTS, _HELPERS],
        kwargs,
    )

def vendor_toolchains(name, request = _TOOLCHAINS, **kwargs):
    """Creates a target that vendors toolchains by `bazel run`.

    Args:
        name: the target's name.
        request: the file that lists the tools; by default those in MODULE.bazel.
        **kwargs: the attributes that every rule has.
    """
    _vendor(name, ["vendor", "toolchains"], [request, _HELPERS], kwargs)

def vendor_helper(name, **kwargs):
    """Creates a target that vendors only the helper by `bazel run`, with those pinned for other platforms.

    If nothing pins the helper of this machine, it prints the tag that does so.

    Args:
        name: the target's name.
        **kwargs: the attributes that every rule has.
    """
    _vendor(name, ["vendor", "helper"], [_HELPERS], kwargs)

def vendor_components(name, request = _COMPONENTS, **kwargs):
    """Creates a target that vendors components by `bazel run`.

    Args:
        name: the target's name.
        request: the file that lists the components; by default those in MODULE.bazel.
        **kwargs: the attributes that every rule has.
    """
    _vendor(name, ["vendor", "components"], [request], kwargs)

def vendor_verify_test(name, dir = "vendor", **kwargs):
    """Creates a test that a vendor folder has exactly the files in its manifest.

    The test hashes each file and fails if one is missing, changed or not listed. It needs no network.

    Args:
        name: the target's name.
        dir: the vendor folder, relative to the BUILD file.
        **kwargs: the attributes that every test has.
    """
    package = native.package_name()

    # The test finds the source tree by this file, which always exists. It reads all files there,
    # including those that are in no rule.
    anchor = native.glob(["BUILD.bazel", "BUILD"], allow_empty = True)[0]
    helper_test(
        name = name,
        args = [
            "verify",
            "'{}'".format(package + "/" + dir if package else dir),
            "--workspace-of=$(rootpath {})".format(anchor),
        ],
        data = [anchor],
        tags = kwargs.pop("tags", None) or [],
        **kwargs
    )

def _vendor(name, command, requests, kwargs):
    # `bazel run` starts in the main repository's folder in the runfiles.
    request = "--request=../$(rlocationpath {})"
    helper_command(
        name = name,
        args = command + [request.format(file) for file in requests],
        data = requests,
        tags = ["manual"] + (kwargs.pop("tags", None) or []),
        **kwargs
    )
