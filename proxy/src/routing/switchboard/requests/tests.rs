//! Requests at the switchboard: through restarts, crashes and the passing of time.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use yagura_control::Clock;
use yagura_control::order::{Decision, ShowHistory, StartBypass, Undo};

use super::super::tests::opened;
use super::*;
use crate::routing::journal::Journal;

const TEXT: &str = "[edge]\nname = \"east\"\n[[edge.listen]]\naddress = \"127.0.0.1:1\"\n[[site]]\n\
                    name = \"a\"\nhosts = [\"*\"]\norigin = \"http://127.0.0.1:2\"\n\
                    behind = [\"cloud\"]\n[site.bypass]\ndns = \"manual\"\nnames = [\"a.example\"]\n\
                    servers = [\"127.0.0.1:53\"]\ndirect = [\"A 127.0.0.1\"]\n\
                    [site.bypass.cloud]\ncloud = [\"A 192.0.2.7\"]\n\
                    [[cloud]]\nname = \"cloud\"\nranges = [\"192.0.2.0/24\"]\n\
                    [[operator]]\nname = \"taro\"\nroles = [\"approver\"]\nusers = [8]\n";
const BEGAN: u64 = 1_000_000;

#[derive(Debug)]
struct Hand(AtomicU64);

impl Clock for Hand {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::Relaxed))
    }
}

struct Place {
    folder: tempfile::TempDir,
    clock: Arc<Hand>,
}

impl Place {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            clock: Arc::new(Hand(BEGAN.into())),
        }
    }

    fn open(&self) -> Switchboard {
        let journal = self.folder.path().join("journal");
        opened(TEXT, &journal, self.clock.clone())
    }

    fn pass(&self, time: Duration) {
        let time = u64::try_from(time.as_millis()).unwrap();
        self.clock.0.fetch_add(time, Ordering::Relaxed);
    }
}

fn bypass(site: &str, break_glass: bool) -> Order {
    Order::Bypass(StartBypass {
        site: site.to_owned(),
        asked_at: Timestamp(BEGAN),
        break_glass,
    })
}

fn give(switchboard: &Switchboard, order: Order, who: &str) -> Result<Reply, String> {
    let mut envelope = Envelope::of(order, who);
    envelope.reason = Some("the cloud is down".to_owned());
    let given = switchboard.carry_out(&envelope, "uid 7");
    given.map_err(|refusal| refusal.message)
}

fn shown(reply: Reply) -> RequestShown {
    match reply.outcome {
        Outcome::Requested { request } | Outcome::Decided { request, .. } => *request,
        other => panic!("{other:?}"),
    }
}

fn decide(request: &RequestShown, decision: Decision) -> Order {
    Order::Decide(Decide {
        request: request.id.clone(),
        digest: request.digest.clone(),
        decision,
    })
}

fn lines(switchboard: &Switchboard) -> Vec<String> {
    let asked = ShowHistory {
        site: None,
        last: 100,
    };
    let Outcome::History { lines } = switchboard.history(&asked).outcome else {
        panic!("no history");
    };
    let told = lines
        .iter()
        .map(|line| format!("{} {}", line.who, line.what));
    told.collect()
}

#[test]
fn an_order_waits_until_somebody_else_approves_it_also_through_restarts() {
    let place = Place::new();
    let switchboard = place.open();
    let mut news = switchboard.news();
    let reply = give(&switchboard, bypass("a", false), "hanako").unwrap();
    assert_eq!(reply.generation, 1, "nothing changed");
    let asked = shown(reply);
    assert_eq!(asked.state, RequestState::Waiting);
    assert_eq!(
        (&*asked.who, &*asked.approvers),
        ("hanako", &["taro".to_owned()][..])
    );
    let alone = give(&switchboard, bypass("a", false), "taro");
    assert!(alone.unwrap_err().contains("nobody else here has the role"));
    assert!(matches!(news.try_recv().unwrap().step, Step::Asked { .. }));
    // The same asked again is the same request.
    let again = shown(give(&switchboard, bypass("a", false), "hanako").unwrap());
    assert_eq!(again.id, asked.id);
    assert!(
        give(&switchboard, bypass("b", false), "hanako")
            .unwrap_err()
            .contains("no site")
    );

    drop(switchboard);
    let switchboard = place.open();
    let own = give(&switchboard, decide(&asked, Decision::Approve), "hanako");
    assert!(own.unwrap_err().contains("hanako asked for request"));
    let reply = give(&switchboard, decide(&asked, Decision::Approve), "taro").unwrap();
    let Outcome::Decided { head, .. } = &reply.outcome else {
        panic!("{reply:?}");
    };
    assert_eq!(*head, switchboard.journal().map(|journal| journal.head));
    let done = shown(reply);
    assert_eq!((done.state, done.number), (RequestState::Done, Some(2)));
    assert_eq!(switchboard.plan().generation, 2);

    drop(switchboard);
    let switchboard = place.open();
    let kept = switchboard.request(&asked.id.parse().unwrap()).unwrap();
    assert_eq!((kept.state, kept.number), (RequestState::Done, Some(2)));
    let words = "publish without the security cloud";
    let id = &asked.id;
    assert_eq!(
        lines(&switchboard),
        [
            format!("hanako (uid 7) request {id}: {words}"),
            format!("taro (uid 7) request {id} approved: {words}"),
            format!("hanako (uid 7) {words}"),
        ]
    );
    let undo = give(&switchboard, Order::Undo(Undo { number: 2 }), "hanako");
    assert!(undo.is_err());
}

