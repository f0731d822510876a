//! How a site is answered: a pure function of what operators ordered, what was seen of its
//! upstreams, and the time.
//!
//! The notice goes before a route, a route before health. An order whose time is over counts no
//! more. Nobody here asks anything or waits for anything; `switchboard.rs` calls it when an order
//! comes, when an upstream rises or falls, and when an order's time is over.

use std::fmt;

use yagura_control::Timestamp;
use yagura_control::order::{Route, WayShown};

use super::health::Fall;
use super::intent::{Given, SiteIntent};

/// What was seen of a site.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sight {
    /// Its upstreams, the primary first: since when and why one counts as down.
    pub fallen: Vec<Option<(Timestamp, Fall)>>,
    /// Whether it keeps copies to answer with.
    pub keeps_copies: bool,
}

/// How a site is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// From that upstream.
    Upstream(usize),
    /// With stored responses, however old.
    LastGood,
    /// With the notice.
    Notice,
}

/// Who is asked for what is not stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ask {
    /// That upstream alone: an operator said so.
    Only(usize),
    /// That upstream, and another one that is up when it does not answer.
    First(usize),
    /// Each upstream now and then, to see whether it answers again.
    Trial,
    /// Nobody.
    Nobody,
}

/// What was decided for a site.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decided {
    /// How it is answered.
    pub way: Way,
    /// Why.
    pub because: Because,
    /// Who is asked; behind a notice, for the paths that it leaves out.
    pub ask: Ask,
    /// When that may change with nothing but time passing: an order ends.
    pub until: Option<Timestamp>,
}

/// Why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Because {
    /// An operator ordered this.
    Ordered {
        /// Who.
        who: String,
        /// Why, as told.
        reason: Option<String>,
    },
    /// The upstream answers, as far as is known.
    Answers,
    /// Those before it do not answer.
    OthersFell {
        /// The first of them, and why it counts as down.
        upstream: usize,
        /// Why.
        fall: Fall,
    },
    /// None answers, and there are copies.
    NoneAnswers(Fall),
    /// None answers, and there is nothing else.
    NothingLeft(Fall),
    /// The order names a standby that the configuration has no longer; then what health says.
    NoSuchStandby(usize),
}

impl fmt::Display for Because {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ordered { who, reason } => {
                write!(f, "ordered by {who}")?;
                match reason {
                    Some(reason) => write!(f, " ({reason})"),
                    None => Ok(()),
                }
            }
            Self::Answers => f.write_str("it answers"),
            Self::OthersFell { upstream, fall } => {
                write!(f, "{} is down: {fall}", Route::through(*upstream))
            }
            Self::NoneAnswers(fall) => write!(f, "no upstream answers: {fall}"),
            Self::NothingLeft(fall) => {
                write!(f, "no upstream answers, and no copies are kept: {fall}")
            }
            Self::NoSuchStandby(number) => {
                write!(f, "ordered standby {number}, which is configured no longer")
            }
        }
    }
}

impl Decided {
    /// Whether the site is shown, and not a notice that an operator put in place of it. Where health
    /// alone leaves nothing but the notice, each request still finds out what there is for it.
    #[must_use]
    pub const fn shows_site(&self) -> bool {
        !matches!(
            (self.way, &self.because),
            (Way::Notice, Because::Ordered { .. })
        )
    }

    /// The same in words, for operators.
    #[must_use]
    pub fn shown(&self) -> WayShown {
        WayShown {
            way: match self.way {
                Way::Upstream(upstream) => Route::through(upstream),
                Way::LastGood => Route::LastGood,
                Way::Notice => Route::Notice,
            },
            because: self.because.to_string(),
            until: self.until,
        }
    }
}

/// Decides for one site.
#[must_use]
pub fn decide(intent: &SiteIntent, sight: &Sight, now: Timestamp) -> Decided {
    let below = route(intent, sight, now);
    let Some(notice) = in_force(intent.notice.as_ref(), now) else {
        return below;
    };
    Decided {
        way: Way::Notice,
        because: notice.because(),
        // Paths that the notice leaves out are answered as if it were not there.
        ask: below.ask,
        until: match (notice.until, below.until) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        },
    }
}

