//! The fields of a request that the front minds, found in one pass over all of them.

/// What the fields say that the front acts upon.
#[derive(Clone, Copy, Debug, Default)]
pub struct Minded<'b> {
    pub host: Lines<'b>,
    pub content_length: Lines<'b>,
    pub transfer_encoding: Lines<'b>,
    pub if_none_match: Lines<'b>,
    pub if_modified_since: Lines<'b>,
    /// There is a field that makes it more than a plain request.
    pub is_not_plain: bool,
    /// The reader says what may be answered from memory (Cache-Control or Pragma).
    pub asks: bool,
    /// The reader wants the connection to end.
    pub close: bool,
}

/// The lines of one field, as far as they matter: the first, and whether there are more.
#[derive(Clone, Copy, Debug, Default)]
pub struct Lines<'b> {
    pub first: Option<&'b [u8]>,
    pub has_more: bool,
}

impl<'b> Lines<'b> {
    fn add(&mut self, value: &'b [u8]) {
        if self.first.is_none() {
            self.first = Some(value);
        } else {
            self.has_more = true;
        }
    }

    /// The first line as text, without the space around it.
    #[must_use]
    pub fn text(self) -> Option<&'b str> {
        Some(std::str::from_utf8(self.first?).ok()?.trim())
    }
}

impl<'b> Minded<'b> {
    /// Looks at every field, name and value, once.
    #[must_use]
    pub fn of(fields: impl Iterator<Item = (&'b str, &'b [u8])>) -> Self {
        let mut minded = Self::default();
        for (name, value) in fields {
            minded.look_at(name, value);
        }
        minded
    }

    fn look_at(&mut self, name: &str, value: &'b [u8]) {
        let is = |known: &str| name.eq_ignore_ascii_case(known);
        // Most fields are told apart by their length alone.
        match name.len() {
            2 => self.is_not_plain |= is("te"),
            4 if is("host") => self.host.add(value),
            5 => self.is_not_plain |= is("range"),
            6 => {
                self.asks |= is("pragma");
                self.is_not_plain |= is("expect");
            }
            7 => self.is_not_plain |= is("upgrade"),
            8 => self.is_not_plain |= is("if-range") || is("if-match"),
            10 if is("connection") => {
                let mut words = value.split(|byte| *byte == b',');
                self.close |= words.any(|word| word.trim_ascii().eq_ignore_ascii_case(b"close"));
            }
            13 if is("if-none-match") => self.if_none_match.add(value),
            13 => {
                self.asks |= is("cache-control");
                self.is_not_plain |= is("authorization");
            }
            14 if is("content-length") => self.content_length.add(value),
            14 => self.is_not_plain |= is("http2-settings"),
            17 if is("transfer-encoding") => self.transfer_encoding.add(value),
            17 if is("if-modified-since") => self.if_modified_since.add(value),
            19 => self.is_not_plain |= is("if-unmodified-since") || is("proxy-authorization"),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of<'b>(fields: &[(&'b str, &'b str)]) -> Minded<'b> {
        let fields = fields.iter();
        Minded::of(fields.map(|(name, value)| (*name, value.as_bytes())))
    }

    #[test]
    fn every_field_that_makes_a_request_more_than_plain_is_seen() {
        for name in [
            "Range",
            "If-Range",
            "If-Match",
            "If-Unmodified-Since",
            "Authorization",
            "Expect",
            "Upgrade",
            "TE",
            "Proxy-Authorization",
            "HTTP2-Settings",
        ] {
            assert!(of(&[("Host", "a"), (name, "x")]).is_not_plain, "{name}");
        }
        assert!(!of(&[("Host", "a"), ("Accept", "x"), ("Cookie", "a=b")]).is_not_plain);
    }

    #[test]
    fn what_a_reader_asks_for_is_seen_in_any_case() {
        assert!(of(&[("CACHE-CONTROL", "no-cache")]).asks);
        assert!(of(&[("pragma", "no-cache")]).asks);
        assert!(!of(&[("cache-contro1", "no-cache")]).asks);
        assert!(of(&[("Connection", "keep-alive, Close")]).close);
        assert!(!of(&[("Connection", "keep-alive")]).close);
    }

    #[test]
    fn a_second_line_is_told() {
        let minded = of(&[("host", "a"), ("Host", "b"), ("if-none-match", " \"x\" ")]);
        assert_eq!(minded.host.first, Some(b"a".as_slice()));
        assert!(minded.host.has_more);
        assert_eq!(minded.if_none_match.text(), Some("\"x\""));
        assert!(!minded.if_none_match.has_more);
        assert!(minded.content_length.first.is_none());
    }
}
