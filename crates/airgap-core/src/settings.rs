//! One setting as a row of text, with secrets hidden.

use std::fmt::Display;

use serde::Serialize;

/// Where a setting comes from that nobody made.
pub const DEFAULT: &str = "default";

/// One setting.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Setting {
    /// What it decides.
    pub name: String,
    /// Its value; empty where there is none.
    pub value: String,
    /// The variable it came from, the place in a file as `path:line`, or `default`.
    pub from: String,
    /// Where other settings are that say something else and lost, the strongest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub over: Vec<String>,
}

impl Setting {
    /// A setting that won over no other.
    pub fn new(name: impl Display, value: impl Display, from: impl Display) -> Setting {
        let (name, value) = (name.to_string(), value.to_string());
        Setting { name, value, from: from.to_string(), over: Vec::new() }
    }

    /// The same setting, which won over these.
    #[must_use]
    pub fn over(self, over: Vec<String>) -> Setting {
        Setting { over, ..self }
    }
}
