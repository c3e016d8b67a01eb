//! Contradictions that only a zip can contain.

use airgap_core::artifact::ArchiveType;

use crate::archives::{Zip, ZipEntry};
use crate::unpacking::Unpacking;

#[track_caller]
fn refused(zip: &Zip, words: &[&str]) {
    Unpacking::new(ArchiveType::Zip, &zip.bytes()).refused(words);
}

/// Returns a zip whose second entry, `b`, is changed.
fn with(change: impl FnOnce(&mut ZipEntry)) -> Zip {
    Zip::new().file("a", "x").with("b", 0o100_644, "content", change).file("c", "y")
}

#[test]
fn wrong_sizes_and_checksums_are_refused() {
    refused(&with(|entry| entry.size -= 1), &["`b`", "more bytes than its size says"]);
    refused(&with(|entry| entry.size += 1), &["`b`", "fewer bytes than its size says"]);
    refused(&with(|entry| entry.crc ^= 1), &["`b`", "checksum"]);
    refused(&with(|entry| entry.compressed -= 1), &["`b`"]);
    refused(&with(|entry| entry.compressed += 40), &["`b`", "overlaps"]);
    let padded = with(|entry| {
        entry.data.push(0);
        entry.compressed += 1;
    });
    refused(&padded, &["`b`", "data follows after its compressed data"]);
    refused(&with(|entry| entry.data.fill(0xff)), &["`b`", "damaged"]);
    let stored = |entry: &mut ZipEntry| entry.method = 0;
    refused(&with(stored), &["`b`", "two different sizes"]);
}

