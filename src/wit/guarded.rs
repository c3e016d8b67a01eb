//! Calls of the parser and the decoder that survive their panics.
//!
//! Both are made for files that other tools wrote, and some of what they take for impossible is
//! only a damaged or hostile file. A person must read which file it is, and half-made folders must
//! be removed, so that a panic becomes an error here.

use std::any::Any;
use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;

thread_local! {
    static GUARDED: Cell<bool> = const { Cell::new(false) };
}

/// Does the work; where that panics, gives the words of it, and prints none.
pub(super) fn guarded<T>(work: impl FnOnce() -> T) -> Result<T, String> {
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
    // What the work has borrowed is not used again where it panicked.
    let result = panic::catch_unwind(AssertUnwindSafe(work));
    GUARDED.set(false);
    result.map_err(|panic| words(&*panic))
}

/// Ends the work that [`guarded`] does, which fails with these words. It is for callbacks that have
/// no other way to stop the parser or the printer that calls them.
pub(super) fn stop(words: &str) -> ! {
    panic::resume_unwind(Box::new(Stopped(words.to_owned())))
}

/// The words that the work was stopped with.
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
    fn a_panic_becomes_words() {
        assert_eq!(guarded(|| 1).unwrap(), 1);
        let found = guarded(|| -> u8 { panic!("at {}", 7) }).unwrap_err();
        assert!(found.ends_with("did not expect this: at 7"), "{found}");
        assert!(guarded(|| -> u8 { unreachable!() }).unwrap_err().contains("unreachable"));
        assert_eq!(guarded(|| -> u8 { stop("too long") }), Err("too long".to_owned()));
        assert!(!GUARDED.get());
    }
}
