//! Sends messages to one server: updates over TCP and signed, questions over UDP, and over TCP where
//! an answer is too long or does not come.

use std::net::SocketAddr;
use std::time::Duration;

use hickory_proto::op::{Message, Query, ResponseCode};
use hickory_proto::rr::rdata::tsig::TsigAlgorithm;
use hickory_proto::rr::{Name, RData, RecordType, TSigner};
use secrecy::{ExposeSecret, SecretSlice};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};
use yagura_control::Timestamp;

use super::update::Update;

/// How long one message may take over TCP.
const LONGEST: Duration = Duration::from_secs(15);
/// How long an answer over UDP is waited for, and how often it is asked.
const DATAGRAM: Duration = Duration::from_secs(2);
const DATAGRAMS: usize = 2;
/// Longest answer over UDP that is taken (RFC 1035 has 512, and no EDNS is sent).
const DATAGRAM_BYTES: usize = 1232;
/// How far the clocks of both sides may differ, in seconds (RFC 8945, section 10).
const FUDGE_S: u16 = 300;

/// How a key signs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum KeyAlgorithm {
    /// hmac-sha256
    #[default]
    HmacSha256,
    /// hmac-sha384
    HmacSha384,
    /// hmac-sha512
    HmacSha512,
}

/// The key that updates are signed with.
#[derive(Clone, Debug)]
pub(super) struct Key {
    /// Its name at the server.
    pub(super) name: Name,
    /// How it signs.
    pub(super) algorithm: KeyAlgorithm,
    /// The key.
    pub(super) secret: SecretSlice<u8>,
}

/// Why a server did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum NoAnswer {
    /// It cannot be reached.
    #[error("the DNS server {server} cannot be reached: {cause}")]
    Unreachable {
        /// Which.
        server: SocketAddr,
        /// The system's words.
        cause: std::io::Error,
    },
    /// It does not answer.
    #[error("the DNS server {0} does not answer")]
    Silent(SocketAddr),
    /// It answers what cannot be read, or is not signed as it must be.
    #[error("the DNS server {server} gives an answer that cannot be used: {what}")]
    Unusable {
        /// Which.
        server: SocketAddr,
        /// What is wrong.
        what: String,
    },
    /// It refuses.
    #[error("the DNS server {server} refuses: {code}{detail}")]
    Refused {
        /// Which.
        server: SocketAddr,
        /// Its code (RFC 1035, RFC 2136).
        code: ResponseCode,
        /// What it says about the signature (RFC 8945, section 5.3), after a comma; or nothing.
        detail: String,
    },
}

impl NoAnswer {
    /// What to do about it.
    #[must_use]
    pub fn advice(&self) -> String {
        let code = match self {
            Self::Unreachable { .. } | Self::Silent(_) => {
                return "look whether `server` of [[dns]] is right and port 53 (TCP and UDP) is open \
                        from here"
                    .to_owned();
            }
            Self::Unusable { .. } => {
                return "look whether something between us and the server changes answers"
                    .to_owned();
            }
            Self::Refused { code, .. } => *code,
        };
        let advice = match code {
            ResponseCode::NotAuth => {
                "look whether key_name, algorithm and secret are those of the server, the zone is \
                 its own, and both clocks are right"
            }
            ResponseCode::Refused => {
                "allow the key to change records of these names and types in the zone's update-policy"
            }
            ResponseCode::NotZone => "look whether the name lies in `zone` of [[dns]]",
            ResponseCode::YXDomain
            | ResponseCode::YXRRSet
            | ResponseCode::NXRRSet
            | ResponseCode::NXDomain => {
                "somebody else has changed the records meanwhile: look first"
            }
            _ => "look into the log of the DNS server",
        };
        advice.to_owned()
    }
}

impl Key {
    fn signer(&self, server: SocketAddr) -> Result<TSigner, NoAnswer> {
        let algorithm = match self.algorithm {
            KeyAlgorithm::HmacSha256 => TsigAlgorithm::HmacSha256,
            KeyAlgorithm::HmacSha384 => TsigAlgorithm::HmacSha384,
            KeyAlgorithm::HmacSha512 => TsigAlgorithm::HmacSha512,
        };
        let secret = self.secret.expose_secret().to_vec();
        let signer = TSigner::new(secret, algorithm, self.name.clone(), FUDGE_S);
        signer.map_err(|error| unusable(server, &error))
    }
}

