//! Error responses of registries, as messages with hints.

use std::fmt;
use std::time::SystemTime;

use serde_json::Value;
use ureq::http::{HeaderMap, StatusCode, header};

use crate::challenge;
use crate::reference::{Reference, Registry, Repository};
use airgap_core::bounded;
use airgap_core::digest::Digest;
use airgap_core::error::{Error, ErrorKind, RequestOutcome};
use airgap_core::report::{printable, shortened};
use airgap_http::address::Address;
use airgap_http::credential_scope::Withheld;
use airgap_http::failure::{Failure, Mismatch};
use airgap_http::http::Response;
use airgap_http::retry::Retryable;

/// The most bytes that are read of an error response.
const LIMIT: u64 = 64 * 1024;

/// The most characters of a message that are shown.
pub(super) const SHOWN: usize = 500;

/// The subject of a request: the item that is missing if the response is 404.
#[derive(Clone, Debug)]
pub(super) enum RequestSubject {
    /// A manifest in a repository, by tag or digest.
    Manifest(Reference),
    /// A blob.
    Blob(Repository, Digest),
    /// A repository.
    Repository(Repository),
    /// A repository that is pushed to.
    Destination(Repository),
    /// A manifest that is pushed.
    Pushed(Reference),
    /// An upload that was begun.
    Upload(Repository),
}

impl RequestSubject {
    pub(super) fn repository(&self) -> &Repository {
        match self {
            RequestSubject::Manifest(reference) | RequestSubject::Pushed(reference) => {
                reference.repository()
            }
            RequestSubject::Blob(repository, _)
            | RequestSubject::Repository(repository)
            | RequestSubject::Destination(repository)
            | RequestSubject::Upload(repository) => repository,
        }
    }
}

/// The state of the client for one registry, for the texts of failures.
pub(super) struct ClientState {
    /// The registry.
    pub(super) registry: Registry,
    /// The address of its API.
    pub(super) base: Address,
    /// The source of the credential; empty without one.
    pub(super) origin: String,
    /// The reason why the credential is not sent.
    pub(super) withheld: Option<Withheld>,
    /// Whether the registry refused a credential for which it did not ask.
    pub(super) refused_unsolicited: bool,
    /// Whether the registry needs tokens of a token server.
    pub(super) wants_tokens: bool,
}

/// An error response.
pub(super) struct ErrorResponse {
    status: StatusCode,
    headers: HeaderMap,
    authenticated: bool,
    page: bool,
    errors: Vec<Reported>,
}

/// One of the errors in a response (OCI distribution-spec "Error Codes").
struct Reported {
    code: String,
    message: String,
}

/// The keys under which registries, token servers and clouds write an error's code.
const CODES: [&str; 4] = ["code", "error", "error_type", "status"];

/// The keys under which they write its message.
const MESSAGES: [&str; 6] =
    ["message", "error_description", "error_message", "details", "detail", "title"];

impl Reported {
    fn new(code: &str, message: &str) -> Reported {
        Reported { code: code.trim().to_owned(), message: message.trim().to_owned() }
    }

    /// Reads the errors in the body of a response.
    fn read(body: &[u8], is_plain_text: bool) -> Vec<Reported> {
        match bounded::json::<Value>(body) {
            Ok(json) => Reported::from_json(&json),
            Err(_) => std::str::from_utf8(body)
                .ok()
                .and_then(|text| Reported::from_text(text, is_plain_text))
                .into_iter()
                .collect(),
        }
    }

    /// Reads the form of the OCI distribution specification ("Error Codes"), `{"errors": [...]}`, that
    /// of OAuth (RFC 6749 section 5.2), that of Google's services, `{"error": {...}}`, and the other
    /// ones of the keys above.
    fn from_json(json: &Value) -> Vec<Reported> {
        match json {
            Value::String(text) => vec![Reported::new("", text)],
            Value::Array(list) => list.iter().flat_map(Reported::from_json).collect(),
            Value::Object(fields) => {
                let nested = ["errors", "error"].iter().find_map(|key| fields.get(*key));
                if let Some(nested) = nested.filter(|it| it.is_array() || it.is_object()) {
                    return Reported::from_json(nested);
                }
                let text = |keys: &[&str]| {
                    let texts = keys.iter().filter_map(|key| fields.get(*key)?.as_str());
                    texts.map(str::trim).find(|text| !text.is_empty()).unwrap_or_default()
                };
                let whole = fields.get("errors").and_then(Value::as_str).unwrap_or_default();
                let message = if whole.is_empty() { text(&MESSAGES) } else { whole };
                vec![Reported::new(text(&CODES), message)]
            }
            _ => Vec::new(),
        }
    }

