//! Requests to registries. The authorization is renewed and the request repeated where that helps.

use ureq::http::{HeaderMap, HeaderName, Method, StatusCode, header};

use crate::challenge;
use crate::error_response::{self, RequestSubject};
use crate::session::{AuthError, Authorization, RegistryAuth, Session};
use crate::token::Scope;
use crate::traffic::RequestPurpose;
use crate::transport::Transport;
use airgap_core::error::{Error, Result};
use airgap_core::report::Item;
use airgap_http::address::Address;
use airgap_http::byte_source::{Progress, ResponseFacts};
use airgap_http::failure::{AttemptError, AttemptResult};
use airgap_http::http::{Body, Request, Response};
use airgap_http::retry::Retries;

/// The most repetitions of a request because its authorization was not enough.
const ROUNDS: usize = 4;

/// A request with a small response.
pub(super) struct ApiCall<'a> {
    /// The action as an infinitive: "read the tags of `a`".
    pub(super) doing: String,
    /// The item that is missing if the answer is 404.
    pub(super) about: RequestSubject,
    pub(super) method: Method,
    pub(super) address: Address,
    pub(super) headers: Vec<(HeaderName, String)>,
    pub(super) body: &'a [u8],
    /// The permissions that the request needs.
    pub(super) scopes: Vec<Scope>,
    /// The statuses besides 2xx that are not a failure.
    pub(super) accepted_statuses: &'a [u16],
    /// The most bytes of the response body.
    pub(super) limit: u64,
}

/// A small response.
pub(super) struct ApiResponse {
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
    pub(super) fn call(&self, session: &Session, call: &ApiCall<'_>) -> Result<ApiResponse> {
        self.call_within(session, call, &mut self.retry_policy.retries())
    }

    /// Sends one of several requests that share one budget of time for waiting.
    pub(super) fn call_within(
        &self,
        session: &Session,
        call: &ApiCall<'_>,
        retries: &mut Retries,
    ) -> Result<ApiResponse> {
        loop {
            let began = self.retry_policy.elapsed();
            let error = match self.attempt(session, call) {
                Ok(reply) => return Ok(reply),
                Err(AttemptError::Fatal(error)) => return Err(error),
                Err(AttemptError::Source(failure)) => {
                    retries.spend_attempt(self.retry_policy.elapsed().saturating_sub(began), 0);
                    self.retry_policy.wait_before_retry(retries, failure, false, &Item::hidden())
                }
            };
            match error {
                Ok(()) => {}
                Err(AttemptError::Fatal(error)) => return Err(error),
                Err(AttemptError::Source(failure)) => {
                    let registry = session.registry();
                    return Err(error_response::error(
                        &call.doing,
                        &call.address,
                        registry,
                        failure,
                    ));
                }
            }
        }
    }

    fn attempt(&self, session: &Session, call: &ApiCall<'_>) -> AttemptResult<ApiResponse> {
        let body = if call.body.is_empty() { Body::None } else { Body::Bytes(call.body) };
        let request = Request { method: call.method.clone(), headers: call.headers.clone(), body };
        let answer = self.send(session, &call.address, request, &call.scopes)?;
        let status = answer.status;
        // Accepts each 2xx, as it differs by registry: some answer 202 where the OCI distribution
        // specification ("Pushing manifests") says 201.
        if !status.is_success() && !call.accepted_statuses.contains(&status.as_u16()) {
            let now = self.retry_policy.now();
            let caller = session.caller(call.about.repository().name());
            return Err(error_response::by_registry(&caller, &call.about, answer, now).into());
        }
        if answer.is_page() && status.is_success() && session.greets_with_page() {
            return Err(error_response::page().into());
        }
        let (headers, from, page) = (answer.headers.clone(), answer.from.clone(), answer.is_page());
        let facts = ResponseFacts { proxy: answer.proxy.clone(), ..ResponseFacts::default() };
        let size =
            headers.get(header::CONTENT_LENGTH).and_then(|it| it.to_str().ok()?.parse().ok());
        let body = answer
            .read(call.limit)
            .map_err(|(error, length)| Progress { length, size }.lost(&self.http, error, &facts))?;
        if body.len() as u64 > call.limit {
            return Err(Error::integrity(format!("cannot {}: the answer is too long", call.doing))
                .fact("source", from)
                .fact("expected", format!("at most {} bytes", call.limit))
                .into());
        }
        Ok(ApiResponse { status, headers, from, body, page })
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
    ) -> AttemptResult<Response> {
        let mut reloaded = false;
        let mut rounds = 0;
        loop {
            let authorization = match session.authorize(self, scopes) {
                Ok(authorization) => authorization,
                Err(AuthError::Attempt(error)) => return Err(error),
                Err(AuthError::Refused(failure)) => {
                    if session.retract_token_server() {
                        continue;
                    }
                    if reloaded || !session.reload_credential(self)? {
                        return Err(failure.into());
                    }
                    reloaded = true;
                    continue;
                }
            };
            let value = match &authorization {
                Authorization::None => None,
                Authorization::Fixed(value) | Authorization::Unsolicited(value) => {
                    Some(value.clone())
                }
                Authorization::Token { value, .. } => Some(format!("Bearer {value}")),
            };
            let auth_provider = RegistryAuth {
                base: session.base(),
                plain: session.plain(),
                authorization: value.as_deref(),
                roots: session.roots(),
                identity: session.identity(),
                purpose: RequestPurpose::Api,
                counters: &self.counters,
            };
            let repeat = request.again();
            let answer = self.http.send(address, request, &auth_provider)?;
            let same_origin = answer.from.origin() == session.base().origin();
            let status = answer.status.as_u16();
            if !matches!(status, 401 | 403 | 404) || !same_origin {
                return Ok(answer);
            }
            let renamed = status == 401
                && matches!(authorization, Authorization::Token { .. })
                && session.store_repository_name(&answer.headers, scopes);
            let no_challenge = challenge::shown(&answer.headers).is_none();
            let changed = match (status, &authorization) {
                (401, Authorization::Unsolicited(_)) => {
                    session.reconsider_unsolicited(&answer.headers)
                }
                (401, Authorization::None) if no_challenge && repeat.is_some() => {
                    session.enable_unsolicited(&answer.headers, scopes)
                }
                (401, _) => {
                    session.forget(&authorization);
                    session.store_challenges(&answer.headers)
                }
                // The token server issued another token than was requested, or the registry needs
                // one for this repository alone.
                (403, Authorization::Token { exact_scope: false, value, .. }) => {
                    session.restrict_token(value);
                    true
                }
                (_, Authorization::None) if repeat.is_some() => {
                    session.enable_unsolicited(&answer.headers, scopes)
                }
                _ => return Ok(answer),
            };
            let Some(repeat) = repeat else { return Ok(answer) };
            request = repeat;
            let more = match &authorization {
                // A limit, as a registry could send another challenge each time.
                _ if rounds == ROUNDS => false,
                _ if status != 401 => changed,
                _ if renamed => true,
                Authorization::Token { fresh: false, .. } | Authorization::Unsolicited(_) => true,
                Authorization::None | Authorization::Fixed(_) if changed => true,
                _ if reloaded => false,
                _ => {
                    reloaded = true;
                    session.reload_credential(self)?
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
