//! Detects the type of a file by its first bytes: the files that servers and people put in the
//! place of WebAssembly.

/// The number of bytes that the detection needs.
pub(super) const BEGINNING: usize = 512;

/// Returns whether it is WebAssembly of any kind.
pub(super) fn is_wasm(bytes: &[u8]) -> bool {
    bytes.starts_with(b"\0asm")
}

/// Returns the type of WebAssembly that is neither a component nor a package in the binary format,
/// which share one header.
pub(super) fn other_wasm(bytes: &[u8]) -> Option<String> {
    // A module's header ends in its version. A component's ends in its layer, which differs.
    match bytes.get(4..8) {
        Some([0x01, 0, 0, 0]) => Some("a core module".to_owned()),
        Some([_, 0, 1, 0]) => None,
        Some(other) => Some(format!("WebAssembly of the unknown version {}", hex::encode(other))),
        None => Some("the start of a WebAssembly file, cut short".to_owned()),
    }
}

/// Returns the type of a binary file that is not WebAssembly.
pub(super) fn other_binary(bytes: &[u8]) -> Option<&'static str> {
    let kinds: [(usize, &[u8], &str); 5] = [
        (0, &[0x1f, 0x8b], "a gzip archive"),
        (0, b"PK", "a zip archive"),
        (0, b"\xfd7zXZ\0", "an xz archive"),
        (0, &[0x28, 0xb5, 0x2f, 0xfd], "a zstd archive"),
        (257, b"ustar", "a tar archive"),
    ];
    let is = |(at, magic): (usize, &[u8])| bytes.get(at..).is_some_and(|it| it.starts_with(magic));
    kinds.iter().find(|(at, magic, _)| is((*at, magic))).map(|(_, _, kind)| *kind)
}

/// Returns the type of a text file that is not WIT. WIT cannot begin with any of these texts.
pub(super) fn other_text(text: &str) -> Option<&'static str> {
    match text.trim_start().chars().next() {
        None => Some("an empty file"),
        Some('<') => Some("an HTML page or another markup"),
        Some('{' | '[') => Some("JSON"),
        Some('(') => Some("WebAssembly in its text format"),
        Some(_) => None,
    }
}
