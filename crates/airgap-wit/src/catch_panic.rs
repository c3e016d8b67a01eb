//! Calls of the parser and the decoder that survive their panics.
//!
//! Both are written for files of other tools, and panic on some states that only a damaged or
//! hostile file has. A person must read which file it is, and half-written folders must be removed,
//! so that a panic becomes an error here.

use std::any::Any;
use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;

thread_local! {
    static GUARDED: Cell<bool> = const { Cell::new(false) };
}

/// Runs `work`. If it panics, returns the panic's message and prints nothing.
pub(super) fn catch_panic<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let others = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !GUARDED.get() {
                others(info);
            }
        }));
    });
    GUARDED.set(true);
    // The values that `work` has borrowed are not used again if it panicked.
    let result = panic::catch_unwind(AssertUnwindSafe(work));
    GUARDED.set(false);
    result.map_err(|panic| words(&*panic))
}

/// Stops the work of [`catch_panic`], which fails with these words. It is for callbacks that have no
/// other way to stop the parser or the printer that calls them.
pub(super) fn stop(words: &str) -> ! {
    panic::resume_unwind(Box::new(Stopped(words.to_owned())))
}

/// The message that the work was stopped with.
struct Stopped(String);

fn words(panic: &(dyn Any + Send)) -> String {
    if let Some(Stopped(words)) = panic.downcast_ref() {
        return words.clone();
    }
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no reason given");
    format!("the parser did not expect this: {text}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_an_error_message() {
        assert_eq!(catch_panic(|| 1).unwrap(), 1);
        let found = catch_panic(|| -> u8 { panic!("at {}", 7) }).unwrap_err();
        assert!(found.ends_with("did not expect this: at 7"), "{found}");
        assert!(catch_panic(|| -> u8 { unreachable!() }).unwrap_err().contains("unreachable"));
        assert_eq!(catch_panic(|| -> u8 { stop("too long") }), Err("too long".to_owned()));
        assert!(!GUARDED.get());
    }
}
