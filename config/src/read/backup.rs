//! `[backup]`, `[backup.keep]` and `[[backup.target]]`.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use secrecy::SecretString;

use crate::section::{ByteSize, Section};
use crate::settings::{
    BackupSettings, CmsSettings, EdgeSettings, KeepSettings, OpsSettings, PlaceSettings,
    TargetSettings,
};

/// Each day has 86,400 seconds; the contract asks for a backup a day.
const DAY: Duration = Duration::from_secs(86_400);

/// What other tables say that the backup needs.
pub(super) struct Neighbours<'a> {
    pub(super) edge: Option<&'a EdgeSettings>,
    pub(super) cms: Option<&'a CmsSettings>,
    pub(super) ops: Option<&'a OpsSettings>,
    pub(super) file: &'a Path,
}

pub(super) fn read(table: &Section<'_>, near: &Neighbours<'_>) -> Option<BackupSettings> {
    let password_file = table.required_path("password_file");
    let database: Option<String> = table.optional("database");
    let database = database.and_then(|text| super::cms::database(table, text));
    let database = database.or_else(|| near.cms.map(|cms| cms.database.clone()));
    let media = table.path("media");
    let media = media.or_else(|| near.cms.map(|cms| cms.media.clone()));
    if database.is_none() || media.is_none() {
        let hint = "add [cms], or `database` and `media` as they stand there";
        table.fault("database", "nobody knows what is to be kept", hint);
    }
    let data = table.path("data");
    let data = data.or_else(|| near.ops.map(|ops| ops.data.join("backup")));
    if data.is_none() {
        let hint = "add [ops] with data = \"data/ops\", or `data` here";
        table.fault("data", "nobody knows where the state lies", hint);
    }
    let edge = table.path("edge");
    let edge = edge.or_else(|| near.edge.and_then(|edge| edge.data.clone()));
    let also: Vec<String> = table.list("also");
    let mut also: Vec<PathBuf> = also.iter().map(|path| table.folder().join(path)).collect();
    also.insert(0, near.file.to_owned());
    let every = often(table, "every", Duration::from_secs(60));
    let every_large = often(table, "every_large", Duration::from_secs(300));
    let large: ByteSize = table.or("large", ByteSize(500_000_000));
    let files_every = often(table, "files_every", Duration::from_secs(3_600));
    let private_keys = table.or("private_keys", false);
    let postgres_programs = table.path("postgres_programs");
    let restore_needs_approval = table.or("restore_needs_approval", false);
    let scratch_database = postgres(table, "scratch_database");
    let database_admin = postgres(table, "database_admin");
    let drill_every = table.or("drill_every", 7 * DAY);
    let alarm_after = table.or("alarm_after", Duration::from_secs(3 * 3_600));
    if alarm_after <= files_every || alarm_after <= every_large {
        let hint = "write more than `files_every` and `every_large`; \"3h\" is usual";
        table.fault(
            "alarm_after",
            "the alarm would stand between two generations",
            hint,
        );
    }
    let keep = table
        .table("keep")
        .map_or_else(KeepSettings::default, |keep| read_keep(&keep));
    let targets = table.tables("target");
    if targets.is_empty() {
        let hint = "add [[backup.target]] with name and folder, rest or rclone";
        table.fault("target", "the backup has nowhere to go", hint);
    }
    let targets: Vec<_> = targets
        .iter()
        .map(|target| (target, read_target(target)))
        .collect();
    check_names(&targets);
    table.end();
    Some(BackupSettings {
        password_file: password_file?,
        database: database?,
        media: media?,
        data: data?,
        every,
        every_large,
        large: large.0,
        files_every,
        also,
        edge,
        private_keys,
        postgres_programs,
        scratch_database,
        database_admin,
        restore_needs_approval,
        keep,
        drill_every,
        alarm_after,
        targets: targets
            .into_iter()
            .map(|(_, it)| it)
            .collect::<Option<_>>()?,
    })
}

/// The URL of a PostgreSQL database. It may hold a password, and is never repeated in a message.
fn postgres(table: &Section<'_>, key: &'static str) -> Option<SecretString> {
    let text: String = table.optional(key)?;
    let rest = text
        .strip_prefix("postgres://")
        .or_else(|| text.strip_prefix("postgresql://"));
    if rest.is_some_and(|rest| rest.contains('/')) {
        return Some(text.into());
    }
    let hint = "write \"postgres://user@host/postgres\"";
    table.fault(key, "this is no URL of a PostgreSQL database", hint);
    None
}

