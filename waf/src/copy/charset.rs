//! Texts in Shift_JIS and EUC-JP as UTF-8. The second byte of a character in Shift_JIS may be a
//! backslash or a bar (0x5C, 0x7C), which rules take for an attack: 表 and 能 are such characters.
//!
//! What is no UTF-8 is read in both; it is taken for a text when everything in it is a character that
//! Japanese is written with. Otherwise it stays as it is.

use encoding_rs::{EUC_JP, Encoding, SHIFT_JIS};

/// A text as UTF-8; none when it is UTF-8, or no Japanese.
#[must_use]
pub fn as_utf8(text: &[u8], announced: Option<&str>) -> Option<Vec<u8>> {
    match std::str::from_utf8(text) {
        Ok(_) => return None,
        // UTF-8 that was cut in a character.
        Err(error) if error.error_len().is_none() && error.valid_up_to() >= 3 => return None,
        Err(_) => {}
    }
    let said = announced.and_then(|name| Encoding::for_label(name.as_bytes()));
    let said = said.filter(|encoding| [EUC_JP, SHIFT_JIS].contains(encoding));
    let read = |encoding: &'static Encoding| {
        let text = encoding.decode_without_bom_handling_and_without_replacement(text)?;
        text.chars().all(is_japanese_or_ascii).then_some(text)
    };
    if let Some(encoding) = said {
        return read(encoding).map(|text| text.into_owned().into_bytes());
    }
    let (euc, sjis) = (read(EUC_JP), read(SHIFT_JIS));
    let better = match (euc, sjis) {
        (Some(euc), Some(sjis)) if usual(&sjis) > usual(&euc) => Some(sjis),
        (Some(text), _) | (None, Some(text)) => Some(text),
        (None, None) => None,
    };
    better.map(|text| text.into_owned().into_bytes())
}

/// Percent-encoded bytes, as percent-encoded UTF-8 where they are Japanese in another charset.
#[must_use]
pub fn in_escapes(text: &[u8], announced: Option<&str>) -> Vec<u8> {
    if text.iter().all(|byte| byte.is_ascii() && *byte != b'%') {
        return text.to_vec();
    }
    let bytes = unescaped(text);
    match as_utf8(&bytes, announced) {
        Some(text) => escaped(&text),
        None => text.to_vec(),
    }
}

/// Bytes as a value of a form.
#[must_use]
pub fn escaped(bytes: &[u8]) -> Vec<u8> {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    let digit = |value: u8| HEX.get(usize::from(value)).copied().unwrap_or(b'0');
    let mut out = Vec::with_capacity(bytes.len());
    for byte in bytes {
        match byte {
            byte if byte.is_ascii_alphanumeric() || b"-._~/".contains(byte) => out.push(*byte),
            byte => out.extend([b'%', digit(byte >> 4), digit(byte & 15)]),
        }
    }
    out
}

/// The bytes that percent-encoded text stands for.
pub fn unescaped(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((byte, after)) = rest.split_first() {
        let value = match (byte, after) {
            (b'%', [high, low, ..]) => hex(*high).zip(hex(*low)).map(|(h, l)| h << 4 | l),
            _ => None,
        };
        match value {
            Some(value) => {
                out.push(value);
                rest = after.get(2..).unwrap_or_default();
            }
            None => {
                out.push(if *byte == b'+' { b' ' } else { *byte });
                rest = after;
            }
        }
    }
    out
}

fn hex(digit: u8) -> Option<u8> {
    let value = char::from(digit).to_digit(16)?;
    u8::try_from(value).ok()
}

fn is_japanese_or_ascii(character: char) -> bool {
    matches!(character,
        '\u{0}'..='\u{7f}'
        | '\u{3000}'..='\u{30ff}' // Punctuation, kana.
        | '\u{3400}'..='\u{9fff}' // Ideographs.
        | '\u{f900}'..='\u{faff}' // Those of IBM's extension.
        | '\u{ff00}'..='\u{ffef}' // Full and half width.
        | '\u{2010}'..='\u{2312}' // Dashes, arrows, signs.
        | '\u{2460}'..='\u{26ff}' // Circled numbers, frames.
        | '\u{3200}'..='\u{33ff}' // Units, 株 in brackets.
        | '\u{391}'..='\u{451}' // Greek and Cyrillic of JIS X 0208.
        | '\u{a2}'..='\u{f7}')
}

