//! Requests for tokens: by GET for a name and password or nothing (Docker registry "Token
//! Authentication Specification"), by POST for a refresh token ("OAuth2 token authentication").

use std::sync::Arc;

use ureq::http::{Method, header};
use url::form_urlencoded;

use super::{AuthError, Session, basic};
use crate::access::Credential;
use crate::error_response;
use crate::token::{Scope, Token};
use crate::traffic::{Counters, RequestPurpose};
use crate::transport::Transport;
use airgap_http::Identity;
use airgap_http::address::{self, Address};
use airgap_http::byte_source::{Progress, ResponseFacts};
use airgap_http::failure::{AttemptError, AttemptResult, Failure};
use airgap_http::http::{AuthProvider, Body, Hop, HopAuth, Request, Response};
use airgap_http::retry::Retryable;

/// The most bytes of the response of a token server.
const TOKEN_LIMIT: u64 = 1 << 20;

/// The `client_id` of this program at token servers.
const CLIENT: &str = "wasm-airgap";

/// The result of a step of a request for a token.
type Result<T> = std::result::Result<T, AuthError>;

/// A request for a token.
struct TokenRequest<'a> {
    /// The token server.
    realm: &'a Address,
    /// The address with the query.
    address: Address,
    /// The value of the `Authorization` header.
    authorization: Option<String>,
    /// The form to post; `None` for a GET request.
    form: Option<String>,
}

impl<'a> TokenRequest<'a> {
    fn new(
        realm: &'a Address,
        service: Option<&str>,
        scopes: &[Scope],
        credential: &Credential,
    ) -> TokenRequest<'a> {
        if let Credential::Refresh(refresh) = credential {
            let form = Some(refresh_form(service, scopes, refresh));
            return TokenRequest { realm, address: realm.clone(), authorization: None, form };
        }
        let service = service.map(|service| ("service", service.to_owned()));
        let scopes = scopes.iter().map(|scope| ("scope", scope.to_string()));
        let fields = service.into_iter().chain(scopes);
        let address =
            fields.fold(realm.clone(), |address, (name, value)| address.with_query(name, &value));
        let authorization = match credential {
            Credential::Basic { username, password } => {
                Some(basic(username.clone(), password.clone()))
            }
            _ => None,
        };
        TokenRequest { realm, address, authorization, form: None }
    }

    fn http(&self) -> Request<'_> {
        let Some(form) = &self.form else { return Request::get(Vec::new()) };
        let form_type = "application/x-www-form-urlencoded".to_owned();
        Request {
            method: Method::POST,
            headers: vec![(header::CONTENT_TYPE, form_type)],
            body: Body::Bytes(form.as_bytes()),
        }
    }
}

/// Returns the form that changes a refresh token into a token for these scopes.
fn refresh_form(service: Option<&str>, scopes: &[Scope], refresh: &str) -> String {
    let mut fields = form_urlencoded::Serializer::new(String::new());
    if let Some(service) = service {
        fields.append_pair("service", service);
    }
    let scopes: Vec<_> = scopes.iter().map(Scope::to_string).collect();
    fields.append_pair("client_id", CLIENT).append_pair("grant_type", "refresh_token");
    fields.append_pair("scope", &scopes.join(" "));
    fields.append_pair("refresh_token", refresh);
    fields.finish()
}

impl Session {
    /// Requests a token from the token server of a challenge.
    pub(super) fn request_token(
        &self,
        transport: &Transport,
        realm: &str,
        service: Option<&str>,
        scopes: &[Scope],
        credential: &Credential,
    ) -> Result<Token> {
        let realm = self.token_server(realm, credential)?;
        let request = TokenRequest::new(&realm, service, scopes, credential);
        let answer = self.send_token_request(transport, &request)?;
        if !answer.status.is_success() {
            return Err(self.token_refused(transport, &realm, scopes, credential, answer));
        }
        let json = token_body(transport, &realm, answer)?;
        let token = Token::read(&json, transport.retry_policy.now());
        token.map_err(|content| sends(&realm, &content))
    }

