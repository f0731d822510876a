//! What the switchboard is asked: history, notices, disaster pages, the journal. Changes nothing.

use bytes::Bytes;
use yagura_control::order::{
    DisasterShown, JournalStatus, NoticeShown, Outcome, Refusal, Reply, ShowHistory,
};

use super::Switchboard;
use crate::disaster::hand_over;
use crate::routing::effect;
use crate::routing::journal::Journal;

impl Switchboard {
    /// What was ordered, and what moved by itself.
    #[must_use]
    pub fn history(&self, asked: &ShowHistory) -> Reply {
        let lines = self.lock().history.lines(asked);
        let generation = self.plan().generation;
        self.reply(
            generation,
            self.parts.clock.now(),
            Outcome::History { lines },
        )
    }

    /// The notice of a site.
    ///
    /// # Errors
    /// There is no such site.
    pub fn notice(&self, site: &str) -> Result<Reply, Refusal> {
        let plan = self.plan().clone();
        let present = plan.site_named(site);
        let present = present.ok_or_else(|| effect::unknown_site(site, &plan))?;
        let given = plan.intents.of(site).notice;
        let shown = present.notice.as_ref().zip(given).map(|(raised, given)| {
            Box::new(NoticeShown {
                notice: given.what,
                at: given.at,
                who: given.who,
                html: String::from_utf8_lossy(&raised.html).into_owned(),
            })
        });
        let now = self.parts.clock.now();
        Ok(self.reply(plan.generation, now, Outcome::Notice { shown }))
    }

    /// The disaster page of a site.
    ///
    /// # Errors
    /// There is no such site.
    pub fn disaster(&self, site: &str) -> Result<Reply, Refusal> {
        let plan = self.plan().clone();
        let now = self.parts.clock.now();
        let present = plan.site_named(site);
        let present = present.ok_or_else(|| effect::unknown_site(site, &plan))?;
        let given = plan.intents.of(site).disaster;
        let status = hand_over::status(present, &plan, now);
        let shown = present.disaster.as_ref().zip(given).zip(status);
        let shown = shown.map(|((raised, given), status)| {
            let page = raised.pages.first().map(|page| &**page).unwrap_or_default();
            Box::new(DisasterShown {
                disaster: raised.disaster.clone(),
                at: raised.since,
                who: given.who,
                html: String::from_utf8_lossy(page).into_owned(),
                status,
            })
        });
        Ok(self.reply(plan.generation, now, Outcome::Disaster { shown }))
    }

    /// How far the journal is; none where none is kept.
    #[must_use]
    pub fn journal(&self) -> Option<JournalStatus> {
        self.lock().journal.as_ref().map(Journal::status)
    }

    /// The content of a notice's file.
    #[must_use]
    pub fn notice_file(&self, digest: &str) -> Option<Bytes> {
        self.parts.files.get(digest)
    }
}
