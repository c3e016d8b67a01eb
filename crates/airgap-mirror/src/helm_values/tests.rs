//! Tests of the search with functions as renderers. Tests with the real Helm are in `tests/`.

use std::fs;
use std::rc::Rc;

use super::*;
use crate::chart::Override;
use crate::yaml::{Node, block};
use airgap_core::error::Error;

/// A chart with a function in place of its templates, which returns the images for its values.
struct Case<'a> {
    values: &'a str,
    template: &'a dyn Fn(&Rc<Node>) -> Result<Vec<String>>,
}

impl Case<'_> {
    fn chart(&self, folder: &std::path::Path, over: &str) -> Chart {
        fs::write(folder.join("Chart.yaml"), "name: c\nversion: 1.0.0\n").unwrap();
        fs::write(folder.join("values.yaml"), self.values).unwrap();
        Chart::read(folder, "c", &[Override::parse(over, "over").unwrap()], &[]).unwrap()
    }

    /// Returns the values, and the images that they do not move; `list` has pairs of a source and a
    /// destination.
    fn proven(&self, list: &[(&str, &str)]) -> (String, Vec<String>) {
        let folder = tempfile::tempdir().unwrap();
        let chart = self.chart(folder.path(), "{}");
        let entry =
            |(from, to): &(&str, &str)| format!("- {{source: '{from}', destination: '{to}'}}\n");
        let list: String = list.iter().map(entry).collect();
        let list = MirrorList::parse(&format!("images:\n{list}"), "mirror.yaml").unwrap();
        let mut renders = 0;
        let mut render = |over: &str| {
            renders += 1;
            let images = (self.template)(&self.chart(folder.path(), over).whole_values())?;
            let images: String = images.iter().map(|it| format!("  - image: {it}\n")).collect();
            Ok(format!("kind: Pod\napiVersion: v1\nspec:\n  containers:\n{images}"))
        };
        let options = ValuesOptions { pull_secrets: &[], per_component: false };
        let made = proven(&chart, &list, options, &mut render).unwrap();
        assert!(renders < 30, "{renders} renders");
        (block(&made.values), made.unmoved.into_iter().map(|it| it.image).collect())
    }
}

/// Returns the text at a path, empty if there is none.
fn text(values: &Rc<Node>, path: &str) -> String {
    let path: Vec<_> = path.split('.').collect();
    values.at(&path).and_then(|node| node.text()).unwrap_or_default().to_owned()
}

/// Returns the first text that is not empty.
fn first(values: &Rc<Node>, paths: &[&str]) -> String {
    paths.iter().map(|path| text(values, path)).find(|it| !it.is_empty()).unwrap_or_default()
}

/// Returns the images `a` and `b`, whose registry may be the global one.
fn two(values: &Rc<Node>) -> Result<Vec<String>> {
    let image = |name: &str| {
        let own = format!("{name}.registry");
        let registry = first(values, &["global.imageRegistry", &own]);
        format!("{registry}/{}:1", text(values, &format!("{name}.repository")))
    };
    Ok(vec![image("a"), image("b")])
}

const TWO: &str = "\
global: {imageRegistry: ''}
a: {registry: docker.io, repository: org/a}
b: {registry: quay.io, repository: org/b}
";

#[test]
fn a_registry_for_all_images_comes_first() {
    let case = Case { values: TWO, template: &two };
    let list = [("docker.io/org/a:1", "r.io/org/a:1"), ("quay.io/org/b:1", "r.io/org/b:1")];
    assert_eq!(case.proven(&list), ("global:\n  imageRegistry: r.io\n".to_owned(), vec![]));
    // One registry is not right for both.
    let list = [("docker.io/org/a:1", "r.io/org/a:1"), ("quay.io/org/b:1", "r.io/quay/org/b:1")];
    assert_eq!(case.proven(&list).0, "a:\n  registry: r.io\nb:\n  registry: r.io/quay\n");
    let list = [("docker.io/org/a:1", "r.io/org/a:1"), ("quay.io/org/b:1", "r.io/other/name:1")];
    assert_eq!(
        case.proven(&list).0,
        "a:\n  registry: r.io\nb:\n  registry: r.io\n  repository: other/name\n"
    );
}

