//! Bazel's repository cache: files by their SHA-256, and empty files for the addresses they had.
//!
//! ```text
//! content_addressable/sha256/<digest>/file
//! content_addressable/sha256/<digest>/id-<digest of the address>
//! ```

use std::io;
use std::path::Path;

use airgap_core::digest::Digest;
use airgap_core::error::{Context as _, Error, Result};
use airgap_core::folder::Folder;
use airgap_core::rooted::RootedPath;

/// The folder of the repository cache that has the files by their digests.
pub(crate) const CONTENTS: &str = "content_addressable";

/// The most files that are copied.
const MOST_FILES: usize = 100_000;

/// Returns the place of the file with this digest in a repository cache.
pub(crate) fn file(cache: &Path, digest: &Digest) -> RootedPath {
    RootedPath::from_trusted(cache).join(&format!("{CONTENTS}/sha256/{digest}/file"))
}

/// Returns whether a name is a SHA-256.
pub(crate) fn is_digest(name: &str) -> bool {
    name.parse::<Digest>().is_ok_and(|digest| digest.to_string() == name)
}

/// Returns whether a file in the folder of a digest is one of the cache.
pub(crate) fn is_cached(name: &str) -> bool {
    name == "file" || name.strip_prefix("id-").is_some_and(is_digest)
}

/// Copies a repository cache into a folder, and returns the number of its files by digest. Bazel
/// hashes each file before it uses it.
///
/// # Errors
/// Usage, if it is not a repository cache or has more than 100 000 files; those of the file system.
pub(crate) fn copy(cache: &Path, to: &Path) -> Result<usize> {
    let doing = || format!("copy the repository cache `{}`", cache.display());
    let from = RootedPath::from_trusted(cache).join(CONTENTS).join("sha256");
    if from.stat().doing(doing)?.is_none() {
        return Err(not_a_cache(cache));
    }
    let to = RootedPath::from_trusted(to).join(CONTENTS).join("sha256").make().doing(doing)?;
    let from = from.open_folder().doing(doing)?;
    let digests = from.list().doing(doing)?.into_iter().map(|(name, _)| name);
    let digests: Vec<_> = digests.filter(|name| name.to_str().is_some_and(is_digest)).collect();
    if digests.len() > MOST_FILES {
        return Err(Error::usage("the repository cache has too many files for a proof")
            .fact("found", digests.len())
            .fact("expected", format!("at most {MOST_FILES}"))
            .hint("name the one of a bundle: --repository-cache vendor/bazel/repository_cache"));
    }
    for name in &digests {
        let enter = || Ok((from.enter(name)?, to.make(name)?));
        enter().and_then(|(from, to)| copy_files(&from, &to)).doing(doing)?;
    }
    Ok(digests.len())
}

fn copy_files(from: &Folder, to: &Folder) -> io::Result<()> {
    for (name, _) in from.list()? {
        if name.to_str().is_some_and(is_cached) {
            io::copy(&mut from.read(&name)?, &mut to.create(&name, false)?)?;
        }
    }
    Ok(())
}

fn not_a_cache(cache: &Path) -> Error {
    Error::usage(format!("`{}` is not a repository cache of Bazel", cache.display()))
        .fact("expected", format!("a folder `{CONTENTS}/sha256` in it"))
        .hint("name the one of an applied bundle: --repository-cache vendor/bazel/repository_cache")
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::disallowed_methods)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn only_files_of_the_cache_are_copied() {
        let folder = tempfile::tempdir().unwrap();
        let digest = "a".repeat(64);
        let from = folder.path().join("from");
        let entry = from.join(format!("{CONTENTS}/sha256/{digest}"));
        fs::create_dir_all(&entry).unwrap();
        fs::create_dir_all(from.join(format!("{CONTENTS}/sha256/other"))).unwrap();
        fs::create_dir_all(from.join("contents")).unwrap();
        fs::write(entry.join("file"), "text").unwrap();
        fs::write(entry.join(format!("id-{digest}")), "").unwrap();
        fs::write(entry.join("tmp-1"), "").unwrap();
        let to = folder.path().join("to");
        fs::create_dir(&to).unwrap();
        assert_eq!(copy(&from, &to).unwrap(), 1);
        let list = |folder: &Path| fs::read_dir(folder).unwrap().count();
        assert_eq!(list(&to), 1);
        let copied = to.join(format!("{CONTENTS}/sha256"));
        assert_eq!((list(&copied), list(&copied.join(&digest))), (1, 2));
        assert_eq!(fs::read_to_string(copied.join(&digest).join("file")).unwrap(), "text");
    }

    #[test]
    fn another_folder_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let error = copy(folder.path(), folder.path()).unwrap_err().to_string();
        assert!(error.contains("is not a repository cache of Bazel"), "{error}");
    }
}
