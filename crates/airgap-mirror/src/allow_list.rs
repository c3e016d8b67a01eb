//! The allow list: findings of the check that are accepted, each with its reason.
//!
//! ```yaml
//! allow:
//!   - image: registry.k8s.io/pause:3.10
//!     reason: every node has it
//!   - image: quay.io/team/*
//!     resource: Deployment tools/debug
//!     reason: runs in the lab only
//! ```

use std::path::Path;

use super::check::MissingImage;
use super::image_occurrence::ImageOccurrence;
use super::mirror_list::{keys, wrong};
use super::reference::ImageReference;
use crate::yaml::{self, Duplicates, Node, Position};
use airgap_core::error::Result;
use airgap_core::quantity::count;

/// The largest number of entries of a list.
const MOST_ENTRIES: usize = 1_000;

/// The shape of an entry, for messages.
const SHAPE: &str = "an entry has an `image` and a `reason`, and may have a `resource`";

/// The accepted findings.
#[derive(Debug, Default)]
pub struct AllowList {
    entries: Vec<Allowed>,
    name: String,
}

/// An entry: images that are accepted outside of the registry.
#[derive(Debug)]
pub struct Allowed {
    /// The image as it is written or in another spelling; `*` matches any characters.
    pub image: String,
    /// The only resource in which it is accepted, in the check's notation.
    pub resource: Option<String>,
    /// The reason why it is accepted.
    pub reason: String,
    /// The source position of the entry.
    pub place: Position,
    /// The image as a reference, if it is one.
    reference: Option<ImageReference>,
}

impl AllowList {
    /// Reads a file.
    ///
    /// # Errors
    /// The errors of [`AllowList::parse`], and those of reading.
    pub fn read(path: &Path, name: &str) -> Result<AllowList> {
        AllowList::parse(&yaml::read(path, name)?, name)
    }

    /// Parses the text of the file `name`.
    ///
    /// # Errors
    /// Usage, with the position: an unknown key, or an entry without an image or a reason.
    pub fn parse(text: &str, name: &str) -> Result<AllowList> {
        let root = yaml::document(text, name, Duplicates::Refused)?;
        let mut list = AllowList { name: name.to_owned(), ..AllowList::default() };
        if root.is_null() {
            return Ok(list);
        }
        keys(&root, &["allow"], "an allow list has `allow:`")?;
        let entries = root.get("allow").map(|allow| allow.items()).unwrap_or_default();
        if entries.len() > MOST_ENTRIES {
            return Err(wrong(&root.place, "the allow list has too many entries")
                .fact("found", count(entries.len(), "entry"))
                .fact("limit", format!("{MOST_ENTRIES} entries")));
        }
        list.entries = entries.iter().map(|entry| Allowed::read(entry)).collect::<Result<_>>()?;
        Ok(list)
    }

    /// Returns the name of the file.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Removes the accepted findings, and returns them with the entries that accept them.
    pub fn accept<'a>(
        &self,
        findings: &mut Vec<MissingImage<'a>>,
    ) -> Vec<(MissingImage<'a>, &Allowed)> {
        let mut accepted = Vec::new();
        let mut left = Vec::new();
        for finding in findings.drain(..) {
            let names = OccurrenceNames::new(finding.occurrence);
            match self.entries.iter().find(|entry| entry.accepts(&names)) {
                Some(entry) => accepted.push((finding, entry)),
                None => left.push(finding),
            }
        }
        *findings = left;
        accepted
    }

    /// Returns the entries that accept none of these findings.
    pub fn unused<'a>(&'a self, accepted: &[(MissingImage<'_>, &Allowed)]) -> Vec<&'a Allowed> {
        let is_used = |entry: &&Allowed| accepted.iter().any(|(_, it)| std::ptr::eq(*it, *entry));
        self.entries.iter().filter(|entry| !is_used(entry)).collect()
    }
}

impl Allowed {
    fn read(node: &Node) -> Result<Allowed> {
        keys(node, &["image", "resource", "reason"], SHAPE)?;
        let text = |key: &str| node.text_of(key).map(str::to_owned);
        let needed = |key: &str| {
            text(key).ok_or_else(|| {
                wrong(&node.place, &format!("an entry does not have `{key}`"))
                    .fact("expected", SHAPE)
            })
        };
        let image = needed("image")?;
        Ok(Allowed {
            reference: image.parse().ok(),
            image,
            reason: needed("reason")?,
            resource: text("resource"),
            place: node.place.clone(),
        })
    }

    fn accepts(&self, names: &OccurrenceNames<'_>) -> bool {
        if self.resource.is_some() && self.resource != names.resource {
            return false;
        }
        let image = names.image.zip(self.reference.as_ref());
        image.is_some_and(|(image, reference)| image.is_equal_to(reference))
            || names.spellings.iter().any(|spelling| matches(&self.image, spelling))
    }
}

/// The names of a occurrence.
struct OccurrenceNames<'a> {
    image: Option<&'a ImageReference>,
    spellings: Vec<String>,
    resource: Option<String>,
}

