//! Tokens of token servers, which are kept until they expire.

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use airgap_core::secrets;
use airgap_core::workers::lock;
use serde::Deserialize;
use serde_json::Value;

/// The lifetime of a token if the server does not give one.
const UNSAID: Duration = Duration::from_secs(60);

/// The time before its end in which a token is not used any more: requests take time, clocks
/// differ.
const MARGIN: Duration = Duration::from_secs(10);

/// The longest token in bytes, because it must fit in a header.
const LONGEST: usize = 64 << 10;

/// The most bytes of all tokens that are kept for one registry; after that all are dropped.
const KEPT: usize = 8 << 20;

/// A permission for a repository.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Scope {
    pub(super) repository: String,
    pub(super) push: bool,
}

/// A token and the end of its use. Has no `Debug`.
#[derive(Clone)]
pub(super) struct Token {
    pub(super) value: String,
    until: SystemTime,
    /// The scopes that it is valid for, if they can be read; otherwise it is assumed to be valid
    /// for the requested scopes.
    granted: Option<Vec<Scope>>,
}

/// A token that was issued for a request. Has no `Debug`.
pub(super) struct IssuedToken {
    pub(super) token: Token,
    /// Whether it was requested just now.
    pub(super) fresh: bool,
    /// Whether it was requested for exactly these scopes, and not for more.
    pub(super) exact_scope: bool,
}

/// The tokens of one registry. Tokens for different scopes are requested at the same time; a token
/// for the same scopes is requested once.
#[derive(Default)]
pub(super) struct Tokens {
    held: Mutex<TokenCache>,
}

/// The tokens that may be used, or are being requested.
#[derive(Default)]
struct TokenCache {
    slots: HashMap<Vec<Scope>, Slot>,
    /// The scopes of the slots by each repository in them, to find those that cover others.
    by_repository: HashMap<String, BTreeSet<Vec<Scope>>>,
    /// The number of bytes of the tokens that were added.
    bytes: usize,
}

/// The slot of the token for some scopes, empty until it is issued.
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

    /// Parses `repository:NAME:ACTIONS`; `None` if it is not a permission to read a repository.
    fn parse(text: &str) -> Option<Scope> {
        let (name, actions) = text.strip_prefix("repository:")?.rsplit_once(':')?;
        Scope::granted(name, actions.split(','))
    }

    fn granted<'a>(name: &str, actions: impl Iterator<Item = &'a str>) -> Option<Scope> {
        let actions: Vec<_> = actions.collect();
        let may = |action: &str| actions.contains(&action) || actions.contains(&"*");
        may("pull").then(|| Scope { repository: name.to_owned(), push: may("push") })
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let actions = if self.push { "pull,push" } else { "pull" };
        write!(f, "repository:{}:{actions}", self.repository)
    }
}

impl Token {
    /// Parses the response of a token server.
    ///
    /// # Errors
    /// The content that it has instead of a token.
    pub(super) fn read(json: &[u8], now: SystemTime) -> Result<Token, String> {
        #[derive(Deserialize)]
        struct Answer {
            token: Option<String>,
            access_token: Option<String>,
            expires_in: Option<Value>,
            scope: Option<Value>,
        }
        let answer: Answer = serde_json::from_slice(json).map_err(|_| "no token")?;
        let filled = |token: &String| !token.is_empty();
        let value = answer.token.filter(filled).or(answer.access_token.filter(filled));
        let value = value.ok_or("no token")?;
        // A value that a header cannot contain is not a token.
        if !value.bytes().all(|b| b.is_ascii_graphic()) {
            return Err("no token that is valid in a header".to_owned());
        }
        if value.len() > LONGEST {
            return Err(format!("a token of {} bytes; the limit is {LONGEST}", value.len()));
        }
        // Some servers write the number as a string.
        let said = match answer.expires_in {
            Some(Value::String(text)) => text.trim().parse().ok(),
            other => other.and_then(|it| it.as_f64()),
        };
        let said = said.and_then(|said| Duration::try_from_secs_f64(said).ok());
        secrets::register_token(&value);
        let lives = said.filter(|said| !said.is_zero()).unwrap_or(UNSAID);
        let margin = MARGIN.min(lives / 2);
        let until = now.checked_add(lives - margin).unwrap_or(now + UNSAID);
        let granted =
            answer.scope.as_ref().and_then(scopes_in_response).or_else(|| scopes_in_jwt(&value));
        Ok(Token { value, until, granted })
    }

    /// Returns whether it may be valid for these scopes, after it was requested for `asked`.
    fn covers(&self, scopes: &[Scope], asked: &[Scope]) -> bool {
        let has = self.granted.as_deref().unwrap_or(asked);
        scopes.iter().all(|scope| has.iter().any(|it| it.covers(scope)))
    }
}

impl Tokens {
    /// Returns a token for these scopes and whether it is new: one that is kept and has not
    /// expired, otherwise a new one from `ask`.
    pub(super) fn get<E>(
        &self,
        scopes: &[Scope],
        now: SystemTime,
        ask: impl FnOnce() -> Result<Token, E>,
    ) -> Result<IssuedToken, E> {
        if let Some(token) = self.covering_token(scopes, now) {
            return Ok(token);
        }
        let slot = lock(&self.held).slot(scopes);
        let mut held = lock(&slot);
        if let Some(token) = held.as_ref().filter(|token| token.until > now) {
            return Ok(IssuedToken { token: token.clone(), fresh: false, exact_scope: true });
        }
        let token = ask()?;
        self.note(&token.value);
        *held = Some(token.clone());
        Ok(IssuedToken { token, fresh: true, exact_scope: true })
    }

