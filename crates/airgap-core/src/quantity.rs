//! Counts and sizes as messages write them.

/// Returns a count with its noun: `1 image`, `2 images`.
pub fn count(count: impl TryInto<u64>, noun: &str) -> String {
    let count = count.try_into().unwrap_or(u64::MAX);
    let plural = match noun.strip_suffix('y') {
        Some(stem) => format!("{stem}ies"),
        None if noun.ends_with("ch") || noun.ends_with('s') => format!("{noun}es"),
        None => format!("{noun}s"),
    };
    format!("{count} {}", if count == 1 { noun } else { &plural })
}

/// Returns `was` or `were`, for a count.
pub fn were(count: impl TryInto<u64>) -> &'static str {
    if count.try_into().ok() == Some(1) { "was" } else { "were" }
}

/// Returns `is` or `are`, for a count.
pub fn are(count: impl TryInto<u64>) -> &'static str {
    if count.try_into().ok() == Some(1) { "is" } else { "are" }
}

/// Returns a size in megabytes, the unit of all messages.
pub fn megabytes(bytes: u64) -> String {
    match bytes {
        0..1_000_000 => format!("{} kB", bytes.div_ceil(1000)),
        _ => format!("{:.1} MB", bytes as f64 / 1e6),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_of_one_is_singular() {
        assert_eq!(count(0_usize, "image"), "0 images");
        assert_eq!(count(1_usize, "image"), "1 image");
        assert_eq!(count(2_u64, "entry"), "2 entries");
        assert_eq!(count(2_u64, "process"), "2 processes");
        assert_eq!(count(2_u64, "patch"), "2 patches");
        assert_eq!(
            (were(1_u64), were(0_u64), are(1_u64), are(2_u64)),
            ("was", "were", "is", "are")
        );
        assert_eq!((megabytes(1), megabytes(1_250_000)), ("1 kB".into(), "1.2 MB".into()));
    }
}
