//! An open folder, in which files are made by name alone.
//!
//! On Unix each step is relative to a handle and follows no link, so that nothing can be made
//! anywhere else, whatever happens to the paths meanwhile. Elsewhere, as on Windows, the folder is
//! a path; there the rules for names, and that links come last, are what protects.

pub(super) use implementation::Folder;

#[cfg(unix)]
mod implementation {
    use std::fs::File;
    use std::io;
    use std::os::fd::OwnedFd;
    use std::path::Path;

    use rustix::fs::{self, AtFlags, Mode, OFlags};
    use rustix::io::Errno;

    const FOLDER: OFlags =
        OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);
    const NEW_FILE: OFlags = OFlags::WRONLY
        .union(OFlags::CREATE)
        .union(OFlags::EXCL)
        .union(OFlags::NOFOLLOW)
        .union(OFlags::CLOEXEC);

    /// An open folder.
    pub(in crate::extract) struct Folder(OwnedFd);

    impl Folder {
        pub(in crate::extract) fn open(path: &Path) -> io::Result<Folder> {
            Ok(Folder(fs::open(path, FOLDER, Mode::empty())?))
        }

        /// The folder of this name in this one, made if it is missing.
        pub(in crate::extract) fn enter(&self, name: &str) -> io::Result<Folder> {
            match fs::mkdirat(&self.0, name, Mode::from_raw_mode(0o755)) {
                Ok(()) | Err(Errno::EXIST) => {}
                Err(error) => return Err(error.into()),
            }
            Ok(Folder(fs::openat(&self.0, name, FOLDER, Mode::empty())?))
        }

        /// A new file. Its permissions are final at once, which saves a call for each file.
        pub(in crate::extract) fn create(&self, name: &str, executable: bool) -> io::Result<File> {
            let mode = Mode::from_raw_mode(if executable { 0o755 } else { 0o644 });
            Ok(File::from(fs::openat(&self.0, name, NEW_FILE, mode)?))
        }

        /// A second name for `existing` in `other`.
        pub(in crate::extract) fn link(
            &self,
            name: &str,
            other: &Folder,
            existing: &str,
        ) -> io::Result<()> {
            Ok(fs::linkat(&other.0, existing, &self.0, name, AtFlags::empty())?)
        }

        pub(in crate::extract) fn symlink(&self, name: &str, target: &str) -> io::Result<()> {
            Ok(fs::symlinkat(target, &self.0, name)?)
        }

        /// Another handle of the same folder.
        pub(in crate::extract) fn again(&self) -> io::Result<Folder> {
            Ok(Folder(self.0.try_clone()?))
        }
    }
}

#[cfg(not(unix))]
mod implementation {
    use std::fs::{self, File};
    use std::io;
    use std::path::{Path, PathBuf};

    /// A folder by its path.
    pub(in crate::extract) struct Folder(PathBuf);

    impl Folder {
        pub(in crate::extract) fn open(path: &Path) -> io::Result<Folder> {
            Ok(Folder(path.to_owned()))
        }

        /// The folder of this name in this one, made if it is missing.
        pub(in crate::extract) fn enter(&self, name: &str) -> io::Result<Folder> {
            let path = self.0.join(name);
            match fs::create_dir(&path) {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
                _ => Ok(Folder(path)),
            }
        }

        /// A new file.
        pub(in crate::extract) fn create(&self, name: &str, _executable: bool) -> io::Result<File> {
            File::create_new(self.0.join(name))
        }

        /// A second name for `existing` in `other`.
        pub(in crate::extract) fn link(
            &self,
            name: &str,
            other: &Folder,
            existing: &str,
        ) -> io::Result<()> {
            fs::hard_link(other.0.join(existing), self.0.join(name))
        }

        /// Making links takes a privilege on Windows, and its toolchains have none.
        pub(in crate::extract) fn symlink(&self, _name: &str, _target: &str) -> io::Result<()> {
            Err(io::Error::new(io::ErrorKind::Unsupported, "no symbolic links on this system"))
        }

        /// Another handle of the same folder.
        pub(in crate::extract) fn again(&self) -> io::Result<Folder> {
            Ok(Folder(self.0.clone()))
        }
    }
}
