//! `multipart/form-data` (RFC 7578, RFC 2046 section 5.1.1), just far enough to cut it well: where its
//! parts begin and end. What is written in another way than browsers write it is not understood here,
//! and goes to the engine as it came, which refuses it. Pure.

/// One part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part<'b> {
    /// Its fields, without the empty line that ends them.
    pub head: &'b [u8],
    /// What it holds; its beginning when the body was cut in it.
    pub content: &'b [u8],
}

impl Part<'_> {
    /// Whether every reader takes it for a file: one Content-Disposition, of one name and one name of
    /// a file, both in quotes, as browsers write it. What of a file is sent is not inspected; so a part
    /// that somebody takes for a field (`X: filename`, `filename*=`, `filename=""`) is none.
    #[must_use]
    pub fn is_file(&self) -> bool {
        let lines = self.head.split(|byte| matches!(byte, b'\r' | b'\n'));
        let mut dispositions = lines.filter_map(|line| {
            let (name, value) = line.split_at_checked(DISPOSITION.len())?;
            name.eq_ignore_ascii_case(DISPOSITION).then_some(value)
        });
        let (first, second) = (dispositions.next(), dispositions.next());
        first.is_some_and(names_a_file) && second.is_none()
    }
}

const DISPOSITION: &[u8] = b"content-disposition:";

/// Whether a Content-Disposition is `form-data` with a name and the name of a file, and nothing else.
fn names_a_file(value: &[u8]) -> bool {
    let Some(mut rest) = after(value.trim_ascii(), b"form-data") else {
        return false;
    };
    let (mut named, mut filed) = (false, false);
    while !rest.is_empty() {
        let Some(parameter) = rest.trim_ascii_start().strip_prefix(b";") else {
            return false;
        };
        let parameter = parameter.trim_ascii_start();
        let (seen, value) = match (
            after(parameter, b"name=\""),
            after(parameter, b"filename=\""),
        ) {
            (Some(value), _) => (&mut named, value),
            (_, Some(value)) => (&mut filed, value),
            (None, None) => return false,
        };
        let Some(ends) = value.iter().position(|byte| *byte == b'"') else {
            return false;
        };
        let (text, behind) = value.split_at(ends);
        // Readers differ in whether a backslash keeps a quote from ending the name.
        if *seen || text.ends_with(b"\\") || text.is_empty() {
            return false;
        }
        *seen = true;
        rest = behind.get(1..).unwrap_or_default();
    }
    named && filed
}

/// What follows a beginning, in letters of either case.
fn after<'t>(text: &'t [u8], beginning: &[u8]) -> Option<&'t [u8]> {
    let (first, rest) = text.split_at_checked(beginning.len())?;
    first.eq_ignore_ascii_case(beginning).then_some(rest)
}

/// How many parts a body has, or at most has.
#[must_use]
pub fn count(body: &[u8], boundary: &[u8]) -> usize {
    let mark = [b"--", boundary].concat();
    let (mut rest, mut count) = (body, 0_usize);
    while let Some(at) = find(rest, &mark) {
        rest = rest.get(at + mark.len()..).unwrap_or_default();
        count += usize::from(!rest.starts_with(b"--"));
    }
    count
}

