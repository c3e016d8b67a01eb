//! All printing: data on stdout, messages on stderr.
//!
//! All output goes through two filters: `secrets`, which hides the credentials that this process
//! knows, and [`printable()`] or, in JSON, escapes for the characters that it replaces.

mod document;
mod output;
pub(crate) mod printable;

use std::collections::HashSet;
use std::fmt;
use std::io::{self, IsTerminal};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, Weak};
use std::time::Duration;

use indicatif::{
    MultiProgress, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle, WeakProgressBar,
};
use serde::Serialize;
use serde_json::{Value, json};

use crate::error::{Error, ErrorKind, Result};
use crate::quantity::{self, megabytes};
use crate::secrets;
use crate::workers::{lock, spawn_detached};
use crate::workspace::Workspace;

pub use document::pretty;
pub use document::{file as json_file, yaml_string};
pub use printable::{is_hidden, printable, printable_line, shortened};

/// The interval at which a bar updates its rate.
const TICK: Duration = Duration::from_millis(100);

/// The number of times per second that bars are drawn.
const DRAWN: u8 = 20;

/// The destination of all output. One value lives for the whole run.
pub struct Report {
    json: bool,
    bars: Option<Bars>,
    /// The workspace of the person who reads the output; none in tests.
    reader: Option<Workspace>,
    document: Mutex<Option<Value>>,
    /// The hints of the failures that were printed.
    hints: Mutex<HashSet<String>>,
}

impl Report {
    /// Prints progress bars if stderr is a terminal, one line for each finished item otherwise.
    /// Commands in messages are those that work in the workspace.
    pub fn new(json: bool, workspace: Workspace) -> Report {
        let bars = (!json && io::stderr().is_terminal()).then(Bars::new);
        Report {
            json,
            bars,
            reader: Some(workspace),
            document: Mutex::default(),
            hints: Mutex::default(),
        }
    }

    /// Creates a report that prints nothing but data; for tests.
    pub fn quiet() -> Report {
        Report {
            json: true,
            bars: None,
            reader: None,
            document: Mutex::default(),
            hints: Mutex::default(),
        }
    }

    /// Returns whether data is wanted as JSON.
    pub fn is_json(&self) -> bool {
        self.json
    }

    /// Writes text for people to stdout.
    ///
    /// # Errors
    /// Failed, if the text could not be written. A closed pipe is not an error: the reader has seen
    /// enough.
    pub fn data(&self, text: &str) -> Result<()> {
        write(&printable(&secrets::hide(text)))
    }

    /// Writes the content of a file, such as YAML or a BUILD file, to stdout unchanged. The
    /// generator has escaped the characters that must not reach a terminal.
    ///
    /// # Errors
    /// The errors of [`Report::data`].
    pub fn content(&self, text: &str) -> Result<()> {
        write(&secrets::hide_in_data(text))
    }

    /// Writes the program's own help to stdout, with colours if a terminal shows them.
    ///
    /// # Errors
    /// The errors of [`Report::data`].
    pub fn help(&self, text: &impl fmt::Display, colored: &impl fmt::Display) -> Result<()> {
        match io::stdout().is_terminal() {
            true => write(&self.addressed(&colored.to_string())),
            false => self.data(&self.addressed(&text.to_string())),
        }
    }

    /// Sets the JSON document of this run, which `end` writes: there is one for each run.
    pub fn json(&self, value: &impl Serialize) -> Result<()> {
        let mut value = serde_json::to_value(value).map_err(not_json)?;
        secrets::hide_in_json(&mut value);
        *self.document() = Some(value);
        Ok(())
    }

