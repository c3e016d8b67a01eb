"""The targets of the hub `@wasm_toolchains`."""

load("//bazel:toolchain.bzl", "missing_tool")
load(":no_release.bzl", "no_release", "only_webassembly")
load(":platforms.bzl", "PLATFORMS")

def spoke_name(tool, platform):
    """Returns the name of the repository that holds a tool for a platform."""
    return "wasm_toolchains_{}_{}".format(tool, platform)

def tool_targets(name, version, executables, platforms, others, program, exec_rule, runtime_rule):
    """Creates the targets of a tool: its toolchain types, its toolchains, and its executables.

    An action uses a toolchain for its exec platform. An executable is for the platform that it is
    built for: in `tools` of a genrule that is the exec platform of the genrule, with `bazel run`
    the target platform. A target platform without the tool, such as one of WebAssembly, cannot run
    it, so the executable is then for the exec platform.

    All have the tag `manual`, so that `bazel build @wasm_toolchains//...` does not fetch every tool.

    Args:
        name: the tool's name.
        version: its version.
        executables: the name of each runnable target -> the name of its executable, or the empty
            string for the main one.
        platforms: the platforms for which there is a repository with the tool.
        others: each other platform -> the versions of the tool that have a release for it.
        program: the label of the program, for messages.
        exec_rule: the rule that `resolved_tool_rule` returned for `<name>_toolchain_type`.
        runtime_rule: the rule that it returned for `<name>_runtime_toolchain_type`.
    """
    native.toolchain_type(name = name + "_toolchain_type")
    native.toolchain_type(name = name + "_runtime_toolchain_type")
    for platform in platforms:
        toolchain = "@{}//:toolchain".format(spoke_name(name, platform))
        native.toolchain(
            name = "{}_{}".format(name, platform),
            exec_compatible_with = PLATFORMS[platform],
            toolchain = toolchain,
            toolchain_type = ":{}_toolchain_type".format(name),
        )
        native.toolchain(
            name = "{}_runtime_{}".format(name, platform),
            target_compatible_with = PLATFORMS[platform],
            toolchain = toolchain,
            toolchain_type = ":{}_runtime_toolchain_type".format(name),
        )
    release = struct(tool = name, version = version, platforms = platforms, others = others)
    messages = {":is_" + platform: no_release(release, platform, program) for platform in PLATFORMS}
    messages["//conditions:default"] = no_release(release, None, program)
    for target, executable in executables.items():
        exec_rule(
            name = target + "_exec",
            executable = executable,
            file = target,
            no_release = select(messages),
            tags = ["manual"],
        )
        runtime_rule(name = target + "_runtime", executable = executable, file = target, tags = ["manual"])
        choices = {":is_" + platform: ":{}_runtime".format(target) for platform in platforms}
        native.alias(
            name = target,
            actual = select(choices | {"//conditions:default": ":{}_exec".format(target)}),
            tags = ["manual"],
        )

def _unusable_tool_impl(ctx):
    fail(ctx.attr.message)

_unusable_tool = rule(
    implementation = _unusable_tool_impl,
    doc = "A tool that cannot be used in a build. Building it fails with the message.",
    attrs = {"message": attr.string(mandatory = True)},
    executable = True,
)

def webassembly_targets(name, version, executables, form):
    """Creates the same targets for a tool that is published as WebAssembly only; each fails with what to do.

    Args:
        name: the tool's name.
        version: its version.
        executables: the names of its runnable targets.
        form: `wasm` or `wasm_component`.
    """
    for toolchain in [name, name + "_runtime"]:
        _failing_toolchain(toolchain, ":{}_only_webassembly".format(name))
    for target in [name + "_only_webassembly"] + executables:
        _unusable_tool(name = target, message = only_webassembly(name, version, form), tags = ["manual"])

def _failing_toolchain(name, toolchain):
    """Creates a toolchain type, and one toolchain for all platforms, which fails when it is used."""
    native.toolchain_type(name = name + "_toolchain_type")
    native.toolchain(
        name = name + "_none",
        toolchain = toolchain,
        toolchain_type = ":{}_toolchain_type".format(name),
    )

def platform_settings(name):
    """Creates the conditions by which the executables are chosen, such as `is_linux_amd64`.

    Args:
        name: the beginning of the names of the conditions.
    """
    for platform, constraints in PLATFORMS.items():
        native.config_setting(name = "{}_{}".format(name, platform), constraint_values = constraints)

def missing_tool_targets(name, executables, extension):
    """Creates the same targets for a tool that MODULE.bazel does not ask for; each fails with the tag to add.

    Args:
        name: the tool's name.
        executables: the names of its runnable targets.
        extension: the label of the file with the extension `wasm_toolchains`, as MODULE.bazel
            writes it.
    """
    _failing_toolchain(name, ":{}_missing".format(name))
    for target in [name + "_missing"] + executables:
        missing_tool(name = target, extension = extension, tags = ["manual"], tool = name)
