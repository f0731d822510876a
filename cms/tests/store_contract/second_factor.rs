//! The promises about the second factor. They follow one another: Taro has none, gets one, uses it
//! up, is guessed at, and loses his telephone.

use std::time::Duration;

use yagura_cms::actions::second_factor::{self, Owner};
use yagura_cms::actions::sign_in::{Credentials, SignedIn, session_id, sign_in};
use yagura_cms::domain::{Actor, Place, Proof, User};
use yagura_cms::store::people::Session;
use yagura_cms::{CmsError, CmsState};

use crate::Cms;
use crate::telephone::Telephone;

const PASSWORD: &str = "correct horse";
/// As long as a code lives at most, and longer than its step.
const A_MINUTE_AND_A_HALF: Duration = Duration::from_secs(90);

fn shown(telephone: &Telephone, cms: &Cms) -> String {
    telephone.code_at(cms.state.now().seconds())
}

async fn from(cms: &Cms, place: Place, password: &str, typed: &str) -> Result<SignedIn, CmsError> {
    let proof = Proof::read(typed);
    let credentials = Credentials {
        login: "taro",
        password,
        proof: proof.as_ref(),
        place,
    };
    sign_in(&cms.state, &credentials).await
}

async fn outside(cms: &Cms, password: &str, typed: &str) -> Result<SignedIn, CmsError> {
    from(cms, Place::Outside, password, typed).await
}

fn is_refused(result: &Result<SignedIn, CmsError>) -> bool {
    matches!(result, Err(CmsError::SignInRefused(Place::Outside)))
}

async fn session_of(state: &CmsState, token: &str) -> Option<Session> {
    let id = session_id(token);
    state.store.session(&id, state.now()).await.unwrap()
}

/// Taro at a desk of the city hall.
struct Desk {
    user: User,
    token: String,
    session: String,
}

impl Desk {
    async fn of(cms: &Cms) -> Self {
        let SignedIn { user, token } = from(cms, Place::CityHall, PASSWORD, "").await.unwrap();
        let session = session_id(&token);
        Self {
            user,
            token,
            session,
        }
    }

    fn owner(&self) -> Owner<'_> {
        Owner {
            user: &self.user,
            session: &self.session,
        }
    }

    /// Sets the second factor up; the telephone and the recovery codes are what comes of it.
    async fn set_up(&self, cms: &Cms, typed: &str) -> (Telephone, Vec<String>) {
        let (state, owner) = (&cms.state, self.owner());
        let proof = Proof::read(typed);
        second_factor::offer(state, &owner, PASSWORD, proof.as_ref())
            .await
            .unwrap();
        let secret = second_factor::offered(state, &owner).await.unwrap();
        let telephone = Telephone::set_up(&secret.unwrap().to_base32());
        let first = Proof::read(&shown(&telephone, cms));
        let codes = second_factor::confirm(state, &owner, first.as_ref())
            .await
            .unwrap();
        (telephone, codes)
    }
}

/// The newest records, as `action: detail`.
async fn told(cms: &Cms, most: i64) -> Vec<String> {
    let records = cms.state.store.newest_records(most).await.unwrap();
    let told = records.into_iter();
    told.map(|record| format!("{} {}: {}", record.actor, record.action, record.detail))
        .collect()
}

