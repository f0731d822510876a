//! The stories in an edge's history: each from the failure of a cloud, or the first request, until
//! the site stands behind its cloud again and nothing is open any more. Pure; `report.rs` tells them.

use yagura_control::Timestamp;
use yagura_control::order::{
    BypassStage, Decision, HistoryLine, IngressEvent, Order, RequestShown, RequestState,
};

/// One story.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Story {
    /// What happened, the oldest first.
    pub(super) steps: Vec<Step>,
}

/// One thing that happened.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Step {
    pub(super) at: Timestamp,
    pub(super) what: What,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum What {
    /// The path through a cloud failed; `None` is the direct one.
    Fails { cloud: Option<String>, why: String },
    /// It worked again.
    Works { cloud: Option<String> },
    /// Somebody asked for a switch, or made it without a second person.
    Asked {
        id: String,
        wish: Wish,
        who: String,
        reason: String,
        break_glass: bool,
    },
    /// Somebody approved it, or refused.
    Decided {
        id: String,
        who: String,
        refused: Option<String>,
    },
    /// Nobody decided it, or it was taken back.
    Over { id: String, state: RequestState },
    /// What was done without a second person was looked at.
    Reviewed {
        id: String,
        who: String,
        finding: String,
    },
    /// The site went on.
    Stage {
        from: BypassStage,
        to: BypassStage,
        why: String,
    },
    /// An order on the way: given up, or a change of the DNS confirmed.
    Ordered {
        who: String,
        what: Ordered,
        words: String,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wish {
    Bypass,
    Return,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ordered {
    Abort,
    ConfirmDns,
}

/// For how long readers were affected, as far as it was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Affected {
    pub(super) from: Timestamp,
    /// `None`: they still are.
    pub(super) until: Option<Timestamp>,
    /// Whether it ended with the bypass; else the cloud came back.
    pub(super) by_bypass: bool,
}

impl Story {
    /// The time at which every server named the direct addresses.
    pub(super) fn direct_since(&self) -> Option<Timestamp> {
        self.reached(BypassStage::Bypass)
    }

    /// The time at which every server named the cloud again.
    pub(super) fn back_since(&self) -> Option<Timestamp> {
        self.reached(BypassStage::Draining)
    }

    /// The time at which direct readers were refused again.
    pub(super) fn closed_at(&self) -> Option<Timestamp> {
        self.reached(BypassStage::Cloud)
    }

    fn reached(&self, stage: BypassStage) -> Option<Timestamp> {
        let mut steps = self.steps.iter();
        let reached = |step: &&Step| matches!(step.what, What::Stage { to, .. } if to == stage);
        steps.find(reached).map(|step| step.at)
    }

    /// For how long readers were affected: from the first failure of the cloud until every server
    /// named the direct addresses, or until it worked again before that.
    pub(super) fn affected(&self) -> Option<Affected> {
        let mut steps = self.steps.iter();
        let from = steps.by_ref().find_map(|step| match step.what {
            What::Fails { cloud: Some(_), .. } => Some(step.at),
            _ => None,
        })?;
        let ended = steps.find_map(|step| match step.what {
            What::Works { cloud: Some(_) } => Some((step.at, false)),
            What::Stage {
                to: BypassStage::Bypass,
                ..
            } => Some((step.at, true)),
            _ => None,
        });
        Some(Affected {
            from,
            until: ended.map(|(at, _)| at),
            by_bypass: ended.is_some_and(|(_, by_bypass)| by_bypass),
        })
    }
}

/// The stories of a site in what an edge remembers, those that ended after `since`.
pub(super) fn stories(
    lines: &[HistoryLine],
    requests: &[RequestShown],
    site: &str,
    since: Timestamp,
) -> Vec<Story> {
    let mut steps: Vec<Step> = lines
        .iter()
        .filter(|line| line.site.as_deref() == Some(site))
        .filter_map(of_line)
        .collect();
    steps.extend(
        requests
            .iter()
            .flat_map(|request| of_request(request, site)),
    );
    // What happened at one instant stays in the order in which it is told: asked, decided, done.
    steps.sort_by_key(|step| (step.at, rank(&step.what)));
    let mut stories = Vec::new();
    let mut open = Open::default();
    let mut story = Story::default();
    for step in steps {
        open.note(&step.what);
        story.steps.push(step);
        if open.is_over() {
            stories.push(std::mem::take(&mut story));
        }
    }
    stories.push(story);
    let is_told = |story: &Story| {
        let is_new = story.steps.last().is_some_and(|last| last.at >= since);
        // A path that failed for a while, and nobody asked for anything, is no story.
        let is_one = story
            .steps
            .iter()
            .any(|step| !matches!(step.what, What::Fails { .. } | What::Works { .. }));
        is_new && is_one
    };
    stories.retain(is_told);
    stories
}

/// What is not over yet.
#[derive(Default)]
struct Open {
    stage: BypassStage,
    failing: Vec<Option<String>>,
    asked: Vec<String>,
}

impl Open {
    fn note(&mut self, what: &What) {
        match what {
            What::Fails { cloud, .. } => {
                self.failing.push(cloud.clone());
            }
            What::Works { cloud } => self.failing.retain(|failing| failing != cloud),
            What::Asked { id, .. } => self.asked.push(id.clone()),
            What::Decided { id, .. } | What::Over { id, .. } => {
                self.asked.retain(|asked| asked != id);
            }
            What::Stage { to, .. } => self.stage = *to,
            What::Reviewed { .. } | What::Ordered { .. } => {}
        }
    }

    const fn is_over(&self) -> bool {
        matches!(self.stage, BypassStage::Cloud) && self.failing.is_empty() && self.asked.is_empty()
    }
}

const fn rank(what: &What) -> u8 {
    match what {
        What::Fails { .. } | What::Works { .. } => 0,
        What::Asked { .. } => 1,
        What::Decided { .. } | What::Over { .. } | What::Ordered { .. } => 2,
        What::Stage { .. } => 3,
        What::Reviewed { .. } => 4,
    }
}

fn of_line(line: &HistoryLine) -> Option<Step> {
    let step = |at, what| Some(Step { at, what });
    match &line.ingress {
        Some(IngressEvent::Stage { from, to, why }) => {
            let (from, to, why) = (*from, *to, why.clone());
            step(line.at, What::Stage { from, to, why })
        }
        Some(IngressEvent::Path {
            cloud,
            works,
            since,
            why,
        }) => {
            let (cloud, why) = (cloud.clone(), why.clone());
            let what = match works {
                true => What::Works { cloud },
                false => What::Fails { cloud, why },
            };
            step(*since, what)
        }
        Some(event @ (IngressEvent::Aborted | IngressEvent::DnsConfirmed { .. })) => {
            let (what, words) = match event {
                IngressEvent::DnsConfirmed { note } => (Ordered::ConfirmDns, note.clone()),
                _ => (Ordered::Abort, line.reason.clone().unwrap_or_default()),
            };
            let who = line.who.clone();
            step(line.at, What::Ordered { who, what, words })
        }
        None => None,
    }
}

/// What became of a request, in steps.
fn of_request(request: &RequestShown, site: &str) -> Vec<Step> {
    let (wish, of) = match &*request.order {
        Order::Bypass(start) => (Wish::Bypass, &start.site),
        Order::Return(start) => (Wish::Return, &start.site),
        _ => return Vec::new(),
    };
    if of != site {
        return Vec::new();
    }
    let id = &request.id;
    let mut steps = vec![Step {
        at: request.at,
        what: What::Asked {
            id: id.clone(),
            wish,
            who: request.who.clone(),
            reason: request.reason.clone().unwrap_or_default(),
            break_glass: request.break_glass.is_some(),
        },
    }];
    steps.extend(request.decisions.iter().map(|decision| Step {
        at: decision.at,
        what: What::Decided {
            id: id.clone(),
            who: decision.who.clone(),
            refused: match &decision.decision {
                Decision::Approve => None,
                Decision::Refuse { reason } => Some(reason.clone()),
            },
        },
    }));
    let over = |at| Step {
        at,
        what: What::Over {
            id: id.clone(),
            state: request.state,
        },
    };
    match request.state {
        RequestState::Expired => steps.push(over(request.expires)),
        RequestState::Withdrawn | RequestState::Failed => steps.push(over(request.since)),
        // Done at once, without a decision.
        RequestState::Done if request.decisions.is_empty() => steps.push(over(request.since)),
        _ => {}
    }
    let review = request
        .break_glass
        .as_ref()
        .and_then(|it| it.review.clone());
    steps.extend(review.map(|(who, at, finding)| Step {
        at,
        what: What::Reviewed {
            id: id.clone(),
            who,
            finding,
        },
    }));
    steps
}
