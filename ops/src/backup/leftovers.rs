//! Packs that no index names, and when they may go. Pure, but for the file that remembers them.
//!
//! A backup that is killed before it writes its index leaves packs that nobody names. They are in
//! nobody's way but the disk's. One goes when a tidying has seen it unnamed and another, [`GRACE`]
//! later, sees it so still: a place far away may show an index later than the pack that it names, and
//! whoever reads the repository meanwhile is not to lose what he reads.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use yagura_control::Timestamp;

use super::error::BackupError;
use super::status::replace;

/// How long a pack stays after it was seen unnamed; as long as the engine keeps what it marked.
const GRACE: Duration = Duration::from_secs(23 * 3_600);

/// Packs that no index names, with their bytes.
pub(crate) type Unnamed = BTreeMap<String, u32>;

/// When each pack was seen unnamed first, and at every look since.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Leftovers {
    seen: BTreeMap<String, Timestamp>,
}

impl Leftovers {
    /// Where those of a target's repository are remembered.
    pub(crate) fn path(data: &Path, target: &str, repository: &str) -> PathBuf {
        data.join("leftovers")
            .join(format!("{target}-{repository}.json"))
    }

    /// What is remembered. Nothing is when the file is missing or spoiled: then all begin anew, and
    /// stay longer.
    pub(crate) fn read(path: &Path) -> Result<Self, BackupError> {
        let bytes = match fs::read(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            bytes => bytes.map_err(BackupError::at(path))?,
        };
        let seen = serde_json::from_slice(&bytes).unwrap_or_default();
        Ok(Self { seen })
    }

    pub(crate) fn write(&self, path: &Path) -> Result<(), BackupError> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(BackupError::at(folder))?;
        }
        let json = serde_json::to_vec(&self.seen).unwrap_or_default();
        replace(path, &json)
    }

    /// What is seen now is remembered, and what somebody names again, or is gone, is not. Says which
    /// packs may go.
    pub(crate) fn look(&mut self, unnamed: &Unnamed, now: Timestamp) -> Vec<String> {
        self.seen.retain(|name, _| unnamed.contains_key(name));
        for name in unnamed.keys() {
            let first = self.seen.entry(name.clone()).or_insert(now);
            // A clock that went back makes it begin anew.
            *first = (*first).min(now);
        }
        let gone = self.seen.iter().filter(|(_, at)| now.since(**at) >= GRACE);
        gone.map(|(name, _)| name.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    const NOW: Timestamp = Timestamp(1_795_410_187_000);

    #[test]
    fn what_is_remembered_outlives_the_process_and_a_spoiled_memory_is_an_empty_one() {
        let place = tempfile::tempdir().unwrap();
        let path = Leftovers::path(place.path(), "disk", "database");
        assert_eq!(Leftovers::read(&path).unwrap(), Leftovers::default());
        let mut leftovers = Leftovers::default();
        leftovers.look(&[("ab".to_owned(), 1)].into(), NOW);
        leftovers.write(&path).unwrap();
        assert_eq!(Leftovers::read(&path).unwrap(), leftovers);
        fs::write(&path, "{\"ab\":").unwrap();
        assert_eq!(Leftovers::read(&path).unwrap(), Leftovers::default());
    }

    proptest! {
        /// At any looks, with a clock that jumps as it likes: a pack that goes was there at this look
        /// and at each one since a look of [`GRACE`] ago, and one that stays unnamed goes at last.
        #[test]
        fn a_pack_goes_only_when_it_was_unnamed_all_along(
            looks in prop::collection::vec(
                (prop::collection::btree_set(0_u8..4, 0..4), -40_i64..60), 1..40),
        ) {
            let mut leftovers = Leftovers::default();
            let mut now = NOW;
            let mut before: Vec<(BTreeSet<String>, Timestamp)> = Vec::new();
            for (packs, hours) in looks {
                now = Timestamp(now.0.saturating_add_signed(hours * 3_600_000));
                let packs: BTreeSet<String> = packs.iter().map(u8::to_string).collect();
                let unnamed = packs.iter().map(|name| (name.clone(), 1)).collect();
                let gone = leftovers.look(&unnamed, now);
                before.push((packs, now));
                for name in &gone {
                    let all_along = before.iter().rev().take_while(|(packs, _)| packs.contains(name));
                    let since = all_along.map(|(_, at)| now.since(*at)).max();
                    prop_assert!(since >= Some(GRACE), "{} {:?}", name, before);
                }
            }
            let unnamed: Unnamed = [("9".to_owned(), 1)].into();
            leftovers.look(&unnamed, now);
            prop_assert_eq!(leftovers.look(&unnamed, now.plus(GRACE)), ["9"]);
        }
    }
}