#[test]
fn what_was_approved_before_a_crash_is_carried_out_once_while_it_is_in_time() {
    for late in [false, true] {
        let place = Place::new();
        let switchboard = place.open();
        let asked = shown(give(&switchboard, bypass("a", false), "hanako").unwrap());
        drop(switchboard);
        // The approval is on the disk, the order is not.
        let (mut journal, _) = Journal::open(&place.folder.path().join("journal")).unwrap();
        let decided = approval::Decided {
            by: "taro".to_owned(),
            proof: "uid 8".to_owned(),
            at: Timestamp(BEGAN),
            decision: Decision::Approve,
        };
        let request: RequestId = asked.id.parse().unwrap();
        let step = Step::Decided {
            request: request.clone(),
            decided,
        };
        journal.append(&Record::Approval { step }).unwrap();
        if late {
            place.pass(Duration::from_secs(4 * 3600));
        }
        let state = |switchboard: &Switchboard| switchboard.request(&request).unwrap().state;
        let switchboard = place.open();
        assert_eq!(state(&switchboard), RequestState::Approved);
        switchboard.reconsider();
        switchboard.reconsider();
        let (expected, generation) = match late {
            false => (RequestState::Done, 2),
            true => (RequestState::Expired, 1),
        };
        assert_eq!(state(&switchboard), expected);
        drop(switchboard);
        let switchboard = place.open();
        switchboard.reconsider();
        assert_eq!(state(&switchboard), expected);
        assert_eq!(switchboard.plan().generation, generation);
    }
}

#[test]
fn nobody_decides_after_four_hours() {
    let place = Place::new();
    let switchboard = place.open();
    let asked = shown(give(&switchboard, bypass("a", false), "hanako").unwrap());
    assert_eq!(switchboard.warnings_of_requests(Timestamp(BEGAN)).len(), 1);
    place.pass(Duration::from_secs(4 * 3600));
    let decided = give(&switchboard, decide(&asked, Decision::Approve), "taro");
    assert_eq!(
        decided.unwrap_err(),
        format!("request {} is expired", asked.id)
    );
    assert_eq!(switchboard.next_end_of_request(), Some(asked.expires));
    switchboard.reconsider();
    assert_eq!(switchboard.next_end_of_request(), None);
    let kept = switchboard.request(&asked.id.parse().unwrap()).unwrap();
    assert_eq!(kept.state, RequestState::Expired);
    assert!(switchboard.warnings_of_requests(asked.expires).is_empty());
}

#[test]
fn who_breaks_the_glass_acts_alone_and_is_asked_afterwards() {
    let place = Place::new();
    let switchboard = place.open();
    let done = shown(give(&switchboard, bypass("a", true), "hanako").unwrap());
    assert_eq!((done.state, done.number), (RequestState::Done, Some(2)));
    let warned = |at: u64| switchboard.warnings_of_requests(Timestamp(at)).join("; ");
    assert!(warned(BEGAN).contains("hanako did without approval: a: publish without"));
    assert!(warned(BEGAN + 86_400_000).contains("REVIEW OVERDUE"));
    let review = || {
        Order::Review(Review {
            request: done.id.clone(),
            finding: "it was right".to_owned(),
        })
    };
    assert!(give(&switchboard, review(), "hanako").is_err());
    let reviewed = shown(give(&switchboard, review(), "taro").unwrap());
    assert_eq!(
        reviewed.break_glass.unwrap().review.unwrap().2,
        "it was right"
    );
    drop(switchboard);
    assert!(
        place
            .open()
            .warnings_of_requests(Timestamp(BEGAN))
            .is_empty()
    );
}

#[test]
fn edges_propose_in_one_name_and_a_dry_run_asks_for_nothing() {
    let place = Place::new();
    let switchboard = place.open();
    let proposed = switchboard.propose(bypass("a", false), "the cloud is down");
    let proposed = shown(proposed.unwrap());
    assert_eq!(
        (&*proposed.who, &*proposed.proof),
        ("edge (any)", "by itself")
    );
    assert!(switchboard.propose(bypass("a", true), "alone").is_err());
    let mut envelope = Envelope::of(bypass("a", false), "hanako");
    envelope.reason = Some("why".to_owned());
    envelope.dry_run = true;
    let before = switchboard.journal();
    let told = shown(switchboard.carry_out(&envelope, "uid 7").unwrap());
    assert_eq!(told.state, RequestState::Waiting);
    assert_eq!(switchboard.journal(), before);
    let Outcome::Requests { requests } = switchboard.requests().outcome else {
        panic!("no requests");
    };
    assert_eq!(requests.len(), 1);
}
