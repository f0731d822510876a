//! Debian packages of peers and load generators. As root, what is missing is installed, without any
//! of its services being started; otherwise the packages are named.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{bail, ensure};

/// A package, and the program by which it is seen.
#[derive(Clone, Copy, Debug)]
pub struct Package {
    pub name: &'static str,
    pub program: &'static str,
}

impl Package {
    /// A package seen by a program.
    pub const fn new(name: &'static str, program: &'static str) -> Self {
        Self { name, program }
    }
}

/// Debian asks this file whether a service may be started.
const POLICY: &str = "/usr/sbin/policy-rc.d";

/// Sees to it that these are there.
///
/// # Errors
/// Something is missing and cannot be installed, or this is not root.
pub fn ensure(packages: &[Package]) -> anyhow::Result<()> {
    let mut missing: Vec<&str> = packages
        .iter()
        .filter(|package| !is_there(package.program))
        .map(|package| package.name)
        .collect();
    missing.sort_unstable();
    missing.dedup();
    if missing.is_empty() {
        return Ok(());
    }
    if !rustix::process::getuid().is_root() {
        bail!(
            "these packages are missing; install them with:\n  sudo apt-get install --no-install-recommends {}",
            missing.join(" ")
        );
    }
    eprintln!("installing: {}", missing.join(" "));
    let _policy = NoServices::enforce()?;
    if !apt(&["install", "-y", "--no-install-recommends"], &missing)? {
        apt(&["update"], &[])?;
        ensure!(
            apt(&["install", "-y", "--no-install-recommends"], &missing)?,
            "apt-get could not install {}",
            missing.join(" ")
        );
    }
    // Where systemd runs it would start them at the next boot.
    if Path::new("/run/systemd/system").exists() {
        for name in missing {
            let quietly = Command::new("systemctl")
                .args(["disable", "--now", name])
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .status();
            let _has_no_service = quietly;
        }
    }
    Ok(())
}

fn is_there(program: &str) -> bool {
    let folders = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    folders
        .split(':')
        .any(|folder| Path::new(folder).join(program).exists())
}

fn apt(arguments: &[&str], packages: &[&str]) -> anyhow::Result<bool> {
    let status = Command::new("apt-get")
        .arg("-qq")
        .args(arguments)
        .args(packages)
        .env("DEBIAN_FRONTEND", "noninteractive")
        .stdout(Stdio::null())
        .status()?;
    Ok(status.success())
}

/// While it lives, no installed service is started. A policy of the machine's own is respected.
struct NoServices {
    ours: bool,
}

impl NoServices {
    fn enforce() -> anyhow::Result<Self> {
        let ours = !Path::new(POLICY).exists();
        if ours {
            // 101: the action is forbidden.
            fs::write(POLICY, "#!/bin/sh\nexit 101\n")?;
            fs::set_permissions(POLICY, fs::Permissions::from_mode(0o755))?;
        }
        Ok(Self { ours })
    }
}

impl Drop for NoServices {
    fn drop(&mut self) {
        if self.ours {
            let _it_was_ours = fs::remove_file(POLICY);
        }
    }
}
