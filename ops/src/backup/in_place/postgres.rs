//! A PostgreSQL database gives its place to another of the same server: both change names in one
//! transaction, so that there is always one of them under the name, whenever server or machine stop.

use std::path::{Path, PathBuf};

use yagura_config::settings::BackupSettings;
use yagura_control::Timestamp;
use yagura_control::clock::monotonic;

use super::Database;
use crate::backup::engine::{Generation, Progress};
use crate::backup::error::BackupError;
use crate::backup::postgres::{
    self, Server, Session, Whose, drop_database, literal, quoted, short,
};
use crate::backup::restore::{self, Restored};
use crate::backup::target::Target;

/// Longest part of the town's name in others' names; PostgreSQL cuts names at 63 bytes.
const LONGEST: usize = 35;

/// The database of the CMS, and names beside it.
pub(super) struct Postgres {
    /// Some other database of the server, by a user who may make and rename databases.
    admin: Server,
    name: String,
    restoring: String,
    kept: String,
    beside: PathBuf,
}

impl Postgres {
    pub(super) fn at(settings: &BackupSettings, at: Timestamp) -> Result<Self, BackupError> {
        let town = Server::of(settings);
        let admin = match &settings.database_admin {
            Some(url) => Server::at(url, settings),
            None => town.named("postgres")?,
        };
        let name = town.name()?;
        let begins = short(&name, LONGEST);
        Ok(Self {
            admin,
            restoring: format!("{begins}_restoring_{}", at.0),
            kept: format!("{begins}_before_{}", at.0),
            beside: settings.data.join(format!("restoring-{}", at.0)),
            name,
        })
    }

    fn ask(&self, sql: &str) -> Result<Vec<String>, BackupError> {
        Session::open(&self.admin)?.ask(sql)
    }

    fn is_there(&self, name: &str) -> Result<bool, BackupError> {
        let sql = format!(
            "SELECT 1 FROM pg_database WHERE datname = {};",
            literal(name)
        );
        Ok(!self.ask(&sql)?.is_empty())
    }

    /// Empty, of the same owner, and sorting as the present one does.
    fn make(&self) -> Result<(), BackupError> {
        let sql = format!(
            "SELECT format('CREATE DATABASE %I TEMPLATE template0 OWNER %I ENCODING %L LC_COLLATE %L LC_CTYPE %L', \
             {}, pg_get_userbyid(datdba), pg_encoding_to_char(encoding), datcollate, datctype) \
             FROM pg_database WHERE datname = {};",
            literal(&self.restoring),
            literal(&self.name)
        );
        let as_present = self.ask(&sql)?.concat();
        let sql = match as_present.is_empty() {
            true => format!(
                "CREATE DATABASE {} TEMPLATE template0",
                quoted(&self.restoring)
            ),
            false => as_present,
        };
        self.ask(&format!("{sql};")).map(|_| ())
    }

    /// Both names in one transaction; the server refuses while anybody is connected to either.
    fn rename(&self, pairs: &[(&str, &str)]) -> Result<(), BackupError> {
        let renames: String = pairs
            .iter()
            .map(|(from, to)| format!("ALTER DATABASE {} RENAME TO {}; ", quoted(from), quoted(to)))
            .collect();
        self.ask(&format!("BEGIN; {renames}COMMIT;")).map(|_| ())
    }
}

impl Database for Postgres {
    fn exists(&self) -> Result<bool, BackupError> {
        self.is_there(&self.name)
    }

    fn alone(&self) -> Result<(), BackupError> {
        let sql = format!(
            "SELECT DISTINCT coalesce(nullif(application_name, ''), 'a program') || ' as ' || coalesce(usename, '?') \
             || coalesce(' from ' || host(client_addr), '') FROM pg_stat_activity WHERE datname = {} \
             AND pid <> pg_backend_pid() AND coalesce(backend_type, 'client backend') = 'client backend';",
            literal(&self.name)
        );
        let began = monotonic();
        loop {
            let connected = self.ask(&sql)?;
            if connected.is_empty() {
                return Ok(());
            }
            if !super::waited(began) {
                return Err(BackupError::InUse {
                    database: format!("the database {}", self.name),
                    who: connected.join("; "),
                });
            }
        }
    }

    fn beside(&self) -> &Path {
        &self.beside
    }

    fn media(&self) -> PathBuf {
        self.beside.join("media")
    }

    fn restore(
        &self,
        from: &Target,
        wanted: Generation,
        progress: Progress<'_>,
    ) -> Result<Restored, BackupError> {
        self.make()?;
        let into = self.admin.named(&self.restoring)?;
        let into = Some((&into, Whose::AsRecorded));
        restore::restore(from, wanted, &self.beside, into, progress)
    }

    fn begin_another_feed(&self) -> Result<(), BackupError> {
        let mut session = Session::open(&self.admin.named(&self.restoring)?)?;
        let there = session.ask("SELECT to_regclass('public.meta') IS NOT NULL;")?;
        if there.concat() == "t" {
            session.ask("DELETE FROM public.meta WHERE name = 'epoch';")?;
        }
        Ok(())
    }

    fn swap(&self) -> Result<(), BackupError> {
        let (name, restoring, kept) = (&*self.name, &*self.restoring, &*self.kept);
        match self.exists()? {
            true => self.rename(&[(name, kept), (restoring, name)]),
            false => self.rename(&[(restoring, name)]),
        }
    }

    fn is_beside(&self) -> Result<bool, BackupError> {
        self.is_there(&self.restoring)
    }

    fn faults(&self) -> Result<Vec<String>, BackupError> {
        postgres::faults(&self.admin.named(&self.name)?)
    }

    fn back(&self) -> Result<(), BackupError> {
        let (name, restoring, kept) = (&*self.name, &*self.restoring, &*self.kept);
        self.rename(&[(name, restoring), (kept, name)])
    }

    fn sweep(&self, _swapped: bool) -> Result<(), BackupError> {
        drop_database(&self.admin, &self.restoring)?;
        match std::fs::remove_dir_all(&self.beside) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(BackupError::at(&self.beside)(error))
            }
            _ => Ok(()),
        }
    }

    fn kept(&self) -> Result<Option<String>, BackupError> {
        let there = self.is_there(&self.kept)?;
        Ok(there.then(|| format!("the database {}", self.kept)))
    }

    fn by_hand(&self) -> String {
        let (name, kept) = (quoted(&self.name), quoted(&self.kept));
        let aside = quoted(&self.restoring);
        format!(
            "BEGIN; ALTER DATABASE {name} RENAME TO {aside}; ALTER DATABASE {kept} RENAME TO {name}; COMMIT;"
        )
    }

    fn notes(&self) -> Result<Vec<String>, BackupError> {
        let sql = format!(
            "SELECT 1 FROM pg_database d WHERE datname = {} AND (datacl IS NOT NULL OR EXISTS \
             (SELECT FROM pg_db_role_setting WHERE setdatabase = d.oid));",
            literal(&self.kept)
        );
        let own = !self.ask(&sql)?.is_empty();
        let note = "settings and rights of the database itself (ALTER DATABASE SET, GRANT ON DATABASE) \
                    stayed with the one of before: give them again";
        Ok(own.then(|| note.to_owned()).into_iter().collect())
    }
}
