//! A layout in one file: a tar without compression, because layers are compressed already.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;

use tar::{Builder, EntryType, Header};

use super::{
    BLOBS, INDEX_FILE, INDEX_LIMIT, INDEX_TYPE, Layout, VERSION_FILE, VERSION_TEXT, index_text,
};
use crate::manifest::{Content, Descriptor, MANIFEST_LIMIT, Manifest};
use crate::media_type;
use crate::readable::Readable;
use crate::verifying_reader::{Checkpoint, VerifyingReader};
use airgap_archive::tar_entries::{self, TarEntry, TarSource};
use airgap_core::digest::Digest;
use airgap_core::error::{Context, Error, ErrorKind, Result};
use airgap_core::report::printable;
use airgap_core::rooted::RootedPath;
use airgap_core::shell;
use airgap_core::store::{Mode, Partial};
use airgap_core::user_path;
use airgap_core::wrong_content::{BEGINNING, WrongContent};

/// The most headers of a tar.
const MOST_ENTRIES: usize = 1_000_000;

/// The most bytes of headers that describe other headers, such as those with long names.
const MOST_DESCRIPTIONS: u64 = 64 << 20;

/// The entries of a tar that belong to a layout, and their positions.
pub(super) struct Scanned {
    pub(super) file: File,
    pub(super) blobs: HashMap<Digest, (u64, u64)>,
    pub(super) version: Option<Vec<u8>>,
    pub(super) index: Option<Vec<u8>>,
    /// Whether it has the list of an archive of `docker save`.
    pub(super) docker: bool,
}

/// Reads the headers of a tar. Nothing is unpacked, and names are only compared.
pub(super) fn scan(path: &Path) -> Result<Scanned> {
    let file = open(path)?;
    let size = file.metadata().doing(|| reading(path))?.len();
    let mut reader = Reader { file: &file, size, at: 0, headers: 0, described: 0 };
    let found = ScannedEntries::read(&mut reader).map_err(|error| damaged(error, path))?;
    let ScannedEntries { blobs, version, index, docker } = found;
    Ok(Scanned { file, blobs, version, index, docker })
}

/// Opens a file that begins like a tar without compression.
fn open(path: &Path) -> Result<File> {
    let shown = path.display();
    if user_path::kind(path)?.is_none() {
        return Err(Error::usage(format!("`{shown}` does not exist"))
            .hint("name a folder or a tar with an OCI image layout"));
    }
    let file = airgap_core::read::file(path)?;
    let mut magic = [0; BEGINNING];
    let length = fill(&file, &mut magic, 0).doing(|| reading(path))?;
    if let Some(found) = WrongContent::from_beginning(&magic[..length]) {
        let error = Error::integrity(format!("`{shown}` is not a tar of an OCI image layout"));
        return Err(found.explain(error));
    }
    if let Some((format, program)) = compression(&magic[..length]) {
        return Err(Error::usage(format!(
            "`{shown}` is compressed with {format}, and its layers are compressed already"
        ))
        .hint(unpacking(path, program)));
    }
    Ok(file)
}

fn reading(path: &Path) -> String {
    format!("read `{}`", path.display())
}

/// Adds the tar to an error of its reader.
fn damaged(error: Error, path: &Path) -> Error {
    let shown = path.display();
    match error.kind() {
        ErrorKind::Integrity => {
            Error::integrity(format!("`{shown}` is not a complete tar of an OCI image layout"))
                .because(printable(error.statement()))
        }
        _ => error.fact("reading", shown.to_string()),
    }
}

/// Returns the format of a compressed file and the program that decompresses it, by its first
/// bytes.
fn compression(magic: &[u8]) -> Option<(&'static str, &'static str)> {
    let formats: [(&[u8], _); 4] = [
        (&[0x1f, 0x8b], ("gzip", "gzip")),
        (&[0x28, 0xb5, 0x2f, 0xfd], ("Zstandard", "zstd")),
        (&[0xfd, b'7', b'z', b'X', b'Z', 0], ("xz", "xz")),
        (b"BZh", ("bzip2", "bzip2")),
    ];
    formats.into_iter().find(|(begin, _)| magic.starts_with(begin)).map(|(_, format)| format)
}

