//! Uploads of blobs to a registry (OCI distribution-spec "Pushing blobs").

use std::io::{self, Read};
use std::sync::Arc;

use ureq::http::{HeaderMap, Method, StatusCode, header};

use crate::api_call::ApiCall;
use crate::client::Client;
use crate::error_response::{self, RequestSubject};
use crate::manifest::Descriptor;
use crate::readable::{Readable, subject};
use crate::reference::Repository;
use crate::session::Session;
use crate::token::Scope;
use crate::transport::Transport;
use crate::verifying_reader::{Checkpoint, VerifyingReader};
use airgap_core::digest::Digest;
use airgap_core::error::{Error, ErrorKind, Result};
use airgap_core::report::Item;
use airgap_http::address::Address;
use airgap_http::failure::{AttemptError, Failure};
use airgap_http::http::{self, Body, Request, Response};
use airgap_http::retry::{Retries, Retryable};
use airgap_http::retry_policy::FailedAttempt;

/// The most attempts without a wait before them, until the upload has gained [`CHUNK`].
const CHANGES: usize = 10;

/// The first size of a part of an upload in bytes.
const CHUNK: u64 = 64 << 20;

/// The divisor of the size of a part after the server said that it is too large.
const SHRINK: u64 = 4;

/// The smallest part in bytes, unless the server needs larger ones. An attempt that adds fewer
/// bytes than this to the upload counts as no progress.
const LEAST: u64 = 256 << 10;

/// The header with the smallest part that a registry takes.
const CHUNK_MIN: &str = "oci-chunk-min-length";

/// The most bytes of a response to a request of an upload.
const ANSWER_LIMIT: u64 = 1 << 20;

/// The result of an attempt to mount a blob.
pub enum MountResult {
    /// The repository has the blob now, and no byte was transferred.
    Mounted,
    /// The blob must be pushed, to this location.
    Upload(UploadLocation),
}

/// The location of an upload that a registry has begun.
pub struct UploadLocation {
    address: Address,
    /// The smallest part that the registry takes.
    least: u64,
}

impl Client {
    /// Mounts a blob of another repository in the same registry.
    ///
    /// # Errors
    /// Network. A registry that does not mount, for any reason, is not an error: the blob can still
    /// be pushed.
    pub fn mount(
        &self,
        from: &Repository,
        to: &Repository,
        digest: &Digest,
    ) -> Result<MountResult> {
        let session = self.session(to.registry())?;
        if from.registry() != to.registry() {
            return Ok(MountResult::Upload(self.begin_upload(&session, to)?));
        }
        self.try_mount(&session, Some(from), to, digest)
    }

    /// Mounts a blob of any other repository in the registry, if the registry finds it. Costs no
    /// extra request: the same one begins an upload if it does not.
    ///
    /// # Errors
    /// The errors of [`Client::mount`].
    pub fn mount_from_anywhere(&self, to: &Repository, digest: &Digest) -> Result<MountResult> {
        let session = self.session(to.registry())?;
        self.try_mount(&session, None, to, digest)
    }

    fn try_mount(
        &self,
        session: &Session,
        from: Option<&Repository>,
        to: &Repository,
        digest: &Digest,
    ) -> Result<MountResult> {
        let doing = format!("mount {} into `{to}`", subject(from.unwrap_or(to), digest));
        let mut address = uploads(session, to)?.with_query("mount", &format!("sha256:{digest}"));
        let mut scopes = vec![Scope::push(to.name())];
        if let Some(from) = from {
            address = address.with_query("from", from.name());
            scopes.push(Scope::pull(from.name()));
        }
        // Accepts a refusal to read the other repository: a push to this one may be allowed all the
        // same.
        let accepted_statuses = &[400, 401, 403, 404, 405, 406, 409, 410, 412, 415, 422, 501];
        let call = begin(doing.clone(), to, address, scopes, accepted_statuses);
        let reply = self.transport().call(session, &call)?;
        // By the OCI distribution specification ("Mounting a blob from another repository"), 201
        // means that the blob is there, and 202 names the location of an upload. For other 2xx the
        // location decides.
        if reply.status == StatusCode::CREATED {
            return Ok(MountResult::Mounted);
        }
        if reply.status.is_success() {
            match reply.headers.get(header::LOCATION).and_then(|it| it.to_str().ok()) {
                Some(said) if is_blob(said, digest) => {
                    if self.has_blob_to_push(to, digest)? {
                        return Ok(MountResult::Mounted);
                    }
                }
                None if reply.status != StatusCode::ACCEPTED => {}
                _ => {
                    return Ok(MountResult::Upload(location(&doing, &reply.from, &reply.headers)?));
                }
            }
        }
        Ok(MountResult::Upload(self.begin_upload(session, to)?))
    }

