//! The files of a library, divided into its own and those of bundled packages.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::{DEPS, File, Library};
use crate::WitSource;
use crate::files;
use crate::limits::{MOST_BYTES, TextSize};
use airgap_core::error::{Context, Error, Result};
use airgap_core::folder::EntryKind;
use airgap_core::user_path::{self, Walked};

/// The divided files of a library.
pub(super) struct Srcs {
    /// The library's own package.
    pub(super) own: WitSource,
    /// Bundled packages, with the short path of the folder or file of each.
    pub(super) bundled: Vec<(String, WitSource)>,
    /// The files that were not used, a line for a person each.
    pub(super) ignored: Vec<String>,
    /// The size of all the packages together.
    pub(super) size: TextSize,
}

/// The package to which a file belongs, by its short path.
enum FileOwner {
    Own,
    /// The package of this folder, or of this one file.
    Bundle(String),
    /// No package: the file is below a package's folder, where no tool looks.
    TooDeep,
}

impl Srcs {
    /// Reads the files.
    pub(super) fn read(library: &Library) -> Result<Srcs> {
        let (mut own, mut bundles, mut ignored) =
            (Vec::new(), BTreeMap::<_, Vec<_>>::new(), Vec::new());
        let all = listed(&library.srcs)?;
        let is_named_deps =
            all.iter().all(|file| !matches!(FileOwner::parse(&file.short_path), FileOwner::Own));
        for file in all {
            let place = match is_named_deps {
                // If all files are below a folder of that name, it has no special meaning.
                true => FileOwner::Own,
                false => FileOwner::parse(&file.short_path),
            };
            match place {
                FileOwner::Own => own.push(file),
                FileOwner::Bundle(bundle) => bundles.entry(bundle).or_default().push(file),
                FileOwner::TooDeep => ignored.push(format!(
                    "`{}` is too deep in a folder `{DEPS}` to belong to a package",
                    file.short_path
                )),
            }
        }
        let own = package(&own, library)?;
        let mut size = TextSize::default();
        size.add(own.size(), &library.label)?;
        let mut bundled = Vec::new();
        for (bundle, files) in bundles {
            // Such as LICENSE, or deps.lock of another tool.
            let files: Vec<_> =
                files.into_iter().filter(|it| it.is_wit() || it.is_wasm()).collect();
            if !files.is_empty() {
                let package = package(&files, library)?;
                size.add(package.size(), &library.label)?;
                bundled.push((bundle, package));
            }
        }
        Ok(Srcs { own, bundled, ignored, size })
    }
}

impl FileOwner {
    fn parse(short_path: &str) -> FileOwner {
        let parts: Vec<_> = short_path.split('/').collect();
        let Some(index) = parts.iter().rposition(|part| *part == DEPS) else {
            return FileOwner::Own;
        };
        match parts.len() - index {
            // A file that is called so.
            1 => FileOwner::Own,
            2 | 3 => FileOwner::Bundle(parts[..index + 2].join("/")),
            _ => FileOwner::TooDeep,
        }
    }
}

impl File {
    fn is_wit(&self) -> bool {
        files::is_wit(&self.path)
    }

    fn is_wasm(&self) -> bool {
        self.path.extension() == Some("wasm".as_ref())
    }
}

/// Returns the files, with those in folders, sorted.
fn listed(srcs: &[File]) -> Result<Vec<File>> {
    let mut all = Vec::new();
    for file in srcs {
        if !user_path::is_folder(&file.path)? {
            all.push(File { path: file.path.clone(), short_path: file.short_path.clone() });
            continue;
        }
        for Walked { path, kind } in user_path::walk(&file.path) {
            let kind = kind.doing(|| format!("list `{}`", file.path.display()))?;
            if kind == EntryKind::Folder {
                continue;
            }
            let below = path.strip_prefix(&file.path).unwrap_or(&path);
            let parts: Vec<_> = below.iter().map(|part| part.to_string_lossy()).collect();
            let short_path = format!("{}/{}", file.short_path, parts.join("/"));
            all.push(File { path, short_path });
        }
    }
    all.sort_by(|a, b| a.short_path.cmp(&b.short_path));
    Ok(all)
}

/// Returns the package in these files: text, or one file in the binary format if there is no text.
fn package(sources: &[File], library: &Library) -> Result<WitSource> {
    let texts: Vec<_> = sources.iter().filter(|file| file.is_wit()).collect();
    if texts.is_empty() {
        let binaries: Vec<_> = sources.iter().filter(|file| file.is_wasm()).collect();
        return match binaries.as_slice() {
            [one] => WitSource::from_unverified(&one.path),
            found => Err(Error::usage(format!("{} has no `.wit` files", library.label))
                .fact("expected", "`.wit` files, or one `.wasm` file")
                .fact("found", format!("{} `.wasm` files", found.len()))),
        };
    }
    let mut read = BTreeMap::<String, (String, Vec<u8>)>::new();
    let mut left = MOST_BYTES;
    for file in texts {
        let (name, shown) = (files::name_of(&file.path)?, file.path.display().to_string());
        let bytes = files::read(&file.path, &mut left)?;
        if let Some((other, _)) = read.insert(name, (shown.clone(), bytes)) {
            return Err(Error::usage(format!(
                "{} has two files with the same name",
                library.label
            ))
            .fact("first", other)
            .fact("second", shown)
            .hint(
                "the files of a package are in one folder: rename one of them, or leave out those \
                 of another package",
            ));
        }
    }
    let folder = |file: &File| file.path.parent().map(PathBuf::from).unwrap_or_default();
    let origin = sources.first().map(folder).unwrap_or_default();
    WitSource::parse(read, &shown_folder(&origin))
}

fn shown_folder(folder: &Path) -> String {
    match folder.display().to_string() {
        empty if empty.is_empty() => ".".to_owned(),
        shown => shown,
    }
}
