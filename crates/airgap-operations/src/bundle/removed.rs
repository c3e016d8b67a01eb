//! A file that a bundle removes on the far side.

use serde::{Deserialize, Serialize};

use airgap_core::digest::Digest;

/// A file that the far side has and the sources do not have any more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Removed {
    /// Its path.
    pub(super) path: String,
    /// Its digest; another file of this path is not removed.
    pub(super) sha256: Digest,
}
