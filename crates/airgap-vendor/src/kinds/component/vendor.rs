//! Components: the `.wasm` files, the manifests that prove them, and the BUILD file through which
//! rules name them.

use super::{Components, Fetched, Purpose, WantedComponent, manifest_of, wasm_name};
use crate::build_file::BuildFile;
use crate::manifest::{Entry, Manifest, VendorDir};
use crate::vendor::{self, Batch, Summary};
use airgap_core::artifact::VendoredKind;
use airgap_core::digest::Digest;
use airgap_core::error::{Context, Error, Result};
use airgap_core::folder::EntryKind;
use airgap_core::outcome::Outcome;
use airgap_core::path_component::PathComponent;
use airgap_core::quantity::megabytes;
use airgap_core::read;
use airgap_core::report::Report;
use airgap_core::rooted::RootedPath;
use airgap_core::store;
use std::collections::BTreeMap;

/// The name of the BUILD file.
const BUILD: &str = "BUILD.bazel";

/// The work to do.
pub struct ComponentJob<'a> {
    /// The wanted components.
    pub wanted: &'a [WantedComponent],
    /// The destination.
    pub dir: &'a VendorDir,
    /// The sources.
    pub components: &'a Components,
    /// The number of components at a time.
    pub jobs: usize,
}

/// Brings every component into the folder, several at a time, and lists it in the manifest.
///
/// One failure does not stop the rest: finished files are listed, so that the next run fetches only
/// the missing ones.
///
/// # Errors
/// Usage, if two components have the same file, or the folder's manifest is something else.
pub fn vendor_components(job: &ComponentJob<'_>, report: &Report) -> Result<Summary> {
    let wanted = distinct(job.wanted)?;
    vendor::begin(job.dir)?;
    let batch = Batch { wanted: &wanted, noun: "component", jobs: job.jobs };
    let mut summary = vendor::bring_all(&batch, report, |one| bring(job, one, report));
    let gone: Vec<_> = summary.entries.iter().map(|entry| manifest_entry(&entry.path)).collect();
    let build = || write_component_build(job.dir, report);
    let root = job.dir.root();
    match Manifest::change_with(root, &gone, &summary.entries, build) {
        Ok(made) => summary.entries.extend(made),
        Err(error) => summary.failures.push(error),
    }
    summary.entries.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(summary)
}

/// Removes duplicates. Fails for names that differ only in case, as `A.wasm` and `a.wasm` are one
/// file on some file systems.
fn distinct(wanted: &[WantedComponent]) -> Result<Vec<&WantedComponent>> {
    let mut by_name: BTreeMap<String, &WantedComponent> = BTreeMap::new();
    for one in wanted {
        let same = |it: &WantedComponent| (&it.reference, &it.pin) == (&one.reference, &one.pin);
        match by_name.insert(one.name.as_str().to_ascii_lowercase(), one) {
            Some(other) if !same(other) => {
                return Err(Error::usage("two components have the same file")
                    .fact("file", wasm_name(&one.name))
                    .fact("components", format!("{}, {}", other.words, one.words))
                    .hint(
                        "give one of them another name: `--name`, or `component` in MODULE.bazel",
                    ));
            }
            _ => {}
        }
    }
    Ok(by_name.into_values().collect())
}

/// Fetches one component, with the manifest that pins it.
fn bring(
    job: &ComponentJob<'_>,
    wanted: &WantedComponent,
    report: &Report,
) -> Result<(Outcome, Vec<Entry>)> {
    let destination = job.dir.place(&wasm_name(&wanted.name));
    let fetched = job.components.fetch(wanted, &destination, Purpose::Vendor, report)?;
    if fetched.outcome == Outcome::Kept {
        store::remove_leftovers(&destination);
    }
    let beside = manifest_of(&destination);
    match &fetched.manifest {
        Some(manifest) => store::write_atomically(&beside, manifest.bytes())?,
        // A manifest of an earlier run would describe another file.
        None => remove(&beside)?,
    }
    let Fetched { file, outcome, .. } = &fetched;
    report.say(&format!("{:8} {}  {}", outcome.word(), wanted.words, megabytes(file.size())));
    if wanted.pin.is_none() && !fetched.is_local {
        report.warn(&unpinned(wanted, &fetched));
    }
    Ok((*outcome, entries(job.dir, wanted, &fetched)))
}

