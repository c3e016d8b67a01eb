//! The recipients of credentials, checked in the requests that the servers received.

use std::time::Duration;

use airgap_core::digest::Digest;
use airgap_core::error::ErrorKind;
use airgap_core::network::ProxySetting;
use airgap_oci::{Access, Credential, CredentialPart, media_type};

use crate::fake_registry::{ALICE, Door, Fake, error, param};
use crate::server::{Reply, Server};
use crate::{BODY, Case, HOME, access, alice, filled, home, manifest, reference, repository, says};

const ACCEPT: [&str; 1] = [media_type::MANIFEST];

fn some(value: &str) -> Option<String> {
    Some(value.to_owned())
}

#[test]
fn basic_is_sent_after_a_challenge_and_not_before() {
    let fake = filled(Fake::new(Door::Basic));
    let case = Case::by(&fake, alice());
    case.succeeded(case.pull(&case.client(), &fake));
    assert_eq!(fake.server.headers("authorization"), [None, some(ALICE)]);

    let open = filled(Fake::new(Door::Open));
    let case = Case::by(&open, alice());
    case.succeeded(case.pull(&case.client(), &open));
    assert_eq!(open.server.headers("authorization"), [None, None]);
}

#[test]
fn a_password_gets_a_token_that_is_sent_to_the_registry() {
    let fake = filled(Fake::new(Door::AliceToken));
    let case = Case::by(&fake, alice());
    case.succeeded(case.pull(&case.client(), &fake));
    assert_eq!(fake.server.headers("authorization"), [None, some("Bearer token-1")]);
    let tokens = fake.tokens.as_ref().unwrap();
    assert_eq!(tokens.headers("authorization"), [some(ALICE)]);
    let path = &tokens.requests()[0].path;
    assert_eq!(param(path, "service").as_deref(), Some("fake, \"registry\""));
    assert_eq!(fake.scopes(), [["repository:ns/name:pull"]]);
}

#[test]
fn anonymous_tokens_are_requested() {
    let fake = filled(Fake::new(Door::Token));
    let case = Case::by(&fake, Credential::Anonymous);
    case.succeeded(case.pull(&case.client(), &fake));
    assert_eq!(fake.tokens.as_ref().unwrap().headers("authorization"), [None]);
}

#[test]
fn a_refresh_token_goes_to_the_token_server_only() {
    let fake = filled(Fake::new(Door::AliceToken));
    let case = Case::by(&fake, Credential::Refresh("refresh".into()));
    case.succeeded(case.pull(&case.client(), &fake));
    assert_eq!(fake.server.headers("authorization"), [None, some("Bearer token-1")]);
    let asked = &fake.tokens.as_ref().unwrap().requests()[0];
    assert_eq!((asked.method.as_str(), asked.path.as_str()), ("POST", "/token"));
    let form = format!("?{}", String::from_utf8(asked.body.clone()).unwrap());
    assert_eq!(param(&form, "grant_type").as_deref(), Some("refresh_token"));
    assert_eq!(param(&form, "scope").as_deref(), Some("repository:ns/name:pull"));
    assert_eq!(param(&form, "client_id").as_deref(), Some("wasm-airgap"));
}

#[test]
fn a_bearer_token_is_sent_unchanged_without_a_token_server() {
    let fake = filled(Fake::with(Door::Open, |request, store| {
        let known = request.header("authorization") == Some("Bearer mine");
        Some(if known { store.answer(request) } else { Reply::new("401 Unauthorized", "") })
    }));
    let case = Case::by(&fake, Credential::Bearer("mine".into()));
    case.succeeded(case.pull(&case.client(), &fake));
    assert_eq!(fake.server.headers("authorization")[1], some("Bearer mine"));
}

#[test]
fn each_repository_takes_one_token() {
    let fake = filled(Fake::new(Door::Token));
    let client = Case::new().client();
    for name in [HOME, HOME, "other", HOME, "other"] {
        client.has_blob(&repository(&fake, name), &Digest::compute(BODY)).unwrap();
    }
    let traffic = client.traffic();
    assert_eq!((traffic.pings, traffic.tokens, traffic.head), (1, 2, 5));
}

