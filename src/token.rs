//! `yagura token`: makes tokens, and reads the one that is shown to edges. A token stands in a file
//! that its owner alone reads; an edge's configuration holds its digest.

use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use rand::TryRngCore;
use yagura_config::settings::TokenDigest;
use yagura_control::token::{CHANCE_BYTES, Token};

/// A token's file holds a line.
const MOST_BYTES: u64 = 1024;

#[derive(Debug, Subcommand)]
pub(crate) enum TokenCommand {
    /// Make a token: it is shown this once, with the line for the configuration of edges
    New(TokenNewArguments),
}

#[derive(Args, Debug)]
pub(crate) struct TokenNewArguments {
    /// Write it into this new file, which its owner alone can read, and do not show it
    #[arg(long, value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
}

pub(crate) fn run(command: &TokenCommand) -> anyhow::Result<ExitCode> {
    let TokenCommand::New(arguments) = command;
    let mut chance = [0; CHANCE_BYTES];
    rand::rngs::OsRng
        .try_fill_bytes(&mut chance)
        .context("the system has no chance to give")?;
    let token = Token::of(&chance);
    match &arguments.file {
        None => println!("{}", token.expose()),
        Some(path) => {
            let mut file = File::options()
                .write(true)
                .create_new(true)
                .mode(0o600)
                .open(path)
                .with_context(|| format!("cannot make {}", path.display()))?;
            writeln!(file, "{}", token.expose())?;
            file.sync_all()?;
        }
    }
    // To standard error where the token goes to standard output, so that a pipe gets it alone.
    let line = format!("token_digests = [\"{}\"]", TokenDigest(token.digest()));
    match &arguments.file {
        None => eprintln!(
            "The line above is the token; it is shown this once. In [[operator]] of each edge:\n{line}"
        ),
        Some(_) => println!("{line}"),
    }
    Ok(ExitCode::SUCCESS)
}

/// The token in a file.
pub(crate) fn read(path: &Path) -> anyhow::Result<Token> {
    let shown = path.display();
    let file = File::open(path).with_context(|| format!("cannot read the token {shown}"))?;
    let mode = file.metadata()?.mode();
    if mode & 0o077 != 0 {
        bail!("others can read the token {shown}\n  chmod 600 {shown}");
    }
    let mut text = String::new();
    file.take(MOST_BYTES).read_to_string(&mut text)?;
    Token::parse(text.trim()).with_context(|| format!("{shown} holds no token"))
}
