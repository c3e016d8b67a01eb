//! A component on this machine, checked against its pin.

use std::fmt;
use std::fs::File;
use std::path::Path;

use super::expected::EXPECTED;
use super::wanted::Pin;
use crate::kinds::wasm_artifact::Artifact;
use crate::manifest::VendorDir;
use airgap_core::artifact::VendoredKind;
use airgap_core::digest::Digest;
use airgap_core::error::Result;
use airgap_core::read;
use airgap_core::rooted::RootedPath;
use airgap_core::verify::{Unverified, Verified};
use airgap_oci::{MANIFEST_LIMIT, Manifest, media_type};
use airgap_wit::Component;

/// The kind of data that a pinned digest covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PinKind {
    /// Its manifest.
    Manifest,
    /// Its content, which is the file.
    Content,
}

impl PinKind {
    /// Returns the word in JSON.
    pub fn name(self) -> &'static str {
        match self {
            PinKind::Manifest => "manifest",
            PinKind::Content => "content",
        }
    }
}

impl fmt::Display for PinKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the digest of the {}", self.name())
    }
}

/// A component that was checked.
pub struct LocalComponent {
    /// The file.
    pub file: Verified,
    /// Its manifest, if it was beside the file and is the pinned one.
    pub manifest: Option<Manifest>,
    /// The kind of its pin, if it is pinned.
    pub kind: Option<PinKind>,
}

/// A file that may be a component, and its name in messages.
pub struct Named<'a> {
    /// The file.
    pub path: &'a RootedPath,
    /// The path of the manifest that belongs to it; `None` for a file outside of vendor folders.
    pub manifest: Option<&'a RootedPath>,
    /// Its name in messages.
    pub subject: &'a str,
}

/// Returns the path of the manifest of a vendored component: `auth-service.manifest.json` beside
/// `auth-service.wasm`.
pub fn manifest_of(component: &RootedPath) -> RootedPath {
    component
        .with_name(component.path().with_extension("manifest.json").file_name().unwrap_or_default())
}

/// Returns whether a manifest says that the file at this path is the pinned component: that of the
/// vendor folder, or the one beside the file. Then other bytes are damage, and not another version.
/// Without a pin, returns whether the vendor folder lists the file.
pub(super) fn is_listed(path: &RootedPath, pin: Option<&Pin>) -> bool {
    let folder =
        VendorDir::of(path.path().parent().unwrap_or(Path::new("")), VendoredKind::Component);
    let listed =
        |path: &RootedPath| folder.listed(&path.name().to_string_lossy()).map(|entry| entry.sha256);
    let Some(pin) = pin else { return listed(path).is_some() };
    let manifest = manifest_of(path);
    let there = read::rooted_bytes(&manifest, MANIFEST_LIMIT).ok().flatten();
    let manifests = [listed(&manifest), there.map(|bytes| Digest::compute(&bytes))];
    listed(path) == Some(pin.digest)
        || manifests.into_iter().flatten().any(|it| it == pin.digest || Some(it) == pin.manifest)
}

/// Checks that a file is a component and has the pinned digest, or else the digest in `listed`.
///
/// # Errors
/// Integrity, if it has another digest or is not a component.
pub fn check(
    named: &Named<'_>,
    pin: Option<&Pin>,
    listed: Option<&Digest>,
) -> Result<LocalComponent> {
    let open = || Unverified::open_rooted(named.path, named.subject);
    let local = match (pin, listed) {
        (Some(pin), _) => pinned(named, pin)?,
        (None, listed) => {
            let file = match listed {
                Some(listed) => open()?.verify(listed)?,
                None => open()?.accept_unpinned()?,
            };
            LocalComponent { manifest: belonging(named, file.digest())?, file, kind: None }
        }
    };
    Component::read(local.file.reader()?, &format!("`{}`", named.path))?;
    local.file.check_unchanged()?;
    Ok(local)
}

fn pinned(named: &Named<'_>, pin: &Pin) -> Result<LocalComponent> {
    let open = || Unverified::open_rooted(named.path, named.subject);
    let manifest = beside(named)?;
    let digest = manifest.as_ref().map(|it| *it.digest());
    let by_manifest = digest.filter(|it| *it == pin.digest || Some(*it) == pin.manifest);
    let Some(manifest) = manifest.filter(|_| by_manifest.is_some()) else {
        let beside = match digest {
            Some(digest) => format!("another manifest, with sha256:{digest}"),
            None => "no manifest, which a pin by manifest digest needs".to_owned(),
        };
        let file = open()?.verify(&pin.digest).map_err(|error| {
            error.fact("pinned by", &pin.from).fact("beside it", beside).hint(
                "vendor it again with `wasm-airgap vendor components`, which writes the manifest \
                 too; or pin the content",
            )
        })?;
        return Ok(LocalComponent { file, manifest: None, kind: Some(PinKind::Content) });
    };
    let shown = shown(named);
    let kind = match by_manifest == Some(pin.digest) {
        true => PinKind::Manifest,
        false => PinKind::Content,
    };
    let artifact = Artifact::read(manifest, &shown, &EXPECTED)?;
    // The digest of the content is checked, whatever a manifest says.
    let content = match kind {
        PinKind::Manifest => artifact.layer.digest,
        PinKind::Content => pin.digest,
    };
    let file = open()?.verify(&content).map_err(|error| {
        let error = error.fact("pinned by", &pin.from);
        match kind {
            PinKind::Manifest => {
                error.fact("through", format!("the manifest sha256:{} in {shown}", pin.digest))
            }
            PinKind::Content => error,
        }
    })?;
    let manifest = (artifact.layer.digest == content).then_some(artifact.manifest);
    Ok(LocalComponent { file, manifest, kind: Some(kind) })
}

/// Returns the manifest's name in messages.
fn shown(named: &Named<'_>) -> String {
    format!("`{}`", named.manifest.unwrap_or(named.path))
}

/// Reads the manifest beside the file, if there is one.
fn beside(named: &Named<'_>) -> Result<Option<Manifest>> {
    match named.manifest {
        Some(path) => {
            let bytes = read::rooted_bytes(path, MANIFEST_LIMIT)?;
            Ok(bytes.map(manifest))
        }
        None => Ok(None),
    }
}

/// Returns the manifest beside an unpinned file, if it names that file.
fn belonging(named: &Named<'_>, content: &Digest) -> Result<Option<Manifest>> {
    let shown = shown(named);
    let artifact = beside(named)?.and_then(|it| Artifact::read(it, &shown, &EXPECTED).ok());
    Ok(artifact.filter(|it| it.layer.digest == *content).map(|it| it.manifest))
}

/// Returns the manifest in a file, if it is short enough. Its digest is not checked yet.
pub(super) fn manifest_in(mut file: File, shown: &RootedPath) -> Option<Manifest> {
    read::rest(&mut file, shown.path(), MANIFEST_LIMIT).ok().map(manifest)
}

/// Creates a manifest from bytes. Without a media type in them, they are an artifact's manifest.
fn manifest(bytes: Vec<u8>) -> Manifest {
    Manifest::new(bytes, media_type::MANIFEST)
}
