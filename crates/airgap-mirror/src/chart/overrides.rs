//! Values that the user sets over those of a chart: `--values FILE` and `--set a.b=c`.

use std::path::Path;
use std::rc::Rc;
use std::str::FromStr;

use super::values::merge;
use crate::yaml::{self, Duplicates, MappingEntry, Node, Position, Scalar, Style, Value};
use airgap_core::error::{Error, Result};

/// The largest index of a list, and the largest number of steps of a path.
const MOST_ITEMS: usize = 1000;
const MOST_STEPS: usize = 100;

/// Values over those of a chart. They are applied in the order of the command line, files first, as
/// in Helm.
#[derive(Clone, Debug)]
pub enum Override {
    /// A file with values.
    File(Rc<Node>),
    /// Single values.
    Set(Assignments),
}

/// The assignments of one `--set` or `--set-string`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assignments {
    /// The text as it was written.
    text: String,
    all: Vec<(Vec<KeyStep>, Assigned)>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum KeyStep {
    Key(String),
    Item(usize),
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Assigned {
    One(Scalar),
    List(Vec<Scalar>),
}

impl Override {
    /// Reads a values file.
    pub fn file(path: &Path, name: &str) -> Result<Override> {
        Override::parse(&yaml::read(path, name)?, name)
    }

    /// Parses the text of a values file.
    pub fn parse(text: &str, name: &str) -> Result<Override> {
        let node = yaml::document(text, name, Duplicates::LastCounts)?;
        match &node.value {
            Value::Mapping(_) => Ok(Override::File(node)),
            Value::Scalar(scalar) if scalar.is_null() => Ok(Override::File(Rc::new(Node::new(
                Value::Mapping(Vec::new()),
                node.place.clone(),
            )))),
            _ => Err(Error::usage(format!("`{name}` has no values")).fact("at", &node.place)),
        }
    }

    /// Creates the override that sets a switch to false.
    pub(super) fn disabled(switch: &str) -> Override {
        Override::Set(Assignments::disabled(switch))
    }

    /// Returns the values with this override applied.
    pub(super) fn apply(&self, values: &Rc<Node>) -> Result<Rc<Node>> {
        let empty = Rc::new(Node::new(Value::Mapping(Vec::new()), values.place.clone()));
        let values = if values.is_null() { &empty } else { values };
        match self {
            Override::File(node) => Ok(merge(values, node)),
            Override::Set(Assignments { all, .. }) => all
                .iter()
                .try_fold(values.clone(), |values, (path, value)| set(Some(&values), path, value)),
        }
    }
}

/// Returns the node with the value at a path replaced; missing parents are created.
fn set(node: Option<&Rc<Node>>, path: &[KeyStep], value: &Assigned) -> Result<Rc<Node>> {
    if path.len() > MOST_STEPS {
        return Err(Error::usage("`--set` names a value that is nested too deeply")
            .fact("limit", MOST_STEPS));
    }
    let made = |value| Ok(Rc::new(Node::new(value, place())));
    let Some((first, rest)) = path.split_first() else {
        return match value {
            Assigned::One(scalar) => made(Value::Scalar(scalar.clone())),
            Assigned::List(items) => {
                let item =
                    |scalar: &Scalar| Rc::new(Node::new(Value::Scalar(scalar.clone()), place()));
                made(Value::Sequence(items.iter().map(item).collect()))
            }
        };
    };
    match first {
        KeyStep::Key(key) => {
            let mut entries = node.map(|node| node.entries().to_vec()).unwrap_or_default();
            let value = set(node.and_then(|node| node.get(key)), rest, value)?;
            match entries.iter_mut().rev().find(|entry| *entry.key == **key) {
                Some(entry) => entry.value = value,
                None => {
                    entries.push(MappingEntry { key: key.as_str().into(), place: place(), value })
                }
            }
            made(Value::Mapping(entries))
        }
        KeyStep::Item(index) => {
            if *index >= MOST_ITEMS {
                return Err(Error::usage(format!("`--set` names item {index} of a list"))
                    .fact("limit", MOST_ITEMS));
            }
            let mut items = node.map(|node| node.items().to_vec()).unwrap_or_default();
            let null = Scalar { text: String::new(), style: Style::Plain };
            while items.len() <= *index {
                items.push(Rc::new(Node::new(Value::Scalar(null.clone()), place())));
            }
            items[*index] = set(Some(&items[*index]), rest, value)?;
            made(Value::Sequence(items))
        }
    }
}

fn place() -> Position {
    Position { file: "--set".into(), line: 1, column: 1 }
}

impl Assignments {
    /// Parses a `--set-string`: numbers and truth values are texts.
    pub fn texts(text: &str) -> std::result::Result<Assignments, String> {
        let style = Style::Text;
        Assignments::read(text, |value| Scalar { text: plain(value), style })
    }

    /// Returns the text in Helm's syntax.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Creates the assignment that sets a switch to false.
    pub(super) fn disabled(switch: &str) -> Assignments {
        let all = switch.split('.').map(|key| KeyStep::Key(key.to_owned())).collect();
        let value = Scalar { text: "false".to_owned(), style: Style::Plain };
        let escaped: String = switch
            .chars()
            .flat_map(|c| [Some('\\').filter(|_| r"\,=[".contains(c)), Some(c)])
            .flatten()
            .collect();
        let text = format!("{escaped}=false");
        Assignments { text, all: vec![(all, Assigned::One(value))] }
    }

    fn read(
        text: &str,
        scalar: impl Fn(&str) -> Scalar,
    ) -> std::result::Result<Assignments, String> {
        let refuse = |problem: &str| format!("`{text}` does not have the form `a.b=c`: {problem}");
        let mut all = Vec::new();
        for part in split_unescaped(text, ',') {
            let mut sides = split_unescaped(part, '=').into_iter();
            let key = sides.next().unwrap_or_default();
            if sides.next().is_none() {
                return Err(refuse("it has no `=`"));
            }
            let value = &part[key.len() + 1..];
            let value = match value.strip_prefix('{').and_then(|it| it.strip_suffix('}')) {
                Some("") => Assigned::List(Vec::new()),
                Some(list) => {
                    Assigned::List(split_unescaped(list, ',').into_iter().map(&scalar).collect())
                }
                None => Assigned::One(scalar(value)),
            };
            all.push((path(key).map_err(|problem| refuse(&problem))?, value));
        }
        Ok(Assignments { text: text.to_owned(), all })
    }
}

impl FromStr for Assignments {
    type Err = String;

    /// Parses `a.b=c,d[0].e=f,g={x,y}`; a backslash escapes the next character.
    fn from_str(text: &str) -> std::result::Result<Assignments, String> {
        Assignments::read(text, typed)
    }
}

fn path(key: &str) -> std::result::Result<Vec<KeyStep>, String> {
    let mut steps = Vec::new();
    for part in split_unescaped(key, '.') {
        let (name, mut items) = match part.find('[') {
            Some(at) => part.split_at(at),
            None => (part, ""),
        };
        if name.is_empty() {
            return Err("a part of its key is empty".to_owned());
        }
        steps.push(KeyStep::Key(plain(name)));
        while let Some((index, rest)) = items.strip_prefix('[').and_then(|it| it.split_once(']')) {
            let index = index.parse().map_err(|_| format!("`{index}` is not an index"))?;
            steps.push(KeyStep::Item(index));
            items = rest;
        }
        if !items.is_empty() {
            return Err(format!("`{items}` is not an index"));
        }
    }
    Ok(steps)
}

/// Splits at a character that is not in braces and has no backslash before it.
fn split_unescaped(text: &str, at: char) -> Vec<&str> {
    let (mut parts, mut start, mut depth, mut escaped) = (Vec::new(), 0, 0_u32, false);
    for (index, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            _ if c == at && depth == 0 => {
                parts.push(&text[start..index]);
                start = index + c.len_utf8();
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    parts
}

fn plain(text: &str) -> String {
    let mut escaped = false;
    let keep = |c: &char| {
        escaped = *c == '\\' && !escaped;
        !escaped
    };
    text.chars().filter(keep).collect()
}

/// Returns the scalar for a text: truth values, numbers and null as Helm reads them, otherwise
/// text.
fn typed(text: &str) -> Scalar {
    let is_number = text == "0" || (!text.starts_with('0') && text.parse::<i64>().is_ok());
    // It stays an integer, which Helm writes without an exponent, unlike the numbers of a file.
    let is_number = is_number && text.len() < 7;
    let is_plain = is_number || matches!(text, "true" | "false" | "null");
    let style = if is_plain { Style::Plain } else { Style::Text };
    Scalar { text: plain(text), style }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(base: &str, sets: &[&str]) -> Rc<Node> {
        let base = yaml::document(base, "values.yaml", Duplicates::LastCounts).unwrap();
        let over =
            |set: &&str| Override::Set(set.parse().unwrap_or_else(|error| panic!("{error}")));
        sets.iter().map(over).fold(base, |values, over| over.apply(&values).unwrap())
    }

    #[test]
    fn values_are_set_as_helm_sets_them() {
        let all = values(
            "a: {b: 1, c: 2}\nl: [{x: 1}]\n",
            &[
                "a.b=new,a.d.e=x",
                "l[0].y=2,l[2]=z",
                "m={p,q}",
                r"n\.o=1\,2",
                "t=true,z=007,e=",
                "a.c=null",
            ],
        );
        assert_eq!(all.at(&["a", "b"]).unwrap().text(), Some("new"));
        assert!(all.at(&["a", "c"]).unwrap().is_null());
        assert_eq!(all.at(&["a", "d", "e"]).unwrap().text(), Some("x"));
        let list = all.get("l").unwrap().items();
        assert_eq!((list[0].text_of("x"), list[0].text_of("y")), (Some("1"), Some("2")));
        assert!(list[1].is_null() && list[2].text() == Some("z"));
        assert_eq!(all.get("m").unwrap().items().len(), 2);
        assert_eq!(all.text_of("n.o"), Some("1,2"));
        assert!(
            all.get("t").unwrap().is_true()
                && all.get("z").unwrap().scalar().unwrap().number().is_none()
        );
        assert!(!all.get("e").unwrap().is_true());
    }

    #[test]
    fn files_are_merged_and_null_removes_a_value() {
        let file = Override::parse("a: {c: null, d: 3}\nl: [9]\n", "v.yaml").unwrap();
        let base =
            yaml::document("a: {b: 1, c: 2}\nl: [1, 2]\n", "values.yaml", Duplicates::Refused);
        let all = file.apply(&base.unwrap()).unwrap();
        assert_eq!(all.at(&["a", "b"]).unwrap().text(), Some("1"));
        assert!(all.at(&["a", "c"]).is_none());
        assert_eq!(all.get("l").unwrap().items().len(), 1);
        assert!(Override::parse("- a\n", "v.yaml").is_err());
        assert!(Override::parse("", "v.yaml").is_ok());
    }

    #[test]
    fn an_invalid_set_option_is_explained() {
        for (set, why) in [
            ("a", "no `=`"),
            ("=1", "empty"),
            ("a..b=1", "empty"),
            ("a[x]=1", "index"),
            ("a[0=1", "index"),
            ("a=1,b", "no `=`"),
        ] {
            let error = set.parse::<Assignments>().unwrap_err();
            assert!(error.contains(why), "{set}: {error}");
        }
        let far: Assignments = "a[100000]=1".parse().unwrap();
        let empty = yaml::document("", "v", Duplicates::Refused).unwrap();
        assert!(Override::Set(far).apply(&empty).is_err());
        let deep: Assignments = format!("{}=1", vec!["a"; 5000].join(".")).parse().unwrap();
        assert!(Override::Set(deep).apply(&empty).is_err());
    }
}
