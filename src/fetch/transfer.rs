//! One file on its way: attempts, continuations and waits, until it is there or given up.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::time::Duration;

use ureq::http::header;

use crate::digest::{Digest, Hasher};
use crate::error::{Context, Error, Kind, Result};
use crate::fetch::address::Address;
use crate::fetch::failure::{Failure, Tried, Trouble};
use crate::fetch::http::Answer;
use crate::fetch::pipe::{self, Stop};
use crate::fetch::resume::{self, Part, Range};
use crate::fetch::retry::{self, Chance, Decision, Retries};
use crate::fetch::{Client, Download, page};
use crate::report::Item;
use crate::store::{Mode, Origin, Partial};
use crate::verify::{self, Verified};

/// One file on its way.
pub(super) struct Transfer<'a> {
    client: &'a Client,
    request: &'a Download<'a>,
    item: &'a Item,
    partial: Partial,
    retries: Retries,
    /// Whether the bytes so far come from more than one answer, so that they may not fit together.
    pieced: bool,
    /// Whether that was the case and everything was fetched anew.
    started_over: bool,
}

/// What is known of an answer when its bytes turn out wrong.
struct Served {
    from: Address,
    page: bool,
    encoding: Option<String>,
    sized: bool,
    proxy: Option<String>,
}

