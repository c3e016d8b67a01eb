//! Images: lists, locks, manifests and charts.

use std::fs;
use std::io::Write;
use std::path::{Component, Path};

use airgap_core::error::{Error, Result};
use airgap_mirror::chart::overrides::Assignments;
use airgap_mirror::chart::repository::{ChartRequest, ChartVersion};
use airgap_mirror::chart::{ChartImages, Override};
use airgap_mirror::helm::Rendered;
use airgap_mirror::inventory::Inventory;
use airgap_mirror::json_patch::JsonPatches;
use airgap_mirror::kustomization::{Fate, Kustomization};
use airgap_mirror::manifests::Manifests;
use airgap_mirror::pull_policy::containerd;
use airgap_mirror::pull_policy::openshift::{self, MirrorSet};
use airgap_mirror::yaml::Node;
use airgap_mirror::{AllowList, Chart, MirrorList, MirrorLock, NewEntry, RegistryPath};
use airgap_mirror::{check, helm_values, kustomize};

use super::archives::{stored, with_checksums};
use crate::{accepted, same_twice, text};

/// Parses a mirror list, and adds to it.
pub fn mirror_list(input: &[u8]) {
    let Some(text) = text(input) else { return };
    let read = || MirrorList::parse(text, "mirror.yaml");
    let Some(list) = same_twice(read, |list| format!("{:?}", list.entries())) else { return };
    assert_eq!(list.text(), text, "the text of the user was changed");
    for entry in list.entries() {
        assert!(list.find(&entry.source).is_some(), "`{}` is not found", entry.source);
    }
    let new = NewEntry {
        source: "quay.io/new/image:1".parse().expect("an image"),
        destination: "registry.example.com/new/image:1".parse().expect("an image"),
        comments: vec!["a key\nwith two lines".to_owned()],
    };
    if let Some(more) = accepted(list.with_entries(std::slice::from_ref(&new))) {
        let again = MirrorList::parse(more.text(), "mirror.yaml").expect("the written text parses");
        assert_eq!(again.entries().len(), list.entries().len() + 1, "{}", more.text());
        assert!(more.find(&new.source).is_some(), "the added image was not found");
    }
    if let Some(none) = accepted(list.without(|_| true)) {
        let again = MirrorList::parse(none.text(), "mirror.yaml").expect("the written text parses");
        assert!(again.entries().is_empty(), "{}", none.text());
    }
    containerd::hosts(&list, None);
    openshift::mirrors(&list, MirrorSet::Digest);
    accepted(kustomize::for_list(&list));
}

/// Parses a kustomization, and changes its lists twice.
pub fn kustomization(input: &[u8]) {
    let Some(text) = text(input) else { return };
    let Some(old) = accepted(Kustomization::parse(text, "kustomization.yaml")) else { return };
    let count = |it: &Kustomization, key: &str| {
        let mut count = 0;
        it.each(key, |_| count += 1).expect("the written text parses");
        count
    };
    for fate in [Fate::Kept, Fate::Gone, Fate::Replaced("name: a\nb:\n- c\n".to_owned())] {
        let mut new = old.clone();
        let kept = if fate == Fate::Gone { 0 } else { count(&old, "images") };
        for added in 1..=2 {
            let item = ["name: new\nnewName: r.io/new\n".to_owned()];
            let of = |node: &Node| match node.text_of("name") {
                Some("new") => Fate::Kept,
                _ => fate.clone(),
            };
            if accepted(new.change("images", of, &item)).is_none() {
                break;
            }
            assert!(count(&new, "images") >= added, "{}", new.text());
            assert!(fate != Fate::Kept || count(&new, "images") == kept + added, "{}", new.text());
            assert_eq!(count(&new, "resources"), count(&old, "resources"), "{}", new.text());
        }
    }
}

