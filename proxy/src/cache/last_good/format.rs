//! How a stored response stands in a file: pure.
//!
//! ```text
//! "YLG1"   4 bytes
//! length   of the head, 4 bytes, big-endian
//! head     JSON: key, status, fields, times, terms, tags
//! body     to the end but for
//! BLAKE3   of everything before, 32 bytes
//! ```

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use serde::{Deserialize, Serialize};
use yagura_control::{TagSet, Timestamp};

use crate::cache::policy::Terms;
use crate::cache::stored::Stored;

const MAGIC: &[u8; 4] = b"YLG1";
const HASH_BYTES: usize = 32;

/// Why a file's contents are not served.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Damage {
    /// Cut off, or not such a file at all.
    #[error("it is no last-good copy, or was cut off")]
    Shape,
    /// The hash does not match.
    #[error("its checksum does not match")]
    Hash,
    /// It answers another request.
    #[error("it holds a copy of another URL")]
    Key,
}

#[derive(Serialize, Deserialize)]
struct Head {
    key: String,
    status: u16,
    fields: Vec<(String, Vec<u8>)>,
    requested_at: Timestamp,
    received_at: Timestamp,
    terms: Terms,
    tags: TagSet,
}

/// The file's contents for a response.
///
/// # Errors
/// When the head cannot be written as JSON or is larger than a file can say.
pub fn encode(stored: &Stored) -> Result<Vec<u8>, serde_json::Error> {
    let fields = stored.headers.iter();
    let head = Head {
        key: stored.key.clone(),
        status: stored.status.as_u16(),
        fields: fields
            .map(|(name, value)| (name.to_string(), value.as_bytes().to_vec()))
            .collect(),
        requested_at: stored.requested_at,
        received_at: stored.received_at,
        terms: stored.terms.clone(),
        tags: stored.tags.clone(),
    };
    let head = serde_json::to_vec(&head)?;
    let length = u32::try_from(head.len()).map_err(serde::ser::Error::custom)?;
    let mut file = Vec::with_capacity(head.len() + stored.body.len() + 64);
    file.extend_from_slice(MAGIC);
    file.extend_from_slice(&length.to_be_bytes());
    file.extend_from_slice(&head);
    file.extend_from_slice(&stored.body);
    let hash = blake3::hash(&file);
    file.extend_from_slice(hash.as_bytes());
    Ok(file)
}

/// The response in a file, if every byte is as it was written and it answers `key`.
///
/// # Errors
/// What is wrong with it.
pub fn decode(file: &Bytes, key: &str) -> Result<Stored, Damage> {
    let (sound, hash) = file
        .len()
        .checked_sub(HASH_BYTES)
        .and_then(|end| file.split_at_checked(end))
        .ok_or(Damage::Shape)?;
    if blake3::hash(sound).as_bytes().as_slice() != hash {
        return Err(Damage::Hash);
    }
    let (head, body_start) = head(sound)?;
    if head.key != key {
        return Err(Damage::Key);
    }
    stored(head, file.slice(body_start..sound.len()))
}

/// What the beginning of a file says, unchecked and without the body: which copies to look at.
pub(super) fn peek(file: &[u8]) -> Option<Stored> {
    let (head, _) = head(file).ok()?;
    stored(head, Bytes::new()).ok()
}

fn stored(head: Head, body: Bytes) -> Result<Stored, Damage> {
    // More fields than a map takes are of no origin: `append` would panic.
    let mut headers = HeaderMap::try_with_capacity(head.fields.len()).map_err(|_| Damage::Shape)?;
    for (name, value) in head.fields {
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| Damage::Shape)?;
        let value =
            HeaderValue::from_maybe_shared(Bytes::from(value)).map_err(|_| Damage::Shape)?;
        headers.try_append(name, value).map_err(|_| Damage::Shape)?;
    }
    Ok(Stored {
        key: head.key,
        status: StatusCode::from_u16(head.status).map_err(|_| Damage::Shape)?,
        headers,
        body,
        requested_at: head.requested_at,
        received_at: head.received_at,
        terms: head.terms,
        tags: head.tags,
    })
}

fn head(file: &[u8]) -> Result<(Head, usize), Damage> {
    let rest = file.strip_prefix(MAGIC).ok_or(Damage::Shape)?;
    let (length, rest) = rest.split_first_chunk::<4>().ok_or(Damage::Shape)?;
    let length = usize::try_from(u32::from_be_bytes(*length)).map_err(|_| Damage::Shape)?;
    let head = rest.get(..length).ok_or(Damage::Shape)?;
    let head = serde_json::from_slice(head).map_err(|_| Damage::Shape)?;
    Ok((head, MAGIC.len() + 4 + length))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cache::stored::tests::response;
    use proptest::prelude::*;

    const KEY: &str = "town\n\n/a.html";

    fn file() -> Vec<u8> {
        encode(&response(
            KEY,
            "the text of the page",
            "page-1",
            Timestamp(7),
        ))
        .unwrap()
    }

    #[test]
    fn what_was_written_is_read() {
        let stored = response(KEY, "the text of the page", "page-1", Timestamp(7));
        assert_eq!(
            decode(&Bytes::from(encode(&stored).unwrap()), KEY).unwrap(),
            stored
        );
    }

    #[test]
    fn every_flipped_bit_is_seen() {
        let sound = file();
        for position in 0..sound.len() {
            for bit in 0..8 {
                let mut damaged = sound.clone();
                damaged[position] ^= 1 << bit;
                assert!(
                    decode(&Bytes::from(damaged), KEY).is_err(),
                    "byte {position}, bit {bit}"
                );
            }
        }
    }

    #[test]
    fn every_cut_is_seen() {
        let sound = file();
        for length in 0..sound.len() {
            assert!(
                decode(&Bytes::copy_from_slice(&sound[..length]), KEY).is_err(),
                "{length} bytes"
            );
        }
    }

    #[test]
    fn more_fields_than_a_map_takes_are_damage() {
        let (mut head, _) = head(&file()).unwrap();
        let one = ("x".to_owned(), b"1".to_vec());
        for count in [30_000, 40_000] {
            head.fields = vec![one.clone(); count];
            assert_eq!(stored_from(&head), Err(Damage::Shape), "{count}");
        }
    }

    fn stored_from(head: &Head) -> Result<Stored, Damage> {
        let json = serde_json::to_vec(head).unwrap();
        stored(serde_json::from_slice(&json).unwrap(), Bytes::new())
    }

    #[test]
    fn a_copy_of_another_url_is_not_served() {
        assert_eq!(
            decode(&Bytes::from(file()), "town\n\n/b.html"),
            Err(Damage::Key)
        );
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = (peek(&bytes), decode(&Bytes::from(bytes), KEY));
        }
    }
}
