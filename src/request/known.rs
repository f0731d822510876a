//! The requests of all edges, put together: the same request has the same name everywhere.

use std::process::ExitCode;

use anyhow::bail;
use yagura_control::client::Client;
use yagura_control::order::{Decision, Envelope, Order, Outcome, RequestShown, RequestState};

use crate::arguments::EdgesArguments;
use crate::edges::{self, Answer};
use crate::output;

/// Fewer digits are too easily another's.
const LEAST_DIGITS: usize = 4;

/// What the edges know.
pub(crate) struct Known {
    edges: Vec<AtEdge>,
}

struct AtEdge {
    client: Client,
    /// Its name; where it is asked, as long as it does not answer.
    name: String,
    requests: Result<Vec<RequestShown>, String>,
}

impl Known {
    /// Asks every edge.
    pub(crate) fn ask(arguments: &EdgesArguments) -> anyhow::Result<Self> {
        let peers = edges::peers(arguments)?;
        let answers = edges::all(&peers, Order::ShowRequests)?;
        let edges = peers.into_iter().zip(answers).map(|(client, answer)| {
            let name = match &answer.reply {
                Some(reply) => reply.edge.clone(),
                None => answer.at.clone(),
            };
            let requests = match answer.reply.map(|reply| reply.outcome) {
                Some(Outcome::Requests { requests }) => Ok(requests),
                _ => Err(answer.error.unwrap_or_else(|| "no answer".to_owned())),
            };
            AtEdge {
                client,
                name,
                requests,
            }
        });
        Ok(Self {
            edges: edges.collect(),
        })
    }

    /// Those that need somebody, or all; each once, the oldest first.
    pub(crate) fn requests(&self, all: bool) -> Vec<RequestShown> {
        let mut found: Vec<RequestShown> = Vec::new();
        for request in self.all() {
            // Of an edge that is further we hear more.
            match found.iter_mut().find(|it| it.digest == request.digest) {
                Some(known) if known.since < request.since => known.clone_from(request),
                Some(_) => {}
                None => found.push(request.clone()),
            }
        }
        found.retain(|request| all || needs_somebody(request));
        found.sort_by_key(|request| request.at);
        found
    }

    fn all(&self) -> impl Iterator<Item = &RequestShown> {
        self.edges
            .iter()
            .flat_map(|edge| edge.requests.iter().flatten())
    }

    /// The one that begins with these digits.
    pub(crate) fn find(&self, digits: &str) -> anyhow::Result<RequestShown> {
        let digits = digits.to_ascii_lowercase();
        if digits.len() < LEAST_DIGITS {
            bail!(
                "give at least {LEAST_DIGITS} digits of the request; `yagura request list` shows them"
            );
        }
        let mut found = self.requests(true);
        found.retain(|request| request.id.starts_with(&digits));
        match found.as_slice() {
            [request] => Ok(request.clone()),
            [] => {
                self.tell_failures();
                bail!(
                    "no edge that answers has a request {digits}\n  `yagura request list --all` shows what there is"
                )
            }
            several => {
                let ids: Vec<&str> = several.iter().map(|it| it.id.as_str()).collect();
                bail!("several requests begin with {digits}: {}", ids.join(", "))
            }
        }
    }

    /// How a request stands at each edge.
    pub(crate) fn places(&self, request: &RequestShown) -> Vec<(String, String)> {
        let stands = |edge: &AtEdge| match &edge.requests {
            Err(_) => "did not answer".to_owned(),
            Ok(requests) => match requests.iter().find(|it| it.digest == request.digest) {
                None => "does not know it".to_owned(),
                Some(here) => here.state.word().to_owned(),
            },
        };
        let places = self
            .edges
            .iter()
            .map(|edge| (edge.name.clone(), stands(edge)));
        places.collect()
    }

    /// The edges that answer and do not know it.
    pub(crate) fn without(&self, request: &RequestShown) -> Vec<Client> {
        let lacks = |edge: &&AtEdge| match &edge.requests {
            Ok(requests) => !requests.iter().any(|it| it.digest == request.digest),
            Err(_) => false,
        };
        let lacking = self.edges.iter().filter(lacks);
        lacking.map(|edge| edge.client.clone()).collect()
    }

