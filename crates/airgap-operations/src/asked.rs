//! The requests and rules of a workspace, as `bazel query` names them: the requests of the module
//! extensions, and the rules in BUILD files that need an artifact when they run, and not when they
//! are loaded.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use airgap_core::digest::Digest;
use airgap_core::error::{Error, ErrorKind, Result};
use airgap_core::read;
use airgap_core::rooted::RootedPath;
use airgap_vendor::catalog::ComponentCatalog;
use airgap_vendor::kinds::component::WantedComponent;
use airgap_wit::Lock;

/// A rule, as `bazel query --output=streamed_jsonproto` prints it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Target {
    rule: Option<Rule>,
    source_file: Option<SourceFile>,
}

#[derive(Debug, Deserialize)]
struct SourceFile {
    #[serde(default)]
    location: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Rule {
    name: String,
    #[serde(default)]
    rule_class: String,
    #[serde(default)]
    location: String,
    #[serde(default)]
    attribute: Vec<Attribute>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Attribute {
    name: String,
    #[serde(default)]
    string_value: String,
    #[serde(default)]
    string_list_value: Vec<String>,
}

/// A rule with its attributes by name.
#[derive(Debug)]
pub(crate) struct RuleTarget {
    label: String,
    class: String,
    location: String,
    texts: BTreeMap<String, String>,
    lists: BTreeMap<String, Vec<String>>,
}

/// The targets in an answer of `bazel query`.
#[derive(Debug, Default)]
pub(crate) struct QueryResult {
    pub(crate) rules: Vec<RuleTarget>,
    /// The files on this machine.
    pub(crate) files: Vec<PathBuf>,
}

/// Parses the answer to a query, one target in a line.
///
/// # Errors
/// Usage, if a line is not JSON of that form.
pub(crate) fn parse(answer: &str) -> Result<QueryResult> {
    let mut all = QueryResult::default();
    for line in answer.lines().filter(|line| !line.trim().is_empty()) {
        let target: Target = serde_json::from_str(line).map_err(|error| {
            Error::usage("cannot read the answer of `bazel query`")
                .because(error)
                .fact("expected", "--output=streamed_jsonproto of Bazel 7.1 or later")
        })?;
        all.files.extend(target.source_file.map(|file| path_in(&file.location)));
        all.rules.extend(target.rule.map(|rule| {
            let attributes = rule.attribute.into_iter();
            let (texts, lists) = attributes
                .map(|it| ((it.name.clone(), it.string_value), (it.name, it.string_list_value)))
                .unzip();
            RuleTarget {
                label: rule.name,
                class: rule.rule_class,
                location: rule.location,
                texts,
                lists,
            }
        }));
    }
    Ok(all)
}

impl RuleTarget {
    /// Returns the label.
    pub(crate) fn label(&self) -> &str {
        &self.label
    }

    /// Returns whether the rule is a test.
    pub(crate) fn is_test(&self) -> bool {
        self.class.ends_with("_test")
    }

    /// Returns whether the rule provides a component.
    pub(crate) fn is_component(&self) -> bool {
        self.class == "wasm_component_from_oci"
    }

    /// Returns the value of an argument of the rule's command: `a` for `--x=a`.
    pub(crate) fn argument(&self, name: &str) -> Option<&str> {
        self.list("args").iter().find_map(|word| word.strip_prefix(name))
    }

    /// Returns a text attribute; empty if it is not set.
    pub(crate) fn text(&self, name: &str) -> &str {
        self.texts.get(name).map_or("", String::as_str)
    }

    /// Returns a list attribute.
    pub(crate) fn list(&self, name: &str) -> &[String] {
        self.lists.get(name).map_or(&[], Vec::as_slice)
    }

    /// Returns the component that a `wasm_component_from_oci` takes from a registry. `root` is the
    /// folder of the main repository.
    ///
    /// # Errors
    /// Usage, if an attribute or a registry file is invalid.
    pub(crate) fn wanted(&self, root: &Path) -> Result<WantedComponent> {
        let mut registry = ComponentCatalog::builtin()?;
        for label in self.list("registries") {
            if let Some(path) = path_of(label) {
                registry.add_file(&root.join(path))?;
            }
        }
        let name = self.text("component_name").parse().ok();
        WantedComponent::parse(&self.reference(), name.as_ref(), self.digest()?, &registry)
    }

    /// Returns the digest that pins a component.
    ///
    /// # Errors
    /// Usage, if it is not a digest.
    pub(crate) fn digest(&self) -> Result<Option<Digest>> {
        match self.text("digest") {
            "" => Ok(None),
            text => text.parse().map(Some).map_err(|problem: String| {
                Error::usage(format!("the digest of `{}` is invalid", self.label)).because(problem)
            }),
        }
    }

    /// Returns the paths of the lock and of the folder that a `wit_vendor_lock` writes.
    pub(crate) fn lock_and_folder(&self) -> Option<(&str, &str)> {
        let argument = |name: &str| self.argument(name).filter(|_| !self.is_test());
        Some((argument("--lock-file=")?, argument("--output-dir=")?))
    }

    /// Returns the position of the rule: a path below `root`, and a line.
    pub(crate) fn position(&self, root: &Path) -> (String, Option<u32>) {
        let path = path_in(&self.location);
        let line = self.location.rsplit(':').nth(1).and_then(|line| line.parse().ok());
        let below = path.strip_prefix(root).unwrap_or(&path);
        (below.display().to_string(), line)
    }

    /// Returns the reference, as `private/component_reference.bzl` writes it.
    fn reference(&self) -> String {
        let name = self.text("component_name");
        let version = self.text("version");
        if !version.is_empty() {
            return format!("{name}@{version}");
        }
        let parts = [self.text("registry"), self.text("namespace"), name];
        let path: Vec<_> = parts.into_iter().filter(|part| !part.is_empty()).collect();
        let tag = match self.text("tag") {
            "" => String::new(),
            tag => format!(":{tag}"),
        };
        path.join("/") + &tag
    }
}

/// Returns the query for the requests of the module extensions, and for the rules of these targets
/// that need an artifact when they run. `vendor_all` is the label of the target that vendors all.
pub(crate) fn question(vendor_all: &str, targets: &[String]) -> String {
    let rules = targets.iter().map(|target| {
        format!(
            "kind(\"^wasm_component_from_oci rule$\", {target}) + \
             attr(\"generator_function\", \"^wit_vendor_lock$\", {target})"
        )
    });
    let rules = rules.collect::<Vec<_>>().join(" + ");
    format!("labels(data, {vendor_all}) + {rules}")
}

/// Reads the lock at a path below the main repository.
///
/// # Errors
/// Unavailable, if there is none; usage, if it is not a lock.
pub(crate) fn read_lock(root: &Path, path: &str) -> Result<Lock> {
    let place = RootedPath::from_trusted(root).join(path);
    let text = read::rooted_text(&place, read::LIMIT)?;
    let text = text
        .ok_or_else(|| Error::new(ErrorKind::Unavailable, format!("`{place}` does not exist")))?;
    Lock::parse(&text, path)
}

/// Returns the path in `/x/y.json:1:1`.
fn path_in(location: &str) -> PathBuf {
    let mut parts = location.rsplitn(3, ':');
    let path = parts.nth(2).unwrap_or(location);
    PathBuf::from(path)
}

/// Returns the path of a file in the main repository: `a/b.json` for `//a:b.json`.
pub(crate) fn path_of(label: &str) -> Option<String> {
    let label = label.trim_start_matches('@');
    let (package, name) = label.strip_prefix("//")?.split_once(':')?;
    Some(if package.is_empty() { name.to_owned() } else { format!("{package}/{name}") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_read_from_the_answer() {
        let line = r#"{"type":"RULE","rule":{"name":"//a:b","ruleClass":"wasm_component_from_oci","attribute":[{"name":"tag","type":"STRING","stringValue":"1.0"},{"name":"registry","stringValue":"ghcr.io"},{"name":"namespace","stringValue":"my/org"},{"name":"component_name","stringValue":"app"},{"name":"registries","stringListValue":["//p:q.json"]}]}}"#;
        let file = r#"{"type":"SOURCE_FILE","sourceFile":{"name":"@@x//:r.json","location":"/o/x/r.json:1:1"}}"#;
        let answered = parse(&format!("{line}\n\n{file}\n{{\"type\":\"OTHER\"}}\n")).unwrap();
        assert_eq!(answered.files, [Path::new("/o/x/r.json")]);
        let asked = answered.rules;
        assert_eq!(asked.len(), 1);
        assert_eq!(asked[0].label(), "//a:b");
        assert!(asked[0].is_component() && !asked[0].is_test());
        assert_eq!(asked[0].reference(), "ghcr.io/my/org/app:1.0");
        assert_eq!(asked[0].list("registries"), ["//p:q.json"]);
        assert!(parse("{").is_err());
        assert_eq!(path_of("@@//a/b:c.json").as_deref(), Some("a/b/c.json"));
        assert_eq!(path_of("//:c.json").as_deref(), Some("c.json"));
        assert_eq!(path_of("@app//:app.wasm"), None);
    }
}
