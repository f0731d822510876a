//! The data folder of a town: what is in it, and how a new one is made.
//!
//! ```text
//! DATA/yagura.toml      configuration of the three processes
//! DATA/accounts.json    accounts made for the demo, with their passwords; mode 0600
//! DATA/redirects.csv    the demo's printed codes and legacy URLs
//! DATA/run/             Unix sockets and the supervisor's lock
//! DATA/log/             one log a process
//! DATA/edge/            journal, last-good copies, certificates
//! DATA/cms.db, media/   what the CMS keeps
//! DATA/ops/             ledgers and records
//! DATA/backup/          generations, and DATA/backup-password what opens them; mode 0600
//! ```

mod made;

use std::fs;
use std::io::Write;
use std::net::IpAddr;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use rand::Rng;
use serde::{Deserialize, Serialize};
use yagura_config::Settings;

use crate::arguments::PlaceArguments;
use crate::configuration;

/// The public site's name in the configuration.
pub(crate) const SITE: &str = "town";
/// The kernel's limit for the path of a Unix socket, without the final zero (unix(7)).
const LONGEST_SOCKET_PATH: usize = 107;

/// A town that can be started.
#[derive(Debug)]
pub(crate) struct Town {
    pub(crate) data: PathBuf,
    pub(crate) address: IpAddr,
    pub(crate) http: u16,
    pub(crate) https: u16,
    pub(crate) accounts: Vec<Account>,
    pub(crate) backups: bool,
}

/// Who may sign in at the demo's CMS.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Account {
    pub(crate) login: String,
    pub(crate) name: String,
    pub(crate) role: String,
    /// Shown in the table; kept in a file that only its owner may read.
    pub(crate) password: String,
}

impl Town {
    /// Opens the town in the folder, or makes it with a demo city of `pages` pages.
    pub(crate) fn open_or_make(
        place: &PlaceArguments,
        pages: usize,
        progress: impl Fn(&str, usize, usize) + Send + Sync,
    ) -> anyhow::Result<Self> {
        let data = std::path::absolute(&place.data)?;
        refuse_long_path(&data)?;
        if data.join("yagura.toml").exists() {
            Self::open(data, place)
        } else {
            Self::make(data, place, pages, progress)
        }
    }

    fn make(
        data: PathBuf,
        place: &PlaceArguments,
        pages: usize,
        progress: impl Fn(&str, usize, usize) + Send + Sync,
    ) -> anyhow::Result<Self> {
        for folder in ["", "run", "log", "edge", "media", "ops"] {
            let path = data.join(folder);
            fs::DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(&path)
                .with_context(|| format!("cannot make the folder {}", path.display()))?;
        }
        let town = Self {
            data,
            address: place.address.unwrap_or(PlaceArguments::ADDRESS),
            http: place.http.unwrap_or(PlaceArguments::HTTP),
            https: place.https.unwrap_or(PlaceArguments::HTTPS),
            accounts: accounts(),
            backups: !place.no_backups,
        };
        write_private(
            &town.data.join("accounts.json"),
            &serde_json::to_vec_pretty(&town.accounts)?,
        )?;
        if town.backups {
            let [one, two] = [(); 2].map(|()| password(&mut rand::rng()));
            let both = format!("{one}-{two}\n");
            write_private(&town.data.join("backup-password"), both.as_bytes())?;
        }
        crate::demo::fill(&town, pages, progress)?;
        // The configuration comes last: a folder that has one is whole.
        write_private(&town.config(), town.configuration().as_bytes())?;
        Ok(town)
    }

    fn open(data: PathBuf, place: &PlaceArguments) -> anyhow::Result<Self> {
        let file = data.join("yagura.toml");
        let settings = configuration::read(&file)?;
        let accounts = fs::read(data.join("accounts.json"))
            .ok()
            .and_then(|bytes| serde_json::from_slice(&bytes).ok())
            .unwrap_or_default();
        let (address, http, https) = listeners(&settings, &file)?;
        let present = Self {
            data,
            address,
            http,
            https,
            accounts,
            backups: settings.backup.is_some(),
        };
        let wanted = Self {
            data: present.data.clone(),
            address: place.address.unwrap_or(address),
            http: place.http.unwrap_or(http),
            https: place.https.unwrap_or(https),
            accounts: present.accounts.clone(),
            backups: present.backups,
        };
        if wanted.configuration() == present.configuration() {
            return Ok(present);
        }
        // Only a file that is still as it was made may be made anew; what a person wrote stays.
        if fs::read_to_string(&file)? != present.configuration() {
            bail!(
                "{} was edited and listens on {address}, {http} and {https}\n  change the addresses \
                 there, or leave --address, --http and --https out",
                file.display()
            );
        }
        write_private(&file, wanted.configuration().as_bytes())?;
        Ok(wanted)
    }

    /// The configuration file.
    pub(crate) fn config(&self) -> PathBuf {
        self.data.join("yagura.toml")
    }

