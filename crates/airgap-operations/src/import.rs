//! Converts the registry files of rules_wasm_component into registry files of this program.
//!
//! Its files have another form: the address of a file is not in them, but is composed by its rules
//! from a suffix; digests may be placeholders; and bundles are not checked against the versions
//! that are there. Each entry gets an outcome, and only entries that are right are written.

mod address;
mod bundle;
mod component;
mod digest_check;
mod entry;
mod source;
mod tool;

pub use entry::{Entry, Outcome};

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use airgap_core::error::{Error, Result};
use airgap_core::read;
use airgap_core::rooted::RootedPath;
use airgap_core::shell;
use airgap_core::store;
use airgap_vendor::catalog::{COMPONENTS_FILE, ComponentCatalog, ToolCatalog};

use source::Source;

/// The file with the lines for MODULE.bazel.
const FRAGMENT: &str = "import.MODULE.bazel";

/// The file that makes the registry files visible to MODULE.bazel.
const BUILD_FILE: &str = "BUILD.bazel";

/// The result of reading all files: an outcome for each entry, and the files to write.
#[derive(Clone, Debug, Default)]
pub struct Import {
    /// The entries: tools, components and bundles, in this order, sorted by file and version.
    pub entries: Vec<Entry>,
    tools: BTreeMap<String, String>,
    components: BTreeMap<String, String>,
    bundles: bundle::Bundles,
}

impl Import {
    /// Reads the files in a folder: the root of rules_wasm_component, or its folder `checksums`.
    ///
    /// # Errors
    /// Usage, if the folder has none of the files, or one of them has another form or is over a
    /// limit. Integrity, if one of them is a link.
    pub fn read(folder: &Path) -> Result<Import> {
        let source = Source::open(folder)?;
        let mut import = Import::default();
        let tools = ToolCatalog::builtin()?;
        let mut available = tool::versions_in(&tools);
        for (name, text) in source.tools()? {
            import.add_tool(&name, &text, &tools, &mut available)?;
            source.check_entries(import.entries.len())?;
        }
        import.add_components(&source)?;
        if let Some((name, text)) = source.bundles()? {
            let (entries, bundles) = bundle::read(&text, &name, &available, &tools)?;
            import.entries.extend(entries);
            import.bundles = bundles;
        }
        source.check_entries(import.entries.len())?;
        Ok(import)
    }

    /// Returns the files to write, by path, with `/` on every platform. `package` is the package
    /// of the output folder in labels, as in `registries/wasm`.
    pub fn files(&self, package: &str) -> BTreeMap<String, String> {
        let tools = self.tools.iter().map(|(name, text)| (format!("tools/{name}"), text.clone()));
        let components =
            self.components.iter().map(|(name, text)| (format!("components/{name}"), text.clone()));
        let mut files: BTreeMap<_, _> = tools.chain(components).collect();
        if files.is_empty() && self.bundles.is_empty() {
            return files;
        }
        let paths: Vec<_> = files.keys().cloned().collect();
        files.insert(BUILD_FILE.to_owned(), build_file(&paths));
        files.insert(FRAGMENT.to_owned(), self.bundles.fragment(package, &paths));
        files
    }

    /// Writes the files into a folder, each after those that it names, so that a run that is killed
    /// leaves no list of files that are missing. A file that has its content already is not touched.
    ///
    /// # Errors
    /// Usage, before anything is written, if the folder has a file of one of the names with
    /// another content: entries of a user could be in it.
    pub fn write(folder: &Path, files: &BTreeMap<String, String>) -> Result<()> {
        let root = RootedPath::from_trusted(folder);
        for (name, text) in files {
            let path = root.join(name);
            match read::rooted_bytes(&path, read::LIMIT)? {
                Some(found) if found != text.as_bytes() => return Err(taken(&path, folder)),
                _ => {}
            }
        }
        let mut files: Vec<_> = files.iter().collect();
        files.sort_by_key(|(name, _)| rank(name));
        for (name, text) in files {
            store::write_atomically(&root.join(name), text.as_bytes())?;
        }
        Ok(())
    }

    /// Returns the number of entries with an outcome.
    pub fn count(&self, outcome: Outcome) -> usize {
        self.entries.iter().filter(|entry| entry.outcome == outcome).count()
    }

    fn add_tool(
        &mut self,
        name: &str,
        text: &str,
        known: &ToolCatalog,
        available: &mut tool::Versions,
    ) -> Result<()> {
        let read = tool::read(text, name, known)?;
        available.extend(read.versions);
        self.entries.extend(read.entries);
        let Some(text) = read.file else { return Ok(()) };
        let file = format!("{}.json", read.tool);
        if let Some(other) = same_file(self.tools.keys(), &file) {
            return Err(Error::usage(format!("the file `{name}` describes a tool again"))
                .fact("tool", read.tool)
                .fact("the other", other)
                .hint("remove one of the two files"));
        }
        self.tools.insert(file, text);
        Ok(())
    }

    fn add_components(&mut self, source: &Source) -> Result<()> {
        let Some((name, text)) = source.component_list()? else { return Ok(()) };
        let known = ComponentCatalog::builtin()?;
        let mut listed = BTreeSet::new();
        let mut written = BTreeMap::new();
        let components = component::list(&text, &name)?;
        source.check_components(components.len())?;
        for (component, file) in components {
            let output = component::file_name(&component);
            if let Some(other) = same_file(listed.iter(), &output) {
                return Err(Error::usage(format!(
                    "the file `{name}` lists two components for one output file"
                ))
                .fact("component", component)
                .fact("output file", other)
                .hint("remove one of the two from that list"));
            }
            listed.insert(output.clone());
            let Some((name, text)) = source.component(file.as_str())? else {
                let reason = format!("its file `{file}` does not exist");
                let name = component.to_string();
                self.entries.push(Entry::new("component", name, Outcome::Incomplete, &reason));
                continue;
            };
            let read = component::read(&text, &name, &component, &known)?;
            self.entries.extend(read.entries);
            source.check_entries(self.entries.len())?;
            if let Some(text) = read.file {
                self.components.insert(output.clone(), text);
                written.insert(component, output);
            }
        }
        if !written.is_empty() {
            let list = component::written_list(&written)?;
            self.components.insert(COMPONENTS_FILE.to_owned(), list);
        }
        Ok(())
    }
}

/// Returns the file that has this name, on a file system where the case of letters does not matter.
fn same_file<'a>(mut files: impl Iterator<Item = &'a String>, name: &str) -> Option<&'a String> {
    files.find(|file| file.eq_ignore_ascii_case(name))
}

/// Returns the place of a file in the order in which they are written.
fn rank(name: &str) -> usize {
    let lists = [format!("components/{COMPONENTS_FILE}"), BUILD_FILE.into(), FRAGMENT.into()];
    lists.iter().position(|list| list == name).map_or(0, |place| place + 1)
}

/// Returns the BUILD file that makes the registry files visible to MODULE.bazel.
fn build_file(paths: &[String]) -> String {
    let lines: String = paths.iter().map(|path| format!("    \"{path}\",\n")).collect();
    format!("exports_files([\n{lines}])\n")
}

fn taken(path: &RootedPath, folder: &Path) -> Error {
    Error::usage(format!("`{path}` exists and has another content"))
        .fact("because", "it may have entries that are not in the folder that is imported")
        .hint(format!(
            "name another folder with --output, or remove that file: rm -- {}",
            shell::path(path.path())
        ))
        .fact("output", folder.display())
}
