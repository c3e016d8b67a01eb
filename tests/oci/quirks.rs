//! Registries that differ from the specification, as real ones do.

use airgap_core::digest::Digest;
use airgap_core::error::ErrorKind;
use airgap_core::report::Item;
use airgap_oci::{Content, Credential, MountResult, media_type};

use crate::fake_registry::{ALICE, Door, Fake, error};
use crate::server::{Reply, Request, Server};
use crate::{BODY, Case, HOME, alice, body, filled, home, manifest, reference, repository, says};

const ACCEPT: [&str; 1] = [media_type::MANIFEST];

fn named(fake: &Fake) -> Digest {
    fake.store().add_manifest(HOME, "1", media_type::MANIFEST, &manifest())
}

#[test]
fn each_2xx_is_a_success() {
    for status in ["200 OK", "201 Created", "202 Accepted", "204 No Content"] {
        let fake = filled(Fake::with(Door::Open, move |request, store| {
            let put = request.method == "PUT";
            put.then(|| {
                store.answer(request);
                Reply::new(status, "")
            })
        }));
        let client = Case::new().client();
        let to = repository(&fake, "new");
        client.push_blob(&to, &body(), &BODY, None, &Item::hidden()).unwrap();
        let name = reference(&fake, "new:1");
        client.put_manifest(&name, manifest().as_bytes(), media_type::MANIFEST).unwrap();
        let store = fake.store();
        assert_eq!(store.blob("new", &Digest::compute(BODY)), Some(BODY), "{status}");
        assert_eq!(store.manifest("new", "1"), Some(manifest().as_bytes()), "{status}");
    }
}

#[test]
fn a_mount_answered_with_the_blob_is_a_success() {
    let digest = Digest::compute(BODY);
    for (status, there) in [("202 Accepted", true), ("200 OK", true), ("202 Accepted", false)] {
        let fake = filled(Fake::with(Door::Open, move |request, store| {
            let mount = request.method == "POST" && request.path.contains("mount=");
            mount.then(|| {
                if there {
                    store.add_blob("new", BODY);
                }
                let place = format!("/v2/new/blobs/sha256:{digest}");
                Reply::new(status, "").header("Location", &place)
            })
        }));
        let client = Case::new().client();
        let mount = client.mount(&home(&fake), &repository(&fake, "new"), &digest).unwrap();
        assert_eq!(matches!(mount, MountResult::Mounted), there, "{status}");
    }
}

#[test]
fn a_failed_head_of_a_manifest_is_repeated_with_get() {
    for status in ["400 Bad Request", "403 Forbidden", "404 Not Found", "405 Method Not Allowed"]
        .into_iter()
        .chain(["500 Internal Server Error", "501 Not Implemented", "503 Service Unavailable"])
    {
        let fake = Fake::with(Door::Open, move |request, _| {
            let head = request.method == "HEAD" && request.path.contains("/manifests/");
            head.then(|| Reply::new(status, ""))
        });
        let digest = named(&fake);
        let case = Case::new();
        let client = case.client();
        let name = reference(&fake, "ns/name:1");
        let found = client.head_manifest(&name, &ACCEPT).unwrap().map(|it| it.digest);
        assert_eq!(found, Some(digest), "{status}");
        let found = client.head_manifest_to_push(&name).unwrap().map(|it| it.digest);
        assert_eq!(found, Some(digest), "{status}");
        assert_eq!(client.manifest_digest(&name, &ACCEPT).unwrap(), digest, "{status}");
        let missing = reference(&fake, "ns/name:2");
        assert_eq!(client.head_manifest(&missing, &ACCEPT).unwrap(), None, "{status}");
        let error = client.manifest_digest(&missing, &ACCEPT).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{status}");
        says(&error, &["there is no tag `2`"]);
        assert!(case.clock.waits().is_empty(), "{status}");
    }
}

