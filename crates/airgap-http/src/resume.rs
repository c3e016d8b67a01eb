//! Resumes a download where it stopped (RFC 9110 section 14). Pure: headers in, a decision out.

use ureq::http::{HeaderMap, HeaderName, StatusCode, header};

use airgap_core::store::Origin;

/// The part of a file that is requested.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct ResumeRange {
    /// The number of bytes that are there already.
    have: u64,
    /// The version of the file that they belong to, if the source is the same.
    validator: Option<String>,
}

/// The content of the body of a response.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum ResponseRange {
    /// The whole file, of this size.
    Whole { size: Option<u64> },
    /// The missing part up to `end`, of a file of this size.
    Rest { end: u64, size: Option<u64> },
    /// No bytes: everything is there already.
    Complete,
    /// A part that does not continue the file: it must be requested from the beginning.
    Mismatch,
}

impl ResumeRange {
    /// Returns the range after `have` bytes that came from `origin`.
    pub(crate) fn after(have: u64, origin: Option<&Origin>, url: &str) -> ResumeRange {
        let same = origin.filter(|origin| have > 0 && origin.url == url);
        ResumeRange { have, validator: same.and_then(|origin| origin.validator.clone()) }
    }

    /// Returns the headers of the request. Without a validator the rest is requested all the same,
    /// as the digest shows whether it fits.
    pub fn headers(&self) -> Vec<(HeaderName, String)> {
        let mut headers = Vec::new();
        if self.have > 0 {
            headers.push((header::RANGE, format!("bytes={}-", self.have)));
            headers.extend(self.validator.clone().map(|value| (header::IF_RANGE, value)));
        }
        headers
    }

    /// Parses the status and headers of a response; `None` if it has no bytes of the file.
    pub(crate) fn read(&self, status: StatusCode, headers: &HeaderMap) -> Option<ResponseRange> {
        match status.as_u16() {
            // With `Transfer-Encoding`, the `Content-Length` does not count (RFC 9112 section 6.3).
            200 | 201 | 203 if headers.contains_key(header::TRANSFER_ENCODING) => {
                Some(ResponseRange::Whole { size: None })
            }
            200 | 201 | 203 => {
                Some(ResponseRange::Whole { size: number(headers, header::CONTENT_LENGTH) })
            }
            206 if self.have > 0 => Some(self.rest(headers).unwrap_or(ResponseRange::Mismatch)),
            416 if self.have > 0 => match text(headers, header::CONTENT_RANGE).and_then(content) {
                Some((None, Some(size))) if size == self.have => Some(ResponseRange::Complete),
                _ => Some(ResponseRange::Mismatch),
            },
            _ => None,
        }
    }

    fn rest(&self, headers: &HeaderMap) -> Option<ResponseRange> {
        let (span, size) = content(text(headers, header::CONTENT_RANGE)?)?;
        let (first, last) = span?;
        let end = last.checked_add(1)?;
        // A server that ignores `If-Range` may send the rest of another version.
        let changed = self.validator.is_some()
            && validator(headers).is_some_and(|now| Some(now) != self.validator);
        let fits = first == self.have && first < end && size.is_none_or(|size| end <= size);
        (fits && !changed).then_some(ResponseRange::Rest { end, size })
    }
}

/// Returns the validator of this version of a file: a strong `ETag`, or `Last-Modified`. A weak
/// `ETag` does not help, as it stays the same when bytes change (RFC 9110 section 8.8.1).
pub(crate) fn validator(headers: &HeaderMap) -> Option<String> {
    let tag = text(headers, header::ETAG).filter(|tag| tag.starts_with('"'));
    tag.or_else(|| text(headers, header::LAST_MODIFIED)).map(str::to_owned)
}

/// The parts of a `Content-Range`: the first and last byte, and the whole size.
type ContentRange = (Option<(u64, u64)>, Option<u64>);

/// Parses `bytes 5-9/10`, `bytes 5-9/*` and `bytes */10` (RFC 9110 section 14.4).
fn content(value: &str) -> Option<ContentRange> {
    let (span, size) = value.trim().strip_prefix("bytes")?.trim_start().split_once('/')?;
    let size = if size == "*" { None } else { Some(digits(size)?) };
    if span == "*" {
        return Some((None, size));
    }
    let (first, last) = span.split_once('-')?;
    Some((Some((digits(first)?, digits(last)?)), size))
}

