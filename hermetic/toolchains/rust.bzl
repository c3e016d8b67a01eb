"""Rust's compiler, pinned by SHA-256.

The repository rule of rules_rust 0.54.1 leaves out the files `.rmeta` of the standard library, without
which the compilers of today cannot use it.
"""

_BUILD = """\
load("@rules_rust//rust:toolchain.bzl", "rust_stdlib_filegroup", "rust_toolchain")

exports_files(["bin/cargo"])

filegroup(
    name = "libraries",
    srcs = glob([
        "lib/*.so*",
        "lib/rustlib/{exec_triple}/lib/*.so",
    ]),
)

rust_stdlib_filegroup(
    name = "standard_library",
    srcs = glob(["lib/rustlib/{target_triple}/lib/**"]),
)

rust_toolchain(
    name = "rust_toolchain",
    binary_ext = "",
    cargo = "bin/cargo",
    dylib_ext = ".so",
    exec_triple = "{exec_triple}",
    # The linker is called as such, and not through a C compiler.
    extra_exec_rustc_flags = ["-Clinker-flavor=ld"],
    extra_rustc_flags = ["-Clinker-flavor=ld"],
    rust_doc = "bin/rustdoc",
    rust_std = ":standard_library",
    rustc = "bin/rustc",
    rustc_lib = ":libraries",
    staticlib_ext = ".a",
    stdlib_linkflags = [],
    target_triple = "{target_triple}",
    visibility = ["//visibility:public"],
)
"""

def _rust_impl(rctx):
    for component, triple, folder in [
        ("rustc", rctx.attr.exec_triple, "rustc"),
        ("cargo", rctx.attr.exec_triple, "cargo"),
        ("rust-std", rctx.attr.target_triple, "rust-std-" + rctx.attr.target_triple),
    ]:
        name = "{}-{}-{}".format(component, rctx.attr.version, triple)
        rctx.download_and_extract(
            url = "https://static.rust-lang.org/dist/{}.tar.xz".format(name),
            sha256 = rctx.attr.sha256s[name],
            stripPrefix = "{}/{}".format(name, folder),
        )
    rctx.file("BUILD.bazel", _BUILD.format(
        exec_triple = rctx.attr.exec_triple,
        target_triple = rctx.attr.target_triple,
    ))

rust = repository_rule(
    implementation = _rust_impl,
    doc = "A toolchain of rules_rust: the compiler for one machine, and the standard library of one target.",
    attrs = {
        "exec_triple": attr.string(mandatory = True, doc = "Rust's name of the machine on which the compiler runs."),
        "sha256s": attr.string_dict(mandatory = True, doc = "The SHA-256 of each archive, by its name without `.tar.xz`."),
        "target_triple": attr.string(mandatory = True, doc = "Rust's name of the machine for which it compiles."),
        "version": attr.string(mandatory = True, doc = "The version of Rust, as in `1.95.0`."),
    },
)
