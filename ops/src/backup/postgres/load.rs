//! A dump into an empty database, and what the server says of it afterwards.

use std::path::Path;
use std::process::Stdio;

use super::{Server, Session, failed, words};
use crate::backup::error::BackupError;

/// To whom the tables belong afterwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Whose {
    /// To those who had them, with the rights that they gave: on the town's own server.
    AsRecorded,
    /// To whoever loads: elsewhere, where nobody is known.
    TheLoaders,
}

/// Loads a dump. It stops at the first thing that the server refuses.
pub(crate) fn load(server: &Server, dump: &Path, whose: Whose) -> Result<(), BackupError> {
    let mut session = Session::open(server)?;
    let there = session.ask("SELECT count(*) FROM pg_tables WHERE schemaname = 'public';")?;
    if there.first().is_none_or(|count| count != "0") {
        let why = "the database to load into is not empty\n  name an empty one: createdb NAME";
        return Err(failed("pg_restore", why));
    }
    drop(session);
    let mut command = server.program("pg_restore")?;
    command.args(["--exit-on-error", "--no-password"]);
    if whose == Whose::TheLoaders {
        command.args(["--no-owner", "--no-privileges"]);
    }
    let output = command
        .arg(dump)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .output()
        .map_err(|error| failed("pg_restore", error))?;
    if output.status.success() {
        return Ok(());
    }
    Err(failed("pg_restore", words(&output.stderr)))
}

/// What is not sound in it: nothing, where all is well. `pg_restore` adds keys, references and checks
/// after the rows, so that the server has looked at every row; here it is seen that none was left out.
pub(crate) fn faults(server: &Server) -> Result<Vec<String>, BackupError> {
    let mut session = Session::snapshot(server)?;
    let found = session.ask(
        "SELECT conrelid::regclass || ': ' || conname || ' is not validated' FROM pg_constraint \
         WHERE NOT convalidated ORDER BY 1; \
         SELECT indexrelid::regclass || ' is not valid' FROM pg_index WHERE NOT indisvalid ORDER BY 1;",
    )?;
    session.end()?;
    Ok(found)
}