impl OccurrenceNames<'_> {
    fn new(occurrence: &ImageOccurrence) -> OccurrenceNames<'_> {
        let image = occurrence.image.as_ref().ok();
        let spellings =
            image.map(|image| [image.meaning().to_string(), image.with_defaults().to_string()]);
        OccurrenceNames {
            image,
            spellings: spellings
                .into_iter()
                .flatten()
                .chain([occurrence.written.clone()])
                .collect(),
            resource: occurrence.resource.as_ref().map(ToString::to_string),
        }
    }
}

/// Returns whether a text matches a pattern in which `*` stands for any characters.
fn matches(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let mut parts: Vec<_> = parts.collect();
    let Some(last) = parts.pop() else { return rest.is_empty() };
    for part in parts {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{check::check, manifests::Manifests};

    #[test]
    fn findings_are_accepted_by_image_and_resource() {
        let mut manifests = Manifests::default();
        manifests.add(
            "apiVersion: v1\nkind: Pod\nmetadata: {name: p, namespace: n}\nspec: {containers: [{image: nginx:1}, {image: 'quay.io/t/a:1'}, {image: 'Bad/x'}, {image: 'g.io/x:1'}]}\n---\napiVersion: v1\nkind: Pod\nmetadata: {name: q}\nspec: {containers: [{image: 'quay.io/t/a:1'}]}\n",
            "a.yaml",
        );
        let registry = "r.io".parse().unwrap();
        let accepted = |text: &str| {
            let list = AllowList::parse(text, "allow.yaml").unwrap();
            let mut findings = check(&manifests.occurrences, &registry);
            let accepted = list.accept(&mut findings);
            assert_eq!(findings.len() + accepted.len(), 5);
            (accepted.len(), list.unused(&accepted).len())
        };
        let entry = |image: &str, more: &str| {
            format!("allow:\n- {{image: '{image}', reason: mine{more}}}\n")
        };
        for (image, expected) in [
            ("docker.io/library/nginx:1", (1, 0)),
            ("nginx:2", (0, 1)),
            ("quay.io/t/a:1", (2, 0)),
            ("quay.io/t/*", (2, 0)),
            ("docker.io/*/nginx:*", (1, 0)),
            ("Bad/x", (1, 0)),
            ("*", (5, 0)),
            ("quay.io/t", (0, 1)),
            ("*/t/a", (0, 1)),
        ] {
            assert_eq!(accepted(&entry(image, "")), expected, "{image}");
        }
        assert_eq!(accepted(&entry("quay.io/*", ", resource: Pod n/p")), (1, 0));
        assert_eq!(accepted(""), (0, 0));
    }

    #[test]
    fn an_entry_without_a_reason_is_refused() {
        for (text, says) in [
            ("allow:\n- image: a:1\n", "not have `reason`"),
            ("allow:\n- reason: x\n", "not have `image`"),
            ("allow:\n- {image: a, why: x}\n", "`why`"),
            ("deny: []\n", "`deny`"),
            ("allow: [a]\n", "an entry has an `image`"),
        ] {
            let error = AllowList::parse(text, "allow.yaml").unwrap_err().to_string();
            assert!(error.contains(says) && error.contains("allow.yaml"), "{text}: {error}");
        }
    }
}
