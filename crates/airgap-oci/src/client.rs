//! A client of registries.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use ureq::http::{Method, header};

use crate::access::AccessProvider;
use crate::api_call::{ApiCall, ApiResponse};
use crate::error_response::{self, RequestSubject};
use crate::manifest::{Descriptor, MANIFEST_LIMIT, Manifest};
use crate::media_type;
use crate::reference::{Reference, Registry};
use crate::session::Session;
use crate::token::Scope;
use crate::traffic::{Counters, Traffic};
use crate::transport::Transport;
use airgap_core::digest::Digest;
use airgap_core::error::{Error, Result};
use airgap_core::network::Network;
use airgap_core::report::{Item, printable};
use airgap_core::verify;
use airgap_core::workers::lock;
use airgap_http::failure::{self, AttemptError, Failure};
use airgap_http::http::{Http, SMALL_READS};
use airgap_http::retry::Retryable;
use airgap_http::retry_policy::RetryPolicy;
use airgap_http::{Clock, SystemClock};

/// The header with the digest of the content that a registry sends or has received.
const CONTENT_DIGEST: &str = "docker-content-digest";

/// The header with the subject of a manifest, sent by registries that list referrers.
const SUBJECT: &str = "oci-subject";

/// The statuses of a registry that does not have a manifest, or hides whether it does.
const HIDDEN: [u16; 3] = [401, 403, 404];

/// The statuses of HEAD after which GET is sent: 300 to 599. GET waits for a busy registry.
const REFUSALS: [u16; 300] = {
    let mut all = [300; 300];
    let mut nth = 1;
    while nth < all.len() {
        all[nth] = all[nth - 1] + 1;
        nth += 1;
    }
    all
};

/// A client of registries. Any number of threads can share one, with its connections, tokens and
/// the first contact with each registry.
///
/// Every request is repeated while a registry is busy or a connection is lost, for as long as the
/// settings of the network allow, and not beyond the time that the registry asks for. Errors are
/// unavailable, if the registry says that it does not have something, and integrity, if its
/// response is wrong.
pub struct Client {
    transport: Transport,
    registries: Mutex<HashMap<Registry, Arc<Mutex<Contact>>>>,
}

/// The first contact with a registry.
#[derive(Default)]
struct Contact {
    session: Option<Arc<Session>>,
    /// Whether it failed before. Every later caller makes only one more attempt then.
    failed: bool,
}

impl Client {
    /// Creates a client with these settings. Opens no socket yet.
    ///
    /// # Errors
    /// Usage, if the address of a proxy is invalid.
    pub fn new(network: &Network, accesses: Arc<dyn AccessProvider>) -> Result<Client> {
        let http = Http::new(network, SMALL_READS)?;
        let retry_policy = RetryPolicy::new(Arc::new(SystemClock), network.retry_budget);
        let transport =
            Transport { http, retry_policy, accesses, counters: Arc::new(Counters::default()) };
        Ok(Client { transport, registries: Mutex::default() })
    }

    /// Returns the same client with another clock; for tests.
    #[must_use]
    pub fn with_clock(self, clock: Arc<dyn Clock>) -> Client {
        let retry_policy = self.transport.retry_policy.with_clock(clock);
        Client { transport: Transport { retry_policy, ..self.transport }, ..self }
    }

    /// Returns the counts of the requests so far.
    pub fn traffic(&self) -> Traffic {
        self.transport.counters.traffic()
    }

    /// Returns a manifest or index by its digest, or by its tag if there is no digest. `accept`
    /// lists the media types that the caller understands.
    ///
    /// # Errors
    /// Integrity, if the digest differs from the one in the reference or in the header of the
    /// registry, or if the manifest is longer than 4 MiB; usage, if there is neither tag nor
    /// digest.
    pub fn manifest(&self, reference: &Reference, accept: &[&str]) -> Result<Manifest> {
        let scope = Scope::pull(reference.repository().name());
        let reply = self.request_manifest(reference, Method::GET, accept, scope, &[])?;
        check_manifest(reference, reply)
    }

