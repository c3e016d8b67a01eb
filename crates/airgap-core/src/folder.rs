//! An open folder, in which files are created, read, listed and removed by name alone.
//!
//! Vendor folders, OCI layouts and archives are untrusted, and git carries symbolic links: one
//! `vendor/wit/a-b-1.0.0 -> ../..` would make a clean-up remove the whole workspace. On Unix each
//! step is therefore relative to a handle and follows no link (`openat` with `O_NOFOLLOW`), so that
//! nothing outside can be read, written or removed, even if the paths change meanwhile. On other
//! systems, as on Windows, the folder is a path and each step is preceded by a check for links.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::io;
use std::path::PathBuf;

pub use implementation::Folder;

/// The kind of an entry of a folder. Links are not followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryKind {
    /// A regular file.
    File,
    /// A folder.
    Folder,
    /// A symbolic link.
    Link,
    /// A pipe, a socket or a device.
    Other,
}

/// The metadata of an entry that tells two files apart, and finds a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stat {
    /// The kind of the entry.
    pub kind: EntryKind,
    /// Its length in bytes.
    pub size: u64,
    /// Its device and inode; zeros if the system does not provide them.
    pub identity: (u64, u64),
    /// The number of its names (hard links).
    pub names: u64,
}

/// The refusal of a symbolic link below a root.
///
/// It travels inside an [`io::Error`], and [`crate::error::Context`] converts it to an integrity
/// error.
#[derive(Clone, Debug)]
pub struct LinkRefused {
    /// The link.
    pub path: PathBuf,
    /// The target that the link contains.
    pub target: PathBuf,
}

impl fmt::Display for LinkRefused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (path, target) = (self.path.display(), self.target.display());
        write!(f, "`{path}` is a link to `{target}`; links are not followed here")
    }
}

impl std::error::Error for LinkRefused {}

impl LinkRefused {
    /// Returns the refusal inside an error of the operating system, if it contains one.
    pub fn within(error: &io::Error) -> Option<&LinkRefused> {
        error.get_ref()?.downcast_ref()
    }
}

impl EntryKind {
    /// Returns the kind that the standard library found.
    fn from_file_type(found: std::fs::FileType) -> EntryKind {
        match found {
            kind if kind.is_symlink() => EntryKind::Link,
            kind if kind.is_dir() => EntryKind::Folder,
            kind if kind.is_file() => EntryKind::File,
            _ => EntryKind::Other,
        }
    }
}

impl Stat {
    /// Creates the value from the standard library's metadata, of which the identity is not used.
    pub fn from_metadata(found: &std::fs::Metadata) -> Stat {
        let kind = EntryKind::from_file_type(found.file_type());
        Stat { kind, size: found.len(), identity: (0, 0), names: 1 }
    }

    /// Returns whether an open file is this entry: a lock on a file that was renamed or removed
    /// meanwhile protects nothing.
    #[cfg(unix)]
    fn is_same_file(&self, file: &std::fs::File) -> io::Result<bool> {
        use std::os::unix::fs::MetadataExt;

        let found = uninterrupted(|| file.metadata())?;
        Ok((found.dev(), found.ino()) == self.identity)
    }
}

/// Repeats a call while a signal interrupts it. The standard library does that for reading and
/// opening, and not for other calls.
pub fn uninterrupted<T>(mut call: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match call() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            done => return done,
        }
    }
}

impl Folder {
    /// Fails if the name is not exactly one path component. On Windows a colon is not in a name: it
    /// ends a drive, or begins the name of a second stream of bytes in a file.
    fn check_name(&self, name: &OsStr) -> io::Result<()> {
        let bytes = name.as_encoded_bytes();
        let is_separator = |byte: &u8| {
            *byte == 0
                || std::path::is_separator(char::from(*byte))
                || (cfg!(windows) && *byte == b':')
        };
        if !matches!(bytes, b"" | b"." | b"..") && !bytes.iter().any(is_separator) {
            return Ok(());
        }
        let text = format!("`{}` in `{}` is not a name", name.display(), self.path().display());
        Err(io::Error::new(io::ErrorKind::InvalidInput, text))
    }

