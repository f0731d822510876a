//! What is recorded of a state when it is kept, and how a restored one compares with it. Pure.
//!
//! The record lies in the generation itself, as `state.json`, so that it is there when nothing else is
//! left; in short it is also the description of the snapshot. It is made by reading the database apart
//! from the engine: a mistake of the engine cannot make it agree.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use yagura_control::Timestamp;

/// Name of the record in a generation.
pub(crate) const RECORD: &str = "state.json";
/// Name of the database in a generation of it.
pub(crate) const DATABASE: &str = "database.sqlite";
/// Name of the dump of a PostgreSQL database in a generation of files.
pub(crate) const DUMP: &str = "database.pgdump";

/// The state at an instant.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// The instant.
    pub at: Timestamp,
    /// The program that wrote it.
    pub yagura: String,
    /// The database, where the generation holds it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub database: Option<DatabaseState>,
    /// Every file beside it. Left out of the snapshot's description, where it would be too long.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<FileState>,
    /// All files in short.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub all_files: Option<AllFiles>,
}

/// Files in short.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AllFiles {
    /// How many.
    pub count: usize,
    /// How many bytes in all.
    pub bytes: u64,
    /// BLAKE3 of their paths, sizes and digests.
    pub digest: String,
}

impl AllFiles {
    /// Of these.
    #[must_use]
    pub fn of(files: &[FileState]) -> Self {
        let mut hasher = blake3::Hasher::new();
        // A dump is not the same twice; its rows are recorded as the database's.
        for file in files.iter().filter(|file| file.path != DUMP) {
            let digest = file.digest.as_deref().unwrap_or("-");
            hasher.update(format!("{digest} {} {}\n", file.bytes, file.path).as_bytes());
        }
        Self {
            count: files.len(),
            bytes: files
                .iter()
                .filter(|file| file.path != DUMP)
                .map(|file| file.bytes)
                .sum(),
            digest: hasher.finalize().to_hex().to_string(),
        }
    }
}

/// A database.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DatabaseState {
    /// `sqlite` or `postgresql`.
    pub engine: String,
    /// Bytes of the file.
    pub bytes: u64,
    /// BLAKE3 of the file; empty for a dump, which is not the same twice.
    pub digest: String,
    /// Its tables by name: pages, revisions, audit and the others.
    pub tables: Vec<TableState>,
}

/// A table.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableState {
    /// Its name.
    pub name: String,
    /// How many rows.
    pub rows: u64,
    /// BLAKE3 of all of them in their order.
    pub digest: String,
}

/// A file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileState {
    /// Below the root of the generation.
    pub path: String,
    /// How many bytes.
    pub bytes: u64,
    /// BLAKE3; none for media, whose names are of their content, and for what is appended to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
}

impl State {
    /// Whether the same is kept again: everything but the instant is equal.
    #[must_use]
    pub fn holds_the_same(&self, other: &Self) -> bool {
        self.database == other.database && self.all_files == other.all_files
    }

    /// Without the list of files.
    #[must_use]
    pub fn in_short(&self) -> Self {
        Self {
            files: Vec::new(),
            ..self.clone()
        }
    }
}

/// What differs between the state that was recorded and the one that was restored; empty when they
/// are identical.
#[must_use]
pub fn differences(recorded: &State, restored: &State) -> Vec<String> {
    let mut found = Vec::new();
    match (&recorded.database, &restored.database) {
        (Some(recorded), Some(restored)) => databases(recorded, restored, &mut found),
        (Some(_), None) => found.push("the database is missing".to_owned()),
        (None, Some(_)) => {
            found.push("there is a database of which nothing was recorded".to_owned())
        }
        (None, None) => {}
    }
    files(&recorded.files, &restored.files, &mut found);
    found
}

