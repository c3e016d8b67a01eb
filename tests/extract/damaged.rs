//! Truncated archives, and archives with random changes.

use std::fs;

use airgap_archive::Limits;
use airgap_core::artifact::{ArchiveType, Strip};

use crate::archives::{Tar, Zip, gz, xz, zst};
use crate::unpacking::Unpacking;

fn tar() -> Vec<u8> {
    let tar = Tar::new().folder("d/").executable("d/a", "some content").symlink("d/l", "a");
    tar.hard_link("d/h", "d/a").pax("path", "d/long").file("short", "x").end()
}

fn zip() -> Vec<u8> {
    let zip = Zip::new().with("d/", 0o040_755, "", |_| {}).file("d/a", "some content");
    zip.stored("d/b", "more").with("d/l", 0o120_777, "a", |_| {}).bytes()
}

fn archives() -> [(ArchiveType, Vec<u8>); 4] {
    [
        (ArchiveType::TarGz, gz(&tar())),
        (ArchiveType::TarXz, xz(&tar())),
        (ArchiveType::TarZst, zst(&tar())),
        (ArchiveType::Zip, zip()),
    ]
}

#[test]
fn an_archive_cut_at_any_byte_is_refused() {
    for (archive, bytes) in archives() {
        for length in 0..bytes.len() {
            Unpacking::new(archive, &bytes[..length]).refused(&[]);
        }
        Unpacking::new(archive, &bytes).tree();
    }
}

#[test]
fn a_tar_cut_before_compression_is_refused() {
    let tar = tar();
    // Cut between entries, it is a tar without the mark of its end, which GNU tar accepts.
    let between = [512, 1536, 2048, 2560];
    for length in (64..tar.len() - 1024).step_by(64).filter(|length| !between.contains(length)) {
        Unpacking::new(ArchiveType::TarGz, &gz(&tar[..length])).refused(&["cut short"]);
    }
    Unpacking::new(ArchiveType::TarGz, &gz(&[])).refused(&["it is empty"]);
}

#[test]
fn an_archive_followed_by_garbage_is_refused() {
    for (archive, bytes) in archives() {
        for garbage in [&b"garbage"[..], b"\0", b"\0\0garbage", &bytes[..10]] {
            // gzip ignores zeros.
            if archive == ArchiveType::TarGz && garbage == b"\0" {
                continue;
            }
            Unpacking::new(archive, &[&bytes, garbage].concat()).refused(&[]);
        }
    }
    let after_the_mark = [tar(), Tar::new().file("hidden", "x").end()].concat();
    Unpacking::new(ArchiveType::TarGz, &gz(&after_the_mark)).refused(&["after its end marker"]);
    let padded = [tar(), vec![0; 10_240]].concat();
    Unpacking::new(ArchiveType::TarGz, &gz(&padded)).tree();
    let endless = [tar(), vec![0; 2 << 20]].concat();
    Unpacking::new(ArchiveType::TarGz, &gz(&endless)).refused(&["after its end marker"]);
}

#[test]
fn an_invalid_header_is_refused() {
    let mut bytes = tar();
    bytes[0] ^= 1;
    Unpacking::new(ArchiveType::TarGz, &gz(&bytes)).refused(&["checksum of a header"]);
    let mut header = [0; 512];
    header[0] = b'a';
    header[124..135].copy_from_slice(b"not a size!");
    header[156] = b'0';
    let tar = Tar(crate::archives::with_checksum(header).to_vec());
    Unpacking::new(ArchiveType::TarGz, &tar.gz()).refused(&["`a`", "not a number"]);
    let mut empty_header = Tar::new().file("a", "x").0;
    // A size in binary, larger than any file.
    empty_header[124..136].copy_from_slice(b"\x80\0\0\0\x7f\xff\xff\xff\xff\xff\xff\xff");
    let header = crate::archives::with_checksum(empty_header[..512].try_into().unwrap());
    Unpacking::new(ArchiveType::TarGz, &Tar(header.to_vec()).gz()).refused(&["more than"]);
}

/// Checks that any bytes give a whole tree or an error, that no file is outside of it, and that the
/// run ends.
#[test]
fn random_changes_never_escape_or_panic() {
    let mut random = Random(0x2545_f491_4f6c_dd1d);
    let limits = Limits { bytes: 1 << 20, ratio: 0, memory: 16 << 20, ..Limits::default() };
    for round in 0..1200 {
        let (archive, bytes) = match round % 5 {
            // Changes before compression reach the reader of entries; the others mostly reach the
            // decoder.
            0 => (ArchiveType::TarGz, gz(&random.mutate(fix_checksums, tar()))),
            1 => (ArchiveType::TarGz, random.mutate(|_| {}, gz(&tar()))),
            2 => (ArchiveType::TarXz, random.mutate(|_| {}, xz(&tar()))),
            3 => (ArchiveType::TarZst, random.mutate(|_| {}, zst(&tar()))),
            _ => (ArchiveType::Zip, random.mutate(|_| {}, zip())),
        };
        let strip = if round % 2 == 0 { Strip::TopFolder } else { Strip::Nothing };
        let unpacking = Unpacking::new(archive, &bytes).strip(strip).limits(limits.clone());
        match unpacking.run() {
            Err(_) => unpacking.assert_untouched(),
            Ok(_) => {
                fs::remove_dir_all(unpacking.destination()).unwrap();
                unpacking.assert_untouched();
            }
        }
    }
}

/// Corrects the checksums; otherwise nearly every change would be detected by the checksum alone.
fn fix_checksums(tar: &mut [u8]) {
    for header in tar.chunks_exact_mut(512).filter(|block| block[257..262] == *b"ustar") {
        let fixed = crate::archives::with_checksum((&*header).try_into().unwrap());
        header.copy_from_slice(&fixed);
    }
}

struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit as u64) as usize
    }

    fn mutate(&mut self, repair: impl Fn(&mut [u8]), mut bytes: Vec<u8>) -> Vec<u8> {
        const SPICE: &[u8] = b"\0\xff/.\\:1257LKgxS\x7f";
        for _ in 0..=self.below(4) {
            let at = self.below(bytes.len());
            match self.below(4) {
                0 => bytes[at] ^= 1 << self.below(8),
                1 => bytes[at] = SPICE[self.below(SPICE.len())],
                2 => bytes[at] = self.below(256) as u8,
                _ => {
                    let from = self.below(bytes.len());
                    let length = self.below(64).min(bytes.len() - from.max(at));
                    bytes.copy_within(from..from + length, at);
                }
            }
        }
        repair(&mut bytes);
        bytes
    }
}
