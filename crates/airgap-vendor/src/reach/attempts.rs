//! The places that were searched, and why none of them had the content.

use crate::plan::Place;
use airgap_config::policy::Offline;
use airgap_config::registries::Source;
use airgap_core::error::{Asked, Error, Kind};

/// The places so far.
pub(crate) struct Attempts {
    subject: String,
    mend: String,
    facts: Vec<(&'static str, String)>,
    hints: Vec<String>,
    network: bool,
}

impl Attempts {
    /// Creates an empty list for `subject`, which the command `mend` adds to the vendor folder of
    /// the workspace.
    pub(crate) fn of(subject: String, mend: String) -> Attempts {
        Attempts { subject, mend, facts: Vec::new(), hints: Vec::new(), network: false }
    }

    /// Names another command that mends it.
    pub(crate) fn mend_by(&mut self, mend: String) {
        self.mend = mend;
    }

    /// Adds folders that were searched.
    pub(crate) fn add_places(&mut self, places: &[Place]) {
        self.facts.extend(places.iter().map(|place| (place.source, place.describe())));
    }

    /// Adds a source that works and does not have the content.
    pub(super) fn add_absent(&mut self, source: &Source) {
        self.facts.push(("registry", format!("{source}: not there")));
    }

    /// Adds an address that was not asked.
    pub(crate) fn add_offline(&mut self, address: &str, offline: Offline) {
        self.facts.push(("registry", format!("{address}: not asked: {offline}")));
    }

    /// Adds a source that follows a source which refused.
    pub(super) fn add_not_asked(&mut self, source: &Source, refusing: &Source) {
        let words = format!("{source}: not asked: {} refuses, and may have it", refusing.place);
        self.facts.push(("registry", words));
    }

    /// Adds a source that failed, or whose error says what is missing.
    pub(super) fn add(&mut self, source: &Source, error: &Error) {
        self.network |= error.kind() == Kind::Network;
        self.facts.push(("registry", format!("{source}: {}", error.one_line())));
        for hint in error.hints() {
            if !self.hints.contains(hint) {
                self.hints.push(hint.clone());
            }
        }
    }

    /// Returns the error: network if a source failed, unavailable if none has the content.
    pub(crate) fn error(self, offline: Option<Offline>) -> Error {
        let kind = if self.network { Kind::Network } else { Kind::Unavailable };
        let statement = format!("{} is in none of the places that may be used", self.subject);
        let mut error = Error::new(kind, statement);
        for (label, value) in self.facts {
            error = error.fact(label, value);
        }
        for hint in self.hints {
            error = error.hint(hint);
        }
        let Some(offline) = offline else { return error };
        let mend = self.mend;
        error
            .hint(format!("where there is a network, run\n{mend}\nand bring the folder here"))
            .hint(format!("or {} to use the network", offline.mend()))
    }
}

/// Returns whether a failure is that of a source: it does not have the content, or did not send it.
pub(super) fn is_of_source(error: &Error) -> bool {
    match error.kind() {
        Kind::Unavailable => true,
        // An error without an answer means that no request was sent: there is no credential for it.
        Kind::Network => error.answer().is_some(),
        Kind::Failed | Kind::Usage | Kind::Integrity => false,
    }
}

/// Returns whether a source refuses to answer: it needs another credential, or a permission.
pub(super) fn is_refusal(error: &Error) -> bool {
    error.kind() == Kind::Network && error.answer() == Some(Asked::Refused)
}