/// Has a zone changed; returns when the server has done it.
///
/// # Errors
/// Nothing was changed, unless the answer was lost.
pub(super) async fn change(
    server: SocketAddr,
    key: &Key,
    update: &Update,
    now: Timestamp,
) -> Result<(), NoAnswer> {
    let mut message = update.message();
    let signer = key.signer(server)?;
    let verifier = message
        .finalize(&signer, now.0 / 1000)
        .map_err(|error| unusable(server, &error))?;
    let bytes = message.to_vec().map_err(|error| unusable(server, &error))?;
    let answer = over_tcp(server, &bytes).await?;
    let read = Message::from_vec(&answer).map_err(|error| unusable(server, &error))?;
    if read.metadata.id != message.metadata.id {
        return Err(unusable(server, &"it belongs to another question"));
    }
    let code = read.metadata.response_code;
    if code != ResponseCode::NoError {
        let said = read.signature().and_then(|record| record.data.error);
        return Err(NoAnswer::Refused {
            server,
            code,
            detail: said.map(|error| format!(", {error:?}")).unwrap_or_default(),
        });
    }
    // A yes that is not signed may be anybody's.
    if let Some(mut verifier) = verifier {
        verifier
            .verify(&answer)
            .map_err(|error| unusable(server, &error))?;
    }
    Ok(())
}

/// What a server holds of a name and type; empty when there is nothing.
///
/// # Errors
/// It does not answer, or knows nothing of the zone.
pub(super) async fn ask(
    server: SocketAddr,
    name: &Name,
    kind: RecordType,
) -> Result<Vec<RData>, NoAnswer> {
    let records = answer(server, name, kind).await?.answers.into_iter();
    let wanted = records.filter(|record| record.record_type() == kind && record.name == *name);
    Ok(wanted.map(|record| record.data).collect())
}

/// A server's whole answer about a name and type.
///
/// # Errors
/// It does not answer, or knows nothing of the zone.
pub(super) async fn answer(
    server: SocketAddr,
    name: &Name,
    kind: RecordType,
) -> Result<Message, NoAnswer> {
    let mut question = Message::query();
    question.metadata.recursion_desired = false;
    question.add_query(Query::query(name.clone(), kind));
    let bytes = question
        .to_vec()
        .map_err(|error| unusable(server, &error))?;
    let answer = match over_udp(server, &bytes, question.metadata.id).await {
        Some(answer) if !answer.metadata.truncation => answer,
        _ => {
            let answer = over_tcp(server, &bytes).await?;
            Message::from_vec(&answer).map_err(|error| unusable(server, &error))?
        }
    };
    match answer.metadata.response_code {
        ResponseCode::NoError | ResponseCode::NXDomain => Ok(answer),
        code => Err(NoAnswer::Refused {
            server,
            code,
            detail: String::new(),
        }),
    }
}

/// The same of a server that answers for the name. What another one says is what is left of somebody
/// else's answer, with what is left of its time, and counts for nothing.
///
/// # Errors
/// It does not answer, or not for the name.
pub(super) async fn authoritative(
    server: SocketAddr,
    name: &Name,
    kind: RecordType,
) -> Result<Message, NoAnswer> {
    let answer = answer(server, name, kind).await?;
    match answer.metadata.authoritative {
        true => Ok(answer),
        false => Err(unusable(server, &format!("it does not answer for {name}"))),
    }
}

async fn over_udp(server: SocketAddr, question: &[u8], id: u16) -> Option<Message> {
    let any: SocketAddr = match server {
        SocketAddr::V4(_) => ([0; 4], 0).into(),
        SocketAddr::V6(_) => ([0; 16], 0).into(),
    };
    let socket = UdpSocket::bind(any).await.ok()?;
    socket.connect(server).await.ok()?;
    for _ in 0..DATAGRAMS {
        socket.send(question).await.ok()?;
        let hearing = async {
            let mut buffer = [0; DATAGRAM_BYTES];
            loop {
                let length = socket.recv(&mut buffer).await.ok()?;
                let read = Message::from_vec(buffer.get(..length)?).ok();
                if let Some(answer) = read.filter(|answer| answer.metadata.id == id) {
                    return Some(answer);
                }
            }
        };
        if let Ok(answer) = tokio::time::timeout(DATAGRAM, hearing).await {
            return answer;
        }
    }
    None
}

/// RFC 1035, section 4.2.2: each message after its length in two bytes.
async fn over_tcp(server: SocketAddr, message: &[u8]) -> Result<Vec<u8>, NoAnswer> {
    let asking = async {
        let mut stream = TcpStream::connect(server).await?;
        let length = u16::try_from(message.len()).map_err(std::io::Error::other)?;
        let mut framed = length.to_be_bytes().to_vec();
        framed.extend_from_slice(message);
        stream.write_all(&framed).await?;
        let length = stream.read_u16().await?;
        let mut answer = vec![0; usize::from(length)];
        stream.read_exact(&mut answer).await?;
        Ok(answer)
    };
    match tokio::time::timeout(LONGEST, asking).await {
        Ok(answer) => answer.map_err(|cause| NoAnswer::Unreachable { server, cause }),
        Err(_) => Err(NoAnswer::Silent(server)),
    }
}

fn unusable(server: SocketAddr, what: &dyn std::fmt::Display) -> NoAnswer {
    NoAnswer::Unusable {
        server,
        what: what.to_string(),
    }
}
