//! Where a run happens: a folder in memory with the objects as files, a certificate, addresses, and
//! the origin. Gone when dropped.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, ensure};
use yagura_certs::LocalAuthority;
use yagura_control::clock::SystemClock;
use yagura_control::{Clock, Timestamp};

use crate::load;
use crate::objects;
use crate::process::{LOAD_CORE, Running, Start};

/// The place of a run.
#[derive(Debug)]
pub struct Place {
    /// In memory; `www/` holds the objects, `tls/` the certificate.
    pub folder: PathBuf,
    /// Where the server that is measured listens without TLS.
    pub plain: SocketAddr,
    /// Where it listens with TLS.
    pub tls: SocketAddr,
    /// Where the origin listens.
    pub origin: SocketAddr,
}

impl Place {
    /// Makes a place.
    ///
    /// # Errors
    /// There is no file system in memory, or too little room in it.
    pub fn make() -> anyhow::Result<Self> {
        let name = format!(
            "yagura-bench-{}",
            rustix::process::getpid().as_raw_nonzero()
        );
        let folder = Path::new("/dev/shm").join(name);
        fs::create_dir(&folder).context("/dev/shm, a file system in memory, is needed")?;
        let [plain, tls, origin] = free_addresses()?;
        let place = Self {
            folder,
            plain,
            tls,
            origin,
        };
        // Peers that give up root must still read it.
        fs::set_permissions(&place.folder, fs::Permissions::from_mode(0o755))?;
        place.write_objects()?;
        place.write_certificate(SystemClock.now())?;
        Ok(place)
    }

    /// The folder of the objects as files.
    pub fn www(&self) -> PathBuf {
        self.folder.join("www")
    }

    /// The certificate with its chain.
    pub fn chain(&self) -> PathBuf {
        self.folder.join("tls/chain.pem")
    }

    /// Its key.
    pub fn key(&self) -> PathBuf {
        self.folder.join("tls/key.pem")
    }

    /// Chain and key in one file.
    pub fn chain_and_key(&self) -> PathBuf {
        self.folder.join("tls/both.pem")
    }

    /// A fresh folder for one server's files.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn fresh(&self, name: &str) -> anyhow::Result<PathBuf> {
        let folder = self.folder.join(name);
        if folder.exists() {
            fs::remove_dir_all(&folder)?;
        }
        fs::create_dir(&folder)?;
        Ok(folder)
    }

    /// Starts the origin and waits until it answers.
    ///
    /// # Errors
    /// It does not come up.
    pub async fn start_origin(&self) -> anyhow::Result<Running> {
        let own = std::env::current_exe()?.display().to_string();
        let address = self.origin.to_string();
        let start = Start::new(own, &["origin", "--address", &address]);
        let mut running = Running::start(&start, LOAD_CORE, &self.folder.join("origin.log"))?;
        until_answering(self.origin, &mut running).await?;
        Ok(running)
    }

    fn write_objects(&self) -> anyhow::Result<()> {
        fs::create_dir_all(self.www().join("set"))?;
        for path in objects::files() {
            let body = objects::body(&path).unwrap_or_default();
            fs::write(self.www().join(path.trim_start_matches('/')), body)?;
        }
        Ok(())
    }

    /// One certificate (P-256) for every peer, from the same kind of authority that Yagura makes.
    fn write_certificate(&self, now: Timestamp) -> anyhow::Result<()> {
        let folder = self.folder.join("tls");
        fs::create_dir(&folder)?;
        let authority = LocalAuthority::open_or_make(&folder, now)?;
        let pem = authority.issue(&["localhost".to_owned(), "127.0.0.1".to_owned()], now)?;
        fs::write(self.chain(), &pem.chain)?;
        fs::write(self.key(), &pem.key)?;
        fs::write(self.chain_and_key(), format!("{}{}", pem.chain, pem.key))?;
        for path in [self.key(), self.chain_and_key()] {
            fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
        }
        Ok(())
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _nothing_more_can_be_done = fs::remove_dir_all(&self.folder);
    }
}

/// Waits until a server answers over plain HTTP.
///
/// # Errors
/// It ends, or takes too long.
pub async fn until_answering(address: SocketAddr, running: &mut Running) -> anyhow::Result<()> {
    for _ in 0..750 {
        running.is_alive()?;
        if load::fetch(address, &objects::sized(1), "").is_ok_and(|answer| answer.status == 200) {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let printed = running.printed();
    ensure!(false, "it does not answer at {address}:\n{printed}");
    Ok(())
}

/// Addresses nobody uses. Somebody may take one before it is used; the run ends with an error then.
fn free_addresses<const COUNT: usize>() -> anyhow::Result<[SocketAddr; COUNT]> {
    let mut listeners = Vec::new();
    let mut addresses = [SocketAddr::from((Ipv4Addr::LOCALHOST, 0)); COUNT];
    for address in &mut addresses {
        let listener = TcpListener::bind(*address)?;
        *address = listener.local_addr()?;
        listeners.push(listener);
    }
    Ok(addresses)
}
