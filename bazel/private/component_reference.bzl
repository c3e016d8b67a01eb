"""The component that the attributes of a rule name, and the check of these attributes."""

load(":digest.bzl", "digest_problem")

def component_problem(attr):
    """Checks the attributes that name a component.

    Args:
        attr: a struct with the attributes of `wasm_component_from_oci`.

    Returns:
        The problem with its remedy, as the end of a message, or None.
    """
    problem = digest_problem(attr.digest) if attr.digest else None
    if problem:
        return "its `digest` {}. To get the digest, run `wasm-airgap component pin REFERENCE`".format(problem)
    if attr.vendored_component:
        if attr.tag or attr.version:
            return "`vendored_component` is a file; it can have a `digest`, but neither `tag` nor `version`"
        return None
    if not attr.component_name:
        return "name the component: `registry`, `namespace` and `component_name`, or `vendored_component`"
    if attr.version and (attr.registry or attr.namespace or attr.tag or attr.digest):
        return "`version` takes the component from the checksum registry, which has its address and digest; remove the other attributes"
    if not attr.version and not attr.registry:
        return "name the `registry` of `{}`, as in `ghcr.io`, or its `version` in the checksum registry".format(attr.component_name)
    if not (attr.version or attr.tag or attr.digest):
        return "give `{}` a `digest`, which pins it, or at least a `tag`".format(attr.component_name)
    return None

def is_pinned(attr):
    """Returns whether a digest or the checksum registry pins the component."""
    return bool(attr.digest or attr.version)

def component_reference(attr):
    """Returns the reference of a component.

    Args:
        attr: a struct with the attributes of `wasm_component_from_oci`.

    Returns:
        `ghcr.io/my-org/auth-service:v1.2.0`, or `name@version` in the checksum registry.
    """
    if attr.version:
        return "{}@{}".format(attr.component_name, attr.version)
    parts = [part for part in [attr.registry, attr.namespace, attr.component_name] if part]
    tag = ":" + attr.tag if attr.tag else ""
    return "/".join(parts) + tag

def is_in_registry(reference):
    """Returns whether a reference is a name and version in the checksum registry: `auth-service@1.2.0`."""
    return "/" not in reference

def registry_of(reference, files):
    """Returns the checksum registry files that describe a component.

    Args:
        reference: the component's reference.
        files: the decoded registry files of components, in the order of rising priority.

    Returns:
        A list of JSON texts, one for each file about the component; empty if the reference is not
        a name and version in the checksum registry.
    """
    name = reference.split("@")[0] if is_in_registry(reference) else None
    return [json.encode(file) for file in files if name and file.get("component_name") == name]
