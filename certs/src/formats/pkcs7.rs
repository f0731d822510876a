//! The certificates in a PKCS#7 bundle (RFC 5652, section 5.1), as Windows and authorities write
//! it. Its signatures, where it has any, say nothing about the certificates and are not looked at.

use der::asn1::AnyRef;
use der::{Decode, Encode, Reader, SliceReader, Tag, TagNumber, Tagged};

use crate::inspect::Certificate;

/// Object identifier of signed data, 1.2.840.113549.1.7.2, as it is encoded.
const SIGNED_DATA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02];

/// Every certificate of a bundle in DER, in its order.
pub(super) fn certificates(bytes: &[u8]) -> Result<Vec<Certificate>, String> {
    let told = |error: der::Error| format!("it is no PKCS#7 in DER: {error}");
    let content = AnyRef::from_der(bytes).map_err(told)?;
    let [kind, signed, ..] = &parts(content.value()).map_err(told)?[..] else {
        return Err("it is no PKCS#7".to_owned());
    };
    if content.tag() != Tag::Sequence || kind.value() != SIGNED_DATA {
        return Err("it is no PKCS#7 bundle of certificates".to_owned());
    }
    let signed = AnyRef::from_der(signed.value()).map_err(told)?;
    let set = parts(signed.value()).map_err(told)?;
    let set = set.iter().find(|part| {
        part.tag()
            == Tag::ContextSpecific {
                constructed: true,
                number: TagNumber(0),
            }
    });
    let Some(set) = set else {
        return Err("the PKCS#7 bundle holds no certificate".to_owned());
    };
    let mut found = Vec::new();
    for one in parts(set.value()).map_err(told)? {
        // Other kinds of certificates have a context tag (section 10.2.2).
        if one.tag() == Tag::Sequence {
            let der = one.to_der().map_err(told)?;
            found.push(Certificate::read(&der).map_err(super::words)?);
        }
    }
    Ok(found)
}

fn parts(bytes: &[u8]) -> der::Result<Vec<AnyRef<'_>>> {
    let mut reader = SliceReader::new(bytes)?;
    let mut parts = Vec::new();
    while !reader.is_finished() {
        parts.push(AnyRef::decode(&mut reader)?);
    }
    Ok(parts)
}
