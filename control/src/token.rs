//! A token that an operator shows: 256 bits of chance, as text. An edge knows its SHA-256 alone, which
//! for so much chance is as good as a slow hash for a password. It is sent as `Authorization: Bearer`
//! (RFC 6750, section 2.1), over the control socket or TLS, and never stands in a URL, an argument or
//! a log.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use http::HeaderValue;
use ring::digest;
use secrecy::{ExposeSecret, SecretString};

/// What every token begins with, so that people and programs see what it is when one is lost.
const BEGINNING: &str = "yagura_";
/// Bytes of chance.
pub const CHANCE_BYTES: usize = 32;

/// A token. It is not shown by `Debug`, and wiped when it is dropped.
#[derive(Clone, Debug)]
pub struct Token(SecretString);

/// The text is no token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a token is \"yagura_\" and 43 letters, digits, - and _; `yagura token new` makes one")]
pub struct NoToken;

impl Token {
    /// The token of these bytes, which nobody else may know.
    #[must_use]
    pub fn of(chance: &[u8; CHANCE_BYTES]) -> Self {
        let text = format!("{BEGINNING}{}", BASE64_URL_SAFE_NO_PAD.encode(chance));
        Self(SecretString::from(text))
    }

    /// Reads one.
    ///
    /// # Errors
    /// The text is none.
    pub fn parse(text: &str) -> Result<Self, NoToken> {
        let rest = text.strip_prefix(BEGINNING).ok_or(NoToken)?;
        let chance = BASE64_URL_SAFE_NO_PAD.decode(rest).map_err(|_| NoToken)?;
        match chance.len() {
            CHANCE_BYTES => Ok(Self(SecretString::from(text.to_owned()))),
            _ => Err(NoToken),
        }
    }

    /// Its SHA-256, as edges know it.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        let hash = digest::digest(&digest::SHA256, self.0.expose_secret().as_bytes());
        let mut bytes = [0; 32];
        for (byte, hashed) in bytes.iter_mut().zip(hash.as_ref()) {
            *byte = *hashed;
        }
        bytes
    }

    /// The field `Authorization` with it.
    #[must_use]
    pub fn authorization(&self) -> Option<HeaderValue> {
        let text = format!("Bearer {}", self.0.expose_secret());
        let mut value = HeaderValue::from_str(&text).ok()?;
        value.set_sensitive(true);
        Some(value)
    }

    /// Reads a field `Authorization`.
    ///
    /// # Errors
    /// It holds no token.
    pub fn authorized(value: &HeaderValue) -> Result<Self, NoToken> {
        let text = value.to_str().map_err(|_| NoToken)?;
        let (scheme, token) = text.split_once(' ').ok_or(NoToken)?;
        // The scheme's name is compared without regard to case (RFC 9110, section 11.1).
        match scheme.eq_ignore_ascii_case("bearer") {
            true => Self::parse(token.trim()),
            false => Err(NoToken),
        }
    }

    /// The text, to be written where its owner alone reads it.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_token_is_read_as_it_is_sent_and_never_shown(chance: [u8; CHANCE_BYTES]) {
            let token = Token::of(&chance);
            let read = Token::authorized(&token.authorization().unwrap()).unwrap();
            prop_assert_eq!(read.digest(), token.digest());
            let rest = &token.expose()[BEGINNING.len()..];
            let shown = format!("{token:?} {:?}", token.authorization());
            prop_assert!(!shown.contains(rest));
        }

        #[test]
        fn no_text_makes_it_panic(text in ".*") {
            let _ = Token::parse(&text);
            if let Ok(value) = HeaderValue::from_str(&text) {
                let _ = Token::authorized(&value);
            }
        }
    }

    #[test]
    fn other_texts_and_schemes_are_refused() {
        let token = Token::of(&[7; CHANCE_BYTES]);
        let text = token.expose();
        assert!(Token::parse(text).is_ok());
        for wrong in ["", "yagura_", &text[7..], &text[..49], &format!("{text}A")] {
            assert!(Token::parse(wrong).is_err(), "{wrong}");
        }
        let field = |text: String| Token::authorized(&HeaderValue::from_str(&text).unwrap());
        assert!(field(format!("bEARER {text}")).is_ok());
        for wrong in [
            format!("Basic {text}"),
            text.to_owned(),
            "Bearer".to_owned(),
        ] {
            assert!(field(wrong.clone()).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_digest_is_that_of_the_text() {
        // printf 'yagura_%s' "$(head -c 32 /dev/zero | basenc --base64url | tr -d =)" | sha256sum
        let digest = Token::of(&[0; CHANCE_BYTES]).digest();
        let text = format!("yagura_{}", "A".repeat(43));
        assert_eq!(
            digest.as_slice(),
            digest::digest(&digest::SHA256, text.as_bytes()).as_ref()
        );
    }
}
