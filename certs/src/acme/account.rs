//! The accounts at authorities, one file for each directory: `accounts/HASH.json`, mode 0600. An
//! account is made at the first order and used from then on by both clients.

use std::fs;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use rustls_pki_types::PrivatePkcs8KeyDer;
use serde::{Deserialize, Serialize};

use super::failure::Failure;
use crate::inspect::sha256;
use crate::store::write_private;

/// What is remembered of an account. The format is that of instant-acme's credentials.
#[derive(Deserialize, Serialize)]
pub(super) struct Account {
    /// The account's URL at the authority.
    pub(super) id: String,
    key_pkcs8: String,
    directory: String,
}

/// The file of one account.
#[derive(Clone, Debug)]
pub(super) struct AccountFile(PathBuf);

impl AccountFile {
    /// The file of the account at this directory; with External Account Binding, of this key there.
    pub(super) fn of(folder: &Path, directory: &str, external: Option<&str>) -> Self {
        let named = format!("{directory}\n{}", external.unwrap_or_default());
        let mut short = sha256(named.as_bytes());
        short.truncate(24);
        Self(folder.join("accounts").join(format!("{short}.json")))
    }

    /// The account, when there is one.
    pub(super) fn load(&self) -> Result<Option<Account>, Failure> {
        let bytes = match fs::read(&self.0) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(self.unusable(&error)),
        };
        serde_json::from_slice(&bytes).map(Some).map_err(|_| {
            let words = format!("{} is damaged", self.0.display());
            let advice = "restore it from a backup, or move it away to have a new account made";
            Failure::new(words, advice)
        })
    }

    /// Remembers an account.
    pub(super) fn save(&self, account: &impl Serialize) -> Result<(), Failure> {
        let bytes = serde_json::to_vec(account).map_err(|error| self.unusable(&error))?;
        let write = || {
            let folder = self.0.parent().unwrap_or(Path::new("."));
            fs::create_dir_all(folder).map_err(|error| self.unusable(&error))?;
            write_private(&self.0, &bytes).map_err(|error| self.unusable(&error))
        };
        write()
    }

    /// Forgets an account that the authority does not know any more.
    pub(super) fn forget(&self) {
        if let Err(error) = fs::remove_file(&self.0) {
            tracing::debug!(%error, file = %self.0.display(), "no account to forget");
        }
    }

    fn unusable(&self, error: &dyn std::fmt::Display) -> Failure {
        let words = format!(
            "the account file {} cannot be used: {error}",
            self.0.display()
        );
        Failure::new(
            words,
            "check the permissions and the space left on the disk",
        )
    }
}

impl Account {
    /// An account with this key.
    pub(super) fn new(id: String, key_pkcs8: &[u8], directory: &str) -> Self {
        Self {
            id,
            key_pkcs8: BASE64_URL_SAFE_NO_PAD.encode(key_pkcs8),
            directory: directory.to_owned(),
        }
    }

    /// The private key.
    pub(super) fn key(&self) -> Result<PrivatePkcs8KeyDer<'static>, Failure> {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(&self.key_pkcs8);
        bytes.map(PrivatePkcs8KeyDer::from).map_err(|_| {
            let advice = "restore it from a backup, or move it away to have a new account made";
            Failure::new("the account's key is damaged", advice)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn an_account_is_private_and_one_of_its_directory() {
        let folder = tempfile::tempdir().unwrap();
        let of = |directory, external| AccountFile::of(folder.path(), directory, external);
        let file = of("https://a.example/dir", None);
        assert!(file.load().unwrap().is_none());
        let account = Account::new(
            "https://a.example/1".to_owned(),
            b"key",
            "https://a.example/dir",
        );
        file.save(&account).unwrap();
        assert_eq!(file.load().unwrap().unwrap().id, "https://a.example/1");
        let mode = fs::metadata(&file.0).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert!(of("https://b.example/dir", None).load().unwrap().is_none());
        assert!(
            of("https://a.example/dir", Some("kid"))
                .load()
                .unwrap()
                .is_none()
        );
        file.forget();
        assert!(file.load().unwrap().is_none());
    }

    #[test]
    fn a_damaged_account_is_told_with_what_to_do() {
        let folder = tempfile::tempdir().unwrap();
        let file = AccountFile::of(folder.path(), "https://a.example/dir", None);
        fs::create_dir_all(file.0.parent().unwrap()).unwrap();
        fs::write(&file.0, "{").unwrap();
        let failure = file.load().err().unwrap();
        assert!(failure.to_string().contains("move it away"), "{failure}");
    }
}
