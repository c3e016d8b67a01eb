//! Refused entries of a tar, and the limits.

use airgap_archive::Limits;
use airgap_core::artifact::{ArchiveType, Strip};
use airgap_core::error::ErrorKind;

use crate::archives::{Tar, Zip, gz, pax_record, xz, zst};
use crate::unpacking::Unpacking;

#[track_caller]
fn refused(tar: &Tar, words: &[&str]) {
    Unpacking::new(ArchiveType::TarGz, &tar.gz()).refused(words);
}

#[test]
fn paths_that_some_system_reads_differently_are_refused() {
    for (name, reason) in [
        (&b"/tmp/canary"[..], "absolute"),
        (b"../canary", "climbs with `..`"),
        (b"a/../../canary", "climbs with `..`"),
        (b"a/..", "climbs with `..`"),
        (b"a//b", "empty"),
        (b"a/./b", "is `.`"),
        (b"..\\canary", "backslash"),
        (b"C:\\canary", "colon"),
        (b"C:canary", "colon"),
        (b"a:stream", "colon"),
        (b"a\nb", "control character \\n"),
        (b"a\x1b[2Jb", "control character \\u{1b}"),
        (b"nul", "device"),
        (b"a/Con.txt", "device"),
        (b"COM1", "device"),
        (b"a./b", "dot or a space"),
        (b"a ", "dot or a space"),
        (b"\xff\xfe", "not UTF-8"),
        ("a\u{202e}gpj.exe".as_bytes(), "the path contains the character \\u{202e}"),
        ("a\u{200b}b".as_bytes(), "the path contains the character \\u{200b}"),
        (b"./", "folder"),
    ] {
        let words = ["in the archive is refused", reason];
        refused(&Tar::new().file("fine", "x").file(name, "x"), &words);
        let mut zip = Zip::new().file("fine", "x");
        zip = zip.with(name, 0o100_644, if name.ends_with(b"/") { "" } else { "x" }, |_| {});
        if name != b"./" {
            Unpacking::new(ArchiveType::Zip, &zip.bytes()).refused(&words);
        }
    }
    // Only a PAX header can contain a NUL.
    refused(&Tar::new().pax("path", b"a\0b").file("fine", "x"), &["control character"]);
    refused(&Tar::new().pax("path", "../canary").file("fine", "x"), &["climbs"]);
    refused(&Tar::new().pax("path", "").file("fine", "x"), &["empty"]);
    let long = Tar::new().entry(b'L', 0, "././@LongLink", "", "../canary\0").file("fine", "x");
    refused(&long, &["climbs"]);
}

#[test]
fn a_hostile_name_does_not_reach_the_terminal() {
    let tar = Tar::new().file("a\x1b]0;title\x07\u{202e}b", "x");
    let error = Unpacking::new(ArchiveType::TarGz, &tar.gz()).refused(&["control character"]);
    let text = error.to_string();
    assert!(!text.contains(['\x1b', '\x07', '\u{202e}']), "{text:?}");
}

#[test]
fn duplicate_and_case_equal_names_are_refused() {
    let tar = || Tar::new().file("lib/a", "x");
    refused(&tar().file("lib/a", "y"), &["`lib/a`", "twice"]);
    refused(&tar().file("./lib/a", "y"), &["twice"]);
    refused(&tar().file("LIB/b", "y"), &["`LIB` and `lib` are the same name"]);
    refused(&tar().file("lib/A", "y"), &["`A` and `a` are the same name"]);
    refused(&tar().folder("lib/a/"), &["file, not a folder"]);
    refused(&tar().file("lib/a/b", "y"), &["file, not a folder"]);
    refused(&tar().file("lib", "y"), &["a folder of this name"]);
    refused(&tar().symlink("lib", "lib/a"), &["a folder of this name"]);
    refused(&tar().symlink("lib/a", "b"), &["twice"]);
    refused(&tar().hard_link("lib/a", "lib/a"), &["twice"]);
    refused(&Tar::new().file("caf\u{e9}", "x").file("cafe\u{301}", "y"), &["are the same name"]);
    refused(&Tar::new().symlink("a", "b").folder("a/").file("b", ""), &["link, not a folder"]);
}

