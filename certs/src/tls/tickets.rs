//! Session tickets (RFC 8446, section 4.6.1; RFC 5077): a reader who comes back shakes hands without
//! the private key, also when the edge was started anew in the meantime.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arc_swap::ArcSwap;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::rand::{SecureRandom, SystemRandom};
use rustls::server::ProducesTickets;
use yagura_control::Timestamp;

use super::ticket_keys::{NAME, SECRET, TICKET, TicketKey, TicketKeys};
use crate::CertError;
use crate::store::write_private;

/// Where keys are kept, in the folder of the certificates.
const FILE: &str = "ticket-keys";

/// Makes and reads tickets. A ticket is the key's name, a nonce, and the session, encrypted with
/// AES-256-GCM.
pub struct Tickets {
    /// The file; none keeps keys in memory alone.
    file: Option<PathBuf>,
    ready: ArcSwap<Ready>,
    random: SystemRandom,
}

/// The keys, ready to be used.
#[derive(Default)]
struct Ready {
    keys: TicketKeys,
    ciphers: Vec<([u8; NAME], LessSafeKey)>,
}

impl std::fmt::Debug for Tickets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tickets")
            .field("keys", &self.ready.load().keys)
            .finish_non_exhaustive()
    }
}

impl Tickets {
    /// With the keys of the folder, as far as they are still good. What cannot be read or written
    /// costs readers a whole handshake and nothing else; it is told in the log.
    #[must_use]
    pub fn open(folder: Option<&Path>, now: Timestamp) -> Arc<Self> {
        let file = folder.map(|folder| folder.join(FILE));
        let keys = file.as_deref().and_then(kept).unwrap_or_default();
        let tickets = Self {
            file,
            ready: ArcSwap::from_pointee(Ready::of(keys)),
            random: SystemRandom::new(),
        };
        if let Err(error) = tickets.turn(now) {
            tracing::warn!(%error, "keys of session tickets are not kept");
        }
        Arc::new(tickets)
    }

    /// Makes a new key when it is time and forgets those that are too old; to be called now and then.
    ///
    /// # Errors
    /// The keys in force cannot be written; they are in force all the same.
    pub fn turn(&self, now: Timestamp) -> Result<(), CertError> {
        let mut drawn = true;
        let turned = self.ready.load().keys.turned(now, || {
            let mut key = TicketKey {
                name: [0; NAME],
                secret: [0; SECRET],
                made_at: now,
            };
            drawn = self.random.fill(&mut key.name).is_ok()
                && self.random.fill(&mut key.secret).is_ok();
            key
        });
        let Some(keys) = turned else { return Ok(()) };
        if !drawn {
            return Err(CertError::Unusable(
                "the system gives no random numbers".to_owned(),
            ));
        }
        let written = keys.written();
        self.ready.store(Arc::new(Ready::of(keys)));
        let Some(file) = &self.file else {
            return Ok(());
        };
        if let Some(folder) = file.parent() {
            std::fs::create_dir_all(folder).map_err(CertError::at(folder))?;
        }
        write_private(file, written.as_bytes())
    }
}

