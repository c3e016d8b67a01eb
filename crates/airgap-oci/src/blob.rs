//! Blobs: downloads into a file, and readers for a push to another registry.

use std::fs::File;
use std::io::{self, Read};
use std::sync::{Arc, Mutex};

use ureq::http::Method;

use crate::api_call::ApiCall;
use crate::client::Client;
use crate::error_response::{self, RequestSubject};
use crate::manifest::Descriptor;
use crate::readable::{Readable, subject};
use crate::reference::Repository;
use crate::session::Session;
use crate::token::Scope;
use crate::traffic::Counters;
use crate::transport::Transport;
use airgap_core::digest::Digest;
use airgap_core::error::{Error, Result};
use airgap_core::report::{Item, printable};
use airgap_core::rooted::RootedPath;
use airgap_core::verify::Verified;
use airgap_http::LARGEST;
use airgap_http::address::Address;
use airgap_http::byte_source::{ByteSource, Progress, ResponseFacts, SourceResponse};
use airgap_http::failure::{AttemptError, AttemptResult, Attempts, Failure};
use airgap_http::http::{AuthProvider, Hop, HopAuth, Request};
use airgap_http::resume::ResumeRange;
use airgap_http::resuming_reader::ResumingReader;
use airgap_http::retry::Retries;
use airgap_http::transfer::{Accept, Transfer, TransferRequest};

/// A blob in a registry that can be read from any position, any number of times. A copy from
/// another registry pushes it.
pub struct RemoteBlob<'a> {
    client: &'a Client,
    repository: &'a Repository,
    descriptor: &'a Descriptor,
    /// The time that is left for waiting, over all reads of the blob.
    retries: Mutex<Retries>,
}

impl Client {
    /// Downloads a blob. It appears at its destination only if its digest and size are right. A
    /// download that an earlier run left unfinished is resumed.
    ///
    /// # Errors
    /// Integrity, if the digest or the size differ; unavailable, if the registry does not have it;
    /// otherwise network.
    pub fn blob(
        &self,
        repository: &Repository,
        descriptor: &Descriptor,
        destination: &RootedPath,
        item: &Item,
    ) -> Result<Verified> {
        let size = Some(descriptor.size);
        self.fetch(repository, &descriptor.digest, size, destination, None, item)
    }

    /// Downloads a blob with a further check: `accept` inspects the file after its digest is
    /// verified and before it appears at its destination. The size is checked if it is known.
    ///
    /// # Errors
    /// The errors of [`Client::blob`], and the errors of `accept`.
    pub fn blob_checked(
        &self,
        repository: &Repository,
        digest: &Digest,
        size: Option<u64>,
        destination: &RootedPath,
        accept: &dyn Fn(File) -> Result<()>,
        item: &Item,
    ) -> Result<Verified> {
        self.fetch(repository, digest, size, destination, Some(accept), item)
    }

    fn fetch(
        &self,
        repository: &Repository,
        digest: &Digest,
        size: Option<u64>,
        destination: &RootedPath,
        accept: Accept<'_>,
        item: &Item,
    ) -> Result<Verified> {
        let subject = subject(repository, digest);
        let largest = size.unwrap_or(LARGEST);
        if largest > LARGEST {
            return Err(Error::integrity(format!("{subject} is too large"))
                .fact("expected", format!("at most {LARGEST} bytes"))
                .fact("found", format!("{largest} bytes, according to its descriptor"))
                .hint(
                    "nothing was downloaded; ask the publisher of the manifest to correct the size",
                ));
        }
        let expected = digest;
        let wanted =
            TransferRequest { subject: &subject, expected, size, largest, destination, accept };
        let mut transfer = Transfer::begin(wanted, &self.transport().retry_policy, item)?;
        // A blob that is there already needs no network.
        if transfer.is_right() {
            return transfer.finish();
        }
        let source = match self.source(repository, digest) {
            Ok(source) => source,
            Err(error) => return Err(transfer.end(error)),
        };
        match transfer.fill_from(&source) {
            Ok(()) => transfer.finish(),
            Err(AttemptError::Fatal(error)) => Err(transfer.end(error)),
            Err(AttemptError::Source(failure)) => {
                Err(transfer.end(source.error(&subject, failure)))
            }
        }
    }

