//! A token that an operator is recognised by, by its digest. The token itself is nowhere but with the
//! operator.

use std::fmt;
use std::str::FromStr;

use super::Fingerprint;

/// SHA-256 of a token's text.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct TokenDigest(pub [u8; 32]);

/// The text is no digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a token's digest is \"sha256:\" and 64 hexadecimal digits")]
pub struct NoTokenDigest;

impl FromStr for TokenDigest {
    type Err = NoTokenDigest;

    /// `sha256:` and 64 hexadecimal digits. The word is needed, so that nobody writes the token here.
    fn from_str(text: &str) -> Result<Self, NoTokenDigest> {
        let digits = text.strip_prefix("sha256:").ok_or(NoTokenDigest)?;
        // A certificate's hash may be written in other ways too.
        if digits.len() != 64 {
            return Err(NoTokenDigest);
        }
        let hash: Fingerprint = digits.parse().map_err(|_| NoTokenDigest)?;
        Ok(Self(hash.0))
    }
}

impl fmt::Display for TokenDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha256:{}", Fingerprint(self.0))
    }
}

impl fmt::Debug for TokenDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TokenDigest({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_written_as_it_is_read_and_nothing_else_is_taken() {
        let text = format!("sha256:{}", "0a".repeat(32));
        let digest: TokenDigest = text.parse().unwrap();
        assert_eq!(digest.to_string(), text);
        for wrong in [
            "",
            "sha256:",
            &text[7..],
            &text[..70],
            &text.replace('a', "g"),
            &format!("{text}0"),
        ] {
            assert_eq!(wrong.parse::<TokenDigest>(), Err(NoTokenDigest), "{wrong}");
        }
    }
}
