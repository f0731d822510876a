//! What people are told of, and asked to do: a change of the DNS by hand, a rehearsal that is due, what
//! needs somebody, what failed.

use std::time::Duration;

use yagura_certs::acme::Failure;
use yagura_config::settings::BypassSettings;
use yagura_control::Timestamp;
use yagura_control::order::Missing;

use super::Machine;
use crate::bypass::announce::Of;
use crate::bypass::manual::ChangeRequest;
use crate::bypass::names::Names;
use crate::bypass::rehearsal::reminder;
use crate::bypass::seen::{Hand, Leads, Seen, Terms};
use crate::bypass::stage::Ingress;
use crate::bypass::step::trouble;
use crate::hooks::announcement::Announcement;

/// How often it is looked whether a rehearsal is due.
const REMIND: Duration = Duration::from_secs(600);

impl Machine {
    /// Asks a person to change the DNS, once a stage.
    pub(super) async fn ask_person(
        &mut self,
        names: &Names,
        to: Leads,
        ingress: &Ingress,
        now: Timestamp,
    ) {
        let stage = (ingress.stage, ingress.since);
        if self.asked == Some(stage) {
            return;
        }
        let Some(behind) = names.sets().behind(ingress.cloud.as_deref()) else {
            let words = "what the names hold behind the cloud is not known";
            let advice = "add its records to [site.bypass.cloud] and reload";
            return self.failed(&Failure::new(words, advice));
        };
        let (from, to_set) = match to {
            Leads::Direct => (behind, names.sets().direct()),
            Leads::Cloud | Leads::Elsewhere => (names.sets().direct(), behind),
        };
        let text = ChangeRequest {
            site: &self.site,
            names: names.names(),
            from,
            to: to_set,
            ttl_s: names.terms().ttl_s,
            leads: to,
            at: now,
        }
        .text();
        self.asked = Some(stage);
        tracing::warn!(site = %self.site, ?to, "a person must change the DNS: `yagura cloud status` shows the request");
        if let Some(data) = &self.data {
            let file = data.join("dns-requests");
            let file = file.join(format!(
                "{}-{}-{}.txt",
                self.site,
                now.seconds(),
                ingress.stage
            ));
            let content = text.clone();
            let written = tokio::task::spawn_blocking(move || {
                if let Some(folder) = file.parent() {
                    std::fs::create_dir_all(folder)?;
                }
                std::fs::write(file, content)
            });
            if let Ok(Err(error)) = written.await {
                tracing::warn!(%error, "the change request could not be written to a file");
            }
        }
        self.announce(|of| of.request(&text));
        self.edge
            .bypasses
            .tell(&self.site, |told| told.request = Some(text));
    }

    /// Looks now and then whether a rehearsal is due.
    pub(super) async fn remind(&mut self, bypass: &BypassSettings, terms: &Terms) {
        let at = self.at();
        let Some(data) = self.data.clone() else {
            return;
        };
        let rehearses = bypass.drill_name.is_some() && terms.hand == Hand::Ours;
        if !rehearses || self.reminded.is_some_and(|then| at < then + REMIND) {
            return;
        }
        self.reminded = Some(at);
        let (site, now) = (self.site.clone(), self.edge.clock.now());
        let looked = tokio::task::spawn_blocking(move || reminder(&data, &site, now));
        let reminder = looked.await.ok().flatten();
        self.edge
            .bypasses
            .tell(&self.site, |told| told.reminder = reminder);
    }

    pub(super) fn tell_trouble(
        &self,
        ingress: &Ingress,
        terms: &Terms,
        seen: &Seen,
        now: Timestamp,
    ) {
        let trouble = trouble(ingress, terms, seen, now).map(|words| {
            let (what, hint) = words.split_once(": ").unwrap_or((words, ""));
            Missing::new(what, hint)
        });
        let known = self.edge.bypasses.of(&self.site).trouble;
        if known == trouble {
            return;
        }
        if let Some(needs) = &trouble {
            tracing::error!(site = %self.site, what = %needs.what, hint = %needs.hint, "the way around the cloud needs somebody");
            self.announce(|of| of.trouble(needs));
        }
        self.edge
            .bypasses
            .tell(&self.site, |told| told.trouble = trouble);
    }

    pub(super) fn failed(&self, failure: &Failure) {
        tracing::warn!(site = %self.site, %failure, "a step around the cloud failed");
        let missing = Missing::new(&failure.words, &failure.advice);
        // It is tried again and again; people hear of it once.
        if self.edge.bypasses.of(&self.site).failure.as_ref() != Some(&missing) {
            self.announce(|of| of.trouble(&missing));
        }
        self.edge
            .bypasses
            .tell(&self.site, |told| told.failure = Some(missing));
    }

    pub(super) fn announce(&self, what: impl FnOnce(Of<'_>) -> Announcement) {
        let of = Of {
            edge: self.edge.switchboard.name(),
            site: &self.site,
            at: self.edge.clock.now(),
        };
        self.edge.hooks.announce(&what(of));
    }
}
