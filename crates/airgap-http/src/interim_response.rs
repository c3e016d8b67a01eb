//! Interim responses, which precede the final one: `100 Continue`, `102 Processing`,
//! `103 Early Hints` (RFC 9110 section 15.2).
//!
//! `ureq` counts everything after an interim response in its buffer as headers, so that a response
//! with a body larger than its limit for headers fails if both arrive together. It also refuses a
//! `100 Continue` with headers, which is legal. Therefore interim responses are removed from the
//! buffer before `ureq` reads it, and large reads stay possible.

use ureq::Error;
use ureq::unversioned::transport::{Buffers, ConnectionDetails, Connector, NextTimeout, Transport};

use crate::deadline;

/// A connector that wraps each connection, to remove interim responses from it.
#[derive(Debug)]
pub(super) struct SkipInterim;

impl<In: Transport> Connector<In> for SkipInterim {
    type Out = WithoutInterim<In>;

    fn connect(
        &self,
        _: &ConnectionDetails<'_>,
        chained: Option<In>,
    ) -> Result<Option<Self::Out>, Error> {
        Ok(chained.map(|inner| WithoutInterim { inner, before_answer: false }))
    }
}

/// A connection without interim responses.
#[derive(Debug)]
pub(super) struct WithoutInterim<T> {
    inner: T,
    /// Whether a request was sent, and its final response has not begun.
    before_answer: bool,
}

impl<T: Transport> Transport for WithoutInterim<T> {
    fn buffers(&mut self) -> &mut dyn Buffers {
        self.inner.buffers()
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), Error> {
        self.before_answer = true;
        self.inner.transmit_output(amount, timeout)
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        deadline::check_time()?;
        let more = self.inner.await_input(timeout)?;
        if self.before_answer {
            let buffers = self.inner.buffers();
            let (length, next) = interim(buffers.input());
            self.before_answer = next != Next::Final;
            if length > 0 {
                buffers.input_consume(length);
                // Tells `ureq` that the rest was not parsed, so that it waits for more bytes.
                buffers.input_consume(0);
            }
        }
        Ok(more)
    }

    fn is_open(&mut self) -> bool {
        self.inner.is_open()
    }

    fn is_tls(&self) -> bool {
        self.inner.is_tls()
    }
}

/// The content after whole interim responses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    /// The final response.
    Final,
    /// Bytes that are too few to tell.
    Unknown,
}

/// Returns the length of the whole interim responses at the beginning of `input`, and what follows.
fn interim(input: &[u8]) -> (usize, Next) {
    let mut length = 0;
    loop {
        let rest = &input[length..];
        // Empty lines before a status line are ignored (RFC 9112 section 2.2).
        let blank = rest.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
        let line = &rest[blank..];
        match is_interim(line) {
            Some(true) => match end_of_headers(line) {
                Some(end) => length += blank + end,
                None => return (length, Next::Unknown),
            },
            Some(false) => return (length, Next::Final),
            None => return (length, Next::Unknown),
        }
    }
}

/// Returns whether a status line is that of an interim response; `None` if it is too short to
/// tell. After `101 Switching Protocols` another protocol begins, so it counts as final here.
fn is_interim(line: &[u8]) -> Option<bool> {
    const FORM: &[u8] = b"HTTP/1.? 1??";
    let fits = |(found, form): (&u8, &u8)| *form == b'?' || found == form;
    if !line.iter().zip(FORM).all(fits) {
        return Some(false);
    }
    (line.len() >= FORM.len()).then(|| &line[FORM.len() - 3..FORM.len()] != b"101")
}

/// Returns the length of a status line and its headers with the empty line that ends them.
fn end_of_headers(text: &[u8]) -> Option<usize> {
    let mut start = 0;
    while let Some(length) = text[start..].iter().position(|byte| *byte == b'\n') {
        let line = &text[start..start + length];
        start += length + 1;
        if matches!(line, b"" | b"\r") {
            return Some(start);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_interim_answers_are_found_and_nothing_else() {
        let last = "HTTP/1.1 200 OK\r\n\r\nbody HTTP/1.1 100 Continue\r\n\r\n";
        for before in [
            "",
            "HTTP/1.1 100 Continue\r\n\r\n",
            "HTTP/1.1 100 Continue\r\nServer: x\r\n\r\n",
            "HTTP/1.0 103\nLink: </a>\n\n",
            "HTTP/1.1 102 Processing\r\n\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n",
        ] {
            let (whole, length) = (format!("{before}{last}"), before.len());
            assert_eq!(interim(whole.as_bytes()), (length, Next::Final), "{whole:?}");
            // The same bytes are removed in the end, however the bytes are split.
            for cut in 0..before.len() {
                let (first, next) = interim(&whole.as_bytes()[..cut]);
                assert!(first <= length && next == Next::Unknown, "{cut} of {whole:?}");
                let (second, _) = interim(&whole.as_bytes()[first..]);
                assert_eq!(first + second, length, "{cut} of {whole:?}");
            }
        }
    }

    #[test]
    fn other_bytes_are_the_final_answer_or_incomplete() {
        for text in [
            "HTTP/1.1 101 Switching Protocols\r\n\r\n",
            "HTTP/1.1 200",
            "\x16\x03",
            "x",
            "HTTP/2 1",
        ] {
            assert_eq!(interim(text.as_bytes()), (0, Next::Final), "{text:?}");
        }
        for text in ["", "\r\n", "HTTP", "HTTP/1.1 1", "HTTP/1.1 10", "HTTP/1.1 100 x\r\n"] {
            assert_eq!(interim(text.as_bytes()), (0, Next::Unknown), "{text:?}");
        }
    }
}