    /// Returns the error for an entry of the wrong kind: a refused link by its name, another by its
    /// kind.
    fn wrong_kind(&self, name: &OsStr, expected: EntryKind) -> io::Error {
        let path = self.path().join(name);
        let found = match self.stat(name) {
            Err(error) => return error,
            Ok(stat) => stat.kind,
        };
        let why = match (found, expected) {
            (EntryKind::Link, _) => {
                let target = std::fs::read_link(&path).unwrap_or_default();
                return io::Error::other(LinkRefused { path, target });
            }
            (EntryKind::Folder, _) => "is a folder; expected a file",
            (EntryKind::File, _) => "is a file; expected a folder",
            (EntryKind::Other, EntryKind::Folder) => "is not a folder",
            (EntryKind::Other, _) => "is a pipe, a socket or a device; expected a file",
        };
        let text = format!("`{}` {why}", path.display());
        io::Error::new(io::ErrorKind::InvalidInput, text)
    }

    /// Removes an entry and everything in it; links in it are removed, and not followed. Succeeds
    /// if the entry does not exist.
    pub fn remove_all(&self, name: &OsStr) -> io::Result<()> {
        let kind = match self.stat(name) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            stat => stat?.kind,
        };
        if kind != EntryKind::Folder {
            return self.remove_file(name);
        }
        // A stack and not recursion: untrusted data decides the depth.
        let level =
            |name: OsString, folder: Folder| Ok::<_, io::Error>((name, folder.list()?, folder));
        let mut open = vec![level(name.to_owned(), self.enter(name)?)?];
        while let Some((_, entries, folder)) = open.last_mut() {
            match entries.pop() {
                Some((entry, EntryKind::Folder)) => {
                    let below = folder.enter(&entry)?;
                    open.push(level(entry, below)?);
                }
                Some((entry, _)) => folder.remove_if_there(&entry)?,
                None => {
                    let emptied = open.pop().map(|(name, ..)| name).unwrap_or_default();
                    open.last().map_or(self, |(_, _, folder)| folder).remove_folder(&emptied)?;
                }
            }
        }
        Ok(())
    }

    /// Removes a file or a link. Succeeds if the entry does not exist.
    pub fn remove_if_there(&self, name: &OsStr) -> io::Result<()> {
        match self.remove_file(name) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            removed => removed,
        }
    }
}

#[cfg(unix)]
mod implementation {
    use std::ffi::{OsStr, OsString};
    use std::fs::File;
    use std::io;
    use std::os::fd::OwnedFd;
    use std::os::unix::ffi::OsStrExt;
    use std::path::{Path, PathBuf};

    use rustix::fs::{self, AtFlags, Dir, FileType, Mode, OFlags};
    use rustix::io::{Errno, retry_on_intr};

    use super::{EntryKind, Stat, uninterrupted};