fn route(intent: &SiteIntent, sight: &Sight, now: Timestamp) -> Decided {
    let healthy = by_health(sight);
    let Some(order) = in_force(intent.route.as_ref(), now) else {
        return healthy;
    };
    let (way, ask) = match order.what {
        Route::Auto => return healthy,
        Route::Primary => (Way::Upstream(0), Ask::Only(0)),
        Route::Standby(number) => {
            let upstream = usize::from(number);
            if number == 0 || upstream >= sight.fallen.len() {
                return Decided {
                    because: Because::NoSuchStandby(upstream),
                    until: order.until,
                    ..healthy
                };
            }
            (Way::Upstream(upstream), Ask::Only(upstream))
        }
        Route::LastGood => (Way::LastGood, Ask::Nobody),
        Route::Notice => (Way::Notice, Ask::Nobody),
    };
    Decided {
        way,
        because: order.because(),
        ask,
        until: order.until,
    }
}

/// The first upstream that counts as up; else copies; else the notice.
fn by_health(sight: &Sight) -> Decided {
    let first_fall = sight.fallen.first().copied().flatten();
    let up = sight.fallen.iter().position(Option::is_none);
    let (way, because, ask) = match (up, first_fall) {
        (Some(0), _) | (_, None) => (Way::Upstream(0), Because::Answers, Ask::First(0)),
        (Some(upstream), Some((_, fall))) => (
            Way::Upstream(upstream),
            Because::OthersFell { upstream: 0, fall },
            Ask::First(upstream),
        ),
        (None, Some((_, fall))) if sight.keeps_copies => {
            (Way::LastGood, Because::NoneAnswers(fall), Ask::Trial)
        }
        (None, Some((_, fall))) => (Way::Notice, Because::NothingLeft(fall), Ask::Trial),
    };
    Decided {
        way,
        because,
        ask,
        until: None,
    }
}

/// An order whose time is not over.
fn in_force<T>(given: Option<&Given<T>>, now: Timestamp) -> Option<&Given<T>> {
    given.filter(|given| given.is_in_force(now))
}

#[cfg(test)]
mod tests {
    use yagura_control::order::RaiseNotice;

    use super::*;

    const NOW: Timestamp = Timestamp(1_000_000);
    const FALL: Fall = Fall::InARow(3);

    /// Every pattern of up and down of so many upstreams.
    fn patterns(upstreams: u32) -> impl Iterator<Item = Vec<bool>> {
        (0..1u32 << upstreams).map(move |bits| (0..upstreams).map(|n| bits >> n & 1 == 1).collect())
    }

    fn sight(up: &[bool], keeps_copies: bool) -> Sight {
        let fallen = up.iter().map(|up| (!up).then_some((NOW, FALL)));
        Sight {
            fallen: fallen.collect(),
            keeps_copies,
        }
    }

    fn ordered(route: Route, until: Option<u64>) -> SiteIntent {
        SiteIntent {
            route: Some(Given {
                what: route,
                until: until.map(Timestamp),
                at: Timestamp(1),
                who: "uid 7".into(),
                reason: Some("works".into()),
            }),
            ..SiteIntent::default()
        }
    }

    /// What is to be decided without an order, said once more and more simply.
    fn expected_by_health(up: &[bool], keeps_copies: bool) -> (Way, Ask) {
        for (upstream, up) in up.iter().enumerate() {
            if *up {
                return (Way::Upstream(upstream), Ask::First(upstream));
            }
        }
        let way = if keeps_copies {
            Way::LastGood
        } else {
            Way::Notice
        };
        (way, Ask::Trial)
    }

