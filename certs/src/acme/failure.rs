//! Why an authority gave no certificate: in its own words, with what to do about it.

use std::fmt;
use std::time::Duration;

/// What failed. Never holds key material.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What was said: by the authority (its problem document), the DNS server or the network.
    pub words: String,
    /// What to do about it.
    pub advice: String,
    /// How long the authority wants not to be asked again (RFC 8555, section 6.6).
    pub retry_after: Option<Duration>,
    /// The problem's type without the namespace, such as `rateLimited`; empty for what is no
    /// problem document.
    pub problem: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n  {}", self.words, self.advice)
    }
}

impl std::error::Error for Failure {}

/// The namespace of the types (RFC 8555, section 6.7).
const NAMESPACE: &str = "urn:ietf:params:acme:error:";

impl Failure {
    /// What failed here, before or beside the authority.
    #[must_use]
    pub fn new(words: impl fmt::Display, advice: impl Into<String>) -> Self {
        Self {
            words: words.to_string(),
            advice: advice.into(),
            retry_after: None,
            problem: String::new(),
        }
    }

    /// What the authority said in a problem document (RFC 7807).
    #[must_use]
    pub fn problem(kind: Option<&str>, detail: Option<&str>) -> Self {
        let kind = kind.unwrap_or_default();
        let problem = kind.strip_prefix(NAMESPACE).unwrap_or(kind);
        let words = match (detail, problem) {
            (Some(detail), "") => detail.to_owned(),
            (Some(detail), problem) => format!("{detail} ({problem})"),
            (None, "") => "the authority refused without a word".to_owned(),
            (None, problem) => problem.to_owned(),
        };
        Self {
            words,
            advice: advice(problem).to_owned(),
            retry_after: None,
            problem: problem.to_owned(),
        }
    }

    /// The same, told at which name.
    #[must_use]
    pub fn of_name(mut self, name: &str) -> Self {
        self.words = format!("{name}: {}", self.words);
        self
    }

    /// The nonce was too old or refused on a whim: the same may be asked again at once.
    #[must_use]
    pub fn is_bad_nonce(&self) -> bool {
        self.problem == "badNonce"
    }

    /// The authority said no, and will say so again; not that it is out of order or out of reach.
    #[must_use]
    pub fn is_refusal(&self) -> bool {
        !matches!(self.problem.as_str(), "" | "badNonce" | "serverInternal")
    }

    /// The authority does not know the account that this edge remembers.
    #[must_use]
    pub fn is_unknown_account(&self) -> bool {
        self.problem == "accountDoesNotExist"
    }
}

/// What to do at each type of problem that RFC 8555 (section 6.7), RFC 9773 and the draft of
/// profiles name.
fn advice(problem: &str) -> &'static str {
    match problem {
        "accountDoesNotExist" => "the account is made anew at the next attempt",
        "alreadyReplaced" => "nothing: the next order names no predecessor",
        "badCSR" | "badPublicKey" | "badSignatureAlgorithm" => {
            "set another `key` for this certificate: the authority does not take this kind"
        }
        "badNonce" => "nothing: it is asked again with a new nonce",
        "caa" => "add the authority to the CAA records of the name, or remove those that forbid it",
        "compound" => "look at each of the names it tells",
        "connection" => {
            "let the authority reach the edge at port 80 (http-01) or 443 (tls-alpn-01), or use dns-01"
        }
        "dns" => "look whether the name exists in the public DNS, and whether its servers answer",
        "externalAccountRequired" => {
            "ask the authority for a key of External Account Binding and set \
             [authority.external_account]"
        }
        "incorrectResponse" => {
            "something else answers for the name: look where its A and AAAA records lead, and for a \
             security cloud that ends TLS (dns-01 works behind one)"
        }
        "invalidContact" | "unsupportedContact" => "correct `contact` of the authority",
        "invalidProfile" => "set a `profile` that the authority offers, or none",
        "rateLimited" => "nothing: it is asked again when the authority allows it",
        "rejectedIdentifier" => {
            "take the name out of the certificate, or use an authority that issues for it"
        }
        "serverInternal" => "nothing: the authority has a fault of its own and is asked again",
        "tls" => "look whether port 443 of the name reaches this edge without TLS ending before it",
        "unauthorized" => {
            "look whether the name leads to this edge (or its _acme-challenge record to this zone), \
             and whether the account or its External Account Binding is still valid"
        }
        "userActionRequired" => {
            "read the authority's terms at the address it names and agree there"
        }
        "orderNotReady" | "malformed" => "nothing: it is tried anew; tell us when it goes on",
        _ => "it is tried again; look at the words of the authority",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_authoritys_own_words_stand_first_and_what_to_do_after_them() {
        let failure = Failure::problem(
            Some("urn:ietf:params:acme:error:caa"),
            Some("CAA record for town.example prevents issuance"),
        )
        .of_name("town.example");
        assert_eq!(
            failure.to_string(),
            "town.example: CAA record for town.example prevents issuance (caa)\n  \
             add the authority to the CAA records of the name, or remove those that forbid it"
        );
    }

    #[test]
    fn a_problem_without_a_type_or_a_word_is_told_too() {
        assert!(
            Failure::problem(None, None)
                .words
                .contains("without a word")
        );
        assert_eq!(Failure::problem(None, Some("no")).words, "no");
        assert_eq!(
            Failure::problem(Some("about:blank"), None).words,
            "about:blank"
        );
    }
}