    /// Returns a manifest; `None` if the registry says that there is no such manifest.
    ///
    /// # Errors
    /// The errors of [`Client::manifest`].
    pub fn manifest_if_there(
        &self,
        reference: &Reference,
        accept: &[&str],
    ) -> Result<Option<Manifest>> {
        let scope = Scope::pull(reference.repository().name());
        self.get(reference, accept, scope, &[404])
    }

    /// Returns a manifest that is to be replaced by a push. A registry that hides its repository,
    /// or does not know it yet, counts as one without the manifest: the push decides.
    ///
    /// # Errors
    /// The errors of [`Client::manifest`].
    pub fn manifest_to_push(&self, reference: &Reference) -> Result<Option<Manifest>> {
        let scope = Scope::push(reference.repository().name());
        self.get(reference, &media_type::ALL_MANIFESTS, scope, &HIDDEN)
    }

    fn get(
        &self,
        reference: &Reference,
        accept: &[&str],
        scope: Scope,
        missing: &[u16],
    ) -> Result<Option<Manifest>> {
        let reply = self.request_manifest(reference, Method::GET, accept, scope, missing)?;
        match reply.status.is_success() {
            true => check_manifest(reference, reply).map(Some),
            false => Ok(None),
        }
    }

    /// Returns the descriptor of a manifest; `None` if there is no manifest. The response to HEAD
    /// counts only if it is a success: some registries answer 404 or 405 to each HEAD, or redirect
    /// it to an address that allows GET only. GET decides all other cases.
    ///
    /// # Errors
    /// Integrity, if the registry names another digest than the reference.
    pub fn head_manifest(
        &self,
        reference: &Reference,
        accept: &[&str],
    ) -> Result<Option<Descriptor>> {
        let scope = Scope::pull(reference.repository().name());
        match self.head(reference, accept, scope)? {
            Some(found) => Ok(Some(found)),
            None => Ok(self.manifest_if_there(reference, accept)?.map(|it| it.descriptor())),
        }
    }

    /// Returns the digest of a manifest.
    ///
    /// # Errors
    /// The errors of [`Client::manifest`].
    pub fn manifest_digest(&self, reference: &Reference, accept: &[&str]) -> Result<Digest> {
        let scope = Scope::pull(reference.repository().name());
        match self.head(reference, accept, scope)? {
            Some(found) => Ok(found.digest),
            None => Ok(*self.manifest(reference, accept)?.digest()),
        }
    }

    /// Returns the descriptor of a manifest that is to be replaced by a push. A registry that hides
    /// its repository, or does not know it yet, counts as one without the manifest: the push
    /// decides.
    ///
    /// # Errors
    /// The errors of [`Client::head_manifest`].
    pub fn head_manifest_to_push(&self, reference: &Reference) -> Result<Option<Descriptor>> {
        let scope = Scope::push(reference.repository().name());
        match self.head(reference, &media_type::ALL_MANIFESTS, scope)? {
            Some(found) => Ok(Some(found)),
            None => Ok(self.manifest_to_push(reference)?.map(|it| it.descriptor())),
        }
    }

    /// Returns the descriptor in the response to HEAD, if it is a success and has all that a
    /// descriptor needs.
    fn head(
        &self,
        reference: &Reference,
        accept: &[&str],
        scope: Scope,
    ) -> Result<Option<Descriptor>> {
        let reply = self.request_manifest(reference, Method::HEAD, accept, scope, &REFUSALS)?;
        if !reply.status.is_success() {
            return Ok(None);
        }
        let text = |name| reply.headers.get(name).and_then(|it| it.to_str().ok());
        let kind = text(header::CONTENT_TYPE).map(media_type::bare);
        let size = text(header::CONTENT_LENGTH).and_then(|it| it.parse().ok());
        let said = content_digest(&reply);
        match (said.or(reference.digest().copied()), kind, size) {
            (Some(digest), Some(kind), Some(size)) => {
                check_digest(reference, &reply.from.to_string(), &digest, None)?;
                Ok(Some(Descriptor::new(&kind, digest, size)))
            }
            // Some registries leave out one of these headers.
            _ => Ok(None),
        }
    }

