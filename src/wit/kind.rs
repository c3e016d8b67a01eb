//! What a file is by its first bytes: what servers and people put where WebAssembly should be.

/// How many bytes tell it.
pub(super) const BEGINNING: usize = 512;

/// Whether it is WebAssembly of any kind.
pub(super) fn is_wasm(bytes: &[u8]) -> bool {
    bytes.starts_with(b"\0asm")
}

/// What WebAssembly is that is neither a component nor a package in the binary format, which have
/// one header.
pub(super) fn other_wasm(bytes: &[u8]) -> Option<String> {
    // A module's header ends in its version, a component's in the layer that tells it from one.
    match bytes.get(4..8) {
        Some([0x01, 0, 0, 0]) => Some("a core module".to_owned()),
        Some([_, 0, 1, 0]) => None,
        Some(other) => Some(format!("WebAssembly of the unknown version {}", hex::encode(other))),
        None => Some("the beginning of a WebAssembly file, cut off".to_owned()),
    }
}

/// What binary files are that are no WebAssembly.
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

/// The same for text. None of these can begin WIT.
pub(super) fn other_text(text: &str) -> Option<&'static str> {
    match text.trim_start().chars().next() {
        None => Some("an empty file"),
        Some('<') => Some("an HTML page or another markup"),
        Some('{' | '[') => Some("JSON"),
        Some('(') => Some("WebAssembly in its text format"),
        Some(_) => None,
    }
}
