//! Variables of rules_wasm_component that this program does not read.

use airgap_core::environment::Environment;

/// Each variable, with what to do instead.
const VARIABLES: [(&str, &str); 5] = [
    ("BAZEL_GOPROXY", "Go modules are fetched by your Go rules; set GOPROXY for them"),
    ("BAZEL_GO_MIRROR", "BAZEL_WASM_MIRROR serves the archives of all tools, Go among them"),
    (
        "BAZEL_NODEJS_MIRROR",
        "BAZEL_WASM_MIRROR serves the archives of all tools, Node.js among them",
    ),
    (
        "BAZEL_NPM_REGISTRY",
        "npm packages such as jco are not served here; fetch them with rules_js and its lock file",
    ),
    ("WKG_PATH", "WIT packages are fetched by this program, which does not run wkg"),
];

/// Returns a line for each of these variables that is set.
pub fn warnings(environment: &Environment) -> impl Iterator<Item = String> {
    let set = VARIABLES.iter().filter(|(name, _)| environment.named(name).is_some());
    set.map(|(name, instead)| format!("{name} is set, and nothing reads it: {instead}"))
}
