//! BUILD files as values, written out the way buildifier formats them.

use std::fmt::Write;

use airgap_core::report::{is_hidden, printable_line};

/// A value of an attribute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// A text.
    Text(String),
    /// A list of texts, sorted when written.
    List(Vec<String>),
    /// A dictionary of texts, sorted when written.
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
    /// Creates a call of `rule` that makes the target `name`.
    pub fn new(rule: &str, name: &str) -> Call {
        Call { rule: rule.to_owned(), name: name.to_owned(), attributes: Vec::new() }
    }

    /// Sets an attribute. Attributes are written in the order of their names, except some that
    /// buildifier puts first or last.
    #[must_use]
    pub fn with(mut self, attribute: &'static str, value: Value) -> Call {
        self.attributes.push((attribute, value));
        self.attributes.sort_by_key(|(name, _)| match *name {
            "package_name" => (0, *name),
            "srcs" => (1, *name),
            "deps" => (3, *name),
            _ => (2, *name),
        });
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

/// A BUILD file: a comment on top, the loads, and the calls.
#[derive(Clone, Debug)]
pub struct BuildFile {
    /// The origin of the file, as a comment without the `#`.
    pub header: Vec<String>,
    /// The label of a `.bzl` file and the symbol that is loaded from it.
    pub loads: Vec<(String, String)>,
    /// Files that other packages may name.
    pub exports: Vec<String>,
    /// The targets.
    pub calls: Vec<Call>,
}

impl BuildFile {
    /// Returns the file's text.
    pub fn text(&self) -> String {
        let mut out = String::new();
        for line in &self.header {
            let _ = writeln!(out, "# {}", printable_line(line));
        }
        if !self.loads.is_empty() {
            out.push('\n');
        }
        for (file, symbol) in &self.loads {
            let _ = writeln!(out, "load({}, {})", quote(file), quote(symbol));
        }
        out.push_str("\npackage(default_visibility = [\"//visibility:public\"])\n");
        if !self.exports.is_empty() {
            let _ = writeln!(out, "\nexports_files({})", list(&self.exports, 0));
        }
        for call in &self.calls {
            out.push('\n');
            call.write(&mut out);
        }
        out
    }
}

fn list(items: &[String], indent: usize) -> String {
    let mut items = items.to_vec();
    items.sort_by(|a, b| label_key(a).cmp(&label_key(b)));
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

/// Returns the key of buildifier's order of labels: those of the same package, of this repository,
/// of others; and within each group part by part.
fn label_key(label: &str) -> (u8, Vec<&str>) {
    let phase = match label {
        _ if label.starts_with(':') => 1,
        _ if label.starts_with("//") => 2,
        _ if label.starts_with('@') => 3,
        _ => 0,
    };
    (phase, label.split([':', '.']).collect())
}

/// Returns a Starlark string. Names in it may come from an archive, so everything that could end it
/// early is escaped.
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
            // Bazel treats the bytes of UTF-8 one by one, and does not know `\u`.
            c if is_hidden(c) => {
                for byte in c.encode_utf8(&mut [0; 4]).bytes() {
                    out.push_str(&format!("\\{byte:03o}"));
                }
            }
            c => out.push(c),
        }
    }
    out + "\""
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_sorted_as_buildifier_sorts_them() {
        let sorted = ["x.wit", ":b", "//a:b", "//a/b:c", "@a//:x-0.2", "@a//:x-0.2.6", "@a//:x-1"];
        let mut items = sorted.map(str::to_owned);
        items.reverse();
        let lines: String = sorted.iter().map(|item| format!("    \"{item}\",\n")).collect();
        assert_eq!(list(&items, 0), format!("[\n{lines}]"));
    }

    #[test]
    fn a_name_cannot_end_its_string() {
        assert_eq!(quote("a\"]) \\ \n"), r#""a\"]) \\ \n""#);
        assert_eq!(quote("\u{1b}\u{202e}\u{e4}"), "\"\\033\\342\\200\\256\u{e4}\"");
    }
}
