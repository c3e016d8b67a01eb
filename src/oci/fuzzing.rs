//! Parsers of answers of registries, reachable for `fuzz/` and for nothing else.

use std::time::SystemTime;

use ureq::http::{HeaderMap, HeaderName, HeaderValue, header};

use super::challenge::{challenges, is_insufficient, shown};
use super::manifest::Descriptor;
use super::tags::{next, referrers_of, tags_of};
use super::token::Token;
use crate::error::Result as Outcome;

/// Reads `WWW-Authenticate` headers, one for each line, and shows what is understood of them.
pub fn challenge(lines: &[&[u8]]) -> String {
    let headers = headers(header::WWW_AUTHENTICATE, lines);
    format!("{:?} {:?} {}", challenges(&headers), shown(&headers), is_insufficient(&headers))
}

/// Reads `Link` headers, one for each line, and returns the address of the next page.
pub fn next_page(lines: &[&[u8]]) -> Option<String> {
    next(&headers(header::LINK, lines))
}

/// Reads the answer of a token server, and returns whether there is a token in it.
///
/// # Errors
/// The words that say what the answer is instead.
pub fn token(answer: &[u8]) -> Result<(), String> {
    Token::read(answer, SystemTime::UNIX_EPOCH).map(drop)
}

/// Reads a page of tags.
///
/// # Errors
/// The words that say what the page is instead.
pub fn tags(page: &[u8]) -> Result<Vec<String>, String> {
    tags_of(page).map_err(|error| error.to_string())
}

/// Reads a page of a list of referrers.
///
/// # Errors
/// Integrity, where the page is something else.
pub fn referrers(page: &[u8]) -> Outcome<Vec<Descriptor>> {
    referrers_of(page)
}

/// Makes headers of those lines that a header can hold.
fn headers(name: HeaderName, lines: &[&[u8]]) -> HeaderMap {
    let values = lines.iter().filter_map(|line| HeaderValue::from_bytes(line).ok());
    values.map(|value| (name.clone(), value)).collect()
}
