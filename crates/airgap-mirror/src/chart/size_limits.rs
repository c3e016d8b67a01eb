//! The limits on the size of a chart with all its subcharts.

use std::rc::Rc;

use crate::yaml::Node;
use airgap_core::error::{Error, Result};

/// The largest number of charts, subcharts and charts with two aliases included.
const MOST_CHARTS: usize = 500;

/// The largest number of values in all files, and of effective values in all charts: about 150
/// bytes of memory each.
const MOST_VALUES: u64 = 500_000;

/// The longest key of a value in bytes; the paths of values consist of keys.
const MOST_KEY: usize = 1024;

/// The largest number of dependencies of one chart.
const MOST_DEPENDENCIES: usize = 1000;

/// The used part of the limits.
pub(super) struct SizeBudget {
    /// The user's name for the chart.
    name: String,
    charts: usize,
    values: u64,
}

impl SizeBudget {
    /// Creates an empty count.
    pub(super) fn new(name: &str) -> SizeBudget {
        let name = name.to_owned();
        SizeBudget { name, charts: 0, values: 0 }
    }

    /// Counts a chart with these values.
    ///
    /// # Errors
    /// Usage, if a limit is exceeded; the same for the other functions.
    pub(super) fn chart(&mut self, values: &Node) -> Result<()> {
        self.charts += 1;
        self.limit(self.charts, MOST_CHARTS, "charts")?;
        self.values(values)
    }

    /// Counts values.
    pub(super) fn values(&mut self, values: &Node) -> Result<()> {
        self.values += u64::from(values.weight());
        self.limit(self.values, MOST_VALUES, "values")
    }

    /// Counts the values of a file, whose keys become parts of paths.
    pub(super) fn file(&mut self, values: &Rc<Node>) -> Result<()> {
        self.values(values)?;
        match longest_key(values) {
            key if key > MOST_KEY => {
                Err(Error::usage(format!("`{}` has a key that is too long", values.place.file))
                    .fact("expected", format!("at most {MOST_KEY} bytes"))
                    .fact("found", format!("{key} bytes")))
            }
            _ => Ok(()),
        }
    }

    /// Checks the number of dependencies of a chart.
    pub(super) fn dependencies(&self, count: usize) -> Result<()> {
        self.limit(count, MOST_DEPENDENCIES, "dependencies of one chart")
    }

    fn limit<N: PartialOrd + std::fmt::Display>(
        &self,
        found: N,
        most: N,
        what: &str,
    ) -> Result<()> {
        if found <= most {
            return Ok(());
        }
        Err(Error::usage(format!("the chart `{}` has more than {most} {what}", self.name))
            .hint("render it with `helm template` and give the manifests"))
    }
}

fn longest_key(node: &Node) -> usize {
    let items = node.items().iter().map(|item| longest_key(item));
    let entries = node.entries().iter().map(|it| it.key.len().max(longest_key(&it.value)));
    items.chain(entries).max().unwrap_or(0)
}
