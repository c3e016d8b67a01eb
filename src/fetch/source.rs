//! What a transfer needs of where its bytes come from: files and blobs are two users of one thing.

use std::io::{self, Read};

use ureq::http::header;

use crate::error::Error;
use crate::fetch::address::Address;
use crate::fetch::failure::{Failure, Tried};
use crate::fetch::http::{Answer, Http};
use crate::fetch::proxy::Proxy;
use crate::fetch::resume::{self, Part, Range};
use crate::fetch::retry::Chance;
use crate::stand_in::StandIn;

/// Somewhere that pinned bytes may come from.
pub(crate) trait Source {
    /// Its address, redacted: for messages, and for the note beside an unfinished file.
    fn name(&self) -> String;

    /// Asks for what is missing, and gives what came. What brings no bytes is a failure.
    fn ask(&self, range: &Range) -> Tried<Arrival>;

    /// Why reading the body ended early, after `so_far`.
    fn interrupted(&self, error: io::Error, served: &Served, so_far: SoFar) -> Failure;

    /// The error where nobody is left to ask.
    fn error(&self, subject: &str, failure: Failure) -> Error;

    /// What to do where the bytes are not the pinned ones.
    fn advice(&self) -> &'static str;
}

/// Bytes that begin to arrive.
pub(crate) struct Arrival {
    /// What they are of the whole.
    pub(crate) part: Part,
    /// What names this version of the whole there.
    pub(crate) validator: Option<String>,
    /// What is known of the answer.
    pub(crate) served: Served,
    /// The bytes.
    pub(crate) body: Box<dyn Read + Send>,
}

/// What is known of an answer when its bytes turn out wrong.
#[derive(Clone, Default)]
pub(crate) struct Served {
    /// Where a redirect led.
    pub(crate) redirected: Option<String>,
    /// Whether it says that it is a page for people.
    pub(crate) page: bool,
    /// A content encoding, which nobody asked for.
    pub(crate) encoding: Option<String>,
    /// Whether it said how long it is.
    pub(crate) sized: bool,
    /// The proxy on the way.
    pub(crate) proxy: Option<Proxy>,
}

/// How much of a whole is there.
#[derive(Clone, Copy)]
pub(crate) struct SoFar {
    /// How many bytes.
    pub(crate) length: u64,
    /// Of how many, where that is known.
    pub(crate) size: Option<u64>,
}

impl Arrival {
    /// What an answer brings; the failure that `refusal` makes of it where it brings nothing.
    pub(crate) fn of(
        answer: Answer,
        range: &Range,
        refusal: impl FnOnce(Answer) -> Failure,
    ) -> Result<Arrival, Failure> {
        let Some(part) = range.read(answer.status, &answer.headers) else {
            return Err(refusal(answer));
        };
        let sized = match part {
            Part::Whole { size } | Part::Rest { size, .. } => size.is_some(),
            Part::Nothing | Part::Unfit => true,
        };
        Ok(Arrival {
            part,
            validator: resume::validator(&answer.headers),
            served: Served::of(&answer, sized),
            body: Box::new(answer.steady()),
        })
    }
}

impl Arrival {
    /// The same bytes through another reader.
    pub(crate) fn through(
        self,
        wrap: impl FnOnce(Box<dyn Read + Send>) -> Box<dyn Read + Send>,
    ) -> Arrival {
        Arrival { body: wrap(self.body), ..self }
    }
}

impl Served {
    fn of(answer: &Answer, sized: bool) -> Served {
        let encoding = answer.header(header::CONTENT_ENCODING);
        Served {
            redirected: answer.redirected.then(|| answer.from.to_string()),
            page: answer.is_page(),
            encoding: encoding.filter(|it| *it != "identity").map(str::to_owned),
            sized,
            proxy: answer.proxy.clone(),
        }
    }

    /// Whether the answer comes from the origin of this address, and not from another one that a
    /// redirect led to.
    pub(super) fn is_from(&self, start: &str) -> bool {
        let address = |text: &str| Address::parse(text).ok();
        self.redirected.as_deref().is_none_or(|redirected| {
            matches!((address(start), address(redirected)), (Some(start), Some(end))
                if start.origin() == end.origin())
        })
    }

    /// The same error with what is known of the answer, and what that suggests.
    pub(crate) fn explain(&self, mut error: Error, length: u64, beginning: &[u8]) -> Error {
        if let Some(redirected) = &self.redirected {
            error = error.fact("redirected to", redirected);
        }
        if let Some(proxy) = &self.proxy {
            error = error.fact("proxy", &proxy.shown);
        }
        let markup = beginning.trim_ascii_start().starts_with(b"<");
        if let Some(pointer) = StandIn::pointer(beginning) {
            return pointer.explain(error);
        }
        error.hint(if length == 0 {
            "the answer was empty; ask whoever runs that server".to_owned()
        } else if self.page || markup {
            "the answer is a web page: a login page or the notice of a proxy; open the address in \
             a browser"
                .to_owned()
        } else if let Some(encoding) = &self.encoding {
            format!(
                "the answer came with the encoding `{encoding}`, which was not asked for: a proxy \
                 or the server changes the file on its way"
            )
        } else if !self.sized {
            "the server did not say how long the file is, so it may have been cut short; try again"
                .to_owned()
        } else {
            "if that is a mirror, its copy is stale or damaged: fill it anew".to_owned()
        })
    }
}

impl SoFar {
    /// A body that ended before its end.
    pub(crate) fn short(self) -> Failure {
        let of = self.size.map(|size| format!(" of {size}")).unwrap_or_default();
        let reason = format!("the connection ended after {}{of} bytes", self.length);
        let excuse = "the connection was lost".to_owned();
        Failure { excuse, ..Failure::new(Chance::Passing, reason) }
    }

    /// A connection that failed in the middle of a body. Whatever it was, it worked until then.
    pub(crate) fn lost(self, http: &Http, error: io::Error, served: &Served) -> Failure {
        let error = ureq::Error::from(error);
        let ended = matches!(&error, ureq::Error::Io(error)
            if error.kind() == io::ErrorKind::UnexpectedEof);
        if ended {
            return self.short();
        }
        let failure = http.failure(error, served.proxy.as_ref());
        let of = self.size.map(|size| format!(" of {size}")).unwrap_or_default();
        let reason = format!("{}, after {}{of} bytes", failure.reason, self.length);
        let excuse = "the connection was lost".to_owned();
        Failure { chance: Chance::Passing, reason, excuse, ..failure }
    }
}
