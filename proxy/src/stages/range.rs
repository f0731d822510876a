//! Parts of a stored response (RFC 9110, section 14): which bytes a request asks for. Pure.
//!
//! One range is answered; several are answered with the whole, which is allowed and is what a
//! reader who sends them can handle.

use http::{HeaderMap, StatusCode, header};

use crate::cache::{Fields, Stored};

/// What a request for a part is answered with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The whole response.
    Whole,
    /// These bytes, both counted.
    Bytes {
        /// Position of the first.
        first: usize,
        /// Position of the last.
        last: usize,
    },
    /// None of the response's bytes lie in the range.
    Nothing,
}

/// The part of `stored` that a GET with these fields asks for.
#[must_use]
pub fn wanted(request: &HeaderMap, stored: &Stored) -> Part {
    let mut lines = request.lines("range");
    let (Some(line), None, StatusCode::OK) = (lines.next(), lines.next(), stored.status) else {
        return Part::Whole;
    };
    let range = std::str::from_utf8(line).unwrap_or_default();
    if !condition_holds(request, stored) {
        return Part::Whole;
    }
    read(range, stored.body.len()).unwrap_or(Part::Whole)
}

/// If-Range: the part is wanted only of this very response (section 13.1.5), compared strongly.
fn condition_holds(request: &HeaderMap, stored: &Stored) -> bool {
    let Some(condition) = request.first("if-range") else {
        return true;
    };
    let own = |name| {
        stored
            .headers
            .get(name)
            .and_then(|value| value.to_str().ok())
    };
    if condition.starts_with('"') {
        return own(header::ETAG) == Some(condition);
    }
    // A date is strong enough only when it is exactly the one we gave.
    !condition.starts_with("W/") && own(header::LAST_MODIFIED) == Some(condition)
}

/// One range of a body of `length` bytes; `None` for what is to be passed over.
fn read(range: &str, length: usize) -> Option<Part> {
    let (unit, range) = range.split_once('=')?;
    if !unit.trim().eq_ignore_ascii_case("bytes") {
        return None;
    }
    let (first, last) = range.trim().split_once('-')?;
    let number = |text: &str| -> Option<usize> {
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        digits.then(|| text.parse().unwrap_or(usize::MAX))
    };
    if first.is_empty() {
        let suffix = number(last)?;
        if suffix == 0 || length == 0 {
            return Some(Part::Nothing);
        }
        return Some(Part::Bytes {
            first: length.saturating_sub(suffix),
            last: length - 1,
        });
    }
    let first = number(first)?;
    let last = if last.is_empty() {
        usize::MAX
    } else {
        number(last)?
    };
    if last < first {
        return None;
    }
    if first >= length {
        return Some(Part::Nothing);
    }
    Some(Part::Bytes {
        first,
        last: last.min(length - 1),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn one_range_is_read_as_the_standard_says() {
        let bytes = |first, last| Some(Part::Bytes { first, last });
        for (range, expected) in [
            ("bytes=0-4", bytes(0, 4)),
            ("bytes=5-", bytes(5, 9)),
            ("bytes=-3", bytes(7, 9)),
            ("bytes=-30", bytes(0, 9)),
            ("bytes=8-30", bytes(8, 9)),
            ("Bytes = 9-9", bytes(9, 9)),
            ("bytes=10-", Some(Part::Nothing)),
            ("bytes=-0", Some(Part::Nothing)),
            ("bytes=99999999999999999999-", Some(Part::Nothing)),
            ("bytes=4-2", None),
            ("bytes=0-1,4-5", None),
            ("bytes=a-", None),
            ("bytes=-", None),
            ("lines=0-4", None),
            ("bytes", None),
        ] {
            assert_eq!(read(range, 10), expected, "{range}");
        }
        assert_eq!(read("bytes=0-", 0), Some(Part::Nothing));
    }

    proptest! {
        #[test]
        fn a_part_lies_in_the_whole(range in "(bytes=)?[0-9]{0,3}-?[0-9]{0,3}", length in 0usize..200) {
            if let Some(Part::Bytes { first, last }) = read(&range, length) {
                prop_assert!(first <= last && last < length);
            }
        }
    }
}
