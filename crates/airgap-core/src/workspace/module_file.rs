//! Reads from MODULE.bazel the name by which a module is known. Only the words of calls matter, so
//! this splits Starlark into words and evaluates nothing.

use std::collections::BTreeMap;
use std::iter::Peekable;
use std::path::Path;
use std::str::Chars;

use crate::path_component;
use crate::read;

/// The file of a workspace that names the modules which it uses.
const MODULE_FILE: &str = "MODULE.bazel";

/// The largest number of files that are read, including included files.
const MOST_FILES: usize = 100;

/// Returns the name by which the workspace of this root knows a module: empty if the workspace is
/// that module itself, and none if no readable file names it.
pub(super) fn known_name(root: &Path, module: &str) -> Option<String> {
    let mut files = vec![MODULE_FILE.to_owned()];
    let mut next = 0;
    while let Some(file) = files.get(next).filter(|_| next < MOST_FILES) {
        next += 1;
        let Ok(text) = read::text(&root.join(file), read::LIMIT) else { continue };
        for call in calls(&text) {
            let named = |key: &str| call.arguments.get(key).map(String::as_str);
            match call.function.as_str() {
                "module" if named("name") == Some(module) => return Some(String::new()),
                "bazel_dep" if named("name") == Some(module) => {
                    let known = named("repo_name").filter(|name| is_name(name));
                    return Some(known.unwrap_or(module).to_owned());
                }
                "include" => {
                    let label = named("label").or_else(|| named(""));
                    files.extend(label.and_then(path_of).filter(|path| !files.contains(path)));
                }
                _ => {}
            }
        }
    }
    None
}

/// Returns whether Bazel accepts a name for a repository. Any other must not get into a command.
fn is_name(name: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
    name.starts_with(|c: char| c.is_ascii_alphabetic()) && name.chars().all(fits)
}

/// Returns the path of a file of the main repository: `a/b.MODULE.bazel` for `//a:b.MODULE.bazel`.
fn path_of(label: &str) -> Option<String> {
    let (package, name) = label.strip_prefix("//")?.split_once(':')?;
    let path = if package.is_empty() { name.to_owned() } else { format!("{package}/{name}") };
    path_component::is_path(&path).then_some(path)
}

/// A call at the top level of a file.
#[derive(Debug, Default)]
struct Call {
    function: String,
    /// The texts among the arguments, each by its name; one without a name by the empty name.
    arguments: BTreeMap<String, String>,
}

/// A word of Starlark, of the kinds that matter here.
#[derive(Debug, PartialEq, Eq)]
enum Word {
    Name(String),
    Text(String),
    Mark(char),
}

/// Returns the calls of a file. Text that is not Starlark gives fewer of them.
fn calls(text: &str) -> Vec<Call> {
    let words = words(text);
    let mut calls = Vec::new();
    let (mut depth, mut open) = (0_usize, None::<Call>);
    for (at, word) in words.iter().enumerate() {
        let before = |back: usize| at.checked_sub(back).and_then(|at| words.get(at));
        match word {
            Word::Mark('(' | '[' | '{') => {
                // `x.bazel_dep(` is a method of something else.
                if let (0, Some(Word::Name(function))) = (depth, before(1))
                    && before(2) != Some(&Word::Mark('.'))
                {
                    open = Some(Call { function: function.clone(), ..Call::default() });
                }
                depth += 1;
            }
            Word::Mark(')' | ']' | '}') => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    calls.extend(open.take());
                }
            }
            Word::Text(text) if depth == 1 => {
                let key = match (before(1), before(2)) {
                    (Some(Word::Mark('=')), Some(Word::Name(key))) => key.as_str(),
                    (Some(Word::Mark('(' | ',')), _) => "",
                    _ => continue,
                };
                if let Some(call) = &mut open {
                    call.arguments.entry(key.to_owned()).or_insert_with(|| text.clone());
                }
            }
            _ => {}
        }
    }
    calls
}