#[test]
fn threads_share_the_first_contact_and_the_tokens() {
    let fake = filled(Fake::new(Door::Token));
    let client = Case::new().client();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| assert!(client.has_blob(&home(&fake), &Digest::compute(BODY)).unwrap()));
        }
    });
    let traffic = client.traffic();
    assert_eq!((traffic.pings, traffic.tokens, traffic.head), (1, 1, 8));
}

#[test]
fn a_token_is_renewed_before_it_expires_and_when_it_is_refused() {
    let fake = filled(Fake::new(Door::Token));
    let case = Case::new();
    let client = case.client();
    let ask = || assert!(client.has_blob(&home(&fake), &Digest::compute(BODY)).unwrap());
    ask();
    case.clock.pass(Duration::from_secs(289));
    ask();
    assert_eq!(client.traffic().tokens, 1);
    case.clock.pass(Duration::from_secs(2));
    ask();
    let traffic = client.traffic();
    // No request was sent with the old token.
    assert_eq!((traffic.tokens, traffic.head), (2, 3));
    fake.store().expire();
    ask();
    let traffic = client.traffic();
    assert_eq!((traffic.tokens, traffic.head), (3, 5));
}

#[test]
fn tokens_that_work_once_are_renewed() {
    let fake = filled(Fake::new(Door::Token));
    fake.store().uses = Some(1);
    let client = Case::new().client();
    for _ in 0..3 {
        assert!(client.has_blob(&home(&fake), &Digest::compute(BODY)).unwrap());
    }
    assert_eq!(client.traffic().tokens, 3);
}

#[test]
fn a_credential_that_is_refused_is_asked_for_again() {
    for door in [Door::Basic, Door::AliceToken] {
        let fake = filled(Fake::new(door));
        let old = Credential::Basic { username: "alice".into(), password: "old".into() };
        let case = Case::by(&fake, old);
        case.accesses.then(&fake.host(), access(alice()));
        case.succeeded(case.pull(&case.client(), &fake));
        assert_eq!(case.accesses.asked(), [fake.host(), fake.host()]);
    }
}

#[test]
fn a_credential_that_stays_refused_is_an_error() {
    for door in [Door::Basic, Door::AliceToken] {
        let fake = filled(Fake::new(door));
        let wrong = Credential::Basic { username: "alice".into(), password: "geheim".into() };
        let case = Case::by(&fake, wrong);
        let error = case.failed(case.pull(&case.client(), &fake));
        assert_eq!(error.kind(), ErrorKind::Network);
        says(&error, &["401 Unauthorized", "does not accept the credential from the settings of"]);
        assert!(!error.to_string().contains("geheim"), "{error}");
        assert_eq!(case.accesses.asked().len(), 2);
        assert!(fake.server.requests().len() < 4);
    }
}

#[test]
fn the_credential_of_a_registry_is_not_sent_to_another() {
    let (one, two) = (filled(Fake::new(Door::Basic)), Fake::new(Door::Open));
    let case = Case::by(&one, alice());
    let client = case.client();
    client.has_blob(&home(&one), &Digest::compute(BODY)).unwrap();
    client.has_blob(&home(&two), &Digest::compute(BODY)).unwrap();
    assert_eq!(two.server.headers("authorization"), [None, None]);
}

#[test]
fn a_redirect_to_another_port_gets_no_credential() {
    let far = Server::start(|_| Reply::ok(manifest()));
    for credential in [alice(), Credential::Bearer("geheim".into())] {
        let to = far.url("/elsewhere");
        let fake = Fake::with(Door::Open, move |request, _| {
            match (request.path.as_str(), request.header("authorization")) {
                ("/v2/", _) | (_, None) => Some(
                    Reply::new("401 Unauthorized", "").header("WWW-Authenticate", "Basic realm=x"),
                ),
                _ => Some(Reply::redirect(&to)),
            }
        });
        let case = Case::by(&fake, credential);
        case.client().manifest(&reference(&fake, "ns/name:1"), &ACCEPT).unwrap();
    }
    assert_eq!(far.headers("authorization"), [None, None]);
}

#[test]
fn a_redirect_within_the_registry_keeps_the_credential() {
    let fake = filled(Fake::with(Door::Basic, |request, store| {
        store.add_manifest("moved", "1", media_type::MANIFEST, &manifest());
        request.path.starts_with("/v2/ns/").then(|| Reply::redirect("/v2/moved/manifests/1"))
    }));
    let case = Case::by(&fake, alice());
    case.client().manifest(&reference(&fake, "ns/name:1"), &ACCEPT).unwrap();
    assert_eq!(fake.server.headers("authorization"), [None, some(ALICE), some(ALICE)]);
}