#[test]
fn a_blob_is_pushed_where_head_is_not_answered() {
    for status in ["400 Bad Request", "405 Method Not Allowed", "501 Not Implemented"] {
        let fake = Fake::with(Door::Open, move |request, _| {
            (request.method == "HEAD").then(|| Reply::new(status, ""))
        });
        let there =
            Case::new().client().has_blob_to_push(&home(&fake), &Digest::compute(BODY)).unwrap();
        assert!(!there, "{status}");
    }
}

/// Creates a registry that accepts anonymous requests at `/v2/` and hides everything else from
/// them, without a challenge.
fn hiding(status: &'static str, code: &'static str) -> Fake {
    filled(Fake::with(Door::Open, move |request, _| {
        let is_anonymous = request.header("authorization") != Some(ALICE);
        (is_anonymous && request.path != "/v2/").then(|| error(status, code, "refused"))
    }))
}

#[test]
fn a_403_or_404_is_repeated_with_the_credential() {
    for (status, code) in [("403 Forbidden", "DENIED"), ("404 Not Found", "NAME_UNKNOWN")] {
        let fake = hiding(status, code);
        named(&fake);
        let case = Case::by(&fake, alice());
        let client = case.client();
        client.manifest(&reference(&fake, "ns/name:1"), &ACCEPT).unwrap();
        case.succeeded(case.pull(&client, &fake));
        // The credential is tried once, and sent with each request from then on.
        let shown = fake.server.headers("authorization");
        assert_eq!(shown[..2], [None, None], "{status}");
        assert!(shown[2..].iter().all(|it| it.as_deref() == Some(ALICE)), "{status}: {shown:?}");
        assert_eq!(shown.len(), 4, "{status}");
    }
}

#[test]
fn a_challenge_in_a_403_is_answered() {
    let fake = filled(Fake::new(Door::Token));
    let realm = fake.tokens.as_ref().unwrap().url("/token");
    let challenge = format!("Bearer realm=\"{realm}\",service=\"fake\"");
    let front = Fake::with(Door::Open, move |request, store| {
        let is_anonymous = request.header("authorization").is_none();
        Some(match is_anonymous && request.path != "/v2/" {
            true => {
                error("403 Forbidden", "DENIED", "refused").header("WWW-Authenticate", &challenge)
            }
            false => store.answer(request),
        })
    });
    named(&front);
    let case = Case::by(&front, alice());
    case.client().manifest(&reference(&front, "ns/name:1"), &ACCEPT).unwrap();
    assert_eq!(fake.tokens.as_ref().unwrap().headers("authorization"), [Some(ALICE.to_owned())]);
}

#[test]
fn a_refused_credential_without_a_challenge_is_left_out() {
    let fake = filled(Fake::with(Door::Open, |request, _| {
        let known = request.header("authorization").is_some();
        known.then(|| error("401 Unauthorized", "UNAUTHORIZED", "wrong password"))
    }));
    named(&fake);
    let case = Case::by(&fake, alice());
    let client = case.client();
    let error = client.manifest(&reference(&fake, "ns/name:2"), &ACCEPT).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    says(&error, &["there is no tag `2`", "did not accept the credential from", "check the name"]);
    // The other requests are sent without it.
    client.manifest(&reference(&fake, "ns/name:1"), &ACCEPT).unwrap();
    assert_eq!(client.traffic().get, 4);
}

#[test]
fn a_refresh_token_that_was_not_sent_is_named() {
    for (status, code) in [("403 Forbidden", "DENIED"), ("404 Not Found", "NAME_UNKNOWN")] {
        let fake = hiding(status, code);
        let case = Case::by(&fake, Credential::Refresh("refresh".into()));
        let wanted = reference(&fake, "ns/name:1");
        let error = case.client().manifest(&wanted, &ACCEPT).unwrap_err();
        says(&error, &["was not sent, because the registry did not ask for one"]);
    }
}

