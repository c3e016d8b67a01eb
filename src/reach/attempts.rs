//! Where something was looked for, and why none of the places gave it.

use crate::error::{Asked, Error, Kind};
use crate::plan::Place;
use crate::policy::Offline;
use crate::registries::Source;

/// The places so far.
pub(crate) struct Attempts {
    subject: String,
    mend: String,
    facts: Vec<(&'static str, String)>,
    hints: Vec<String>,
    network: bool,
}

impl Attempts {
    /// Nothing was looked at yet for `subject`, which the command `mend` brings into the
    /// workspace's vendor folder.
    pub(crate) fn of(subject: String, mend: String) -> Attempts {
        Attempts { subject, mend, facts: Vec::new(), hints: Vec::new(), network: false }
    }

    /// Folders that were looked into.
    pub(crate) fn add_places(&mut self, places: &[Place]) {
        self.facts.extend(places.iter().map(|place| (place.source, place.describe())));
    }

    /// A source that works and does not have it.
    pub(super) fn add_absent(&mut self, source: &Source) {
        self.facts.push(("registry", format!("{source}: not there")));
    }

    /// An address that could not be asked.
    pub(crate) fn add_offline(&mut self, address: &str, offline: Offline) {
        self.facts.push(("registry", format!("{address}: not asked: {offline}")));
    }

    /// A source that comes after another one, which refused.
    pub(super) fn add_not_asked(&mut self, source: &Source, refusing: &Source) {
        let words = format!("{source}: not asked: {} refuses, and may have it", refusing.place);
        self.facts.push(("registry", words));
    }

    /// A source that failed, or says itself what is not there.
    pub(super) fn add(&mut self, source: &Source, error: &Error) {
        self.network |= error.kind() == Kind::Network;
        self.facts.push(("registry", format!("{source}: {}", error.one_line())));
        for hint in error.hints() {
            if !self.hints.contains(hint) {
                self.hints.push(hint.clone());
            }
        }
    }

    /// The error: network where a source failed, unavailable where none has it.
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

/// Whether a failure is the source's: it does not have the thing, or was asked in vain.
pub(super) fn is_of_source(error: &Error) -> bool {
    match error.kind() {
        Kind::Unavailable => true,
        // Without it nobody was asked: there is no credential to ask with.
        Kind::Network => error.answer().is_some(),
        Kind::Failed | Kind::Usage | Kind::Integrity => false,
    }
}

/// Whether a source refuses to say: it wants another credential, or a permission.
pub(super) fn is_refusal(error: &Error) -> bool {
    error.kind() == Kind::Network && error.answer() == Some(Asked::Refused)
}