/// Creates a registry that names this token server.
fn naming(realm: &str) -> Fake {
    let challenge = format!("Bearer realm=\"{realm}\",service=\"x\"");
    Fake::with(Door::Open, move |_, _| {
        Some(Reply::new("401 Unauthorized", "").header("WWW-Authenticate", &challenge))
    })
}

#[test]
fn a_token_server_without_encryption_gets_no_credential() {
    for (realm, words) in [
        ("http://auth.invalid/token", "which is not encrypted"),
        ("ftp://127.0.0.1/token", "which is not a URL"),
        ("file:///etc/passwd", "which is not an https URL"),
        ("/token", "which is not a URL"),
        ("", "which is not a URL"),
    ] {
        let fake = naming(realm);
        let case = Case::by(&fake, alice());
        let error = case.client().has_blob(&home(&fake), &Digest::compute(BODY)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Network);
        says(&error, &["names the token server", words]);
        assert_eq!(fake.server.requests().len(), 1);
    }
}

#[test]
fn plain_http_for_a_registry_does_not_allow_credentials() {
    let fake = naming("http://auth.invalid/token");
    let mut case = Case::new();
    let proxy = Server::start(|_| Reply::nothing());
    let set = ProxySetting { variable: "http_proxy", address: proxy.url("") };
    case.network.http_proxy = Some(set);
    case.network.retry_budget = Duration::ZERO;
    let plain = |credential| Access { plain_http: true, ..access(credential) };
    case.accesses.set(&fake.host(), plain(alice()));
    let error = case.failed(case.pull(&case.client(), &fake));
    says(&error, &["auth.invalid", "must be https"]);
    assert!(proxy.requests().is_empty(), "it would be on its way there");
    // Without a credential, the token server is asked.
    case.accesses.set(&fake.host(), plain(Credential::Anonymous));
    case.failed(case.pull(&case.client(), &fake));
    assert_eq!(proxy.requests().len(), 1);
}

