//! The options in `.bazelrc` files, as Bazel reads them.

use std::path::{Path, PathBuf};

use airgap_core::environment::Environment;
use airgap_core::error::Result;
use airgap_core::{read, user_path};

/// The largest number of files that are read, with those that they import.
const MOST_FILES: usize = 100;

/// The largest depth of `--config` in the options of a `--config`.
const MOST_NESTED: usize = 10;

/// An option, with its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Placed {
    /// The option, as in `--repo_env=A=1`.
    pub(super) word: String,
    /// The file and the line, as in `.bazelrc:3`.
    pub(super) place: String,
    /// The command of its line.
    pub(super) command: String,
}

/// The lines of all files.
#[derive(Debug, Default)]
pub(super) struct Rc {
    lines: Vec<Line>,
}

#[derive(Debug, PartialEq, Eq)]
struct Line {
    place: String,
    command: String,
    config: String,
    words: Vec<String>,
}

impl Rc {
    /// Reads the file of the system, that of the workspace, that of the home folder, and all that
    /// they import. Bazel reads them in this order.
    ///
    /// # Errors
    /// Those of reading a file; a missing file is not an error, as for `try-import`.
    pub(super) fn read(root: &Path, environment: &Environment) -> Result<Rc> {
        let home = environment.home().map(|home| home.join(".bazelrc"));
        let files = [system(environment), Some(root.join(".bazelrc")), home];
        Rc::from_files(files.into_iter().flatten().collect(), root)
    }

    fn from_files(mut files: Vec<PathBuf>, root: &Path) -> Result<Rc> {
        let (mut rc, mut next) = (Rc::default(), 0);
        while let Some(file) = files.get(next).cloned().filter(|_| next < MOST_FILES) {
            next += 1;
            if user_path::is_file(&file)? {
                let shown = file.strip_prefix(root).unwrap_or(&file).display().to_string();
                let imports = rc.add(&read::text(&file, read::LIMIT)?, &shown);
                let imports = imports.iter().map(|import| imported(import, root));
                files.extend(imports.filter(|path| !files.contains(path)).collect::<Vec<_>>());
            }
        }
        Ok(rc)
    }

    /// Returns the options that a command takes from the files, with those of these `--config`s.
    pub(super) fn options(&self, commands: &[&str], configs: &[String]) -> Vec<Placed> {
        let mut options = self.of_config(commands, "");
        let own: Vec<_> = options.iter().filter_map(|it| config_of(&it.word)).collect();
        let mut open: Vec<_> = own.into_iter().chain(configs.iter().cloned()).collect();
        if options.iter().any(|it| it.word == "--enable_platform_specific_config") {
            open.push(std::env::consts::OS.to_owned());
        }
        for _ in 0..MOST_NESTED {
            let found: Vec<_> =
                open.iter().flat_map(|config| self.of_config(commands, config)).collect();
            open = found.iter().filter_map(|it| config_of(&it.word)).collect();
            options.extend(found);
        }
        options.retain(|it| config_of(&it.word).is_none());
        options
    }

    /// Returns whether a line defines a `--config`.
    pub(super) fn defines(&self, config: &str) -> bool {
        self.lines.iter().any(|line| line.config == config)
    }

    fn of_config(&self, commands: &[&str], config: &str) -> Vec<Placed> {
        let fits =
            |line: &&Line| line.config == config && commands.contains(&line.command.as_str());
        let placed = |line: &Line| {
            let (place, command) = (line.place.clone(), line.command.clone());
            let words = line.words.clone().into_iter();
            words
                .map(|word| Placed { word, place: place.clone(), command: command.clone() })
                .collect::<Vec<_>>()
        };
        self.lines.iter().filter(fits).flat_map(placed).collect()
    }

    /// Adds the lines of a file, and returns the paths that it imports.
    fn add(&mut self, text: &str, file: &str) -> Vec<String> {
        let mut imports = Vec::new();
        for (number, line) in logical_lines(text) {
            let mut words = words(&line).into_iter();
            let Some(first) = words.next() else { continue };
            if matches!(first.as_str(), "import" | "try-import") {
                imports.extend(words.next());
                continue;
            }
            let (command, config) = first.split_once(':').unwrap_or((&first, ""));
            self.lines.push(Line {
                place: format!("{file}:{number}"),
                command: command.to_owned(),
                config: config.to_owned(),
                words: joined(words),
            });
        }
        imports
    }
}

/// Returns the file of the system.
fn system(environment: &Environment) -> Option<PathBuf> {
    match cfg!(windows) {
        true => Some(Path::new(environment.named("ProgramData")?).join("bazel.bazelrc")),
        false => Some(PathBuf::from("/etc/bazel.bazelrc")),
    }
}

