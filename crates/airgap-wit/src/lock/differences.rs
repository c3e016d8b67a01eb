//! Describes the changes between two locks in words.

use std::collections::BTreeSet;

use super::{Lock, Locked};
use airgap_core::digest::Digest;
use airgap_core::package::{PackageId, PackageName};

/// Returns a line for each difference, in the order of the packages.
pub(super) fn between(locked: &Lock, found: &Lock) -> Vec<String> {
    let names: BTreeSet<_> =
        locked.packages.iter().chain(&found.packages).map(|it| &it.package.name).collect();
    names.into_iter().flat_map(|name| of_package(name, locked, found)).collect()
}

fn of_package(name: &PackageName, locked: &Lock, found: &Lock) -> Vec<String> {
    let only_in = |one: &Lock, other: &Lock| -> Vec<PackageId> {
        let ids = one.packages.iter().map(|it| &it.package).filter(|it| it.name == *name);
        ids.filter(|it| other.get(it).is_none()).cloned().collect()
    };
    let (gone, new) = (only_in(locked, found), only_in(found, locked));
    let mut lines = match (gone.as_slice(), new.as_slice()) {
        ([gone], [new]) => {
            vec![format!(
                "another version of {name}: locked {}, found {}",
                gone.version, new.version
            )]
        }
        (gone, new) => {
            let gone = gone.iter().map(|it| format!("locked and not needed: {it}"));
            gone.chain(new.iter().map(|it| format!("needed and not locked: {it}"))).collect()
        }
    };
    for one in locked.packages.iter().filter(|it| it.package.name == *name) {
        lines.extend(found.get(&one.package).into_iter().flat_map(|other| of_version(one, other)));
    }
    lines
}

fn of_version(locked: &Locked, found: &Locked) -> Vec<String> {
    let package = &locked.package;
    let text = |it: &Option<String>| it.clone().unwrap_or_else(|| "none".to_owned());
    let hash = |it: &Option<Digest>| it.map_or("none".to_owned(), |it| format!("sha256:{it}"));
    let list = |it: &[PackageId]| match it {
        [] => "none".to_owned(),
        it => it.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "),
    };
    let both = [
        ("digest", hash(&Some(locked.digest)), hash(&Some(found.digest))),
        ("tree", hash(&locked.tree), hash(&found.tree)),
        ("registry", text(&locked.registry), text(&found.registry)),
        ("url", text(&locked.url), text(&found.url)),
        ("path", text(&locked.path), text(&found.path)),
        ("requirement", locked.requirement.clone(), found.requirement.clone()),
        ("list of dependencies", list(&locked.dependencies), list(&found.dependencies)),
    ];
    let different = both.into_iter().filter(|(_, locked, found)| locked != found);
    different
        .map(|(what, locked, found)| {
            format!("another {what} of {package}: locked {locked}, found {found}")
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::tests::locked;
    use super::*;

    #[test]
    fn each_difference_is_a_line() {
        let one = Lock::new([
            locked("a:b@1.0.0", None),
            locked("a:c@1.0.0", None),
            locked("a:e@1.0.0", None),
            locked("a:e@2.0.0", None),
        ]);
        let mut other = Lock::new([
            locked("a:b@1.0.0", None),
            locked("a:d@1.0.0", None),
            locked("a:e@1.0.0", None),
            locked("a:e@2.1.0", None),
        ]);
        assert!(one.differences(&one).is_empty());
        other.packages[0].digest = Digest::compute(b"other");
        other.packages[0].tree = None;
        let lines = one.differences(&other);
        assert_eq!(lines.len(), 5, "{lines:#?}");
        assert!(lines[0].starts_with("another digest of a:b@1.0.0: locked sha256:"), "{lines:?}");
        assert!(lines[1].starts_with("another tree of a:b@1.0.0: locked sha256:"), "{lines:?}");
        assert!(lines[1].ends_with("found none"), "{lines:?}");
        assert_eq!(lines[2], "locked and not needed: a:c@1.0.0");
        assert_eq!(lines[3], "needed and not locked: a:d@1.0.0");
        assert_eq!(lines[4], "another version of a:e: locked 2.0.0, found 2.1.0");
    }
}
