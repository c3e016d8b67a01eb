"""The name by which a workspace knows this module, for messages.

The helper reads the name from MODULE.bazel for its own messages; this file is for messages that are
printed before there is a helper.
"""

_OWN_NAME = "rules_wasm_airgap"

def module_label(rctx, label):
    """Returns a label of this module as the workspace writes it.

    Args:
        rctx: the repository context.
        label: the label without a repository, as in `//wit:defs.bzl`.

    Returns:
        A string such as `@wasm//wit:defs.bzl`.
    """
    file = rctx.workspace_root.get_child("MODULE.bazel")

    # Not watched: only messages use it.
    text = rctx.read(file, watch = "no") if file.exists else ""
    return "@{}{}".format(known_name(text), label)

def known_name(text):
    """Returns the name in the `bazel_dep` of this module.

    Args:
        text: the content of MODULE.bazel.

    Returns:
        The `repo_name`, or the module's own name if there is none.
    """
    lines = [line for line in text.split("\n") if not line.strip().startswith("#")]
    for block in "\n".join(lines).split("bazel_dep(")[1:]:
        arguments = {}
        for argument in block.split(")")[0].split(","):
            key, _, value = argument.partition("=")
            value = value.strip()
            arguments[key.strip()] = value.strip("\"'") if value[:1] in ["\"", "'"] else ""
        if arguments.get("name") == _OWN_NAME:
            return arguments.get("repo_name") or _OWN_NAME
    return _OWN_NAME
