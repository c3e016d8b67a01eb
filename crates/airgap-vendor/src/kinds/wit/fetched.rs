//! A package that was found: its content and its origin.

use super::published::{Form, Published};
use airgap_core::error::{Context, Result};
use airgap_core::outcome::Outcome;
use airgap_core::package::PackageId;
use airgap_core::rooted::RootedPath;
use airgap_core::verify::Verified;
use airgap_wit::WitSource;

/// A package that is in its folder now.
pub struct Fetched {
    /// Its content.
    pub content: Content,
    /// The way in which it came there.
    pub outcome: Outcome,
    /// The name of the registry that serves it.
    pub registry: Option<String>,
    /// The address of its archive.
    pub url: Option<String>,
    /// Its origin, for people.
    pub from: String,
}

/// The content that was found for a package.
pub enum Content {
    /// The published file.
    Published(Box<Published>),
    /// Text that a setting or a person puts in its place.
    Text(Box<WitSource>),
}

impl Fetched {
    /// Creates the result for a published file.
    pub(super) fn published(
        package: &PackageId,
        form: Form,
        file: Verified,
        outcome: Outcome,
        from: String,
    ) -> Fetched {
        let package = package.clone();
        let content = Content::Published(Box::new(Published { package, file, form }));
        Fetched { content, outcome, registry: None, url: None, from }
    }

    /// Creates the result for text from a folder or a file of a user.
    pub(super) fn text(source: WitSource, outcome: Outcome, from: String) -> Fetched {
        let content = Content::Text(Box::new(source));
        Fetched { content, outcome, registry: None, url: None, from }
    }

    /// Returns the package's WIT.
    ///
    /// # Errors
    /// Integrity, with the origin, if it is not a WIT package.
    pub fn source(&self) -> Result<WitSource> {
        match &self.content {
            Content::Published(published) => {
                published.source().map_err(|error| error.fact("from", &self.from))
            }
            Content::Text(source) => Ok(WitSource::clone(source)),
        }
    }

    /// Returns the published file, if there is one.
    pub fn file(&self) -> Option<&Verified> {
        match &self.content {
            Content::Published(published) => Some(&published.file),
            Content::Text(_) => None,
        }
    }

    /// Removes a published file whose content is wrong.
    pub fn discard(&self) -> Result<()> {
        match self.file() {
            Some(file) if self.outcome != Outcome::Kept => {
                let path = RootedPath::beside(file.path());
                let removed = path.folder().and_then(|it| it.remove_file(path.name()));
                removed.doing(|| format!("remove `{path}`"))
            }
            _ => Ok(()),
        }
    }
}
