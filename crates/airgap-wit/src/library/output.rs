//! Writes the folder of a library.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::Path;

use super::DEPS;
use super::available::AvailablePackages;
use crate::WitSource;
use airgap_core::error::{Context, Result};
use airgap_core::rooted::RootedPath;
use airgap_core::store::Staging;

/// Writes the package and all its dependencies. The folder appears as a whole.
pub(super) fn write(own: &WitSource, provided: &AvailablePackages, out: &Path) -> Result<()> {
    let staging = Staging::beside(out)?;
    let root = RootedPath::from_trusted(staging.root());
    write_files(own, &root)?;
    let mut taken = BTreeSet::new();
    for (id, package) in provided.packages() {
        let mut folder = id.folder();
        // `a-b:c` and `a:b-c` would share a folder. The folder's name has no meaning, but must be
        // unique.
        while !taken.insert(folder.clone()) {
            folder.push('+');
        }
        write_files(&package.source, &root.join(&format!("{DEPS}/{folder}")))?;
    }
    staging.publish(None)
}

/// Writes the files into a folder that is not visible yet, so that they need no atomic writes.
fn write_files(source: &WitSource, path: &RootedPath) -> Result<()> {
    let folder = path.make().doing(|| format!("create `{path}`"))?;
    for (name, bytes) in &source.files {
        let written = folder.create(name.as_ref(), false).and_then(|mut it| it.write_all(bytes));
        written.doing(|| format!("write `{}`", path.join(name)))?;
    }
    Ok(())
}