    fn request_manifest(
        &self,
        reference: &Reference,
        method: Method,
        accept: &[&str],
        scope: Scope,
        accepted_statuses: &[u16],
    ) -> Result<ApiResponse> {
        let name = match (reference.digest(), reference.tag()) {
            (Some(digest), _) => format!("sha256:{digest}"),
            (None, Some(tag)) => tag.to_string(),
            (None, None) => return Err(unnamed(reference)),
        };
        let session = self.session(reference.registry())?;
        let repository = reference.repository().name();
        let call = ApiCall {
            doing: format!("read the manifest of `{reference}`"),
            about: RequestSubject::Manifest(reference.clone()),
            method,
            address: session.address(&format!("{repository}/manifests/{name}"))?,
            headers: vec![(header::ACCEPT, accept.join(", "))],
            body: &[],
            scopes: vec![scope],
            accepted_statuses,
            limit: MANIFEST_LIMIT,
        };
        self.transport.call(&session, &call)
    }

    /// Puts a manifest under its tag, or under its digest if there is no tag. The blobs and
    /// manifests that it names must be there already.
    ///
    /// # Errors
    /// Integrity, if the reference or the registry name another digest than the bytes have.
    pub fn put_manifest(
        &self,
        reference: &Reference,
        bytes: &[u8],
        media_type: &str,
    ) -> Result<Digest> {
        self.put(reference, bytes, media_type).map(|(digest, _)| digest)
    }

    /// Puts a manifest that has a subject, and returns whether the registry will list it as a
    /// referrer. If not, the client must update the referrers tag (OCI distribution-spec "Pushing
    /// Manifests with Subject").
    ///
    /// # Errors
    /// The errors of [`Client::put_manifest`].
    pub fn put_referrer(&self, reference: &Reference, manifest: &Manifest) -> Result<bool> {
        let (_, reply) = self.put(reference, manifest.bytes(), manifest.media_type())?;
        Ok(reply.headers.contains_key(SUBJECT))
    }

    fn put(
        &self,
        reference: &Reference,
        bytes: &[u8],
        media_type: &str,
    ) -> Result<(Digest, ApiResponse)> {
        let digest = Digest::compute(bytes);
        check_digest(reference, "what is to be pushed", &digest, None)?;
        let name = reference.tag().map_or_else(|| format!("sha256:{digest}"), ToString::to_string);
        let session = self.session(reference.registry())?;
        let repository = reference.repository().name();
        let call = ApiCall {
            doing: format!("push the manifest of `{reference}`"),
            about: RequestSubject::Pushed(reference.clone()),
            method: Method::PUT,
            address: session.address(&format!("{repository}/manifests/{name}"))?,
            headers: vec![(header::CONTENT_TYPE, media_type.to_owned())],
            body: bytes,
            scopes: vec![Scope::push(repository)],
            accepted_statuses: &[],
            limit: MANIFEST_LIMIT,
        };
        let reply = self.transport.call(&session, &call)?;
        if let Some(said) = content_digest(&reply).filter(|said| *said != digest) {
            let source = reply.from.to_string();
            return Err(verify::mismatch(&format!("`{reference}`"), &source, &digest, &said)
                .hint("the registry stores another manifest than the pushed one"));
        }
        Ok((digest, reply))
    }

    pub(super) fn transport(&self) -> &Transport {
        &self.transport
    }

