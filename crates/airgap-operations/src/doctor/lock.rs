//! The locks and the folders of `wit_vendor_lock` rules.

use std::path::Path;

use super::artifacts::Search;
use super::item::Item;
use crate::asked::{RuleTarget, read_lock};
use airgap_core::artifact::VendoredKind;
use airgap_core::error as errors;
use airgap_core::error::{Error, Result};
use airgap_core::shell;
use airgap_vendor::catalog::WitCatalog;
use airgap_vendor::kinds::wit::{PackageState, Packages};
use airgap_vendor::manifest::VendorDir;
use airgap_wit::Locked;

impl RuleTarget {
    /// Returns an item for the lock of a rule that writes one, and for each package in the lock;
    /// none for any other rule.
    ///
    /// # Errors
    /// Usage, if a setting about registries is invalid.
    pub(super) fn lock(&self, search: &Search<'_>, root: &Path) -> Result<Vec<Item>> {
        let Some((path, dir)) = self.lock_and_folder() else { return Ok(Vec::new()) };
        let fix = format!("bazel run {}", shell::word(self.label()));
        let lock = match read_lock(root, path) {
            Ok(lock) => lock,
            Err(error) => {
                let subject = format!("{path} ({})", self.label());
                return Ok(vec![Item::failed("lock", path, subject, &error, true, &fix)]);
            }
        };
        let policy = search.policy.clone();
        let sources = Packages::new(policy, WitCatalog::builtin()?, search.environment)?;
        let dir = VendorDir::of(&root.join(dir), VendoredKind::Wit);
        Ok(lock.packages.iter().map(|locked| item(locked, &sources, &dir, &fix)).collect())
    }
}

fn item(locked: &Locked, sources: &Packages, dir: &VendorDir, fix: &str) -> Item {
    let name = locked.package.to_string();
    let failed = |error: &Error| Item::failed("lock", &name, name.clone(), error, true, fix);
    match sources.state(&locked.package, Some(locked), dir) {
        Ok(PackageState::Right(fetched)) => Item::ok("lock", &name, name.clone(), fetched.from),
        Ok(PackageState::Missing(path)) => {
            let statement = format!("`{path}` does not exist");
            failed(&Error::new(errors::ErrorKind::Unavailable, statement))
        }
        Ok(PackageState::Changed(path)) => {
            failed(&Error::integrity(format!("`{path}` does not match the lock")))
        }
        Err(error) => failed(&error),
    }
}
