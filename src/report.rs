//! All printing: data on stdout, talk on stderr.
//!
//! Everything that is printed goes through two filters: `secrets`, which hides the credentials that
//! this process knows, and [`printable()`] or, in JSON, escapes for the characters that it replaces.

mod document;
mod output;
mod printable;

use std::io::{self, IsTerminal};
use std::sync::{Arc, Mutex, MutexGuard, Weak};
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle, WeakProgressBar};
use serde::Serialize;
use serde_json::{Value, json};

use crate::error::{Error, Kind, Result};
use crate::secrets;
use crate::workers::{hold, spawn_detached};
use crate::workspace::Workspace;

pub use document::pretty;
pub(crate) use document::{file as json_file, yaml_string};
pub use printable::{is_hidden, printable, printable_line, shortened};

/// How often a bar shows its rate anew.
const TICK: Duration = Duration::from_millis(100);

/// How often bars are drawn in a second.
const DRAWN: u8 = 20;

/// Where output goes. One lives for the whole run.
pub struct Report {
    json: bool,
    bars: Option<Bars>,
    /// Where the person is who reads it; none in tests.
    reader: Option<Workspace>,
    document: Mutex<Option<Value>>,
}

impl Report {
    /// Prints progress bars where stderr is a terminal, one line for each finished item otherwise.
    /// Commands in messages are those that work in the workspace.
    pub fn new(json: bool, workspace: Workspace) -> Report {
        let bars = (!json && io::stderr().is_terminal()).then(Bars::new);
        Report { json, bars, reader: Some(workspace), document: Mutex::default() }
    }

    /// Prints nothing but data; for tests.
    pub fn quiet() -> Report {
        Report { json: true, bars: None, reader: None, document: Mutex::default() }
    }

    /// Whether data is wanted as JSON.
    pub fn is_json(&self) -> bool {
        self.json
    }

    /// Writes text for people to stdout.
    ///
    /// # Errors
    /// Where the text could not be written. A closed pipe is not an error: the reader has seen
    /// enough.
    pub fn data(&self, text: &str) -> Result<()> {
        write(&printable(&secrets::hide(text)))
    }

    /// Writes the content of a file, such as YAML or a BUILD file, to stdout as it is. What made it
    /// has escaped what must not reach a terminal.
    ///
    /// # Errors
    /// As [`Report::data`].
    pub fn content(&self, text: &str) -> Result<()> {
        write(&secrets::hide_in_data(text))
    }

    /// Makes a value the JSON document of this run, which `end` writes: there is one for each run.
    pub fn json(&self, value: &impl Serialize) -> Result<()> {
        let mut value = serde_json::to_value(value).map_err(not_json)?;
        secrets::hide_in_json(&mut value);
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
                self.add_failure(document.get_or_insert_with(|| json!({})), error);
            }
        }
        let Some(document) = self.document().take() else { return result };
        let written =
            pretty(&document).map_err(not_json).and_then(|text| write(&format!("{text}\n")));
        if let (Ok(()), Err(error)) = (&result, &written) {
            self.say(&format!("error: {error}"));
        }
        // What failed first is what the person must know.
        result.and(written)
    }

    /// Says something to the person at the terminal.
    pub fn say(&self, text: &str) {
        let text = safe(&self.addressed(text));
        match &self.bars {
            Some(bars) => bars.all.suspend(|| output::to_stderr(&text)),
            None => output::to_stderr(&text),
        }
    }

    /// Says that something is not as it should be, though the work goes on.
    pub fn warn(&self, text: &str) {
        self.say(&format!("warning: {text}"));
    }

    /// A message with the commands that work where the person is.
    fn addressed(&self, text: &str) -> String {
        self.reader.as_ref().map_or_else(|| text.to_owned(), |reader| reader.address(text))
    }

    /// Adds a failure to a document. A label may occur many times.
    fn add_failure(&self, document: &mut Value, error: &Error) {
        let safe = |text: &str| secrets::hide(text).into_owned();
        let fact = |(label, value): &(_, String)| json!({"label": label, "value": safe(value)});
        let facts: Vec<_> = error.facts().iter().map(fact).collect();
        let hint = |hint: &String| safe(&self.addressed(hint));
        document["error"] = safe(error.statement()).into();
        document["kind"] = error.kind().name().into();
        document["facts"] = facts.into();
        document["hints"] = error.hints().iter().map(hint).collect();
    }

    fn document(&self) -> MutexGuard<'_, Option<Value>> {
        hold(&self.document)
    }

    /// A line of progress for one thing that takes time.
    pub fn item(&self, name: impl Into<String>) -> Item {
        let bar = self.bars.as_ref().map(Bars::add);
        if let Some(bar) = &bar {
            bar.set_prefix(safe_line(&name.into()));
        }
        Item { bar }
    }
}

