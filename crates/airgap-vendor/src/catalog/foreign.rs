//! Recognizes the registry files of rules_wasm_component, which have another form.

use std::path::Path;

use airgap_core::error::Error;
use airgap_core::shell;

/// Fields that only those files have.
const FIELDS: [&str; 4] =
    ["\"tool_name\"", "\"oci_repository\"", "\"package_file\"", "\"latest_version\""];

/// The folders that contain those files, in the folder that `import` takes.
const FOLDERS: [&str; 2] = ["tools", "components"];

/// Returns whether the text of an invalid registry file is such a file.
pub(super) fn is_foreign(text: &str) -> bool {
    FIELDS.iter().any(|field| text.contains(field))
}

/// Adds the reason and the command that converts the files to the error about such a file.
pub(super) fn explain(error: Error, origin: &str) -> Error {
    let folder = Path::new(origin).parent().unwrap_or(Path::new("."));
    let is_part = folder.file_name().is_some_and(|name| FOLDERS.iter().any(|it| name == *it));
    let checksums = if is_part { folder.parent().unwrap_or(Path::new(".")) } else { folder };
    let checksums = if checksums.as_os_str().is_empty() { Path::new(".") } else { checksums };
    error.fact("found", "a registry file of rules_wasm_component").hint(format!(
        "convert it with its whole folder, and name the new file\nwasm-airgap import rules_wasm_component {} \
         --output registry",
        shell::path(checksums)
    ))
}
