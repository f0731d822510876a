//! The command line of `yagura cms`, as types.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::arguments::ProcessArguments;

#[derive(Args, Debug)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(crate) struct CmsArguments {
    #[command(flatten)]
    pub(crate) process: Option<ProcessArguments>,
    #[command(subcommand)]
    pub(crate) command: Option<CmsCommand>,
}

/// What is done to the CMS's database without running it.
#[derive(Debug, Subcommand)]
pub(crate) enum CmsCommand {
    /// The second factor, without which nobody signs in from outside the city hall
    SecondFactor {
        #[command(subcommand)]
        command: SecondFactorCommand,
    },
    /// Give an account another password, for somebody who has forgotten it
    Password(PasswordArguments),
}

#[derive(Debug, Subcommand)]
pub(crate) enum SecondFactorCommand {
    /// Show who could sign in from outside the city hall
    List(ListArguments),
    /// Take the second factor of an account away, for a telephone that is lost
    Reset(ResetArguments),
}

#[derive(Args, Debug)]
pub(crate) struct ListArguments {
    /// Configuration file
    #[arg(long, value_name = "FILE")]
    pub(crate) config: PathBuf,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args, Debug)]
pub(crate) struct ResetArguments {
    /// What the person types to sign in
    #[arg(value_name = "USER")]
    pub(crate) login: String,
    /// Configuration file
    #[arg(long, value_name = "FILE")]
    pub(crate) config: PathBuf,
    /// Why, for the audit
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub(crate) reason: String,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args, Debug)]
pub(crate) struct PasswordArguments {
    /// What the person types to sign in
    #[arg(value_name = "USER")]
    pub(crate) login: String,
    /// Read the password from standard input; without this one is made and shown once
    #[arg(long)]
    pub(crate) stdin: bool,
    /// Configuration file
    #[arg(long, value_name = "FILE")]
    pub(crate) config: PathBuf,
    /// Why, for the audit
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub(crate) reason: String,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}
