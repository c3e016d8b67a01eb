"""Values of BAZEL_WASM_OFFLINE and what they mean: true, false or error.

Read as Starlark by bazel/tests and as JSON (what follows the equals sign) by crates/airgap-config/src/policy.rs.
"""

OFFLINE = {
    "": "false",
    " ": "false",
    "0": "false",
    "1": "true",
    "2": "error",
    "FALSE": "false",
    "No": "false",
    "ON": "true",
    "TRUE": "true",
    "Yes": "true",
    "enabled": "error",
    "false": "false",
    "maybe": "error",
    "no": "false",
    "off": "false",
    "on": "true",
    "prefer": "error",
    "t": "error",
    "true": "true",
    "true ": "true",
    "y": "error",
    "yes": "true",
}