    /// The edges at which it stands so.
    fn at(&self, request: &RequestShown, stands: impl Fn(&RequestShown) -> bool) -> Vec<Client> {
        let is_so = |edge: &&AtEdge| {
            let mut here = edge.requests.iter().flatten();
            here.any(|it| it.digest == request.digest && stands(it))
        };
        let so = self.edges.iter().filter(is_so);
        so.map(|edge| edge.client.clone()).collect()
    }

    /// What other edges propose that is the same as what an edge proposes: each edge proposes for
    /// itself, when it sees that the cloud fails.
    pub(crate) fn like(&self, request: &RequestShown) -> Vec<RequestShown> {
        if !is_proposal(request) {
            return Vec::new();
        }
        let mut like = self.requests(false);
        like.retain(|it| {
            let other = it.digest != request.digest && it.state == RequestState::Waiting;
            other && is_proposal(it) && is_the_same(&it.order, &request.order)
        });
        like
    }

    /// Gives an order about requests where each is still to be decided or reviewed, and says of the
    /// other edges why not there.
    pub(crate) fn give(
        &self,
        requests: &[RequestShown],
        envelope: impl Fn(&RequestShown) -> Envelope,
        json: bool,
    ) -> anyhow::Result<ExitCode> {
        let Some(first) = requests.first() else {
            bail!("there is nothing to decide about");
        };
        let mut answers = Vec::new();
        for request in requests {
            let envelope = envelope(request);
            let stands: fn(&RequestShown) -> bool = match envelope.order {
                Order::Review(_) => is_to_be_reviewed,
                _ => |it| it.state == RequestState::Waiting,
            };
            answers.extend(edges::give_to(self.at(request, stands), &envelope)?);
        }
        if answers.is_empty() {
            let places = self.places(first);
            let places: Vec<_> = places
                .iter()
                .map(|(at, how)| format!("{at}: {how}"))
                .collect();
            bail!(
                "request {} is nowhere as it would have to be: {}",
                first.id,
                places.join(", ")
            );
        }
        let code = printed(&answers, json)?;
        let mut all = true;
        for edge in &self.edges {
            let mut here = edge.requests.iter().flatten();
            if here.any(|it| requests.iter().any(|given| given.digest == it.digest)) {
                continue;
            }
            all = false;
            let how = match &edge.requests {
                Err(error) => error.clone(),
                Ok(_) => lacking(first),
            };
            eprintln!("yagura: {}: {how}", edge.name);
        }
        Ok(if all { code } else { ExitCode::FAILURE })
    }

    /// Names the edges that did not answer.
    pub(crate) fn tell_failures(&self) {
        for edge in &self.edges {
            if let Err(error) = &edge.requests {
                match error.contains(&edge.name) {
                    true => eprintln!("yagura: {error}"),
                    false => eprintln!("yagura: {}: {error}", edge.name),
                }
            }
        }
    }

    /// Whether all answered.
    pub(crate) fn exit_code(&self) -> ExitCode {
        match self.edges.iter().all(|edge| edge.requests.is_ok()) {
            true => ExitCode::SUCCESS,
            false => ExitCode::FAILURE,
        }
    }
}