/// Returns the command that decompresses a compressed tar.
fn unpacking(path: &Path, program: &str) -> String {
    let is_end = |it: &str| ["gz", "zst", "zstd", "xz", "bz2"].contains(&it);
    let unpacked = match path.extension().and_then(|it| it.to_str()) {
        Some("tgz" | "tzst" | "txz" | "tbz2") => path.with_extension("tar"),
        Some(end) if is_end(end) && path.with_extension("").extension().is_some() => {
            path.with_extension("")
        }
        _ => {
            let mut name = path.as_os_str().to_owned();
            name.push(".tar");
            name.into()
        }
    };
    let (from, to) = (shell::path(path), shell::path(&unpacked));
    format!("decompress it with `{program} -dc {from} > {to}`, and name the new file")
}

/// A reader of the headers of a tar. It skips the content of files.
struct Reader<'a> {
    file: &'a File,
    size: u64,
    at: u64,
    /// The number of headers, including those that describe other headers.
    headers: usize,
    /// The bytes of the headers that describe other headers.
    described: u64,
}

impl Reader<'_> {
    /// Counts a header, as a limit for a tar of headers alone.
    fn count(&mut self) -> Result<()> {
        self.headers += 1;
        match self.headers > MOST_ENTRIES {
            true => Err(Error::integrity(format!("it has more than {MOST_ENTRIES} entries"))),
            false => Ok(()),
        }
    }

    /// Skips content and its padding, and returns the position of the content. Some writers leave
    /// out the padding after the last file.
    fn pass(&mut self, size: u64) -> Result<u64> {
        let start = self.at;
        let end = start.checked_add(size).filter(|&end| end <= self.size);
        let end = end.ok_or_else(tar_entries::cut_short)?;
        self.at = end + tar_entries::padding(size) as u64;
        Ok(start)
    }
}

impl TarSource for Reader<'_> {
    fn read(&mut self, bytes: &mut [u8]) -> Result<usize> {
        let count =
            fill(self.file, bytes, self.at).doing(|| "read the tar of a layout".to_owned())?;
        self.at += count as u64;
        Ok(count)
    }

    fn description(&mut self, size: u64) -> Result<()> {
        self.count()?;
        self.described = self.described.saturating_add(size);
        match self.described > MOST_DESCRIPTIONS {
            true => Err(Error::integrity(format!(
                "its long names have more than {MOST_DESCRIPTIONS} bytes"
            ))),
            false => Ok(()),
        }
    }
}

/// The entries that were found so far.
#[derive(Default)]
struct ScannedEntries {
    blobs: HashMap<Digest, (u64, u64)>,
    version: Option<Vec<u8>>,
    index: Option<Vec<u8>>,
    docker: bool,
}

impl ScannedEntries {
    /// Reads all entries of a tar.
    fn read(reader: &mut Reader<'_>) -> Result<ScannedEntries> {
        let mut found = ScannedEntries::default();
        while let Some(entry) = tar_entries::next(reader)? {
            found.add(entry, reader)?;
        }
        Ok(found)
    }

    /// Takes an entry if it belongs to a layout. It must be a file and be there once, because
    /// programs differ about which of two entries with one name counts.
    fn add(&mut self, entry: TarEntry, reader: &mut Reader<'_>) -> Result<()> {
        reader.count()?;
        let start = reader.pass(entry.size)?;
        let Some(name) = std::str::from_utf8(&entry.path).ok().map(plain) else { return Ok(()) };
        self.docker |= name == super::DOCKER_LIST_FILE;
        let digest = name.strip_prefix(BLOBS).and_then(|it| it.strip_prefix('/'));
        let digest = digest.and_then(|it| it.parse::<Digest>().ok());
        if digest.is_none() && name != VERSION_FILE && name != INDEX_FILE {
            return Ok(());
        }
        if entry.kind != tar_entries::TarEntryKind::File {
            let noun = entry.kind.noun();
            return Err(Error::integrity(format!("its entry `{name}` is {noun}, not a file")));
        }
        let twice = match digest {
            Some(digest) => self.blobs.insert(digest, (start, entry.size)).is_some(),
            None => {
                let (slot, limit) = match name {
                    VERSION_FILE => (&mut self.version, MANIFEST_LIMIT),
                    _ => (&mut self.index, INDEX_LIMIT),
                };
                slot.replace(small(name, start, entry.size, limit, reader)?).is_some()
            }
        };
        match twice {
            true => Err(Error::integrity(format!("it contains `{name}` twice"))),
            false => Ok(()),
        }
    }
}

