//! Answers of registries, and OCI image layouts.

use std::fs;
use std::io::Read;

use airgap_oci::{Content, Descriptor, Index, Layout, Manifest, Readable, fuzzing};

use super::archives::with_checksums;
use crate::{accepted, same_twice};

/// Parses a manifest or an index. The first line is the media type in the answer.
pub fn manifest(input: &[u8]) {
    let (media_type, bytes) = first_line(input);
    if let Ok(index) = serde_json::from_slice::<Index>(bytes) {
        written_back(&index.manifests);
    }
    let manifest = Manifest::new(bytes.to_vec(), &String::from_utf8_lossy(media_type));
    assert_eq!(manifest.bytes(), bytes);
    assert_eq!(manifest.descriptor().size, bytes.len() as u64);
    let read = || manifest.content("`a.io/b:1`");
    match same_twice(read, |content| format!("{content:?}")) {
        None => {}
        Some(Content::Image(image)) => {
            assert!(!manifest.is_index() && manifest.names_others());
            let own = [image.config].into_iter().chain(image.layers).chain(image.subject);
            own.for_each(descriptor);
        }
        Some(Content::Index(index)) => {
            assert!(manifest.is_index() && manifest.names_others());
            for platform in index.manifests.iter().filter_map(|it| it.platform.as_ref()) {
                assert!(!index.for_platform(platform).is_empty(), "{platform} is not found again");
                if let Ok(read) = platform.to_string().parse::<airgap_oci::Platform>() {
                    assert_eq!(read.to_string(), platform.to_string());
                }
            }
            index.manifests.into_iter().chain(index.subject).for_each(descriptor);
        }
    }
}

/// Calls all functions of a descriptor.
fn descriptor(descriptor: Descriptor) {
    let _ =
        (descriptor.is_nondistributable(), descriptor.layout_name(), descriptor.narrowed_from());
}

/// Writes an index of a layout and a list of referrers again, and checks that each descriptor is
/// read as the same afterwards.
fn written_back(manifests: &[Descriptor]) {
    // Not through a `Value`: a field that this program does not know may occur twice.
    let manifests_text = serde_json::to_string(manifests).expect("descriptors can be written");
    let written = format!("{{\"manifests\":{manifests_text}}}");
    let again: Index = serde_json::from_str(&written).expect("descriptors are read again");
    assert_eq!(again.manifests, manifests, "a descriptor changes when it is written back");
}

/// Parses a page of tags or of referrers: `Link` headers, an empty line, and the body.
pub fn pages(input: &[u8]) {
    let (lines, body) = headers_and_body(input);
    let next = fuzzing::next_page(&lines);
    assert_eq!(next, fuzzing::next_page(&lines));
    if let Some(next) = next {
        assert!(!next.contains('>'), "the address of the next page is {next:?}");
    }
    let _ = fuzzing::token(body);
    match fuzzing::tags(body) {
        Ok(tags) => {
            // The OCI distribution specification, "Pulling manifests".
            assert!(tags.iter().all(|tag| tag.len() <= 128), "a tag is too long");
            assert_eq!(fuzzing::tags(body).as_ref(), Ok(&tags));
        }
        Err(words) => assert!(!words.is_empty()),
    }
    if let Some(found) = same_twice(|| fuzzing::referrers(body), |it| format!("{it:?}")) {
        written_back(&found);
        found.into_iter().for_each(descriptor);
    }
}

/// Parses a challenge of a registry, or the answer of its token server.
pub fn challenge(input: &[u8]) {
    let (lines, body) = headers_and_body(input);
    assert_eq!(fuzzing::challenge(&lines), fuzzing::challenge(&lines));
    if let Err(words) = fuzzing::token(body) {
        assert!(!words.is_empty());
    }
}

/// Reads a layout in a folder with this index.
pub fn layout(input: &[u8]) {
    let sandbox = tempfile::tempdir().expect("create a sandbox");
    let root = sandbox.path();
    let (version, index) = first_line(input);
    fs::write(root.join("oci-layout"), version).expect("write the version");
    fs::write(root.join("index.json"), index).expect("write the index");
    fs::create_dir_all(root.join("blobs/sha256")).expect("create the folder of blobs");
    walk(|| Layout::open(root));
}

/// Reads a layout in a tar.
pub fn layout_tar(input: &[u8]) {
    let sandbox = tempfile::tempdir().expect("create a sandbox");
    let path = sandbox.path().join("images.tar");
    fs::write(&path, with_checksums(input)).expect("write the tar");
    walk(|| Layout::open(&path));
}

/// Opens a layout and reads all content that its index names.
fn walk(open: impl Fn() -> airgap_core::error::Result<Layout>) {
    let show = |layout: &Layout| format!("{:?}", layout.entries());
    let Some(layout) = same_twice(open, show) else { return };
    written_back(layout.entries());
    for entry in layout.entries().iter().take(100) {
        if let Some(Some(manifest)) = accepted(layout.manifest(&entry.digest, &entry.media_type)) {
            assert_eq!(*manifest.digest(), entry.digest, "another manifest than was asked for");
        }
        if let Some(part) = accepted(layout.blob(entry)) {
            assert_eq!(part.size(), entry.size);
            let reader = part.read_from(0).expect("a blob can be read");
            let mut bytes = Vec::new();
            reader.take(part.size() + 1).read_to_end(&mut bytes).expect("a blob can be read");
            assert_eq!(bytes.len() as u64, part.size(), "a blob is shorter than its size");
        }
    }
}

fn first_line(input: &[u8]) -> (&[u8], &[u8]) {
    match input.iter().position(|&byte| byte == b'\n') {
        Some(end) => (&input[..end], &input[end + 1..]),
        None => (&[], input),
    }
}

/// Splits an input into its lines before the first empty line, and the rest.
fn headers_and_body(input: &[u8]) -> (Vec<&[u8]>, &[u8]) {
    let end = input.windows(2).position(|pair| pair == b"\n\n");
    let (head, body) = match end {
        Some(end) => (&input[..end], &input[end + 2..]),
        None => (input, input),
    };
    (head.split(|&byte| byte == b'\n').collect(), body)
}
