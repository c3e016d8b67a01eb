//! The challenges in which a registry asks for a credential (RFC 9110 section 11.6.1).

use ureq::http::{HeaderMap, header};

use airgap_core::report::shortened;

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
    let lines = headers.get_all(header::WWW_AUTHENTICATE).iter();
    let lines = lines.map(|value| String::from_utf8_lossy(value.as_bytes()));
    lines
        .flat_map(|line| match http_auth::parse_challenges(&line) {
            Ok(found) => found.iter().filter_map(read).collect(),
            Err(_) => parse_nonstandard(&line).into_iter().collect::<Vec<_>>(),
        })
        .collect()
}

/// Returns the repository in the scope that a challenge names, for which a token is needed. It is
/// another one than was asked for where a proxy in front of the registry renames repositories.
pub(super) fn repository(headers: &HeaderMap) -> Option<String> {
    let lines = headers.get_all(header::WWW_AUTHENTICATE);
    lines.iter().filter_map(|value| value.to_str().ok()).find_map(|line| {
        let found = http_auth::parse_challenges(line).unwrap_or_default();
        let scope = found.iter().find_map(|it| param(it, "scope"))?;
        let (name, _) = scope.strip_prefix("repository:")?.rsplit_once(':')?;
        (!name.contains(char::is_whitespace)).then(|| name.to_owned())
    })
}

/// Returns the challenges in these headers as they are sent, for messages; `None` if there is no
/// challenge.
pub(super) fn shown(headers: &HeaderMap) -> Option<String> {
    let lines = headers.get_all(header::WWW_AUTHENTICATE);
    let lines: Vec<_> = lines.iter().map(|it| String::from_utf8_lossy(it.as_bytes())).collect();
    (!lines.is_empty()).then(|| shortened(&lines.join(", "), SHOWN))
}

/// Reads a single challenge that RFC 9110 section 11.6.1 does not allow: values without quotes, blanks
/// around `=`, other characters than those of ASCII, `Basic` with something behind its realm.
fn parse_nonstandard(line: &str) -> Option<Challenge> {
    let (scheme, rest) = line.trim().split_once(' ')?;
    if scheme.eq_ignore_ascii_case("basic") {
        return Some(Challenge::Basic);
    }
    if !scheme.eq_ignore_ascii_case("bearer") {
        return None;
    }
    let (mut realm, mut service, mut rest) = (None, None, rest);
    while let Some((key, value, behind)) = next_param(rest) {
        match key.to_ascii_lowercase().as_str() {
            "realm" => realm = Some(value),
            "service" => service = Some(value),
            _ => {}
        }
        rest = behind;
    }
    rest.trim().is_empty().then_some(())?;
    let realm: String = realm?;
    let sound = !realm.is_empty() && !realm.contains(char::is_whitespace);
    sound.then_some(Challenge::Bearer { realm, service })
}

/// Splits the first `key=value` off, with the comma behind it.
fn next_param(text: &str) -> Option<(&str, String, &str)> {
    let (key, rest) = text.split_once('=')?;
    let rest = rest.trim_start();
    let (value, behind) = match rest.strip_prefix('"') {
        Some(quoted) => quoted.split_once('"')?,
        None => rest.split_at(rest.find(',').unwrap_or(rest.len())),
    };
    let odd = |c: char| matches!(c, '"' | '\'' | ';' | '\\');
    let behind = behind.trim_start();
    let behind = if behind.is_empty() { behind } else { behind.strip_prefix(',')? };
    (!value.contains(odd)).then(|| (key.trim(), value.trim().to_owned(), behind))
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

    fn parsed(lines: &[&str]) -> Vec<Challenge> {
        let pairs = lines.iter().map(|line| (header::WWW_AUTHENTICATE, line.parse().unwrap()));
        challenges(&pairs.collect())
    }

    fn bearer(realm: &str, service: Option<&str>) -> Challenge {
        Challenge::Bearer { realm: realm.to_owned(), service: service.map(str::to_owned) }
    }

    #[test]
    fn challenges_of_known_registries_are_read() {
        let docker =
            r#"Bearer realm="https://a.io/token",service="r.io",scope="repository:x:pull""#;
        assert_eq!(parsed(&[docker]), [bearer("https://a.io/token", Some("r.io"))]);
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
            (
                r#"Bearer  realm = "https://a/b" , service="c d""#,
                vec![bearer("https://a/b", Some("c d"))],
            ),
            (
                "Bearer realm=\"https://a\",service=\"caf\u{e9}\"",
                vec![bearer("https://a", Some("caf\u{e9}"))],
            ),
            (r#"Basic realm="a" charset="UTF-8""#, vec![Challenge::Basic]),
            ("Basic realm=", vec![Challenge::Basic]),
            ("Bearer realm=https://a b=c", vec![]),
            ("Bearer realm='https://a'", vec![]),
            (r#"Bearer realm="https://a";service="b""#, vec![]),
            (r#"Digest realm="d", nonce="1""#, vec![]),
            (r#"Bearer service="b""#, vec![]),
            (r#"Bearer realm="https://a"#, vec![]),
            ("", vec![]),
        ] {
            assert_eq!(parsed(&[line]), expected, "{line}");
        }
        let lines = ["Negotiate", "NTLM TlRMTVNTUAAB==", r#"Basic realm="x""#];
        assert_eq!(parsed(&lines), [Challenge::Basic]);
    }

    #[test]
    fn the_repository_of_a_scope_is_read() {
        for (scope, expected) in [
            ("repository:cache/a/b:pull", Some("cache/a/b")),
            ("repository:host:5000/a:pull,push", Some("host:5000/a")),
            ("repository:a b:pull", None),
            ("registry:catalog:*", None),
            ("aws", None),
        ] {
            let line = format!(r#"Bearer realm="https://a",scope="{scope}""#);
            let headers = [(header::WWW_AUTHENTICATE, line.parse().unwrap())].into_iter().collect();
            assert_eq!(repository(&headers).as_deref(), expected, "{scope}");
        }
    }

    #[test]
    fn insufficient_scope_is_recognized() {
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
            let _ = parsed(&lines);
            let pairs = lines.iter().map(|it| (header::WWW_AUTHENTICATE, it.parse().unwrap()));
            let headers = pairs.collect();
            assert!(shown(&headers).is_some_and(|it| it.len() < 1000));
            is_insufficient(&headers);
        }
    }

    #[test]
    fn random_headers_do_not_panic() {
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
            let _ = parsed(&[&line]);
        }
    }
}
