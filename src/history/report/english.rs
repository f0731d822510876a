//! The report in English.

use std::time::Duration;

use yagura_control::order::{BypassStage, RequestState};

use super::{Language, Words};
use crate::history::story::{Ordered, Step, What, Wish};

pub(super) struct English;

impl Words for English {
    fn language(&self) -> Language {
        Language::En
    }

    fn title(&self, site: &str, edge: &str) -> String {
        format!(
            "# Around the security cloud and back: {site}\n\n\
             As recorded by {edge}. All times are Japan Standard Time.\n"
        )
    }

    fn nothing(&self) -> &'static str {
        "No switch is recorded in this time."
    }

    fn chapter(&self, number: usize) -> String {
        format!("Story {number}")
    }

    fn columns(&self) -> [&'static str; 2] {
        ["Time", "What happened"]
    }

    fn span(&self, span: Duration) -> String {
        crate::output::span(span.as_secs())
    }

    fn not_affected(&self) -> String {
        "Readers affected: the probes saw no failure of a cloud.".to_owned()
    }

    fn still_affected(&self, from: &str) -> String {
        format!("Readers affected: since {from}, and still (the path through the cloud fails).")
    }

    fn affected(&self, from: &str, until: &str, span: &str, by_bypass: bool) -> String {
        let end = match by_bypass {
            true => {
                "every DNS server gives the direct addresses; readers with an older answer in a \
                 cache follow within its TTL"
            }
            false => "the path through the cloud works again",
        };
        format!("Readers affected: from {from} to {until} ({span}; {end}).")
    }

    fn direct(&self, since: &str, until: Option<(String, String)>) -> String {
        match until {
            Some((until, span)) => format!("Published directly: from {since} to {until} ({span})."),
            None => format!("Published directly: since {since}, and still."),
        }
    }

    fn closed(&self, at: &str) -> String {
        format!("Direct access refused again: {at}.")
    }

    fn persons(&self, wish: Wish, who: &str, by: &[String], break_glass: bool, id: &str) -> String {
        let wish = wish_en(wish);
        match (break_glass, by) {
            (true, []) => format!("{wish}: done by {who} without a second person ({id})."),
            (true, by) => format!(
                "{wish}: done by {who} without a second person ({id}), approved afterwards by {}.",
                by.join(", ")
            ),
            (false, []) => format!("{wish}: asked for by {who}, approved by nobody ({id})."),
            (false, by) => format!(
                "{wish}: asked for by {who}, approved by {} ({id}).",
                by.join(", ")
            ),
        }
    }

    fn step(&self, step: &Step) -> String {
        match &step.what {
            What::Fails { cloud, why } => format!("{} fails: {why}", path_en(cloud.as_ref())),
            What::Works { cloud } => format!("{} works again", path_en(cloud.as_ref())),
            What::Asked {
                id,
                wish,
                who,
                reason,
                break_glass,
            } => {
                let wish = wish_en(*wish);
                match break_glass {
                    true => format!(
                        "{who} did it without a second person: {wish} ({id}). Reason: {reason}"
                    ),
                    false => format!("{who} asks: {wish} ({id}). Reason: {reason}"),
                }
            }
            What::Decided { id, who, refused } => match refused {
                None => format!("{who} approves {id}"),
                Some(reason) => format!("{who} refuses {id}: {reason}"),
            },
            What::Over { id, state } => match state {
                RequestState::Expired => format!("Request {id} is over: nobody decided in time"),
                RequestState::Withdrawn => format!("Request {id} is taken back"),
                RequestState::Failed => {
                    format!("Request {id} was approved and could not be carried out")
                }
                _ => format!("{id} is carried out"),
            },
            What::Reviewed { id, who, finding } => format!("{who} has reviewed {id}: {finding}"),
            What::Stage { to, why, .. } => format!("{} ({why})", stage_en(*to)),
            What::Ordered { who, what, words } => match what {
                Ordered::Abort => format!("{who} gives up the bypass: {words}"),
                Ordered::ConfirmDns => format!("{who} says that the DNS was changed: {words}"),
            },
        }
    }
}

fn path_en(cloud: Option<&String>) -> String {
    match cloud {
        Some(cloud) => format!("The path through {cloud}"),
        None => "The direct path".to_owned(),
    }
}

const fn wish_en(wish: Wish) -> &'static str {
    match wish {
        Wish::Bypass => "Publishing directly",
        Wish::Return => "Going back behind the cloud",
    }
}

const fn stage_en(stage: BypassStage) -> &'static str {
    match stage {
        BypassStage::Cloud => "Behind the cloud; direct access is refused",
        BypassStage::Armed => "It is looked whether all is ready",
        BypassStage::Open => "Direct access is admitted",
        BypassStage::DnsChanging => "The DNS is being changed to the direct addresses",
        BypassStage::Verifying => "The change is being verified at every DNS server",
        BypassStage::Bypass => "Published directly",
        BypassStage::DnsReturning => "The DNS is being changed back to the cloud",
        BypassStage::ReturnVerifying => "The change back is being verified at every DNS server",
        BypassStage::Draining => "The DNS names the cloud; direct readers are waited for",
    }
}