    /// Pushes a blob, to the location that [`Client::mount`] returned if there is one.
    ///
    /// The last byte is sent only after all bytes are verified. A failed attempt is repeated from
    /// the position that the registry reports.
    ///
    /// # Errors
    /// Integrity, if the bytes do not match the descriptor; the errors of the source of the bytes;
    /// otherwise network.
    pub fn push_blob(
        &self,
        to: &Repository,
        descriptor: &Descriptor,
        bytes: &dyn Readable,
        location: Option<UploadLocation>,
        item: &Item,
    ) -> Result<()> {
        let session = self.session(to.registry())?;
        item.set_length(descriptor.size);
        let upload = Upload {
            client: self,
            transport: self.transport(),
            session,
            to,
            descriptor,
            bytes,
            item,
            least: location.as_ref().map_or(0, |it| it.least),
            location: location.map(|it| it.address),
            chunk: None,
            offset: 0,
            furthest: 0,
            mark: Checkpoint::default(),
            offset_unknown: false,
            changes: 0,
        };
        upload.run()
    }

    fn begin_upload(&self, session: &Session, to: &Repository) -> Result<UploadLocation> {
        self.begin_upload_within(session, to, &mut self.transport().retry_policy.retries())
    }

    /// Begins an upload within the time that is left for waiting.
    fn begin_upload_within(
        &self,
        session: &Session,
        to: &Repository,
        retries: &mut Retries,
    ) -> Result<UploadLocation> {
        let doing = format!("start a push to `{to}`");
        let scopes = vec![Scope::push(to.name())];
        let call = begin(doing.clone(), to, uploads(session, to)?, scopes, &[]);
        let reply = self.transport().call_within(session, &call, retries)?;
        location(&doing, &reply.from, &reply.headers)
    }
}

/// The upload of one blob.
struct Upload<'a> {
    client: &'a Client,
    transport: &'a Transport,
    session: Arc<Session>,
    to: &'a Repository,
    descriptor: &'a Descriptor,
    bytes: &'a dyn Readable,
    item: &'a Item,
    /// The location for the next request.
    location: Option<Address>,
    /// The smallest part that the registry takes.
    least: u64,
    /// The size of the parts; `None` for all bytes in one request.
    chunk: Option<u64>,
    /// The number of bytes that the registry has.
    offset: u64,
    /// The most bytes that the registry ever had: it may lose some, and sending those again is not
    /// progress.
    furthest: u64,
    /// A position to read the source again from, if the registry has the bytes before it.
    mark: Checkpoint,
    /// Whether the registry must be asked for the number of bytes that it has.
    offset_unknown: bool,
    /// The number of attempts without a wait since the last [`CHUNK`] was gained.
    changes: usize,
}

/// The reason why an attempt did not finish the upload.
struct UploadError {
    error: AttemptError,
    /// Whether to retry at once because the next attempt is a different request.
    retry_at_once: bool,
    /// Whether the number of bytes that the registry has is unknown.
    offset_unknown: bool,
}

impl<'a> Upload<'a> {
    fn run(mut self) -> Result<()> {
        let (retry_policy, item) = (&self.transport.retry_policy, self.item);
        let mut retries = retry_policy.retries();
        let done = retry_policy.retry(&mut retries, item, |retries| {
            if self.offset_unknown && self.is_there(retries)? {
                return Ok(());
            }
            self.offset_unknown = false;
            self.attempt(retries).map_err(|error| self.failed(error))
        });
        done.map_err(|error| match error {
            AttemptError::Fatal(error) => error,
            AttemptError::Source(failure) => self.error(failure),
        })
    }

