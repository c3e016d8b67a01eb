//! The errors for refusals of a registry.

use airgap_core::digest::Digest;
use airgap_core::error::{Error, ErrorKind};
use airgap_core::report::Item;
use airgap_oci::{Client, Credential, media_type};

use crate::fake_registry::{Door, Fake, error};
use crate::server::Reply;
use crate::{BODY, Case, HOME, alice, home, reference, says};

const ACCEPT: [&str; 1] = [media_type::MANIFEST];

/// Creates a registry with this answer to all requests but the first contact.
fn saying(reply: Reply) -> Fake {
    Fake::with(Door::Open, move |request, _| (request.path != "/v2/").then(|| reply.clone()))
}

fn hidden() -> Item {
    Item::hidden()
}

fn manifest_error(client: &Client, fake: &Fake, rest: &str) -> Error {
    client.manifest(&reference(fake, rest), &ACCEPT).unwrap_err()
}

#[test]
fn missing_repositories_tags_and_digests_are_told_apart() {
    let digest = Digest::compute(b"x");
    let fake = Fake::with(Door::Open, |request, _| {
        let unknown = || error("404 Not Found", "NAME_UNKNOWN", "repository not known");
        request.path.starts_with("/v2/no/such/").then(unknown)
    });
    let case = Case::new();
    let client = case.client();
    let by_digest = format!("ns/name@sha256:{digest}");
    for (rest, words) in [
        ("no/such:1", "there is no repository `no/such`".to_owned()),
        ("ns/name:1", "there is no tag `1`".to_owned()),
        (&by_digest, format!("there is no manifest with the digest sha256:{digest}")),
    ] {
        let error = manifest_error(&client, &fake, rest);
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        says(&error, &[&words, "404 Not Found", "check the name"]);
    }
    let error = case.failed(case.pull(&client, &fake));
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    says(&error, &["there is no blob with the digest", "blob unknown to registry (BLOB_UNKNOWN)"]);
    // No request is tried twice.
    assert_eq!(client.traffic().get, 4);
    assert!(case.clock.waits().is_empty());
}

#[test]
fn a_404_with_a_web_page_is_explained() {
    let fake = saying(Reply::new("404 Not Found", "<html>").header("Content-Type", "text/html"));
    let error = manifest_error(&Case::new().client(), &fake, "ns/name:1");
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    says(&error, &["404 Not Found, with a web page", "is not a registry"]);
}

#[test]
fn refusals_name_a_remedy_and_no_secret() {
    let known = "the registry accepts the credential from the settings of the test";
    for (status, credential, words) in [
        (
            "401 Unauthorized",
            Credential::Anonymous,
            "requires a credential: set WKG_REGISTRY_127_0_0_1_",
        ),
        (
            "401 Unauthorized",
            Credential::Bearer("geheim".into()),
            "does not accept the credential from the settings",
        ),
        ("403 Forbidden", Credential::Anonymous, "refuses requests without a credential"),
        ("403 Forbidden", Credential::Bearer("geheim".into()), known),
    ] {
        let fake = saying(error(status, "DENIED", "permission\u{7} denied"));
        let case = Case::by(&fake, credential.clone());
        let error = manifest_error(&case.client(), &fake, "ns/name:1");
        assert_eq!(error.kind(), ErrorKind::Network);
        says(&error, &[status, "permission\u{fffd} denied (DENIED)", words]);
        if credential == Credential::Anonymous {
            says(&error, &["_TOKEN", "docker login", "config.json", "config file of wkg"]);
        }
        assert!(!error.to_string().contains("geheim"), "{error}");
    }
}

#[test]
fn a_missing_permission_is_told_from_a_wrong_credential() {
    let challenge = "Bearer realm=\"x\",error=\"insufficient_scope\"";
    let fake = saying(Reply::new("401 Unauthorized", "").header("WWW-Authenticate", challenge));
    let case = Case::by(&fake, Credential::Bearer("geheim".into()));
    let error = manifest_error(&case.client(), &fake, "ns/name:1");
    says(&error, &["accepts the credential", "ask for the permission"]);
}

#[test]
fn a_credential_without_push_permission_is_explained() {
    // The token server gives a token, and the registry requires more scopes than it has.
    let fake = Fake::with(Door::AliceToken, |request, _| {
        (request.method == "PUT").then(|| error("403 Forbidden", "DENIED", "read only"))
    });
    let case = Case::by(&fake, alice());
    let pushed = case.client().put_manifest(&reference(&fake, "ns/name:1"), b"{}", ACCEPT[0]);
    let error = pushed.unwrap_err();
    says(
        &error,
        &["push the manifest of", "403 Forbidden: read only (DENIED)", "accepts the credential"],
    );
}

#[test]
fn retry_after_is_obeyed_in_seconds_and_as_a_date() {
    let date = crate::clock::start() + std::time::Duration::from_secs(40);
    for (value, wait) in [("30".to_owned(), 30), (httpdate::fmt_http_date(date), 40)] {
        for status in ["429 Too Many Requests", "503 Service Unavailable"] {
            let value = value.clone();
            let fake = Fake::with(Door::Open, move |request, _| {
                let busy = request.path != "/v2/" && request.nth == 0;
                busy.then(|| Reply::new(status, "").header("Retry-After", &value))
            });
            fake.store().add_blob(HOME, BODY);
            let case = Case::new();
            let client = case.client();
            assert!(client.has_blob(&home(&fake), &Digest::compute(BODY)).unwrap());
            assert_eq!((client.traffic().head, case.clock.waits()), (2, vec![wait]));
        }
    }
}

