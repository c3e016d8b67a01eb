//! `wit inspect`: the declarations and dependencies of a package, for people and for programs.

use crate::encoded;
use crate::sandbox::Sandbox;

const TYPES: &str = "\
interface types { use w:io/streams@0.2.6.{t}; }
interface more { use local:plain/i.{p}; }
";
const WORLD: &str = "\
package w:http@0.2.6;
use w:io/poll@0.2.3 as p;
world proxy { include w:cli/imports@0.2.6; import inline: interface { f: func(); } }
world client { import types; }
";

#[test]
fn a_folder_is_inspected() {
    let sandbox = Sandbox::new();
    sandbox.write("wit/types.wit", TYPES);
    sandbox.write("wit/world.wit", WORLD);
    // These files do not belong to the package itself.
    sandbox.write("wit/deps/io/x.wit", "package w:io@0.2.6;\ninterface other {}");
    sandbox.write("wit/deps.toml", "");
    sandbox.write("wit/.types.wit", "not WIT");
    let printed = sandbox.run(&["wit", "inspect", "wit"]).succeeds();
    assert_eq!(
        printed.stdout,
        "\
w:http@0.2.6
  depends on   w:cli@0.2.6
  depends on   w:io@0.2.3
  depends on   w:io@0.2.6
  depends on   local:plain
  interfaces   more
  interfaces   types
  worlds       client
  worlds       proxy
"
    );
    let json = sandbox.run(&["--json", "wit", "inspect", "wit"]).succeeds().json();
    assert_eq!(json["package"], "w:http@0.2.6");
    let dependencies = ["w:cli@0.2.6", "w:io@0.2.3", "w:io@0.2.6", "local:plain"];
    assert_eq!(json["dependencies"], serde_json::json!(dependencies));
    let tree = json["tree"].as_str().unwrap().to_owned();
    let lines = format!(
        "{}  types.wit\n{}  world.wit\n",
        crate::sandbox::sha256(TYPES.as_bytes()),
        crate::sandbox::sha256(WORLD.as_bytes())
    );
    assert_eq!(tree, format!("sha256:{}", crate::sandbox::sha256(lines.as_bytes())));
    let hash = airgap_wit::tree_hash(&sandbox.path("wit")).unwrap();
    assert_eq!(tree, format!("sha256:{hash}"));
}

#[test]
fn a_file_of_either_form_and_packages_in_one_file() {
    let sandbox = Sandbox::new();
    let text = "package a:b@1.0.0;\ninterface i { use c:d/e.{t}; }\npackage c:d { interface e { type t = u8; use x:y/z@1.0.0.{v}; } }\n";
    sandbox.write("a.wit", text);
    let json = sandbox.run(&["--json", "wit", "inspect", "a.wit"]).succeeds().json();
    assert_eq!(json["nested"], serde_json::json!(["c:d"]));
    assert_eq!(json["dependencies"], serde_json::json!(["x:y@1.0.0"]));
    assert_eq!(json["interfaces"], serde_json::json!(["i"]));
    sandbox.write("b.wasm", encoded(&["package a:b@1.0.0;\ninterface i {}"]));
    let printed = sandbox.run(&["wit", "inspect", "b.wasm"]).succeeds();
    assert_eq!(printed.stdout, "a:b@1.0.0\n  interfaces   i\n");
}

#[test]
fn files_that_are_not_wit_packages_are_refused() {
    let sandbox = Sandbox::new();
    sandbox.write("m.wasm", b"\0asm\x01\0\0\0");
    sandbox.run(&["wit", "inspect", "m.wasm"]).ends_with(4).says(&["m.wasm", "a core module"]);
    sandbox.run(&["wit", "inspect", "."]).ends_with(2).says(&["no `.wit` files"]);
    sandbox.run(&["wit", "inspect", "gone"]).ends_with(1).says(&["gone"]);
    let json = sandbox.run(&["--json", "wit", "inspect", "m.wasm"]).ends_with(4).json();
    assert_eq!(json["kind"], "integrity");
}
