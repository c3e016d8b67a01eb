//! Packages that need each other in a circle, which WIT does not allow.

use std::collections::{BTreeMap, BTreeSet};

use super::provided::Provided;
use crate::error::{Error, Result};
use crate::wit::{Declared, Source};

/// # Errors
/// Usage, showing the circle.
pub(super) fn check(own: &Source, provided: &Provided) -> Result<()> {
    let mut graph: BTreeMap<&Declared, &BTreeSet<Declared>> = BTreeMap::new();
    for (_, package) in provided.packages() {
        graph.extend(package.source.uses());
    }
    // The own package last: it is the one that counts where another one has its name.
    graph.extend(own.uses());
    let Some(circle) = find(&graph) else { return Ok(()) };
    let shown: Vec<_> = circle.iter().map(ToString::to_string).collect();
    Err(Error::usage("packages need each other in a circle")
        .fact("circle", shown.join(" -> "))
        .hint("put what two of them need into a package of its own"))
}

/// The first circle, its first package at both ends.
fn find<'a>(graph: &BTreeMap<&'a Declared, &'a BTreeSet<Declared>>) -> Option<Vec<&'a Declared>> {
    let mut done = BTreeSet::new();
    for start in graph.keys() {
        // What is above in the search, each with what of it has not been looked at.
        let mut path: Vec<(&Declared, Vec<&Declared>)> = Vec::new();
        let mut next = Some(*start);
        loop {
            if let Some(package) = next.take() {
                if let Some(index) = path.iter().position(|(above, _)| *above == package) {
                    let circle = path[index..].iter().map(|(above, _)| *above);
                    return Some(circle.chain([package]).collect());
                }
                if !done.contains(package) {
                    let uses = graph.get(package).map(|uses| uses.iter().rev().collect());
                    path.push((package, uses.unwrap_or_default()));
                }
            }
            let Some((package, left)) = path.last_mut() else { break };
            next = left.pop();
            if next.is_none() {
                done.insert(*package);
                path.pop();
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn circle(edges: &[(&str, &str)]) -> Option<String> {
        let id =
            |name: &str| Declared { name: format!("x:{name}").parse().unwrap(), version: None };
        let mut uses = BTreeMap::<Declared, BTreeSet<Declared>>::new();
        for (from, to) in edges {
            uses.entry(id(from)).or_default().insert(id(to));
        }
        let graph = uses.iter().collect();
        let names = |it: Vec<&Declared>| it.iter().map(|it| it.name.name()).collect::<String>();
        find(&graph).map(names)
    }

    #[test]
    fn a_circle_is_shown_without_the_way_to_it() {
        assert_eq!(circle(&[("a", "b"), ("b", "c"), ("a", "c"), ("c", "d"), ("b", "d")]), None);
        assert_eq!(circle(&[("a", "b"), ("b", "c"), ("c", "b")]).unwrap(), "bcb");
        assert_eq!(circle(&[("a", "a")]).unwrap(), "aa");
        assert_eq!(circle(&[("c", "a"), ("b", "d"), ("a", "b"), ("d", "c")]).unwrap(), "abdca");
    }

    /// Deep enough to end a search that calls itself.
    #[test]
    fn a_long_way_is_no_circle() {
        let word = |n: usize| format!("p{n}");
        let names: Vec<_> = (0..2_000).map(|n| (word(n), word(n + 1))).collect();
        let edges: Vec<_> = names.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
        assert_eq!(circle(&edges), None);
    }
}
