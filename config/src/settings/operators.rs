//! `[control]`, `[[operator]]` and `[command]`: where an edge takes orders from afar, who may give
//! which, and whom the command of an operator speaks to.

use std::net::SocketAddr;
use std::path::PathBuf;

use super::{EdgeAddress, Fingerprint, TokenDigest};

/// `[control]`: where an edge takes orders over TCP. Who connects must show a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ControlSettings {
    /// Where.
    pub listen: SocketAddr,
    /// PEM file of the edge's own certificate and its intermediates, leaf first.
    pub certificate: PathBuf,
    /// PEM file of its private key.
    pub key: PathBuf,
    /// PEM file of the authority that operators' certificates come from.
    pub trust: PathBuf,
}

/// `[[operator]]`: a person, or a program such as the CMS, who gives orders.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OperatorSettings {
    /// The name that the journal shows.
    pub name: String,
    /// What they may do; at least one.
    pub roles: Vec<Role>,
    /// Unix users by whom they are recognised on the control socket.
    pub users: Vec<UnixUser>,
    /// Their certificates, each by its hash.
    pub fingerprints: Vec<Fingerprint>,
    /// Names (subject alternative name or common name) in their certificates, in lower case.
    pub certificate_names: Vec<String>,
    /// Tokens by which they are recognised, each by its digest: a token is known to nobody else.
    pub token_digests: Vec<TokenDigest>,
}

/// What an operator may do. Each role may do what those before it may, but for the last two, which
/// stand apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// Ask.
    Reader,
    /// Say which stored responses are old; for the CMS.
    Publisher,
    /// Say how sites are answered.
    Operator,
    /// Have the configuration read again.
    Administrator,
    /// Hand over certificates, and ask; for the edge that holds them.
    Keeper,
    /// Decide what needs a second person, and ask.
    Approver,
}

impl Role {
    /// All of them, the least first.
    pub const ALL: [Self; 6] = [
        Self::Reader,
        Self::Publisher,
        Self::Operator,
        Self::Administrator,
        Self::Keeper,
        Self::Approver,
    ];

    /// Whether who has this role may do what needs the other.
    #[must_use]
    pub const fn includes(self, needed: Self) -> bool {
        match (self, needed) {
            // Nobody comes by this one on the way up: two persons must be two.
            (_, Self::Approver) => matches!(self, Self::Approver),
            (Self::Administrator, _)
            | (Self::Keeper, Self::Keeper | Self::Reader)
            | (Self::Approver, Self::Reader) => true,
            (Self::Keeper | Self::Approver, _) | (_, Self::Keeper) => false,
            _ => self as u8 >= needed as u8,
        }
    }

    /// The word in the configuration.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Reader => "reader",
            Self::Publisher => "publisher",
            Self::Operator => "operator",
            Self::Administrator => "administrator",
            Self::Keeper => "keeper",
            Self::Approver => "approver",
        }
    }
}

/// One entry of `users`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum UnixUser {
    /// By number.
    Id(u32),
    /// By name, looked up when the edge reads its configuration.
    Name(String),
}

/// `[command]`: whom the command speaks to, and how it shows who gives the order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CommandSettings {
    /// The edges that every order goes to.
    pub edges: Vec<EdgeAddress>,
    /// What is shown to edges over TCP; `None`: there are none, or the arguments name the files.
    pub identity: Option<IdentitySettings>,
}

/// Certificate, key and trust of who gives orders from afar.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdentitySettings {
    /// PEM file of the operator's certificate and its intermediates, leaf first.
    pub certificate: PathBuf,
    /// PEM file of its private key.
    pub key: PathBuf,
    /// PEM file of the authority that the edges' certificates come from.
    pub trust: PathBuf,
}
