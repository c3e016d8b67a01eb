//! Panics, which are bugs in this program, as errors.

use std::any::Any;
use std::panic::{self, AssertUnwindSafe};
use std::sync::{Mutex, Once};

use airgap_core::error::{Error, ErrorKind, Result};
use airgap_core::workers::lock;

/// The message of the first panic and its place in the sources. Others may follow from it.
static FIRST: Mutex<Option<(String, String)>> = Mutex::new(None);

/// Does the work; a panic in it, or in a thread that it started, becomes an error. This function
/// prints nothing, because stderr itself may have failed.
pub(super) fn caught(work: impl FnOnce() -> Result<()>) -> Result<()> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        panic::set_hook(Box::new(|info| {
            let place = info.location().map(ToString::to_string).unwrap_or_default();
            lock(&FIRST).get_or_insert_with(|| (words(info.payload()), place));
        }));
    });
    // After a panic, the borrowed values are only used to print the error.
    panic::catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        let (words, place) = lock(&FIRST).take().unwrap_or_else(|| (words(&*panic), String::new()));
        Err(error(&words, &place))
    })
}

fn error(words: &str, place: &str) -> Error {
    if words.contains("failed to spawn thread") {
        return Error::new(ErrorKind::Failed, "cannot start a thread").because(words).hint(
            "raise the limit of processes (`ulimit -u`), or run fewer programs at the same time",
        );
    }
    Error::new(ErrorKind::Failed, format!("this program has a bug: {words}"))
        .fact("at", place)
        .hint("report it with this text and the command; all written files are complete")
}

fn words(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no reason given").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_reported_with_its_place() {
        let text = error("index out of bounds", "src/a.rs:1:2").to_string();
        assert!(
            text.contains("bug: index out of bounds") && text.contains("src/a.rs:1:2"),
            "{text}"
        );
        let text = error("failed to spawn thread: Os { code: 11 }", "").to_string();
        assert!(text.starts_with("cannot start a thread") && text.contains("ulimit -u"), "{text}");
        assert_eq!(words(&"a"), "a");
        assert_eq!(words(&"b".to_owned()), "b");
        assert_eq!(words(&1), "no reason given");
    }
}