    #[test]
    fn every_order_meets_every_health_at_every_time() {
        let routes = [
            Route::Auto,
            Route::Primary,
            Route::Standby(0),
            Route::Standby(1),
            Route::Standby(2),
            Route::Standby(3),
            Route::LastGood,
            Route::Notice,
        ];
        let untils = [None, Some(NOW.0 - 1), Some(NOW.0), Some(NOW.0 + 1)];
        let mut cases = 0;
        for upstreams in 1..=3 {
            for up in patterns(upstreams) {
                for keeps_copies in [false, true] {
                    let sight = sight(&up, keeps_copies);
                    let healthy = expected_by_health(&up, keeps_copies);
                    let decided = decide(&SiteIntent::default(), &sight, NOW);
                    assert_eq!(
                        (decided.way, decided.ask, decided.until),
                        (healthy.0, healthy.1, None)
                    );
                    for route in routes {
                        for until in untils {
                            cases += 1;
                            let decided = decide(&ordered(route, until), &sight, NOW);
                            let over = until.is_some_and(|until| until <= NOW.0);
                            let expected = match route {
                                _ if over => healthy,
                                Route::Auto => healthy,
                                Route::Primary => (Way::Upstream(0), Ask::Only(0)),
                                Route::Standby(n) if n >= 1 && u32::from(n) < upstreams => {
                                    (Way::Upstream(n.into()), Ask::Only(n.into()))
                                }
                                Route::Standby(_) => healthy,
                                Route::LastGood => (Way::LastGood, Ask::Nobody),
                                Route::Notice => (Way::Notice, Ask::Nobody),
                            };
                            let case = format!(
                                "{route} until {until:?}, up {up:?}, copies {keeps_copies}"
                            );
                            assert_eq!((decided.way, decided.ask), expected, "{case}");
                            let ends = (!over && route != Route::Auto).then_some(until).flatten();
                            assert_eq!(decided.until, ends.map(Timestamp), "{case}");
                        }
                    }
                }
            }
        }
        assert_eq!(cases, (2 + 4 + 8) * 2 * 8 * 4);
    }

    #[test]
    fn a_notice_goes_before_every_route_and_leaves_what_is_below_as_it_is() {
        let notice = |until: Option<u64>| Given {
            what: RaiseNotice {
                site: "a".into(),
                texts: Vec::new(),
                until: None,
                except: Vec::new(),
                files: Vec::new(),
            },
            until: until.map(Timestamp),
            at: Timestamp(1),
            who: "uid 7".into(),
            reason: None,
        };
        for up in patterns(2) {
            for route in [Route::Auto, Route::Primary, Route::LastGood, Route::Notice] {
                let mut intent = ordered(route, Some(NOW.0 + 9));
                let below = decide(&intent, &sight(&up, true), NOW);
                intent.notice = Some(notice(Some(NOW.0 + 5)));
                let decided = decide(&intent, &sight(&up, true), NOW);
                assert_eq!((decided.way, decided.ask), (Way::Notice, below.ask));
                assert_eq!(decided.until, Some(Timestamp(NOW.0 + 5)));
                assert!(!decided.shows_site());
                intent.notice = Some(notice(Some(NOW.0)));
                assert_eq!(decide(&intent, &sight(&up, true), NOW), below, "it is over");
            }
        }
        assert!(decide(&SiteIntent::default(), &sight(&[false], false), NOW).shows_site());
    }

    #[test]
    fn the_reason_is_told_in_words() {
        let told = |intent: &SiteIntent, up: &[bool], copies| {
            decide(intent, &sight(up, copies), NOW).shown().to_string()
        };
        let auto = SiteIntent::default();
        assert_eq!(told(&auto, &[true], true), "primary: it answers");
        assert_eq!(
            told(&auto, &[false, true], true),
            "standby 1: primary is down: 3 requests in a row failed"
        );
        assert_eq!(
            told(&auto, &[false], true),
            "last-good: no upstream answers: 3 requests in a row failed"
        );
        assert_eq!(
            told(&auto, &[false], false),
            "notice: no upstream answers, and no copies are kept: 3 requests in a row failed"
        );
        let order = ordered(Route::LastGood, Some(NOW.0 + 1));
        assert_eq!(
            told(&order, &[true], true),
            "last-good: ordered by uid 7 (works), until 1970-01-01T09:16:40+09:00"
        );
        assert_eq!(
            told(&ordered(Route::Standby(2), None), &[true, true], true),
            "primary: ordered standby 2, which is configured no longer"
        );
    }
}
