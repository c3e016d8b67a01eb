//! How slow a server may be: one that sends a byte now and then must not hold a run up for ever.

use std::fmt;
use std::io::{self, Read};
use std::time::{Duration, Instant};

/// A body that brings fewer bytes in a second than this is as good as lost.
const LEAST: f64 = 100.0;

/// Returns the time that a body at the slowest permitted pace takes for so many bytes.
pub(super) fn slowest(bytes: u64) -> Duration {
    Duration::from_secs_f64(bytes as f64 / LEAST)
}

/// A server that sends, and too slowly.
#[derive(Debug)]
pub(crate) struct Slow(String);

impl fmt::Display for Slow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Slow {}

/// A small body, which must be there as a whole within a time.
pub(super) struct Whole<R> {
    body: R,
    began: Instant,
    within: Duration,
}

impl<R> Whole<R> {
    pub(super) fn new(body: R, within: Duration) -> Whole<R> {
        Whole { body, began: Instant::now(), within }
    }
}

impl<R: Read> Read for Whole<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.body.read(buffer)?;
        if count > 0 && self.began.elapsed() >= self.within {
            let seconds = self.within.as_secs_f64();
            let reason = format!("the server did not send all of its answer within {seconds} s");
            return Err(io::Error::other(Slow(reason)));
        }
        Ok(count)
    }
}

/// A large body, which must bring something in each window of time. Only the time in which it is
/// read counts: whoever reads may be slow too.
pub(super) struct Steady<R> {
    body: R,
    window: Duration,
    spent: Duration,
    count: u64,
}

impl<R> Steady<R> {
    pub(super) fn new(body: R, window: Duration) -> Steady<R> {
        Steady { body, window, spent: Duration::ZERO, count: 0 }
    }
}

impl<R: Read> Read for Steady<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let began = Instant::now();
        let count = self.body.read(buffer)?;
        self.spent += began.elapsed();
        self.count += count as u64;
        if count > 0 && self.spent >= self.window {
            let seconds = self.spent.as_secs_f64();
            if (self.count as f64) < LEAST * seconds {
                let reason = format!(
                    "the server is too slow: {} bytes in {seconds:.1} s, and {LEAST} a second are \
                     the least",
                    self.count
                );
                return Err(io::Error::other(Slow(reason)));
            }
            (self.spent, self.count) = (Duration::ZERO, 0);
        }
        Ok(count)
    }
}
