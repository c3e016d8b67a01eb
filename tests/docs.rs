//! The manual: each page is in the summary, and each link leads to a page or a heading.
//!
//! Addresses of other sites are not fetched. An address in this repository at GitHub is compared
//! with the files here: the pages use it for files outside of `docs`, which the site does not have.

// The tests read the sources.
#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Component, Path, PathBuf};

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

/// The files of this repository, as the pages name them.
const REPOSITORY: &str = "https://github.com/rules-wasm-airgap/rules_wasm_airgap/";

#[test]
fn every_link_leads_to_a_page_or_a_heading() {
    let pages = pages();
    assert!(pages.len() > 20, "only {} pages", pages.len());
    let problems: Vec<_> = pages
        .iter()
        .flat_map(|(path, page)| {
            page.links.iter().filter_map(|(line, link)| {
                let problem = problem(&pages, path, link)?;
                Some(format!("{}:{line}: {link}: {problem}", path.display()))
            })
        })
        .collect();
    assert!(problems.is_empty(), "\n{}", problems.join("\n"));
}

#[test]
fn every_page_is_in_the_summary() {
    let pages = pages();
    let docs = Path::new("docs");
    let summary = &pages[&docs.join("SUMMARY.md")];
    let listed: BTreeSet<_> = summary.links.iter().map(|(_, link)| docs.join(link)).collect();
    let written =
        pages.keys().filter(|path| path.starts_with(docs) && !path.ends_with("SUMMARY.md"));
    assert_eq!(listed.len(), summary.links.len(), "a page is in docs/SUMMARY.md twice");
    assert_eq!(listed.iter().collect::<Vec<_>>(), written.collect::<Vec<_>>());
}

/// `scripts/docs` writes the site and runs this test.
#[test]
#[ignore = "needs the site"]
fn every_link_of_the_site_leads_to_a_file() {
    let site = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/book");
    let mut checked = 0;
    let files = files_in(&site, "html");
    // 404.html is for a server, and its links begin at the server's root.
    for file in files.into_iter().filter(|file| !file.ends_with("404.html")) {
        let html = fs::read_to_string(&file).unwrap();
        let links = html.split(" href=\"").skip(1).map(|rest| rest.split('"').next().unwrap());
        for link in links.filter(|link| !link.contains(':')) {
            let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
            let target = if path.is_empty() { file.clone() } else { resolve(&file, path) };
            let target = if path.ends_with('/') { target.join("index.html") } else { target };
            let text = fs::read(&target).map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
            let id = format!("id=\"{anchor}\"");
            let found = text.is_ok_and(|text| anchor.is_empty() || text.contains(&id));
            assert!(found, "{}: {link}", file.display());
            checked += 1;
        }
    }
    assert!(checked > 300, "only {checked} links");
}

#[test]
fn every_variable_of_the_rules_is_in_the_manual() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = fs::read_to_string(root.join("docs/reference/variables.md")).unwrap();
    let mut checked = 0;
    for file in files_in(&root.join("bazel"), "bzl") {
        let text = fs::read_to_string(&file).unwrap();
        let words = text.split(|c: char| !c.is_ascii_uppercase() && c != '_');
        for name in words.filter(|word| word.starts_with("BAZEL_WASM_")) {
            assert!(page.contains(&format!("`{name}`")), "{name}, in {}", file.display());
            checked += 1;
        }
    }
    assert!(checked > 10, "only {checked} variables");
}

#[test]
fn every_field_of_a_schema_is_in_the_manual() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = fs::read_to_string(root.join("docs/reference/files.md")).unwrap();
    for file in files_in(&root.join("checksums"), "schema.json") {
        let name = file.strip_prefix(root).unwrap().to_str().unwrap();
        assert!(page.contains(&format!("blob/main/{name}")), "{name}");
        let schema = serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
        let mut fields = Vec::new();
        add_fields(&schema, &mut fields);
        assert!(fields.len() > 2, "{name}: {fields:?}");
        for field in fields.iter().filter(|field| *field != "$schema") {
            assert!(page.contains(&format!("`{field}`")), "{field}, in {name}");
        }
    }
}

