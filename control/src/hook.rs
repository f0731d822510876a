//! Tells people what must not go unnoticed, in the ways that `[[hook]]` knows: a program gets the
//! announcement on its standard input, a server by POST. Edge and operations desk tell by the same
//! words, bounds and patience; what is told, and to whom, is theirs.
//!
//! - `command.rs` and `webhook.rs`: the two ways.
//! - `queue.rs`: what waits to be told to one hook, and when it is tried again; pure.

mod command;
pub mod queue;
mod webhook;

use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;

/// How long a hook may take.
const LONGEST: Duration = Duration::from_secs(30);

/// How one hook is told.
#[derive(Clone, Copy, Debug)]
pub enum Way<'a> {
    /// A program with its arguments.
    Command(&'a [String]),
    /// A server.
    Webhook {
        /// Where it is posted to.
        url: &'a str,
        /// A field to be sent with it, and the file that holds its value.
        secret: Option<&'a (String, PathBuf)>,
        /// The file of authorities that are believed about the server; `None`: the system's.
        trust: Option<&'a Path>,
    },
}

/// Tells it once.
///
/// # Errors
/// Why the hook did not take it; no secret is in the words.
pub async fn tell(way: Way<'_>, body: Bytes) -> Result<(), String> {
    let telling = async {
        match way {
            Way::Command(command) => command::tell(command, &body).await,
            Way::Webhook { url, secret, trust } => {
                webhook::tell(url, (secret, trust), body.clone()).await
            }
        }
    };
    let told = tokio::time::timeout(LONGEST, telling).await;
    told.unwrap_or_else(|_| Err(format!("it took longer than {LONGEST:?}")))
}
