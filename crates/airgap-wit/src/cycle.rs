//! Finds cycles of packages that depend on each other, which WIT does not allow.

use std::collections::{BTreeMap, BTreeSet};

/// Returns the first cycle of a graph, with its first package at both ends.
pub fn find_cycle<'a, T: Ord>(graph: &BTreeMap<&'a T, &'a BTreeSet<T>>) -> Option<Vec<&'a T>> {
    let mut done = BTreeSet::new();
    for start in graph.keys() {
        // The packages above in the search, each with its needs that have not been visited.
        let mut path: Vec<(&T, Vec<&T>)> = Vec::new();
        let mut above = BTreeSet::new();
        let mut next = Some(*start);
        loop {
            if let Some(package) = next.take() {
                if above.contains(package) {
                    let index = path.iter().position(|(above, _)| *above == package);
                    let index = index.unwrap_or_default();
                    let cycle = path[index..].iter().map(|(above, _)| *above);
                    return Some(cycle.chain([package]).collect());
                }
                if !done.contains(package) {
                    let uses = graph.get(package).map(|uses| uses.iter().rev().collect());
                    path.push((package, uses.unwrap_or_default()));
                    above.insert(package);
                }
            }
            let Some((package, left)) = path.last_mut() else { break };
            next = left.pop();
            if next.is_none() {
                done.insert(*package);
                above.remove(package);
                path.pop();
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(edges: &[(&str, &str)]) -> Option<String> {
        let mut uses = BTreeMap::<String, BTreeSet<String>>::new();
        for (from, to) in edges {
            uses.entry((*from).to_owned()).or_default().insert((*to).to_owned());
        }
        let graph = uses.iter().collect();
        find_cycle(&graph).map(|it| it.into_iter().map(String::as_str).collect())
    }

    #[test]
    fn a_cycle_is_returned_without_the_path_to_it() {
        assert_eq!(found(&[("a", "b"), ("b", "c"), ("a", "c"), ("c", "d"), ("b", "d")]), None);
        assert_eq!(found(&[("a", "b"), ("b", "c"), ("c", "b")]).unwrap(), "bcb");
        assert_eq!(found(&[("a", "a")]).unwrap(), "aa");
        assert_eq!(found(&[("c", "a"), ("b", "d"), ("a", "b"), ("d", "c")]).unwrap(), "abdca");
    }

    /// Uses a path that is long enough to overflow the stack of a recursive search.
    #[test]
    fn a_long_path_is_not_a_cycle() {
        let word = |n: usize| format!("p{n}");
        let names: Vec<_> = (0..50_000).map(|n| (word(n), word(n + 1))).collect();
        let edges: Vec<_> = names.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
        assert_eq!(found(&edges), None);
    }
}
