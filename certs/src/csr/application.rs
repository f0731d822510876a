//! What is asked of an authority: for whom, for which names, with which key. Checked before a key
//! is made, so that the authority does not send it back a week later.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Of which kind the key is to be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RequestKey {
    /// RSA of 2048 bits, which every authority takes.
    #[default]
    Rsa2048,
    /// RSA of 3072 bits.
    Rsa3072,
    /// ECDSA on P-256.
    P256,
    /// ECDSA on P-384.
    P384,
}

impl RequestKey {
    /// As it is written in settings and arguments.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Rsa2048 => "rsa2048",
            Self::Rsa3072 => "rsa3072",
            Self::P256 => "p256",
            Self::P384 => "p384",
        }
    }
}

impl fmt::Display for RequestKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Rsa2048 => "RSA 2048",
            Self::Rsa3072 => "RSA 3072",
            Self::P256 => "ECDSA P-256",
            Self::P384 => "ECDSA P-384",
        })
    }
}

impl FromStr for RequestKey {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let all = [Self::Rsa2048, Self::Rsa3072, Self::P256, Self::P384];
        let found = all.into_iter().find(|key| key.word() == text);
        found.ok_or_else(|| format!("\"{text}\" is none of rsa2048, rsa3072, p256, p384"))
    }
}

/// Everything a request says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Application {
    /// Common name: the first of the names.
    pub common_name: String,
    /// Organisation, in whatever script.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organization: Option<String>,
    /// Department.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// City.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub locality: Option<String>,
    /// Prefecture.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// Country, by its two letters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country: Option<String>,
    /// Every host name, the common name first.
    pub names: Vec<String>,
    /// Which key.
    pub key: RequestKey,
}

/// What is wrong with an application.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoApplication {
    /// Nothing to certify.
    #[error("there is no host name\n  add --dns www.city.example.jp")]
    NoName,
    /// A name that cannot be certified.
    #[error("\"{name}\" is no host name that can be certified: {why}")]
    Name {
        /// Which.
        name: String,
        /// Why not.
        why: &'static str,
    },
    /// A field that is too long: X.520, upper bounds.
    #[error("{field} is longer than {most} characters\n  shorten it as the authority's form does")]
    TooLong {
        /// Which field.
        field: &'static str,
        /// How many characters it may have.
        most: usize,
    },
    /// A field with line ends or the like.
    #[error("{field} holds a control character\n  type it in again")]
    Control {
        /// Which field.
        field: &'static str,
    },
    /// No two letters.
    #[error("\"{0}\" is no country\n  give its two letters, as JP")]
    Country(String),
}

impl Application {
    /// The same, made right: names in lower case, each once, the common name first.
    ///
    /// # Errors
    /// Something that an authority would send back.
    pub fn checked(mut self) -> Result<Self, NoApplication> {
        let mut names: Vec<String> = Vec::new();
        let common = Some(&self.common_name).filter(|name| !name.is_empty());
        for name in common.into_iter().chain(&self.names) {
            let name = name.to_ascii_lowercase();
            if let Err(why) = host_name(&name) {
                return Err(NoApplication::Name { name, why });
            }
            if !names.contains(&name) {
                names.push(name);
            }
        }
        let first = names.first().ok_or(NoApplication::NoName)?;
        self.common_name = first.clone();
        self.names = names;
        for (field, value, most) in [
            ("the common name", Some(&self.common_name), 64),
            ("the organisation", self.organization.as_ref(), 64),
            ("the unit", self.unit.as_ref(), 64),
            ("the locality", self.locality.as_ref(), 128),
            ("the state", self.state.as_ref(), 128),
        ] {
            let Some(value) = value else { continue };
            if value.chars().count() > most {
                return Err(NoApplication::TooLong { field, most });
            }
            if value.chars().any(char::is_control) {
                return Err(NoApplication::Control { field });
            }
        }
        if let Some(country) = &mut self.country {
            country.make_ascii_uppercase();
            if country.len() != 2 || !country.bytes().all(|byte| byte.is_ascii_uppercase()) {
                return Err(NoApplication::Country(country.clone()));
            }
        }
        Ok(self)
    }
}

fn host_name(name: &str) -> Result<(), &'static str> {
    if !name.is_ascii() {
        return Err("write it in its ASCII form (xn--...)");
    }
    if name.parse::<std::net::IpAddr>().is_ok() {
        return Err("authorities certify names and not addresses");
    }
    let labels = name.strip_prefix("*.").unwrap_or(name);
    if !labels.contains('.') {
        return Err("it has no domain");
    }
    let good = |label: &str| {
        let may = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        (1..=63).contains(&label.len())
            && label.bytes().all(may)
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    if labels.len() > 253 || !labels.split('.').all(good) {
        return Err("labels have letters, digits and hyphens; a * stands first and alone");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asks(common_name: &str, names: &[&str]) -> Application {
        Application {
            common_name: common_name.to_owned(),
            organization: Some("サンプル市".to_owned()),
            unit: None,
            locality: None,
            state: None,
            country: Some("jp".to_owned()),
            names: names.iter().map(|it| (*it).to_owned()).collect(),
            key: RequestKey::P256,
        }
    }

    #[test]
    fn the_common_name_stands_first_and_each_name_once() {
        let good = asks(
            "",
            &["WWW.city.example", "city.example", "www.city.example"],
        );
        let good = good.checked().unwrap();
        assert_eq!(good.common_name, "www.city.example");
        assert_eq!(good.names, ["www.city.example", "city.example"]);
        assert_eq!(good.country.as_deref(), Some("JP"));
        let named = asks("city.example", &["*.city.example"]).checked().unwrap();
        assert_eq!(named.names, ["city.example", "*.city.example"]);
    }

    #[test]
    fn what_an_authority_would_send_back_is_told_at_once() {
        for (name, word) in [
            ("市.example", "xn--"),
            ("192.0.2.1", "addresses"),
            ("localhost", "no domain"),
            ("a_b.example", "hyphens"),
            ("www.*.example", "stands first"),
            ("-a.example", "hyphens"),
        ] {
            let told = asks(name, &[]).checked().unwrap_err().to_string();
            assert!(told.contains(word), "{told}");
        }
        assert_eq!(asks("", &[]).checked(), Err(NoApplication::NoName));
        let mut long = asks("city.example", &[]);
        long.organization = Some("市".repeat(65));
        assert!(long.checked().unwrap_err().to_string().contains("64"));
        let mut odd = asks("city.example", &[]);
        odd.unit = Some("a\nb".to_owned());
        assert!(matches!(odd.checked(), Err(NoApplication::Control { .. })));
        let mut country = asks("city.example", &[]);
        country.country = Some("Japan".to_owned());
        assert!(matches!(country.checked(), Err(NoApplication::Country(_))));
    }
}
