//! Tools: their published archives, the helper beside them, and their repositories.

mod build_file;
mod helper;
mod vendor;

pub use build_file::{TOOL_FOLDER, ToolRepository};
pub use helper::Helper;
pub use vendor::{ToolJob, vendor_tools};
