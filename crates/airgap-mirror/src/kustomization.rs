//! A `kustomization.yaml` that both the user and this program edit.

use serde_json::{Value as Json, json};

use crate::yaml::{self, BlockList, Duplicates, Node, Value};
use airgap_core::error::{Error, Result};
use airgap_core::quantity::count;

/// The beginning of a new file.
const NEW: &str = "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n";

/// The kinds of a kustomization.
const KINDS: [&str; 2] = ["Kustomization", "Component"];

/// The text of a kustomization, in which single lists are changed and everything else stays.
#[derive(Clone, Debug)]
pub struct Kustomization {
    text: String,
    name: String,
}

/// The change of a list item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// The item stays as it is written.
    Kept,
    /// The item is removed.
    Gone,
    /// The item is replaced by this YAML.
    Replaced(String),
}

impl Kustomization {
    /// Creates a kustomization for a file that does not exist yet.
    pub fn new(name: &str) -> Kustomization {
        Kustomization { text: NEW.to_owned(), name: name.to_owned() }
    }

    /// Parses the text of the file `name`.
    ///
    /// # Errors
    /// Usage, if it is not YAML, if it is a resource of another kind, or if a value that must be a list
    /// is not one.
    pub fn parse(text: &str, name: &str) -> Result<Kustomization> {
        let this = Kustomization { text: text.to_owned(), name: name.to_owned() };
        let this = match this.root()?.is_null() {
            true => {
                let comments = text.trim_end();
                let end = if comments.is_empty() { "" } else { "\n" };
                Kustomization { text: format!("{comments}{end}{NEW}"), ..this }
            }
            false => this,
        };
        let root = this.root()?;
        let refused = Error::usage(format!("`{name}` is not a kustomization"));
        match (&root.value, root.text_of("kind")) {
            (Value::Mapping(_), Some(kind)) if !KINDS.contains(&kind) => Err(refused
                .fact("expected", format!("kind {}, or no kind", KINDS.join(" or ")))
                .fact("found", format!("kind {kind}"))
                .hint("name another file, such as kustomization.yaml")),
            (Value::Mapping(_), _) => Ok(this),
            _ => Err(refused.fact("expected", "`resources:` and other keys")),
        }
    }

    /// Returns the text of the file.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Visits the items of the list under a key.
    ///
    /// # Errors
    /// The errors of [`Kustomization::parse`].
    pub fn each(&self, key: &str, mut visit: impl FnMut(&Node)) -> Result<()> {
        let root = self.root()?;
        let items = root.get(key).map(|list| list.items()).unwrap_or_default();
        items.iter().for_each(|item| visit(item));
        Ok(())
    }

    /// Returns whether the list under a key has a matching item.
    ///
    /// # Errors
    /// The errors of [`Kustomization::parse`].
    pub fn has(&self, key: &str, is_one: impl Fn(&Node) -> bool) -> Result<bool> {
        let mut has = false;
        self.each(key, |item| has |= is_one(item))?;
        Ok(has)
    }

    /// Changes the list under a key: `fate` returns the change of each item, and the items of
    /// `added` follow at the end, each as YAML.
    ///
    /// # Errors
    /// Usage, if the style of the file does not allow the change.
    pub fn change(
        &mut self,
        key: &str,
        fate: impl Fn(&Node) -> Fate,
        added: &[String],
    ) -> Result<()> {
        let root = self.root()?;
        let items = root.get(key).map(|list| list.items()).unwrap_or_default();
        let fates: Vec<_> = items.iter().map(|item| fate(item)).collect();
        if added.is_empty() && fates.iter().all(|fate| *fate == Fate::Kept) {
            return Ok(());
        }
        let kept = fates.iter().filter(|fate| **fate != Fate::Gone).count();
        let text = match BlockList::find(&self.text, &root, key) {
            Some(block) => self.with_lines(&block, &fates, added),
            None if !yaml::has_plain_lines(&self.text) => String::new(),
            None => self.with_list(&root, key, &fates, added),
        };
        let text = match self.text.contains("\r\n") {
            true => text.replace("\r\n", "\n").replace('\n', "\r\n"),
            false => text,
        };
        let changed = Kustomization { text, name: self.name.clone() };
        let is_right = changed.root().is_ok_and(|new| {
            let length = new.get(key).map_or(0, |list| list.items().len());
            length == kept + added.len() && others(&new, key) == others(&root, key)
        });
        if !is_right {
            return Err(Error::usage(format!("cannot change `{}` as it is written", self.name))
                .fact("to be changed", format!("`{key}`, by {}", count(added.len(), "new item")))
                .hint(format!(
                    "write `{key}:` on its own line, and each item below it, starting with a hyphen"
                )));
        }
        *self = changed;
        Ok(())
    }

    fn root(&self) -> Result<std::rc::Rc<Node>> {
        yaml::document(&self.text, &self.name, Duplicates::Refused)
    }

    /// Returns the text with other lines for some items of a list.
    fn with_lines(&self, block: &BlockList, fates: &[Fate], added: &[String]) -> String {
        let mut lines: Vec<_> = self.text.lines().map(|line| format!("{line}\n")).collect();
        let indent = block.indent();
        let added: String = added.iter().map(|text| item(text, &indent)).collect();
        if let Some(last) = block.items().last() {
            lines[last.end - 1].push_str(&added);
            for (item_lines, fate) in block.items().iter().zip(fates) {
                let new = match fate {
                    Fate::Kept => continue,
                    Fate::Gone => String::new(),
                    Fate::Replaced(text) => item(text, &indent),
                };
                let is_last = item_lines.end == last.end;
                lines[item_lines.clone()].fill(String::new());
                lines[item_lines.start] = if is_last { new + &added } else { new };
            }
        }
        lines.concat()
    }

