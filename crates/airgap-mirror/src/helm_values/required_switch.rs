//! Switches that a chart requires before it renders images of another registry.

use std::rc::Rc;

use crate::yaml::Node;

/// Words for "do not check" in the key of such a switch, and words for images in its path.
const PERMITS: [&str; 4] = ["allow", "skip", "ignore", "accept"];
const IMAGES: [&str; 2] = ["image", "registr"];

/// The largest number of switches of a chart, and of keys in the path of one.
const MOST: usize = 10;
const MOST_KEYS: usize = 8;

/// Returns the paths of the switches that a chart may require if it has refused to render with this
/// message: those that the message names, or else those among the chart's values.
///
/// Only switches whose names refer to images are set: any other consent is left to the user.
pub(super) fn switches(message: &str, values: &Rc<Node>) -> Vec<Vec<String>> {
    let named = named(message);
    if !named.is_empty() {
        return named;
    }
    let mut found = Vec::new();
    add(values, &mut Vec::new(), &mut found);
    found
}

fn named(message: &str) -> Vec<Vec<String>> {
    if !message.contains("true") {
        return Vec::new();
    }
    let is_part = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    let words = message.split(|c| !is_part(c)).map(|word| word.trim_matches('.'));
    let mut found: Vec<Vec<String>> = Vec::new();
    for word in words {
        let word = word.strip_prefix("Values.").unwrap_or(word);
        let path: Vec<_> = word.split('.').map(str::to_owned).collect();
        let is_path =
            (2..=MOST_KEYS).contains(&path.len()) && path.iter().all(|key| !key.is_empty());
        if is_path && permits(&path) && !found.contains(&path) {
            found.push(path);
        }
    }
    found.truncate(MOST);
    found
}

fn permits(path: &[String]) -> bool {
    let has = |key: &String, words: &[&str]| {
        let key = key.to_ascii_lowercase();
        words.iter().any(|word| key.contains(word))
    };
    path.last().is_some_and(|key| has(key, &PERMITS)) && path.iter().any(|key| has(key, &IMAGES))
}

fn add(node: &Rc<Node>, path: &mut Vec<String>, found: &mut Vec<Vec<String>>) {
    for entry in node.entries() {
        path.push(entry.key.to_string());
        match entry.value.scalar() {
            Some(scalar) if scalar.truth() == Some(false) && permits(path) => {
                if found.len() < MOST {
                    found.push(path.clone());
                }
            }
            _ => add(&entry.value, path, found),
        }
        path.pop();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::{self, Duplicates};

    #[test]
    fn only_switches_about_images_are_found() {
        let values = "global: {security: {allowInsecureImages: false}, acceptLicense: false}\ntls: {allowInsecure: false}\n";
        let values = yaml::document(values, "values.yaml", Duplicates::LastCounts).unwrap();
        let named = |message: &str| {
            let all = switches(message, &values);
            all.iter().map(|path| path.join(".")).collect::<Vec<_>>()
        };
        let own = ["global.security.allowInsecureImages"];
        assert_eq!(named("Unrecognized images"), own);
        assert_eq!(named("set 'global.security.allowInsecureImages' to true."), own);
        assert_eq!(named("needs image.skipVerify=true or x"), ["image.skipVerify"]);
        assert_eq!(named("set acceptLicense=true or global.acceptLicense=true"), own);
        assert_eq!(named("set tls.allowInsecure=true"), own);
    }
}
