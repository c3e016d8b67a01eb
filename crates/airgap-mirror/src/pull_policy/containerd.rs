//! The `hosts.toml` files of containerd, as in its documentation of registry hosts
//! (<https://github.com/containerd/containerd/blob/main/docs/hosts.md>).
//!
//! containerd has one file for each source registry, `HOST/hosts.toml`, with the places that it
//! asks instead. It appends the repository to the root of a place: to `/v2` at a bare host, and
//! with `override_path` to the path that is written. So `ghcr.io/org/app` becomes
//! `/v2/mirror/org/app` at `https://registry.corp/v2/mirror`, and no other name: a place can prefix
//! a repository with a path, but cannot change it, and never changes a tag.

use std::collections::{BTreeMap, HashMap};

use super::{Unreached, reason};
use crate::{ImageReference, MirrorEntry, MirrorList};
use airgap_config::registries::is_loopback;

/// The first line of each file.
pub const HEADER: &str = "# Written by `wasm-airgap mirror policy --format containerd`.\n";

/// The default registry of a reference, and the host that answers for it.
const DOCKER_HUB: (&str, &str) = ("docker.io", "registry-1.docker.io");

/// The largest number of places in a file. Each costs a request for each image that is not there.
const MOST_PLACES: usize = 50;

/// The configuration for a mirror list.
#[derive(Debug, Default)]
pub struct Hosts {
    /// The text of each `hosts.toml`, by its folder.
    pub files: BTreeMap<String, String>,
    /// Images that containerd does not find at their destinations.
    pub unreached: Vec<Unreached>,
}

/// A place that containerd asks: a registry with a path in it, which may be empty.
type HostPath = (String, String);

/// Creates the files for a mirror list. `ca` is the path on the nodes of the CA certificate for the
/// destinations.
pub fn hosts(list: &MirrorList, ca: Option<&str>) -> Hosts {
    let mut hosts = Hosts::default();
    let mut by_registry: BTreeMap<&str, Vec<(&MirrorEntry, HostPath)>> = BTreeMap::new();
    for entry in list.entries() {
        match place(entry) {
            Ok(None) => {}
            Ok(Some(place)) => {
                by_registry.entry(entry.source.registry()).or_default().push((entry, place));
            }
            Err(reason) => hosts.unreached.push(Unreached::new(entry, reason)),
        }
    }
    let taken: HashMap<_, _> =
        list.entries().iter().map(|entry| (key(&entry.destination), &entry.source)).collect();
    for (registry, entries) in by_registry {
        let places = places(&entries);
        for (entry, place) in &entries {
            if !places.contains(place) {
                let reason = format!("containerd would try more than {MOST_PLACES} places");
                hosts.unreached.push(Unreached::new(entry, reason));
                continue;
            }
            let earlier = places.iter().take_while(|it| *it != place);
            let other = earlier.filter_map(|place| taken.get(&key_at(place, &entry.source))).next();
            if let Some(other) = other.filter(|it| !it.is_same_as(&entry.source)) {
                let reason =
                    format!("containerd first tries the place where `{other}` has this name");
                hosts.unreached.push(Unreached::new(entry, reason));
            }
        }
        hosts.files.insert(folder(registry), text(&places, ca));
    }
    hosts
}

/// Returns the place at which containerd finds an image; `None` if it is the source itself.
fn place(entry: &MirrorEntry) -> Result<Option<HostPath>, String> {
    if let Some(reason) = reason(entry) {
        return Err(reason);
    }
    let (source, destination) = (entry.source.meaning(), entry.destination.meaning());
    let (from, to) = (source.repository().name(), destination.repository().name());
    let path = match to.strip_suffix(from) {
        Some("") => "",
        Some(path) if path.ends_with('/') => path.trim_end_matches('/'),
        _ => {
            return Err(format!(
                "containerd asks a mirror for the repository `{from}`, perhaps behind a path, and \
                 the destination is `{to}`; `{}/{from}` is a destination that it finds",
                destination.registry()
            ));
        }
    };
    match (source.registry() == destination.registry(), path) {
        (true, "") => Ok(None),
        (true, _) => Err("the destination is in the registry of the source".to_owned()),
        (false, path) => Ok(Some((destination.registry().to_string(), path.to_owned()))),
    }
}

