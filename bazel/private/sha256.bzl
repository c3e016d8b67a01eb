"""The SHA-256 of a file, before there is a helper that could compute it."""

# Programs that print a SHA-256. Of the first three, one is on every machine that is no Windows.
_HASHERS = [["sha256sum"], ["shasum", "-a", "256"], ["openssl", "dgst", "-sha256", "-r"]]

# Every Windows has it. What other systems call so is another program.
_CERTUTIL = "certutil"

def sha256_of(rctx, file):
    """Hashes a file.

    Args:
        rctx: the repository context.
        file: the file, a path.

    Returns:
        A pair: the SHA-256 in hexadecimal, or None where nothing could compute it; and what was
        tried in vain, a list of lines.
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

    # Bazel hashes what it downloads, also from a file, where its flags do not forbid that.
    result = rctx.download("file:///" + str(file).lstrip("/"), output = "hashed", allow_fail = True)
    rctx.delete("hashed")
    if result.success:
        return result.sha256, failed
    return None, failed + ["Bazel's downloader: failed, see the warning above"]

def _commands(rctx, file):
    commands = [words + [str(file)] for words in _HASHERS]
    if rctx.os.name.startswith("windows"):
        commands.append([_CERTUTIL, "-hashfile", str(file).replace("/", "\\"), "SHA256"])
    return commands

def sha256_in(output):
    """The SHA-256 in what a program printed.

    Args:
        output: `<hex>  <file>`, or a line of its own, in which old Windows puts spaces.

    Returns:
        The SHA-256 in small letters, or None.
    """
    for line in output.splitlines():
        # sha256sum puts a backslash in front where it had to escape the name.
        first = line.strip().lstrip("\\").split(" ")[0]
        for word in [first, line.replace(" ", "").strip()]:
            if len(word) == 64 and not word.lower().strip("0123456789abcdef"):
                return word.lower()
    return None
