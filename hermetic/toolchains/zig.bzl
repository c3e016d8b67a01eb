"""A C compiler and a linker, pinned by SHA-256: Zig, in the archives that it publishes on PyPI."""

_CPUS = ["aarch64", "x86_64"]

# The C libraries of Zig's targets. The glibc is that of the oldest Linux on which Rust's compiler runs.
_LIBCS = {
    "gnu": "gnu.2.17",
    "musl": "musl",
}

def zig_target(cpu, libc):
    """Returns Zig's name of a target.

    Args:
        cpu: The processor, as in `x86_64`.
        libc: `gnu` or `musl`.
    """
    return "{}-linux-{}".format(cpu, _LIBCS[libc])

# cc-rs names the target as Rust does, which Zig does not read. The folder of the build does not get
# into objects. In a sandbox, /tmp is a new one for each action.
_COMPILER = """\
#!/bin/sh
here=${{0%/*}}
for arg do
    shift
    case $arg in
    --target=*) ;;
    *) set -- "$@" "$arg" ;;
    esac
done
export ZIG_GLOBAL_CACHE_DIR=/tmp/zig-cache ZIG_LOCAL_CACHE_DIR=/tmp/zig-cache
exec "$here/zig" cc -target {target} -fno-sanitize=undefined "-ffile-prefix-map=${{here%/external/*}}=." "$@"
"""

_TOOL = """\
#!/bin/sh
exec "${{0%/*}}/zig" {name} "$@"
"""

# The startup object and the stubs of glibc that Zig makes for a target, under the names that a linker
# looks for. Zig's unwinder is libgcc_s for the programs of the build.
_GLIBC = """\
#!/bin/sh
# glibc TARGET FOLDER
set -eu
zig=${0%/*}/zig
mkdir -p "$2/cache"
export ZIG_GLOBAL_CACHE_DIR="$2/cache" ZIG_LOCAL_CACHE_DIR="$2/cache"
echo 'int main(void) { return 0; }' >"$2/cache/main.c"
"$zig" cc -target "$1" -fPIE -pie -O1 -fno-sanitize=undefined -v \
    "$2/cache/main.c" -o "$2/cache/main" -lunwind 2>"$2/cache/log" || {
    cat "$2/cache/log" >&2
    exit 1
}
for file in $(sed -n 's/^ *ld\\.lld //p' "$2/cache/log"); do
    case $file in
    */Scrt1.o | */lib*.a | */lib*.so.*) cp "$file" "$2/" ;;
    esac
done
rm -rf "$2/cache"
cd "$2"
mv libunwind.a libgcc_s.a
for file in lib*.so.*; do
    echo "INPUT(-l:$file)" >"${file%%.so.*}.so"
done
echo 'INPUT(-l:libc.so.6 -l:libc_nonshared.a)' >libc.so
"""

_BUILD = """\
package(default_visibility = ["//visibility:public"])

exports_files(["ar", "glibc", "ld.lld", "zig"] + glob(["cc-*"]))

# For Linux only, on the two processors.
filegroup(
    name = "library",
    srcs = glob([
        "lib/*.zig",
        "lib/c/**",
        "lib/compiler/**",
        "lib/compiler_rt/**",
        "lib/include/**",
        "lib/libc/glibc/**",
        "lib/libc/include/aarch64-linux-*/**",
        "lib/libc/include/any-linux-any/**",
        "lib/libc/include/generic-glibc/**",
        "lib/libc/include/generic-musl/**",
        "lib/libc/include/x86*-linux-*/**",
        "lib/libc/musl/**",
        "lib/libunwind/**",
        "lib/std/**",
    ]),
)
"""

def _zig_impl(rctx):
    rctx.download_and_extract(
        url = rctx.attr.url,
        sha256 = rctx.attr.sha256,
        type = "zip",
        stripPrefix = "ziglang",
    )
    for cpu in _CPUS:
        for libc in _LIBCS:
            rctx.file("cc-{}-{}".format(cpu, libc), _COMPILER.format(target = zig_target(cpu, libc)))
    for name in ["ar", "ld.lld"]:
        rctx.file(name, _TOOL.format(name = name))
    rctx.file("glibc", _GLIBC)
    rctx.file("BUILD.bazel", _BUILD)

zig = repository_rule(
    implementation = _zig_impl,
    doc = "Zig for one build machine, with a compiler for each target.",
    attrs = {
        "sha256": attr.string(mandatory = True, doc = "The SHA-256 of the archive."),
        "url": attr.string(mandatory = True, doc = "The address of the archive, a wheel with a folder `ziglang`."),
    },
)