/// Parses the file with accepted findings.
pub fn allow_list(input: &[u8]) {
    let Some(text) = text(input) else { return };
    let Some(list) = accepted(AllowList::parse(text, "allow.yaml")) else { return };
    let mut manifests = Manifests::default();
    manifests.add("image: ghcr.io/org/app:1\n---\nimage: nginx\n", "a.yaml");
    let registry: RegistryPath = "registry.example.com/team".parse().expect("a registry");
    let mut findings = check::check(&manifests.occurrences, &registry);
    let accepted = list.accept(&mut findings);
    assert_eq!(accepted.len() + findings.len(), 2, "a finding is lost");
    list.unused(&accepted);
}

/// Parses a lock of a mirror list.
pub fn mirror_lock(input: &[u8]) {
    let Some(text) = text(input) else { return };
    let Some(lock) = accepted(MirrorLock::parse(text, "mirror.lock")) else { return };
    let again = MirrorLock::parse(&lock.text(), "mirror.lock");
    assert_eq!(again.ok().as_ref(), Some(&lock), "the lock is not read as it is written");
}

/// Reads rendered manifests.
pub fn manifests(input: &[u8]) {
    let Some(text) = text(input) else { return };
    let read = || {
        let mut manifests = Manifests::default();
        manifests.add(text, "a.yaml");
        manifests
    };
    let found = read();
    assert_eq!(format!("{found:?}"), format!("{:?}", read()), "two runs do not agree");
    let registry: RegistryPath = "registry.example.com/team".parse().expect("a registry");
    for finding in check::check(&found.occurrences, &registry) {
        assert!(!finding.describe().is_empty());
    }
    let mut inventory = Inventory::default();
    inventory.add_occurrences(&found.occurrences);
    let empty = MirrorList::empty("mirror.yaml");
    let Some(missing) = accepted(inventory.missing_in(&empty, &registry, true)) else { return };
    let Some(list) = accepted(empty.with_entries(&missing)) else { return };
    list.check_destinations(&registry).expect("added destinations are in the registry");
    assert!(
        accepted(inventory.missing_in(&list, &registry, true)).is_some_and(|it| it.is_empty()),
        "images are missing after they were added"
    );
    accepted(kustomize::for_manifests(&list, &found.occurrences));
    let Some(transformer) = accepted(kustomize::with_fields(&list, &found.occurrences)) else {
        return;
    };
    let mut made = JsonPatches::default();
    let Some(()) = accepted(made.add(text, "a.yaml", &transformer.unreached, &list)) else {
        return;
    };
    for patch in &made.patches {
        let document = format!("patches:\n- {}", patch.text().trim_end().replace('\n', "\n  "));
        let again = Kustomization::parse(&document, "kustomization.yaml").expect("it is YAML");
        let mut count = 0;
        again.each("patches", |_| count += 1).expect("the written text parses");
        assert_eq!(count, 1, "{document}");
    }
}

/// Reads the manifests that Helm rendered.
pub fn rendered(input: &[u8]) {
    let Some(text) = text(input) else { return };
    let read = || ChartImages::rendered(&Rendered::new(text.to_owned(), Vec::new()), "chart");
    let show = |found: &ChartImages| format!("{:?} {:?}", found.images, found.unresolved);
    let Some(images) = same_twice(read, show) else { return };
    for image in &images.images {
        assert!(image.named_by.is_some() && image.uncertainty.is_none(), "{image:?}");
        assert!(!image.found.is_empty(), "{image:?}");
    }
    assert!(images.left_out.is_empty());
}

/// Parses the index of a chart repository.
pub fn chart_index(input: &[u8]) {
    let Some(text) = text(input) else { return };
    let repository = "https://charts.example.com/a/";
    for version in [None, Some("1.0.0")] {
        let find = || {
            ChartVersion::find(text, "index", ChartRequest { repository, chart: "web", version })
        };
        let Some(listed) = same_twice(find, |listed| format!("{listed:?}")) else { continue };
        let is_web = ["https://", "http://"].iter().any(|scheme| listed.url.starts_with(scheme));
        assert!(is_web, "{}", listed.url);
    }
}

