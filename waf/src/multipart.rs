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
    /// Whether it is a file.
    #[must_use]
    pub fn is_file(&self) -> bool {
        let head = self.head.to_ascii_lowercase();
        find(&head, b"filename").is_some()
    }
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

/// The parts of a body; none when it is written in another way than browsers do.
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
        match find(content, &between) {
            Some(at) => {
                parts.push(Part {
                    head,
                    content: content.get(..at)?,
                });
                rest = content.get(at + between.len()..)?;
            }
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

    prop_compose! {
        fn written_parts()(
            parts in prop::collection::vec(("[a-zA-Z:;= \"]{0,30}", prop::collection::vec(prop_oneof![Just(b'\r'), Just(b'\n'), Just(b'-'), Just(b'x'), any::<u8>()], 0..40)), 0..5)
        ) -> Vec<(Vec<u8>, Vec<u8>)> {
            parts.into_iter().map(|(head, content)| (head.into_bytes(), content)).collect()
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(written in written_parts()) {
            let delimiter = [b"\r\n--", BOUNDARY].concat();
            prop_assume!(written.iter().all(|(_, content)| find(&[b"\r\n\r\n", content.as_slice(), b"\r\n"].concat(), &delimiter).is_none()));
            let body = body(&written);
            if written.is_empty() {
                prop_assert_eq!(count(&body, BOUNDARY), 0);
                return Ok(());
            }
            let read = parts(&body, BOUNDARY, false).unwrap();
            let read: Vec<_> = read.iter().map(|part| (part.head.to_vec(), part.content.to_vec())).collect();
            prop_assert!(count(&body, BOUNDARY) >= read.len());
            prop_assert_eq!(read, written);
        }

        #[test]
        fn cut_anywhere_its_beginning_is_read(written in written_parts(), at in any::<prop::sample::Index>()) {
            let whole = body(&written);
            let beginning = &whole[..at.index(whole.len())];
            prop_assume!(beginning.len() >= BOUNDARY.len() + 2 && !written.is_empty());
            let read = parts(beginning, BOUNDARY, true);
            prop_assert!(read.is_some());
            // And written again it is whole.
            let again: Vec<_> = read.unwrap().iter().map(|part| (part.head.to_vec(), part.content.to_vec())).collect();
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
        assert!(!part("Content-Disposition: form-data; name=\"a\"").is_file());
    }
}
