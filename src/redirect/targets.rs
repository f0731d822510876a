//! What answers at the targets of redirects. On this site the edge is asked, which looks into its
//! cache first and asks the origin at a gentle rate; other sites are asked only when that is wanted.

use std::collections::HashMap;
use std::process::Stdio;
use std::time::Duration;

use anyhow::bail;
use serde::Serialize;
use yagura_control::client::Client;
use yagura_control::order::{CheckTargets, Order, Outcome, TargetState};

use crate::edges;

/// Targets asked for in one order: each may take the origin a moment.
const AT_A_TIME: usize = 20;
/// Redirects followed, as browsers do.
const MOST_STEPS: usize = 20;
/// How long another site may take.
const PATIENCE_S: &str = "10";
/// Between two questions to other sites.
const BETWEEN_QUESTIONS: Duration = Duration::from_millis(500);

/// What is known of a target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "target", rename_all = "snake_case")]
pub(crate) enum Answers {
    /// It answers.
    Well,
    /// Readers get an error.
    Broken {
        /// Which.
        why: String,
    },
    /// It was not asked, or could not be found out.
    Unknown {
        /// Why.
        why: String,
    },
}

/// Where a redirect leads: the host that its source names, and the target.
pub(crate) type Place = (Option<String>, String);

/// Finds out what answers at each of these places, at this edge.
pub(crate) fn check(
    edge: &Client,
    site: &str,
    places: Vec<Place>,
    external: bool,
) -> anyhow::Result<HashMap<Place, Answers>> {
    let mut known: HashMap<Place, Answers> = HashMap::new();
    // Those still on their way: where they began, and where they are now.
    let mut under_way: Vec<(Place, Place)> = places
        .into_iter()
        .map(|place| (place.clone(), place))
        .collect();
    for _ in 0..MOST_STEPS {
        let mut further = Vec::new();
        for some in under_way.chunks(AT_A_TIME) {
            let targets = some.iter().map(|(_, now)| now.clone()).collect();
            let states = ask(edge, site, targets)?;
            for ((began, now), state) in some.iter().zip(states) {
                match judged(state) {
                    Judged::Known(answers) => {
                        known.insert(began.clone(), answers);
                    }
                    Judged::Further(to) => further.push((began.clone(), (now.0.clone(), to))),
                    Judged::Elsewhere if external => {
                        known.insert(began.clone(), elsewhere(&now.1));
                    }
                    Judged::Elsewhere => {
                        let why = "on another site; --check-external asks it".to_owned();
                        known.insert(began.clone(), Answers::Unknown { why });
                    }
                }
            }
        }
        under_way = further;
        if under_way.is_empty() {
            return Ok(known);
        }
    }
    for (began, _) in under_way {
        let why = "redirected without an end".to_owned();
        known.insert(began, Answers::Broken { why });
    }
    Ok(known)
}

enum Judged {
    Known(Answers),
    Further(String),
    Elsewhere,
}

fn judged(state: TargetState) -> Judged {
    match state {
        TargetState::Stored { status } | TargetState::Answered { status } => {
            Judged::Known(of_status(status))
        }
        TargetState::Withdrawn => Judged::Known(Answers::Broken {
            why: "410, withdrawn".to_owned(),
        }),
        TargetState::Redirected { to } => Judged::Further(to),
        TargetState::Elsewhere => Judged::Elsewhere,
        TargetState::Unknown { why } => Judged::Known(Answers::Unknown { why }),
    }
}

/// A page that wants a login, or that is slow, is there; one with an error is not.
fn of_status(status: u16) -> Answers {
    match status {
        200..=399 | 401 | 403 => Answers::Well,
        // The origin is not well; that says nothing of the page.
        500.. => Answers::Unknown {
            why: format!("the origin answers {status}"),
        },
        _ => Answers::Broken {
            why: status.to_string(),
        },
    }
}

fn ask(edge: &Client, site: &str, targets: Vec<Place>) -> anyhow::Result<Vec<TargetState>> {
    let order = Order::CheckTargets(CheckTargets {
        site: site.to_owned(),
        targets,
    });
    match edges::ask_one(edge, order)?.outcome {
        Outcome::TargetsChecked { states } => Ok(states),
        _ => bail!("{} answered something else", edge.place()),
    }
}

/// Another site, asked by curl, which has the machine's proxies and certificates right.
fn elsewhere(url: &str) -> Answers {
    edges::pause(BETWEEN_QUESTIONS);
    let asked = std::process::Command::new("curl")
        .args([
            "--silent",
            "--show-error",
            "--location",
            "--max-redirs",
            "10",
        ])
        .args(["--proto", "=http,https", "--proto-redir", "=http,https"])
        .args(["--max-time", PATIENCE_S, "--output", "/dev/null"])
        .args(["--user-agent", "yagura-redirect-report"])
        .args(["--write-out", "%{http_code}", "--"])
        .arg(url)
        .stdin(Stdio::null())
        .output();
    match asked {
        Err(error) => Answers::Unknown {
            why: format!("curl cannot be run: {error}"),
        },
        Ok(output) if output.status.success() => {
            let code = String::from_utf8_lossy(&output.stdout).parse();
            match code.map(of_status) {
                Ok(Answers::Unknown { why }) => Answers::Broken { why },
                Ok(answers) => answers,
                Err(_) => Answers::Unknown {
                    why: "curl told no status".to_owned(),
                },
            }
        }
        Ok(output) => Answers::Broken {
            why: String::from_utf8_lossy(&output.stderr).trim().to_owned(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_of_the_page_is_broken_and_one_of_the_origin_is_not() {
        assert_eq!(of_status(200), Answers::Well);
        assert_eq!(of_status(403), Answers::Well);
        assert!(matches!(of_status(404), Answers::Broken { .. }));
        assert!(matches!(of_status(503), Answers::Unknown { .. }));
    }
}
