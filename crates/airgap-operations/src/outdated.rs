//! Compares each pin of a workspace with the present content of its source.
//!
//! ```text
//! request.json, locks, mirror.yaml, BUILD files --pins--> Pin --Lookup--> Row
//! ```
//!
//! Tools and archives of WIT packages are compared with the checksum registry, which needs no
//! network; everything else with its registry, by the same settings and credentials as a fetch. A
//! source that fails makes its own rows unknown, and no others.

mod lookup;
mod pin;
mod row;
mod silent_hosts;
mod version;
mod workspace;

use serde::Serialize;

use airgap_core::error::Error;
use airgap_core::quantity::count;

pub use lookup::Lookup;
pub use pin::{Pin, Pinned, Pins};
pub use row::{Row, Status};
pub use workspace::Workspace;

/// The version of the JSON form.
pub const SCHEMA_VERSION: u32 = 1;

/// The comparison of all pins.
#[derive(Debug, Serialize)]
pub struct Comparison {
    schema_version: u32,
    /// A row for each pin, sorted by id.
    pub rows: Vec<Row>,
    /// The pins and sources that were not looked up, each with the reason.
    pub not_looked_up: Vec<NotLookedUp>,
}

/// A group of pins, or a source, that was not looked up.
#[derive(Clone, Debug, Serialize)]
pub struct NotLookedUp {
    /// The pins or the source.
    pub what: String,
    /// The reason.
    pub because: String,
    /// The failure; `None` if the program never looks it up.
    #[serde(skip)]
    pub failure: Option<Error>,
}

impl Comparison {
    /// Creates the comparison from its parts.
    pub fn new(mut rows: Vec<Row>, mut not_looked_up: Vec<NotLookedUp>) -> Comparison {
        rows.sort_by(|a, b| a.id.cmp(&b.id));
        rows.dedup_by(|other, one| other.id == one.id);
        if rows.iter().any(|row| row.kind == "tool") {
            not_looked_up.push(NotLookedUp {
                what: "releases of tools on GitHub".to_owned(),
                because: "a tool is compared with the checksum registry of this program, and with \
                    your own files of `--registry`; `wasm-airgap toolchain pin` adds a release"
                    .to_owned(),
                failure: None,
            });
        }
        Comparison { schema_version: SCHEMA_VERSION, rows, not_looked_up }
    }

    /// Returns the number of rows with a status.
    pub fn count(&self, status: Status) -> usize {
        self.rows.iter().filter(|row| row.status == status).count()
    }

    /// Returns an error if a pin could not be compared. Its kind is that of the most serious failure.
    pub fn failure(&self) -> Option<Error> {
        let unknown = self.rows.iter().filter(|row| row.status == Status::Unknown);
        let sources = self.not_looked_up.iter().filter_map(|it| it.failure.as_ref());
        let reasons = unknown.clone().filter_map(|row| row.failure.as_ref()).chain(sources.clone());
        let (unknown, groups) = (unknown.count(), sources.count());
        if unknown + groups == 0 {
            return None;
        }
        let statement = match unknown {
            0 => "some pins could not be found".to_owned(),
            _ => format!("{unknown} of {} could not be compared", count(self.rows.len(), "pin")),
        };
        Some(
            Error::from_many(reasons, statement)
                .hint("the list has the reason for each; the other pins were compared"),
        )
    }
}
