//! A source as the search sees it.

use std::fmt::Display;

use airgap_config::registries::Source;
use airgap_core::error::Error;

/// A source that a search asks. `Display` is its name in messages.
pub(crate) trait Provider: Display {
    /// Returns whether the source is in the network.
    fn needs_network(&self) -> bool;

    /// Returns whether another source is in the same registry.
    fn is_beside(&self, other: &Self) -> bool;

    /// Returns the name of its server in messages.
    fn server(&self) -> String;

    /// Adds the source to an error that ends the search.
    fn explain(&self, error: Error) -> Error {
        error.fact("from", self)
    }
}

impl Provider for Source {
    fn needs_network(&self) -> bool {
        Source::needs_network(self)
    }

    fn is_beside(&self, other: &Source) -> bool {
        Source::is_beside(self, other)
    }

    fn server(&self) -> String {
        self.place.to_string()
    }
}
