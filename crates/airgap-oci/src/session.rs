//! A session with one registry: its address, its challenges, and the credential for it.

mod token_request;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};

use ureq::http::HeaderMap;

use crate::access::{Access, Credential};
use crate::challenge::{self, Challenge, challenges};
use crate::error_response::{self, ClientState};
use crate::reference::Registry;
use crate::token::{IssuedToken, Scope, Tokens};
use crate::traffic::{Counters, RequestPurpose};
use crate::transport::Transport;
use airgap_core::credentials::Login;
use airgap_core::error::{Error, Result};
use airgap_core::workers::lock;
use airgap_http::Identity;
use airgap_http::address::Address;
use airgap_http::credential_scope;
use airgap_http::failure::{AttemptError, AttemptResult, Failure, Mismatch};
use airgap_http::http::{AuthProvider, Hop, HopAuth, Request};
use airgap_http::retry::Retryable;

/// A session with one registry.
pub(super) struct Session {
    registry: Registry,
    base: Address,
    /// Whether the response to the first request was a web page, as from a server of static files.
    greets_with_page: bool,
    state: Mutex<SessionState>,
    tokens: Tokens,
}

struct SessionState {
    access: Access,
    challenges: Vec<Challenge>,
    unsolicited: UnsolicitedLogin,
    /// The names of repositories in the scopes of tokens, if the registry uses other ones: it may be
    /// a proxy in front of another registry.
    renamed: HashMap<String, String>,
}

/// The response to the first request.
struct PingResponse {
    status: u16,
    challenges: Vec<Challenge>,
    is_page: bool,
}

/// Whether a name and password are sent to a registry that does not ask for them. Some registries
/// accept anonymous requests, and hide private repositories by 403 or 404 without a challenge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum UnsolicitedLogin {
    /// They were not sent yet.
    Untried,
    /// They are sent with each request.
    Sent,
    /// They are not sent any more, because the registry did not accept them.
    Refused,
}

/// The authorization of a request. Has no `Debug`.
pub(super) enum Authorization {
    /// No authorization.
    None,
    /// A value that does not change.
    Fixed(String),
    /// A name and password for which the registry did not ask.
    Unsolicited(String),
    /// A token of a token server.
    Token {
        /// The token.
        value: String,
        /// Whether it was issued for this very request.
        fresh: bool,
        /// Whether it was requested for exactly these scopes, and not for more.
        exact_scope: bool,
    },
}

impl Authorization {
    /// Returns the value of the `Authorization` header.
    pub(super) fn value(&self) -> Option<String> {
        match self {
            Authorization::None => None,
            Authorization::Fixed(value) | Authorization::Unsolicited(value) => Some(value.clone()),
            Authorization::Token { value, .. } => Some(format!("Bearer {value}")),
        }
    }
}

/// The reason why there is no [`Authorization`].
pub(super) enum AuthError {
    /// The token server refuses the credential.
    Refused(Failure),
    /// Any other failure.
    Attempt(AttemptError),
}

impl Session {
    /// Opens a session with the first request to the registry.
    pub(super) fn open(transport: &Transport, registry: &Registry) -> AttemptResult<Session> {
        let access = transport.access(registry)?;
        let endpoint = registry.endpoint();
        let base = |scheme: &str| Address::parse(&format!("{scheme}://{endpoint}/"));
        let (plain, secure) = (base("http")?, base("https")?);
        let (base, ping_response) = if access.plain_http {
            let ping_response = ping(transport, &plain, &access)?;
            (plain, ping_response)
        } else if plain.is_loopback() && !access.tls {
            // A server that speaks TLS there cannot parse this request, and says so.
            match ping(transport, &plain, &access) {
                Ok(PingResponse { status: 400, .. })
                | Err(AttemptError::Source(Failure {
                    mismatch: Some(Mismatch::NotHttp), ..
                })) => {
                    let ping_response = ping(transport, &secure, &access)?;
                    (secure, ping_response)
                }
                ping_response => (plain, ping_response?),
            }
        } else {
            let ping_response =
                ping(transport, &secure, &access).map_err(|error| not_tls(error, &access))?;
            (secure, ping_response)
        };
        let PingResponse { challenges, is_page: greets_with_page, .. } = ping_response;
        let renamed = HashMap::new();
        let state =
            SessionState { access, challenges, unsolicited: UnsolicitedLogin::Untried, renamed };
        let (state, tokens) = (Mutex::new(state), Tokens::default());
        Ok(Session { registry: registry.clone(), base, greets_with_page, state, tokens })
    }

