//! One request with its authorization. If the registry refuses it, the authorization is renewed and
//! the request repeated.

use crate::challenge;
use crate::session::{AuthError, Authorization, RegistryAuth, Session};
use crate::token::Scope;
use crate::traffic::RequestPurpose;
use crate::transport::Transport;
use airgap_core::error::Result;
use airgap_http::address::Address;
use airgap_http::failure::AttemptResult;
use airgap_http::http::{Request, Response};

/// The most repetitions of a request because its authorization was not enough.
const ROUNDS: usize = 4;

impl Transport {
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
        let mut exchange = Exchange { transport: self, session, scopes, reloaded: false };
        let mut repetitions = 0;
        loop {
            let authorization = exchange.authorize()?;
            let repeat = request.try_clone();
            let answer = exchange.send_once(address, request, &authorization)?;
            let update = exchange.update_session(&answer, &authorization, repeat.is_some());
            let (Some(update), Some(repeat)) = (update, repeat) else { return Ok(answer) };
            // A limit, as a registry could send another challenge each time.
            let is_last = repetitions == ROUNDS;
            if is_last || !exchange.is_worth_repeating(&answer, &authorization, update)? {
                return Ok(answer);
            }
            answer.drain();
            request = repeat;
            repetitions += 1;
        }
    }
}

/// A request to a registry with all its repetitions.
struct Exchange<'a> {
    transport: &'a Transport,
    session: &'a Session,
    scopes: &'a [Scope],
    /// Whether the credential was looked up again.
    reloaded: bool,
}

/// The facts that a refusal has added to a session.
struct SessionUpdate {
    /// Whether the registry has another name for the repository in the scopes of tokens.
    renamed: bool,
    /// Whether the next authorization differs.
    changed: bool,
}

impl Exchange<'_> {
    /// Returns the authorization for the next request. A credential that the token server refuses
    /// is looked up again, once.
    fn authorize(&mut self) -> AttemptResult<Authorization> {
        loop {
            match self.session.authorize(self.transport, self.scopes) {
                Ok(authorization) => return Ok(authorization),
                Err(AuthError::Attempt(error)) => return Err(error),
                Err(AuthError::Refused(_)) if self.session.retract_token_server() => {}
                Err(AuthError::Refused(failure)) => {
                    if !self.reload()? {
                        return Err(failure.into());
                    }
                }
            }
        }
    }

    /// Looks up the credential again, unless that was done; returns whether it has changed.
    fn reload(&mut self) -> Result<bool> {
        if self.reloaded {
            return Ok(false);
        }
        let changed = self.session.reload_credential(self.transport)?;
        self.reloaded = true;
        Ok(changed)
    }

    fn send_once(
        &self,
        address: &Address,
        request: Request<'_>,
        authorization: &Authorization,
    ) -> AttemptResult<Response> {
        let session = self.session;
        let value = authorization.value();
        let auth_provider = RegistryAuth {
            base: session.base(),
            plain: session.plain(),
            authorization: value.as_deref(),
            roots: session.roots(),
            identity: session.identity(),
            purpose: RequestPurpose::Api,
            counters: &self.transport.counters,
        };
        self.transport.http.send(address, request, &auth_provider)
    }

    /// Stores the facts of a refusal in the session. Returns `None` for any other response, and
    /// for a refusal that no other authorization changes.
    fn update_session(
        &self,
        answer: &Response,
        authorization: &Authorization,
        can_repeat: bool,
    ) -> Option<SessionUpdate> {
        let (session, headers) = (self.session, &answer.headers);
        let status = answer.status.as_u16();
        let same_origin = answer.from.origin() == session.base().origin();
        if !matches!(status, 401 | 403 | 404) || !same_origin {
            return None;
        }
        let renamed = status == 401
            && matches!(authorization, Authorization::Token { .. })
            && session.store_repository_name(headers, self.scopes);
        let no_challenge = challenge::shown(headers).is_none();
        let changed = match (status, authorization) {
            (401, Authorization::Unsolicited(_)) => session.reconsider_unsolicited(headers),
            (401, Authorization::None) if no_challenge && can_repeat => {
                session.enable_unsolicited(headers, self.scopes)
            }
            (401, _) => {
                session.forget(authorization);
                session.store_challenges(headers)
            }
            // The token server issued another token than was requested, or the registry needs
            // one for this repository alone.
            (403, Authorization::Token { exact_scope: false, value, .. }) => {
                session.restrict_token(value);
                true
            }
            (_, Authorization::None) if can_repeat => {
                session.enable_unsolicited(headers, self.scopes)
            }
            _ => return None,
        };
        Some(SessionUpdate { renamed, changed })
    }

    /// Returns whether a repetition of the request may have another result.
    fn is_worth_repeating(
        &mut self,
        answer: &Response,
        authorization: &Authorization,
        update: SessionUpdate,
    ) -> Result<bool> {
        let SessionUpdate { renamed, changed } = update;
        if answer.status != 401 {
            return Ok(changed);
        }
        match authorization {
            _ if renamed => Ok(true),
            Authorization::Token { fresh: false, .. } | Authorization::Unsolicited(_) => Ok(true),
            Authorization::None | Authorization::Fixed(_) if changed => Ok(true),
            _ => self.reload(),
        }
    }
}
