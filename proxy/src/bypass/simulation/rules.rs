//! The rules that hold whatever happens, by the numbers of `docs/decisions/bypass.md`, and faults that
//! are put into the machine on purpose, each of which breaks one.

use std::fmt;

/// A rule that was broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// 1. No reader is refused who follows an answer that a server of the zone gave within its TTL.
    NoReaderIsRefused,
    /// 2. Whoever comes through a cloud is never refused.
    TheCloudIsAdmitted,
    /// 3. No door opens but by a permit of two persons, or a broken glass, that is in force.
    OpenedByPermit,
    /// 4. The DNS leads to no closed door.
    LedToOpenDoors,
    /// 5. Records that are neither the cloud's nor ours are left as they are.
    OthersRecordsStay,
    /// 6. No door closes before twice the TTL is over, since the last server led here.
    ClosedLateEnough,
    /// 7. No door closes while direct traffic has not ceased.
    ClosedWhenQuiet,
    /// 8. Every step is recorded once, and follows the one before.
    RecordedOnce,
    /// 9. When faults cease, what is wished is reached.
    Reached,
}

/// A rule that was broken, and how.
#[derive(Clone, Debug)]
pub struct Broken {
    pub rule: Rule,
    pub how: String,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.rule, self.how)
    }
}

/// A fault in the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sabotage {
    /// The wait before the door closes is left out.
    NoWait,
    /// What was everywhere at another stage counts.
    HeldFromBefore,
    /// The other servers of the zone are not asked.
    PrimaryAlone,
    /// Direct traffic is not looked at.
    Deaf,
    /// An order alone opens the door, whoever gave it.
    OpenDoor,
    /// Who asks approves it himself, and that is let pass.
    SelfApproval,
    /// Other doors are taken to be open.
    BlindForDoors,
    /// Updates have no prerequisites.
    NoPrerequisites,
    /// An abort closes the door.
    AbortCloses,
    /// The stage is not kept.
    Forgetful,
    /// The record is written again after a crash.
    WritesTwice,
    /// The open door is for direct readers alone.
    TurnsCloudAway,
    /// An edge stops looking.
    Asleep,
}

impl Sabotage {
    /// Each, with the rules of which it must break one.
    pub const ALL: [(Self, &'static [Rule]); 13] = [
        (
            Self::NoWait,
            &[Rule::ClosedLateEnough, Rule::NoReaderIsRefused],
        ),
        (
            Self::HeldFromBefore,
            &[Rule::LedToOpenDoors, Rule::NoReaderIsRefused],
        ),
        (
            Self::PrimaryAlone,
            &[Rule::ClosedLateEnough, Rule::NoReaderIsRefused],
        ),
        (Self::Deaf, &[Rule::ClosedWhenQuiet]),
        (Self::OpenDoor, &[Rule::OpenedByPermit]),
        (Self::SelfApproval, &[Rule::OpenedByPermit]),
        (Self::BlindForDoors, &[Rule::LedToOpenDoors]),
        (Self::NoPrerequisites, &[Rule::OthersRecordsStay]),
        (
            Self::AbortCloses,
            &[Rule::NoReaderIsRefused, Rule::LedToOpenDoors],
        ),
        (
            Self::Forgetful,
            &[
                Rule::NoReaderIsRefused,
                Rule::LedToOpenDoors,
                Rule::RecordedOnce,
            ],
        ),
        (Self::WritesTwice, &[Rule::RecordedOnce]),
        (Self::TurnsCloudAway, &[Rule::TheCloudIsAdmitted]),
        (Self::Asleep, &[Rule::Reached]),
    ];
}
