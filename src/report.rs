//! All printing: data on stdout, talk on stderr.

use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use crate::error::{Error, Kind, Result};

/// Where output goes. One lives for the whole run.
pub struct Report {
    json: bool,
    bars: Option<MultiProgress>,
}

impl Report {
    /// Prints progress bars where stderr is a terminal, one line for each finished item otherwise.
    pub fn new(json: bool) -> Report {
        let bars = (!json && io::stderr().is_terminal()).then(MultiProgress::new);
        Report { json, bars }
    }

    /// Prints nothing but data; for tests.
    pub fn quiet() -> Report {
        Report { json: true, bars: None }
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

    /// Writes a value to stdout as indented JSON with a newline.
    pub fn json(&self, value: &impl serde::Serialize) -> Result<()> {
        let text = serde_json::to_string_pretty(value)
            .map_err(|error| Error::new(Kind::Failed, "cannot write JSON").because(error))?;
        self.data(&format!("{text}\n"))
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

    /// Prints a failure: as text on stderr, and with `--json` as an object on stdout too.
    pub fn failure(&self, error: &Error) {
        self.say(&format!("error: {error}"));
        if self.json {
            let facts: serde_json::Map<_, _> =
                error.facts().iter().map(|(k, v)| ((*k).to_owned(), v.clone().into())).collect();
            let object = serde_json::json!({
                "error": error.statement(), "kind": error.kind().name(),
                "facts": facts, "hints": error.hints(),
            });
            // The exit code tells already; a stdout that is gone has no reader to tell.
            let _ = self.json(&object);
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strangers_do_not_steer_the_terminal() {
        assert_eq!(printable("a\u{1b}[2Jb\r\nc"), "a\u{fffd}[2Jb\u{fffd}\nc");
    }
}
