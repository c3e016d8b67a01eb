//! A file at an address, with the credential of its host from a netrc file.

use std::io;
use std::path::Path;

use crate::address::Address;
use crate::byte_source::{ByteSource, Progress, ResponseFacts, SourceResponse};
use crate::credential_scope::{self, Withheld};
use crate::failure::{AttemptResult, Attempts, Failure};
use crate::http::{AuthProvider, Hop, HopAuth, Http, Request, Response};
use crate::resume::{ResponseRange, ResumeRange};
use crate::retry::Retryable;
use crate::retry_policy::RetryPolicy;
use airgap_core::credentials::Login;
use airgap_core::credentials::netrc::Netrc;
use airgap_core::error::Error;
use airgap_core::regular_file;

/// A file at an `http`, `https` or `file` address.
pub(super) struct FileSource<'a> {
    pub(super) address: &'a Address,
    pub(super) http: &'a Http,
    pub(super) netrc: &'a Netrc,
    pub(super) retry_policy: &'a RetryPolicy,
}

impl ByteSource for FileSource<'_> {
    fn name(&self) -> String {
        self.address.to_string()
    }

    fn request(&self, range: &ResumeRange) -> AttemptResult<SourceResponse> {
        if let Some(path) = self.address.file() {
            return Ok(open(&path?)?);
        }
        let answer = self.http.send(self.address, Request::get(range.headers()), self)?;
        Ok(SourceResponse::from_response(answer, range, |answer| self.refusal(&answer))?)
    }

    fn interrupted(&self, error: io::Error, facts: &ResponseFacts, progress: Progress) -> Failure {
        if self.address.scheme() == "file" {
            return Failure::new(Retryable::Never, error.to_string());
        }
        progress.lost(self.http, error, facts)
    }

    fn error(&self, subject: &str, failure: Failure) -> Error {
        let mut attempts = Attempts::default();
        attempts.add(self.address, failure);
        attempts.error(subject)
    }

    fn advice(&self) -> &'static str {
        "if upstream published other bytes, find out why before you pin them with `wasm-airgap \
         toolchain pin`"
    }
}

impl AuthProvider for FileSource<'_> {
    fn auth_for(&self, hop: &Hop<'_>) -> AttemptResult<HopAuth> {
        let allowed = self.may_see(hop.here);
        let credential = self.credential(hop.here).filter(|_| allowed.is_ok());
        Ok(HopAuth { authorization: credential.map(Login::basic), ..HopAuth::default() })
    }
}

impl FileSource<'_> {
    /// Checks that the server at `here` may see a credential: see [`credential_scope`].
    fn may_see(&self, here: &Address) -> Result<(), Withheld> {
        credential_scope::check(self.address, here, self.http.is_proxied(here))
    }

    /// Returns the credential for the server at `here`, whether or not it may be sent there: the
    /// one in the address, the entry of the netrc file for the host, or the `default` entry.
    fn credential(&self, here: &Address) -> Option<&Login> {
        let home = here.origin() == self.address.origin();
        let own = self.address.credential().filter(|_| home);
        own.or_else(|| self.netrc.machine(here.host()))
            .or_else(|| self.netrc.default_entry().filter(|_| home))
    }

    /// Adds hints to a refusal: the server may not see a credential, and how to change that.
    fn explain(&self, failure: Failure, here: &Address, reason: Withheld) -> Failure {
        let host = here.host();
        let home = here.origin() == self.address.origin();
        let hint = match self.credential(here) {
            Some(_) if home && self.address.credential().is_some() => {
                format!("the user and password in the address were not sent to {host}: {reason}")
            }
            Some(_) => {
                format!("the credential for {host} in {} was not sent: {reason}", self.netrc_file())
            }
            None => format!("credentials are never sent to {host} over this route: {reason}"),
        };
        failure.hint(hint).hint(reason.advice(here))
    }

    /// Returns the name of the netrc file for a message.
    fn netrc_file(&self) -> String {
        match self.netrc.path() {
            Some(path) => format!("`{}`", path.display()),
            None => "the file named by NETRC".to_owned(),
        }
    }

    /// Returns the failure for a response without the file, with hints.
    fn refusal(&self, answer: &Response) -> Failure {
        let failure = Failure::from_status(answer.status, &answer.headers, self.retry_policy.now());
        let here = &answer.from;
        // Some servers answer 404 in place of 401.
        let hidden = failure.missing && self.credential(here).is_some();
        if let Err(reason) = self.may_see(here)
            && (failure.refused || hidden)
        {
            return self.explain(failure, here, reason);
        }
        let (host, file) = (here.host(), self.netrc_file());
        let entry = format!("`machine {host} login NAME password PASSWORD` in {file}");
        match (answer.status.as_u16(), answer.authenticated) {
            (401, false) => {
                failure.hint(format!("the server requires a credential: write {entry}"))
            }
            (401, true) => failure.hint(format!(
                "the server does not accept the credential: check {entry}, or the user and \
                 password in the URL"
            )),
            (403, false) => failure.hint(format!(
                "the server refuses requests without a credential; if you have access to the file, \
                 write {entry}"
            )),
            (403, true) => failure.hint(format!(
                "the server accepted the credential, but this user has no access to the file; \
                 check {entry}"
            )),
            _ => failure,
        }
    }
}

/// Opens a local file, always from its beginning: reading it again costs nothing.
fn open(path: &Path) -> std::result::Result<SourceResponse, Failure> {
    let file = regular_file::open(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => Failure::missing("the file does not exist"),
        io::ErrorKind::InvalidInput => Failure::new(Retryable::Never, "is not a regular file"),
        _ => Failure::new(Retryable::Never, error.to_string()),
    })?;
    let size =
        file.metadata().map_err(|error| Failure::new(Retryable::Never, error.to_string()))?;
    Ok(SourceResponse {
        part: ResponseRange::Whole { size: Some(size.len()) },
        validator: None,
        facts: ResponseFacts { sized: true, ..ResponseFacts::default() },
        body: Box::new(file),
    })
}
