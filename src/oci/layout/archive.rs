//! A layout in one file: a tar that is not compressed, for layers are already.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Component, Path};

use tar::{Archive, Builder, EntryType, Header};

use super::{BLOBS, INDEX_FILE, INDEX_LIMIT, INDEX_TYPE, Layout, VERSION_FILE, VERSION_TEXT};
use crate::digest::Digest;
use crate::error::{Context, Error, Kind, Result};
use crate::oci::checked::{Checked, Mark};
use crate::oci::manifest::{Content, Descriptor, MANIFEST_LIMIT, Manifest};
use crate::oci::media_type;
use crate::oci::push::Readable;
use crate::rooted::RootedPath;
use crate::store::{Mode, Partial};

/// No tar has more entries.
const MOST_ENTRIES: usize = 1_000_000;

/// What is in a tar, and where.
pub(super) struct Scanned {
    pub(super) file: File,
    pub(super) blobs: HashMap<Digest, (u64, u64)>,
    pub(super) version: Option<Vec<u8>>,
    pub(super) index: Option<Vec<u8>>,
}

/// Reads the headers of a tar. Nothing is unpacked, and a name is only compared.
pub(super) fn scan(path: &Path) -> Result<Scanned> {
    let shown = path.display();
    let doing = || format!("read `{shown}`");
    let damaged = |error: io::Error| {
        Error::integrity(format!("`{shown}` is not a whole tar of an OCI image layout"))
            .because(error)
    };
    if !path.exists() {
        return Err(Error::usage(format!("there is no `{shown}`"))
            .hint("name a folder or a tar with an OCI image layout"));
    }
    let file = crate::read::file(path)?;
    let mut magic = [0; 2];
    if super::read_at(&file, &mut magic, 0).doing(doing)? == 2 && magic == [0x1f, 0x8b] {
        return Err(Error::usage(format!("`{shown}` is compressed, and so are the layers in it"))
            .hint(format!("unpack it once: `gunzip {shown}`")));
    }
    let reader = file.try_clone().doing(doing)?;
    let size = reader.metadata().doing(doing)?.len();
    let mut scanned = Scanned { file, blobs: HashMap::new(), version: None, index: None };
    let mut archive = Archive::new(reader);
    for (count, entry) in archive.entries_with_seek().map_err(damaged)?.enumerate() {
        let mut entry = entry.map_err(damaged)?;
        if count == MOST_ENTRIES {
            return Err(Error::integrity(format!(
                "`{shown}` has more than {MOST_ENTRIES} entries"
            )));
        }
        if !matches!(entry.header().entry_type(), EntryType::Regular | EntryType::Continuous) {
            continue;
        }
        let (start, length) = (entry.raw_file_position(), entry.size());
        if start.checked_add(length).is_none_or(|end| end > size) {
            return Err(damaged(io::ErrorKind::UnexpectedEof.into()));
        }
        let name = entry.path().map_err(damaged)?.into_owned();
        let parts: Vec<_> = name
            .components()
            .filter(|it| *it != Component::CurDir)
            .map(|it| it.as_os_str().to_string_lossy())
            .collect();
        let mut read = |limit: u64| {
            let mut bytes = Vec::new();
            match entry.by_ref().take(limit + 1).read_to_end(&mut bytes) {
                Ok(_) if bytes.len() as u64 <= limit => Ok(Some(bytes)),
                Ok(_) => {
                    Err(damaged(io::Error::other(format!("`{}` is too long", name.display()))))
                }
                Err(error) => Err(damaged(error)),
            }
        };
        match parts.join("/").as_str() {
            VERSION_FILE => scanned.version = read(MANIFEST_LIMIT)?,
            INDEX_FILE => scanned.index = read(INDEX_LIMIT)?,
            other => {
                let digest = other.strip_prefix(BLOBS).and_then(|it| it.strip_prefix('/'));
                if let Some(digest) = digest.and_then(|it| it.parse().ok()) {
                    scanned.blobs.insert(digest, (start, length));
                }
            }
        }
    }
    Ok(scanned)
}

/// Something that an entry of the index leads to.
pub(super) enum Reached {
    Manifest(Manifest),
    Blob(Box<Descriptor>),
}

