//! Verifies a whole journal, all its files: that every line follows the one before it, and every file
//! the one before it. Pure; the command reads the files. It looks at hashes alone, so that a journal
//! of any version can be verified.

use std::collections::BTreeMap;

use super::chain::{self, Link};
use crate::hash::Hash;

/// The files of a journal: those that are full, by their numbers, and the present one.
#[derive(Clone, Debug, Default)]
pub struct Files {
    /// What is in `journal.N`.
    pub full: BTreeMap<u32, Vec<u8>>,
    /// What is in `journal`.
    pub present: Vec<u8>,
}

/// What is sound.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sound {
    /// Files that were read.
    pub files: usize,
    /// Lines in them.
    pub lines: usize,
    /// Lines that are older than the chain: their order is proved by the chain that begins after them,
    /// not by themselves.
    pub older_lines: usize,
    /// The hash of the newest line; it covers all of them.
    pub head: Hash,
    /// Bytes at the end that a crash left behind in mid-write.
    pub torn_bytes: usize,
    /// Where the head stands that was written down elsewhere.
    pub noted: Option<(String, usize)>,
    /// Lines after that one.
    pub since_noted: usize,
}

/// The first thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Break {
    /// A line does not match.
    #[error("{file}, line {line}: {why}")]
    Line {
        /// In which file.
        file: String,
        /// Counted from 1.
        line: usize,
        /// What does not fit.
        why: String,
    },
    /// A file is not there.
    #[error("{file} is missing: {from} goes on from it")]
    Missing {
        /// Which.
        file: String,
        /// Which one says so.
        from: String,
    },
    /// A file goes on from another one than the one before it, or from another state of it.
    #[error("{file}, line 1: it goes on from another {before} than the one that is here")]
    Link {
        /// Which.
        file: String,
        /// The one before it.
        before: String,
    },
    /// A full file does not say what it goes on from, though there is one before it.
    #[error("{file}, line 1: it does not say that it goes on from {before}")]
    NoLink {
        /// Which.
        file: String,
        /// The one before it.
        before: String,
    },
    /// The last line of a full file does not match.
    #[error("{file}, line {line}: it was changed, or the file was cut off within it")]
    Torn {
        /// Which.
        file: String,
        /// The line.
        line: usize,
    },
    /// The head that was written down is nowhere.
    #[error(
        "no line has the hash {0}: what was there when it was written down was changed or cut off"
    )]
    NotNoted(Hash),
}

/// The name of the file with that number.
#[must_use]
pub fn name_of(number: u32) -> String {
    format!("journal.{number}")
}

/// Verifies them; `noted` is a head that was written down elsewhere.
///
/// # Errors
/// The first thing that is wrong.
pub fn verify(files: &Files, noted: Option<Hash>) -> Result<Sound, Break> {
    let mut sound = Sound {
        files: 0,
        lines: 0,
        older_lines: 0,
        head: Hash::NONE,
        torn_bytes: 0,
        noted: None,
        since_noted: 0,
    };
    let mut before: Option<u32> = None;
    for (number, bytes) in &files.full {
        let name = name_of(*number);
        let torn = one_file((&name, bytes), before, &mut sound, noted)?;
        if torn > 0 {
            let ended = bytes.len() - torn;
            let sound_part = bytes.get(..ended).unwrap_or_default();
            let line = 1 + sound_part.iter().filter(|&&byte| byte == b'\n').count();
            return Err(Break::Torn { file: name, line });
        }
        before = Some(*number);
    }
    let present = ("journal", &*files.present);
    sound.torn_bytes = one_file(present, before, &mut sound, noted)?;
    match noted {
        Some(noted) if sound.noted.is_none() => Err(Break::NotNoted(noted)),
        _ => Ok(sound),
    }
}

