//! Talks to registries.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use ureq::http::{Method, header};

use crate::digest::Digest;
use crate::error::{Error, Result};
use crate::fetch::failure::{self, Failure, Trouble};
use crate::fetch::http::{Http, SMALL_READS};
use crate::fetch::patience::Patience;
use crate::fetch::retry::Chance;
use crate::fetch::{Clock, SystemClock};
use crate::network::Network;
use crate::oci::access::Accesses;
use crate::oci::call::{Call, Reply};
use crate::oci::manifest::{Descriptor, MANIFEST_LIMIT, Manifest};
use crate::oci::media_type;
use crate::oci::reference::{Reference, Registry};
use crate::oci::refusal::{self, About};
use crate::oci::session::Session;
use crate::oci::token::Scope;
use crate::oci::traffic::{Counters, Traffic};
use crate::oci::transport::Transport;
use crate::report::{Item, printable};
use crate::verify;
use crate::workers::hold;

/// A header in which a registry says what it sends, or what it got.
const CONTENT_DIGEST: &str = "docker-content-digest";

/// A header in which a registry says to what it has attached a manifest.
const SUBJECT: &str = "oci-subject";

/// The statuses by which a registry says that it has no such manifest, or that nobody may know.
const HIDDEN: [u16; 3] = [401, 403, 404];

/// The statuses of HEAD after which GET is asked: all from 300 to 599. GET waits for a busy registry.
const REFUSALS: [u16; 300] = {
    let mut all = [300; 300];
    let mut nth = 1;
    while nth < all.len() {
        all[nth] = all[nth - 1] + 1;
        nth += 1;
    }
    all
};

/// Talks to registries. One is enough for any number of threads: they share connections, tokens and
/// the first contact with each registry.
///
/// Whatever it is asked for is tried again while a registry is busy or a connection is lost, for as
/// long as the settings of the network allow, and no longer than the registry asks for.
/// Errors are unavailable where the registry says that it does not have something, and integrity
/// where what it sends is wrong.
pub struct Client {
    transport: Transport,
    registries: Mutex<HashMap<Registry, Arc<Mutex<Contact>>>>,
}

/// The first contact with a registry.
#[derive(Default)]
struct Contact {
    session: Option<Arc<Session>>,
    /// Whether it was tried in vain: once more is enough then, for everybody who comes later.
    failed: bool,
}

impl Client {
    /// A client with these settings. Opens no socket yet.
    ///
    /// # Errors
    /// Usage, where a proxy's address makes no sense.
    pub fn new(network: &Network, accesses: Arc<dyn Accesses>) -> Result<Client> {
        let http = Http::new(network, SMALL_READS)?;
        let patience = Patience::new(Arc::new(SystemClock), network.retry_budget);
        let transport =
            Transport { http, patience, accesses, counters: Arc::new(Counters::default()) };
        Ok(Client { transport, registries: Mutex::default() })
    }

    /// The same client with another notion of time; for tests.
    #[must_use]
    pub fn with_clock(self, clock: Arc<dyn Clock>) -> Client {
        let patience = self.transport.patience.with_clock(clock);
        Client { transport: Transport { patience, ..self.transport }, ..self }
    }

    /// How much was asked so far.
    pub fn traffic(&self) -> Traffic {
        self.transport.counters.traffic()
    }

    /// A manifest or index: by its digest, otherwise by its tag. `accept` are the media types that
    /// make sense to the caller.
    ///
    /// # Errors
    /// Integrity, where the digest is another one than was asked for or than the registry says,
    /// or where it is longer than four MiB; usage, where there is neither tag nor digest.
    pub fn manifest(&self, reference: &Reference, accept: &[&str]) -> Result<Manifest> {
        let scope = Scope::pull(reference.repository().name());
        let reply = self.ask_for_manifest(reference, Method::GET, accept, scope, &[])?;
        check_manifest(reference, reply)
    }

    /// The same; nothing where the registry says that there is no such manifest.
    ///
    /// # Errors
    /// As [`Client::manifest`].
    pub fn manifest_if_there(
        &self,
        reference: &Reference,
        accept: &[&str],
    ) -> Result<Option<Manifest>> {
        let scope = Scope::pull(reference.repository().name());
        self.get(reference, accept, scope, &[404])
    }