    /// Records the progress of an attempt that failed, and decides about the wait after it.
    fn failed(&mut self, upload_error: UploadError) -> FailedAttempt {
        let UploadError { error, retry_at_once, offset_unknown } = upload_error;
        let gain = self.offset.saturating_sub(self.furthest);
        // A registry that takes one byte of each part makes no progress and causes a wait.
        let gained = gain >= LEAST;
        if gained {
            self.furthest = self.offset;
        }
        self.changes = if gain >= CHUNK { 0 } else { self.changes + 1 };
        self.offset_unknown = offset_unknown;
        // A limit, as the location of a registry could lead in a circle.
        let at_once = retry_at_once && self.changes <= CHANGES;
        // The time of an upload is not waiting, however many bytes the registry took.
        FailedAttempt { error, gained, received: None, at_once }
    }

    /// Sends the missing bytes and finishes the upload.
    fn attempt(&mut self, retries: &mut Retries) -> std::result::Result<(), UploadError> {
        if self.location.is_none() {
            let begun = self.client.begin_upload_within(&self.session, self.to, retries)?;
            (self.location, self.least) = (Some(begun.address), begun.least);
            self.offset = 0;
        }
        let size = self.descriptor.size;
        let mut bytes = self.open()?;
        if let Some(chunk) = self.chunk {
            while self.offset < size {
                let length = chunk.max(self.least).min(size - self.offset);
                self.patch(&mut bytes, length)?;
            }
        }
        self.put(&mut bytes, size - self.offset)
    }

