//! `Strict-Transport-Security` (RFC 6797) of a site, written once and added to what its readers get
//! over TLS. An origin that says so itself is left alone.

use http::{HeaderMap, HeaderValue, header};
use yagura_config::settings::HstsSettings;

/// The field, for both versions of HTTP.
#[derive(Clone, Debug)]
pub struct Hsts {
    value: HeaderValue,
    line: Box<[u8]>,
}

impl Hsts {
    /// The field of a site with these settings.
    #[must_use]
    pub fn of(settings: &HstsSettings) -> Option<Self> {
        let value = settings.value();
        let line = format!("{}: {value}\r\n", header::STRICT_TRANSPORT_SECURITY);
        Some(Self {
            value: HeaderValue::try_from(value).ok()?,
            line: line.into_bytes().into(),
        })
    }

    /// As a line of a head over HTTP/1.1.
    #[must_use]
    pub fn line(&self) -> &[u8] {
        &self.line
    }

    /// Its value.
    #[must_use]
    pub fn value(&self) -> HeaderValue {
        self.value.clone()
    }

    /// Adds it to fields that do not have it.
    pub fn add_to(&self, fields: &mut HeaderMap) {
        fields
            .entry(header::STRICT_TRANSPORT_SECURITY)
            .or_insert_with(|| self.value());
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_field_is_written_as_the_standard_says() {
        let day = Duration::from_secs(86_400);
        for (subdomains, preload, value) in [
            (false, false, "max-age=31536000"),
            (true, false, "max-age=31536000; includeSubDomains"),
            (true, true, "max-age=31536000; includeSubDomains; preload"),
        ] {
            let max_age = 365 * day;
            let settings = HstsSettings {
                max_age,
                subdomains,
                preload,
            };
            let hsts = Hsts::of(&settings).unwrap();
            assert_eq!(hsts.value(), value);
            let line = format!("strict-transport-security: {value}\r\n");
            assert_eq!(hsts.line(), line.as_bytes());
        }
    }

    #[test]
    fn the_origin_s_own_stays() {
        let mut fields = HeaderMap::new();
        fields.insert(
            "strict-transport-security",
            HeaderValue::from_static("max-age=5"),
        );
        let settings = HstsSettings {
            max_age: Duration::from_secs(1),
            subdomains: false,
            preload: false,
        };
        Hsts::of(&settings).unwrap().add_to(&mut fields);
        assert_eq!(fields["strict-transport-security"], "max-age=5");
    }
}
