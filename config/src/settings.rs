//! Checked settings: what the programs receive. A value of these types is right by construction;
//! [`crate::read`] is the only way from a file to one.
//!
//! Units are in the names. Paths are absolute, resolved against the folder of the file. Public
//! fields, because settings are plain data; they are never changed after reading, only replaced.

mod access_log;
mod backup;
mod bypass;
mod certificates;
mod clouds;
mod edge_address;
mod fingerprint;
mod ingress;
mod limits;
mod operators;
mod tls;
mod token_digest;
mod traces;
mod waf;
mod watched;

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;
use secrecy::SecretString;

pub use access_log::{AccessLogSettings, AddressPolicy, QueryPolicy, RotationSettings};
pub use backup::{BackupSettings, KeepSettings, PlaceSettings, TargetSettings};
pub use bypass::{BypassSettings, DnsChanger, DnsRecord, Share, Without};
pub use certificates::{
    AuthoritySettings, CertificateSettings, CertificatesSettings, ChallengeSetting, DnsSettings,
    ExternalAccountSettings, KeySetting, TsigAlgorithm,
};
pub use clouds::{CloudSettings, CloudWord};
pub use edge_address::{EdgeAddress, NoEdgeAddress};
pub use fingerprint::{Fingerprint, NoFingerprint};
pub use ingress::{HookSettings, HookWay, IngressSettings};
pub use limits::{BodyRule, LimitSettings, PathRules, RequestRules, Slashes};
pub use operators::{
    CommandSettings, ControlSettings, IdentitySettings, OperatorSettings, Role, UnixUser,
};
pub use tls::{HstsSettings, LeastTls, TlsSettings, UnknownNames};
pub use token_digest::{NoTokenDigest, TokenDigest};
pub use traces::TraceSettings;
pub use waf::{WafSetting, WafSettings};
pub use watched::WatchedCertificateSettings;

/// Everything one file says.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The file it was read from.
    pub file: PathBuf,
    /// `[edge]`: present where an edge runs.
    pub edge: Option<EdgeSettings>,
    /// `[[site]]`: the sites the edge answers for; at least one when there is an edge.
    pub sites: Vec<SiteSettings>,
    /// `[certificates]` and what goes with it: certificates from public authorities.
    pub certificates: CertificatesSettings,
    /// `[cms]`: present where the CMS runs.
    pub cms: Option<CmsSettings>,
    /// `[ops]`: present where the operations desk runs.
    pub ops: Option<OpsSettings>,
    /// `[backup]`: present where backups are made.
    pub backup: Option<BackupSettings>,
    /// `[control]`: present where the edge takes orders over TCP.
    pub control: Option<ControlSettings>,
    /// `[[operator]]`: who may give orders. With none, root and the edge's own user may do everything.
    pub operators: Vec<OperatorSettings>,
    /// `[command]`: present where orders are given to edges of other machines.
    pub command: Option<CommandSettings>,
    /// `[[cloud]]`: security clouds in front of the edge.
    pub clouds: Vec<CloudSettings>,
    /// `[ingress]`: who is admitted where readers are not, and how the ways to a site are watched.
    pub ingress: IngressSettings,
    /// `[[hook]]`: who is told what must not go unnoticed.
    pub hooks: Vec<HookSettings>,
    /// `[waf]`: inspection of requests; `None`: nothing is inspected.
    pub waf: Option<WafSettings>,
    /// `[[watched_certificate]]`: certificates on servers that are not ours to configure.
    pub watched_certificates: Vec<WatchedCertificateSettings>,
}

/// `[edge]`: one edge process.
#[derive(Clone, Debug, PartialEq)]
pub struct EdgeSettings {
    /// What the edge calls itself in replies and logs.
    pub name: String,
    /// Folder of the journal, the last-good copies and the certificates; `None` keeps everything
    /// in memory, for trying the edge alone.
    pub data: Option<PathBuf>,
    /// Unix socket that takes orders; `None` takes none.
    pub control_socket: Option<PathBuf>,
    /// Addresses that answer to the public.
    pub listen: Vec<ListenSettings>,
    /// Worker threads.
    pub threads: usize,
    /// Most bytes of prepared responses in memory.
    pub hot_bytes: u64,
    /// Largest response that is stored, in bytes; larger ones pass through.
    pub max_object_bytes: u64,
    /// Most bytes of last-good copies on disk.
    pub last_good_bytes: u64,
    /// How long a copy that no change feed and no sitemap names is kept after it was last read or
    /// confirmed.
    pub last_good_keep: Duration,
    /// How long the counts of answered redirects are kept, by day.
    pub redirect_hits_keep: Duration,
    /// What any reader may ask.
    pub limits: LimitSettings,
    /// How long to wait for requests in flight when stopping.
    pub grace: Duration,
    /// How long readers who are here at an upgrade are answered by the old process, at most.
    pub drain: Duration,
    /// Loopback address that tells figures to Prometheus; `None` tells none.
    pub metrics: Option<SocketAddr>,
    /// One line a request, as JSON; `None` writes none.
    pub access_log: Option<AccessLogSettings>,
    /// How TLS is spoken with readers.
    pub tls: TlsSettings,
    /// Requests that are told to an OpenTelemetry collector; `None` tells none.
    pub traces: Option<TraceSettings>,
}

