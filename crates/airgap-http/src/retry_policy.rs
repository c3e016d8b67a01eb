//! The one retry policy: attempts a job until it succeeds, and waits between the attempts, within a
//! budget of time. Downloads, requests to registries and uploads all use it.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::failure::{AttemptError, AttemptResult, Failure};
use crate::retry::{self, Clock, Decision, Retries};
use airgap_core::report::Item;

/// The budget of time for waiting, and the clock for it.
#[derive(Clone)]
pub struct RetryPolicy {
    clock: Arc<dyn Clock>,
    budget: Duration,
}

/// An attempt that failed, with its effect on the wait before the next one.
pub struct FailedAttempt {
    /// The failure.
    pub error: AttemptError,
    /// Whether the attempt transferred bytes that are not transferred again.
    pub gained: bool,
    /// The number of bytes that arrived in the attempt. Its time counts as waiting, less the time
    /// for these bytes; without a number, its time does not count.
    pub received: Option<u64>,
    /// Whether to retry without a wait, because the next attempt is a different request.
    pub at_once: bool,
}

impl<E: Into<AttemptError>> From<E> for FailedAttempt {
    fn from(error: E) -> FailedAttempt {
        let error = error.into();
        FailedAttempt { error, gained: false, received: Some(0), at_once: false }
    }
}

/// The result of one attempt of a job.
pub type Attempted<T> = std::result::Result<T, FailedAttempt>;

impl RetryPolicy {
    /// Creates a budget of waiting for each job, by this clock.
    pub fn new(clock: Arc<dyn Clock>, budget: Duration) -> RetryPolicy {
        RetryPolicy { clock, budget }
    }

    /// Returns the same budget with another clock.
    pub fn with_clock(self, clock: Arc<dyn Clock>) -> RetryPolicy {
        RetryPolicy { clock, ..self }
    }

    /// Returns the current date.
    pub fn now(&self) -> SystemTime {
        self.clock.now()
    }

    /// Returns the state of the retries of one job.
    pub fn retries(&self) -> Retries {
        Retries::new(self.budget)
    }

    /// Returns the time since a fixed moment in the past, to measure attempts.
    pub fn elapsed(&self) -> Duration {
        self.clock.elapsed()
    }

    /// Attempts a job until it succeeds, or a retry does not help.
    ///
    /// # Errors
    /// The first error that no retry can avoid, or the failure of the last attempt.
    pub fn retry<T>(
        &self,
        retries: &mut Retries,
        item: &Item,
        mut attempt: impl FnMut(&mut Retries) -> Attempted<T>,
    ) -> AttemptResult<T> {
        loop {
            let began = self.elapsed();
            match attempt(retries) {
                Ok(done) => return Ok(done),
                Err(failed) => {
                    let took = self.elapsed().saturating_sub(began);
                    self.wait_after(retries, failed, took, item)?;
                }
            }
        }
    }

    /// Waits after an attempt that `took` this time, or returns its error if no retry helps.
    pub(crate) fn wait_after(
        &self,
        retries: &mut Retries,
        failed: FailedAttempt,
        took: Duration,
        item: &Item,
    ) -> AttemptResult<()> {
        let FailedAttempt { error, gained, received, at_once } = failed;
        let failure = match error {
            AttemptError::Source(_) if at_once => return Ok(()),
            AttemptError::Source(failure) => failure,
            fatal => return Err(fatal),
        };
        if let Some(received) = received {
            retries.spend_attempt(took, received);
        }
        self.wait_before_retry(retries, failure, gained, item)
    }

    /// Waits before the next attempt, or returns the failure if there is none.
    fn wait_before_retry(
        &self,
        retries: &mut Retries,
        mut failure: Failure,
        gained: bool,
        item: &Item,
    ) -> AttemptResult<()> {
        let gained = gained && !failure.slow;
        let seconds = |time: Duration| time.as_secs_f64().ceil();
        let budget = seconds(retries.budget);
        match retry::decide(
            retries,
            failure.retryable,
            gained,
            failure.retry_after,
            retry::jitter(),
        ) {
            Decision::Wait(time) => {
                item.set_message(format!("waiting {} s, {}", seconds(time), failure.short_reason));
                self.clock.sleep(time);
                item.set_message("");
                retries.spend(time, gained);
                return Ok(());
            }
            Decision::GiveUp if retries.tries_without_progress > 0 => {
                failure
                    .reason
                    .push_str(&format!(" ({} times)", retries.tries_without_progress + 1));
            }
            Decision::GiveUp => {}
            Decision::AsksTooMuch(asked) => {
                failure.reason.push_str(&format!(
                    "; the server asks to wait {} s, but only {} s of the {budget} s for waiting \
                     are left",
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
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::retry::Retryable;
    use airgap_core::error::Error;
    use std::sync::Mutex;

    /// A clock that only sleeping moves.
    #[derive(Default)]
    struct Sleeps(Mutex<Vec<Duration>>);

    impl Clock for Sleeps {
        fn now(&self) -> SystemTime {
            SystemTime::UNIX_EPOCH + self.0.lock().unwrap().iter().sum::<Duration>()
        }

        fn sleep(&self, time: Duration) {
            self.0.lock().unwrap().push(time);
        }
    }

    /// Attempts a job whose first attempts fail in these ways; returns its result with the number
    /// of attempts and of waits.
    fn attempts(failures: Vec<FailedAttempt>) -> (AttemptResult<()>, usize, usize) {
        let clock = Arc::new(Sleeps::default());
        let policy = RetryPolicy::new(Arc::clone(&clock) as _, Duration::from_secs(120));
        let (mut failures, mut count) = (failures.into_iter(), 0);
        let done = policy.retry(&mut policy.retries(), &Item::hidden(), |_| {
            count += 1;
            failures.next().map_or(Ok(()), Err)
        });
        let waits = clock.0.lock().unwrap().len();
        (done, count, waits)
    }

    fn busy() -> FailedAttempt {
        Failure::new(Retryable::Transient, "busy").into()
    }

    #[test]
    fn attempts_with_waits_until_it_succeeds() {
        let (done, count, waits) = attempts(vec![busy(), busy()]);
        assert!(done.is_ok());
        assert_eq!((count, waits), (3, 2));
    }

    #[test]
    fn retries_a_different_request_at_once() {
        let (done, count, waits) = attempts(vec![FailedAttempt { at_once: true, ..busy() }]);
        assert!(done.is_ok());
        assert_eq!((count, waits), (2, 0));
    }

    #[test]
    fn ends_at_an_error_that_no_retry_avoids() {
        for failed in [
            FailedAttempt { at_once: true, ..Error::usage("wrong").into() },
            Failure::new(Retryable::Never, "gone").into(),
        ] {
            let (done, count, waits) = attempts(vec![failed]);
            assert!(done.is_err());
            assert_eq!((count, waits), (1, 0));
        }
    }

    #[test]
    fn says_how_often_it_failed() {
        let (done, count, _) = attempts((0..9).map(|_| busy()).collect());
        assert_eq!(count, 6);
        let Err(AttemptError::Source(failure)) = done else { panic!("it failed") };
        assert_eq!(failure.reason, "busy (6 times)");
    }
}