    fn send_token_request(
        &self,
        transport: &Transport,
        request: &TokenRequest<'_>,
    ) -> Result<Response> {
        let TokenRequest { realm, address, authorization, .. } = request;
        let same_origin = realm.origin() == self.base.origin();
        let auth_provider = TokenServerAuth {
            realm,
            authorization: authorization.clone(),
            roots: self.roots(),
            identity: self.identity().filter(|_| same_origin),
            counters: &transport.counters,
        };
        let sent = transport.http.send(address, request.http(), &auth_provider);
        sent.map_err(|error| match error {
            AttemptError::Source(failure) => at_server(realm, failure),
            fatal => AuthError::Attempt(fatal),
        })
    }

    /// Returns the error for a response that is not a success: a refusal of the credential, or
    /// another failure.
    fn token_refused(
        &self,
        transport: &Transport,
        realm: &Address,
        scopes: &[Scope],
        credential: &Credential,
        answer: Response,
    ) -> AuthError {
        let status = answer.status.as_u16();
        let said = error_response::ErrorResponse::read(answer);
        let shown = *credential != Credential::Anonymous;
        let repository = scopes.first().map_or("", |scope| scope.repository.as_str());
        let (caller, now) = (self.caller(repository), transport.retry_policy.now());
        let failure = error_response::by_token_server(&caller, realm, &said, shown, now);
        match status {
            400 | 401 | 403 => AuthError::Refused(failure),
            _ => AuthError::Attempt(failure.into()),
        }
    }

    /// Parses the address of the token server. It must be https or loopback if a credential is sent
    /// there.
    fn token_server(
        &self,
        realm: &str,
        credential: &Credential,
    ) -> std::result::Result<Address, Failure> {
        let refuse = |why: &str| {
            let shown = address::redacted(realm);
            let reason = format!("the registry names the token server `{shown}`, {why}");
            Failure::new(Retryable::Never, reason)
        };
        let address = Address::parse(realm).map_err(|_| refuse("which is not a URL"))?;
        let plain_here = self.base.scheme() == "http";
        // With a setting for plain http, a request without a credential may use it.
        let nothing_to_hide = self.plain() && *credential == Credential::Anonymous;
        match address.scheme() {
            "https" => Ok(address),
            "http" if plain_here && (address.is_loopback() || nothing_to_hide) => Ok(address),
            "http" => Err(refuse("which is not encrypted: it must be https")),
            _ => Err(refuse("which is not an https URL")),
        }
    }
}

/// Reads the body of a response, which is not longer than [`TOKEN_LIMIT`] and not a web page.
fn token_body(transport: &Transport, realm: &Address, answer: Response) -> Result<Vec<u8>> {
    let page = answer.is_page();
    let facts = ResponseFacts { proxy: answer.proxy.clone(), ..ResponseFacts::default() };
    let json = answer.read(TOKEN_LIMIT).map_err(|(error, length)| {
        let progress = Progress { length, size: None };
        at_server(realm, progress.lost(&transport.http, error, &facts))
    })?;
    if page {
        return Err(sends(realm, "a web page instead of a token"));
    }
    if json.len() as u64 > TOKEN_LIMIT {
        return Err(sends(realm, &format!("more than {TOKEN_LIMIT} bytes instead of a token")));
    }
    Ok(json)
}

/// Returns the error for a response with other content than a token.
fn sends(realm: &Address, content: &str) -> AuthError {
    at_server(realm, Failure::new(Retryable::Never, format!("sends {content}")))
}

/// Adds the token server to a failure: its host differs from the registry in the error.
fn at_server(realm: &Address, failure: Failure) -> AuthError {
    let reason = format!("the token server `{realm}`: {}", failure.reason);
    AuthError::Attempt(Failure { reason, mismatch: None, ..failure }.into())
}

/// The authorization of a request to a token server. It is sent to no other origin.
struct TokenServerAuth<'a> {
    realm: &'a Address,
    authorization: Option<String>,
    roots: Vec<String>,
    identity: Option<Arc<Identity>>,
    counters: &'a Counters,
}

impl AuthProvider for TokenServerAuth<'_> {
    fn auth_for(&self, hop: &Hop<'_>) -> AttemptResult<HopAuth> {
        if hop.here.origin() != self.realm.origin() {
            let reason = format!("leads to {}", hop.here);
            return Err(Failure::new(Retryable::Never, reason).into());
        }
        self.counters.request(RequestPurpose::Token, hop.method, hop.nth > 0);
        let direct = hop.here.scheme() == "http" && hop.here.is_loopback();
        let (authorization, roots) = (self.authorization.clone(), self.roots.clone());
        Ok(HopAuth { authorization, direct, roots, identity: self.identity.clone() })
    }
}
