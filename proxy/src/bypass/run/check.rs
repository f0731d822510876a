//! Whether the next step may be taken: what stops the bypass, whether the DNS would be changed, whose
//! door is waited for.

use std::net::SocketAddr;

use yagura_control::Timestamp;
use yagura_control::order::Missing;

use super::{Machine, TICKS, TRIAL_FOR};
use crate::bypass::inputs;
use crate::bypass::names::Names;
use crate::bypass::readiness::stops;
use crate::bypass::seen::{Hand, Leads};
use crate::bypass::stage::{Ingress, Stage};
use crate::routing::Site;

impl Machine {
    /// Looks whether anything is missing, and tells of what the machine alone knows; what anybody can
    /// see of the site is told by `readiness.rs` whatever the stage.
    pub(super) async fn check(
        &mut self,
        ingress: &Ingress,
        site: &Site,
        names: &Names,
        now: Timestamp,
    ) {
        let before_change = matches!(ingress.stage, Stage::Armed | Stage::Open);
        if !before_change && ingress.stage != Stage::DnsChanging {
            self.trial = None;
            self.tell_missing(Vec::new());
            return;
        }
        let (lacking, guards) = inputs::lacking(&self.edge, &site.settings, now);
        self.guards = guards.evidence();
        let seen = self.watch.seen(self.at(), false, false);
        let mut own = Vec::new();
        if names.terms().hand == Hand::Ours
            && before_change
            && seen.dns.primary == Some(Leads::Cloud)
        {
            own.extend(self.tried(names, seen.dns.cloud.as_deref()).await.err());
        }
        if ingress.stage == Stage::Armed && seen.traffic.is_none() {
            own.push(Missing::stopping(
                "direct requests were not counted for a minute yet",
                "wait: this process began just now",
            ));
        }
        self.watch
            .checked(own.is_empty() && !stops(&lacking), self.at());
        // Doors are judged by themselves: this one is open, and the DNS waits for the others.
        if ingress.stage != Stage::Armed && names.terms().hand != Hand::Elsewhere {
            let failing = inputs::failing(&self.edge, &self.site);
            let is_told = |address: &SocketAddr| failing.contains(address);
            own.extend(self.doors.missing(&self.site, is_told));
        }
        self.tell_missing(own);
    }

    fn tell_missing(&self, missing: Vec<Missing>) {
        let bypasses = &self.edge.bypasses;
        bypasses.tell(&self.site, |told| told.missing = missing);
    }

    /// Whether the DNS would be changed.
    async fn tried(&mut self, names: &Names, cloud: Option<&str>) -> Result<(), Missing> {
        let at = self.at();
        if let Some((tried, then)) = &self.trial
            && at <= *then + TRIAL_FOR
            && (tried.is_ok() || at <= *then + TICKS[1])
        {
            return tried.clone();
        }
        let tried = names.would_lead(Leads::Direct, cloud).await;
        let tried = tried.map_err(|failure| {
            let what = format!("the DNS would not be changed: {}", failure.words);
            Missing::stopping(what, failure.advice)
        });
        self.trial = Some((tried.clone(), at));
        tried
    }
}
