//! One registry: where it answers, how it lets people in, and who we are there.

use std::sync::{Arc, Mutex, MutexGuard};

use ureq::http::{HeaderMap, Method, header};
use url::form_urlencoded;

use crate::error::{Error, Result};
use crate::fetch::Identity;
use crate::fetch::address::{self, Address};
use crate::fetch::audience;
use crate::fetch::failure::{Failure, Mismatch, Tried, Trouble};
use crate::fetch::http::{Asker, Body, Hop, Pass, Request};
use crate::fetch::retry::Chance;
use crate::fetch::source::{Served, SoFar};
use crate::oci::access::{Access, Credential};
use crate::oci::challenge::{Challenge, challenges};
use crate::oci::reference::Registry;
use crate::oci::refusal::{self, Caller};
use crate::oci::token::{Given, Scope, Token, Tokens};
use crate::oci::traffic::{Counters, Purpose};
use crate::oci::transport::Transport;
use crate::workers::hold;

/// No token server has more to say.
const TOKEN_LIMIT: u64 = 1 << 20;

/// What we call ourselves at token servers.
const CLIENT: &str = "wasm-airgap";

/// One registry.
pub(super) struct Session {
    registry: Registry,
    base: Address,
    state: Mutex<State>,
    tokens: Tokens,
}

struct State {
    access: Access,
    challenges: Vec<Challenge>,
    unasked: Unasked,
}

/// Whether a name and password are sent to a registry that does not ask for them. Some registries
/// let strangers in, and hide what others may see by 403 or 404 without a challenge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unasked {
    /// Not yet.
    Untried,
    /// With each request.
    Sent,
    /// No more, as the registry did not accept them.
    Refused,
}

/// What a request shows of who asks. Has no `Debug`.
pub(super) enum Proof {
    /// Nothing.
    Nothing,
    /// A value that does not change.
    Fixed(String),
    /// A name and password for which the registry did not ask.
    Unasked(String),
    /// A token.
    Token {
        /// The token.
        value: String,
        /// Whether it was given out for this very request.
        fresh: bool,
        /// Whether it was asked for these very scopes, and not for more.
        own: bool,
    },
}

/// Why there is no [`Proof`].
pub(super) enum Unproven {
    /// The token server refuses the credential.
    Refused(Failure),
    /// Something else.
    Trouble(Trouble),
}

impl Session {
    /// Makes the first contact.
    pub(super) fn open(transport: &Transport, registry: &Registry) -> Tried<Session> {
        let access = transport.access(registry)?;
        let endpoint = registry.endpoint();
        let base = |scheme: &str| Address::parse(&format!("{scheme}://{endpoint}/"));
        let (plain, secure) = (base("http")?, base("https")?);
        let (base, challenges) = if access.plain_http {
            let found = ping(transport, &plain, &access)?;
            (plain, found.1)
        } else if plain.is_loopback() && !access.tls {
            // Whatever speaks TLS there cannot make sense of this, and says so.
            match ping(transport, &plain, &access) {
                Ok((400, _))
                | Err(Trouble::Source(Failure { mismatch: Some(Mismatch::NotHttp), .. })) => {
                    let found = ping(transport, &secure, &access)?;
                    (secure, found.1)
                }
                found => (plain, found?.1),
            }
        } else {
            let found =
                ping(transport, &secure, &access).map_err(|error| not_tls(error, &access))?;
            (secure, found.1)
        };
        let state = Mutex::new(State { access, challenges, unasked: Unasked::Untried });
        Ok(Session { registry: registry.clone(), base, state, tokens: Tokens::default() })
    }

    /// The registry.
    pub(super) fn registry(&self) -> &Registry {
        &self.registry
    }

    /// Where it answers.
    pub(super) fn base(&self) -> &Address {
        &self.base
    }

    /// An address of its API: `/v2/{path}`.
    pub(super) fn address(&self, path: &str) -> Result<Address> {
        let address = self.base.at(&format!("/v2/{path}"));
        address.ok_or_else(|| Error::usage(format!("`{path}` makes no address")))
    }

    /// Returns the client in the eyes of this registry, for the words of failures.
    pub(super) fn caller(&self) -> Caller {
        let state = self.state();
        let has_credential = state.access.credential != Credential::Anonymous;
        let withheld = audience::check(&self.base, &self.base, false).err();
        let is_bearer = |it: &Challenge| matches!(it, Challenge::Bearer { .. });
        Caller {
            registry: self.registry.clone(),
            base: self.base.clone(),
            origin: if has_credential { state.access.origin.clone() } else { String::new() },
            withheld: withheld.filter(|_| has_credential),
            refused_unasked: state.unasked == Unasked::Refused,
            wants_tokens: state.challenges.iter().any(is_bearer),
        }
    }

