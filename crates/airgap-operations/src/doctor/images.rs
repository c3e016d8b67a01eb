//! The images of `mirror.yaml`, and the layouts that should have them.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::item::{Item, Status};
use airgap_core::digest::Digest;
use airgap_core::environment::Environment;
use airgap_core::error::{ErrorKind, Result};
use airgap_core::report::printable_line;
use airgap_core::shell;
use airgap_core::user_path;
use airgap_mirror::copy::CheckedLayout;
use airgap_mirror::{MirrorEntry, MirrorList, MirrorLock};
use airgap_oci::Reference;

/// The kind of these items.
pub(super) const KIND: &str = "image";

const LIST: &str = "mirror.yaml";
const LOCK: &str = "mirror.lock";

/// An image layout that should have the images of `mirror.yaml`: a folder, or a tar of one.
#[derive(Clone, Debug)]
pub struct NamedLayout {
    /// The folder or file.
    pub path: PathBuf,
    /// The layout as it is written for `mirror copy --to`.
    pub written: String,
}

/// The state of the images.
#[derive(Debug, Default)]
pub(super) struct Images {
    /// The images that a layout should have, and those without a digest.
    pub(super) items: Vec<Item>,
    /// The images with a digest, if no layout was named.
    pub(super) not_asked_for: Vec<Item>,
    /// The files that cannot be read, each with the reason.
    pub(super) unseen: Vec<(String, String)>,
    /// True if `--layout` named a layout.
    pub(super) are_asked_for: bool,
}

impl Images {
    /// Examines the images of `mirror.yaml` in the root of the workspace, with the digests of the
    /// `mirror.lock` beside it. Opens no socket.
    pub(super) fn examine(
        root: &Path,
        layouts: &[NamedLayout],
        environment: &Environment,
    ) -> Images {
        let mut images = Images { are_asked_for: !layouts.is_empty(), ..Images::default() };
        let (list, lock) = (root.join(LIST), root.join(LOCK));
        if layouts.is_empty() && matches!(user_path::exists(&list), Ok(false)) {
            return images;
        }
        let list = match MirrorList::read(&list, LIST) {
            Ok(list) => list,
            Err(error) => {
                images.unseen.push((LIST.to_owned(), error.one_line()));
                return images;
            }
        };
        let lock = match user_path::exists(&lock) {
            Ok(false) => Some(MirrorLock::default()),
            _ => MirrorLock::read(&lock, LOCK)
                .map_err(|error| images.unseen.push((LOCK.to_owned(), error.one_line())))
                .ok(),
        };
        let mut places = Places::open(layouts, Commands::new(root, environment));
        let mut seen = BTreeSet::new();
        for entry in list.entries() {
            // Without the lock it is unknown whether this image has a digest.
            let Some(image) = Image::new(entry, lock.as_ref()) else { continue };
            if seen.insert(image.name()) {
                images.add(&image, &mut places);
            }
        }
        images
    }

    fn add(&mut self, image: &Image<'_>, places: &mut Places<'_>) {
        let item = places.item(image);
        match self.are_asked_for || item.status == Status::Unpinned {
            true => self.items.push(item),
            false => self.not_asked_for.push(item),
        }
    }
}

/// An image of the list, with its digest.
struct Image<'a> {
    written: String,
    source: &'a Reference,
    digest: Option<Digest>,
    is_locked: bool,
}

impl<'a> Image<'a> {
    /// Creates it; `None` if it has no digest of its own and the lock cannot be read.
    fn new(entry: &'a MirrorEntry, lock: Option<&MirrorLock>) -> Option<Image<'a>> {
        let source = entry.source.meaning();
        let own = source.digest().or(entry.destination.meaning().digest()).copied();
        let locked = match own {
            Some(_) => None,
            None => lock?.get(source).copied(),
        };
        let (digest, is_locked) = (own.or(locked), locked.is_some());
        Some(Image { written: entry.source.to_string(), source, digest, is_locked })
    }

    /// Returns its name, which is unique: two entries may differ in their destinations only.
    fn name(&self) -> String {
        self.pinned().unwrap_or_else(|| self.source.clone()).to_string()
    }

    fn pinned(&self) -> Option<Reference> {
        self.digest.map(|digest| self.source.clone().pinned(digest))
    }

    fn item(&self, status: Status, looked_in: Vec<String>, why: &str, fix: String) -> Item {
        let (name, subject) = (self.name(), self.written.clone());
        let item = Item::missing(KIND, &name, subject, why.to_owned(), fix);
        Item { status, looked_in, ..item }
    }
}

/// The layouts, and the commands that mend them.
struct Places<'a> {
    layouts: Vec<(&'a NamedLayout, Result<CheckedLayout>)>,
    commands: Commands,
}

impl<'a> Places<'a> {
    fn open(layouts: &'a [NamedLayout], commands: Commands) -> Places<'a> {
        let open = |it: &'a NamedLayout| (it, CheckedLayout::open(&it.path, &it.written));
        Places { layouts: layouts.iter().map(open).collect(), commands }
    }

    /// Returns the item of an image. It is `ok` if one layout has all of it.
    fn item(&mut self, image: &Image<'_>) -> Item {
        let Some(pinned) = image.pinned() else {
            let why = format!("neither {LIST} nor {LOCK} has its digest");
            return image.item(Status::Unpinned, Vec::new(), &why, self.commands.lock());
        };
        let (mut looked, mut is_wrong, mut reason) = (Vec::new(), false, None);
        for (named, layout) in &mut self.layouts {
            let place = named.path.display();
            let found = match layout {
                Ok(layout) => layout.check(&pinned).map_err(|it| (it.kind(), it.one_line())),
                Err(error) => Err((error.kind(), error.one_line())),
            };
            match found {
                Ok(digest) => {
                    let place = format!("{place}: sha256:{digest}");
                    return Item::ok(KIND, &image.name(), image.written.clone(), place);
                }
                Err((kind, line)) => {
                    let line = printable_line(&line);
                    looked.push(format!("{place}: {line}"));
                    if reason.is_none() || (kind == ErrorKind::Integrity && !is_wrong) {
                        reason = Some(line);
                    }
                    is_wrong |= kind == ErrorKind::Integrity;
                }
            }
        }
        let status = if is_wrong { Status::Wrong } else { Status::Missing };
        let why = reason.unwrap_or_else(|| "no layout was named in which it could be".to_owned());
        let layout = self.layouts.first().map_or("images", |(named, _)| &named.written);
        image.item(status, looked, &why, self.commands.copy(layout, image.is_locked))
    }
}

/// The commands for the list, from the folder in which the user is.
struct Commands {
    list: String,
    lock: String,
}

impl Commands {
    fn new(root: &Path, environment: &Environment) -> Commands {
        let name = |name: &str| match environment.base_dir() == root {
            true => name.to_owned(),
            false => shell::path(&root.join(name)),
        };
        Commands { list: name(LIST), lock: name(LOCK) }
    }

    /// Returns the command that pins every image.
    fn lock(&self) -> String {
        let Commands { list, lock } = self;
        format!("wasm-airgap mirror lock -f {list} --lock-file {lock}")
    }

    /// Returns the command that copies the images to a layout again.
    fn copy(&self, layout: &str, is_locked: bool) -> String {
        let Commands { list, lock } = self;
        let locked = match is_locked {
            true => format!(" --locked --lock-file {lock}"),
            false => String::new(),
        };
        format!("wasm-airgap mirror copy -f {list}{locked} --to={}", shell::word(layout))
    }
}

#[cfg(test)]
mod tests;
