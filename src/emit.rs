//! Emit: the BUILD files of repositories and folders that hold what was extracted.

pub mod starlark;
mod tool;
mod wit;

pub use tool::{TOOL_FOLDER, ToolRepository};
pub use wit::WitRepository;
