//! One setting as a row of text, with secrets hidden.

use std::fmt::Display;

use serde::Serialize;

/// The origin of a setting that was not set.
pub const DEFAULT: &str = "default";

/// One setting.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Setting {
    /// The name of the setting.
    pub name: String,
    /// Its value; empty if it has none.
    pub value: String,
    /// Its origin: a variable, a position in a file as `path:line`, or `default`.
    pub from: String,
    /// The origins of overridden settings with other values, the strongest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub over: Vec<String>,
}

impl Setting {
    /// Creates a setting that overrides no other.
    pub fn new(name: impl Display, value: impl Display, from: impl Display) -> Setting {
        let (name, value) = (name.to_string(), value.to_string());
        Setting { name, value, from: from.to_string(), over: Vec::new() }
    }

    /// Returns the setting with the origins of the settings that it overrides.
    #[must_use]
    pub fn over(self, over: Vec<String>) -> Setting {
        Setting { over, ..self }
    }
}
