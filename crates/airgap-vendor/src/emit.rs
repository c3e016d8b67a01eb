//! The BUILD files of repositories and folders with unpacked content.

pub mod starlark;
mod tool;
mod wit;

pub use tool::{TOOL_FOLDER, ToolRepository};
pub use wit::WitRepository;
