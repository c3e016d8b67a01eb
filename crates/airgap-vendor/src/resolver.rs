//! The way to a wanted thing of any kind: the destination, the folders on this machine, and the
//! sources, in this order. [`airgap_core::search`] has the loop and the rule that ends it.
//!
//! ```text
//! destination --kept--> Found
//!     └─ folders --in_folders--> Found
//!            └─ sources --ask, one after the other--> Found
//!                   └─ damage of the destination, or all places and the reason of each
//! ```

mod attempts;
mod provider;

pub(crate) use attempts::Attempts;
pub(crate) use provider::Provider;

use airgap_config::policy::Offline;
use airgap_core::error::{Error, ErrorKind, Result};
use airgap_core::report::Report;
use airgap_core::search::{self, Answer};

/// One wanted thing of a kind. Each module of [`kinds`](crate::kinds) implements it.
pub(crate) trait Resolvable {
    /// The thing at its destination, checked.
    type Found;
    /// A source that is asked if no folder has the thing.
    type Source: Provider;

    /// Returns the thing at its destination, if it is right and no source needs to be asked.
    fn kept(&self) -> Result<Option<Self::Found>>;

    /// Takes the thing from the folders on this machine, highest first, and records the searched
    /// places.
    fn in_folders(&self, attempts: &mut Attempts) -> Result<Option<Self::Found>>;

    /// Returns the sources, in the order to ask them.
    fn sources(&self, attempts: &mut Attempts) -> Result<Vec<Self::Source>>;

    /// Asks one source. Returns `None` if it works and does not have the thing.
    fn ask(&self, source: &Self::Source) -> Result<Option<Self::Found>>;

    /// Returns the error for a destination that has other bytes than the ones listed for it, which
    /// no source repaired. `failure` is the kind of the error of the search.
    fn damage(&self, failure: ErrorKind) -> Option<Error>;

    /// Returns an empty list of the places that were searched.
    fn attempts(&self) -> Attempts;

    /// Returns the error for a thing that none of these places has.
    fn unavailable(&self, attempts: Attempts, sources: &[Self::Source]) -> Error;
}

/// Brings a wanted thing to its destination, from the first place that has it.
///
/// # Errors
/// Integrity, if a place has wrong bytes: no further place is asked; unavailable or network, with
/// every place and the reason why it does not give the thing; usage, if a setting is invalid.
pub(crate) fn resolve<W: Resolvable>(
    wanted: &W,
    offline: Option<Offline>,
    report: &Report,
) -> Result<W::Found> {
    if let Some(kept) = wanted.kept()? {
        return Ok(kept);
    }
    let mut attempts = wanted.attempts();
    if let Some(found) = wanted.in_folders(&mut attempts)? {
        return Ok(found);
    }
    let sources = wanted.sources(&mut attempts)?;
    let ask = |source: &W::Source| wanted.ask(source);
    if let Some(found) = first(&sources, offline, &mut attempts, report, ask)? {
        return Ok(found);
    }
    let error = wanted.unavailable(attempts, &sources);
    Err(wanted.damage(error.kind()).unwrap_or(error))
}

/// Returns the answer of the first source that has the content. Sources that do not have it, or
/// cannot be reached, are recorded; if a later one has it, the user is told why the earlier ones
/// failed.
///
/// A registry may refuse (401, 403) what it does not have, so its other repositories are tried; no
/// other registry is tried after that.
fn first<S: Provider, T>(
    sources: &[S],
    offline: Option<Offline>,
    attempts: &mut Attempts,
    report: &Report,
    ask: impl Fn(&S) -> Result<Option<T>>,
) -> Result<Option<T>> {
    let mut failed = Vec::new();
    let mut refusing: Option<&S> = None;
    let searched = search::in_order(sources, |source: &&S| {
        if let Some(refusing) = refusing.filter(|it| !it.is_beside(source)) {
            attempts.add_not_asked(*source, refusing);
            return Ok(Answer::Passed(()));
        }
        if let (true, Some(offline)) = (source.needs_network(), offline) {
            attempts.add_offline(source, offline);
            return Ok(Answer::Passed(()));
        }
        match ask(source) {
            Ok(Some(found)) => return Ok(Answer::Found(found)),
            Ok(None) => attempts.add_absent(*source),
            Err(error) if !search::is_of_place(&error) => return Err(source.explain(error)),
            Err(error) => {
                if search::is_refusal(&error) {
                    refusing = Some(source);
                }
                failed.push(format!("{source}: {}", error.one_line()));
                attempts.add(*source, error);
            }
        }
        Ok(Answer::Passed(()))
    })?;
    let Some((found, _)) = searched.found else { return Ok(None) };
    for words in failed {
        report.say(&format!("skipped {words}"));
    }
    Ok(Some(found))
}
