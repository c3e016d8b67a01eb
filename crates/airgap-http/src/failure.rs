//! Failures of sources, as messages with hints.

use std::io;
use std::time::{Duration, SystemTime};

use ureq::Timeout;
use ureq::http::{HeaderMap, StatusCode, header};

use crate::address::Address;
use crate::certificate;
use crate::deadline::{CONNECT, Slow};
use crate::proxy::Proxy;
use crate::retry::{self, Retryable};
use airgap_core::error::{Error, ErrorKind, RequestOutcome};
use airgap_core::network::Network;

/// The failure of a source.
#[derive(Debug)]
pub struct Failure {
    /// The reason, for the list of attempts.
    pub reason: String,
    /// The reason in few words, after `waiting 3 s`.
    pub short_reason: String,
    /// Whether a retry may help.
    pub retryable: Retryable,
    /// The `Retry-After` of the server.
    pub retry_after: Option<Duration>,
    /// Whether the source works and does not have the file.
    pub missing: bool,
    /// Whether the source needs another credential, or a permission.
    pub refused: bool,
    /// Whether the server sends too slowly: the bytes of such an attempt do not justify a retry.
    pub slow: bool,
    /// The protocol that the server does not speak.
    pub mismatch: Option<Mismatch>,
    /// The hints for the user.
    pub hints: Vec<String>,
}

/// A protocol that a server should speak and does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mismatch {
    /// TLS.
    NotTls,
    /// HTTP: it may be TLS.
    NotHttp,
}

/// The reason why an attempt ended.
#[derive(Debug)]
pub enum AttemptError {
    /// This source failed; another one may work.
    Source(Failure),
    /// An error that no other source can avoid.
    Fatal(Error),
}

/// The result of an attempt.
pub type AttemptResult<T> = std::result::Result<T, AttemptError>;

impl From<Error> for AttemptError {
    fn from(error: Error) -> AttemptError {
        AttemptError::Fatal(error)
    }
}

impl From<Failure> for AttemptError {
    fn from(failure: Failure) -> AttemptError {
        AttemptError::Source(failure)
    }
}

impl Failure {
    /// Creates a failure with a reason and without hints.
    pub fn new(retryable: Retryable, reason: impl Into<String>) -> Failure {
        let reason = reason.into();
        let short_reason = reason.clone();
        Failure {
            reason,
            short_reason,
            retryable,
            retry_after: None,
            missing: false,
            refused: false,
            slow: false,
            mismatch: None,
            hints: Vec::new(),
        }
    }

    /// Adds a hint for the user.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Failure {
        self.hints.push(hint.into());
        self
    }

    /// Returns the same failure for a server that a redirect led to.
    pub(crate) fn after_redirect(self, here: &Address) -> Failure {
        let reason = format!("redirects to {here}: {}", self.reason);
        Failure { reason, mismatch: None, ..self }
    }

    /// Returns the failure of a source that works and does not have the file.
    pub(crate) fn missing(reason: impl Into<String>) -> Failure {
        Failure { missing: true, ..Failure::new(Retryable::Never, reason) }
    }

    /// Returns the failure for a status without a file.
    pub fn from_status(status: StatusCode, headers: &HeaderMap, now: SystemTime) -> Failure {
        let text = shown(status);
        match status.as_u16() {
            404 | 410 => Failure::missing(text),
            401 | 403 => Failure { refused: true, ..Failure::new(Retryable::Never, text) },
            408 | 425 | 429 | 500 | 502 | 503 | 504 => {
                let asked = headers.get(header::RETRY_AFTER).and_then(|it| it.to_str().ok());
                Failure {
                    retry_after: asked.and_then(|value| retry::retry_after(value, now)),
                    short_reason: format!("the server is busy ({})", status.as_u16()),
                    ..Failure::new(Retryable::Transient, text)
                }
            }
            _ => Failure::new(Retryable::Never, text),
        }
    }

    /// Converts an error of the HTTP client.
    pub(crate) fn from_ureq(
        error: ureq::Error,
        proxy: Option<&Proxy>,
        network: &Network,
    ) -> Failure {
        let failure = match error {
            ureq::Error::Timeout(Timeout::Connect | Timeout::Resolve) => Failure::new(
                Retryable::Unreachable,
                format!("could not connect within {} s", CONNECT.as_secs()),
            ),
            ureq::Error::Timeout(Timeout::RecvResponse) => Failure::new(
                Retryable::Transient,
                format!("no answer within {} s", network.answer.as_secs_f64()),
            ),
            ureq::Error::Timeout(_) => silent(network),
            ureq::Error::HostNotFound => unknown_host("the name has no address"),
            ureq::Error::ConnectProxyFailed(reason) => return refused_by_proxy(&reason, proxy),
            ureq::Error::Rustls(error) => from_tls(&error),
            ureq::Error::Io(error) => from_io(&error, network),
            // The server speaks HTTP, and a retry would get headers of the same length.
            ureq::Error::LargeResponseHeader(found, most) => Failure::new(
                Retryable::Never,
                format!(
                    "the headers of the answer are too long: {found} bytes; the limit is {most}"
                ),
            ),
            other => Failure {
                mismatch: Some(Mismatch::NotHttp),
                ..Failure::new(Retryable::Never, format!("the answer is not valid HTTP: {other}"))
            },
        };
        match proxy {
            Some(proxy) => Failure {
                reason: format!("{} (through the proxy {})", failure.reason, proxy.shown),
                ..failure
            }
            .hint(format!(
                "the proxy is set by {}; no_proxy lists the hosts to reach without it",
                proxy.variable
            )),
            None => failure,
        }
    }
}

