"""The request that says which WIT packages `vendor_all` vendors."""

load(":wasi_table.bzl", "WASI_WIT")

def wit_request(archives, tags, wanted):
    """What MODULE.bazel asks for, for the helper.

    Args:
        archives: package, as in `wasi:http@0.2.6` -> the request for its archive, a dict.
        tags: the `package` tags, each with `package`, `registry` and `sha256`.
        wanted: what to take of the archives, and of the tags' packages; if empty, all.

    Returns:
        The request, and what is wrong, one of the two `None`.
    """
    named = {tag.package: tag for tag in tags}
    for package in wanted:
        if package not in named and package not in archives:
            return None, "`{}` is to be vendored, and no tag and no registry file is about it; there are: {}".format(
                package,
                ", ".join(sorted(list(named) + list(archives))),
            )

    # A file of one's own lists what one needs; what is built in is only there to be asked for.
    own = [package for package in archives if archives[package] != WASI_WIT.get(package)]
    taken = {package: True for package in (wanted + own if wanted else archives) if package not in named}
    return {
        "packages": [archives[package] for package in sorted(taken)],
        "schema_version": 1,
        "wit": [
            {"package": package, "registry": tag.registry, "sha256": tag.sha256}
            for package, tag in sorted(named.items())
        ],
    }, None
