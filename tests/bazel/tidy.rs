//! `bazel mod tidy`, which keeps the `use_repo` lines of MODULE.bazel.

use crate::workspace::{Mirror, REPOSITORY, Workspace};

/// The examples, each with its `use_repo` lines.
const EXAMPLES: [(&str, &[&str]); 3] = [
    (
        "offline_components",
        &[
            "use_repo(wasm, \"wasm_toolchains\")\n",
            "use_repo(wit, \"wasi_wit\")\n",
            "use_repo(components, \"app\", \"greeter\")\n",
        ],
    ),
    ("offline_toolchains", &["use_repo(wasm, \"wasm_toolchains\")\n"]),
    ("offline_wit", &["use_repo(wasm, \"wasm_toolchains\")\n", "use_repo(wit, \"wasi_wit\")\n"]),
];

#[test]
#[ignore = "needs a Bazel: scripts/test runs it"]
fn mod_tidy_keeps_and_restores_the_imports_of_each_example() {
    let mirror = Mirror::new();
    for (example, imports) in EXAMPLES {
        let workspace = Workspace::from_example(example, &mirror);
        // The file as it is in the example, without the lines that tests add.
        let module =
            std::fs::read_to_string(format!("{REPOSITORY}/examples/{example}/MODULE.bazel"));
        let module = module.unwrap().replace("\"../..\"", &format!("{REPOSITORY:?}"));
        workspace.sandbox.write("ws/MODULE.bazel", &module);
        let tidy = || {
            workspace.bazel(&["mod", "tidy"]).succeeds();
            workspace.sandbox.read("ws/MODULE.bazel")
        };
        assert_eq!(tidy(), module, "{example}");
        let mut without = module.clone();
        for import in imports {
            assert!(module.contains(import), "{example}: {import}");
            without = without.replace(import, "");
        }
        workspace.sandbox.write("ws/MODULE.bazel", without);
        let tidied = tidy();
        for import in imports {
            assert!(tidied.contains(import), "{example}: {import}\n{tidied}");
        }
    }
}
