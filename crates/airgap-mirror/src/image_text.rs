//! Texts that name images, and texts that only look like images.
//!
//! | text | names an image |
//! |---|---|
//! | `ghcr.io/org/app:1.0`, `host:5000/app@sha256:…` | anywhere: it has a registry, and a tag or a digest |
//! | `app:1.0`, `org/app` | where a name says so: `--sidecar-image=`, `SIDECAR_IMAGE`, `sidecarImage:` |
//! | `app` | after a flag or in a variable that says so, unless it is a word like `true` or `always`, a number or a picture |
//!
//! A host and a path without a tag is not enough: `app.kubernetes.io/name` and `example.com/v1` are
//! common and do not name images.

use std::borrow::Cow;
use std::collections::HashSet;

use super::reference::ImageReference;

/// Words in the place of an image that are not images.
const PLAIN_WORDS: [&str; 19] = [
    "true",
    "false",
    "yes",
    "no",
    "on",
    "off",
    "none",
    "null",
    "all",
    "any",
    "always",
    "never",
    "auto",
    "default",
    "enabled",
    "disabled",
    "missing",
    "present",
    "ifnotpresent",
];

/// Words of sentences. The words around one are not images.
const PROSE: [&str; 12] =
    ["a", "an", "and", "for", "from", "in", "is", "of", "or", "the", "to", "with"];

/// The file extensions of pictures.
const PICTURES: [&str; 7] = [".png", ".svg", ".jpg", ".jpeg", ".gif", ".ico", ".webp"];

/// The schemes that programs put before an image.
const SCHEMES: [&str; 3] = ["docker://", "oci://", "docker-daemon:"];

/// The longest text that is read as one variable of the shell, in bytes.
const MOST_BYTES: usize = 1 << 10;

/// The effects of taints, which look like tags: `node.kubernetes.io/unreachable:NoExecute`.
const TAINTS: [&str; 3] = ["NoSchedule", "PreferNoSchedule", "NoExecute"];

/// Hosts of source code, which have repositories and tags as well.
const FORGES: [&str; 3] = ["github.com", "gitlab.com", "bitbucket.org"];

/// The key of an image volume, below `image`.
const REFERENCE: &str = "reference";

/// Annotations whose value is a list of images.
const IMAGE_LISTS: [&str; 2] = ["helm.sh/images", "artifacthub.io/images"];

/// Returns whether the name of a key, a flag or a variable says that its value is one or several
/// images.
pub(super) fn implies_image(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    ["image", "images", "imagename"].iter().any(|end| name.ends_with(end))
        || name.starts_with("related_image_")
}

/// Returns whether a key below `parent` has the image of an image volume.
pub(super) fn is_volume_image(key: &str, parent: &str) -> bool {
    key == REFERENCE && parent == "image"
}

/// Returns whether the value of a key in a manifest may be a whole image.
pub(super) fn may_be_image(key: &str) -> bool {
    implies_image(key) || key == REFERENCE
}

/// Returns whether a key has a list of images in one text.
pub(super) fn is_image_list(key: &str) -> bool {
    IMAGE_LISTS.contains(&key)
}

/// Returns whether a name says that its value is several images.
pub(super) fn implies_images(name: &str) -> bool {
    name.to_ascii_lowercase().ends_with("images")
}

/// Returns a text without the scheme that some programs put before an image; for a shell variable,
/// its default.
pub(super) fn bare(text: &str) -> &str {
    let text = resolved(text);
    SCHEMES.iter().find_map(|scheme| text.strip_prefix(scheme)).unwrap_or(text)
}

/// Returns the default of a text that is one shell variable, `${NAME:-image}`; otherwise the text.
pub(super) fn resolved(text: &str) -> &str {
    if text.len() > MOST_BYTES {
        return text;
    }
    let mut text = text;
    while let Some(default) = text.strip_prefix("${").and_then(default_of)
        && let Some(default) = default.strip_suffix('}')
        && (!default.contains('}') || default.starts_with("${"))
    {
        text = default;
    }
    text
}

