//! Every state with everything that can happen to a request: what leads where, and what is refused.

use std::time::Duration;

use super::*;
use crate::Timestamp;
use crate::order::{Decision, NoticeOf, Order, RequestState};

const RULE: Rule = Rule {
    quorum: 2,
    role: "approver",
    lasts: Duration::from_millis(100),
    review_within: Duration::from_millis(1_000),
};
const NOW: Timestamp = Timestamp(1_000);
const LATE: Timestamp = Timestamp(1_100);

fn person(name: &str) -> Person {
    Person {
        name: name.to_owned(),
        proof: "uid 7".to_owned(),
    }
}

fn asked(name: &str, break_glass: bool) -> Asked {
    Asked {
        order: Order::LowerNotice(NoticeOf {
            site: "town".into(),
        }),
        by: person(name),
        reason: "flood".to_owned(),
        at: None,
        rule: RULE,
        break_glass: break_glass.then_some(Duration::from_millis(500)),
    }
}

/// A fresh set of requests with one, asked for by hanako.
fn one(break_glass: bool) -> (Requests, RequestId) {
    let mut requests = Requests::default();
    let Judged::New(step) = requests.ask(asked("hanako", break_glass), NOW).unwrap() else {
        panic!("it is known");
    };
    requests.take(&step);
    (requests, step.request().clone())
}