    /// Returns a reader of a blob in a registry, for a push to another one.
    pub fn remote_blob<'a>(
        &'a self,
        repository: &'a Repository,
        descriptor: &'a Descriptor,
    ) -> RemoteBlob<'a> {
        let retries = Mutex::new(self.transport().retry_policy.retries());
        RemoteBlob { client: self, repository, descriptor, retries }
    }

    /// Returns a reader of a blob at an address in `urls` of its descriptor, for a push. No
    /// credential is sent there.
    ///
    /// # Errors
    /// Usage, if it is not an address of `http` or `https`.
    pub fn blob_at_url<'a>(&'a self, url: &str, descriptor: &'a Descriptor) -> Result<UrlBlob<'a>> {
        let address = Address::parse(url).ok();
        let is_web = |it: &Address| matches!(it.scheme(), "http" | "https");
        let address = address.filter(is_web).ok_or_else(|| {
            Error::usage(format!("the manifest has no https URL for {}", descriptor.digest))
                .fact("found", printable(url))
        })?;
        let retries = Mutex::new(self.transport().retry_policy.retries());
        Ok(UrlBlob { transport: self.transport(), address, descriptor, retries })
    }

    /// Returns whether the registry has a blob.
    ///
    /// # Errors
    /// Network, if the registry does not answer that.
    pub fn has_blob(&self, repository: &Repository, digest: &Digest) -> Result<bool> {
        self.has_blob_within(repository, digest, &mut self.transport().retry_policy.retries())
    }

    /// Returns the same as [`Client::has_blob`], within the time that is left for waiting.
    pub(super) fn has_blob_within(
        &self,
        repository: &Repository,
        digest: &Digest,
        retries: &mut Retries,
    ) -> Result<bool> {
        let scope = Scope::pull(repository.name());
        self.head_blob(repository, digest, scope, &[404], retries)
    }

    /// Returns whether the registry has a blob that is to be pushed. A registry that hides its
    /// repository, does not know it yet, or does not answer HEAD counts as one without the blob:
    /// the push decides.
    ///
    /// # Errors
    /// The errors of [`Client::has_blob`].
    pub fn has_blob_to_push(&self, repository: &Repository, digest: &Digest) -> Result<bool> {
        let scope = Scope::push(repository.name());
        let mut retries = self.transport().retry_policy.retries();
        self.head_blob(repository, digest, scope, &[400, 401, 403, 404, 405, 501], &mut retries)
    }

    fn head_blob(
        &self,
        repository: &Repository,
        digest: &Digest,
        scope: Scope,
        accepted_statuses: &[u16],
        retries: &mut Retries,
    ) -> Result<bool> {
        let session = self.session(repository.registry())?;
        let call = ApiCall {
            doing: format!("look for {}", subject(repository, digest)),
            about: RequestSubject::Blob(repository.clone(), *digest),
            method: Method::HEAD,
            address: session.address(&path(repository, digest))?,
            headers: Vec::new(),
            body: &[],
            scopes: vec![scope],
            accepted_statuses,
            limit: 0,
        };
        Ok(self.transport().call_within(&session, &call, retries)?.status.is_success())
    }

    fn stream<'a>(
        &'a self,
        repository: &Repository,
        descriptor: &Descriptor,
        position: u64,
        retries: &'a Mutex<Retries>,
    ) -> Result<ResumingReader<'a, BlobSource<'a>>> {
        let source = self.source(repository, &descriptor.digest)?;
        let subject = subject(repository, &descriptor.digest);
        let (retry_policy, size) = (&self.transport().retry_policy, descriptor.size);
        Ok(ResumingReader::new(source, subject, retry_policy, retries, size, position))
    }

    fn source(&self, repository: &Repository, digest: &Digest) -> Result<BlobSource<'_>> {
        let session = self.session(repository.registry())?;
        let address = session.address(&path(repository, digest))?;
        let repository = repository.clone();
        Ok(BlobSource {
            transport: self.transport(),
            session,
            address,
            repository,
            digest: *digest,
        })
    }
}

impl Readable for RemoteBlob<'_> {
    fn read_from(&self, position: u64) -> Result<Box<dyn Read + '_>> {
        Ok(Box::new(self.client.stream(
            self.repository,
            self.descriptor,
            position,
            &self.retries,
        )?))
    }
}

