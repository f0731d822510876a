//! What the log keeps of a request as its reader sent it. Only so much is taken that the lines that
//! wait for the disk have a bound, and no field but these two.

use http::{HeaderMap, Method, header};
use pingora::http::RequestHeader;

/// Most bytes of a target.
const MOST_TARGET: usize = 1024;
/// Most bytes of each field.
const MOST_FIELD: usize = 256;
/// The longest method that is taken for one.
const MOST_METHOD: usize = 32;

/// Method, target and two fields, in one piece of memory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    text: String,
    /// Where each of the first three parts ends.
    ends: [u16; 3],
}

impl Asked {
    /// Of the head of a request over HTTP/1.1, readable or not.
    #[must_use]
    pub fn of_head(head: &[u8]) -> Self {
        let line_end = memchr::memchr(b'\n', head).unwrap_or(head.len());
        let (line, fields) = head.split_at(line_end);
        let (method, target) = request_line(line);
        let (mut agent, mut referer) = (None, None);
        for line in fields.split(|byte| *byte == b'\n') {
            // Only these lengths of a name are looked at more closely.
            match line.iter().position(|byte| *byte == b':') {
                Some(7) if referer.is_none() => referer = value_of(line, b"referer"),
                Some(10) if agent.is_none() => agent = value_of(line, b"user-agent"),
                _ => {}
            }
        }
        Self::of(method, target, agent, referer)
    }

    /// Of a request whose fields were read.
    #[must_use]
    pub fn of_fields(method: &Method, target: &str, fields: &HeaderMap) -> Self {
        let field = |name| fields.get(name).map(http::HeaderValue::as_bytes);
        Self::of(
            method.as_str().as_bytes(),
            target.as_bytes(),
            field(header::USER_AGENT),
            field(header::REFERER),
        )
    }

    /// Of a request as the stages see it.
    #[must_use]
    pub fn of_request(request: &RequestHeader) -> Self {
        let target = request.uri.path_and_query();
        let target = target.map_or("", |target| target.as_str());
        Self::of_fields(&request.method, target, &request.headers)
    }

    fn of(method: &[u8], target: &[u8], agent: Option<&[u8]>, referer: Option<&[u8]>) -> Self {
        let mut asked = Self::default();
        let referer = without_query(referer.unwrap_or_default());
        let room = method.len() + target.len().min(MOST_TARGET) + 2 * MOST_FIELD;
        asked.text.reserve(room.min(2 * MOST_TARGET));
        let parts = [
            (method, MOST_METHOD),
            (target, MOST_TARGET),
            (agent.unwrap_or_default(), MOST_FIELD),
        ];
        for (end, (part, most)) in asked.ends.iter_mut().zip(parts) {
            push(&mut asked.text, part, most);
            // The parts together are shorter than this by their bounds.
            *end = u16::try_from(asked.text.len()).unwrap_or(u16::MAX);
        }
        push(&mut asked.text, referer, MOST_FIELD);
        asked
    }

    /// The method; empty when the request could not be read.
    #[must_use]
    pub fn method(&self) -> &str {
        self.part(0, self.ends[0])
    }

    /// Path and query; empty when the request could not be read.
    #[must_use]
    pub fn target(&self) -> &str {
        self.part(self.ends[0], self.ends[1])
    }

    /// What the reader's program calls itself.
    #[must_use]
    pub fn user_agent(&self) -> &str {
        self.part(self.ends[1], self.ends[2])
    }

    /// The page with the link, without its query.
    #[must_use]
    pub fn referer(&self) -> &str {
        let text = self.text.get(usize::from(self.ends[2])..);
        text.unwrap_or_default()
    }

    fn part(&self, from: u16, to: u16) -> &str {
        let text = self.text.get(usize::from(from)..usize::from(to));
        text.unwrap_or_default()
    }
}

