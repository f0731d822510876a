//! Asking the origin whether a stored response still holds (RFC 9111, section 4.3), and what its
//! 304 changes of it. Pure.

use http::{HeaderMap, HeaderName, Method, StatusCode, header};
use yagura_control::Timestamp;

use super::policy::{self, NotStored};
use super::stored::{Stored, end_to_end};

/// Fields that describe the stored body, which a 304 does not replace (section 3.2), and the
/// validator by which it was found.
const KEPT: [HeaderName; 5] = [
    header::CONTENT_ENCODING,
    header::CONTENT_LENGTH,
    header::CONTENT_RANGE,
    header::ETAG,
    HeaderName::from_static("content-md5"),
];

/// The conditions under which the origin may answer 304; none without a validator.
#[must_use]
pub fn conditions(stored: &Stored) -> Option<HeaderMap> {
    let mut conditions = HeaderMap::new();
    for (name, validator) in [
        (header::IF_NONE_MATCH, header::ETAG),
        (header::IF_MODIFIED_SINCE, header::LAST_MODIFIED),
    ] {
        if let Some(value) = stored.headers.get(&validator) {
            conditions.insert(name, value.clone());
        }
    }
    (!conditions.is_empty()).then_some(conditions)
}

/// What a 304 says of the stored response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Confirmed {
    /// It holds, with these fields and terms.
    Updated(Stored),
    /// It holds for this answer, and is not to be stored any longer.
    Once(Stored),
    /// The 304 speaks of another representation.
    Other,
}

/// Puts the fields of a 304 into the stored response it confirms (sections 3.2 and 4.3.4).
#[must_use]
pub fn confirmed(
    stored: &Stored,
    request: &HeaderMap,
    not_modified: &HeaderMap,
    requested_at: Timestamp,
    received_at: Timestamp,
) -> Confirmed {
    let tag = |fields: &HeaderMap| {
        let tag = fields.get(header::ETAG).and_then(|tag| tag.to_str().ok());
        tag.map(|tag| tag.trim_start_matches("W/").to_owned())
    };
    if let (Some(own), Some(told)) = (tag(&stored.headers), tag(not_modified))
        && own != told
    {
        return Confirmed::Other;
    }
    let mut told = not_modified.clone();
    // The age is that of the confirmation, and has told the terms before it is taken out.
    let age = told
        .get_all(header::AGE)
        .iter()
        .cloned()
        .collect::<Vec<_>>();
    end_to_end(&mut told);
    let mut updated = stored.clone();
    for name in told.keys().filter(|name| !KEPT.contains(name)) {
        updated.headers.remove(name);
        for value in told.get_all(name) {
            updated.headers.append(name.clone(), value.clone());
        }
    }
    (updated.requested_at, updated.received_at) = (requested_at, received_at);
    if let Some(tags) = not_modified
        .get(yagura_control::tags::FIELD_NAME)
        .and_then(|tags| tags.to_str().ok())
    {
        updated.tags = yagura_control::TagSet::from_field_value(tags);
    }
    let mut judged = updated.headers.clone();
    for value in age {
        judged.append(header::AGE, value);
    }
    match terms(request, updated.status, &judged, requested_at, received_at) {
        Ok(terms) => {
            updated.terms = terms;
            Confirmed::Updated(updated)
        }
        Err(_) => Confirmed::Once(updated),
    }
}

fn terms(
    request: &HeaderMap,
    status: StatusCode,
    response: &HeaderMap,
    requested_at: Timestamp,
    received_at: Timestamp,
) -> Result<policy::Terms, NotStored> {
    policy::decide(
        &Method::GET,
        request,
        status,
        response,
        requested_at,
        received_at,
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cache::stored::tests::response;

    const THEN: Timestamp = Timestamp(1_795_000_000_000);
    const NOW: Timestamp = Timestamp(1_795_000_100_000);

    fn fields(lines: &[(&'static str, &'static str)]) -> HeaderMap {
        let field = |(name, value): &(&'static str, &'static str)| {
            (
                HeaderName::from_static(name),
                http::HeaderValue::from_static(value),
            )
        };
        lines.iter().map(field).collect()
    }

    fn told(lines: &[(&'static str, &'static str)]) -> Confirmed {
        let stored = response("town\n\n/", "body", "page-1", THEN);
        confirmed(&stored, &HeaderMap::new(), &fields(lines), NOW, NOW)
    }

    #[test]
    fn the_origin_is_asked_by_both_validators() {
        let asked = conditions(&response("town\n\n/", "body", "", THEN)).unwrap();
        assert_eq!(asked["if-none-match"], "\"v,1\"");
        assert_eq!(asked["if-modified-since"], "Mon, 23 Nov 2026 00:00:00 GMT");
        let mut bare = response("town\n\n/", "body", "", THEN);
        bare.headers.clear();
        assert_eq!(conditions(&bare), None);
    }

    #[test]
    fn a_confirmation_renews_fields_and_freshness_but_not_the_body() {
        let Confirmed::Updated(updated) = told(&[
            ("etag", "W/\"v,1\""),
            ("cache-control", "max-age=600"),
            ("x-new", "1"),
            ("content-encoding", "gzip"),
            ("connection", "close"),
            ("cache-tag", "page-2"),
        ]) else {
            panic!("not confirmed");
        };
        assert_eq!((updated.terms.lifetime_s, updated.requested_at), (600, NOW));
        assert_eq!(updated.headers["etag"], "\"v,1\"");
        assert_eq!(updated.headers["x-new"], "1");
        assert!(
            !updated.headers.contains_key("content-encoding")
                && !updated.headers.contains_key("connection")
        );
        assert_eq!(
            (
                updated.tags.to_field_value().as_str(),
                updated.body.as_ref()
            ),
            ("page-2", b"body".as_slice())
        );
    }

    #[test]
    fn a_confirmation_may_forbid_storing_or_speak_of_something_else() {
        assert!(matches!(
            told(&[("cache-control", "no-store")]),
            Confirmed::Once(_)
        ));
        assert_eq!(told(&[("etag", "\"v,2\"")]), Confirmed::Other);
    }
}
