//! The components of rules in BUILD files.

use std::path::Path;

use airgap_core::digest::Digest;
use airgap_core::error::Result;
use airgap_core::rooted::RootedPath;
use airgap_vendor::kinds::component::{Components, Named, Pin, check, manifest_of};

use super::artifacts::Search;
use super::item::Item;
use crate::asked::{RuleTarget, path_of};

impl RuleTarget {
    /// Returns the item of a `wasm_component_from_oci`; `None` if its file belongs to another
    /// repository, with which it is looked at.
    pub(super) fn component(&self, search: &Search<'_>, root: &Path) -> Result<Option<Item>> {
        let vendored = self.text("vendored_component");
        if !vendored.is_empty() {
            return Ok(self.vendored(vendored, self.digest()?, search, root));
        }
        let wanted = self.wanted(root)?;
        let policy = search.policy.clone().in_action(true);
        let components = Components::new(policy, search.environment)?;
        let mut item = search.component(&wanted, &components);
        item.id = format!("component:{}", self.label());
        item.subject = format!("{} ({})", wanted.words, self.label());
        Ok(Some(item))
    }

    /// Checks a component that a rule takes from a file of the workspace.
    fn vendored(
        &self,
        label: &str,
        digest: Option<Digest>,
        search: &Search<'_>,
        root: &Path,
    ) -> Option<Item> {
        let subject = format!("{label} ({})", self.label());
        let path = path_of(label)?;
        let path = RootedPath::from_trusted(root).join(&path);
        let pin =
            digest.map(|digest| Pin { digest, manifest: None, from: "the digest".to_owned() });
        let manifest = match path_of(self.text("vendored_manifest")) {
            Some(manifest) => RootedPath::from_trusted(root).join(&manifest),
            None => manifest_of(&path),
        };
        let named = Named { path: &path, manifest: Some(&manifest), subject: &subject };
        Some(match check(&named, pin.as_ref(), None) {
            Ok(held) => {
                let place = format!("{path}: sha256:{}", held.file.digest());
                Item::ok("component", self.label(), subject.clone(), place)
            }
            Err(error) => {
                let fix = search.vendor_all;
                Item::failed("component", self.label(), subject.clone(), &error, true, fix)
            }
        })
    }
}
