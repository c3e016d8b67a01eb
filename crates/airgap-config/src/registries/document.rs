//! A TOML file that is read key by key, so that every error names the key, its line and the nearest
//! known key, and never a value: it may be a password.

use std::cell::OnceCell;
use std::path::Path;

use toml::de::{DeTable, DeValue};

use super::named_path::NamedPath;
use airgap_core::bounded;
use airgap_core::error::{Error, Result};
use airgap_core::suggest::nearest;

/// The message of the parser for a key or a table that is there twice.
const DUPLICATE: &str = "duplicate key";

/// A file and its text.
pub(super) struct Document<'a> {
    path: &'a Path,
    text: &'a str,
    /// The positions of the ends of its lines.
    lines: OnceCell<Vec<usize>>,
}

/// A key and its value.
#[derive(Clone)]
pub(super) struct TomlNode<'a> {
    document: &'a Document<'a>,
    /// The key with its parents: `registry."ghcr.io".mirror`.
    key: String,
    at: usize,
    value: &'a DeValue<'a>,
}

/// The entries of a table, which are taken out one by one; the rest is unknown.
pub(super) struct Table<'a> {
    document: &'a Document<'a>,
    key: String,
    line: usize,
    left: Vec<(String, TomlNode<'a>)>,
    known: Vec<&'static str>,
}

impl<'a> Document<'a> {
    pub(super) fn new(path: &'a Path, text: &'a str) -> Document<'a> {
        Document { path, text, lines: OnceCell::new() }
    }

    /// Parses the text. The caller must keep the tree, because nodes borrow it.
    pub(super) fn parse(&self) -> Result<DeTable<'a>> {
        bounded::check_toml(self.text).map_err(|problem| {
            Error::usage(format!("`{}` cannot be read", self.path.display())).because(problem)
        })?;
        DeTable::parse(self.text).map(toml::Spanned::into_inner).map_err(|error| {
            // The `Display` of the parser's error repeats the wrong line.
            let span = error.span().unwrap_or_default();
            let place = self.place(span.start);
            let told = Error::usage(format!("`{place}` is not TOML")).because(error.message());
            // The span is a key here. In all other errors it may be a part of a secret.
            match self.text.get(span).filter(|_| error.message() == DUPLICATE) {
                Some(key) => told
                    .fact("key", format!("`{key}`"))
                    .hint("it also occurs above; keep one of them, or join them"),
                None => told,
            }
        })
    }

    /// Returns the entries of the document.
    pub(super) fn table(&'a self, tree: &'a DeTable<'a>) -> Table<'a> {
        Table::new(self, String::new(), 1, tree)
    }

    fn line(&self, at: usize) -> usize {
        let ends = self.lines.get_or_init(|| {
            self.text
                .bytes()
                .enumerate()
                .filter(|(_, byte)| *byte == b'\n')
                .map(|(at, _)| at)
                .collect()
        });
        ends.partition_point(|&end| end < at) + 1
    }

    /// Returns `path:line`, which editors and terminals understand.
    fn place(&self, at: usize) -> String {
        format!("{}:{}", self.path.display(), self.line(at))
    }
}

impl<'a> TomlNode<'a> {
    /// Returns its place: `path:line`.
    pub(super) fn place(&self) -> String {
        self.document.place(self.at)
    }

    /// Returns the error for an invalid value.
    pub(super) fn wrong(&self, problem: &str) -> Error {
        // The key may be the address of a registry.
        let key = airgap_oci::without_login(&self.key);
        Error::usage(format!("`{key}` {problem}")).fact("place", self.place())
    }

    fn wrong_type(&self, expected: &str) -> Error {
        self.wrong(&format!("must be {expected}")).fact("found", self.value.type_str())
    }

    /// Returns a text that is not empty.
    pub(super) fn text(&self) -> Result<&'a str> {
        let text = self.value.as_str().ok_or_else(|| self.wrong_type("a text in quotes"))?;
        if text.trim().is_empty() {
            return Err(self.wrong("is empty"));
        }
        Ok(text)
    }

    /// Returns the text, if the value is one.
    pub(super) fn as_text(&self) -> Option<&'a str> {
        self.value.as_str()
    }

    /// Returns one of these words.
    pub(super) fn word(&self, words: &[&'static str]) -> Result<&'static str> {
        let text = self.text()?;
        words.iter().copied().find(|word| *word == text).ok_or_else(|| {
            self.wrong("has an unknown value")
                .fact("found", format!("`{text}`"))
                .fact("expected", words.join(" or "))
        })
    }

    /// Returns `true` or `false`.
    pub(super) fn flag(&self) -> Result<bool> {
        self.value.as_bool().ok_or_else(|| self.wrong_type("true or false"))
    }

    /// Returns the key with its parents.
    pub(super) fn key(&self) -> &str {
        &self.key
    }

    /// Returns a path; a relative one is relative to the folder of the file.
    pub(super) fn path(&self, must_be_folder: bool) -> Result<NamedPath> {
        let folder = self.document.path.parent().unwrap_or(Path::new(""));
        let (path, key, place) = (folder.join(self.text()?), self.key.clone(), self.place());
        Ok(NamedPath { path, key, place, must_be_folder })
    }

    /// Returns the result of `parse` for a text; its error describes the problem.
    pub(super) fn parsed<T>(
        &self,
        parse: impl FnOnce(&str) -> std::result::Result<T, String>,
    ) -> Result<T> {
        parse(self.text()?).map_err(|error| self.wrong("is not valid").because(error))
    }

    /// Returns the entries of a table.
    pub(super) fn table(&self) -> Result<Table<'a>> {
        let table = self.value.as_table().ok_or_else(|| self.wrong_type("a table"))?;
        let line = self.document.line(self.at);
        Ok(Table::new(self.document, self.key.clone(), line, table))
    }

    /// Returns the elements of a list.
    pub(super) fn list(&self) -> Result<Vec<TomlNode<'a>>> {
        let array = self.value.as_array().ok_or_else(|| self.wrong_type("a list"))?;
        let node = |value: &'a toml::Spanned<DeValue<'a>>| TomlNode {
            at: value.span().start,
            value: value.get_ref(),
            ..self.clone()
        };
        Ok(array.iter().map(node).collect())
    }
}

