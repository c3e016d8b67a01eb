//! What is wanted of one package.

use super::published::wasm_name;
use super::pull::Pin;
use crate::digest::Digest;
use crate::package::PackageId;
use crate::reach::Attempts;
use crate::report::Report;
use crate::rooted::RootedPath;
use crate::verify::Verified;

/// A package that is to be brought to a place.
pub(super) struct Order<'a> {
    /// The package.
    pub(super) package: &'a PackageId,
    /// The registry that a rule or a tag names.
    pub(super) rule: Option<&'a str>,
    /// What the published file must be.
    pub(super) pin: Option<Pin>,
    /// The hash that its text must have, where a lock knows only text of it.
    pub(super) text: Option<Digest>,
    /// Whether somebody could pin it, and is told so where nobody does.
    pub(super) warns: bool,
    /// Where the published file goes.
    pub(super) destination: RootedPath,
}

impl<'a> Order<'a> {
    /// Nothing but the package, into this folder.
    pub(super) fn of(package: &'a PackageId, folder: &RootedPath) -> Order<'a> {
        let destination = folder.join(&wasm_name(package));
        Order { package, rule: None, pin: None, text: None, warns: false, destination }
    }

    /// Where it was looked for, so far nowhere.
    pub(super) fn attempts(&self) -> Attempts {
        let package = self.package;
        let registry = self.rule.map(|rule| format!(" --package-registry {}={rule}", package.name));
        let registry = registry.unwrap_or_default();
        let mend = format!("wasm-airgap vendor wit {package}{registry} --output-dir vendor/wit");
        Attempts::of(package.to_string(), mend)
    }

    /// Trust begins with the first fetch of what nobody pinned, and the person is told.
    pub(super) fn warn_unpinned(&self, file: &Verified, report: &Report) {
        if self.pin.is_none() && self.warns {
            report.warn(&format!(
                "{} is not pinned; write this into its rule: sha256 = \"{}\"",
                self.package,
                file.digest()
            ));
        }
    }
}
