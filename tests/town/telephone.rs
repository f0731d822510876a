//! An authenticator application, written after RFC 6238 and RFC 4226 without the crate that the CMS
//! uses, so that the two prove each other. The store's contract suite uses it too.

use ring::hmac;

/// One account in the application.
pub struct Telephone {
    key: Vec<u8>,
}

impl Telephone {
    /// Set up with the key that is shown beside the QR code (base 32, RFC 4648 section 6).
    pub fn set_up(key: &str) -> Self {
        let letters = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
        let mut bits = String::new();
        for letter in key.bytes().filter(|letter| *letter != b' ') {
            let value = letters.iter().position(|one| *one == letter);
            bits += &format!("{:05b}", value.unwrap());
        }
        let bytes = bits.as_bytes().chunks_exact(8);
        let bytes = bytes.map(|byte| std::str::from_utf8(byte).unwrap());
        Self {
            key: bytes
                .map(|byte| u8::from_str_radix(byte, 2).unwrap())
                .collect(),
        }
    }

    /// What it shows at an instant.
    pub fn code_at(&self, seconds: u64) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &self.key);
        let tag = hmac::sign(&key, &(seconds / 30).to_be_bytes());
        let tag = tag.as_ref();
        let offset = usize::from(tag[19] & 15);
        let four: [u8; 4] = tag[offset..offset + 4].try_into().unwrap();
        let number = u32::from_be_bytes(four) & 0x7fff_ffff;
        format!("{:06}", number % 1_000_000)
    }
}
