//! The secrets of this process, and the one filter that removes them from its output.
//!
//! Code that reads a credential registers it at once, with [`register`], [`register_login`] or
//! [`register_token`]. `report`, `error` and the writers of notes and manifests call [`hide`] or
//! [`hide_in_data`] on the text that leaves the process.
//!
//! A secret is found as it is; in hexadecimal; in base64, also with other text before or after it,
//! as in the value of an `Authorization` header; each of them also with some or all of its
//! characters percent-encoded or as JSON escapes. The parts of a token between its dots are secrets
//! of their own. For a long secret, 16 characters from its start are enough, and the rest of the
//! word is hidden too: a server may shorten a token before it repeats it.
//!
//! A password can be a common word, so short ones are not hidden everywhere:
//!
//! | length | in messages | in data (JSON, files) |
//! |---|---|---|
//! | up to 3 | never | never |
//! | 4 to 7 | as a whole word, in the same case | never |
//! | 8 to 11 | anywhere, in any case | never |
//! | from 12 | anywhere, in any case | anywhere, in any case |
//!
//! The length is that of the form: an `Authorization` header with a short password is long. The
//! signature in the target of a redirect is hidden in messages only, so that a server cannot choose
//! which text is removed from data.

use std::borrow::Cow;
use std::cell::Cell;
use std::cmp::Reverse;
use std::collections::VecDeque;
use std::sync::{PoisonError, RwLock};

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD_NO_PAD, BASE64_URL_SAFE_NO_PAD};
use url::Url;

/// The shortest form that is hidden as a whole word, anywhere, and also in data.
const AS_A_WORD: usize = 4;
const ANYWHERE: usize = 8;
const IN_DATA: usize = 12;

/// The number of characters of a longer secret that are enough to find it.
const SURE: usize = 16;

/// The bytes of a form that are kept. The rest of a longer one is hidden with the rest of its word.
const KEPT: usize = 48;

/// The most parts of a token between its dots that are kept.
const PARTS: usize = 8;

/// The most parameters of an address that are checked.
const SIGNED_BY: usize = 32;

/// The size of the table of hashes of the first bytes of forms.
const STARTS: usize = 1 << 16;

/// The text in place of a secret.
const HIDDEN: &str = "...";

/// The most forms of secrets from servers that are kept, as servers may send any number.
const PASSING: usize = 1024;

/// The secrets of the process.
static KNOWN: RwLock<Known> = RwLock::new(Known::new());

thread_local! {
    /// The secrets of this thread, if it is apart.
    static OWN: RwLock<Known> = const { RwLock::new(Known::new()) };

    /// Whether this thread has secrets of its own. Tests of this crate always have.
    static IS_APART: Cell<bool> = const { Cell::new(cfg!(test)) };
}

/// Gives this thread secrets of its own from now on. Tests run side by side in one process: the
/// passwords of one must not be removed from the messages of another.
#[doc(hidden)]
pub fn keep_apart() {
    IS_APART.set(true);
}

/// All known secrets.
struct Known {
    /// The forms of credentials.
    lasting: Vec<SecretForm>,
    /// The latest forms of secrets from servers: tokens and the signatures of addresses.
    passing: VecDeque<SecretForm>,
    /// All forms by their first byte in lower case, the longest first.
    by_start: Vec<Vec<SecretForm>>,
    /// The hashes of the first [`AS_A_WORD`] bytes of the forms, so that nearly every position in a
    /// text is skipped without a comparison with the forms.
    starts: Vec<bool>,
}

/// A form of a secret.
#[derive(Clone, PartialEq, Eq)]
struct SecretForm {
    bytes: Vec<u8>,
    /// Whether it is hidden in data too. A server must not choose which text is hidden there.
    in_data: bool,
}

/// Registers a secret.
pub fn register(secret: &str) {
    write(|known| known.add(forms(secret)));
}

/// Registers a token from a server.
pub fn register_token(token: &str) {
    write(|known| known.add_passing(forms(token), true));
}