impl<'a> Transfer<'a> {
    /// Takes up what an earlier run left at the destination.
    pub(super) fn begin(
        client: &'a Client,
        request: &'a Download<'a>,
        item: &'a Item,
    ) -> Result<Transfer<'a>> {
        let partial = Partial::resume_or_create(request.destination)?;
        let retries = Retries::new(client.http.network().retry_budget);
        let (pieced, started_over) = (false, false);
        Ok(Transfer { client, request, item, partial, retries, pieced, started_over })
    }

    /// Whether the pinned bytes are there.
    pub(super) fn is_right(&self) -> bool {
        self.partial.digest() == *self.request.expected
    }

    /// Puts the file at its destination. Called only when it is right, and checks that.
    pub(super) fn finish(self) -> Result<Verified> {
        let found = (self.partial.digest(), self.partial.length());
        let Download { subject, expected, destination, .. } = *self.request;
        let file = self.partial.place(Mode::Plain)?;
        let source = destination.display().to_string();
        Verified::downloaded((file, destination), (subject, &source), expected, found)
    }

    /// Ends without the file. What is there stays for the next run, unless it is wrong.
    pub(super) fn end(self, error: Error) -> Error {
        match error.kind() {
            Kind::Integrity => self.partial.discard(),
            _ => self.partial.leave(),
        }
        error
    }

    /// Gets the pinned bytes from this source, or the rest of them.
    pub(super) fn fill_from(&mut self, source: &Address) -> Tried<()> {
        self.retries.next_source();
        loop {
            let before = self.partial.length();
            match self.attempt(source) {
                Ok(_) if self.is_right() => return Ok(()),
                // Once only: a source that changes while it is read may never fit together.
                Ok(_) if self.pieced && !self.started_over => {
                    self.started_over = true;
                    self.start_over()?;
                }
                Ok(served) => return Err(self.mismatch(source, &served).into()),
                Err(Trouble::Source(failure)) => {
                    let gained = self.partial.length() > before;
                    pause(self.client, &mut self.retries, failure, gained, self.item)?;
                }
                Err(fatal) => return Err(fatal),
            }
        }
    }

    fn attempt(&mut self, source: &Address) -> Tried<Served> {
        match source.file() {
            Some(path) => self.copy(source, &path?),
            None => self.request(source),
        }
    }

    /// Asks for what is missing, and takes what comes.
    fn request(&mut self, source: &Address) -> Tried<Served> {
        let url = source.to_string();
        let range = Range::behind(self.partial.length(), self.partial.origin(), &url);
        let answer = self.client.http.get(source, &range)?;
        let (end, size) = match range.read(answer.status, &answer.headers) {
            Part::None => return Err(refused(self.client, &answer).into()),
            Part::Unfit => {
                self.start_over()?;
                return self.request(source);
            }
            Part::Nothing => {
                self.pieced = true;
                return Ok(Served::of(&answer, true));
            }
            Part::Rest { end, size } => {
                self.pieced = true;
                (Some(end), size)
            }
            Part::Whole { size } => {
                self.start_over()?;
                (size, size)
            }
        };
        let validator = resume::validator(&answer.headers);
        self.partial.set_origin(Origin { url, validator });
        self.receive(answer, end, size)
    }

    /// Takes the body, which reaches up to `end` of a file of this `size`.
    fn receive(
        &mut self,
        mut answer: Answer,
        end: Option<u64>,
        size: Option<u64>,
    ) -> Tried<Served> {
        let served = Served::of(&answer, size.is_some());
        let largest = self.client.largest;
        if let Some(size) = size {
            if size > largest {
                return Err(too_large(size, largest).into());
            }
            self.item.set_length(size);
        }
        let most = end.unwrap_or(largest);
        match self.pour(&mut answer.body, most) {
            Ok(()) => {}
            Err(Stop::Write(error)) => return Err(self.cannot_write(error).into()),
            Err(Stop::TooMuch) => {
                self.start_over()?;
                let reason = match end {
                    Some(_) => format!("sends more than the {most} bytes that it announced"),
                    None => format!("sends more than {largest} bytes, the most that is accepted"),
                };
                return Err(Failure::new(Chance::None, reason).into());
            }
            Err(Stop::Read(error)) => {
                return Err(self.interrupted(error, &answer, size).into());
            }
        }
        match size {
            Some(size) if self.partial.length() < size => Err(self.short(size).into()),
            _ => Ok(served),
        }
    }

    /// A local file takes the same way, from its beginning: reading it again costs nothing.
    fn copy(&mut self, source: &Address, path: &Path) -> Tried<Served> {
        self.start_over()?;
        let mut file = open(path)?;
        let size = file.metadata().map(|found| found.len()).ok();
        if let Some(size) = size {
            self.item.set_length(size);
        }
        match self.pour(&mut file, self.client.largest) {
            Ok(()) => Ok(Served {
                from: source.clone(),
                page: false,
                encoding: None,
                sized: true,
                proxy: None,
            }),
            Err(Stop::Write(error)) => Err(self.cannot_write(error).into()),
            Err(Stop::Read(error)) => Err(Failure::new(Chance::None, error.to_string()).into()),
            Err(Stop::TooMuch) => {
                Err(too_large(size.unwrap_or(u64::MAX), self.client.largest).into())
            }
        }
    }

    fn pour(&mut self, source: &mut dyn Read, most: u64) -> std::result::Result<(), Stop> {
        let intake = self.partial.intake();
        let left = most.saturating_sub(*intake.length);
        let item = self.item;
        let progress = |count| item.set_position(count);
        let (file, length) = (Some(intake.file), intake.length);
        pipe::pour(source, file, intake.hasher, length, left, &progress)
    }

    fn start_over(&mut self) -> Result<()> {
        self.pieced = false;
        if self.partial.length() > 0 { self.partial.reset() } else { Ok(()) }
    }

    fn cannot_write(&self, error: io::Error) -> Error {
        let path = self.partial.path().display();
        let written = Err::<(), _>(error).doing(|| format!("write `{path}`"));
        written.expect_err("it was an error before it was given its context")
    }

    fn interrupted(&self, error: io::Error, answer: &Answer, size: Option<u64>) -> Failure {
        let error = ureq::Error::from(error);
        let ended = matches!(&error, ureq::Error::Io(error)
            if error.kind() == io::ErrorKind::UnexpectedEof);
        if let (true, Some(size)) = (ended, size) {
            return self.short(size);
        }
        let network = self.client.http.network();
        let failure = Failure::of_error(error, answer.proxy.as_ref(), network);
        let length = self.partial.length();
        let of = size.map(|size| format!(" of {size}")).unwrap_or_default();
        // Whatever it was, the connection worked until then.
        let chance = Chance::Passing;
        let reason = format!("{}, after {length}{of} bytes", failure.reason);
        Failure { chance, reason, excuse: "the connection was lost".to_owned(), ..failure }
    }

    fn short(&self, size: u64) -> Failure {
        let reason =
            format!("the connection ended after {} of {size} bytes", self.partial.length());
        Failure {
            excuse: "the connection was lost".into(),
            ..Failure::new(Chance::Passing, reason)
        }
    }

    /// The error for bytes that are not the pinned ones.
    fn mismatch(&self, source: &Address, served: &Served) -> Error {
        let Download { subject, expected, .. } = *self.request;
        let length = self.partial.length();
        let mut error =
            verify::mismatch(subject, &source.to_string(), expected, &self.partial.digest())
                .fact("size", format!("{length} bytes"));
        if served.from != *source {
            error = error.fact("redirected to", &served.from);
        }
        if let Some(proxy) = &served.proxy {
            error = error.fact("proxy", proxy);
        }
        let markup = self.partial.beginning().trim_ascii_start().starts_with(b"<");
        let hint = if length == 0 {
            "the answer was empty; ask whoever runs that server".to_owned()
        } else if served.page || markup {
            "the answer is a web page: a login page or the notice of a proxy; open the address in \
             a browser"
                .to_owned()
        } else if let Some(encoding) = &served.encoding {
            format!(
                "the answer came with the encoding `{encoding}`, which was not asked for: a proxy \
                 or the server changes the file on its way"
            )
        } else if !served.sized {
            "the server did not say how long the file is, so it may have been cut short; try again"
                .to_owned()
        } else {
            "if that is a mirror, its copy is stale or damaged: fill it anew".to_owned()
        };
        error.hint(hint).hint(
            "if upstream really published other bytes, find out why before you pin them with \
             `wasm-airgap toolchain pin`",
        )
    }
}