#[test]
fn a_limit_that_was_reached_is_shown() {
    let message = "You have reached your pull rate limit";
    let fake = saying(
        error("429 Too Many Requests", "TOOMANYREQUESTS", message)
            .header("Retry-After", "21600")
            .header("RateLimit-Limit", "100;w=21600"),
    );
    let case = Case::new();
    let error = manifest_error(&case.client(), &fake, "ns/name:1");
    assert_eq!(error.kind(), ErrorKind::Network);
    says(&error, &[message, "TOOMANYREQUESTS", "the limit is 100 in 21600 s"]);
    says(&error, &["the server asks to wait 21600 s, but only 120 s"]);
    assert!(case.clock.waits().is_empty());
}

#[test]
fn long_messages_are_cut_and_malformed_ones_accepted() {
    let fake = saying(error("400 Bad Request", "X", &"long ".repeat(1000)));
    let error_text = manifest_error(&Case::new().client(), &fake, "ns/name:1").to_string();
    assert!(error_text.len() < 1000, "{error_text}");
    for body in
        ["{\"errors\":null}", "{\"errors\":[{}]}", "{\"errors\":[1]}", "", "[]", "\u{1b}[2J"]
    {
        let fake = saying(Reply::json("400 Bad Request", body));
        let error = manifest_error(&Case::new().client(), &fake, "ns/name:1");
        says(&error, &["400 Bad Request"]);
        assert!(!error.to_string().contains('\u{1b}'));
    }
}

#[test]
fn error_messages_of_all_forms_are_quoted() {
    for (kind, body, words) in [
        ("application/json", r#"{"errors":[{"code":"DENIED","message":null}]}"#, ": DENIED"),
        (
            "application/json",
            r#"{"errors":[{"code":"DENIED","message":null,"detail":"no space left"}]}"#,
            ": no space left (DENIED)",
        ),
        (
            "application/json",
            r#"{"error":{"code":403,"message":"not for you","status":"PERMISSION_DENIED"}}"#,
            ": not for you (PERMISSION_DENIED)",
        ),
        ("application/json", r#"{"message":"one","details":"two"}"#, ": one"),
        ("application/json", r#"{"errors":[{"status":403,"message":"one"}]}"#, ": one"),
        (
            "application/json",
            r#"{"status":403,"error_message":"one","error_type":"two","detail":"three"}"#,
            ": one (two)",
        ),
        ("application/json", r#"{"errors":"one"}"#, ": one"),
        ("application/json", r#"[{"code":"ONE","message":"two"}]"#, ": two (ONE)"),
        ("application/json", "\u{feff}{\"error\":\"one\"}", ": one"),
        ("text/plain; charset=utf-8", "\nToo many\nand more", ": Too many"),
        (
            "application/xml",
            "<?xml version=\"1.0\"?><Error><Code>Denied</Code><Message>it expired</Message></Error>",
            ": it expired (Denied)",
        ),
    ] {
        let reply = Reply::new("403 Forbidden", body).header("Content-Type", kind);
        let error = manifest_error(&Case::new().client(), &saying(reply), "ns/name:1");
        says(&error, &[&format!("403 Forbidden{words}")]);
    }
    for (kind, body) in [
        ("application/json", r#"{"errors":[{"code":1,"message":[]}]}"#),
        ("application/json", "[[[]]]"),
        ("application/json", "7"),
        ("application/octet-stream", "geheim"),
        ("text/plain", "\n\n"),
        ("application/xml", "<Message>geheim"),
    ] {
        let reply = Reply::new("403 Forbidden", body).header("Content-Type", kind);
        let error = manifest_error(&Case::new().client(), &saying(reply), "ns/name:1").to_string();
        assert!(error.contains("403 Forbidden\n") && !error.contains("geheim"), "{error}");
    }
}

#[test]
fn a_refused_push_names_a_remedy() {
    for (status, code, message, words) in [
        ("404 Not Found", "NAME_UNKNOWN", "no such repository", "create `ns/name` there first"),
        ("404 Not Found", "NOT_FOUND", "project ns not found", "its project"),
        ("405 Method Not Allowed", "UNSUPPORTED", "", "is a cache or a group of others"),
        ("403 Forbidden", "DENIED", "the quota of the project is used up", "for more space"),
    ] {
        let fake = saying(error(status, code, message));
        let client = Case::new().client();
        let pushed = client.push_blob(&home(&fake), &crate::body(), &BODY, None, &hidden());
        says(&pushed.unwrap_err(), &[status, message, words]);
    }
    for (status, code, message, words) in [
        ("412 Precondition Failed", "PRECONDITION", "configured as immutable", "another tag"),
        ("400 Bad Request", "MANIFEST_BLOB_UNKNOWN", "blob unknown", "run the same command again"),
    ] {
        let fake = saying(error(status, code, message));
        let client = Case::new().client();
        let pushed = client.put_manifest(&reference(&fake, "ns/name:1"), b"{}", ACCEPT[0]);
        says(&pushed.unwrap_err(), &[status, message, words]);
    }
}
