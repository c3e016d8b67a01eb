//! The challenges in which a registry asks for a credential (RFC 9110 section 11.6.1).

use ureq::http::{HeaderMap, header};

use crate::report::shortened;

/// The most characters of a challenge that are shown.
const SHOWN: usize = 200;

/// An authentication scheme that a registry offers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Challenge {
    /// A name and a password.
    Basic,
    /// A token that a token server issues.
    Bearer {
        /// The address of the token server.
        realm: String,
        /// The name of the registry at the token server.
        service: Option<String>,
    },
}

/// Returns the challenges in these headers that are understood. A registry may offer others too.
pub(super) fn challenges(headers: &HeaderMap) -> Vec<Challenge> {
    let lines = headers.get_all(header::WWW_AUTHENTICATE);
    let lines = lines.iter().filter_map(|value| value.to_str().ok());
    lines
        .flat_map(|line| match http_auth::parse_challenges(line) {
            Ok(found) => found.iter().filter_map(read).collect(),
            Err(_) => unquoted(line).into_iter().collect::<Vec<_>>(),
        })
        .collect()
}

/// Returns the challenges in these headers as they are sent, for messages; nothing without any.
pub(super) fn shown(headers: &HeaderMap) -> Option<String> {
    let lines = headers.get_all(header::WWW_AUTHENTICATE);
    let lines: Vec<_> = lines.iter().map(|it| String::from_utf8_lossy(it.as_bytes())).collect();
    (!lines.is_empty()).then(|| shortened(&lines.join(", "), SHOWN))
}

/// Reads a single `Bearer` challenge whose `realm` has no quotes, against RFC 9110 section 11.5.
fn unquoted(line: &str) -> Option<Challenge> {
    let (scheme, params) = line.trim().split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("bearer") {
        return None;
    }
    let value = |name: &str| {
        let pairs = params.split(',').filter_map(|pair| pair.trim().split_once('='));
        let (_, value) = pairs.into_iter().find(|(key, _)| key.eq_ignore_ascii_case(name))?;
        let bare = match value.strip_prefix('"') {
            Some(rest) => rest.strip_suffix('"')?,
            None => value,
        };
        let odd = |c: char| c.is_whitespace() || matches!(c, '"' | '\'' | ';' | '\\');
        (!bare.is_empty() && !bare.contains(odd)).then(|| bare.to_owned())
    };
    Some(Challenge::Bearer { realm: value("realm")?, service: value("service") })
}

/// Returns whether the registry accepts the token and says that its scope is not enough.
pub(super) fn is_insufficient(headers: &HeaderMap) -> bool {
    let lines = headers.get_all(header::WWW_AUTHENTICATE);
    lines.iter().any(|value| {
        let line = value.to_str().unwrap_or_default();
        let found = http_auth::parse_challenges(line).unwrap_or_default();
        found.iter().any(|it| param(it, "error").as_deref() == Some("insufficient_scope"))
    })
}

fn read(challenge: &http_auth::ChallengeRef<'_>) -> Option<Challenge> {
    if challenge.scheme.eq_ignore_ascii_case("basic") {
        return Some(Challenge::Basic);
    }
    if !challenge.scheme.eq_ignore_ascii_case("bearer") {
        return None;
    }
    let realm = param(challenge, "realm")?;
    Some(Challenge::Bearer { realm, service: param(challenge, "service") })
}

fn param(challenge: &http_auth::ChallengeRef<'_>, name: &str) -> Option<String> {
    let found = challenge.params.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
    found.map(|(_, value)| value.to_unescaped())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(lines: &[&str]) -> Vec<Challenge> {
        let pairs = lines.iter().map(|line| (header::WWW_AUTHENTICATE, line.parse().unwrap()));
        challenges(&pairs.collect())
    }

    fn bearer(realm: &str, service: Option<&str>) -> Challenge {
        Challenge::Bearer { realm: realm.to_owned(), service: service.map(str::to_owned) }
    }

    #[test]
    fn the_forms_that_registries_send() {
        let docker =
            r#"Bearer realm="https://a.io/token",service="r.io",scope="repository:x:pull""#;
        assert_eq!(of(&[docker]), [bearer("https://a.io/token", Some("r.io"))]);
        for (line, expected) in [
            (r#"Basic realm="Registry Realm""#, vec![Challenge::Basic]),
            (r#"BASIC realm=x"#, vec![Challenge::Basic]),
            (r#"bearer REALM="https://a""#, vec![bearer("https://a", None)]),
            (
                r#"Bearer realm="https://a",service="b, \"c\"", Basic realm="d""#,
                vec![bearer("https://a", Some("b, \"c\"")), Challenge::Basic],
            ),
            (
                r#"Basic realm="d", Bearer realm="https://a""#,
                vec![Challenge::Basic, bearer("https://a", None)],
            ),
            ("Bearer realm=https://a/b,service=c", vec![bearer("https://a/b", Some("c"))]),
            ("Bearer realm='https://a'", vec![]),
            (r#"Bearer realm="https://a";service="b""#, vec![]),
            (r#"Digest realm="d", nonce="1""#, vec![]),
            (r#"Bearer service="b""#, vec![]),
            (r#"Bearer realm="https://a"#, vec![]),
            ("", vec![]),
        ] {
            assert_eq!(of(&[line]), expected, "{line}");
        }
        let lines = ["Negotiate", "NTLM TlRMTVNTUAAB==", r#"Basic realm="x""#];
        assert_eq!(of(&lines), [Challenge::Basic]);
    }

    #[test]
    fn too_little_is_told_from_nobody() {
        let line = r#"Bearer realm="https://a",error="insufficient_scope""#;
        let headers = [(header::WWW_AUTHENTICATE, line.parse().unwrap())].into_iter().collect();
        assert!(is_insufficient(&headers));
        assert!(!is_insufficient(&HeaderMap::new()));
    }

    #[test]
    fn long_and_odd_headers_are_read_quickly() {
        let long = 60_000;
        for line in [
            format!("Bearer realm=\"{}\"", "\\a".repeat(long)),
            format!("Bearer realm=\"{}", "a".repeat(long)),
            format!("Bearer {}realm=x", "a=b,".repeat(long)),
            format!("Bearer {}", "realm=\"a\",".repeat(long)),
            format!("{}Basic realm=x", "Negotiate, ".repeat(long)),
            ",".repeat(long),
            "=".repeat(long),
            "\"".repeat(long),
            "Bearer ".repeat(long),
        ] {
            let lines = [line.as_str(); 3];
            let _ = of(&lines);
            let pairs = lines.iter().map(|it| (header::WWW_AUTHENTICATE, it.parse().unwrap()));
            let headers = pairs.collect();
            assert!(shown(&headers).is_some_and(|it| it.len() < 1000));
            is_insufficient(&headers);
        }
    }

    #[test]
    fn no_header_makes_it_panic() {
        let parts = [
            "Bearer",
            "Basic",
            " ",
            ",",
            "=",
            "\"",
            "\\",
            "realm",
            "service",
            "https://a",
            ";",
            "'",
            "error",
            "\t",
            "a",
            "insufficient_scope",
        ];
        let mut state = 1u64;
        let mut next = |most: usize| {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            (state >> 33) as usize % most
        };
        for _ in 0..20_000 {
            let line: String = (0..next(12)).map(|_| parts[next(parts.len())]).collect();
            let _ = of(&[&line]);
        }
    }
}
