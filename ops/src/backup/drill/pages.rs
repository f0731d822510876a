//! A CMS of the drill's own on what was restored, and its pages beside those of the town's CMS.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use secrecy::{ExposeSecret, SecretString};
use yagura_config::settings::{CmsSettings, Origin};
use yagura_control::clock::monotonic;

use super::{Step, step};
use crate::backup::error::BackupError;
use crate::backup::postgres::{Server, Session};
use crate::backup::state::DATABASE;

/// The CMS answers in this time after its start.
const STARTING: Duration = Duration::from_secs(60);
/// A page is answered in this time.
const ANSWERING: Duration = Duration::from_secs(20);

/// The process; dropped, it is ended.
struct Cms(Child);

impl Drop for Cms {
    fn drop(&mut self) {
        let _it_may_have_ended = self.0.kill();
        let _reaped = self.0.wait();
    }
}

/// The database that is served.
pub(super) enum Served {
    /// The SQLite file in the folder.
    File,
    /// The one that the dump was loaded into, beside the town's own.
    Loaded { loaded: Server, present: Server },
}

/// Starts the CMS on a folder with `database` and `files`, and compares.
pub(super) fn compare(town: &CmsSettings, folder: &Path, served: Served, most: usize) -> Step {
    let began = monotonic();
    let what = "serve it by a CMS of its own, and compare its pages with the town's";
    match compared(town, folder, &served, most, began) {
        Ok((lines, passed)) => step(what, began, lines, passed),
        Err(error) => step(what, began, vec![error.to_string()], false),
    }
}

fn compared(
    town: &CmsSettings,
    folder: &Path,
    served: &Served,
    most: usize,
    began: Instant,
) -> io::Result<(Vec<String>, bool)> {
    let (database, restored, now) = match served {
        Served::File => {
            // The CMS writes to its database: it is given a copy, and the evidence stays as it is.
            let copy = folder.join("served.sqlite");
            fs::copy(folder.join("database").join(DATABASE), &copy)?;
            let restored = versions(&copy)?;
            let now = match town.database.expose_secret().strip_prefix("sqlite:") {
                Some(path) => versions(Path::new(path))?,
                None => restored.clone(),
            };
            let url = format!("sqlite:{}", copy.display());
            (SecretString::from(url), restored, now)
        }
        // Its rows were compared before; what the CMS writes now is thrown away with it.
        Served::Loaded { loaded, present } => {
            let (restored, now) = (versions_in(loaded)?, versions_in(present)?);
            (loaded.url().clone(), restored, now)
        }
    };
    let socket = folder.join("public.sock");
    let mut cms = start(town, folder, &database)?;
    loop {
        if let Some(status) = cms.0.try_wait()? {
            return Err(io::Error::other(format!("the CMS ended with {status}")));
        }
        match get(&Origin::Unix(socket.clone()), "/", town) {
            Ok(_) => break,
            Err(error) if monotonic().duration_since(began) > STARTING => return Err(error),
            Err(_) => std::thread::park_timeout(Duration::from_millis(50)),
        }
    }
    let ready_ms = super::millis(began);
    let unchanged: Vec<&String> = restored
        .iter()
        .filter(|(path, version)| now.get(*path) == Some(*version))
        .map(|(path, _)| path)
        .collect();
    let (mut same, mut different) = (0_usize, Vec::new());
    for path in spread(&unchanged, most) {
        let here = get(&Origin::Unix(socket.clone()), path, town)?;
        let there = get(&town.public_listen, path, town)?;
        if here == there {
            same += 1;
        } else {
            different.push(format!("{path} DIFFERS: {} and {}", here.1, there.1));
        }
    }
    let mut lines = vec![
        format!("it answered after {ready_ms} ms"),
        format!(
            "{} pages compared by status and BLAKE3, {same} the same; {} of {} were changed since",
            same + different.len(),
            restored.len() - unchanged.len(),
            restored.len()
        ),
    ];
    let passed = different.is_empty() && (same > 0 || restored.is_empty());
    lines.extend(different);
    Ok((lines, passed))
}

/// So many of them, from all over the town and not the first of its alphabet; all, where there are
/// fewer. Pure.
fn spread<'a>(all: &[&'a String], most: usize) -> Vec<&'a String> {
    let count = all.len().min(most);
    let at = |number: usize| all.get(number * all.len() / count.max(1));
    (0..count).filter_map(at).copied().collect()
}

