//! The second factor: codes of an authenticator application (TOTP, RFC 6238), and recovery codes on
//! paper for when the telephone is lost.
//!
//! Everything here is pure. Which codes were used already is the store's to know; when somebody must
//! wait is in [`super::patience`]; what is asked when is in `actions::sign_in`.

use std::fmt;

use rand::Rng;
use totp_rs::{Builder, Totp};

use super::UserId;

/// Length of a step. Applications know no other (RFC 6238 section 5.2).
const STEP_S: u64 = 30;
/// Characters of a recovery code, 5 bits each.
const RECOVERY_LENGTH: usize = 16;
/// How many recovery codes are given.
const RECOVERY_COUNT: usize = 10;
/// Letters of recovery codes: none is taken for another (Crockford's base 32).
const LETTERS: [u8; 32] = *b"0123456789abcdefghjkmnpqrstvwxyz";

/// What application and CMS share. It is shown once, when it is set up, and printed nowhere.
#[derive(Clone)]
pub struct Secret(Totp);

impl Secret {
    /// 160 bits, which is what the hash takes in (RFC 4226 section 4, R6).
    #[must_use]
    pub fn random(random: &mut impl Rng) -> Self {
        let bytes: [u8; 20] = random.random();
        Self::of(totp_rs::Secret::new_stack(bytes))
    }

    /// Read back from the store.
    #[must_use]
    pub fn from_base32(text: &str) -> Option<Self> {
        let secret = totp_rs::Secret::try_from_base32(text).ok()?;
        (secret.as_bytes().len() >= 16).then(|| Self::of(secret))
    }

    fn of(secret: totp_rs::Secret) -> Self {
        // SHA-1, 6 digits, 30 s, and one step to either side for clocks that differ and for slow
        // fingers: all that every application understands (RFC 6238 sections 5.2 and 6).
        let totp = Builder::new()
            .with_secret(secret)
            .with_digits(6)
            .with_step_duration(STEP_S)
            .with_skew(1);
        Self(totp.build_noncompliant())
    }

    /// As it is stored, and as it is typed into an application that reads no picture.
    #[must_use]
    pub fn to_base32(&self) -> String {
        self.0.secret().to_base32()
    }

    /// The step whose code this is, when it is one that may be used now and comes after `last`, the
    /// newest step whose code was used. So a code counts once (RFC 6238 section 5.2), and none from
    /// before it counts either.
    #[must_use]
    pub fn step_of(&self, code: &str, now_s: u64, last: u64) -> Option<u64> {
        let step = self.0.check(code, now_s)?;
        (step > last).then_some(step)
    }

    /// The link that sets an application up; a picture of it is a QR code.
    #[must_use]
    pub fn link(&self, issuer: &str, login: &str) -> String {
        let encoded = |text: &str| {
            // `+` for a space would be shown as a plus by some applications.
            let text: String = url::form_urlencoded::byte_serialize(text.as_bytes()).collect();
            text.replace('+', "%20")
        };
        let (issuer, login) = (encoded(issuer), encoded(login));
        let secret = self.to_base32();
        format!("otpauth://totp/{issuer}:{login}?secret={secret}&issuer={issuer}")
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Secret([REDACTED])")
    }
}

/// Ten recovery codes. The store has only their digests, so this is the one time they are seen.
#[must_use]
pub fn recovery_codes(random: &mut impl Rng) -> Vec<String> {
    let letter = |bits: u8| LETTERS.get(usize::from(bits % 32)).copied();
    let mut code = || -> String {
        let bytes: [u8; RECOVERY_LENGTH] = random.random();
        let letters = bytes.into_iter().filter_map(letter);
        letters.map(char::from).collect()
    };
    (0..RECOVERY_COUNT).map(|_| code()).collect()
}

/// A recovery code in groups of four, as people read and write it.
#[must_use]
pub fn in_groups(code: &str) -> String {
    let letters: Vec<char> = code.chars().collect();
    let groups = letters.chunks(4).map(|group| group.iter().collect());
    groups.collect::<Vec<String>>().join("-")
}

/// What the store has of a recovery code. A fast hash is enough: a code has 80 bits of chance.
#[must_use]
pub fn recovery_digest(user: UserId, code: &str) -> String {
    let mut hasher = blake3::Hasher::new();
    hasher.update(b"yagura recovery code\0");
    hasher.update(&user.0.to_le_bytes());
    hasher.update(code.as_bytes());
    hasher.finalize().to_hex().to_string()
}

/// What somebody shows as a second factor.
#[derive(Clone, PartialEq, Eq)]
pub enum Proof {
    /// A code of the application: six digits.
    Code(String),
    /// A recovery code, in small letters and without its hyphens.
    Recovery(String),
}

impl Proof {
    /// Reads what was typed. Japanese input methods give digits and hyphens in full width; people
    /// put spaces where they like, and write O for 0 and I or L for 1.
    #[must_use]
    pub fn read(typed: &str) -> Option<Self> {
        let narrow = |letter: char| match letter {
            '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(letter) - 0xfee0).unwrap_or(letter),
            other => other,
        };
        let is_gap = |letter: &char| {
            letter.is_whitespace() || matches!(letter, '-' | '‐' | '‑' | '–' | '−' | 'ー' | 'ｰ')
        };
        let letters = typed.chars().take(100).map(narrow);
        let letters: String = letters
            .filter(|letter| !is_gap(letter))
            .map(|letter| letter.to_ascii_lowercase())
            .collect();
        if letters.len() == 6 && letters.bytes().all(|letter| letter.is_ascii_digit()) {
            return Some(Self::Code(letters));
        }
        let letters = letters.replace('o', "0").replace(['i', 'l'], "1");
        let is_recovery = letters.len() == RECOVERY_LENGTH
            && letters.bytes().all(|letter| LETTERS.contains(&letter));
        is_recovery.then_some(Self::Recovery(letters))
    }
}