    /// Returns a reader of the bytes that the registry does not have.
    fn open(&mut self) -> Result<VerifyingReader<Box<dyn Read + 'a>>> {
        if self.mark.position > self.offset {
            self.mark = Checkpoint::default();
        }
        let name = subject(self.to, &self.descriptor.digest);
        let bytes: &'a dyn Readable = self.bytes;
        let reader = bytes.read_from(self.mark.position)?;
        let mut checked = VerifyingReader::new(reader, self.descriptor, name, self.mark.clone());
        checked.skip_to(self.offset)?;
        self.mark = checked.mark();
        Ok(checked)
    }

    /// Sends the next part.
    fn patch(
        &mut self,
        bytes: &mut VerifyingReader<Box<dyn Read + 'a>>,
        length: u64,
    ) -> std::result::Result<(), UploadError> {
        let address = self.location()?;
        let end = self.offset + length;
        let range = (header::CONTENT_RANGE, format!("{}-{}", self.offset, end - 1));
        let answer = self.send(Method::PATCH, &address, bytes, length, Some(range))?;
        if !answer.status.is_success() {
            return Err(self.handle_error_status(answer));
        }
        if let Some(next) = answer.header(header::LOCATION) {
            self.location = Some(http::follow(&answer.from, next)?);
        }
        // A response without `Range` means that the registry took all bytes. The header has the first
        // and the last byte (OCI distribution-spec "Pushing a blob in chunks"); some send the count.
        let taken =
            received_offset(&answer.headers).map_or(end, |it| if it == end + 1 { end } else { it });
        if taken > end || taken < self.offset {
            let reason = format!("confirms {taken} bytes, although {end} were sent");
            return Err(Failure::new(Retryable::Never, reason).into());
        }
        answer.drain();
        self.offset = taken;
        if taken == end {
            self.mark = bytes.mark();
            return Ok(());
        }
        // The registry may always take this many bytes: the next part has this size.
        let taken_of_part = taken - (end - length);
        self.chunk = Some(taken_of_part.max(LEAST)).min(self.chunk);
        let reason = format!("accepts {taken_of_part} of the {length} bytes of a part");
        let retry_at_once = taken_of_part >= LEAST;
        Err(UploadError { retry_at_once, ..Failure::new(Retryable::Transient, reason).into() })
    }

    /// Sends the rest and finishes the upload.
    fn put(
        &mut self,
        bytes: &mut VerifyingReader<Box<dyn Read + 'a>>,
        length: u64,
    ) -> std::result::Result<(), UploadError> {
        let digest = format!("sha256:{}", self.descriptor.digest);
        let address = self.location()?.with_query("digest", &digest);
        let answer = self.send(Method::PUT, &address, bytes, length, None)?;
        if !answer.status.is_success() {
            return Err(self.handle_error_status(answer));
        }
        answer.drain();
        self.item.set_position(self.descriptor.size);
        Ok(())
    }

    fn send(
        &self,
        method: Method,
        address: &Address,
        bytes: &mut VerifyingReader<Box<dyn Read + 'a>>,
        length: u64,
        range: Option<(header::HeaderName, String)>,
    ) -> std::result::Result<Response, UploadError> {
        let kind = (header::CONTENT_TYPE, "application/octet-stream".to_owned());
        let headers = [kind].into_iter().chain(range).collect();
        let scopes = [Scope::push(self.to.name())];
        let mut sending = Sending { bytes, transport: self.transport, item: self.item };
        let body = match length {
            0 => Body::None,
            length => Body::Stream(&mut sending, length),
        };
        let request = Request { method, headers, body };
        let answer = self.transport.send(&self.session, address, request, &scopes);
        // An error of this side is final, because the registry cannot change it.
        if let Some(error) = bytes.failure() {
            return Err(error.into());
        }
        answer.map_err(|error| UploadError { error, retry_at_once: false, offset_unknown: true })
    }

    /// Decides how to go on after a response that is not a success.
    fn handle_error_status(&mut self, answer: Response) -> UploadError {
        let status = answer.status.as_u16();
        let leads = answer.header(header::LOCATION).map(|it| http::follow(&answer.from, it));
        let about = RequestSubject::Upload(self.to.clone());
        let now = self.transport.retry_policy.now();
        let failure =
            error_response::by_registry(&self.session.caller(self.to.name()), &about, answer, now);
        let passing =
            |failure| Failure { retryable: Retryable::Transient, missing: false, ..failure };
        let upload_error = |failure: Failure| UploadError::from(failure);
        match (status, leads) {
            (307 | 308, Some(Ok(next))) => {
                self.location = Some(next);
                UploadError { retry_at_once: true, ..upload_error(failure) }
            }
            (307 | 308, Some(Err(failure))) => failure.into(),
            // The token is forgotten; the next request uses another one, if there is one.
            (401, _) => {
                UploadError { retry_at_once: true, offset_unknown: true, ..upload_error(failure) }
            }
            // The registry has forgotten the upload, or has another number of bytes.
            (404 | 416, _) => {
                UploadError { offset_unknown: true, ..upload_error(passing(failure)) }
            }
            (413, _) => match self.shrink_chunk() {
                Some(chunk) => {
                    self.chunk = Some(chunk);
                    UploadError {
                        retry_at_once: true,
                        offset_unknown: true,
                        ..upload_error(failure)
                    }
                }
                None => failure.into(),
            },
            // Some take bytes by PATCH alone, and do not look at those that come with the last PUT.
            (400 | 405 | 411 | 415 | 501, _)
                if self.chunk.is_none() && self.descriptor.size > 0 =>
            {
                self.chunk = Some(CHUNK);
                UploadError { retry_at_once: true, offset_unknown: true, ..upload_error(failure) }
            }
            (429 | 500.., _) => UploadError { offset_unknown: true, ..upload_error(failure) },
            _ => failure.into(),
        }
    }

    /// Returns the next smaller size of parts.
    fn shrink_chunk(&self) -> Option<u64> {
        let now = self.chunk.map_or(self.descriptor.size, |chunk| chunk.max(self.least));
        let next = match self.chunk {
            None => CHUNK.min(now / SHRINK),
            Some(chunk) => chunk / SHRINK,
        };
        (next >= LEAST.max(self.least)).then_some(next)
    }

    /// Asks for the number of bytes that the registry has; returns whether it has the whole blob.
    fn is_there(&mut self, retries: &mut Retries) -> Result<bool> {
        self.offset = 0;
        if let Some(address) = self.location.take() {
            let call = ApiCall {
                doing: format!("ask for the state of the push to `{}`", self.to),
                about: RequestSubject::Upload(self.to.clone()),
                method: Method::GET,
                address,
                headers: Vec::new(),
                body: &[],
                scopes: vec![Scope::push(self.to.name())],
                accepted_statuses: &[400, 404, 405, 410, 416, 501],
                limit: ANSWER_LIMIT,
            };
            let reply = self.transport.call_within(&self.session, &call, retries)?;
            let taken = received_offset(&reply.headers).filter(|_| reply.status.is_success());
            // Some registries answer `0-0` when they have no bytes.
            if let Some(taken) = taken.filter(|it| (2..=self.descriptor.size).contains(it)) {
                self.location = match reply.headers.get(header::LOCATION) {
                    Some(_) => Some(location(&call.doing, &reply.from, &reply.headers)?.address),
                    None => Some(call.address),
                };
                self.chunk = self.chunk.or(Some(CHUNK));
                self.offset = taken;
                return Ok(false);
            }
            if taken.is_some() {
                return Ok(false);
            }
        }
        // The upload is gone: it may have been finished, and only the response was lost.
        self.client.has_blob_within(self.to, &self.descriptor.digest, retries)
    }

    fn location(&self) -> Result<Address> {
        self.location.clone().ok_or_else(|| Error::usage("an upload has no location"))
    }

    fn error(&self, failure: Failure) -> Error {
        let doing = format!("push {}", subject(self.to, &self.descriptor.digest));
        let registry = self.session.registry();
        match &self.location {
            Some(address) => error_response::error(&doing, address, registry, failure),
            None => error_response::error(&doing, self.to, registry, failure),
        }
    }
}

