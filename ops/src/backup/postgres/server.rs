//! One database of a PostgreSQL server, as its URL names it, and the programs of PostgreSQL.
//!
//! A password is told through the environment, never as an argument, where every user of the machine
//! could read it; and it stands in no message.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use secrecy::{ExposeSecret, SecretString};
use url::Url;
use yagura_config::settings::BackupSettings;

use super::failed;
use crate::backup::error::BackupError;

/// A database, reached by a URL.
#[derive(Clone, Debug)]
pub struct Server {
    url: SecretString,
    programs: Option<PathBuf>,
}

impl Server {
    /// The one of the CMS.
    pub(crate) fn of(settings: &BackupSettings) -> Self {
        Self::at(&settings.database, settings)
    }

    pub(crate) fn at(url: &SecretString, settings: &BackupSettings) -> Self {
        Self {
            url: url.clone(),
            programs: settings.postgres_programs.clone(),
        }
    }

    /// The one whose URL is the only line of a file: a URL may hold a password, and arguments can be
    /// read by every user of the machine.
    ///
    /// # Errors
    /// The file cannot be read, or holds no URL of a PostgreSQL database.
    pub fn from_file(file: &Path, settings: &BackupSettings) -> Result<Self, BackupError> {
        let text = fs::read_to_string(file).map_err(BackupError::at(file))?;
        let server = Self::at(&SecretString::from(text.trim()), settings);
        let scheme = server.parsed().map(|url| url.scheme().to_owned());
        if scheme.is_ok_and(|it| it == "postgres" || it == "postgresql") {
            server.name()?;
            return Ok(server);
        }
        let why = "write one line: postgres://USER:PASSWORD@HOST/DATABASE";
        Err(failed(&file.display().to_string(), why))
    }

    pub(super) const fn new(url: SecretString, programs: Option<PathBuf>) -> Self {
        Self { url, programs }
    }

    pub(crate) fn url(&self) -> &SecretString {
        &self.url
    }

    /// The database's name.
    pub(crate) fn name(&self) -> Result<String, BackupError> {
        let url = self.parsed()?;
        let name = percent_decoded(url.path().trim_start_matches('/'));
        if name.is_empty() || name.contains(['/', '\0']) {
            return Err(failed("PostgreSQL", "the URL names no database"));
        }
        Ok(name)
    }

    /// Another database of the same server.
    pub(crate) fn named(&self, database: &str) -> Result<Self, BackupError> {
        let mut url = self.parsed()?;
        url.set_path(database);
        Ok(Self {
            url: String::from(url).into(),
            programs: self.programs.clone(),
        })
    }

    /// A program of PostgreSQL's that connects.
    pub(crate) fn program(&self, name: &str) -> Result<Command, BackupError> {
        let mut url = self.parsed()?;
        let mut command = Command::new(match &self.programs {
            Some(folder) => folder.join(name),
            None => name.into(),
        });
        if let Some(password) = self.password(&url) {
            command.env("PGPASSWORD", password);
        }
        let _a_host_is_there = url.set_password(None);
        let public: Vec<(String, String)> = url
            .query_pairs()
            .filter(|(key, _)| key != "password")
            .map(|(key, value)| (key.into_owned(), value.into_owned()))
            .collect();
        url.set_query(None);
        if !public.is_empty() {
            url.query_pairs_mut().extend_pairs(public);
        }
        command
            .env("PGCLIENTENCODING", "UTF8")
            .env("PGAPPNAME", "yagura backup")
            // Rows are told in one form, whatever the server's own settings say.
            .env(
                "PGOPTIONS",
                "-c client_min_messages=error -c TimeZone=UTC -c DateStyle=ISO -c IntervalStyle=postgres \
                 -c bytea_output=hex -c extra_float_digits=1",
            )
            .arg("--dbname")
            // libpq reads %20 and not the plus sign of forms.
            .arg(url.as_str().replace('+', "%20"));
        Ok(command)
    }

    fn password(&self, url: &Url) -> Option<String> {
        let behind = || url.query_pairs().find(|(key, _)| key == "password");
        let before = url.password().map(percent_decoded);
        before.or_else(|| behind().map(|(_, value)| value.into_owned()))
    }

    fn parsed(&self) -> Result<Url, BackupError> {
        let unreadable = |_| failed("PostgreSQL", "the database's URL cannot be read");
        Url::parse(self.url.expose_secret()).map_err(unreadable)
    }
}

/// A name as SQL writes it.
pub(crate) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A text as SQL writes it.
pub(crate) fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

fn percent_decoded(text: &str) -> String {
    // A form's pair is decoded by the same rules, but for the plus sign.
    let pair = format!("p={}", text.replace('+', "%2B").replace('&', "%26"));
    let mut pairs = url::form_urlencoded::parse(pair.as_bytes());
    pairs
        .next()
        .map(|(_, value)| value.into_owned())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(url: &str) -> Server {
        Server {
            url: url.to_owned().into(),
            programs: None,
        }
    }

    #[test]
    fn passwords_are_decoded_and_never_an_argument() {
        for url in [
            "postgres://town:a%2Fb+c%40@db.example/cms?host=%2Frun%2Fpg+x",
            "postgres://town@db.example/cms?password=a%2Fb%2Bc%40&host=/run/pg%20x",
        ] {
            let command = server(url).program("psql").unwrap();
            let told: Vec<_> = command
                .get_args()
                .map(|it| it.to_string_lossy().into_owned())
                .collect();
            assert_eq!(
                told,
                [
                    "--dbname",
                    "postgres://town@db.example/cms?host=%2Frun%2Fpg%20x"
                ]
            );
            let password = command.get_envs().find(|(key, _)| *key == "PGPASSWORD");
            assert_eq!(password.unwrap().1.unwrap(), "a/b+c@");
            assert!(!format!("{:?}", server(url)).contains("a%2Fb"));
        }
    }

    #[test]
    fn another_database_of_the_same_server() {
        let town = server("postgres://town:x@db.example/cms%20one?sslmode=require");
        assert_eq!(town.name().unwrap(), "cms one");
        let other = town.named("cms two").unwrap();
        assert_eq!(other.name().unwrap(), "cms two");
        assert!(
            other
                .url()
                .expose_secret()
                .ends_with("/cms%20two?sslmode=require")
        );
        assert!(server("postgres://db.example").name().is_err());
        assert_eq!(quoted("a\"b"), "\"a\"\"b\"");
        assert_eq!(literal("a'b"), "'a''b'");
    }
}
