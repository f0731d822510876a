//! Private keys of certificates, and the request that is signed with one.

use rcgen::{
    CertificateParams, DistinguishedName, KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384,
    PKCS_RSA_SHA256, RsaKeySize,
};

use super::failure::Failure;

/// `key` of a certificate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum KeyKind {
    /// ECDSA on P-256: the fastest handshake, known to every browser.
    #[default]
    P256,
    /// ECDSA on P-384.
    P384,
    /// RSA of 2048 bits, for very old clients.
    Rsa2048,
    /// RSA of 3072 bits.
    Rsa3072,
}

/// A new key, and the request (PKCS#10, DER) for a certificate of these names.
pub(super) fn request(kind: KeyKind, names: &[String]) -> Result<(KeyPair, Vec<u8>), Failure> {
    let key = match kind {
        KeyKind::P256 => KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256),
        KeyKind::P384 => KeyPair::generate_for(&PKCS_ECDSA_P384_SHA384),
        KeyKind::Rsa2048 => KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048),
        KeyKind::Rsa3072 => KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_3072),
    };
    let made = key.and_then(|key| {
        let mut params = CertificateParams::new(names)?;
        // The names stand in the extension; authorities ignore or refuse a subject.
        params.distinguished_name = DistinguishedName::new();
        let request = params.serialize_request(&key)?;
        let request = request.der().to_vec();
        Ok((key, request))
    });
    made.map_err(|error| {
        let advice = "look whether every name of the certificate can stand in one";
        Failure::new(format!("no request could be made: {error}"), advice)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use x509_parser::prelude::{FromDer, X509CertificationRequest};

    #[test]
    fn each_kind_of_key_signs_a_request_that_verifies() {
        let names = ["town.example".to_owned(), "*.town.example".to_owned()];
        for (kind, algorithm) in [
            (KeyKind::P256, "1.2.840.10045.2.1"),
            (KeyKind::P384, "1.2.840.10045.2.1"),
            (KeyKind::Rsa2048, "1.2.840.113549.1.1.1"),
            (KeyKind::Rsa3072, "1.2.840.113549.1.1.1"),
        ] {
            let (_, request) = request(kind, &names).unwrap();
            let (_, parsed) = X509CertificationRequest::from_der(&request).unwrap();
            let info = &parsed.certification_request_info;
            assert_eq!(
                info.subject_pki.algorithm.algorithm.to_id_string(),
                algorithm
            );
            assert_eq!(info.subject.iter().count(), 0);
        }
    }
}