fn words(text: &str) -> Vec<Word> {
    let mut words = Vec::new();
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '#' => while rest.next_if(|c| *c != '\n').is_some() {},
            '"' | '\'' => words.push(Word::Text(text_in(c, &mut rest))),
            'r' | 'b' if matches!(rest.peek(), Some('"' | '\'')) => {}
            c if c.is_ascii_alphanumeric() || c == '_' => {
                let mut name = String::from(c);
                while let Some(c) = rest.next_if(|c| c.is_ascii_alphanumeric() || *c == '_') {
                    name.push(c);
                }
                words.push(Word::Name(name));
            }
            c if c.is_whitespace() || c == '\\' => {}
            c => words.push(Word::Mark(c)),
        }
    }
    words
}

/// Returns the text behind its first quote.
fn text_in(quote: char, rest: &mut Peekable<Chars<'_>>) -> String {
    let mut text = String::new();
    let is_quote = |c: &char| *c == quote;
    let mut long = false;
    if rest.next_if(is_quote).is_some() {
        if rest.next_if(is_quote).is_none() {
            return text;
        }
        long = true;
    }
    let mut quotes = 0;
    while let Some(c) = rest.next() {
        match c {
            c if c == quote => {
                quotes += 1;
                if !long || quotes == 3 {
                    text.truncate(text.len() - (quotes - 1));
                    break;
                }
                text.push(c);
                continue;
            }
            '\n' if !long => break,
            '\\' => text.extend(rest.next()),
            c => text.push(c),
        }
        quotes = 0;
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn name(module_file: &str, expected: Option<&str>) {
        let root = tempfile::tempdir().unwrap();
        std::fs::write(root.path().join(MODULE_FILE), module_file).unwrap();
        let found = known_name(root.path(), "rules_wasm_airgap");
        assert_eq!(found.as_deref(), expected, "{module_file}");
    }

    #[test]
    fn the_repo_name_is_found_in_each_spelling() {
        let own = Some("rules_wasm_airgap");
        name("bazel_dep(name = \"rules_wasm_airgap\", version = \"0.1.0\")", own);
        name("bazel_dep(name = 'rules_wasm_airgap', repo_name = 'wasm')", Some("wasm"));
        name(
            "# bazel_dep(name = \"rules_wasm_airgap\", repo_name = \"old\")\n\
             module(\n    name = \"app\",  # not \"rules_wasm_airgap\"\n)\n\
             bazel_dep(\n    dev_dependency = True, repo_name\n=  # the guide's\n  \"wasm\",\n\
             version = \"0.1.0\", name = \"rules_wasm_airgap\",\n)\n",
            Some("wasm"),
        );
        name("bazel_dep(name=\"rules_wasm_airgap\",repo_name=\"\")", own);
        name("bazel_dep(name=\"rules_wasm_airgap\",repo_name=\"a;b\")", own);
        name("bazel_dep(name = \"rules_wasm_airgap\", repo_name = None)", own);
        name(
            "x = \"\"\"\nbazel_dep(name = \"rules_wasm_airgap\", repo_name = \"no\")\n\"\"\"\n\
             bazel_dep(name = \"\"\"rules_wasm_airgap\"\"\", repo_name = r\"yes\")",
            Some("yes"),
        );
        name("module(version = \"1\", name = \"rules_wasm_airgap\")", Some(""));
        name("bazel_dep(name = \"another\", repo_name = \"rules_wasm_airgap\")", None);
        name("ext.bazel_dep(name = \"rules_wasm_airgap\", repo_name = \"no\")", None);
        name("bazel_dep(name = \"rules_wasm_airgap", None);
        name("local_path_override(module_name = \"rules_wasm_airgap\", path = \"../x\")", None);
        name("", None);
    }

    #[test]
    fn files_that_are_included_are_read() {
        let root = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| std::fs::write(root.path().join(path), text).unwrap();
        std::fs::create_dir(root.path().join("deps")).unwrap();
        write(
            MODULE_FILE,
            "include(\"//deps:wasm.MODULE.bazel\")\ninclude(\"//:x.MODULE.bazel\")\n",
        );
        write("x.MODULE.bazel", "include(\"//:x.MODULE.bazel\")\ninclude(\"//../..:etc\")");
        write(
            "deps/wasm.MODULE.bazel",
            "bazel_dep(name = \"rules_wasm_airgap\", repo_name = \"w\")\n",
        );
        assert_eq!(known_name(root.path(), "rules_wasm_airgap").as_deref(), Some("w"));
        assert_eq!(known_name(&root.path().join("none"), "rules_wasm_airgap"), None);
    }
}
