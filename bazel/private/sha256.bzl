"""The SHA-256 of a file, computed before there is a helper."""

load(":copy.bzl", "windows_path")

# Programs that print a SHA-256. Every machine except Windows has one of these three.
_HASHERS = [["sha256sum"], ["shasum", "-a", "256"], ["openssl", "dgst", "-sha256", "-r"]]

# Every Windows has this program. On other systems, another program has the name.
_CERTUTIL = "certutil"

def sha256_of(rctx, file):
    """Hashes a file.

    Args:
        rctx: the repository context.
        file: the file, a path.

    Returns:
        A pair: the SHA-256 in hexadecimal, or None if no program could compute it; and the failed
        attempts, a list of lines.
    """
    failed = []
    for words in _commands(rctx, file):
        program = rctx.which(words[0])
        if not program:
            failed.append("{}: not on PATH".format(words[0]))
            continue
        result = rctx.execute([program] + words[1:])
        found = sha256_in(result.stdout) if not result.return_code else None
        if found:
            return found, failed
        failed.append("{}: exit code {}: {}".format(
            words[0],
            result.return_code,
            (result.stderr or result.stdout).strip(),
        ))

    # Bazel hashes each file that it downloads, including a local one, unless its flags forbid that.
    result = rctx.download("file:///" + str(file).lstrip("/"), output = "hashed", allow_fail = True)
    rctx.delete("hashed")
    if result.success:
        return result.sha256, failed
    return None, failed + ["Bazel's downloader: failed, see the warning above"]

def _commands(rctx, file):
    commands = [words + [str(file)] for words in _HASHERS]
    if rctx.os.name.startswith("windows"):
        commands.append([_CERTUTIL, "-hashfile", windows_path(file), "SHA256"])
    return commands

def sha256_in(output):
    """Returns the SHA-256 in the output of a program.

    Args:
        output: `<hex>  <file>`, or the SHA-256 on its own line, in which old Windows puts spaces.

    Returns:
        The SHA-256 in lower case, or None.
    """
    for line in output.splitlines():
        # sha256sum puts a backslash in front if it had to escape the name.
        first = line.strip().lstrip("\\").split(" ")[0]
        for word in [first, line.replace(" ", "").strip()]:
            if len(word) == 64 and not word.lower().strip("0123456789abcdef"):
                return word.lower()
    return None