/// Registers a password, and the pair in a `Basic` header. A long user name without a password is a
/// token, as in `https://TOKEN@host`.
pub fn register_login(user: &str, password: &str) {
    let is_token = password.is_empty() && user.len() >= IN_DATA;
    let mut forms = forms(if is_token { user } else { password });
    if password.len() >= AS_A_WORD {
        let pair = format!("{user}:{password}");
        add_base64(pair.as_bytes(), &mut forms);
        forms.extend(both_base64(pair.as_bytes()).map(|text| hex::encode(text).into()));
    }
    write(|known| known.add(forms));
}

/// Registers the parameters that sign an address, and no other ones.
pub fn register_signature(url: &Url) {
    let signs = ["sig", "token", "secret", "credential", "key", "password", "jwt", "auth"];
    for (name, value) in url.query_pairs().take(SIGNED_BY) {
        let name = name.to_ascii_lowercase();
        if value.len() >= SURE && signs.iter().any(|sign| name.contains(sign)) {
            let forms = vec![value.as_bytes().to_vec()];
            write(|known| known.add_passing(forms, false));
        }
    }
}

/// Registers the passwords in the addresses in a text, such as an argument.
pub fn register_addresses_in(text: &str) {
    for (at, _) in text.match_indices("://") {
        let rest = &text[at + 3..];
        let ends = |c: char| c.is_whitespace() || matches!(c, '/' | '?' | '#' | ',');
        let authority = &rest[..rest.find(ends).unwrap_or(rest.len())];
        let Some((login, _)) = authority.rsplit_once('@') else { continue };
        let (user, password) = login.split_once(':').unwrap_or((login, ""));
        register_login(&decode(user), &decode(password));
    }
}

/// Removes the secrets from a message.
pub fn hide(text: &str) -> Cow<'_, str> {
    read(|known| known.hide(text, false))
}

/// Removes the secrets from data that programs read. Only forms that cannot be a common word are
/// hidden: see the documentation of the module.
pub fn hide_in_data(text: &str) -> Cow<'_, str> {
    read(|known| known.hide(text, true))
}

/// Removes the secrets from each text in a JSON value, keys too.
pub(crate) fn hide_in_json(value: &mut serde_json::Value) {
    use serde_json::Value;
    match value {
        Value::String(text) => {
            if let Cow::Owned(hidden) = hide_in_data(text) {
                *text = hidden;
            }
        }
        Value::Array(items) => items.iter_mut().for_each(hide_in_json),
        Value::Object(entries) => {
            if entries.keys().any(|key| matches!(hide_in_data(key), Cow::Owned(_))) {
                let old = std::mem::take(entries);
                entries.extend(old.into_iter().map(|(k, v)| (hide_in_data(&k).into_owned(), v)));
            }
            entries.values_mut().for_each(hide_in_json);
        }
        _ => {}
    }
}

fn write(change: impl FnOnce(&mut Known)) {
    with(|known| change(&mut known.write().unwrap_or_else(PoisonError::into_inner)));
}

fn read<T>(look: impl FnOnce(&Known) -> T) -> T {
    with(|known| look(&known.read().unwrap_or_else(PoisonError::into_inner)))
}

fn with<T>(work: impl FnOnce(&RwLock<Known>) -> T) -> T {
    if IS_APART.get() { OWN.with(work) } else { work(&KNOWN) }
}

fn decode(text: &str) -> Cow<'_, str> {
    percent_encoding::percent_decode_str(text).decode_utf8_lossy()
}

