//! Rendered manifests and lists of images: files, folders of them, standard input.

use std::io::Read;
use std::path::{Path, PathBuf};

use super::image_occurrence::ImageOccurrence;
use super::plain_list;
use super::scan::scan;
use crate::yaml::{self, Documents, Duplicates, Problem};
use airgap_core::error::{Context, Error, Result};
use airgap_core::folder::EntryKind;
use airgap_core::system_files;
use airgap_core::user_path::{self, Walked};

/// The extensions of the files that are read in folders.
const ENDINGS: [&str; 3] = ["yaml", "yml", "json"];

/// The largest number of problems, over all files.
const MOST_PROBLEMS: usize = 1000;

/// The largest number of images in all files, and of the bytes of their texts and fields.
const MOST_OCCURRENCES: usize = 50_000;
const MOST_BYTES: usize = 16 << 20;

/// The path that stands for standard input.
const STDIN: &str = "-";

/// The images in a set of manifests.
#[derive(Debug, Default)]
pub struct Manifests {
    /// The number of files that were read.
    pub files: usize,
    /// The images, in the order of the files and of their lines.
    pub occurrences: Vec<ImageOccurrence>,
    /// The documents that are not YAML, and the files that cannot be read. Images in them are not
    /// in `occurrences`.
    pub problems: Vec<Problem>,
    /// The files with Kubernetes resources, as the user named them.
    pub resources: Vec<String>,
    /// The folders without manifests, as the user named them.
    pub empty: Vec<String>,
    /// The size of the images and their fields, in bytes.
    bytes: usize,
}

impl Manifests {
    /// Reads files and every YAML or JSON file in folders; `-` is `stdin`. Relative paths are
    /// relative to `base`. A file that cannot be read is a problem like a document that is not
    /// YAML.
    ///
    /// # Errors
    /// Failed or usage, if no input can be read: a file does not exist, or standard input does not
    /// contain a document.
    pub fn read(paths: &[PathBuf], base: &Path, mut stdin: impl Read) -> Result<Manifests> {
        let mut manifests = Manifests::default();
        let mut errors = Vec::new();
        for typed in paths {
            let name = typed.display().to_string();
            let path = base.join(typed);
            let read = if name == STDIN {
                manifests.add_stdin(&mut stdin)
            } else {
                user_path::is_folder(&path).and_then(|is_folder| match is_folder {
                    true => manifests.add_folder(&path, &name, &mut errors),
                    false => manifests.add_file(&path, &name),
                })
            };
            errors.extend(read.err().map(|error| (name, error)));
            manifests.check_limits()?;
        }
        if manifests.files == 0 && errors.len() == 1 {
            return errors.pop().map_or(Ok(manifests), |(_, error)| Err(error));
        }
        let problem = |(name, error): (String, Error)| Problem::for_file(&name, error.one_line());
        manifests.problems.extend(errors.into_iter().map(problem));
        Ok(manifests)
    }

    /// Adds the documents of a text, or the images of a plain list.
    pub fn add(&mut self, text: &str, name: &str) {
        match plain_list::images(text, name) {
            Some(images) => self.add_images(images),
            None => self.add_documents(text, name, Duplicates::Refused),
        }
    }

    fn add_images(&mut self, images: impl Iterator<Item = ImageOccurrence>) {
        self.files += 1;
        for image in images {
            self.bytes += image.size();
            self.occurrences.push(image);
            if self.exceeded().is_some() {
                break;
            }
        }
    }

    /// Adds the documents that Helm has rendered. Of two equal keys the last one counts, as in
    /// Helm.
    pub(super) fn add_rendered(&mut self, text: &str, name: &str) {
        self.add_documents(text, name, Duplicates::LastCounts);
    }