    /// Ends the run: prints the failure, and writes the JSON document, which contains the failure
    /// if JSON is wanted.
    pub fn end(&self, result: Result<()>) -> Result<()> {
        if let Err(error) = &result {
            self.say(&format!("error: {}", error.one_of_many(&mut lock(&self.hints))));
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
        // The first failure is the one that the person must know.
        result.and(written)
    }

    /// Prints a message to the person at the terminal.
    pub fn say(&self, text: &str) {
        let text = safe(&self.addressed(text));
        match &self.bars {
            Some(bars) => bars.all.suspend(|| output::to_stderr(&text)),
            None => output::to_stderr(&text),
        }
    }

    /// Prints the failure of one of several things. A hint is printed with the first failure only.
    pub fn failed(&self, what: &str, error: &Error) {
        let error = error.one_of_many(&mut lock(&self.hints));
        self.say(&format!("failed   {what}{error}"));
    }

    /// Prints a warning; the work goes on.
    pub fn warn(&self, text: &str) {
        self.say(&format!("warning: {text}"));
    }

    /// Returns a message with the commands that work in the reader's folder.
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
        if let Some(cause) = error.cause() {
            document["cause"] = safe(cause).into();
        }
        document["facts"] = facts.into();
        document["hints"] = error.hints().iter().map(hint).collect();
    }

    fn document(&self) -> MutexGuard<'_, Option<Value>> {
        lock(&self.document)
    }

    /// Creates a line of progress for one thing that takes time.
    pub fn item(&self, name: impl Into<String>) -> Item {
        let bar = self.bars.as_ref().map(Bars::add);
        if let Some(bar) = &bar {
            bar.set_prefix(safe_line(&name.into()));
        }
        let total = self.bars.as_ref().and_then(|bars| lock(&bars.total).upgrade());
        Item { bar, total }
    }

    /// Creates a line of progress over `count` things, and `bytes` bytes if that is known. Items
    /// that are created from now on count for it.
    pub fn total(&self, count: usize, noun: &'static str, bytes: Option<u64>) -> Total {
        let Some(bars) = &self.bars else { return Total(None) };
        let bar = bars.add();
        bar.set_prefix("total");
        if let Some(bytes) = bytes {
            bar.set_length(bytes);
            bar.set_style(style(WITH_LENGTH));
        }
        let (done, count) = (AtomicUsize::new(0), AtomicUsize::new(count));
        let sum = Arc::new(Sum { bar, done, count, noun });
        sum.show();
        *lock(&bars.total) = Arc::downgrade(&sum);
        Total(Some(sum))
    }
}

/// The lines of progress, without and with a known length.
const WITHOUT_LENGTH: &str = "{prefix:40!} {size:>9} {rate:>11} {msg}";
const WITH_LENGTH: &str = "{prefix:40!} {size:>9} of {all:9} {rate:>11} {msg} {wide_bar}";

/// The progress over several things; its line is removed when dropped.
pub struct Total(Option<Arc<Sum>>);

/// The progress so far of several things.
struct Sum {
    bar: ProgressBar,
    done: AtomicUsize,
    count: AtomicUsize,
    noun: &'static str,
}

impl Total {
    /// Counts so many more that are to be done.
    pub fn more(&self, count: usize) {
        if let Some(sum) = &self.0 {
            sum.count.fetch_add(count, Ordering::Relaxed);
            sum.show();
        }
    }

    /// Counts one more thing as finished, successfully or not.
    pub fn done(&self) {
        if let Some(sum) = &self.0 {
            sum.done.fetch_add(1, Ordering::Relaxed);
            sum.show();
        }
    }
}

impl Drop for Total {
    fn drop(&mut self) {
        if let Some(sum) = &self.0 {
            sum.bar.finish_and_clear();
        }
    }
}

impl Sum {
    fn show(&self) {
        let (done, count) = (self.done.load(Ordering::Relaxed), self.count.load(Ordering::Relaxed));
        self.bar.set_message(format!("{done} of {}", quantity::count(count, self.noun)));
    }
}

/// The progress bars of a run.
struct Bars {
    all: MultiProgress,
    /// The sum that new items count for.
    total: Mutex<Weak<Sum>>,
    shown: Arc<Mutex<Vec<WeakProgressBar>>>,
}

impl Bars {
    fn new() -> Bars {
        let terminal = Box::<output::Terminal>::default();
        let target = ProgressDrawTarget::term_like_with_hz(terminal, DRAWN);
        let all = MultiProgress::with_draw_target(target);
        let bars = Bars { all, total: Mutex::default(), shown: Arc::default() };
        let shown = Arc::downgrade(&bars.shown);
        // Without this thread a bar only moves when a value changes. The bars' own thread would
        // panic if the system has no thread left.
        let _ = spawn_detached("bars", move || tick(&shown));
        bars
    }

