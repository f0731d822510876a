//! `[backup]` and `[[backup.target]]`: what is kept, where, how often and for how long.

use std::path::PathBuf;
use std::time::Duration;

use secrecy::SecretString;

/// `[backup]`.
#[derive(Clone, Debug)]
pub struct BackupSettings {
    /// File of the repositories' password. Without it nothing can be restored: keep a copy on paper.
    pub password_file: PathBuf,
    /// The database, as the CMS has it.
    pub database: SecretString,
    /// The CMS's folder of images and attachments.
    pub media: PathBuf,
    /// Where state, scratch and reports lie; `backup` in the folder of `[ops]` by default.
    pub data: PathBuf,
    /// How often the database is looked at, and kept when it changed.
    pub every: Duration,
    /// The same for a database above [`BackupSettings::large`].
    pub every_large: Duration,
    /// From how many bytes on a database is large.
    pub large: u64,
    /// How often media, configuration, certificates and journals are kept.
    pub files_every: Duration,
    /// Files and folders that are kept besides: configuration and what is included in it.
    pub also: Vec<PathBuf>,
    /// The edge's folder, of which certificates and journals are kept.
    pub edge: Option<PathBuf>,
    /// Whether private keys of certificates are kept too.
    pub private_keys: bool,
    /// Folder of `pg_dump` and its kin; `None`: wherever the system has them.
    pub postgres_programs: Option<PathBuf>,
    /// A PostgreSQL server on which drills may make databases, by the URL of one of its databases;
    /// `None`: they start one of their own and throw it away.
    pub scratch_database: Option<SecretString>,
    /// Who may make and rename databases at the town's server, for a restore in place; `None`: the
    /// database's own user.
    pub database_admin: Option<SecretString>,
    /// Whether a restore in place waits for a second person.
    pub restore_needs_approval: bool,
    /// Which generations are kept.
    pub keep: KeepSettings,
    /// How often a restore is rehearsed.
    pub drill_every: Duration,
    /// How long a target may be without a generation that is new enough before the alarm.
    pub alarm_after: Duration,
    /// Where to; at least one.
    pub targets: Vec<TargetSettings>,
}

/// `[backup.keep]`: how many generations of each kind are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeepSettings {
    /// Everything that is younger.
    pub all_within: Duration,
    /// The newest of so many hours.
    pub hourly: usize,
    /// The newest of so many days, of Japan's calendar.
    pub daily: usize,
    /// The newest of so many months.
    pub monthly: usize,
    /// The newest of so many years.
    pub yearly: usize,
}

impl KeepSettings {
    /// The fewest daily generations: the contract says daily, two generations back.
    pub const LEAST_DAILY: usize = 3;
}

impl Default for KeepSettings {
    fn default() -> Self {
        Self {
            all_within: Duration::from_secs(2 * 3_600),
            hourly: 48,
            daily: 35,
            monthly: 13,
            yearly: 5,
        }
    }
}

/// `[[backup.target]]`: one place that holds repositories.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetSettings {
    /// Its name in status and commands.
    pub name: String,
    /// How it is reached.
    pub place: PlaceSettings,
    /// Whether nothing is ever removed there by this machine, because it may not or should not.
    pub append_only: bool,
    /// Most bytes a second to and from it.
    pub bandwidth: Option<u64>,
}

/// How a target is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PlaceSettings {
    /// A folder of this machine: another disk, or a mounted one.
    Folder(PathBuf),
    /// A server that speaks restic's REST: `rest-server`, or `rclone serve restic`.
    Rest {
        /// `http://HOST:PORT/PATH/` or https.
        url: String,
        /// User and the file of the password, where the server asks for them.
        user: Option<(String, PathBuf)>,
        /// PEM file of the authority that the server's certificate is trusted by; `None`: the system's.
        trust: Option<PathBuf>,
    },
    /// Whatever rclone reaches: SFTP, S3 and others.
    Rclone {
        /// `REMOTE:PATH`, with the remote as it stands in rclone's own configuration.
        remote: String,
        /// rclone's configuration file.
        config: PathBuf,
    },
}
