//! How an edge ends: SIGTERM waits for the requests under way, SIGINT does not.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use pingora::server::{ShutdownSignal, ShutdownSignalWatch};
use tokio::signal::unix::{SignalKind, signal};

use crate::state::Traffic;

/// Waits for the word to stop.
pub struct Signals {
    /// What is waited for.
    pub traffic: Arc<Traffic>,
    /// How long at most.
    pub grace: Duration,
}

#[async_trait]
impl ShutdownSignalWatch for Signals {
    async fn recv(&self) -> ShutdownSignal {
        let (Ok(mut terminate), Ok(mut interrupt)) = (
            signal(SignalKind::terminate()),
            signal(SignalKind::interrupt()),
        ) else {
            tracing::error!("signals cannot be heard; the edge ends only by being killed");
            return std::future::pending().await;
        };
        tokio::select! {
            _ = terminate.recv() => {
                self.traffic.drain();
                tracing::info!(under_way = self.traffic.count(), "stopping; waiting for requests under way");
                tokio::select! {
                    () = self.quiet() => {}
                    () = tokio::time::sleep(self.grace) => {
                        tracing::warn!(under_way = self.traffic.count(), "stopping all the same");
                    }
                    _ = interrupt.recv() => {}
                }
            }
            _ = interrupt.recv() => self.traffic.drain(),
        }
        // Nothing is under way any more, or nobody waits for it: pingora need not wait again.
        ShutdownSignal::FastShutdown
    }
}

impl Signals {
    async fn quiet(&self) {
        while self.traffic.count() > 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}
