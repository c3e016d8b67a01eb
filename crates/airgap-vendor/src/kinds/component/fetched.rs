//! A component that was brought to its destination, and the purpose of that.

use super::local::{LocalComponent, PinKind};
use super::pull::Pulled;
use airgap_core::outcome::Outcome;
use airgap_core::rooted::RootedPath;
use airgap_core::verify::Verified;
use airgap_oci::Manifest;

/// The purpose for which a component is fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// A build: a vendored file is used, and must be right.
    Build,
    /// Filling a vendor folder: a file that is vendored elsewhere is used too. If another component
    /// lies there, the search goes on; damage ends it.
    Vendor,
    /// A file for a person: as [`Purpose::Vendor`].
    Pull,
    /// Showing the content of a registry.
    Look,
}

/// A component that is at its destination now.
pub struct Fetched {
    /// The file.
    pub file: Verified,
    /// Its manifest, if it was read.
    pub manifest: Option<Manifest>,
    /// The kind of its pin; `None` if it is not pinned.
    pub kind: Option<PinKind>,
    /// The way in which it came there.
    pub outcome: Outcome,
    /// Whether it was on this machine, so that no registry was asked for it.
    pub is_local: bool,
    /// Its origin, for people.
    pub from: String,
}

impl Fetched {
    /// Creates the result for a component that was on this machine.
    pub(super) fn from_local(
        local: LocalComponent,
        outcome: Outcome,
        from: &RootedPath,
    ) -> Fetched {
        let LocalComponent { file, manifest, kind } = local;
        Fetched { file, manifest, kind, outcome, is_local: true, from: from.to_string() }
    }

    /// Creates the result for a component from a registry.
    pub(super) fn from_pulled(pulled: Pulled, from: String) -> Fetched {
        let Pulled { file, manifest, kind, outcome } = pulled;
        Fetched { file, manifest, kind, outcome, is_local: false, from }
    }
}
