# Runs `program` under Wine for tests of Linux; scripts/release-test puts it into a script.
# shellcheck shell=bash
#
# The tests compare paths as Linux writes them, so that Z:\a\b in what the program prints becomes /a/b, also
# in JSON, where a backslash is two.
# A file:// address in a variable gets the drive that stands for the root of Linux.
PATH=/usr/bin:/bin
for name in $(compgen -e); do
    if [[ ${!name} == file:///* ]]; then export "$name=${!name/#file:\/\/\//file:///Z:/}"; fi
done
printed=$(mktemp -d)
# shellcheck disable=SC2154  # set above, by scripts/release-test
"${program[@]}" "$@" >"$printed/stdout" 2>"$printed/stderr"
code=$?
for name in stdout stderr; do
    case $(head -c 1 "$printed/$name" | tr -d '\0') in
        '{' | '[') rule='s|\\\\|/|g' ;;
        *) rule='s|\\|/|g' ;;
    esac
    if [[ $name == stdout ]]; then
        sed "$rule; s|file:///Z:/|file:///|g; s|Z:/|/|g" "$printed/$name"
    else
        sed "$rule; s|file:///Z:/|file:///|g; s|Z:/|/|g" "$printed/$name" >&2
    fi
done
rm -rf -- "$printed"
exit "$code"