/// Returns the text after the name and the operator of a shell variable, as in `NAME:-default}`.
fn default_of(inner: &str) -> Option<&str> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let (name, rest) = inner.split_at(inner.find(|c| !is_name(c))?);
    let operators = [":-", ":=", ":+", "-", "=", "+"];
    let rest = operators.iter().find_map(|operator| rest.strip_prefix(operator));
    rest.filter(|_| !name.is_empty())
}

/// Splits a text after each name of a shell variable that has a default.
fn with_defaults_apart(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest?;
        let cut = text
            .match_indices("${")
            .find_map(|(at, opener)| Some((at, default_of(&text[at + opener.len()..])?)));
        rest = cut.map(|(_, default)| default);
        Some(cut.map_or(text, |(at, _)| &text[..at]))
    })
}

/// Returns a text with each shell variable replaced by its default, as in
/// `${HOST:-quay.io}/app:${TAG:-1}`; `None` if no variable has one.
pub(super) fn with_defaults(text: &str) -> Option<String> {
    let quotes = ['"', '\''];
    let mut out = String::new();
    // For each open variable, whether it has a default.
    let mut open: Vec<bool> = Vec::new();
    let (mut rest, mut has_default) = (text, false);
    while let Some(at) = rest.find(['$', '}']) {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        if let Some(inner) = rest.strip_prefix("${") {
            let default = default_of(inner);
            open.push(default.is_some());
            has_default |= default.is_some();
            match default {
                Some(default) => rest = default.trim_start_matches(quotes),
                None => (out, rest) = (out + "${", inner),
            }
            continue;
        }
        let (mark, after) = rest.split_at(1);
        match mark == "}" && open.pop() == Some(true) {
            true => out.truncate(out.trim_end_matches(quotes).len()),
            false => out.push_str(mark),
        }
        rest = after;
    }
    has_default.then(|| out + rest)
}

/// Returns whether a part of a text is unknown until it is used: `$(IMAGE)`, `${REGISTRY}/app`,
/// `{{ .image }}`.
pub(super) fn has_placeholder(text: &str) -> bool {
    ["$(", "${", "{{"].iter().any(|start| text.contains(start))
}

/// Returns whether a text that could be an image is a switch, a number, a duration, a listen
/// address or a picture.
pub(super) fn is_other(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    let is_address = text.parse::<std::net::SocketAddrV4>().is_ok();
    let number = text.strip_suffix(['s', 'm', 'h', 'd', 'w']).unwrap_or(&text);
    PLAIN_WORDS.contains(&text.as_str())
        || number.bytes().all(|b| b.is_ascii_digit() || b == b'.')
        || is_address
        || PICTURES.iter().any(|ending| text.ends_with(ending))
}

/// Returns the image that a text is in any context: one with a registry, and a tag or a digest.
pub(super) fn image(text: &str) -> Option<ImageReference> {
    let image: ImageReference = text.parse().ok()?;
    let is_pinned =
        image.digest().is_some() || image.tag().is_some_and(|tag| !TAINTS.contains(&tag));
    let is_found = is_pinned && image.host().is_some_and(is_reachable) && !is_network(&image);
    is_found.then_some(image)
}

/// Returns the image that a text is if a name says so: one with a part that only images have.
pub(super) fn named_image(text: &str) -> Option<ImageReference> {
    text.parse().ok().filter(|_| text.contains([':', '/', '@']) && !is_other(text))
}

/// Returns the parts of the value of a flag or a variable whose name says that it has images: the
/// texts between commas and the like, without a name (`web=nginx:1`), quotes and a scheme.
pub(super) fn parts_of(value: &str) -> impl Iterator<Item = &str> {
    let parts = value.split(|c: char| c.is_whitespace() || ",;".contains(c));
    parts.map(part).filter(|part| !part.is_empty())
}

fn part(text: &str) -> &str {
    let text = text.rsplit_once('=').map_or(text, |(_, value)| value);
    let text = bare(text.trim_matches(['"', '\'']));
    match text.parse::<ImageReference>() {
        Ok(_) => text,
        // A text such as `$(IMAGE)` or `{{ .image }}` stays whole.
        Err(_) if has_placeholder(text) => text,
        Err(_) => bare(text.trim_matches(['[', ']', '{', '}', '(', ')', '"', '\''])),
    }
}