#[test]
fn entries_that_share_data_are_refused() {
    let zip = Zip::new().file("a", "x").with("b", 0o100_644, "x", |entry| entry.shares = Some(0));
    refused(&zip, &["overlaps"]);
    // A header within the data of another entry, as in zip bombs that overlap.
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
fn local_headers_with_another_name_or_method_are_refused() {
    let name = with(|entry| entry.local_name = b"z".to_vec());
    refused(&name, &["`b`", "local header has another name"]);
    let name = with(|entry| entry.local_name = b"../canary".to_vec());
    refused(&name, &["`b`", "another name"]);
    let mut bytes = with(|_| {}).bytes();
    let local_method = 8;
    bytes[local_method] = 0;
    Unpacking::new(ArchiveType::Zip, &bytes).refused(&["`a`", "another compression"]);
}

#[test]
fn unsupported_entries_are_refused() {
    refused(&with(|entry| entry.flags = 1), &["`b`", "encrypted"]);
    refused(&with(|entry| entry.method = 14), &["`b`", "compression method"]);
    for (mode, reason) in [
        (0o010_644, "named pipe"),
        (0o020_644, "device"),
        (0o060_644, "device"),
        (0o140_644, "socket"),
        (0o040_755, "disagree on its type"),
        (0o170_644, "unknown"),
    ] {
        refused(&with(|entry| entry.mode = mode), &["`b`", reason]);
    }
    let folder = Zip::new().with("d/", 0o040_755, "content", |_| {});
    refused(&folder, &["a folder, but has content"]);
    let link = Zip::new().with("d/", 0o120_777, "e", |_| {});
    refused(&link, &["disagree on its type"]);
}

#[test]
fn duplicate_names_are_refused() {
    refused(&Zip::new().file("a", "x").file("a", "y"), &["twice"]);
    refused(&Zip::new().file("a", "x").file("./a", "y"), &["twice"]);
    refused(&Zip::new().file("a", "x").file("A", "y"), &["the same name"]);
    refused(&Zip::new().file("a", "x").file("a/b", "y"), &["not a folder"]);
    let file_and_folder = Zip::new().file("a/b", "y").file("a", "x");
    refused(&file_and_folder, &["a folder of this name"]);
}

#[test]
fn data_after_the_archive_is_refused() {
    let zip = with(|_| {});
    let after = [zip.bytes(), b"garbage".to_vec()].concat();
    Unpacking::new(ArchiveType::Zip, &after).refused(&["data follows"]);
    let two = [zip.bytes(), Zip::new().file("other", "x").bytes()].concat();
    Unpacking::new(ArchiveType::Zip, &two).refused(&["not at the offset in its end record"]);
    let before = Zip { before: b"PK\x03\x04 and a program".to_vec(), ..zip.clone() };
    Unpacking::new(ArchiveType::Zip, &before.bytes()).tree();
    // Offsets that count from the end of a preceding text are not corrected.
    let shifted = [b"PK\x03\x04 and a program".to_vec(), zip.bytes()].concat();
    Unpacking::new(ArchiveType::Zip, &shifted).refused(&["not at the offset in its end record"]);
    // The count of entries in the end record is one too small.
    let mut bytes = zip.bytes();
    let end = bytes.len() - 22;
    bytes[end + 8] -= 1;
    bytes[end + 10] -= 1;
    Unpacking::new(ArchiveType::Zip, &bytes).refused(&["more entries than its end record says"]);
    refused(&Zip::new(), &["it is empty"]);
}

/// Returns a zip64 field with these two sizes.
fn zip64(size: u64, compressed: u64) -> Vec<u8> {
    [&b"\x01\0\x10\0"[..], &size.to_le_bytes(), &compressed.to_le_bytes()].concat()
}

/// Returns the record after the data, with sizes of 4 or 8 bytes (APPNOTE 4.3.9).
fn record(entry: &ZipEntry, mark: &[u8], width: usize) -> Vec<u8> {
    let sizes = [entry.compressed, entry.size].map(u64::from);
    let sizes = sizes.iter().flat_map(|size| size.to_le_bytes()[..width].to_vec());
    mark.iter().copied().chain(entry.crc.to_le_bytes()).chain(sizes).collect()
}

#[test]
fn local_headers_that_contradict_the_directory_are_refused() {
    const LARGE: [u8; 8] = [0xff; 8];
    let local = |at: usize, bytes: &[u8]| {
        let patch = (at, bytes.to_vec());
        with(move |entry| entry.local_patch.push(patch))
    };
    refused(&local(14, &[1]), &["`b`", "another checksum"]);
    refused(&local(18, &[1]), &["`b`", "another size"]);
    refused(&local(22, &[1]), &["`b`", "another size"]);
    refused(&local(18, &LARGE), &["`b`", "another size"]);
    for flag in [0x01, 0x20, 0x40] {
        refused(&local(6, &[flag]), &["`b`", "another compression"]);
        refused(&with(|entry| entry.flags = flag.into()), &["`b`", "encrypted"]);
    }
    refused(&local(7, &[0x20]), &["`b`", "another compression"]);
    refused(&with(|entry| entry.flags = 0x2000), &["`b`", "encrypted"]);
    refused(&local(6, &[0x08]), &["`b`", "other flags"]);
    let disk = with(|entry| entry.central_patch.push((34, vec![1])));
    refused(&disk, &["`b`", "another disk"]);
    for extra in [zip64(20, 20), zip64(0, 0), vec![1, 0, 4, 0, 0, 0, 0, 0], vec![1, 0, 16, 0, 0]] {
        refused(
            &with(|entry| {
                entry.local_extra = extra;
                entry.local_patch.push((18, LARGE.to_vec()));
            }),
            &["`b`"],
        );
    }
    let twice = with(|entry| {
        let right = zip64(entry.size.into(), entry.compressed.into());
        entry.local_extra = [right, zip64(20, 20)].concat();
        entry.local_patch.push((18, LARGE.to_vec()));
    });
    refused(&twice, &["`b`", "twice"]);
    let disagrees = with(|entry| entry.local_extra = zip64(20, 20));
    refused(&disagrees, &["`b`", "disagree"]);
    let name = with(|entry| entry.local_extra = b"\x75\x70\x06\0\x01....z".to_vec());
    refused(&name, &["`b`", "another name"]);
    // In folders and links too.
    let folder =
        |change: fn(&mut ZipEntry)| Zip::new().file("a", "x").with("d/", 0o040_755, "", change);
    refused(&folder(|entry| entry.local_name = b"e/".to_vec()), &["`d/`", "another name"]);
    refused(&folder(|entry| entry.local_patch.push((22, vec![9]))), &["`d/`", "another size"]);
    // For a name that is not ASCII, both flags about UTF-8 must agree.
    let name =
        Zip::new().with("\u{e4}", 0o100_644, "x", |entry| entry.local_patch.push((7, vec![8])));
    refused(&name, &["other flags"]);
}

#[test]
fn data_descriptors_are_read_and_checked() {
    let later = |change: fn(&mut ZipEntry)| {
        with(move |entry| {
            entry.flags = 8;
            change(entry);
        })
    };
    let tree = |zip: &Zip| Unpacking::new(ArchiveType::Zip, &zip.bytes()).tree();
    for (mark, width) in [(&b"PK\x07\x08"[..], 4), (b"", 4), (b"PK\x07\x08", 8), (b"", 8)] {
        let zip = with(|entry| {
            entry.flags = 8;
            entry.after = Some(record(entry, mark, width));
        });
        assert_eq!(tree(&zip)["b"], "644 content", "{mark:?} {width}");
    }
    // The header may contain them nevertheless, or leave them to a zip64 field.
    tree(&later(|entry| {
        let sizes = [entry.crc, entry.compressed, entry.size].map(u32::to_le_bytes).concat();
        entry.local_patch.push((14, sizes));
    }));
    tree(&later(|entry| {
        entry.local_extra = zip64(0, 0);
        entry.local_patch.push((18, vec![0xff; 8]));
    }));
    for (at, reason) in [(14, "another checksum"), (18, "another size"), (22, "another size")] {
        let zip = with(|entry| {
            entry.flags = 8;
            entry.local_patch.push((at, vec![3]));
        });
        refused(&zip, &["`b`", reason]);
    }
    refused(
        &later(|entry| entry.after = Some(Vec::new())),
        &["`b`", "data descriptor is not valid"],
    );
    refused(
        &later(|entry| entry.after = Some(vec![0; 16])),
        &["`b`", "data descriptor is not valid"],
    );
    refused(&later(|entry| entry.after = Some(vec![0; 12])), &["`b`", "another size or checksum"]);
    refused(&later(|entry| entry.after = Some(vec![0; 100])), &["`b`", "unknown bytes"]);
    // Stored data that contains text like its own end, for readers that do not know its length.
    let stored = |content: &'static [u8]| {
        with(move |entry| {
            (entry.flags, entry.method) = (8, 0);
            entry.data = content.to_vec();
            (entry.size, entry.compressed) = (content.len() as u32, content.len() as u32);
            let mut crc = flate2::Crc::new();
            crc.update(content);
            entry.crc = crc.sum();
        })
    };
    tree(&stored(b"abcPK\x07\x08....\x04\0\0\0\x04\0\0\0"));
    refused(&stored(b"abcPK\x07\x08....\x03\0\0\0\x03\0\0\0"), &["`b`", "earlier possible end"]);
}

