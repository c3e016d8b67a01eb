"""The targets of the hub `@wasm_toolchains`."""

load("//bazel:toolchain.bzl", "missing_tool")
load(":platforms.bzl", "PLATFORMS")

def spoke_name(tool, platform):
    """Returns the name of the repository that holds a tool for a platform."""
    return "wasm_toolchains_{}_{}".format(tool, platform)

def tool_targets(name, executables, platforms, rule):
    """Creates the targets of a tool: its toolchain type, a toolchain for each platform, and its executables.

    All have the tag `manual`, so that `bazel build @wasm_toolchains//...` does not fetch every tool.

    Args:
        name: the tool's name.
        executables: the name of each runnable target -> the name of its executable, or the empty
            string for the main one.
        platforms: the platforms for which there is a repository with the tool.
        rule: the rule that `resolved_tool_rule` returned for the tool's toolchain type.
    """
    native.toolchain_type(name = name + "_toolchain_type")
    for platform in platforms:
        native.toolchain(
            name = "{}_{}".format(name, platform),
            exec_compatible_with = PLATFORMS[platform],
            toolchain = "@{}//:toolchain".format(spoke_name(name, platform)),
            toolchain_type = ":{}_toolchain_type".format(name),
        )
    for target, executable in executables.items():
        rule(name = target, executable = executable, tags = ["manual"])

def missing_tool_targets(name, executables, extension):
    """Creates the same targets for a tool that MODULE.bazel does not ask for; each fails with the tag to add.

    Args:
        name: the tool's name.
        executables: the names of its runnable targets.
        extension: the label of the file with the extension `wasm_toolchains`, as MODULE.bazel
            writes it.
    """
    native.toolchain_type(name = name + "_toolchain_type")
    native.toolchain(
        name = name + "_none",
        toolchain = ":{}_missing".format(name),
        toolchain_type = ":{}_toolchain_type".format(name),
    )
    for target in [name + "_missing"] + executables:
        missing_tool(name = target, extension = extension, tags = ["manual"], tool = name)