impl<'a> Table<'a> {
    fn new(
        document: &'a Document<'a>,
        key: String,
        line: usize,
        table: &'a DeTable<'a>,
    ) -> Table<'a> {
        let mut left: Vec<_> = table
            .iter()
            .map(|(name, value)| {
                let bare = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
                let text: &str = name.get_ref();
                let quoted = if !text.is_empty() && text.chars().all(bare) {
                    text.to_owned()
                } else {
                    format!("{text:?}")
                };
                let full = if key.is_empty() { quoted } else { format!("{key}.{quoted}") };
                let (at, value) = (name.span().start, value.get_ref());
                (text.to_owned(), TomlNode { document, key: full, at, value })
            })
            .collect();
        left.sort_by_key(|(_, node)| node.at);
        Table { document, key, line, left, known: Vec::new() }
    }

    /// Takes the entry of this name, if there is one.
    pub(super) fn take(&mut self, name: &'static str) -> Option<TomlNode<'a>> {
        self.known.push(name);
        let at = self.left.iter().position(|(key, _)| key == name)?;
        Some(self.left.remove(at).1)
    }

    /// Takes the entry of this name, which must be there.
    pub(super) fn need(&mut self, name: &'static str) -> Result<TomlNode<'a>> {
        if let Some(node) = self.take(name) {
            return Ok(node);
        }
        let names: Vec<_> = self.left.iter().map(|(key, _)| key.as_str()).collect();
        let misspelt = nearest(name, &names).first().map(|near| (*near).to_owned());
        if let Some((near, node)) = self.left.iter().find(|(key, _)| Some(key) == misspelt.as_ref())
        {
            return Err(unknown(near, node, &[name]));
        }
        let place = format!("{}:{}", self.document.path.display(), self.line);
        Err(Error::usage(format!("`{}` has no `{name}`", self.key)).fact("place", place))
    }

    /// Returns every entry with its name, for tables in which the user chooses the names.
    pub(super) fn entries(self) -> impl Iterator<Item = (String, TomlNode<'a>)> {
        self.left.into_iter()
    }

    /// Checks at the end that every entry was taken.
    ///
    /// # Errors
    /// Usage, if an entry was not taken.
    pub(super) fn finish(self) -> Result<()> {
        self.check()
    }

    /// Checks that every entry so far was taken.
    ///
    /// # Errors
    /// Usage, if an entry was not taken.
    pub(super) fn check(&self) -> Result<()> {
        match self.left.first() {
            Some((name, node)) => Err(unknown(name, node, &self.known)),
            None => Ok(()),
        }
    }
}

fn unknown(name: &str, node: &TomlNode<'_>, known: &[&str]) -> Error {
    let error = Error::usage(format!("the key `{name}` is unknown here"))
        .fact("place", format!("{}: `{}`", node.place(), node.key));
    let list = |names: &[&str]| {
        names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
    };
    if let Some(host) = host_without_quotes(name, node, known) {
        return error.hint(format!("a name with dots needs quotes: `[registry.{host:?}]`"));
    }
    match nearest(name, known).as_slice() {
        [] => error.fact("known", list(known)),
        near => error.fact("nearest", list(&near[..near.len().min(3)])),
    }
}

/// Returns the host that the user meant if TOML reads `[registry.ghcr.io]` as three keys.
fn host_without_quotes(name: &str, node: &TomlNode<'_>, known: &[&str]) -> Option<String> {
    let first = node.key.strip_prefix("registry.")?.strip_suffix(name)?.strip_suffix('.')?;
    let mut table = node.value.as_table().filter(|_| !first.contains(['.', '"']))?;
    let mut host = format!("{first}.{name}");
    // The further labels follow, up to the first key that is one of a registry table.
    while let Some((label, value)) = table.iter().next() {
        let deeper = value.get_ref().as_table().filter(|_| table.len() == 1);
        let Some(deeper) = deeper.filter(|_| !known.contains(&&**label.get_ref())) else { break };
        host.push('.');
        host.push_str(label.get_ref());
        table = deeper;
    }
    Some(host)
}
