//! The interface between a transfer and the source of its bytes, for files and for blobs.

use std::io::{self, Read};

use ureq::http::header;

use crate::address::Address;
use crate::failure::{AttemptResult, Failure};
use crate::http::{Http, Response};
use crate::proxy::Proxy;
use crate::resume::{self, ResponseRange, ResumeRange};
use crate::retry::Retryable;
use airgap_core::error::Error;
use airgap_core::wrong_content::WrongContent;

/// A source of pinned bytes.
pub trait ByteSource {
    /// Returns its redacted address, for messages and for the note beside an unfinished file.
    fn name(&self) -> String;

    /// Requests the missing bytes. Fails if the response has no body.
    fn request(&self, range: &ResumeRange) -> AttemptResult<SourceResponse>;

    /// Returns the failure for a body that ended early, after `progress`.
    fn interrupted(&self, error: io::Error, facts: &ResponseFacts, progress: Progress) -> Failure;

    /// Returns the final error when no source is left.
    fn error(&self, subject: &str, failure: Failure) -> Error;

    /// Returns the hint for bytes that are not the pinned ones.
    fn advice(&self) -> &'static str;
}

/// The beginning of a response with bytes.
pub struct SourceResponse {
    /// The part of the file that the body has.
    pub(crate) part: ResponseRange,
    /// The validator of this version of the file at the source.
    pub(crate) validator: Option<String>,
    /// The facts of the response, for messages.
    pub(crate) facts: ResponseFacts,
    /// The body.
    pub(crate) body: Box<dyn Read + Send>,
}

/// The facts of a response, for the error if its bytes are wrong.
#[derive(Clone, Default)]
pub struct ResponseFacts {
    /// The target of a redirect.
    pub redirected: Option<String>,
    /// Whether the media type is that of a web page.
    pub page: bool,
    /// The content encoding, which was not requested.
    pub encoding: Option<String>,
    /// Whether the response gave a size.
    pub sized: bool,
    /// The proxy that was used.
    pub proxy: Option<Proxy>,
}

/// The progress of a file.
#[derive(Clone, Copy)]
pub struct Progress {
    /// The number of bytes that arrived.
    pub length: u64,
    /// The size of the file, if it is known.
    pub size: Option<u64>,
}

impl SourceResponse {
    /// Takes the bytes from a response; fails with `refusal` if it has no bytes of the file.
    pub fn from_response(
        answer: Response,
        range: &ResumeRange,
        refusal: impl FnOnce(Response) -> Failure,
    ) -> Result<SourceResponse, Failure> {
        let Some(part) = range.read(answer.status, &answer.headers) else {
            return Err(refusal(answer));
        };
        let sized = match part {
            ResponseRange::Whole { size } | ResponseRange::Rest { size, .. } => size.is_some(),
            ResponseRange::Complete | ResponseRange::Mismatch => true,
        };
        Ok(SourceResponse {
            part,
            validator: resume::validator(&answer.headers),
            facts: ResponseFacts::from_response(&answer, sized),
            body: Box::new(answer.steady()),
        })
    }
}

impl SourceResponse {
    /// Returns the same bytes through another reader.
    pub fn through(
        self,
        wrap: impl FnOnce(Box<dyn Read + Send>) -> Box<dyn Read + Send>,
    ) -> SourceResponse {
        SourceResponse { body: wrap(self.body), ..self }
    }
}

impl ResponseFacts {
    fn from_response(answer: &Response, sized: bool) -> ResponseFacts {
        let encoding = answer.header(header::CONTENT_ENCODING);
        ResponseFacts {
            redirected: answer.redirected.then(|| answer.from.to_string()),
            page: answer.is_page(),
            encoding: encoding.filter(|it| *it != "identity").map(str::to_owned),
            sized,
            proxy: answer.proxy.clone(),
        }
    }

    /// Returns whether the response comes from the origin of this address, and not from another one
    /// that a redirect led to.
    pub(super) fn is_from(&self, start: &str) -> bool {
        let address = |text: &str| Address::parse(text).ok();
        self.redirected.as_deref().is_none_or(|redirected| {
            matches!((address(start), address(redirected)), (Some(start), Some(end))
                if start.origin() == end.origin())
        })
    }

    /// Adds the facts of the response to an error, and hints about them.
    pub(crate) fn explain(&self, mut error: Error, length: u64, beginning: &[u8]) -> Error {
        if let Some(redirected) = &self.redirected {
            error = error.fact("redirected to", redirected);
        }
        if let Some(proxy) = &self.proxy {
            error = error.fact("proxy", &proxy.shown);
        }
        let markup = beginning.trim_ascii_start().starts_with(b"<");
        if let Some(pointer) = WrongContent::pointer(beginning) {
            return pointer.explain(error);
        }
        error.hint(if length == 0 {
            "the answer was empty; ask the administrator of that server".to_owned()
        } else if self.page || markup {
            "the answer is a web page: a login page or the notice of a proxy; open the address in \
             a browser"
                .to_owned()
        } else if let Some(encoding) = &self.encoding {
            format!(
                "the answer has the encoding `{encoding}`, which was not requested: a proxy or the \
                 server changes the file"
            )
        } else if !self.sized {
            "the server did not send the length of the file, so the file may be cut short; try \
             again"
                .to_owned()
        } else {
            "if that is a mirror, its copy is stale or damaged: replace it".to_owned()
        })
    }
}

impl Progress {
    /// Returns the failure for a body that ended early.
    pub(crate) fn short(self) -> Failure {
        let of = self.size.map(|size| format!(" of {size}")).unwrap_or_default();
        let reason = format!("the connection ended after {}{of} bytes", self.length);
        let short_reason = "the connection was lost".to_owned();
        Failure { short_reason, ..Failure::new(Retryable::Transient, reason) }
    }

    /// Returns the failure for a connection that failed in the middle of a body, after it had
    /// worked.
    pub fn lost(self, http: &Http, error: io::Error, facts: &ResponseFacts) -> Failure {
        let error = ureq::Error::from(error);
        let ended = matches!(&error, ureq::Error::Io(error)
            if error.kind() == io::ErrorKind::UnexpectedEof);
        if ended {
            return self.short();
        }
        let failure = http.failure(error, facts.proxy.as_ref());
        let of = self.size.map(|size| format!(" of {size}")).unwrap_or_default();
        let reason = format!("{}, after {}{of} bytes", failure.reason, self.length);
        let short_reason = "the connection was lost".to_owned();
        Failure { retryable: Retryable::Transient, reason, short_reason, ..failure }
    }
}
