//! Requests to registries. The authorization is renewed and the request repeated where that helps.

use ureq::http::{HeaderMap, HeaderName, Method, StatusCode, header};

use crate::challenge;
use crate::refusal::{self, About};
use crate::session::{Proof, RegistryAsker, Session, Unproven};
use crate::token::Scope;
use crate::traffic::Purpose;
use crate::transport::Transport;
use airgap_core::error::{Error, Result};
use airgap_core::report::Item;
use airgap_http::address::Address;
use airgap_http::failure::{Tried, Trouble};
use airgap_http::http::{Answer, Body, Request};
use airgap_http::retry::Retries;
use airgap_http::source::{Served, SoFar};

/// The most repetitions of a request because its authorization was not enough.
const ROUNDS: usize = 4;

/// A request with a small response.
pub(super) struct Call<'a> {
    /// The action as an infinitive: "read the tags of `a`".
    pub(super) doing: String,
    /// The item that is missing if the answer is 404.
    pub(super) about: About,
    pub(super) method: Method,
    pub(super) address: Address,
    pub(super) headers: Vec<(HeaderName, String)>,
    pub(super) body: &'a [u8],
    /// The permissions that the request needs.
    pub(super) scopes: Vec<Scope>,
    /// The statuses besides 2xx that are not a failure.
    pub(super) fine: &'a [u16],
    /// The most bytes of the response body.
    pub(super) limit: u64,
}

/// A small response.
pub(super) struct Reply {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    /// The address that it came from.
    pub(super) from: Address,
    pub(super) body: Vec<u8>,
    /// Whether its media type is that of a web page.
    pub(super) page: bool,
}

impl Transport {
    /// Sends a request until it succeeds, or a repetition does not help.
    pub(super) fn call(&self, session: &Session, call: &Call<'_>) -> Result<Reply> {
        self.call_within(session, call, &mut self.patience.retries())
    }

    /// Sends one of several requests that share one budget of time for waiting.
    pub(super) fn call_within(
        &self,
        session: &Session,
        call: &Call<'_>,
        retries: &mut Retries,
    ) -> Result<Reply> {
        loop {
            let began = self.patience.elapsed();
            let trouble = match self.attempt(session, call) {
                Ok(reply) => return Ok(reply),
                Err(Trouble::Fatal(error)) => return Err(error),
                Err(Trouble::Source(failure)) => {
                    retries.spend_attempt(self.patience.elapsed().saturating_sub(began), 0);
                    self.patience.pause(retries, failure, false, &Item::hidden())
                }
            };
            match trouble {
                Ok(()) => {}
                Err(Trouble::Fatal(error)) => return Err(error),
                Err(Trouble::Source(failure)) => {
                    let registry = session.registry();
                    return Err(refusal::error(&call.doing, &call.address, registry, failure));
                }
            }
        }
    }

    fn attempt(&self, session: &Session, call: &Call<'_>) -> Tried<Reply> {
        let body = if call.body.is_empty() { Body::None } else { Body::Bytes(call.body) };
        let request = Request { method: call.method.clone(), headers: call.headers.clone(), body };
        let answer = self.send(session, &call.address, request, &call.scopes)?;
        let status = answer.status;
        // Accepts each 2xx, as it differs by registry: some answer 202 where the OCI distribution
        // specification ("Pushing manifests") says 201.
        if !status.is_success() && !call.fine.contains(&status.as_u16()) {
            let now = self.patience.now();
            let caller = session.caller(call.about.repository().name());
            return Err(refusal::by_registry(&caller, &call.about, answer, now).into());
        }
        if answer.is_page() && status.is_success() && session.greets_people() {
            return Err(refusal::page().into());
        }
        let (headers, from, page) = (answer.headers.clone(), answer.from.clone(), answer.is_page());
        let served = Served { proxy: answer.proxy.clone(), ..Served::default() };
        let size =
            headers.get(header::CONTENT_LENGTH).and_then(|it| it.to_str().ok()?.parse().ok());
        let body = answer
            .read(call.limit)
            .map_err(|(error, length)| SoFar { length, size }.lost(&self.http, error, &served))?;
        if body.len() as u64 > call.limit {
            return Err(Error::integrity(format!("cannot {}: the answer is too long", call.doing))
                .fact("source", from)
                .fact("expected", format!("at most {} bytes", call.limit))
                .into());
        }
        Ok(Reply { status, headers, from, body, page })
    }

    /// Sends a request once, except for its authorization: an expired token is renewed, a
    /// credential that is refused is looked up again, and before a 403 or 404, or a 401 without a
    /// challenge, is final, a credential is sent for which the registry did not ask.
    ///
    /// A body that is a stream cannot be sent twice: the refusal is returned then, and the next
    /// request uses a new token.
    pub(super) fn send(
        &self,
        session: &Session,
        address: &Address,
        mut request: Request<'_>,
        scopes: &[Scope],
    ) -> Tried<Answer> {
        let mut asked_again = false;
        let mut rounds = 0;
        loop {
            let proof = match session.prove(self, scopes) {
                Ok(proof) => proof,
                Err(Unproven::Trouble(trouble)) => return Err(trouble),
                Err(Unproven::Refused(failure)) => {
                    if session.retract() {
                        continue;
                    }
                    if asked_again || !session.ask_again(self)? {
                        return Err(failure.into());
                    }
                    asked_again = true;
                    continue;
                }
            };
            let value = match &proof {
                Proof::Nothing => None,
                Proof::Fixed(value) | Proof::Unasked(value) => Some(value.clone()),
                Proof::Token { value, .. } => Some(format!("Bearer {value}")),
            };
            let asker = RegistryAsker {
                base: session.base(),
                plain: session.plain(),
                authorization: value.as_deref(),
                roots: session.roots(),
                identity: session.identity(),
                purpose: Purpose::Api,
                counters: &self.counters,
            };
            let again = request.again();
            let answer = self.http.send(address, request, &asker)?;
            let home = answer.from.origin() == session.base().origin();
            let status = answer.status.as_u16();
            if !matches!(status, 401 | 403 | 404) || !home {
                return Ok(answer);
            }
            let renamed = status == 401
                && matches!(proof, Proof::Token { .. })
                && session.learn_name(&answer.headers, scopes);
            let silent = challenge::shown(&answer.headers).is_none();
            let news = match (status, &proof) {
                (401, Proof::Unasked(_)) => session.reconsider(&answer.headers),
                (401, Proof::Nothing) if silent && again.is_some() => {
                    session.offer(&answer.headers, scopes)
                }
                (401, _) => {
                    session.forget(&proof);
                    session.learn(&answer.headers)
                }
                // The token server issued another token than was requested, or the registry needs
                // one for this repository alone.
                (403, Proof::Token { own: false, value, .. }) => {
                    session.distrust(value);
                    true
                }
                (_, Proof::Nothing) if again.is_some() => session.offer(&answer.headers, scopes),
                _ => return Ok(answer),
            };
            let Some(again) = again else { return Ok(answer) };
            request = again;
            let more = match &proof {
                // A limit, as a registry could send another challenge each time.
                _ if rounds == ROUNDS => false,
                _ if status != 401 => news,
                _ if renamed => true,
                Proof::Token { fresh: false, .. } | Proof::Unasked(_) => true,
                Proof::Nothing | Proof::Fixed(_) if news => true,
                _ if asked_again => false,
                _ => {
                    asked_again = true;
                    session.ask_again(self)?
                }
            };
            if !more {
                return Ok(answer);
            }
            answer.drain();
            rounds += 1;
        }
    }
}