/// Returns the places of the images of one registry, those of most images first.
fn places(entries: &[(&MirrorEntry, HostPath)]) -> Vec<HostPath> {
    let mut counts: HashMap<&HostPath, (usize, usize)> = HashMap::new();
    for (index, (_, place)) in entries.iter().enumerate() {
        counts.entry(place).or_insert((0, index)).0 += 1;
    }
    let mut places: Vec<_> = counts.into_iter().collect();
    places.sort_by_key(|(_, (count, first))| (std::cmp::Reverse(*count), *first));
    places.into_iter().take(MOST_PLACES).map(|(place, _)| place.clone()).collect()
}

/// Returns the identity of an image within a registry: see [`key_at`].
fn key(image: &ImageReference) -> String {
    let version = image.tag().or(image.digest()).unwrap_or_default();
    format!("{}/{} {version}", image.registry(), image.repository())
}

/// Returns the key of the image that containerd gets from a place for an image.
fn key_at((registry, path): &HostPath, image: &ImageReference) -> String {
    let version = image.digest().or(image.tag()).unwrap_or_default();
    let separator = if path.is_empty() { "" } else { "/" };
    format!("{registry}/{path}{separator}{} {version}", image.repository())
}

/// Returns the folder of a registry, with a port in a form that Windows allows too ("Port Handling
/// in Registry Host").
fn folder(registry: &str) -> String {
    match registry.rsplit_once(':') {
        Some((host, port)) => format!("{host}_{port}_"),
        None => registry.to_owned(),
    }
}

/// Returns the text of a file. The last place is also the `server`, without which containerd would
/// ask the source registry; releases before 2.0 need a `host` beside it.
fn text(places: &[HostPath], ca: Option<&str>) -> String {
    let mut text = HEADER.to_owned();
    if let Some(place) = places.last() {
        text.push_str(&format!("server = {}\n{}", quoted(&url(place)), settings(place, ca, "")));
    }
    for place in places {
        text.push_str(&format!("\n[host.{}]\n{}", quoted(&url(place)), settings(place, ca, "  ")));
    }
    text
}

fn settings((_, path): &HostPath, ca: Option<&str>, indent: &str) -> String {
    let mut text = format!("{indent}capabilities = [\"pull\", \"resolve\"]\n");
    if !path.is_empty() {
        text.push_str(&format!("{indent}override_path = true\n"));
    }
    if let Some(ca) = ca {
        text.push_str(&format!("{indent}ca = {}\n", quoted(ca)));
    }
    text
}

/// Returns the root of the API at a place: the `/v2` of a host is written only before a path.
fn url((registry, path): &HostPath) -> String {
    let scheme = if is_loopback(registry) { "http" } else { "https" };
    let (hub, endpoint) = DOCKER_HUB;
    let host = if registry == hub { endpoint } else { registry };
    match path.as_str() {
        "" => format!("{scheme}://{host}"),
        path => format!("{scheme}://{host}/v2/{path}"),
    }
}