/// The contract's floor: at least daily.
fn often(table: &Section<'_>, key: &'static str, usual: Duration) -> Duration {
    let every = table.or(key, usual);
    if every > DAY {
        let hint = "the contract asks for a backup every day: write at most \"1d\"";
        table.fault(key, "days would pass without a backup", hint);
    }
    if every < Duration::from_secs(1) {
        table.fault(
            key,
            "this leaves no time between two",
            "write at least \"1s\"",
        );
    }
    every
}

fn read_keep(table: &Section<'_>) -> KeepSettings {
    let usual = KeepSettings::default();
    let keep = KeepSettings {
        all_within: table.or("all_within", usual.all_within),
        hourly: table.or("hourly", usual.hourly),
        daily: table.or("daily", usual.daily),
        monthly: table.or("monthly", usual.monthly),
        yearly: table.or("yearly", usual.yearly),
    };
    if keep.daily < KeepSettings::LEAST_DAILY {
        let hint = format!(
            "write at least {}: today and two back",
            KeepSettings::LEAST_DAILY
        );
        let message = "the contract asks for daily generations, two back";
        table.fault("daily", message, hint);
    }
    table.end();
    keep
}

fn read_target(table: &Section<'_>) -> Option<TargetSettings> {
    let name = name(table);
    let folder = table.path("folder");
    let url: Option<String> = table.optional("rest");
    let remote: Option<String> = table.optional("rclone");
    let user: Option<String> = table.optional("user");
    let password_file = table.path("password_file");
    let trust = table.path("trust");
    let config = table.path("rclone_config");
    let append_only = table.or("append_only", false);
    let bandwidth: Option<ByteSize> = table.optional("bandwidth");
    let place = match (folder, url, remote) {
        (Some(folder), None, None) => Some(PlaceSettings::Folder(folder)),
        (None, Some(url), None) => rest(table, url, user, password_file, trust),
        (None, None, Some(remote)) => {
            if config.is_none() {
                let hint =
                    "add rclone_config = \"rclone.conf\", readable for the operations desk alone";
                table.fault("rclone", "nobody knows what the remote is", hint);
            }
            config.map(|config| PlaceSettings::Rclone { remote, config })
        }
        _ => {
            let hint = "write `folder`, or `rest`, or `rclone`";
            table.fault("folder", "a target is in one place", hint);
            None
        }
    };
    if bandwidth.as_ref().is_some_and(|rate| rate.0 < 1_024) {
        table.fault(
            "bandwidth",
            "nothing would ever arrive",
            "write at least \"1KiB\"",
        );
    }
    table.end();
    Some(TargetSettings {
        name: name?,
        place: place?,
        append_only,
        bandwidth: bandwidth.map(|rate| rate.0),
    })
}

fn rest(
    table: &Section<'_>,
    url: String,
    user: Option<String>,
    password_file: Option<PathBuf>,
    trust: Option<PathBuf>,
) -> Option<PlaceSettings> {
    let whole = url.starts_with("https://") || url.starts_with("http://");
    if !whole || url.contains('@') || !url.bytes().all(|byte| byte.is_ascii_graphic()) {
        let hint =
            "write \"https://HOST:PORT/PATH/\"; user and password stand in keys of their own";
        table.fault("rest", "this is no URL of a server", hint);
        return None;
    }
    let user = match (user, password_file) {
        (None, None) => None,
        (Some(user), Some(file)) => Some((user, file)),
        _ => {
            table.fault(
                "user",
                "half of the name is missing",
                "`user` and `password_file` go together",
            );
            None
        }
    };
    let slash = if url.ends_with('/') { "" } else { "/" };
    Some(PlaceSettings::Rest {
        url: format!("{url}{slash}"),
        user,
        trust,
    })
}

/// Names are also names of files.
fn name(table: &Section<'_>) -> Option<String> {
    let name: String = table.required("name")?;
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if name.len() <= 40 && name.chars().all(plain) {
        return Some(name);
    }
    let message = format!("\"{name}\" cannot be a target's name");
    table.fault("name", message, "use a-z, 0-9 and -, at most 40");
    None
}

fn check_names(targets: &[(&Section<'_>, Option<TargetSettings>)]) {
    let mut names = HashSet::new();
    for (table, target) in targets {
        let Some(target) = target else { continue };
        if !names.insert(target.name.clone()) {
            let message = format!("two targets are called \"{}\"", target.name);
            table.fault("name", message, "give each a name of its own");
        }
    }
}
