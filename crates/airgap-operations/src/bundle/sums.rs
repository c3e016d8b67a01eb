//! `SHA256SUMS`: the digests of the files in a bundle, as `sha256sum -c` reads them.

use std::collections::BTreeMap;

use airgap_core::digest::Digest;
use airgap_core::error::{Error, Result};
use airgap_core::report::shortened;

use super::SUMS_FILE;

/// The number of characters that are shown of an invalid line.
const MOST_SHOWN: usize = 120;

/// The number of hexadecimal digits of a SHA-256.
const DIGITS: usize = 64;

/// The digests of files, by their names.
pub(super) type Sums = BTreeMap<String, Digest>;

/// Returns the text of the file.
pub(super) fn text(sums: &Sums) -> String {
    sums.iter().map(|(name, digest)| format!("{digest}  {name}\n")).collect()
}

/// Reads the text of the file, also in the forms in which another `sha256sum` may have written it
/// again: with the mark `*` of binary files, with digests in upper case, and with CR LF at the ends
/// of lines.
///
/// # Errors
/// Integrity, if a line is not a digest, two blanks or a blank and `*`, and a name, or if a name
/// occurs twice.
pub(super) fn parse(text: &str) -> Result<Sums> {
    let mut sums = Sums::new();
    for line in text.lines() {
        let Some((digest, name)) = parse_line(line) else { return Err(invalid(line)) };
        if sums.insert(name.to_owned(), digest).is_some() {
            return Err(invalid(line));
        }
    }
    Ok(sums)
}

fn parse_line(line: &str) -> Option<(Digest, &str)> {
    let (digest, rest) = line.split_at_checked(DIGITS)?;
    let name = rest.strip_prefix("  ").or_else(|| rest.strip_prefix(" *"))?;
    Some((digest.parse().ok()?, name))
}

fn invalid(line: &str) -> Error {
    Error::integrity(format!("`{SUMS_FILE}` of the bundle is invalid"))
        .fact("line", shortened(line, MOST_SHOWN))
        .hint(format!("send `{SUMS_FILE}` again"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_sums_is_written_and_read_back() {
        let sums = Sums::from([
            ("b".to_owned(), Digest::compute(b"b")),
            ("a".to_owned(), Digest::compute(b"")),
        ]);
        let written = text(&sums);
        assert!(written.lines().next().unwrap().ends_with("  a"));
        assert_eq!(parse(&written).unwrap(), sums);
        for again in [
            written.replace("  ", " *"),
            written.replace('\n', "\r\n"),
            written
                .lines()
                .map(|line| format!("{}  {}\n", line[..64].to_uppercase(), &line[66..]))
                .collect(),
        ] {
            assert_eq!(parse(&again).unwrap(), sums, "{again}");
        }
        let marked = format!("{written}{}", written.replace("  ", " *"));
        let prefixed = format!("sha256:{written}");
        for wrong in [
            &*marked,
            &prefixed,
            "é",
            "x",
            "12  a\n",
            &format!("{written}{written}"),
            &written.replace("  ", " "),
        ] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
