//! The headers of a part: POSIX.1 pax, "ustar Interchange Format" and "pax Header Block".

use airgap_core::digest::Digest;

/// The size of a block, and of the two empty ones at the end.
pub(super) const BLOCK: u64 = 512;
pub(super) const END: u64 = 2 * BLOCK;

/// The longest name in a header without a pax record.
const MOST_NAME: usize = 100;

/// The first size that the twelve bytes of the field cannot hold in octal digits.
const LARGE: u64 = 1 << 33;

/// The size of the header at the beginning of a part.
pub(super) const BEGINNING: u64 = 2 * BLOCK;

/// Returns the header at the beginning of a part: a comment that names the bundle, so that a part of
/// another bundle is distinguished from a damaged part.
pub(super) fn beginning(bundle: &Digest, number: u32) -> Vec<u8> {
    described(b'g', record("comment", &comment(bundle, number)))
}

/// Returns the bundle and the number in the header at the beginning of a part.
pub(super) fn read_beginning(bytes: &[u8]) -> Option<(Digest, u32)> {
    let text = std::str::from_utf8(bytes.get(BLOCK as usize..)?).ok()?;
    let (_, rest) = text.split_once("comment=wasm-airgap bundle ")?;
    let (digest, rest) = rest.split_once(" part ")?;
    let (number, _) = rest.split_once('\n')?;
    Some((digest.parse().ok()?, number.parse().ok()?))
}

fn comment(bundle: &Digest, number: u32) -> String {
    format!("wasm-airgap bundle {bundle} part {number}")
}

/// Returns the header of a file.
pub(super) fn header(name: &str, size: u64, executable: bool) -> Vec<u8> {
    let mut records = String::new();
    if name.len() > MOST_NAME {
        records.push_str(&record("path", name));
    }
    if size >= LARGE {
        records.push_str(&record("size", &size.to_string()));
    }
    let mode = if executable { 0o755 } else { 0o644 };
    let mut header = if records.is_empty() { Vec::new() } else { described(b'x', records) };
    header.extend(block(name, if size < LARGE { size } else { 0 }, b'0', mode));
    header
}

/// Returns the size of the header of a file.
pub(super) fn header_size(name: &str, size: u64) -> u64 {
    header(name, size, false).len() as u64
}

/// Returns a size with the padding after it.
pub(super) fn padded(size: u64) -> u64 {
    size.next_multiple_of(BLOCK)
}

/// Returns a header of this type with records.
fn described(kind: u8, records: String) -> Vec<u8> {
    let mut bytes = block("pax", records.len() as u64, kind, 0o644).to_vec();
    bytes.extend(records.as_bytes());
    bytes.resize(padded(bytes.len() as u64) as usize, 0);
    bytes
}

/// Returns a record `LENGTH KEY=VALUE\n`, whose length counts its own digits.
fn record(key: &str, value: &str) -> String {
    let rest = key.len() + value.len() + 3;
    let mut length = rest;
    while rest + length.to_string().len() != length {
        length = rest + length.to_string().len();
    }
    format!("{length} {key}={value}\n")
}

fn block(name: &str, size: u64, kind: u8, mode: u32) -> [u8; BLOCK as usize] {
    let mut block = [0; BLOCK as usize];
    let mut put = |at: usize, text: &[u8]| block[at..at + text.len()].copy_from_slice(text);
    put(0, &name.as_bytes()[..name.len().min(MOST_NAME)]);
    put(100, format!("{mode:07o}\0").as_bytes());
    put(108, b"0000000\0");
    put(116, b"0000000\0");
    put(124, format!("{size:011o}\0").as_bytes());
    put(136, b"00000000000\0");
    put(148, b"        ");
    put(156, &[kind]);
    put(257, b"ustar\x0000");
    let sum: u32 = block.iter().map(|&byte| u32::from(byte)).sum();
    block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    block
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_length_of_a_pax_record_includes_itself() {
        assert_eq!(record("a", "b"), "6 a=b\n");
        assert_eq!(record("path", &"x".repeat(90)).len(), 99);
        assert_eq!(record("path", &"x".repeat(91)).split(' ').next(), Some("101"));
    }

    #[test]
    fn the_first_entry_is_written_and_read_back() {
        let bundle = Digest::compute(b"bundle");
        let bytes = beginning(&bundle, 1200);
        assert_eq!(bytes.len() as u64, BEGINNING);
        assert_eq!(read_beginning(&bytes), Some((bundle, 1200)));
        assert_eq!(read_beginning(&bytes[..600]), None);
        assert_eq!(read_beginning(&[0xff; 2000]), None);
    }
}
