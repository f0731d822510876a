//! Who may give orders, as the configuration in force says: swapped whole when it is read again, so
//! that an order is judged by one state of it. Connections hold what they prove, not who they are.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::Arc;

use arc_swap::{ArcSwap, ArcSwapOption};
use yagura_config::Settings;

use super::access::Access;

/// The operators in force, and the TLS of orders from afar.
pub struct Gate {
    access: ArcSwap<Access>,
    tls: ArcSwapOption<rustls::ServerConfig>,
    socket: Option<PathBuf>,
}

/// Who is let in, as a configuration says.
pub struct Admission {
    access: Access,
    tls: Option<rustls::ServerConfig>,
}

impl Admission {
    /// Reads the files that the settings name, and looks up the users.
    ///
    /// # Errors
    /// What is wrong, and with which.
    pub fn of(settings: &Settings) -> Result<Self, String> {
        let own_user = rustix::process::geteuid().as_raw();
        let access = Access::of(settings, own_user, number_of)?;
        let tls = settings.control.as_ref().map(|control| {
            yagura_certs::mutual::server(&control.certificate, &control.key, &control.trust)
                .map_err(|error| error.to_string())
        });
        let tls = tls.transpose()?;
        Ok(Self { access, tls })
    }
}

/// The number of a Unix user.
fn number_of(name: &str) -> Option<u32> {
    let user = nix::unistd::User::from_name(name).ok().flatten();
    user.map(|user| user.uid.as_raw())
}

impl Gate {
    /// The gate of an edge that takes orders on this socket.
    #[must_use]
    pub fn new(admission: Admission, socket: Option<PathBuf>) -> Self {
        let gate = Self {
            access: ArcSwap::default(),
            tls: ArcSwapOption::empty(),
            socket,
        };
        gate.put_in_force(admission);
        gate
    }

    /// Judges from now on by this.
    pub fn put_in_force(&self, admission: Admission) {
        // The peer's user decides who may give orders; then everybody may knock.
        let mode = match admission.access.lets_other_users_in() {
            true => 0o666,
            false => 0o600,
        };
        self.access.store(Arc::new(admission.access));
        self.tls.store(admission.tls.map(Arc::new));
        if let Some(socket) = &self.socket {
            let permissions = std::fs::Permissions::from_mode(mode);
            if let Err(error) = std::fs::set_permissions(socket, permissions) {
                tracing::error!(%error, "other users cannot open the control socket, or still can");
            }
        }
    }

    /// The operators in force.
    #[must_use]
    pub fn access(&self) -> Arc<Access> {
        self.access.load_full()
    }

    /// How orders from afar are spoken with; none when they are not taken.
    #[must_use]
    pub fn tls(&self) -> Option<Arc<rustls::ServerConfig>> {
        self.tls.load_full()
    }
}
