"""Values of BAZEL_WASM_MIRROR and what they mean: the list that is tried in order, or error.

Read as Starlark by bazel/tests and as JSON (what follows the equals sign) by crates/airgap-config/src/policy.rs.
"""

MIRRORS = {
    "": ["direct"],
    " ": ["direct"],
    " , ": "error",
    ",": "error",
    ",https://a,": ["https://a"],
    "Direct": "error",
    "a.example": "error",
    "direct": ["direct"],
    "direct,https://a": ["direct", "https://a"],
    "file:///mnt/wasm": ["file:///mnt/wasm"],
    "ftp://a": "error",
    "https://": "error",
    "https://a#x": "error",
    "https://a,mirror": "error",
    "https://a/, http://b/x/ ,direct": ["https://a", "http://b/x", "direct"],
    "https://a?x=1": "error",
    "https://u:hunter2@a/b": "error",
    "https://u@a": "error",
}