#[test]
fn a_global_registry_is_combined_with_changed_paths() {
    let values = "global: {hub: quay.io}\na: {path: org/a, image: x}\nb: {path: org/b, image: y}\n";
    let template = |values: &Rc<Node>| {
        let image = |it: &str| format!("{}/{}:1", text(values, "global.hub"), text(values, it));
        Ok(vec![image("a.path"), image("b.path")])
    };
    let case = Case { values, template: &template };
    let list = [("quay.io/org/a:1", "r.io/org/a:1"), ("quay.io/org/b:1", "r.io/other/b:1")];
    let expected = "global:\n  hub: r.io\nb:\n  path: other/b\n";
    assert_eq!(case.proven(&list), (expected.to_owned(), vec![]));
}

#[test]
fn no_value_breaks_an_image_that_it_does_not_move() {
    let template = |values: &Rc<Node>| {
        let org = text(values, "org");
        Ok(vec![format!("{org}/a:1"), format!("quay.io/{org}/b:1")])
    };
    let case = Case { values: "org: team\n", template: &template };
    let list = [("team/a:1", "r.io/team/a:1"), ("quay.io/team/b:1", "r.io/team/b:1")];
    let unmoved = ["team/a:1", "quay.io/team/b:1"].map(str::to_owned).to_vec();
    assert_eq!(case.proven(&list), ("{}\n".to_owned(), unmoved));
}

#[test]
fn a_list_is_replaced_as_a_whole() {
    let values = "list:\n- {image: 'org/a:1', port: 80, version: 1.10}\n- {image: 'org/b:1'}\nargs: [--log, '--side=q.io/c:1']\n";
    let template = |values: &Rc<Node>| {
        let items = values.get("list").unwrap().items();
        let mut images: Vec<_> =
            items.iter().map(|item| item.text_of("image").unwrap().to_owned()).collect();
        let argument = values.get("args").unwrap().items()[1].text().unwrap();
        images.push(argument.trim_start_matches("--side=").to_owned());
        Ok(images)
    };
    let case = Case { values, template: &template };
    let list = [("org/a:1", "r.io/org/a:1"), ("org/b:1", "r.io/org/b:1"), ("q.io/c:1", "r.io/c:1")];
    assert_eq!(
        case.proven(&list).0,
        "list:\n  - image: r.io/org/a:1\n    port: 80\n    version: 1.1\n  - image: r.io/org/b:1\nargs:\n  - \"--log\"\n  - \"--side=r.io/c:1\"\n"
    );
}

#[test]
fn tags_and_digests_follow_the_names() {
    let values = "a: {registry: q.io, repository: org/a, tag: v2.1.0, digest: ''}\nb: {image: q.io/b, tag: 7}\n";
    let template = |values: &Rc<Node>| {
        let tag = text(values, "a.tag");
        if !tag.starts_with("v2.") {
            return Err(Error::usage("the tag is not a version 2"));
        }
        let digest = text(values, "a.digest");
        let digest = if digest.is_empty() { digest } else { format!("@{digest}") };
        let (registry, path) = (text(values, "a.registry"), text(values, "a.repository"));
        let b = format!("{}:{}", text(values, "b.image"), text(values, "b.tag"));
        Ok(vec![format!("{registry}/{path}:{tag}{digest}"), b])
    };
    let case = Case { values, template: &template };
    let pinned = format!("r.io/org/a:v2.1.0@sha256:{}", "a".repeat(64));
    let list = [("q.io/org/a:v2.1.0", &*pinned), ("q.io/b:7", "r.io/b:7-x")];
    let (values, unmoved) = case.proven(&list);
    assert!(unmoved.is_empty() && values.contains("tag: \"7-x\""), "{values}{unmoved:?}");
    assert!(values.contains(&format!("sha256:{}", "a".repeat(64))), "{values}");
}

