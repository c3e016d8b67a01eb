//! All printing: data on stdout, talk on stderr.

use std::io::{self, IsTerminal, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use serde::Serialize;
use serde_json::{Value, json};

use crate::error::{Error, Kind, Result};

/// Where output goes. One lives for the whole run.
pub struct Report {
    json: bool,
    bars: Option<MultiProgress>,
    document: Mutex<Option<Value>>,
}

impl Report {
    /// Prints progress bars where stderr is a terminal, one line for each finished item otherwise.
    pub fn new(json: bool) -> Report {
        let bars = (!json && io::stderr().is_terminal()).then(MultiProgress::new);
        Report { json, bars, document: Mutex::default() }
    }

    /// Prints nothing but data; for tests.
    pub fn quiet() -> Report {
        Report { json: true, bars: None, document: Mutex::default() }
    }

    /// Whether data is wanted as JSON.
    pub fn is_json(&self) -> bool {
        self.json
    }

    /// Writes data to stdout. A closed pipe is no failure: the reader has seen enough.
    pub fn data(&self, text: &str) -> Result<()> {
        let mut out = io::stdout().lock();
        match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            Err(error) => Err(Error::new(Kind::Failed, "cannot write to stdout").because(error)),
            Ok(()) => Ok(()),
        }
    }

    /// Makes a value the JSON document of this run, which `end` writes: there is one for each run.
    pub fn json(&self, value: &impl Serialize) -> Result<()> {
        let value = serde_json::to_value(value)
            .map_err(|error| Error::new(Kind::Failed, "cannot write JSON").because(error))?;
        *self.document() = Some(value);
        Ok(())
    }

    /// Ends the run: says what failed, and writes the JSON document, with the failure in it where
    /// JSON is wanted.
    pub fn end(&self, result: Result<()>) -> Result<()> {
        if let Err(error) = &result {
            self.say(&format!("error: {error}"));
            if self.json {
                let mut document = self.document();
                add_failure(document.get_or_insert_with(|| json!({})), error);
            }
        }
        let Some(document) = self.document().take() else { return result };
        let written = self.data(&format!("{document:#}\n"));
        // What failed first is what the person must know.
        result.and(written)
    }

    /// Says something to the person at the terminal.
    pub fn say(&self, text: &str) {
        let text = printable(text);
        match &self.bars {
            Some(bars) => bars.suspend(|| talk(&text)),
            None => talk(&text),
        }
    }

    /// Says that something is not as it should be, though the work goes on.
    pub fn warn(&self, text: &str) {
        self.say(&format!("warning: {text}"));
    }

    fn document(&self) -> MutexGuard<'_, Option<Value>> {
        self.document.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A line of progress for one thing that takes time.
    pub fn item(&self, name: impl Into<String>) -> Item {
        let bar = self.bars.as_ref().map(|bars| {
            let bar = bars.add(ProgressBar::new_spinner());
            bar.set_style(style("{prefix:30!} {bytes:>10} {bytes_per_sec:>12} {msg}"));
            bar.enable_steady_tick(Duration::from_millis(100));
            bar
        });
        let item = Item { bar };
        if let Some(bar) = &item.bar {
            bar.set_prefix(printable(&name.into()));
        }
        item
    }
}

/// The progress of one thing. Cheap to update for every few kilobytes; gone when dropped.
pub struct Item {
    bar: Option<ProgressBar>,
}

impl Item {
    /// An item that nobody sees.
    pub fn hidden() -> Item {
        Item { bar: None }
    }

    /// Says how many bytes there will be.
    pub fn set_length(&self, bytes: u64) {
        if let Some(bar) = &self.bar {
            bar.set_length(bytes);
            bar.set_style(style(
                "{prefix:30!} {bytes:>10} of {total_bytes:10} {bar:24} {bytes_per_sec:>12} {msg}",
            ));
        }
    }

    /// Says how many bytes there are so far.
    pub fn set_position(&self, bytes: u64) {
        if let Some(bar) = &self.bar {
            bar.set_position(bytes);
        }
    }

    /// Says what is going on, as in `waiting 3 s, the server is busy`.
    pub fn set_message(&self, text: impl Into<String>) {
        if let Some(bar) = &self.bar {
            bar.set_message(printable(&text.into()));
        }
    }
}

impl Drop for Item {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// A failure beside what there is to say all the same. A label may occur many times.
fn add_failure(document: &mut Value, error: &Error) {
    let fact = |(label, value): &(_, _)| json!({"label": label, "value": value});
    let facts: Vec<_> = error.facts().iter().map(fact).collect();
    document["error"] = error.statement().into();
    document["kind"] = error.kind().name().into();
    document["facts"] = facts.into();
    document["hints"] = error.hints().into();
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

#[expect(clippy::print_stderr, reason = "this is the module that prints")]
fn talk(text: &str) {
    eprintln!("{text}");
}

/// Takes control characters out: names in archives and answers of servers come from strangers, and
/// a terminal obeys them.
pub fn printable(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() && c != '\n' { char::REPLACEMENT_CHARACTER } else { c })
        .collect()
}

/// The same of what may also be too long to read: no more than `most` characters of it.
pub fn shortened(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}...", printable(&text[..end])),
        None => printable(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strangers_do_not_steer_the_terminal() {
        assert_eq!(shortened("\u{e4}b\tc", 3), "\u{e4}b\u{fffd}...");
        assert_eq!(printable("a\u{1b}[2Jb\r\nc"), "a\u{fffd}[2Jb\u{fffd}\nc");
    }
}
