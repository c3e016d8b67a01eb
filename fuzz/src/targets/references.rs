//! Names of images, registries, packages and tools.

use std::fmt::Display;
use std::str::FromStr;

use airgap_core::artifact::AssetUrl;
use airgap_core::digest::Digest;
use airgap_core::package::{PackageId, PackageName, PackageRequest};
use airgap_core::path_component::{PathComponent, is_path};
use airgap_core::version::compare;
use airgap_mirror::{ImageReference, RegistryPath};
use airgap_oci::{Platform, Reference, Registry, Tag};
use airgap_vendor::catalog::ComponentCatalog;
use airgap_vendor::kinds::component::WantedComponent;

use crate::{accepted, text};

/// Parses references to images and components, one in each line.
pub fn references(input: &[u8]) {
    let Some(text) = text(input) else { return };
    let lines: Vec<_> = text.split('\n').take(16).collect();
    for line in &lines {
        if let Some(reference) = accepted(Reference::parse(line)) {
            canonical(&reference, line);
        }
        if let Some(reference) = accepted(Reference::parse_image(line)) {
            canonical(&reference, line);
        }
        if let Some(image) = written::<ImageReference>(line) {
            assert_eq!(image.to_string(), *line, "a reference is not shown as it was written");
            image_reference(&image);
        }
        written_back::<RegistryPath>(line);
        written::<Registry>(line).iter().for_each(|it| {
            assert_eq!(it.as_str().parse::<Registry>().as_ref(), Ok(it));
            assert!(!it.token_variable().is_empty());
        });
        written::<Tag>(line).iter().for_each(|it| assert_eq!(it.as_str(), *line));
        let components = ComponentCatalog::default();
        if let Some(wanted) = accepted(WantedComponent::parse(line, None, None, &components)) {
            let _ = wanted.pinned();
        }
    }
    if let [first, second, ..] = lines.as_slice() {
        compare_both(first, second);
    }
}

/// Checks that a reference's text is canonical, however it was parsed.
fn canonical(reference: &Reference, line: &str) {
    let text = reference.to_string();
    let again = Reference::parse(&text);
    assert_eq!(again.ok().as_ref(), Some(reference), "`{line}` becomes `{text}`, which is another");
    let again = Reference::parse_image(&text);
    assert_eq!(again.ok().as_ref(), Some(reference), "`{line}` is another image than `{text}`");
    assert!(reference.by_name().tag() == reference.tag());
}

fn image_reference(image: &ImageReference) {
    for spelling in image.spellings() {
        let other: ImageReference = spelling.parse().expect("a spelling is a reference");
        assert!(other.has_same_name(image), "`{spelling}` is not a spelling of `{image}`");
    }
    let whole = image.with_defaults();
    assert!(whole.is_equal_to(image), "`{whole}` is not `{image}`");
    assert!(whole.tag().is_some() || whole.digest().is_some());
    assert_eq!(whole.with_defaults(), whole);
    assert!(image.by_digest().is_one_with(image) || image.digest().is_some());
    assert!(image.is_one_with(image) && image.has_same_place(image));
    let registry: RegistryPath = "registry.example.com/team".parse().expect("a registry");
    for destination in [registry.destination(image), registry.destination_by_host(image)] {
        match destination {
            Ok(destination) => {
                assert!(registry.holds(&destination), "`{destination}` is elsewhere")
            }
            Err(words) => assert!(!words.is_empty()),
        }
    }
}

fn compare_both(first: &str, second: &str) {
    assert_eq!(compare(first, second), compare(second, first).reverse());
    let parsed = (first.parse::<ImageReference>(), second.parse::<ImageReference>());
    if let (Ok(one), Ok(other)) = parsed {
        assert_eq!(one.is_same_as(&other), other.is_same_as(&one));
        assert_eq!(one.is_one_with(&other), other.is_one_with(&one));
        assert_eq!(one.has_same_place(&other), other.has_same_place(&one));
    }
    if let (Ok(registry), Ok(image)) = (first.parse::<RegistryPath>(), second.parse())
        && let Ok(destination) = registry.destination(&image)
    {
        assert!(registry.holds(&destination), "`{destination}` is not in `{registry}`");
    }
}

/// Parses names of packages, tools, files and platforms, one in each line.
pub fn packages(input: &[u8]) {
    let Some(text) = text(input) else { return };
    for line in text.split('\n').take(16) {
        written_back::<PackageName>(line);
        written_back::<PackageRequest>(line);
        if let Some(id) = written_back::<PackageId>(line) {
            let folder = id.folder();
            assert!(!folder.contains(['/', '\\']), "the folder of {id} is {folder}");
            // A manifest refuses a name that is longer than a path component may be.
            assert!(is_path(&folder) || folder.len() > 100, "the folder of {id} is {folder}");
        }
        written_back::<Digest>(line);
        // Messages show the platform, so that hidden characters are replaced in its text.
        if !line.contains(airgap_core::report::is_hidden) {
            written_back::<Platform>(line);
        }
        written_back::<airgap_core::platform::Platform>(line);
        if let Some(path_component) = written_back::<PathComponent>(line) {
            assert_eq!(path_component.as_str(), line);
            assert!(is_path(line) && !line.contains(['/', '\\', '\0']) && line != "..");
        }
        if let Some(url) = written::<AssetUrl>(line) {
            assert!(is_path(url.filename().as_str()));
            assert_eq!(url.as_str().parse::<AssetUrl>().as_ref(), Ok(&url));
        }
        if is_path(line) {
            assert!(!line.split('/').any(|part| part == ".." || part.is_empty()));
        }
    }
}

/// Parses a line; an error must have a message.
fn written<T: FromStr<Err = String>>(line: &str) -> Option<T> {
    line.parse().map_err(|words: String| assert!(!words.is_empty())).ok()
}

/// Parses a line, and checks that its text is parsed as the same value.
fn written_back<T: FromStr<Err = String> + Display + PartialEq>(line: &str) -> Option<T> {
    let value = written::<T>(line)?;
    let shown = value.to_string();
    let again = shown.parse::<T>();
    assert!(again.as_ref() == Ok(&value), "{line:?} is shown as {shown:?}, which is another");
    Some(value)
}
