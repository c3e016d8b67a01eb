"""The platforms for which tools are published, and their constraints in Bazel."""

# Name in registries, vendor folders and mirrors -> the constraints of a toolchain.
PLATFORMS = {
    "darwin_amd64": ["@platforms//os:macos", "@platforms//cpu:x86_64"],
    "darwin_arm64": ["@platforms//os:macos", "@platforms//cpu:aarch64"],
    "linux_amd64": ["@platforms//os:linux", "@platforms//cpu:x86_64"],
    "linux_arm64": ["@platforms//os:linux", "@platforms//cpu:aarch64"],
    "windows_amd64": ["@platforms//os:windows", "@platforms//cpu:x86_64"],
}

_SYSTEMS = {"linux": "linux", "mac os x": "darwin"}
_PROCESSORS = {"aarch64": "arm64", "amd64": "amd64", "arm64": "arm64", "x86_64": "amd64"}

def platform_of(name, arch):
    """Returns the platform of a machine.

    Args:
        name: the operating system as `repository_os.name` spells it.
        arch: the processor as `repository_os.arch` spells it, which is Java's spelling.

    Returns:
        A key of `PLATFORMS`, or None if no tools are published for the machine.
    """
    system = "windows" if name.startswith("windows") else _SYSTEMS.get(name)
    platform = "{}_{}".format(system, _PROCESSORS.get(arch))
    return platform if platform in PLATFORMS else None

def executable_name(name, platform):
    """Returns the file name of an executable, with `.exe` on Windows."""
    return name + ".exe" if platform.startswith("windows") else name
