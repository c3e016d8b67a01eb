//! A package that was found: what of it is there now, and where it came from.

use super::published::{Form, Published};
use crate::error::{Context, Result};
use crate::outcome::Outcome;
use crate::package::PackageId;
use crate::rooted::RootedPath;
use crate::verify::Verified;
use crate::wit::Source;

/// A package that is in its folder now.
pub struct Fetched {
    /// What it is.
    pub content: Content,
    /// How it came there.
    pub outcome: Outcome,
    /// The name of the registry that serves it.
    pub registry: Option<String>,
    /// The address of its archive.
    pub url: Option<String>,
    /// Where it came from, for people.
    pub from: String,
}

/// What was found for a package.
pub enum Content {
    /// The published file.
    Published(Box<Published>),
    /// Text that a setting or a person puts in its place.
    Text(Box<Source>),
}

impl Fetched {
    /// A published file that is there now.
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

    /// Text from a folder or a file of somebody's.
    pub(super) fn text(source: Source, outcome: Outcome, from: String) -> Fetched {
        let content = Content::Text(Box::new(source));
        Fetched { content, outcome, registry: None, url: None, from }
    }

    /// The package's WIT.
    ///
    /// # Errors
    /// Integrity, saying where it came from, where it is no WIT package.
    pub fn source(&self) -> Result<Source> {
        match &self.content {
            Content::Published(published) => {
                published.source().map_err(|error| error.fact("from", &self.from))
            }
            Content::Text(source) => Ok(Source::clone(source)),
        }
    }

    /// The published file, if there is one.
    pub fn file(&self) -> Option<&Verified> {
        match &self.content {
            Content::Published(published) => Some(&published.file),
            Content::Text(_) => None,
        }
    }

    /// Removes a published file that turned out to be something else.
    pub(crate) fn discard(&self) -> Result<()> {
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