    fn add_documents(&mut self, text: &str, name: &str, duplicates: Duplicates) {
        self.files += 1;
        let mut has_resource = false;
        for document in Documents::new(text, name, duplicates) {
            let scanned = document.and_then(|document| {
                has_resource |=
                    ["apiVersion", "kind"].iter().all(|key| document.get(key).is_some());
                scan(&document)
            });
            match scanned {
                Ok(occurrences) => {
                    self.bytes += occurrences.iter().map(ImageOccurrence::size).sum::<usize>();
                    self.occurrences.extend(occurrences);
                }
                Err(problem) => self.problems.push(named(problem, text)),
            }
            if self.exceeded().is_some() {
                break;
            }
        }
        if has_resource {
            self.resources.push(name.to_owned());
        }
    }

    /// Returns the limit that all files together exceed, and its unit.
    fn exceeded(&self) -> Option<(usize, &'static str)> {
        let limits = [
            (self.problems.len(), MOST_PROBLEMS, "documents that cannot be read"),
            (self.occurrences.len(), MOST_OCCURRENCES, "occurrences of images"),
            (self.bytes, MOST_BYTES, "bytes of images and the fields that name them"),
        ];
        let exceeded = limits.into_iter().find(|(found, most, _)| found > most);
        exceeded.map(|(_, most, unit)| (most, unit))
    }

    pub(super) fn check_limits(&self) -> Result<()> {
        match self.exceeded() {
            None => Ok(()),
            Some((most, unit)) => Err(Error::usage("there are too many manifests for one run")
                .fact("limit", format!("{most} {unit}"))
                .hint("pass fewer files to each run")),
        }
    }

    fn add_file(&mut self, path: &Path, name: &str) -> Result<()> {
        self.add(&yaml::read(path, name)?, name);
        Ok(())
    }

    /// Adds standard input. If it is empty, the program that writes it has failed.
    fn add_stdin(&mut self, stdin: impl Read) -> Result<()> {
        let text = yaml::read_from(stdin, "stdin")?;
        let is_list = plain_list::images(&text, "stdin").is_some();
        let mut documents = Documents::new(&text, "stdin", Duplicates::Refused);
        if !is_list && documents.all(|document| document.is_ok_and(|document| document.is_null())) {
            return Err(Error::usage("standard input does not contain a document")
                .hint("check whether the program before the `|` failed"));
        }
        self.add(&text, "stdin");
        Ok(())
    }

    fn add_folder(
        &mut self,
        path: &Path,
        name: &str,
        errors: &mut Vec<(String, Error)>,
    ) -> Result<()> {
        let mut is_empty = true;
        for file in files_in(path, name) {
            is_empty = false;
            let added = match &file.path {
                Ok(path) => self.add_file(path, &file.name),
                Err(error) => Err(error.clone()),
            };
            errors.extend(added.err().map(|error| (file.name, error)));
            self.check_limits()?;
        }
        if is_empty {
            self.empty.push(name.to_owned());
        }
        Ok(())
    }

    /// Keeps the files whose names, as the user gave them, satisfy `keeps`.
    pub fn retain_files(&mut self, keeps: impl Fn(&str) -> bool) {
        self.occurrences.retain(|occurrence| keeps(&occurrence.place.file));
        self.problems.retain(|problem| keeps(&problem.place.file));
        self.resources.retain(|name| keeps(name));
    }

    /// Turns each folder without manifests into a problem, for callers that need manifests.
    ///
    /// # Errors
    /// Usage, if such folders are the only input.
    pub fn without_empty(mut self) -> Result<Manifests> {
        let error = |name: &str| {
            Error::usage(format!("found no manifests in `{name}`"))
                .fact("looked for", format!("*.{}", ENDINGS.join(", *.")))
        };
        match &self.empty[..] {
            [only] if self.files == 0 && self.problems.is_empty() => return Err(error(only)),
            empty => {
                let problem = |name: &String| Problem::for_file(name, error(name).one_line());
                self.problems.extend(empty.iter().map(problem));
            }
        }
        Ok(self)
    }