    const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);
    const FOLDER_BELOW: OFlags = FOLDER.union(OFlags::NOFOLLOW);
    const NEW_FILE: OFlags = OFlags::WRONLY
        .union(OFlags::CREATE)
        .union(OFlags::EXCL)
        .union(OFlags::NOFOLLOW)
        .union(OFlags::CLOEXEC);
    /// The flags for an existing file. They do not block, as opening a pipe would wait for a
    /// writer.
    const EXISTING: OFlags = OFlags::NOFOLLOW.union(OFlags::NONBLOCK).union(OFlags::CLOEXEC);

    /// An open folder.
    pub struct Folder {
        handle: OwnedFd,
        path: PathBuf,
    }

    impl Folder {
        /// Opens a folder by its path, in which links are followed: it is a root.
        pub fn open(path: &Path) -> io::Result<Folder> {
            let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
            let handle = retry_on_intr(|| fs::open(path, FOLDER, Mode::empty()))?;
            Ok(Folder { handle, path: path.to_owned() })
        }

        /// Returns the path by which it was opened, for messages.
        pub fn path(&self) -> &Path {
            &self.path
        }

        /// Opens the folder of this name in this one.
        pub fn enter(&self, name: &OsStr) -> io::Result<Folder> {
            self.check_name(name)?;
            match retry_on_intr(|| fs::openat(&self.handle, name, FOLDER_BELOW, Mode::empty())) {
                Ok(handle) => Ok(Folder { handle, path: self.path.join(name) }),
                // The error number for a link depends on the system.
                Err(Errno::LOOP | Errno::NOTDIR | Errno::MLINK) => {
                    Err(self.wrong_kind(name, EntryKind::Folder))
                }
                Err(error) => Err(error.into()),
            }
        }

        /// Opens the folder of this name in this one, and creates it if it is missing.
        pub fn make(&self, name: &OsStr) -> io::Result<Folder> {
            self.check_name(name)?;
            let mode = Mode::from_raw_mode(0o777);
            match retry_on_intr(|| fs::mkdirat(&self.handle, name, mode)) {
                Ok(()) | Err(Errno::EXIST) => self.enter(name),
                Err(error) => Err(error.into()),
            }
        }

        /// Creates a folder that must not exist yet, which only its owner may enter.
        pub fn make_private(&self, name: &OsStr) -> io::Result<Folder> {
            self.check_name(name)?;
            retry_on_intr(|| fs::mkdirat(&self.handle, name, Mode::RWXU))?;
            self.enter(name)
        }

        /// Creates a file that must not exist yet. Its permissions are final at once, which saves a
        /// call for each file.
        pub fn create(&self, name: &OsStr, executable: bool) -> io::Result<File> {
            self.check_name(name)?;
            let mode = Mode::from_raw_mode(if executable { 0o755 } else { 0o644 });
            let made = retry_on_intr(|| fs::openat(&self.handle, name, NEW_FILE, mode));
            Ok(File::from(made?))
        }

        /// Creates a file that must not exist yet, for writing and reading.
        pub fn create_to_read(&self, name: &OsStr) -> io::Result<File> {
            self.check_name(name)?;
            let flags = NEW_FILE.difference(OFlags::WRONLY).union(OFlags::RDWR);
            let mode = Mode::from_raw_mode(0o666);
            let made = retry_on_intr(|| fs::openat(&self.handle, name, flags, mode));
            Ok(File::from(made?))
        }

        /// Makes a regular file executable for everyone who can read it.
        pub fn allow_execution(&self, name: &OsStr) -> io::Result<()> {
            let file = self.read(name)?;
            let mode = Mode::from_raw_mode(fs::fstat(&file)?.st_mode);
            let read = mode & (Mode::RUSR | Mode::RGRP | Mode::ROTH);
            let execute = Mode::from_raw_mode(read.bits() >> 2);
            if !mode.contains(execute) {
                retry_on_intr(|| fs::fchmod(&file, mode | execute))?;
            }
            Ok(())
        }

        /// Opens a regular file for reading.
        pub fn read(&self, name: &OsStr) -> io::Result<File> {
            self.existing(name, OFlags::RDONLY)
        }

        /// Opens a regular file for reading and writing.
        pub fn write(&self, name: &OsStr) -> io::Result<File> {
            self.existing(name, OFlags::RDWR)
        }

        fn existing(&self, name: &OsStr, access: OFlags) -> io::Result<File> {
            self.check_name(name)?;
            let flags = EXISTING.union(access);
            let file = match retry_on_intr(|| fs::openat(&self.handle, name, flags, Mode::empty()))
            {
                Ok(handle) => File::from(handle),
                // A link; a folder to write to; a socket or a device without a driver.
                Err(Errno::LOOP | Errno::MLINK | Errno::ISDIR | Errno::NXIO | Errno::NODEV) => {
                    return Err(self.wrong_kind(name, EntryKind::File));
                }
                Err(error) => return Err(error.into()),
            };
            match uninterrupted(|| file.metadata())?.is_file() {
                true => Ok(file),
                false => Err(self.wrong_kind(name, EntryKind::File)),
            }
        }

        /// Returns the metadata of an entry; for a link, its own.
        pub fn stat(&self, name: &OsStr) -> io::Result<Stat> {
            self.check_name(name)?;
            let stat = retry_on_intr(|| fs::statat(&self.handle, name, AtFlags::SYMLINK_NOFOLLOW))?;
            let kind = kind(FileType::from_raw_mode(stat.st_mode));
            // The types of these fields differ from system to system.
            #[allow(clippy::unnecessary_cast, clippy::cast_sign_loss)]
            let (identity, names, size) = (
                (stat.st_dev as u64, stat.st_ino as u64),
                stat.st_nlink as u64,
                stat.st_size as u64,
            );
            Ok(Stat { kind, size, identity, names })
        }

        /// Returns whether an open file is the one of this name.
        pub fn has(&self, name: &OsStr, file: &File) -> io::Result<bool> {
            self.stat(name)?.is_same_file(file)
        }

        /// Returns the entries with their kinds, sorted by name.
        pub fn list(&self) -> io::Result<Vec<(OsString, EntryKind)>> {
            uninterrupted(|| self.list_once())
        }

        fn list_once(&self) -> io::Result<Vec<(OsString, EntryKind)>> {
            let mut entries = Vec::new();
            for entry in Dir::read_from(&self.handle)? {
                let entry = entry?;
                let name = entry.file_name();
                if matches!(name.to_bytes(), b"." | b"..") {
                    continue;
                }
                let name = OsStr::from_bytes(name.to_bytes());
                let kind = match entry.file_type() {
                    FileType::Unknown => match self.stat(name) {
                        Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                        stat => stat?.kind,
                    },
                    known => kind(known),
                };
                entries.push((name.to_owned(), kind));
            }
            entries.sort_by(|a, b| a.0.cmp(&b.0));
            Ok(entries)
        }

        /// Gives an entry another name, and replaces the entry of that name.
        pub fn rename(&self, from: &OsStr, to: &OsStr) -> io::Result<()> {
            self.rename_into(from, self, to)
        }

        /// Gives an entry a name in another folder.
        pub fn rename_into(&self, from: &OsStr, other: &Folder, to: &OsStr) -> io::Result<()> {
            self.check_name(from)?;
            self.check_name(to)?;
            Ok(retry_on_intr(|| fs::renameat(&self.handle, from, &other.handle, to))?)
        }

        /// Gives a file another name that is not taken yet.
        ///
        /// # Errors
        /// `AlreadyExists`, if the name is taken.
        pub fn rename_to_new(&self, from: &OsStr, to: &OsStr) -> io::Result<()> {
            self.check_name(from)?;
            self.check_name(to)?;
            #[cfg(any(target_os = "linux", target_os = "macos"))]
            {
                let flags = fs::RenameFlags::NOREPLACE;
                let renamed = retry_on_intr(|| {
                    fs::renameat_with(&self.handle, from, &self.handle, to, flags)
                });
                match renamed {
                    Ok(()) => return Ok(()),
                    Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => {}
                    Err(error) => return Err(error.into()),
                }
            }
            // NFS does not support that. There a hard link to a file fails if the name is taken.
            fs::linkat(&self.handle, from, &self.handle, to, AtFlags::empty())?;
            self.remove_file(from)
        }

        /// Makes a second name for `existing` in `other`.
        pub fn link(&self, name: &OsStr, other: &Folder, existing: &OsStr) -> io::Result<()> {
            self.check_name(name)?;
            Ok(fs::linkat(&other.handle, existing, &self.handle, name, AtFlags::empty())?)
        }

        /// Makes a symbolic link.
        pub fn symlink(&self, name: &OsStr, target: &str) -> io::Result<()> {
            self.check_name(name)?;
            Ok(retry_on_intr(|| fs::symlinkat(target, &self.handle, name))?)
        }

        /// Removes a file or a link.
        pub fn remove_file(&self, name: &OsStr) -> io::Result<()> {
            self.check_name(name)?;
            Ok(retry_on_intr(|| fs::unlinkat(&self.handle, name, AtFlags::empty()))?)
        }

        /// Removes an empty folder.
        pub fn remove_folder(&self, name: &OsStr) -> io::Result<()> {
            self.check_name(name)?;
            Ok(retry_on_intr(|| fs::unlinkat(&self.handle, name, AtFlags::REMOVEDIR))?)
        }

        /// Makes changes of its entries durable. Some network file systems cannot do it, and do not
        /// need it.
        pub fn sync(&self) -> io::Result<()> {
            match retry_on_intr(|| fs::fsync(&self.handle)) {
                Ok(()) | Err(Errno::INVAL | Errno::NOTSUP | Errno::BADF) => Ok(()),
                Err(error) => Err(error.into()),
            }
        }

        /// Returns another handle of the same folder.
        pub fn try_clone(&self) -> io::Result<Folder> {
            Ok(Folder { handle: self.handle.try_clone()?, path: self.path.clone() })
        }
    }

    fn kind(kind: FileType) -> EntryKind {
        match kind {
            FileType::RegularFile => EntryKind::File,
            FileType::Directory => EntryKind::Folder,
            FileType::Symlink => EntryKind::Link,
            _ => EntryKind::Other,
        }
    }
}

