//! The rules in BUILD files that need an artifact when they run, and not when they are loaded.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use airgap_core::digest::Digest;
use airgap_core::error::{Error, Result};
use airgap_core::rooted::RootedPath;
use airgap_vendor::catalog::ComponentCatalog;
use airgap_vendor::kinds::component::{
    Components, Named, Pin, WantedComponent, check, manifest_of,
};

use super::artifacts::Search;
use super::item::Item;

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
pub(super) struct RuleTarget {
    label: String,
    class: String,
    texts: BTreeMap<String, String>,
    lists: BTreeMap<String, Vec<String>>,
}

/// The targets in an answer of `bazel query`.
#[derive(Debug, Default)]
pub(super) struct QueryResult {
    pub(super) rules: Vec<RuleTarget>,
    /// The files on this machine.
    pub(super) files: Vec<PathBuf>,
}

/// Parses the answer to a query, one target in a line.
///
/// # Errors
/// Usage, if a line is not JSON of that form.
pub(super) fn parse(answer: &str) -> Result<QueryResult> {
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
            RuleTarget { label: rule.name, class: rule.rule_class, texts, lists }
        }));
    }
    Ok(all)
}

impl RuleTarget {
    /// Returns the label.
    pub(super) fn label(&self) -> &str {
        &self.label
    }

    /// Returns whether the rule is a test.
    pub(super) fn is_test(&self) -> bool {
        self.class.ends_with("_test")
    }

    /// Returns whether the rule provides a component.
    pub(super) fn is_component(&self) -> bool {
        self.class == "wasm_component_from_oci"
    }

    /// Returns the value of an argument of the rule's command: `a` for `--x=a`.
    pub(super) fn argument(&self, name: &str) -> Option<&str> {
        self.list("args").iter().find_map(|word| word.strip_prefix(name))
    }

    fn text(&self, name: &str) -> &str {
        self.texts.get(name).map_or("", String::as_str)
    }

    fn list(&self, name: &str) -> &[String] {
        self.lists.get(name).map_or(&[], Vec::as_slice)
    }

    /// Returns the item of a `wasm_component_from_oci`; `None` if its file belongs to another
    /// repository, with which it is looked at.
    pub(super) fn component(&self, search: &Search<'_>, root: &Path) -> Result<Option<Item>> {
        let digest = match self.text("digest") {
            "" => None,
            text => Some(text.parse::<Digest>().map_err(|problem| {
                Error::usage(format!("the digest of `{}` is invalid", self.label)).because(problem)
            })?),
        };
        let vendored = self.text("vendored_component");
        if !vendored.is_empty() {
            return Ok(self.vendored(vendored, digest, search, root));
        }
        let mut registry = ComponentCatalog::builtin()?;
        for label in self.list("registries") {
            if let Some(path) = path_of(label) {
                registry.add_file(&root.join(path))?;
            }
        }
        let name = self.text("component_name");
        let wanted = WantedComponent::parse(
            &self.reference(),
            name.parse().ok().as_ref(),
            digest,
            &registry,
        )?;
        let policy = search.policy.clone().in_action(true);
        let components = Components::new(policy, search.environment)?;
        let mut item = search.component(&wanted, &components);
        item.id = format!("component:{}", self.label);
        item.subject = format!("{} ({})", wanted.words, self.label);
        Ok(Some(item))
    }

    /// Checks a component that a rule takes from a file of the workspace.
    fn vendored(
        &self,
        label: &str,
        digest: Option<Digest>,
        search: &Search<'_>,
        root: &Path,
    ) -> Option<Item> {
        let subject = format!("{label} ({})", self.label);
        let path = path_of(label)?;
        let path = RootedPath::from_trusted(root).join(&path);
        let pin =
            digest.map(|digest| Pin { digest, manifest: None, from: "the digest".to_owned() });
        let manifest = match path_of(self.text("vendored_manifest")) {
            Some(manifest) => RootedPath::from_trusted(root).join(&manifest),
            None => manifest_of(&path),
        };
        let named = Named { path: &path, manifest: Some(&manifest), subject: &subject };
        Some(match check(&named, pin.as_ref(), None) {
            Ok(held) => {
                let place = format!("{path}: sha256:{}", held.file.digest());
                Item::ok("component", &self.label, subject.clone(), place)
            }
            Err(error) => {
                let fix = search.vendor_all;
                Item::failed("component", &self.label, subject.clone(), &error, true, fix)
            }
        })
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

/// Returns the path in `/x/y.json:1:1`.
fn path_in(location: &str) -> PathBuf {
    let mut parts = location.rsplitn(3, ':');
    let path = parts.nth(2).unwrap_or(location);
    PathBuf::from(path)
}

/// Returns the path of a file in the main repository: `a/b.json` for `//a:b.json`.
fn path_of(label: &str) -> Option<String> {
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