/// Returns a TOML string.
fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts_of(pairs: &[(&str, &str)]) -> Hosts {
        let entries: String = pairs
            .iter()
            .map(|(a, b)| format!("- {{source: '{a}', destination: '{b}'}}\n"))
            .collect();
        let list = MirrorList::parse(&format!("images:\n{entries}"), "mirror.yaml").unwrap();
        hosts(&list, None)
    }

    /// Returns the places from which containerd pulls an image with such a file, by its
    /// documentation.
    fn asked(hosts: &Hosts, source: &str) -> Vec<String> {
        let source: ImageReference = source.parse().unwrap();
        let file: toml::Table = hosts.files[&folder(source.registry())].parse().unwrap();
        let mut urls: Vec<_> = Vec::new();
        let mut add = |url: &str, settings: &toml::Table| {
            let capabilities: Vec<_> = settings["capabilities"]
                .as_array()
                .unwrap()
                .iter()
                .map(|it| it.as_str().unwrap())
                .collect();
            assert_eq!(capabilities, ["pull", "resolve"]);
            let has_path = url.splitn(4, '/').nth(3).is_some_and(|path| !path.is_empty());
            let overrides =
                settings.get("override_path").is_some_and(|it| it.as_bool() == Some(true));
            assert_eq!(has_path, overrides, "{url}");
            let root = if overrides { "" } else { "/v2" };
            let version = source.digest().or(source.tag()).unwrap();
            urls.push(format!("{url}{root}/{}/manifests/{version}", source.repository()));
        };
        for (url, settings) in file["host"].as_table().unwrap() {
            add(url, settings.as_table().unwrap());
        }
        add(file["server"].as_str().unwrap(), &file);
        for key in file.keys() {
            assert!(["server", "host", "capabilities", "override_path"].contains(&&**key), "{key}");
        }
        urls
    }

    #[test]
    fn containerd_asks_for_the_destinations_of_the_list() {
        let made = hosts_of(&[
            ("ghcr.io/org/app:1", "r.corp:5000/org/app:1"),
            ("docker.io/nats:2", "r.corp:5000/hub/library/nats:2"),
            ("docker.io/team/a:1", "r.corp:5000/hub/team/a:1"),
            ("docker.io/team/b:1", "r.corp:5000/other/team/b:1"),
            ("old.corp:5000/x:1", "localhost:5000/x:1"),
        ]);
        assert!(made.unreached.is_empty(), "{:?}", made.unreached);
        let folders: Vec<_> = made.files.keys().collect();
        assert_eq!(folders, ["docker.io", "ghcr.io", "old.corp_5000_"]);
        let app = "https://r.corp:5000/v2/org/app/manifests/1";
        assert_eq!(asked(&made, "ghcr.io/org/app:1"), [app, app]);
        assert_eq!(
            asked(&made, "team/b:1"),
            [
                "https://r.corp:5000/v2/hub/team/b/manifests/1",
                "https://r.corp:5000/v2/other/team/b/manifests/1",
                "https://r.corp:5000/v2/other/team/b/manifests/1"
            ]
        );
        assert_eq!(
            asked(&made, "nats:2")[0],
            "https://r.corp:5000/v2/hub/library/nats/manifests/2"
        );
        assert_eq!(asked(&made, "old.corp:5000/x:1")[0], "http://localhost:5000/v2/x/manifests/1");
        assert_eq!(
            made.files["ghcr.io"],
            format!(
                "{HEADER}server = \"https://r.corp:5000\"\ncapabilities = [\"pull\", \"resolve\"]\n\n[host.\"https://r.corp:5000\"]\n  capabilities = [\"pull\", \"resolve\"]\n"
            )
        );
        let many: Vec<_> =
            (0..60).map(|n| (format!("g.io/a{n}:1"), format!("r.io/p{n}/a{n}:1"))).collect();
        let many: Vec<_> = many.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
        assert_eq!(hosts_of(&many).unreached.len(), 10);
        let ca = text(&[("r.io".into(), "a".into())], Some("/etc/ca \"1\".crt"));
        let file: toml::Table = ca.parse().unwrap();
        assert_eq!(file["ca"].as_str(), Some("/etc/ca \"1\".crt"));
        assert_eq!(file["host"]["https://r.io/v2/a"]["ca"], file["ca"]);
    }

    #[test]
    fn images_that_containerd_does_not_find_are_explained() {
        let digest = format!("sha256:{}", "a".repeat(64));
        let pinned = format!("g.io/d:1@{digest}");
        let by_digest = format!("r.io/d@{digest}");
        for (source, destination, says) in [
            ("docker.io/nats:2", "r.io/nats:2", "`r.io/library/nats` is a destination"),
            ("g.io/a:1", "r.io/b:1", "the repository `a`"),
            ("g.io/a:1", "r.io/xa:1", "the repository `a`"),
            ("g.io/a:1", "r.io/a:2", "the tag `1`"),
            ("g.io/a:1", "team/a:1", "no registry with a dot"),
            ("g.io/a:1", "g.io/b/a:1", "in the registry of the source"),
        ] {
            let made = hosts_of(&[(source, destination)]);
            assert!(made.files.is_empty(), "{source}");
            assert!(made.unreached[0].reason.contains(says), "{:?}", made.unreached);
        }
        assert!(hosts_of(&[(&pinned, &by_digest)]).unreached.is_empty());
        assert!(hosts_of(&[("g.io/a:1", "g.io/a:1")]).files.is_empty());
        // The first place has another image under the name.
        let made = hosts_of(&[
            ("g.io/a:1", "r.io/x/a:1"),
            ("g.io/b:1", "r.io/x/b:1"),
            ("q.io/c:1", "r.io/x/c:1"),
            ("g.io/c:1", "r.io/y/c:1"),
        ]);
        assert_eq!(made.unreached.len(), 1);
        assert!(made.unreached[0].reason.contains("`q.io/c:1`"), "{:?}", made.unreached);
    }
}
