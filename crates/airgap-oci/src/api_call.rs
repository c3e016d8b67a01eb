//! Requests to registries with a small response.

use ureq::http::{HeaderMap, HeaderName, Method, StatusCode, header};

use crate::error_response::{self, RequestSubject};
use crate::session::Session;
use crate::token::Scope;
use crate::transport::Transport;
use airgap_core::error::{Error, Result};
use airgap_core::report::Item;
use airgap_http::address::Address;
use airgap_http::byte_source::{Progress, ResponseFacts};
use airgap_http::failure::{AttemptError, AttemptResult};
use airgap_http::http::{Body, Request};
use airgap_http::retry::Retries;

/// A request with a small response.
pub(super) struct ApiCall<'a> {
    /// The action as an infinitive: "read the tags of `a`".
    pub(super) doing: String,
    /// The item that is missing if the response is 404.
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
        let attempt = |_: &mut Retries| Ok(self.attempt(session, call)?);
        let reply = self.retry_policy.retry(retries, &Item::hidden(), attempt);
        reply.map_err(|error| match error {
            AttemptError::Fatal(error) => error,
            AttemptError::Source(failure) => {
                error_response::error(&call.doing, &call.address, session.registry(), failure)
            }
        })
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
}
