//! When an edge asks people to leave a cloud, or to go back behind it. Pure. It asks and never acts:
//! what it gives is a request that waits for an approval like any other.

use std::time::Duration;

use yagura_control::Timestamp;

use super::window::Standing;

/// So long a request waits for its approval; afterwards it is over, and may be made again.
pub const REQUEST_LASTS: Duration = Duration::from_secs(4 * 3_600);
/// Requests of edges carry a time that is rounded down to this, so that all edges that see the same
/// make the same one, with the same id.
const ROUNDED_MS: u64 = 600_000;

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// To be published directly.
    Bypass,
    /// To go back behind the cloud.
    Return,
}

/// Where a site is on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whereabouts {
    /// Behind its cloud, with nothing under way.
    Cloud,
    /// Somewhere in between.
    UnderWay,
    /// Published directly.
    Bypass,
}

/// A request of this site that is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked {
    /// What it asks for.
    pub wish: Wish,
    /// The time that it carries.
    pub at: Timestamp,
    /// Whether it still waits.
    pub waits: bool,
}

/// What is seen of a site.
#[derive(Clone, Debug)]
pub struct Sight<'a> {
    /// Where it is.
    pub whereabouts: Whereabouts,
    /// The path through its cloud.
    pub cloud: Standing,
    /// The direct path.
    pub direct: Standing,
    /// Whether this edge reaches anything outside: one that is cut off itself sees every cloud fail,
    /// and its own address answer.
    pub reaches_out: bool,
    /// Its requests, whoever made them.
    pub asked: &'a [Asked],
}

/// How long is waited before anybody is asked.
#[derive(Clone, Copy, Debug)]
pub struct Waits {
    /// `propose_after`.
    pub bypass: Duration,
    /// `return_after`.
    pub back: Duration,
}

/// What is to be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Proposal {
    /// What.
    pub wish: Wish,
    /// The time that the request carries.
    pub asked_at: Timestamp,
    /// Since when the cloud's path stands as it does.
    pub since: Timestamp,
}

