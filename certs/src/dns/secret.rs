//! The file that a TSIG key is kept in: what `tsig-keygen` writes, or the secret alone in Base64.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use secrecy::SecretSlice;

/// The secret of a file; none when it holds none.
#[must_use]
pub fn secret(text: &str) -> Option<SecretSlice<u8>> {
    // `secret "BASE64";` as in named.conf; without the word the whole text is the secret.
    let encoded = match text.split_once("secret \"") {
        Some((_, rest)) => rest.split('"').next()?,
        None => text,
    };
    let packed: String = encoded.split_whitespace().collect();
    let bytes = BASE64_STANDARD.decode(packed).ok()?;
    (!bytes.is_empty()).then(|| SecretSlice::from(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use secrecy::ExposeSecret;

    #[test]
    fn both_forms_are_read_and_others_are_not() {
        let generated =
            "key \"yagura\" {\n\talgorithm hmac-sha256;\n\tsecret \"c2VjcmV0IQ==\";\n};\n";
        for text in [generated, "c2VjcmV0IQ==\n", " c2Vjc\nmV0IQ== "] {
            assert_eq!(secret(text).unwrap().expose_secret(), b"secret!", "{text}");
        }
        for text in [
            "",
            "\n",
            "secret",
            "secret \"\";",
            "not base64!",
            "key \"a\" { };",
        ] {
            assert!(secret(text).is_none(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn every_key_comes_back_from_both_forms(bytes in prop::collection::vec(any::<u8>(), 1..80)) {
            let encoded = BASE64_STANDARD.encode(&bytes);
            let generated = format!("key \"k\" {{ algorithm hmac-sha256; secret \"{encoded}\"; }};");
            for text in [format!("{encoded}\n"), generated] {
                let read = secret(&text).unwrap();
                prop_assert_eq!(read.expose_secret(), bytes.as_slice());
            }
        }

        #[test]
        fn no_text_makes_it_fail(text in ".{0,200}") {
            let _any = secret(&text);
        }
    }
}