/// Reads a file that must not be longer than `limit`.
fn small(name: &str, start: u64, size: u64, limit: u64, reader: &Reader<'_>) -> Result<Vec<u8>> {
    if size > limit {
        return Err(Error::integrity(format!(
            "its entry `{name}` is too long: {size} bytes; the limit is {limit}"
        )));
    }
    let mut bytes = vec![0; size as usize];
    match fill(reader.file, &mut bytes, start).doing(|| format!("read `{name}` of a layout"))? {
        count if count == bytes.len() => Ok(bytes),
        _ => Err(tar_entries::cut_short()),
    }
}

/// Fills `bytes` from a position, and returns the number of bytes that were read before the end.
fn fill(file: &File, bytes: &mut [u8], position: u64) -> io::Result<usize> {
    let mut filled = 0;
    while filled < bytes.len() {
        match super::read_at(file, &mut bytes[filled..], position + filled as u64) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

/// Returns a name without the `./` that tar writes before it.
fn plain(mut name: &str) -> &str {
    while let Some(rest) = name.strip_prefix("./") {
        name = rest;
    }
    name
}

/// A manifest or blob that an entry of the index leads to.
pub(super) enum ReachedContent {
    Manifest(Manifest),
    Blob(Box<Descriptor>),
}

/// The most manifests and blobs that entries lead to, and the most levels of nested indexes.
const MOST_REACHED: usize = 2_000_000;
const MOST_LEVELS: usize = 8;

/// Calls `give` for every manifest and blob that entries of the index lead to, once for each, for a
/// manifest after its blobs. A part that is missing or wrong is given as an error. Only one
/// manifest at a time is in memory.
///
/// # Errors
/// The first one that `give` returns; integrity, if the entries lead to too many parts.
pub(super) fn reach<'a>(
    layout: &Layout,
    entries: impl IntoIterator<Item = &'a Descriptor>,
    give: &mut dyn FnMut(Result<ReachedContent>) -> Result<()>,
) -> Result<()> {
    let mut walk = ContentWalk { layout, seen: HashSet::new(), give };
    let mut wholes = Vec::new();
    for entry in entries {
        walk.visit(entry.clone(), 0)?;
        wholes.extend(entry.narrowed_from());
    }
    // The indexes that entries are parts of come without the parts that were left out.
    for digest in wholes {
        if walk.is_new(digest)?
            && let Some(whole) = layout.manifest(&digest, INDEX_TYPE).transpose()
        {
            (walk.give)(whole.map(ReachedContent::Manifest))?;
        }
    }
    Ok(())
}

/// Returns the error for a blob or manifest that a layout should have.
pub(super) fn missing(layout: &Layout, digest: &Digest) -> Error {
    Error::new(ErrorKind::Unavailable, format!("{} is missing", layout.subject(digest)))
        .hint("the layout is incomplete; copy the image into it again")
}

/// A walk over the manifests and blobs of a layout.
struct ContentWalk<'a> {
    layout: &'a Layout,
    seen: HashSet<Digest>,
    give: &'a mut dyn FnMut(Result<ReachedContent>) -> Result<()>,
}

