//! Files that Bazel gives a program by their paths in the runfiles.

use std::path::{Component, Path, PathBuf};

use crate::environment::{self as env, Environment};
use crate::read;

/// Returns the path of a runfile. `path` is relative to the main repository in the runfiles.
///
/// Without a tree of links, as on Windows, the path comes from Bazel's runfiles manifest.
pub fn find(path: &Path, environment: &Environment) -> PathBuf {
    let direct = environment.current_dir().join(path);
    if path.is_absolute() || matches!(crate::user_path::kind(&direct), Ok(Some(_))) {
        return direct;
    }
    let found = manifests(environment).into_iter().find_map(|manifest| {
        let text = read::text(&manifest, read::LIMIT).ok()?;
        keys(path, environment).iter().find_map(|key| lookup(&text, key))
    });
    found.unwrap_or(direct)
}

fn manifests(environment: &Environment) -> Vec<PathBuf> {
    let here = environment.current_dir();
    let named = environment.get(env::RUNFILES_MANIFEST_FILE).map(|file| here.join(file));
    let folder = environment.get(env::RUNFILES_DIR).map(|folder| here.join(folder));
    // `bazel run` starts in the folder of the runfiles, or in that of the main repository there.
    let folders = folder.into_iter().chain([here.clone(), here.join("..")]);
    named.into_iter().chain(folders.map(|folder| folder.join("MANIFEST"))).collect()
}

/// Returns the names that a file may have in the manifest.
fn keys(path: &Path, environment: &Environment) -> Vec<String> {
    let mut parts = Vec::new();
    for part in path.components() {
        match part {
            Component::Normal(name) => parts.push(name.to_string_lossy().into_owned()),
            Component::ParentDir => parts.clear(),
            _ => {}
        }
    }
    let key = parts.join("/");
    if path.components().next() == Some(Component::ParentDir) {
        return vec![key];
    }
    let main = environment.get(env::TEST_WORKSPACE).into_iter().chain(["_main", "__main__"]);
    main.map(|name| format!("{name}/{key}")).collect()
}

/// Returns the file of a name in a manifest. A line that begins with a space has escapes in its
/// name.
fn lookup(manifest: &str, key: &str) -> Option<PathBuf> {
    manifest.lines().find_map(|line| {
        let (name, file) = match line.strip_prefix(' ') {
            Some(escaped) => {
                let (name, file) = escaped.split_once(' ')?;
                (unescaped(name, true), unescaped(file, false))
            }
            None => {
                let (name, file) = line.split_once(' ')?;
                (name.to_owned(), file.to_owned())
            }
        };
        (name == key && !file.is_empty()).then(|| PathBuf::from(file))
    })
}

fn unescaped(text: &str, with_spaces: bool) -> String {
    let text = if with_spaces { text.replace("\\s", " ") } else { text.to_owned() };
    text.replace("\\n", "\n").replace("\\b", "\\")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_runfile_is_found_in_the_tree_and_by_the_manifest() {
        let folder = tempfile::TempDir::new().unwrap();
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        write("x.runfiles/other~/here.json", "");
        write("x.runfiles/_main/a.json", "");
        let manifest = "_main/b.json /src/b.json\nother~/c.json C:/a b/c.json\n \
                        other~/d\\se.json /src/d e.json\n_main/empty \n";
        write("x.runfiles/MANIFEST", manifest);
        let tree = folder.path().join("x.runfiles");
        let find = |from: &Path, path: &str| {
            super::find(Path::new(path), &Environment::from_pairs(&[], from.to_owned()))
        };
        for here in [tree.join("_main"), tree.clone()] {
            for (path, expected) in [
                ("b.json", "/src/b.json"),
                ("./b.json", "/src/b.json"),
                ("../other~/c.json", "C:/a b/c.json"),
                ("../other~/d e.json", "/src/d e.json"),
            ] {
                assert_eq!(find(&here, path), Path::new(expected), "{path}");
            }
            for path in ["empty", "../other~/b.json", "c.json"] {
                assert_eq!(find(&here, path), here.join(path), "{path}");
            }
        }
        let main = tree.join("_main");
        assert_eq!(find(&main, "a.json"), main.join("a.json"));
        assert_eq!(find(&main, "../other~/here.json"), main.join("../other~/here.json"));
        // Bazel tells a test where the manifest is.
        write("elsewhere", "ws/b.json /src/of-test.json\n");
        let named = folder.path().join("elsewhere").display().to_string();
        let pairs = [(env::RUNFILES_MANIFEST_FILE, named.as_str()), (env::TEST_WORKSPACE, "ws")];
        let environment = Environment::from_pairs(&pairs, folder.path());
        assert_eq!(super::find(Path::new("b.json"), &environment), Path::new("/src/of-test.json"));
    }
}
