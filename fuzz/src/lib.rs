//! Fuzz targets for all code of wasm-airgap that reads untrusted bytes.
//!
//! A [`Target`] is a function of bytes that panics if a property does not hold. Two drivers feed
//! it: libFuzzer, guided by coverage (`fuzz_targets/`), and the program `wasm-airgap-fuzz`, which
//! mutates seeds without coverage and needs neither a C++ compiler nor instrumented code.
//!
//! Properties of every target, besides that nothing panics:
//!
//! * an error has a message, and its text can be written;
//! * two runs with the same bytes give the same result;
//! * one input takes at most [`MOST_CPU`] of CPU time, and the memory that `ulimit -v` leaves.

pub mod mutate;
pub mod seeds;
mod targets;

use std::time::Duration;

use airgap_core::error::{Error, Result};

/// The limit of CPU time for one input, in all threads. Inputs have at most [`MOST_BYTES`].
pub const MOST_CPU: Duration = Duration::from_secs(5);

/// The limit for the length of an input that a driver creates, in bytes: 64 KiB.
pub const MOST_BYTES: usize = 64 << 10;

/// A fuzz target.
pub struct Target {
    /// The name on the command line, and of the folder in `regressions` and `artifacts`.
    pub name: &'static str,
    /// The function, which panics if a property does not hold.
    pub run: fn(&[u8]),
    /// Words of the format, which mutations insert.
    pub words: &'static [&'static str],
}

pub use targets::TARGETS;

impl Target {
    /// Returns the target with this name.
    pub fn find(name: &str) -> Option<&'static Target> {
        TARGETS.iter().find(|target| target.name == name)
    }

    /// Runs the target on one input.
    ///
    /// # Panics
    /// If a property does not hold, or if the input takes more than [`MOST_CPU`].
    pub fn check(&self, input: &[u8]) {
        let before = cpu_time();
        (self.run)(input);
        let took = cpu_time().saturating_sub(before);
        assert!(
            took <= MOST_CPU,
            "{} bytes take {took:?} of CPU time; the limit is {MOST_CPU:?}",
            input.len()
        );
    }
}

/// Returns the CPU time of this process, in all its threads; zero if there is no `/proc`.
pub fn cpu_time() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // proc_pid_stat(5): `utime` and `stime` are fields 14 and 15, in hundredths of a second. The
    // second field is the name of the program, in parentheses.
    let behind = stat.rsplit_once(')').map_or("", |(_, behind)| behind);
    let ticks = behind.split_ascii_whitespace().skip(11).take(2);
    Duration::from_millis(ticks.filter_map(|it| it.parse::<u64>().ok()).sum::<u64>() * 10)
}

/// Checks that an error has a message, and returns its whole text.
fn words(error: &Error) -> String {
    assert!(!error.statement().trim().is_empty(), "an error without a statement: {error:?}");
    let text = error.to_string();
    let statement = airgap_core::secrets::hide(error.statement());
    assert!(text.starts_with(&*statement), "the text does not begin with the statement");
    format!("{} {text}", error.kind().name())
}

/// Returns the value; an error is checked and dropped.
fn accepted<T>(result: Result<T>) -> Option<T> {
    match result {
        Ok(value) => Some(value),
        Err(error) => {
            words(&error);
            None
        }
    }
}

/// Runs the work twice, checks that both results are equal, and returns the value.
fn same_twice<T>(work: impl Fn() -> Result<T>, show: impl Fn(&T) -> String) -> Option<T> {
    let shown = |result: &Result<T>| match result {
        Ok(value) => show(value),
        Err(error) => words(error),
    };
    let (first, second) = (work(), work());
    assert_eq!(shown(&first), shown(&second), "two runs do not agree");
    first.ok()
}

/// Returns the input as text; `None` if it is not UTF-8.
fn text(input: &[u8]) -> Option<&str> {
    std::str::from_utf8(input).ok()
}

/// Creates the driver of libFuzzer for one target.
#[cfg(feature = "libfuzzer")]
#[macro_export]
macro_rules! driver {
    ($name:literal) => {
        libfuzzer_sys::fuzz_target!(|input: &[u8]| {
            $crate::Target::find($name).expect("a target of this name").check(input);
        });
    };
}
