//! Archives with the features that toolchains use.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};

use airgap_core::artifact::{ArchiveType, Strip};
use airgap_core::error::ErrorKind;

use crate::archives::{Tar, Zip, gz, pax_record, xz, zst};
use crate::unpacking::{Unpacking, listing};

fn toolchain() -> Tar {
    Tar::new()
        .entry(b'g', 0o644, "pax_global_header", "", pax_record("comment", b"0123abcd"))
        .folder("./")
        .folder("./sdk-1.0/")
        .executable("./sdk-1.0/bin/clang-20", "elf")
        .symlink("./sdk-1.0/bin/clang++", "clang")
        .symlink("./sdk-1.0/bin/clang", "clang-20")
        .symlink("./sdk-1.0/bin/npm", "../lib/npm.js")
        .hard_link("./sdk-1.0/bin/ld", "./sdk-1.0/bin/clang-20")
        .file("./sdk-1.0/lib/npm.js", "js")
        .folder("./sdk-1.0/empty/")
        .symlink("./sdk-1.0/lib64", "lib/")
        .file("./sdk-1.0/README", "")
}

fn unpacked() -> std::collections::BTreeMap<String, String> {
    listing(&[
        ("README", "644 "),
        ("bin", "folder"),
        ("bin/clang", "-> clang-20"),
        ("bin/clang++", "-> clang"),
        ("bin/clang-20", "755 elf"),
        ("bin/ld", "755 elf"),
        ("bin/npm", "-> ../lib/npm.js"),
        ("empty", "folder"),
        ("lib", "folder"),
        ("lib/npm.js", "644 js"),
        ("lib64", "-> lib"),
    ])
}

#[test]
fn every_compression_gives_the_same_tree() {
    let tar = toolchain().end();
    for (archive, bytes) in [
        (ArchiveType::TarGz, gz(&tar)),
        (ArchiveType::TarXz, xz(&tar)),
        (ArchiveType::TarZst, zst(&tar)),
    ] {
        for strip in [Strip::TopFolder, Strip::Prefix("sdk-1.0".to_owned())] {
            let tree = Unpacking::new(archive, &bytes).strip(strip).tree();
            assert_eq!(tree, unpacked(), "{archive}");
        }
    }
}

#[test]
fn compressed_files_may_have_several_parts() {
    let tar = toolchain().end();
    let (start, end) = tar.split_at(1000);
    let skippable = b"\x50\x2a\x4d\x18\x03\0\0\0abc".to_vec();
    for (archive, bytes) in [
        (ArchiveType::TarGz, [gz(start), gz(end)].concat()),
        (ArchiveType::TarXz, [xz(start), vec![0; 8], xz(end), vec![0; 4]].concat()),
        (ArchiveType::TarZst, [skippable.clone(), zst(start), skippable, zst(end)].concat()),
    ] {
        let tree = Unpacking::new(archive, &bytes).strip(Strip::TopFolder).tree();
        assert_eq!(tree, unpacked(), "{archive}");
    }
}

#[test]
fn zip_gives_the_same_tree() {
    let zip = Zip::new()
        .with("sdk-1.0/", 0o040_755, "", |_| {})
        .with("sdk-1.0/bin/clang-20", 0o100_755, "elf", |_| {})
        .with("sdk-1.0/bin/clang", 0o120_777, "clang-20", |_| {})
        // Size and checksum after the data, as a writer to a pipe needs (APPNOTE 4.3.9).
        .with("sdk-1.0/lib/npm.js", 0o100_644, "js", |entry| entry.flags = 8)
        .stored("sdk-1.0/README", "read me")
        .with("sdk-1.0/dos.txt", 0, "no mode", |_| {})
        .file("sdk-1.0/empty", "");
    let expected = listing(&[
        ("README", "644 read me"),
        ("bin", "folder"),
        ("bin/clang", "-> clang-20"),
        ("bin/clang-20", "755 elf"),
        ("dos.txt", "644 no mode"),
        ("empty", "644 "),
        ("lib", "folder"),
        ("lib/npm.js", "644 js"),
    ]);
    for is_64 in [false, true] {
        let zip = Zip { is_64, comment: b"hello".to_vec(), ..zip.clone() };
        let unpacking = Unpacking::new(ArchiveType::Zip, &zip.bytes()).strip(Strip::TopFolder);
        assert_eq!(unpacking.tree(), expected, "zip64: {is_64}");
    }
}

