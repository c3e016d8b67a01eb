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

# mdBook, which makes a site of the manual; see scripts/docs.
mdbook_version=0.5.4

# mdbook_bin CACHE: the folder that contains it.
mdbook_bin() {
    printf '%s\n' "$1/mdbook-$mdbook_version/bin"
}
