//! Makes a key and the request for it (RFC 2986).

use rcgen::string::PrintableString;
use rcgen::{
    CertificateParams, DistinguishedName, DnType, DnValue, KeyPair, PKCS_ECDSA_P256_SHA256,
    PKCS_ECDSA_P384_SHA384, PKCS_RSA_SHA256, RsaKeySize,
};

use super::application::{Application, RequestKey};
use crate::CertError;
use crate::inspect::PrivateKey;

/// A new key, and the request as PEM. Names of organisations are UTF8String (RFC 5280, section
/// 4.1.2.4), in whatever script; the country is a PrintableString.
pub(super) fn make(application: &Application) -> Result<(PrivateKey, String), CertError> {
    let told = |error: rcgen::Error| CertError::NotIssued(error.to_string());
    let key = new_key(application.key).map_err(told)?;
    let mut params = CertificateParams::new(application.names.clone()).map_err(told)?;
    let mut subject = DistinguishedName::new();
    if let Some(country) = &application.country {
        let country = PrintableString::try_from(country.as_str()).map_err(told)?;
        subject.push(DnType::CountryName, DnValue::PrintableString(country));
    }
    let fields = [
        (DnType::StateOrProvinceName, &application.state),
        (DnType::LocalityName, &application.locality),
        (DnType::OrganizationName, &application.organization),
        (DnType::OrganizationalUnitName, &application.unit),
        (DnType::CommonName, &Some(application.common_name.clone())),
    ];
    for (field, value) in fields {
        if let Some(value) = value {
            subject.push(field, DnValue::Utf8String(value.clone()));
        }
    }
    params.distinguished_name = subject;
    let request = params.serialize_request(&key).map_err(told)?;
    let pem = request.pem().map_err(told)?;
    Ok((PrivateKey::from_pem(&key.serialize_pem())?, pem))
}

/// A new key of a kind.
///
/// # Errors
/// The system gives no random bytes.
pub(crate) fn new_key(kind: RequestKey) -> Result<KeyPair, rcgen::Error> {
    match kind {
        RequestKey::Rsa2048 => KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048),
        RequestKey::Rsa3072 => KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_3072),
        RequestKey::P256 => KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256),
        RequestKey::P384 => KeyPair::generate_for(&PKCS_ECDSA_P384_SHA384),
    }
}
