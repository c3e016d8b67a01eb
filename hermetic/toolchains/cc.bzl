"""C toolchains by Zig."""

load("@rules_cc//cc:action_names.bzl", "ACTION_NAMES")
load("@rules_cc//cc:cc_toolchain_config_lib.bzl", "action_config", "feature", "flag_group", "flag_set", "tool")
load("@rules_cc//cc/common:cc_common.bzl", "cc_common")
load("@rules_cc//cc/toolchains:cc_toolchain.bzl", "cc_toolchain")
load("@rules_cc//cc/toolchains:cc_toolchain_config_info.bzl", "CcToolchainConfigInfo")

_COMPILE = [
    ACTION_NAMES.assemble,
    ACTION_NAMES.c_compile,
    ACTION_NAMES.cpp_compile,
    ACTION_NAMES.preprocess_assemble,
]
_LINK_PROGRAM = [ACTION_NAMES.cpp_link_executable]
_LINK_LIBRARY = [
    ACTION_NAMES.cpp_link_dynamic_library,
    ACTION_NAMES.cpp_link_nodeps_dynamic_library,
]

_LOADERS = {
    "aarch64": "/lib/ld-linux-aarch64.so.1",
    "x86_64": "/lib64/ld-linux-x86-64.so.2",
}

def _glibc_impl(ctx):
    folder = ctx.actions.declare_directory(ctx.label.name)
    ctx.actions.run(
        executable = ctx.executable.tool,
        arguments = [ctx.attr.target, folder.path],
        inputs = ctx.files.zig,
        outputs = [folder],
        mnemonic = "Glibc",
        progress_message = "Making the stubs of glibc for %{label}",
    )
    return [DefaultInfo(files = depset([folder]))]

glibc = rule(
    implementation = _glibc_impl,
    doc = "A folder with the files of glibc with which a program for one target is linked.",
    attrs = {
        "target": attr.string(mandatory = True, doc = "Zig's name of the target."),
        "tool": attr.label(
            allow_single_file = True,
            cfg = "exec",
            doc = "The program that makes the folder.",
            executable = True,
            mandatory = True,
        ),
        "zig": attr.label_list(mandatory = True, allow_files = True, doc = "Zig and its folder `lib`."),
    },
)

def _flags(name, actions, flags):
    return feature(
        name = name,
        enabled = True,
        flag_sets = [flag_set(actions = actions, flag_groups = [flag_group(flags = flags)])],
    )

def _config_impl(ctx):
    features = []
    if ctx.attr.glibc:
        folder = ctx.file.glibc.path
        features = [
            _flags("libraries", _LINK_PROGRAM + _LINK_LIBRARY, ["-L" + folder]),
            _flags("start", _LINK_PROGRAM, [
                "--dynamic-linker=" + _LOADERS[ctx.attr.cpu],
                folder + "/Scrt1.o",
            ]),
        ]
    tools = {name: ctx.file.compiler for name in _COMPILE}
    tools.update({name: ctx.file.linker for name in _LINK_PROGRAM + _LINK_LIBRARY})
    tools[ACTION_NAMES.cpp_link_static_library] = ctx.file.archiver
    return cc_common.create_cc_toolchain_config_info(
        ctx = ctx,
        action_configs = [
            action_config(action_name = name, enabled = True, tools = [tool(tool = file)])
            for name, file in tools.items()
        ],
        features = features + [
            # The flags that Bazel adds by itself are for a compiler that links.
            feature(name = "no_legacy_features"),
            feature(name = "supports_pic", enabled = True),
        ],
        compiler = "clang",
        target_cpu = ctx.attr.cpu,
        target_libc = ctx.attr.libc,
        target_system_name = "{}-linux-{}".format(ctx.attr.cpu, ctx.attr.libc),
        toolchain_identifier = ctx.label.name,
    )

_config = rule(
    implementation = _config_impl,
    attrs = {
        "archiver": attr.label(allow_single_file = True, mandatory = True),
        "compiler": attr.label(allow_single_file = True, mandatory = True),
        "cpu": attr.string(mandatory = True),
        "glibc": attr.label(allow_single_file = True),
        "libc": attr.string(mandatory = True),
        "linker": attr.label(allow_single_file = True, mandatory = True),
    },
    provides = [CcToolchainConfigInfo],
)

def zig_cc_toolchain(name, cpu, libc, repository, glibc = None):
    """Declares a C toolchain whose linker is LLVM's, called as such and not through a compiler.

    Args:
        name: The name of the target.
        cpu: The processor for which it compiles.
        libc: `gnu` or `musl`.
        repository: The repository of Zig.
        glibc: The target with the files of glibc. None if Rust brings the C library, as for musl.
    """
    compiler = "{}//:cc-{}-{}".format(repository, cpu, libc)
    linker = repository + "//:ld.lld"
    archiver = repository + "//:ar"
    native.filegroup(
        name = name + "_linker_files",
        srcs = [archiver, linker, repository + "//:zig"] + ([glibc] if glibc else []),
    )
    native.filegroup(
        name = name + "_files",
        srcs = [compiler, name + "_linker_files", repository + "//:library"],
    )
    _config(
        name = name + "_config",
        archiver = archiver,
        compiler = compiler,
        cpu = cpu,
        glibc = glibc,
        libc = libc,
        linker = linker,
    )
    cc_toolchain(
        name = name,
        all_files = name + "_files",
        ar_files = name + "_linker_files",
        as_files = name + "_files",
        compiler_files = name + "_files",
        dwp_files = name + "_files",
        linker_files = name + "_linker_files",
        objcopy_files = name + "_files",
        strip_files = name + "_files",
        toolchain_config = name + "_config",
    )
