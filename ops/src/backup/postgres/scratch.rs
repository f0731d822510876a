//! Where drills load dumps: a server that the configuration names, or one that is thrown away.

use yagura_config::settings::BackupSettings;
use yagura_control::Timestamp;

use super::cluster::Cluster;
use super::server::quoted;
use super::{Server, Session};
use crate::backup::error::BackupError;

/// Longest part of the town's name in the name of a drill's database; PostgreSQL cuts names at 63.
const LONGEST: usize = 30;

/// A server on which databases are made and dropped.
pub(crate) struct Scratch {
    server: Server,
    /// Of the town, so that two towns may share a server.
    town: String,
    made: Vec<String>,
    /// Ended last.
    cluster: Option<Cluster>,
}

impl Scratch {
    /// The configured one, or a new one.
    pub(crate) fn open(settings: &BackupSettings, now: Timestamp) -> Result<Self, BackupError> {
        let (server, cluster) = if let Some(url) = &settings.scratch_database {
            (Server::at(url, settings), None)
        } else {
            let cluster = Cluster::start(settings.postgres_programs.as_deref(), now)?;
            (Server::of_cluster(&cluster), Some(cluster))
        };
        let name = Server::of(settings).name()?;
        Ok(Self {
            server,
            town: short(&name, LONGEST),
            made: Vec::new(),
            cluster,
        })
    }

    /// Which one it is, and its version.
    pub(crate) fn told(&self) -> Result<String, BackupError> {
        let mut session = Session::open(&self.server)?;
        let version = session.ask("SHOW server_version;")?.concat();
        let which = match &self.cluster {
            Some(_) => "a server of its own that is thrown away",
            None => "the server of `scratch_database`",
        };
        Ok(format!("{which}, PostgreSQL {version}"))
    }

    /// An empty database; one that a drill left that was killed is dropped before.
    pub(crate) fn make(&mut self, name: &str) -> Result<Server, BackupError> {
        let name = format!("yagura_drill_{}_{name}", self.town);
        drop_database(&self.server, &name)?;
        let sql = format!("CREATE DATABASE {} TEMPLATE template0;", quoted(&name));
        Session::open(&self.server)?.ask(&sql)?;
        self.made.push(name.clone());
        self.server.named(&name)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if self.cluster.is_some() {
            return;
        }
        for name in &self.made {
            if let Err(error) = drop_database(&self.server, name) {
                tracing::warn!("the drill's database {name} is left over: {error}");
            }
        }
    }
}

/// Drops a database, whoever is connected; nothing, where there is none.
pub(crate) fn drop_database(server: &Server, name: &str) -> Result<(), BackupError> {
    let sql = format!("DROP DATABASE IF EXISTS {} WITH (FORCE);", quoted(name));
    Session::open(server)?.ask(&sql).map(|_| ())
}

/// The beginning of a name, of at most so many bytes.
pub(crate) fn short(name: &str, bytes: usize) -> String {
    let fits = |(at, c): &(usize, char)| at + c.len_utf8() <= bytes;
    name.char_indices()
        .take_while(fits)
        .map(|(_, c)| c)
        .collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn names_are_cut_between_letters() {
        assert_eq!(super::short("町のCMS", 5), "町");
        assert_eq!(super::short("town", 30), "town");
    }
}
