//! The way in which the commands of one diagnosis run without a network.

use std::ffi::OsString;
use std::path::Path;

use airgap_core::child::Limits;
use airgap_core::environment::Environment;
use airgap_core::error::Result;

use crate::network_namespace::{NetworkNamespace, Output, Session, Words};

/// A tested way to run commands without a network.
pub(super) enum Isolation {
    /// All commands in one session, which one server of Bazel can answer: it ends with the session.
    Session(Session),
    /// Each command in a network namespace of its own. A server would outlive this program, or
    /// could not be found by the next command.
    Single(NetworkNamespace),
}

impl Isolation {
    /// Finds a way that works on this machine.
    ///
    /// # Errors
    /// Failed, if no network namespace can be created here.
    pub(super) fn find(
        environment: &Environment,
        folder: &Path,
        limits: Limits,
    ) -> Result<Isolation> {
        match Session::new(environment, folder, limits) {
            Ok(session) => Ok(Isolation::Session(session)),
            Err(_) => NetworkNamespace::find(environment).map(Isolation::Single),
        }
    }

    /// Returns whether a server that a command starts can answer the next one.
    pub(super) fn keeps_servers(&self) -> bool {
        matches!(self, Isolation::Session(_))
    }

    /// Runs a command in this folder and within these limits, both those of [`Isolation::find`].
    ///
    /// # Errors
    /// Failed, if the command cannot be started or exceeds a limit.
    pub(super) fn run(
        &mut self,
        command: &[OsString],
        folder: &Path,
        scratch: &Path,
        limits: Limits,
    ) -> Result<Output> {
        match self {
            Isolation::Session(session) => session.run(command),
            Isolation::Single(namespace) => {
                let words = Words { tracer: &[], command, folder, variables: &[] };
                let captured = namespace.captured(&words, scratch, limits)?;
                let (stdout, stderr) = (captured.stdout, captured.stderr);
                Ok(Output { code: captured.ended.code, stdout, stderr })
            }
        }
    }
}
