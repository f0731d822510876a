//! The command line of `yagura certs`, as types.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use yagura_certs::csr::RequestKey;
use yagura_certs::export::{Ciphers, KeyForm};

#[derive(Debug, Subcommand)]
pub(crate) enum CertsCommand {
    /// Show every certificate the site depends on, and when each ends
    List(ListArguments),
    /// Show one certificate: what it says, its versions, who brought and who took it
    Show(ShowArguments),
    /// Requests for certificates from a commercial authority
    Csr {
        #[command(subcommand)]
        command: CsrCommand,
    },
    /// Install what an authority sent: PEM, DER, PKCS#7 or PKCS#12, in any order
    Install(InstallArguments),
    /// Take the version before the present one again
    Rollback(RollbackArguments),
    /// Write the package that the operators of a security cloud ask for
    Export(ExportArguments),
}

#[derive(Debug, Subcommand)]
pub(crate) enum CsrCommand {
    /// Make a private key, which stays here, and the request for its certificate
    New(NewArguments),
    /// Show the fields for the authority's form, and the request
    Show(RequestArguments),
    /// Give the request up, and its key
    Withdraw(RequestArguments),
}

/// Whose certificates.
#[derive(Args, Debug)]
pub(crate) struct FolderArguments {
    /// Configuration file of the edge
    #[arg(long, default_value = "data/yagura.toml", value_name = "FILE")]
    pub(crate) config: PathBuf,
}

#[derive(Args, Debug)]
pub(crate) struct ListArguments {
    #[command(flatten)]
    pub(crate) folder: FolderArguments,
    /// Print the list as JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// Write the dates into this file too, as iCalendar
    #[arg(long, value_name = "FILE.ics")]
    pub(crate) calendar: Option<PathBuf>,
    /// Do not look at certificates that live elsewhere
    #[arg(long)]
    pub(crate) no_watch: bool,
}

#[derive(Args, Debug)]
pub(crate) struct ShowArguments {
    #[command(flatten)]
    pub(crate) folder: FolderArguments,
    /// What the certificate is called; `yagura certs list` shows it
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
    /// Print everything as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args, Debug)]
pub(crate) struct NewArguments {
    #[command(flatten)]
    pub(crate) folder: FolderArguments,
    /// What the certificate is called here
    #[arg(long, value_name = "NAME")]
    pub(crate) name: String,
    /// A host name to certify, the main one first; may be repeated [default: those of the
    /// certificate, or else of the site, with that name in the configuration]
    #[arg(long, value_name = "HOST")]
    pub(crate) host: Vec<String>,
    /// Organisation (O), as the authority knows it
    #[arg(long, value_name = "TEXT")]
    pub(crate) org: Option<String>,
    /// Department (OU); many authorities leave it out
    #[arg(long, value_name = "TEXT")]
    pub(crate) unit: Option<String>,
    /// City (L)
    #[arg(long, value_name = "TEXT")]
    pub(crate) locality: Option<String>,
    /// Prefecture (ST)
    #[arg(long, value_name = "TEXT")]
    pub(crate) state: Option<String>,
    /// Country (C)
    #[arg(long, default_value = "JP", value_name = "XX")]
    pub(crate) country: String,
    /// rsa2048, rsa3072, p256 or p384 [default: what the configuration says of the certificate,
    /// else rsa2048]
    #[arg(long, value_name = "KIND")]
    pub(crate) key: Option<RequestKey>,
    /// Write the request into this file instead of printing it
    #[arg(long, value_name = "FILE.csr")]
    pub(crate) output: Option<PathBuf>,
}

#[derive(Args, Debug)]
pub(crate) struct RequestArguments {
    #[command(flatten)]
    pub(crate) folder: FolderArguments,
    /// What the certificate is called [default: the one with a request under way]
    #[arg(value_name = "NAME")]
    pub(crate) name: Option<String>,
}

#[derive(Args, Debug)]
pub(crate) struct InstallArguments {
    #[command(flatten)]
    pub(crate) folder: FolderArguments,
    /// What the certificate is called [default: the one with a request under way]
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// Files with the certificate, intermediates and, if it was not made here, the private key
    #[arg(value_name = "FILE", required = true)]
    pub(crate) files: Vec<PathBuf>,
    /// A host name the certificate must carry; may be repeated [default: those of the request,
    /// else of the configuration, else of the present version]
    #[arg(long, value_name = "HOST")]
    pub(crate) host: Vec<String>,
    /// File whose first line is the passphrase of what is under one; - is standard input
    /// [default: it is asked for on the terminal]
    #[arg(long, value_name = "FILE")]
    pub(crate) passphrase_file: Option<PathBuf>,
    /// Look everything through, and install nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}

#[derive(Args, Debug)]
pub(crate) struct RollbackArguments {
    #[command(flatten)]
    pub(crate) folder: FolderArguments,
    /// What the certificate is called
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
}

/// How the private key goes along.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum KeyArgument {
    /// It stays here
    None,
    /// With the chain in PKCS#12, AES-256
    Pkcs12,
    /// With the chain in PKCS#12, 3DES: for appliances and Windows before 2019
    Pkcs12Old,
    /// As PKCS#8 in PEM, AES-256
    Pkcs8,
}

impl From<KeyArgument> for KeyForm {
    fn from(argument: KeyArgument) -> Self {
        match argument {
            KeyArgument::None => Self::None,
            KeyArgument::Pkcs12 => Self::Pkcs12(Ciphers::Present),
            KeyArgument::Pkcs12Old => Self::Pkcs12(Ciphers::Old),
            KeyArgument::Pkcs8 => Self::Pkcs8,
        }
    }
}

#[derive(Args, Debug)]
pub(crate) struct ExportArguments {
    #[command(flatten)]
    pub(crate) folder: FolderArguments,
    /// What the certificate is called
    #[arg(value_name = "NAME", required_unless_present = "print_template")]
    pub(crate) name: Option<String>,
    /// Whom the package goes to; stands on the sheet and in the record
    #[arg(
        long = "for",
        value_name = "CLOUD",
        required_unless_present = "print_template"
    )]
    pub(crate) cloud: Option<String>,
    /// Folder to write it to; made when it is not there
    #[arg(
        long,
        value_name = "FOLDER",
        required_unless_present = "print_template"
    )]
    pub(crate) to: Option<PathBuf>,
    /// How the private key goes along, always under a passphrase
    #[arg(long, value_enum, default_value = "none", value_name = "FORM")]
    pub(crate) key: KeyArgument,
    /// File whose first line is the passphrase for the key; - is standard input [default: it is
    /// asked for on the terminal, twice]
    #[arg(long, value_name = "FILE")]
    pub(crate) passphrase_file: Option<PathBuf>,
    /// The application sheet's template, in Markdown with {{fields}} [default: a built-in one]
    #[arg(long, value_name = "FILE.md")]
    pub(crate) template: Option<PathBuf>,
    /// Print the built-in template, to be edited, and do nothing else
    #[arg(long)]
    pub(crate) print_template: bool,
}
