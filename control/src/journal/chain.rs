//! A journal as a chain: each line's hash covers the line before it, and so all before that. Who
//! changes, drops or adds a line has to write all later ones anew, and then the head is another one.
//!
//! A line is the 64 hexadecimal digits of BLAKE3 of the former line's hash (32 bytes) and the JSON, a
//! blank, the JSON, a line feed. A file that goes on from another one begins with a [`Link`] to it,
//! whose former hash is that file's head. What was written before there was a chain (16 digits, each
//! line for itself) stays readable; the chain then begins with the hash of all of it.
//!
//! A crash in mid-write leaves a last line that is incomplete or does not match: it was never
//! acknowledged, and is cut. Who cuts off whole lines at the end leaves no trace in the file: that is
//! what a head is written down elsewhere for.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::{Damaged, HASH_DIGITS, decode_line};
use crate::hash::Hash;

/// The beginning of a file that goes on from another one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Link {
    /// The number under which the former file is kept.
    pub goes_on_from: u32,
    /// Its head.
    pub after: Hash,
}

/// What reading a chained journal gave.
#[derive(Debug, PartialEq, Eq)]
pub struct Chained<T> {
    /// The records, oldest first.
    pub records: Vec<T>,
    /// How many bytes from the start are sound; a shell truncates the file to this length.
    pub sound_bytes: usize,
    /// Lines in them.
    pub lines: usize,
    /// What the next line is chained to: the hash of the last one.
    pub head: Hash,
    /// What it begins with, where it goes on from another file.
    pub link: Option<Link>,
}

/// One line that was read.
#[derive(Debug)]
pub struct Line<'a> {
    /// Counted from 1.
    pub number: usize,
    /// What it holds.
    pub json: &'a [u8],
    /// Its hash; [`Hash::NONE`] for a line that is older than the chain.
    pub head: Hash,
    /// It says what the file goes on from, and is none of the owner's records.
    pub link: Option<Link>,
    /// Whether it is part of the chain.
    pub is_chained: bool,
    /// The bytes up to its end.
    pub end: usize,
}

/// Frames one record after a head; gives the line and the head after it.
///
/// # Errors
/// When the record cannot be written as JSON.
pub fn encode<T: Serialize>(head: Hash, record: &T) -> Result<(Vec<u8>, Hash), serde_json::Error> {
    let json = serde_json::to_string(record)?;
    let next = head.then(json.as_bytes());
    Ok((format!("{next} {json}\n").into_bytes(), next))
}

/// The first line of a file that goes on from another one, and the head after it.
///
/// # Errors
/// When it cannot be written as JSON.
pub fn encode_link(link: &Link) -> Result<(Vec<u8>, Hash), serde_json::Error> {
    encode(link.after, link)
}

/// Reads a whole journal.
///
/// # Errors
/// When a line before the last is damaged, or does not follow the one before it.
pub fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<Chained<T>, Damaged> {
    let mut read = Chained {
        records: Vec::new(),
        sound_bytes: 0,
        lines: 0,
        head: Hash::NONE,
        link: None,
    };
    let mut is_chained = false;
    walk(bytes, |line| {
        if line.link.is_some() {
            read.link = line.link;
        } else {
            let record = serde_json::from_slice(line.json).map_err(|error| error.to_string())?;
            read.records.push(record);
        }
        read.lines = line.number;
        read.head = line.head;
        read.sound_bytes = line.end;
        is_chained = line.is_chained;
        Ok(())
    })?;
    if !is_chained {
        read.head = of_unchained(bytes, read.sound_bytes);
    }
    Ok(read)
}

/// What a chain begins with after so many bytes without one.
fn of_unchained(bytes: &[u8], count: usize) -> Hash {
    match bytes.get(..count) {
        Some(older) if !older.is_empty() => Hash::of(older),
        _ => Hash::NONE,
    }
}

/// Goes through the lines that match.
///
/// # Errors
/// When a line before the last is damaged, does not follow the one before it, or `see` objects.
pub fn walk<'a>(
    bytes: &'a [u8],
    mut see: impl FnMut(Line<'a>) -> Result<(), String>,
) -> Result<(), Damaged> {
    let mut head = Hash::NONE;
    let mut is_chained = false;
    let mut start = 0;
    let mut number = 0;
    let mut rest = bytes;
    while let Some(length) = rest.iter().position(|&byte| byte == b'\n') {
        number += 1;
        let (text, tail) = rest.split_at(length);
        rest = tail.get(1..).unwrap_or_default();
        let end = start + length + 1;
        let former = || match is_chained {
            true => head,
            false => of_unchained(bytes, start),
        };
        let line = match chained(text) {
            Some((hash, json)) => follows(number, hash, json, former, end),
            None if is_chained => Err("it is not chained to the line before it".to_owned()),
            None => decode_line(text).map(|json| Line {
                number,
                json,
                head: Hash::NONE,
                link: None,
                is_chained: false,
                end,
            }),
        };
        let seen = line.and_then(|line| {
            let next = (line.head, line.is_chained);
            see(line).map(|()| next)
        });
        match seen {
            Ok(next) => (head, is_chained) = next,
            Err(_) if rest.is_empty() => break,
            Err(why) => return Err(Damaged { line: number, why }),
        }
        start = end;
    }
    Ok(())
}

