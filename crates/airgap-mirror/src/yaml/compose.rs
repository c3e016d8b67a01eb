//! Builds nodes from the parser's events.

use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use granit_parser::{Event, Parser, ScalarStyle, Span, StrInput};

use super::{MOST_DEPTH, MOST_VALUES, MappingEntry, Node, Position, Problem, Scalar, Style, Value};

/// The largest number of anchors in one file: the parser keeps the name of each.
const MOST_ANCHORS: usize = 100_000;

/// The meaning of a key that occurs twice in a mapping.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Duplicates {
    /// An error: programs disagree on which one counts.
    Refused,
    /// Both are kept, and the last one counts, as in Helm.
    LastCounts,
}

/// The documents of a text, one after the other. Documents after a broken one are still read.
pub struct Documents<'a> {
    parser: Parser<'a, StrInput<'a>>,
    file: Rc<str>,
    duplicates: Duplicates,
    /// The open collections, from the document's root to the current one.
    open: Vec<Open>,
    anchors: HashMap<usize, Rc<Node>>,
    /// The number of values in the file so far, those of aliases included.
    values: u32,
    /// The largest number of values in the file.
    most: u32,
    /// The number of anchors in the file so far.
    anchored: usize,
    ended: bool,
}

struct Open {
    place: Position,
    anchor: usize,
    content: OpenContent,
}

enum OpenContent {
    Sequence(Vec<Rc<Node>>),
    Mapping { entries: Vec<MappingEntry>, merged: Vec<Rc<Node>>, key: Option<MappingKey> },
}

struct MappingKey {
    text: Rc<str>,
    place: Position,
    is_merge: bool,
}

impl<'a> Documents<'a> {
    /// Reads `text`, which is the content of `file`.
    pub fn new(text: &'a str, file: &str, duplicates: Duplicates) -> Documents<'a> {
        let mut options = granit_parser::Options::default();
        options.flow_nesting_limit = usize::from(MOST_DEPTH);
        options.block_nesting_limit = usize::from(MOST_DEPTH);
        // A byte order mark is not content.
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        Documents {
            parser: Parser::new_from_str_with_options(text, options),
            file: file.into(),
            duplicates,
            open: Vec::new(),
            anchors: HashMap::new(),
            values: 0,
            most: MOST_VALUES,
            anchored: 0,
            ended: false,
        }
    }

    /// Sets a lower limit on the values, those of aliases included.
    pub(crate) fn at_most(self, most: u32) -> Documents<'a> {
        Documents { most, ..self }
    }

    /// Returns the number of values that were read so far, those of aliases included.
    pub(crate) fn values(&self) -> u32 {
        self.values
    }

    fn place(&self, span: &Span) -> Position {
        let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        Position {
            file: self.file.clone(),
            line: number(span.start.line()),
            column: number(span.start.col() + 1),
        }
    }

    /// Reads events until a document is complete; returns `None` at the end of the text.
    fn document(&mut self) -> Result<Option<Rc<Node>>, Problem> {
        let mut root = None;
        loop {
            let (event, span) = match self.parser.next() {
                None => return Ok(None),
                Some(Ok(next)) => next,
                Some(Err(error)) => {
                    let mark = *error.marker();
                    let place = self.place(&Span::new(mark, mark));
                    return Err(Problem { place, problem: error.info() });
                }
            };
            let place = self.place(&span);
            let fail =
                |problem: &str| Problem { place: place.clone(), problem: problem.to_owned() };
            // An end event was counted at its start; the values of an alias count each time.
            let count = match &event {
                Event::Scalar(..) | Event::SequenceStart(..) | Event::MappingStart(..) => 1,
                Event::Alias(anchor) => self.anchors.get(anchor).map_or(0, |node| node.weight),
                _ => 0,
            };
            self.values = self.values.saturating_add(count);
            self.anchored += usize::from(event.anchor_id().is_some());
            let limit = if self.values > self.most {
                Some(format!("{} values, those of aliases included", self.most))
            } else if self.anchored > MOST_ANCHORS {
                Some(format!("{MOST_ANCHORS} anchors"))
            } else {
                None
            };
            if let Some(limit) = limit {
                // The limit applies to the file, so that no other document can be read.
                self.ended = true;
                return Err(fail(&format!("the file has more than {limit}")));
            }
            let done = match event {
                Event::StreamEnd => return Ok(None),
                Event::DocumentEnd => return Ok(root),
                Event::Scalar(text, style, anchor, tag) => {
                    let is_text =
                        tag.is_some_and(|tag| tag.is_yaml_core_schema() && tag.suffix() == "str");
                    let style = match style {
                        ScalarStyle::Plain if !is_text => Style::Plain,
                        ScalarStyle::Literal => Style::Literal,
                        _ => Style::Text,
                    };
                    let scalar = Scalar { text: text.into_owned(), style };
                    let node = Rc::new(Node::new(Value::Scalar(scalar), place.clone()));
                    self.keep(anchor, &node);
                    Some(node)
                }
                Event::Alias(anchor) => {
                    // An alias of an open collection would contain itself.
                    let node = self.anchors.get(&anchor).cloned();
                    Some(node.ok_or_else(|| fail("this alias names what it is itself a part of"))?)
                }
                Event::SequenceStart(_, anchor, _) => {
                    let content = OpenContent::Sequence(Vec::new());
                    self.open.push(Open { place: place.clone(), anchor, content });
                    None
                }
                Event::MappingStart(_, anchor, _) => {
                    let content =
                        OpenContent::Mapping { entries: Vec::new(), merged: Vec::new(), key: None };
                    self.open.push(Open { place: place.clone(), anchor, content });
                    None
                }
                Event::SequenceEnd | Event::MappingEnd => self.close()?,
                _ => None,
            };
            let Some(node) = done else { continue };
            if usize::from(node.depth) + self.open.len() > usize::from(MOST_DEPTH) {
                return Err(fail(&format!("the document has more than {MOST_DEPTH} levels")));
            }
            match self.open.last_mut() {
                None => root = Some(node),
                Some(open) => open.content.take(node, place)?,
            }
        }
    }

