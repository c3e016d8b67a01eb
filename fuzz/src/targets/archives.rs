//! Archives, through the whole of `extract`: from a file on disk to a folder or an error.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Component, Path};

use airgap_archive::{Layout, Limits, Tree, extract_unpinned};
use airgap_core::artifact::{ArchiveType, Strip};
use airgap_core::error::Result;
use airgap_core::verify::Unverified;
use flate2::Compression;
use flate2::write::GzEncoder;
use walkdir::WalkDir;

use crate::words;

/// Extracts a tar without compression, put into gzip members that store it unchanged.
pub fn tar(input: &[u8]) {
    extract(ArchiveType::TarGz, &stored(&with_checksums(input)));
}

/// Extracts a compressed tar.
pub fn tar_gz(input: &[u8]) {
    extract(ArchiveType::TarGz, input);
}

pub fn tar_xz(input: &[u8]) {
    extract(ArchiveType::TarXz, input);
}

pub fn tar_zst(input: &[u8]) {
    extract(ArchiveType::TarZst, input);
}

pub fn zip(input: &[u8]) {
    extract(ArchiveType::Zip, input);
}

/// Extracts a single executable, which may be compressed by mistake.
pub fn binary(input: &[u8]) {
    extract(ArchiveType::Binary, input);
}

/// Corrects the checksums in the headers of a tar, so that mutations reach the code behind the
/// check.
pub(super) fn with_checksums(input: &[u8]) -> Vec<u8> {
    let mut tar = input.to_vec();
    for header in tar.chunks_exact_mut(512).filter(|header| header[257..262] == *b"ustar") {
        header[148..156].fill(b' ');
        let sum: u32 = header.iter().map(|&byte| u32::from(byte)).sum();
        header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    }
    tar
}

/// Wraps bytes in gzip members without compression.
pub(super) fn stored(input: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::none());
    encoder.write_all(input).and_then(|()| encoder.finish()).expect("writing into memory succeeds")
}

fn limits() -> Limits {
    Limits { entries: 5_000, bytes: 8 << 20, ratio: 20, memory: 64 << 20, ..Limits::default() }
}

/// Extracts with both settings for stripping, and checks the files on disk afterwards.
fn extract(archive: ArchiveType, bytes: &[u8]) {
    let sandbox = tempfile::tempdir().expect("create a sandbox");
    let (work, canary) = (sandbox.path().join("work"), sandbox.path().join("canary"));
    fs::create_dir(&work).expect("create the work folder");
    fs::write(&canary, "alive").expect("write the canary");
    fs::write(work.join("archive"), bytes).expect("write the archive");
    let plain = outcome(&work, archive, Strip::Nothing);
    if bytes.len().is_multiple_of(4) {
        assert_eq!(plain, outcome(&work, archive, Strip::Nothing), "two runs do not agree");
    }
    outcome(&work, archive, Strip::TopFolder);
    assert_eq!(fs::read(&canary).ok().as_deref(), Some(&b"alive"[..]), "the canary was changed");
    assert_eq!(names(sandbox.path()), ["canary", "work"], "something is beside the work folder");
}

/// Extracts once and describes the result. Afterwards the folder is as before.
fn outcome(work: &Path, archive: ArchiveType, strip: Strip) -> String {
    let out = work.join("out");
    let outcome = match run(work, archive, strip) {
        Ok(tree) => {
            assert_eq!(names(work), ["archive", "out"], "a leftover beside the tree");
            let found = list(&out);
            assert_eq!(
                tree.entries,
                found.len() as u64,
                "the count of entries is wrong: {found:?}"
            );
            format!("{} {found:?}", tree.bytes)
        }
        Err(error) => {
            assert_eq!(names(work), ["archive"], "a leftover after `{error}`");
            words(&error)
        }
    };
    if out.exists() {
        fs::remove_dir_all(&out).expect("remove the tree");
    }
    outcome
}

fn run(work: &Path, archive: ArchiveType, strip: Strip) -> Result<Tree> {
    let verified = Unverified::open(&work.join("archive"), "a tool")?.accept_unpinned()?;
    let filename = "tool.bin".parse().expect("a valid name");
    let layout = Layout { archive, strip, filename };
    extract_unpinned(&verified, &layout, &work.join("out"), &limits())
}

/// Lists a tree, and checks that each entry in it is harmless by itself.
fn list(root: &Path) -> BTreeMap<String, String> {
    let entries = WalkDir::new(root).min_depth(1).follow_links(false);
    entries
        .into_iter()
        .map(|entry| {
            let entry = entry.expect("list the tree");
            let path = entry.path().strip_prefix(root).expect("below the root");
            let name = path.to_str().expect("names are UTF-8").to_owned();
            assert!(!name.chars().any(char::is_control), "a control character in {name:?}");
            let metadata = entry.metadata().expect("look at an entry");
            let kind = metadata.file_type();
            let shown = if kind.is_symlink() {
                let target = fs::read_link(entry.path()).expect("read a link");
                assert!(stays_inside(path, &target), "{name} leads out, to {}", target.display());
                format!("-> {}", target.display())
            } else if kind.is_dir() {
                "folder".to_owned()
            } else {
                assert!(kind.is_file(), "{name} is neither file, folder nor link");
                let mode = metadata.permissions().mode() & 0o7777;
                assert!(mode & 0o7022 == 0, "{name} has the mode {mode:o}");
                format!("{mode:o} {} {}", metadata.len(), metadata.nlink())
            };
            (name, shown)
        })
        .collect()
}

/// Returns whether a link's target is relative and, by its text alone, never above the root.
fn stays_inside(link: &Path, target: &Path) -> bool {
    let mut depth = link.components().count() - 1;
    target.components().all(|part| match part {
        Component::ParentDir => depth.checked_sub(1).map(|it| depth = it).is_some(),
        Component::Normal(_) => {
            depth += 1;
            true
        }
        Component::CurDir => true,
        Component::RootDir | Component::Prefix(_) => false,
    })
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("list the sandbox");
    let name = |entry: fs::DirEntry| entry.file_name().to_string_lossy().into_owned();
    let mut names: Vec<_> = entries.map(|entry| name(entry.expect("list the sandbox"))).collect();
    names.sort();
    names
}
