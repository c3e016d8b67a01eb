# Shared by the scripts in this folder; sourced, not run.
# shellcheck shell=bash

# Ends the script with the failed action, and commands to try.
fail() {
    printf '%s: error: %s\n' "${0##*/}" "$1" >&2
    shift
    if (($#)); then printf '  try: %s\n' "$@" >&2; fi
    exit 1
}

say() {
    printf '%s: %s\n' "${0##*/}" "$*" >&2
}

# The one folder for everything that these scripts fetch or create. It may be
# deleted at any time: the next run creates its files again.
cache_dir() {
    local dir=${WASM_AIRGAP_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/wasm-airgap}
    mkdir -p -- "$dir" || fail "cannot create the cache folder $dir" \
        "set WASM_AIRGAP_CACHE to a folder that can be written"
    realpath -- "$dir"
}

# apt_install PACKAGE...: installs Debian packages on this machine (not in the
# root).
apt_install() {
    command -v apt-get >/dev/null || fail "installing $*: there is no apt-get here" \
        "install these by hand: $*"
    ((EUID == 0)) || fail "installing $*: only root may" "sudo apt-get install $*"
    say "installing with apt-get: $*"
    {
        apt-get update --quiet=2 &&
            DEBIAN_FRONTEND=noninteractive apt-get install --yes --quiet=2 \
                --option Dpkg::Use-Pty=0 --no-install-recommends "$@"
    } >&2 || fail "apt-get could not install $*" "apt-get update && apt-get install $*, and read its messages"
}

# The real wkg; see scripts/wkg.
wkg_version=0.16.1

# wkg_bin CACHE: the folder that contains it, for PATH.
wkg_bin() {
    printf '%s\n' "$1/wkg-$wkg_version/bin"
}

# The real Helm; see scripts/helm.
helm_version=4.1.4

# helm_bin CACHE: the folder that contains it and kubectl, for PATH.
helm_bin() {
    printf '%s\n' "$1/helm-$helm_version/bin"
}

# BuildBox, a remote executor, as this version of BuildStream has it; see scripts/buildbox.
# The one of BuildStream 2.8.1 refuses Bazel 7, which speaks version 2.0 of the protocol.
buildbox_version=2.7.0

# buildbox_bin CACHE: the folder that contains it, for PATH.
buildbox_bin() {
    printf '%s\n' "$1/buildbox-$buildbox_version/bin"
}

# mdBook, which makes a site of the manual; see scripts/docs.
mdbook_version=0.5.4

# mdbook_bin CACHE: the folder that contains it.
mdbook_bin() {
    printf '%s\n' "$1/mdbook-$mdbook_version/bin"
}

# Bazel's buildozer; see scripts/buildozer.
buildozer_version=8.2.1

# buildozer_bin CACHE: the folder that contains it, for PATH.
buildozer_bin() {
    printf '%s\n' "$1/buildozer-$buildozer_version/bin"
}

# npm_binary NAME VERSION SHA256 FILE: writes the binary for this machine from the npm
# package @bazel/NAME, which has this SHA-256. The package contains the plain binaries:
# node is not needed to run them.
npm_binary() {
    local platform temp archive found
    case $(uname -sm) in
        'Linux x86_64') platform=linux_amd64 ;;
        'Linux aarch64') platform=linux_arm64 ;;
        *) fail "$1: no binary is known for $(uname -sm)" "add its name to scripts/common.sh" ;;
    esac
    command -v npm >/dev/null || apt_install npm
    mkdir -p -- "$(dirname -- "$4")"
    temp=$(mktemp -d -- "$4.XXXXXX")
    # shellcheck disable=SC2064  # the folder of this call
    trap "rm -rf -- '$temp'" EXIT
    say "fetching $1 $2"
    (cd -- "$temp" && npm pack --silent "@bazel/$1@$2" >/dev/null) ||
        fail "npm could not fetch @bazel/$1 $2" "npm ping, and read its message"
    archive=$temp/bazel-$1-$2.tgz
    found=$(sha256sum -- "$archive")
    found=${found%% *}
    [[ $found == "$3" ]] ||
        fail "@bazel/$1 $2: expected sha256 $3, found $found" \
            "if the package was replaced on purpose, put the new digest into scripts/$1"
    tar -xzf "$archive" -C "$temp" "package/$1-$platform"
    # Renamed when complete, so that a killed run leaves no file that looks finished.
    mv -- "$temp/package/$1-$platform" "$4"
    rm -rf -- "$temp"
}

# The libraries that check SBOMs; see scripts/sbom-check.
cyclonedx_version=11.12.0
spdx_version=0.8.5

# sbom_bin CACHE: the folder with the Python that has them.
sbom_bin() {
    printf '%s\n' "$1/sbom-$cyclonedx_version-$spdx_version/bin"
}

# compiled NAME: the path of the test program of tests/NAME.rs, which is compiled.
compiled() {
    local binary
    binary=$(cargo test --locked --test "$1" --no-run --message-format=json 2>/dev/null |
        sed -n "s/.*\"executable\":\"\([^\"]*\/$1-[0-9a-f]*\)\".*/\1/p")
    [[ -n $binary ]] || fail "the tests of tests/$1.rs do not compile" "cargo test --test $1 --no-run"
    printf '%s\n' "$binary"
}

# in_root NAME [ARG...]: runs all tests of tests/NAME.rs with the real programs, those that need them
# included.
in_root() {
    local binary
    binary=$(compiled "$1")
    shift
    WASM_AIRGAP_BIND=${WASM_AIRGAP_DATA:-} "$(dirname -- "${BASH_SOURCE[0]}")/with-bazel" "$binary" \
        --include-ignored "$@"
}

# program_version: the version in Cargo.toml, of the current folder.
program_version() {
    sed -n '/^\[workspace.package\]/,/^$/s/^version = "\(.*\)"/\1/p' Cargo.toml
}

# zig and cargo-zigbuild, which link for Linux; see scripts/release.
zig_version=0.17.1
zigbuild_version=0.24.1

# zig_bin CACHE: the folder that contains both, for PATH.
zig_bin() {
    printf '%s\n' "$1/zig-$zig_version-$zigbuild_version/bin"
}

# Lists the crates of a binary; see scripts/release.
cargo_cyclonedx_version=0.5.9

# cargo_cyclonedx_bin CACHE: the folder that contains it.
cargo_cyclonedx_bin() {
    printf '%s\n' "$1/cargo-cyclonedx-$cargo_cyclonedx_version/bin"
}