fn add_fields(schema: &serde_json::Value, fields: &mut Vec<String>) {
    let parts = schema.as_object().into_iter().flatten();
    for (key, part) in parts {
        if key == "properties" {
            fields.extend(part.as_object().unwrap().keys().cloned());
        }
        add_fields(part, fields);
    }
}

#[test]
fn every_message_in_the_manual_is_one_of_the_program() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folders = ["crates", "src", "bazel"].map(|folder| root.join(folder));
    let files = folders.iter().flat_map(|it| [files_in(it, "rs"), files_in(it, "bzl")].concat());
    let sources: String = files.map(|file| fs::read_to_string(file).unwrap()).collect();
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let sources = words(&sources.replace("\\\n", " "));
    let page = fs::read_to_string(root.join("docs/troubleshooting.md")).unwrap();
    let messages = page.lines().filter_map(|line| line.strip_prefix("### `")?.strip_suffix('`'));
    let parts: Vec<_> = messages.flat_map(|message| message.split("...")).map(words).collect();
    assert!(parts.len() > 20, "{parts:?}");
    let unknown: Vec<_> = parts.iter().filter(|part| !sources.contains(part.as_str())).collect();
    assert!(unknown.is_empty(), "no message contains {unknown:?}");
}

#[test]
fn every_source_file_in_the_documents_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut checked = 0;
    for document in ["ARCHITECTURE.md", "CONTRIBUTING.md", "README.md", "SECURITY.md"] {
        let text = fs::read_to_string(root.join(document)).unwrap();
        let spans = text.split('`').skip(1).step_by(2);
        for path in spans.filter(|span| span.contains('/') && span.ends_with(".rs")) {
            let found = ["", "crates"].iter().any(|base| root.join(base).join(path).is_file());
            assert!(found, "{document}: there is no {path}");
            checked += 1;
        }
    }
    assert!(checked > 10, "only {checked} paths");
}

#[test]
fn every_label_of_this_module_in_the_manual_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let files = pages().into_keys().filter(|path| !path.ends_with("CHANGELOG.md"));
    let text: String = files.map(|path| fs::read_to_string(root.join(path)).unwrap()).collect();
    let is_of_label = |c: char| c.is_ascii_alphanumeric() || "_-./:".contains(c);
    let labels = text.split("@rules_wasm_airgap//").skip(1);
    let labels: BTreeSet<_> =
        labels.map(|rest| rest.split(|c| !is_of_label(c)).next().unwrap()).collect();
    assert!(labels.len() > 10, "{labels:?}");
    for label in labels {
        let (package, name) = label.split_once(':').unwrap();
        let build = root.join(package).join("BUILD.bazel");
        let build = fs::read_to_string(&build).unwrap_or_default();
        let is_target = build.contains(&format!("name = \"{name}\""));
        assert!(is_target || root.join(package).join(name).is_file(), "//{label}");
    }
}

#[test]
fn broken_links_are_found() {
    let page = |text| (PathBuf::from("docs/guides/a.md"), Page::parse(text));
    let pages = BTreeMap::from([
        page("# One two\n\n## `Code`, and (more)!\n\n## One two\n\n<a id=\"by-hand\"></a>"),
        (PathBuf::from("docs/b.md"), Page::parse("[x](c.md)\n")),
    ]);
    let found = |link: &str| problem(&pages, Path::new("docs/b.md"), link);
    let repository = |path: &str| format!("{REPOSITORY}blob/main/{path}");
    for good in [
        "guides/a.md",
        "guides/a.md#one-two",
        "guides/a.md#one-two-1",
        "guides/a.md#code-and-more",
        "guides/a.md#by-hand",
        "https://example.com/x",
        repository("Cargo.toml").as_str(),
    ] {
        assert_eq!(found(good), None, "{good}");
    }
    for bad in [
        "c.md",
        "#x",
        "guides/a.md#two",
        "../Cargo.toml",
        "/docs/b.md",
        repository("absent").as_str(),
    ] {
        assert!(found(bad).is_some(), "{bad}");
    }
    assert_eq!(pages[Path::new("docs/b.md")].links, [(1, "c.md".to_owned())]);
}

