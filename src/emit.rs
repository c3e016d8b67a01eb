//! Emit: the BUILD files of repositories and folders that hold what was extracted.

pub mod starlark;
mod tool;
mod wit;

pub use tool::{TOOL_FOLDER, ToolRepository};
pub use wit::WitRepository;

use std::path::Path;

use crate::error::{Context, Result};

/// Renames the BUILD files that an archive brought along: Bazel would take each for a package of
/// its own and hide everything below it from the repository's one package.
pub fn hide_build_files(tree: &Path) -> Result<()> {
    for entry in walkdir::WalkDir::new(tree) {
        let entry =
            entry.map_err(std::io::Error::from).doing(|| format!("list `{}`", tree.display()))?;
        let name = entry.file_name().to_string_lossy();
        if entry.file_type().is_file() && matches!(&*name, "BUILD" | "BUILD.bazel") {
            let hidden = entry.path().with_file_name(format!("{name}.upstream"));
            rename(entry.path(), &hidden)?;
        }
    }
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "within a tree that nobody uses yet")]
fn rename(from: &Path, to: &Path) -> Result<()> {
    std::fs::rename(from, to).doing(|| format!("rename `{}`", from.display()))
}