    /// Returns the session with a registry. The first caller opens it.
    pub(super) fn session(&self, registry: &Registry) -> Result<Arc<Session>> {
        let contact = {
            let mut all = lock(&self.registries);
            all.entry(registry.clone()).or_default().clone()
        };
        let mut contact = lock(&contact);
        if let Some(session) = &contact.session {
            return Ok(session.clone());
        }
        let retry_policy = &self.transport.retry_policy;
        let opened = match contact.failed {
            // The caller before waited for it already.
            true => Session::open(&self.transport, registry),
            false => retry_policy.retry(&mut retry_policy.retries(), &Item::hidden(), |_| {
                Ok(Session::open(&self.transport, registry)?)
            }),
        };
        match opened {
            Ok(session) => Ok(contact.session.insert(Arc::new(session)).clone()),
            Err(AttemptError::Fatal(error)) => Err(error),
            Err(AttemptError::Source(failure)) => {
                contact.failed = true;
                let doing = format!("reach the registry `{registry}`");
                Err(error_response::error(&doing, &registry.endpoint(), registry, failure))
            }
        }
    }
}

/// Parses the response to a GET as a manifest. It must match the reference and the headers.
fn check_manifest(reference: &Reference, reply: ApiResponse) -> Result<Manifest> {
    let doing = || format!("read the manifest of `{reference}`");
    if reply.page {
        let failure = error_response::page();
        return Err(error_response::error(&doing(), &reply.from, reference.registry(), failure));
    }
    if reply.body.is_empty() && reference.digest().is_none() {
        let status = failure::shown(reply.status);
        let failure =
            Failure::new(Retryable::Never, format!("answers {status} without a manifest"));
        return Err(error_response::error(&doing(), &reply.from, reference.registry(), failure));
    }
    let said = content_digest(&reply);
    let kind = reply.headers.get(header::CONTENT_TYPE).and_then(|it| it.to_str().ok());
    let source = reply.from.to_string();
    let header = media_type::bare(kind.unwrap_or_default());
    let manifest = Manifest::new(reply.body, &header);
    check_digest(reference, &source, manifest.digest(), said.as_ref())?;
    let known = media_type::is_manifest;
    // Otherwise readers of the header and readers of the field would see two things.
    let differ = media_type::is_index(&header) != manifest.is_index();
    if known(&header) && known(manifest.media_type()) && differ {
        let subject = format!("the manifest of `{reference}`");
        return Err(Error::integrity(format!("{subject} differs from the registry's headers"))
            .fact("source", source)
            .fact("expected", format!("{header} (Content-Type)"))
            .fact("found", format!("{} (its mediaType)", manifest.media_type()))
            .hint(
                "find the proxy between that registry and this machine that changes manifests or \
                 headers",
            ));
    }
    Ok(manifest)
}

/// Returns the digest in the header of the registry, if it is a SHA-256.
fn content_digest(reply: &ApiResponse) -> Option<Digest> {
    let said = reply.headers.get(CONTENT_DIGEST)?.to_str().ok()?;
    said.starts_with("sha256:").then(|| said.parse().ok()).flatten()
}

fn check_digest(
    reference: &Reference,
    source: &str,
    found: &Digest,
    said: Option<&Digest>,
) -> Result<()> {
    let subject = format!("the manifest of `{reference}`");
    if let Some(expected) = reference.digest().filter(|it| *it != found) {
        return Err(verify::mismatch(&subject, source, expected, found)
            .hint("the manifest of a digest never changes: do not use that registry"));
    }
    if let Some(said) = said.filter(|it| *it != found) {
        return Err(Error::integrity(format!("{subject} differs from the registry's headers"))
            .fact("source", source)
            .fact("expected", format!("sha256:{said} (Docker-Content-Digest)"))
            .fact("found", format!("sha256:{found}"))
            .hint("find the proxy between that registry and this machine that changes manifests"));
    }
    Ok(())
}

fn unnamed(reference: &Reference) -> Error {
    Error::usage(format!("`{}` names neither tag nor digest", printable(&reference.to_string())))
        .hint(format!("write `{reference}:TAG` or `{reference}@sha256:DIGEST`"))
}