/// The parts of a body; none when it is written in another way than browsers do, also when a reader
/// less strict than this one would find a delimiter elsewhere: in a head, or after half a line end.
#[must_use]
pub fn parts<'b>(body: &'b [u8], boundary: &[u8], cut: bool) -> Option<Vec<Part<'b>>> {
    let first = [b"--", boundary].concat();
    let between = [b"\r\n--", boundary].concat();
    let mut rest = body.strip_prefix(first.as_slice())?;
    let mut parts = Vec::new();
    loop {
        match after_delimiter(rest) {
            After::Part(part) => rest = part,
            After::End => return Some(parts),
            After::Cut if cut => return Some(parts),
            After::Cut | After::Odd => return None,
        }
        let Some(ends) = find(rest, b"\r\n\r\n") else {
            return cut.then_some(parts);
        };
        let (head, content) = (rest.get(..ends)?, rest.get(ends + 4..)?);
        if begins_a_line(head, &first) {
            return None;
        }
        match find(content, &between) {
            Some(at) => {
                let (whole, behind) = (content.get(..at)?, content.get(at + between.len()..)?);
                if begins_a_line(whole, &first) {
                    return None;
                }
                parts.push(Part {
                    head,
                    content: whole,
                });
                rest = behind;
            }
            None if begins_a_line(content, &first) => return None,
            None if cut => {
                let content = without_beginning_of(content, &between);
                parts.push(Part { head, content });
                return Some(parts);
            }
            None => return None,
        }
    }
}

/// Writes parts as a whole body.
#[must_use]
pub fn written(parts: &[(Vec<u8>, Vec<u8>)], boundary: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    for (head, content) in parts {
        for bytes in [
            b"--",
            boundary,
            b"\r\n",
            head,
            b"\r\n\r\n",
            content,
            b"\r\n",
        ] {
            out.extend(bytes);
        }
    }
    for bytes in [b"--", boundary, b"--\r\n"] {
        out.extend(bytes);
    }
    out
}

enum After<'b> {
    Part(&'b [u8]),
    End,
    Cut,
    Odd,
}

/// What follows a delimiter.
fn after_delimiter(rest: &[u8]) -> After<'_> {
    if let Some(part) = rest.strip_prefix(b"\r\n") {
        return After::Part(part);
    }
    match rest {
        b"--" | b"--\r\n" => After::End,
        b"" | b"\r" | b"-" | b"--\r" => After::Cut,
        _ => After::Odd,
    }
}

/// The content without the beginning of a delimiter in which it was cut.
fn without_beginning_of<'b>(content: &'b [u8], delimiter: &[u8]) -> &'b [u8] {
    let ends = (1..delimiter.len()).rev().find_map(|length| {
        let beginning = delimiter.get(..length)?;
        content.strip_suffix(beginning)
    });
    ends.unwrap_or(content)
}

/// Whether a line of a text begins with a delimiter, however lines end.
fn begins_a_line(text: &[u8], delimiter: &[u8]) -> bool {
    let mut lines = text.split(|byte| matches!(byte, b'\r' | b'\n'));
    lines.any(|line| line.starts_with(delimiter))
}

