"""The toolchains of a build machine."""

load(":archives.bzl", "CPUS")
load(":cc.bzl", "glibc", "zig_cc_toolchain")
load(":zig.bzl", "zig_target")

def _linux(cpu):
    return [
        "@platforms//cpu:" + cpu,
        "@platforms//os:linux",
    ]

def _toolchains(machine, target, cpu, libc, glibc = None):
    """Declares the toolchains for C and Rust of a build machine and one target."""
    name = "{}_{}".format(machine, target)
    zig_cc_toolchain(
        name = "cc_" + name,
        cpu = cpu,
        glibc = glibc,
        libc = libc,
        repository = "@zig_" + machine,
    )
    for language, toolchain, toolchain_type in [
        ("c", ":cc_" + name, "@bazel_tools//tools/cpp:toolchain_type"),
        ("rust", "@rust_{}//:rust_toolchain".format(name), "@rules_rust//rust:toolchain_type"),
    ]:
        native.toolchain(
            name = "{}_{}".format(language, name),
            exec_compatible_with = _linux(CPUS[machine]),
            target_compatible_with = _linux(cpu) + ["//:" + libc],
            toolchain = toolchain,
            toolchain_type = toolchain_type,
        )

def machine_toolchains(name):
    """Declares the toolchains of a build machine.

    One is for the programs that run in the build, which use the machine's glibc, and one for the
    static programs of each platform.

    Args:
        name: The name of the machine, as in `CPUS`.
    """
    zig = "@zig_{}//:".format(name)
    cpu = CPUS[name]
    glibc(
        name = "glibc_" + name,
        target = zig_target(cpu, "gnu"),
        tool = zig + "glibc",
        zig = [zig + "library", zig + "zig"],
    )
    _toolchains(name, "build", cpu, "gnu", glibc = ":glibc_" + name)
    for target, cpu in CPUS.items():
        _toolchains(name, target, cpu, "musl")