#[test]
fn many_and_large_files_survive_the_buffers() {
    let content: String = (0..300_000).map(|n| format!("{n} ")).collect();
    let name = |n: usize| format!("d{}/f{n}", n % 7);
    let mut tar = Tar::new().file("large", &content);
    let mut zip = Zip::new().file("large", &content).stored("stored", &content);
    for n in 0..300 {
        tar = tar.file(name(n), &content[n..n * 11]);
        zip = zip.file(&name(n), &content[n..n * 11]);
    }
    for unpacking in [
        Unpacking::new(ArchiveType::TarGz, &tar.gz()),
        Unpacking::new(ArchiveType::TarXz, &xz(&tar.end())),
        Unpacking::new(ArchiveType::TarZst, &zst(&tar.end())),
        Unpacking::new(ArchiveType::Zip, &zip.bytes()),
    ] {
        let tree = unpacking.tree();
        assert!(tree["large"] == format!("644 {content}"));
        assert!((0..300).all(|n| tree[&name(n)] == format!("644 {}", &content[n..n * 11])));
    }
}

#[test]
fn long_names_are_read_in_both_dialects() {
    let long = format!("{}/{}", "a".repeat(150), "b".repeat(150));
    let tar = Tar::new()
        .entry(b'L', 0o644, "././@LongLink", "", format!("{long}\0"))
        .file("short", "gnu")
        .pax("path", format!("{long}-pax"))
        .file("short", "pax")
        .entry(b'K', 0o644, "././@LongLink", "", format!("{long}\0"))
        .symlink("link", "short");
    let tree = Unpacking::new(ArchiveType::TarGz, &tar.gz()).tree();
    assert_eq!(tree[&long], "644 gnu");
    assert_eq!(tree[&format!("{long}-pax")], "644 pax");
    assert_eq!(tree["link"], format!("-> {long}"));
}

#[test]
fn special_bits_and_odd_modes_are_dropped() {
    let tar = Tar::new()
        .entry(b'0', 0o6755, "setuid", "", "x")
        .entry(b'5', 0o1777, "sticky/", "", "")
        .entry(b'0', 0o000, "secret", "", "x")
        .entry(b'0', 0o011, "others", "", "x");
    let unpacking = Unpacking::new(ArchiveType::TarGz, &tar.gz());
    let tree = unpacking.tree();
    assert_eq!(tree["setuid"], "755 x");
    assert_eq!(tree["secret"], "644 x");
    assert_eq!(tree["others"], "644 x");
    let mode =
        |name| fs::metadata(unpacking.destination().join(name)).unwrap().permissions().mode();
    assert_eq!(mode("sticky") & 0o7777, 0o755);
    assert_eq!(mode("") & 0o7777, 0o755);
}

#[test]
fn hard_links_are_one_file() {
    let tar = Tar::new().file("a", "x").hard_link("d/b", "a");
    let unpacking = Unpacking::new(ArchiveType::TarGz, &tar.gz());
    assert_eq!(unpacking.tree()["d/b"], "644 x");
    let inode = |name| fs::metadata(unpacking.destination().join(name)).unwrap().ino();
    assert_eq!(inode("a"), inode("d/b"));
}

#[test]
fn only_a_single_top_folder_is_taken_off() {
    let one_file = Tar::new().file("tool", "x").gz();
    let two = Tar::new().file("a/x", "x").file("b", "y").gz();
    let strip = |bytes: &[u8]| Unpacking::new(ArchiveType::TarGz, bytes).strip(Strip::TopFolder);
    assert_eq!(strip(&one_file).tree(), listing(&[("tool", "644 x")]));
    let whole = listing(&[("a", "folder"), ("a/x", "644 x"), ("b", "644 y")]);
    assert_eq!(strip(&two).tree(), whole);
}

