//! The places that were searched, and why none of them had the content.

use std::fmt::Display;

use super::provider::Provider;
use crate::plan::SearchPlace;
use airgap_config::policy::Offline;
use airgap_core::error::{Error, ErrorKind};

/// The places so far.
pub(crate) struct Attempts {
    subject: String,
    vendor_command: String,
    facts: Vec<(&'static str, String)>,
    failures: Vec<Error>,
}

impl Attempts {
    /// Creates an empty list for `subject`, which `vendor_command` adds to the vendor folder of
    /// the workspace.
    pub(crate) fn new(subject: String, vendor_command: String) -> Attempts {
        Attempts { subject, vendor_command, facts: Vec::new(), failures: Vec::new() }
    }

    /// Sets another command that adds it to the vendor folder.
    pub(crate) fn set_vendor_command(&mut self, vendor_command: String) {
        self.vendor_command = vendor_command;
    }

    /// Adds folders that were searched.
    pub(crate) fn add_places(&mut self, places: &[SearchPlace]) {
        self.facts.extend(places.iter().map(|place| (place.source, place.describe())));
    }

    /// Adds a source that works and does not have the content.
    pub(super) fn add_absent(&mut self, source: &impl Provider) {
        self.facts.push(("registry", format!("{source}: not there")));
    }

    /// Adds an address that was not asked.
    pub(crate) fn add_offline(&mut self, address: &impl Display, offline: Offline) {
        self.facts.push(("registry", format!("{address}: not asked: {offline}")));
    }

    /// Adds a source that follows a source which refused.
    pub(super) fn add_not_asked<S: Provider>(&mut self, source: &S, refusing: &S) {
        let words = format!(
            "{source}: not asked: {} refuses the request, but may have it",
            refusing.server()
        );
        self.facts.push(("registry", words));
    }

    /// Adds a source that failed, or whose error says what is missing.
    pub(super) fn add(&mut self, source: &impl Provider, error: Error) {
        self.facts.push(("registry", format!("{source}: {}", error.one_line())));
        self.failures.push(error);
    }

    /// Returns the failure of the last source that failed.
    pub(crate) fn last_failure(self) -> Option<Error> {
        self.failures.into_iter().next_back()
    }

    /// Returns the error: network if a source failed, unavailable if none has the content.
    pub(crate) fn error(self, offline: Option<Offline>) -> Error {
        let failed = self.failures.iter().any(|error| error.kind() == ErrorKind::Network);
        let kind = if failed { ErrorKind::Network } else { ErrorKind::Unavailable };
        let statement = format!("{} was not found in any allowed source", self.subject);
        let facts = self.facts.into_iter();
        let error = facts
            .fold(Error::new(kind, statement), |error, (label, value)| error.fact(label, value));
        let mut hints: Vec<&String> = Vec::new();
        for hint in self.failures.iter().flat_map(Error::hints) {
            if !hints.contains(&hint) {
                hints.push(hint);
            }
        }
        let error = hints.into_iter().fold(error, |error, hint| error.hint(hint.clone()));
        let Some(offline) = offline else { return error };
        error
            .hint(format!(
                "on a machine with a network, run\n{}\nand copy the folder to this machine",
                self.vendor_command
            ))
            .hint(format!("or {} to use the network", offline.remedy()))
    }
}