fn number(headers: &HeaderMap, name: HeaderName) -> Option<u64> {
    text(headers, name).and_then(digits)
}

fn text(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}

/// Parses digits only: the standard parser accepts a `+` too.
fn digits(text: &str) -> Option<u64> {
    text.parse().ok().filter(|_| text.bytes().all(|b| b.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(HeaderName, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.clone(), value.parse().unwrap())).collect()
    }

    fn part(have: u64, status: u16, content_range: &str) -> ResponseRange {
        let headers = headers(&[(header::CONTENT_RANGE, content_range)]);
        ResumeRange { have, validator: None }.read(status.try_into().unwrap(), &headers).unwrap()
    }

    #[test]
    fn only_the_requested_range_is_accepted() {
        let rest = |end, size| ResponseRange::Rest { end, size };
        for (value, expected) in [
            ("bytes 5-9/10", rest(10, Some(10))),
            ("bytes 5-7/10", rest(8, Some(10))),
            ("bytes 5-9/*", rest(10, None)),
            ("bytes 4-9/10", ResponseRange::Mismatch),
            ("bytes 6-9/10", ResponseRange::Mismatch),
            ("bytes 0-9/10", ResponseRange::Mismatch),
            ("bytes 5-10/10", ResponseRange::Mismatch),
            ("bytes 5-4/10", ResponseRange::Mismatch),
            ("bytes 5-18446744073709551615/*", ResponseRange::Mismatch),
            ("bytes */10", ResponseRange::Mismatch),
            ("bytes +5-9/10", ResponseRange::Mismatch),
            ("items 5-9/10", ResponseRange::Mismatch),
            ("5-9/10", ResponseRange::Mismatch),
            ("", ResponseRange::Mismatch),
        ] {
            assert_eq!(part(5, 206, value), expected, "{value}");
        }
        let headers = HeaderMap::new();
        assert_eq!(ResumeRange::default().read(StatusCode::PARTIAL_CONTENT, &headers), None);
    }

    #[test]
    fn status_416_means_complete_or_another_file() {
        assert_eq!(part(10, 416, "bytes */10"), ResponseRange::Complete);
        assert_eq!(part(10, 416, "bytes */9"), ResponseRange::Mismatch);
        assert_eq!(part(10, 416, ""), ResponseRange::Mismatch);
    }

    #[test]
    fn a_validator_is_sent_to_the_source_that_gave_it() {
        let origin = Origin { url: "http://a/".into(), validator: Some("\"1\"".into()) };
        let names = |range: ResumeRange| {
            range
                .headers()
                .into_iter()
                .map(|(name, value)| format!("{name}: {value}"))
                .collect::<Vec<_>>()
        };
        let same = ResumeRange::after(5, Some(&origin), "http://a/");
        assert_eq!(names(same), ["range: bytes=5-", "if-range: \"1\""]);
        assert_eq!(names(ResumeRange::after(5, Some(&origin), "http://b/")), ["range: bytes=5-"]);
        assert_eq!(names(ResumeRange::after(0, Some(&origin), "http://a/")), [""; 0]);
    }

    #[test]
    fn the_rest_of_another_version_is_refused() {
        let range = ResumeRange { have: 5, validator: Some("\"1\"".into()) };
        let answer = |tag| {
            let pairs = [(header::CONTENT_RANGE, "bytes 5-9/10"), (header::ETAG, tag)];
            range.read(StatusCode::PARTIAL_CONTENT, &headers(&pairs)).unwrap()
        };
        assert_eq!(answer("\"1\""), ResponseRange::Rest { end: 10, size: Some(10) });
        assert_eq!(answer("\"2\""), ResponseRange::Mismatch);
    }

    #[test]
    fn a_weak_etag_is_not_a_validator() {
        let date = "Sun, 06 Nov 1994 08:49:37 GMT";
        let weak = headers(&[(header::ETAG, "W/\"1\""), (header::LAST_MODIFIED, date)]);
        assert_eq!(validator(&weak).as_deref(), Some(date));
        assert_eq!(validator(&headers(&[(header::ETAG, "W/\"1\"")])), None);
    }
}