#[test]
fn a_prefix_may_be_several_folders_deep() {
    let tar = Tar::new().folder("a/").folder("a/b/").file("a/b/c", "x").folder("a/b/d/");
    let strip = Strip::Prefix("a/b".to_owned());
    let tree = Unpacking::new(ArchiveType::TarGz, &tar.gz()).strip(strip).tree();
    assert_eq!(tree, listing(&[("c", "644 x"), ("d", "folder")]));
}

#[test]
fn a_bare_binary_becomes_an_executable() {
    let unpacking = Unpacking::new(ArchiveType::Binary, b"\x7fELF...");
    let strip = Strip::Prefix("ignored".to_owned());
    assert_eq!(unpacking.strip(strip).tree(), listing(&[("tool.bin", "755 \u{7f}ELF...")]));
}

#[test]
fn an_empty_folder_is_a_destination_and_anything_else_is_not() {
    let bytes = Tar::new().file("a", "x").gz();
    let unpacking = Unpacking::new(ArchiveType::TarGz, &bytes);
    fs::create_dir(unpacking.destination()).unwrap();
    assert_eq!(unpacking.tree(), listing(&[("a", "644 x")]));
    let error = unpacking.run().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Usage);
    assert!(error.statement().contains("not empty"), "{error}");

    let unpacking = Unpacking::new(ArchiveType::TarGz, &bytes);
    fs::write(unpacking.destination(), "mine").unwrap();
    assert_eq!(unpacking.run().unwrap_err().kind(), ErrorKind::Usage);
    assert_eq!(fs::read_to_string(unpacking.destination()).unwrap(), "mine");

    let unpacking = Unpacking::new(ArchiveType::TarGz, &bytes);
    std::os::unix::fs::symlink("nowhere", unpacking.destination()).unwrap();
    assert_eq!(unpacking.run().unwrap_err().kind(), ErrorKind::Usage);
}

#[test]
fn a_failure_leaves_an_empty_destination_empty() {
    let unpacking = Unpacking::new(ArchiveType::TarGz, &Tar::new().file("../a", "x").gz());
    fs::create_dir(unpacking.destination()).unwrap();
    assert!(unpacking.run().is_err());
    assert_eq!(fs::read_dir(unpacking.destination()).unwrap().count(), 0);
    assert_eq!(unpacking.beside(), ["canary", "work", "work/archive", "work/out"]);
}

#[test]
fn a_tar_needs_no_mark_of_its_end() {
    let whole = Unpacking::new(ArchiveType::TarGz, &toolchain().gz()).tree();
    let tar = toolchain().0;
    for (archive, bytes) in [
        (ArchiveType::TarGz, gz(&tar)),
        (ArchiveType::TarXz, xz(&tar)),
        (ArchiveType::TarZst, zst(&tar)),
    ] {
        assert_eq!(Unpacking::new(archive, &bytes).tree(), whole, "{archive}");
    }
    let one_block = [tar, vec![0; 512]].concat();
    assert_eq!(Unpacking::new(ArchiveType::TarGz, &gz(&one_block)).tree(), whole);
}

#[test]
fn zeros_may_follow_after_gzip_data() {
    let whole = Unpacking::new(ArchiveType::TarGz, &toolchain().gz()).tree();
    for zeros in [1, 512, 1 << 20] {
        let padded = [toolchain().gz(), vec![0; zeros]].concat();
        assert_eq!(Unpacking::new(ArchiveType::TarGz, &padded).tree(), whole, "{zeros}");
    }
}

