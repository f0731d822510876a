//! A text as a name of the DNS.

use hickory_proto::ProtoError;
use hickory_proto::rr::Name;

/// A text that is none.
#[derive(Debug, thiserror::Error)]
#[error("\"{text}\" is no name of the DNS: {cause}")]
pub struct NoName {
    text: String,
    cause: ProtoError,
}

/// The name that a text stands for, with or without its last dot: from the root, never from a domain
/// that this machine searches in.
///
/// # Errors
/// It is none.
pub fn absolute(text: &str) -> Result<Name, NoName> {
    let read = Name::from_ascii(text).map_err(|cause| NoName {
        text: text.to_owned(),
        cause,
    });
    let mut name = read?;
    name.set_fqdn(true);
    Ok(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_the_same_with_and_without_its_last_dot() {
        let name = absolute("www.town.example").unwrap();
        assert!(name.is_fqdn());
        assert_eq!(name, absolute("www.town.example.").unwrap());
        let long = "a".repeat(64);
        let error = absolute(&long).unwrap_err();
        assert!(
            error.to_string().contains("is no name of the DNS"),
            "{error}"
        );
    }
}
