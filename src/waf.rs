//! `yagura waf`: inspection of requests.
//!
//! `install` and `test` load library and rules in this process, on this machine; `explain` and
//! `report` ask running edges. What is printed is put into words in `waf/words.rs`.

pub(crate) mod arguments;
mod install;
pub(crate) mod words;

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, anyhow};
use serde::Serialize;
use yagura_config::settings::WafSettings;
use yagura_control::order::{Order, Outcome, ShowWaf};
use yagura_control::{Clock, SystemClock};
use yagura_waf::errand::Setup;
use yagura_waf::exclusions::today;
use yagura_waf::request::Match;
use yagura_waf::{set, setup, worker};

use crate::{configuration, edges, output};
use arguments::{ExplainArguments, ReportArguments, TestArguments, WafCommand};

pub(crate) fn run(command: &WafCommand) -> anyhow::Result<ExitCode> {
    match command {
        WafCommand::Install(arguments) => install::run(arguments),
        WafCommand::Test(arguments) => test(arguments),
        WafCommand::Explain(arguments) => explain(arguments),
        WafCommand::Report(arguments) => report(arguments),
    }
}

/// `[waf]` of a file; none where there is no file, or no such table in it.
fn settings(config: &Path) -> anyhow::Result<Option<WafSettings>> {
    match config.exists() {
        true => Ok(configuration::read(config)?.waf),
        false => Ok(None),
    }
}

/// What is loaded with these settings today; what Debian's packages bring, where there are none.
fn loads(settings: Option<&WafSettings>) -> (Setup, Vec<String>) {
    let today = today(SystemClock.now());
    match settings {
        Some(settings) => setup::of(settings, today),
        None => (Setup::of_debian(), Vec::new()),
    }
}

/// One request of a set, judged.
#[derive(Serialize)]
struct Judged {
    name: String,
    method: String,
    target: String,
    refused: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    bound: Option<String>,
    rules: Vec<Match>,
    cpu_us: u64,
}

fn test(arguments: &TestArguments) -> anyhow::Result<ExitCode> {
    let text = std::fs::read_to_string(&arguments.file)
        .with_context(|| format!("{} cannot be read", arguments.file.display()))?;
    let samples = set::read(&text).map_err(|why| anyhow!("{}: {why}", arguments.file.display()))?;
    let (setup, warnings) = loads(settings(&arguments.config)?.as_ref());
    for warning in warnings {
        eprintln!("yagura: {warning}");
    }
    let (_, engine) = worker::load(&setup).map_err(|why| anyhow!(why))?;
    let mut judged = Vec::new();
    for sample in &samples {
        let request = sample.request(&arguments.site);
        let (bound, verdict) = match worker::judged(&engine, &request) {
            Ok(verdict) => (None, verdict),
            Err(bound) => (
                Some(bound.to_string()),
                yagura_waf::request::Verdict::default(),
            ),
        };
        judged.push(Judged {
            name: sample.name.clone(),
            method: sample.method().to_owned(),
            target: sample.target.clone(),
            refused: verdict.refused || bound.is_some(),
            bound,
            rules: verdict.matches,
            cpu_us: verdict.cpu_us,
        });
    }
    if arguments.json {
        output::json(&judged)?;
    } else {
        print!("{}", words::tested(&judged));
    }
    Ok(ExitCode::SUCCESS)
}

fn explain(arguments: &ExplainArguments) -> anyhow::Result<ExitCode> {
    let asked = ShowWaf {
        request: Some(arguments.request.trim().to_ascii_lowercase()),
        ..ShowWaf::default()
    };
    edges::ask(Order::ShowWaf(asked), &arguments.edges, |reply| {
        if let Outcome::Waf(shown) = &reply.outcome {
            print!("{}", words::explained(&reply.edge, shown));
        }
    })
}

fn report(arguments: &ReportArguments) -> anyhow::Result<ExitCode> {
    let asked = ShowWaf {
        request: None,
        site: arguments.site.clone(),
        since: arguments.since,
    };
    edges::ask(Order::ShowWaf(asked), &arguments.edges, |reply| {
        if let Outcome::Waf(shown) = &reply.outcome {
            print!("{}", words::reported(&reply.edge, shown, arguments.refused));
        }
    })
}
