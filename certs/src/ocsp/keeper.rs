//! Keeps one certificate's staple fresh: asks when the plan says so, checks, and keeps the last
//! good response in a file, so that a restart staples at once.
//!
//! The file, `ocsp.der`, stands in the certificate's version folder and is checked again whenever
//! it is read: it needs no trust, and goes when the version goes.

use std::path::{Path, PathBuf};

use yagura_control::Timestamp;

use super::fetch::{Unfetched, fetch};
use super::must_staple;
use super::plan::{Heard, Plan};
use super::refusal::Refusal;
use super::request::{Question, Unasked};
use super::response::{Staple, check};
use crate::store::write_private;
use crate::{CertError, Inspected};

/// What went wrong in a step, with what to do about it. The certificate is served all the same.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    /// Nobody is asked.
    #[error(transparent)]
    Unasked(#[from] Unasked),
    /// No answer came.
    #[error(transparent)]
    Unfetched(#[from] Unfetched),
    /// The answer cannot be stapled, or says that the certificate was revoked.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The response is stapled, and a restart will have to ask again.
    #[error("the OCSP response could not be kept for the next start: {0}")]
    NotKept(CertError),
}

/// What a step did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Did {
    /// It was not time to ask.
    Waited,
    /// Nobody can be asked; said in the first step only.
    CannotAsk,
    /// The responder was asked, and its answer is good.
    Renewed,
    /// The responder was asked in vain.
    Failed,
}

/// What a step came to.
#[derive(Debug)]
pub struct Outcome {
    /// What was done.
    pub did: Did,
    /// What readers are to be shown from now on; `None`: nothing.
    pub staple: Option<Vec<u8>>,
    /// Whether that differs from what was said before: hand it to the resolver then. At first
    /// nothing is said to be shown.
    pub changed: bool,
    /// Whether the certificate demands a staple (RFC 7633).
    pub must_staple: bool,
    /// When the responder is asked next; `None`: never.
    pub ask_at: Option<Timestamp>,
    /// What went wrong.
    pub trouble: Option<Trouble>,
}

impl Outcome {
    /// A sentence for the log and the alarm, where there is something to tell: a revocation, a
    /// demanded staple that is missing, a responder that fails. A certificate without a responder
    /// is no trouble as long as it does not demand a staple. Nothing is said again while waiting.
    #[must_use]
    pub fn warning(&self) -> Option<String> {
        if self.did == Did::Waited && !self.changed {
            return None;
        }
        let harmless = matches!(self.trouble, Some(Trouble::Unasked(Unasked::NoResponder)));
        let told = self.trouble.as_ref().map(ToString::to_string);
        let lacking = "the certificate demands a staple and there is none: some readers refuse the site \
                       until there is one; if that lasts, have it issued without the TLS feature extension";
        match (self.must_staple && self.staple.is_none(), told) {
            (true, Some(told)) => Some(format!("{told}\n  {lacking}")),
            (true, None) => Some(lacking.to_owned()),
            (false, told) => told.filter(|_| !harmless),
        }
    }

    /// Whether the issuer revoked the certificate: replace it.
    #[must_use]
    pub fn is_revoked(&self) -> bool {
        matches!(&self.trouble, Some(Trouble::Refused(refusal)) if refusal.is_revocation())
    }
}

/// The staple of one certificate.
#[derive(Debug)]
pub struct Keeper {
    question: Result<Question, Unasked>,
    must_staple: bool,
    leaf: Vec<u8>,
    file: PathBuf,
    plan: Plan,
    told: Option<Vec<u8>>,
    began: bool,
}

impl Keeper {
    /// Reads what was kept in `file` for this certificate; nobody is asked. A response that is not
    /// good any more, or not this certificate's, is as none.
    #[must_use]
    pub fn open(file: &Path, inspected: &Inspected, now: Timestamp, seed: u64) -> Self {
        let question = Question::of(inspected);
        let kept = question.as_ref().ok().and_then(|question| {
            let bytes = std::fs::read(file).ok()?;
            check(&bytes, question, now).ok()
        });
        Self {
            must_staple: must_staple(inspected.fingerprint()),
            question,
            leaf: inspected.fingerprint().to_vec(),
            file: file.to_owned(),
            plan: Plan::beginning_with(kept, now, seed),
            told: None,
            began: false,
        }
    }

    /// Whether it keeps the staple of this certificate in this file.
    #[must_use]
    pub fn is_of(&self, file: &Path, inspected: &Inspected) -> bool {
        self.leaf == inspected.fingerprint() && self.file == file
    }

    /// What readers are to be shown now; said, so that a step later tells when that changes.
    pub fn show(&mut self, now: Timestamp) -> Option<Vec<u8>> {
        let shown = self.plan.shown(now).map(|staple| staple.bytes.clone());
        self.told.clone_from(&shown);
        shown
    }

    /// Asks if it is time to; takes 10 s at most. Call it once a minute. The seed is any number,
    /// another one each time.
    pub async fn step(&mut self, now: Timestamp, seed: u64) -> Outcome {
        let (did, trouble) = match &self.question {
            Err(_) if self.began => (Did::Waited, None),
            Err(reason) => (Did::CannotAsk, Some(reason.clone().into())),
            Ok(_) if !self.plan.is_due(now) => (Did::Waited, None),
            Ok(question) => match answer(question, now).await {
                Ok(staple) => {
                    self.plan.hear(Heard::Good(staple), now, seed);
                    (Did::Renewed, self.keep().await.err())
                }
                Err(trouble) => {
                    self.plan.hear(heard(&trouble), now, seed);
                    if self.plan.held().is_none() {
                        self.forget();
                    }
                    (Did::Failed, Some(trouble))
                }
            },
        };
        self.began = true;
        let before = self.told.take();
        let staple = self.show(now);
        let changed = staple != before;
        Outcome {
            did,
            staple,
            changed,
            must_staple: self.must_staple,
            ask_at: self.question.is_ok().then_some(self.plan.ask_at()),
            trouble,
        }
    }

    /// Writes the best response down, off the threads that serve readers: a disk may be slow.
    async fn keep(&self) -> Result<(), Trouble> {
        let Some(staple) = self.plan.held() else {
            return Ok(());
        };
        let (file, bytes) = (self.file.clone(), staple.bytes.clone());
        let writing = tokio::task::spawn_blocking(move || write_private(&file, &bytes));
        match writing.await {
            Ok(written) => written.map_err(Trouble::NotKept),
            Err(error) => Err(Trouble::NotKept(CertError::File {
                path: self.file.clone(),
                cause: error.into(),
            })),
        }
    }

    /// After a revocation a restart shall not show what was good before. A file that cannot be
    /// removed is shown for the moment until the responder has answered again.
    fn forget(&self) {
        match std::fs::remove_file(&self.file) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                tracing::warn!(%error, file = %self.file.display(), "the OCSP response of a revoked certificate could not be removed");
            }
            _ => {}
        }
    }
}

async fn answer(question: &Question, now: Timestamp) -> Result<Staple, Trouble> {
    let bytes = fetch(question).await?;
    Ok(check(&bytes, question, now)?)
}

fn heard(trouble: &Trouble) -> Heard {
    match trouble {
        Trouble::Refused(refusal) if refusal.is_revocation() => Heard::Revoked,
        _ => Heard::Nothing,
    }
}
