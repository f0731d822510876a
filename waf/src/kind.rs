//! What a body is, by its Content-Type, and how much of it is inspected. Pure.

use crate::request::Request;

/// Most bytes inspected of forms, JSON and text.
pub const TEXT_BYTES: usize = 16 << 10;
/// Most bytes inspected of multipart; of each text field, [`TEXT_BYTES`].
pub const MULTIPART_BYTES: usize = 128 << 10;

/// What a body is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// There is none.
    Nothing,
    /// `application/x-www-form-urlencoded`.
    Form,
    /// JSON of whatever name.
    Json,
    /// `multipart/form-data` with this boundary.
    Multipart(Vec<u8>),
    /// Anything else: inspected as one text.
    Text,
}

impl Kind {
    /// Of a request with a body.
    #[must_use]
    pub fn of(request: &Request) -> Self {
        if request.body.is_empty() {
            return Self::Nothing;
        }
        Self::announced(request.header("content-type"))
    }

    /// What a field says.
    #[must_use]
    pub fn announced(content_type: Option<&[u8]>) -> Self {
        let Some(field) = content_type else {
            return Self::Text;
        };
        let end = field.iter().position(|byte| *byte == b';');
        let media = field.get(..end.unwrap_or(field.len())).unwrap_or_default();
        let media = String::from_utf8_lossy(media).trim().to_ascii_lowercase();
        match media.as_str() {
            "application/x-www-form-urlencoded" => Self::Form,
            "multipart/form-data" => boundary(field).map_or(Self::Text, Self::Multipart),
            json if json.ends_with("/json") || json.ends_with("+json") => Self::Json,
            _ => Self::Text,
        }
    }

    /// Most bytes of such a body that are inspected.
    #[must_use]
    pub const fn most_bytes(&self) -> usize {
        match self {
            Self::Multipart(_) => MULTIPART_BYTES,
            Self::Nothing | Self::Form | Self::Json | Self::Text => TEXT_BYTES,
        }
    }
}

/// The boundary of a multipart's Content-Type (RFC 2046, section 5.1.1), where it can be used.
/// Of two boundaries readers take the first or the last, also of one that stands within quotes.
fn boundary(field: &[u8]) -> Option<Vec<u8>> {
    let named = (0..field.len()).filter(|at| {
        let name = field.get(*at..).unwrap_or_default();
        let (name, value) = name.split_at(name.len().min(b"boundary".len()));
        name.eq_ignore_ascii_case(b"boundary") && value.trim_ascii_start().starts_with(b"=")
    });
    if named.count() > 1 {
        return None;
    }
    let mut parameters = field.split(|byte| *byte == b';').skip(1);
    let value = parameters.find_map(|parameter| {
        let parameter = parameter.trim_ascii();
        let (name, value) = parameter.split_at_checked(b"boundary=".len())?;
        name.eq_ignore_ascii_case(b"boundary=").then_some(value)
    })?;
    let value = value.trim_ascii();
    let bare = value
        .strip_prefix(b"\"")
        .and_then(|rest| rest.strip_suffix(b"\""));
    let value = bare.unwrap_or(value);
    let usable = (1..=70).contains(&value.len()) && value.iter().all(u8::is_ascii_graphic);
    usable.then(|| value.to_vec())
}

/// The charset that a Content-Type names.
#[must_use]
pub fn charset(content_type: &[u8]) -> Option<String> {
    let mut parameters = content_type.split(|byte| *byte == b';').skip(1);
    parameters.find_map(|parameter| {
        let parameter = String::from_utf8_lossy(parameter)
            .trim()
            .to_ascii_lowercase();
        let value = parameter.strip_prefix("charset=")?;
        Some(value.trim_matches('"').to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_read_from_content_types() {
        for (field, kind) in [
            ("application/x-www-form-urlencoded", Kind::Form),
            (
                "Application/X-WWW-Form-Urlencoded; charset=Shift_JIS",
                Kind::Form,
            ),
            ("application/json", Kind::Json),
            ("application/ld+json ;a=b", Kind::Json),
            (
                "multipart/form-data; boundary=x",
                Kind::Multipart(b"x".to_vec()),
            ),
            (
                "multipart/form-data; Boundary=\"a b\"",
                Kind::Text, // A boundary with a blank is legal and seen nowhere.
            ),
            (
                "multipart/form-data; charset=utf-8; boundary=\"--x\"",
                Kind::Multipart(b"--x".to_vec()),
            ),
            (
                "multipart/form-data; boundary=----WebKitFormBoundaryYg7QpX",
                Kind::Multipart(b"----WebKitFormBoundaryYg7QpX".to_vec()),
            ),
            ("multipart/form-data; boundary=x; Boundary =y", Kind::Text),
            (
                "multipart/form-data; a=\"; boundary=x\"; boundary=y",
                Kind::Text,
            ),
            ("multipart/form-data", Kind::Text),
            ("text/plain", Kind::Text),
            ("", Kind::Text),
        ] {
            assert_eq!(Kind::announced(Some(field.as_bytes())), kind, "{field}");
        }
        assert_eq!(
            charset(b"text/plain; Charset=\"EUC-JP\""),
            Some("euc-jp".to_owned())
        );
        assert_eq!(Kind::of(&Request::default()), Kind::Nothing);
    }
}