#[cfg(not(unix))]
#[expect(clippy::disallowed_methods, reason = "this module is the owner of writes and removals")]
mod implementation {
    use std::ffi::{OsStr, OsString};
    use std::fs::{self, File};
    use std::io;
    use std::os::windows::fs::OpenOptionsExt;
    use std::path::{Path, PathBuf};
    use std::time::{Duration, Instant};

    use super::{EntryKind, Stat};

    const SHARE_READ: u32 = 1; // FILE_SHARE_READ
    const SHARE_DELETE: u32 = 4; // FILE_SHARE_DELETE, which also allows to rename the file
    const DELETE_ON_CLOSE: u32 = 1 << 26; // FILE_FLAG_DELETE_ON_CLOSE
    const ACCESS_DENIED: i32 = 5; // ERROR_ACCESS_DENIED
    const SHARING_VIOLATION: i32 = 32; // ERROR_SHARING_VIOLATION

    /// The longest wait for another process to close a file.
    const PATIENCE: Duration = Duration::from_secs(2);

    /// The time between two attempts.
    const PAUSE: Duration = Duration::from_millis(5);

    /// Repeats a call for a moment while it fails with one of these errors: a file that another
    /// process has open, such as a scanner of viruses, cannot always be replaced or removed, and
    /// the name of a removed file stays until it is closed.
    fn patiently<T>(errors: &[i32], mut call: impl FnMut() -> io::Result<T>) -> io::Result<T> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            match call() {
                Err(error)
                    if error.raw_os_error().is_some_and(|it| errors.contains(&it))
                        && Instant::now() < deadline =>
                {
                    std::thread::sleep(PAUSE);
                }
                done => return done,
            }
        }
    }

    /// Returns options with which a file can be read, renamed and removed by others meanwhile, and
    /// not written.
    fn for_one_writer() -> fs::OpenOptions {
        let mut options = File::options();
        options.read(true).write(true).share_mode(SHARE_READ | SHARE_DELETE);
        options
    }

    /// A folder by its path.
    pub struct Folder(PathBuf);

    impl Folder {
        /// Opens a folder by its path, in which links are followed: it is a root.
        pub fn open(path: &Path) -> io::Result<Folder> {
            let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
            match fs::metadata(path)?.is_dir() {
                true => Ok(Folder(path.to_owned())),
                false => Err(io::ErrorKind::NotADirectory.into()),
            }
        }

        /// Returns the path by which it was opened, for messages.
        pub fn path(&self) -> &Path {
            &self.0
        }

        /// Opens the folder of this name in this one.
        pub fn enter(&self, name: &OsStr) -> io::Result<Folder> {
            match self.stat(name)?.kind {
                EntryKind::Folder => Ok(Folder(self.0.join(name))),
                _ => Err(self.wrong_kind(name, EntryKind::Folder)),
            }
        }

        /// Opens the folder of this name in this one, and creates it if it is missing.
        pub fn make(&self, name: &OsStr) -> io::Result<Folder> {
            self.check_name(name)?;
            match fs::create_dir(self.0.join(name)) {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
                _ => self.enter(name),
            }
        }

        /// Creates a folder that must not exist yet.
        pub fn make_private(&self, name: &OsStr) -> io::Result<Folder> {
            self.check_name(name)?;
            fs::create_dir(self.0.join(name))?;
            self.enter(name)
        }

        /// Creates a file that must not exist yet.
        pub fn create(&self, name: &OsStr, _executable: bool) -> io::Result<File> {
            self.check_name(name)?;
            File::create_new(self.0.join(name))
        }

        /// Creates a file that must not exist yet, for writing and reading. Until it is closed,
        /// it cannot be opened for writing a second time.
        pub fn create_to_read(&self, name: &OsStr) -> io::Result<File> {
            self.check_name(name)?;
            for_one_writer().create_new(true).open(self.0.join(name))
        }

        /// Creates a file that no other process can open, and that is removed when it is closed.
        pub fn hold(&self, name: &OsStr) -> io::Result<File> {
            self.check_name(name)?;
            let mut options = File::options();
            options.write(true).create(true).share_mode(0).custom_flags(DELETE_ON_CLOSE);
            patiently(&[ACCESS_DENIED], || options.open(self.0.join(name)))
        }

        /// Does nothing: every file is executable on this system.
        pub fn allow_execution(&self, _name: &OsStr) -> io::Result<()> {
            Ok(())
        }

        /// Opens a regular file for reading.
        pub fn read(&self, name: &OsStr) -> io::Result<File> {
            match self.stat(name)?.kind {
                EntryKind::File => File::open(self.0.join(name)),
                _ => Err(self.wrong_kind(name, EntryKind::File)),
            }
        }

        /// Opens a regular file for reading and writing. Until it is closed, it cannot be opened for
        /// writing a second time.
        pub fn write(&self, name: &OsStr) -> io::Result<File> {
            match self.stat(name)?.kind {
                EntryKind::File => for_one_writer().open(self.0.join(name)),
                _ => Err(self.wrong_kind(name, EntryKind::File)),
            }
        }

        /// Returns the metadata of an entry; for a link, its own.
        pub fn stat(&self, name: &OsStr) -> io::Result<Stat> {
            self.check_name(name)?;
            Ok(Stat::from_metadata(&fs::symlink_metadata(self.0.join(name))?))
        }

        /// Returns whether an open file is the one of this name.
        pub fn has(&self, name: &OsStr, file: &File) -> io::Result<bool> {
            // Only the number of an open file is known here, so that the entry is opened too.
            let entry = match self.stat(name)?.kind {
                EntryKind::File => same_file::Handle::from_path(self.0.join(name))?,
                _ => return Ok(false),
            };
            Ok(entry == same_file::Handle::from_file(file.try_clone()?)?)
        }

        /// Returns the entries with their kinds, sorted by name.
        pub fn list(&self) -> io::Result<Vec<(OsString, EntryKind)>> {
            let mut entries = Vec::new();
            for entry in fs::read_dir(&self.0)? {
                let entry = entry?;
                // The kind is in the list itself: the entry may have been removed since.
                entries.push((entry.file_name(), EntryKind::from_file_type(entry.file_type()?)));
            }
            entries.sort_by(|a, b| a.0.cmp(&b.0));
            Ok(entries)
        }

        /// Gives an entry another name, and replaces the entry of that name.
        pub fn rename(&self, from: &OsStr, to: &OsStr) -> io::Result<()> {
            self.rename_into(from, self, to)
        }

        /// Gives an entry a name in another folder.
        pub fn rename_into(&self, from: &OsStr, other: &Folder, to: &OsStr) -> io::Result<()> {
            self.check_name(from)?;
            self.check_name(to)?;
            let to = other.0.join(to);
            // Windows cannot rename onto a folder, not even an empty one.
            if to.is_dir() {
                fs::remove_dir(&to)?;
            }
            let from = self.0.join(from);
            patiently(&[ACCESS_DENIED, SHARING_VIOLATION], || fs::rename(&from, &to))
        }

        /// Gives a file another name that is not taken yet.
        ///
        /// # Errors
        /// `AlreadyExists`, if the name is taken.
        pub fn rename_to_new(&self, from: &OsStr, to: &OsStr) -> io::Result<()> {
            self.check_name(from)?;
            self.check_name(to)?;
            fs::hard_link(self.0.join(from), self.0.join(to))?;
            self.remove_file(from)
        }

        /// Makes a second name for `existing` in `other`.
        pub fn link(&self, name: &OsStr, other: &Folder, existing: &OsStr) -> io::Result<()> {
            self.check_name(name)?;
            fs::hard_link(other.0.join(existing), self.0.join(name))
        }

        /// Fails. Creating links needs a privilege on Windows, and its toolchains contain none.
        pub fn symlink(&self, _name: &OsStr, _target: &str) -> io::Result<()> {
            Err(io::Error::new(io::ErrorKind::Unsupported, "no symbolic links on this system"))
        }

        /// Removes a file or a link.
        pub fn remove_file(&self, name: &OsStr) -> io::Result<()> {
            self.check_name(name)?;
            fs::remove_file(self.0.join(name))
        }

        /// Removes an empty folder.
        pub fn remove_folder(&self, name: &OsStr) -> io::Result<()> {
            self.check_name(name)?;
            fs::remove_dir(self.0.join(name))
        }

        /// Does nothing: Windows needs no step to make a change of a folder durable.
        pub fn sync(&self) -> io::Result<()> {
            Ok(())
        }

        /// Returns another handle of the same folder.
        pub fn try_clone(&self) -> io::Result<Folder> {
            Ok(Folder(self.0.clone()))
        }
    }
}

#[cfg(all(test, windows))]
mod tests {
    use super::*;

    #[test]
    fn a_drive_or_a_stream_is_not_a_name() {
        let temp = tempfile::tempdir().unwrap();
        let folder = Folder::open(temp.path()).unwrap();
        for name in ["C:", "C:x", "x:stream", "x::$DATA"] {
            let error = folder.create(OsStr::new(name), false).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidInput, "{name}");
        }
        assert_eq!(std::fs::read_dir(temp.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_file_is_read_while_it_is_written_by_one() {
        let temp = tempfile::tempdir().unwrap();
        let folder = Folder::open(temp.path()).unwrap();
        let writer = folder.create_to_read("x".as_ref()).unwrap();
        folder.read("x".as_ref()).unwrap();
        assert_eq!(folder.write("x".as_ref()).unwrap_err().raw_os_error(), Some(32));
        folder.rename("x".as_ref(), "y".as_ref()).unwrap();
        drop(writer);
        folder.write("y".as_ref()).unwrap();
    }
}
