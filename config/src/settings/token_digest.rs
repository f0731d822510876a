//! A token that an operator is recognised by, by its digest. The token itself is nowhere but with the
//! operator.

use std::fmt;
use std::str::FromStr;

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
        if digits.len() != 64 || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return Err(NoTokenDigest);
        }
        let mut bytes = [0; 32];
        for (byte, start) in bytes.iter_mut().zip((0..digits.len()).step_by(2)) {
            let pair = digits.get(start..start + 2).ok_or(NoTokenDigest)?;
            *byte = u8::from_str_radix(pair, 16).map_err(|_| NoTokenDigest)?;
        }
        Ok(Self(bytes))
    }
}

impl fmt::Display for TokenDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("sha256:")?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
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