/// Returns the forms of a secret that are searched for.
fn forms(secret: &str) -> Vec<Vec<u8>> {
    let secret = secret.trim();
    let mut forms = Vec::new();
    if secret.len() < AS_A_WORD {
        return forms;
    }
    forms.push(secret.into());
    let parts = secret.split('.').filter(|part| part.len() >= SURE);
    forms.extend(parts.take(PARTS).map(Into::into));
    if secret.len() >= ANYWHERE - 2 {
        forms.push(hex::encode(secret).into());
        add_base64(secret.as_bytes(), &mut forms);
        // After one or two other bytes, the base64 of three bytes has other characters. The first
        // ones and the last one depend on the neighbours.
        for before in [1, 2] {
            let mut shifted = vec![0; before];
            shifted.extend(secret.bytes());
            for text in both_base64(&shifted) {
                let whole = shifted.len() / 3 * 4;
                let inner = text.get(before + 1..whole).unwrap_or_default();
                if inner.len() >= ANYWHERE {
                    forms.push(inner.into());
                }
            }
        }
    }
    forms
}

/// Adds base64 without the characters that depend on the text after it.
fn add_base64(bytes: &[u8], forms: &mut Vec<Vec<u8>>) {
    for text in both_base64(bytes) {
        let whole = bytes.len() / 3 * 4;
        forms.push(text[..whole].into());
        forms.push(text.into());
    }
}

fn both_base64(bytes: &[u8]) -> [String; 2] {
    [BASE64_STANDARD_NO_PAD.encode(bytes), BASE64_URL_SAFE_NO_PAD.encode(bytes)]
}

impl Known {
    const fn new() -> Known {
        Known {
            lasting: Vec::new(),
            passing: VecDeque::new(),
            by_start: Vec::new(),
            starts: Vec::new(),
        }
    }

    fn add(&mut self, forms: Vec<Vec<u8>>) {
        let news = self.news(forms, true);
        self.lasting.extend(news);
        self.sort();
    }

    fn add_passing(&mut self, forms: Vec<Vec<u8>>, in_data: bool) {
        let news = self.news(forms, in_data);
        let most = PASSING - news.len();
        self.passing.truncate(most);
        news.into_iter().for_each(|form| self.passing.push_front(form));
        self.sort();
    }

    /// Returns the forms that are not known yet.
    fn news(&self, forms: Vec<Vec<u8>>, in_data: bool) -> Vec<SecretForm> {
        let mut news: Vec<SecretForm> = Vec::new();
        for mut bytes in forms {
            bytes.truncate(KEPT);
            let form = SecretForm { bytes, in_data };
            let known = self.lasting.contains(&form) || self.passing.contains(&form);
            if form.bytes.len() >= AS_A_WORD && !known && !news.contains(&form) {
                news.push(form);
            }
        }
        news
    }

    fn sort(&mut self) {
        self.by_start = vec![Vec::new(); 256];
        self.starts = vec![false; STARTS];
        for form in self.lasting.iter().chain(&self.passing) {
            let Some((&first, _)) = form.bytes.split_first() else { continue };
            self.by_start[usize::from(first.to_ascii_lowercase())].push(form.clone());
            if let Some(start) = form.bytes.first_chunk() {
                self.starts[hash(start)] = true;
            }
        }
        for forms in &mut self.by_start {
            forms.sort_by_key(|form| Reverse(form.bytes.len()));
        }
    }

