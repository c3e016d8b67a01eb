//! The published form of a package: an archive with its sources, or one `.wasm`.

use crate::catalog::SourceArchive;
use airgap_archive::{self as extract, Layout, Limits};
use airgap_core::artifact::{ArchiveType, Asset, Strip};
use airgap_core::error::{Error, ErrorKind, Result};
use airgap_core::package::PackageId;
use airgap_core::store::Scratch;
use airgap_core::user_path;
use airgap_core::verify::Verified;
use airgap_wit::WitSource;

/// The file that was published for a package, verified.
pub struct Published {
    /// The package that it must declare.
    pub package: PackageId,
    /// The file.
    pub file: Verified,
    /// The form of the file.
    pub form: Form,
}

/// The form of a published file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Form {
    /// An archive with the package's `.wit` files.
    Archive {
        /// Its format.
        archive: ArchiveType,
        /// The folders to remove from the front of each path.
        strip: Strip,
        /// The folder with the files, below the stripped folders.
        wit_dir: String,
    },
    /// A package in the binary format, or text in its place, as registries serve it.
    Wasm,
}

impl Form {
    /// Returns the form of a pinned archive.
    pub fn of(archive: &SourceArchive) -> Form {
        let Asset { archive: kind, strip_prefix, .. } = &archive.archive;
        Form::Archive {
            archive: *kind,
            strip: strip_prefix.clone(),
            wit_dir: archive.wit_dir.clone(),
        }
    }
}

impl Published {
    /// Returns the package's WIT.
    ///
    /// # Errors
    /// Integrity, if the file is something else, or declares another package or version than it was
    /// published as.
    pub fn source(&self) -> Result<WitSource> {
        let source = match &self.form {
            Form::Wasm => WitSource::from_published(&self.file)?,
            Form::Archive { archive, strip, wit_dir } => {
                self.unpacked(*archive, strip.clone(), wit_dir)?
            }
        };
        self.file.check_unchanged()?;
        source.must_be(&self.package, &self.file.path().display().to_string())?;
        Ok(source)
    }

    fn unpacked(&self, archive: ArchiveType, strip: Strip, wit_dir: &str) -> Result<WitSource> {
        let folder = Scratch::new()?;
        let name = self.package.folder().parse().map_err(Error::usage)?;
        let layout = Layout { archive, strip, filename: name };
        let tree =
            extract::extract(&self.file, &layout, &folder.path().join("tree"), &Limits::default())?;
        let wit = wit_dir.split('/').fold(tree.root, |path, part| path.join(part));
        if !user_path::is_folder(&wit)? {
            return Err(Error::new(
                ErrorKind::Integrity,
                format!("the archive of {} has no folder `{wit_dir}`", self.package),
            )
            .fact("archive", self.file.path().display())
            .hint("set `wit_dir` to the right folder in your own registry file"));
        }
        // The temporary folder means nothing to a person.
        let shown = format!("{}/{wit_dir}", self.file.path().display());
        WitSource::from_folder_shown_as(&wit, &shown)
    }
}

/// Returns the name of a package's published `.wasm` in its vendor folder.
pub fn wasm_name(package: &PackageId) -> String {
    format!("{}.wasm", package.folder())
}
