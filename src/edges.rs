//! Sends one order to every edge and gathers the replies; an edge that did not answer is named.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::bail;
use serde::Serialize;
use yagura_control::client::{Client, ClientError};
use yagura_control::clock::monotonic;
use yagura_control::order::{
    Envelope, ImportDone, Order, Outcome, Refusal, RefusalCode, Reply, WayShown,
};

use crate::arguments::{EdgesArguments, OrderArguments};
use crate::{configuration, output};

/// An edge writes to disk before it replies; a slow disk gets this long.
const DEADLINE: Duration = Duration::from_secs(30);
/// An upgrade waits until the new process is ready.
const UPGRADE: Duration = Duration::from_secs(60);
/// While another process takes over, an order is given again so often.
const GIVE_AGAIN: Duration = Duration::from_millis(100);

/// What one edge said.
#[derive(Serialize)]
struct Answer {
    socket: PathBuf,
    #[serde(skip_serializing_if = "Option::is_none")]
    reply: Option<Reply>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
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
    for socket in sockets(arguments).ok()? {
        let client = Client::new(socket, DEADLINE);
        match runtime().ok()?.block_on(client.order(&envelope)) {
            Ok(_) => return None,
            Err(ClientError::Refused(refusal)) => return Some(refusal),
            Err(_) => {}
        }
    }
    None
}

/// Gives one edge an order that changes nothing.
pub(crate) fn ask_one(socket: &Path, order: Order) -> anyhow::Result<Reply> {
    let client = Client::new(socket, DEADLINE);
    Ok(runtime()?.block_on(client.order(&envelope(order)))?)
}

/// Waits, so that others are not asked too often.
pub(crate) fn pause(long: Duration) {
    if let Ok(runtime) = runtime() {
        runtime.block_on(tokio::time::sleep(long));
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
    let who = format!("uid {}", rustix::process::getuid().as_raw());
    Envelope {
        order,
        who,
        reason: None,
        if_generation: None,
        dry_run: false,
    }
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
                (None, error) => eprintln!("yagura: {}", error.as_deref().unwrap_or("no answer")),
            }
        }
    }
    Ok(if failed {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

fn answers(envelope: &Envelope, arguments: &EdgesArguments) -> anyhow::Result<Vec<Answer>> {
    let sockets = sockets(arguments)?;
    Ok(runtime()?.block_on(gather(&sockets, envelope)))
}

async fn gather(sockets: &[PathBuf], envelope: &Envelope) -> Vec<Answer> {
    let mut answers = Vec::new();
    for socket in sockets {
        let result = told_to(socket, envelope).await;
        let (reply, error) = match result {
            Ok(reply) => (Some(reply), None),
            Err(error) => (None, Some(error.to_string())),
        };
        answers.push(Answer {
            socket: socket.clone(),
            reply,
            error,
        });
    }
    answers
}

/// Gives an order to one edge; while another process takes over there, again and again.
async fn told_to(socket: &Path, envelope: &Envelope) -> Result<Reply, ClientError> {
    let deadline = match &envelope.order {
        Order::Upgrade(_) => UPGRADE,
        _ => DEADLINE,
    };
    let client = Client::new(socket, deadline);
    let began = monotonic();
    loop {
        match client.order(envelope).await {
            Err(ClientError::Refused(refusal))
                if refusal.code == RefusalCode::Upgrading && began.elapsed() < DEADLINE =>
            {
                tokio::time::sleep(GIVE_AGAIN).await;
            }
            result => return result,
        }
    }
}

/// The control sockets: those named, or those of the configuration.
pub(crate) fn sockets(arguments: &EdgesArguments) -> anyhow::Result<Vec<PathBuf>> {
    if !arguments.socket.is_empty() {
        return Ok(arguments.socket.clone());
    }
    let found = of_configuration(&arguments.config)?;
    if found.is_empty() {
        bail!(
            "{} names no control socket of an edge\n  add `control_socket` to [edge], or use --socket",
            arguments.config.display()
        );
    }
    Ok(found)
}

fn of_configuration(file: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let settings = configuration::read(file)?;
    let own = settings.edge.and_then(|edge| edge.control_socket);
    let mut sockets: Vec<PathBuf> = own.into_iter().collect();
    for socket in settings.cms.into_iter().flat_map(|cms| cms.edges) {
        if !sockets.contains(&socket) {
            sockets.push(socket);
        }
    }
    Ok(sockets)
}

/// What became of a site's way, in words.
fn changed(before: &WayShown, after: &WayShown) -> String {
    if before == after {
        format!("nothing changes: {after}")
    } else {
        format!("from {before}; to {after}")
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
        | Outcome::Bans { .. } => "nothing changed".to_owned(),
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