/// Returns the images in the value of a flag or a variable whose name says that it has some.
pub(super) fn images_of(value: &str) -> impl Iterator<Item = (&str, ImageReference)> {
    let is_list = value.contains([',', ';', '\n']);
    let is_prose = !is_list
        && value.split_whitespace().nth(1).is_some()
        && value.split_whitespace().any(|word| {
            PROSE.contains(&word)
                || (word.starts_with(|c: char| c.is_ascii_uppercase()) && !word.contains('='))
        });
    parts_of(value).filter_map(move |part| {
        let is_named = part.contains([':', '/', '@']);
        let is_image = !is_other(part) && (is_named || !is_prose);
        Some((part, part.parse().ok()?)).filter(|_| is_image)
    })
}

/// Returns the images anywhere in a text: a script, a flag with its value, a list.
pub(super) fn images_in(text: &str) -> impl Iterator<Item = (&str, ImageReference)> {
    let inside = |c: char| c.is_ascii_alphanumeric() || "._-/:@[]".contains(c);
    let tokens = with_defaults_apart(text).flat_map(move |text| text.split(move |c| !inside(c)));
    tokens.filter_map(|token| {
        // A text with any other scheme is not an image; these schemes are removed.
        let token = bare(token).trim_end_matches(['.', ':', '-', '[', ']']);
        let found = image(token).map(|image| (token, image));
        found.or_else(|| without_words(token).find_map(|token| Some((token, image(token)?))))
    })
}

/// Returns a token without words before its host: `image:ghcr.io/org/app:1`, `[ghcr.io/org/app:1`.
fn without_words(token: &str) -> impl Iterator<Item = &str> {
    let host = &token[..token.find('/').unwrap_or_default()];
    let last = host.rfind([':', '[']);
    let before = last.and_then(|last| host[..last].rfind([':', '[']));
    // The last word is the host, or its port.
    [before, last].into_iter().flatten().map(|at| &token[at + 1..])
}

/// Returns the images in a text by [`images_in`] and [`images_after_keywords`], each once, also those
/// that are complete only with the defaults of shell variables.
pub(super) fn images_anywhere(text: &str) -> Vec<Cow<'_, str>> {
    let mut seen = HashSet::new();
    let mut found: Vec<_> = words(text).filter(|word| seen.insert(*word)).map(Cow::from).collect();
    if let Some(complete) = with_defaults(text) {
        let mut new = HashSet::new();
        let words = words(&complete).filter(|word| !seen.contains(word) && new.insert(*word));
        found.extend(words.map(|word| Cow::from(word.to_owned())));
    }
    found
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    images_in(text).chain(images_after_keywords(text)).map(|(word, _)| word)
}

/// Returns the images that a text names by words before them, as in scripts and templates:
/// `image: app:1`, `--image=app:1`, `--image app:1`, `APP_IMAGE=app:1`.
pub(super) fn images_after_keywords(text: &str) -> impl Iterator<Item = (&str, ImageReference)> {
    let quotes = ['"', '\''];
    text.lines().filter(|line| line.contains("mage") || line.contains("MAGE")).flat_map(
        move |line| {
            let mut says_next = false;
            let words = line.split(|c: char| c.is_whitespace() || ",{}".contains(c));
            words.filter(|word| !word.is_empty()).filter_map(move |word| {
                let was_said = std::mem::take(&mut says_next);
                let word = word.trim_matches(quotes);
                // The braces of `${NAME:-app:1}` separate words.
                let (variable, default) = variable(word);
                let value = match word.split_once('=') {
                    Some((name, "$" | "\"$")) if implies_image(name) => {
                        says_next = true;
                        return None;
                    }
                    _ if default.is_some() && (was_said || implies_image(variable)) => {
                        default.unwrap_or_default()
                    }
                    Some((name, value)) if implies_image(name.trim_matches(quotes)) => value,
                    _ if was_said && word == "$" => {
                        says_next = true;
                        return None;
                    }
                    _ if was_said => word,
                    _ => {
                        let key = word.strip_suffix(':').map(|key| key.trim_matches(quotes));
                        let flag = word.strip_prefix('-');
                        says_next = key.or(flag).is_some_and(implies_image);
                        return None;
                    }
                };
                let value = bare(value.trim_matches(quotes).trim_end_matches([';', ')', '`']));
                Some((value, named_image(value)?))
            })
        },
    )
}

