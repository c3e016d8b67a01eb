//! Packages in the binary format.

use airgap_core::digest::Digest;
use airgap_core::error::ErrorKind;
use airgap_core::verify::Unverified;
use airgap_wit::WitSource;

use crate::encoded;
use crate::sandbox::Sandbox;

const BASE: &str = "\
/// What everything rests on.
package acme:base@1.2.3;

interface types {
  /// A place.
  @since(version = 1.2.0)
  record point {
    /// To the right.
    x: u32,
    y: u32,
  }

  @unstable(feature = fast)
  dist: func(a: point, b: point) -> u32;
  never-used: func();
}

/// Everything.
world w {
  import types;
}
";

const MID: &str = "\
package acme:mid@0.1.0;

interface shapes {
  use acme:base/types@1.2.3.{point};

  corner: func() -> point;
}

world draw {
  import shapes;
  include acme:base/w@1.2.3;
  export run: func();
}
";

fn strings(items: impl IntoIterator<Item = impl ToString>) -> Vec<String> {
    items.into_iter().map(|item| item.to_string()).collect()
}

#[test]
fn the_text_has_the_documentation_and_the_gates() {
    let source = WitSource::from_bytes(encoded(&[BASE]), "base.wasm").unwrap();
    let text = String::from_utf8(source.files["package.wit"].clone()).unwrap();
    assert_eq!(source.files.len(), 1);
    for words in [
        "/// What everything rests on.\npackage acme:base@1.2.3;",
        "/// A place.\n  @since(version = 1.2.0)\n  record point {",
        "/// To the right.",
        "@unstable(feature = fast)\n  dist: func",
        "/// Everything.\nworld w {",
    ] {
        assert!(text.contains(words), "`{words}` is missing in\n{text}");
    }
    assert_eq!(source.id().unwrap().to_string(), "acme:base@1.2.3");
    assert_eq!(strings(&source.interfaces), ["types"]);
    assert_eq!(strings(&source.worlds), ["w"]);
    assert!(source.dependencies.is_empty() && source.nested.is_empty());
    // The facts read from the text are the same from either form.
    let again = WitSource::from_bytes(text.into_bytes(), "base.wit").unwrap();
    assert_eq!(again, source);
    assert_eq!(again.tree_hash(), source.tree_hash());
}

#[test]
fn the_text_leaves_out_packages_of_dependencies() {
    let source = WitSource::from_bytes(encoded(&[BASE, MID]), "mid.wasm").unwrap();
    let text = String::from_utf8(source.files["package.wit"].clone()).unwrap();
    assert!(!text.contains("package acme:base"), "{text}");
    assert_eq!(strings(&source.dependencies), ["acme:base@1.2.3"]);
    assert_eq!(strings(&source.interfaces), ["shapes"]);
    assert_eq!(strings(&source.worlds), ["draw"]);
}

#[test]
fn a_verified_file_is_read_to_its_end() {
    let sandbox = Sandbox::new();
    let bytes = encoded(&[BASE]);
    let path = sandbox.write("base.wasm", &bytes);
    let file = Unverified::open(&path, "acme:base@1.2.3").unwrap().verify(&Digest::compute(&bytes));
    let source = WitSource::from_published(&file.unwrap()).unwrap();
    assert!(source.is(&"acme:base@1.2.3".parse().unwrap()));
    assert_eq!(WitSource::from_unverified(&path).unwrap(), source);
    for other in ["acme:base@1.2.4", "acme:case@1.2.3"] {
        let error = source.must_be(&other.parse().unwrap(), "base.wasm").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Integrity);
        let text = error.to_string();
        assert!(text.contains(other) && text.contains("acme:base@1.2.3"), "{text}");
    }
}

/// Checks that damage gives an error and never a panic.
#[test]
fn damaged_files_are_errors() {
    let whole = encoded(&[BASE, MID]);
    let mut accepted = 0;
    for length in 0..whole.len() {
        match WitSource::from_bytes(whole[..length].to_vec(), "cut.wasm") {
            Err(error) => assert_eq!(error.kind(), ErrorKind::Integrity, "{length}"),
            // At the end of a section the format cannot detect a cut; a digest can.
            Ok(_) => accepted += 1,
        }
    }
    assert!(accepted < 10, "{accepted} of {}", whole.len());
    let mut refused = 0;
    for index in 0..whole.len() {
        for mask in [0x01, 0x80, 0xff] {
            let mut bytes = whole.clone();
            bytes[index] ^= mask;
            // A letter in a comment may change to any other.
            refused += usize::from(WitSource::from_bytes(bytes, "bent.wasm").is_err());
        }
    }
    assert!(refused > whole.len(), "{refused} of {}", whole.len() * 3);
}