#[derive(Clone, Copy, Debug)]
enum Event {
    AskAgain,
    Approve(&'static str),
    Refuse(&'static str),
    Withdraw(&'static str),
    Review(&'static str),
    CarryOut,
    Fail,
    Pass,
}

/// What became of it: the state, or the words of the refusal.
fn after(requests: &mut Requests, id: &RequestId, event: Event, now: Timestamp) -> String {
    let digest = requests.find(id).unwrap().digest;
    let decide = |requests: &Requests, who, decision: Decision| {
        requests.decide(id, digest, &person(who), &decision, now)
    };
    let step = match event {
        Event::AskAgain => match requests.ask(asked("hanako", false), now) {
            Ok(Judged::Known(known)) => {
                assert_eq!(known, *id);
                return "known".to_owned();
            }
            Ok(Judged::New(step)) => Ok(*step),
            Err(refusal) => Err(refusal),
        },
        Event::Approve(who) => decide(requests, who, Decision::Approve),
        Event::Refuse(who) => {
            let reason = "no".to_owned();
            decide(requests, who, Decision::Refuse { reason })
        }
        Event::Withdraw(who) => requests.withdraw(id, &person(who), now),
        Event::Review(who) => requests.review(id, &person(who), "right", now),
        Event::CarryOut | Event::Fail => {
            let request = id.clone();
            match (requests.to_be_carried_out(now).next(), event) {
                (None, _) => return "nothing to carry out".to_owned(),
                (Some(_), Event::Fail) => Ok(Step::Failed {
                    request,
                    at: now,
                    why: "gone".to_owned(),
                }),
                (Some(_), _) => Ok(Step::Done {
                    request,
                    at: now,
                    number: 7,
                }),
            }
        }
        Event::Pass => match requests.over(now).pop() {
            Some(step) => Ok(step),
            None => return "nothing is over".to_owned(),
        },
    };
    match step {
        Ok(step) => {
            requests.take(&step);
            let request = requests.find(id).unwrap();
            match request.break_glass.as_ref().map(|it| &it.reviewed) {
                Some(Some(_)) => "reviewed".to_owned(),
                _ => request.state.word().to_owned(),
            }
        }
        Err(refusal) => refusal.message.replace(id.as_str(), "ID"),
    }
}

/// A request in that state, and one that was done without approval.
fn in_state(state: RequestState) -> (Requests, RequestId) {
    let (mut requests, id) = one(false);
    let way: &[(Event, Timestamp)] = match state {
        RequestState::Waiting => &[],
        RequestState::Approved => &[(Event::Approve("taro"), NOW), (Event::Approve("jiro"), NOW)],
        RequestState::Refused => &[(Event::Refuse("taro"), NOW)],
        RequestState::Expired => &[(Event::Pass, LATE)],
        RequestState::Withdrawn => &[(Event::Withdraw("hanako"), NOW)],
        RequestState::Done => &[
            (Event::Approve("taro"), NOW),
            (Event::Approve("jiro"), NOW),
            (Event::CarryOut, NOW),
        ],
        RequestState::Failed => &[
            (Event::Approve("taro"), NOW),
            (Event::Approve("jiro"), NOW),
            (Event::Fail, NOW),
        ],
    };
    for (event, now) in way {
        after(&mut requests, &id, *event, *now);
    }
    assert_eq!(requests.find(&id).unwrap().state, state);
    (requests, id)
}

#[test]
fn every_state_answers_every_event() {
    use RequestState::{Approved, Done, Expired, Failed, Refused, Waiting, Withdrawn};
    let in_time = [
        (Waiting, Event::AskAgain, "known"),
        (Waiting, Event::Approve("taro"), "waiting"),
        (
            Waiting,
            Event::Approve("hanako"),
            "hanako asked for request ID",
        ),
        (
            Waiting,
            Event::Refuse("hanako"),
            "hanako asked for request ID",
        ),
        (Waiting, Event::Refuse("taro"), "refused"),
        (Waiting, Event::Withdraw("hanako"), "withdrawn"),
        (Waiting, Event::Withdraw("taro"), "request ID is hanako's"),
        (Waiting, Event::CarryOut, "nothing to carry out"),
        (Approved, Event::AskAgain, "request ID is approved already"),
        (Approved, Event::Approve("saburo"), "request ID is approved"),
        (Approved, Event::Refuse("saburo"), "request ID is approved"),
        (
            Approved,
            Event::Withdraw("hanako"),
            "request ID is approved",
        ),
        (Approved, Event::CarryOut, "done"),
        (Approved, Event::Fail, "failed"),
    ];
    for (state, event, expected) in in_time {
        let (mut requests, id) = in_state(state);
        let told = after(&mut requests, &id, event, NOW);
        assert_eq!(told, expected, "{state:?} {event:?}");
    }
    // What is over stays as it is, and whatever is open then is over.
    for state in [Refused, Expired, Withdrawn, Done, Failed] {
        let is = format!("request ID is {}", state.word());
        for (event, expected) in [
            (Event::AskAgain, format!("{is} already")),
            (Event::Approve("saburo"), is.clone()),
            (Event::Refuse("saburo"), is.clone()),
            (Event::Withdraw("hanako"), is.clone()),
            (Event::CarryOut, "nothing to carry out".to_owned()),
            (Event::Pass, "nothing is over".to_owned()),
        ] {
            let (mut requests, id) = in_state(state);
            let told = after(&mut requests, &id, event, LATE);
            assert_eq!(told, expected, "{state:?} {event:?}");
        }
    }
    for state in [Waiting, Approved] {
        let (mut requests, id) = in_state(state);
        assert_eq!(
            after(&mut requests, &id, Event::Pass, NOW),
            "nothing is over"
        );
        assert_eq!(
            after(&mut requests, &id, Event::CarryOut, LATE),
            "nothing to carry out"
        );
        assert_eq!(requests.next_end(), Some(LATE));
        assert_eq!(after(&mut requests, &id, Event::Pass, LATE), "expired");
        assert_eq!(requests.next_end(), None);
    }
    // Nobody noticed yet that the time is over.
    let (mut requests, id) = in_state(Waiting);
    for event in [Event::Approve("taro"), Event::Withdraw("hanako")] {
        assert_eq!(
            after(&mut requests, &id, event, LATE),
            "request ID is expired"
        );
    }
    for state in RequestState::ALL {
        let (mut requests, id) = in_state(state);
        let told = after(&mut requests, &id, Event::Review("taro"), NOW);
        assert_eq!(
            told, "request ID was not done without approval",
            "{state:?}"
        );
    }
}

#[test]
fn it_takes_as_many_different_people_as_the_rule_says() {
    let (mut requests, id) = one(false);
    assert_eq!(
        after(&mut requests, &id, Event::Approve("taro"), NOW),
        "waiting"
    );
    assert_eq!(
        after(&mut requests, &id, Event::Approve("taro"), NOW),
        "taro has approved request ID already"
    );
    assert_eq!(
        after(&mut requests, &id, Event::Approve("jiro"), NOW),
        "approved"
    );
    let request = requests.find(&id).unwrap();
    assert!(request.has_quorum() && request.approvals() == 2);
}

#[test]
fn what_is_done_without_approval_is_flagged_until_somebody_else_reviewed_it() {
    let (mut requests, id) = one(true);
    assert_eq!(
        after(&mut requests, &id, Event::Review("taro"), NOW),
        "request ID was not done without approval"
    );
    assert_eq!(after(&mut requests, &id, Event::CarryOut, NOW), "done");
    let to_be_reviewed = |requests: &Requests| requests.to_be_reviewed().count();
    assert_eq!(to_be_reviewed(&requests), 1);
    assert_eq!(
        after(&mut requests, &id, Event::Review("hanako"), LATE),
        "hanako did it"
    );
    assert_eq!(
        after(&mut requests, &id, Event::Review("taro"), LATE),
        "reviewed"
    );
    assert_eq!(to_be_reviewed(&requests), 0);
    assert_eq!(
        after(&mut requests, &id, Event::Review("jiro"), LATE),
        "request ID was reviewed by taro already"
    );
    let glass = requests.find(&id).unwrap().break_glass.clone().unwrap();
    assert_eq!(
        (glass.until, glass.review_by),
        (Timestamp(1_500), Timestamp(2_000))
    );
}

#[test]
fn a_decision_about_other_content_does_not_count() {
    let (requests, id) = one(false);
    let other = crate::hash::Hash::of(b"something else");
    let decided = requests.decide(&id, other, &person("taro"), &Decision::Approve, NOW);
    assert!(decided.unwrap_err().message.contains("something else"));
    let gone: RequestId = "000000000000".parse().unwrap();
    let decided = requests.decide(&gone, other, &person("taro"), &Decision::Approve, NOW);
    assert!(
        decided
            .unwrap_err()
            .message
            .starts_with("there is no request")
    );
}

#[test]
fn words_are_needed_where_somebody_reads_them() {
    let (requests, id) = one(false);
    let digest = requests.find(&id).unwrap().digest;
    let reason = " ".to_owned();
    let refuse = Decision::Refuse { reason };
    let decided = requests.decide(&id, digest, &person("taro"), &refuse, NOW);
    assert_eq!(decided.unwrap_err().message, "a refusal needs a reason");
    let mut silent = asked("jiro", false);
    silent.reason = "\n".to_owned();
    assert_eq!(
        requests.ask(silent, NOW).unwrap_err().message,
        "a request needs a reason"
    );
    let (mut requests, id) = one(true);
    after(&mut requests, &id, Event::CarryOut, NOW);
    let reviewed = requests.review(&id, &person("taro"), "", NOW);
    assert_eq!(reviewed.unwrap_err().message, "a review needs words");
}

#[test]
fn an_edge_proposes_and_never_acts_by_itself() {
    let mut proposal = asked("x", false);
    proposal.by = Person::of_edges();
    assert!(Requests::default().ask(proposal.clone(), NOW).is_ok());
    proposal.break_glass = Some(Duration::from_millis(1));
    let refused = Requests::default().ask(proposal, NOW).unwrap_err();
    assert!(refused.message.contains("never acts by itself"));
}

#[test]
fn the_clock_of_who_asks_neither_shortens_nor_lengthens_what_others_have() {
    let at = |at: u64, now: u64| {
        let mut asked = asked("hanako", false);
        asked.at = Some(Timestamp(at));
        match Requests::default().ask(asked, Timestamp(now)) {
            Ok(Judged::New(step)) => match *step {
                Step::Asked { request } => Ok(request.expires_at.0),
                other => panic!("{other:?}"),
            },
            Ok(Judged::Known(id)) => panic!("{id}"),
            Err(refusal) => Err(refusal.message),
        }
    };
    assert_eq!(at(1_000, 1_050), Ok(1_100));
    assert_eq!(at(1_050, 1_000), Ok(1_100), "ahead, and no longer for that");
    assert!(at(1_000, 1_100).unwrap_err().contains("its time was over"));
    assert!(
        at(301_001, 1_000)
            .unwrap_err()
            .contains("it is said to be asked for")
    );
}

#[test]
fn the_number_of_requests_is_bounded_and_what_needs_somebody_is_kept() {
    let mut requests = Requests::default();
    let glass = requests.ask(asked("hanako", true), NOW).unwrap();
    let Judged::New(step) = glass else { panic!() };
    requests.take(&step);
    let flagged = step.request().clone();
    let request = flagged.clone();
    let (at, number) = (NOW, 2);
    requests.take(&Step::Done {
        request,
        at,
        number,
    });
    for turn in 0..5_u64 {
        for number in 0..MOST_WAITING {
            let mut asked = asked("hanako", false);
            asked.reason = format!("{turn} {number}");
            let Judged::New(step) = requests.ask(asked, NOW).unwrap() else {
                panic!("it is known")
            };
            requests.take(&step);
        }
        let refused = requests.ask(asked("taro", false), NOW).unwrap_err();
        assert_eq!(refused.message, "100 requests wait already");
        requests
            .over(LATE)
            .iter()
            .for_each(|step| requests.take(step));
    }
    assert!(requests.all().len() <= 301, "{}", requests.all().len());
    assert!(requests.find(&flagged).unwrap().is_to_be_reviewed());
}
