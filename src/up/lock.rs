//! One supervisor a data folder: a lock the kernel drops when its holder dies.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;

use anyhow::{Context, bail};
use rustix::fs::{FlockOperation, flock};

/// Takes the lock, or names the process that has it. Held until the value is dropped.
pub(crate) fn take(data: &Path) -> anyhow::Result<File> {
    let path = data.join("run/up.lock");
    let mut file = File::options()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(&path)
        .with_context(|| format!("cannot open {}", path.display()))?;
    if flock(&file, FlockOperation::NonBlockingLockExclusive).is_err() {
        let mut holder = String::new();
        file.read_to_string(&mut holder)?;
        bail!(
            "{} is already served by another `yagura up` (pid {})\n  stop that one, or name another folder with --data",
            data.display(),
            holder.trim()
        );
    }
    file.set_len(0)?;
    file.seek(SeekFrom::Start(0))?;
    writeln!(file, "{}", std::process::id())?;
    Ok(file)
}
