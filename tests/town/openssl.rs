//! OpenSSL as an authority, and as a judge of what is made here.

use std::path::Path;
use std::process::Command;

/// Runs it in a folder, where it must succeed; what it prints. Arguments stand between single spaces.
pub fn openssl(folder: &Path, arguments: &str) -> String {
    let done = Command::new("openssl")
        .args(arguments.split(' '))
        .current_dir(folder)
        .output()
        .expect("the package openssl is installed");
    let told = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "openssl {arguments}: {told}");
    String::from_utf8(done.stdout).unwrap()
}