    /// Returns the registry.
    pub(super) fn registry(&self) -> &Registry {
        &self.registry
    }

    /// Returns the address of its API, without a path.
    pub(super) fn base(&self) -> &Address {
        &self.base
    }

    /// Returns an address of its API: `/v2/{path}`.
    pub(super) fn address(&self, path: &str) -> Result<Address> {
        let address = self.base.at(&format!("/v2/{path}"));
        address.ok_or_else(|| Error::usage(format!("`{path}` is not a valid path of a URL")))
    }

    /// Returns whether the first response was a web page. A later one shows then that the whole host
    /// is a web site.
    pub(super) fn greets_with_page(&self) -> bool {
        self.greets_with_page
    }

    /// Returns the state of the client for a repository of this registry, for the texts of failures.
    pub(super) fn caller(&self, repository: &str) -> ClientState {
        let state = self.state();
        let withheld = credential_scope::check(&self.base, &self.base, false).err();
        let is_bearer = |it: &Challenge| matches!(it, Challenge::Bearer { .. });
        let (credential, origin) = state.access.for_repository(repository);
        let has_credential = *credential != Credential::Anonymous;
        ClientState {
            registry: self.registry.clone(),
            base: self.base.clone(),
            origin: if has_credential { origin.to_owned() } else { String::new() },
            withheld: withheld.filter(|_| has_credential),
            refused_unsolicited: state.unsolicited == UnsolicitedLogin::Refused,
            wants_tokens: state.challenges.iter().any(is_bearer),
        }
    }

    /// Returns the certificate roots for the registry, in addition to all others.
    pub(super) fn roots(&self) -> Vec<String> {
        self.state().access.roots.clone()
    }

    /// Returns the client certificate for the registry.
    pub(super) fn identity(&self) -> Option<Arc<Identity>> {
        self.state().access.identity.clone()
    }

    /// Returns whether a setting allows plain http.
    pub(super) fn plain(&self) -> bool {
        self.state().access.plain_http
    }

    /// Returns the authorization for these scopes.
    pub(super) fn authorize(
        &self,
        transport: &Transport,
        scopes: &[Scope],
    ) -> std::result::Result<Authorization, AuthError> {
        let (credential, challenges, unsolicited, scopes) = {
            let state = self.state();
            let credential = match credential_scope::check(&self.base, &self.base, false) {
                Ok(()) => state.credential(scopes).clone(),
                Err(_) => Credential::Anonymous,
            };
            (credential, state.challenges.clone(), state.unsolicited, state.with_renamed(scopes))
        };
        let scopes = scopes.as_slice();
        if let Credential::Bearer(token) = credential {
            return Ok(Authorization::Fixed(format!("Bearer {token}")));
        }
        for challenge in &challenges {
            if let Challenge::Bearer { realm, service } = challenge {
                let ask = || {
                    self.request_token(transport, realm, service.as_deref(), scopes, &credential)
                };
                let IssuedToken { token, fresh, exact_scope } =
                    self.tokens.get(scopes, transport.retry_policy.now(), ask)?;
                return Ok(Authorization::Token { value: token.value, fresh, exact_scope });
            }
        }
        match credential {
            Credential::Basic { username, password } if challenges.contains(&Challenge::Basic) => {
                Ok(Authorization::Fixed(basic(username, password)))
            }
            Credential::Basic { username, password } if unsolicited == UnsolicitedLogin::Sent => {
                Ok(Authorization::Unsolicited(basic(username, password)))
            }
            _ => Ok(Authorization::None),
        }
    }

