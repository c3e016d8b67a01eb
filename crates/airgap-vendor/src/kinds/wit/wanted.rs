//! The request for one package.

use super::published::wasm_name;
use super::pull::Pin;
use crate::resolver::Attempts;
use airgap_core::digest::Digest;
use airgap_core::package::PackageId;
use airgap_core::report::Report;
use airgap_core::rooted::RootedPath;
use airgap_core::shell;
use airgap_core::verify::Verified;

/// A package that is to be fetched to a destination.
pub(super) struct WantedPackage<'a> {
    /// The package.
    pub(super) package: &'a PackageId,
    /// The registry that a rule or a tag names.
    pub(super) rule: Option<&'a str>,
    /// The pin of the published file.
    pub(super) pin: Option<Pin>,
    /// The hash that its text must have, if a lock pins only text of it.
    pub(super) text: Option<Digest>,
    /// Whether to warn if nothing pins it, because a user could pin it.
    pub(super) warns: bool,
    /// The destination of the published file.
    pub(super) destination: RootedPath,
}

impl<'a> WantedPackage<'a> {
    /// Creates the request for a package alone, into this folder.
    pub(super) fn new(package: &'a PackageId, folder: &RootedPath) -> WantedPackage<'a> {
        let destination = folder.join(&wasm_name(package));
        WantedPackage { package, rule: None, pin: None, text: None, warns: false, destination }
    }

    /// Returns an empty list of the places that were searched.
    pub(super) fn attempts(&self) -> Attempts {
        let package = self.package;
        let registry = self.rule.map(|rule| {
            let setting = format!("{}={rule}", package.name);
            format!(" --package-registry {}", shell::word(setting))
        });
        let registry = registry.unwrap_or_default();
        let command = format!("wasm-airgap vendor wit {package}{registry} --output-dir vendor/wit");
        Attempts::new(package.to_string(), command)
    }

    /// Returns the command that brings the published file if only text is at hand, which `vendor wit`
    /// would copy again.
    pub(super) fn fetch_command(&self, pin: &Digest) -> String {
        let package = self.package;
        let registry =
            self.rule.map(|rule| format!(" --registry {}", shell::word(rule))).unwrap_or_default();
        let folder = package.folder();
        format!(
            "wasm-airgap wit fetch {package}{registry} --sha256 {pin} --output vendor/wit/{folder}-published"
        )
    }

    /// Warns that the first fetch of an unpinned file is trusted.
    pub(super) fn warn_unpinned(&self, file: &Verified, report: &Report) {
        if self.pin.is_none() && self.warns {
            report.warn(&format!(
                "{} is not pinned; to pin it, write into its rule: sha256 = \"{}\"",
                self.package,
                file.digest()
            ));
        }
    }
}
