//! PKCS#12 (RFC 7292): keys and certificates under a passphrase, with the ciphers of today (PBES2)
//! and those that Windows and OpenSSL wrote before (3DES, RC2 of 40 bits).

use der::asn1::AnyRef;
use der::{Decode, Tag, Tagged};
use p12_keystore::error::Error;
use p12_keystore::{
    Certificate as Held, EncryptionAlgorithm, KeyStore, KeyStoreEntry, MacAlgorithm, Pkcs12Archive,
    PrivateKey as HeldKey, PrivateKeyChain,
};
use rustls_pki_types::PrivateKeyDer;
use secrecy::{ExposeSecret, SecretString};

use super::Locked;
use crate::CertError;
use crate::inspect::{Certificate, Examined, Heap, PrivateKey};

/// What OWASP advises for PBKDF2 with HMAC-SHA-256.
pub(crate) const ITERATIONS: u32 = 600_000;

/// Whether bytes look like one: a SEQUENCE that begins with version 3.
pub(super) fn is_one(bytes: &[u8]) -> bool {
    let Ok(whole) = AnyRef::from_der(bytes) else {
        return false;
    };
    whole.tag() == Tag::Sequence && whole.value().starts_with(&[0x02, 0x01, 0x03])
}

/// Everything in one. Without a passphrase it is tried with an empty one.
pub(super) fn open(bytes: &[u8], passphrase: Option<&SecretString>) -> Result<Heap, Locked> {
    let secret = passphrase.map_or("", ExposeSecret::expose_secret);
    let archive = Pkcs12Archive::from_pkcs12(bytes, secret).map_err(|error| {
        let locked = matches!(
            error,
            Error::MacError(_) | Error::UnpadError | Error::Pkcs5Error(_)
        );
        match passphrase {
            None if locked => Locked::NeedsPassphrase,
            Some(_) if locked => Locked::WrongPassphrase,
            _ => Locked::Broken(error.to_string()),
        }
    })?;
    let mut heap = Heap::default();
    for bag in &archive.certs {
        let read = Certificate::read(bag.cert.as_der());
        heap.certificates.push(read.map_err(broken)?);
    }
    for bag in &archive.keys {
        let key = PrivateKeyDer::Pkcs8(bag.key.as_der().into());
        heap.keys.push(PrivateKey::read(&key).map_err(broken)?);
    }
    Ok(heap)
}

/// Which ciphers are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ciphers {
    /// AES-256 and SHA-256.
    Present,
    /// 3DES and SHA-1, for appliances and for Windows before 2019, which know nothing else.
    Old,
}

/// A chain with its key under a passphrase.
pub(crate) fn write(
    examined: &Examined,
    name: &str,
    passphrase: &SecretString,
    ciphers: Ciphers,
) -> Result<Vec<u8>, CertError> {
    let told = |error: Error| CertError::NotIssued(format!("PKCS#12 was not written: {error}"));
    let certificates = examined.chain.certificates.iter();
    let certificates = certificates.map(|one| Held::from_der(&one.der));
    let certificates = certificates.collect::<Result<Vec<_>, _>>().map_err(told)?;
    let key = HeldKey::from_der(examined.key.pkcs8()).map_err(told)?;
    let mut keystore = KeyStore::new();
    let chain = PrivateKeyChain::new([1].as_slice(), key, certificates);
    keystore.add_entry(name, KeyStoreEntry::PrivateKeyChain(chain));
    let writer = keystore.writer(passphrase.expose_secret());
    let writer = match ciphers {
        Ciphers::Present => writer
            .encryption_iterations(ITERATIONS)
            .mac_iterations(ITERATIONS),
        Ciphers::Old => writer
            .encryption_algorithm(EncryptionAlgorithm::PbeWithShaAnd3KeyTripleDesCbc)
            .mac_algorithm(MacAlgorithm::HmacSha1)
            .encryption_iterations(2048)
            .mac_iterations(2048),
    };
    writer.write().map_err(told)
}

fn broken(error: CertError) -> Locked {
    Locked::Broken(super::words(error))
}