/// Returns the warning for a component that only a tag names.
pub fn unpinned(wanted: &WantedComponent, fetched: &Fetched) -> String {
    let manifest = match &fetched.manifest {
        Some(manifest) => format!(" (that of its manifest is sha256:{})", manifest.digest()),
        None => String::new(),
    };
    format!(
        "`{}` is not pinned, and its tag may be moved; to pin it, write: digest = \
         \"sha256:{}\"{manifest}",
        wanted.words,
        fetched.file.digest()
    )
}

fn entries(dir: &VendorDir, wanted: &WantedComponent, fetched: &Fetched) -> Vec<Entry> {
    let entry = |path: &str, size: u64, sha256: Digest| Entry {
        kind: VendoredKind::Component.name().to_owned(),
        name: wanted.name.to_string(),
        version: wanted.version.clone().unwrap_or_default(),
        platform: String::new(),
        path: dir.entry_path(path),
        size,
        sha256,
        url: wanted.reference.as_ref().map(|_| wanted.pinned()).unwrap_or_default(),
    };
    let wasm = wasm_name(&wanted.name);
    let mut entries = vec![entry(&wasm, fetched.file.size(), *fetched.file.digest())];
    if let Some(manifest) = &fetched.manifest {
        let path = manifest_entry(&wasm);
        entries.push(entry(&path, manifest.bytes().len() as u64, *manifest.digest()));
    }
    entries
}

/// Returns the path of the manifest that belongs to an entry, which is listed again or not at all.
fn manifest_entry(path: &str) -> String {
    match path.strip_suffix(".wasm") {
        Some(stem) => format!("{stem}.manifest.json"),
        None => path.to_owned(),
    }
}

/// Writes the BUILD file for all components in the folder, and returns its entry in the manifest. A
/// file that a person wrote stays.
///
/// # Errors
/// Those of reading the folder and of writing the file.
pub fn write_component_build(dir: &VendorDir, report: &Report) -> Result<Vec<Entry>> {
    let names = names(dir)?;
    let path = dir.place(BUILD);
    let text = match read::rooted_text(&path, read::LIMIT)? {
        Some(text) if !text.contains("wasm-airgap") => {
            let missing: Vec<_> =
                names.iter().filter(|name| !text.contains(&format!("\"{name}\""))).collect();
            if !missing.is_empty() {
                let missing: Vec<_> = missing.iter().map(|name| name.as_str()).collect();
                report.warn(&format!(
                    "`{path}` was not written by wasm-airgap and stays as it is; add to its \
                     exports_files: {}",
                    missing.join(", ")
                ));
            }
            text
        }
        None if names.is_empty() => return Ok(Vec::new()),
        _ => {
            let text = build_file(names).text();
            store::write_atomically(&path, text.as_bytes())?;
            text
        }
    };
    Ok(vec![Entry {
        kind: VendoredKind::Component.name().to_owned(),
        name: BUILD.to_owned(),
        version: String::new(),
        platform: String::new(),
        path: dir.entry_path(BUILD),
        size: text.len() as u64,
        sha256: Digest::compute(text.as_bytes()),
        url: String::new(),
    }])
}

fn build_file(exports: Vec<String>) -> BuildFile {
    BuildFile {
        header: vec!["Written by `wasm-airgap vendor components`.".to_owned()],
        loads: Vec::new(),
        exports,
        calls: Vec::new(),
    }
}

/// Returns the names of the components and their manifests in the folder, including those that a
/// person put there.
fn names(dir: &VendorDir) -> Result<Vec<String>> {
    let folder = dir.place("");
    let entries = folder.open_folder().and_then(|folder| folder.list());
    let entries = entries.doing(|| format!("list `{folder}`"))?;
    let files = entries.into_iter().filter(|(_, kind)| *kind == EntryKind::File);
    let names = files.filter_map(|(name, _)| name.into_string().ok());
    let fits = |name: &String| {
        (name.ends_with(".wasm") || name.ends_with(".manifest.json"))
            && name.parse::<PathComponent>().is_ok()
    };
    Ok(names.filter(fits).collect())
}

fn remove(path: &RootedPath) -> Result<()> {
    let removed = path.folder().and_then(|folder| folder.remove_if_there(path.name()));
    removed.doing(|| format!("remove `{path}`"))
}
