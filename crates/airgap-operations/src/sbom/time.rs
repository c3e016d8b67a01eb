//! The time of an SBOM, which only a caller can know.

use std::fmt;
use std::str::FromStr;

/// A time in whole seconds, as RFC 3339 writes it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Time(u64);

/// The last second that has four digits for its year.
const LAST: u64 = 253_402_300_799;

impl FromStr for Time {
    type Err = String;

    /// Parses the seconds since 1970, as `SOURCE_DATE_EPOCH` has them.
    fn from_str(text: &str) -> Result<Time, String> {
        match text.parse() {
            Ok(seconds) if seconds <= LAST => Ok(Time(seconds)),
            _ => Err(format!("`{text}` is not a number of seconds since 1970")),
        }
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (days, second) = (self.0 / 86_400, self.0 % 86_400);
        let (year, month, day) = date(days);
        let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
    }
}

/// Returns the year, the month and the day, from 1, of a day since 1970.
fn date(mut days: u64) -> (u64, u64, u64) {
    let is_leap = |year: u64| {
        year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
    };
    let mut year = 1970;
    while days >= 365 + u64::from(is_leap(year)) {
        days -= 365 + u64::from(is_leap(year));
        year += 1;
    }
    let february = 28 + u64::from(is_leap(year));
    let mut month = 1;
    for length in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] {
        if days < length {
            break;
        }
        days -= length;
        month += 1;
    }
    (year, month, days + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_are_dates() {
        for (seconds, text) in [
            ("0", "1970-01-01T00:00:00Z"),
            ("951782400", "2000-02-29T00:00:00Z"),
            ("1798761599", "2026-12-31T23:59:59Z"),
            ("4107542400", "2100-03-01T00:00:00Z"),
            ("253402300799", "9999-12-31T23:59:59Z"),
        ] {
            assert_eq!(seconds.parse::<Time>().unwrap().to_string(), text);
        }
        for wrong in ["", "-1", "x", "253402300800", "1.5"] {
            assert!(wrong.parse::<Time>().is_err(), "{wrong}");
        }
    }
}
