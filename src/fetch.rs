//! Downloads pinned files: the raw bytes stay in here, and what comes out is [`Verified`].
//!
//! ```text
//! fetch ── transfer ─┬─ resume   which part of the file is asked for, and which one came
//!                    ├─ http ────┬─ proxy, roots, netrc, address
//!                    │           └─ failure   why a source did not deliver
//!                    ├─ pipe     read, hash and write in three threads
//!                    └─ retry    when to try again
//! ```

mod address;
mod failure;
mod http;
mod netrc;
mod pipe;
mod proxy;
mod resume;
mod retry;
mod roots;
mod transfer;

pub use address::redacted;
pub use retry::{Clock, SystemClock};

use std::path::Path;
use std::sync::Arc;

use crate::digest::Digest;
use crate::error::{Error, Kind, Result};
use crate::network::Network;
use crate::report::Item;
use crate::verify::Verified;

use address::Address;
use failure::{Attempts, Trouble};
use http::Http;
use transfer::Transfer;

/// No file is larger. A server that never stops sending would fill the disk.
const LARGEST: u64 = 16 << 30;

/// Downloads files. One is enough for any number of threads, and lets them share connections.
pub struct Client {
    http: Http,
    clock: Arc<dyn Clock>,
    largest: u64,
}

/// A file to download.
#[derive(Clone, Copy, Debug)]
pub struct Download<'a> {
    /// What it is, as in `wasm-tools 1.244.0 (linux_amd64)`.
    pub subject: &'a str,
    /// Where it may be: `http`, `https` and `file` addresses, in the order in which to try them.
    pub urls: &'a [String],
    /// Its SHA-256.
    pub expected: &'a Digest,
    /// Where to put it.
    pub destination: &'a Path,
}

impl Client {
    /// A client with these settings. Reads the credentials, and opens no socket yet.
    ///
    /// # Errors
    /// Usage, where a proxy's address or the netrc file makes no sense.
    pub fn new(network: &Network) -> Result<Client> {
        let http = Http::new(network)?;
        Ok(Client { http, clock: Arc::new(SystemClock), largest: LARGEST })
    }

    /// The same client with another notion of time; for tests.
    #[must_use]
    pub fn with_clock(self, clock: Arc<dyn Clock>) -> Client {
        Client { clock, ..self }
    }

    /// The same client with another limit on the size of a file.
    #[must_use]
    pub fn with_largest(self, largest: u64) -> Client {
        Client { largest, ..self }
    }

    /// Tries the addresses in their order until one gives the pinned bytes. The file appears at its
    /// destination only when it is right. What a failed or killed run left there is continued.
    ///
    /// # Errors
    /// Integrity as soon as a source gives other bytes: the next one is not asked, because nobody
    /// would learn of it. Unavailable where every source says that it does not have the file,
    /// otherwise network; both list every attempt.
    pub fn download(&self, request: &Download<'_>, item: &Item) -> Result<Verified> {
        let urls: Result<Vec<_>> = request.urls.iter().map(|url| Address::parse(url)).collect();
        let urls = urls?;
        let mut transfer = Transfer::begin(self, request, item)?;
        if transfer.is_right() {
            return transfer.finish();
        }
        let mut attempts = Attempts::default();
        for url in &urls {
            match transfer.fill_from(url) {
                Ok(()) => return transfer.finish(),
                Err(Trouble::Source(failure)) => attempts.add(url, failure),
                Err(Trouble::Fatal(error)) => return Err(transfer.end(error)),
            }
        }
        Err(transfer.end(attempts.error(request.subject)))
    }

    /// The digest and the size of what an address serves now, to pin it. Nothing is kept.
    pub fn measure(&self, url: &str, item: &Item) -> Result<(Digest, u64)> {
        let address = Address::parse(url)?;
        transfer::measure(self, &address, item).map_err(|trouble| match trouble {
            Trouble::Fatal(error) => error,
            Trouble::Source(failure) => {
                let mut attempts = Attempts::default();
                attempts.add(&address, failure);
                attempts.error(&format!("`{address}`"))
            }
        })
    }
}

/// The error for an answer that is a page for people.
fn page(source: &Address) -> Error {
    Error::new(Kind::Integrity, format!("`{source}` answers with a web page instead of a file"))
        .hint("it may be a login page or the notice of a proxy; open the address in a browser")
}