impl Served {
    fn of(answer: &Answer, sized: bool) -> Served {
        let encoding = answer.header(header::CONTENT_ENCODING);
        Served {
            from: answer.from.clone(),
            page: answer.is_page(),
            encoding: encoding.filter(|it| *it != "identity").map(str::to_owned),
            sized,
            proxy: answer.proxy.as_ref().map(|proxy| proxy.shown.clone()),
        }
    }
}

/// The digest and the size of what an address serves. Never continued: without a pinned digest,
/// nothing would tell that two halves do not fit together.
pub(super) fn measure(client: &Client, source: &Address, item: &Item) -> Tried<(Digest, u64)> {
    if let Some(path) = source.file() {
        let path = path?;
        let hashed = verify::hash(&mut open(&path)?);
        return Ok(hashed.doing(|| format!("read `{}`", path.display()))?);
    }
    let mut retries = Retries::new(client.http.network().retry_budget);
    loop {
        match measure_once(client, source, item) {
            Err(Trouble::Source(failure)) => pause(client, &mut retries, failure, false, item)?,
            result => return result,
        }
    }
}

fn measure_once(client: &Client, source: &Address, item: &Item) -> Tried<(Digest, u64)> {
    let range = Range::default();
    let answer = client.http.get(source, &range)?;
    let Part::Whole { size } = range.read(answer.status, &answer.headers) else {
        return Err(refused(client, &answer).into());
    };
    let served = Served::of(&answer, size.is_some());
    if let Some(encoding) = served.encoding {
        let reason = format!("sends the encoding `{encoding}`, which was not asked for");
        return Err(Failure::new(Chance::None, reason).into());
    }
    if let Some(size) = size {
        item.set_length(size);
    }
    let mut body = answer.body;
    let mut first = Vec::new();
    let begun = (&mut body).take(1).read_to_end(&mut first);
    if served.page || first == b"<" {
        return Err(page(source).into());
    }
    let (mut hasher, mut length) = (Hasher::default(), 0);
    let mut whole = first.as_slice().chain(body);
    let most = client.largest;
    let progress = |count| item.set_position(count);
    let poured = match begun {
        Ok(_) => pipe::pour(&mut whole, None, &mut hasher, &mut length, most, &progress),
        Err(error) => Err(Stop::Read(error)),
    };
    match poured {
        Ok(()) if length == 0 => Err(Failure::new(Chance::None, "sends an empty file").into()),
        Ok(()) => Ok((hasher.finish(), length)),
        Err(Stop::TooMuch) => Err(too_large(length, most).into()),
        // There is no file to write to, so this is never a failed write.
        Err(Stop::Read(error) | Stop::Write(error)) => {
            let proxy = answer.proxy.as_ref();
            let failure = Failure::of_error(error.into(), proxy, client.http.network());
            let reason = format!("{}, after {length} bytes", failure.reason);
            Err(Failure { reason, chance: Chance::Passing, ..failure }.into())
        }
    }
}

/// Waits before the next attempt, or passes the failure on where there is none.
fn pause(
    client: &Client,
    retries: &mut Retries,
    mut failure: Failure,
    gained: bool,
    item: &Item,
) -> Tried<()> {
    let seconds = |time: Duration| time.as_secs_f64().ceil();
    let budget = seconds(retries.budget);
    match retry::decide(retries, failure.chance, gained, failure.asked, retry::jitter()) {
        Decision::Wait(time) => {
            item.set_message(format!("waiting {} s, {}", seconds(time), failure.excuse));
            client.clock.sleep(time);
            item.set_message("");
            retries.spend(time, gained);
            return Ok(());
        }
        Decision::GiveUp if retries.fruitless > 0 => {
            failure.reason.push_str(&format!(" ({} times)", retries.fruitless + 1));
        }
        Decision::GiveUp => {}
        Decision::AsksTooMuch(asked) => {
            failure.reason.push_str(&format!(
                "; it asks to wait {} s, and {} s are left of the {budget} s for waiting",
                seconds(asked),
                retries.left.as_secs(),
            ));
        }
        Decision::UsedUp => {
            failure.reason.push_str(&format!("; the {budget} s for waiting are used up"));
        }
    }
    Err(failure.into())
}

/// An answer that brings no file.
fn refused(client: &Client, answer: &Answer) -> Failure {
    let failure = Failure::of_status(answer.status, &answer.headers, client.clock.now());
    client.http.advise(answer, failure)
}

fn too_large(size: u64, largest: u64) -> Failure {
    let reason = format!("sends {size} bytes, more than the {largest} that are accepted");
    Failure::new(Chance::None, reason)
}

/// Opens the file of a `file` address.
fn open(path: &Path) -> std::result::Result<File, Failure> {
    let file = File::open(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => Failure::missing("there is no such file"),
        _ => Failure::new(Chance::None, error.to_string()),
    })?;
    match file.metadata() {
        Ok(found) if found.is_file() => Ok(file),
        _ => Err(Failure::new(Chance::None, "is not a file")),
    }
}