/// The progress bars of a run.
struct Bars {
    all: MultiProgress,
    shown: Arc<Mutex<Vec<WeakProgressBar>>>,
}

impl Bars {
    fn new() -> Bars {
        let terminal = Box::<output::Terminal>::default();
        let target = ProgressDrawTarget::term_like_with_hz(terminal, DRAWN);
        let bars = Bars { all: MultiProgress::with_draw_target(target), shown: Arc::default() };
        let shown = Arc::downgrade(&bars.shown);
        // Without this thread a bar moves only when there is news. The bars' own thread would be a
        // panic where the system has none left.
        let _ = spawn_detached("bars", move || tick(&shown));
        bars
    }

    fn add(&self) -> ProgressBar {
        let bar = self.all.add(ProgressBar::new_spinner());
        bar.set_style(style("{prefix:30!} {bytes:>10} {bytes_per_sec:>12} {msg}"));
        hold(&self.shown).push(bar.downgrade());
        bar
    }
}

/// Moves the bars on until there are none any more.
fn tick(shown: &Weak<Mutex<Vec<WeakProgressBar>>>) {
    while let Some(shown) = shown.upgrade() {
        let mut bars = Vec::new();
        hold(&shown).retain(|bar| {
            let bar = bar.upgrade();
            let is_there = bar.is_some();
            bars.extend(bar);
            is_there
        });
        bars.iter().filter(|bar| !bar.is_finished()).for_each(ProgressBar::tick);
        drop((bars, shown));
        std::thread::sleep(TICK);
    }
}

/// The progress of one thing. Cheap to update for every few kilobytes; gone when dropped.
pub struct Item {
    bar: Option<ProgressBar>,
}

impl Item {
    /// An item without a bar.
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
            bar.set_message(safe_line(&text.into()));
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

fn write(text: &str) -> Result<()> {
    match output::to_stdout(text) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Error::new(Kind::Failed, "cannot write to stdout").because(error))
        }
        _ => Ok(()),
    }
}

fn not_json(error: serde_json::Error) -> Error {
    Error::new(Kind::Failed, "cannot write JSON").because(error)
}

/// A text without secrets and hidden characters.
fn safe(text: &str) -> String {
    printable(&secrets::hide(text))
}

/// The same on one line.
fn safe_line(text: &str) -> String {
    printable_line(&secrets::hide(text))
}

/// Prints what clap has to say: help and the version to stdout, an error to stderr. The arguments
/// that it repeats are as foreign as everything else.
pub(crate) fn usage(error: &clap::Error) -> Result<()> {
    if error.use_stderr() {
        output::to_stderr(safe(&error.to_string()).trim_end());
        return Ok(());
    }
    if io::stdout().is_terminal() {
        // With colours.
        return error.print().or(Ok(()));
    }
    write(&safe(&error.to_string()))
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn bars_are_drawn_and_end() {
        let bars = Some(Bars::new());
        let report = Report { json: false, bars, reader: None, document: Mutex::default() };
        let item = report.item("a\u{1b}b\nc");
        item.set_length(10);
        item.set_position(5);
        item.set_message("wait\u{202e}");
        let bar = item.bar.clone().unwrap();
        assert_eq!(
            (bar.prefix().as_str(), bar.message().as_str()),
            ("a\u{fffd}b\u{fffd}c", "wait\u{fffd}")
        );
        report.say("done");
        let shown = Arc::downgrade(&report.bars.as_ref().unwrap().shown);
        drop((item, bar, report));
        // The thread sees that all is over and ends.
        for _ in 0..100 {
            if shown.upgrade().is_none() {
                return;
            }
            std::thread::sleep(TICK);
        }
        panic!("the bars are still there");
    }
}
