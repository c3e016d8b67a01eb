//! WIT packages: their parsed content, their libraries, and their BUILD files.

// Tests create their own folders.
#![allow(clippy::disallowed_methods)]
#![allow(clippy::unwrap_used)]

#[allow(dead_code, reason = "the tests of unpacking use more of it")]
#[path = "support/archives.rs"]
mod archives;
#[path = "support/golden.rs"]
mod golden;
#[path = "support/memory_limit.rs"]
mod memory_limit;
#[path = "support/sandbox.rs"]
mod sandbox;

#[path = "wit/binaries.rs"]
mod binaries;
#[path = "wit/bundled.rs"]
mod bundled;
#[path = "wit/emit.rs"]
mod emit;
#[path = "wit/inspect.rs"]
mod inspect;
#[path = "wit/library.rs"]
mod library;
#[path = "wit/limits.rs"]
mod limits;
#[path = "wit/published.rs"]
mod published;
#[path = "wit/refused.rs"]
mod refused;
#[path = "wit/registry.rs"]
mod registry;
#[path = "wit/tools.rs"]
mod tools;
#[path = "wit/vendor.rs"]
mod vendor;
#[path = "wit/wkg.rs"]
mod wkg;

use sandbox::Sandbox;
use wit_parser::Resolve;

/// Returns a package in the binary format, encoded by the reference implementation. The texts are
/// those of its dependencies, each after its own dependencies, and last the package's own text.
fn encoded(texts: &[&str]) -> Vec<u8> {
    let mut resolve = Resolve { all_features: true, ..Resolve::default() };
    let packages: Vec<_> =
        texts.iter().map(|text| resolve.push_str("x.wit", text).unwrap()).collect();
    wit_component::encode(&resolve, *packages.last().unwrap(), false).unwrap()
}

/// A library that a test builds with the program, as the rule does.
struct Rule {
    request: serde_json::Value,
}

impl Rule {
    /// Creates the library `//x:{name}` of these files, which have the same path below its BUILD
    /// file.
    fn new(name: &str, srcs: &[&str]) -> Rule {
        let srcs: Vec<_> =
            srcs.iter().map(|it| serde_json::json!({"path": it, "short_path": it})).collect();
        Rule {
            request: serde_json::json!({
                "schema_version": 1, "label": format!("//x:{name}"), "package": "",
                "interfaces": [], "srcs": srcs, "deps": [], "known": {},
            }),
        }
    }

    fn with(mut self, field: &str, value: serde_json::Value) -> Rule {
        self.request[field] = value;
        self
    }

    /// Adds these libraries, which were built in `out/{name}`.
    fn deps(self, direct: &[&str]) -> Rule {
        self.all_deps(direct, true)
    }

    /// Adds libraries that other deps need.
    fn indirect(self, names: &[&str]) -> Rule {
        self.all_deps(names, false)
    }

    fn all_deps(mut self, names: &[&str], direct: bool) -> Rule {
        for name in names {
            self.request["deps"].as_array_mut().unwrap().push(serde_json::json!({
                "label": format!("//x:{name}"), "directory": format!("out/{name}"), "direct": direct,
            }));
        }
        self
    }

    /// Returns the output folder.
    fn out(&self) -> String {
        let label = self.request["label"].as_str().unwrap();
        format!("out/{}", label.rsplit(':').next().unwrap())
    }

    /// Returns the command that builds it.
    fn command(&self, sandbox: &Sandbox) -> sandbox::Run {
        sandbox.write("request.json", self.request.to_string());
        let out = self.out();
        sandbox.run(&["wit", "library", "--request=request.json", "--out", &out])
    }

    /// Builds it, and lets the reference implementation read the folder.
    #[track_caller]
    fn make(&self, sandbox: &Sandbox) -> sandbox::Printed {
        let printed = self.command(sandbox).succeeds();
        resolves(&sandbox.path(&self.out()));
        printed
    }

    /// Fails with this exit code and these words, and leaves no file.
    #[track_caller]
    fn fails(&self, sandbox: &Sandbox, code: i32, words: &[&str]) {
        let before = sandbox.tree(".");
        self.command(sandbox).ends_with(code).says(words);
        let mut after = sandbox.tree(".");
        after.retain(|path, _| path != "request.json");
        assert_eq!(after, without_request(before));
        assert!(!sandbox.path(&self.out()).exists());
    }
}

fn without_request(
    mut tree: std::collections::BTreeMap<String, Vec<u8>>,
) -> std::collections::BTreeMap<String, Vec<u8>> {
    tree.remove("request.json");
    tree
}

/// Reads a folder as wit-bindgen does.
#[track_caller]
fn resolves(folder: &std::path::Path) -> Resolve {
    let mut resolve = Resolve { all_features: true, ..Resolve::default() };
    if let Err(error) = resolve.push_dir(folder) {
        panic!("{}", resolve.render_error(&error));
    }
    resolve
}
