//! A `psql` that is asked one thing after another; between two answers its transaction goes on.

use std::io::{BufRead, BufReader, Lines, Read, Write};
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, Stdio};

use super::{Server, failed, words};
use crate::backup::error::BackupError;

/// A line that no row is.
const END: &str = "\u{1}yagura: the end\u{1}";

/// A running `psql`; dropped, it is ended, and what was not committed never happened.
pub(crate) struct Session {
    child: Child,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
    complaints: Option<ChildStderr>,
}

impl Session {
    /// Connects.
    pub(crate) fn open(server: &Server) -> Result<Self, BackupError> {
        let mut child = server
            .program("psql")?
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
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| failed("psql", error))?;
        let complaints = child.stderr.take();
        let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(failed("psql", "it has no pipes"));
        };
        let output = BufReader::new(output).lines();
        Ok(Self {
            child,
            input,
            output,
            complaints,
        })
    }

    /// Connects and sees one state from now on.
    pub(crate) fn snapshot(server: &Server) -> Result<Self, BackupError> {
        let mut session = Self::open(server)?;
        session.ask("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;")?;
        Ok(session)
    }

    /// The lines of an answer.
    pub(crate) fn ask(&mut self, sql: &str) -> Result<Vec<String>, BackupError> {
        let mut lines = Vec::new();
        self.each(sql, |line| lines.push(line.to_owned()))?;
        Ok(lines)
    }

    /// Each line of an answer.
    pub(crate) fn each(
        &mut self,
        sql: &str,
        mut line: impl FnMut(&str),
    ) -> Result<(), BackupError> {
        if writeln!(self.input, "{sql}\n\\echo '{END}'").is_err() {
            return Err(self.complaint());
        }
        loop {
            match self.output.next() {
                None => return Err(self.complaint()),
                Some(Err(error)) => return Err(failed("psql", error)),
                Some(Ok(read)) if read == END => return Ok(()),
                Some(Ok(read)) => line(&read),
            }
        }
    }

    /// Commits.
    pub(crate) fn end(mut self) -> Result<(), BackupError> {
        self.ask("COMMIT;")?;
        Ok(())
    }

    /// What it said last; it has closed its output and is about to end.
    fn complaint(&mut self) -> BackupError {
        let mut said = Vec::new();
        if let Some(complaints) = self.complaints.take() {
            let _what_came = complaints.take(4_096).read_to_end(&mut said);
        }
        match words(&said).as_str() {
            "" => failed(
                "psql",
                "the database refused or went away; see the server's log",
            ),
            said => failed("psql", said),
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let _it_may_have_ended = self.child.kill();
        let _reaped = self.child.wait();
    }
}