#[test]
fn headers_of_old_and_large_tars_are_read() {
    let field = |at: usize, bytes: &[u8], tar: Tar| {
        let mut header: [u8; 512] = tar.0[..512].try_into().unwrap();
        header[at..at + bytes.len()].copy_from_slice(bytes);
        [&crate::archives::with_checksum(header)[..], &tar.0[512..]].concat()
    };
    let one = |name: &str| Tar::new().file(name, "x");
    let tar = [
        // A file that should be in one piece on the disk.
        Tar::new().entry(b'7', 0o755, "contiguous", "", "x").0,
        Tar::new().entry(0, 0o644, "v7", "", "x").0,
        Tar::new().entry(b'0', 0o755, "folder/", "", "").0,
        // The size is only in the PAX record, as for files of more than 8 GiB.
        Tar::new().pax("size", "1").0,
        field(124, b"00000000000", one("pax-size")),
        field(124, b"\x80\0\0\0\0\0\0\0\0\0\0\x01", one("binary-size")),
        field(124, b"          1 ", one("spaces")),
        field(257, b"ustar  \0", one("gnu")),
        field(257, &[0; 8], one("no-magic")),
        field(345, b"prefix/of/it", one("posix")),
    ]
    .concat();
    let expected = listing(&[
        ("binary-size", "644 x"),
        ("contiguous", "755 x"),
        ("folder", "folder"),
        ("gnu", "644 x"),
        ("no-magic", "644 x"),
        ("pax-size", "644 x"),
        ("prefix", "folder"),
        ("prefix/of", "folder"),
        ("prefix/of/it", "folder"),
        ("prefix/of/it/posix", "644 x"),
        ("spaces", "644 x"),
        ("v7", "644 x"),
    ]);
    assert_eq!(Unpacking::new(ArchiveType::TarGz, &gz(&tar)).tree(), expected);
}

#[test]
fn rare_headers_that_tar_and_bsdtar_read_alike() {
    let field = |at: usize, bytes: &[u8], tar: Tar| {
        let mut header: [u8; 512] = tar.0[..512].try_into().unwrap();
        header[at..at + bytes.len()].copy_from_slice(bytes);
        [&crate::archives::with_checksum(header)[..], &tar.0[512..]].concat()
    };
    let tar = [
        Tar::new().entry(b'X', 0o644, "sun", "", pax_record("path", b"sun/x")).file("a", "x").0,
        field(345, b"prefix/", Tar::new().file("slash", "x")),
        // An empty size field for an entry without content.
        field(124, &[0; 12], Tar::new().folder("empty/")),
        field(124, &[0; 12], Tar::new().file("none", "")),
        Tar::new().hard_link("hard", ".//sun/./x").0,
    ]
    .concat();
    let expected = listing(&[
        ("empty", "folder"),
        ("hard", "644 x"),
        ("none", "644 "),
        ("prefix", "folder"),
        ("prefix/slash", "644 x"),
        ("sun", "folder"),
        ("sun/x", "644 x"),
    ]);
    assert_eq!(Unpacking::new(ArchiveType::TarGz, &gz(&tar)).tree(), expected);
}

#[test]
fn a_zip_may_begin_with_a_program_and_fill_a_tape_record() {
    let zip = Zip::new().with("a", 0o100_755, "x", |_| {}).file("b", "y");
    let expected = listing(&[("a", "755 x"), ("b", "644 y")]);
    let program = Zip { before: b"#!/bin/sh\nexec unzip $0\n".to_vec(), ..zip.clone() };
    assert_eq!(Unpacking::new(ArchiveType::Zip, &program.bytes()).tree(), expected);
    // As `bsdtar --format zip -c` writes it to a pipe.
    let mut filled = zip.bytes();
    filled.resize(10_240, 0);
    assert_eq!(Unpacking::new(ArchiveType::Zip, &filled).tree(), expected);
    for (at, size) in [(10_239, 10_240), (10_239, 10_241), (20_479, 20_480)] {
        let mut odd = zip.bytes();
        odd.resize(size, 0);
        odd[at] = u8::from(size == 10_240);
        Unpacking::new(ArchiveType::Zip, &odd).refused(&["data follows"]);
    }
}

#[test]
fn only_unix_gives_a_zip_its_modes() {
    // 19 is Darwin, which no reader takes for a Unix.
    let zip = Zip::new().with("a", 0o100_755, "x", |entry| entry.central_patch.push((5, vec![19])));
    let tree = Unpacking::new(ArchiveType::Zip, &zip.bytes()).tree();
    assert_eq!(tree, listing(&[("a", "644 x")]));
}