/// `[[edge.listen]]`: one address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListenSettings {
    /// Where.
    pub address: SocketAddr,
    /// Whether TLS is spoken there.
    pub tls: bool,
}

/// `[[site]]`: one site, that is a set of host names with one origin.
#[derive(Clone, Debug, PartialEq)]
pub struct SiteSettings {
    /// Its name in orders and logs.
    pub name: String,
    /// Host names it answers for.
    pub hosts: Vec<HostPattern>,
    /// How pages of the edge's own are dressed in it.
    pub look: LookSettings,
    /// Where its pages come from: the primary.
    pub origin: Origin,
    /// Where they come from when the primary does not answer, in this order.
    pub standby: Vec<Origin>,
    /// How each of them is asked now and then whether it answers; `None`: real requests alone show
    /// it.
    pub check: Option<CheckSettings>,
    /// What a plain HTTP request is answered with.
    pub http: PlainHttp,
    /// For how long browsers ask it over TLS alone; `None` leaves that to the origin.
    pub hsts: Option<HstsSettings>,
    /// Whether responses may be stored at all.
    pub cache: bool,
    /// Whether what is stored is also kept as last-good copies on disk.
    pub last_good: bool,
    /// Query parameters that select no other page: responses are stored and asked for without them.
    pub drop_query: Vec<ParameterPattern>,
    /// The cookies that may select another response. The others are taken out of GET and HEAD
    /// before these are compared with the Vary of what is stored, and before they go to the origin.
    /// `None`: all cookies count.
    pub vary_cookies: Option<Vec<String>>,
    /// Other sites' hosts that redirects may lead to without being asked about.
    pub redirect_targets: Vec<TargetHost>,
    /// Unix socket of the CMS's change feed that the warmer follows.
    pub feed_socket: Option<PathBuf>,
    /// The origin's sitemap that the warmer follows, where there is no feed.
    pub sitemap: Option<SitemapSettings>,
    /// Most fetches a second of the warmer.
    pub warm_rate: usize,
    /// What its readers may ask.
    pub requests: RequestRules,
    /// Whether they are inspected.
    pub waf: WafSetting,
    /// The name of the site that this one stands for in drills; see [`SiteSettings::drill_name`].
    pub drill_of: Option<String>,
    /// Client addresses that may reach the site; everyone when empty.
    pub allow_from: Vec<IpNet>,
    /// The clouds through which its readers come; directly when empty.
    pub behind: Vec<String>,
    /// Whether only city hall reaches it, unless it is opened by an order.
    pub staff: bool,
    /// How it is published without its cloud.
    pub bypass: Option<BypassSettings>,
    /// Longest wait for a connection to the origin.
    pub connect_timeout: Duration,
    /// Longest wait for the next bytes of the origin's response.
    pub read_timeout: Duration,
    /// How long a reader waits for the origin when there is a copy to answer with.
    pub stale_after: Duration,
    /// How long beyond freshness a copy may be shown while a new one is fetched, where the origin
    /// does not say (RFC 5861, section 3); zero for not at all.
    pub stale_while_revalidate: Duration,
    /// Most requests of readers that are under way to the origin at a time.
    pub origin_requests: usize,
    /// Whether text is given in several content codings (br, zstd, gzip), made here.
    pub compress: bool,
}

impl SiteSettings {
    /// The name of the site that stands for another one in drills.
    #[must_use]
    pub fn drill_name(site: &str) -> String {
        format!("{site}-drill")
    }

    /// The first host it names; `localhost` for a site of every host.
    #[must_use]
    pub fn first_host(&self) -> &str {
        first_host(&self.hosts)
    }
}

/// The first host that these name; `localhost` when they name none.
#[must_use]
pub fn first_host(hosts: &[HostPattern]) -> &str {
    let named = hosts.iter().find_map(|host| match host {
        HostPattern::Exact(name) => Some(name.as_str()),
        HostPattern::Any => None,
    });
    named.unwrap_or("localhost")
}

/// `look`: the site's name and colour on pages of the edge's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LookSettings {
    /// The name that readers know the site by.
    pub name: String,
    /// Whether its pages say that they are a drill.
    pub is_drill: bool,
    /// A colour as `#` and six hexadecimal digits, on which white text can be read.
    pub colour: String,
}