/// A blob in a registry, as a source of bytes.
struct BlobSource<'a> {
    transport: &'a Transport,
    session: Arc<Session>,
    address: Address,
    repository: Repository,
    digest: Digest,
}

impl ByteSource for BlobSource<'_> {
    fn name(&self) -> String {
        self.address.to_string()
    }

    fn request(&self, range: &ResumeRange) -> AttemptResult<SourceResponse> {
        let scopes = [Scope::pull(self.repository.name())];
        let request = Request::get(range.headers());
        let answer = self.transport.send(&self.session, &self.address, request, &scopes)?;
        let response = SourceResponse::from_response(answer, range, |answer| {
            let about = RequestSubject::Blob(self.repository.clone(), self.digest);
            error_response::by_registry(
                &self.session.caller(self.repository.name()),
                &about,
                answer,
                self.transport.retry_policy.now(),
            )
        })?;
        let counters = self.transport.counters.clone();
        Ok(response.through(|body| Box::new(Counted { body, counters })))
    }

    fn interrupted(&self, error: io::Error, facts: &ResponseFacts, progress: Progress) -> Failure {
        progress.lost(&self.transport.http, error, facts)
    }

    fn error(&self, subject: &str, failure: Failure) -> Error {
        let doing = format!("download {subject}");
        error_response::error(&doing, &self.address, self.session.registry(), failure)
    }

    fn advice(&self) -> &'static str {
        "the blob of a digest never changes: find the proxy or storage that changes or damages it \
         between that registry and this machine"
    }
}

/// A blob at an address from `urls` of its descriptor.
pub struct UrlBlob<'a> {
    transport: &'a Transport,
    address: Address,
    descriptor: &'a Descriptor,
    /// The time that is left for waiting, over all reads of the blob.
    retries: Mutex<Retries>,
}

impl Readable for UrlBlob<'_> {
    fn read_from(&self, position: u64) -> Result<Box<dyn Read + '_>> {
        let subject = format!("`sha256:{}`", self.descriptor.digest);
        let (retry_policy, size) = (&self.transport.retry_policy, self.descriptor.size);
        let source = UrlBlobSource { transport: self.transport, address: self.address.clone() };
        Ok(Box::new(ResumingReader::new(
            source,
            subject,
            retry_policy,
            &self.retries,
            size,
            position,
        )))
    }
}

/// An address from `urls` of a descriptor, as a source of bytes.
struct UrlBlobSource<'a> {
    transport: &'a Transport,
    address: Address,
}

impl ByteSource for UrlBlobSource<'_> {
    fn name(&self) -> String {
        self.address.to_string()
    }

    fn request(&self, range: &ResumeRange) -> AttemptResult<SourceResponse> {
        let request = Request::get(range.headers());
        let answer = self.transport.http.send(&self.address, request, self)?;
        let response = SourceResponse::from_response(answer, range, |answer| {
            Failure::from_status(answer.status, &answer.headers, self.transport.retry_policy.now())
        })?;
        let counters = self.transport.counters.clone();
        Ok(response.through(|body| Box::new(Counted { body, counters })))
    }

    fn interrupted(&self, error: io::Error, facts: &ResponseFacts, progress: Progress) -> Failure {
        progress.lost(&self.transport.http, error, facts)
    }

    fn error(&self, subject: &str, failure: Failure) -> Error {
        let mut attempts = Attempts::default();
        attempts.add(&self.address, failure);
        attempts.error(subject)
    }

    fn advice(&self) -> &'static str {
        "the manifest names this URL, but with another digest: ask the publisher of the image"
    }
}

impl AuthProvider for UrlBlobSource<'_> {
    fn auth_for(&self, _: &Hop<'_>) -> AttemptResult<HopAuth> {
        Ok(HopAuth::default())
    }
}

/// A response body whose bytes are counted.
struct Counted {
    body: Box<dyn Read + Send>,
    counters: Arc<Counters>,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.body.read(buffer)?;
        self.counters.received(count);
        Ok(count)
    }
}

/// Returns the path of a blob in the API (OCI distribution-spec "Pulling blobs").
fn path(repository: &Repository, digest: &Digest) -> String {
    format!("{}/blobs/sha256:{digest}", repository.name())
}
