//! The memory for content of a registry or a layout is limited, and not only by the number of
//! bytes.

use std::fmt::Write;

use airgap_oci::media_type::{INDEX, MANIFEST};

use airgap_core::digest::Digest;

use crate::fake_registry::{Door, Fake, param};
use crate::memory_limit::with_memory_limit;
use crate::sandbox::Run;
use crate::server::Reply;
use crate::{Case, fill, signed};

/// Limits a run to 256 MB. Each thread of the C library would reserve 64 MB of address space.
fn small(run: Run) -> Run {
    with_memory_limit(run.env("MALLOC_ARENA_MAX", "1"))
}

/// Returns a descriptor with these additional fields.
fn descriptor(nth: usize, kind: &str, more: &str) -> String {
    format!(r#"{{"mediaType":"{kind}","digest":"sha256:{nth:064x}","size":1{more}}}"#)
}

/// Returns a list of the results of `one`, as long as it fits into this number of bytes.
fn list(bytes: usize, one: impl Fn(usize) -> String) -> String {
    let mut text = String::new();
    for nth in 0.. {
        let next = one(nth);
        if text.len() + next.len() + 1 > bytes {
            break;
        }
        let comma = if nth == 0 { "" } else { "," };
        write!(text, "{comma}{next}").unwrap();
    }
    text
}

/// A little below the limit for a manifest, in bytes.
const LONG: usize = (4 << 20) - 1000;

#[test]
fn an_endless_list_of_tags_needs_little_memory() {
    let page = format!(r#"{{"tags":[{}]}}"#, list(LONG, |_| r#""a""#.to_owned()));
    let fake = Fake::with(Door::Open, move |request, _| {
        request.path.contains("/tags/list").then(|| {
            let last = param(&request.path, "last").map_or(0, |it| it.parse().unwrap());
            let next = format!("</v2/a/i/tags/list?last={}>; rel=\"next\"", last + 1);
            Reply::json("200 OK", &page).header("Link", &next)
        })
    });
    let case = Case::new();
    let chart = format!("oci://{}/a/i", fake.host());
    let words = ["mirror", "list", "--registry", "r.corp", "--chart", &chart];
    let run = case.sandbox.run(&words).env("BAZEL_WASM_RETRY_SECONDS", "0");
    small(run).ends_with(4).says(&["list the tags of", "more than 250000 tags"]);
}

#[test]
fn manifests_with_many_fields_need_little_memory() {
    let case = Case::new();
    let fields = list(LONG, |nth| format!(r#""{nth}":0"#));
    let names: Vec<_> = (0..15).map(|nth| format!("a{nth}:1")).collect();
    for nth in 0..15 {
        let json = format!(
            r#"{{"schemaVersion":2,"mediaType":"{MANIFEST}","config":{},"layers":[],"nth":{nth},{fields}}}"#,
            descriptor(0, "application/json", ""),
        );
        case.from.store().add_manifest(&format!("a{nth}"), "1", MANIFEST, &json);
    }
    case.list(&names.iter().map(String::as_str).collect::<Vec<_>>());
    let printed = small(case.copy(&["--dry-run", "--no-attached"])).succeeds();
    assert_eq!(printed.stdout.lines().count(), 15);
}

#[test]
fn indexes_with_many_entries_need_little_memory() {
    for (more, count) in [("", 9_000), ("", 12_000), (r#","annotations":{"a":"b"}"#, 30_000)] {
        let case = Case::new();
        let names: Vec<_> = (0..8).map(|nth| format!("a{nth}:1")).collect();
        for nth in 0..8 {
            let entries: Vec<_> =
                (0..count).map(|it| descriptor(it, MANIFEST, more)).take(LONG / 200).collect();
            let json = format!(
                r#"{{"schemaVersion":2,"mediaType":"{INDEX}","nth":{nth},"manifests":[{}]}}"#,
                entries.join(",")
            );
            case.from.store().add_manifest(&format!("a{nth}"), "1", INDEX, &json);
        }
        case.list(&names.iter().map(String::as_str).collect::<Vec<_>>());
        let printed = small(case.copy(&["--dry-run"])).ends_with(4);
        let words = if count < 10_000 { "too many manifests" } else { "more than 10000 desc" };
        printed.says(&["8 of 8 images were not copied", words]);
    }
}

#[test]
fn many_annotated_referrers_need_little_memory() {
    let annotations = list(2000, |nth| format!(r#""{nth}":"""#));
    let entry = |nth| {
        let more = format!(r#","annotations":{{{annotations}}},"x":1"#);
        descriptor(nth, MANIFEST, &more)
    };
    let page = format!(r#"{{"schemaVersion":2,"manifests":[{}]}}"#, list(LONG, entry));
    let case = Case::with(
        move |request, _| {
            request.path.contains("/referrers/").then(|| {
                let last = param(&request.path, "last").map_or(0, |it| it.parse().unwrap());
                let path = request.path.split('?').next().unwrap();
                let next = format!("<{path}?last={}>; rel=\"next\"", last + 1);
                Reply::ok(page.clone()).header("Content-Type", INDEX).header("Link", &next)
            })
        },
        |_, _| None,
    );
    let names: Vec<_> = (0..8).map(|nth| format!("a{nth}:1")).collect();
    for nth in 0..8 {
        let json = format!(
            r#"{{"schemaVersion":2,"mediaType":"{MANIFEST}","config":{},"layers":[],"nth":{nth}}}"#,
            descriptor(0, "application/json", ""),
        );
        case.from.store().add_manifest(&format!("a{nth}"), "1", MANIFEST, &json);
    }
    case.list(&names.iter().map(String::as_str).collect::<Vec<_>>());
    let printed = small(case.copy(&["--dry-run"])).ends_with(4);
    printed.says(&["8 of 8 images were not copied", "more than 20000 descriptors"]);
}

#[test]
fn a_layout_with_long_manifests_needs_little_memory() {
    let case = Case::new();
    fill(&case.from, "a", &signed("1", 10));
    case.list(&["a:1"]);
    case.copy(&["--to=images", "--no-attached"]).succeeds();
    let blob = |bytes: &str| {
        let digest = Digest::compute(bytes.as_bytes());
        case.sandbox.write(&format!("images/blobs/sha256/{digest}"), bytes);
        digest
    };
    let config = blob("{}");
    let padding = "a".repeat(LONG - 1000);
    let entries: Vec<_> = (0..80)
        .map(|nth| {
            let manifest = format!(
                r#"{{"schemaVersion":2,"mediaType":"{MANIFEST}","config":{{"mediaType":"a/b","digest":"sha256:{config}","size":2}},"layers":[],"nth":{nth},"x":"{padding}"}}"#
            );
            let (digest, size) = (blob(&manifest), manifest.len());
            format!(r#"{{"mediaType":"{MANIFEST}","digest":"sha256:{digest}","size":{size}}},"#)
        })
        .collect();
    let index = case.sandbox.read("images/index.json");
    let index = index.replace("\"manifests\":[", &format!("\"manifests\":[{}", entries.concat()));
    case.sandbox.write("images/index.json", index);
    // All referrers must be complete; they are checked one after the other.
    small(case.copy(&["--to=images", "--no-attached"])).succeeds().says(&["1 was there"]);
    small(case.copy(&["--from=images", "--dry-run", "--no-attached"])).succeeds();
}

/// Writes the index of a layout with this list.
fn layout(case: &Case, entries: &str) {
    case.sandbox.write("images/oci-layout", r#"{"imageLayoutVersion":"1.0.0"}"#);
    let json = format!(r#"{{"schemaVersion":2,"manifests":[{entries}]}}"#);
    case.sandbox.write("images/index.json", json);
}

#[test]
fn a_layout_with_a_long_index_needs_little_memory() {
    let kind = "application/x";
    let annotations = list(1500, |nth| format!(r#""{nth}":"""#));
    let annotated = format!(r#","annotations":{{{annotations}}}"#);
    let named = |nth: usize| {
        let name = format!(
            r#","annotations":{{"org.opencontainers.image.ref.name":"docker.io/library/a:{nth}"}}"#
        );
        descriptor(nth, kind, &name)
    };
    let ours: Vec<_> = (0..100_000).map(named).collect();
    for (entries, words) in [
        // Real layouts have this number of images.
        (ours.join(","), "is not in `images`"),
        (list(63 << 20, |nth| descriptor(nth, kind, "")), "more than 500000 descriptors"),
        (list(63 << 20, |nth| descriptor(nth, kind, &annotated)), "more than 500000 descriptors"),
        (list(63 << 20, |nth| descriptor(nth, kind, r#","x":1,"y":2"#)), "is not in `images`"),
    ] {
        let case = Case::new();
        layout(&case, &entries);
        case.list(&["a:1"]);
        let code = if words.starts_with("more") { 4 } else { 3 };
        small(case.copy(&["--from", "images"])).ends_with(code).says(&[words]);
    }
}
