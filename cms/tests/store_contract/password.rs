//! The promises about passwords. Taro changes his, is guessed at, and forgets it.

use std::time::Duration;

use yagura_cms::CmsError;
use yagura_cms::actions::password;
use yagura_cms::actions::second_factor::Owner;
use yagura_cms::actions::sign_in::{Credentials, SignedIn, session_id, sign_in};
use yagura_cms::domain::{Actor, Place};

use crate::Cms;

const FIRST: &str = "correct horse";
const SECOND: &str = "battery staple, and more";

async fn enters(cms: &Cms, password: &str) -> Result<SignedIn, CmsError> {
    let credentials = Credentials {
        login: "taro",
        password,
        proof: None,
        place: Place::CityHall,
    };
    sign_in(&cms.state, &credentials).await
}

async fn is_open(cms: &Cms, entered: &SignedIn) -> bool {
    let id = session_id(&entered.token);
    let session = cms.state.store.session(&id, cms.state.now()).await;
    session.unwrap().is_some()
}

async fn told(cms: &Cms) -> String {
    let records = cms.state.store.newest_records(1).await.unwrap();
    let record = records.first().unwrap();
    format!("{} {}: {}", record.actor, record.action, record.detail)
}

pub async fn one_changes_ones_own_and_other_sessions_end(cms: &Cms) {
    cms.clock.pass(Duration::from_secs(3_600));
    let (desk, another) = (
        enters(cms, FIRST).await.unwrap(),
        enters(cms, FIRST).await.unwrap(),
    );
    let session = session_id(&desk.token);
    let owner = Owner {
        user: &desk.user,
        session: &session,
    };
    let change =
        async |present: &str, new: &str| password::change(&cms.state, &owner, present, new).await;
    let wrong = change("wrong", SECOND).await;
    assert!(matches!(wrong, Err(CmsError::PasswordRefused)));
    assert_eq!(told(cms).await, "山田 太郎 password_refused: ");
    for bad in ["short", FIRST, "taro taro taro taro"] {
        let refused = change(FIRST, bad).await;
        assert!(matches!(refused, Err(CmsError::Refused(_))), "{bad}");
    }
    assert!(is_open(cms, &another).await, "nothing has changed yet");
    let ended = change(FIRST, SECOND).await.unwrap();
    assert!(ended >= 1, "{ended}");
    let words = format!("山田 太郎 password_changed: {ended} other sessions ended");
    assert_eq!(told(cms).await, words);
    assert!(is_open(cms, &desk).await && !is_open(cms, &another).await);
    let former = enters(cms, FIRST).await;
    assert!(matches!(former, Err(CmsError::SignInRefused(_))));
    assert!(enters(cms, SECOND).await.is_ok());
}

pub async fn who_guesses_the_present_one_waits(cms: &Cms) {
    cms.clock.pass(Duration::from_secs(3_600));
    let desk = enters(cms, SECOND).await.unwrap();
    let session = session_id(&desk.token);
    let owner = Owner {
        user: &desk.user,
        session: &session,
    };
    // Hashing alone may take longer than the first waits: until one is long.
    let mut wrong_ones = 0;
    loop {
        match password::change(&cms.state, &owner, "wrong", FIRST).await {
            Err(CmsError::PasswordRefused) => wrong_ones += 1,
            Err(CmsError::Throttled(wait_s)) if wait_s > 30 => break,
            Err(CmsError::Throttled(wait_s)) => cms.clock.pass(Duration::from_secs(wait_s)),
            other => panic!("{other:?}"),
        }
        assert!(wrong_ones < 30, "nobody waits");
    }
    assert!(wrong_ones >= 5, "{wrong_ones}");
    // Here, and at the sign-in page too, with the right one as well.
    let waits = password::change(&cms.state, &owner, SECOND, FIRST).await;
    assert!(matches!(waits, Err(CmsError::Throttled(_))));
    assert!(matches!(
        enters(cms, SECOND).await,
        Err(CmsError::Throttled(_))
    ));
    cms.clock.pass(Duration::from_secs(300));
    assert!(enters(cms, SECOND).await.is_ok());
}

pub async fn a_forgotten_one_is_reset_and_every_session_ends(cms: &Cms) {
    let desk = enters(cms, SECOND).await.unwrap();
    let state = &cms.state;
    let actor = Actor::system();
    let reset = async |login: &str, new: &str| {
        let whose = (login, new);
        password::reset(&state.store, state.now(), &actor, whose, "forgotten").await
    };
    assert!(matches!(
        reset("nobody", FIRST).await,
        Err(CmsError::NotFound(_))
    ));
    assert!(matches!(
        reset("taro", "short").await,
        Err(CmsError::Refused(_))
    ));
    assert!(is_open(cms, &desk).await, "nothing has changed yet");
    let ended = reset("taro", FIRST).await.unwrap();
    assert!(ended >= 1, "{ended}");
    let words = format!("system password_reset: of taro; {ended} sessions ended; forgotten");
    assert_eq!(told(cms).await, words);
    assert!(!is_open(cms, &desk).await);
    assert!(enters(cms, SECOND).await.is_err());
    assert!(enters(cms, FIRST).await.is_ok());
}