/// Prints what edges replied; failure where one did not, or could not carry it out.
pub(crate) fn printed(answers: &[Answer], json: bool) -> anyhow::Result<ExitCode> {
    if json {
        output::json(&answers)?;
    }
    let mut all = true;
    for answer in answers {
        let failed = match answer.reply.as_ref().map(|reply| &reply.outcome) {
            Some(Outcome::Requested { request } | Outcome::Decided { request, .. }) => {
                request.state == RequestState::Failed
            }
            Some(_) => false,
            None => true,
        };
        all &= !failed;
        match (&answer.reply, &answer.error) {
            _ if json => {}
            (Some(reply), _) => println!("{}", edges::told(reply, false)),
            (None, error) => {
                let error = error.as_deref().unwrap_or("no answer");
                eprintln!("yagura: {}: {error}", answer.at);
            }
        }
    }
    Ok(if all {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Why an edge without a request cannot be told a decision, and who mends it.
fn lacking(request: &RequestShown) -> String {
    let id = &request.id;
    let mended = match is_proposal(request) {
        true => "it proposes nothing of the kind; an operator asks all edges for the same by its command".to_owned(),
        false => format!("{} gives it again with `yagura request repeat {id}`", request.who),
    };
    format!("does not know request {id}\n  {mended}")
}

/// Whether an edge asks, and nobody.
fn is_proposal(request: &RequestShown) -> bool {
    request.who.starts_with("edge ")
}

/// Whether two orders ask for the same, whenever they were asked.
fn is_the_same(one: &Order, other: &Order) -> bool {
    match (one, other) {
        (Order::Bypass(one), Order::Bypass(other)) => one.site == other.site,
        (Order::Return(one), Order::Return(other)) => {
            (&one.site, &one.cloud) == (&other.site, &other.cloud)
        }
        _ => one == other,
    }
}

fn is_to_be_reviewed(request: &RequestShown) -> bool {
    let glass = request.break_glass.as_ref();
    request.state == RequestState::Done && glass.is_some_and(|glass| glass.review.is_none())
}

fn needs_somebody(request: &RequestShown) -> bool {
    request.state.is_open() || is_to_be_reviewed(request)
}

/// One request in a line.
pub(crate) fn line(request: &RequestShown) -> String {
    let how = match (
        request.state,
        is_to_be_reviewed(request),
        &request.break_glass,
    ) {
        (_, true, Some(glass)) => format!("TO BE REVIEWED by {}", glass.review_by),
        (RequestState::Waiting, ..) => format!("waits until {}", request.expires),
        (state, ..) => format!("{} since {}", state.word(), request.since),
    };
    format!("{}  {how}  {}: {}", request.id, request.who, request.what)
}

/// One request in full; `places` is how it stands at each edge.
pub(crate) fn told(request: &RequestShown, places: &[(String, String)]) -> String {
    let approved = |it: &&_| matches!(it, Decision::Approve);
    let decisions = request.decisions.iter().map(|it| &it.decision);
    let approvals = decisions.filter(approved).count();
    let places: Vec<_> = places
        .iter()
        .map(|(at, how)| format!("{at}: {how}"))
        .collect();
    let mut rows = vec![("what", request.what.clone())];
    rows.extend(request.without.iter().map(|it| ("WITHOUT", it.clone())));
    rows.extend([
        (
            "asked by",
            format!("{} ({}), {}", request.who, request.proof, request.at),
        ),
        ("why", request.reason.clone().unwrap_or_default()),
        ("until", request.expires.to_string()),
        (
            "needs",
            format!(
                "{} with the role {} ({}); {approvals} so far",
                request.quorum,
                request.role,
                request.approvers.join(", ")
            ),
        ),
    ]);
    for decided in &request.decisions {
        let words = match &decided.decision {
            Decision::Approve => "approved".to_owned(),
            Decision::Refuse { reason } => format!("refused: {reason}"),
        };
        rows.push((
            "decided",
            format!("{}, {}: {words}", decided.who, decided.at),
        ));
    }
    if let Some(glass) = &request.break_glass {
        let until = glass.until;
        rows.push((
            "NO APPROVAL",
            format!("it was done at once, and stands until {until}"),
        ));
        rows.push((
            "review",
            match &glass.review {
                None => format!("still to come, by {}", glass.review_by),
                Some((who, at, found)) => format!("{who}, {at}: {found}"),
            },
        ));
    }
    if let Some(number) = request.number {
        rows.push(("order", number.to_string()));
    }
    if request.state == RequestState::Failed {
        rows.push(("failed", request.words.clone()));
    }
    rows.push(("at", places.join(", ")));
    rows.push(("digest", request.digest.clone()));
    let state = request.state.word();
    let mut told = format!("request {}  {state} since {}\n", request.id, request.since);
    for (name, text) in rows {
        told.push_str(&format!("  {name:<12} {text}\n"));
    }
    told
}

#[cfg(test)]
mod tests {
    use yagura_control::Timestamp;
    use yagura_control::order::{BreakGlassShown, DecisionShown};

    use super::*;

    fn request() -> RequestShown {
        RequestShown {
            id: "3f8a91c277d0".to_owned(),
            digest: "3f8a91c277d0ff".to_owned(),
            what: "town: publish without the security cloud".to_owned(),
            without: vec!["the WAF: a drill".to_owned()],
            order: Box::new(Order::Reload),
            who: "hanako".to_owned(),
            proof: "uid 7".to_owned(),
            reason: Some("it is down".to_owned()),
            at: Timestamp(1_795_410_187_123),
            expires: Timestamp(1_795_424_587_123),
            quorum: 1,
            role: "approver".to_owned(),
            approvers: vec!["taro".to_owned()],
            decisions: Vec::new(),
            state: RequestState::Waiting,
            since: Timestamp(1_795_410_187_123),
            number: None,
            words: String::new(),
            break_glass: None,
        }
    }

    #[test]
    fn a_request_says_what_is_asked_by_whom_and_until_when() {
        let mut request = request();
        assert_eq!(
            line(&request),
            "3f8a91c277d0  waits until 2026-11-23T18:03:07+09:00  hanako: town: publish without the security cloud"
        );
        let places = [("east".to_owned(), "waiting".to_owned())];
        let words = told(&request, &places);
        for row in [
            "request 3f8a91c277d0  waiting since 2026-11-23T14:03:07+09:00\n",
            "  WITHOUT      the WAF: a drill\n",
            "  asked by     hanako (uid 7), 2026-11-23T14:03:07+09:00\n",
            "  needs        1 with the role approver (taro); 0 so far\n",
            "  at           east: waiting\n",
        ] {
            assert!(words.contains(row), "{row} is not in\n{words}");
        }
        request.state = RequestState::Refused;
        request.decisions.push(DecisionShown {
            who: "taro (uid 8)".to_owned(),
            at: Timestamp(1_795_410_187_123),
            decision: Decision::Refuse {
                reason: "too early".to_owned(),
            },
        });
        assert!(told(&request, &places).contains("14:03:07+09:00: refused: too early\n"));
        assert!(!needs_somebody(&request));
    }

    #[test]
    fn what_two_edges_propose_is_decided_together() {
        use yagura_control::order::StartBypass;
        let proposal = |who: &str, digest: &str, site: &str, at: u64| RequestShown {
            who: who.to_owned(),
            digest: digest.to_owned(),
            order: Box::new(Order::Bypass(StartBypass {
                site: site.to_owned(),
                asked_at: Timestamp(at),
                break_glass: false,
            })),
            ..request()
        };
        let at = |name: &str, requests: Vec<RequestShown>| AtEdge {
            client: Client::new("/nowhere", std::time::Duration::ZERO),
            name: name.to_owned(),
            requests: Ok(requests),
        };
        let east = proposal("edge east", "1", "town", 1);
        let west = proposal("edge west", "2", "town", 2);
        let other = proposal("edge west", "3", "museum", 2);
        let hanako = proposal("hanako", "4", "town", 3);
        let known = Known {
            edges: vec![
                at("east", vec![east.clone(), hanako.clone()]),
                at("west", vec![west.clone(), other]),
            ],
        };
        assert_eq!(known.like(&east), [west]);
        assert!(known.like(&hanako).is_empty());
        assert!(lacking(&east).contains("an operator asks all edges"));
        assert!(lacking(&hanako).contains("hanako gives it again"));
    }

    #[test]
    fn what_was_done_without_approval_stands_out_until_it_is_reviewed() {
        let mut request = request();
        (request.state, request.number) = (RequestState::Done, Some(7));
        assert!(!needs_somebody(&request));
        let at = Timestamp(1_795_424_587_123);
        request.break_glass = Some(BreakGlassShown {
            until: at,
            review_by: at,
            review: None,
        });
        assert!(needs_somebody(&request));
        assert!(line(&request).contains("TO BE REVIEWED by 2026-11-23T18:03:07+09:00"));
        assert!(told(&request, &[]).contains("NO APPROVAL  it was done at once"));
        let review = ("taro".to_owned(), at, "right".to_owned());
        request.break_glass.as_mut().unwrap().review = Some(review);
        assert!(!needs_somebody(&request));
    }
}
