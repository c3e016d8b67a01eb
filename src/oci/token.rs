//! Tokens: asked for at the server that a registry names, kept until they expire.

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use crate::secrets;
use crate::workers::hold;
use serde::Deserialize;
use serde_json::Value;

/// How long a token lives where the server does not say.
const UNSAID: Duration = Duration::from_secs(60);

/// How long before its end a token is not used any more: requests take time, clocks differ.
const MARGIN: Duration = Duration::from_secs(10);

/// No token is longer: a header must hold it.
const LONGEST: usize = 64 << 10;

/// The most bytes of all tokens that are kept for one registry; beyond that all are asked for again.
const KEPT: usize = 8 << 20;

/// What may be done in a repository.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Scope {
    pub(super) repository: String,
    pub(super) push: bool,
}

/// A token, and until when it is of use. Has no `Debug`.
#[derive(Clone)]
pub(super) struct Token {
    pub(super) value: String,
    until: SystemTime,
}

/// The tokens of one registry. Those for different scopes are asked for at the same time, those for
/// the same scope once.
#[derive(Default)]
pub(super) struct Tokens {
    held: Mutex<Held>,
}

/// The tokens that may be used, or will be there soon.
#[derive(Default)]
struct Held {
    slots: HashMap<Vec<Scope>, Slot>,
    /// The scopes of the slots by each repository in them, to find those that cover others.
    by_repository: HashMap<String, BTreeSet<Vec<Scope>>>,
    /// How many bytes the tokens had that were put there.
    bytes: usize,
}

/// Where the token for some scopes is, or will be.
type Slot = Arc<Mutex<Option<Token>>>;

impl Scope {
    pub(super) fn pull(repository: &str) -> Scope {
        Scope { repository: repository.to_owned(), push: false }
    }

    pub(super) fn push(repository: &str) -> Scope {
        Scope { repository: repository.to_owned(), push: true }
    }

    fn covers(&self, other: &Scope) -> bool {
        self.repository == other.repository && (self.push || !other.push)
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let actions = if self.push { "pull,push" } else { "pull" };
        write!(f, "repository:{}:{actions}", self.repository)
    }
}

impl Token {
    /// Reads the answer of a token server.
    ///
    /// # Errors
    /// What it sends instead of a token.
    pub(super) fn read(json: &[u8], now: SystemTime) -> Result<Token, String> {
        #[derive(Deserialize)]
        struct Answer {
            token: Option<String>,
            access_token: Option<String>,
            expires_in: Option<Value>,
        }
        let answer: Answer = serde_json::from_slice(json).map_err(|_| "no token")?;
        let filled = |token: &String| !token.is_empty();
        let value = answer.token.filter(filled).or(answer.access_token.filter(filled));
        let value = value.ok_or("no token")?;
        // What cannot stand in a header is no token.
        if !value.bytes().all(|b| b.is_ascii_graphic()) {
            return Err("no token that can stand in a header".to_owned());
        }
        if value.len() > LONGEST {
            return Err(format!("a token of {} bytes, and {LONGEST} are the most", value.len()));
        }
        // Some write the number as a text.
        let said = match answer.expires_in {
            Some(Value::String(text)) => text.trim().parse().ok(),
            other => other.and_then(|it| it.as_f64()),
        };
        let said = said.and_then(|said| Duration::try_from_secs_f64(said).ok());
        secrets::learn_token(&value);
        let lives = said.filter(|said| !said.is_zero()).unwrap_or(UNSAID);
        let margin = MARGIN.min(lives / 2);
        let until = now.checked_add(lives - margin).unwrap_or(now + UNSAID);
        Ok(Token { value, until })
    }
}

impl Tokens {
    /// A token that is good for these scopes, and whether it is a new one: one that is there and
    /// has not expired, otherwise a new one by `ask`.
    pub(super) fn get<E>(
        &self,
        scopes: &[Scope],
        now: SystemTime,
        ask: impl FnOnce() -> Result<Token, E>,
    ) -> Result<(Token, bool), E> {
        if let Some(token) = self.wider(scopes, now) {
            return Ok((token, false));
        }
        let slot = hold(&self.held).slot(scopes);
        let mut held = hold(&slot);
        if let Some(token) = held.as_ref().filter(|token| token.until > now) {
            return Ok((token.clone(), false));
        }
        let token = ask()?;
        self.note(&token.value);
        *held = Some(token.clone());
        Ok((token, true))
    }

    /// Counts a token that was given out, and forgets all others where they are too many.
    fn note(&self, value: &str) {
        let mut held = hold(&self.held);
        held.bytes += value.len();
        if held.bytes > KEPT {
            *held = Held { bytes: value.len(), ..Held::default() };
        }
    }

    /// Returns a token for more than these scopes, if one is at hand.
    fn wider(&self, scopes: &[Scope], now: SystemTime) -> Option<Token> {
        let held = hold(&self.held);
        let near = held.by_repository.get(&scopes.first()?.repository)?;
        near.iter().find_map(|have| {
            let covered = scopes.iter().all(|scope| have.iter().any(|it| it.covers(scope)));
            // One that is just being asked for is not waited for.
            let slot = held.slots.get(have).filter(|_| covered)?;
            let token = slot.try_lock().ok()?.clone();
            token.filter(|token| token.until > now)
        })
    }

