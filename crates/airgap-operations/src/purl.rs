//! Package URLs: the names by which scanners know the files in a vendor folder.

use packageurl::PackageUrl;

use airgap_core::digest::Digest;
use airgap_oci::Reference;
use airgap_vendor::manifest::Entry;

/// The beginning of an address of a file of a release on GitHub.
const GITHUB: &str = "https://github.com/";

/// Returns the package URL of a file in a vendor folder.
///
/// A release on GitHub is `pkg:github/...` with the address and the digest of the file, a component
/// is `pkg:oci/...`, and all others are `pkg:generic/...`.
pub(crate) fn of_entry(entry: &Entry) -> String {
    let purl = match entry.kind.as_str() {
        "component" => component(entry),
        _ => release(entry),
    };
    purl.or_else(|| generic(entry)).unwrap_or_default()
}

/// Returns the package URL of an image.
pub(crate) fn of_image(reference: &Reference, digest: &Digest) -> String {
    image(reference, digest).unwrap_or_default()
}

/// Returns the package URL of a file that Bazel itself needs.
pub(crate) fn of_bazel_file(path: &str, sha256: &Digest) -> String {
    let name = path.rsplit('/').next().unwrap_or(path);
    let make = || {
        let mut purl = PackageUrl::new("generic", name).ok()?;
        purl.add_qualifier("checksum", format!("sha256:{sha256}")).ok()?;
        Some(purl.to_string())
    };
    make().unwrap_or_default()
}

/// Returns the package URL of a crate.
pub(crate) fn of_crate(name: &str, version: &str) -> Option<String> {
    let mut purl = PackageUrl::new("cargo", name).ok()?;
    purl.with_version(version).ok()?;
    Some(purl.to_string())
}

/// Returns the package URL of a file of a release on GitHub.
fn release(entry: &Entry) -> Option<String> {
    let mut parts = entry.url.strip_prefix(GITHUB)?.split('/');
    let (owner, repository) = (parts.next()?, parts.next()?);
    if (parts.next()?, parts.next()?) != ("releases", "download") {
        return None;
    }
    let tag = parts.next()?;
    let mut purl = PackageUrl::new("github", repository.to_ascii_lowercase()).ok()?;
    purl.with_namespace(owner.to_ascii_lowercase()).ok()?;
    purl.with_version(tag.to_owned()).ok()?;
    described(&mut purl, entry)?;
    Some(purl.to_string())
}

/// Returns the package URL of a component, whose address is a pinned reference.
fn component(entry: &Entry) -> Option<String> {
    let reference = Reference::parse(&entry.url).ok()?;
    image(&reference, reference.digest()?)
}

fn image(reference: &Reference, digest: &Digest) -> Option<String> {
    let repository = reference.repository();
    let name = repository.name().rsplit('/').next()?;
    let mut purl = PackageUrl::new("oci", name.to_ascii_lowercase()).ok()?;
    purl.with_version(format!("sha256:{digest}")).ok()?;
    let url = format!("{}/{}", reference.registry().as_str(), repository.name());
    purl.add_qualifier("repository_url", url).ok()?;
    if let Some(tag) = reference.tag() {
        purl.add_qualifier("tag", tag.as_str().to_owned()).ok()?;
    }
    Some(purl.to_string())
}

fn generic(entry: &Entry) -> Option<String> {
    // `wasi:io` has a colon, and a namespace is what stands before it.
    let (namespace, name) = match entry.name.split_once(':') {
        Some((namespace, name)) => (Some(namespace), name),
        None => (None, entry.name.as_str()),
    };
    let mut purl = PackageUrl::new("generic", name.to_owned()).ok()?;
    if let Some(namespace) = namespace {
        purl.with_namespace(namespace.to_owned()).ok()?;
    }
    if !entry.version.is_empty() {
        purl.with_version(entry.version.clone()).ok()?;
    }
    described(&mut purl, entry)?;
    Some(purl.to_string())
}

/// Adds the digest of the file, and its address or else its name.
fn described(purl: &mut PackageUrl<'_>, entry: &Entry) -> Option<()> {
    purl.add_qualifier("checksum", format!("sha256:{}", entry.sha256)).ok()?;
    if entry.url.is_empty() {
        let name = entry.path.rsplit('/').next().unwrap_or(&entry.path);
        purl.add_qualifier("file_name", name.to_owned()).ok()?;
    } else {
        purl.add_qualifier("download_url", entry.url.clone()).ok()?;
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(kind: &str, name: &str, version: &str, url: &str) -> Entry {
        Entry {
            kind: kind.to_owned(),
            name: name.to_owned(),
            version: version.to_owned(),
            platform: String::new(),
            path: format!("x/{name}.file"),
            size: 1,
            sha256: Digest::compute(b"a"),
            url: url.to_owned(),
        }
    }

    #[test]
    fn each_kind_has_its_form() {
        let sum = Digest::compute(b"a");
        let tool = "https://github.com/WebAssembly/binaryen/releases/download/version_1/b.tar.gz";
        for (entry, purl) in [
            (
                entry("toolchain", "binaryen", "1", tool),
                format!(
                    "pkg:github/webassembly/binaryen@version_1?checksum=sha256:{sum}&download_url={tool}"
                ),
            ),
            (
                entry(
                    "component",
                    "app",
                    "1.0.0",
                    &format!("ghcr.io/org/App:1@sha256:{sum}").to_lowercase(),
                ),
                format!("pkg:oci/app@sha256:{sum}?repository_url=ghcr.io/org/app&tag=1"),
            ),
            (
                entry("wit", "wasi:io", "0.2.6", ""),
                format!("pkg:generic/wasi/io@0.2.6?checksum=sha256:{sum}&file_name=wasi:io.file"),
            ),
        ] {
            let found = of_entry(&entry);
            let unescaped = found.replace("%3A", ":").replace("%2F", "/").replace("%3a", ":");
            assert_eq!(unescaped, purl, "{found}");
            assert_eq!(found.parse::<PackageUrl<'_>>().unwrap().to_string(), found);
        }
    }
}