    fn hide<'a>(&self, text: &'a str, is_data: bool) -> Cow<'a, str> {
        if self.by_start.is_empty() {
            return Cow::Borrowed(text);
        }
        let bytes = text.as_bytes();
        let mut out: Vec<u8> = Vec::new();
        let (mut at, mut kept) = (0, 0);
        while at < bytes.len() {
            let found = self.may_begin(&bytes[at..]).then(|| self.find(bytes, at, is_data));
            match found.flatten() {
                Some(end) => {
                    out.extend(&bytes[kept..at]);
                    out.extend(HIDDEN.as_bytes());
                    (at, kept) = (end, end);
                }
                None => at += 1,
            }
        }
        if kept == 0 {
            return Cow::Borrowed(text);
        }
        out.extend(&bytes[kept..]);
        Cow::Owned(String::from_utf8_lossy(&out).into_owned())
    }

    /// Returns whether a secret may begin here. If the text has escapes nearby, the answer is yes.
    fn may_begin(&self, rest: &[u8]) -> bool {
        let Some(start) = rest.first_chunk::<AS_A_WORD>() else { return false };
        self.starts[hash(start)] || start.iter().any(|byte| b"%\\+".contains(byte))
    }

    /// Returns the end of the secret that begins here.
    fn find(&self, bytes: &[u8], at: usize, is_data: bool) -> Option<usize> {
        let plain = if bytes[at] == b'+' { b' ' } else { bytes[at] };
        let escaped = decoded(&bytes[at..]).map(|(byte, _)| byte);
        let starting = |byte: u8| &self.by_start[usize::from(byte.to_ascii_lowercase())];
        let others = escaped.into_iter().chain((plain != bytes[at]).then_some(plain));
        let forms = starting(bytes[at]).iter().chain(others.flat_map(starting));
        let is_letter = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_alphanumeric);
        forms.filter(|form| !is_data || (form.in_data && form.bytes.len() >= IN_DATA)).find_map(
            |SecretForm { bytes: form, .. }| {
                let any_case = form.len() >= ANYWHERE;
                let (matched, length) = prefix(&bytes[at..], form, any_case);
                let mut end = at + length;
                if matched < form.len().min(SURE) {
                    return None;
                }
                if !any_case && ((at > 0 && is_letter(at - 1)) || is_letter(end)) {
                    return None;
                }
                if matched >= SURE {
                    let in_token = |b: &u8| b.is_ascii_alphanumeric() || b"-_.~+/=%".contains(b);
                    end += bytes[end..].iter().take_while(|b| in_token(b)).count();
                }
                // The padding of base64 belongs to it.
                end += bytes[end..].iter().take(2).take_while(|b| **b == b'=').count();
                Some(end)
            },
        )
    }
}

/// Returns the index of the first bytes of a form in the table of hashes, in any case.
fn hash(start: &[u8; AS_A_WORD]) -> usize {
    let word = u32::from_le_bytes(start.map(|byte| byte.to_ascii_lowercase()));
    (word.wrapping_mul(0x9e37_79b1) >> (u32::BITS - STARTS.ilog2())) as usize
}

/// Returns the number of bytes of the form that the text begins with, and their length in the text.
/// Each byte may be plain, percent-encoded once or twice, or a JSON escape.
fn prefix(text: &[u8], form: &[u8], any_case: bool) -> (usize, usize) {
    let (mut matched, mut end) = (0, 0);
    while matched < form.len() {
        match lengths(&text[end..], form[matched], any_case) {
            [Some(_), Some(_)] => return prefix_of_several(text, form, any_case, (matched, end)),
            [Some(length), None] | [None, Some(length)] => end += length,
            [None, None] => break,
        }
        matched += 1;
    }
    (matched, end)
}

/// Does the same from a position that can be read in two ways: a secret may have `%25` in it, which
/// is a percent sign in other texts. All ways are followed at once, and the longest one counts.
fn prefix_of_several(
    text: &[u8],
    form: &[u8],
    any_case: bool,
    (mut matched, end): (usize, usize),
) -> (usize, usize) {
    let mut ends = vec![end];
    while matched < form.len() {
        let after = |&end: &usize| {
            let lengths = lengths(&text[end..], form[matched], any_case);
            lengths.into_iter().flatten().map(move |length| end + length)
        };
        let mut next: Vec<_> = ends.iter().flat_map(after).collect();
        if next.is_empty() {
            break;
        }
        next.sort_unstable();
        next.dedup();
        ends = next;
        matched += 1;
    }
    (matched, ends.last().copied().unwrap_or(end))
}

/// Returns the lengths of this byte at the start of the text: as an escape, and as it is.
fn lengths(text: &[u8], wanted: u8, any_case: bool) -> [Option<usize>; 2] {
    let same = |a: u8| a == wanted || (any_case && a.eq_ignore_ascii_case(&wanted));
    let escaped = decoded(text).filter(|(byte, _)| same(*byte)).map(|(_, length)| length);
    let plain = text.first().is_some_and(|&byte| same(byte) || (byte == b'+' && wanted == b' '));
    [escaped, plain.then_some(1)]
}

