//! The folder of rules_wasm_component that is read. It is hostile: each file has a limit, and a
//! link in the folder is refused.

use std::path::Path;

use airgap_core::bounded;
use airgap_core::error::{Context, Error, Result};
use airgap_core::folder::EntryKind;
use airgap_core::read;
use airgap_core::report;
use airgap_core::rooted::{RootedPath, is_absence};
use airgap_vendor::catalog::COMPONENTS_FILE;
use serde::{Deserialize, Serialize};

/// The largest file in bytes; the largest published one has 4 kB.
const LARGEST: u64 = 1 << 20;

/// The most files of tools, and the most of components.
const MOST_FILES: usize = 500;

/// The most entries in all files.
const MOST_ENTRIES: usize = 20_000;

/// The remedy for a file that has another form.
pub(super) const MOVE_IT: &str = "correct it, or move it out of the folder and import again";

const BUNDLES: &str = "toolchain_bundles.json";

/// The folder `checksums`.
pub(super) struct Source(RootedPath);

/// A file: its path for messages, and its text.
type NamedText = (String, String);

impl Source {
    /// Finds the folder: the one that is named, or `checksums` in it.
    pub(super) fn open(folder: &Path) -> Result<Source> {
        let root = RootedPath::from_trusted(folder);
        for checksums in [root.join("checksums"), root] {
            let parts = [
                checksums.join("tools"),
                checksums.join("components/registry.json"),
                checksums.join(BUNDLES),
            ];
            for part in parts {
                let found = part.stat().doing(|| format!("read `{part}`"))?;
                if found.is_some() {
                    return Ok(Source(checksums));
                }
            }
        }
        Err(Error::usage(format!(
            "`{}` has no registry files of rules_wasm_component",
            folder.display()
        ))
        .fact("looked for", "checksums/tools, checksums/components/registry.json and checksums/toolchain_bundles.json")
        .hint("name a checkout of rules_wasm_component or of your fork, or its folder `checksums`"))
    }

    /// Reads the files of tools, sorted by name.
    pub(super) fn tools(&self) -> Result<Vec<NamedText>> {
        let folder = self.0.join("tools");
        let entries = match folder.open_folder().and_then(|open| open.list()) {
            Err(error) if is_absence(&error) => return Ok(Vec::new()),
            entries => entries.doing(|| format!("list `{folder}`"))?,
        };
        let names: Vec<_> = entries
            .iter()
            .filter(|(_, kind)| *kind != EntryKind::Folder)
            .filter_map(|(name, _)| name.to_str())
            .filter(|name| name.ends_with(".json"))
            .collect();
        check_number(&folder, "files", names.len(), MOST_FILES)?;
        let texts = names.iter().map(|name| text(&folder.join(name)));
        texts.filter_map(Result::transpose).collect()
    }

    /// Checks the number of components.
    ///
    /// # Errors
    /// Usage, if there are too many.
    pub(super) fn check_components(&self, found: usize) -> Result<()> {
        check_number(&self.0.join("components"), "components", found, MOST_FILES)
    }

    /// Checks the number of entries in the files so far.
    ///
    /// # Errors
    /// Usage, if there are too many.
    pub(super) fn check_entries(&self, found: usize) -> Result<()> {
        check_number(&self.0, "entries", found, MOST_ENTRIES)
    }

    /// Reads the list of components, if there is one.
    pub(super) fn component_list(&self) -> Result<Option<NamedText>> {
        self.component(COMPONENTS_FILE)
    }

    /// Reads the file of a component, if it exists.
    pub(super) fn component(&self, file: &str) -> Result<Option<NamedText>> {
        text(&self.0.join("components").join(file))
    }

    /// Reads the file of bundles, if there is one.
    pub(super) fn bundles(&self) -> Result<Option<NamedText>> {
        text(&self.0.join(BUNDLES))
    }
}

fn check_number(folder: &RootedPath, things: &str, found: usize, most: usize) -> Result<()> {
    match found <= most {
        true => Ok(()),
        false => Err(Error::usage(format!("`{folder}` has too many {things}"))
            .fact("expected", format!("at most {most}"))
            .fact("found", found)),
    }
}

/// Reads the text of a file, which should be `form`.
///
/// # Errors
/// Usage, with the position and this remedy, if it has another form.
pub(super) fn parse<T: for<'de> Deserialize<'de>>(
    text: &str,
    origin: &str,
    form: &str,
    remedy: &str,
) -> Result<T> {
    bounded::json(text).map_err(|error| {
        Error::usage(format!("`{origin}` is not {form} of rules_wasm_component"))
            .because(error)
            .hint(remedy)
    })
}

/// Returns the text of a registry file of this program.
pub(super) fn file_text(value: &impl Serialize) -> Result<String> {
    report::json_file(value)
        .map_err(|error| Error::usage("cannot write a registry file").because(error))
}

fn text(path: &RootedPath) -> Result<Option<NamedText>> {
    Ok(read::rooted_text(path, LARGEST)?.map(|text| (path.to_string(), text)))
}
