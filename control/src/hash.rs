//! A BLAKE3 hash as text: 64 hexadecimal digits. What a request's content and the journal's head are
//! known by.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The hash of something.
#[derive(
    Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct Hash([u8; 32]);

/// The text is no hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a hash is 64 hexadecimal digits in lower case")]
pub struct NoHash;

impl Hash {
    /// So many digits.
    pub const DIGITS: usize = 64;
    /// The hash before the first: nothing was hashed yet.
    pub const NONE: Self = Self([0; 32]);

    /// The hash of these bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(*blake3::hash(bytes).as_bytes())
    }

    /// The hash of these bytes after those that made this one.
    #[must_use]
    pub fn then(self, bytes: &[u8]) -> Self {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&self.0);
        hasher.update(bytes);
        Self(*hasher.finalize().as_bytes())
    }
}

impl FromStr for Hash {
    type Err = NoHash;

    fn from_str(text: &str) -> Result<Self, NoHash> {
        let is_written_so = |digit: u8| digit.is_ascii_digit() || (b'a'..=b'f').contains(&digit);
        if text.len() != Self::DIGITS || !text.bytes().all(is_written_so) {
            return Err(NoHash);
        }
        let hash = blake3::Hash::from_hex(text).map_err(|_| NoHash)?;
        Ok(Self(*hash.as_bytes()))
    }
}

impl TryFrom<String> for Hash {
    type Error = NoHash;

    fn try_from(text: String) -> Result<Self, NoHash> {
        text.parse()
    }
}

impl From<Hash> for String {
    fn from(hash: Hash) -> Self {
        hash.to_string()
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Hash({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_hash_is_read_as_it_is_written(bytes: [u8; 32]) {
            let hash = Hash(bytes);
            prop_assert_eq!(hash.to_string().parse::<Hash>(), Ok(hash));
            let json = serde_json::to_string(&hash).unwrap();
            prop_assert_eq!(serde_json::from_str::<Hash>(&json).unwrap(), hash);
        }

        #[test]
        fn no_text_makes_it_panic(text in ".{0,70}") {
            let _ = text.parse::<Hash>();
        }
    }

    #[test]
    fn there_is_one_way_to_write_it() {
        let right = Hash::of(b"x").to_string();
        assert!(right.parse::<Hash>().is_ok());
        for wrong in ["", &right[1..], &format!("{right}0"), &right.to_uppercase()] {
            assert!(wrong.parse::<Hash>().is_err(), "{wrong}");
        }
    }
}