#[test]
fn devices_pipes_and_sparse_files_are_refused() {
    for (kind, reason) in [
        (b'3', "a device"),
        (b'4', "a device"),
        (b'6', "a named pipe"),
        (b'D', "unknown type `D`"),
        (b'V', "unknown type `V`"),
        (b'\x01', "unknown type `\\x01`"),
    ] {
        refused(&Tar::new().file("a", "x").entry(kind, 0o644, "b", "", ""), &["`b`", reason]);
    }
    refused(&Tar::new().entry(b'S', 0o644, "b", "", ""), &["sparse"]);
    refused(&Tar::new().pax("GNU.sparse.major", "1").file("b", "x"), &["sparse"]);
    refused(&Tar::new().entry(b'5', 0o755, "a/", "", "x"), &["a folder, but has content"]);
    refused(&Tar::new().entry(b'2', 0o755, "a", "b", "x"), &["a symbolic link, but has content"]);
    refused(&Tar::new().file("a/", "x"), &["name is that of a folder"]);
}

#[test]
fn ambiguous_headers_are_refused() {
    let long = |tar: Tar| tar.entry(b'L', 0, "././@LongLink", "", "name\0");
    refused(&long(long(Tar::new())).file("a", "x"), &["given twice"]);
    refused(&long(Tar::new().pax("path", "b")).file("a", "x"), &["given twice"]);
    refused(&Tar::new().pax("path", "a").pax("path", "b").file("c", "x"), &["given twice"]);
    // GNU tar drops the content of the first header, and other readers do not.
    let two = Tar::new().pax("path", "b").pax("mtime", "1").file("a", "x");
    refused(&two, &["two PAX headers"]);
    refused(&Tar::new().pax("size", "512").file("a", "x"), &["two sizes"]);
    for size in ["many", "+1", "-1", " 1", "1 ", "01", "0x1", "", "99999999999999999999"] {
        refused(&Tar::new().pax("size", size).file("a", "x"), &["not a decimal number"]);
    }
    // bsdtar uses the prefix with any version of the header, GNU tar only with its own.
    let mut header: [u8; 512] = Tar::new().file("a", "").0.try_into().unwrap();
    header[257..265].copy_from_slice(b"ustarX00");
    header[345..351].copy_from_slice(b"prefix");
    let odd = Tar(crate::archives::with_checksum(header).to_vec());
    refused(&odd, &["`a`", "unknown tar format"]);
    refused(&Tar::new().entry(b'x', 0, "p", "", "9 path=ab\n").file("a", ""), &["malformed"]);
    refused(&Tar::new().file("a", "x").pax("path", "b"), &["announced"]);
    let global = Tar::new().entry(b'g', 0, "g", "", pax_record("path", b"b"));
    refused(&global.file("a", "x"), &["global header", "`path`"]);
}

#[test]
fn entries_outside_of_the_strip_prefix_are_refused() {
    let tar = Tar::new().file("sdk-1.1/bin/tool", "x");
    let strip = |prefix: &str| {
        Unpacking::new(ArchiveType::TarGz, &tar.gz()).strip(Strip::Prefix(prefix.to_owned()))
    };
    strip("sdk-1.0").refused(&[
        "`sdk-1.1/bin/tool`",
        "is not below the strip prefix",
        "sdk-1.0/...",
        "sdk-1.1/...",
    ]);
    strip("sdk-1").refused(&["is not below"]);
    strip("sdk-1.1/bin/tool").refused(&["it has the path of the top folder"]);
    let only_folders = Tar::new().folder("sdk/").gz();
    let strip = Strip::Prefix("sdk".to_owned());
    Unpacking::new(ArchiveType::TarGz, &only_folders).strip(strip).refused(&["it is empty"]);
    let bad = Unpacking::new(ArchiveType::TarGz, &tar.gz()).strip(Strip::Prefix("../a".to_owned()));
    assert_eq!(bad.run().unwrap_err().kind(), ErrorKind::Usage);
    bad.assert_untouched();
}

#[test]
fn archives_over_the_limits_are_refused() {
    let small = || Limits { entries: 3, bytes: 100, ratio: 0, path: 20, depth: 3, memory: 1 << 20 };
    let tar = |tar: Tar| Unpacking::new(ArchiveType::TarGz, &tar.gz()).limits(small());
    let zip = |zip: Zip| Unpacking::new(ArchiveType::Zip, &zip.bytes()).limits(small());
    let (t, z) = (Tar::new, Zip::new);
    let x = "x".repeat(60);
    tar(t().file("a/b/c", &x)).tree();
    tar(t().file("a", "").file("b", "").file("c", "").file("d", ""))
        .refused(&["more than 3 entries"]);
    zip(z().file("a", "").file("b", "").file("c", "").file("d", ""))
        .refused(&["more than 3 entries"]);
    // Folders that no entry names are created and counted too.
    tar(t().file("a/b/c", "").file("d", "")).refused(&["more than 3 files"]);
    // Headers that create no file count too.
    let empty = Tar::new().entry(b'g', 0, "g", "", "");
    tar(Tar(empty.0.repeat(4)).file("a", "")).refused(&["more than 3 entries"]);
    tar(t().file("a", &x).file("b", &x)).refused(&["more than 100 bytes", "120 bytes or more"]);
    zip(z().file("a", &x).file("b", &x)).refused(&["more than 100 bytes"]);
    tar(t().entry(b'g', 0, "g", "", x.repeat(2)).file("a", "")).refused(&["more than 100 bytes"]);
    tar(t().file("x".repeat(21), "")).refused(&["21 bytes long; the limit is 20"]);
    tar(t().file("a/b/c/d", "")).refused(&["4 folders deep; the limit is 3"]);
    Unpacking::new(ArchiveType::Binary, x.repeat(2).as_bytes()).limits(small()).refused(&["100"]);
}

