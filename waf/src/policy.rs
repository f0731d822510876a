//! What is done about a request: a pure function of the site's mode, of what inspection found, and of
//! what kind of request it is.
//!
//! - A verdict counts as it is.
//! - Over the deadline, or over a bound: refused. Whoever sends such a request can send it again and
//!   again, and no ordinary one takes a fiftieth of the time.
//! - No worker (none healthy, all busy, or each dies): what any reader of a page asks for goes on,
//!   because it can hold no attack but in its path; everything else is told to come back.

use serde::{Deserialize, Serialize};
pub use yagura_config::settings::WafSetting as Setting;

use crate::bounds::Bound;

/// What holds for a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// It is not inspected.
    Off,
    /// It is inspected if the share says so, after it went on.
    Shadow,
    /// It waits for the verdict.
    On,
}

impl Mode {
    /// Its name in figures and words.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Shadow => "shadow",
            Self::On => "on",
        }
    }
}

/// What holds for a site.
#[must_use]
pub const fn mode_of(setting: Setting, is_in_bypass: bool) -> Mode {
    match setting {
        Setting::Off => Mode::Off,
        Setting::On => Mode::On,
        Setting::Auto if is_in_bypass => Mode::On,
        Setting::Auto | Setting::Shadow => Mode::Shadow,
    }
}

/// What inspection found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Found {
    /// The rules say nothing against it.
    Clean,
    /// The rules would refuse it.
    Attack,
    /// It is over a bound, and the rules were not asked.
    Beyond(Bound),
    /// The rules took too long.
    OverDeadline,
    /// Worker after worker died of it.
    Deadly,
    /// Every worker was busy for too long.
    Busy,
    /// There is no healthy worker.
    NoWorker,
}

impl Found {
    /// Its name in figures and logs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Clean => "clean",
            Self::Attack => "attack",
            Self::Beyond(bound) => bound.name(),
            Self::OverDeadline => "deadline",
            Self::Deadly => "deadly",
            Self::Busy => "busy",
            Self::NoWorker => "no_worker",
        }
    }

    /// Whether the request itself is what is wrong.
    #[must_use]
    pub const fn is_against_it(self) -> bool {
        match self {
            Self::Attack | Self::Beyond(_) | Self::OverDeadline | Self::Deadly => true,
            Self::Clean | Self::Busy | Self::NoWorker => false,
        }
    }
}

/// What is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ruling {
    /// It goes on.
    Pass,
    /// 403.
    Refuse,
    /// 503 with Retry-After, or a stored copy where there is one.
    Later,
}

/// Decides.
///
/// `plain` is a request as any reader of a page makes it: a GET or HEAD that may be answered for all,
/// without a query and without a body.
#[must_use]
pub const fn ruling(mode: Mode, found: Found, plain: bool) -> Ruling {
    match (mode, found) {
        (Mode::Off | Mode::Shadow, _) | (Mode::On, Found::Clean) => Ruling::Pass,
        (Mode::On, Found::Attack | Found::Beyond(_) | Found::OverDeadline | Found::Deadly) => {
            Ruling::Refuse
        }
        (Mode::On, Found::Busy | Found::NoWorker) if plain => Ruling::Pass,
        (Mode::On, Found::Busy | Found::NoWorker) => Ruling::Later,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Found; 8] = [
        Found::Clean,
        Found::Attack,
        Found::Beyond(Bound::Depth),
        Found::Beyond(Bound::Arguments),
        Found::OverDeadline,
        Found::Deadly,
        Found::Busy,
        Found::NoWorker,
    ];

    #[test]
    fn every_case_is_as_written() {
        for plain in [true, false] {
            for found in ALL {
                for mode in [Mode::Off, Mode::Shadow] {
                    assert_eq!(ruling(mode, found, plain), Ruling::Pass);
                }
                let expected = match found {
                    Found::Clean => Ruling::Pass,
                    _ if found.is_against_it() => Ruling::Refuse,
                    _ if plain => Ruling::Pass,
                    _ => Ruling::Later,
                };
                assert_eq!(ruling(Mode::On, found, plain), expected, "{found:?}");
            }
        }
    }

    #[test]
    fn bypass_turns_on_what_is_automatic_and_nothing_else() {
        for (setting, usual, bypass) in [
            (Setting::Auto, Mode::Shadow, Mode::On),
            (Setting::Off, Mode::Off, Mode::Off),
            (Setting::Shadow, Mode::Shadow, Mode::Shadow),
            (Setting::On, Mode::On, Mode::On),
        ] {
            assert_eq!(mode_of(setting, false), usual);
            assert_eq!(mode_of(setting, true), bypass);
        }
    }
}
