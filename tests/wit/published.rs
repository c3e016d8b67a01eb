//! Real published archives: each is a package, and they fit together in their versions.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use airgap_archive::{Layout, Limits, extract};
use airgap_core::artifact::{ArchiveType, Strip};
use airgap_core::digest::Digest;
use airgap_core::package::PackageId;
use airgap_core::verify::Unverified;
use airgap_vendor::catalog::WitCatalog;
use airgap_wit::WitSource;

use crate::sandbox::Sandbox;
use crate::{Rule, resolves, tools};

/// Unpacks each available archive to `{package}`, and returns the folder with its WIT.
fn unpacked(sandbox: &Sandbox) -> BTreeMap<PackageId, String> {
    #[expect(clippy::disallowed_methods, reason = "a setting of the tests, not of the program")]
    let data = PathBuf::from(std::env::var_os("WASM_AIRGAP_DATA").expect("WASM_AIRGAP_DATA"));
    let list = json(&data.join("wasi-wit.json"));
    let mut found = BTreeMap::new();
    for entry in list["archives"].as_array().unwrap() {
        let text = |field: &str| entry[field].as_str().unwrap();
        let id: PackageId = format!("{}@{}", text("package"), text("version")).parse().unwrap();
        let archive = data.join(format!("wasi-archives/{}.tar.gz", id.folder()));
        if archive.exists() {
            unpack(&archive, text("sha256"), &sandbox.path(&id.folder()));
            found.insert(id.clone(), format!("{}/{}", id.folder(), text("wit_dir")));
        }
    }
    assert_eq!(found.len(), std::fs::read_dir(data.join("wasi-archives")).unwrap().count());
    // One archive has all packages of WASI 0.3.
    let facts = json(&data.join("wasi-p3/facts.json"));
    let archive = data.join(facts["file"].as_str().unwrap());
    unpack(&archive, facts["sha256"].as_str().unwrap(), &sandbox.path("wasi-0.3.0"));
    for (id, folder) in facts["packages"].as_object().unwrap() {
        found.insert(id.parse().unwrap(), format!("wasi-0.3.0/{}", folder.as_str().unwrap()));
    }
    found
}

fn json(file: &Path) -> serde_json::Value {
    serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap()
}

fn unpack(archive: &Path, sha256: &str, out: &Path) {
    let digest: Digest = sha256.parse().unwrap();
    let name = archive.display().to_string();
    let file = Unverified::open(archive, name).unwrap().verify(&digest).unwrap();
    let layout = Layout {
        archive: ArchiveType::TarGz,
        strip: Strip::TopFolder,
        filename: "unused".parse().unwrap(),
    };
    extract(&file, &layout, out, &Limits::default()).unwrap();
}

fn wit_files(sandbox: &Sandbox, folder: &str) -> Vec<String> {
    let names = std::fs::read_dir(sandbox.path(folder)).unwrap();
    let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name.ends_with(".wit")).map(|name| format!("{folder}/{name}")).collect()
}

/// Returns all dependencies of a package, each with whether it is a direct one.
fn needed(id: &PackageId, sources: &BTreeMap<PackageId, WitSource>) -> BTreeMap<PackageId, bool> {
    let mut all = BTreeMap::new();
    let mut left: Vec<_> = sources[id].dependencies.iter().map(|it| (it, true)).collect();
    while let Some((id, direct)) = left.pop() {
        *all.entry(id.clone()).or_insert(false) |= direct;
        left.extend(sources[id].dependencies.iter().map(|it| (it, false)));
    }
    all
}

