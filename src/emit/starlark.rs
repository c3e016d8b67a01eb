//! BUILD files as values, written out the way buildifier formats them.

use std::fmt::Write;

/// A value of an attribute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// A text.
    Text(String),
    /// A list of texts, sorted when written.
    List(Vec<String>),
    /// Texts by texts, sorted when written.
    Dict(Vec<(String, String)>),
    /// `glob([...])` of these patterns.
    Glob(Vec<String>),
}

/// A call of a rule or macro.
#[derive(Clone, Debug)]
pub struct Call {
    rule: String,
    name: String,
    attributes: Vec<(&'static str, Value)>,
}

impl Call {
    /// A call of `rule` that makes the target `name`.
    pub fn new(rule: &str, name: &str) -> Call {
        Call { rule: rule.to_owned(), name: name.to_owned(), attributes: Vec::new() }
    }

    /// Sets an attribute. They are written in the order of their names.
    #[must_use]
    pub fn with(mut self, attribute: &'static str, value: Value) -> Call {
        self.attributes.push((attribute, value));
        self.attributes.sort_by_key(|(name, _)| *name);
        self
    }

    fn write(&self, out: &mut String) {
        let _ = writeln!(out, "{}(\n    name = {},", self.rule, quote(&self.name));
        for (name, value) in &self.attributes {
            let _ = writeln!(out, "    {name} = {},", value.source());
        }
        out.push_str(")\n");
    }
}

impl Value {
    fn source(&self) -> String {
        match self {
            Value::Text(text) => quote(text),
            Value::List(items) => list(items, 4),
            Value::Glob(patterns) => format!("glob({})", list(patterns, 4)),
            Value::Dict(pairs) => {
                let mut pairs = pairs.clone();
                pairs.sort();
                let mut out = String::from("{\n");
                for (key, value) in &pairs {
                    let _ = writeln!(out, "        {}: {},", quote(key), quote(value));
                }
                out + "    }"
            }
        }
    }
}

/// A BUILD file: a comment on top, what is loaded, and the calls.
#[derive(Clone, Debug)]
pub struct BuildFile {
    /// Where it came from, without the `#`.
    pub header: Vec<String>,
    /// The label of a `.bzl` file and the symbol that is loaded from it.
    pub loads: Vec<(String, String)>,
    /// The targets.
    pub calls: Vec<Call>,
}

impl BuildFile {
    /// The file's text.
    pub fn text(&self) -> String {
        let mut out = String::new();
        for line in &self.header {
            let _ = writeln!(out, "# {line}");
        }
        out.push('\n');
        for (file, symbol) in &self.loads {
            let _ = writeln!(out, "load({}, {})", quote(file), quote(symbol));
        }
        out.push_str("\npackage(default_visibility = [\"//visibility:public\"])\n");
        for call in &self.calls {
            out.push('\n');
            call.write(&mut out);
        }
        out
    }
}

fn list(items: &[String], indent: usize) -> String {
    let mut items = items.to_vec();
    items.sort();
    match items.as_slice() {
        [] => "[]".to_owned(),
        [one] => format!("[{}]", quote(one)),
        many => {
            let pad = " ".repeat(indent);
            let lines: String =
                many.iter().map(|item| format!("{pad}    {},\n", quote(item))).collect();
            format!("[\n{lines}{pad}]")
        }
    }
}

/// A Starlark string. Names in it may come from an archive, so nothing may end it early.
fn quote(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => {
                out.push('\\');
                out.push(c);
            }
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c => out.push(c),
        }
    }
    out + "\""
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_end_its_string() {
        assert_eq!(quote("a\"]) \\ \n"), r#""a\"]) \\ \n""#);
    }
}