/// Returns a status with its name: `404 Not Found`.
pub fn shown(status: StatusCode) -> String {
    format!("{} {}", status.as_u16(), status.canonical_reason().unwrap_or("")).trim_end().to_owned()
}

fn from_io(error: &io::Error, network: &Network) -> Failure {
    if let Some(error) = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        return from_tls(error);
    }
    if let Some(slow) = error.get_ref().and_then(|inner| inner.downcast_ref::<Slow>()) {
        return Failure { slow: true, ..Failure::new(Retryable::Transient, slow.to_string()) };
    }
    match error.kind() {
        io::ErrorKind::UnexpectedEof => Failure {
            mismatch: Some(Mismatch::NotHttp),
            ..Failure::new(
                Retryable::Transient,
                "the server closed the connection without an answer",
            )
        },
        io::ErrorKind::ConnectionReset
        | io::ErrorKind::ConnectionAborted
        | io::ErrorKind::BrokenPipe => Failure {
            mismatch: Some(Mismatch::NotHttp),
            ..Failure::new(Retryable::Transient, "the connection was lost")
        },
        io::ErrorKind::TimedOut => silent(network),
        io::ErrorKind::ConnectionRefused
        | io::ErrorKind::HostUnreachable
        | io::ErrorKind::NetworkUnreachable
        | io::ErrorKind::AddrNotAvailable => {
            Failure::new(Retryable::Unreachable, error.to_string())
        }
        // The standard library has no kind for this error, only its text.
        _ if error.to_string().contains("failed to lookup address") => {
            unknown_host(&error.to_string())
        }
        _ => Failure::new(Retryable::Never, error.to_string()),
    }
}

fn silent(network: &Network) -> Failure {
    let seconds = network.silence.as_secs_f64();
    Failure::new(Retryable::Transient, format!("the server sent nothing for {seconds} s"))
}

fn unknown_host(reason: &str) -> Failure {
    let passing = reason.contains("Temporary failure") || reason.contains("Try again");
    let retryable = if passing { Retryable::Unreachable } else { Retryable::Never };
    Failure::new(retryable, format!("the host was not found: {reason}")).hint(
        "check the spelling of the host, and whether this machine reaches a name server; \
         behind a proxy, set `https_proxy`",
    )
}

fn from_tls(error: &rustls::Error) -> Failure {
    let failure = |reason: String| Failure::new(Retryable::Never, reason);
    match error {
        rustls::Error::InvalidCertificate(bad) => {
            let certificate::Refusal { reason, hints } = certificate::refused(bad);
            Failure { hints, ..failure(reason) }
        }
        rustls::Error::InvalidMessage(_) => Failure {
            mismatch: Some(Mismatch::NotTls),
            ..failure("the server does not speak TLS".to_owned())
        },
        _ => failure(format!("TLS failed: {error}")),
    }
}

/// Returns the failure for the response of a proxy, which the HTTP client gives as a text only:
/// `proxy server responded 407/407`.
fn refused_by_proxy(reason: &str, proxy: Option<&Proxy>) -> Failure {
    let (shown, variable) = proxy.map_or(("", ""), |it| (it.shown.as_str(), it.variable));
    let status = reason.rsplit('/').next().and_then(|code| code.parse::<StatusCode>().ok());
    let Some(status) = status else {
        return Failure::new(Retryable::Transient, format!("the proxy {shown} failed: {reason}"));
    };
    let retryable = match status.as_u16() {
        429 | 500 | 502 | 503 | 504 => Retryable::Transient,
        _ => Retryable::Never,
    };
    let answers = self::shown(status);
    let failure = Failure::new(retryable, format!("the proxy {shown} answers {answers}"));
    match status.as_u16() {
        407 => failure.hint(format!(
            "write the proxy's user and password into {variable}: `http://user:password@host:port`"
        )),
        403 => failure.hint(
            "the proxy does not allow this host or port; ask its administrator to allow it, or use \
             a mirror that no_proxy lists",
        ),
        _ => failure,
    }
}

/// The addresses that were tried and their failures, in order.
#[derive(Default)]
pub struct Attempts(Vec<(String, Failure)>);

impl Attempts {
    /// Adds the failure of one source.
    pub fn add(&mut self, address: &Address, failure: Failure) {
        self.0.push((address.to_string(), failure));
    }

    /// Returns the error for a file that no source delivered.
    pub fn error(self, subject: &str) -> Error {
        let missing = self.0.iter().all(|(_, failure)| failure.missing);
        let hopeless = self.0.iter().all(|(_, failure)| failure.retryable == Retryable::Never);
        let kind = if missing { ErrorKind::Unavailable } else { ErrorKind::Network };
        let outcome =
            RequestOutcome::from_refused(self.0.iter().any(|(_, failure)| failure.refused));
        let mut error =
            Error::new(kind, format!("cannot download {subject}")).after_request(outcome);
        let mut hints: Vec<String> = Vec::new();
        for (address, failure) in self.0 {
            error = error.fact("tried", format!("{address}: {}", failure.reason));
            let plain = (failure.mismatch == Some(Mismatch::NotTls)).then(|| {
                "if the server speaks plain http, write `http://` and its port".to_owned()
            });
            for hint in failure.hints.into_iter().chain(plain) {
                if !hints.contains(&hint) {
                    hints.push(hint);
                }
            }
        }
        if missing {
            hints.push("check the version, and that the mirror has the file at this path".into());
        } else if hints.is_empty() {
            let mirror = "set BAZEL_WASM_MIRROR to a mirror that this machine reaches";
            hints.push(if hopeless {
                mirror.into()
            } else {
                format!("try again later, or {mirror}")
            });
        }
        hints.into_iter().fold(error, Error::hint)
    }
}
