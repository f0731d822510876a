//! What follows a change: every edge is told, and told again until it acknowledges.
//!
//! The rows are in `store::jobs`; they were queued in the change itself, so a crash loses none. An
//! edge has one task, which gives its purges in their order: one that an edge has acknowledged is
//! older than every one it has not.

use std::time::Duration;

use rand::Rng;
use yagura_config::settings::{EdgeAddress, IdentitySettings};
use yagura_control::client::{Afar, Client, Identity};
use yagura_control::order::{Envelope, Order};

use crate::error::CmsError;
use crate::state::CmsState;

const DEADLINE: Duration = Duration::from_secs(10);
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Gives one edge its purges until the task is dropped.
pub async fn deliver(state: CmsState, edge: EdgeAddress) {
    let name = edge.to_string();
    let mut commits = state.next_commit();
    let mut pause = FIRST_PAUSE;
    loop {
        commits.mark_unchanged();
        match deliver_next(&state, &edge, &name).await {
            Ok(Step::Delivered) => pause = FIRST_PAUSE,
            Ok(Step::Nothing) => {
                pause = FIRST_PAUSE;
                // The pause is for rows that another process has queued.
                let _either =
                    tokio::time::timeout(Duration::from_secs(30), commits.changed()).await;
            }
            Err(error) => {
                if pause == FIRST_PAUSE {
                    tracing::warn!(edge = %name, %error, "an edge has not taken a purge; trying on");
                }
                let jitter = rand::rng().random_range(0.5..1.0);
                tokio::time::sleep(pause.mul_f64(jitter)).await;
                pause = LONGEST_PAUSE.min(pause * 2);
            }
        }
    }
}

enum Step {
    Delivered,
    Nothing,
}

#[derive(Debug, thiserror::Error)]
enum DeliveryError {
    #[error(transparent)]
    Store(#[from] CmsError),
    #[error(transparent)]
    Edge(#[from] yagura_control::client::ClientError),
    #[error(transparent)]
    Identity(#[from] yagura_control::client::Unusable),
}

/// How an edge is reached. Files are read each time: a certificate that was renewed counts at once.
fn client(
    edge: &EdgeAddress,
    identity: Option<&IdentitySettings>,
) -> Result<Option<Client>, yagura_control::client::Unusable> {
    Ok(match (edge, identity) {
        (EdgeAddress::Socket(path), _) => Some(Client::new(path, DEADLINE)),
        (EdgeAddress::Afar { host, port }, Some(files)) => {
            let identity = Identity::read(&files.certificate, &files.key, &files.trust)?;
            let afar = Afar {
                host: host.clone(),
                port: *port,
                identity,
            };
            Some(Client::afar(afar, DEADLINE))
        }
        // The check of the configuration sees to it.
        (EdgeAddress::Afar { .. }, None) => None,
    })
}

async fn deliver_next(
    state: &CmsState,
    address: &EdgeAddress,
    edge: &str,
) -> Result<Step, DeliveryError> {
    let Some(job) = state.store.next_job(edge).await? else {
        return Ok(Step::Nothing);
    };
    let identity = state.settings.edges.identity.as_ref();
    let client = match client(address, identity) {
        Ok(Some(client)) => client,
        Ok(None) => return Ok(Step::Nothing),
        Err(error) => {
            state.store.job_failed(job.id, &error.to_string()).await?;
            return Err(error.into());
        }
    };
    let envelope = Envelope::of(Order::Purge(job.purge), "cms");
    match client.order(&envelope).await {
        Ok(reply) => {
            state
                .store
                .job_acknowledged(job.id, reply.effective_at)
                .await?;
            Ok(Step::Delivered)
        }
        Err(error) => {
            state.store.job_failed(job.id, &error.to_string()).await?;
            Err(error.into())
        }
    }
}
