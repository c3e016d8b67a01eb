//! A file at an address, with the credentials that its host has in a netrc file.

use std::io;
use std::path::Path;

use crate::error::Error;
use crate::fetch::address::Address;
use crate::fetch::failure::{Attempts, Failure, Tried};
use crate::fetch::http::{Answer, Asker, Hop, Http, Pass, Request};
use crate::fetch::netrc::Netrc;
use crate::fetch::patience::Patience;
use crate::fetch::resume::{Part, Range};
use crate::fetch::retry::Chance;
use crate::fetch::source::{Arrival, Served, SoFar, Source};

/// A file at an `http`, `https` or `file` address.
pub(super) struct FileSource<'a> {
    pub(super) address: &'a Address,
    pub(super) http: &'a Http,
    pub(super) netrc: &'a Netrc,
    pub(super) patience: &'a Patience,
}

impl Source for FileSource<'_> {
    fn name(&self) -> String {
        self.address.to_string()
    }

    fn ask(&self, range: &Range) -> Tried<Arrival> {
        if let Some(path) = self.address.file() {
            return Ok(read(&path?)?);
        }
        let answer = self.http.send(self.address, Request::get(range.headers()), self)?;
        Ok(Arrival::of(answer, range, |answer| self.refusal(&answer))?)
    }

    fn interrupted(&self, error: io::Error, served: &Served, so_far: SoFar) -> Failure {
        if self.address.scheme() == "file" {
            return Failure::new(Chance::None, error.to_string());
        }
        so_far.lost(self.http, error, served)
    }

    fn error(&self, subject: &str, failure: Failure) -> Error {
        let mut attempts = Attempts::default();
        attempts.add(self.address, failure);
        attempts.error(subject)
    }

    fn advice(&self) -> &'static str {
        "if upstream really published other bytes, find out why before you pin them with \
         `wasm-airgap toolchain pin`"
    }
}

impl Asker for FileSource<'_> {
    /// What stood in the address goes to that server only, and so does netrc's default: a server
    /// that redirects must not choose who gets them.
    fn pass(&self, hop: &Hop<'_>) -> Tried<Pass> {
        let home = hop.here.origin() == hop.start.origin();
        let own = hop.start.credential().filter(|_| home);
        let credential = own
            .or_else(|| self.netrc.machine(hop.here.host()))
            .or_else(|| self.netrc.anyone().filter(|_| home));
        let authorization = credential.map(|it| it.basic());
        Ok(Pass { authorization, ..Pass::default() })
    }
}

impl FileSource<'_> {
    /// An answer that brings no file, and what helps against it.
    fn refusal(&self, answer: &Answer) -> Failure {
        let failure = Failure::of_status(answer.status, &answer.headers, self.patience.now());
        let host = answer.from.host();
        let file = match self.netrc.path() {
            Some(path) => format!("`{}`", path.display()),
            None => "a file named by NETRC".to_owned(),
        };
        let entry = format!("`machine {host} login NAME password PASSWORD` in {file}");
        match (answer.status.as_u16(), answer.authenticated) {
            (401, false) => {
                failure.hint(format!("the server wants to know who asks: write {entry}"))
            }
            (401, true) => failure.hint(format!(
                "the server does not accept the credential that was sent: check {entry}, or the \
                 user and password in the address"
            )),
            (403, false) => failure.hint(format!(
                "the server refuses those it does not know; if you may have the file, write {entry}"
            )),
            (403, true) => failure.hint(format!(
                "the server knows who asks and refuses: this user may not have the file; check \
                 {entry}"
            )),
            _ => failure,
        }
    }
}

/// A local file, always from its beginning: reading it again costs nothing.
fn read(path: &Path) -> std::result::Result<Arrival, Failure> {
    let file = crate::read::open(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => Failure::missing("there is no such file"),
        _ => Failure::new(Chance::None, error.to_string()),
    })?;
    match file.metadata() {
        Ok(found) if found.is_file() => Ok(Arrival {
            part: Part::Whole { size: Some(found.len()) },
            validator: None,
            served: Served { sized: true, ..Served::default() },
            body: Box::new(file),
        }),
        _ => Err(Failure::new(Chance::None, "is not a file")),
    }
}