    /// Stores the challenges of a refusal; returns whether they are new.
    pub(super) fn store_challenges(&self, headers: &HeaderMap) -> bool {
        let found = challenges(headers);
        let mut state = self.state();
        let changed = !found.is_empty() && found != state.challenges;
        if changed {
            state.challenges = found;
        }
        changed
    }

    /// Records the name that the challenge of a refusal has for the repository of a request; returns
    /// whether it is new.
    pub(super) fn store_repository_name(&self, headers: &HeaderMap, scopes: &[Scope]) -> bool {
        let (Some(name), Some(first)) = (challenge::repository(headers), scopes.first()) else {
            return false;
        };
        if scopes.iter().any(|it| it.repository == name) {
            return false;
        }
        let mut state = self.state();
        let old = state.renamed.insert(first.repository.clone(), name.clone());
        old.as_ref() != Some(&name)
    }

    /// Returns whether to repeat a request without a credential that got 403 or 404, or 401 without
    /// a challenge: with the authorization for the challenge that it got, or with a name and
    /// password that were not asked for.
    pub(super) fn enable_unsolicited(&self, headers: &HeaderMap, scopes: &[Scope]) -> bool {
        if self.store_challenges(headers) {
            return true;
        }
        let allowed = credential_scope::check(&self.base, &self.base, false).is_ok();
        let mut state = self.state();
        let has_login = matches!(state.credential(scopes), Credential::Basic { .. });
        let offers = allowed && has_login && state.unsolicited != UnsolicitedLogin::Refused;
        if offers {
            state.unsolicited = UnsolicitedLogin::Sent;
        }
        offers
    }

    /// Records that a name and password which were sent unasked got 401. If the response names a
    /// token server, it is asked; otherwise the next requests go without a credential. Returns that
    /// the request is to be repeated.
    pub(super) fn reconsider_unsolicited(&self, headers: &HeaderMap) -> bool {
        let found = challenges(headers);
        let mut state = self.state();
        match found.iter().any(|it| matches!(it, Challenge::Bearer { .. })) {
            true => state.challenges = found,
            false => state.unsolicited = UnsolicitedLogin::Refused,
        }
        true
    }

    /// Drops a token server that was only found by sending a credential unasked, after it refused
    /// the credential; returns whether there was one.
    pub(super) fn retract_token_server(&self) -> bool {
        let mut state = self.state();
        let was_sent = state.unsolicited == UnsolicitedLogin::Sent;
        if was_sent {
            (state.unsolicited, state.challenges) = (UnsolicitedLogin::Refused, Vec::new());
        }
        was_sent
    }

    /// Forgets a token that was refused.
    pub(super) fn forget(&self, authorization: &Authorization) {
        if let Authorization::Token { value, .. } = authorization {
            self.tokens.forget(value);
        }
    }

    /// Records that a token was refused for less than the scopes it was requested for.
    pub(super) fn restrict_token(&self, token: &str) {
        self.tokens.restrict(token);
    }

    /// Looks up the credential again; returns whether it has changed.
    pub(super) fn reload_credential(&self, transport: &Transport) -> Result<bool> {
        let access = transport.access(&self.registry)?;
        let mut state = self.state();
        let changed = !access.credentials().eq(state.access.credentials());
        if changed {
            (state.access, state.unsolicited) = (access, UnsolicitedLogin::Untried);
            self.tokens.clear();
        }
        Ok(changed)
    }

    fn state(&self) -> MutexGuard<'_, SessionState> {
        lock(&self.state)
    }
}

impl SessionState {
    /// Returns the credential for a request: that for the repository which it is about.
    fn credential(&self, scopes: &[Scope]) -> &Credential {
        let repository = scopes.first().map_or("", |scope| scope.repository.as_str());
        self.access.for_repository(repository).0
    }