    /// Counts a token that was issued, and forgets all others if they are too many.
    fn note(&self, value: &str) {
        let mut held = lock(&self.held);
        held.bytes += value.len();
        if held.bytes > KEPT {
            *held = TokenCache { bytes: value.len(), ..TokenCache::default() };
        }
    }

    /// Returns a token that covers these scopes, if one is kept.
    fn covering_token(&self, scopes: &[Scope], now: SystemTime) -> Option<IssuedToken> {
        let held = lock(&self.held);
        let near = held.by_repository.get(&scopes.first()?.repository)?;
        // The token that was requested for exactly these scopes comes first.
        near.get(scopes).into_iter().chain(near).find_map(|have| {
            let covered = scopes.iter().all(|scope| have.iter().any(|it| it.covers(scope)));
            // A token that is being requested by another thread is not waited for.
            let slot = held.slots.get(have).filter(|_| covered)?;
            let token = slot.try_lock().ok()?.clone();
            let exact_scope = have == scopes;
            let fits = |it: &Token| it.until > now && (exact_scope || it.covers(scopes, have));
            token.filter(fits).map(|token| IssuedToken { token, fresh: false, exact_scope })
        })
    }

    /// Restricts a token to the scopes that it was requested for.
    pub(super) fn restrict(&self, value: &str) {
        self.change(value, |slot| {
            if let Some(token) = slot {
                token.granted = Some(Vec::new());
            }
        });
    }

    /// Forgets a token that was refused.
    pub(super) fn forget(&self, value: &str) {
        self.change(value, |slot| *slot = None);
    }

    /// Changes each slot with this token.
    fn change(&self, value: &str, change: impl Fn(&mut Option<Token>)) {
        let slots: Vec<_> = lock(&self.held).slots.values().cloned().collect();
        for slot in slots {
            let mut held = lock(&slot);
            if held.as_ref().is_some_and(|token| token.value == value) {
                change(&mut held);
            }
        }
    }

    /// Forgets all tokens.
    pub(super) fn clear(&self) {
        *lock(&self.held) = TokenCache::default();
    }
}

impl TokenCache {
    /// Returns the slot of the token for these scopes.
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

/// Returns the scopes in a response (RFC 6749 section 5.1): a text with spaces, or a list.
fn scopes_in_response(said: &Value) -> Option<Vec<Scope>> {
    let texts: Vec<&str> = match said {
        Value::String(text) => text.split_ascii_whitespace().collect(),
        Value::Array(texts) => texts.iter().filter_map(Value::as_str).collect(),
        _ => return None,
    };
    (!texts.is_empty()).then(|| texts.into_iter().filter_map(Scope::parse).collect())
}

/// Returns the scopes in the `access` claim of a JSON Web Token, as in the token specification of
/// docker's registry. The signature is checked by the registry, and wrong scopes only cost one more
/// request.
fn scopes_in_jwt(token: &str) -> Option<Vec<Scope>> {
    #[derive(Deserialize)]
    struct Claims {
        access: Vec<Access>,
    }
    #[derive(Deserialize)]
    struct Access {
        r#type: String,
        name: String,
        #[serde(default)]
        actions: Vec<String>,
    }
    let payload = token.split('.').nth(1)?;
    let json = URL_SAFE_NO_PAD.decode(payload.trim_end_matches('=')).ok()?;
    let claims: Claims = serde_json::from_slice(&json).ok()?;
    let repositories = claims.access.iter().filter(|it| it.r#type == "repository");
    let scope = |it: &Access| Scope::granted(&it.name, it.actions.iter().map(String::as_str));
    Some(repositories.filter_map(scope).collect())
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
    fn both_token_fields_and_all_lifetimes_are_read() {
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
    fn a_token_serves_its_scope_until_it_expires_or_is_refused() {
        let tokens = Tokens::default();
        let asked = std::cell::Cell::new(0);
        let get = |scopes: &[Scope], now| {
            let answer = tokens.get(scopes, now, || {
                asked.set(asked.get() + 1);
                let json = format!(r#"{{"token":"t{}","expires_in":60}}"#, asked.get());
                Token::read(json.as_bytes(), now)
            });
            answer.map(|issued| issued.token.value).unwrap()
        };
        let (pull, push) = ([Scope::pull("a")], [Scope::push("a")]);
        assert_eq!(get(&pull, NOW), "t1");
        assert_eq!(get(&pull, NOW), "t1");
        assert_eq!(get(&push, NOW), "t2");
        assert_eq!(get(&[Scope::pull("b")], NOW), "t3");
        let later = NOW + Duration::from_secs(51);
        assert_eq!(get(&push, later), "t4");
        // A token that allows a push allows a pull too.
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
            answer.map(|issued| issued.token.value).unwrap()
        };
        let first = get(0);
        for nth in 0..300 {
            get(nth);
            assert!(lock(&tokens.held).slots.len() <= KEPT / 65_535);
        }
        assert_eq!(asked.get(), 300);
        assert_ne!(get(0), first, "it was forgotten");
        assert_eq!(get(299), get(299));
        assert_eq!(asked.get(), 301);
    }

    #[test]
    fn a_token_with_more_scopes_is_found_among_many() {
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
    fn scopes_are_written_as_token_servers_read_them() {
        assert_eq!(Scope::pull("a/b").to_string(), "repository:a/b:pull");
        assert_eq!(Scope::push("a/b").to_string(), "repository:a/b:pull,push");
    }
}