/// Returns the name and the default in `NAME:-default`.
fn variable(word: &str) -> (&str, Option<&str>) {
    match default_of(word) {
        Some(default) if word.contains(":-") || word.contains(":=") => {
            (word.split(':').next().unwrap_or_default(), Some(default))
        }
        _ => ("", None),
    }
}

/// Returns whether a repository with a tag is one of source code.
pub(super) fn is_source(repository: &str) -> bool {
    let host = repository.split('/').next().unwrap_or_default();
    FORGES.contains(&host) || repository.contains("://") || repository.ends_with(".git")
}

/// Returns whether a text that looks like an image is source code, a network, an API group or a
/// service.
fn is_network(image: &ImageReference) -> bool {
    let Some(host) = image.host() else { return false };
    let name = host.split(':').next().unwrap_or_default();
    let is_range = name.parse::<std::net::Ipv4Addr>().is_ok()
        && host == name
        && image.path().bytes().all(|b| b.is_ascii_digit());
    let is_cluster = [".k8s.io", ".kubernetes.io", ".svc", ".svc.cluster.local"]
        .iter()
        .any(|ending| name.ends_with(ending));
    is_range || (is_cluster && !name.contains("registry")) || FORGES.contains(&name)
}

/// Returns whether a first part is a host and not a file or a version: its last label begins with a
/// letter, or it is an address.
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
    fn images_are_completed_by_the_defaults_of_shell_variables() {
        for (text, images) in [
            ("pull ${HOST:-quay.io}/t/w:1.0", vec!["quay.io/t/w:1.0"]),
            ("pull quay.io/t/w:${TAG:-1.0}", vec!["quay.io/t/w:1.0"]),
            ("pull ${HOST-\"quay.io\"}/t/w:${TAG:=1.0};", vec!["quay.io/t/w:1.0"]),
            ("pull ${W:-quay.io/t/w}:1.0", vec!["quay.io/t/w:1.0"]),
            ("pull ${A:-${B:-quay.io/t/w}:1.0}", vec!["quay.io/t/w:1.0"]),
            ("pull ${A:-quay.io/t/w:1.0}", vec!["quay.io/t/w:1.0"]),
            ("run --image=worker:${TAG:-1.0}", vec!["worker:1.0"]),
            ("pull ${HOST}/t/w:${TAG:-1.0}", vec![]),
            ("pull quay.io/${ORG}/w:${TAG:-1.0} }", vec![]),
            ("${A:-${B:-${C:-", vec![]),
        ] {
            assert_eq!(images_anywhere(text), images, "{text}");
        }
    }

    #[test]
    fn references_with_a_registry_are_found_in_any_text() {
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
            ("image:ghcr.io/b/colon:1", vec!["ghcr.io/b/colon:1"]),
            ("-image:registry:5000/c:1", vec!["registry:5000/c:1"]),
            ("x=${WORKER:-quay.io/t/w:1} y", vec!["quay.io/t/w:1"]),
            ("${A:=quay.io/a:1}${B-quay.io/b:1}", vec!["quay.io/a:1", "quay.io/b:1"]),
            ("\"${A:-${B:-quay.io/a:1}}\"", vec!["quay.io/a:1"]),
            ("${A} ${B:+quay.io/a:1", vec!["quay.io/a:1"]),
            ("images=[ghcr.io/b/b:1]", vec!["ghcr.io/b/b:1"]),
            ("docker-daemon:ghcr.io/a/d:1", vec!["ghcr.io/a/d:1"]),
            ("[::1]:5000/a:1", vec!["[::1]:5000/a:1"]),
            ("registry.k8s.io/pause:3", vec!["registry.k8s.io/pause:3"]),
            (
                "registry.ops.svc.cluster.local:5000/a:1",
                vec!["registry.ops.svc.cluster.local:5000/a:1"],
            ),
        ] {
            assert_eq!(found(text), images, "{text}");
        }
        assert_eq!(found(&format!("x {DIGEST} g.io/a@{DIGEST}")), [format!("g.io/a@{DIGEST}")]);
    }

    #[test]
    fn labels_urls_and_other_text_are_not_images() {
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
            "github.com/org/repo:v1.2",
            "10.0.0.0/8:80",
            "metrics.k8s.io/v1beta1:pods",
            "app.kubernetes.io/name:web",
            "foo.svc.cluster.local:8080/metrics:x",
            "http://ghcr.io/a:1",
            "jdbc:postgresql://db.example.com:5432/x",
        ] {
            assert!(found(text).is_empty(), "{text}: {:?}", found(text));
        }
    }

    #[test]
    fn short_references_are_found_under_a_name_with_image() {
        for name in [
            "image",
            "sidecarImage",
            "SIDECAR_IMAGE",
            "queue-sidecar-image",
            "--images",
            "RELATED_IMAGE_X",
        ] {
            assert!(implies_image(name), "{name}");
        }
        for name in [
            "imagePullPolicy",
            "IMAGE_REGISTRY",
            "imagePullSecrets",
            "imageRepository",
            "images-dir",
        ] {
            assert!(!implies_image(name), "{name}");
        }
        for (text, images) in [
            ("nats:2, busybox", vec!["nats:2", "busybox"]),
            ("'org/app'", vec!["org/app"]),
            ("nginx:8,docker://ghcr.io/nine:1", vec!["nginx:8", "ghcr.io/nine:1"]),
            ("nginx:13,b=ghcr.io/b/b:14", vec!["nginx:13", "ghcr.io/b/b:14"]),
            ("a=nginx:11\nb=busybox:12", vec!["nginx:11", "busybox:12"]),
            ("nginx:1;busybox:2", vec!["nginx:1", "busybox:2"]),
            ("[nginx:1,\"busybox\"", vec!["nginx:1", "busybox"]),
            ("nginx busybox", vec!["nginx", "busybox"]),
            ("Pulled nginx:1", vec!["nginx:1"]),
        ] {
            let found: Vec<_> = images_of(text).map(|(part, _)| part).collect();
            assert_eq!(found, images, "{text}");
        }
        for text in [
            "true",
            "Always",
            "3",
            "",
            "$(IMAGE)",
            "/usr/share/x.png",
            "24h",
            "1.5",
            "10m",
            "enabled",
            "missing",
            "0.0.0.0:8080",
            "logo.png",
            "The default image to use",
            "which image to use",
        ] {
            assert_eq!(images_of(text).next(), None, "{text}");
        }
        assert!(named_image("ubuntu-latest").is_none() && named_image("org/app").is_some());
        assert!(named_image("static/logo.png").is_none());
        assert!(is_source("github.com/a/b") && !is_source("ghcr.io/a/b"));
    }

    #[test]
    fn options_and_keys_in_text_mark_the_next_word_as_an_image() {
        for (text, images) in [
            ("kubectl run x --image=nginx:1.26 --rm", vec!["nginx:1.26"]),
            ("kubectl run x --image nginx:1.26", vec!["nginx:1.26"]),
            ("  - image: nginx:1.25\n  - image: \"org/redis\"", vec!["nginx:1.25", "org/redis"]),
            ("{{ if x }}\nimage: istio/proxyv2:1.2\n{{ end }}", vec!["istio/proxyv2:1.2"]),
            ("SIDE_IMAGE='nginx:4'\nOTHER=x:1", vec!["nginx:4"]),
            ("image=nginx:1.3", vec!["nginx:1.3"]),
            ("x --worker-image=${X:-nginx:1}", vec!["nginx:1"]),
            ("x --worker-image \"${X:-nginx:2}\"", vec!["nginx:2"]),
            ("IMAGE=${IMAGE:-nginx:3}; y", vec!["nginx:3"]),
            ("run ${WORKER_IMAGE:-nginx:4}", vec!["nginx:4"]),
            ("{\"image\": \"nginx:1\"", vec!["nginx:1"]),
            ("image: {{ .image }}\nimage: nginx\nthe image is here: a/b", vec![]),
        ] {
            let found: Vec<_> = images_after_keywords(text).map(|(part, _)| part).collect();
            assert_eq!(found, images, "{text}");
        }
    }
}
