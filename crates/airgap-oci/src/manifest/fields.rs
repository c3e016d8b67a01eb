//! The annotations and unknown fields of a descriptor, in little memory: the sender chooses how
//! much there is of them, and they are only written again.

use std::fmt;
use std::ops::Index;

use serde::de::{DeserializeSeed, MapAccess, Visitor};
use serde::ser::{Error as _, SerializeMap};
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

/// The annotations of a descriptor, in the order of their keys.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Annotations(Vec<(String, String)>);

/// Fields that this program does not know, as the JSON text of their object; empty for none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OtherFields(Box<str>);

impl Annotations {
    /// Creates annotations from pairs. The last pair of each key counts.
    pub(super) fn from_pairs(mut pairs: Vec<(String, String)>) -> Annotations {
        pairs.reverse();
        pairs.sort_by(|(one, _), (other, _)| one.cmp(other));
        pairs.dedup_by(|(later, _), (earlier, _)| later == earlier);
        pairs.shrink_to_fit();
        Annotations(pairs)
    }

    /// Returns the value of a key.
    pub fn get(&self, key: &str) -> Option<&String> {
        let place = self.place(key).ok()?;
        Some(&self.0[place].1)
    }

    /// Sets the value of a key.
    pub fn insert(&mut self, key: String, value: String) {
        match self.place(&key) {
            Ok(place) => self.0[place].1 = value,
            Err(place) => self.0.insert(place, (key, value)),
        }
    }

    /// Returns the approximate memory in bytes that they take.
    pub(super) fn size(&self) -> usize {
        let heap = |text: &String| 16 + text.len();
        self.0
            .iter()
            .map(|(key, value)| size_of::<(String, String)>() + heap(key) + heap(value))
            .sum()
    }

    fn place(&self, key: &str) -> Result<usize, usize> {
        self.0.binary_search_by(|(it, _)| it.as_str().cmp(key))
    }

    /// Returns whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Index<&str> for Annotations {
    type Output = String;

    /// Returns the value of a key; an empty one if the key is missing.
    fn index(&self, key: &str) -> &String {
        static NONE: String = String::new();
        self.get(key).unwrap_or(&NONE)
    }
}

impl Serialize for Annotations {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(key, value)| (key, value)))
    }
}

impl OtherFields {
    /// Appends a field to the text of an object that is not closed yet.
    pub(super) fn push(text: &mut String, key: &str, value: &RawValue) {
        text.push(if text.is_empty() { '{' } else { ',' });
        text.push_str(&serde_json::Value::from(key).to_string());
        text.push(':');
        text.push_str(value.get());
    }

    /// Returns the approximate memory in bytes that they take.
    pub(super) fn size(&self) -> usize {
        self.0.len()
    }

    /// Closes the object and returns its fields.
    pub(super) fn closed(mut text: String) -> OtherFields {
        if !text.is_empty() {
            text.push('}');
        }
        OtherFields(text.into())
    }

    /// Writes the fields into an object, one after the other.
    pub(super) fn write<M: SerializeMap>(&self, map: &mut M) -> Result<(), M::Error> {
        if self.0.is_empty() {
            return Ok(());
        }
        let mut text = serde_json::Deserializer::from_str(&self.0);
        let mut failed = None;
        let copied = Copy { map, failed: &mut failed }.deserialize(&mut text);
        match (failed, copied) {
            (Some(error), _) => Err(error),
            (None, copied) => copied.map_err(M::Error::custom),
        }
    }
}

/// A deserializer that copies the fields of an object into another one that is being written.
struct Copy<'a, M: SerializeMap> {
    map: &'a mut M,
    failed: &'a mut Option<M::Error>,
}

impl<'de, M: SerializeMap> DeserializeSeed<'de> for Copy<'_, M> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de, M: SerializeMap> Visitor<'de> for Copy<'_, M> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<(), A::Error> {
        while let Some((key, value)) = fields.next_entry::<String, &RawValue>()? {
            if let Err(error) = self.map.serialize_entry(&key, value) {
                *self.failed = Some(error);
                return Err(serde::de::Error::custom("cannot be written"));
            }
        }
        Ok(())
    }
}