    /// Reads the XML of a storage of the S3 kind, and the first line of a plain text.
    fn from_text(text: &str, is_plain_text: bool) -> Option<Reported> {
        let element = |name: &str| {
            let rest = text.split_once(&format!("<{name}>"))?.1;
            Some(rest.split_once(&format!("</{name}>"))?.0)
        };
        match (element("Code"), element("Message")) {
            (None, None) if is_plain_text => text
                .lines()
                .map(str::trim)
                .find(|it| !it.is_empty())
                .map(|it| Reported::new("", it)),
            (None, None) => None,
            (code, message) => {
                Some(Reported::new(code.unwrap_or_default(), message.unwrap_or_default()))
            }
        }
    }
}

impl ErrorResponse {
    /// Reads a response. If its body cannot be parsed, only the status counts.
    pub(super) fn read(answer: Response) -> ErrorResponse {
        let (status, headers) = (answer.status, answer.headers.clone());
        let (authenticated, page) = (answer.authenticated, answer.is_page());
        let kind = answer.header(header::CONTENT_TYPE).unwrap_or_default();
        let is_plain_text = kind.to_ascii_lowercase().starts_with("text/plain");
        let body = answer.read(LIMIT).unwrap_or_default();
        let errors = Reported::read(&body, is_plain_text);
        ErrorResponse { status, headers, authenticated, page, errors }
    }

    /// Returns whether one of the errors has this code.
    fn has(&self, code: &str) -> bool {
        self.errors.iter().any(|error| error.code.eq_ignore_ascii_case(code))
    }

    /// Returns the messages of the registry itself, safe to show.
    fn words(&self) -> String {
        let words: Vec<_> = self
            .errors
            .iter()
            .take(3)
            .map(|error| match (error.message.as_str(), error.code.as_str()) {
                ("", code) => code.to_owned(),
                (message, "") => message.to_owned(),
                (message, code) => format!("{message} ({code})"),
            })
            .filter(|words| !words.is_empty())
            .collect();
        let words = words.join("; ");
        shortened(&words, SHOWN).replace('\n', " ")
    }

    /// Returns the failure without the state of the client.
    pub(super) fn failure(&self, now: SystemTime) -> Failure {
        let mut failure = Failure::from_status(self.status, &self.headers, now);
        let words = self.words();
        if !words.is_empty() {
            failure.reason.push_str(&format!(": {words}"));
        } else if self.page {
            failure.reason.push_str(", with a web page instead of JSON");
        }
        if let Some(limit) = self.limit().filter(|_| self.status.as_u16() == 429) {
            failure.reason.push_str(&format!("; {limit}"));
        }
        failure
    }

    /// Returns the limit that was reached: `100;w=21600` is a hundred in six hours.
    fn limit(&self) -> Option<String> {
        let text = |name: &str| Some(self.headers.get(name)?.to_str().ok()?.to_owned());
        let response = text("ratelimit-limit").or_else(|| text("x-ratelimit-limit"))?;
        let response = printable(&response);
        Some(match response.split_once(";w=") {
            Some((count, seconds)) => format!("the limit is {count} in {seconds} s"),
            None => format!("the limit is {response}"),
        })
    }
}

/// Returns the failure for an error response of a registry.
pub(super) fn by_registry(
    client: &ClientState,
    about: &RequestSubject,
    answer: Response,
    now: SystemTime,
) -> Failure {
    let elsewhere = answer.from.origin() != client.base.origin();
    let host = answer.from.host().to_owned();
    let response = ErrorResponse::read(answer);
    let mut failure = response.failure(now);
    if elsewhere {
        failure.reason =
            format!("{host}, to which the registry redirects, answers {}", failure.reason);
        return failure;
    }
    failure = for_push(failure, about, &response);
    match response.status.as_u16() {
        401 | 403 => advise(failure, client, &response),
        404 => explain_hidden(missing(failure, about, &response), client, &response),
        _ => failure,
    }
}

/// Adds the remedy for a push that was refused.
fn for_push(failure: Failure, about: &RequestSubject, response: &ErrorResponse) -> Failure {
    if !matches!(
        about,
        RequestSubject::Destination(_) | RequestSubject::Pushed(_) | RequestSubject::Upload(_)
    ) {
        return failure;
    }
    let words = response.words().to_lowercase();
    let lacks_blob = response.has("MANIFEST_BLOB_UNKNOWN") || response.has("BLOB_UNKNOWN");
    match response.status.as_u16() {
        _ if words.contains("immutab") => failure.hint(
            "the tag exists with other content, and the registry does not replace it: choose \
             another tag in `destination`, or delete the existing one",
        ),
        _ if words.contains("quota") => failure
            .hint("ask the administrator of that registry for more space, or delete images there"),
        400 | 404 if lacks_blob && matches!(about, RequestSubject::Pushed(_)) => failure.hint(
            "the registry lacks a blob that it had confirmed before: run the same command again",
        ),
        405 => failure.hint(
            "a repository that is a cache or a group of others (Nexus, Artifactory, Harbor) does \
             not accept a push: name a hosted one in `destination`",
        ),
        _ => failure,
    }
}

