//! The only way from untrusted bytes to bytes that may be used.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::digest::{Digest, Hasher};
use crate::error::{Context, Error, ErrorKind, Result};
use crate::folder::uninterrupted;
use crate::read;
use crate::rooted::RootedPath;
use crate::wrong_content::WrongContent;

/// The number of bytes that are hashed at a time. A larger buffer is not faster.
const BUFFER: usize = 256 * 1024;

/// A file that is not verified yet. It can be verified and nothing else.
pub struct Unverified {
    file: File,
    path: PathBuf,
    subject: String,
    source: String,
}

/// A file whose SHA-256 is the expected one.
///
/// A value only comes from [`Unverified`], or from hashing while the file is written; code that
/// unpacks or installs takes this type.
pub struct Verified {
    file: File,
    path: PathBuf,
    subject: String,
    digest: Digest,
    size: u64,
    state: FileState,
}

/// The metadata by which a later write to a file is detected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct FileState {
    size: u64,
    /// The number of its names; 0 for a file that was replaced or removed.
    names: u64,
    modified: Option<SystemTime>,
    /// The time of the last change of content or metadata, in seconds and nanoseconds. Unlike the
    /// time of modification, no program can set it back.
    changed: (i64, i64),
}

/// The time for which the system's clock for files may stand still: a write within that time after
/// another one does not show in [`FileState`].
const CLOCK_TICK: Duration = Duration::from_millis(10);

impl Unverified {
    /// Opens a file that is already on disk. `subject` is its expected content, as in
    /// `wasm-tools 1.244.0 (linux_amd64)`.
    pub fn open(path: &Path, subject: impl Into<String>) -> Result<Unverified> {
        let subject = subject.into();
        let file = read::file(path)?;
        Ok(Unverified { file, path: path.to_owned(), subject, source: path.display().to_string() })
    }

    /// Opens a file below a root, as in a vendor folder.
    ///
    /// # Errors
    /// Integrity, if a folder on the path is a link; usage, if it is not a regular file.
    pub fn open_rooted(path: &RootedPath, subject: impl Into<String>) -> Result<Unverified> {
        let file = path.read().doing(|| format!("read `{path}`"))?;
        let (path, source) = (path.path().to_owned(), path.to_string());
        Ok(Unverified { file, path, subject: subject.into(), source })
    }

    /// Hashes the file from its beginning to its end and compares the digest.
    ///
    /// # Errors
    /// Integrity, with both digests, if they differ.
    pub fn verify(self, expected: &Digest) -> Result<Verified> {
        let source = self.source.clone();
        let mut found = self.accept_unpinned()?;
        if found.digest != *expected {
            let error = mismatch(&found.subject, &source, expected, &found.digest);
            let wrong_content = WrongContent::from_file(&mut found.file, expected);
            let has_remedy = wrong_content.as_ref().is_some_and(|it| it.remedy().is_some());
            let error = wrong_content.iter().fold(error, |error, it| it.explain(error));
            return Err(match has_remedy {
                true => error,
                false => error.hint(
                    "the file was changed or damaged; delete it and vendor or download it again",
                ),
            });
        }
        Ok(found)
    }

    /// Hashes the file and accepts its digest: for files without a pin. The caller prints the
    /// digest for the person, so that it can be pinned from then on.
    pub fn accept_unpinned(mut self) -> Result<Verified> {
        let doing = || format!("read `{}`", self.path.display());
        let state = FileState::settled(&self.file).doing(doing)?;
        let (digest, size) = hash(&mut self.file).doing(doing)?;
        let Unverified { file, path, subject, .. } = self;
        Ok(Verified { file, path, subject, digest, size, state })
    }
}

impl FileState {
    fn read(file: &File) -> io::Result<FileState> {
        let found = uninterrupted(|| file.metadata())?;
        Ok(FileState {
            size: found.len(),
            names: names(&found),
            modified: found.modified().ok(),
            changed: changed(&found),
        })
    }

    /// Returns the state of a file that is about to be hashed. Waits if it was written just now, so
    /// that another write shows in the state.
    fn settled(file: &File) -> io::Result<FileState> {
        let age = |state: &FileState| {
            let (seconds, nanoseconds) = state.changed;
            let since = Duration::new(seconds.try_into().ok()?, nanoseconds.try_into().ok()?);
            SystemTime::now().duration_since(SystemTime::UNIX_EPOCH + since).ok()
        };
        let state = FileState::read(file)?;
        if let Some(left) = age(&state).and_then(|age| CLOCK_TICK.checked_sub(age)) {
            std::thread::sleep(left);
            return FileState::read(file);
        }
        Ok(state)
    }
}

#[cfg(unix)]
fn changed(found: &std::fs::Metadata) -> (i64, i64) {
    use std::os::unix::fs::MetadataExt;

    (found.ctime(), found.ctime_nsec())
}

#[cfg(unix)]
fn names(found: &std::fs::Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::nlink(found)
}

#[cfg(not(unix))]
fn names(_: &std::fs::Metadata) -> u64 {
    1
}

#[cfg(not(unix))]
fn changed(_: &std::fs::Metadata) -> (i64, i64) {
    (0, 0)
}

