//! The bytes of a table to text. Excel writes UTF-8 with a byte order mark, Shift_JIS (as its code
//! page 932), or UTF-16 with tabs; editors write UTF-8 without one.
//!
//! What is valid UTF-8 is taken as that: Japanese text in Shift_JIS practically never is.

use encoding_rs::{Encoding, SHIFT_JIS, UTF_8};

use super::table::Fault;

/// The text of a file.
///
/// # Errors
/// The lines that are neither UTF-8 nor Shift_JIS.
pub fn decode(bytes: &[u8]) -> Result<String, Vec<Fault>> {
    if let Some((encoding, mark)) = Encoding::for_bom(bytes) {
        let rest = bytes.get(mark..).unwrap_or_default();
        if encoding != UTF_8 {
            let decoded = encoding.decode_without_bom_handling_and_without_replacement(rest);
            return decoded.map(Into::into).ok_or_else(|| vec![no_utf_16()]);
        }
        return whole(rest, UTF_8).ok_or_else(|| lines_unlike(rest, UTF_8));
    }
    if let Some(text) = whole(bytes, UTF_8).or_else(|| whole(bytes, SHIFT_JIS)) {
        return Ok(text);
    }
    let (unlike_utf_8, unlike_shift_jis) =
        (lines_unlike(bytes, UTF_8), lines_unlike(bytes, SHIFT_JIS));
    // The file is meant as the encoding that fits more of its lines.
    if unlike_shift_jis.len() < unlike_utf_8.len() {
        Err(unlike_shift_jis)
    } else {
        Err(unlike_utf_8)
    }
}

fn whole(bytes: &[u8], encoding: &'static Encoding) -> Option<String> {
    let decoded = encoding.decode_without_bom_handling_and_without_replacement(bytes)?;
    Some(decoded.into_owned())
}

/// A line feed is no part of a character in either encoding, so lines can be judged one by one.
fn lines_unlike(bytes: &[u8], encoding: &'static Encoding) -> Vec<Fault> {
    let name = if encoding == UTF_8 {
        "UTF-8"
    } else {
        "Shift_JIS"
    };
    let lines = (1..).zip(bytes.split(|byte| *byte == b'\n'));
    lines
        .filter(|(_, line)| whole(line, encoding).is_none())
        .map(|(line, _)| Fault {
            line,
            message: format!(
                "this line is no {name}, as the file seems to be; \
                 save it in Excel as \"CSV UTF-8\""
            ),
        })
        .collect()
}

fn no_utf_16() -> Fault {
    Fault {
        line: 1,
        message: "the file begins as UTF-16 and is not; save it in Excel as \"CSV UTF-8\""
            .to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TEXT: &str = "転送元,転送先\r\n/q/a1,/くらし/①\r\n";

    #[test]
    fn what_excel_writes_is_read_in_every_encoding() {
        let shift_jis = SHIFT_JIS.encode(TEXT).0.into_owned();
        let with_mark = [b"\xEF\xBB\xBF", TEXT.as_bytes()].concat();
        let wide = TEXT.encode_utf16().flat_map(u16::to_le_bytes);
        let utf_16: Vec<u8> = [0xFF, 0xFE].into_iter().chain(wide).collect();
        for bytes in [TEXT.as_bytes().to_vec(), with_mark, shift_jis, utf_16] {
            assert_eq!(decode(&bytes).unwrap(), TEXT);
        }
    }

    #[test]
    fn lines_in_another_encoding_are_named() {
        let mut bytes = SHIFT_JIS.encode(TEXT).0.into_owned();
        bytes.extend(b"/a,/b,\xFF\xFF\n/c,/d\n/e,\x80\x80\xFE\n");
        let faults = decode(&bytes).unwrap_err();
        assert_eq!(faults.iter().map(|f| f.line).collect::<Vec<_>>(), [3, 5]);
        assert!(faults[0].message.contains("Shift_JIS"), "{}", faults[0]);
        let mixed = [TEXT.as_bytes(), &SHIFT_JIS.encode("/x,/町\n").0].concat();
        assert_eq!(decode(&mixed).unwrap_err()[0].line, 3);
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            match decode(&bytes) {
                Ok(_) => {}
                Err(faults) => prop_assert!(!faults.is_empty()),
            }
        }

        #[test]
        fn utf_8_is_read_as_it_is(text in "[^\u{feff}]\\PC{0,60}") {
            prop_assert_eq!(decode(text.as_bytes()).unwrap(), text);
        }
    }
}