    /// Returns scopes with those that the registry has other names for.
    fn with_renamed(&self, scopes: &[Scope]) -> Vec<Scope> {
        let renamed = scopes.iter().filter_map(|scope| {
            let repository = self.renamed.get(&scope.repository)?.clone();
            Some(Scope { repository, ..scope.clone() })
        });
        scopes.iter().cloned().chain(renamed).collect()
    }
}

impl<E: Into<AttemptError>> From<E> for AuthError {
    fn from(error: E) -> AuthError {
        AuthError::Attempt(error.into())
    }
}

/// The authorization of a request to a registry. It is not sent to other origins.
pub(super) struct RegistryAuth<'a> {
    /// The address of the registry.
    pub(super) base: &'a Address,
    /// Whether a setting allows plain http.
    pub(super) plain: bool,
    /// The value that is sent to the registry.
    pub(super) authorization: Option<&'a str>,
    /// Certificate roots for all hops, in addition to all others.
    pub(super) roots: Vec<String>,
    /// The client certificate that is shown to the registry.
    pub(super) identity: Option<Arc<Identity>>,
    /// The purpose of the request, for the counters.
    pub(super) purpose: RequestPurpose,
    /// The counters of requests.
    pub(super) counters: &'a Counters,
}

impl AuthProvider for RegistryAuth<'_> {
    fn auth_for(&self, hop: &Hop<'_>) -> AttemptResult<HopAuth> {
        let loopback = hop.here.is_loopback();
        if hop.here.scheme() == "http" && !loopback && !self.plain {
            let reason = format!("leads to {} by plain http, which is not encrypted", hop.here);
            return Err(Failure::new(Retryable::Never, reason).into());
        }
        self.counters.request(self.purpose, hop.method, hop.nth > 0);
        let home = hop.here.origin() == self.base.origin();
        Ok(HopAuth {
            authorization: self.authorization.filter(|_| home).map(str::to_owned),
            // A plain request that is safe because it stays on this machine must stay there.
            direct: hop.here.scheme() == "http" && loopback,
            roots: self.roots.clone(),
            identity: self.identity.clone().filter(|_| home),
        })
    }
}

/// Sends the first request, to `/v2/`.
fn ping(transport: &Transport, base: &Address, access: &Access) -> AttemptResult<PingResponse> {
    let address = base.at("/v2/").unwrap_or_else(|| base.clone());
    let counters = &transport.counters;
    let (plain, roots) = (access.plain_http, access.roots.clone());
    let (authorization, purpose) = (None, RequestPurpose::Ping);
    let identity = access.identity.clone();
    let auth_provider =
        RegistryAuth { base, plain, authorization, roots, identity, purpose, counters };
    let answer = transport.http.send(&address, Request::get(Vec::new()), &auth_provider)?;
    match answer.status.as_u16() {
        429 | 500.. => {
            let said = error_response::ErrorResponse::read(answer);
            Err(said.failure(transport.retry_policy.now()).into())
        }
        // Any other status is accepted: the next request shows its reason.
        status => {
            // A server behind a redirect must not decide where the credential is sent.
            let home = answer.from.origin() == base.origin();
            let challenges = if home { challenges(&answer.headers) } else { Vec::new() };
            let is_page = answer.is_page() && answer.status.is_success();
            answer.drain();
            Ok(PingResponse { status, challenges, is_page })
        }
    }
}

/// Adds a hint with the setting that demands TLS, if the registry does not speak it.
fn not_tls(error: AttemptError, access: &Access) -> AttemptError {
    match error {
        AttemptError::Source(failure)
            if failure.mismatch == Some(Mismatch::NotTls) && !access.tls_remedy.is_empty() =>
        {
            // The general hint names a setting that does not override this one.
            Failure { mismatch: None, ..failure }.hint(access.tls_remedy.clone()).into()
        }
        error => error,
    }
}

fn basic(login: String, password: String) -> String {
    Login { login, password }.basic()
}
