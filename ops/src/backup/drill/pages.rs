//! A CMS of the drill's own on what was restored, and its pages beside those of the town's CMS.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use secrecy::ExposeSecret;
use yagura_config::settings::{CmsSettings, Origin};
use yagura_control::clock::monotonic;

use super::{Step, step};
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

/// Starts the CMS on a folder with `database` and `files`, and compares.
pub(super) fn compare(town: &CmsSettings, folder: &Path, most: usize) -> Step {
    let began = monotonic();
    let what = "serve it by a CMS of its own, and compare its pages with the town's";
    match compared(town, folder, most, began) {
        Ok((lines, passed)) => step(what, began, lines, passed),
        Err(error) => step(what, began, vec![error.to_string()], false),
    }
}

fn compared(
    town: &CmsSettings,
    folder: &Path,
    most: usize,
    began: Instant,
) -> io::Result<(Vec<String>, bool)> {
    // The CMS writes to its database: it is given a copy, and the evidence stays as it is.
    let database = folder.join("served.sqlite");
    fs::copy(folder.join("database").join(DATABASE), &database)?;
    let restored = versions(&database)?;
    let now = match town.database.expose_secret().strip_prefix("sqlite:") {
        Some(path) => versions(Path::new(path))?,
        None => restored.clone(),
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
    // From all over the town, and not the first hundred of its alphabet.
    let stride = unchanged.len().div_ceil(most).max(1);
    let (mut same, mut different) = (0_usize, Vec::new());
    for path in unchanged.iter().step_by(stride) {
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

/// Public URLs with their versions.
fn versions(database: &Path) -> io::Result<BTreeMap<String, String>> {
    let connection = crate::backup::pages::open(database).map_err(io::Error::other)?;
    let sql = "SELECT path, version FROM public_urls WHERE withdrawn = 0";
    let mut statement = connection.prepare(sql).map_err(io::Error::other)?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)));
    let rows = rows.map_err(io::Error::other)?;
    rows.collect::<Result<_, _>>().map_err(io::Error::other)
}

fn start(town: &CmsSettings, folder: &Path, database: &Path) -> io::Result<Cms> {
    let text = |value: &str| serde_json::Value::from(value).to_string();
    let path = |path: &Path| text(&path.display().to_string());
    let config = folder.join("cms.toml");
    let unix = |name: &str| text(&format!("unix:{}", folder.join(name).display()));
    fs::write(
        &config,
        format!(
            "[cms]\npublic_listen = {}\nstaff_listen = {}\nfeed_socket = {}\ndatabase = {}\n\
             media = {}\npublic_url = {}\nstaff_url = {}\nsite = {}\nedges = []\n",
            unix("public.sock"),
            unix("staff.sock"),
            path(&folder.join("feed.sock")),
            text(&format!("sqlite:{}", database.display())),
            path(&folder.join("files/media")),
            text(&town.public_url),
            text(&town.staff_url),
            text(&town.site),
        ),
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