impl fmt::Debug for Proof {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Code(_) => "Code([REDACTED])",
            Self::Recovery(_) => "Recovery([REDACTED])",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rand_chacha::ChaCha8Rng;
    use rand_chacha::rand_core::SeedableRng;

    /// "12345678901234567890", the secret of the RFC's test vectors.
    const RFC_SECRET: &str = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";

    fn rfc() -> Secret {
        Secret::from_base32(RFC_SECRET).unwrap()
    }

    /// RFC 6238, appendix B, of which six digits are the last of the eight.
    #[test]
    fn the_codes_are_those_of_the_rfc() {
        for (seconds, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            assert_eq!(
                rfc().step_of(code, seconds, 0),
                Some(seconds / STEP_S),
                "{seconds}"
            );
        }
    }

    #[test]
    fn a_code_lives_for_a_step_to_either_side_and_counts_once() {
        // The code of step 37037036.
        let (code, step) = ("081804", 37_037_036);
        let at = |offset: i64| (step * STEP_S).checked_add_signed(offset).unwrap();
        for (offset, taken) in [
            (-31, false),
            (-30, true),
            (0, true),
            (59, true),
            (60, false),
        ] {
            let found = rfc().step_of(code, at(offset), 0);
            assert_eq!(found, taken.then_some(step), "{offset}");
        }
        assert_eq!(rfc().step_of(code, at(0), step), None, "it was used");
        assert_eq!(
            rfc().step_of(code, at(0), step + 1),
            None,
            "a later one was"
        );
        assert_eq!(rfc().step_of("81804", at(0), 0), None);
        assert_eq!(rfc().step_of("+81804", at(0), 0), None);
    }

    #[test]
    fn an_application_is_set_up_by_a_link() {
        assert_eq!(
            rfc().link("staff.town.example", "hanako"),
            format!(
                "otpauth://totp/staff.town.example:hanako?secret={RFC_SECRET}&issuer=staff.town.example"
            )
        );
        let odd = rfc().link("a b", "花:子?");
        assert!(
            odd.starts_with("otpauth://totp/a%20b:%E8%8A%B1%3A%E5%AD%90%3F?secret="),
            "{odd}"
        );
    }

    #[test]
    fn secrets_and_proofs_are_not_printed() {
        let told = format!("{:?} {:?}", rfc(), Proof::read("287082"));
        assert_eq!(told, "Secret([REDACTED]) Some(Code([REDACTED]))");
    }

    #[test]
    fn a_stored_secret_is_read_back() {
        let mut random = ChaCha8Rng::seed_from_u64(1);
        let secret = Secret::random(&mut random);
        let text = secret.to_base32();
        assert_eq!(text.len(), 32, "{text}");
        assert_eq!(Secret::from_base32(&text).unwrap().to_base32(), text);
        for broken in ["", "AAAA", "not base 32"] {
            assert!(Secret::from_base32(broken).is_none(), "{broken}");
        }
    }

    #[test]
    fn recovery_codes_differ_and_are_read_as_they_are_written() {
        let mut random = ChaCha8Rng::seed_from_u64(2);
        let codes = recovery_codes(&mut random);
        assert_eq!(codes.len(), RECOVERY_COUNT);
        for (number, code) in codes.iter().enumerate() {
            assert!(!codes[..number].contains(code));
            let written = in_groups(code);
            assert_eq!(written.len(), 19, "{written}");
            assert_eq!(Proof::read(&written), Some(Proof::Recovery(code.clone())));
        }
        let (one, two) = (UserId(1), UserId(2));
        assert_ne!(
            recovery_digest(one, &codes[0]),
            recovery_digest(two, &codes[0])
        );
    }

    #[test]
    fn what_people_type_is_read_kindly() {
        for typed in [
            "287082",
            " 287 082 ",
            "２８７０８２",
            "２８７　０８２",
            "287-082",
        ] {
            assert_eq!(
                Proof::read(typed),
                Some(Proof::Code("287082".to_owned())),
                "{typed}"
            );
        }
        for typed in [
            "0a1b-2c3d-4e5f-6g7h",
            "OAIB-2C3D-4E5F-6G7H",
            "oalb 2c3d 4e5f 6g7h",
            "０ａ１ｂー２ｃ３ｄ－４ｅ５ｆ−６ｇ７ｈ",
        ] {
            assert_eq!(
                Proof::read(typed),
                Some(Proof::Recovery("0a1b2c3d4e5f6g7h".to_owned())),
                "{typed}"
            );
        }
        for typed in ["", "28708", "2870822", "28708x", "0a1b-2c3d", "花子"] {
            assert_eq!(Proof::read(typed), None, "{typed}");
        }
    }

    proptest! {
        #[test]
        fn nothing_that_is_typed_stops_the_reading(typed in "\\PC{0,120}") {
            match Proof::read(&typed) {
                Some(Proof::Code(code)) => prop_assert_eq!(code.len(), 6),
                Some(Proof::Recovery(code)) => prop_assert_eq!(code.len(), RECOVERY_LENGTH),
                None => {}
            }
        }
    }
}