/// Public URLs with their versions.
fn versions(database: &Path) -> io::Result<BTreeMap<String, String>> {
    let connection = crate::backup::pages::open(database).map_err(io::Error::other)?;
    let sql = "SELECT path, version FROM public_urls WHERE withdrawn = 0";
    let mut statement = connection.prepare(sql).map_err(io::Error::other)?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)));
    let rows = rows.map_err(io::Error::other)?;
    rows.collect::<Result<_, _>>().map_err(io::Error::other)
}

/// The same, asked of a server.
fn versions_in(server: &Server) -> io::Result<BTreeMap<String, String>> {
    let ask = || {
        let mut session = Session::snapshot(server)?;
        let rows = session
            .ask("SELECT path || E'\\t' || version FROM public_urls WHERE withdrawn = 0;")?;
        session.end()?;
        Ok::<_, BackupError>(rows)
    };
    let rows = ask().map_err(io::Error::other)?;
    let pairs = rows.iter().filter_map(|row| row.split_once('\t'));
    Ok(pairs
        .map(|(path, version)| (path.to_owned(), version.to_owned()))
        .collect())
}

fn start(town: &CmsSettings, folder: &Path, database: &SecretString) -> io::Result<Cms> {
    let text = |value: &str| serde_json::Value::from(value).to_string();
    let path = |path: &Path| text(&path.display().to_string());
    let config = folder.join("cms.toml");
    let unix = |name: &str| text(&format!("unix:{}", folder.join(name).display()));
    // It may hold the database's password.
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&config)?;
    file.write_all(
        format!(
            "[cms]\npublic_listen = {}\nstaff_listen = {}\nfeed_socket = {}\ndatabase = {}\n\
             media = {}\npublic_url = {}\nstaff_url = {}\nsite = {}\nedges = []\n",
            unix("public.sock"),
            unix("staff.sock"),
            path(&folder.join("feed.sock")),
            text(database.expose_secret()),
            path(&folder.join("files/media")),
            text(&town.public_url),
            text(&town.staff_url),
            text(&town.site),
        )
        .as_bytes(),
    )?;
    let log = fs::File::create(folder.join("cms.log"))?;
    let child = Command::new(std::env::current_exe()?)
        .args(["cms", "--end-with-parent", "--config"])
        .arg(&config)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()?;
    Ok(Cms(child))
}

/// Status and BLAKE3 of the body of one page.
fn get(origin: &Origin, path: &str, town: &CmsSettings) -> io::Result<(String, String)> {
    let host = town.public_url.split("://").nth(1).unwrap_or("localhost");
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: {host}\r\nX-Forwarded-Proto: https\r\nConnection: close\r\n\r\n"
    );
    let mut answer = Vec::new();
    match origin {
        Origin::Unix(socket) => {
            let mut stream = UnixStream::connect(socket)?;
            stream.set_read_timeout(Some(ANSWERING))?;
            stream.write_all(request.as_bytes())?;
            stream.read_to_end(&mut answer)?;
        }
        Origin::Tcp(address) => {
            let mut stream = TcpStream::connect_timeout(address, ANSWERING)?;
            stream.set_read_timeout(Some(ANSWERING))?;
            stream.write_all(request.as_bytes())?;
            stream.read_to_end(&mut answer)?;
        }
    }
    let split = answer.windows(4).position(|window| window == b"\r\n\r\n");
    let end = split.ok_or(io::ErrorKind::UnexpectedEof)?;
    let head = String::from_utf8_lossy(answer.get(..end).unwrap_or_default());
    let status = head.split(' ').nth(1).unwrap_or_default().to_owned();
    let body = answer.get(end + 4..).unwrap_or_default();
    Ok((status, blake3::hash(body).to_hex().to_string()))
}

#[cfg(test)]
mod tests {
    use super::spread;

    #[test]
    fn a_hundred_are_a_hundred_and_from_all_over() {
        let all: Vec<String> = (0..593).map(|number| format!("{number:03}")).collect();
        let all: Vec<&String> = all.iter().collect();
        let some = spread(&all, 100);
        assert_eq!((some.len(), some[0].as_str()), (100, "000"));
        assert!(some[99].as_str() > "580");
        assert!(some.windows(2).all(|pair| pair[0] < pair[1]));
        assert_eq!(spread(&all[..7], 100).len(), 7);
        assert!(spread(&[], 100).is_empty());
    }
}