#[test]
fn a_manifest_without_a_media_type_is_known_by_its_fields() {
    let silent = manifest().replace(&format!(r#""mediaType":"{}","#, media_type::MANIFEST), "");
    let index = r#"{"schemaVersion":2,"manifests":[]}"#;
    for header in ["application/json", "text/plain; charset=utf-8", "application/octet-stream"] {
        let fake = Fake::new(Door::Open);
        let mut bare: serde_json::Value = serde_json::from_str(&silent).unwrap();
        bare.as_object_mut().unwrap().remove("mediaType");
        fake.store().add_manifest(HOME, "image", header, &bare.to_string());
        fake.store().add_manifest(HOME, "index", header, index);
        fake.store().add_manifest(HOME, "first", header, r#"{"schemaVersion":1,"fsLayers":[]}"#);
        let client = Case::new().client();
        let get = |tag: &str| {
            client.manifest(&reference(&fake, &format!("ns/name:{tag}")), &ACCEPT).unwrap()
        };
        assert_eq!(get("image").media_type(), media_type::MANIFEST, "{header}");
        assert!(matches!(get("image").content("it").unwrap(), Content::Image(_)), "{header}");
        assert_eq!(get("index").media_type(), media_type::INDEX, "{header}");
        says(&get("first").content("it").unwrap_err(), &["Docker's schema 1"]);
    }
}

#[test]
fn an_unknown_media_type_in_the_header_is_an_error() {
    let fake = Fake::new(Door::Open);
    let index = r#"{"schemaVersion":2,"manifests":[]}"#;
    fake.store().add_manifest(HOME, "1", "application/vnd.other.thing.v1+json", index);
    let found = Case::new().client().manifest(&reference(&fake, "ns/name:1"), &ACCEPT).unwrap();
    says(
        &found.content("it").unwrap_err(),
        &["media type is unknown", "application/vnd.other.thing.v1+json"],
    );
}

#[test]
fn an_answer_without_a_manifest_is_an_error() {
    let fake = Fake::with(Door::Open, |request, _| {
        request.path.contains("/manifests/").then(|| Reply::new("204 No Content", ""))
    });
    let wanted = reference(&fake, "ns/name:1");
    let error = Case::new().client().manifest_digest(&wanted, &ACCEPT).unwrap_err();
    says(&error, &["204 No Content without a manifest"]);
}

#[test]
fn a_token_with_fewer_scopes_is_not_used_for_the_missing_ones() {
    // The token server grants only the last scope, and the registry answers 403 to other requests.
    let fake = filled(Fake::with(Door::Token, |_, _| None));
    let realm = fake.tokens.as_ref().unwrap().url("/token");
    let push = "repository:new:pull,push";
    let front = filled(Fake::with(Door::Open, move |request, store| {
        let shown = request.header("authorization").unwrap_or_default().to_owned();
        if shown.is_empty() {
            let challenge = format!("Bearer realm=\"{realm}\"");
            return Some(Reply::new("401 Unauthorized", "").header("WWW-Authenticate", &challenge));
        }
        // The second token is the one that was requested for `push` alone.
        let may = !request.path.contains("/new/") || shown == "Bearer token-2";
        Some(match may {
            true => store.answer(request),
            false => error("403 Forbidden", "DENIED", "the token has another scope"),
        })
    }));
    let client = Case::new().client();
    let to = repository(&front, "new");
    for _ in 0..2 {
        let MountResult::Upload(location) =
            client.mount(&home(&front), &to, &Digest::compute(BODY)).unwrap()
        else {
            panic!("it was mounted");
        };
        client.push_blob(&to, &body(), &BODY, Some(location), &Item::hidden()).unwrap();
    }
    assert_eq!(front.store().blob("new", &Digest::compute(BODY)), Some(BODY));
    let scopes = fake.scopes();
    assert_eq!(scopes, [vec![push, "repository:ns/name:pull"], vec![push]]);
}

#[test]
fn a_401_for_a_perhaps_missing_repository_is_explained() {
    let refuse = |credential| {
        let fake = Fake::with(Door::Token, |_, _| {
            Some(error("401 Unauthorized", "UNAUTHORIZED", "authentication required"))
        });
        let case = Case::by(&fake, credential);
        case.client().manifest(&reference(&fake, "ns/name:1"), &ACCEPT).unwrap_err()
    };
    let error = refuse(Credential::Anonymous);
    says(&error, &["this answer for missing repositories too", "check the name", "docker login"]);
    let error = refuse(alice());
    says(&error, &["this answer for missing repositories too", "check the name", "renew"]);
}

#[test]
fn a_static_server_may_answer_v2_with_a_page() {
    // `/v2/` is the list of a folder, for people; other paths are answered as by a registry.
    let fake = filled(Fake::with(Door::Open, |request, _| {
        let page = || Reply::ok("<html>").header("Content-Type", "text/html");
        (request.path == "/v2/").then(page)
    }));
    named(&fake);
    let case = Case::new();
    let client = case.client();
    client.manifest(&reference(&fake, "ns/name:1"), &ACCEPT).unwrap();
    case.succeeded(case.pull(&client, &fake));
}

#[test]
fn a_401_without_a_challenge_is_repeated_with_the_credential() {
    let fake = Fake::with(Door::Open, |request, _| {
        let is_anonymous = request.header("authorization") != Some(ALICE);
        is_anonymous.then(|| error("401 Unauthorized", "UNAUTHORIZED", "who is it?"))
    });
    named(&fake);
    let case = Case::by(&fake, alice());
    case.client().manifest(&reference(&fake, "ns/name:1"), &ACCEPT).unwrap();
    let shown = fake.server.headers("authorization");
    assert_eq!(shown, [None, None, Some(ALICE.to_owned())]);
}

#[test]
fn a_token_is_requested_for_the_scope_of_the_challenge() {
    // A proxy in front of a registry that has another name for the repository.
    let tokens = Server::start(|request| {
        let right = request.path.contains("repository%3Acache%2Fns%2Fname%3Apull");
        Reply::ok(if right { r#"{"token":"right"}"# } else { r#"{"token":"wrong"}"# })
    });
    let realm = tokens.url("/token");
    let fake = Fake::with(Door::Open, move |request, _| {
        let challenge =
            format!(r#"Bearer realm="{realm}",scope="repository:cache/ns/name:pull,push""#);
        let refusal = || error("401 Unauthorized", "UNAUTHORIZED", "authentication required");
        let known = request.header("authorization") == Some("Bearer right");
        (!known).then(|| refusal().header("WWW-Authenticate", &challenge))
    });
    let digest = named(&fake);
    fake.store().add_blob(HOME, BODY);
    let case = Case::new();
    let client = case.client();
    let found = client.manifest(&reference(&fake, "ns/name:1"), &ACCEPT).unwrap();
    assert_eq!(*found.digest(), digest);
    // The name is learned once, and no scope is requested without need.
    case.succeeded(case.pull(&client, &fake));
    assert_eq!(tokens.requests().len(), 2);
    assert!(tokens.requests().iter().all(|it| !it.path.contains("push")));
}

#[test]
fn an_upload_with_only_a_uuid_is_found() {
    let fake = Fake::with(Door::Open, |request, store| match request.method.as_str() {
        "POST" => {
            let reply = store.answer(request);
            let place = reply.header_value("Location").unwrap();
            let name = place.rsplit('/').next().unwrap().split('?').next().unwrap().to_owned();
            Some(Reply::new("202 Accepted", "").header("Docker-Upload-UUID", &name))
        }
        "PUT" => {
            let path = format!("{}&state=a%2Fb", request.path);
            Some(store.answer(&Request { path, ..request.clone() }))
        }
        _ => None,
    });
    let client = Case::new().client();
    client.push_blob(&home(&fake), &body(), &BODY, None, &Item::hidden()).unwrap();
    assert_eq!(fake.store().blob(HOME, &Digest::compute(BODY)), Some(BODY));
}

#[test]
fn an_upload_without_a_location_is_explained() {
    let fake = Fake::with(Door::Open, |request, _| {
        (request.method == "POST").then(|| Reply::new("202 Accepted", ""))
    });
    let client = Case::new().client();
    let failed = client.push_blob(&home(&fake), &body(), &BODY, None, &Item::hidden());
    says(&failed.unwrap_err(), &["does not send the location", "no Location header", "proxy"]);
}

#[test]
fn bytes_are_sent_by_patch_if_the_last_put_refuses_a_body() {
    for status in ["400 Bad Request", "405 Method Not Allowed", "411 Length Required"]
        .into_iter()
        .chain(["415 Unsupported Media Type", "501 Not Implemented"])
    {
        let fake = Fake::with(Door::Open, move |request, _| {
            let upload = request.method == "PUT" && request.path.contains("/uploads/");
            (upload && !request.body.is_empty()).then(|| error(status, "DIGEST_INVALID", "no"))
        });
        let case = Case::new();
        let to = home(&fake);
        case.client().push_blob(&to, &body(), &BODY, None, &Item::hidden()).unwrap();
        assert_eq!(fake.store().blob(HOME, &Digest::compute(BODY)), Some(BODY), "{status}");
        assert!(case.clock.waits().is_empty(), "{status}");
    }
}

#[test]
fn a_range_header_with_a_count_is_understood() {
    let fake = Fake::with(Door::Open, |request, store| match request.method.as_str() {
        "PUT" if request.path.contains("/uploads/") && !request.body.is_empty() => {
            Some(error("405 Method Not Allowed", "UNSUPPORTED", "by PATCH alone"))
        }
        "PATCH" => {
            let reply = store.answer(request);
            let place = reply.header_value("Location").unwrap().to_owned();
            let reply = Reply::new("202 Accepted", "").header("Location", &place);
            Some(reply.header("Range", &format!("0-{}", BODY.len())))
        }
        _ => None,
    });
    let client = Case::new().client();
    client.push_blob(&home(&fake), &body(), &BODY, None, &Item::hidden()).unwrap();
    assert_eq!(fake.store().blob(HOME, &Digest::compute(BODY)), Some(BODY));
}

#[test]
fn referrers_are_found_by_tag_without_the_referrers_api() {
    let json = |text: &'static str| Reply::ok(text).header("Content-Type", "application/json");
    let refusals = ["406 Not Acceptable", "410 Gone", "422 Unprocessable Content"];
    let silent = [json("{}"), json(""), json(r#"{"errors":[]}"#)];
    let replies = silent.into_iter().chain(refusals.map(|status| Reply::new(status, "")));
    for (nth, reply) in replies.enumerate() {
        let fake = Fake::with(Door::Open, move |request, _| {
            request.path.contains("/referrers/").then(|| reply.clone())
        });
        let subject = Digest::compute(b"x");
        let (item, kind) = (Digest::compute(b"y"), media_type::MANIFEST);
        let list = format!(
            r#"{{"schemaVersion":2,"manifests":[{{"mediaType":"{kind}","digest":"sha256:{item}","size":1}}]}}"#
        );
        fake.store().add_manifest(HOME, &format!("sha256-{subject}"), media_type::INDEX, &list);
        let found = Case::new().client().referrers(&home(&fake), &subject).unwrap();
        assert_eq!(found.len(), 1, "{nth}");
    }
}

#[test]
fn lists_and_annotations_may_be_null() {
    let fake = Fake::new(Door::Open);
    let config = Digest::compute(b"{}");
    let part =
        |rest: &str| format!(r#"{{"mediaType":"a/b","digest":"sha256:{config}","size":2{rest}}}"#);
    let (bare, noted) = (part(""), part(r#","annotations":null"#));
    for (tag, kind, fields) in [
        ("1", media_type::MANIFEST, format!(r#""config":{bare},"layers":null"#)),
        ("2", media_type::MANIFEST, format!(r#""config":{noted},"layers":[{noted}]"#)),
        ("3", media_type::INDEX, r#""manifests":null"#.to_owned()),
    ] {
        let text = format!(r#"{{"schemaVersion":2,"mediaType":"{kind}",{fields}}}"#);
        fake.store().add_manifest(HOME, tag, kind, &text);
        let name = reference(&fake, &format!("ns/name:{tag}"));
        let found = Case::new().client().manifest(&name, &media_type::ALL_MANIFESTS).unwrap();
        found.content("it").unwrap_or_else(|error| panic!("{tag}: {error}"));
    }
}
