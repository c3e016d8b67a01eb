//! Downloads of pinned bytes: unverified bytes stay inside, and the result is [`Verified`].
//!
//! ```text
//! lib ─┬─ transfer          a download to a file
//!      │  ├─ resume         the range of the request, and the one in the response
//!      │  └─ pipeline       reads, hashes and writes in three threads
//!      ├─ measure           the digest and the size of a file that is not stored
//!      ├─ resuming_reader   the same bytes as a reader, for copies
//!      ├─ small_response    short responses, read whole
//!      ├─ byte_source       the trait of a source: a file, or a blob of `airgap_oci`
//!      ├─ file_source       a file at an address, with its credential
//!      │  └─ credential_scope   the rule which server may see a credential
//!      ├─ http              requests, by proxy, dns, tls, roots, deadline, interim_response
//!      │  └─ failure        the reason why a source failed; certificate has that of TLS
//!      └─ retry_policy      the one retry loop
//!         └─ retry          when to try again
//! ```

#![warn(unreachable_pub)]
// Tests lay out their own folders.
#![cfg_attr(test, allow(clippy::disallowed_methods))]

pub mod address;
pub mod byte_source;
pub mod certificate;
pub mod credential_scope;
pub(crate) mod deadline;
mod dns;
pub mod failure;
mod file_source;
pub mod http;
mod interim_response;
mod measure;
mod pipeline;
mod proxy;
pub mod resume;
pub mod resuming_reader;
pub mod retry;
pub mod retry_policy;
mod roots;
mod small_response;
mod tls;
pub mod transfer;

pub use address::redacted;
pub use measure::Measured;
pub use retry::{Clock, SystemClock};
pub use small_response::SmallResponse;
pub use tls::Identity;

use std::sync::Arc;

use airgap_core::credentials::netrc::Netrc;
use airgap_core::digest::Digest;
use airgap_core::error::{Error, ErrorKind, Result};
use airgap_core::network::Network;
use airgap_core::report::Item;
use airgap_core::rooted::RootedPath;
use airgap_core::search::{self, Answer, Searched};
use airgap_core::verify::Verified;

use address::Address;
use byte_source::ByteSource;
use failure::{AttemptError, Attempts};
use file_source::FileSource;
use http::Http;
use retry_policy::RetryPolicy;
use transfer::{Transfer, TransferRequest};

/// The largest file in bytes. Without a limit, a server that never stops sending would fill the
/// disk.
pub const LARGEST: u64 = 16 << 30;

/// A client that downloads files. Any number of threads can share one and its connections.
pub struct Client {
    http: Http,
    netrc: Netrc,
    retry_policy: RetryPolicy,
    largest: u64,
}

/// A file to download.
#[derive(Clone, Copy, Debug)]
pub struct Download<'a> {
    /// The name in messages, as in `wasm-tools 1.244.0 (linux_amd64)`.
    pub subject: &'a str,
    /// The `http`, `https` and `file` addresses to try, in this order.
    pub urls: &'a [String],
    /// The SHA-256 of the file.
    pub expected: &'a Digest,
    /// The path of the downloaded file.
    pub destination: &'a RootedPath,
}

impl Client {
    /// Creates a client with these settings. Reads the credentials, and opens no socket yet.
    ///
    /// # Errors
    /// Usage, if the address of a proxy or the netrc file is invalid.
    pub fn new(network: &Network) -> Result<Client> {
        let netrc = Netrc::read(network.netrc.as_deref())?;
        let retry_policy = RetryPolicy::new(Arc::new(SystemClock), network.retry_budget);
        Ok(Client {
            http: Http::new(network, http::LARGE_READS)?,
            netrc,
            retry_policy,
            largest: LARGEST,
        })
    }

    /// Returns the same client with another clock; for tests.
    #[must_use]
    pub fn with_clock(self, clock: Arc<dyn Clock>) -> Client {
        Client { retry_policy: self.retry_policy.with_clock(clock), ..self }
    }

