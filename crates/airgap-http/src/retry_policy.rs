//! Waits between attempts, within a budget of time.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::failure::{AttemptResult, Failure};
use crate::retry::{self, Clock, Decision, Retries};
use airgap_core::report::Item;

/// The budget of time for waiting, and the clock for it.
#[derive(Clone)]
pub struct RetryPolicy {
    clock: Arc<dyn Clock>,
    budget: Duration,
}

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

    /// Waits before the next attempt, or returns the failure if there is none.
    pub fn wait_before_retry(
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
            Decision::GiveUp if retries.fruitless > 0 => {
                failure.reason.push_str(&format!(" ({} times)", retries.fruitless + 1));
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
