//! `transfer.tsv`: the transferred files as a table for the people who approve the transfer.

use super::inventory::Inventory;
use super::line::Line;
use super::removed::Removed;

/// The names of the columns.
const HEAD: &str = "change\tpath\tkind\tsize\tsha256\tpart\tpurl\n";

/// Returns the text of the table, sorted by path.
pub(super) fn text(inventory: &Inventory, removed: &[Removed], far: Option<&Inventory>) -> String {
    let is_there = |line: &Line| {
        let there = far.and_then(|far| far.find(&line.path));
        there.is_some_and(|there| there.sha256 == line.sha256)
    };
    let row = |line| row(line, is_there(line));
    let mut rows: Vec<_> = inventory.lines().iter().map(|line| (&line.path, row(line))).collect();
    let gone = |it: &Removed| format!("removed\t{}\t\t\t{}\t\t\n", it.path, it.sha256);
    rows.extend(removed.iter().map(|removed| (&removed.path, gone(removed))));
    rows.sort();
    rows.into_iter().fold(HEAD.to_owned(), |text, (_, row)| text + &row)
}

fn row(line: &Line, is_there: bool) -> String {
    let change = match line.replaces {
        _ if is_there => "there",
        Some(_) => "changed",
        None => "new",
    };
    let part = line.part.map(|part| part.to_string()).unwrap_or_default();
    let Line { path, size, sha256, purl, .. } = line;
    format!("{change}\t{path}\t{}\t{size}\t{sha256}\t{part}\t{purl}\n", line.kind.name())
}
