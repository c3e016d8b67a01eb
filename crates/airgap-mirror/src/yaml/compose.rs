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
        while let Some((event, place)) = self.event()? {
            self.count(&event, &place)?;
            match event {
                Event::StreamEnd => return Ok(None),
                Event::DocumentEnd => return Ok(root),
                _ => {}
            }
            let Some(node) = self.node(event, &place)? else { continue };
            self.check_depth(&node, &place)?;
            match self.open.last_mut() {
                None => root = Some(node),
                Some(open) => open.content.take(node, place)?,
            }
        }
        Ok(None)
    }

    /// Returns the next event with its position.
    fn event(&mut self) -> Result<Option<(Event<'a>, Position)>, Problem> {
        match self.parser.next() {
            None => Ok(None),
            Some(Ok((event, span))) => Ok(Some((event, self.place(&span)))),
            Some(Err(error)) => {
                let mark = *error.marker();
                let place = self.place(&Span::new(mark, mark));
                Err(Problem { place, problem: error.info() })
            }
        }
    }

    /// Counts the values and anchors of an event against the limits of a file.
    fn count(&mut self, event: &Event<'_>, place: &Position) -> Result<(), Problem> {
        // An end event was counted at its start; the values of an alias count each time.
        let count = match event {
            Event::Scalar(..) | Event::SequenceStart(..) | Event::MappingStart(..) => 1,
            Event::Alias(anchor) => self.anchors.get(anchor).map_or(0, |node| node.weight),
            _ => 0,
        };
        self.values = self.values.saturating_add(count);
        self.anchored += usize::from(event.anchor_id().is_some());
        let limit = if self.values > self.most {
            format!("{} values, including those of aliases", self.most)
        } else if self.anchored > MOST_ANCHORS {
            format!("{MOST_ANCHORS} anchors")
        } else {
            return Ok(());
        };
        // The limit applies to the file, so that no other document can be read.
        self.ended = true;
        Err(place.problem(format!("the file has more than {limit}")))
    }

    /// Takes an event; returns the node that it completes, if it completes one.
    fn node(&mut self, event: Event<'_>, place: &Position) -> Result<Option<Rc<Node>>, Problem> {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let is_text =
                    tag.is_some_and(|tag| tag.is_yaml_core_schema() && tag.suffix() == "str");
                let scalar =
                    Scalar { text: text.into_owned(), style: scalar_style(style, is_text) };
                let node = Rc::new(Node::new(Value::Scalar(scalar), place.clone()));
                self.keep(anchor, &node);
                Ok(Some(node))
            }
            Event::Alias(anchor) => match self.anchors.get(&anchor) {
                Some(node) => Ok(Some(node.clone())),
                // An alias of an open collection would contain itself.
                None => Err(place.problem("this alias contains itself")),
            },
            Event::SequenceStart(_, anchor, _) => {
                self.begin(place, anchor, OpenContent::Sequence(Vec::new()));
                Ok(None)
            }
            Event::MappingStart(_, anchor, _) => {
                let (entries, merged, key) = (Vec::new(), Vec::new(), None);
                self.begin(place, anchor, OpenContent::Mapping { entries, merged, key });
                Ok(None)
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(),
            _ => Ok(None),
        }
    }

    /// Fails if a node that was completed makes the document too deep.
    fn check_depth(&self, node: &Node, place: &Position) -> Result<(), Problem> {
        if usize::from(node.depth) + self.open.len() <= usize::from(MOST_DEPTH) {
            return Ok(());
        }
        Err(place.problem(format!("the document has more than {MOST_DEPTH} levels")))
    }

    /// Begins a collection.
    fn begin(&mut self, place: &Position, anchor: usize, content: OpenContent) {
        self.open.push(Open { place: place.clone(), anchor, content });
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

/// Returns the style of a scalar. `is_text` says that a tag makes it a text.
fn scalar_style(style: ScalarStyle, is_text: bool) -> Style {
    match style {
        ScalarStyle::Plain if !is_text => Style::Plain,
        ScalarStyle::Literal => Style::Literal,
        _ => Style::Text,
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
                        let problem = "`<<` merges mappings; this is not a mapping";
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
                "the key `{key}` is already in line {line}; programs disagree on which one counts"
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