    /// The same where something is to be pushed. A registry that does not show its repository, or
    /// does not know it yet, is one without the manifest: the push will tell.
    ///
    /// # Errors
    /// As [`Client::manifest`].
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
        let reply = self.ask_for_manifest(reference, Method::GET, accept, scope, missing)?;
        match reply.status.is_success() {
            true => check_manifest(reference, reply).map(Some),
            false => Ok(None),
        }
    }

    /// The descriptor of a manifest, and nothing where there is none. An answer to HEAD decides nothing
    /// but that it is there: some registries answer 404 or 405 to each HEAD, or redirect it to an
    /// address that is good for GET alone. GET decides the rest.
    ///
    /// # Errors
    /// Integrity, where the registry names another digest than was asked for.
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

    /// The digest of a manifest.
    ///
    /// # Errors
    /// As [`Client::manifest`].
    pub fn manifest_digest(&self, reference: &Reference, accept: &[&str]) -> Result<Digest> {
        let scope = Scope::pull(reference.repository().name());
        match self.head(reference, accept, scope)? {
            Some(found) => Ok(found.digest),
            None => Ok(*self.manifest(reference, accept)?.digest()),
        }
    }

    /// The same where something is to be pushed. A registry that does not show its repository, or
    /// does not know it yet, is one without the manifest: the push will tell.
    ///
    /// # Errors
    /// As [`Client::head_manifest`].
    pub fn head_manifest_to_push(&self, reference: &Reference) -> Result<Option<Descriptor>> {
        let scope = Scope::push(reference.repository().name());
        match self.head(reference, &media_type::ALL_MANIFESTS, scope)? {
            Some(found) => Ok(Some(found)),
            None => Ok(self.manifest_to_push(reference)?.map(|it| it.descriptor())),
        }
    }

    /// What HEAD says of a manifest, if it says that it is there, and all that a descriptor needs.
    fn head(
        &self,
        reference: &Reference,
        accept: &[&str],
        scope: Scope,
    ) -> Result<Option<Descriptor>> {
        let reply = self.ask_for_manifest(reference, Method::HEAD, accept, scope, &REFUSALS)?;
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
            // Not every registry says all of that.
            _ => Ok(None),
        }
    }

    fn ask_for_manifest(
        &self,
        reference: &Reference,
        method: Method,
        accept: &[&str],
        scope: Scope,
        fine: &[u16],
    ) -> Result<Reply> {
        let name = match (reference.digest(), reference.tag()) {
            (Some(digest), _) => format!("sha256:{digest}"),
            (None, Some(tag)) => tag.to_string(),
            (None, None) => return Err(unnamed(reference)),
        };
        let session = self.session(reference.registry())?;
        let repository = reference.repository().name();
        let call = Call {
            doing: format!("read the manifest of `{reference}`"),
            about: About::Manifest(reference.clone()),
            method,
            address: session.address(&format!("{repository}/manifests/{name}"))?,
            headers: vec![(header::ACCEPT, accept.join(", "))],
            body: &[],
            scopes: vec![scope],
            fine,
            limit: MANIFEST_LIMIT,
        };
        self.transport.call(&session, &call)
    }

    /// Puts a manifest under its tag, or under its digest where there is no tag. What it names must
    /// be there already.
    ///
    /// # Errors
    /// Integrity, where the reference or the registry name another digest than these bytes have.
    pub fn put_manifest(
        &self,
        reference: &Reference,
        bytes: &[u8],
        media_type: &str,
    ) -> Result<Digest> {
        self.put(reference, bytes, media_type).map(|(digest, _)| digest)
    }

    /// Puts a manifest that is attached to another one, and says whether the registry will list it
    /// among those. For one that does not, whoever pushes keeps the list.
    ///
    /// # Errors
    /// As [`Client::put_manifest`].
    pub fn put_attached(&self, reference: &Reference, manifest: &Manifest) -> Result<bool> {
        let (_, reply) = self.put(reference, manifest.bytes(), manifest.media_type())?;
        Ok(reply.headers.contains_key(SUBJECT))
    }

    fn put(
        &self,
        reference: &Reference,
        bytes: &[u8],
        media_type: &str,
    ) -> Result<(Digest, Reply)> {
        let digest = Digest::of(bytes);
        check_digest(reference, "what is to be pushed", &digest, None)?;
        let name = reference.tag().map_or_else(|| format!("sha256:{digest}"), ToString::to_string);
        let session = self.session(reference.registry())?;
        let repository = reference.repository().name();
        let call = Call {
            doing: format!("push the manifest of `{reference}`"),
            about: About::Manifest(reference.clone()),
            method: Method::PUT,
            address: session.address(&format!("{repository}/manifests/{name}"))?,
            headers: vec![(header::CONTENT_TYPE, media_type.to_owned())],
            body: bytes,
            scopes: vec![Scope::push(repository)],
            fine: &[],
            limit: MANIFEST_LIMIT,
        };
        let reply = self.transport.call(&session, &call)?;
        if let Some(said) = content_digest(&reply).filter(|said| *said != digest) {
            let source = reply.from.to_string();
            return Err(verify::mismatch(&format!("`{reference}`"), &source, &digest, &said)
                .hint("the registry keeps another manifest than the one that was pushed"));
        }
        Ok((digest, reply))
    }

    pub(super) fn transport(&self) -> &Transport {
        &self.transport
    }

    /// The session with a registry, begun by whoever comes first.
    pub(super) fn session(&self, registry: &Registry) -> Result<Arc<Session>> {
        let contact = {
            let mut all = hold(&self.registries);
            all.entry(registry.clone()).or_default().clone()
        };
        let mut contact = hold(&contact);
        if let Some(session) = &contact.session {
            return Ok(session.clone());
        }
        let patience = &self.transport.patience;
        let mut retries = patience.retries();
        loop {
            let began = patience.elapsed();
            let failure = match Session::open(&self.transport, registry) {
                Ok(session) => return Ok(contact.session.insert(Arc::new(session)).clone()),
                Err(Trouble::Fatal(error)) => return Err(error),
                Err(Trouble::Source(failure)) => failure,
            };
            retries.spend_attempt(patience.elapsed().saturating_sub(began), 0);
            let waited = match contact.failed {
                true => Err(failure.into()),
                false => patience.pause(&mut retries, failure, false, &Item::hidden()),
            };
            match waited {
                Ok(()) => {}
                Err(Trouble::Fatal(error)) => return Err(error),
                Err(Trouble::Source(failure)) => {
                    contact.failed = true;
                    let doing = format!("reach the registry `{registry}`");
                    return Err(refusal::error(&doing, &registry.endpoint(), registry, failure));
                }
            }
        }
    }
}