impl Verified {
    /// Creates a value for a file that was hashed while it was written, by a download or a copy.
    /// Apart from [`Unverified`] this is the only constructor. It compares the digest, as
    /// [`Unverified::verify`] does.
    pub fn from_hashed(
        (file, path): (File, &Path),
        (subject, source): (&str, &str),
        expected: &Digest,
        (found, size): (Digest, u64),
    ) -> Result<Verified> {
        if found != *expected {
            return Err(mismatch(subject, source, expected, &found));
        }
        Ok(Verified {
            state: FileState::read(&file).doing(|| format!("read `{}`", path.display()))?,
            file,
            path: path.to_owned(),
            subject: subject.to_owned(),
            digest: found,
            size,
        })
    }

    /// Returns the expected content, as in `wasm-tools 1.244.0 (linux_amd64)`.
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// Returns its path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns its SHA-256.
    pub fn digest(&self) -> &Digest {
        &self.digest
    }

    /// Returns its length in bytes.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Fails if the file was written to since it was hashed, as it may be on a share. Callers call
    /// it after they used the bytes and before they publish the result.
    ///
    /// # Errors
    /// Integrity, if it was written to; failed, if that cannot be determined.
    pub fn check_unchanged(&self) -> Result<()> {
        let now =
            FileState::read(&self.file).doing(|| format!("read `{}`", self.path.display()))?;
        if now == self.state {
            return Ok(());
        }
        // Removing its name also sets the time of change.
        if now.names == 0 && (now.size, now.modified) == (self.state.size, self.state.modified) {
            let statement = format!("{} was replaced while it was used", self.subject);
            return Err(Error::new(ErrorKind::Failed, statement)
                .fact("source", self.path.display())
                .hint("run the same command again; another run was writing the same file"));
        }
        Err(self.changed())
    }

    /// Returns the error for a file whose bytes are not the verified ones any more.
    pub fn changed(&self) -> Error {
        Error::integrity(format!("{} was changed while it was used", self.subject))
            .fact("source", self.path.display())
            .hint("find out which program writes to that file, then run the same command again")
    }

    /// Returns a reader from the first byte, over the file that was verified even if another one
    /// has replaced it since. Readers share one position, so use one at a time.
    pub fn reader(&self) -> Result<File> {
        let mut file = self.file.try_clone().doing(|| format!("read `{}`", self.path.display()))?;
        file.seek(SeekFrom::Start(0)).doing(|| format!("read `{}`", self.path.display()))?;
        Ok(file)
    }
}

/// Returns the digest and the length of the rest of `reader`.
pub fn hash(reader: &mut impl Read) -> io::Result<(Digest, u64)> {
    let (hasher, size) = hash_state(reader)?;
    Ok((hasher.finish(), size))
}

/// Returns a hasher over the rest of `reader`, and the length of that rest: for a file that still
/// grows.
pub(crate) fn hash_state(reader: &mut impl Read) -> io::Result<(Hasher, u64)> {
    let mut hasher = Hasher::default();
    let mut buffer = vec![0; BUFFER];
    let mut size = 0;
    loop {
        let count = uninterrupted(|| reader.read(&mut buffer))?;
        if count == 0 {
            return Ok((hasher, size));
        }
        hasher.update(&buffer[..count]);
        size += count as u64;
    }
}

/// Returns the error for bytes that are not the pinned ones.
pub fn mismatch(subject: &str, source: &str, expected: &Digest, found: &Digest) -> Error {
    Error::integrity(format!("the bytes of {subject} are not the pinned ones"))
        .fact("source", source)
        .fact("expected", format!("sha256:{expected}"))
        .fact("found", format!("sha256:{found}"))
}

/// Returns the words for a file with fewer bytes than it should have.
pub fn too_short(found: u64, expected: u64) -> String {
    format!("too short: {found} of {expected} bytes, as after an interrupted download")
}

/// Returns the error for bytes that are more or fewer than the pinned ones.
pub fn wrong_size(subject: &str, source: &str, expected: u64, found: &str) -> Error {
    let error = Error::integrity(format!(
        "{subject} does not have the size that was announced with its digest"
    ))
    .fact("source", source)
    .fact("expected", format!("{expected} bytes"))
    .fact("found", format!("{found} bytes"));
    match found.parse::<u64>() {
        Ok(found) if found < expected => error.fact("it is", too_short(found, expected)),
        _ => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrong_bytes_and_later_writes_are_detected() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tool.tar.gz");
        std::fs::write(&path, "bytes").unwrap();
        let expected = Digest::compute(b"bytes");
        let verified = Unverified::open(&path, "tool").unwrap().verify(&expected).unwrap();
        assert_eq!((verified.size(), verified.digest()), (5, &expected));
        verified.check_unchanged().unwrap();

        // A writer that sets the modification time back is detected too.
        let before = std::fs::metadata(&path).unwrap().modified().unwrap();
        std::fs::write(&path, "BYTES").unwrap();
        File::options().write(true).open(&path).unwrap().set_modified(before).unwrap();
        assert_eq!(verified.check_unchanged().unwrap_err().kind(), ErrorKind::Integrity);
        let error = Unverified::open(&path, "tool").unwrap().verify(&expected).err().unwrap();
        let text = error.to_string();
        assert!(text.contains(&expected.to_string()), "{text}");
        assert!(text.contains(&Digest::compute(b"BYTES").to_string()), "{text}");
    }
}
