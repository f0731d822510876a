//! Why a response is not stapled, in words that say what to do.

use yagura_control::Timestamp;

use super::asn1::Status;

/// What is wrong with a response. Only [`Refusal::Revoked`] is about the certificate; the others
/// are the responder's affair, and asking again later is what helps.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The issuer revoked the certificate, and signed that.
    #[error(
        "the certificate was revoked at {at} ({reason})\n  replace it now: readers that check will refuse the site; ask the authority why it was revoked"
    )]
    Revoked {
        /// Since when.
        at: Timestamp,
        /// The issuer's reason.
        reason: &'static str,
    },
    /// It is no OCSP response.
    #[error(
        "the responder's answer is no OCSP response ({what})\n  it is asked again; if that lasts, see whether a proxy on the way answers in its place"
    )]
    Unreadable {
        /// What is wrong.
        what: String,
    },
    /// The responder did not answer the question.
    #[error("the OCSP responder gave no status ({what})\n  it is asked again; {hint}")]
    NotAnswered {
        /// Its own word.
        what: &'static str,
        /// What to do.
        hint: &'static str,
    },
    /// The answer is about another certificate.
    #[error(
        "the OCSP response is about another certificate\n  it is asked again; if that lasts, ask the authority"
    )]
    OtherCertificate,
    /// The responder does not know the certificate.
    #[error(
        "the OCSP responder does not know the certificate\n  a new certificate may take it some hours; if that lasts, ask the authority"
    )]
    UnknownCertificate,
    /// Nobody known signed it.
    #[error(
        "the OCSP response is signed by nobody known: neither the issuer nor a responder whose certificate came along\n  it is asked again; if that lasts, ask the authority"
    )]
    SignerUnknown,
    /// The signer's certificate does not permit it.
    #[error(
        "the OCSP response is signed by \"{subject}\", which may not: {why}\n  it is asked again; if that lasts, ask the authority"
    )]
    SignerNotAllowed {
        /// Whose certificate.
        subject: String,
        /// Why not.
        why: &'static str,
    },
    /// The signature is wrong, or of a kind that is not taken.
    #[error(
        "the signature of the OCSP response is wrong, or of a kind that is not taken\n  it is asked again; if that lasts, ask the authority"
    )]
    WrongSignature,
    /// Its time has not come.
    #[error(
        "the OCSP response is valid from {at} only\n  set this machine's clock when that is past already"
    )]
    NotYetValid {
        /// From when.
        at: Timestamp,
    },
    /// Its time is over.
    #[error(
        "the OCSP response was valid until {at} only\n  it is asked again; set this machine's clock when that is to come yet"
    )]
    Expired {
        /// Until when.
        at: Timestamp,
    },
    /// It does not say until when it is valid.
    #[error(
        "the OCSP response does not say until when it is valid, so it is not stapled\n  it is asked again; readers are served without a staple"
    )]
    NoEnd,
    /// It holds something that must be understood, and is not.
    #[error(
        "the OCSP response has the critical extension {oid}, which is not known\n  it is asked again; readers are served without a staple"
    )]
    CriticalExtension {
        /// Its object identifier.
        oid: String,
    },
}

impl Refusal {
    /// Whether it is about the certificate and not about the response.
    #[must_use]
    pub const fn is_revocation(&self) -> bool {
        matches!(self, Self::Revoked { .. })
    }

    pub(super) fn unreadable(error: impl std::fmt::Display) -> Self {
        Self::Unreadable {
            what: error.to_string(),
        }
    }

    /// RFC 6960, section 2.3. `None` for a success.
    pub(super) const fn of(status: Status) -> Option<Self> {
        let later = "this passes by itself";
        let (what, hint) = match status {
            Status::Successful => return None,
            Status::MalformedRequest => (
                "malformedRequest",
                "if that lasts, report it with this line",
            ),
            Status::InternalError => ("internalError", later),
            Status::TryLater => ("tryLater", later),
            Status::SigRequired => (
                "sigRequired",
                "it wants signed requests, which Yagura does not make: readers are served without a staple",
            ),
            Status::Unauthorized => (
                "unauthorized",
                "a new certificate may take it some hours; if that lasts, ask the authority",
            ),
        };
        Some(Self::NotAnswered { what, hint })
    }
}

/// CRLReason: RFC 5280, section 5.3.1.
pub(super) fn reason(number: Option<&[u8]>) -> &'static str {
    match number {
        Some([1]) => "the key was compromised",
        Some([2]) => "the authority was compromised",
        Some([3]) => "the affiliation changed",
        Some([4]) => "it was superseded",
        Some([5]) => "the site ceased operation",
        Some([6]) => "it is on hold",
        Some([8]) => "it was removed from a revocation list",
        Some([9]) => "the privilege was withdrawn",
        Some([10]) => "an attribute authority was compromised",
        _ => "no reason is given",
    }
}
