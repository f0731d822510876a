//! Sends one order to every edge at once and gathers the replies; an edge that did not answer is
//! named. Which edges, and how they are reached, is found out in `edges/peers.rs`.

mod peers;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::bail;
use serde::Serialize;
use yagura_control::client::{Client, ClientError};
use yagura_control::clock::monotonic;
use yagura_control::order::{
    Envelope, ImportDone, Order, Outcome, Refusal, RefusalCode, Reply, RequestShown, RequestState,
    WayShown,
};

use crate::arguments::{EdgesArguments, OrderArguments};
use crate::output;

pub(crate) use peers::peers;

/// So long an order is given again while another process takes over.
const PATIENCE: Duration = Duration::from_secs(30);
/// While another process takes over, an order is given again so often.
const GIVE_AGAIN: Duration = Duration::from_millis(100);

/// What one edge said.
#[derive(Serialize)]
pub(crate) struct Answer {
    /// Where the edge was asked.
    pub(crate) at: String,
    /// The same, where it is a socket of this machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    socket: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reply: Option<Reply>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<String>,
    /// The edge answered, and would not.
    #[serde(skip)]
    pub(crate) is_refused: bool,
}

/// Gives a changing order and prints one line an edge.
pub(crate) fn give(order: Order, arguments: &OrderArguments) -> anyhow::Result<ExitCode> {
    let mut envelope = envelope(order);
    envelope.reason.clone_from(&arguments.reason);
    envelope.dry_run = arguments.dry_run;
    envelope.if_generation = arguments.if_generation;
    send(&envelope, &arguments.edges, |reply| {
        println!("{}", told(reply, arguments.dry_run));
        if let Outcome::RedirectsImported(done) = &reply.outcome {
            for warning in &done.warnings {
                println!("  {warning}");
            }
            if done.more_warnings > 0 {
                println!("  and {} more to be looked at", done.more_warnings);
            }
        }
    })
}

/// Why the first edge that answers would refuse an order, if it would.
pub(crate) fn would_be_refused(order: Order, arguments: &EdgesArguments) -> Option<Refusal> {
    let mut envelope = envelope(order);
    envelope.dry_run = true;
    for client in peers(arguments).ok()? {
        match runtime().ok()?.block_on(client.order(&envelope)) {
            Ok(_) => return None,
            Err(ClientError::Refused(refusal)) => return Some(refusal),
            Err(_) => {}
        }
    }
    None
}

/// Gives one edge an order that changes nothing.
pub(crate) fn ask_one(client: &Client, order: Order) -> anyhow::Result<Reply> {
    Ok(runtime()?.block_on(client.order(&envelope(order)))?)
}

/// Gives one edge an order, with a reason.
pub(crate) fn order_one(client: &Client, order: Order, reason: &str) -> anyhow::Result<Reply> {
    let mut envelope = envelope(order);
    envelope.reason = Some(reason.to_owned());
    Ok(runtime()?.block_on(client.order(&envelope))?)
}

/// What each of these edges says to a question, in their order.
pub(crate) fn all(peers: &[Client], question: Order) -> anyhow::Result<Vec<Answer>> {
    Ok(runtime()?.block_on(gather(peers.to_vec(), &envelope(question))))
}

/// Gives these edges an order, and gathers what each says.
pub(crate) fn give_to(peers: Vec<Client>, envelope: &Envelope) -> anyhow::Result<Vec<Answer>> {
    Ok(runtime()?.block_on(gather(peers, envelope)))
}

/// Waits, so that others are not asked too often.
pub(crate) fn pause(long: Duration) {
    if let Ok(runtime) = runtime() {
        runtime.block_on(async { tokio::time::sleep(long).await });
    }
}

fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
}

/// Sends an order that needs nothing beside it; `show` prints a reply for people.
pub(crate) fn ask(
    order: Order,
    arguments: &EdgesArguments,
    show: impl Fn(&Reply),
) -> anyhow::Result<ExitCode> {
    send(&envelope(order), arguments, show)
}