    fn add(&self) -> ProgressBar {
        let bar = self.all.add(ProgressBar::new_spinner());
        bar.set_style(style(WITHOUT_LENGTH));
        lock(&self.shown).push(bar.downgrade());
        bar
    }
}

/// Updates the bars until none is left.
fn tick(shown: &Weak<Mutex<Vec<WeakProgressBar>>>) {
    while let Some(shown) = shown.upgrade() {
        let mut bars = Vec::new();
        lock(&shown).retain(|bar| {
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

/// The progress of one thing. Cheap to update for every few kilobytes; removed when dropped.
pub struct Item {
    bar: Option<ProgressBar>,
    total: Option<Arc<Sum>>,
}

impl Item {
    /// Creates an item without a bar.
    pub fn hidden() -> Item {
        Item { bar: None, total: None }
    }

    /// Sets the number of bytes that are expected.
    pub fn set_length(&self, bytes: u64) {
        if let Some(bar) = &self.bar {
            bar.set_length(bytes);
            bar.set_style(style(WITH_LENGTH));
        }
    }

    /// Sets the number of bytes so far.
    pub fn set_position(&self, bytes: u64) {
        if let Some(bar) = &self.bar {
            if let Some(total) = &self.total {
                // Bytes that are transferred again are counted again.
                total.bar.inc(bytes.saturating_sub(bar.position()));
            }
            bar.set_position(bytes);
        }
    }

    /// Sets the message, as in `waiting 3 s, the server is busy`.
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
    let style =
        ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    let size = |bytes: u64, out: &mut dyn fmt::Write| {
        // A line that cannot be written is not shown.
        let _ = out.write_str(&megabytes(bytes));
    };
    style
        .with_key("size", move |state: &ProgressState, out: &mut dyn fmt::Write| {
            size(state.pos(), out)
        })
        .with_key("all", move |state: &ProgressState, out: &mut dyn fmt::Write| {
            size(state.len().unwrap_or_default(), out);
        })
        .with_key("rate", move |state: &ProgressState, out: &mut dyn fmt::Write| {
            let _ = write!(out, "{}/s", megabytes(state.per_sec() as u64));
        })
}

fn write(text: &str) -> Result<()> {
    match output::to_stdout(text) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Error::new(ErrorKind::Failed, "cannot write to stdout").because(error))
        }
        _ => Ok(()),
    }
}

fn not_json(error: serde_json::Error) -> Error {
    Error::new(ErrorKind::Failed, "cannot write JSON").because(error)
}

/// Returns a text without secrets and hidden characters.
fn safe(text: &str) -> String {
    printable(&secrets::hide(text))
}

/// Returns a text on one line, without secrets and hidden characters.
fn safe_line(text: &str) -> String {
    printable_line(&secrets::hide(text))
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn bars_are_drawn_and_end() {
        let report = Report { bars: Some(Bars::new()), json: false, ..Report::quiet() };
        let total = report.total(2, "file", Some(20));
        let item = report.item("a\u{1b}b\nc");
        item.set_length(10);
        item.set_position(5);
        item.set_message("wait\u{202e}");
        let bar = item.bar.clone().unwrap();
        assert_eq!(
            (bar.prefix().as_str(), bar.message().as_str()),
            ("a\u{fffd}b\u{fffd}c", "wait\u{fffd}")
        );
        item.set_position(3);
        item.set_position(7);
        total.done();
        let sum = total.0.as_ref().unwrap();
        assert_eq!((sum.bar.position(), &*sum.bar.message()), (9, "1 of 2 files"));
        total.more(3);
        assert_eq!(&*sum.bar.message(), "1 of 5 files");
        report.say("done");
        let shown = Arc::downgrade(&report.bars.as_ref().unwrap().shown);
        drop((item, bar, total, report));
        // The thread finds that no bar is left and ends.
        for _ in 0..100 {
            if shown.upgrade().is_none() {
                return;
            }
            std::thread::sleep(TICK);
        }
        panic!("the bars are still there");
    }
}
