//! Certificates and keys in the forms that authorities and other servers hand them out in: PEM
//! with any text around it, DER, PKCS#7 (.p7b), PKCS#12 (.pfx, .p12), keys under a passphrase.
//!
//! - `pem.rs`: finds the blocks in a text.
//! - `pkcs7.rs`, `pkcs12.rs`, `pkcs8.rs`: the three containers; the latter two are written too.
//!
//! This file finds out which form something has. Nothing here judges a certificate: that is
//! `crate::inspect`.

mod pem;
pub(crate) mod pkcs12;
mod pkcs7;
pub(crate) mod pkcs8;
#[cfg(test)]
mod tests;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rustls_pki_types::PrivateKeyDer;
use secrecy::SecretString;

use crate::CertError;
use crate::inspect::{Certificate, Heap, PrivateKey};

/// Why something cannot be read. `file` is what the user called it.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    /// It is under a passphrase and none was given.
    #[error("{file} is under a passphrase\n  give it on the terminal, or with --passphrase-file")]
    NeedsPassphrase {
        /// Which file.
        file: String,
    },
    /// The passphrase is another.
    #[error(
        "the passphrase does not open {file}\n  mind the keyboard layout and full-width characters; the sender has the right one"
    )]
    WrongPassphrase {
        /// Which file.
        file: String,
    },
    /// It is in no form known here.
    #[error(
        "{file} holds neither certificates nor keys in a form known here\n  known are PEM, DER, PKCS#7 (.p7b) and PKCS#12 (.pfx, .p12)"
    )]
    Unknown {
        /// Which file.
        file: String,
    },
    /// It is a request for a certificate.
    #[error(
        "{file} is the request and not the certificate\n  send it to the authority, and install what the authority sends back"
    )]
    Request {
        /// Which file.
        file: String,
    },
    /// It is in a known form and broken, or has a part that is not understood.
    #[error(
        "{file} cannot be read: {what}\n  have it sent again as PEM, or turn it into PEM with openssl"
    )]
    Broken {
        /// Which file.
        file: String,
        /// What is wrong.
        what: String,
    },
}

/// What a passphrase is tried on went wrong.
#[derive(Debug)]
enum Locked {
    NeedsPassphrase,
    WrongPassphrase,
    Broken(String),
}

impl Locked {
    fn of(self, file: &str) -> Unreadable {
        let file = file.to_owned();
        match self {
            Self::NeedsPassphrase => Unreadable::NeedsPassphrase { file },
            Self::WrongPassphrase => Unreadable::WrongPassphrase { file },
            Self::Broken(what) => Unreadable::Broken { file, what },
        }
    }
}

/// Adds what a file holds to a heap, in whatever form it is.
///
/// # Errors
/// Why it cannot be read; the heap may hold a part of it then.
pub fn read(
    file: &str,
    bytes: &[u8],
    passphrase: Option<&SecretString>,
    heap: &mut Heap,
) -> Result<(), Unreadable> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let unmarked;
    let bytes = match utf16(bytes) {
        Some(text) => {
            unmarked = text;
            unmarked.as_bytes()
        }
        None => bytes,
    };
    let before = heap.certificates.len() + heap.keys.len();
    let blocks = pem::blocks(bytes);
    let mut has_request = false;
    for block in &blocks {
        has_request |= block.label.ends_with("CERTIFICATE REQUEST");
        read_block(file, block, passphrase, heap)?;
    }
    if blocks.is_empty() {
        match naked(bytes) {
            Some(der) => read_der(file, &der, passphrase, heap)?,
            None => read_der(file, bytes, passphrase, heap)?,
        }
    }
    let file = file.to_owned();
    match heap.certificates.len() + heap.keys.len() > before {
        true => Ok(()),
        false if has_request => Err(Unreadable::Request { file }),
        false => Err(Unreadable::Unknown { file }),
    }
}

