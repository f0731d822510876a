//! A PostgreSQL database as a dump (`pg_dump -Fc -Z0`), with rows and digests of every table, all of
//! one snapshot; and such a dump in a server again.
//!
//! `psql` holds a transaction open and exports its snapshot; `pg_dump` dumps that snapshot into a file,
//! and then the same transaction gives each table's rows in a fixed order. So the record is of the very
//! state that is in the dump, whoever writes meanwhile. The dump is uncompressed, because the
//! repository compresses, and finds in it what it has already.
//!
//! - `postgres/server.rs`: one database, and programs that are told it without its password in sight.
//! - `postgres/session.rs`: a `psql` that is asked one thing after another.
//! - `postgres/load.rs`: `pg_restore`, and what is looked at afterwards.
//! - `postgres/cluster.rs`: a server that is thrown away. `postgres/scratch.rs`: where drills load.

mod cluster;
mod load;
mod scratch;
mod server;
mod session;

use std::path::Path;
use std::process::Stdio;

use super::error::BackupError;
use super::state::{DatabaseState, TableState};
pub(crate) use load::{Whose, faults, load};
pub(crate) use scratch::{Scratch, drop_database, short};
pub use server::Server;
pub(crate) use server::{literal, quoted};
pub(crate) use session::Session;

/// Dumps the database into a file.
pub(crate) fn dump(server: &Server, to: &Path) -> Result<DatabaseState, BackupError> {
    let mut session = Session::snapshot(server)?;
    let exported = session.ask("SELECT pg_export_snapshot();")?;
    let snapshot = exported
        .first()
        .ok_or_else(|| failed("psql", "it exported no snapshot"))?;
    let output = server
        .program("pg_dump")?
        .args(["-Fc", "-Z0", "--no-password"])
        .arg(format!("--snapshot={snapshot}"))
        .arg("--file")
        .arg(to)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| failed("pg_dump", error))?;
    if !output.status.success() {
        return Err(failed("pg_dump", words(&output.stderr)));
    }
    let tables = tables(&mut session)?;
    session.end()?;
    Ok(recorded(tables))
}

/// Every table's rows and their digest, as they are in the server now.
pub(crate) fn state(server: &Server) -> Result<DatabaseState, BackupError> {
    let mut session = Session::snapshot(server)?;
    let tables = tables(&mut session)?;
    session.end()?;
    Ok(recorded(tables))
}

fn recorded(tables: Vec<TableState>) -> DatabaseState {
    DatabaseState {
        engine: "postgresql".to_owned(),
        // A dump is not the same twice: its rows are what is compared.
        bytes: 0,
        digest: String::new(),
        tables,
    }
}

fn tables(session: &mut Session) -> Result<Vec<TableState>, BackupError> {
    let names = session.ask(
        "SELECT quote_ident(tablename) FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename COLLATE \"C\";",
    )?;
    let mut tables = Vec::new();
    for name in names {
        let sql = format!(
            "COPY (SELECT t::text FROM public.{name} t ORDER BY t::text COLLATE \"C\") TO STDOUT;"
        );
        let mut hasher = blake3::Hasher::new();
        let mut rows = 0;
        session.each(&sql, |row| {
            rows += 1;
            hasher.update(row.as_bytes());
            hasher.update(b"\n");
        })?;
        tables.push(TableState {
            name,
            rows,
            digest: hasher.finalize().to_hex().to_string(),
        });
    }
    Ok(tables)
}

fn failed(program: &str, why: impl std::fmt::Display) -> BackupError {
    BackupError::Program {
        program: program.to_owned(),
        why: why.to_string(),
    }
}

/// What a program said, at most as much as a person reads.
fn words(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    text.trim().chars().take(1_000).collect()
}