/// What is to be asked for now: once an episode, and again when nobody has answered until the request
/// was over. A refusal holds as long as the request would have.
#[must_use]
pub fn decide(sight: &Sight<'_>, waits: Waits, now: Timestamp) -> Option<Proposal> {
    let (wish, since) = match (sight.whereabouts, sight.cloud) {
        (Whereabouts::Cloud, Standing::Failing { since }) => {
            let is_time = now.since(since) >= waits.bypass;
            let is_sane = sight.direct.is_sound() && sight.reaches_out;
            (is_time && is_sane).then_some((Wish::Bypass, since))?
        }
        (Whereabouts::Bypass, Standing::Sound { since }) => {
            let is_time = now.since(since) >= waits.back;
            is_time.then_some((Wish::Return, since))?
        }
        _ => return None,
    };
    let asked_at = Timestamp(now.0 - now.0 % ROUNDED_MS);
    let settles = |asked: &Asked| {
        // Its time was rounded, and so may lie a little before the episode.
        let is_of_this_episode = asked.at.0 + ROUNDED_MS > since.0;
        let is_over = now.since(asked.at) >= REQUEST_LASTS;
        asked.wish == wish && (asked.waits || (is_of_this_episode && !is_over))
    };
    let is_settled = sight.asked.iter().any(settles);
    (!is_settled).then_some(Proposal {
        wish,
        asked_at,
        since,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{Rng, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    const WAITS: Waits = Waits {
        bypass: Duration::from_secs(180),
        back: Duration::from_secs(1_800),
    };
    /// A full ten minutes.
    const START: Timestamp = Timestamp(1_795_410_000_000);

    fn at(seconds: u64) -> Timestamp {
        START.plus(Duration::from_secs(seconds))
    }

    fn sight(whereabouts: Whereabouts, cloud: Standing) -> Sight<'static> {
        Sight {
            whereabouts,
            cloud,
            direct: Standing::Sound { since: START },
            reaches_out: true,
            asked: &[],
        }
    }

    #[test]
    fn a_cloud_that_fails_long_enough_is_told_of_once() {
        let failing = Standing::Failing { since: at(60) };
        let sight = sight(Whereabouts::Cloud, failing);
        assert_eq!(decide(&sight, WAITS, at(239)), None);
        let proposal = decide(&sight, WAITS, at(240)).unwrap();
        assert_eq!(
            (proposal.wish, proposal.asked_at, proposal.since),
            (Wish::Bypass, at(0), at(60))
        );
        let mut asked = [Asked {
            wish: Wish::Bypass,
            at: proposal.asked_at,
            waits: true,
        }];
        let with = |asked: &[Asked], now| {
            let sight = Sight {
                asked,
                ..sight.clone()
            };
            decide(&sight, WAITS, now).is_some()
        };
        assert!(!with(&asked, at(300)));
        // Refused: not again before it would have been over.
        asked[0].waits = false;
        assert!(!with(&asked, at(4 * 3_600 - 1)));
        assert!(with(&asked, at(4 * 3_600)));
        // A refusal of another episode does not settle this one.
        asked[0].at = at(0).plus(Duration::from_secs(0));
        let later = Sight {
            cloud: Standing::Failing { since: at(700) },
            asked: &asked,
            ..sight.clone()
        };
        assert!(decide(&later, WAITS, at(900)).is_some());
    }

    #[test]
    fn nobody_is_asked_what_would_not_help() {
        let failing = Standing::Failing { since: at(0) };
        let good = sight(Whereabouts::Cloud, failing);
        assert!(decide(&good, WAITS, at(200)).is_some());
        for bad in [
            Sight {
                direct: Standing::Failing { since: at(0) },
                ..good.clone()
            },
            Sight {
                direct: Standing::Unknown,
                ..good.clone()
            },
            Sight {
                reaches_out: false,
                ..good.clone()
            },
            Sight {
                whereabouts: Whereabouts::UnderWay,
                ..good.clone()
            },
            Sight {
                whereabouts: Whereabouts::Bypass,
                ..good.clone()
            },
            Sight {
                cloud: Standing::Sound { since: at(0) },
                ..good.clone()
            },
            Sight {
                cloud: Standing::Unknown,
                ..good
            },
        ] {
            assert_eq!(decide(&bad, WAITS, at(9_000)), None, "{bad:?}");
        }
    }

    #[test]
    fn a_cloud_that_held_long_enough_is_gone_back_to() {
        let held = sight(Whereabouts::Bypass, Standing::Sound { since: at(0) });
        assert_eq!(decide(&held, WAITS, at(1_799)), None);
        let proposal = decide(&held, WAITS, at(1_800)).unwrap();
        assert_eq!(
            (proposal.wish, proposal.asked_at),
            (Wish::Return, at(1_800))
        );
        // A request for the bypass settles nothing about the return.
        let asked = [Asked {
            wish: Wish::Bypass,
            at: at(1_800),
            waits: true,
        }];
        let held = Sight {
            asked: &asked,
            ..held
        };
        assert!(decide(&held, WAITS, at(1_800)).is_some());
    }

    /// Two edges see the same seconds apart, around every border of the rounding too: each asks once,
    /// and what they ask for carries the same time or the next one. `yagura approve` of one decides
    /// about the other (`src/request/known.rs`), and whatever was decided holds for both.
    #[test]
    fn edges_that_see_it_seconds_apart_ask_once_each_whatever_the_clock_shows() {
        let mut neighbours = 0;
        for seed in 0..2_000 {
            let mut dice = ChaCha8Rng::seed_from_u64(seed);
            // Half of them right around a border.
            let begins_s = match seed % 2 {
                0 => dice.random_range(0..1_800),
                _ => 600 * dice.random_range(1..4) - 180 - dice.random_range(0..6),
            };
            let apart_s = dice.random_range(0..=5);
            let refused_after_s = dice.random_range(0..600);
            let asked_by = |since_s: u64| {
                let failing = Standing::Failing { since: at(since_s) };
                let mut asked: Vec<Asked> = Vec::new();
                let closely = (0..800).chain((800..10_800).step_by(60));
                for now_s in closely.map(|after_s| since_s + after_s) {
                    let sight = Sight {
                        asked: &asked,
                        ..sight(Whereabouts::Cloud, failing)
                    };
                    if let Some(proposal) = decide(&sight, WAITS, at(now_s)) {
                        asked.push(Asked {
                            wish: proposal.wish,
                            at: proposal.asked_at,
                            waits: true,
                        });
                    }
                    for one in &mut asked {
                        one.waits &= now_s < since_s + 180 + refused_after_s;
                    }
                }
                asked
            };
            let (one, other) = (asked_by(begins_s), asked_by(begins_s + apart_s));
            assert_eq!((one.len(), other.len()), (1, 1), "seed {seed}");
            let apart = other[0].at.0 - one[0].at.0;
            assert!(apart == 0 || apart == ROUNDED_MS, "seed {seed}: {apart}");
            neighbours += usize::from(apart > 0);
        }
        assert!(neighbours > 300, "{neighbours}");
    }

    /// Clouds that come and go, people who refuse, or do not look: at most one request of a kind
    /// waits, none is made while the other way is what helps, and a failure that lasts is told of.
    #[test]
    fn whatever_happens_people_are_asked_once_and_not_for_nothing() {
        for seed in 0..2_000 {
            let mut dice = ChaCha8Rng::seed_from_u64(seed);
            let mut asked: Vec<Asked> = Vec::new();
            let mut cloud = Standing::Sound { since: at(0) };
            let mut whereabouts = Whereabouts::Cloud;
            let mut unheard_s = 0;
            for step in 0..5_000_u64 {
                let now = at(step * 10);
                if dice.random_ratio(1, 400) {
                    cloud = match cloud {
                        Standing::Sound { .. } => Standing::Failing { since: now },
                        _ => Standing::Sound { since: now },
                    };
                }
                for one in asked.iter_mut().filter(|one| one.waits) {
                    let over = now.since(one.at) >= REQUEST_LASTS;
                    if over || dice.random_ratio(1, 300) {
                        one.waits = false;
                        if !over && dice.random_ratio(1, 2) {
                            whereabouts = match one.wish {
                                Wish::Bypass => Whereabouts::Bypass,
                                Wish::Return => Whereabouts::Cloud,
                            };
                        }
                    }
                }
                let sight = Sight {
                    whereabouts,
                    cloud,
                    direct: Standing::Sound { since: at(0) },
                    reaches_out: true,
                    asked: &asked,
                };
                let proposal = decide(&sight, WAITS, now);
                let fails = cloud
                    .failed(now)
                    .is_some_and(|failed| failed >= WAITS.bypass);
                let is_known = asked
                    .iter()
                    .any(|one| one.wish == Wish::Bypass && now.since(one.at) < REQUEST_LASTS);
                let unheard = fails && whereabouts == Whereabouts::Cloud && !is_known;
                if let Some(proposal) = proposal {
                    let twice = asked
                        .iter()
                        .any(|one| one.waits && one.wish == proposal.wish);
                    assert!(!twice, "seed {seed}, step {step}: two requests wait");
                    let senseless = match proposal.wish {
                        Wish::Bypass => !fails,
                        Wish::Return => !cloud.is_sound(),
                    };
                    assert!(!senseless, "seed {seed}, step {step}: {proposal:?}");
                    asked.push(Asked {
                        wish: proposal.wish,
                        at: proposal.asked_at,
                        waits: true,
                    });
                } else if unheard {
                    unheard_s += 10;
                }
            }
            assert_eq!(unheard_s, 0, "seed {seed}: a failure was not told of");
        }
    }
}
