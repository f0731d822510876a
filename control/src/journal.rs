//! How records are framed in an append-only journal, and how a torn tail is told from damage.
//!
//! A record is one line: the first 16 hex digits of the BLAKE3 hash of the JSON, a blank, the JSON,
//! a line feed. The text stays readable for a person at 3 a.m. A crash in mid-write leaves a last
//! line that is incomplete or whose hash does not match: that tail was never acknowledged, and is
//! cut. A bad line before the last is damage, and is reported.
//!
//! Writing and fsync are the owner's; this module does no I/O. A journal whose lines are chained to
//! each other is in `journal/chain.rs`; how a whole one is verified, in `journal/audit.rs`.

pub mod audit;
pub mod chain;

use serde::Serialize;
use serde::de::DeserializeOwned;

const HASH_DIGITS: usize = 16;

/// What reading a journal gave.
#[derive(Debug, PartialEq, Eq)]
pub struct Replay<T> {
    /// The records, oldest first.
    pub records: Vec<T>,
    /// How many bytes from the start are sound; a shell truncates the file to this length.
    pub sound_bytes: usize,
}

/// A journal that cannot be trusted.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error(
    "journal line {line} is damaged: {why}; restore the file from a backup, or move it away to start afresh"
)]
pub struct Damaged {
    /// Counted from 1.
    pub line: usize,
    /// What does not fit.
    pub why: String,
}

/// Frames one record.
///
/// # Errors
/// When the record cannot be written as JSON.
pub fn encode<T: Serialize>(record: &T) -> Result<Vec<u8>, serde_json::Error> {
    let json = serde_json::to_string(record)?;
    Ok(format!("{} {json}\n", digest(json.as_bytes())).into_bytes())
}

/// Reads a whole journal.
///
/// # Errors
/// When a record before the last one is damaged.
pub fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<Replay<T>, Damaged> {
    let mut records = Vec::new();
    let mut sound_bytes = 0;
    let mut rest = bytes;
    let mut line = 0;
    while !rest.is_empty() {
        line += 1;
        let Some(end) = rest.iter().position(|&b| b == b'\n') else {
            break;
        };
        let (head, tail) = rest.split_at(end);
        let after = tail.get(1..).unwrap_or_default();
        let read = decode_line(head);
        match read.and_then(|json| serde_json::from_slice(json).map_err(|e| e.to_string())) {
            Ok(record) => records.push(record),
            Err(_) if after.is_empty() => break,
            Err(why) => return Err(Damaged { line, why }),
        }
        sound_bytes += end + 1;
        rest = after;
    }
    Ok(Replay {
        records,
        sound_bytes,
    })
}

fn decode_line(line: &[u8]) -> Result<&[u8], String> {
    let (hash, json) = line.split_at_checked(HASH_DIGITS).ok_or("too short")?;
    let json = json.strip_prefix(b" ").ok_or("no blank after the hash")?;
    if digest(json).as_bytes() != hash {
        return Err("its hash does not match".into());
    }
    Ok(json)
}

fn digest(json: &[u8]) -> String {
    blake3::hash(json)
        .to_hex()
        .chars()
        .take(HASH_DIGITS)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn journal(texts: &[String]) -> Vec<u8> {
        texts.iter().flat_map(|t| encode(t).unwrap()).collect()
    }

    proptest! {
        #[test]
        fn a_cut_anywhere_loses_only_the_record_it_cuts(
            texts in proptest::collection::vec(".{0,20}", 1..6), cut in 0usize..400
        ) {
            let whole = journal(&texts);
            let cut = cut.min(whole.len());
            let replay = decode::<String>(&whole[..cut]).unwrap();
            prop_assert!(texts.starts_with(&replay.records));
            prop_assert!(replay.sound_bytes <= cut);
            let complete = whole[..cut].iter().filter(|&&b| b == b'\n').count();
            prop_assert_eq!(replay.records.len(), complete);
        }
    }

    #[test]
    fn damage_in_the_middle_is_named() {
        let mut whole = journal(&["one".into(), "two".into(), "three".into()]);
        let middle = whole.iter().position(|&b| b == b'\n').unwrap() + 20;
        whole[middle] ^= 1;
        assert_eq!(decode::<String>(&whole).unwrap_err().line, 2);
    }
}
