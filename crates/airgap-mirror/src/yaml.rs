//! YAML with the source position of each value, for files from other programs.
//!
//! Aliases share their nodes, so that nested aliases take no memory. Each node stores its size with
//! aliases followed, so that walking one takes bounded time too: the reader refuses values that are
//! larger than [`MOST_VALUES`] or deeper than [`MOST_DEPTH`].

mod block_list;
mod compose;
mod emit;
mod json;
mod number;

use std::cell::OnceCell;
use std::fmt;
use std::io::Read;
use std::path::Path;
use std::rc::Rc;

use serde::Serialize;

use airgap_core::error::{Context, Error, Result};
use airgap_core::wrong_content;

pub(crate) use block_list::{BlockList, has_plain_lines};
pub use compose::{Documents, Duplicates};
pub use emit::{block, scalar};
pub use json::to_json;

/// The largest number of values in one file, with aliases followed: about 150 bytes of memory each.
pub const MOST_VALUES: u32 = 1_000_000;

/// The largest depth of a value, with aliases followed.
pub const MOST_DEPTH: u16 = 200;

/// The largest size of a file, in bytes. The rendered manifests of the largest charts have a third
/// of it.
pub const MOST_BYTES: u64 = 16 << 20;

/// The words for truth values of YAML 1.1.
const TRUE: [&str; 11] = ["y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"];
const FALSE: [&str; 11] =
    ["n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"];

/// The largest number of entries of a mapping that are searched linearly.
const FEW: usize = 16;

/// A source position.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Position {
    /// The file as the user named it; `stdin` for standard input.
    pub file: Rc<str>,
    /// The line, from 1; 0 for the file as a whole.
    pub line: u32,
    /// The column, from 1; 0 for the file as a whole.
    pub column: u32,
}

impl Position {
    /// Returns a problem at this position.
    pub(crate) fn problem(&self, problem: impl Into<String>) -> Problem {
        Problem { place: self.clone(), problem: problem.into() }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line == 0 {
            return f.write_str(&self.file);
        }
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}

/// A value and its source position.
#[derive(Debug)]
pub struct Node {
    /// The value.
    pub value: Value,
    /// The position of its beginning.
    pub place: Position,
    /// The number of values in the node, itself and aliases included.
    weight: u32,
    /// The number of its levels.
    depth: u16,
    /// The indexes of the entries of a large mapping, sorted by key; those of one key in their
    /// order. Computed at the first lookup.
    sorted: OnceCell<Box<[u32]>>,
}

/// The value of a node.
#[derive(Debug)]
pub enum Value {
    /// Text, a number, a truth value or null.
    Scalar(Scalar),
    /// A list.
    Sequence(Vec<Rc<Node>>),
    /// Keys with values, in the order of the file.
    Mapping(Vec<MappingEntry>),
}

/// A key with its value.
#[derive(Clone, Debug)]
pub struct MappingEntry {
    /// The key.
    pub key: Rc<str>,
    /// The position of the key.
    pub place: Position,
    /// The value.
    pub value: Rc<Node>,
}

/// A value that is not a collection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scalar {
    /// The text without quotes and escapes.
    pub text: String,
    /// The style in which it was written.
    pub style: Style,
}

/// The style in which a scalar was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// Without quotes: it may be a number, a truth value or null.
    Plain,
    /// With quotes, or folded: it is text.
    Text,
    /// A block that keeps its lines; its position is that of the first line.
    Literal,
}

impl Node {
    /// Creates a node that was not read from a file.
    pub fn new(value: Value, place: Position) -> Node {
        let (mut weight, mut depth) = (1_u32, 0_u16);
        let mut add = |child: &Node| {
            weight = weight.saturating_add(child.weight);
            depth = depth.max(child.depth.saturating_add(1));
        };
        match &value {
            Value::Scalar(_) => {}
            Value::Sequence(items) => items.iter().for_each(|item| add(item)),
            Value::Mapping(entries) => entries.iter().for_each(|entry| add(&entry.value)),
        }
        Node { value, place, weight, depth, sorted: OnceCell::new() }
    }

    /// Returns the number of values in the node, itself and aliases included.
    pub(crate) fn weight(&self) -> u32 {
        self.weight
    }

    /// Returns the value of a key. If the key occurs twice, the last one counts, as in Helm.
    pub fn get(&self, key: &str) -> Option<&Rc<Node>> {
        let entries = self.entries();
        if entries.len() <= FEW {
            return entries.iter().rev().find(|it| &*it.key == key).map(|entry| &entry.value);
        }
        let key_of = |index: &u32| &*entries[*index as usize].key;
        let sorted = self.sorted.get_or_init(|| {
            let mut indexes: Box<[u32]> = (0..entries.len() as u32).collect();
            indexes.sort_by_key(key_of);
            indexes
        });
        let end = sorted.partition_point(|index| key_of(index) <= key);
        let last = sorted[..end].last().filter(|index| key_of(index) == key)?;
        Some(&entries[*last as usize].value)
    }