    /// Fails if a document is not YAML, for callers that need all documents.
    pub fn complete(self) -> Result<Manifests> {
        match self.problems.first() {
            None => Ok(self),
            Some(problem) => Err(Error::from(problem.clone())),
        }
    }
}

/// Returns the problem of a document, with a hint if the document is a Helm template.
fn named(problem: Problem, text: &str) -> Problem {
    match text.contains("{{") {
        false => problem,
        true => Problem {
            problem: format!(
                "{}; the file is a template, which `helm template` renders",
                problem.problem
            ),
            ..problem
        },
    }
}

/// A file in a folder.
struct ListedFile {
    /// The name with the path that the user gave.
    name: String,
    /// The path, or the error of resolving it.
    path: Result<PathBuf>,
}

/// Returns the manifests in a folder, sorted, and errors of reading it. Links are followed, as by
/// the tool that applies the folder.
fn files_in(folder: &Path, name: &str) -> Vec<ListedFile> {
    let shown = |path: &Path| {
        let below = path.strip_prefix(folder).unwrap_or(path);
        Path::new(name).join(below).display().to_string()
    };
    let mut files = Vec::new();
    for Walked { path, kind } in user_path::walk(folder) {
        let name = shown(&path);
        match kind {
            Ok(kind) => {
                let filename = path.file_name().unwrap_or_default().to_string_lossy();
                if system_files::is_system_file(&filename) {
                    continue;
                }
                let ending = path.extension().unwrap_or_default().to_string_lossy().to_lowercase();
                if kind == EntryKind::File && ENDINGS.contains(&ending.as_str()) {
                    files.push(ListedFile { name, path: Ok(path) });
                }
            }
            Err(error) => {
                let path = Err(error).doing(|| format!("read `{name}`"));
                files.push(ListedFile { name, path });
            }
        }
    }
    files
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(folder: &Path, paths: &[&str], stdin: &str) -> Result<Manifests> {
        let paths: Vec<_> = paths.iter().map(PathBuf::from).collect();
        Manifests::read(&paths, folder, stdin.as_bytes())
    }

    #[cfg(unix)]
    #[test]
    fn an_unreadable_file_does_not_hide_other_files() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        std::fs::create_dir(path("m")).unwrap();
        std::fs::write(path("m/a.yaml"), b"image: \xff").unwrap();
        std::fs::write(path("m/z.yaml"), "image: org/z:1\n").unwrap();
        std::os::unix::fs::symlink("nowhere", path("m/b.yaml")).unwrap();
        std::os::unix::fs::symlink(".", path("m/loop")).unwrap();
        let found = read(folder.path(), &["missing.yaml", "m"], "").unwrap();
        assert_eq!(found.occurrences.len(), 1);
        let places: Vec<_> = found.problems.iter().map(|it| it.place.to_string()).collect();
        assert_eq!(places, ["missing.yaml", "m/a.yaml", "m/b.yaml", "m/loop"]);
        let error = found.complete().unwrap_err().to_string();
        assert!(error.contains("missing.yaml") && !error.contains("YAML"), "{error}");
        // A single input with an error stops the run with that error.
        let error = read(folder.path(), &["missing.yaml"], "").unwrap_err().to_string();
        assert!(error.contains("read `missing.yaml`"), "{error}");
    }

    #[test]
    fn standard_input_without_a_document_is_an_error() {
        for text in ["", "\n", "# Source: a.yaml\n", "---\n---\n"] {
            let error = read(Path::new("."), &["-"], text).unwrap_err().to_string();
            assert!(error.contains("does not contain a document"), "{text:?}: {error}");
        }
        assert_eq!(read(Path::new("."), &["-"], "a: b\n").unwrap().files, 1);
        let broken = read(Path::new("."), &["-"], "a: [\n").unwrap();
        assert_eq!(broken.problems.len(), 1);
    }
}