/// Reads a chart in a folder. The input has lines of `=== PATH`, each with the file's content
/// below.
pub fn chart(input: &[u8]) {
    let Some(text) = text(input) else { return };
    let sandbox = tempfile::tempdir().expect("create a sandbox");
    let folder = sandbox.path().join("chart");
    fs::create_dir(&folder).expect("create the chart");
    let mut file = None;
    for line in text.split_inclusive('\n') {
        match line.strip_prefix("=== ") {
            Some(path) => file = open(&folder, path.trim_end()),
            None => {
                let file = file.as_mut();
                file.map(|file: &mut fs::File| file.write_all(line.as_bytes()));
            }
        }
    }
    drop(file);
    read_chart(&folder);
}

/// Reads a chart in an archive, put into gzip members that store it unchanged.
pub fn chart_tgz(input: &[u8]) {
    let sandbox = tempfile::tempdir().expect("create a sandbox");
    let path = sandbox.path().join("chart.tgz");
    fs::write(&path, stored(&with_checksums(input))).expect("write the chart");
    read_chart(&path);
}

/// Parses the argument of `--set`.
pub fn set(input: &[u8]) {
    let Some(text) = text(input) else { return };
    let Ok(set) = text.parse::<Assignments>().map_err(|words| assert!(!words.is_empty())) else {
        return;
    };
    let sandbox = tempfile::tempdir().expect("create a sandbox");
    fs::write(sandbox.path().join("Chart.yaml"), "name: a\n").expect("write the chart");
    fs::write(sandbox.path().join("values.yaml"), "a: {b: [1, {c: d}]}\n").expect("write");
    accepted(Chart::read(sandbox.path(), "chart", &[Override::Set(set)], &[]));
}

/// Creates a file in the chart; returns `None` if the path leads out of the chart.
fn open(folder: &Path, path: &str) -> Option<fs::File> {
    let is_inside = Path::new(path).components().all(|it| matches!(it, Component::Normal(_)));
    let path = folder.join(path);
    if !is_inside || path == *folder {
        return None;
    }
    fs::create_dir_all(path.parent()?).ok()?;
    fs::File::create(path).ok()
}

fn read_chart(path: &Path) {
    let read = || Chart::read(path, "chart", &[], &[]);
    let show = |chart: &Chart| match chart.images() {
        Ok(found) => format!("{:?} {:?} {:?}", found.images, found.left_out, found.unresolved),
        Err(error) => error.to_string(),
    };
    let Some(chart) = same_twice(read, show) else { return };
    let mut inventory = Inventory::default();
    let Some(images) = accepted(chart.images()) else { return };
    inventory.add_chart(images);
    let registry: RegistryPath = "registry.example.com/team".parse().expect("a registry");
    let empty = MirrorList::empty("mirror.yaml");
    let Some(missing) = accepted(inventory.missing_in(&empty, &registry, true)) else { return };
    let Some(list) = accepted(empty.with_entries(&missing)) else { return };
    let wanted =
        helm_values::ValuesOptions { pull_secrets: &["secret".to_owned()], per_component: true };
    accepted(helm_values::unproven(&chart, &list, wanted));
    let wanted = helm_values::ValuesOptions { pull_secrets: &[], per_component: false };
    let mut renders = 0;
    accepted(helm_values::proven(&chart, &list, wanted, &mut |values| {
        renders += 1;
        pod(path, values, renders)
    }));
}

/// Returns the images of a chart with these values, as the manifest of a pod; fails after 8 rounds.
fn pod(path: &Path, values: &str, times: usize) -> Result<String> {
    if times > 8 {
        return Err(Error::usage("it does not render any more"));
    }
    let chart = Chart::read(path, "chart", &[Override::parse(values, "values")?], &[])?;
    let found = chart.images()?.images;
    let images: String =
        found.iter().map(|found| format!("  - image: \"{}\"\n", found.image)).collect();
    Ok(format!("apiVersion: v1\nkind: Pod\nspec:\n  containers:\n{images}"))
}