/// The links of a page with their lines, and the anchors to which others can link.
struct Page {
    links: Vec<(usize, String)>,
    anchors: BTreeSet<String>,
}

impl Page {
    fn parse(text: &str) -> Page {
        let mut page = Page { links: Vec::new(), anchors: BTreeSet::new() };
        let mut heading: Option<String> = None;
        let events = Parser::new_ext(text, Options::ENABLE_TABLES).into_offset_iter();
        for (event, range) in events {
            match event {
                Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
                    let line = text[..range.start].lines().count().max(1);
                    page.links.push((line, dest_url.into_string()));
                }
                Event::Start(Tag::Heading { .. }) => heading = Some(String::new()),
                Event::Text(text) | Event::Code(text) => {
                    heading.iter_mut().for_each(|heading| heading.push_str(&text));
                }
                Event::End(TagEnd::Heading(_)) => {
                    page.add_heading(&heading.take().unwrap_or_default());
                }
                Event::Html(html) | Event::InlineHtml(html) => {
                    let ids = html.split("id=\"").skip(1).filter_map(|it| it.split('"').next());
                    page.anchors.extend(ids.map(str::to_owned));
                }
                _ => {}
            }
        }
        page
    }

    /// Adds the anchor of a heading, as GitHub and mdBook make it: a second heading with the same
    /// text ends in `-1`.
    fn add_heading(&mut self, heading: &str) {
        let kept = |c: &char| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_');
        let name =
            heading.to_lowercase().chars().filter(kept).collect::<String>().replace(' ', "-");
        let numbered = (1..).map(|number| format!("{name}-{number}"));
        let free =
            std::iter::once(name.clone()).chain(numbered).find(|name| !self.anchors.contains(name));
        self.anchors.extend(free);
    }
}

/// Returns the pages that readers see, by their paths in the repository.
fn pages() -> BTreeMap<PathBuf, Page> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let names = ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md"];
    let mut files: Vec<_> = names.iter().map(|name| root.join(name)).collect();
    files.extend(["docs", "examples"].iter().flat_map(|folder| files_in(&root.join(folder), "md")));
    let page = |file: PathBuf| {
        let text = fs::read_to_string(&file).unwrap();
        (file.strip_prefix(root).unwrap().to_owned(), Page::parse(&text))
    };
    files.into_iter().map(page).collect()
}

/// Returns the files below a folder whose names end so.
fn files_in(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let entries = walkdir::WalkDir::new(folder).sort_by_file_name().into_iter();
    let files = entries.map(|entry| entry.unwrap().into_path());
    files.filter(|path| path.to_string_lossy().ends_with(&format!(".{extension}"))).collect()
}

/// Returns the reason why a link of a page leads nowhere.
fn problem(pages: &BTreeMap<PathBuf, Page>, from: &Path, link: &str) -> Option<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    if let Some(path) = link.strip_prefix(REPOSITORY) {
        let path = path.split_once("/main/").map_or(path, |(_, path)| path);
        return (!path.is_empty() && !root.join(path).exists())
            .then(|| format!("there is no {path} in the repository"));
    }
    if ["https://", "http://", "mailto:"].iter().any(|scheme| link.starts_with(scheme)) {
        return None;
    }
    let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
    let target = match path {
        "" => from.to_owned(),
        _ => resolve(from, path),
    };
    if from.starts_with("docs") && !target.starts_with("docs") {
        return Some(format!("the site has only docs/; use {REPOSITORY}blob/main/..."));
    }
    match pages.get(&target) {
        None if !root.join(&target).exists() => Some("there is no such file".to_owned()),
        Some(page) if !anchor.is_empty() && !page.anchors.contains(anchor) => {
            let anchors: Vec<_> = page.anchors.iter().map(String::as_str).collect();
            Some(format!("there is no such heading; there are {}", anchors.join(", ")))
        }
        _ => None,
    }
}

/// Returns the path in the repository to which a relative link of a page leads.
fn resolve(from: &Path, link: &str) -> PathBuf {
    let mut path = from.parent().unwrap().to_owned();
    for part in Path::new(link).components() {
        match part {
            Component::ParentDir => drop(path.pop()),
            Component::CurDir => {}
            part => path.push(part),
        }
    }
    path
}