/// Adds to the reason which item is missing, if the registry tells.
fn missing(mut failure: Failure, about: &RequestSubject, response: &ErrorResponse) -> Failure {
    let repository = about.repository();
    if let RequestSubject::Destination(repository) = about
        && !response.page
    {
        failure = failure.hint(format!(
            "some registries do not create a repository, or its project, on a push: create `{}` \
             there first, or check the name",
            repository.name()
        ));
    }
    let what = match about {
        _ if response.has("NAME_UNKNOWN") => {
            format!("there is no repository `{}`", repository.name())
        }
        RequestSubject::Manifest(reference) if response.has("MANIFEST_UNKNOWN") => {
            match (reference.digest(), reference.tag()) {
                (Some(digest), _) => {
                    format!("there is no manifest with the digest sha256:{digest}")
                }
                (None, Some(tag)) => format!("there is no tag `{tag}`"),
                (None, None) => return failure,
            }
        }
        RequestSubject::Blob(_, digest) if response.has("BLOB_UNKNOWN") => {
            format!("there is no blob with the digest sha256:{digest}")
        }
        _ if response.page => {
            return failure.hint(format!(
                "the web page may be from a proxy, or `{}` is not a registry",
                repository.registry()
            ));
        }
        _ => return failure,
    };
    failure.reason = format!("{what}; {}", failure.reason);
    failure
}

/// Adds a hint to a 404 for a request without the credential that there is for the registry: some
/// registries hide private repositories from anonymous requests.
fn explain_hidden(failure: Failure, client: &ClientState, response: &ErrorResponse) -> Failure {
    if response.authenticated || client.origin.is_empty() {
        return failure;
    }
    let failure = failure.hint("check the name, the tag and the digest");
    match client.withheld {
        Some(reason) => explain_withheld(failure, client, reason),
        None => unsolicited_hint(failure, client),
    }
}

/// Adds a hint about a credential for which the registry did not ask.
fn unsolicited_hint(failure: Failure, client: &ClientState) -> Failure {
    let origin = &client.origin;
    failure.hint(match client.refused_unsolicited {
        true => format!(
            "the registry did not accept the credential from {origin}, which was sent without a \
             request for one: renew it"
        ),
        false => format!(
            "the credential from {origin} was not sent, because the registry did not ask for one \
             and did not name its token server"
        ),
    })
}

/// Adds a hint against 401 and 403.
fn advise(failure: Failure, client: &ClientState, response: &ErrorResponse) -> Failure {
    if let Some(reason) = client.withheld {
        return explain_withheld(failure, client, reason);
    }
    let origin = &client.origin;
    let places_to_set = places_to_set(&client.registry);
    // A registry that knows the caller may answer 403 or 401: the hint is the same.
    let known =
        response.status == StatusCode::FORBIDDEN || challenge::is_insufficient(&response.headers);
    match (known, response.authenticated && !origin.is_empty()) {
        (false, false) if response.authenticated => failure.hint(format!(
            "the registry requires a credential, or it gives this answer for missing repositories \
             too: check the name, or {places_to_set}"
        )),
        (false, false) if client.refused_unsolicited => {
            unsolicited_hint(without_challenge(failure, &response.headers), client)
        }
        (false, false) => {
            let credential = (!origin.is_empty()).then_some(origin.as_str());
            explain_unsent(failure, credential, &response.headers, &places_to_set)
        }
        (false, true) if client.wants_tokens => failure.hint(format!(
            "the registry does not accept the credential from {origin}, or it gives this answer \
             for missing repositories too: check the name, or renew the credential"
        )),
        (false, true) => failure
            .hint(format!("the registry does not accept the credential from {origin}: renew it")),
        (true, false) if !origin.is_empty() => unsolicited_hint(failure, client)
            .hint("the registry may give this answer for missing repositories too: check the name"),
        (true, false) => failure.hint(format!(
            "the registry refuses requests without a credential; it may give this answer for \
             missing repositories too: check the name, or {places_to_set}"
        )),
        (true, true) => failure.hint(format!(
            "the registry accepts the credential from {origin}, but refuses the request: ask for \
             the permission, and check the name"
        )),
    }
}

