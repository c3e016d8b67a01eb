//! The values of a chart that can be parts of images.

use std::rc::Rc;

use crate::image_parts::{self, GLOBAL_REGISTRIES, PartRole};
use crate::yaml::{Node, Scalar, Value};

/// The largest number of texts in the values of a chart that are examined.
const MOST_LEAVES: usize = 100_000;

/// Words in the first key of defaults that templates put below the user's values.
const DEFAULTS: [&str; 2] = ["default", "builtin"];

/// A step of the path of a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum LeafStep {
    /// A key of a mapping.
    Key(Rc<str>),
    /// An item of a list.
    Item(usize),
}

/// A text in the values, or an empty value.
#[derive(Clone, Debug)]
pub(super) struct Leaf {
    /// Its path in the values of the root chart.
    pub(super) path: Vec<LeafStep>,
    /// The text, empty for nothing.
    pub(super) text: String,
}

impl Leaf {
    /// Returns the texts and the empty values below a node, in their order.
    pub(super) fn all(values: &Rc<Node>) -> Vec<Leaf> {
        let mut leaves = Vec::new();
        add(values, &mut Vec::new(), &mut leaves);
        leaves
    }

    /// Returns values that do not exist and that templates may read: the missing parts of each
    /// image, and the usual registries for all images.
    pub(super) fn absent(values: &Rc<Node>) -> Vec<Leaf> {
        let mut paths =
            GLOBAL_REGISTRIES.map(|keys| keys.iter().map(|it| key(it)).collect()).to_vec();
        add_absent(values, &mut Vec::new(), &mut paths);
        let is_absent = |path: &Vec<LeafStep>| {
            let keys: Vec<_> = path.iter().filter_map(LeafStep::key).collect();
            let (last, around) = keys.split_last().unwrap_or((&"", &[]));
            let node = values.at(around);
            node.is_none_or(|node| {
                node.scalar().is_none_or(Scalar::is_null) && node.get(last).is_none()
            })
        };
        paths.retain(is_absent);
        paths.into_iter().map(|path| Leaf { path, text: String::new() }).collect()
    }

    /// Returns the part of an image that it is, judged by its key.
    pub(super) fn role(&self) -> PartRole {
        PartRole::from_key(self.key(), || {
            let keys = self.path.iter().filter_map(LeafStep::key);
            keys.map(str::to_ascii_lowercase).any(|key| key.contains("image"))
        })
    }

    /// Returns its own key, or the nearest key above a list item.
    fn key(&self) -> &str {
        self.path.iter().rev().find_map(LeafStep::key).unwrap_or_default()
    }

    /// Returns whether it applies to the chart and its subcharts at the same time.
    pub(super) fn is_global(&self) -> bool {
        self.path.iter().filter_map(LeafStep::key).any(|key| key == image_parts::GLOBAL)
    }

    /// Returns whether it is in a list, which values can only replace as a whole.
    pub(super) fn is_in_list(&self) -> bool {
        self.path.iter().any(|step| matches!(step, LeafStep::Item(_)))
    }

    /// Returns the value that overrides this one, if this is one of the defaults that a chart keeps
    /// under a separate key and merges below the user's values.
    pub(super) fn over_default(&self) -> Option<Leaf> {
        let first = self.path.first()?.key()?.to_ascii_lowercase();
        let is_default = first.starts_with('_') || DEFAULTS.iter().any(|word| first.contains(word));
        let rest = self.path.get(1..).filter(|rest| is_default && !rest.is_empty())?;
        Some(Leaf { path: rest.to_vec(), text: self.text.clone() })
    }

    /// Returns the path in the syntax of `--set`.
    pub(super) fn name(&self) -> String {
        let mut name = String::new();
        for step in &self.path {
            match step {
                LeafStep::Key(key) if name.is_empty() => name.push_str(key),
                LeafStep::Key(key) => name.extend([".", key]),
                LeafStep::Item(index) => name.push_str(&format!("[{index}]")),
            }
        }
        name
    }
}

impl LeafStep {
    /// Returns the key, if the step is one.
    pub(super) fn key(&self) -> Option<&str> {
        match self {
            LeafStep::Key(key) => Some(key),
            LeafStep::Item(_) => None,
        }
    }
}

fn key(text: &str) -> LeafStep {
    LeafStep::Key(text.into())
}

fn add_absent(node: &Rc<Node>, path: &mut Vec<LeafStep>, paths: &mut Vec<Vec<LeafStep>>) {
    if paths.len() >= MOST_LEAVES {
        return;
    }
    for entry in node.entries() {
        path.push(LeafStep::Key(entry.key.clone()));
        let is_mapping = matches!(entry.value.value, Value::Mapping(_));
        if is_mapping && image_parts::may_have_parts(&entry.key) {
            for part in image_parts::USUAL_PARTS {
                paths.push([&path[..], &[key(part)]].concat());
            }
        }
        add_absent(&entry.value, path, paths);
        path.pop();
    }
}

fn add(node: &Rc<Node>, path: &mut Vec<LeafStep>, leaves: &mut Vec<Leaf>) {
    if leaves.len() >= MOST_LEAVES {
        return;
    }
    match &node.value {
        Value::Scalar(scalar) if path.is_empty() || scalar.truth().is_some() => {}
        Value::Scalar(scalar) => {
            let text = match scalar.helm_number() {
                _ if scalar.is_null() => String::new(),
                Some(number) => number,
                None => scalar.text.clone(),
            };
            leaves.push(Leaf { path: path.clone(), text });
        }
        Value::Sequence(items) => {
            for (index, item) in items.iter().enumerate() {
                path.push(LeafStep::Item(index));
                add(item, path, leaves);
                path.pop();
            }
        }
        Value::Mapping(entries) => {
            for entry in entries {
                path.push(LeafStep::Key(entry.key.clone()));
                add(&entry.value, path, leaves);
                path.pop();
            }
        }
    }
}
