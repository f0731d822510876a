//! A restore in place as an order of the house: every edge that answers has in its journal, before it
//! begins and when it has ended, who gave it, why and what; and where the configuration says so, it
//! waits for a second person.
//!
//! No edge can keep anybody from replacing a database who has the rights for that; what it can do is
//! to know who somebody is, to ask another person, and to keep what was done in a chain. So a restore
//! goes on when every edge is dead, and says that `restores.jsonl` alone keeps it; where it needs
//! approval, that takes `--break-glass`.

use anyhow::{Context, bail};
use yagura_control::order::{
    Envelope, Order, Outcome, RecordRestore, RequestShown, RequestState, RestoreStage,
};
use yagura_control::{Clock, SystemClock};
use yagura_ops::backup::{Ordered, Replaced, Vault};

use super::in_place::Wanted;
use crate::backup::arguments::RestoreArguments;
use crate::edges::{self, Answer};
use crate::request::known::Known;

/// What comes of asking.
pub(super) enum Asked {
    /// It may be done.
    Go(Ordered),
    /// Somebody has to approve it first.
    Wait,
}

/// Has it written down, and approved where that is needed.
pub(super) fn asked(
    vault: &Vault,
    wanted: &Wanted,
    arguments: &RestoreArguments,
) -> anyhow::Result<Asked> {
    if wanted.reason.trim().is_empty() {
        bail!("say why\n  add --reason \"...\": it is kept in the journals");
    }
    let needs_approval = vault.settings().restore_needs_approval;
    let restore = RecordRestore {
        needs_approval,
        break_glass: needs_approval && arguments.break_glass,
        ..noted(wanted, RestoreStage::Begins)
    };
    let answers = given(restore, &wanted.reason, arguments)?;
    if let Some(refused) = answers.iter().find(|it| it.is_refused) {
        let why = refused.error.as_deref().unwrap_or("no reason");
        bail!("{}: {why}\nnothing was replaced", refused.at);
    }
    let request = answers.iter().find_map(request_of);
    if let Some(request) = request.filter(|it| it.state == RequestState::Waiting) {
        println!("{}", edges::requested(request));
        println!(
            "then: yagura backup restore --in-place --request {}",
            request.id
        );
        return Ok(Asked::Wait);
    }
    if let Some(request) = request {
        eprintln!("{}", edges::requested(request));
    }
    let ordered = Ordered {
        recorded: answers.iter().filter_map(place).collect(),
        request: request.map(|it| it.id.clone()),
    };
    if ordered.recorded.is_empty() {
        if needs_approval && !arguments.break_glass {
            bail!(
                "no edge answers, so nobody can approve it; nothing was replaced\n  \
                 start an edge, or --break-glass: then restores.jsonl alone keeps who and why"
            );
        }
        eprintln!("no edge answers: restores.jsonl alone keeps who restores and why");
    }
    Ok(Asked::Go(ordered))
}

/// What was asked for before, if it is approved, in time, and not yet done.
pub(super) fn approved(
    vault: &Vault,
    id: &str,
    arguments: &RestoreArguments,
) -> anyhow::Result<(Wanted, Ordered)> {
    let known = Known::ask(&arguments.edges)?;
    let request = known.find(id)?;
    let Order::RecordRestore(restore) = request.order.as_ref() else {
        bail!(
            "request {} is about something else: {}",
            request.id,
            request.what
        );
    };
    if request.state != RequestState::Done {
        let state = request.state.word();
        bail!("request {} is {state}; nothing was replaced", request.id);
    }
    if SystemClock.now() > request.expires {
        bail!(
            "request {} could be carried out until {}; nothing was replaced\n  ask anew",
            request.id,
            request.expires
        );
    }
    if vault.was_restored_for(&request.id)? {
        bail!(
            "a restore was done for request {} already; nothing was replaced\n  ask anew",
            request.id
        );
    }
    let target = restore.target.clone();
    let find = |id: &str| vault.generation(target.as_deref(), id);
    let wanted = Wanted {
        database: find(&restore.generation)?,
        files: restore.files.as_deref().map(find).transpose()?,
        reason: request.reason.clone().unwrap_or_default(),
        target: restore.target.clone(),
    };
    let done = known.places(&request).into_iter();
    let done = done.filter(|(_, state)| state == RequestState::Done.word());
    let ordered = Ordered {
        recorded: done.map(|(edge, _)| edge).collect(),
        request: Some(request.id),
    };
    Ok((wanted, ordered))
}

/// Has written down how it ended. The restore itself is over: what fails here is told and no more.
pub(super) fn ended(wanted: &Wanted, replaced: Option<&Replaced>, arguments: &RestoreArguments) {
    let before = replaced.and_then(|it| it.before.as_ref());
    let stage = match replaced {
        Some(_) => RestoreStage::Done,
        None => RestoreStage::Failed,
    };
    let restore = RecordRestore {
        before: before.map(|it| it.id.clone()),
        ..noted(wanted, stage)
    };
    match given(restore, &wanted.reason, arguments) {
        Ok(answers) => {
            for answer in answers.iter().filter(|it| it.reply.is_none()) {
                let why = answer.error.as_deref().unwrap_or("no answer");
                eprintln!(
                    "{}: how the restore ended is not in its journal: {why}",
                    answer.at
                );
            }
        }
        Err(error) => eprintln!("how the restore ended is in no journal: {error}"),
    }
}

/// How far a restore is, for a journal.
fn noted(wanted: &Wanted, stage: RestoreStage) -> RecordRestore {
    RecordRestore {
        asked_at: SystemClock.now(),
        stage,
        generation: wanted.database.id.clone(),
        state_of: wanted.database.at,
        files: wanted.files.as_ref().map(|files| files.id.clone()),
        target: wanted.target.clone(),
        before: None,
        needs_approval: false,
        break_glass: false,
    }
}

/// Gives it to every edge there is; none where the configuration names none.
fn given(
    restore: RecordRestore,
    reason: &str,
    arguments: &RestoreArguments,
) -> anyhow::Result<Vec<Answer>> {
    let peers = match edges::peers(&arguments.edges) {
        Ok(peers) => peers,
        Err(error) => {
            eprintln!("no edge can be asked: {error:#}");
            return Ok(Vec::new());
        }
    };
    let mut envelope = Envelope::of(Order::RecordRestore(restore), "");
    envelope.reason = Some(reason.to_owned());
    edges::give_to(peers, &envelope).context("the edges cannot be asked")
}

fn request_of(answer: &Answer) -> Option<&RequestShown> {
    match &answer.reply.as_ref()?.outcome {
        Outcome::Requested { request } => Some(request),
        _ => None,
    }
}

/// An edge that has it in its journal, and under which number.
fn place(answer: &Answer) -> Option<String> {
    let reply = answer.reply.as_ref()?;
    Some(format!("{} (order {})", reply.edge, reply.generation))
}