/// Adds hints that the credential of the registry was not sent, and how to change that.
fn explain_withheld(failure: Failure, client: &ClientState, reason: Withheld) -> Failure {
    let origin = &client.origin;
    failure
        .hint(format!("the credential from {origin} was not sent: {reason}"))
        .hint(reason.advice(&client.base))
}

/// Adds a hint to the failure of a request without a credential.
fn explain_unsent(
    failure: Failure,
    credential: Option<&str>,
    headers: &HeaderMap,
    places_to_set: &str,
) -> Failure {
    let understood = !challenge::challenges(headers).is_empty();
    let failure = match challenge::shown(headers) {
        Some(challenge) if !understood => failure.hint(format!(
            "the registry asks for a credential with an unknown scheme: `{challenge}`"
        )),
        Some(challenge) if credential.is_some() => failure.hint(format!(
            "the registry asks for a credential with a scheme that does not fit the configured \
             one: `{challenge}`"
        )),
        None if credential.is_some() => without_challenge(failure, headers),
        _ => failure,
    };
    match credential {
        Some(origin) => failure.hint(format!(
            "the credential from {origin} was not sent; if it is a token for the registry itself, \
             set its `_AUTH_BEARER` variable instead"
        )),
        None => failure.hint(format!("the registry requires a credential: {places_to_set}")),
    }
}

/// Adds a hint that a response has no challenge, if it has none.
fn without_challenge(failure: Failure, headers: &HeaderMap) -> Failure {
    match challenge::shown(headers) {
        Some(_) => failure,
        None => failure.hint(
            "the registry requires a credential but does not name a scheme: its answer has no \
             WWW-Authenticate",
        ),
    }
}

/// Returns the places where a credential for a registry can be set.
fn places_to_set(registry: &Registry) -> String {
    format!(
        "set {}, or use `docker login {registry}` (which writes to docker's config.json), or write \
         it into the config file of wkg",
        registry.token_variable()
    )
}

/// Returns the failure for a token that was refused.
pub(super) fn by_token_server(
    client: &ClientState,
    realm: &Address,
    response: &ErrorResponse,
    shown: bool,
    now: SystemTime,
) -> Failure {
    let mut failure = response.failure(now);
    failure.missing = false;
    failure.reason = format!("the token server `{realm}` answers {}", failure.reason);
    let origin = &client.origin;
    match (response.status.as_u16(), client.withheld) {
        (401 | 403, Some(reason)) => explain_withheld(failure, client, reason),
        (400 | 401 | 403, _) if shown => failure.hint(format!(
            "the token server does not accept the credential from {origin}: renew it"
        )),
        (401 | 403, _) => failure.hint(format!(
            "it refuses requests without a credential; it may give this answer for missing \
             repositories too: check the name, or {}",
            places_to_set(&client.registry)
        )),
        _ => failure,
    }
}

/// Returns the failure for a web page in place of the response of a registry.
pub(super) fn page() -> Failure {
    Failure::new(Retryable::Never, "answers with a web page instead of JSON").hint(
        "it may be a login page or the notice of a proxy, or that host is not a registry; open the \
         URL in a browser",
    )
}

/// Returns the final error. `doing` is an infinitive: "read the tags of `a`".
pub(super) fn error(
    doing: &str,
    tried: &dyn fmt::Display,
    registry: &Registry,
    failure: Failure,
) -> Error {
    let kind = if failure.missing { ErrorKind::Unavailable } else { ErrorKind::Network };
    let mut error = Error::new(kind, format!("cannot {doing}"))
        .after_request(RequestOutcome::from_refused(failure.refused))
        .fact("tried", format!("{tried}: {}", failure.reason));
    let plain = failure.mismatch == Some(Mismatch::NotTls);
    if plain {
        error = error.hint(format!(
            "if that registry speaks plain http, set that in the config file of wkg: \
             `[registry.\"{registry}\".oci]` with `protocol = \"http\"`"
        ));
    }
    let retryable = failure.retryable;
    let nothing = failure.hints.is_empty() && !plain;
    let error = failure.hints.into_iter().fold(error, Error::hint);
    match (nothing, kind) {
        (true, ErrorKind::Unavailable) => error.hint("check the name, the tag and the digest"),
        (true, _) if retryable == Retryable::Never => error.hint(
            "the same request would fail again: check the name and the URL, ask the administrator \
             of that server, or use a mirror",
        ),
        (true, _) => error.hint("try again later, or use a mirror that this machine reaches"),
        _ => error,
    }
}
