"""The request for the WIT packages that `vendor_all` vendors."""

load(":wasi_table.bzl", "WASI_WIT")

def wit_request(archives, tags, wanted):
    """Creates the helper's request from the tags in MODULE.bazel.

    Args:
        archives: package, as in `wasi:http@0.2.6` -> the request for its archive, a dict.
        tags: the `package` tags, each with `package`, `registry` and `sha256`.
        wanted: the packages to take from the archives and the tags; if empty, all.

    Returns:
        A pair: the request, and a string with the problem; one of the two is None.
    """
    named = {tag.package: tag for tag in tags}
    for package in wanted:
        if package not in named and package not in archives:
            return None, "a `vendor` tag names `{}`, which no `package` tag or registry file describes; known packages: {}".format(
                package,
                ", ".join(sorted(list(named) + list(archives))),
            )

    # A user's registry file lists needed packages; the built-in packages are only available.
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
