//! The path of a field in a resource, in the syntax of tools that change fields.

use std::rc::Rc;

use crate::yaml::Node;

/// A step of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum FieldStep {
    Key(String),
    Item(usize),
}

/// Parses a path such as `spec.containers[0].image` or `data["a.yaml"]`; `None` if a key in it has
/// characters that no field of Kubernetes has.
pub(super) fn steps(path: &str) -> Option<Vec<FieldStep>> {
    let (mut steps, mut rest) = (Vec::new(), path);
    while !rest.is_empty() {
        if let Some(quoted) = rest.strip_prefix("[\"") {
            let (key, behind) = quoted.split_once("\"]")?;
            steps.push(FieldStep::Key(key.to_owned()));
            rest = behind;
        } else if let Some(item) = rest.strip_prefix('[') {
            let (index, behind) = item.split_once(']')?;
            steps.push(FieldStep::Item(index.parse().ok()?));
            rest = behind;
        } else {
            let key = rest.strip_prefix('.').unwrap_or(rest);
            let end = key.find(['.', '[']).unwrap_or(key.len());
            steps.push(FieldStep::Key(key[..end].to_owned()));
            rest = &key[end..];
        }
    }
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "._/-".contains(c);
    let are_plain = steps.iter().all(|step| match step {
        FieldStep::Key(key) => !key.is_empty() && key.chars().all(is_plain),
        FieldStep::Item(_) => true,
    });
    are_plain.then_some(steps)
}

/// Returns a path as the field specification of a Kustomize transformer: `spec/list[]/image`.
/// `None` if it ends at an item of a list, or goes through lists of lists, which the syntax cannot
/// express.
pub(super) fn field_spec(steps: &[FieldStep]) -> Option<String> {
    let mut path = String::new();
    for pair in steps.iter().zip(steps.iter().skip(1).map(Some).chain([None])) {
        match pair {
            (FieldStep::Item(_), None | Some(FieldStep::Item(_))) => return None,
            (FieldStep::Item(_), _) if path.is_empty() => return None,
            (FieldStep::Item(_), _) => path.push_str("[]"),
            (FieldStep::Key(key), _) => {
                let separator = if path.is_empty() { "" } else { "/" };
                path.push_str(&format!("{separator}{}", key.replace('/', "\\/")));
            }
        }
    }
    Some(path)
}

/// Returns a path as a JSON pointer (RFC 6901 section 3).
pub(super) fn pointer(steps: &[FieldStep]) -> String {
    let step = |step: &FieldStep| match step {
        FieldStep::Key(key) => format!("/{}", key.replace('~', "~0").replace('/', "~1")),
        FieldStep::Item(index) => format!("/{index}"),
    };
    steps.iter().map(step).collect()
}

/// Follows a path from a resource to the first value that is not a collection, and returns it with
/// the number of steps and its parent.
pub(super) fn follow<'a>(
    resource: &'a Rc<Node>,
    steps: &[FieldStep],
) -> Option<(&'a Rc<Node>, usize, &'a Rc<Node>)> {
    let mut node = resource;
    for (index, step) in steps.iter().enumerate() {
        let next = match step {
            FieldStep::Key(key) => node.get(key)?,
            FieldStep::Item(index) => node.items().get(*index)?,
        };
        if next.scalar().is_some() {
            return Some((next, index + 1, node));
        }
        node = next;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_written_as_field_specs_and_json_pointers() {
        for (path, spec, json) in [
            ("spec.image", Some("spec/image"), "/spec/image"),
            ("spec.a[0].b[12].image", Some("spec/a[]/b[]/image"), "/spec/a/0/b/12/image"),
            ("data[\"a.b/c\"]", Some("data/a.b\\/c"), "/data/a.b~1c"),
            ("data[\"a.b\"].x", Some("data/a.b/x"), "/data/a.b/x"),
            ("spec.args[1]", None, "/spec/args/1"),
            ("spec.a[0][1].x", None, "/spec/a/0/1/x"),
        ] {
            let steps = steps(path).unwrap();
            assert_eq!(field_spec(&steps).as_deref(), spec, "{path}");
            assert_eq!(pointer(&steps), json);
        }
        assert_eq!(steps("data[\"a\\\"b\"]"), None);
        assert_eq!(steps("data[\"a b\"]"), None);
    }
}