#[test]
fn the_size_limit_is_the_larger_of_bytes_and_ratio() {
    let bytes = Tar::new().file("a", "x".repeat(1 << 20)).gz();
    let limits = |ratio| Limits { bytes: 100, ratio, ..Limits::default() };
    let unpacking = |ratio| Unpacking::new(ArchiveType::TarGz, &bytes).limits(limits(ratio));
    unpacking(20).refused(&["unpacks to more than"]);
    unpacking(1000).tree();
}

#[test]
fn a_path_that_is_too_long_is_refused() {
    let huge = Tar::new().entry(b'L', 0, "././@LongLink", "", vec![b'a'; 2 << 20]).file("a", "");
    refused(&huge, &["extended header of an entry is 2097152 bytes long"]);
    let huge = Tar::new().pax("path", vec![b'a'; 100_000]).file("a", "");
    let error = Unpacking::new(ArchiveType::TarGz, &huge.gz()).refused(&["100000 bytes long"]);
    assert!(error.to_string().len() < 2000);
}

#[test]
fn names_over_16_mib_in_total_are_refused() {
    let name = |n: usize| format!("{:0>250}/{:0>250}/{:0>250}/{n:0>250}", n % 7, 1, 2);
    let mut tar = Tar::new();
    for n in 0..17_000 {
        tar = tar.pax("path", name(n)).symlink("a", "b");
    }
    refused(&tar, &["names and link targets have more than 16777216 bytes"]);
}

#[test]
fn streams_that_need_too_much_memory_are_refused() {
    let tar = Tar::new().file("a", "x").end();
    let limits = Limits { memory: 1 << 20, ..Limits::default() };
    // The dictionary of `xz -9` has 64 MiB.
    let mut encoder = liblzma::write::XzEncoder::new(Vec::new(), 9);
    std::io::Write::write_all(&mut encoder, &tar).unwrap();
    let large = encoder.finish().unwrap();
    let unpacking = Unpacking::new(ArchiveType::TarXz, &large).limits(limits.clone());
    unpacking.refused(&["more than 1 MiB of memory"]);
    // A frame with a window of a gigabyte and one raw block.
    let large = b"\x28\xb5\x2f\xfd\x00\xa0\x09\0\0a".to_vec();
    Unpacking::new(ArchiveType::TarZst, &large).limits(limits).refused(&["damaged", "indow"]);
}

#[test]
fn an_archive_of_another_type_is_named() {
    let tar = Tar::new().file("a", "x").end();
    let zip = Zip::new().file("a", "x").bytes();
    let html = b"\n<!DOCTYPE html><title>Sign in</title>";
    for (archive, bytes, words) in [
        (ArchiveType::TarGz, xz(&tar), ["not a tar.gz", "a tar.xz"]),
        (ArchiveType::TarXz, zst(&tar), ["not a tar.xz", "a tar.zst"]),
        (ArchiveType::TarZst, zip.clone(), ["not a tar.zst", "a zip"]),
        (ArchiveType::Zip, gz(&tar), ["not a zip", "a tar.gz"]),
        (ArchiveType::Binary, gz(&tar), ["not a bare executable", "a tar.gz"]),
        (ArchiveType::TarGz, tar.clone(), ["not a tar.gz", "tar without compression"]),
        (ArchiveType::TarGz, html.to_vec(), ["not a tar.gz", "HTML page"]),
        (ArchiveType::Binary, html.to_vec(), ["not a bare executable", "HTML page"]),
        (ArchiveType::Zip, Vec::new(), ["not a zip", "it is empty"]),
        (ArchiveType::Binary, Vec::new(), ["not a bare executable", "it is empty"]),
        (ArchiveType::TarGz, b"Not Found".to_vec(), ["something else", "4e6f7420466f756e"]),
    ] {
        Unpacking::new(archive, &bytes).refused(&words);
    }
}
