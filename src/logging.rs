//! The process's own log: one line an event on standard error.
//!
//! `YAGURA_LOG` sets what is shown, in the words of tracing's filters (`debug`,
//! `yagura_proxy=debug,info`).

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

/// What is shown when `YAGURA_LOG` says nothing. Pingora reports every client that goes away.
const DEFAULT_FILTER: &str = "info,pingora=warn,pingora_core=warn,pingora_proxy=warn";

/// Starts the log. Records of libraries that use `log` arrive in it too.
pub(crate) fn start() {
    let filter =
        EnvFilter::try_from_env("YAGURA_LOG").unwrap_or_else(|_| EnvFilter::new(DEFAULT_FILTER));
    let started = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false)
        .try_init();
    if let Err(error) = started {
        eprintln!("yagura: the log could not be started: {error}");
    }
}
