//! The message that another program is being waited for.

use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use airgap_core::child::Limits;
use airgap_core::report::Report;

/// The time of silence before the message.
const SILENCE: Duration = Duration::from_secs(10);

/// Runs `work`, which waits for another program. After 10 s, a message names the command and its
/// time limit: a server that hangs looks like this program hanging.
pub(crate) fn while_waiting<T>(
    report: &Report,
    command: &str,
    limits: Limits,
    work: impl FnOnce() -> T,
) -> T {
    let minutes = limits.time.as_secs() / 60;
    let message = format!("waiting for `{command}`, for {minutes} minutes at most");
    after(SILENCE, || report.say(&message), work)
}

/// Runs `work`, and `say` at once after this time if the work is not done then.
fn after<T>(silence: Duration, say: impl Fn() + Send, work: impl FnOnce() -> T) -> T {
    let (running, ended) = mpsc::channel::<()>();
    thread::scope(|scope| {
        let wait = move || {
            if ended.recv_timeout(silence) == Err(RecvTimeoutError::Timeout) {
                say();
            }
        };
        // If no thread can be created, the work runs without the message.
        let _ = thread::Builder::new().name("announced".to_owned()).spawn_scoped(scope, wait);
        let result = work();
        drop(running);
        result
    })
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn only_long_work_is_announced() {
        let said = AtomicUsize::new(0);
        let say = || {
            said.fetch_add(1, Ordering::SeqCst);
        };
        assert_eq!(after(Duration::from_secs(3600), say, || 1), 1);
        assert_eq!(said.load(Ordering::SeqCst), 0);
        let long = || while said.load(Ordering::SeqCst) == 0 {};
        after(Duration::from_millis(1), say, long);
        assert_eq!(said.load(Ordering::SeqCst), 1);
    }
}