/// Returns the byte of an escape at the start of the text, and the length of the escape.
fn decoded(text: &[u8]) -> Option<(u8, usize)> {
    let hex_at = |from: usize, digits: usize| {
        let digits = std::str::from_utf8(text.get(from..from + digits)?).ok()?;
        u32::from_str_radix(digits, 16).ok()
    };
    match *text {
        [b'%', b'2', b'5', ..] if hex_at(3, 2).is_some() => Some((hex_at(3, 2)? as u8, 5)),
        [b'%', ..] => Some((hex_at(1, 2)? as u8, 3)),
        [b'\\', b'u', ..] => Some((u8::try_from(hex_at(2, 4)?).ok()?, 6)),
        [b'\\', c @ (b'"' | b'\\' | b'/'), ..] => Some((c, 2)),
        [b'\\', b't', ..] => Some((b'\t', 2)),
        [b'\\', b'n', ..] => Some((b'\n', 2)),
        [b'\\', b'r', ..] => Some((b'\r', 2)),
        [b'\\', b'b', ..] => Some((0x08, 2)),
        [b'\\', b'f', ..] => Some((0x0c, 2)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(secrets: &[&str], logins: &[(&str, &str)]) -> Known {
        let mut known = Known::new();
        secrets.iter().for_each(|secret| known.add(forms(secret)));
        for (user, password) in logins {
            let mut forms = Vec::new();
            add_base64(format!("{user}:{password}").as_bytes(), &mut forms);
            known.add(forms);
        }
        known
    }

    #[test]
    fn a_secret_that_looks_like_an_escape_is_found_as_it_is() {
        for secret in ["p/ss%25wd=1?x", "a\\\\b\\\"cdefgh", "%2525%25%25%25%41"] {
            let known = known(&[secret], &[]);
            let json = serde_json::to_string(secret).unwrap();
            for form in [secret, &json[1..json.len() - 1]] {
                let hidden = known.hide(&format!("`{form}`"), false).into_owned();
                assert_eq!(hidden, "`...`", "{form}");
            }
        }
        // All ways to read it are followed at once.
        let known = known(&[&"\\".repeat(48)], &[]);
        assert!(known.hide(&"\\".repeat(10_000), false).len() < 1000);
    }

    #[test]
    fn a_secret_is_found_in_each_encoding() {
        let secret = "p/ss w\"rd+\u{e4}=1?x";
        let known = known(&[secret], &[]);
        let base64 = |text: &str| BASE64_STANDARD_NO_PAD.encode(text);
        let every: String = secret.bytes().map(|b| format!("%{b:02X}")).collect();
        for form in [
            secret.to_owned(),
            every.clone(),
            every.to_lowercase(),
            every.replace('%', "%25"),
            "p%2Fss+w%22rd%2B%c3%A4=1?x".to_owned(),
            secret.replace('"', "\\\"").replace('/', "\\/"),
            hex::encode(secret),
            hex::encode_upper(secret),
            base64(secret),
            format!("{}==", base64(secret)),
            BASE64_URL_SAFE_NO_PAD.encode(secret),
        ] {
            let hidden = known.hide(&format!("it says `{form}` here"), false).into_owned();
            assert!(hidden.starts_with("it says `...") && hidden.ends_with("` here"), "{hidden}");
            assert!(!hidden.contains("ss") && hidden.len() < 25, "{form}: {hidden}");
        }
        for before in ["u:", "user:", "robot$x:", "0:"] {
            let header = base64(&format!("{before}{secret}"));
            let hidden = known.hide(&header, false).into_owned();
            assert!(hidden.len() < header.len() - 16 && hidden.contains(HIDDEN), "{hidden}");
        }
    }

    #[test]
    fn parts_of_tokens_are_found() {
        let (header, payload) = ("eyJhbGciOiJSUzI1NiJ9", "eyJzdWIiOiJyb2JvdCIsImEiOjF9");
        let token = format!("{header}.{payload}.c2lnbmF0dXJlc2lnbmF0dXJl");
        let known = known(&[&token, &"longtoken".repeat(2000)], &[]);
        for form in [&token, &token[..20], payload, &payload[..17], &format!("{payload}.x")] {
            assert_eq!(known.hide(&format!("is {form}!"), false), "is ...!", "{form}");
        }
        assert_eq!(known.hide(&"longtoken".repeat(2000), false), "...");
        assert_eq!(known.hide(&format!("{header}, {payload}"), true), "..., ...");
        assert!(known.lasting.iter().all(|form| form.bytes.len() <= KEPT));
    }

    #[test]
    fn short_secrets_do_not_hide_other_words() {
        let known = known(&["abc", "wasm", "registry", "hunter2secret"], &[("u", "pass")]);
        for (text, words, data) in [
            ("abc", "abc", "abc"),
            ("wasm wasm-tools wasmtime Wasm", "... ...-tools wasmtime Wasm", ""),
            ("my-registry/Registry", "my-.../...", ""),
            ("xHunter2Secretx", "x...x", "x...x"),
            ("Basic dTpwYXNz", "Basic ...", ""),
            ("Registry== x", "... x", ""),
        ] {
            assert_eq!(known.hide(text, false), words);
            assert_eq!(known.hide(text, true), if data.is_empty() { text } else { data });
        }
        assert!(matches!(known.hide("\u{e4}%\\ \u{4e2d}%2", false), Cow::Borrowed(_)));
    }

    #[test]
    fn a_text_without_secrets_is_scanned_once() {
        let secrets: Vec<_> =
            (0..50).map(|nth| format!("secret-{nth}-of-{:x}", nth * 7919)).collect();
        let secrets: Vec<_> = secrets.iter().map(String::as_str).collect();
        let known = known(&secrets, &[]);
        let line = "fetched  wasm-tools 1.244.0 (linux_amd64)  14 MB, sha256 ";
        let places: Vec<_> = (0..1000).map(|nth| format!("{line}{:064x}\n", nth * 977)).collect();
        let text = places.concat();
        let looked = (0..text.len()).filter(|at| known.may_begin(&text.as_bytes()[*at..])).count();
        assert!(looked < text.len() / 20, "{looked} of {}", text.len());
        assert!(matches!(known.hide(&text, false), Cow::Borrowed(_)));
        for text in ["SECRET-7-of-d889", "%73ecret-7-of-d889", "x\\u0073ecret-7-of-d889"] {
            assert!(known.hide(text, true).ends_with("..."), "{text}");
        }
    }

    #[test]
    fn secrets_from_servers_are_bounded_and_do_not_hide_data() {
        let mut known = known(&["lasting-secret"], &[]);
        for nth in 0..3000 {
            known.add_passing(vec![format!("signature-number-{nth:06}").into_bytes()], false);
        }
        assert_eq!(known.passing.len(), PASSING);
        let text = "signature-number-002999 lasting-secret";
        assert_eq!(known.hide(text, false), "... ...");
        assert_eq!(known.hide(text, true), "signature-number-002999 ...");
        known.add_passing(forms("token-of-a-server"), true);
        assert_eq!(known.hide("token-of-a-server", true), "...");
    }

    #[test]
    fn secrets_in_urls_are_hidden() {
        let url = Url::parse(
            "https://robot:own%40password1@h.example/a?X-Amz-Signature=0123456789abcdef0&x=not-a-secret-value",
        );
        let url = url.unwrap();
        register_signature(&url);
        register_addresses_in(url.as_str());
        register_addresses_in("a=https://another-token-1@h/x,http://u:third-password@[::1]:1");
        let text =
            "own@password1 0123456789abcdef0 not-a-secret-value another-token-1 third-password";
        assert_eq!(hide(text), "... ... not-a-secret-value ... ...");
        let mut json = serde_json::json!({"third-password": ["own%40password1", 1]});
        hide_in_json(&mut json);
        assert_eq!(json, serde_json::json!({"...": ["...", 1]}));
    }
}