    /// Returns the same client with another limit on the size of a file.
    #[must_use]
    pub fn with_largest(self, largest: u64) -> Client {
        Client { largest, ..self }
    }

    /// Downloads a file from the first address that has the pinned bytes. The file appears at its
    /// destination only if it is right. A download that an earlier run left unfinished is resumed.
    ///
    /// # Errors
    /// Integrity, as soon as a source sends other bytes: the next one is not tried, because the
    /// wrong source would stay unnoticed. Unavailable, if every source says that it does not have
    /// the file; otherwise network; both list every attempt.
    pub fn download(&self, request: &Download<'_>, item: &Item) -> Result<Verified> {
        let urls: Result<Vec<_>> = request.urls.iter().map(|url| Address::parse(url)).collect();
        let urls = urls?;
        let Download { subject, expected, destination, .. } = *request;
        let largest = self.largest;
        let wanted =
            TransferRequest { subject, expected, size: None, largest, destination, accept: None };
        let mut transfer = Transfer::begin(wanted, &self.retry_policy, item)?;
        if transfer.is_right() {
            return transfer.finish();
        }
        let searched = search::in_order(&urls, |url| match transfer.fill_from(&self.source(url)) {
            Ok(()) => Ok(Answer::Found(())),
            Err(AttemptError::Source(failure)) => Ok(Answer::Passed(failure)),
            Err(AttemptError::Fatal(error)) => Err(error),
        });
        match searched {
            Ok(Searched { found: Some(_), .. }) => transfer.finish(),
            Ok(Searched { passed, .. }) => {
                let mut attempts = Attempts::default();
                passed.into_iter().for_each(|(url, failure)| attempts.add(url, failure));
                Err(transfer.end(attempts.error(subject)))
            }
            Err(error) => Err(transfer.end(error)),
        }
    }

    /// Returns the digest and the size of the file at an address. The file is not stored.
    ///
    /// # Errors
    /// The errors of [`Client::inspect`].
    pub fn measure(&self, url: &str, item: &Item) -> Result<(Digest, u64)> {
        self.inspect(url, item).map(|found| (found.digest, found.size))
    }

    /// Reads the file at an address, to pin it. The file is not stored.
    ///
    /// # Errors
    /// Integrity, if it is a web page, a Git LFS pointer or too long; unavailable, if the server
    /// says that it does not have it; network, if the server fails.
    pub fn inspect(&self, url: &str, item: &Item) -> Result<Measured> {
        let address = Address::parse(url)?;
        let source = self.source(&address);
        measure::measure(&source, self.largest, &self.retry_policy, item).map_err(|it| match it {
            AttemptError::Fatal(error) => error,
            AttemptError::Source(failure) => source.error(&format!("`{address}`"), failure),
        })
    }

    /// Returns the small response of an `http` or `https` address, which is not stored; `None` if
    /// the server says that it does not have the file.
    ///
    /// # Errors
    /// Network, if the server fails; integrity, if the response is longer than `largest` bytes or a
    /// web page.
    pub fn get_small(&self, url: &str, largest: u64, item: &Item) -> Result<Option<SmallResponse>> {
        let address = Address::parse(url)?;
        if address.scheme() == "file" {
            return Err(Error::usage(format!("`{address}` is not an http or https address")));
        }
        let source = self.source(&address);
        let within = self.http.answer_time();
        small_response::read(&source, largest, within, &self.retry_policy, item).map_err(|it| {
            match it {
                AttemptError::Fatal(error) => error,
                AttemptError::Source(failure) => {
                    let error = Error::new(ErrorKind::Network, format!("cannot read `{address}`"));
                    failure.hints.into_iter().fold(error.because(failure.reason), Error::hint)
                }
            }
        })
    }

    fn source<'a>(&'a self, address: &'a Address) -> FileSource<'a> {
        FileSource {
            address,
            http: &self.http,
            netrc: &self.netrc,
            retry_policy: &self.retry_policy,
        }
    }
}