/// How many characters are such as sentences have: kana of full width and the commoner ideographs.
/// A text of one charset that is read in the other is full of half width kana and rare ideographs.
fn usual(text: &str) -> usize {
    text.chars()
        .filter(|character| matches!(character, '\u{3001}'..='\u{30ff}' | '\u{4e00}'..='\u{9fa5}'))
        .count()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn in_charset(text: &str, encoding: &'static Encoding) -> Vec<u8> {
        encoding.encode(text).0.into_owned()
    }

    #[test]
    fn sentences_are_read_in_either_charset() {
        for text in [
            "表示",
            "能登",
            "申請書",
            "ソ連",
            "検索する",
            "市役所の駐車場について教えてください",
            "１−２−３",
            "ごみの分別・収集日",
            "申 込 十貼予 構",
        ] {
            for (encoding, name) in [(SHIFT_JIS, "shift_jis"), (EUC_JP, "euc-jp")] {
                let bytes = in_charset(text, encoding);
                let utf8 = as_utf8(&bytes, Some(name)).unwrap();
                assert!(!utf8.contains(&0x5c), "{text}");
                let guessed = as_utf8(&bytes, None).unwrap();
                assert!(
                    !guessed.contains(&0x5c) && !guessed.contains(&0x7c),
                    "{text} in {name}"
                );
            }
        }
        assert_eq!(as_utf8("表示".as_bytes(), None), None);
    }

    #[test]
    fn what_is_no_japanese_stays_as_it_is() {
        for bytes in [
            b"\xff\xfe<script>".as_slice(),
            b"\x81'union select",
            b"\xe3\x81\x82\xe3\x81",
            b"caf\xe9 <b>",
        ] {
            assert_eq!(as_utf8(bytes, None), None, "{bytes:?}");
        }
    }

    #[test]
    fn escapes_are_read_and_written() {
        let sjis = escaped(&in_charset("能登 a+b", SHIFT_JIS));
        let read = unescaped(&in_escapes(&sjis, None));
        assert_eq!(String::from_utf8(read).unwrap(), "能登 a+b");
        assert_eq!(in_escapes(b"q=%zz%e3%81%82", None), b"q=%zz%e3%81%82");
    }

    proptest! {
        #[test]
        fn kana_and_kanji_are_never_lost(text in "[ぁ-んァ-ヶ一-熙a-z<>'\" ]{1,40}[あ-ん]{2}") {
            for (encoding, name) in [(SHIFT_JIS, "shift_jis"), (EUC_JP, "euc-jp")] {
                // Not every ideograph is in JIS X 0208.
                let text: String = text.chars().filter(|c| !encoding.encode(&c.to_string()).2).collect();
                let bytes = in_charset(&text, encoding);
                let read = as_utf8(&bytes, Some(name));
                prop_assert_eq!(read.map(|read| String::from_utf8(read).unwrap()), Some(text.clone()));
            }
        }

        #[test]
        fn ascii_is_there_before_and_after(bytes in any::<Vec<u8>>()) {
            // Quotes and angles are no second bytes, and so nothing is hidden behind a character.
            let marks = |bytes: &[u8]| bytes.iter().filter(|byte| b"'\"<>();&=#%*+,-./0123456789:".contains(byte)).copied().collect::<Vec<u8>>();
            for name in [None, Some("shift_jis"), Some("euc-jp")] {
                if let Some(text) = as_utf8(&bytes, name) {
                    prop_assert_eq!(marks(&text), marks(&bytes));
                }
            }
        }

        #[test]
        fn what_is_escaped_is_read_again(bytes in any::<Vec<u8>>()) {
            prop_assert_eq!(unescaped(&escaped(&bytes)), bytes);
        }
    }
}
