//! `yagura audit`: verifies an edge's journal offline, with all its full files.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use clap::{Args, Subcommand};
use serde::Serialize;
use yagura_control::hash::Hash;
use yagura_control::journal::audit::{self, Sound};
use yagura_proxy::routing::journal::full;

use crate::output;

#[derive(Debug, Subcommand)]
pub(crate) enum AuditCommand {
    /// Verify that nothing in an edge's journal was changed, dropped or put in; works without the edge
    Verify(AuditVerifyArguments),
}

#[derive(Args, Debug)]
pub(crate) struct AuditVerifyArguments {
    /// The edge's folder (`data` of [edge]), or a copy of its journal files
    #[arg(value_name = "DATA")]
    pub(crate) data: PathBuf,
    /// A head that was written down: it must be in the journal
    #[arg(long, value_name = "HASH")]
    pub(crate) head: Option<Hash>,
    /// Print the result as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// The result for programs.
#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Found {
    Sound {
        head: Hash,
        files: usize,
        lines: usize,
        older_lines: usize,
        torn_bytes: usize,
        lines_since_head: Option<usize>,
    },
    Broken {
        what: String,
    },
}

pub(crate) fn run(command: &AuditCommand) -> anyhow::Result<ExitCode> {
    let AuditCommand::Verify(arguments) = command;
    let folder = folder(&arguments.data);
    let files = full::read(&folder)
        .with_context(|| format!("cannot read the journal in {}", folder.display()))?;
    let verified = audit::verify(&files, arguments.head);
    if arguments.json {
        output::json(&match &verified {
            Ok(sound) => Found::Sound {
                head: sound.head,
                files: sound.files,
                lines: sound.lines,
                older_lines: sound.older_lines,
                torn_bytes: sound.torn_bytes,
                lines_since_head: sound.noted.as_ref().map(|_| sound.since_noted),
            },
            Err(broken) => Found::Broken {
                what: broken.to_string(),
            },
        })?;
    } else {
        match &verified {
            Ok(sound) => print!("{}", told(sound, arguments.head.is_some())),
            Err(broken) => println!("BROKEN  {broken}"),
        }
    }
    Ok(match verified {
        Ok(_) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    })
}

/// The folder of a town has that of its edge in it.
fn folder(data: &Path) -> PathBuf {
    let of_edge = data.join("edge");
    match !data.join("journal").exists() && of_edge.join("journal").exists() {
        true => of_edge,
        false => data.to_owned(),
    }
}

fn told(sound: &Sound, was_noted: bool) -> String {
    let Sound {
        files,
        lines,
        older_lines,
        head,
        torn_bytes,
        noted,
        since_noted,
    } = sound;
    let mut told = format!("sound   {lines} lines in {files} files\nhead    {head}\n");
    if let Some((file, line)) = noted {
        told.push_str(&format!(
            "noted   {file}, line {line}; nothing up to there was changed since, and {since_noted} lines followed\n"
        ));
    }
    if *older_lines > 0 {
        told.push_str(&format!(
            "older   {older_lines} lines are older than the chain; each is whole, and together they are covered by what follows\n"
        ));
    }
    if *torn_bytes > 0 {
        told.push_str(&format!(
            "torn    {torn_bytes} bytes at the end are no whole line: a crash while it was written, or somebody changed it\n"
        ));
    }
    if !was_noted {
        told.push_str(
            "        whether lines at the end were cut off says only a head that was written down: --head\n",
        );
    }
    told
}