/// The keys of a file; none when there is none, or when it holds something else.
fn kept(file: &Path) -> Option<TicketKeys> {
    match std::fs::read_to_string(file) {
        Ok(text) => {
            let keys = TicketKeys::read(&text);
            if keys.is_none() {
                tracing::warn!(file = %file.display(), "holds no keys of session tickets; they are made anew");
            }
            keys
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        Err(error) => {
            tracing::warn!(file = %file.display(), %error, "cannot be read; keys of session tickets are made anew");
            None
        }
    }
}

impl Ready {
    fn of(keys: TicketKeys) -> Self {
        let ciphers = keys.iter().filter_map(|key| {
            let cipher = UnboundKey::new(&AES_256_GCM, &key.secret).ok()?;
            Some((key.name, LessSafeKey::new(cipher)))
        });
        let ciphers = ciphers.collect();
        Self { keys, ciphers }
    }
}

impl ProducesTickets for Tickets {
    fn enabled(&self) -> bool {
        true
    }

    fn lifetime(&self) -> u32 {
        u32::try_from(TICKET.as_secs()).unwrap_or(u32::MAX)
    }

    fn encrypt(&self, plain: &[u8]) -> Option<Vec<u8>> {
        let ready = self.ready.load();
        let (name, cipher) = ready.ciphers.first()?;
        // Random nonces repeat with a chance of 2^-32 after 2^32 tickets of one key (SP 800-38D,
        // section 8.3): a hundred thousand a second for twelve hours.
        let mut nonce = [0; NONCE_LEN];
        self.random.fill(&mut nonce).ok()?;
        let mut sealed = plain.to_vec();
        cipher
            .seal_in_place_append_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(name),
                &mut sealed,
            )
            .ok()?;
        Some([name.as_slice(), &nonce, &sealed].concat())
    }

    fn decrypt(&self, ticket: &[u8]) -> Option<Vec<u8>> {
        let (name, rest) = ticket.split_first_chunk::<NAME>()?;
        let (nonce, sealed) = rest.split_first_chunk::<NONCE_LEN>()?;
        let ready = self.ready.load();
        let (_, cipher) = ready.ciphers.iter().find(|(of, _)| of == name)?;
        let mut sealed = sealed.to_vec();
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let plain = cipher
            .open_in_place(nonce, Aad::from(name), &mut sealed)
            .ok()?;
        Some(plain.to_vec())
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;
    use std::time::Duration;

    use proptest::prelude::*;

    use super::super::ticket_keys::TURN;
    use super::*;

    const NOW: Timestamp = Timestamp(1_795_400_000_000);

    #[test]
    fn a_ticket_outlives_the_process_and_a_turn_but_not_a_day() {
        let folder = tempfile::tempdir().unwrap();
        let ticket = Tickets::open(Some(folder.path()), NOW)
            .encrypt(b"session")
            .unwrap();
        let restarted = Tickets::open(Some(folder.path()), NOW.plus(Duration::from_secs(60)));
        assert_eq!(restarted.decrypt(&ticket).unwrap(), b"session");
        restarted.turn(NOW.plus(TURN)).unwrap();
        assert_eq!(restarted.decrypt(&ticket).unwrap(), b"session");
        assert_ne!(
            restarted.encrypt(b"session").unwrap()[..NAME],
            ticket[..NAME]
        );
        restarted.turn(NOW.plus(TURN + TICKET)).unwrap();
        assert_eq!(restarted.decrypt(&ticket), None);
        let file = folder.path().join(FILE);
        let kept = std::fs::read_to_string(&file).unwrap();
        assert_eq!(kept.lines().count(), 2);
        let mode = std::fs::metadata(&file).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_damaged_file_costs_old_tickets_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let ticket = Tickets::open(Some(folder.path()), NOW)
            .encrypt(b"session")
            .unwrap();
        std::fs::write(folder.path().join(FILE), "no keys").unwrap();
        let tickets = Tickets::open(Some(folder.path()), NOW);
        assert_eq!(tickets.decrypt(&ticket), None);
        let new = tickets.encrypt(b"session").unwrap();
        assert_eq!(tickets.decrypt(&new).unwrap(), b"session");
    }

    proptest! {
        #[test]
        fn no_other_bytes_are_taken_for_a_ticket(bytes: Vec<u8>, at: prop::sample::Index, by in 1..=255u8) {
            let tickets = Tickets::open(None, NOW);
            prop_assert_eq!(tickets.decrypt(&bytes), None);
            let mut ticket = tickets.encrypt(b"session").unwrap();
            let at = at.index(ticket.len());
            ticket[at] ^= by;
            prop_assert_eq!(tickets.decrypt(&ticket), None);
        }
    }
}
