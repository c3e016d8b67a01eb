//! Components at the edge of each limit: an accepted one takes at most 256 MB, and a refused one is
//! reported with the limit that it exceeds and leaves no file.

use crate::fake_registry::{Door, Fake};
use crate::memory_limit::with_memory_limit;
use crate::sandbox::Sandbox;
use crate::{push, run, section, size};

/// The limit for imports and exports, and the limit for the bytes of their sections.
const MOST_NAMES: usize = 1 << 16;
const MOST_BYTES: usize = 4 << 20;
const MOST_SECTIONS: usize = 1 << 17;

/// Returns a component with a module and these sections.
fn component(sections: &[u8]) -> Vec<u8> {
    [b"\0asm\x0d\0\x01\0", section(1, b"\0asm\x01\0\0\0").as_slice(), sections].concat()
}

/// Returns a section with this many imports, whose names have this length.
fn imports(count: usize, length: usize) -> Vec<u8> {
    let name = [&[0][..], &size(length), &vec![b'a'; length], &[5, 0]].concat();
    section(10, &[size(count), name.repeat(count)].concat())
}

#[track_caller]
fn pull(bytes: &[u8], code: i32, words: &[&str]) {
    let (sandbox, fake) = (Sandbox::new(), Fake::new(Door::Open));
    push(&fake, "my-org/app", "v1", bytes);
    let reference = format!("{}/my-org/app:v1", fake.host());
    let pull = run(&sandbox, &["component", "pull", &reference, "-o", "a.wasm"]);
    with_memory_limit(pull).ends_with(code).says(words);
    assert_eq!(sandbox.path("a.wasm").exists(), code == 0);
    assert_eq!(sandbox.tree(".").len(), usize::from(code == 0));
}

#[test]
fn imports_and_exports_of_all_sections_share_a_limit() {
    let half = imports(MOST_NAMES / 2, 1);
    pull(&component(&[half.clone(), half.clone()].concat()), 0, &[]);
    let more = component(&[half.clone(), half, imports(1, 1)].concat());
    pull(&more, 4, &["too large for a component", "65536 imports and exports"]);
    let all_of_them = component(&imports(MOST_BYTES / 5 - 10, 1));
    pull(&all_of_them, 4, &["65536 imports and exports"]);
    let long = imports(20, 99_000);
    let long = [long.clone(), long.clone(), long].concat();
    pull(&component(&long), 4, &["4194304 bytes of imports and exports"]);
}

#[test]
fn sections_are_limited_in_number_and_not_in_length() {
    let custom = section(0, &[1, b'x']);
    pull(&component(&custom.repeat(MOST_SECTIONS - 1)), 0, &[]);
    pull(&component(&custom.repeat(MOST_SECTIONS)), 4, &["131072 sections"]);
    pull(&component(&section(0, &vec![0; 300 << 20])), 0, &[]);
}