impl ContentWalk<'_> {
    /// Records a digest and returns whether it is new.
    fn is_new(&mut self, digest: Digest) -> Result<bool> {
        let is_new = self.seen.insert(digest);
        match self.seen.len() > MOST_REACHED {
            true => Err(Error::integrity(format!(
                "the images in `{}` have too many parts",
                self.layout.shown
            ))
            .fact("expected", format!("at most {MOST_REACHED} manifests and blobs"))
            .hint("copy the images into several layouts, each with a list of its own")),
            false => Ok(is_new),
        }
    }

    fn visit(&mut self, entry: Descriptor, level: usize) -> Result<()> {
        if !self.is_new(entry.digest)? {
            return Ok(());
        }
        if !media_type::is_manifest(&entry.media_type) {
            return (self.give)(Ok(ReachedContent::Blob(Box::new(entry))));
        }
        match self.read(&entry, level) {
            Ok((Content::Index(index), manifest)) => {
                (self.give)(Ok(ReachedContent::Manifest(manifest)))?;
                index.manifests.into_iter().try_for_each(|it| self.visit(it, level + 1))
            }
            Ok((Content::Image(image), manifest)) => {
                for blob in std::iter::once(image.config).chain(image.layers) {
                    // A foreign layer is optional: it is there only if it was copied all the same.
                    let belongs = !blob.is_nondistributable()
                        || matches!(self.layout.part(&blob.digest), Ok(Some(_)));
                    if belongs && self.is_new(blob.digest)? {
                        (self.give)(Ok(ReachedContent::Blob(Box::new(blob))))?;
                    }
                }
                (self.give)(Ok(ReachedContent::Manifest(manifest)))
            }
            Err(error) => (self.give)(Err(error)),
        }
    }

    fn read(&self, entry: &Descriptor, level: usize) -> Result<(Content, Manifest)> {
        let ContentWalk { layout, .. } = self;
        let subject = layout.subject(&entry.digest);
        if level > MOST_LEVELS {
            return Err(Error::integrity(format!("{subject} is in too many indexes"))
                .fact("expected", format!("at most {MOST_LEVELS} nested indexes")));
        }
        let manifest = layout.manifest(&entry.digest, &entry.media_type)?;
        let manifest = manifest.ok_or_else(|| missing(layout, &entry.digest))?;
        Ok((manifest.content(&subject)?, manifest))
    }
}