/// The name of the site that answers for a host, as the first edge that answers knows it.
pub(crate) fn site_of_host(host: &str, arguments: &EdgesArguments) -> anyhow::Result<String> {
    let answers = answers(&envelope(Order::Status), arguments)?;
    let status = answers.iter().find_map(|answer| match &answer.reply {
        Some(Reply {
            outcome: Outcome::Status(status),
            ..
        }) => Some(status),
        _ => None,
    });
    let Some(status) = status else {
        let why = answers.iter().find_map(|answer| answer.error.as_deref());
        bail!("{}", why.unwrap_or("no edge answered"));
    };
    let of = |name: &str| {
        let mut sites = status.sites.iter();
        sites.find(|site| site.hosts.iter().any(|host| host == name))
    };
    match of(host).or_else(|| of("*")) {
        Some(site) => Ok(site.name.clone()),
        None => bail!("no site of the edge answers for the host \"{host}\""),
    }
}

fn envelope(order: Order) -> Envelope {
    // Who gives it is what the connection proves.
    Envelope::of(order, "")
}

fn send(
    envelope: &Envelope,
    arguments: &EdgesArguments,
    show: impl Fn(&Reply),
) -> anyhow::Result<ExitCode> {
    let answers = answers(envelope, arguments)?;
    let failed = answers.iter().any(|answer| answer.error.is_some());
    if arguments.json {
        output::json(&answers)?;
    } else {
        for answer in &answers {
            match (&answer.reply, &answer.error) {
                (Some(reply), _) => show(reply),
                (None, error) => eprintln!("yagura: {}", failure(answer, error.as_deref())),
            }
        }
    }
    Ok(if failed {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

/// Why an edge did not do it; the edge is named.
fn failure(answer: &Answer, error: Option<&str>) -> String {
    let error = error.unwrap_or("no answer");
    match error.contains(&answer.at) {
        true => error.to_owned(),
        false => format!("{}: {error}", answer.at),
    }
}

fn answers(envelope: &Envelope, arguments: &EdgesArguments) -> anyhow::Result<Vec<Answer>> {
    let peers = peers(arguments)?;
    Ok(runtime()?.block_on(gather(peers, envelope)))
}

/// Asks all of them at once: a dead edge keeps no other waiting.
async fn gather(peers: Vec<Client>, envelope: &Envelope) -> Vec<Answer> {
    let asked: Vec<_> = peers
        .into_iter()
        .map(|client| {
            let envelope = envelope.clone();
            tokio::spawn(async move { answer(&client, &envelope).await })
        })
        .collect();
    let mut answers = Vec::new();
    for asked in asked {
        // A task that is not cancelled ends only with an answer.
        if let Ok(answer) = asked.await {
            answers.push(answer);
        }
    }
    answers
}

async fn answer(client: &Client, envelope: &Envelope) -> Answer {
    let told = told_to(client, envelope).await;
    let is_refused = matches!(told, Err(ClientError::Refused(_)));
    let (reply, error) = match told {
        Ok(reply) => (Some(reply), None),
        Err(error) => (None, Some(error.to_string())),
    };
    Answer {
        at: client.place(),
        socket: client.socket().map(PathBuf::from),
        reply,
        error,
        is_refused,
    }
}

/// Gives an order to one edge; while another process takes over there, again and again.
async fn told_to(client: &Client, envelope: &Envelope) -> Result<Reply, ClientError> {
    let began = monotonic();
    loop {
        match client.order(envelope).await {
            Err(ClientError::Refused(refusal))
                if refusal.code == RefusalCode::Upgrading && began.elapsed() < PATIENCE =>
            {
                tokio::time::sleep(GIVE_AGAIN).await;
            }
            result => return result,
        }
    }
}

/// What became of a site's way, in words.
fn changed(before: &WayShown, after: &WayShown) -> String {
    if before == after {
        format!("nothing changes: {after}")
    } else {
        format!("from {before}; to {after}")
    }
}

/// What became of an order that needs a second person.
pub(crate) fn requested(request: &RequestShown) -> String {
    let RequestShown {
        id, what, expires, ..
    } = request;
    match (&request.break_glass, request.state) {
        (Some(glass), RequestState::Done) => format!(
            "DONE WITHOUT APPROVAL: {what}{}; it stands until {}, and somebody else reviews it by {}: `yagura review {id}`",
            without(request),
            glass.until,
            glass.review_by
        ),
        (_, RequestState::Waiting) => format!(
            "request {id} waits for approval until {expires}: {what}{}; of {}: `yagura approve {id}`",
            without(request),
            request.approvers.join(", ")
        ),
        _ => decided(request),
    }
}

/// What must be known beside what is asked.
fn without(request: &RequestShown) -> String {
    let lines = request.without.iter();
    lines.map(|line| format!("; WITHOUT {line}")).collect()
}

/// How a request stands.
fn decided(request: &RequestShown) -> String {
    let RequestShown {
        id, what, words, ..
    } = request;
    let state = request.state.word();
    let number = request.number.map(|number| format!(" (order {number})"));
    let number = number.unwrap_or_default();
    match words.is_empty() {
        true => format!("request {id} is {state}{number}: {what}"),
        false => format!("request {id} is {state}{number}: {what}: {words}"),
    }
}

/// One line for people: edge, generation, what happened, from when on.
pub(crate) fn told(reply: &Reply, dry_run: bool) -> String {
    let what = match &reply.outcome {
        Outcome::Status(_)
        | Outcome::CacheShown(_)
        | Outcome::CacheStats(_)
        | Outcome::Notice { .. }
        | Outcome::Disaster { .. }
        | Outcome::History { .. }
        | Outcome::RedirectsShown(_)
        | Outcome::TargetsChecked { .. }
        | Outcome::Requests { .. }
        | Outcome::CloudShown { .. }
        | Outcome::Waf(_)
        | Outcome::Bans { .. } => "nothing changed".to_owned(),
        Outcome::Requested { request } => requested(request),
        Outcome::Decided { request, head } => {
            let head = head.map(|head| format!("; journal head {head}"));
            format!("{}{}", decided(request), head.unwrap_or_default())
        }
        Outcome::CloudChanged { site, stage } => format!("{site}: {stage}"),
        Outcome::StaffAdmitted {
            site,
            outside_until,
        } => match outside_until {
            Some(until) => format!("{site}: everybody is admitted until {until}"),
            None => format!("{site}: city hall alone is admitted"),
        },
        Outcome::RestoreRecorded { what } => what.clone(),
        Outcome::DisasterChanged {
            site,
            status,
            bytes,
        } => match status {
            None => format!("{site}: the home page is shown"),
            Some(status) => format!(
                "{site}: the disaster page is shown, {} posts, {bytes} bytes",
                status.posts
            ),
        },
        Outcome::CertificateTaken { name, version } => {
            format!("certificate {name} is kept as version {version}")
        }
        Outcome::ProofsShown { total } => format!("{total} proofs are shown"),
        Outcome::Upgraded { to, .. } => format!("pid {} took over", to.pid),
        Outcome::BansChanged { total } => format!("{total} bans in force"),
        Outcome::Purged {
            refreshed,
            withdrawn,
        } => {
            format!("{refreshed} refreshed, {withdrawn} withdrawn")
        }
        Outcome::RedirectsImported(done) => {
            let ImportDone {
                added,
                changed,
                removed,
                total,
                flattened,
                ..
            } = done;
            let flattened = match flattened {
                0 => String::new(),
                count => format!(", {count} led to the end at once"),
            };
            format!(
                "{added} added, {changed} changed, {removed} removed{flattened}; {total} redirects in force"
            )
        }
        Outcome::Routed {
            site,
            before,
            after,
        } => {
            format!("{site}: {}", changed(before, after))
        }
        Outcome::Reloaded { needs_restart } if needs_restart.is_empty() => "reloaded".to_owned(),
        Outcome::Reloaded { needs_restart } => {
            format!(
                "reloaded; takes effect at a restart only: {}",
                needs_restart.join(", ")
            )
        }
    };
    let Reply {
        edge,
        generation,
        effective_at,
        ..
    } = reply;
    if dry_run {
        format!("{edge}: would be: {what} (dry run, nothing changed; generation {generation})")
    } else {
        format!(
            "{edge}: {what} (generation {generation}, effective {})",
            effective_at.rfc3339()
        )
    }
}
