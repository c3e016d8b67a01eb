//! Tells the digest of a file from a placeholder.

use airgap_core::digest::Digest;

use super::entry::quoted;

/// The longest period of repeated digits that is reported.
const LONGEST_PERIOD: usize = 32;

/// The length from which digits that count up or down are a placeholder. In a random digest, a run
/// of 16 has a probability of about 1 in 10^12.
const COUNTING: usize = 16;

/// Parses a digest that stands for a file.
///
/// # Errors
/// The reason in words: it is not a SHA-256, is a placeholder, or is that of no file.
pub(super) fn parse(text: Option<&str>) -> Result<Digest, String> {
    let Some(text) = text.filter(|text| !text.is_empty()) else {
        return Err("it has no SHA-256".to_owned());
    };
    let digits = text.strip_prefix("sha256:").unwrap_or(text);
    if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(format!("its SHA-256 is a placeholder: {}", quoted(text)));
    }
    if digits.len() != 64 {
        let found = digits.len();
        return Err(format!(
            "its SHA-256 has {found} hexadecimal digits instead of 64: {}",
            quoted(text)
        ));
    }
    if let Some(pattern) = pattern(digits.as_bytes()) {
        return Err(format!("its SHA-256 is a placeholder, because {pattern}: {}", quoted(text)));
    }
    let digest: Digest = text.parse()?;
    match not_a_file(&digest) {
        None => Ok(digest),
        Some(content) => Err(format!("its SHA-256 is that of {content}: {}", quoted(text))),
    }
}

/// Returns the pattern in words, if a person typed these digits.
fn pattern(digits: &[u8]) -> Option<String> {
    let digits: Vec<_> = digits.iter().filter_map(|byte| char::from(*byte).to_digit(16)).collect();
    let repeats = |period: &usize| digits.iter().zip(&digits[*period..]).all(|(a, b)| a == b);
    match (1..=LONGEST_PERIOD).find(repeats) {
        Some(1) => return Some("all its digits are the same".to_owned()),
        Some(period) => return Some(format!("its first {period} digits repeat")),
        None => {}
    }
    // `12345678...`, and `1f2e3d4c...`, in which each second digit counts.
    let counts = [1, 2].iter().any(|step| longest_count(&digits, *step) >= COUNTING);
    counts.then(|| "its digits count up or down".to_owned())
}

/// Returns the length of the longest run in which each digit is one more or one less than that of
/// `step` before it. Decimal digits and letters count in their own circle, or in the common one.
fn longest_count(digits: &[u32], step: usize) -> usize {
    let follows = |before: u32, after: u32| match (before, after) {
        (9 | 15, 0) | (15, 10) => true,
        (before, after) => before + 1 == after,
    };
    let (mut longest, mut run) = (0, 0);
    for (&before, &after) in digits.iter().zip(&digits[step..]) {
        run = if follows(before, after) || follows(after, before) { run + 1 } else { 0 };
        longest = longest.max(run);
    }
    longest
}

/// Returns the content in words, if the digest is that of a download that failed.
fn not_a_file(digest: &Digest) -> Option<&'static str> {
    let contents: [(&[u8], &str); 5] = [
        (b"", "an empty file"),
        (b"\n", "an empty line"),
        (b"Not Found", "the error page `Not Found`"),
        (b"Not Found\n", "the error page `Not Found`"),
        (b"404: Not Found", "the error page `404: Not Found`"),
    ];
    contents.iter().find(|(bytes, _)| Digest::compute(bytes) == *digest).map(|(_, words)| *words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_of_files_pass() {
        for content in 0..5_000_u32 {
            let digest = Digest::compute(&content.to_le_bytes());
            if content != 0 {
                assert_eq!(parse(Some(&digest.to_string())), Ok(digest));
            }
        }
        let upper = Digest::compute(b"a").to_string().to_uppercase();
        assert!(parse(Some(&format!("sha256:{upper}"))).is_ok());
    }

    #[test]
    fn placeholders_are_refused_with_the_reason() {
        for (text, words) in [
            (String::new(), "has no SHA-256"),
            (
                "sha256:placeholder_add_real_digest_here".into(),
                "is a placeholder: `sha256:placeholder_add",
            ),
            (
                "PLACEHOLDER_NEEDS_REAL_CHECKSUM_64_CHARS_XXXXXXXXXXXXXXXX".into(),
                "is a placeholder",
            ),
            ("TODO".into(), "is a placeholder: `TODO`"),
            ("abc123".into(), "has 6 hexadecimal digits instead of 64"),
            ("0".repeat(64), "all its digits are the same"),
            ("deadbeef".repeat(8), "its first 8 digits repeat"),
            ("0123456789abcdef".repeat(4), "its first 16 digits repeat"),
            (
                "3f43c1b9a7c23c3e5b5d5d4c8b7e9f0c1d2e3f4a5b6c7d8e9f0a1b2c3d4e5f67".into(),
                "its digits count up or down",
            ),
            (
                "f8a7b6c5d4e3f2a1b0c9d8e7f6a5b4c3d2e1f0a9b8c7d6e5f4a3b2c1d0e9f8a7".into(),
                "its digits count up or down",
            ),
            (Digest::compute(b"").to_string(), "that of an empty file"),
            (
                "0019dfc4b32d63c1392aa264aed2253c1e0c2fb09216f8e2cc269bbfb8bb49b5".into(),
                "the error page `Not Found`",
            ),
            ("z\u{1b}[2J".repeat(100), "..."),
        ] {
            let problem = parse(Some(&text)).unwrap_err();
            assert!(problem.contains(words) && problem.len() < 250, "{text}: {problem}");
            assert!(!problem.contains('\u{1b}'), "{problem}");
        }
        assert!(parse(None).is_err());
    }
}
