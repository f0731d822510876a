//! Authorities, zones and keys as `yagura-certs` wants them, from the settings. Files of secrets are
//! read when they are needed, so that a file put right counts at the next attempt.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;

use base64::Engine;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use secrecy::SecretSlice;
use yagura_certs::acme::{Authority, ChallengeKind, ExternalAccount, Failure, Pending, Solver};
use yagura_certs::csr::RequestKey;
use yagura_certs::dns::{self, KeyAlgorithm, Place, Zone};
use yagura_config::settings::{
    AuthoritySettings, CertificatesSettings, ChallengeSetting, DnsSettings, KeySetting,
    TsigAlgorithm,
};
use yagura_control::Clock;

use super::hand_over::Everywhere;

/// An authority by its name, and who shows proofs to it.
///
/// # Errors
/// A file of a secret cannot be used.
pub fn asked(
    settings: &CertificatesSettings,
    name: &str,
    pending: &Arc<Pending>,
    clock: &Arc<dyn Clock>,
) -> Result<(Authority, Arc<dyn Solver>), Failure> {
    let found = settings.authorities.iter().find(|it| it.name == name);
    let found = found.ok_or_else(|| unknown(&format!("the authority \"{name}\"")))?;
    let solver: Arc<dyn Solver> = match &found.challenge {
        ChallengeSetting::Dns01 { dns } => Arc::new(zone_named(settings, dns, clock)?),
        ChallengeSetting::TlsAlpn01 | ChallengeSetting::Http01 => match &settings.others {
            None => pending.clone(),
            Some(others) => Arc::new(Everywhere {
                here: pending.clone(),
                others: others.clone(),
                clock: clock.clone(),
            }),
        },
    };
    Ok((authority(found)?, solver))
}

/// The kind of key that the settings mean.
#[must_use]
pub const fn key_kind(setting: KeySetting) -> RequestKey {
    match setting {
        KeySetting::P256 => RequestKey::P256,
        KeySetting::P384 => RequestKey::P384,
        KeySetting::Rsa2048 => RequestKey::Rsa2048,
        KeySetting::Rsa3072 => RequestKey::Rsa3072,
    }
}

fn authority(settings: &AuthoritySettings) -> Result<Authority, Failure> {
    let external = settings.external_account.as_ref().map(|external| {
        let text = secret_text(&external.key_file)?;
        let packed: String = text.split_whitespace().collect();
        let key = BASE64_URL_SAFE_NO_PAD
            .decode(packed.trim_end_matches('='))
            .or_else(|_| BASE64_STANDARD.decode(&packed));
        let key = key.map_err(|_| {
            let words = format!("{} holds no key in Base64", external.key_file.display());
            Failure::new(words, "put the HMAC key there as the authority gave it")
        })?;
        Ok(ExternalAccount {
            key_id: external.key_id.clone(),
            key: SecretSlice::from(key),
        })
    });
    Ok(Authority {
        name: settings.name.clone(),
        directory: settings.directory.clone(),
        trust: settings.trust.clone(),
        contact: settings.contact.clone(),
        challenge: match settings.challenge {
            ChallengeSetting::TlsAlpn01 => ChallengeKind::TlsAlpn01,
            ChallengeSetting::Http01 => ChallengeKind::Http01,
            ChallengeSetting::Dns01 { .. } => ChallengeKind::Dns01,
        },
        profile: settings.profile.clone(),
        external_account: external.transpose()?,
    })
}

/// A zone by its name in the configuration.
///
/// # Errors
/// It is not configured, or the file of its key cannot be used.
pub fn zone_named(
    settings: &CertificatesSettings,
    name: &str,
    clock: &Arc<dyn Clock>,
) -> Result<Zone, Failure> {
    let found = settings.dns.iter().find(|zone| zone.name == *name);
    let found = found.ok_or_else(|| unknown(&format!("the [[dns]] \"{name}\"")))?;
    zone(found, clock)
}

fn unknown(what: &str) -> Failure {
    let advice = "correct the configuration and reload it";
    Failure::new(format!("{what} is not configured"), advice)
}

fn zone(settings: &DnsSettings, clock: &Arc<dyn Clock>) -> Result<Zone, Failure> {
    let text = secret_text(&settings.secret_file)?;
    let secret = dns::secret(&text).ok_or_else(|| {
        let words = format!("{} holds no key in Base64", settings.secret_file.display());
        Failure::new(words, "put there what `tsig-keygen` writes")
    })?;
    let place = Place {
        zone: settings.zone.clone(),
        server: settings.server,
        answering: settings.servers.clone(),
        key_name: settings.key_name.clone(),
        algorithm: match settings.algorithm {
            TsigAlgorithm::HmacSha256 => KeyAlgorithm::HmacSha256,
            TsigAlgorithm::HmacSha384 => KeyAlgorithm::HmacSha384,
            TsigAlgorithm::HmacSha512 => KeyAlgorithm::HmacSha512,
        },
        secret,
    };
    Zone::new(place, clock.clone())
}

/// The text of a file that only its owner may read.
fn secret_text(file: &Path) -> Result<String, Failure> {
    let shown = file.display();
    let unreadable = |error: std::io::Error| {
        let advice = "put it there, readable for the user that the edge runs as";
        Failure::new(format!("{shown} cannot be read: {error}"), advice)
    };
    let mode = std::fs::metadata(file)
        .map_err(unreadable)?
        .permissions()
        .mode();
    if mode & 0o077 != 0 {
        let words = format!("{shown} holds a secret and others may read it");
        return Err(Failure::new(words, format!("run: chmod 600 {shown}")));
    }
    std::fs::read_to_string(file).map_err(unreadable)
}

/// Every file of a secret that cannot be used, in words.
#[must_use]
pub fn unusable_secrets(settings: &CertificatesSettings) -> Vec<String> {
    let external = settings.authorities.iter();
    let external = external.filter_map(|it| it.external_account.as_ref().map(|it| &it.key_file));
    let files = external.chain(settings.dns.iter().map(|dns| &dns.secret_file));
    let failed = files.filter_map(|file| secret_text(file).err());
    failed.map(|failure| failure.to_string()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_that_others_may_read_is_refused_with_the_command_that_mends_it() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("tsig.key");
        let refusal = secret_text(&file).unwrap_err();
        assert!(refusal.words.contains("cannot be read"), "{refusal}");
        std::fs::write(&file, "c2VjcmV0").unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o640)).unwrap();
        let refusal = secret_text(&file).unwrap_err();
        assert!(refusal.advice.contains("chmod 600"), "{refusal}");
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
        assert_eq!(secret_text(&file).unwrap(), "c2VjcmV0");
    }
}