/// Makes a manifest of the answer to a GET, which must be what was asked for and what its headers say.
fn check_manifest(reference: &Reference, reply: Reply) -> Result<Manifest> {
    let doing = || format!("read the manifest of `{reference}`");
    if reply.page {
        let failure = refusal::page();
        return Err(refusal::error(&doing(), &reply.from, reference.registry(), failure));
    }
    if reply.body.is_empty() && reference.digest().is_none() {
        let status = failure::shown(reply.status);
        let failure = Failure::new(Chance::None, format!("answers {status} without a manifest"));
        return Err(refusal::error(&doing(), &reply.from, reference.registry(), failure));
    }
    let said = content_digest(&reply);
    let kind = reply.headers.get(header::CONTENT_TYPE).and_then(|it| it.to_str().ok());
    let source = reply.from.to_string();
    let header = media_type::bare(kind.unwrap_or_default());
    let manifest = Manifest::new(reply.body, &header);
    check_digest(reference, &source, manifest.digest(), said.as_ref())?;
    let known = media_type::is_manifest;
    // Who goes by one and who goes by the other would see two things.
    let differ = media_type::is_index(&header) != manifest.is_index();
    if known(&header) && known(manifest.media_type()) && differ {
        let subject = format!("the manifest of `{reference}`");
        return Err(Error::integrity(format!("{subject} is not what the registry says it is"))
            .fact("source", source)
            .fact("expected", format!("{header} (Content-Type)"))
            .fact("found", format!("{} (its mediaType)", manifest.media_type()))
            .hint("something between that registry and here changes manifests or headers"));
    }
    Ok(manifest)
}

/// The digest that the registry says, if it is one that can be compared.
fn content_digest(reply: &Reply) -> Option<Digest> {
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
            .hint("a manifest never changes under its digest: do not use that registry"));
    }
    if let Some(said) = said.filter(|it| *it != found) {
        return Err(Error::integrity(format!("{subject} is not what the registry says it is"))
            .fact("source", source)
            .fact("expected", format!("sha256:{said} (Docker-Content-Digest)"))
            .fact("found", format!("sha256:{found}"))
            .hint("something between that registry and here changes manifests"));
    }
    Ok(())
}

fn unnamed(reference: &Reference) -> Error {
    Error::usage(format!("`{}` names neither tag nor digest", printable(&reference.to_string())))
        .hint(format!("write `{reference}:TAG` or `{reference}@sha256:DIGEST`"))
}