pub async fn outside_a_password_is_not_enough(cms: &Cms) {
    let state = &cms.state;
    let without = outside(cms, PASSWORD, "123456").await;
    assert!(matches!(without, Err(CmsError::FactorMissing)));
    assert_eq!(
        told(cms, 1).await,
        ["山田 太郎 sign_in_refused: outside, no second factor"]
    );
    assert!(is_refused(&outside(cms, "wrong", "123456").await));

    let desk = Desk::of(cms).await;
    let owner = desk.owner();
    assert!(!session_of(state, &desk.token).await.unwrap().second_factor);
    let elsewhere = Desk::of(cms).await;
    let refused = second_factor::offer(state, &owner, "wrong", None).await;
    assert!(matches!(refused, Err(CmsError::ProofRefused)));
    assert!(
        second_factor::offered(state, &owner)
            .await
            .unwrap()
            .is_none()
    );

    second_factor::offer(state, &owner, PASSWORD, None)
        .await
        .unwrap();
    let others = second_factor::offered(state, &elsewhere.owner()).await;
    assert!(others.unwrap().is_none(), "an offer is of one session");
    for typed in ["000000", "", "0000-0000-0000-0000"] {
        let proof = Proof::read(typed);
        let refused = second_factor::confirm(state, &owner, proof.as_ref()).await;
        assert!(matches!(refused, Err(CmsError::Refused(_))), "{typed}");
    }
    let without = outside(cms, PASSWORD, "123456").await;
    assert!(
        matches!(without, Err(CmsError::FactorMissing)),
        "not confirmed yet"
    );

    cms.clock.pass(Duration::from_secs(15 * 60));
    let late = second_factor::offered(state, &owner).await.unwrap();
    assert!(late.is_none(), "an offer is not for ever");

    let (telephone, codes) = desk.set_up(cms, "").await;
    assert_eq!(codes.len(), 10);
    assert_eq!(
        told(cms, 1).await,
        ["山田 太郎 second_factor_enrolled: 1 other sessions ended"]
    );
    assert!(session_of(state, &elsewhere.token).await.is_none());
    let own = session_of(state, &desk.token).await.unwrap();
    assert!(own.second_factor, "who has just shown it need not again");
    let standing = state.store.second_factor_of(desk.user.id).await.unwrap();
    assert_eq!(standing.recovery_codes_left, 10);
    let all = state.store.second_factors().await.unwrap();
    assert_eq!((all.len(), all[1] == standing), (2, true), "{all:?}");
    assert_eq!(all[0].enrolled_at, None);

    cms.clock.pass(A_MINUTE_AND_A_HALF);
    assert!(is_refused(&outside(cms, PASSWORD, "").await));
    let code = shown(&telephone, cms);
    assert!(is_refused(&outside(cms, "wrong", &code).await));
    let inside = outside(cms, PASSWORD, &code).await.unwrap();
    assert!(
        session_of(state, &inside.token)
            .await
            .unwrap()
            .second_factor
    );
    assert_eq!(told(cms, 1).await, ["山田 太郎 sign_in: outside, code"]);
}

pub async fn a_code_counts_once(cms: &Cms) {
    let desk = Desk::of(cms).await;
    let without = second_factor::offer(&cms.state, &desk.owner(), PASSWORD, None).await;
    assert!(
        matches!(without, Err(CmsError::ProofRefused)),
        "only who has the present one gets another"
    );
    let (telephone, _) = anew(cms).await;
    let before = telephone.code_at(cms.state.now().seconds() - 30);
    assert!(
        is_refused(&outside(cms, PASSWORD, &before).await),
        "the code that confirmed it was used, and no older one counts"
    );
    cms.clock.pass(A_MINUTE_AND_A_HALF);
    let now = cms.state.now().seconds();
    let (before, code, after) = (
        telephone.code_at(now - 30),
        telephone.code_at(now),
        telephone.code_at(now + 30),
    );
    outside(cms, PASSWORD, &code).await.unwrap();
    assert!(is_refused(&outside(cms, PASSWORD, &code).await));
    assert!(is_refused(&outside(cms, PASSWORD, &before).await));
    outside(cms, PASSWORD, &after).await.unwrap();

    cms.clock.pass(A_MINUTE_AND_A_HALF);
    let desk = Desk::of(cms).await;
    let (again, _) = desk.set_up(cms, &shown(&telephone, cms)).await;
    cms.clock.pass(A_MINUTE_AND_A_HALF);
    assert!(is_refused(
        &outside(cms, PASSWORD, &shown(&telephone, cms)).await
    ));
    outside(cms, PASSWORD, &shown(&again, cms)).await.unwrap();
}

pub async fn of_many_at_once_one_gets_in(cms: &Cms) {
    let (telephone, _) = anew(cms).await;
    cms.clock.pass(A_MINUTE_AND_A_HALF);
    let code = shown(&telephone, cms);
    let tries = (0..4).map(|_| {
        let (state, code) = (cms.state.clone(), code.clone());
        tokio::spawn(async move {
            let proof = Proof::read(&code);
            let credentials = Credentials {
                login: "taro",
                password: PASSWORD,
                proof: proof.as_ref(),
                place: Place::Outside,
            };
            sign_in(&state, &credentials).await.is_ok()
        })
    });
    let mut inside = 0;
    for attempt in tries.collect::<Vec<_>>() {
        inside += usize::from(attempt.await.unwrap());
    }
    assert_eq!(inside, 1);
}