/// Method and target, where the line has the form of one (RFC 9112, section 3); both empty otherwise,
/// because nobody knows what such a line holds.
fn request_line(line: &[u8]) -> (&[u8], &[u8]) {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let mut parts = line.splitn(3, |byte| *byte == b' ');
    match (parts.next(), parts.next(), parts.next()) {
        (Some(method), Some(target), Some(version))
            if (1..=MOST_METHOD).contains(&method.len())
                && method.iter().all(u8::is_ascii_uppercase)
                && target.iter().all(u8::is_ascii_graphic)
                && version.starts_with(b"HTTP/") =>
        {
            (method, target)
        }
        _ => (b"", b""),
    }
}

/// The value of a line, if it is the field of that name, in lower case.
fn value_of<'l>(line: &'l [u8], name: &[u8]) -> Option<&'l [u8]> {
    let (own, rest) = line.split_at_checked(name.len())?;
    let value = rest.strip_prefix(b":")?;
    own.eq_ignore_ascii_case(name).then(|| value.trim_ascii())
}

/// A URL up to its query or fragment; nothing when it names a user.
fn without_query(url: &[u8]) -> &[u8] {
    let end = memchr::memchr2(b'?', b'#', url).unwrap_or(url.len());
    let url = url.get(..end).unwrap_or_default();
    if memchr::memchr(b'@', url).is_some() {
        return b"";
    }
    url
}

/// Adds at most so many bytes of a text; what is no UTF-8 becomes U+FFFD.
fn push(text: &mut String, part: &[u8], most: usize) {
    let part = part.get(..most).unwrap_or(part);
    match std::str::from_utf8(part) {
        Ok(part) => text.push_str(part),
        Err(_) => {
            let end = text.len() + most;
            text.push_str(&String::from_utf8_lossy(part));
            // U+FFFD is longer than what it stands for.
            while text.len() > end {
                text.pop();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_head_is_taken_apart() {
        let head = b"GET /a?b=1 HTTP/1.1\r\nHost: a\r\nUSER-AGENT:  x y \r\nX-Agents-: no\r\n\
                     Referer: https://b.example/c?secret=1#d\r\nCookie: secret\r\n\r\n";
        let asked = Asked::of_head(head);
        assert_eq!((asked.method(), asked.target()), ("GET", "/a?b=1"));
        assert_eq!(asked.user_agent(), "x y");
        assert_eq!(asked.referer(), "https://b.example/c");
        assert!(!asked.text.contains("secret"));
    }

    #[test]
    fn what_is_no_request_line_is_not_kept() {
        for head in [
            "password=1 /x",
            "get / HTTP/1.1\r\n",
            "GET / x",
            "\u{16}\u{3}\u{1}",
            "",
        ] {
            assert_eq!(Asked::of_head(head.as_bytes()).method(), "", "{head}");
            assert_eq!(Asked::of_head(head.as_bytes()).target(), "", "{head}");
        }
        let userinfo = b"GET / HTTP/1.1\r\nReferer: https://u:p@b.example/\r\n\r\n";
        assert_eq!(Asked::of_head(userinfo).referer(), "");
    }

    proptest! {
        #[test]
        fn any_bytes_are_taken_within_the_bounds(head in proptest::collection::vec(any::<u8>(), 0..5000)) {
            let asked = Asked::of_head(&head);
            prop_assert!(asked.text.len() <= MOST_METHOD + MOST_TARGET + 2 * MOST_FIELD);
        }

        #[test]
        fn both_ways_take_the_same(
            target in "/[!-~]{0,1500}", agent in "[!-~\u{e9}]{1,300}", referer in "[!-~]{1,300}",
        ) {
            let head = format!("GET {target} HTTP/1.1\r\nuser-agent: {agent}\r\nreferer: {referer}\r\n\r\n");
            let mut fields = HeaderMap::new();
            fields.insert("user-agent", http::HeaderValue::from_bytes(agent.as_bytes()).unwrap());
            fields.insert("referer", http::HeaderValue::from_str(&referer).unwrap());
            let read = Asked::of_fields(&Method::GET, &target, &fields);
            prop_assert_eq!(Asked::of_head(head.as_bytes()), read);
        }
    }
}
