//! A file that is put back as it was after another program had the chance to change it.

use std::path::{Path, PathBuf};

use airgap_core::error::{Context as _, Result};
use airgap_core::rooted::RootedPath;
use airgap_core::{read, store, user_path};

/// The largest file in bytes.
const LIMIT: u64 = 64 << 20;

/// A file with its earlier text.
pub(crate) struct Kept {
    path: PathBuf,
    text: Option<String>,
}

impl Kept {
    /// Reads a file of at most 64 MiB, which may be absent.
    ///
    /// # Errors
    /// Those of reading it.
    pub(crate) fn read(path: &Path) -> Result<Kept> {
        let is_there = user_path::is_file(path)?;
        let text = is_there.then(|| read::text(path, LIMIT)).transpose()?;
        Ok(Kept { path: path.to_owned(), text })
    }

    /// Puts the text back, or removes the file if it was absent. Returns the text that the other
    /// program left.
    ///
    /// # Errors
    /// Those of reading and writing it.
    pub(crate) fn restore(&self) -> Result<Option<String>> {
        let now = Kept::read(&self.path)?.text;
        let place = RootedPath::beside(&self.path);
        match &self.text {
            text if *text == now => {}
            Some(text) => store::write_atomically(&place, text.as_bytes())?,
            None => {
                let removed = place.folder().and_then(|it| it.remove_if_there(place.name()));
                removed.doing(|| format!("remove `{place}`, which Bazel wrote"))?;
            }
        }
        Ok(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_put_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("MODULE.bazel.lock");
        let kept = Kept::read(&path).unwrap();
        std::fs::write(&path, "{}").unwrap();
        assert_eq!(kept.restore().unwrap().as_deref(), Some("{}"));
        assert!(!path.exists());
        std::fs::write(&path, "a").unwrap();
        let kept = Kept::read(&path).unwrap();
        std::fs::write(&path, "b").unwrap();
        kept.restore().unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "a");
    }
}