/// Where one text stands in another first.
fn find(text: &[u8], what: &[u8]) -> Option<usize> {
    text.windows(what.len()).position(|window| window == what)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const BOUNDARY: &[u8] = b"----x";

    fn body(parts: &[(Vec<u8>, Vec<u8>)]) -> Vec<u8> {
        written(parts, BOUNDARY)
    }

    /// Bytes of which delimiters are made, and others; but no delimiter, and not half a one.
    fn content() -> impl Strategy<Value = Vec<u8>> {
        let byte = prop_oneof![
            Just(b'\r'),
            Just(b'\n'),
            Just(b'-'),
            Just(b'x'),
            any::<u8>()
        ];
        prop::collection::vec(byte, 0..40).prop_map(|mut content| {
            if begins_a_line(&content, &[b"--", BOUNDARY].concat()) {
                content.retain(|byte| *byte != b'x');
            }
            content
        })
    }

    prop_compose! {
        fn written_parts(least: usize)(
            parts in prop::collection::vec(("[a-zA-Z:;= \"]{0,30}", content()), least..5)
        ) -> Vec<(Vec<u8>, Vec<u8>)> {
            parts.into_iter().map(|(head, content)| (head.into_bytes(), content)).collect()
        }
    }

    fn owned(parts: &[Part<'_>]) -> Vec<(Vec<u8>, Vec<u8>)> {
        let parts = parts.iter();
        parts
            .map(|part| (part.head.to_vec(), part.content.to_vec()))
            .collect()
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(written in written_parts(0)) {
            let body = body(&written);
            if written.is_empty() {
                prop_assert_eq!(count(&body, BOUNDARY), 0);
                return Ok(());
            }
            let read = parts(&body, BOUNDARY, false).unwrap();
            prop_assert!(count(&body, BOUNDARY) >= read.len());
            prop_assert_eq!(owned(&read), written);
        }

        #[test]
        fn cut_anywhere_its_beginning_is_read(written in written_parts(1), at in any::<prop::sample::Index>()) {
            let (whole, least) = (body(&written), BOUNDARY.len() + 2);
            let beginning = &whole[..least + at.index(whole.len() - least)];
            let read = parts(beginning, BOUNDARY, true);
            prop_assert!(read.is_some());
            // And written again it is whole.
            let again = owned(&read.unwrap());
            let rewritten = body(&again);
            prop_assert!(again.is_empty() || parts(&rewritten, BOUNDARY, false).is_some());
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in any::<Vec<u8>>(), cut in any::<bool>()) {
            let _ = (parts(&bytes, b"x", cut), count(&bytes, b"x"));
        }
    }

    #[test]
    fn files_are_told_by_their_names() {
        let part = |head: &'static str| Part {
            head: head.as_bytes(),
            content: b"",
        };
        assert!(part("Content-Disposition: form-data; name=\"a\"; FileName=\"x.pdf\"").is_file());
        assert!(
            part("content-disposition:form-data;filename=\"C:\\a.pdf\" ; name=\"a\"").is_file()
        );
        for field in [
            "Content-Disposition: form-data; name=\"a\"",
            "Content-Disposition: form-data; name=\"filename\"",
            "Content-Disposition: form-data; name=\"a\"\r\nX-Not: filename=\"x\"",
            "Content-Disposition: form-data; name=\"a; filename=x\"",
            "Content-Disposition: form-data; name=\"a\"; filename=\"\"",
            "Content-Disposition: form-data; name=\"a\"; filename=x",
            "Content-Disposition: form-data; name=\"a\"; filename*=utf-8''x",
            "Content-Disposition: form-data; name=\"a\\\"; filename=\"b\"",
            "Content-Disposition: form-data; name=\"a\"; filename=\"x\"; name=\"b\"",
            "Content-Disposition: form-data; name=\"a\"; filename=\"x\"\r\nContent-Disposition: form-data; name=\"a\"",
            "Content-Disposition: form-data; filename=\"x\"",
            "Content-Disposition: attachment; name=\"a\"; filename=\"x\"",
        ] {
            assert!(!part(field).is_file(), "{field}");
        }
    }

    #[test]
    fn a_delimiter_that_only_some_read_is_not_understood() {
        // Found by chance: a content that was a delimiter with a line end of its own.
        let own = body(&[(Vec::new(), b"\r\n------x\r".to_vec())]);
        for cut in 14..own.len() {
            let read = parts(&own[..cut], BOUNDARY, true);
            assert!(read.is_none_or(|read| read.len() <= 2), "{cut}");
        }
        let file = "Content-Disposition: form-data; name=\"f\"; filename=\"a\"";
        let field = "Content-Disposition: form-data; name=\"q\"";
        for hidden in [
            // Behind half a line end, which PHP takes for a whole one.
            format!("{file}\r\n\r\nx\n------x\n{field}\n\nattack"),
            format!("{file}\r\n\r\nx\r------x\r{field}\r\rattack"),
            // Right behind the head.
            format!("{file}\r\n\r\n------x\r\n{field}\r\n\r\nattack"),
            // In a head.
            format!("{file}\r\n------x\r\n{field}\r\n\r\nattack"),
        ] {
            let whole = format!("------x\r\n{hidden}\r\n------x--\r\n");
            assert_eq!(parts(whole.as_bytes(), BOUNDARY, false), None, "{hidden:?}");
        }
    }
}
