//! A PostgreSQL database as a dump (`pg_dump -Fc -Z0`), with rows and digests of every table, all of
//! one snapshot.
//!
//! `psql` holds a transaction open and exports its snapshot; `pg_dump` dumps that snapshot into a file,
//! and then `psql` gives each table's rows in a fixed order. The dump is uncompressed, because the
//! repository compresses, and finds in it what it has already. A password is told through the
//! environment, never as an argument.

use std::io::{BufRead, BufReader, Lines, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use secrecy::ExposeSecret;
use url::Url;
use yagura_config::settings::BackupSettings;

use super::error::BackupError;
use super::state::{DatabaseState, TableState};

/// A line that no row is.
const END: &str = "\u{1}yagura: the end\u{1}";

/// Dumps the database into a file.
pub(crate) fn dump(settings: &BackupSettings, to: &Path) -> Result<DatabaseState, BackupError> {
    let mut session = Session::begin(settings)?;
    let exported = session.ask("SELECT pg_export_snapshot();")?;
    let snapshot = exported
        .first()
        .ok_or_else(|| failed("psql", "it exported no snapshot"))?;
    let output = program(settings, "pg_dump")?
        .args(["-Fc", "-Z0", "--no-password"])
        .arg(format!("--snapshot={snapshot}"))
        .arg("--file")
        .arg(to)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| failed("pg_dump", error))?;
    if !output.status.success() {
        let words = String::from_utf8_lossy(&output.stderr).into_owned();
        return Err(failed("pg_dump", words.trim()));
    }
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
    session.end()?;
    Ok(DatabaseState {
        engine: "postgresql".to_owned(),
        // A dump is not the same twice: its rows are what is compared.
        bytes: 0,
        digest: String::new(),
        tables,
    })
}

/// A `psql` that holds a transaction.
struct Session {
    child: Child,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
}

impl Session {
    fn begin(settings: &BackupSettings) -> Result<Self, BackupError> {
        let mut child = program(settings, "psql")?
            .args([
                "-X",
                "-q",
                "-A",
                "-t",
                "--no-password",
                "-v",
                "ON_ERROR_STOP=1",
            ])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| failed("psql", error))?;
        let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(failed("psql", "it has no pipes"));
        };
        let output = BufReader::new(output).lines();
        let mut session = Self {
            child,
            input,
            output,
        };
        session.ask("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;")?;
        Ok(session)
    }

    fn ask(&mut self, sql: &str) -> Result<Vec<String>, BackupError> {
        let mut lines = Vec::new();
        self.each(sql, |line| lines.push(line.to_owned()))?;
        Ok(lines)
    }

    fn each(&mut self, sql: &str, mut line: impl FnMut(&str)) -> Result<(), BackupError> {
        writeln!(self.input, "{sql}\n\\echo '{END}'").map_err(|error| failed("psql", error))?;
        for read in self.output.by_ref() {
            let read = read.map_err(|error| failed("psql", error))?;
            if read == END {
                return Ok(());
            }
            line(&read);
        }
        Err(failed(
            "psql",
            "the database refused or went away; see its log",
        ))
    }

    fn end(mut self) -> Result<(), BackupError> {
        self.ask("COMMIT;")?;
        Ok(())
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let _it_may_have_ended = self.child.kill();
        let _reaped = self.child.wait();
    }
}

/// A program of PostgreSQL's, told the database through its environment.
fn program(settings: &BackupSettings, name: &str) -> Result<Command, BackupError> {
    let path = match &settings.postgres_programs {
        Some(folder) => folder.join(name),
        None => name.into(),
    };
    let unreadable = |_| failed(name, "the database's URL cannot be read");
    let mut url = Url::parse(settings.database.expose_secret()).map_err(unreadable)?;
    let mut command = Command::new(path);
    if let Some(password) = url.password() {
        let password = percent_decoded(password);
        command.env("PGPASSWORD", password);
        let _a_host_is_there = url.set_password(None);
    }
    command.arg("--dbname").arg(url.as_str());
    Ok(command)
}

fn percent_decoded(text: &str) -> String {
    // A form's pair is decoded by the same rules, but for the plus sign.
    let pair = format!("p={}", text.replace('+', "%2B"));
    let mut pairs = url::form_urlencoded::parse(pair.as_bytes());
    pairs
        .next()
        .map(|(_, value)| value.into_owned())
        .unwrap_or_default()
}

fn failed(program: &str, why: impl std::fmt::Display) -> BackupError {
    BackupError::Program {
        program: program.to_owned(),
        why: why.to_string(),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn passwords_are_decoded() {
        assert_eq!(super::percent_decoded("a%2Fb+c%40"), "a/b+c@");
    }
}
