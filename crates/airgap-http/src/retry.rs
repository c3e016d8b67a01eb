//! Decides whether to retry, and the wait before it.
//!
//! `decide` is a pure function, and [`Clock`] replaces real time, so that tests do not wait.

use std::hash::{BuildHasher, RandomState};
use std::sync::LazyLock;
use std::time::{Duration, Instant, SystemTime};

use crate::deadline;

/// The first wait; each further one is twice as long.
const FIRST: Duration = Duration::from_millis(500);

/// The longest wait without `Retry-After`. A server may ask for more.
const LONGEST: Duration = Duration::from_secs(30);

/// The most retries of a server without progress.
const TRIES: u32 = 5;

/// The most retries of a host that does not answer at all. Fewer, so that a mirror that is down
/// does not delay the next one for long.
const CONNECTS: u32 = 3;

/// A clock for the retries.
pub trait Clock: Send + Sync {
    /// Returns the date, to convert a `Retry-After` that is a date.
    fn now(&self) -> SystemTime;
    /// Returns the time since a fixed moment in the past. It never decreases.
    fn elapsed(&self) -> Duration {
        self.now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
    }
    /// Waits for this time.
    fn sleep(&self, time: Duration);
}

/// The clock of the system.
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> SystemTime {
        SystemTime::now()
    }

    fn elapsed(&self) -> Duration {
        static START: LazyLock<Instant> = LazyLock::new(Instant::now);
        START.elapsed()
    }

    fn sleep(&self, time: Duration) {
        std::thread::sleep(time);
    }
}

/// Whether a retry after a failure may succeed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retryable {
    /// The next answer would be the same.
    Never,
    /// There was no connection.
    Unreachable,
    /// The server is busy, or the connection was lost.
    Transient,
}

/// The state of the retries of one job, such as a download from all of its sources.
///
/// One budget of time applies to the whole job. Waits use it up, and so does the time of failed
/// attempts, less the time that a server at the slowest permitted pace takes for the bytes that
/// they received. So a long download that is interrupted now and then continues, and a server that
/// sends one byte per connection does not delay a run without end.
#[derive(Clone, Copy, Debug)]
pub struct Retries {
    /// The most time that this job may wait in total.
    pub(crate) budget: Duration,
    /// The time that is left of it.
    pub(crate) left: Duration,
    /// The number of retries of this source without a new byte.
    pub(crate) tries_without_progress: u32,
}

/// The decision after a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Decision {
    /// Wait this long and try again.
    Wait(Duration),
    /// Try the next source.
    GiveUp,
    /// The server asks for more time than is left.
    AsksTooMuch(Duration),
    /// The time for waiting is used up.
    UsedUp,
}

impl Retries {
    pub(crate) fn new(budget: Duration) -> Retries {
        Retries { budget, left: budget, tries_without_progress: 0 }
    }

    /// Resets the count of retries for the next source; the budget stays.
    pub fn next_source(&mut self) {
        self.tries_without_progress = 0;
    }

    /// Subtracts the time of a failed attempt from the budget, less the time that `received` bytes
    /// account for.
    pub fn spend_attempt(&mut self, took: Duration, received: u64) {
        self.left =
            self.left.saturating_sub(took.saturating_sub(deadline::time_at_slowest_pace(received)));
    }

    /// Records a decision of [`decide`].
    pub(crate) fn spend(&mut self, wait: Duration, gained: bool) {
        self.left = self.left.saturating_sub(wait);
        self.tries_without_progress = if gained { 0 } else { self.tries_without_progress + 1 };
    }
}

/// Decides whether to retry. `gained` says that the attempt brought bytes that are not requested
/// again, `asked` is the `Retry-After` of the server, and `jitter` is a random number from 0 to 1.
pub(crate) fn decide(
    retries: &Retries,
    retryable: Retryable,
    gained: bool,
    asked: Option<Duration>,
    jitter: f64,
) -> Decision {
    let tries = match retryable {
        Retryable::Never => return Decision::GiveUp,
        Retryable::Unreachable => CONNECTS,
        Retryable::Transient => TRIES,
    };
    if let Some(asked) = asked.filter(|asked| *asked > retries.left) {
        return Decision::AsksTooMuch(asked);
    }
    let tries_without_progress = if gained { 0 } else { retries.tries_without_progress };
    if tries_without_progress >= tries {
        return Decision::GiveUp;
    }
    let own = FIRST.saturating_mul(1 << tries_without_progress).min(LONGEST);
    let least = asked.map_or(own, |asked| asked.max(own));
    if least > retries.left {
        return Decision::UsedUp;
    }
    // Jitter is only added: a client that comes before the time that the server asked for is
    // refused again. It separates clients that were all refused at the same moment.
    Decision::Wait(least.saturating_add(own.mul_f64(jitter)).min(retries.left))
}