/// Writes a layout into a tar. The same layout results in the same bytes.
pub(super) fn pack(layout: &Layout, destination: &Path) -> Result<()> {
    let mut partial = Partial::create(&RootedPath::beside(destination))?;
    let packed = write(layout, partial.hashed_output().file);
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
    let mut append = |name: &str, size: u64, bytes: &mut dyn Read| {
        let mut header = Header::new_gnu();
        header.set_entry_type(EntryType::Regular);
        header.set_size(size);
        header.set_mode(0o644);
        header.set_mtime(0);
        builder.append_data(&mut header, name, bytes)
    };
    append(VERSION_FILE, VERSION_TEXT.len() as u64, &mut VERSION_TEXT.as_bytes()).doing(doing)?;
    let index = index_text(layout.entries())?;
    append(INDEX_FILE, index.len() as u64, &mut index.as_slice()).doing(doing)?;
    drop(index);
    reach(layout, layout.entries(), &mut |part| match part? {
        ReachedContent::Manifest(manifest) => {
            let name = format!("{BLOBS}/{}", manifest.digest());
            append(&name, manifest.bytes().len() as u64, &mut manifest.bytes()).doing(doing)
        }
        ReachedContent::Blob(blob) => {
            let name = format!("{BLOBS}/{}", blob.digest);
            let part = layout.blob(&blob)?;
            let reader = part.read_from(0)?;
            let subject = layout.subject(&blob.digest);
            let mut checked = VerifyingReader::new(reader, &blob, subject, Checkpoint::default());
            let appended = append(&name, blob.size, &mut checked);
            checked.failure().map_or_else(|| appended.doing(doing), Err)
        }
    })?;
    let mut buffered = builder.into_inner().doing(doing)?;
    buffered.flush().doing(doing)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BLOB: &str =
        "blobs/sha256/e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    /// Returns a tar of entries with a name, a type and content.
    fn tar(entries: &[(&str, EntryType, &[u8])]) -> Vec<u8> {
        let mut builder = Builder::new(Vec::new());
        for (name, kind, content) in entries {
            let mut header = Header::new_gnu();
            header.set_entry_type(*kind);
            header.set_size(content.len() as u64);
            header.set_mode(0o644);
            header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
            header.set_cksum();
            builder.append(&header, *content).unwrap();
        }
        builder.into_inner().unwrap()
    }

    fn scanned(bytes: &[u8]) -> Result<Scanned> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("layout.tar");
        std::fs::write(&path, bytes).unwrap();
        scan(&path)
    }

    #[track_caller]
    fn refused(bytes: &[u8], reason: &str) {
        let error = scanned(bytes).err().map(|error| error.to_string()).unwrap_or_default();
        assert!(
            error.contains("not a complete tar") && error.contains(reason),
            "{reason}: {error}"
        );
    }

    #[test]
    fn finds_the_files_of_a_layout_and_their_offsets() {
        let file = EntryType::Regular;
        let bytes = tar(&[
            ("./", EntryType::Directory, b""),
            ("./oci-layout", file, b"version"),
            (BLOB, file, b"blob"),
            ("manifest.json", EntryType::Symlink, b""),
            ("index.json", EntryType::Continuous, b"index"),
        ]);
        // A tar without the end marker or the last padding is accepted too.
        for bytes in [&bytes[..], &bytes[..512 * 8], &bytes[..512 * 7 + 5]] {
            let scanned = scanned(bytes).unwrap();
            assert_eq!(scanned.version.as_deref(), Some(&b"version"[..]));
            assert_eq!(scanned.index.as_deref(), Some(&b"index"[..]));
            assert_eq!(scanned.blobs.into_values().collect::<Vec<_>>(), [(512 * 4, 4)]);
        }
    }

    #[test]
    fn refuses_ambiguous_entries() {
        let file = EntryType::Regular;
        let one = ("index.json", file, &b"index"[..]);
        refused(&tar(&[one, ("./index.json", file, b"other")]), "contains `index.json` twice");
        refused(&tar(&[(BLOB, file, b"a"), (BLOB, file, b"b")]), "twice");
        for (kind, noun) in [
            (EntryType::Symlink, "a symbolic link"),
            (EntryType::Link, "a hard link"),
            (EntryType::Directory, "a folder"),
            (EntryType::Fifo, "a named pipe"),
        ] {
            refused(&tar(&[(BLOB, kind, b"")]), noun);
            refused(&tar(&[("index.json", kind, b"")]), noun);
        }
        refused(&tar(&[(BLOB, EntryType::GNUSparse, b"a")]), "sparse");
        refused(&tar(&[one])[..512 + 3], "cut short");
        refused(&tar(&[one])[..100], "cut short");
    }

    #[test]
    fn long_names_and_headers_are_bounded() {
        let header = |name: &str, kind: u8, size: u64| {
            let mut header = Header::new_gnu();
            header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
            header.as_mut_bytes()[156] = kind;
            header.set_size(size);
            header.set_cksum();
            header.as_bytes().to_vec()
        };
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("layout.tar");
        for (kind, name) in [(b'L', "././@LongLink"), (b'K', "long"), (b'x', "pax"), (b'g', "pax")]
        {
            std::fs::write(&path, header(name, kind, 1 << 30)).unwrap();
            File::options().write(true).open(&path).unwrap().set_len(1 << 31).unwrap();
            let error = scan(&path).err().unwrap().to_string();
            assert!(error.contains("bytes"), "{error}");
        }
        for name in [INDEX_FILE, VERSION_FILE] {
            std::fs::write(&path, header(name, b'0', 1 << 30)).unwrap();
            File::options().write(true).open(&path).unwrap().set_len(1 << 31).unwrap();
            let error = scan(&path).err().unwrap().to_string();
            assert!(error.contains("too long: 1073741824 bytes"), "{error}");
        }
    }
}
