//! Real published archives, with their published digests, compared with GNU tar.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use airgap_archive::{Layout, Limits, extract};
use airgap_core::artifact::{ArchiveType, Strip};
use airgap_core::digest::Digest;
use airgap_core::verify::Unverified;

/// Returns each path with its content and whether it is executable; a link with its target.
fn tree(folder: &Path) -> BTreeMap<PathBuf, (Vec<u8>, bool)> {
    let mut found = BTreeMap::new();
    for entry in walkdir::WalkDir::new(folder) {
        let entry = entry.unwrap();
        let name = entry.path().strip_prefix(folder).unwrap().to_owned();
        if entry.path_is_symlink() {
            let target = std::fs::read_link(entry.path()).unwrap();
            found.insert(name, (target.into_os_string().into_encoded_bytes(), false));
        } else if entry.file_type().is_file() {
            let executable = entry.metadata().unwrap().permissions().mode() & 0o100 != 0;
            found.insert(name, (std::fs::read(entry.path()).unwrap(), executable));
        }
    }
    found
}

#[test]
#[ignore = "needs a folder with published archives in WASM_AIRGAP_DATA: scripts/test"]
fn published_archives_come_out_as_gnu_tar_unpacks_them() {
    #[expect(clippy::disallowed_methods, reason = "a setting of the tests, not of the program")]
    let data = PathBuf::from(std::env::var_os("WASM_AIRGAP_DATA").expect("WASM_AIRGAP_DATA"));
    let list = std::fs::read_to_string(data.join("wasi-wit.json")).unwrap();
    let list: serde_json::Value = serde_json::from_str(&list).unwrap();
    let sandbox = tempfile::TempDir::new().unwrap();
    let mut count = 0;
    for entry in list["archives"].as_array().unwrap() {
        let text = |field: &str| entry[field].as_str().unwrap();
        let name = format!("{}-{}", text("package").replace(':', "-"), text("version"));
        let archive = data.join(format!("wasi-archives/{name}.tar.gz"));
        if !archive.exists() {
            continue;
        }
        let digest: Digest = text("sha256").parse().unwrap();
        let verified = Unverified::open(&archive, &*name).unwrap().verify(&digest).unwrap();
        let layout = Layout {
            archive: ArchiveType::TarGz,
            strip: Strip::TopFolder,
            filename: "unused".parse().unwrap(),
        };
        let (ours, theirs) =
            (sandbox.path().join(&name), sandbox.path().join(format!("{name}.tar")));
        extract(&verified, &layout, &ours, &Limits::default())
            .unwrap_or_else(|e| panic!("{name}: {e}"));
        std::fs::create_dir(&theirs).unwrap();
        let tar = Command::new("tar")
            .args(["--strip-components=1", "-xzf"])
            .arg(&archive)
            .arg("-C")
            .arg(&theirs)
            .status();
        assert!(tar.unwrap().success());
        assert!(!tree(&ours).is_empty());
        assert!(tree(&ours) == tree(&theirs), "{name} comes out differently");
        count += 1;
    }
    assert_eq!(count, std::fs::read_dir(data.join("wasi-archives")).unwrap().count());
}
