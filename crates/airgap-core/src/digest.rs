//! SHA-256 digests: the identity of every artifact.

use std::fmt;
use std::str::FromStr;

use ring::digest::{Context, SHA256};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The SHA-256 of some bytes.
///
/// Written as 64 lower-case hexadecimal digits, as in a checksum registry, a lock or the output of
/// `sha256sum`; read with or without the prefix `sha256:` that OCI uses.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; 32]);

impl Digest {
    /// Returns the first twelve digits, enough to tell files apart in a name.
    pub fn short(&self) -> String {
        hex::encode(&self.0[..6])
    }

    /// Computes the digest of bytes in memory.
    pub fn compute(bytes: &[u8]) -> Digest {
        let mut hasher = Hasher::default();
        hasher.update(bytes);
        hasher.finish()
    }
}

impl FromStr for Digest {
    type Err = String;

    fn from_str(text: &str) -> Result<Digest, String> {
        let digits = text.strip_prefix("sha256:").unwrap_or(text);
        if digits.len() != 64 {
            return Err(format!(
                "a SHA-256 has 64 hexadecimal digits, `{text}` has {}",
                digits.chars().count()
            ));
        }
        let mut bytes = [0; 32];
        hex::decode_to_slice(digits, &mut bytes)
            .map_err(|_| format!("`{text}` contains other characters than hexadecimal digits"))?;
        Ok(Digest(bytes))
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({self})")
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Digest, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// A hasher that computes a [`Digest`] piece by piece.
#[derive(Clone)]
pub struct Hasher(Context);

impl Default for Hasher {
    fn default() -> Hasher {
        Hasher(Context::new(&SHA256))
    }
}

impl Hasher {
    /// Adds the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// Returns the digest of all bytes so far.
    pub fn finish(self) -> Digest {
        let mut digest = [0; 32];
        digest.copy_from_slice(self.0.finish().as_ref());
        Digest(digest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    #[test]
    fn reads_both_spellings_and_writes_one() {
        let plain: Digest = EMPTY.parse().unwrap();
        let prefixed: Digest = format!("sha256:{}", EMPTY.to_uppercase()).parse().unwrap();
        assert_eq!(plain, prefixed);
        assert_eq!(plain, Digest::compute(b""));
        assert_eq!(plain.to_string(), EMPTY);
    }

    #[test]
    fn an_invalid_digest_is_explained() {
        let short = "abc".parse::<Digest>().unwrap_err();
        assert!(short.contains("`abc` has 3"), "{short}");
        let letters = "z".repeat(64).parse::<Digest>().unwrap_err();
        assert!(letters.contains("hexadecimal"), "{letters}");
    }
}