impl From<Failure> for UploadError {
    fn from(failure: Failure) -> UploadError {
        UploadError { error: failure.into(), retry_at_once: false, offset_unknown: false }
    }
}

impl From<Error> for UploadError {
    fn from(error: Error) -> UploadError {
        UploadError { error: error.into(), retry_at_once: false, offset_unknown: false }
    }
}

/// A reader that counts the bytes that are sent.
struct Sending<'a, 'b> {
    bytes: &'a mut VerifyingReader<Box<dyn Read + 'b>>,
    transport: &'a Transport,
    item: &'a Item,
}

impl Read for Sending<'_, '_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.bytes.read(buffer)?;
        self.transport.counters.sent(count);
        self.item.set_position(self.bytes.position());
        Ok(count)
    }
}

/// Returns the request that begins an upload.
fn begin<'a>(
    doing: String,
    to: &Repository,
    address: Address,
    scopes: Vec<Scope>,
    accepted_statuses: &'a [u16],
) -> ApiCall<'a> {
    ApiCall {
        doing,
        about: RequestSubject::Destination(to.clone()),
        method: Method::POST,
        address,
        headers: Vec::new(),
        body: &[],
        scopes,
        accepted_statuses,
        limit: ANSWER_LIMIT,
    }
}

fn uploads(session: &Session, to: &Repository) -> Result<Address> {
    session.address(&format!("{}/blobs/uploads/", to.name()))
}

/// Returns the location for the next request of an upload.
fn location(doing: &str, from: &Address, headers: &HeaderMap) -> Result<UploadLocation> {
    let text = |name: &str| headers.get(name).and_then(|it| it.to_str().ok());
    let refuse = |problem: &str| {
        Error::new(ErrorKind::Network, format!("cannot {doing}: {problem}")).fact("tried", from)
    };
    // Some say only which upload it is.
    let by_id = || text("docker-upload-uuid").and_then(|id| upload(from, id));
    let said = text("location").map(str::to_owned).or_else(by_id).ok_or_else(|| {
        refuse("the registry does not send the location of the upload").hint(
            "its answer has no Location header: find the proxy in front of it that removes \
             headers, and ask its administrator",
        )
    })?;
    let address = http::follow(from, &said).map_err(|failure| {
        refuse(&format!("the registry {}", failure.reason)).hint(
            "a proxy in front of a registry must send it X-Forwarded-Proto and X-Forwarded-Host, \
             so that the registry knows its own URL",
        )
    })?;
    let least = text(CHUNK_MIN).and_then(|it| it.parse().ok()).unwrap_or(0);
    Ok(UploadLocation { address, least })
}

/// Returns the path of an upload by its name, if the address of the request shows it.
fn upload(from: &Address, id: &str) -> Option<String> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '=');
    let base = from.as_str().split(['?', '#']).next()?;
    let sound = base.ends_with("/blobs/uploads/") && !id.is_empty() && id.chars().all(is_name);
    sound.then(|| format!("{base}{id}"))
}

/// Returns whether a location is that of the blob itself, and not that of an upload.
fn is_blob(location: &str, digest: &Digest) -> bool {
    let path = location.split(['?', '#']).next().unwrap_or_default();
    path.ends_with(&format!("/blobs/sha256:{digest}"))
}

/// Returns the number of bytes that a registry has: `Range: 0-9` means ten.
fn received_offset(headers: &HeaderMap) -> Option<u64> {
    let range = headers.get(header::RANGE)?.to_str().ok()?;
    let (first, last) = range.trim_start_matches("bytes=").split_once('-')?;
    let last: u64 = last.parse().ok()?;
    (first == "0").then(|| last.checked_add(1)).flatten()
}
