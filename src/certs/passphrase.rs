//! Passphrases: from a file, from standard input, or from the terminal without echo. Never from an
//! argument, which every user of the machine could read, and never kept.

use std::io::{BufRead, IsTerminal};
use std::path::Path;

use anyhow::{Context, bail};
use secrecy::{ExposeSecret, SecretString};

/// The passphrase for `what`. On the terminal a new one is asked for twice.
pub(super) fn ask(what: &str, file: Option<&Path>, is_new: bool) -> anyhow::Result<SecretString> {
    if let Some(file) = file {
        return from_file(file);
    }
    if !std::io::stdin().is_terminal() {
        bail!(
            "{what} needs a passphrase, and there is no terminal to ask on\n  give --passphrase-file FILE, or --passphrase-file - and the passphrase on standard input"
        );
    }
    let read = |prompt: String| {
        let typed = rpassword::prompt_password(prompt).context("cannot ask for a passphrase");
        typed.map(SecretString::from)
    };
    let first = read(format!("Passphrase for {what}: "))?;
    if is_new {
        let second = read("The same again: ".to_owned())?;
        if first.expose_secret() != second.expose_secret() {
            bail!("the two are not the same");
        }
    }
    Ok(first)
}

fn from_file(file: &Path) -> anyhow::Result<SecretString> {
    let mut line = String::new();
    if file == Path::new("-") {
        let read = std::io::stdin().lock().read_line(&mut line);
        read.context("cannot read the passphrase from standard input")?;
    } else {
        let text = std::fs::read_to_string(file)
            .with_context(|| format!("cannot read the passphrase from {}", file.display()))?;
        line.push_str(text.lines().next().unwrap_or_default());
    }
    let passphrase = line.trim_end_matches(['\n', '\r']);
    if passphrase.is_empty() {
        bail!(
            "{} begins with an empty line and not with a passphrase",
            file.display()
        );
    }
    Ok(SecretString::from(passphrase))
}
