//! Numbers as Helm reads and writes them: YAML 1.1 read by Go, and each value a `float64`.

/// Parses the number of a plain scalar, if it is one. As in yaml.v2, underscores are removed, an
/// integer has the prefixes of Go, so that a leading zero makes it octal, and everything else is a
/// decimal.
pub(super) fn parse(text: &str) -> Option<f64> {
    if !text.starts_with(|c: char| c.is_ascii_digit() || "+-.".contains(c)) {
        return None;
    }
    let plain = text.replace('_', "");
    integer(&plain).or_else(|| is_decimal(&plain).then(|| plain.parse().ok()).flatten())
}

/// Returns the number as a Go template writes it: the shortest digits of the same `float64`, with
/// an exponent below -4 and from 6 on (`%v` of package fmt).
pub(super) fn format_float(number: f64) -> String {
    let shortest = format!("{number:e}");
    let Some((digits, exponent)) = shortest.split_once('e') else { return shortest };
    match exponent.parse::<i32>() {
        Ok(exponent) if !(-4..6).contains(&exponent) => {
            let sign = if exponent < 0 { '-' } else { '+' };
            format!("{digits}e{sign}{:02}", exponent.unsigned_abs())
        }
        _ => number.to_string(),
    }
}

/// Parses an integer of 64 bits, with or without a sign.
fn integer(text: &str) -> Option<f64> {
    let (sign, digits) = match text.strip_prefix(['+', '-']) {
        Some(rest) => (if text.starts_with('-') { -1.0 } else { 1.0 }, rest),
        None => (1.0, text),
    };
    let lower = digits.to_ascii_lowercase();
    let (radix, digits) = match () {
        () if lower.starts_with("0x") => (16, &lower[2..]),
        () if lower.starts_with("0b") => (2, &lower[2..]),
        () if lower.starts_with("0o") => (8, &lower[2..]),
        () if lower.starts_with('0') && lower.len() > 1 => (8, &lower[1..]),
        () => (10, &lower[..]),
    };
    if digits.starts_with(['+', '-']) {
        return None;
    }
    // Larger numbers are read as decimals.
    u64::from_str_radix(digits, radix).ok().map(|number| sign * number as f64)
}

/// Returns whether it is a decimal: digits, with or without a point and an exponent.
fn is_decimal(text: &str) -> bool {
    let text = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (text, None),
    };
    let are_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let (whole, part) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let exponent = exponent.map(|it| it.strip_prefix(['+', '-']).unwrap_or(it));
    !(whole.is_empty() && part.is_empty())
        && are_digits(whole)
        && are_digits(part)
        && exponent.is_none_or(|it| !it.is_empty() && are_digits(it))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_and_written_as_helm_does() {
        for (text, helm) in [
            ("1", "1"),
            ("1.10", "1.1"),
            ("1.0", "1"),
            ("100000", "100000"),
            ("999999", "999999"),
            ("1000000", "1e+06"),
            ("1234567", "1.234567e+06"),
            ("20231101", "2.0231101e+07"),
            ("0123", "83"),
            ("089", "89"),
            ("0o17", "15"),
            ("0b101", "5"),
            ("-0x1f", "-31"),
            ("1_000", "1000"),
            ("1e10", "1e+10"),
            ("1E2", "100"),
            (".5", "0.5"),
            ("5.", "5"),
            ("+1.25", "1.25"),
            ("0.0001", "0.0001"),
            ("0.00001", "1e-05"),
            ("18446744073709551615", "1.8446744073709552e+19"),
            ("99999999999999999999999", "1e+23"),
            ("0", "0"),
            ("-0.0", "-0"),
        ] {
            assert_eq!(parse(text).map(format_float).as_deref(), Some(helm), "{text}");
        }
        for text in ["", "v1", "1.2.3", "1e", "e1", ".", "+", "-", "1a", "0x", "0xg", "inf", "nan"]
        {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
