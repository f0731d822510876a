//! The security cloud: HAProxy, which ends TLS with a certificate of its own and speaks TLS with the
//! edge from an address of its own.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;
use tokio::net::TcpStream;

use crate::town::eventually;
use crate::town::operators::Held;
use crate::town::process::Running;

/// A running cloud.
pub struct Cloud {
    running: Running,
    _folder: TempDir,
}

impl Cloud {
    /// Starts one at `address` before `edge`, whose certificate for the host it checks.
    pub async fn start(
        address: SocketAddr,
        edge: SocketAddr,
        held: &Held,
        (host, trust): (&str, &Path),
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let chain = std::fs::read_to_string(&held.certificate).unwrap();
        let key = std::fs::read_to_string(&held.key).unwrap();
        std::fs::write(path("cloud.pem"), format!("{chain}\n{key}")).unwrap();
        let text = format!(
            "defaults\n  mode http\n  timeout connect 5s\n  timeout client 30s\n  \
             timeout server 30s\n  option forwardfor\n  retries 3\n  option redispatch\n\
             frontend readers\n  bind {address} ssl crt {} alpn h2,http/1.1\n  \
             default_backend city\n\
             backend city\n  server edge {edge} source {} ssl verify required ca-file {} \
             sni str({host}) verifyhost {host}\n",
            path("cloud.pem").display(),
            address.ip(),
            trust.display(),
        );
        std::fs::write(path("haproxy.cfg"), text).unwrap();
        let mut command = Command::new("/usr/sbin/haproxy");
        command.args(["-db", "-f"]).arg(path("haproxy.cfg"));
        let running = Running::start_command(&mut command, &path("log"));
        eventually("the cloud listens", || async {
            TcpStream::connect(address).await.ok()
        })
        .await;
        Self {
            running,
            _folder: folder,
        }
    }

    /// Kills it.
    pub fn kill(self) {
        self.running.kill();
    }
}