pub async fn a_recovery_code_counts_once(cms: &Cms) {
    let (_, codes) = anew(cms).await;
    for code in &codes[..3] {
        outside(cms, PASSWORD, code).await.unwrap();
        assert_eq!(
            told(cms, 1).await,
            ["山田 太郎 sign_in: outside, recovery code"]
        );
        assert!(is_refused(&outside(cms, PASSWORD, code).await));
    }
    let loud = codes[3].to_uppercase().replace('-', "　");
    let SignedIn { user, .. } = outside(cms, PASSWORD, &loud).await.unwrap();
    let standing = cms.state.store.second_factor_of(user.id).await.unwrap();
    assert_eq!(standing.recovery_codes_left, 6);
}

pub async fn guessing_ends(cms: &Cms) {
    let (telephone, codes) = anew(cms).await;
    let guess = "0000-0000-0000-0000";
    let mut refused = 0;
    // The clock of this story goes on by itself, so that the shortest waits are soon over.
    loop {
        match outside(cms, PASSWORD, guess).await {
            Err(CmsError::Throttled(wait_s)) if wait_s > 20 => break,
            Err(CmsError::Throttled(_)) => {}
            again => {
                assert!(is_refused(&again), "{:?}", again.err());
                refused += 1;
            }
        }
        assert!(refused < 20, "nobody who guesses is made to wait for long");
    }
    assert!(refused >= 5, "some mistakes are free");
    let right = outside(cms, PASSWORD, &codes[0]).await;
    assert!(matches!(right, Err(CmsError::Throttled(_))));
    while refused < 100 {
        cms.clock.pass(Duration::from_secs(300));
        let again = outside(cms, PASSWORD, guess).await;
        assert!(is_refused(&again), "{:?}", again.err());
        refused += 1;
    }
    cms.clock.pass(Duration::from_secs(300));
    for right in [shown(&telephone, cms), codes[1].clone()] {
        let spent = outside(cms, PASSWORD, &right).await;
        assert!(
            matches!(spent, Err(CmsError::FactorSpent)),
            "{:?}",
            spent.err()
        );
    }
    let inside = from(cms, Place::CityHall, PASSWORD, "").await;
    assert!(inside.is_ok(), "at the city hall work goes on");
}

pub async fn a_lost_telephone_is_forgotten(cms: &Cms) {
    let (telephone, codes) = anew(cms).await;
    let at_the_cafe = outside(cms, PASSWORD, &codes[0]).await.unwrap();
    let (state, actor) = (&cms.state, Actor::system());
    let reset = async |login: &str| {
        second_factor::reset(
            &state.store,
            state.now(),
            &actor,
            login,
            "lost on the train",
        )
        .await
    };
    assert_eq!(reset("taro").await.unwrap(), Some(2));
    assert_eq!(
        told(cms, 1).await,
        ["system second_factor_reset: of taro; 2 sessions ended; lost on the train"]
    );
    assert!(session_of(state, &at_the_cafe.token).await.is_none());
    cms.clock.pass(A_MINUTE_AND_A_HALF);
    for typed in [shown(&telephone, cms), codes[1].clone()] {
        let refused = outside(cms, PASSWORD, &typed).await;
        assert!(matches!(refused, Err(CmsError::FactorMissing)));
    }
    assert_eq!(reset("taro").await.unwrap(), None);
    assert!(matches!(reset("nobody").await, Err(CmsError::NotFound(_))));
}

/// A new telephone for Taro, whatever was before.
async fn anew(cms: &Cms) -> (Telephone, Vec<String>) {
    cms.clock.pass(Duration::from_secs(300));
    let (state, actor) = (&cms.state, Actor::system());
    second_factor::reset(&state.store, state.now(), &actor, "taro", "for a story")
        .await
        .unwrap();
    Desk::of(cms).await.set_up(cms, "").await
}
