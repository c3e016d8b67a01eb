//! What in a text names an image, and what only looks like it.
//!
//! | text | names an image |
//! |---|---|
//! | `ghcr.io/org/app:1.0`, `host:5000/app@sha256:…` | anywhere: it has a registry, and a tag or a digest |
//! | `app:1.0`, `org/app` | where a name says so: `--sidecar-image=`, `SIDECAR_IMAGE`, `sidecarImage:` |
//! | `app` | after a flag or in a variable that says so, unless it is a word like `true` or `always` |
//!
//! A host and a path without a tag is not enough: `app.kubernetes.io/name` and `example.com/v1` are
//! everywhere and name no image.

use super::reference::ImageReference;

/// What stands where an image could, and is none.
const PLAIN_WORDS: [&str; 12] = [
    "true",
    "false",
    "yes",
    "no",
    "on",
    "off",
    "none",
    "null",
    "always",
    "never",
    "auto",
    "ifnotpresent",
];

/// The effects of taints, which look like tags: `node.kubernetes.io/unreachable:NoExecute`.
const TAINTS: [&str; 3] = ["NoSchedule", "PreferNoSchedule", "NoExecute"];

/// Hosts of sources, which have repositories and tags as well.
const FORGES: [&str; 3] = ["github.com", "gitlab.com", "bitbucket.org"];

/// Whether a key, a flag or a variable says that its value is an image, or several.
pub(super) fn says_image(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name.ends_with("image") || name.ends_with("images") || name.starts_with("related_image_")
}

/// The image that a text is, wherever it stands: one with a registry, and a tag or a digest.
pub(super) fn image(text: &str) -> Option<ImageReference> {
    let image: ImageReference = text.parse().ok()?;
    let is_pinned =
        image.digest().is_some() || image.tag().is_some_and(|tag| !TAINTS.contains(&tag));
    (is_pinned && image.host().is_some_and(is_reachable)).then_some(image)
}

/// The image that a text is where a name says that it is one: one with a part that only images have.
pub(super) fn named_image(text: &str) -> Option<ImageReference> {
    text.parse().ok().filter(|_| text.contains([':', '/', '@']))
}

/// The images in the value of a flag or a variable that says that it has some.
pub(super) fn images_of(value: &str) -> impl Iterator<Item = (&str, ImageReference)> {
    let parts = value.split([',', ' ', '\n', '\t']).map(|part| part.trim_matches(['"', '\'']));
    parts.filter_map(|part| {
        let is_word = PLAIN_WORDS.contains(&part.to_ascii_lowercase().as_str());
        let is_number = part.bytes().all(|b| b.is_ascii_digit());
        Some((part, part.parse().ok()?)).filter(|_| !is_word && !is_number)
    })
}

/// The images that are somewhere in a text: a script, a flag with its value, a list.
pub(super) fn images_in(text: &str) -> impl Iterator<Item = (&str, ImageReference)> {
    let inside = |c: char| c.is_ascii_alphanumeric() || "._-/:@[]".contains(c);
    text.split(move |c| !inside(c)).filter_map(|token| {
        // Another scheme is another thing; these are images all the same.
        let token =
            ["docker://", "oci://"].iter().find_map(|s| token.strip_prefix(s)).unwrap_or(token);
        let token = token.trim_end_matches(['.', ':', '-', '[', ']']);
        Some((token, image(token)?))
    })
}

/// Whether a repository with a tag is one of sources.
pub(super) fn is_source(repository: &str) -> bool {
    let host = repository.split('/').next().unwrap_or_default();
    FORGES.contains(&host) || repository.contains("://") || repository.ends_with(".git")
}

/// Whether a first part is a host and not a file or a version: its last label begins with a letter,
/// or it is an address.
fn is_reachable(host: &str) -> bool {
    let (name, port) = match host.rsplit_once(':') {
        Some((name, _)) if !host.ends_with(']') => (name, true),
        _ => (host, false),
    };
    let label = name.rsplit('.').next().unwrap_or_default();
    let starts_as_word = label.starts_with(|c: char| c.is_ascii_alphabetic());
    (port && starts_as_word)
        || name == "localhost"
        || name.starts_with('[')
        || name.parse::<std::net::Ipv4Addr>().is_ok()
        || (name.contains('.') && starts_as_word)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIGEST: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    fn found(text: &str) -> Vec<String> {
        images_in(text).map(|(_, image)| image.to_string()).collect()
    }

    #[test]
    fn what_names_an_image_anywhere() {
        for (text, images) in [
            ("ghcr.io/org/app:1.0", vec!["ghcr.io/org/app:1.0"]),
            ("--reloader=quay.io/x/y:v0.1", vec!["quay.io/x/y:v0.1"]),
            ("registry:5000/app:1", vec!["registry:5000/app:1"]),
            ("10.0.0.1/app:1", vec!["10.0.0.1/app:1"]),
            ("localhost/app:1", vec!["localhost/app:1"]),
            ("docker run --rm 'docker.io/nats:2' && x", vec!["docker.io/nats:2"]),
            ("a=ghcr.io/a:1,b=quay.io/b:2;", vec!["ghcr.io/a:1", "quay.io/b:2"]),
            ("docker://ghcr.io/a:1", vec!["ghcr.io/a:1"]),
            ("Pull ghcr.io/a:1.", vec!["ghcr.io/a:1"]),
        ] {
            assert_eq!(found(text), images, "{text}");
        }
        assert_eq!(found(&format!("x {DIGEST} g.io/a@{DIGEST}")), [format!("g.io/a@{DIGEST}")]);
    }

    #[test]
    fn what_does_not() {
        for text in [
            "app.kubernetes.io/name",
            "networking.k8s.io/v1",
            "https://example.com/path:1",
            "nats://nats.default.svc.cluster.local:4222",
            "nats.default.svc.cluster.local:4222",
            "node.kubernetes.io/unreachable:NoExecute",
            "/var/run/docker.sock:/var/run/docker.sock:ro",
            "./a.b/c:d",
            "10:30/12:00",
            "1.2/3:4",
            "system:serviceaccount:default:operator",
            "0.0.0.0:8080",
            "nats:2.11",
            "user@example.com",
            "a/b:c",
            "example.com/UPPER:1",
        ] {
            assert!(found(text).is_empty(), "{text}: {:?}", found(text));
        }
    }

    #[test]
    fn what_names_one_where_a_name_says_so() {
        for name in [
            "image",
            "sidecarImage",
            "SIDECAR_IMAGE",
            "queue-sidecar-image",
            "--images",
            "RELATED_IMAGE_X",
        ] {
            assert!(says_image(name), "{name}");
        }
        for name in [
            "imagePullPolicy",
            "IMAGE_REGISTRY",
            "imagePullSecrets",
            "imageRepository",
            "images-dir",
        ] {
            assert!(!says_image(name), "{name}");
        }
        let values = |text: &'static str| images_of(text).map(|(part, _)| part).collect::<Vec<_>>();
        assert_eq!(values("nats:2, busybox"), ["nats:2", "busybox"]);
        assert_eq!(values("'org/app'"), ["org/app"]);
        for text in ["true", "Always", "3", "", "$(IMAGE)", "/usr/share/x.png"] {
            assert!(values(text).is_empty(), "{text}");
        }
        assert!(named_image("ubuntu-latest").is_none() && named_image("org/app").is_some());
        assert!(is_source("github.com/a/b") && !is_source("ghcr.io/a/b"));
    }
}