/// Returns the time of a `Retry-After` (RFC 9110 section 10.2.3): seconds or a date. A past or
/// invalid one counts as none.
pub(crate) fn retry_after(value: &str, now: SystemTime) -> Option<Duration> {
    let value = value.trim();
    if value.bytes().all(|b| b.is_ascii_digit()) {
        return value.parse().ok().map(Duration::from_secs);
    }
    httpdate::parse_http_date(value).ok()?.duration_since(now).ok()
}

/// Returns a random number from 0 to 1, good enough to separate two processes.
pub(crate) fn jitter() -> f64 {
    f64::from(RandomState::new().hash_one(0) as u32) / f64::from(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn wait(retries: &Retries, jitter: f64) -> Decision {
        decide(retries, Retryable::Transient, false, None, jitter)
    }

    #[test]
    fn waits_double_until_the_attempts_are_used_up() {
        let mut retries = Retries::new(120 * SECOND);
        let mut waits = Vec::new();
        while let Decision::Wait(time) = wait(&retries, 0.0) {
            waits.push(time.as_millis());
            retries.spend(time, false);
        }
        assert_eq!(waits, [500, 1000, 2000, 4000, 8000]);
        assert_eq!(wait(&retries, 0.0), Decision::GiveUp);
    }

    #[test]
    fn a_host_that_does_not_answer_gets_fewer_attempts() {
        let retries = Retries { tries_without_progress: CONNECTS, ..Retries::new(120 * SECOND) };
        assert_eq!(decide(&retries, Retryable::Unreachable, false, None, 0.0), Decision::GiveUp);
        assert!(matches!(wait(&retries, 0.0), Decision::Wait(_)));
    }

    #[test]
    fn received_bytes_reset_the_attempts_but_not_the_budget() {
        let mut retries = Retries::new(10 * SECOND);
        let mut count = 0;
        while let Decision::Wait(time) = decide(&retries, Retryable::Transient, true, None, 0.0) {
            retries.spend(time, true);
            count += 1;
        }
        assert_eq!(count, 20);
        assert_eq!(decide(&retries, Retryable::Transient, true, None, 0.0), Decision::UsedUp);
    }

    #[test]
    fn attempts_use_up_the_budget_but_for_the_bytes_that_they_bring() {
        let left = |took, received| {
            let mut retries = Retries::new(120 * SECOND);
            retries.spend_attempt(took, received);
            retries.left
        };
        assert_eq!(left(SECOND, 0), 119 * SECOND);
        assert_eq!(left(60 * SECOND, 1), 60 * SECOND + SECOND / 100);
        assert_eq!(left(60 * SECOND, 5000), 110 * SECOND);
        assert_eq!(left(60 * SECOND, 6000), 120 * SECOND);
        assert_eq!(left(60 * SECOND, u64::MAX), 120 * SECOND);
        assert_eq!(left(1000 * SECOND, 0), Duration::ZERO);
    }

    #[test]
    fn jitter_is_only_added_and_stays_in_the_budget() {
        let retries = Retries::new(120 * SECOND);
        assert_eq!(wait(&retries, 1.0), Decision::Wait(SECOND));
        let asked = |left, jitter| {
            let retries = Retries { left, ..retries };
            decide(&retries, Retryable::Transient, false, Some(10 * SECOND), jitter)
        };
        assert_eq!(asked(120 * SECOND, 0.0), Decision::Wait(10 * SECOND));
        assert_eq!(asked(120 * SECOND, 1.0), Decision::Wait(Duration::from_millis(10_500)));
        assert_eq!(asked(10 * SECOND, 1.0), Decision::Wait(10 * SECOND));
        assert_eq!(asked(9 * SECOND, 1.0), Decision::AsksTooMuch(10 * SECOND));
        let ever = Retries::new(Duration::MAX);
        let wait = decide(&ever, Retryable::Transient, false, Some(Duration::MAX), 1.0);
        assert_eq!(wait, Decision::Wait(Duration::MAX));
    }

    #[test]
    fn permanent_errors_are_not_retried() {
        let retries = Retries::new(120 * SECOND);
        assert_eq!(decide(&retries, Retryable::Never, true, Some(SECOND), 0.0), Decision::GiveUp);
    }

    #[test]
    fn retry_after_is_read_as_seconds_and_as_a_date() {
        let now = httpdate::parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT").unwrap();
        for (value, seconds) in [
            ("0", Some(0)),
            ("120", Some(120)),
            (" 7 ", Some(7)),
            ("1000000000", Some(1_000_000_000)),
            ("Sun, 06 Nov 1994 08:49:47 GMT", Some(10)),
            ("Sunday, 06-Nov-94 08:50:37 GMT", Some(60)),
            ("Sun, 06 Nov 1994 08:49:30 GMT", None),
            ("99999999999999999999999", None),
            ("-1", None),
            ("1.5", None),
            ("soon", None),
            ("", None),
        ] {
            assert_eq!(retry_after(value, now), seconds.map(Duration::from_secs), "{value}");
        }
    }

    #[test]
    fn jitter_is_between_nothing_and_one() {
        assert!((0..1000).map(|_| jitter()).all(|it| (0.0..=1.0).contains(&it)));
    }
}
