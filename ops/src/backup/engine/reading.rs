//! Reads a repository's files and compares each with its name, which is SHA-256 of its content.

use std::fmt::Write;
use std::io;

use ring::digest::{SHA256, digest};

use super::Reading;
use crate::backup::error::BackupError;
use crate::backup::store::{Kind, Store};

/// Reads files and compares each with its name, which is SHA-256 of its content: all the small ones,
/// and the packs that are meant.
pub(super) fn read(store: &dyn Store, reading: Reading) -> Result<Vec<String>, BackupError> {
    let mut found = Vec::new();
    for kind in [Kind::Key, Kind::Snapshot, Kind::Index, Kind::Pack] {
        let listed = store.list(kind);
        let listed = listed.map_err(BackupError::at(store.place()))?;
        for (name, _) in listed {
            let meant = match reading {
                _ if kind != Kind::Pack => reading != Reading::Nothing,
                Reading::Nothing => false,
                Reading::Share(nth, of) => is_turn(&name, nth, of),
                Reading::All => true,
            };
            if !meant {
                continue;
            }
            let bytes = match store.read(kind, &name, None) {
                // Forgotten or pruned since the listing.
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                bytes => bytes.map_err(BackupError::at(store.place()))?,
            };
            if hexadecimal(digest(&SHA256, &bytes).as_ref()) != name {
                found.push(format!("{} {name} is not what was written", kind.folder()));
            }
        }
    }
    Ok(found)
}

/// Whether a pack is read at this turn: by the first digits of its name, which are as good as random.
fn is_turn(name: &str, nth: u32, of: u32) -> bool {
    let number = name
        .get(..8)
        .and_then(|digits| u32::from_str_radix(digits, 16).ok());
    number.is_none_or(|number| number % of.max(1) + 1 == nth)
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _never_fails = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::is_turn;

    #[test]
    fn each_pack_has_one_turn() {
        for name in ["00000000ab", "ffffffff01", "1234abcd99"] {
            let turns = (1..=28).filter(|nth| is_turn(name, *nth, 28)).count();
            assert_eq!(turns, 1, "{name}");
        }
    }
}