/// A line of a chain, when its hash is that of what it follows and holds.
fn follows(
    number: usize,
    hash: Hash,
    json: &[u8],
    former: impl FnOnce() -> Hash,
    end: usize,
) -> Result<Line<'_>, String> {
    let link = (number == 1).then(|| serde_json::from_slice::<Link>(json).ok());
    let link = link.flatten();
    let former = link.as_ref().map_or_else(former, |link| link.after);
    if former.then(json) != hash {
        return Err("it was changed, or does not follow the line before it".to_owned());
    }
    Ok(Line {
        number,
        json,
        head: hash,
        link,
        is_chained: true,
        end,
    })
}

/// Hash and JSON of a line that looks like one of a chain; an older one has its blank earlier.
fn chained(text: &[u8]) -> Option<(Hash, &[u8])> {
    let (hash, json) = text.split_at_checked(Hash::DIGITS)?;
    if hash.get(HASH_DIGITS) == Some(&b' ') {
        return None;
    }
    let json = json.strip_prefix(b" ")?;
    let hash = std::str::from_utf8(hash).ok()?.parse().ok()?;
    Some((hash, json))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn chain(texts: &[String], mut head: Hash) -> Vec<u8> {
        let mut bytes = Vec::new();
        for text in texts {
            let (line, next) = encode(head, text).unwrap();
            bytes.extend(line);
            head = next;
        }
        bytes
    }

    fn words(some: &[&str]) -> Vec<String> {
        some.iter().map(|word| (*word).to_owned()).collect()
    }

    proptest! {
        #[test]
        fn a_cut_anywhere_loses_only_the_record_it_cuts(
            texts in proptest::collection::vec(".{0,20}", 1..6), cut in 0usize..700
        ) {
            let whole = chain(&texts, Hash::NONE);
            let cut = cut.min(whole.len());
            let read = decode::<String>(&whole[..cut]).unwrap();
            prop_assert!(texts.starts_with(&read.records));
            let complete = whole[..cut].iter().filter(|&&byte| byte == b'\n').count();
            prop_assert_eq!(read.records.len(), complete);
            prop_assert_eq!(read.lines, complete);
            prop_assert!(read.sound_bytes <= cut);
            // What is written after the cut follows what is sound.
            let (line, head) = encode(read.head, &"more").unwrap();
            let longer = [&whole[..read.sound_bytes], &line].concat();
            let read = decode::<String>(&longer).unwrap();
            prop_assert_eq!((read.records.len(), read.head), (complete + 1, head));
        }

        #[test]
        fn a_bit_that_is_changed_before_the_last_line_is_found(
            texts in proptest::collection::vec("[a-z]{0,20}", 2..6), at in 0usize..700, bit in 0u8..8
        ) {
            let whole = chain(&texts, Hash::NONE);
            let before_last = chain(&texts[..texts.len() - 1], Hash::NONE).len();
            let mut changed = whole.clone();
            changed[at % before_last] ^= 1 << bit;
            // Where the line feed before the last line goes, the last two are one that does not match:
            // to a reader that is a torn tail. A head that was written down tells.
            let read = decode::<String>(&changed);
            let is_torn = at % before_last == before_last - 1;
            match read {
                Ok(read) => prop_assert!(is_torn && read.records.len() + 2 == texts.len()),
                Err(_) => prop_assert!(!is_torn),
            }
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = decode::<String>(&bytes);
        }
    }

    #[test]
    fn a_line_that_is_dropped_moved_or_put_in_is_found() {
        let whole = chain(&words(&["one", "two", "three", "four"]), Hash::NONE);
        let lines: Vec<&[u8]> = whole.split_inclusive(|&byte| byte == b'\n').collect();
        let broken_at = |lines: &[&[u8]]| decode::<String>(&lines.concat()).unwrap_err().line;
        assert_eq!(broken_at(&[lines[0], lines[2], lines[3]]), 2);
        assert_eq!(broken_at(&[lines[1], lines[2], lines[3]]), 1);
        assert_eq!(broken_at(&[lines[0], lines[2], lines[1], lines[3]]), 2);
        assert_eq!(broken_at(&[lines[0], lines[0], lines[1], lines[3]]), 2);
        let old = super::super::encode(&"old").unwrap();
        assert_eq!(broken_at(&[lines[0], &old, lines[1], lines[2]]), 2);
    }

    #[test]
    fn an_older_journal_is_read_and_the_chain_begins_after_it() {
        let framed = |text: &String| super::super::encode(text).unwrap();
        let old: Vec<u8> = words(&["one", "two"]).iter().flat_map(framed).collect();
        let read = decode::<String>(&old).unwrap();
        assert_eq!((read.records.len(), read.head), (2, Hash::of(&old)));
        let whole = [&*old, &*chain(&words(&["three", "four"]), read.head)].concat();
        let read = decode::<String>(&whole).unwrap();
        assert_eq!(read.records, words(&["one", "two", "three", "four"]));
        // From then on the old part cannot be changed either.
        let mut other = super::super::encode(&"ONE").unwrap();
        other.extend_from_slice(&whole[other.len()..]);
        assert_eq!(decode::<String>(&other).unwrap_err().line, 3);
    }

    #[test]
    fn a_file_goes_on_from_another_one() {
        let before = chain(&words(&["one"]), Hash::NONE);
        let after = decode::<String>(&before).unwrap().head;
        let link = Link {
            goes_on_from: 3,
            after,
        };
        let (first, head) = encode_link(&link).unwrap();
        let whole = [first, chain(&words(&["two"]), head)].concat();
        let read = decode::<String>(&whole).unwrap();
        assert_eq!((read.records, read.link), (words(&["two"]), Some(link)));
        assert_eq!(read.lines, 2);
    }
}
