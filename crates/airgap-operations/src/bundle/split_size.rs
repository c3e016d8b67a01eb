//! The largest size of a part.

use std::str::FromStr;

/// The largest number of bytes in one part of a bundle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SplitSize(u64);

/// The smallest size: a part has to hold the headers of an entry.
const LEAST: u64 = 64 << 10;

/// The largest file on FAT32.
const FAT32: u64 = (4 << 30) - 1;

impl SplitSize {
    /// Returns the number of bytes.
    pub fn bytes(self) -> u64 {
        self.0
    }
}

impl FromStr for SplitSize {
    type Err = String;

    fn from_str(text: &str) -> Result<SplitSize, String> {
        if text.eq_ignore_ascii_case("fat32") {
            return Ok(SplitSize(FAT32));
        }
        let problem = || {
            format!(
                "`{text}` is not a size: write `fat32`, or a number of bytes with a unit if you \
                 like, as in 4GiB, 700MB or 65536"
            )
        };
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let (number, unit) = text.split_at(digits);
        let number: u64 = number.parse().map_err(|_| problem())?;
        let bytes = number.checked_mul(factor(unit).ok_or_else(problem)?).ok_or_else(problem)?;
        match bytes < LEAST {
            true => Err(format!("`{text}` is too small: the smallest size is 64KiB")),
            false => Ok(SplitSize(bytes)),
        }
    }
}

fn factor(unit: &str) -> Option<u64> {
    Some(match unit {
        "" | "B" => 1,
        "kB" | "KB" => 1_000,
        "MB" => 1_000_000,
        "GB" => 1_000_000_000,
        "KiB" | "k" | "K" => 1 << 10,
        "MiB" | "M" => 1 << 20,
        "GiB" | "G" => 1 << 30,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_units() {
        for (text, bytes) in
            [("4GiB", 4 << 30), ("fat32", (4 << 30) - 1), ("65536", 65536), ("700MB", 700_000_000)]
        {
            assert_eq!(text.parse::<SplitSize>().unwrap().bytes(), bytes, "{text}");
        }
        for text in ["", "GiB", "1", "4 GiB", "-1", "63KiB", "99999999999GiB", "4gigs"] {
            assert!(text.parse::<SplitSize>().is_err(), "{text}");
        }
    }
}