    /// Forgets a token that was refused.
    pub(super) fn forget(&self, value: &str) {
        let slots: Vec<_> = hold(&self.held).slots.values().cloned().collect();
        for slot in slots {
            let mut held = hold(&slot);
            if held.as_ref().is_some_and(|token| token.value == value) {
                *held = None;
            }
        }
    }

    /// Forgets all of them.
    pub(super) fn clear(&self) {
        *hold(&self.held) = Held::default();
    }
}

impl Held {
    /// Returns where the token for these scopes is, or will be.
    fn slot(&mut self, scopes: &[Scope]) -> Slot {
        if let Some(slot) = self.slots.get(scopes) {
            return slot.clone();
        }
        for scope in scopes {
            let near = self.by_repository.entry(scope.repository.clone()).or_default();
            near.insert(scopes.to_vec());
        }
        self.slots.entry(scopes.to_vec()).or_default().clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: SystemTime = SystemTime::UNIX_EPOCH;

    fn lives(json: &str) -> Option<(String, u64)> {
        let token = Token::read(json.as_bytes(), NOW).ok()?;
        Some((token.value, token.until.duration_since(NOW).unwrap().as_secs()))
    }

    #[test]
    fn both_names_and_all_lifetimes() {
        let some = |value: &str, seconds| Some((value.to_owned(), seconds));
        for (json, expected) in [
            (r#"{"token":"a","expires_in":300}"#, some("a", 290)),
            (r#"{"access_token":"b","expires_in":10}"#, some("b", 5)),
            (r#"{"token":"","access_token":"b"}"#, some("b", 50)),
            (r#"{"token":"a","expires_in":"300"}"#, some("a", 290)),
            (r#"{"token":"a","expires_in":0}"#, some("a", 50)),
            (r#"{"token":"a","expires_in":-1}"#, some("a", 50)),
            (r#"{"token":"a","expires_in":1e300}"#, some("a", 50)),
            (r#"{"token":"a\r\nX: y"}"#, None),
            (r#"{"token":""}"#, None),
            ("{}", None),
            ("<html>", None),
        ] {
            assert_eq!(lives(json), expected, "{json}");
        }
    }

    #[test]
    fn one_token_for_a_scope_until_it_expires_or_is_refused() {
        let tokens = Tokens::default();
        let asked = std::cell::Cell::new(0);
        let get = |scopes: &[Scope], now| {
            let answer = tokens.get(scopes, now, || {
                asked.set(asked.get() + 1);
                let json = format!(r#"{{"token":"t{}","expires_in":60}}"#, asked.get());
                Token::read(json.as_bytes(), now)
            });
            answer.map(|(token, _)| token.value).unwrap()
        };
        let (pull, push) = ([Scope::pull("a")], [Scope::push("a")]);
        assert_eq!(get(&pull, NOW), "t1");
        assert_eq!(get(&pull, NOW), "t1");
        assert_eq!(get(&push, NOW), "t2");
        assert_eq!(get(&[Scope::pull("b")], NOW), "t3");
        let later = NOW + Duration::from_secs(51);
        assert_eq!(get(&push, later), "t4");
        // What may push may pull.
        assert_eq!(get(&pull, later), "t4");
        tokens.forget("t4");
        assert_eq!(get(&push, later), "t5");
    }

    #[test]
    fn long_tokens_for_many_repositories_are_not_all_kept() {
        let tokens = Tokens::default();
        let asked = std::cell::Cell::new(0);
        let get = |nth: usize| {
            let answer = tokens.get(&[Scope::pull(&nth.to_string())], NOW, || {
                asked.set(asked.get() + 1);
                let json = format!(r#"{{"token":"{:0>65535}"}}"#, asked.get());
                Token::read(json.as_bytes(), NOW)
            });
            answer.map(|(token, _)| token.value).unwrap()
        };
        let first = get(0);
        for nth in 0..300 {
            get(nth);
            assert!(hold(&tokens.held).slots.len() <= KEPT / 65_535);
        }
        assert_eq!(asked.get(), 300);
        assert_ne!(get(0), first, "it was forgotten");
        assert_eq!(get(299), get(299));
        assert_eq!(asked.get(), 301);
    }

    #[test]
    fn a_token_for_more_is_found_among_many() {
        let tokens = Tokens::default();
        let ask = || Token::read(br#"{"token":"t"}"#, NOW);
        for nth in 0..20_000 {
            let name = nth.to_string();
            tokens.get(&[Scope::push(&name), Scope::pull("base")], NOW, ask).unwrap();
            let never = || Err("one is there".to_owned());
            tokens.get(&[Scope::pull(&name)], NOW, never).unwrap();
            tokens.get(&[Scope::pull("base")], NOW, never).unwrap();
        }
    }

    #[test]
    fn scopes_as_token_servers_read_them() {
        assert_eq!(Scope::pull("a/b").to_string(), "repository:a/b:pull");
        assert_eq!(Scope::push("a/b").to_string(), "repository:a/b:pull,push");
    }
}
