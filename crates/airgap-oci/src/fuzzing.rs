//! Parsers of responses of registries, public for `fuzz/` only.

use std::time::SystemTime;

use ureq::http::{HeaderMap, HeaderName, HeaderValue, header};

use super::challenge::{challenges, is_insufficient, shown};
use super::manifest::Descriptor;
use super::tags::{next, referrers_of, tags_of};
use super::token::Token;
use airgap_core::error::Result as Outcome;

/// Parses `WWW-Authenticate` headers, one per line, and returns the challenges as text.
pub fn challenge(lines: &[&[u8]]) -> String {
    let headers = headers(header::WWW_AUTHENTICATE, lines);
    format!("{:?} {:?} {}", challenges(&headers), shown(&headers), is_insufficient(&headers))
}

/// Parses `Link` headers, one per line, and returns the address of the next page.
pub fn next_page(lines: &[&[u8]]) -> Option<String> {
    next(&headers(header::LINK, lines))
}

/// Parses the response of a token server, and returns whether it has a token.
///
/// # Errors
/// The description of the response, if it has no token.
pub fn token(answer: &[u8]) -> Result<(), String> {
    Token::read(answer, SystemTime::UNIX_EPOCH).map(drop)
}

/// Reads a page of tags.
///
/// # Errors
/// The description of the page, if it is not a page of tags.
pub fn tags(page: &[u8]) -> Result<Vec<String>, String> {
    tags_of(page).map_err(|error| error.to_string())
}

/// Reads a page of a list of referrers.
///
/// # Errors
/// Integrity, if the page is not a list of referrers.
pub fn referrers(page: &[u8]) -> Outcome<Vec<Descriptor>> {
    referrers_of(page)
}

/// Creates headers from the lines that a header can contain.
fn headers(name: HeaderName, lines: &[&[u8]]) -> HeaderMap {
    let values = lines.iter().filter_map(|line| HeaderValue::from_bytes(line).ok());
    values.map(|value| (name.clone(), value)).collect()
}
