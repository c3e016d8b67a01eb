//! Files that the commands below `mirror` write.

use std::path::{Path, PathBuf};

use crate::cli::Context;
use airgap_core::error::{Error, Result};
use airgap_core::rooted::RootedPath;
use airgap_core::store;
use airgap_core::user_path;
use airgap_mirror::yaml;

/// Writes a file that the user names, unless it is one of the files that were read. A link at its
/// place stays, and its target is written.
///
/// # Errors
/// Usage, if it is one of `inputs`; otherwise the errors of the write.
pub(super) fn write_named<'a>(
    path: &Path,
    text: &str,
    inputs: impl IntoIterator<Item = &'a PathBuf>,
    context: &Context,
) -> Result<()> {
    refuse_inputs(path, inputs, context)?;
    let place = store::through_link(&context.path(path))?;
    store::change(&place, yaml::MOST_BYTES, |_| Ok(text.as_bytes().to_vec()))
}

/// Checks that an output is not one of the files that are read, through links.
///
/// # Errors
/// Usage, if it is.
pub(super) fn refuse_inputs<'a>(
    output: &Path,
    inputs: impl IntoIterator<Item = &'a PathBuf>,
    context: &Context,
) -> Result<()> {
    let path = context.path(output);
    for input in inputs {
        let read = context.path(input);
        if user_path::is_within(&path, &read) && user_path::is_file(&read)? {
            let (output, input) = (output.display(), input.display());
            return Err(Error::usage(format!(
                "the output `{output}` would replace a file that is read"
            ))
            .fact("read", input)
            .hint("name another file with --output"));
        }
    }
    Ok(())
}

/// A file whose place the program chooses, so that another file may already be there.
pub(super) struct OwnFile<'a> {
    /// The place.
    pub(super) place: &'a RootedPath,
    /// The name in messages.
    pub(super) name: &'a Path,
    /// The beginning of each text that the command writes.
    pub(super) header: &'a str,
    /// The command, such as `mirror policy`.
    pub(super) command: &'a str,
    /// The advice if the file is another one.
    pub(super) hint: &'a str,
}

impl OwnFile<'_> {
    /// Writes the file.
    ///
    /// # Errors
    /// Usage, if the file that is there does not begin with the header; it stays as it is.
    pub(super) fn write(&self, text: &str) -> Result<()> {
        store::change(self.place, yaml::MOST_BYTES, |bytes| match bytes {
            Some(old) if !old.starts_with(self.header.as_bytes()) => Err(self.refusal()),
            _ => Ok(text.as_bytes().to_vec()),
        })
    }

    fn refusal(&self) -> Error {
        let name = self.name.display();
        Error::usage(format!("cannot write `{name}`: the file was not written by this command"))
            .fact("expected", format!("no file, or one written by `{}`", self.command))
            .fact("found", "a file with another first line")
            .hint(self.hint)
    }
}
