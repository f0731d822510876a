//! A certificate by its hash, as `openssl x509 -fingerprint -sha256` prints it.

use std::fmt;
use std::str::FromStr;

/// SHA-256 of a certificate's DER form.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint(pub [u8; 32]);

/// The text is no fingerprint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a fingerprint is the SHA-256 of a certificate, as 64 hexadecimal digits")]
pub struct NoFingerprint;

impl FromStr for Fingerprint {
    type Err = NoFingerprint;

    /// 64 hexadecimal digits, with a colon between every two if wanted, and `sha256:` before them
    /// if wanted.
    fn from_str(text: &str) -> Result<Self, NoFingerprint> {
        let digits = match text.split_at_checked(7) {
            Some((prefix, rest)) if prefix.eq_ignore_ascii_case("sha256:") => rest,
            _ => text,
        };
        let pairs: Vec<&str> = if digits.contains(':') {
            digits.split(':').collect()
        } else {
            let starts = (0..digits.len()).step_by(2);
            let pair = |start: usize| digits.get(start..start + 2).ok_or(NoFingerprint);
            starts.map(pair).collect::<Result<_, _>>()?
        };
        let byte = |pair: &&str| {
            let is_hex = pair.len() == 2 && pair.bytes().all(|digit| digit.is_ascii_hexdigit());
            is_hex.then(|| u8::from_str_radix(pair, 16).ok()).flatten()
        };
        let bytes: Option<Vec<u8>> = pairs.iter().map(byte).collect();
        let bytes = bytes.and_then(|bytes| bytes.try_into().ok());
        bytes.map(Self).ok_or(NoFingerprint)
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fingerprint({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn other_lengths_and_letters_are_refused() {
        let right = "ab".repeat(32);
        assert!(right.parse::<Fingerprint>().is_ok());
        for wrong in [
            "",
            "ab",
            "sha256:",
            &"ab".repeat(31),
            &"ab".repeat(33),
            &format!("{}+1", "ab".repeat(31)),
            &format!("{}g0", "ab".repeat(31)),
            &format!("a:bab{}", "ab".repeat(30)),
            &format!("sha1:{right}"),
        ] {
            assert!(wrong.parse::<Fingerprint>().is_err(), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn every_fingerprint_is_read_in_every_form(bytes: [u8; 32]) {
            let it = Fingerprint(bytes);
            let plain = it.to_string();
            let pairs: Vec<String> = bytes.iter().map(|byte| format!("{byte:02X}")).collect();
            for text in [plain.clone(), pairs.join(":"), format!("SHA256:{}", pairs.join(":")), format!("sha256:{plain}")] {
                prop_assert_eq!(text.parse::<Fingerprint>(), Ok(it));
            }
        }

        #[test]
        fn no_text_makes_it_panic(text in ".*") {
            let _ = text.parse::<Fingerprint>();
        }
    }
}
