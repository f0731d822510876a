//! Whether an address is free, and who holds it when it is not (proc(5): /proc/net/tcp and the
//! open files of processes).

use std::fs;
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::path::Path;

use anyhow::bail;

use super::town::Town;

/// Refuses to start when an address of the town is taken, naming who holds it.
pub(crate) fn must_be_free(town: &Town) -> anyhow::Result<()> {
    for (port, flag) in [(town.http, "--http"), (town.https, "--https")] {
        let address = SocketAddr::new(town.address, port);
        match TcpListener::bind(address) {
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => {
                bail!(
                    "{}",
                    in_use(address, &format!("choose another port with {flag}"))
                );
            }
            Err(error) => {
                bail!("cannot listen on {address}: {error}\n  choose another with {flag}")
            }
        }
    }
    Ok(())
}

/// The message for an address that is taken; `otherwise` is what to do instead of stopping them.
pub(crate) fn in_use(address: SocketAddr, otherwise: &str) -> String {
    match holder(address) {
        Some((name, pid)) => {
            format!("{address} is held by {name} (pid {pid})\n  stop it, or {otherwise}")
        }
        None => format!(
            "{address} is in use by a process that this user may not see\n  \
             find it with `sudo ss -ltnp sport = :{}`, or {otherwise}",
            address.port()
        ),
    }
}

/// Name and process number of who listens at an address.
fn holder(address: SocketAddr) -> Option<(String, u32)> {
    let inodes: Vec<u64> = ["/proc/net/tcp", "/proc/net/tcp6"]
        .iter()
        .filter_map(|table| fs::read_to_string(table).ok())
        .flat_map(|table| listeners(&table, address))
        .collect();
    let processes = fs::read_dir("/proc").ok()?.flatten();
    processes
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .find_map(|pid: u32| {
            let folder = format!("/proc/{pid}");
            let holds = inodes
                .iter()
                .any(|inode| has_open(Path::new(&folder), *inode));
            holds.then(|| {
                (
                    fs::read_to_string(format!("{folder}/comm"))
                        .unwrap_or_default()
                        .trim()
                        .to_owned(),
                    pid,
                )
            })
        })
}

/// Inodes of the sockets in one table of the kernel that listen where `address` would.
fn listeners(table: &str, address: SocketAddr) -> Vec<u64> {
    const LISTENING: &str = "0A";
    let columns = table
        .lines()
        .skip(1)
        .map(|line| line.split_ascii_whitespace().collect::<Vec<_>>());
    columns
        .filter(|columns| columns.get(3) == Some(&LISTENING))
        .filter(|columns| columns.get(1).is_some_and(|local| overlaps(local, address)))
        .filter_map(|columns| columns.get(9)?.parse().ok())
        .collect()
}

/// Whether a local address as the kernel writes it (`0100007F:1F90`) keeps `address` taken:
/// the same port, and the same IP or every IP.
fn overlaps(local: &str, address: SocketAddr) -> bool {
    let Some((ip, port)) = local.split_once(':') else {
        return false;
    };
    if u16::from_str_radix(port, 16) != Ok(address.port()) {
        return false;
    }
    let everywhere = ip.bytes().all(|digit| digit == b'0');
    let same = match address.ip() {
        IpAddr::V4(v4) => u32::from_str_radix(ip, 16) == Ok(u32::from_ne_bytes(v4.octets())),
        IpAddr::V6(_) => ip.len() == 32,
    };
    everywhere || same
}

fn has_open(process: &Path, inode: u64) -> bool {
    let wanted = format!("socket:[{inode}]");
    let Ok(files) = fs::read_dir(process.join("fd")) else {
        return false;
    };
    files.flatten().any(|file| {
        fs::read_link(file.path()).is_ok_and(|link| link.as_os_str() == wanted.as_str())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_holder_of_a_port_is_named() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (_, pid) = holder(listener.local_addr().unwrap()).unwrap();
        assert_eq!(pid, std::process::id());
    }

    #[test]
    fn a_free_port_has_no_holder() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        drop(listener);
        assert_eq!(holder(address), None);
    }

    #[test]
    fn a_listener_on_every_address_holds_each() {
        let address: SocketAddr = "127.0.0.1:8080".parse().unwrap();
        assert!(overlaps("00000000:1F90", address));
        assert!(overlaps("0100007F:1F90", address));
        assert!(!overlaps("0100007F:1F91", address));
        assert!(!overlaps("0200007F:1F90", address));
    }
}
