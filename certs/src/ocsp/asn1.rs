//! OCSP on the wire, as far as stapling needs it: the types of RFC 6960, appendix B.1.
//!
//! Names, certificates and algorithms stay bytes here; who reads them is `signer.rs`.

use der::asn1::{Any, BitString, GeneralizedTime, Null, ObjectIdentifier, OctetString};
use der::{Choice, Enumerated, Sequence};
use yagura_control::Timestamp;

/// id-pkix-ocsp-basic, the one type of response there is.
pub(super) const BASIC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.48.1.1");

#[derive(Debug, Sequence)]
pub(super) struct OcspRequest {
    pub(super) tbs_request: TbsRequest,
}

#[derive(Debug, Sequence)]
pub(super) struct TbsRequest {
    pub(super) request_list: Vec<Request>,
}

#[derive(Debug, Sequence)]
pub(super) struct Request {
    pub(super) req_cert: CertId,
}

/// Which certificate is meant. The algorithm is compared by its identifier alone, because some
/// write its parameters as NULL and some leave them out.
#[derive(Clone, Debug, Sequence)]
pub(super) struct CertId {
    pub(super) hash_algorithm: Algorithm,
    pub(super) issuer_name_hash: OctetString,
    pub(super) issuer_key_hash: OctetString,
    /// An INTEGER as it stands in the certificate, whatever its length and sign.
    pub(super) serial_number: Any,
}

#[derive(Clone, Debug, Sequence)]
pub(super) struct Algorithm {
    pub(super) oid: ObjectIdentifier,
    #[asn1(optional = "true")]
    pub(super) parameters: Option<Any>,
}

#[derive(Debug, Sequence)]
pub(super) struct OcspResponse {
    pub(super) status: Status,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", optional = "true")]
    pub(super) bytes: Option<ResponseBytes>,
}

/// How the responder fared with the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enumerated)]
#[asn1(type = "ENUMERATED")]
#[repr(u8)]
pub(super) enum Status {
    Successful = 0,
    MalformedRequest = 1,
    InternalError = 2,
    TryLater = 3,
    SigRequired = 5,
    Unauthorized = 6,
}

#[derive(Debug, Sequence)]
pub(super) struct ResponseBytes {
    pub(super) kind: ObjectIdentifier,
    pub(super) response: OctetString,
}

#[derive(Debug, Sequence)]
pub(super) struct BasicResponse {
    /// A [`ResponseData`]; the signature is over these bytes.
    pub(super) tbs: Any,
    pub(super) signature_algorithm: Any,
    pub(super) signature: BitString,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", optional = "true")]
    pub(super) certificates: Option<Vec<Any>>,
}

#[derive(Debug, Sequence)]
pub(super) struct ResponseData {
    #[asn1(
        context_specific = "0",
        tag_mode = "EXPLICIT",
        default = "first_version"
    )]
    pub(super) version: u8,
    pub(super) responder: ResponderId,
    pub(super) produced_at: GeneralizedTime,
    pub(super) responses: Vec<SingleResponse>,
    #[asn1(context_specific = "1", tag_mode = "EXPLICIT", optional = "true")]
    pub(super) extensions: Option<Vec<Extension>>,
}

const fn first_version() -> u8 {
    0
}

/// Who signed.
#[derive(Clone, Debug, Choice)]
pub(super) enum ResponderId {
    #[asn1(context_specific = "1", tag_mode = "EXPLICIT", constructed = "true")]
    ByName(Any),
    /// SHA-1 of the public key.
    #[asn1(context_specific = "2", tag_mode = "EXPLICIT", constructed = "true")]
    ByKey(OctetString),
}

#[derive(Debug, Sequence)]
pub(super) struct SingleResponse {
    pub(super) cert_id: CertId,
    pub(super) status: CertStatus,
    pub(super) this_update: GeneralizedTime,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", optional = "true")]
    pub(super) next_update: Option<GeneralizedTime>,
    #[asn1(context_specific = "1", tag_mode = "EXPLICIT", optional = "true")]
    pub(super) extensions: Option<Vec<Extension>>,
}

#[derive(Debug, Choice)]
pub(super) enum CertStatus {
    #[asn1(context_specific = "0", tag_mode = "IMPLICIT")]
    Good(Null),
    #[asn1(context_specific = "1", tag_mode = "IMPLICIT", constructed = "true")]
    Revoked(RevokedInfo),
    #[asn1(context_specific = "2", tag_mode = "IMPLICIT")]
    Unknown(Null),
}

#[derive(Clone, Debug, Sequence)]
pub(super) struct RevokedInfo {
    pub(super) at: GeneralizedTime,
    /// A CRLReason, left as bytes: one that is not known is no ground to miss a revocation.
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", optional = "true")]
    pub(super) reason: Option<Any>,
}

#[derive(Debug, Sequence)]
pub(super) struct Extension {
    pub(super) oid: ObjectIdentifier,
    #[asn1(default = "not_critical")]
    pub(super) critical: bool,
    pub(super) value: OctetString,
}

const fn not_critical() -> bool {
    false
}

pub(super) fn instant(time: GeneralizedTime) -> Timestamp {
    let milliseconds = time.to_unix_duration().as_millis();
    Timestamp(u64::try_from(milliseconds).unwrap_or(u64::MAX))
}
