//! The folder that a library becomes.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use super::DEPS;
use super::provided::Provided;
use crate::error::{Context, Result};
use crate::store::Staging;
use crate::wit::Source;

/// Writes the package and all that it needs. The folder appears as a whole.
pub(super) fn write(own: &Source, provided: &Provided, out: &Path) -> Result<()> {
    let staging = Staging::beside(out)?;
    write_files(own, staging.root())?;
    let mut taken = BTreeSet::new();
    for (id, package) in provided.packages() {
        let mut folder = id.folder();
        // `a-b:c` and `a:b-c` would share one. Its name has no meaning, but it must be unique.
        while !taken.insert(folder.clone()) {
            folder.push('+');
        }
        write_files(&package.source, &staging.root().join(DEPS).join(folder))?;
    }
    staging.publish(None)
}

fn write_files(source: &Source, folder: &Path) -> Result<()> {
    // Nobody sees the folder yet, so these need no care of their own.
    fs::create_dir_all(folder).doing(|| format!("create `{}`", folder.display()))?;
    for (name, bytes) in &source.files {
        let path = folder.join(name);
        fs::write(&path, bytes).doing(|| format!("write `{}`", path.display()))?;
    }
    Ok(())
}
