//! The output of a plan, for people and as JSON.

use serde_json::{Value, json};

use airgap_core::digest::Digest;
use airgap_core::quantity::{count, megabytes};
use airgap_core::rooted::RootedPath;
use airgap_vendor::kinds::component::WantedComponent;
use airgap_vendor::manifest::{Manifest, VendorDir};
use airgap_vendor::plan::{PlaceState, Plan, PlannedArtifact, SearchPlace};

/// Returns the plan for people: each file, its places in order, and the chosen one.
pub(super) fn plan(plan: &Plan) -> String {
    plan.items.iter().map(|item| item_text(item) + &places(&item.places)).collect()
}

fn item_text(item: &PlannedArtifact) -> String {
    format!("{}\n  sha256 {}\n", item.artifact(), item.asset.sha256)
}

/// Returns the places for people, in order.
fn places(places: &[SearchPlace]) -> String {
    places.iter().map(|it| format!("  {:16} {}\n", it.source, it.describe())).collect()
}

/// Returns a component of a plan as JSON.
pub(super) fn component_json(wanted: &WantedComponent, at: &[SearchPlace]) -> Value {
    json!({
        "name": wanted.name, "reference": wanted.words,
        "digest": wanted.pin.as_ref().map(|pin| format!("sha256:{}", pin.digest)),
        "places": at,
    })
}

/// Returns a component of a plan for people.
pub(super) fn component(wanted: &WantedComponent, at: &[SearchPlace]) -> String {
    component_text(wanted) + &places(at)
}

fn component_text(wanted: &WantedComponent) -> String {
    let pin = match &wanted.pin {
        Some(pin) => format!("sha256 {}", pin.digest),
        None => "not pinned".to_owned(),
    };
    format!("{}\n  {pin}\n", wanted.words)
}

/// The listing of a dry run: each file with its size, if it is known without the network, and the
/// total.
pub(super) struct DryRun {
    listing: Option<Manifest>,
    text: String,
    sizes: Vec<Option<u64>>,
}

impl DryRun {
    /// Creates an empty listing for files that would go into this folder.
    pub(super) fn new(dir: &VendorDir) -> DryRun {
        DryRun { listing: dir.listing(), text: String::new(), sizes: Vec::new() }
    }

    /// Adds the files of a plan, and notes their sizes in it.
    pub(super) fn add_plan(&mut self, plan: &mut Plan) {
        for item in &mut plan.items {
            item.size = self.size(&item.places, Some(&item.asset.sha256));
            self.add(&item_text(item), item.size, &item.places);
        }
    }

    /// Adds a component, and returns it as JSON.
    pub(super) fn add_component(&mut self, wanted: &WantedComponent, at: &[SearchPlace]) -> Value {
        let size = self.size(at, wanted.pin.as_ref().map(|pin| &pin.digest));
        self.add(&component_text(wanted), size, at);
        let mut value = component_json(wanted, at);
        if let Some(size) = size {
            value["size"] = json!(size);
        }
        value
    }

    /// Adds a package of which only the registry is known.
    pub(super) fn add_package(&mut self, package: &str, registry: &str) {
        self.add(&format!("{package}\n"), None, &[]);
        self.text.push_str(&format!("  {:16} {registry}\n", "registry"));
    }

    /// Returns the listing for people, with the total at its end.
    pub(super) fn text(self) -> String {
        let known: Vec<u64> = self.sizes.iter().flatten().copied().collect();
        let unknown = self.sizes.len() - known.len();
        let files = count(self.sizes.len(), "file");
        let total = match (known.len(), unknown) {
            (0, _) => "sizes unknown".to_owned(),
            (_, 0) => megabytes(known.iter().sum()),
            _ => format!("{}, and {unknown} of unknown size", megabytes(known.iter().sum())),
        };
        format!("{}total: {files}, {total}\n", self.text)
    }

    fn add(&mut self, head: &str, size: Option<u64>, at: &[SearchPlace]) {
        let shown = size.map_or_else(|| "unknown".to_owned(), megabytes);
        self.text.push_str(&format!("{head}  {:16} {shown}\n{}", "size", places(at)));
        self.sizes.push(size);
    }

    /// Returns the size in the manifest for these bytes, or that of the local file.
    fn size(&self, at: &[SearchPlace], digest: Option<&Digest>) -> Option<u64> {
        let listed = self.listing.iter().flat_map(Manifest::entries);
        let listed = listed.into_iter().find(|entry| Some(&entry.sha256) == digest);
        listed.map(|entry| entry.size).or_else(|| {
            let found = at.iter().find(|place| place.finding == PlaceState::Found)?;
            Some(RootedPath::from_trusted(&found.location).read().ok()?.metadata().ok()?.len())
        })
    }
}