#[test]
fn a_setting_the_chart_requires_for_other_registries_is_added() {
    let values = format!("{TWO}security: {{allowInsecureImages: false, acceptLicense: false}}\n");
    for message in ["unrecognized images", "set security.allowInsecureImages to true"] {
        let template = |values: &Rc<Node>| {
            let images = two(values)?;
            let is_other =
                images.iter().any(|it| !it.starts_with("docker.io") && !it.starts_with("quay.io"));
            let is_allowed = text(values, "security.allowInsecureImages") == "true";
            match is_other && !is_allowed {
                true => Err(Error::usage("it does not render").fact("Helm said", message)),
                false => Ok(images),
            }
        };
        let case = Case { values: &values, template: &template };
        let list = [("docker.io/org/a:1", "r.io/org/a:1"), ("quay.io/org/b:1", "r.io/org/b:1")];
        assert_eq!(
            case.proven(&list).0,
            "global:\n  imageRegistry: r.io\nsecurity:\n  allowInsecureImages: true\n"
        );
    }
}

/// A chart that accepts the private registry and refuses any other, also that of a marker.
#[test]
fn a_switch_that_only_markers_need_is_not_set() {
    let values = format!("{TWO}security: {{allowInsecureImages: false, skipImageCheck: false}}\n");
    let template = |values: &Rc<Node>| {
        let images = two(values)?;
        let is_known = |it: &String| {
            ["docker.io/", "quay.io/", "r.io/"].iter().any(|known| it.starts_with(known))
        };
        match images.iter().all(is_known) || text(values, "security.skipImageCheck") == "true" {
            true => Ok(images),
            false => Err(Error::usage("unrecognized images")),
        }
    };
    let case = Case { values: &values, template: &template };
    let list = [("docker.io/org/a:1", "r.io/org/a:1"), ("quay.io/org/b:1", "r.io/org/b:1")];
    assert_eq!(case.proven(&list), ("global:\n  imageRegistry: r.io\n".to_owned(), vec![]));
    let list = [("docker.io/org/a:1", "x.io/org/a:1"), ("quay.io/org/b:1", "x.io/org/b:1")];
    assert_eq!(
        case.proven(&list).0,
        "global:\n  imageRegistry: x.io\nsecurity:\n  skipImageCheck: true\n"
    );
}

#[test]
fn a_value_that_no_marker_can_replace_is_tried_with_its_own() {
    let values =
        "a: {registry: docker.io, repository: org/a}\nb: {registry: quay.io, repository: org/b}\n";
    let template = |values: &Rc<Node>| {
        let registry = text(values, "a.registry");
        match ["docker.io", "r.io"].contains(&&*registry) {
            true => two(values),
            false => Err(Error::usage("the registry is not known")),
        }
    };
    let case = Case { values, template: &template };
    let list = [("docker.io/org/a:1", "r.io/org/a:1"), ("quay.io/org/b:1", "r.io/org/b:1")];
    assert_eq!(
        case.proven(&list),
        ("a:\n  registry: r.io\nb:\n  registry: r.io\n".to_owned(), vec![])
    );
}

#[test]
fn values_are_set_over_moved_defaults_and_missing_keys() {
    let values = "_internal_defaults: {hub: quay.io/org}\nside: {image: {}}\n";
    let template = |values: &Rc<Node>| {
        let hub = first(values, &["hub", "_internal_defaults.hub"]);
        let side = first(values, &["side.image.registry"]);
        let side = if side.is_empty() { "docker.io".to_owned() } else { side };
        Ok(vec![format!("{hub}/pilot:1"), format!("{side}/side:1")])
    };
    let case = Case { values, template: &template };
    let list = [("quay.io/org/pilot:1", "r.io/org/pilot:1"), ("docker.io/side:1", "r.io/side:1")];
    assert_eq!(
        case.proven(&list),
        ("side:\n  image:\n    registry: r.io\nhub: r.io/org\n".to_owned(), vec![])
    );
}

#[test]
fn an_image_that_values_turn_off_is_not_at_its_destination() {
    let values = "image: {registry: docker.io, repository: org/a}\n";
    let template = |values: &Rc<Node>| match text(values, "image.registry").as_str() {
        "docker.io" => Ok(vec!["docker.io/org/a:1".to_owned()]),
        _ => Ok(vec![]),
    };
    let case = Case { values, template: &template };
    let list = [("docker.io/org/a:1", "r.io/org/a:1")];
    assert_eq!(case.proven(&list), ("{}\n".to_owned(), vec!["docker.io/org/a:1".to_owned()]));
}
