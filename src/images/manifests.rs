//! Rendered manifests: files, folders of them, standard input.

use std::io::Read;
use std::path::{Path, PathBuf};

use walkdir::WalkDir;

use super::mention::Mention;
use super::scan::scan;
use crate::error::{Context, Error, Result};
use crate::yaml::{self, Documents, Duplicates, Problem};

/// The endings of the files that are read in folders.
const ENDINGS: [&str; 3] = ["yaml", "yml", "json"];

/// What a path is called that means standard input.
const STDIN: &str = "-";

/// The images in a set of manifests.
#[derive(Debug, Default)]
pub struct Manifests {
    /// How many files were read.
    pub files: usize,
    /// The images, in the order of the files and of their lines.
    pub mentions: Vec<Mention>,
    /// The documents that are no YAML. Images in them are not among the others.
    pub problems: Vec<Problem>,
}

impl Manifests {
    /// Reads files and every YAML or JSON file in folders; `-` is `stdin`. `base` is what relative
    /// paths are relative to.
    ///
    /// # Errors
    /// Failed or usage, where a file cannot be read, and where a folder has none: then there is
    /// nothing that could be right.
    pub fn read(paths: &[PathBuf], base: &Path, mut stdin: impl Read) -> Result<Manifests> {
        let mut manifests = Manifests::default();
        for typed in paths {
            let name = typed.display().to_string();
            let path = base.join(typed);
            if name == STDIN {
                manifests.add(&yaml::read_from(&mut stdin, "stdin")?, "stdin");
            } else if path.is_dir() {
                let files = files_in(&path, &name)?;
                if files.is_empty() {
                    return Err(Error::usage(format!("there are no manifests in `{name}`"))
                        .fact("looked for", format!("*.{}", ENDINGS.join(", *."))));
                }
                for (file, name) in files {
                    manifests.add(&yaml::read(&file, &name)?, &name);
                }
            } else {
                manifests.add(&yaml::read(&path, &name)?, &name);
            }
        }
        Ok(manifests)
    }

    /// Adds the documents of a text.
    pub fn add(&mut self, text: &str, name: &str) {
        self.files += 1;
        for document in Documents::new(text, name, Duplicates::Refused) {
            match document.and_then(|document| scan(&document)) {
                Ok(mentions) => self.mentions.extend(mentions),
                Err(problem) => self.problems.push(problem),
            }
        }
    }

    /// Fails where a document is no YAML, for who cannot go on without it.
    pub fn complete(self) -> Result<Manifests> {
        match self.problems.first() {
            None => Ok(self),
            Some(problem) => Err(Error::from(problem.clone())),
        }
    }
}

/// The manifests in a folder with their names, sorted. Links are followed, as they are by what
/// applies the folder.
fn files_in(folder: &Path, name: &str) -> Result<Vec<(PathBuf, String)>> {
    let mut files = Vec::new();
    for entry in WalkDir::new(folder).follow_links(true).sort_by_file_name() {
        let entry = entry.map_err(std::io::Error::from).doing(|| format!("list `{name}`"))?;
        let ending = entry.path().extension().unwrap_or_default().to_string_lossy().to_lowercase();
        if entry.file_type().is_file() && ENDINGS.contains(&ending.as_str()) {
            let below = entry.path().strip_prefix(folder).unwrap_or(entry.path());
            let shown = Path::new(name).join(below).display().to_string();
            files.push((entry.into_path(), shown));
        }
    }
    Ok(files)
}