    fn keep(&mut self, anchor: usize, node: &Rc<Node>) {
        if anchor != 0 {
            self.anchors.insert(anchor, node.clone());
        }
    }

    /// Ends the innermost collection.
    fn close(&mut self) -> Result<Option<Rc<Node>>, Problem> {
        let Some(Open { place, anchor, content }) = self.open.pop() else { return Ok(None) };
        let value = match content {
            OpenContent::Sequence(items) => Value::Sequence(items),
            OpenContent::Mapping { entries, merged, .. } => {
                if self.duplicates == Duplicates::Refused {
                    refuse_duplicates(&entries)?;
                }
                Value::Mapping(merge(entries, &merged))
            }
        };
        let node = Rc::new(Node::new(value, place));
        self.keep(anchor, &node);
        Ok(Some(node))
    }
}

impl Iterator for Documents<'_> {
    type Item = Result<Rc<Node>, Problem>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        self.open.clear();
        self.anchors.clear();
        let document = self.document();
        match &document {
            Ok(None) => self.ended = true,
            Ok(Some(_)) => {}
            Err(_) => {
                self.ended |= !matches!(self.parser.proceed_next_document(), Ok(true));
            }
        }
        document.transpose()
    }
}

impl OpenContent {
    /// Takes the next item, key or value. `place` is its position, which for an alias differs from
    /// that of its node.
    fn take(&mut self, node: Rc<Node>, place: Position) -> Result<(), Problem> {
        match self {
            OpenContent::Sequence(items) => items.push(node),
            OpenContent::Mapping { entries, merged, key } => match key.take() {
                None => match node.scalar() {
                    Some(scalar) => {
                        let is_merge = scalar.style == Style::Plain && scalar.text == "<<";
                        *key =
                            Some(MappingKey { text: scalar.text.as_str().into(), place, is_merge });
                    }
                    None => {
                        let problem = "a key must be a word or a number, not a collection";
                        return Err(Problem { place, problem: problem.to_owned() });
                    }
                },
                Some(MappingKey { is_merge: true, place, .. }) => {
                    let all = match &node.value {
                        Value::Mapping(_) => std::slice::from_ref(&node),
                        _ => node.items(),
                    };
                    let is_mapping = |node: &Rc<Node>| matches!(node.value, Value::Mapping(_));
                    if all.is_empty() || !all.iter().all(is_mapping) {
                        let problem = "`<<` merges mappings, and this is none";
                        return Err(Problem { place, problem: problem.to_owned() });
                    }
                    merged.extend(all.iter().cloned());
                }
                Some(MappingKey { text, place, .. }) => {
                    entries.push(MappingEntry { key: text, place, value: node });
                }
            },
        }
        Ok(())
    }
}

fn refuse_duplicates(entries: &[MappingEntry]) -> Result<(), Problem> {
    let mut seen = HashMap::new();
    for entry in entries {
        if let Some(first) = seen.insert(&entry.key, &entry.place) {
            let (key, line) = (&entry.key, first.line);
            let problem = format!(
                "the key `{key}` stands in line {line} already, and programs disagree on which counts"
            );
            return Err(Problem { place: entry.place.clone(), problem });
        }
    }
    Ok(())
}

/// Adds the entries of `<<`: existing entries win, and so do earlier ones.
fn merge(mut entries: Vec<MappingEntry>, merged: &[Rc<Node>]) -> Vec<MappingEntry> {
    if merged.is_empty() {
        return entries;
    }
    let mut seen: HashSet<_> = entries.iter().map(|entry| entry.key.clone()).collect();
    for entry in merged.iter().flat_map(|node| node.entries()) {
        if seen.insert(entry.key.clone()) {
            entries.push(entry.clone());
        }
    }
    entries
}
