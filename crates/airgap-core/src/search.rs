//! The ordered search: the one loop that asks places until one of them has the content.
//!
//! Downloads, tools, WIT packages, components and images all use it. Wrong content ends the search,
//! because the answer of another place would hide it. A place that does not have the content, or
//! cannot be asked, is passed over, and the reason is kept.

use crate::error::{Error, ErrorKind, RequestOutcome};

/// The answer of one place.
pub enum Answer<T, R> {
    /// The content.
    Found(T),
    /// The reason why the place is passed over.
    Passed(R),
}

/// The result of a search.
pub struct Searched<P, T, R> {
    /// The first content, with its place.
    pub found: Option<(T, P)>,
    /// The places before it, each with the reason why it was passed over.
    pub passed: Vec<(P, R)>,
}

/// Asks places in order until one of them has the content.
///
/// # Errors
/// The error that `ask` returns, at once: no further place is asked.
pub fn in_order<P, T, R, E>(
    places: impl IntoIterator<Item = P>,
    mut ask: impl FnMut(&P) -> Result<Answer<T, R>, E>,
) -> Result<Searched<P, T, R>, E> {
    let mut passed = Vec::new();
    for place in places {
        match ask(&place)? {
            Answer::Found(content) => {
                return Ok(Searched { found: Some((content, place)), passed });
            }
            Answer::Passed(reason) => passed.push((place, reason)),
        }
    }
    Ok(Searched { found: None, passed })
}

/// Returns whether a failure is that of one place, so that the next place may have the content: the
/// place does not have it, or did not send it.
///
/// Every other error ends a search: integrity, because wrong content must never lead to the next
/// place silently; usage, because a setting is invalid; network without an answer, because no
/// request was sent for want of a credential; and a full disk or the like.
pub fn is_of_place(error: &Error) -> bool {
    match error.kind() {
        ErrorKind::Unavailable => true,
        ErrorKind::Network => error.request_outcome().is_some(),
        ErrorKind::Failed | ErrorKind::Usage | ErrorKind::Integrity => false,
    }
}

/// Returns whether a place refuses to answer: it needs another credential, or a permission.
pub fn is_refusal(error: &Error) -> bool {
    error.kind() == ErrorKind::Network && error.request_outcome() == Some(RequestOutcome::Refused)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Searches places that answer with their own number, except 0, which does not have it, and
    /// negative ones, which have wrong content.
    fn search(places: &[i32]) -> Result<Searched<&i32, i32, &'static str>, i32> {
        in_order(places, |place| match **place {
            0 => Ok(Answer::Passed("not there")),
            wrong if wrong < 0 => Err(wrong),
            right => Ok(Answer::Found(right)),
        })
    }

    #[test]
    fn the_first_place_with_the_content_ends_the_search() {
        let searched = search(&[0, 0, 3, -4]).ok().unwrap();
        assert_eq!(searched.found, Some((3, &3)));
        assert_eq!(searched.passed, [(&0, "not there"), (&0, "not there")]);
    }

    #[test]
    fn wrong_content_ends_the_search() {
        assert_eq!(search(&[0, -2, 3]).err(), Some(-2));
    }

    #[test]
    fn every_passed_place_is_kept_if_none_has_the_content() {
        let searched = search(&[0]).ok().unwrap();
        assert_eq!((searched.found, searched.passed.len()), (None, 1));
    }

    #[test]
    fn only_failures_of_a_place_lead_to_the_next_one() {
        let network = || Error::new(ErrorKind::Network, "a");
        assert!(is_of_place(&Error::new(ErrorKind::Unavailable, "a")));
        assert!(is_of_place(&network().after_request(RequestOutcome::from_refused(false))));
        for ends in [network(), Error::integrity("a"), Error::usage("a")] {
            assert!(!is_of_place(&ends), "{ends}");
        }
        assert!(is_refusal(&network().after_request(RequestOutcome::from_refused(true))));
        assert!(!is_refusal(&network().after_request(RequestOutcome::from_refused(false))));
    }
}