#[test]
fn a_redirect_of_a_token_server_is_not_followed() {
    let far = Server::start(|_| Reply::json("200 OK", r#"{"token":"theirs"}"#));
    for credential in [alice(), Credential::Refresh("geheim".into())] {
        let to = far.url("/token");
        let near = Server::start(move |_| {
            Reply::new("307 Temporary Redirect", "").header("Location", &to)
        });
        let fake = naming(&near.url("/token"));
        let case = Case::by(&fake, credential);
        let error = case.client().has_blob(&home(&fake), &Digest::compute(BODY)).unwrap_err();
        says(&error, &["the token server", "leads to"]);
    }
    assert!(far.requests().is_empty());
}

#[test]
fn a_password_in_the_realm_is_not_used() {
    let tokens = Server::start(|_| Reply::json("200 OK", r#"{"token":"t"}"#));
    let fake = naming(&tokens.url("/token").replace("://", "://eve:geheim@"));
    let case = Case::by(&fake, Credential::Anonymous);
    let error = case.client().has_blob(&home(&fake), &Digest::compute(BODY)).unwrap_err();
    assert_eq!(tokens.headers("authorization"), [None]);
    assert!(!error.to_string().contains("geheim"), "{error}");
}

#[test]
fn answers_without_a_token_are_explained() {
    for (reply, words) in [
        (Reply::json("200 OK", "{}"), "sends no token"),
        (Reply::ok("<html>").header("Content-Type", "text/html"), "sends a web page"),
        (Reply::json("200 OK", &" ".repeat(2 << 20)), "sends more than 1048576 bytes"),
        (Reply::new("404 Not Found", ""), "answers 404 Not Found"),
        (
            Reply::json("403 Forbidden", r#"{"details":"no \u001b[2J"}"#),
            "403 Forbidden: no \u{fffd}[2J",
        ),
        (
            Reply::json(
                "400 Bad Request",
                r#"{"error":"invalid_grant","error_description":"too old"}"#,
            ),
            "400 Bad Request: too old (invalid_grant)",
        ),
    ] {
        let tokens = Server::start(move |_| reply.clone());
        let fake = naming(&tokens.url("/token"));
        let case = Case::by(&fake, alice());
        let error = case.client().has_blob(&home(&fake), &Digest::compute(BODY)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Network, "{error}");
        says(&error, &[words, "the token server `http://127.0.0.1"]);
    }
}

#[test]
fn a_busy_token_server_is_retried() {
    let tokens = Server::start(|request| match request.nth {
        0 => Reply::new("429 Too Many Requests", "").header("Retry-After", "11"),
        _ => Reply::json("200 OK", r#"{"token":"t"}"#),
    });
    let realm = tokens.url("/token");
    let fake = filled(Fake::with(Door::Open, move |request, store| {
        let known = request.header("authorization") == Some("Bearer t");
        let challenge = format!("Bearer realm=\"{realm}\"");
        let refused = Reply::new("401 Unauthorized", "").header("WWW-Authenticate", &challenge);
        Some(if known { store.answer(request) } else { refused })
    }));
    let case = Case::new();
    // The scope is that of the path, with any name of the service or none.
    case.succeeded(case.pull(&case.client(), &fake));
    assert_eq!(case.clock.waits(), [11]);
}

#[test]
fn alternating_challenges_are_given_up() {
    let fake = Fake::with(Door::Open, |request, _| {
        let challenges = ["Basic realm=a", "Basic realm=a, Basic realm=b"];
        let challenge = challenges[(request.nth + usize::from(request.path == "/v2/")) % 2];
        Some(Reply::new("401 Unauthorized", "").header("WWW-Authenticate", challenge))
    });
    for credential in [alice(), Credential::Anonymous] {
        let case = Case::by(&fake, credential);
        case.client().has_blob(&home(&fake), &Digest::compute(BODY)).unwrap_err();
    }
    assert!(fake.server.requests().len() < 16);
}

#[test]
fn challenges_after_a_successful_ping_are_answered() {
    // The first contact needs no credential; the repository does.
    let fake = filled(Fake::with(Door::Open, |request, store| {
        let known = request.path == "/v2/" || request.header("authorization") == Some(ALICE);
        let refused =
            Reply::new("401 Unauthorized", "").header("WWW-Authenticate", "Basic realm=\"x\"");
        Some(if known { store.answer(request) } else { refused })
    }));
    let case = Case::by(&fake, alice());
    case.succeeded(case.pull(&case.client(), &fake));
    assert_eq!(fake.server.headers("authorization"), [None, None, some(ALICE)]);
}

#[test]
fn debug_output_shows_no_secret() {
    for credential in [
        Credential::Basic { username: "alice".into(), password: "geheim".into() },
        Credential::Bearer("geheim".into()),
        Credential::Refresh("geheim".into()),
    ] {
        let access = Access { credential, ..access(Credential::Anonymous) };
        assert!(!format!("{access:?}").contains("geheim"));
    }
}

#[test]
fn a_credential_for_a_part_of_a_registry_is_for_that_part() {
    let fake = Fake::with(Door::Open, |request, _| {
        let known = request.header("authorization") == Some(ALICE);
        let mine = request.path.starts_with("/v2/ns/name/");
        let refusal = || error("401 Unauthorized", "UNAUTHORIZED", "authentication required");
        (mine != known && request.path != "/v2/")
            .then(|| refusal().header("WWW-Authenticate", "Basic realm=\"x\""))
    });
    for name in ["ns/name", "ns/names", "other"] {
        fake.store().add_manifest(name, "1", media_type::MANIFEST, "{}");
    }
    let part = |path: &str, password: &str| CredentialPart {
        path: path.to_owned(),
        credential: Credential::Basic { username: "alice".into(), password: password.into() },
        origin: format!("the entry for {path}"),
    };
    let parts = vec![part("ns", "wrong"), part("ns/name", "p1"), part("ns/name/deep", "wrong")];
    let case = Case::new();
    case.accesses.set(&fake.host(), Access { parts, ..access(Credential::Anonymous) });
    let client = case.client();
    let get = |name: &str| client.manifest(&reference(&fake, name), &[media_type::MANIFEST]);
    get("ns/name:1").unwrap();
    get("other:1").unwrap();
    // The longest prefix wins, and a prefix ends at a slash.
    fake.store().add_manifest("ns/name/deep", "1", media_type::MANIFEST, "{}");
    says(&get("ns/name/deep:1").unwrap_err(), &["the credential from the entry for ns/name/deep"]);
    get("ns/names:1").unwrap();
}