#[test]
fn entries_missing_in_the_central_directory_are_refused() {
    let hidden = Zip::new().file("hidden", "x");
    let local = hidden.bytes()[..30 + 6 + hidden.entries[0].data.len()].to_vec();
    refused(&with(|entry| entry.after = Some(local.clone())), &["`b`", "unknown bytes"]);
    refused(&with(|entry| entry.after = Some(vec![0])), &["`b`", "unknown bytes"]);
    let last = Zip::new().with("a", 0o100_644, "x", |entry| entry.after = Some(local.clone()));
    refused(&last, &["`a`", "unknown bytes"]);
    refused(&Zip { before: local, ..with(|_| {}) }, &["starts with an entry"]);
    // A part of a zip of several parts.
    for at in [4, 6, 8] {
        let mut bytes = with(|_| {}).bytes();
        let end = bytes.len() - 22;
        bytes[end + at] += 1;
        Unpacking::new(ArchiveType::Zip, &bytes).refused(&["split zip"]);
    }
    // Two end records with different counts.
    let mut bytes = Zip { is_64: true, ..with(|_| {}) }.bytes();
    let end = bytes.len() - 22;
    bytes[end + 8..end + 12].copy_from_slice(&[1, 0, 1, 0]);
    Unpacking::new(ArchiveType::Zip, &bytes).refused(&["zip64 record disagree"]);
}

#[test]
fn an_independent_reader_finds_the_same_files() {
    let zip = Zip::new().file("top/a", "x").stored("top/b", "y").file("top/d/c", "content");
    let bytes = zip.bytes();
    let mut archive = zip::ZipArchive::new(std::io::Cursor::new(&bytes)).unwrap();
    let unpacking = Unpacking::new(ArchiveType::Zip, &bytes);
    unpacking.run().unwrap();
    for nth in 0..archive.len() {
        let mut entry = archive.by_index(nth).unwrap();
        let (mut content, path) =
            (Vec::new(), unpacking.destination().join(&*entry.name().unwrap()));
        std::io::Read::read_to_end(&mut entry, &mut content).unwrap();
        assert_eq!(std::fs::read(path).unwrap(), content);
    }
    assert_eq!(archive.len(), 3);
}
