"""The name by which the caller of a macro knows this module."""

_APPARENT_NAMES = ["rules_wasm_airgap", "rules_wasm_component"]

# buildifier: disable=unnamed-macro
def own_rules():
    """For generated BUILD files, which need a label that is right where they lie.

    Returns:
        The label of `wit/defs.bzl` as the caller of the macro would write it.
    """
    own = Label("//wit:defs.bzl")
    for name in _APPARENT_NAMES:
        label = "@{}//wit:defs.bzl".format(name)
        if native.package_relative_label(label) == own:
            return label
    return "//wit:defs.bzl" if not own.repo_name else "@rules_wasm_airgap//wit:defs.bzl"
