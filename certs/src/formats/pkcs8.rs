//! Private keys under a passphrase (RFC 5958, section 3), by PBES2.

use pkcs8::pkcs5::pbes2::Parameters;
use pkcs8::{EncryptedPrivateKeyInfoRef, PrivateKeyInfoRef};
use ring::rand::{SecureRandom, SystemRandom};
use rustls_pki_types::PrivateKeyDer;
use secrecy::{ExposeSecret, SecretString};

use super::Locked;
use super::pkcs12::ITERATIONS;
use crate::CertError;
use crate::inspect::PrivateKey;

/// Whether bytes look like one.
pub(super) fn is_encrypted(bytes: &[u8]) -> bool {
    EncryptedPrivateKeyInfoRef::try_from(bytes).is_ok()
}

/// The key in one.
pub(super) fn decrypt(
    bytes: &[u8],
    passphrase: Option<&SecretString>,
) -> Result<PrivateKey, Locked> {
    let unknown = || {
        let what = "the key is under a passphrase by a cipher that is not known here; \
                    `openssl pkcs8 -topk8 -v2 aes256 -in OLD -out NEW` writes one that is";
        Locked::Broken(what.to_owned())
    };
    let locked = EncryptedPrivateKeyInfoRef::try_from(bytes).map_err(|_| unknown())?;
    let passphrase = passphrase.ok_or(Locked::NeedsPassphrase)?;
    if locked.encryption_algorithm.pbes2().is_none() {
        return Err(unknown());
    }
    let opened = locked
        .decrypt(passphrase.expose_secret())
        .map_err(|_| Locked::WrongPassphrase)?;
    let key = PrivateKeyDer::Pkcs8(opened.as_bytes().into());
    PrivateKey::read(&key).map_err(|error| Locked::Broken(super::words(error)))
}

/// A key under a passphrase, as PEM: AES-256 by PBKDF2 with HMAC-SHA-256, which every OpenSSL
/// since 1.1 and every appliance reads.
pub(crate) fn encrypt(key: &PrivateKey, passphrase: &SecretString) -> Result<String, CertError> {
    let told = |what: &dyn std::fmt::Display| {
        CertError::NotIssued(format!("the key was not encrypted: {what}"))
    };
    let (mut salt, mut begin) = ([0; 16], [0; 16]);
    for random in [&mut salt, &mut begin] {
        let filled = SystemRandom::new().fill(random);
        filled.map_err(|_| told(&"the system gives no random bytes"))?;
    }
    let how = Parameters::generate_pbkdf2_sha256_aes256cbc(ITERATIONS, &salt, begin)
        .map_err(|error| told(&error))?;
    let info = PrivateKeyInfoRef::try_from(key.pkcs8()).map_err(|error| told(&error))?;
    let locked = info
        .encrypt_with_params(how, passphrase.expose_secret())
        .map_err(|error| told(&error))?;
    Ok(crate::inspect::pem(
        "ENCRYPTED PRIVATE KEY",
        locked.as_bytes(),
    ))
}