    /// Returns the text with a new list, in place of one in another style or at the end.
    fn with_list(&self, root: &Node, key: &str, fates: &[Fate], added: &[String]) -> String {
        let entry = root.entries().iter().find(|entry| &*entry.key == key);
        let old = entry.map(|entry| entry.value.items()).unwrap_or_default();
        let old = old.iter().zip(fates).filter_map(|(node, fate)| match fate {
            Fate::Kept => Some(yaml::block(&data(node))),
            Fate::Gone => None,
            Fate::Replaced(text) => Some(text.clone()),
        });
        let items: String = old.chain(added.iter().cloned()).map(|it| item(&it, "")).collect();
        let list = format!("{key}:\n{items}");
        let mut lines: Vec<_> = self.text.lines().map(|line| format!("{line}\n")).collect();
        let Some(entry) = entry else {
            let is_end = |line: &String| ["...", "---"].contains(&line.trim_end());
            let end = lines.iter().skip(1).position(is_end).map_or(lines.len(), |at| at + 1);
            lines.insert(end, list);
            return lines.concat();
        };
        let start = entry.place.line as usize - 1;
        let later = root.entries().iter().map(|entry| entry.place.line as usize - 1);
        let end = later.filter(|line| *line > start).min().unwrap_or(lines.len());
        let is_content = |line: &String| {
            let line = line.trim();
            !line.is_empty() && !line.starts_with('#') && line != "..."
        };
        let last = (start..end).rev().find(|at| is_content(&lines[*at])).unwrap_or(start);
        lines[start..=last].fill(String::new());
        lines[start] = list;
        lines.concat()
    }
}

/// Returns an item of a list, its first line behind a dash.
fn item(text: &str, indent: &str) -> String {
    let lines = text.lines().enumerate().map(|(index, line)| {
        let before = if index == 0 { "- " } else { "  " };
        format!("{indent}{before}{line}\n")
    });
    lines.collect()
}

/// Returns the data of all other keys.
fn others(root: &Node, key: &str) -> Vec<(String, Json)> {
    let entries = root.entries().iter().filter(|entry| &*entry.key != key);
    entries.map(|entry| (entry.key.to_string(), data(&entry.value))).collect()
}

/// Returns a node as JSON data. A number that is not an integer stays the text that it is: `1.10`
/// is a tag.
pub fn data(node: &Node) -> Json {
    yaml::to_json(node, |scalar| match (scalar.number(), &*scalar.text) {
        _ if scalar.is_null() => Json::Null,
        (Some(_), text) => text.parse::<i64>().map_or(json!(text), |number| json!(number)),
        (None, "true") if scalar.style == yaml::Style::Plain => json!(true),
        (None, "false") if scalar.style == yaml::Style::Plain => json!(false),
        (None, text) => json!(text),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changed(text: &str) -> Result<String> {
        let mut file = Kustomization::parse(text, "k.yaml")?;
        let fate = |node: &Node| match node.text_of("name") {
            Some("a") => Fate::Replaced("name: a\nnewName: r/a\n".to_owned()),
            Some("gone") => Fate::Gone,
            _ => Fate::Kept,
        };
        file.change("images", fate, &["name: z\n".to_owned()])?;
        file.change("resources", |_| Fate::Kept, &["m/a.yaml".to_owned()])?;
        Ok(file.text().to_owned())
    }

    #[test]
    fn lists_change_and_all_other_text_stays() {
        let lists = "resources:\n- m/a.yaml\n";
        for (text, expected) in [
            (
                "# mine\nimages:\n  # one\n  - name: b\n    newTag: x # why\n  - name: a\n    newName: q\n# end\nnamePrefix: p-\n",
                format!(
                    "# mine\nimages:\n  # one\n  - name: b\n    newTag: x # why\n  - name: a\n    newName: r/a\n  - name: z\n# end\nnamePrefix: p-\n{lists}"
                ),
            ),
            (
                "images:\n- name: gone\n- name: gone\nx: 1",
                format!("images:\n- name: z\nx: 1\n{lists}"),
            ),
            ("images: []\nx: 1\n", format!("images:\n- name: z\nx: 1\n{lists}")),
            (
                "images: [{name: b}, {name: a}]\n# c\nx: 1\n",
                format!(
                    "images:\n- name: b\n- name: a\n  newName: r/a\n- name: z\n# c\nx: 1\n{lists}"
                ),
            ),
            ("x: 1\n...\n", format!("x: 1\nimages:\n- name: z\n{lists}...\n")),
            ("---\nx: 1\n", format!("---\nx: 1\nimages:\n- name: z\n{lists}")),
            ("# only\n  ", format!("# only\n{NEW}images:\n- name: z\n{lists}")),
            ("", format!("{NEW}images:\n- name: z\n{lists}")),
            ("# only\n", format!("# only\n{NEW}images:\n- name: z\n{lists}")),
            (
                "resources:\r\n- b\r\n",
                "resources:\r\n- b\r\n- m/a.yaml\r\nimages:\r\n- name: z\r\n".to_owned(),
            ),
        ] {
            assert_eq!(changed(text).unwrap(), expected, "{text}");
        }
        let error = changed("{x: 1}\n").unwrap_err().to_string();
        assert!(error.contains("cannot change `k.yaml` as it is written"), "{error}");
        assert!(changed("x: 1\rimages: []\n").unwrap_err().to_string().contains("cannot change"));
        assert!(changed("- a\n").unwrap_err().to_string().contains("is not a kustomization"));
    }
}