fn read_block(
    file: &str,
    block: &pem::Block,
    passphrase: Option<&SecretString>,
    heap: &mut Heap,
) -> Result<(), Unreadable> {
    let broken = |what: String| Unreadable::Broken {
        file: file.to_owned(),
        what,
    };
    let key = |key: PrivateKeyDer<'_>, heap: &mut Heap| -> Result<(), Unreadable> {
        let read = PrivateKey::read(&key).map_err(|error| broken(words(error)))?;
        heap.keys.push(read);
        Ok(())
    };
    let Some(der) = &block.der else {
        return match block.label.as_str() {
            label if is_ignored(label) => Ok(()),
            label => Err(broken(format!("the block {label} is broken"))),
        };
    };
    match block.label.as_str() {
        "CERTIFICATE" | "X509 CERTIFICATE" => {
            let read = Certificate::read(der).map_err(|error| broken(words(error)))?;
            heap.certificates.push(read);
        }
        "PKCS7" | "CMS" => heap
            .certificates
            .extend(pkcs7::certificates(der).map_err(broken)?),
        label if label.ends_with("PRIVATE KEY") && block.is_encrypted => {
            let old = "the key is under a passphrase in OpenSSL's old form; \
                       `openssl pkey -in OLD -out NEW` writes it in a form known here";
            return Err(broken(old.to_owned()));
        }
        "PRIVATE KEY" => key(PrivateKeyDer::Pkcs8(der.as_slice().into()), heap)?,
        "RSA PRIVATE KEY" => key(PrivateKeyDer::Pkcs1(der.as_slice().into()), heap)?,
        "EC PRIVATE KEY" => key(PrivateKeyDer::Sec1(der.as_slice().into()), heap)?,
        "ENCRYPTED PRIVATE KEY" => {
            let read = pkcs8::decrypt(der, passphrase).map_err(|error| error.of(file))?;
            heap.keys.push(read);
        }
        _ => {}
    }
    Ok(())
}

/// Blocks that say nothing here, whole or not.
fn is_ignored(label: &str) -> bool {
    !label.ends_with("PRIVATE KEY") && !label.ends_with("CERTIFICATE") && label != "PKCS7"
}

fn read_der(
    file: &str,
    der: &[u8],
    passphrase: Option<&SecretString>,
    heap: &mut Heap,
) -> Result<(), Unreadable> {
    if let Ok(read) = Certificate::read(der) {
        heap.certificates.push(read);
    } else if pkcs12::is_one(der) {
        let opened = pkcs12::open(der, passphrase).map_err(|error| error.of(file))?;
        heap.certificates.extend(opened.certificates);
        heap.keys.extend(opened.keys);
    } else if let Ok(certificates) = pkcs7::certificates(der) {
        heap.certificates.extend(certificates);
    } else if let Ok(key) = PrivateKeyDer::try_from(der)
        && let Ok(read) = PrivateKey::read(&key)
    {
        heap.keys.push(read);
    } else if pkcs8::is_encrypted(der) {
        let read = pkcs8::decrypt(der, passphrase).map_err(|error| error.of(file))?;
        heap.keys.push(read);
    }
    Ok(())
}

/// Base64 without the lines that say what it is, as some authorities paste it into mails.
fn naked(bytes: &[u8]) -> Option<Vec<u8>> {
    let text: Vec<u8> = bytes
        .iter()
        .filter(|byte| !byte.is_ascii_whitespace())
        .copied()
        .collect();
    // A SEQUENCE in DER begins with 0x30, 0x82 or shorter: "M".
    let begins = text.first() == Some(&b'M');
    begins.then(|| STANDARD.decode(&text).ok()).flatten()
}

/// Text that Windows wrote as UTF-16 with its mark.
fn utf16(bytes: &[u8]) -> Option<String> {
    let little = bytes.strip_prefix(b"\xff\xfe");
    let big = bytes.strip_prefix(b"\xfe\xff");
    let units: Vec<u16> = match (little, big) {
        (Some(rest), _) => pairs(rest).map(u16::from_le_bytes).collect(),
        (None, Some(rest)) => pairs(rest).map(u16::from_be_bytes).collect(),
        (None, None) => return None,
    };
    Some(String::from_utf16_lossy(&units))
}

fn pairs(bytes: &[u8]) -> impl Iterator<Item = [u8; 2]> {
    bytes.chunks_exact(2).filter_map(|two| two.try_into().ok())
}

fn words(error: CertError) -> String {
    match error {
        CertError::Unusable(what) => what,
        other => other.to_string(),
    }
}
