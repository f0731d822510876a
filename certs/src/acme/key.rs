//! The request that an order ends with, and the key that signs it.

use rcgen::{CertificateParams, DistinguishedName, KeyPair};

use super::failure::Failure;
use crate::csr::{RequestKey, new_key};

/// A new key, and the request (PKCS#10, DER) for a certificate of these names.
pub(super) fn request(kind: RequestKey, names: &[String]) -> Result<(KeyPair, Vec<u8>), Failure> {
    let made = new_key(kind).and_then(|key| {
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
            (RequestKey::P256, "1.2.840.10045.2.1"),
            (RequestKey::P384, "1.2.840.10045.2.1"),
            (RequestKey::Rsa2048, "1.2.840.113549.1.1.1"),
            (RequestKey::Rsa3072, "1.2.840.113549.1.1.1"),
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
