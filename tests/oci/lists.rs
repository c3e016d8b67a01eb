//! Tags, and referrers of a manifest.

use airgap_core::digest::Digest;
use airgap_core::error::ErrorKind;
use airgap_oci::media_type;

use crate::fake_registry::{Door, Fake, error, param};
use crate::server::{Reply, Request, Server};
use crate::{Case, HOME, home, manifest, repository, says};

fn tags(names: &[&str]) -> Reply {
    Reply::json("200 OK", &serde_json::json!({ "name": HOME, "tags": names }).to_string())
}

fn is_list(request: &Request) -> bool {
    request.path.contains("/tags/list")
}

#[test]
fn tags_on_one_page() {
    let fake = Fake::new(Door::Token);
    fake.store().add_manifest(HOME, "1.0", media_type::MANIFEST, &manifest());
    fake.store().add_manifest(HOME, "1.1", media_type::MANIFEST, &manifest());
    let client = Case::new().client();
    assert_eq!(client.tags(&home(&fake)).unwrap(), ["1.0", "1.1"]);
    assert_eq!(client.traffic().get, 1);
}

#[test]
fn pages_are_followed_by_paths_and_addresses() {
    for absolute in [false, true] {
        let fake = Fake::with(Door::Open, move |request, _| {
            let host = request.header("host").unwrap();
            let base = if absolute { format!("http://{host}") } else { String::new() };
            let link = |last| format!("<{base}/v2/ns/name/tags/list?last={last}>; rel=\"next\"");
            is_list(request).then(|| match param(&request.path, "last").as_deref() {
                None => tags(&["a", "b"]).header("Link", &link("b")),
                Some("b") => tags(&["c"]).header("Link", &link("c")),
                Some(_) => Reply::json("200 OK", r#"{"name":"x","tags":null}"#),
            })
        });
        assert_eq!(Case::new().client().tags(&home(&fake)).unwrap(), ["a", "b", "c"]);
    }
}

#[test]
fn a_next_page_on_another_server_is_refused() {
    let far = Server::start(|_| tags(&["evil"]));
    let link = format!("<{}>; rel=\"next\"", far.url("/v2/ns/name/tags/list"));
    let fake = Fake::with(Door::Open, move |request, _| {
        is_list(request).then(|| tags(&["a"]).header("Link", &link))
    });
    let error = Case::new().client().tags(&home(&fake)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Integrity);
    says(&error, &["the next page is on another server", "X-Forwarded-Proto"]);
    assert!(far.requests().is_empty());
}

#[test]
fn an_endless_list_is_given_up() {
    let repeating = Fake::with(Door::Open, |request, _| {
        let link = "</v2/ns/name/tags/list>; rel=\"next\"";
        is_list(request).then(|| tags(&["a"]).header("Link", link))
    });
    let error = Case::new().client().tags(&home(&repeating)).unwrap_err();
    says(&error, &["does not end after 1 page\n"]);

    let endless = Fake::with(Door::Open, |request, store| {
        is_list(request).then(|| {
            store.add_blob(HOME, request.path.as_bytes());
            let link = format!("<{}x>; rel=\"next\"", request.path.replace("list", "list?last="));
            let link = link.replace("?last=?last=", "?last=");
            tags(&["a"]).header("Link", &link)
        })
    });
    let error = Case::new().client().tags(&home(&endless)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Integrity);
    says(&error, &["does not end after 1000 pages"]);
}

#[test]
fn all_pages_of_a_list_share_one_retry_budget() {
    let fake = Fake::with(Door::Open, |request, _| {
        let last: usize = param(&request.path, "last").map_or(0, |it| it.parse().unwrap());
        is_list(request).then(|| match request.nth {
            0 => Reply::new("503 Service Unavailable", "").header("Retry-After", "10"),
            _ => tags(&["a"]).header(
                "Link",
                &format!("</v2/ns/name/tags/list?last={}>; rel=\"next\"", last + 1),
            ),
        })
    });
    let case = Case::new();
    let error = case.client().tags(&home(&fake)).unwrap_err();
    says(&error, &["503", "the server asks to wait 10 s"]);
    let waited: u64 = case.clock.waits().iter().sum();
    assert!((100..=120).contains(&waited), "{waited} s");
    assert!(fake.server.requests().len() < 40);
}

#[test]
fn an_invalid_list_of_tags_is_refused() {
    for (reply, kind, words) in [
        (Reply::ok("<html>").header("Content-Type", "text/html"), ErrorKind::Network, "a web page"),
        (Reply::ok("  <html>"), ErrorKind::Network, "a web page"),
        (Reply::json("200 OK", r#"{"tags":1}"#), ErrorKind::Integrity, "is not valid"),
        (Reply::json("200 OK", &" ".repeat((4 << 20) + 1)), ErrorKind::Integrity, "too long"),
    ] {
        let fake =
            Fake::with(Door::Open, move |request, _| is_list(request).then(|| reply.clone()));
        let error = Case::new().client().tags(&home(&fake)).unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        says(&error, &["list the tags of", words]);
    }
}

#[test]
fn a_repository_that_is_not_there() {
    let fake = Fake::new(Door::Open);
    let error = Case::new().client().tags(&repository(&fake, "no/such")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    says(&error, &["there is no repository `no/such`", "repository name not known"]);
}

/// Returns an index with one signature in it.
fn signatures(digest: &Digest) -> String {
    format!(
        r#"{{"schemaVersion":2,"mediaType":"{}","manifests":[{{"mediaType":"{}","digest":"sha256:{digest}","size":9,"artifactType":"application/x-sig","annotations":{{"a":"b"}}}}]}}"#,
        media_type::INDEX,
        media_type::MANIFEST,
    )
}

#[test]
fn referrers_are_found_by_the_api_and_by_tag() {
    let (subject, signature) = (Digest::compute(b"subject"), Digest::compute(b"signature"));
    let modern = Fake::with(Door::Open, move |request, _| {
        request
            .path
            .contains("/referrers/")
            .then(|| Reply::ok(signatures(&signature)).header("Content-Type", media_type::INDEX))
    });
    let old = Fake::new(Door::Open);
    let json = signatures(&signature);
    let tag = format!("sha256-{subject}");
    old.store().add_manifest(HOME, &tag, media_type::INDEX, &json);
    let older = Fake::with(Door::Open, |request, _| {
        let page = Reply::ok("<html>").header("Content-Type", "text/html");
        request.path.contains("/referrers/").then_some(page)
    });
    older.store().add_manifest(HOME, &tag, media_type::INDEX, &json);
    for fake in [modern, old, older] {
        let found = Case::new().client().referrers(&home(&fake), &subject).unwrap();
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].digest, signature);
        assert_eq!(found[0].artifact_type.as_deref(), Some("application/x-sig"));
        assert_eq!(found[0].annotations["a"], "b");
    }
}

#[test]
fn no_referrers_is_a_success_and_a_refusal_is_an_error() {
    let fake = Fake::new(Door::Open);
    let none = Case::new().client().referrers(&home(&fake), &Digest::compute(b"x")).unwrap();
    assert!(none.is_empty());
    let fake = Fake::with(Door::Open, |request, _| {
        let refused = || error("403 Forbidden", "DENIED", "not for you");
        request.path.contains("/referrers/").then(refused)
    });
    let error = Case::new().client().referrers(&home(&fake), &Digest::compute(b"x")).unwrap_err();
    says(&error, &["403 Forbidden: not for you (DENIED)"]);
}
