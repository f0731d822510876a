//! Steps on the way around a cloud: written down first, then put in force. Which step it is, is decided
//! in `crate::bypass`.

use super::{Record, Switchboard};
use crate::bypass::stage::Ingress;
use crate::bypass::step::Transition;

/// A step of a site's bypass, with what was seen.
pub struct Step {
    /// The step.
    pub transition: Transition,
    /// What was seen, a line each.
    pub evidence: Vec<String>,
}

impl Switchboard {
    /// Takes a step of a site's bypass: writes it down, and puts it in force. Blocks on the disk.
    ///
    /// # Errors
    /// It was not taken, in words: an order came in between, it is another process's to take, or the
    /// disk does not keep it. What is not kept is not done.
    pub fn take_step(&self, site: &str, from: &Ingress, step: Step) -> Result<(), String> {
        let mut inner = self.lock();
        if inner.is_sealed {
            return Err("another process is taking over".to_owned());
        }
        let before = self.plan.load_full();
        if before.intents.of(site).ingress != *from {
            return Err("an order came in between".to_owned());
        }
        let now = self.parts.clock.now();
        let kept = step.transition.to;
        let record = Record::Ingress {
            site: site.to_owned(),
            at: now,
            from: from.stage,
            to: kept.stage,
            why: step.transition.why.to_string(),
            evidence: step.evidence,
            kept: Box::new(kept.clone()),
        };
        let not_kept = |error| format!("the step could not be written to the disk: {error}");
        inner.keep(&record).map_err(not_kept)?;
        let plan = before.with_ingress(before.generation, site, kept);
        self.put_in_force(plan.decided(now));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::Arc;

    use yagura_control::order::{
        BypassStage, CloudOf, Envelope, IngressEvent, Order, Outcome, ShowHistory, StartBypass,
    };
    use yagura_control::{Clock, SystemClock, Timestamp};

    use super::super::tests::opened;
    use super::*;
    use crate::bypass::step::Why;

    const TEXT: &str = "[edge]\n[[edge.listen]]\naddress = \"127.0.0.1:1\"\n[[cloud]]\n\
                        name = \"prefecture\"\nranges = [\"192.0.2.0/24\"]\n[[site]]\n\
                        name = \"a\"\nhosts = [\"a.example\"]\norigin = \"http://127.0.0.1:2\"\n\
                        behind = [\"prefecture\"]\n[site.bypass]\ndns = \"manual\"\n\
                        servers = [\"127.0.0.1:53\"]\ndirect = [\"A 127.0.0.1\"]\n\
                        [site.bypass.cloud]\nprefecture = [\"A 192.0.2.7\"]\n";

    fn open(journal: &Path) -> Switchboard {
        opened(TEXT, journal, Arc::new(SystemClock))
    }

    fn bypass(break_glass: bool) -> Envelope {
        let start = StartBypass {
            site: "a".into(),
            asked_at: SystemClock.now(),
            break_glass,
        };
        let mut envelope = Envelope::of(Order::Bypass(start), "sato");
        envelope.reason = Some("the cloud does not answer".to_owned());
        envelope
    }

    fn ingress(switchboard: &Switchboard) -> Ingress {
        switchboard.plan().intents.of("a").ingress
    }

    fn step_to(from: &Ingress, stage: BypassStage) -> Step {
        Step {
            transition: Transition {
                to: from.at(stage, Timestamp(7)),
                why: Why::Ready,
            },
            evidence: vec!["127.0.0.1:53 holds a.example: A 192.0.2.7".into()],
        }
    }

    #[test]
    fn a_step_outlives_the_process_and_stands_in_the_history() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        let switchboard = open(&path);
        switchboard.carry_out(&bypass(true), "uid 7").unwrap();
        let armed = ingress(&switchboard);
        assert_eq!(armed.stage, BypassStage::Armed);
        let permit = armed.permit.as_ref().unwrap();
        assert!(permit.break_glass && permit.request.is_some());
        switchboard
            .take_step("a", &armed, step_to(&armed, BypassStage::Open))
            .unwrap();
        let open_now = ingress(&switchboard);
        assert_eq!(open_now.stage, BypassStage::Open);
        // Whoever decided by what is no longer so takes no step.
        let late = switchboard.take_step("a", &armed, step_to(&armed, BypassStage::Cloud));
        assert!(late.unwrap_err().contains("an order came in between"));
        drop(switchboard);

        let again = open(&path);
        assert_eq!(ingress(&again), open_now);
        assert_eq!(
            again.plan().generation,
            2,
            "an order counts, a step does not"
        );
        let asked = ShowHistory {
            site: Some("a".into()),
            last: 9,
        };
        let Outcome::History { lines } = again.history(&asked).outcome else {
            panic!()
        };
        let Some(IngressEvent::Stage { to, why, .. }) = &lines.last().unwrap().ingress else {
            panic!("{lines:?}")
        };
        assert_eq!(*to, BypassStage::Open);
        assert!(why.contains("nothing is missing; 127.0.0.1:53"), "{why}");
        again.seal();
        let sealed = again.take_step("a", &open_now, step_to(&open_now, BypassStage::Bypass));
        assert!(sealed.unwrap_err().contains("taking over"));
        assert_eq!(ingress(&again), open_now);
    }

    #[test]
    fn a_process_that_takes_over_goes_on_from_the_last_step_of_the_other() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        let before = open(&path);
        before.carry_out(&bypass(true), "uid 7").unwrap();
        let after = open(&path);
        after.seal();
        let armed = ingress(&before);
        for stage in [BypassStage::Open, BypassStage::DnsChanging] {
            let from = ingress(&before);
            before.take_step("a", &from, step_to(&from, stage)).unwrap();
        }
        before.seal();
        assert_eq!(ingress(&after), armed);
        after.resume().unwrap();
        assert_eq!(ingress(&after), ingress(&before));
        let from = ingress(&after);
        after
            .take_step("a", &from, step_to(&from, BypassStage::Verifying))
            .unwrap();
        before.resume().unwrap();
        assert_eq!(ingress(&before).stage, BypassStage::Verifying);
    }

    #[test]
    fn nothing_begins_without_a_second_person_or_a_broken_glass() {
        let folder = tempfile::tempdir().unwrap();
        let switchboard = open(&folder.path().join("journal"));
        let refused = switchboard.carry_out(&bypass(false), "uid 7").unwrap_err();
        assert!(refused.message.contains("approval"), "{refused}");
        assert_eq!(ingress(&switchboard), Ingress::default());
        let abort = Order::AbortBypass(CloudOf { site: "a".into() });
        let refused = switchboard.carry_out(&Envelope::of(abort, "sato"), "uid 7");
        assert!(refused.unwrap_err().message.contains("behind its cloud"));
    }
}