    /// Certificate roots that hold there besides all others.
    pub(super) fn roots(&self) -> Vec<String> {
        self.state().access.roots.clone()
    }

    /// The client certificate for it.
    pub(super) fn identity(&self) -> Option<Arc<Identity>> {
        self.state().access.identity.clone()
    }

    /// Whether plain http was asked for.
    pub(super) fn plain(&self) -> bool {
        self.state().access.plain_http
    }

    /// What to show for these scopes.
    pub(super) fn prove(
        &self,
        transport: &Transport,
        scopes: &[Scope],
    ) -> std::result::Result<Proof, Unproven> {
        let (credential, challenges, unasked) = {
            let state = self.state();
            let credential = match audience::check(&self.base, &self.base, false) {
                Ok(()) => state.access.credential.clone(),
                Err(_) => Credential::Anonymous,
            };
            (credential, state.challenges.clone(), state.unasked)
        };
        if let Credential::Bearer(token) = credential {
            return Ok(Proof::Fixed(format!("Bearer {token}")));
        }
        for challenge in &challenges {
            if let Challenge::Bearer { realm, service } = challenge {
                let ask = || {
                    self.ask_for_token(transport, realm, service.as_deref(), scopes, &credential)
                };
                let Given { token, fresh, own } =
                    self.tokens.get(scopes, transport.patience.now(), ask)?;
                return Ok(Proof::Token { value: token.value, fresh, own });
            }
        }
        match credential {
            Credential::Basic { username, password } if challenges.contains(&Challenge::Basic) => {
                Ok(Proof::Fixed(basic(username, password)))
            }
            Credential::Basic { username, password } if unasked == Unasked::Sent => {
                Ok(Proof::Unasked(basic(username, password)))
            }
            _ => Ok(Proof::Nothing),
        }
    }

    /// Takes note of the challenges of a refusal; says whether they are news.
    pub(super) fn learn(&self, headers: &HeaderMap) -> bool {
        let found = challenges(headers);
        let mut state = self.state();
        let news = !found.is_empty() && found != state.challenges;
        if news {
            state.challenges = found;
        }
        news
    }

    /// Decides whether a request without a credential that got 403 or 404 is worth repeating: with
    /// an answer to the challenge that came with it, or with a name and password unasked.
    pub(super) fn offer(&self, headers: &HeaderMap) -> bool {
        if self.learn(headers) {
            return true;
        }
        let allowed = audience::check(&self.base, &self.base, false).is_ok();
        let mut state = self.state();
        let has_login = matches!(state.access.credential, Credential::Basic { .. });
        let offers = allowed && has_login && state.unasked != Unasked::Refused;
        if offers {
            state.unasked = Unasked::Sent;
        }
        offers
    }

    /// Takes note that a name and password which were sent unasked got 401. A token server that came
    /// with it is asked; otherwise the registry is asked without a credential from now on. Says that
    /// the request is worth repeating.
    pub(super) fn reconsider(&self, headers: &HeaderMap) -> bool {
        let found = challenges(headers);
        let mut state = self.state();
        match found.iter().any(|it| matches!(it, Challenge::Bearer { .. })) {
            true => state.challenges = found,
            false => state.unasked = Unasked::Refused,
        }
        true
    }

    /// Takes note that a token server which was only met by a credential that nobody asked for does
    /// not accept it; says whether that is so.
    pub(super) fn retract(&self) -> bool {
        let mut state = self.state();
        let is_so = state.unasked == Unasked::Sent;
        if is_so {
            (state.unasked, state.challenges) = (Unasked::Refused, Vec::new());
        }
        is_so
    }

    /// Forgets what was refused, if that is possible.
    pub(super) fn forget(&self, proof: &Proof) {
        if let Proof::Token { value, .. } = proof {
            self.tokens.forget(value);
        }
    }

    /// Takes note that a token was refused for less than it was asked for.
    pub(super) fn distrust(&self, token: &str) {
        self.tokens.distrust(token);
    }

    /// Asks again who we are; says whether there is another credential now.
    pub(super) fn ask_again(&self, transport: &Transport) -> Result<bool> {
        let access = transport.access(&self.registry)?;
        let mut state = self.state();
        let news = access.credential != state.access.credential;
        if news {
            (state.access, state.unasked) = (access, Unasked::Untried);
            self.tokens.clear();
        }
        Ok(news)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        hold(&self.state)
    }