fn databases(recorded: &DatabaseState, restored: &DatabaseState, found: &mut Vec<String>) {
    let restored_tables: BTreeMap<&str, &TableState> = restored
        .tables
        .iter()
        .map(|it| (it.name.as_str(), it))
        .collect();
    let before = found.len();
    for table in &recorded.tables {
        match restored_tables.get(table.name.as_str()) {
            None => found.push(format!("table {} is missing", table.name)),
            Some(other) if other.rows != table.rows => found.push(format!(
                "table {} has {} rows, recorded were {}",
                table.name, other.rows, table.rows
            )),
            Some(other) if other.digest != table.digest => {
                found.push(format!("rows of table {} differ", table.name));
            }
            Some(_) => {}
        }
    }
    for table in &restored.tables {
        if !recorded.tables.iter().any(|it| it.name == table.name) {
            found.push(format!("table {} was not recorded", table.name));
        }
    }
    let same_bytes = recorded.digest.is_empty() || recorded.digest == restored.digest;
    if found.len() == before && !same_bytes {
        found.push("every row is the same, but not every byte of the database's file".to_owned());
    }
}

fn files(recorded: &[FileState], restored: &[FileState], found: &mut Vec<String>) {
    let there: BTreeMap<&str, &FileState> =
        restored.iter().map(|it| (it.path.as_str(), it)).collect();
    for file in recorded {
        match there.get(file.path.as_str()) {
            None => found.push(format!("{} is missing", file.path)),
            Some(other) if other.bytes != file.bytes => found.push(format!(
                "{} has {} bytes, recorded were {}",
                file.path, other.bytes, file.bytes
            )),
            Some(other) if file.digest.is_some() && other.digest != file.digest => {
                found.push(format!("{} differs", file.path));
            }
            Some(_) => {}
        }
    }
    let known: BTreeMap<&str, ()> = recorded.iter().map(|it| (it.path.as_str(), ())).collect();
    for file in restored {
        if !known.contains_key(file.path.as_str()) {
            found.push(format!("{} was not recorded", file.path));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn town() -> State {
        let table = |name: &str, rows| TableState {
            name: name.to_owned(),
            rows,
            digest: format!("{name}{rows}"),
        };
        State {
            database: Some(DatabaseState {
                engine: "sqlite".to_owned(),
                bytes: 4096,
                digest: "d".to_owned(),
                tables: vec![table("audit", 3), table("pages", 2)],
            }),
            files: vec![FileState {
                path: "media/a".to_owned(),
                bytes: 5,
                digest: None,
            }],
            ..State::default()
        }
    }

    #[test]
    fn the_same_is_identical() {
        assert!(differences(&town(), &town()).is_empty());
    }

    #[test]
    fn whatever_differs_is_named() {
        type Change = fn(&mut State);
        let cases: [(Change, &str); 7] = [
            (|it| it.database = None, "the database is missing"),
            (|it| it.files.clear(), "media/a is missing"),
            (
                |it| it.files.iter_mut().for_each(|it| it.bytes = 4),
                "media/a has 4 bytes",
            ),
            (
                |it| it.database.iter_mut().for_each(|it| it.tables.truncate(1)),
                "table pages is missing",
            ),
            (
                |it| {
                    it.database
                        .iter_mut()
                        .flat_map(|it| it.tables.first_mut())
                        .for_each(|it| it.rows = 2)
                },
                "table audit has 2 rows, recorded were 3",
            ),
            (
                |it| {
                    it.database
                        .iter_mut()
                        .flat_map(|it| it.tables.first_mut())
                        .for_each(|it| it.digest.clear())
                },
                "rows of table audit differ",
            ),
            (
                |it| it.database.iter_mut().for_each(|it| it.digest.clear()),
                "not every byte",
            ),
        ];
        for (change, expected) in cases {
            let mut restored = town();
            change(&mut restored);
            let told = differences(&town(), &restored);
            assert_eq!(told.len(), 1, "{told:?}");
            assert!(told.concat().contains(expected), "{told:?}");
        }
    }
}
