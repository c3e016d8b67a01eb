//! The published archives and charts, which are not in the repository.

use std::path::{Path, PathBuf};

/// A published archive of a WASI package.
pub struct WasiArchive {
    /// The path of the file.
    pub path: PathBuf,
    /// The name of its folder in a vendor folder: `wasi-http-0.2.6`.
    pub folder: String,
    /// The file name there and upstream: `v0.2.6.tar.gz`.
    pub filename: String,
}

/// Returns the archives in WASM_AIRGAP_DATA. Tests that need them have `published_archives` in
/// their names: if the variable is not set, scripts/test skips them and says so.
pub fn wasi_archives() -> Vec<WasiArchive> {
    let data = std::env::var_os("WASM_AIRGAP_DATA").expect("WASM_AIRGAP_DATA is not set");
    let data = PathBuf::from(data);
    let mut archives = wasi_0_3(&data);
    let folder = data.join("wasi-archives");
    for entry in std::fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        let Some(folder) = name.strip_suffix(".tar.gz") else { continue };
        let version = folder.splitn(3, '-').nth(2).unwrap();
        // Upstream's tags of wasi-nn have no `v`.
        let v = if folder.starts_with("wasi-nn-") { "" } else { "v" };
        let filename = format!("{v}{version}.tar.gz");
        archives.push(WasiArchive { folder: folder.to_owned(), filename, path: path.clone() });
    }
    assert!(!archives.is_empty(), "there are no archives in {}", folder.display());
    archives
}

/// Returns the archive of WASI 0.3.0 for each of its packages.
fn wasi_0_3(data: &Path) -> Vec<WasiArchive> {
    let facts = std::fs::read(data.join("wasi-p3/facts.json")).unwrap();
    let facts: serde_json::Value = serde_json::from_slice(&facts).unwrap();
    let path = data.join(facts["file"].as_str().unwrap());
    let filename = facts["url"].as_str().unwrap().rsplit('/').next().unwrap();
    let archive = |package: &String| WasiArchive {
        path: path.clone(),
        folder: package.replace([':', '@'], "-"),
        filename: filename.to_owned(),
    };
    facts["packages"].as_object().unwrap().keys().map(archive).collect()
}

/// Returns the charts in WASM_AIRGAP_DATA, each with the images of the containers that Helm
/// renders. Tests that need them have `published_charts` in their names.
#[allow(dead_code, reason = "only the tests of charts use it")]
pub fn charts() -> Vec<(PathBuf, Vec<String>)> {
    let data = std::env::var_os("WASM_AIRGAP_DATA").expect("WASM_AIRGAP_DATA is not set");
    let folder = PathBuf::from(data).join("charts");
    let text = std::fs::read(folder.join("truth.json")).unwrap();
    let truth: serde_json::Value = serde_json::from_slice(&text).unwrap();
    let charts = truth["charts"].as_object().unwrap();
    let chart = |(name, images): (&String, &serde_json::Value)| {
        let images = images.as_array().unwrap().iter().map(|it| it.as_str().unwrap().to_owned());
        (folder.join(format!("{name}.tgz")), images.collect())
    };
    assert!(!charts.is_empty(), "there are no charts in {}", folder.display());
    charts.iter().map(chart).collect()
}