#[test]
#[ignore = "needs a folder with published archives in WASM_AIRGAP_DATA: scripts/test"]
fn published_archives_become_libraries() {
    let sandbox = Sandbox::new();
    let folders = unpacked(&sandbox);
    let mut sources = BTreeMap::new();
    for (id, folder) in &folders {
        let source = WitSource::from_folder(&sandbox.path(folder)).unwrap();
        source.must_be(id, folder).unwrap();
        assert!(source.unversioned.is_empty() && source.nested.is_empty());
        sources.insert(id.clone(), source);
    }
    // Packages with fewer dependencies come first, so that dependencies are built before their
    // users.
    let mut order: Vec<_> = folders.keys().map(|id| (needed(id, &sources), id)).collect();
    order.sort_by_key(|(needed, _)| needed.len());
    assert!(order.last().unwrap().0.len() >= 6, "wasi:http needs six others");
    for (needed, id) in &order {
        let files = wit_files(&sandbox, &folders[id]);
        let files: Vec<_> = files.iter().map(String::as_str).collect();
        let of_kind = |kind: bool| {
            let ids = needed.iter().filter(move |(_, direct)| **direct == kind);
            ids.map(|(id, _)| id.folder()).collect::<Vec<_>>()
        };
        let (direct, indirect) = (of_kind(true), of_kind(false));
        let (direct, indirect): (Vec<_>, Vec<_>) = (
            direct.iter().map(String::as_str).collect(),
            indirect.iter().map(String::as_str).collect(),
        );
        let interfaces = serde_json::json!(sources[id].interfaces);
        let rule = Rule::new(&id.folder(), &files)
            .with("package", id.to_string().into())
            .with("interfaces", interfaces)
            .deps(&direct)
            .indirect(&indirect);
        assert_eq!(rule.make(&sandbox).stderr, "");
        let out = sandbox.path(&rule.out());
        assert_eq!(resolves(&out).packages.len(), needed.len() + 1);
        tools::accepts(&out);
        // wasm-tools 1.239 packs async functions under names that newer parsers refuse.
        let is_async = sources[id].files.values().any(|it| find(it, b"async func"));
        if !is_async && let Some(packed) = tools::packs_and_prints(&out) {
            same(&packed, &sources[id]);
        }
        goes_there_and_back(&sandbox, &out, &sources[id]);
    }
    // One library without one of its deps, to prove that they are checked.
    let http = order.last().unwrap().1.folder();
    let folder = &folders[order.last().unwrap().1];
    let files = wit_files(&sandbox, folder);
    let files: Vec<_> = files.iter().map(String::as_str).collect();
    Rule::new(&format!("{http}_alone"), &files).fails(&sandbox, 2, &["in its deps"]);
}

/// Checks that a package converted to the binary format and back declares and needs the same.
fn goes_there_and_back(sandbox: &Sandbox, out: &Path, source: &WitSource) {
    let mut resolve = resolves(out);
    let name = &source.name;
    let main = resolve.package_names.iter().find(|(it, _)| {
        (it.namespace.as_str(), it.name.as_str()) == (name.namespace(), name.name())
            && it.version == source.version
    });
    let main = *main.unwrap().1;
    resolve.all_features = true;
    let bytes = wit_component::encode(&resolve, main, false).unwrap();
    let path = sandbox.write("there.wasm", bytes);
    let back = WitSource::from_unverified(&path).unwrap();
    same(&back, source);
}

#[track_caller]
fn same(packed: &WitSource, source: &WitSource) {
    assert_eq!(packed.declared(), source.declared());
    assert_eq!(packed.interfaces, source.interfaces);
    assert_eq!(packed.worlds, source.worlds);
    assert_eq!(packed.dependencies, source.dependencies);
}

/// Uses the archives as upstream publishes them: with their dependencies in a folder `deps`. That of
/// WASI 0.3 has them beside each other.
#[test]
#[ignore = "needs a folder with published archives in WASM_AIRGAP_DATA: scripts/test"]
fn published_archives_become_libraries_with_bundled_packages() {
    let sandbox = Sandbox::new();
    for (id, folder) in unpacked(&sandbox) {
        if id.version.to_string() == "0.3.0" {
            continue;
        }
        let rule = Rule::new(&id.folder(), &[&folder]).with("package", id.to_string().into());
        assert_eq!(rule.make(&sandbox).stderr, "", "{id}");
        tools::accepts(&sandbox.path(&rule.out()));
    }
}

/// Checks the hash by which a folder that was unpacked from an archive is recognized.
#[test]
#[ignore = "needs a folder with published archives in WASM_AIRGAP_DATA: scripts/test"]
fn published_archives_have_the_text_that_the_registry_says() {
    let sandbox = Sandbox::new();
    let registry = WitCatalog::builtin().unwrap();
    for (package, folder) in unpacked(&sandbox) {
        let source = WitSource::from_folder(&sandbox.path(&folder)).unwrap();
        let pinned = registry.archive(&package).unwrap();
        assert_eq!(pinned.tree, Some(source.tree_hash()), "{package}");
        assert_eq!(folder.split_once('/').unwrap().1, pinned.wit_dir, "{package}");
    }
}

fn find(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|it| it == part)
}