/// Everything that entries of the index lead to, each thing once. A part that is missing or wrong is
/// an error in its place, and the rest goes on.
pub(super) fn reachable(layout: &Layout, entries: &[Descriptor]) -> Vec<Result<Reached>> {
    let mut seen = HashSet::new();
    let mut found = Vec::new();
    let mut left: Vec<Descriptor> = entries.iter().rev().cloned().collect();
    while let Some(next) = left.pop() {
        if !seen.insert(next.digest) {
            continue;
        }
        if !media_type::is_manifest(&next.media_type) {
            found.push(Ok(Reached::Blob(Box::new(next))));
            continue;
        }
        let subject = format!("`sha256:{}` in `{}`", next.digest, layout.shown);
        let content = layout.manifest(&next.digest, &next.media_type).and_then(|manifest| {
            let manifest = manifest.ok_or_else(|| {
                Error::new(Kind::Unavailable, format!("{subject} is not there"))
                    .hint("the layout is not whole; copy the image into it again")
            })?;
            Ok((manifest.content(&subject)?, manifest))
        });
        let manifest = match content {
            Ok((Content::Index(index), manifest)) => {
                left.extend(index.manifests.into_iter().rev());
                manifest
            }
            Ok((Content::Image(image), manifest)) => {
                let blobs = std::iter::once(image.config).chain(image.layers);
                let blobs = blobs.filter(|it| !it.is_foreign() && seen.insert(it.digest));
                found.extend(blobs.map(|it| Ok(Reached::Blob(Box::new(it)))));
                manifest
            }
            Err(error) => {
                found.push(Err(error));
                continue;
            }
        };
        found.push(Ok(Reached::Manifest(manifest)));
    }
    // The wholes of parts are there as they are, without all that is in them.
    for digest in entries.iter().filter_map(Descriptor::narrowed_from) {
        if seen.insert(digest) {
            let whole = layout.manifest(&digest, INDEX_TYPE).transpose();
            found.extend(whole.map(|whole| whole.map(Reached::Manifest)));
        }
    }
    found
}

/// Writes a layout into a tar. The same layout makes the same bytes.
pub(super) fn pack(layout: &Layout, destination: &Path) -> Result<()> {
    let mut partial = Partial::create(&RootedPath::beside(destination))?;
    let packed = write(layout, partial.intake().file);
    if let Err(error) = packed {
        partial.discard();
        return Err(error);
    }
    partial.place(Mode::Plain)?;
    Ok(())
}

fn write(layout: &Layout, file: &mut File) -> Result<()> {
    let doing = || format!("write the tar of `{}`", layout.shown);
    let mut builder = Builder::new(io::BufWriter::with_capacity(1 << 20, file));
    let index = serde_json::json!({
        "schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": layout.entries(),
    });
    let mut append = |name: &str, size: u64, bytes: &mut dyn Read| {
        let mut header = Header::new_gnu();
        header.set_entry_type(EntryType::Regular);
        header.set_size(size);
        header.set_mode(0o644);
        header.set_mtime(0);
        builder.append_data(&mut header, name, bytes)
    };
    append(VERSION_FILE, VERSION_TEXT.len() as u64, &mut VERSION_TEXT.as_bytes()).doing(doing)?;
    let index = index.to_string();
    append(INDEX_FILE, index.len() as u64, &mut index.as_bytes()).doing(doing)?;
    for part in reachable(layout, layout.entries()) {
        match part? {
            Reached::Manifest(manifest) => {
                let name = format!("{BLOBS}/{}", manifest.digest());
                append(&name, manifest.bytes().len() as u64, &mut manifest.bytes()).doing(doing)?;
            }
            Reached::Blob(blob) => {
                let name = format!("{BLOBS}/{}", blob.digest);
                let part = layout.blob(&blob)?;
                let subject = format!("`sha256:{}` in `{}`", blob.digest, layout.shown);
                let reader = part.read_from(0)?;
                let mut checked = Checked::new(reader, &blob, subject, Mark::default());
                let appended = append(&name, blob.size, &mut checked);
                if let Some(error) = checked.failure() {
                    return Err(error);
                }
                appended.doing(doing)?;
            }
        }
    }
    let mut buffered = builder.into_inner().doing(doing)?;
    buffered.flush().doing(doing)
}