    fn ask_for_token(
        &self,
        transport: &Transport,
        realm: &str,
        service: Option<&str>,
        scopes: &[Scope],
        credential: &Credential,
    ) -> std::result::Result<Token, Unproven> {
        let realm =
            self.token_server(realm, credential).map_err(|it| Unproven::Trouble(it.into()))?;
        let mut fields = form_urlencoded::Serializer::new(String::new());
        if let Some(service) = service {
            fields.append_pair("service", service);
        }
        let (mut address, mut authorization, mut form) = (realm.clone(), None, None);
        match credential {
            Credential::Refresh(refresh) => {
                let scopes: Vec<_> = scopes.iter().map(Scope::to_string).collect();
                fields.append_pair("client_id", CLIENT).append_pair("grant_type", "refresh_token");
                fields.append_pair("scope", &scopes.join(" "));
                fields.append_pair("refresh_token", refresh);
                form = Some(fields.finish());
            }
            other => {
                if let Some(service) = service {
                    address = address.with_query("service", service);
                }
                for scope in scopes {
                    address = address.with_query("scope", &scope.to_string());
                }
                if let Credential::Basic { username, password } = other {
                    authorization = Some(basic(username.clone(), password.clone()));
                }
            }
        }
        let form_type = "application/x-www-form-urlencoded".to_owned();
        let request = match &form {
            Some(form) => Request {
                method: Method::POST,
                headers: vec![(header::CONTENT_TYPE, form_type)],
                body: Body::Bytes(form.as_bytes()),
            },
            None => Request::get(Vec::new()),
        };
        let (roots, counters) = (self.roots(), &transport.counters);
        let identity = self.identity().filter(|_| realm.origin() == self.base.origin());
        let asker = TokenAsker { realm: &realm, authorization, roots, identity, counters };
        let at_server = |failure: Failure| at_server(&realm, failure);
        let answer =
            transport.http.send(&address, request, &asker).map_err(|trouble| match trouble {
                Trouble::Source(failure) => at_server(failure),
                fatal => Unproven::Trouble(fatal),
            })?;
        let status = answer.status.as_u16();
        if !answer.status.is_success() {
            let said = refusal::Said::read(answer);
            let shown = *credential != Credential::Anonymous;
            let failure = refusal::by_token_server(
                &self.caller(),
                &realm,
                &said,
                shown,
                transport.patience.now(),
            );
            return Err(match status {
                400 | 401 | 403 => Unproven::Refused(failure),
                _ => Unproven::Trouble(failure.into()),
            });
        }
        let page = answer.is_page();
        let served = Served { proxy: answer.proxy.clone(), ..Served::default() };
        let json = answer.read(TOKEN_LIMIT).map_err(|(error, length)| {
            at_server(SoFar { length, size: None }.lost(&transport.http, error, &served))
        })?;
        let sends = |what: &str| at_server(Failure::new(Chance::None, format!("sends {what}")));
        if page {
            return Err(sends("a web page instead of a token"));
        }
        if json.len() as u64 > TOKEN_LIMIT {
            return Err(sends(&format!("more than {TOKEN_LIMIT} bytes instead of a token")));
        }
        Token::read(&json, transport.patience.now()).map_err(|what| sends(&what))
    }

    /// The token server that the registry names. Our credential goes there, so nobody may listen.
    fn token_server(
        &self,
        realm: &str,
        credential: &Credential,
    ) -> std::result::Result<Address, Failure> {
        let refuse = |why: &str| {
            let shown = address::redacted(realm);
            let reason = format!("the registry names the token server `{shown}`, {why}");
            Failure::new(Chance::None, reason)
        };
        let address = Address::parse(realm).map_err(|_| refuse("which is no address"))?;
        let plain_here = self.base.scheme() == "http";
        // Where plain http was asked for, it is good enough for a request without a credential.
        let nothing_to_hide = self.plain() && *credential == Credential::Anonymous;
        match address.scheme() {
            "https" => Ok(address),
            "http" if plain_here && (address.is_loopback() || nothing_to_hide) => Ok(address),
            "http" => Err(refuse("where anyone can listen: it must be https")),
            _ => Err(refuse("which is no https address")),
        }
    }
}

impl<E: Into<Trouble>> From<E> for Unproven {
    fn from(error: E) -> Unproven {
        Unproven::Trouble(error.into())
    }
}