    /// Returns the value at the end of a path of keys.
    pub fn at<'a>(self: &'a Rc<Node>, path: &[impl AsRef<str>]) -> Option<&'a Rc<Node>> {
        path.iter().try_fold(self, |node, key| node.get(key.as_ref()))
    }

    /// Returns the entries of a mapping; none for any other value.
    pub fn entries(&self) -> &[MappingEntry] {
        match &self.value {
            Value::Mapping(entries) => entries,
            _ => &[],
        }
    }

    /// Returns the items of a sequence; none for any other value.
    pub fn items(&self) -> &[Rc<Node>] {
        match &self.value {
            Value::Sequence(items) => items,
            _ => &[],
        }
    }

    /// Returns the scalar, if it is one.
    pub fn scalar(&self) -> Option<&Scalar> {
        match &self.value {
            Value::Scalar(scalar) => Some(scalar),
            _ => None,
        }
    }

    /// Returns the trimmed text of a scalar that is not null: YAML's blocks end in a newline.
    pub fn text(&self) -> Option<&str> {
        let scalar = self.scalar().filter(|scalar| !scalar.is_null())?;
        Some(scalar.text.trim()).filter(|text| !text.is_empty())
    }

    /// Returns the text of a key's value.
    pub fn text_of(&self, key: &str) -> Option<&str> {
        self.get(key)?.text()
    }

    /// Returns whether it is null: `null`, `~`, or left out.
    pub fn is_null(&self) -> bool {
        self.scalar().is_some_and(Scalar::is_null)
    }

    /// Returns whether a template treats it as true: any value but null, `false`, zero and an empty
    /// one.
    pub fn is_true(&self) -> bool {
        match &self.value {
            Value::Scalar(scalar) => scalar.is_true(),
            Value::Sequence(items) => !items.is_empty(),
            Value::Mapping(entries) => !entries.is_empty(),
        }
    }
}

impl Scalar {
    /// Creates a text.
    pub fn text(text: impl Into<String>) -> Scalar {
        Scalar { text: text.into(), style: Style::Text }
    }

    /// Returns whether it is null.
    pub fn is_null(&self) -> bool {
        self.style == Style::Plain
            && matches!(self.text.as_str(), "" | "~" | "null" | "Null" | "NULL")
    }

    /// Returns whether a template treats it as true.
    fn is_true(&self) -> bool {
        match self.style {
            _ if self.is_null() || self.text.is_empty() => false,
            // The words of YAML 1.1, which Helm reads.
            Style::Plain => {
                let word = self.text.to_ascii_lowercase();
                !matches!(word.as_str(), "false" | "no" | "off") && self.number() != Some(0.0)
            }
            Style::Text | Style::Literal => true,
        }
    }

    /// Returns the truth value that it is for Helm, which reads the words of YAML 1.1.
    pub fn truth(&self) -> Option<bool> {
        let is_one_of = |words: &[&str]| words.contains(&self.text.as_str());
        match self.style {
            Style::Text | Style::Literal => None,
            Style::Plain if is_one_of(&TRUE) => Some(true),
            Style::Plain => is_one_of(&FALSE).then_some(false),
        }
    }

    /// Returns the number that it is, if it is one.
    pub fn number(&self) -> Option<f64> {
        (self.style == Style::Plain).then(|| number::parse(&self.text)).flatten()
    }

    /// Returns the number that it is, as Helm writes it in a template.
    pub fn helm_number(&self) -> Option<String> {
        self.number().map(number::format_float)
    }
}

/// The reason why a file is not YAML, with its position.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// The position.
    #[serde(flatten)]
    pub place: Position,
    /// The reason.
    pub problem: String,
}

impl Problem {
    /// Creates a problem of a file as a whole.
    pub(crate) fn for_file(name: &str, problem: String) -> Problem {
        Problem { place: Position { file: name.into(), line: 0, column: 0 }, problem }
    }
}

impl From<Problem> for Error {
    fn from(problem: Problem) -> Error {
        let Problem { place, problem } = problem;
        if place.line == 0 {
            return Error::usage(problem);
        }
        Error::usage(format!("cannot read `{}` as YAML", place.file))
            .fact("at", format!("line {}, column {}", place.line, place.column))
            .because(problem)
    }
}

/// Reads a file's text.
///
/// # Errors
/// Usage, if it is not text or is too long.
pub fn read(path: &Path, name: &str) -> Result<String> {
    let file = airgap_core::read::file_known_as(path, &name)?;
    read_from(file, name)
}

/// Reads the text of an open file, or of standard input.
pub fn read_from(reader: impl Read, name: &str) -> Result<String> {
    let mut bytes = Vec::new();
    reader.take(MOST_BYTES + 1).read_to_end(&mut bytes).doing(|| format!("read `{name}`"))?;
    if bytes.len() as u64 > MOST_BYTES {
        return Err(Error::usage(format!("`{name}` is too long for YAML"))
            .fact("limit", format!("{MOST_BYTES} bytes")));
    }
    wrong_content::refuse_page(&bytes, name)?;
    String::from_utf8(bytes).map_err(|error| {
        let before = error.utf8_error().valid_up_to();
        let line = error.as_bytes()[..before].iter().filter(|&&byte| byte == b'\n').count() + 1;
        let wrong = Error::usage(format!("`{name}` is not text in UTF-8"));
        wrong_content::explain_utf16(
            wrong.fact("at", format!("line {line}")),
            error.as_bytes(),
            name,
        )
    })
}

/// Returns the only document of a text; `None` if there is none.
///
/// # Errors
/// Usage, if it is not YAML or has more than one document.
pub fn document(text: &str, name: &str, duplicates: Duplicates) -> Result<Rc<Node>> {
    let mut documents = Documents::new(text, name, duplicates);
    let Some(first) = documents.next().transpose()? else {
        let place = Position { file: name.into(), line: 1, column: 1 };
        return Ok(Rc::new(Node::new(Value::Scalar(null()), place)));
    };
    match documents.next().transpose()? {
        None => Ok(first),
        Some(second) => Err(Error::usage(format!("`{name}` has more than one YAML document"))
            .fact("at", format!("line {}", second.place.line))),
    }
}

fn null() -> Scalar {
    Scalar { text: String::new(), style: Style::Plain }
}

#[cfg(test)]
mod tests;