    /// The socket at which the edge takes orders.
    pub(crate) fn control_socket(&self) -> PathBuf {
        self.data.join("run/edge.sock")
    }

    /// The demo's table of redirects.
    pub(crate) fn redirects(&self) -> PathBuf {
        self.data.join("redirects.csv")
    }

    /// The certificate of the authority that issued the edge's.
    pub(crate) fn authority(&self) -> PathBuf {
        self.data.join("edge/certs/local-ca.pem")
    }

    /// The name by which this machine's browsers reach the listeners.
    pub(crate) fn host(&self) -> String {
        match self.address {
            PlaceArguments::ADDRESS => "localhost".to_owned(),
            other if other.is_unspecified() => "localhost".to_owned(),
            IpAddr::V6(v6) => format!("[{v6}]"),
            IpAddr::V4(v4) => v4.to_string(),
        }
    }

    /// How readers reach the public site.
    pub(crate) fn public_url(&self) -> String {
        format!("https://{}:{}", self.host(), self.https)
    }

    /// How staff reach the CMS.
    pub(crate) fn staff_url(&self) -> String {
        format!("https://staff.localhost:{}", self.https)
    }
}

/// Shows the making of a town on standard error: one line a step, renewed on a terminal.
pub(crate) fn progress() -> impl Fn(&str, usize, usize) + Send + Sync {
    use std::io::IsTerminal;
    let terminal = std::io::stderr().is_terminal();
    move |step, done, of| {
        if terminal {
            let end = if done >= of { "\n" } else { "" };
            eprint!("\r  {step}: {done} of {of}{end}");
        } else if done == 0 || done >= of {
            eprintln!("  {step}: {done} of {of}");
        }
    }
}

fn refuse_long_path(data: &Path) -> anyhow::Result<()> {
    let longest = data.join("run/cms-public.sock");
    let length = longest.as_os_str().len();
    if length > LONGEST_SOCKET_PATH {
        bail!(
            "the path {} is too long for Unix sockets ({length} bytes; {LONGEST_SOCKET_PATH} are possible)\n  \
             choose a shorter folder with --data",
            longest.display()
        );
    }
    Ok(())
}

/// Address, HTTP port and HTTPS port of a configuration that `up` can start.
fn listeners(settings: &Settings, file: &Path) -> anyhow::Result<(IpAddr, u16, u16)> {
    let listen = settings.edge.as_ref().map_or(&[][..], |edge| &edge.listen);
    let plain = listen.iter().find(|listen| !listen.tls);
    let tls = listen.iter().find(|listen| listen.tls);
    let (Some(plain), Some(tls)) = (plain, tls) else {
        bail!(
            "{} needs one listener with tls and one without to be started by `up`",
            file.display()
        );
    };
    Ok((tls.address.ip(), plain.address.port(), tls.address.port()))
}

/// The demo's accounts with passwords made now.
fn accounts() -> Vec<Account> {
    [
        ("hanako", "佐藤 花子", "editor"),
        ("kanri", "鈴木 一郎", "admin"),
    ]
    .map(|(login, name, role)| Account {
        login: login.to_owned(),
        name: name.to_owned(),
        role: role.to_owned(),
        password: password(&mut rand::rng()),
    })
    .into()
}

/// 77 bits.
fn password(random: &mut impl Rng) -> String {
    yagura_cms::domain::password::random(random, 4)
}

/// Writes a file that only its owner may read, whole or not at all.
fn write_private(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let partial = path.with_extension("partial");
    let write = || -> std::io::Result<()> {
        let mut file = fs::File::options()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&partial)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&partial, path)
    };
    write().with_context(|| format!("cannot write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn town(data: &str) -> Town {
        let address = PlaceArguments::ADDRESS;
        Town {
            data: data.into(),
            address,
            http: 8080,
            https: 8443,
            accounts: Vec::new(),
            backups: true,
        }
    }

    #[test]
    fn the_configuration_it_writes_is_right() {
        let town = town("/srv/town");
        let settings = yagura_config::parse(&town.configuration(), &town.config()).unwrap();
        assert_eq!(
            listeners(&settings, &town.config()).unwrap(),
            (town.address, 8080, 8443)
        );
        assert!(settings.backup.is_some());
        assert_eq!(
            settings.edge.unwrap().control_socket,
            Some(town.control_socket())
        );
    }

    #[test]
    fn a_path_too_long_for_a_socket_is_refused_with_what_to_do() {
        let refusal = refuse_long_path(Path::new(&format!("/{}", "x".repeat(100)))).unwrap_err();
        assert!(refusal.to_string().contains("--data"), "{refusal}");
    }

    #[test]
    fn no_two_passwords_are_alike() {
        let one = password(&mut rand::rng());
        assert_eq!(one.len(), 19);
        assert_ne!(one, password(&mut rand::rng()));
    }

    #[test]
    fn a_private_file_is_private() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("accounts.json");
        write_private(&path, b"x").unwrap();
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600
        );
    }
}