/// Verifies one file after those before it; gives how many bytes at its end are torn.
fn one_file(
    (name, bytes): (&str, &[u8]),
    before: Option<u32>,
    sound: &mut Sound,
    noted: Option<Hash>,
) -> Result<usize, Break> {
    let former = sound.head;
    let mut link: Option<Link> = None;
    let mut end = 0;
    let mut is_chained = false;
    let walked = chain::walk(bytes, |line| {
        sound.lines += 1;
        if !line.is_chained {
            sound.older_lines += 1;
        }
        sound.head = line.head;
        (end, is_chained) = (line.end, line.is_chained);
        if line.link.is_some() {
            link = line.link;
        }
        if sound.noted.is_some() {
            sound.since_noted += 1;
        }
        if line.is_chained && noted == Some(line.head) {
            (sound.noted, sound.since_noted) = (Some((name.to_owned(), line.number)), 0);
        }
        Ok(())
    });
    let file = name.to_owned();
    match (link, before) {
        (Some(link), Some(number)) => {
            let before = name_of(number);
            if link.goes_on_from > number {
                let missing = name_of(number + 1);
                return Err(Break::Missing {
                    file: missing,
                    from: file,
                });
            }
            if link.goes_on_from != number || link.after != former {
                return Err(Break::Link { file, before });
            }
        }
        (Some(link), None) => {
            return Err(Break::Missing {
                file: name_of(link.goes_on_from),
                from: file,
            });
        }
        (None, Some(number)) if walked.is_ok() => {
            let before = name_of(number);
            return Err(Break::NoLink { file, before });
        }
        (None, _) => {}
    }
    walked.map_err(|damaged| Break::Line {
        file: name.to_owned(),
        line: damaged.line,
        why: damaged.why,
    })?;
    if !is_chained && end > 0 {
        sound.head = Hash::of(bytes.get(..end).unwrap_or_default());
    }
    sound.files += 1;
    Ok(bytes.len() - end)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Three files of so many lines; the heads after each line of the records.
    fn files() -> (Files, Vec<Hash>) {
        let mut files = Files::default();
        let (mut head, mut heads) = (Hash::NONE, Vec::new());
        for number in 1..=3_u32 {
            let mut bytes = Vec::new();
            if number > 1 {
                let link = Link {
                    goes_on_from: number - 1,
                    after: head,
                };
                let (line, next) = chain::encode_link(&link).unwrap();
                bytes.extend(line);
                head = next;
            }
            for text in ["one", "two", "three"] {
                let (line, next) = chain::encode(head, &format!("{text} {number}")).unwrap();
                bytes.extend(line);
                head = next;
                heads.push(head);
            }
            match number {
                3 => files.present = bytes,
                _ => drop(files.full.insert(number, bytes)),
            }
        }
        (files, heads)
    }

    fn broken(change: impl FnOnce(&mut Files)) -> String {
        let (mut files, heads) = files();
        change(&mut files);
        let verified = verify(&files, heads.last().copied());
        verified.unwrap_err().to_string()
    }

    #[test]
    fn what_is_whole_is_told_with_its_head() {
        let (files, heads) = files();
        let sound = verify(&files, None).unwrap();
        assert_eq!((sound.files, sound.lines), (3, 11));
        assert_eq!(sound.head, heads[8]);
        let sound = verify(&files, Some(heads[4])).unwrap();
        assert_eq!(sound.noted, Some(("journal.2".to_owned(), 3)));
        assert_eq!(sound.since_noted, 5);
        let sound = verify(&files, Some(heads[8])).unwrap();
        assert_eq!(
            (sound.noted, sound.since_noted),
            (Some(("journal".to_owned(), 4)), 0)
        );
    }

    #[test]
    fn the_first_break_is_named_with_file_and_line() {
        let changed = broken(|files| {
            let bytes = files.full.get_mut(&2).unwrap();
            let second = bytes.iter().position(|&byte| byte == b'\n').unwrap() + 1;
            bytes[second + 70] ^= 1;
        });
        assert!(
            changed.starts_with("journal.2, line 2: it was changed"),
            "{changed}"
        );
        let missing = broken(|files| drop(files.full.remove(&1)));
        assert_eq!(missing, "journal.1 is missing: journal.2 goes on from it");
        let missing = broken(|files| drop(files.full.remove(&2)));
        assert_eq!(missing, "journal.2 is missing: journal goes on from it");
        // A file of another edge, or an earlier state of this one.
        let other = broken(|files| {
            let bytes = files.full.get_mut(&1).unwrap();
            let end = bytes.len() - 1;
            let last = bytes[..end]
                .iter()
                .rposition(|&byte| byte == b'\n')
                .unwrap();
            bytes.truncate(last + 1);
        });
        assert_eq!(
            other,
            "journal.2, line 1: it goes on from another journal.1 than the one that is here"
        );
        let torn = broken(|files| {
            let _line_feed = files.full.get_mut(&1).unwrap().pop();
        });
        assert_eq!(
            torn,
            "journal.1, line 3: it was changed, or the file was cut off within it"
        );
        let unlinked = broken(|files| {
            let (line, _) = chain::encode(Hash::NONE, &"new").unwrap();
            files.present = line;
        });
        assert_eq!(
            unlinked,
            "journal, line 1: it does not say that it goes on from journal.2"
        );
    }

    #[test]
    fn a_tail_that_was_cut_off_is_told_by_a_head_that_was_written_down() {
        let (mut files, heads) = files();
        let end = files.present.len() - 1;
        let last = files.present[..end]
            .iter()
            .rposition(|&byte| byte == b'\n')
            .unwrap();
        files.present.truncate(last + 1);
        assert_eq!(verify(&files, None).unwrap().head, heads[7]);
        let told = verify(&files, Some(heads[8])).unwrap_err();
        assert_eq!(told, Break::NotNoted(heads[8]));
        // A crash in mid-write is told apart.
        files.present.extend_from_slice(b"0123");
        assert_eq!(verify(&files, None).unwrap().torn_bytes, 4);
    }

    #[test]
    fn what_is_older_than_the_chain_is_told() {
        let (mut files, _) = files();
        let old: Vec<u8> = ["a", "b"]
            .iter()
            .flat_map(|text| super::super::encode(text).unwrap())
            .collect();
        files.full.clear();
        files.present = old;
        let head = Hash::of(&files.present);
        let sound = verify(&files, None).unwrap();
        assert_eq!((sound.older_lines, sound.lines, sound.head), (2, 2, head));
        let (line, next) = chain::encode(head, &"c").unwrap();
        files.present.extend(line);
        let sound = verify(&files, None).unwrap();
        assert_eq!((sound.older_lines, sound.lines, sound.head), (2, 3, next));
        files.present[20] ^= 1;
        assert!(verify(&files, None).is_err());
    }
}