/// Who asks at a token server. What is sent there goes nowhere else.
struct TokenAsker<'a> {
    realm: &'a Address,
    authorization: Option<String>,
    roots: Vec<String>,
    identity: Option<Arc<Identity>>,
    counters: &'a Counters,
}

impl Asker for TokenAsker<'_> {
    fn pass(&self, hop: &Hop<'_>) -> Tried<Pass> {
        if hop.here.origin() != self.realm.origin() {
            let reason = format!("leads to {}", hop.here);
            return Err(Failure::new(Chance::None, reason).into());
        }
        self.counters.request(Purpose::Token, hop.method, hop.nth > 0);
        let direct = hop.here.scheme() == "http" && hop.here.is_loopback();
        let (authorization, roots) = (self.authorization.clone(), self.roots.clone());
        Ok(Pass { authorization, direct, roots, identity: self.identity.clone() })
    }
}

/// Who asks a registry: whoever we are there, and nobody elsewhere.
pub(super) struct RegistryAsker<'a> {
    /// The registry.
    pub(super) base: &'a Address,
    /// Whether plain http was asked for.
    pub(super) plain: bool,
    /// What is shown there.
    pub(super) authorization: Option<&'a str>,
    /// Certificate roots that hold on the whole way, besides all others.
    pub(super) roots: Vec<String>,
    /// The client certificate that is shown there.
    pub(super) identity: Option<Arc<Identity>>,
    /// What for.
    pub(super) purpose: Purpose,
    /// Where it is counted.
    pub(super) counters: &'a Counters,
}

impl Asker for RegistryAsker<'_> {
    fn pass(&self, hop: &Hop<'_>) -> Tried<Pass> {
        let loopback = hop.here.is_loopback();
        if hop.here.scheme() == "http" && !loopback && !self.plain {
            let reason = format!("leads to {} by plain http, where anyone can listen", hop.here);
            return Err(Failure::new(Chance::None, reason).into());
        }
        self.counters.request(self.purpose, hop.method, hop.nth > 0);
        let home = hop.here.origin() == self.base.origin();
        Ok(Pass {
            authorization: self.authorization.filter(|_| home).map(str::to_owned),
            // What is safe because it stays on this machine must stay there.
            direct: hop.here.scheme() == "http" && loopback,
            roots: self.roots.clone(),
            identity: self.identity.clone().filter(|_| home),
        })
    }
}

/// The status of `/v2/` and the challenges that came with it.
fn ping(transport: &Transport, base: &Address, access: &Access) -> Tried<(u16, Vec<Challenge>)> {
    let address = base.at("/v2/").unwrap_or_else(|| base.clone());
    let counters = &transport.counters;
    let (plain, roots) = (access.plain_http, access.roots.clone());
    let (authorization, purpose) = (None, Purpose::Ping);
    let identity = access.identity.clone();
    let asker = RegistryAsker { base, plain, authorization, roots, identity, purpose, counters };
    let answer = transport.http.send(&address, Request::get(Vec::new()), &asker)?;
    match answer.status.as_u16() {
        200..300 if answer.is_page() => Err(refusal::page().into()),
        429 | 500.. => {
            let said = refusal::Said::read(answer);
            Err(said.failure(transport.patience.now()).into())
        }
        // Whatever else it is, the request that follows will tell.
        status => {
            // Whoever a redirect leads to must not say where the credential is to be shown.
            let home = answer.from.origin() == base.origin();
            let found = if home { challenges(&answer.headers) } else { Vec::new() };
            answer.drain();
            Ok((status, found))
        }
    }
}

/// Names the setting that asks for TLS, where the registry does not speak it.
fn not_tls(trouble: Trouble, access: &Access) -> Trouble {
    match trouble {
        Trouble::Source(failure)
            if failure.mismatch == Some(Mismatch::NotTls) && !access.tls_remedy.is_empty() =>
        {
            // The general hint is about a setting that does not win over this one.
            Failure { mismatch: None, ..failure }.hint(access.tls_remedy.clone()).into()
        }
        trouble => trouble,
    }
}

/// A failure at a token server: another host than the registry, which the error is about.
fn at_server(realm: &Address, failure: Failure) -> Unproven {
    let reason = format!("the token server `{realm}`: {}", failure.reason);
    Unproven::Trouble(Failure { reason, mismatch: None, ..failure }.into())
}

fn basic(login: String, password: String) -> String {
    address::Credential { login, password }.basic()
}
