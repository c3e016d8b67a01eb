//! This program in the vendor folder, so that a machine without network needs no Rust.

use std::path::PathBuf;

use crate::manifest::{Entry, VendorDir};
use crate::plan::Plan;
use airgap_core::artifact::{HELPER as NAME, Identity};
use airgap_core::error::{Context, Result};
use airgap_core::platform::Platform;
use airgap_core::store;
use airgap_core::verify::Unverified;

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// A build of this program.
pub struct Helper {
    program: PathBuf,
    platform: Platform,
}

impl Helper {
    /// Returns the running program; `None` if this program does not know its platform.
    pub fn running() -> Result<Option<Helper>> {
        let Some(platform) = Platform::host() else { return Ok(None) };
        let program = std::env::current_exe().doing(|| "find this program itself".to_owned())?;
        Ok(Some(Helper { program, platform }))
    }

    /// Puts it into the folder, like any other tool, and returns its entry. If the plan has a pinned
    /// helper for this platform, that one is vendored as all items are: this program is only copied if
    /// it is that one, so that it is not downloaded again.
    pub(super) fn vendor(&self, plan: &Plan, dir: &VendorDir) -> Result<Option<Entry>> {
        // Without a pin, its digest is the one that this run computes, and other machines pin that.
        let program = Unverified::open(&self.program, NAME)?.accept_unpinned()?;
        let pinned = plan.items.iter().find(|item| self.is_replaced_by(&item.identity));
        if pinned.is_some_and(|pinned| pinned.asset.sha256 != *program.digest()) {
            return Ok(None);
        }
        let path = pinned.map_or_else(|| self.path(), |pinned| pinned.artifact().path());
        let destination = dir.place(&path);
        let there = Unverified::open_rooted(&destination, NAME);
        let there = there.and_then(|it| it.verify(program.digest()));
        if there.is_err() {
            store::place_copy(&program, &destination, true)?;
        }
        if pinned.is_some() {
            return Ok(None);
        }
        Ok(Some(Entry {
            kind: "helper".to_owned(),
            name: NAME.to_owned(),
            version: VERSION.to_owned(),
            platform: self.platform.to_string(),
            path: dir.entry_path(&path),
            size: program.size(),
            sha256: *program.digest(),
            url: String::new(),
        }))
    }

    fn is_replaced_by(&self, identity: &Identity) -> bool {
        matches!(identity, Identity::Helper { platform, .. } if *platform == self.platform)
    }

    /// Returns its path in the folder of the tools and on mirrors.
    fn path(&self) -> String {
        format!("{NAME}/{VERSION}/{}/{}", self.platform, self.platform.executable(NAME))
    }
}