/// Returns the values of an option that may be repeated: `A=1` for `--repo_env=A=1`.
pub(super) fn values<'a>(options: &'a [Placed], name: &str) -> Vec<&'a str> {
    let value = |it: &'a Placed| it.word.strip_prefix(name)?.strip_prefix('=');
    options.iter().filter_map(value).collect()
}

/// Joins an option with its value in the next word: `--config offline`.
fn joined(words: impl Iterator<Item = String>) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    for word in words {
        let open = all.last_mut().filter(|last| last.starts_with("--") && !last.contains('='));
        match open.filter(|_| !word.starts_with('-')) {
            Some(last) => last.extend(["=", &word]),
            None => all.push(word),
        }
    }
    all
}

fn config_of(word: &str) -> Option<String> {
    word.strip_prefix("--config=").map(str::to_owned)
}

fn imported(import: &str, root: &Path) -> PathBuf {
    match import.strip_prefix("%workspace%") {
        Some(below) => root.join(below.trim_start_matches('/')),
        None => root.join(import),
    }
}

/// Returns the lines with their numbers; a backslash at the end of a line joins it with the next.
fn logical_lines(text: &str) -> Vec<(usize, String)> {
    let mut lines: Vec<(usize, String)> = Vec::new();
    let mut joins = false;
    for (at, line) in text.lines().enumerate() {
        let (line, goes_on) = match line.strip_suffix('\\') {
            Some(line) => (line, true),
            None => (line, false),
        };
        match lines.last_mut().filter(|_| joins) {
            Some((_, start)) => start.push_str(line),
            None => lines.push((at + 1, line.to_owned())),
        }
        joins = goes_on;
    }
    lines
}

/// Splits a line as a shell does; `#` at the start of a word begins a comment.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let (mut word, mut open) = (None::<String>, None::<char>);
    let mut rest = line.chars();
    while let Some(c) = rest.next() {
        match (c, open) {
            ('\\', Some('"') | None) => word.get_or_insert_default().extend(rest.next()),
            (c, Some(quote)) if c == quote => open = None,
            (c, Some(_)) => word.get_or_insert_default().push(c),
            ('"' | '\'', None) => {
                open = Some(c);
                word.get_or_insert_default();
            }
            ('#', None) if word.is_none() => break,
            (c, None) if c.is_whitespace() => words.extend(word.take()),
            (c, None) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(text: &str, configs: &[&str]) -> Vec<String> {
        let mut rc = Rc::default();
        rc.add(text, ".bazelrc");
        let configs: Vec<_> = configs.iter().map(ToString::to_string).collect();
        let found = rc.options(&["common", "build"], &configs);
        found.into_iter().map(|it| format!("{} {}", it.place, it.word)).collect()
    }

    #[test]
    fn options_come_from_the_lines_of_the_command_and_the_config() {
        let text = "# comment\ncommon --a=\"x y\" # more\n\nbuild:offline --b \\\n  --c='#'\n\
                    test --no\nbuild:more --d\nbuild:offline --config more\nbuild:loop --config=loop\n";
        assert_eq!(options(text, &[]), [".bazelrc:2 --a=x y"]);
        assert_eq!(
            options(text, &["offline", "loop"]),
            [".bazelrc:2 --a=x y", ".bazelrc:4 --b", ".bazelrc:4 --c=#", ".bazelrc:7 --d"]
        );
        let placed =
            Placed { word: "--repo_env=A=1".into(), place: String::new(), command: String::new() };
        assert_eq!(values(&[placed], "--repo_env"), ["A=1"]);
    }

    #[test]
    fn imports_are_read_once() {
        let folder = tempfile::tempdir().unwrap();
        let write =
            |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
        write(".bazelrc", "import %workspace%/a.rc\ntry-import none.rc\n");
        write("a.rc", "import %workspace%/.bazelrc\nbuild --x\n");
        let rc = Rc::read(folder.path(), &Environment::from_pairs(&[], "/")).unwrap();
        assert_eq!(rc.options(&["build"], &[]).len(), 1);
        assert!(!rc.defines("offline"));
        // The file of the system comes first, and its imports are relative to the workspace.
        let system = folder.path().join("etc.rc");
        write("etc.rc", "build --y\nbuild:offline --z\ntry-import %workspace%/a.rc\n");
        let files = vec![system, folder.path().join(".bazelrc")];
        let rc = Rc::from_files(files, folder.path()).unwrap();
        let options = rc.options(&["build"], &["offline".to_owned()]);
        let words: Vec<_> =
            options.iter().map(|it| (it.word.as_str(), it.place.as_str())).collect();
        assert_eq!(words, [("--y", "etc.rc:1"), ("--x", "a.rc:2"), ("--z", "etc.rc:2")]);
    }
}
