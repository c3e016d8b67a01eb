//! The lies that only a zip can tell.

use wasm_airgap::artifact::ArchiveType;

use crate::archives::{Zip, ZipEntry};
use crate::unpacking::Unpacking;

#[track_caller]
fn refused(zip: &Zip, words: &[&str]) {
    Unpacking::of(ArchiveType::Zip, &zip.bytes()).refused(words);
}

/// A zip whose second entry, `b`, is changed.
fn with(change: impl FnOnce(&mut ZipEntry)) -> Zip {
    Zip::new().file("a", "x").with("b", 0o100_644, "content", change).file("c", "y")
}

#[test]
fn lies_about_sizes_and_checksums() {
    refused(&with(|entry| entry.size -= 1), &["`b`", "more bytes than it says"]);
    refused(&with(|entry| entry.size += 1), &["`b`", "fewer bytes than it says"]);
    refused(&with(|entry| entry.crc ^= 1), &["`b`", "checksum"]);
    refused(&with(|entry| entry.compressed -= 1), &["`b`"]);
    refused(&with(|entry| entry.compressed += 40), &["`b`", "overlaps"]);
    let padded = with(|entry| {
        entry.data.push(0);
        entry.compressed += 1;
    });
    refused(&padded, &["`b`", "something follows after its data"]);
    refused(&with(|entry| entry.data.fill(0xff)), &["`b`", "damaged"]);
    let stored = |entry: &mut ZipEntry| entry.method = 0;
    refused(&with(stored), &["`b`", "two sizes"]);
}

#[test]
fn entries_that_share_data() {
    let zip = Zip::new().file("a", "x").with("b", 0o100_644, "x", |entry| entry.shares = Some(0));
    refused(&zip, &["overlaps"]);
    // A header within the data of another entry, as in the better bombs.
    let inner = Zip::new().stored("b", "y").bytes();
    let outer = Zip::new().with("a", 0o100_644, "", |entry| {
        entry.method = 0;
        entry.data = inner.clone();
        entry.size = inner.len() as u32 + 20;
        entry.compressed = entry.size;
    });
    refused(&outer.file("c", "z"), &["`a`", "overlaps"]);
}

#[test]
fn another_entry_for_those_who_read_from_the_beginning() {
    let name = with(|entry| entry.local_name = b"z".to_vec());
    refused(&name, &["`b`", "another name in the header before its data"]);
    let name = with(|entry| entry.local_name = b"../canary".to_vec());
    refused(&name, &["`b`", "another name"]);
    let mut bytes = with(|_| {}).bytes();
    let local_method = 8;
    bytes[local_method] = 0;
    Unpacking::of(ArchiveType::Zip, &bytes).refused(&["`a`", "another compression"]);
}

#[test]
fn entries_that_cannot_be_read() {
    refused(&with(|entry| entry.flags = 1), &["`b`", "encrypted"]);
    refused(&with(|entry| entry.method = 14), &["`b`", "compression is unknown"]);
    for (mode, reason) in [
        (0o010_644, "named pipe"),
        (0o020_644, "device"),
        (0o060_644, "device"),
        (0o140_644, "socket"),
        (0o040_755, "two different things"),
        (0o170_644, "unknown"),
    ] {
        refused(&with(|entry| entry.mode = mode), &["`b`", reason]);
    }
    let folder = Zip::new().with("d/", 0o040_755, "content", |_| {});
    refused(&folder, &["a folder, yet has content"]);
    let link = Zip::new().with("d/", 0o120_777, "e", |_| {});
    refused(&link, &["two different things"]);
}

#[test]
fn names_that_come_twice() {
    refused(&Zip::new().file("a", "x").file("a", "y"), &["comes twice"]);
    refused(&Zip::new().file("a", "x").file("./a", "y"), &["comes twice"]);
    refused(&Zip::new().file("a", "x").file("A", "y"), &["one name"]);
    refused(&Zip::new().file("a", "x").file("a/b", "y"), &["not a folder"]);
    let file_and_folder = Zip::new().file("a/b", "y").file("a", "x");
    refused(&file_and_folder, &["a folder of this name"]);
}

#[test]
fn another_archive_for_those_who_search_the_end() {
    let zip = with(|_| {});
    let after = [zip.bytes(), b"garbage".to_vec()].concat();
    Unpacking::of(ArchiveType::Zip, &after).refused(&["something follows"]);
    let two = [zip.bytes(), Zip::new().file("other", "x").bytes()].concat();
    Unpacking::of(ArchiveType::Zip, &two).refused(&["not where its end says"]);
    let before = Zip { before: b"PK\x03\x04 and a program".to_vec(), ..zip.clone() };
    Unpacking::of(ArchiveType::Zip, &before.bytes()).tree();
    // Offsets that count from after what stands before are not corrected.
    let shifted = [b"PK\x03\x04 and a program".to_vec(), zip.bytes()].concat();
    Unpacking::of(ArchiveType::Zip, &shifted).refused(&["not where its end says"]);
    // The count in the end is one too small.
    let mut bytes = zip.bytes();
    let end = bytes.len() - 22;
    bytes[end + 8] -= 1;
    bytes[end + 10] -= 1;
    Unpacking::of(ArchiveType::Zip, &bytes).refused(&["more entries than it says"]);
    refused(&Zip::new(), &["nothing is in it"]);
}
