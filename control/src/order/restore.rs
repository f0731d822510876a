//! A restore in place of the CMS's database, as edges keep it in their journals. No edge replaces
//! anything: `yagura backup restore` does, on the machine of the operations desk, and has who, why and
//! what written down in the chain that nobody can change unnoticed, before and after.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Timestamp;

/// An order to note a restore in place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RecordRestore {
    /// When it was asked for, on the clock of who asks; so each asking is a request of its own, and
    /// the same one at every edge.
    pub asked_at: Timestamp,
    /// Whether it is about to be done, or was.
    pub stage: RestoreStage,
    /// The generation of the database that is to be in place.
    pub generation: String,
    /// The instant whose state it holds.
    pub state_of: Timestamp,
    /// The generation of files whose media are added, where that is another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub files: Option<String>,
    /// The backup's target that holds them; left out: the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// The generation of the state before, which is the way back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    /// It waits for a second person: `[backup] restore_needs_approval`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub needs_approval: bool,
    /// It needs one, and is done at once, because nobody can be reached who could approve it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub break_glass: bool,
}

impl RecordRestore {
    /// Whether it is done only when somebody else has approved it.
    #[must_use]
    pub const fn waits_for_approval(&self) -> bool {
        self.needs_approval && matches!(self.stage, RestoreStage::Begins)
    }

    /// The same for people.
    #[must_use]
    pub fn describe(&self) -> String {
        let what = format!(
            "restore the CMS's database of {} in place (generation {})",
            self.state_of,
            short(&self.generation)
        );
        match (self.stage, &self.before) {
            (RestoreStage::Begins, _) => what,
            (RestoreStage::Done, Some(before)) => {
                format!("{what}: done; the way back is generation {}", short(before))
            }
            (RestoreStage::Done, None) => format!("{what}: done"),
            (RestoreStage::Failed, _) => format!("{what}: failed, nothing was replaced"),
        }
    }
}

/// How far a restore in place is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RestoreStage {
    /// It is about to be done.
    Begins,
    /// It was done.
    Done,
    /// It failed, and the database is the one of before.
    Failed,
}

/// As many digits as restic shows.
fn short(generation: &str) -> &str {
    generation.get(..8).unwrap_or(generation)
}