/// `[site.health]`: how upstreams are asked whether they answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckSettings {
    /// Path and query asked for.
    pub path: String,
    /// How often.
    pub interval: Duration,
    /// How long the answer is waited for.
    pub timeout: Duration,
    /// The status it must have.
    pub status: ExpectedStatus,
    /// A text that must stand in the first 256 KiB of the body.
    pub contains: Option<String>,
}

/// `status` of `[site.health]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExpectedStatus {
    /// Any from 200 to 399.
    Success,
    /// This one.
    Exactly(u16),
}

/// `sitemap` and `sitemap_interval`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SitemapSettings {
    /// Path and query at the origin.
    pub target: String,
    /// How often it is read.
    pub interval: Duration,
}

/// One entry of `hosts`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum HostPattern {
    /// Exactly this host name, lower case, without port.
    Exact(String),
    /// Every host name no other site has (`*`).
    Any,
}

/// One entry of `drop_query`: names of query parameters, as they stand in the URL, percent-encoded
/// and in their case.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ParameterPattern {
    /// Exactly this name.
    Exact(String),
    /// Every name that begins with this (`utm_*`); every name at all when it is empty (`*`).
    Prefix(String),
}

/// One entry of `redirect_targets`: another site's host, lower case, without port.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum TargetHost {
    /// Exactly this host.
    Exact(String),
    /// Every host below this domain (`*.lg.jp`), and not the domain itself.
    Below(String),
}

impl TargetHost {
    /// Whether a host (lower case, without port) is meant.
    #[must_use]
    pub fn is(&self, host: &str) -> bool {
        match self {
            Self::Exact(name) => name == host,
            Self::Below(domain) => host
                .strip_suffix(domain.as_str())
                .is_some_and(|rest| rest.len() > 1 && rest.ends_with('.')),
        }
    }
}

/// What `drop_query` is when it is left out: parameters that advertisers, mailers and analytics add
/// to links, of which no site makes another page.
pub const DROPPED_BY_DEFAULT: [&str; 22] = [
    "utm_*",
    "_ga",
    "_gac",
    "_gl",
    "gclid",
    "gclsrc",
    "gbraid",
    "wbraid",
    "gad_source",
    "gad_campaignid",
    "dclid",
    "srsltid",
    "fbclid",
    "igshid",
    "twclid",
    "ttclid",
    "li_fat_id",
    "yclid",
    "ldtag_cl",
    "msclkid",
    "mc_cid",
    "mc_eid",
];

/// Where a site's pages come from.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Origin {
    /// HTTP/1.1 over TCP (`http://127.0.0.1:8000`).
    Tcp(SocketAddr),
    /// HTTP/1.1 over a Unix socket (`unix:run/cms-public.sock`).
    Unix(PathBuf),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => write!(f, "http://{address}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

/// What a site answers on listeners without TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlainHttp {
    /// The site itself.
    Serve,
    /// 308 to the same URL with https, at this port.
    RedirectToHttps {
        /// Port of the https URL; 443 is left out of it.
        port: u16,
    },
}

/// `[cms]`: the CMS.
#[derive(Clone, Debug)]
pub struct CmsSettings {
    /// Where the public pages are served to the edge.
    pub public_listen: Origin,
    /// Where the staff's pages are served to the edge.
    pub staff_listen: Origin,
    /// Unix socket of the change feed.
    pub feed_socket: PathBuf,
    /// The database. May hold a password, and so never prints.
    pub database: SecretString,
    /// Folder of images and attachments, named by their content.
    pub media: PathBuf,
    /// How readers reach the site, without a slash at the end: `https://www.town.example`.
    pub public_url: String,
    /// How staff reach the CMS.
    pub staff_url: String,
    /// The site's name at the edges, for purges.
    pub site: String,
    /// Every edge that must acknowledge a purge, and what is shown to those on other machines.
    pub edges: CommandSettings,
}

/// `[ops]`: the operations desk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpsSettings {
    /// Folder of ledgers and records.
    pub data: PathBuf,
    /// What is watched.
    pub probes: Vec<ProbeSettings>,
    /// How often each is asked.
    pub interval: Duration,
}

/// `[[ops.probe]]`: one indicator of availability.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProbeSettings {
    /// The indicator: `public`, `cms`.
    pub name: String,
    /// Address asked.
    pub address: SocketAddr,
    /// Host name in the request and, with TLS, in the handshake.
    pub host: String,
    /// Path asked.
    pub path: String,
    /// Whether TLS is spoken.
    pub tls: bool,
    /// PEM file of the authority trusted for the handshake; needed with `tls`.
    pub trust: Option<PathBuf>,
}
