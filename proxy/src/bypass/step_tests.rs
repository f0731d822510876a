//! Every stage with everything that can be seen of it.

use super::super::seen::{DirectTraffic, DnsSight, DoorsSight};
use super::super::stage::Permit;
use super::*;

const NOW: Timestamp = Timestamp(1_000_000);
const LONG: Duration = Duration::from_secs(119);
const LONG_ENOUGH: Duration = Duration::from_secs(120);

fn terms(hand: Hand) -> Terms {
    Terms {
        hand,
        ttl_s: 60,
        quiet_permille: 10,
    }
}

fn permit(break_glass: bool, until: u64) -> Permit {
    Permit {
        request: Some("r1".into()),
        asked_by: "sato".into(),
        approved_by: (!break_glass)
            .then(|| "suzuki".to_owned())
            .into_iter()
            .collect(),
        at: Timestamp(1),
        until: Timestamp(until),
        break_glass,
    }
}

fn kept(stage: Stage, permit: Permit) -> Ingress {
    Ingress {
        permit: Some(permit),
        longest_ttl_s: 60,
        peak: 1000,
        ..Ingress::default().at(stage, Timestamp(1))
    }
}

/// Calls with every case; the product of all that matters.
fn every_case(mut case: impl FnMut(&Ingress, &Terms, &Seen)) -> usize {
    let leads = [
        None,
        Some(Leads::Cloud),
        Some(Leads::Direct),
        Some(Leads::Elsewhere),
    ];
    let everywhere = [
        None,
        Some((Leads::Cloud, LONG)),
        Some((Leads::Cloud, LONG_ENOUGH)),
        Some((Leads::Cloud, Duration::from_secs(301))),
        Some((Leads::Direct, LONG_ENOUGH)),
    ];
    let traffic = [None, Some(10), Some(11)]
        .map(|requests| requests.map(|requests| DirectTraffic { requests, peak: 0 }));
    let permits = [
        permit(false, NOW.0 + 1),
        permit(false, NOW.0),
        permit(true, NOW.0 + 1),
        permit(true, NOW.0),
    ];
    let mut cases = 0;
    for stage in Stage::ALL {
        for permit in &permits {
            let ingress = kept(stage, permit.clone());
            for hand in [Hand::Ours, Hand::Manual, Hand::Elsewhere] {
                for (primary, everywhere) in leads
                    .iter()
                    .flat_map(|one| everywhere.map(|other| (*one, other)))
                {
                    for traffic in traffic {
                        for bits in 0..64_u32 {
                            let is = |bit: u32| bits >> bit & 1 == 1;
                            let seen = Seen {
                                dns: DnsSight {
                                    primary,
                                    cloud: None,
                                    everywhere,
                                    astray: is(0),
                                    longest_ttl_s: 0,
                                },
                                doors: DoorsSight {
                                    age: is(1).then_some(Duration::from_secs(1)),
                                    all_stand_by: is(2),
                                },
                                ready: is(3),
                                traffic,
                                cloud_is_sound: is(4),
                                reviewed: is(5),
                            };
                            cases += 1;
                            case(&ingress, &terms(hand), &seen);
                        }
                    }
                }
            }
        }
    }
    cases
}

#[test]
fn every_step_goes_where_it_may_and_for_a_reason() {
    use Stage::*;
    let may_follow = |from: Stage| -> &'static [Stage] {
        match from {
            Cloud => &[],
            Armed => &[Cloud, Open],
            Open => &[DnsChanging, Verifying, DnsReturning],
            DnsChanging => &[Verifying, DnsReturning],
            Verifying => &[Bypass, DnsReturning],
            Bypass => &[DnsReturning],
            DnsReturning => &[ReturnVerifying],
            ReturnVerifying => &[Draining, DnsReturning],
            Draining => &[Cloud, ReturnVerifying, DnsReturning],
        }
    };
    let mut seen_steps = std::collections::HashSet::new();
    let cases = every_case(|ingress, terms, seen| {
        let Some(next) = step(ingress, terms, seen, NOW) else {
            return;
        };
        let (from, to) = (ingress.stage, next.to.stage);
        let told = format!("{from} -> {to} ({}), {seen:?}, {terms:?}", next.why);
        assert!(may_follow(from).contains(&to), "{told}");
        assert_eq!(next.to.since, NOW, "{told}");
        seen_steps.insert((from, to));
        let permit = ingress.permit.as_ref().unwrap();
        match (from.admits_direct(), to.admits_direct()) {
            (false, true) => {
                assert!(
                    permit.allows(NOW) && seen.ready && seen.traffic.is_some(),
                    "{told}"
                );
            }
            (true, false) => {
                let (leads, held) = seen.dns.everywhere.unwrap();
                assert_eq!((leads, seen.dns.astray), (Leads::Cloud, false), "{told}");
                let least = if terms.hand == Hand::Ours { 120 } else { 300 };
                assert!(held.as_secs() >= least, "{told}");
                assert_eq!(seen.traffic.unwrap().requests, 10, "{told}");
                assert_ne!(seen.dns.primary, Some(Leads::Direct), "{told}");
            }
            (false, false) | (true, true) => {}
        }
        if next.why == Why::GlassOver {
            assert!(
                permit.break_glass && permit.until <= NOW && !seen.reviewed,
                "{told}"
            );
            let lost = matches!(from, Verifying | Bypass);
            assert!(!lost || seen.cloud_is_sound, "{told}");
        }
    });
    assert_eq!(cases, 9 * 4 * 3 * 4 * 5 * 3 * 64);
    let all: usize = Stage::ALL.map(|from| may_follow(from).len()).iter().sum();
    assert_eq!(seen_steps.len(), all, "{seen_steps:?}");
}

