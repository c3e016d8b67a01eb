//! The slowest pace of a server: one that sends a byte now and then must not delay a run without
//! end.

use std::cell::Cell;
use std::fmt;
use std::io::{self, Read};
use std::time::{Duration, Instant};

use ureq::unversioned::transport::{ConnectionDetails, Connector};
use ureq::{Error, Timeout};

/// The most time for opening a connection.
pub(crate) const CONNECT: Duration = Duration::from_secs(15);

/// The least bytes per second of a body; a slower one fails.
const LEAST: f64 = 100.0;

/// Returns the time that a body at the slowest permitted pace takes for so many bytes.
pub(super) fn time_at_slowest_pace(bytes: u64) -> Duration {
    Duration::from_secs_f64(bytes as f64 / LEAST)
}

/// The error for a server that sends too slowly.
#[derive(Debug)]
pub(crate) struct Slow(String);

impl fmt::Display for Slow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Slow {}

thread_local! {
    /// The deadline of this thread, for the next part of a body or for a connection.
    static UNTIL: Cell<Option<Instant>> = const { Cell::new(None) };
}

/// The error for a connection that receives bytes, but not the expected ones, until the deadline.
#[derive(Debug)]
struct Late;

impl fmt::Display for Late {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the server sends no data, only the chunk headers of its answer")
    }
}

impl std::error::Error for Late {}

/// Checks that the deadline of this thread has not passed. A server may send chunk sizes, chunk
/// extensions and trailers (RFC 9112 section 7.1) without end, and a proxy interim responses to a
/// `CONNECT`. `ureq` reads these without returning, so each connection calls this before it reads.
///
/// # Errors
/// [`Late`], if the deadline has passed.
pub(super) fn check_time() -> io::Result<()> {
    match UNTIL.get() {
        Some(until) if Instant::now() >= until => Err(io::Error::other(Late)),
        _ => Ok(()),
    }
}

/// Reads a part of a body, which must begin to arrive `within` a time. Returns `None` if it does
/// not.
fn read_within(
    body: &mut impl Read,
    buffer: &mut [u8],
    within: Duration,
) -> io::Result<Option<usize>> {
    match limited(within, || body.read(buffer)) {
        Err(error) if is_late(&error) => Ok(None),
        result => result.map(Some),
    }
}

/// Runs `work` with a deadline for [`check_time`].
fn limited<T>(within: Duration, work: impl FnOnce() -> T) -> T {
    let outer = UNTIL.get();
    let own = Instant::now().checked_add(within);
    UNTIL.set(outer.into_iter().chain(own).min());
    let result = work();
    UNTIL.set(outer);
    result
}

fn is_late(error: &io::Error) -> bool {
    error.get_ref().is_some_and(|inner| inner.is::<Late>())
}

/// A connector that connects within [`CONNECT`], whatever a proxy sends.
#[derive(Debug)]
pub(super) struct ConnectDeadline<C>(pub(super) C);

impl<C: Connector> Connector for ConnectDeadline<C> {
    type Out = C::Out;

    fn connect(
        &self,
        details: &ConnectionDetails<'_>,
        chained: Option<()>,
    ) -> Result<Option<C::Out>, Error> {
        match limited(CONNECT, || self.0.connect(details, chained)) {
            Err(Error::Io(error)) if is_late(&error) => Err(Error::Timeout(Timeout::Connect)),
            result => result,
        }
    }
}

/// A reader of a small body, which must arrive as a whole within a time.
pub(super) struct DeadlineReader<R> {
    body: R,
    began: Instant,
    within: Duration,
}

impl<R> DeadlineReader<R> {
    pub(super) fn new(body: R, within: Duration) -> DeadlineReader<R> {
        DeadlineReader { body, began: Instant::now(), within }
    }
}

impl<R: Read> Read for DeadlineReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.within.saturating_sub(self.began.elapsed());
        let count = read_within(&mut self.body, buffer, left)?;
        if count != Some(0) && self.began.elapsed() >= self.within {
            let seconds = self.within.as_secs_f64();
            let reason = format!("the server did not send its whole answer within {seconds} s");
            return Err(io::Error::other(Slow(reason)));
        }
        count.ok_or_else(|| io::Error::other(Late))
    }
}

/// A reader of a large body, which must keep the slowest pace in each window of time. Only the time
/// in `read` counts, because the consumer may be slow too.
pub(super) struct PacedReader<R> {
    body: R,
    window: Duration,
    spent: Duration,
    count: u64,
}

impl<R> PacedReader<R> {
    pub(super) fn new(body: R, window: Duration) -> PacedReader<R> {
        PacedReader { body, window, spent: Duration::ZERO, count: 0 }
    }
}

impl<R: Read> Read for PacedReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let began = Instant::now();
        let Some(count) = read_within(&mut self.body, buffer, self.window)? else {
            let seconds = began.elapsed().as_secs_f64();
            let reason = format!(
                "the server sent no data, only the chunk headers of its answer, for {seconds:.1} s"
            );
            return Err(io::Error::other(Slow(reason)));
        };
        self.spent += began.elapsed();
        self.count += count as u64;
        if count > 0 && self.spent >= self.window {
            let seconds = self.spent.as_secs_f64();
            if (self.count as f64) < LEAST * seconds {
                let reason = format!(
                    "the server is too slow: {} bytes in {seconds:.1} s; the minimum is {LEAST} \
                     bytes per second",
                    self.count
                );
                return Err(io::Error::other(Slow(reason)));
            }
            (self.spent, self.count) = (Duration::ZERO, 0);
        }
        Ok(count)
    }
}
