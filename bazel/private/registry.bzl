"""The checksum registry in Starlark: merging registry files, and choosing tools.

A registry file has the form of checksums/tool.schema.json. The helper checks all of it; this file
checks only the fields that it reads.
"""

load(":asked.bzl", "one_each", "pin")

SCHEMA_VERSION = 1

def add_to_registry(registry, tool, origin, decides = True):
    """Adds a registry file. Its entry for a version and platform replaces an earlier one.

    Args:
        registry: a dict from tool name to registry file; changed in place.
        tool: the decoded registry file.
        origin: its name, for messages.
        decides: whether its `latest` and `executables` replace those that are known already.

    Returns:
        None, or a string with the problem of the file.
    """
    if "tool_name" in tool:
        return foreign_file(origin)
    for field in ["schema_version", "tool", "versions"]:
        if field not in tool:
            return "the registry file `{}` has no `{}`".format(origin, field)
    if tool["schema_version"] != SCHEMA_VERSION:
        return "the registry file `{}` has schema_version {}, expected {}".format(
            origin,
            tool["schema_version"],
            SCHEMA_VERSION,
        )
    known = registry.setdefault(tool["tool"], {"tool": tool["tool"], "versions": {}})
    for version, assets in tool["versions"].items():
        for platform, asset in assets.items():
            problem = _check_asset(asset)
            if problem:
                return "the registry file `{}`, {} {}: {}".format(origin, version, platform, problem)
            known["versions"].setdefault(version, {})[platform] = asset
    for field in ["executables", "latest"]:
        if tool.get(field) and (decides or not known.get(field)):
            known[field] = tool[field]
    return None

def foreign_file(origin):
    """Returns the problem of a registry file of rules_wasm_component, which has another form.

    Args:
        origin: its name, for messages.
    """
    return ("the registry file `{}` is one of rules_wasm_component. Convert its folder `checksums` with the line " +
            "below, and name the new file\n" +
            "wasm-airgap import rules_wasm_component DIR --output registry").format(origin)

def _check_asset(asset):
    sha256 = asset.get("sha256", "")
    if len(sha256) != 64:
        return "a SHA-256 has 64 hexadecimal digits, `{}` has {}".format(sha256, len(sha256))
    for field in ["url", "archive"]:
        if not asset.get(field):
            return "`{}` is missing".format(field)
    return None

def pins_of(module, tool):
    """Returns the pins of a registry file.

    Args:
        module: the module that names it, or None for this one's own files.
        tool: the decoded registry file.

    Returns:
        A list of structs for `contradiction`.
    """
    return [
        pin(module, "{} {} ({})".format(tool["tool"], version, platform), asset["sha256"])
        for version, assets in tool["versions"].items()
        for platform, asset in assets.items()
    ]

def disagreement(registry, asked):
    """Checks that modules do not ask for different versions of a tool.

    The root module decides, because other modules do not know each other's tags.

    Args:
        registry: a dict from tool name to registry file.
        asked: a list of structs as `asked_by` returns it, whose tags have a `version`.

    Returns:
        None, or a string that names two tags that disagree.
    """
    by_root = {one.name: None for one in asked if one.is_root}
    deciding = [
        struct(
            module = one.module,
            name = one.name,
            tag = one.tag,
            wish = "version " + (one.tag.version or registry.get(one.name, {}).get("latest") or "`latest`"),
        )
        for one in asked
        if one.is_root or one.name not in by_root
    ]
    _, problem = one_each("versions of a tool", deciding, "Leave one of the two out; a `tool` tag in the root module decides.")
    return problem

def choose(registry, tools, bundles, known_bundles, everything = None):
    """Chooses the tools that MODULE.bazel asks for.

    Args:
        registry: a dict from tool name to registry file.
        tools: a list of `(name, version)`, highest priority first; an empty version is the latest.
        bundles: a list of bundle names, highest priority first.
        known_bundles: a dict from bundle name to its `tools`.
        everything: whether to add the tools that no tag asks for; by default only if there are no
            tags.

    Returns:
        A pair: the list of choices in the form of the helper's request, sorted by name, and None
        or a string with the problem.
    """
    wanted = {}
    for name, version in tools:
        wanted.setdefault(name, version)
    for bundle in bundles:
        if bundle not in known_bundles:
            return [], "there is no bundle called `{}`; there are {}".format(
                bundle,
                ", ".join(sorted(known_bundles)),
            )
        for name, version in known_bundles[bundle]["tools"].items():
            wanted.setdefault(name, version)
    if everything == None:
        everything = not tools and not bundles
    if everything:
        wanted = {name: "" for name, tool in registry.items() if tool.get("latest")} | wanted

    choices = []
    for name, version in sorted(wanted.items()):
        choice, problem = _choose_one(registry, name, version)
        if problem:
            return [], problem
        choices.append(choice)
    return choices, None

def _choose_one(registry, name, version):
    tool = registry.get(name)
    if not tool:
        return None, "there is no tool called `{}`; {}".format(name, _nearest(name, sorted(registry)))
    version = version or tool.get("latest")
    if not version:
        return None, "no version of `{}` is marked as its latest; name one of {}".format(
            name,
            ", ".join(tool["versions"]),
        )
    if version not in tool["versions"]:
        return None, ("there is no version of {} called `{}`; there are {}. To pin another one, run " +
                      "the line below with the address of its archive, and add the file with a `wasm.registry` tag\n" +
                      "bazel run {} -- toolchain pin --registry {}.json --tool {} URL").format(
            name,
            version,
            ", ".join(tool["versions"]),
            Label("//:wasm-airgap"),
            name,
            name,
        )
    return {
        "tool": name,
        "version": version,
        "executables": tool.get("executables") or [name],
        "assets": tool["versions"][version],
    }, None

def _nearest(name, known):
    """Returns a hint with the known names that share a long part with `name`, or with all of them."""
    letters = name.replace("-", "").replace("_", "").lower()
    near = [
        candidate
        for candidate in known
        if candidate.replace("-", "")[:4] == letters[:4] or letters in candidate or candidate in name
    ]
    if near:
        return "did you mean {}?".format(", ".join(near))
    return "there are {}".format(", ".join(known))