#[test]
fn every_duty_has_its_stage_and_its_conditions() {
    every_case(|ingress, terms, seen| {
        let told = || format!("{}, {seen:?}, {terms:?}", ingress.stage);
        let duties = duties(ingress, terms, seen);
        let (stage, primary) = (ingress.stage, seen.dns.primary);
        let doors = seen.doors.age.is_some() && seen.doors.all_stand_by;
        let may_lead_here =
            stage == Stage::DnsChanging && primary == Some(Leads::Cloud) && doors && seen.ready;
        let may_lead_back = stage == Stage::DnsReturning && primary == Some(Leads::Direct);
        for (duty, hand) in [
            (Duty::Lead as fn(Leads) -> Duty, Hand::Ours),
            (Duty::AskPerson, Hand::Manual),
        ] {
            let has = |to| duties.contains(&duty(to));
            let ours = terms.hand == hand;
            assert_eq!(has(Leads::Direct), ours && may_lead_here, "{}", told());
            assert_eq!(has(Leads::Cloud), ours && may_lead_back, "{}", told());
            assert!(!has(Leads::Elsewhere), "{}", told());
        }
        let readies = matches!(stage, Stage::Armed | Stage::Open | Stage::DnsChanging);
        assert_eq!(
            duties.contains(&Duty::CheckReadiness),
            readies,
            "{}",
            told()
        );
        assert!(duties.contains(&Duty::LookAtDns), "{}", told());
    });
}

#[test]
fn a_bypass_goes_the_whole_way_and_back() {
    let terms = terms(Hand::Ours);
    let mut ingress = kept(Stage::Armed, permit(false, NOW.0 + 1));
    let mut seen = Seen {
        ready: true,
        traffic: Some(DirectTraffic {
            requests: 3,
            peak: 0,
        }),
        cloud_is_sound: true,
        ..Seen::default()
    };
    seen.dns.primary = Some(Leads::Cloud);
    seen.dns.cloud = Some("prefecture".into());
    let take = |ingress: &mut Ingress, seen: &Seen| {
        let next = step(ingress, &terms, seen, NOW).unwrap();
        *ingress = next.to;
        assert_eq!(step(ingress, &terms, seen, NOW), None, "{}", ingress.stage);
        ingress.stage
    };
    assert_eq!(take(&mut ingress, &seen), Stage::Open);
    assert_eq!(ingress.cloud.as_deref(), Some("prefecture"));
    assert_eq!(ingress.background, 3);
    seen.doors = DoorsSight {
        age: Some(Duration::ZERO),
        all_stand_by: true,
    };
    assert_eq!(take(&mut ingress, &seen), Stage::DnsChanging);
    assert_eq!(
        duties(&ingress, &terms, &seen)[1],
        Duty::Lead(Leads::Direct)
    );
    (seen.dns.primary, seen.dns.astray) = (Some(Leads::Direct), true);
    assert_eq!(take(&mut ingress, &seen), Stage::Verifying);
    seen.dns.longest_ttl_s = 90;
    let noted = step(&ingress, &terms, &seen, NOW).unwrap();
    assert_eq!(
        (noted.to.stage, noted.why),
        (Stage::Verifying, Why::LongerTtl(90))
    );
    ingress = noted.to;
    seen.dns.everywhere = Some((Leads::Direct, Duration::ZERO));
    assert_eq!(take(&mut ingress, &seen), Stage::Bypass);
    ingress = ingress.at(Stage::DnsReturning, NOW);
    seen.traffic = Some(DirectTraffic {
        requests: 500,
        peak: 4000,
    });
    assert_eq!(duties(&ingress, &terms, &seen)[1], Duty::Lead(Leads::Cloud));
    seen.dns.primary = Some(Leads::Cloud);
    assert_eq!(take(&mut ingress, &seen), Stage::ReturnVerifying);
    assert_eq!((ingress.peak, ingress.longest_ttl_s), (4000, 90));
    seen.dns.astray = false;
    seen.dns.everywhere = Some((Leads::Cloud, Duration::ZERO));
    assert_eq!(take(&mut ingress, &seen), Stage::Draining);
    seen.dns.everywhere = Some((Leads::Cloud, Duration::from_secs(180)));
    assert_eq!(
        step(&ingress, &terms, &seen, NOW),
        None,
        "500 > 3 + 1 % of 4000"
    );
    seen.traffic = Some(DirectTraffic {
        requests: 43,
        peak: 4000,
    });
    assert_eq!(take(&mut ingress, &seen), Stage::Cloud);
    assert_eq!(ingress, Ingress::default().at(Stage::Cloud, NOW));
}

#[test]
fn what_needs_somebody_is_said() {
    let says = |stage, primary, part: &str| {
        let mut seen = Seen::default();
        seen.dns.primary = Some(primary);
        let ingress = kept(stage, permit(false, 1));
        let told = trouble(&ingress, &terms(Hand::Ours), &seen, NOW);
        assert!(
            told.is_some_and(|told| told.contains(part)),
            "{stage}: {told:?}"
        );
    };
    says(Stage::Cloud, Leads::Direct, "the door is closed");
    says(
        Stage::DnsChanging,
        Leads::Elsewhere,
        "neither the cloud's nor",
    );
    says(
        Stage::DnsReturning,
        Leads::Elsewhere,
        "neither the cloud's nor",
    );
    says(Stage::Bypass, Leads::Cloud, "order the bypass again");
    says(Stage::Verifying, Leads::Elsewhere, "led the DNS away");
    says(
        Stage::DnsChanging,
        Leads::Cloud,
        "a direct door is not open",
    );
}
