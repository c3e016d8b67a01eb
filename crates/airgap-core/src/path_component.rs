//! One component of a path, safe to join to a folder.

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize};

/// A name that is exactly one path component on every platform: a tool, a version, a file name.
///
/// Letters, digits and `. _ - + @ ~` only, not starting with a dot. Names come from registry files
/// and command lines and become paths in vendor folders and URLs on mirrors; a name that could
/// climb out of its folder, or hide in it, does not parse.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct PathComponent(String);

impl PathComponent {
    /// Returns the text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for PathComponent {
    type Err = String;

    fn from_str(text: &str) -> Result<PathComponent, String> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || "._-+@~".contains(c);
        if text.is_empty() || text.starts_with('.') || text.ends_with('.') {
            return Err(format!("`{text}` cannot be a name: it is empty or has a dot at an end"));
        }
        if text.len() > 128 {
            return Err(format!("`{text}` cannot be a name: it is longer than 128 characters"));
        }
        match text.chars().find(|&c| !allowed(c)) {
            Some(c) => Err(format!("`{text}` cannot be a name: `{}` is in it", c.escape_default())),
            None => Ok(PathComponent(text.to_owned())),
        }
    }
}

impl<'de> Deserialize<'de> for PathComponent {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<PathComponent, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl fmt::Display for PathComponent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl AsRef<Path> for PathComponent {
    fn as_ref(&self) -> &Path {
        Path::new(&self.0)
    }
}

impl std::borrow::Borrow<str> for PathComponent {
    fn borrow(&self) -> &str {
        &self.0
    }
}

/// Returns whether a relative path, with `/` on every platform, stays in its folder: each part of
/// it is a [`PathComponent`].
pub fn is_path(path: &str) -> bool {
    path.split('/').all(|part| part.parse::<PathComponent>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts_names_and_versions_of_tools() {
        for name in ["wasm-tools", "0.2.0-rc-2024-06-25", "wac-cli-x86_64", "go1.2+x", "1.0"] {
            assert_eq!(name.parse::<PathComponent>().unwrap().as_str(), name);
        }
    }

    #[test]
    fn refuses_names_that_could_leave_the_folder() {
        for name in ["", ".", "..", "a/b", "a\\b", "C:", "a\0b", ".hidden", "a b", "ä", "a."] {
            assert!(name.parse::<PathComponent>().is_err(), "{name:?}");
        }
    }

    #[test]
    fn a_path_is_made_of_such_names() {
        assert!(is_path("wit/a-b-1.0.0/a.wit") && is_path("a"));
        for path in ["", "/a", "a/", "a//b", "a/../b", "a/my file.wit", "a\\b"] {
            assert!(!is_path(path), "{path:?}");
        }
    }
}
