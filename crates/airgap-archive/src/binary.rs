//! Places a published file that is not an archive: the executable itself.

use std::fs::File;
use std::io;

use airgap_core::error::{Context, Result};

use super::Layout;
use super::catalog::Catalog;
use super::tree::TreeWriter;

/// Copies the file under its name and makes it executable.
pub(super) fn copy(
    mut file: File,
    layout: &Layout,
    catalog: &mut Catalog<'_>,
    tree: &mut TreeWriter,
) -> Result<()> {
    let name = layout.filename.as_str();
    let size = file.metadata().doing(|| "read the file".to_owned())?.len();
    let path = catalog.file(name.as_bytes(), size)?;
    let mut copy = tree.file(&path, true)?;
    io::copy(&mut file, &mut copy).map(drop).doing(|| format!("write `{name}`"))
}
