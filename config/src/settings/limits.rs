//! What readers may ask of an edge, and of a site: checked settings, with what holds when nothing
//! is written.

use std::time::Duration;

use ipnet::IpNet;

/// `[edge.limits]`: what any reader may ask of the edge. Takes effect at a reload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LimitSettings {
    /// Whether the table is there: somebody has decided, if only for what holds anyhow.
    pub is_written: bool,
    /// Most connections open at a time, over all readers.
    pub connections: usize,
    /// Most connections open at a time from one network: a /24 of IPv4, a /48 of IPv6.
    pub connections_per_network: usize,
    /// Requests a second from one network that may reach an origin. A request answered without it
    /// counts as a sixteenth of one.
    pub requests_per_network: u32,
    /// How many of them may come at once.
    pub requests_burst: u32,
    /// How long a request's head, or a TLS handshake, may take from its first byte.
    pub head_timeout: Duration,
    /// Longest head of a request, in bytes.
    pub head_bytes: usize,
    /// Most fields of a request.
    pub head_fields: usize,
    /// Longest request line over HTTP/1.1, longest target over HTTP/2, in bytes.
    pub line_bytes: usize,
    /// Fewest bytes a second that a reader who is waited for must take of an answer, or give of a
    /// request's body.
    pub slowest_bytes_s: u64,
    /// Over how long that is judged.
    pub slowest_over: Duration,
    /// Networks whose readers are not counted: this machine, the city hall, a cloud in front.
    pub exempt: Vec<IpNet>,
}

impl LimitSettings {
    /// Most fields that can be configured: the front has room for so many.
    pub const MOST_FIELDS: usize = 128;
}

impl Default for LimitSettings {
    fn default() -> Self {
        let loopback = [
            IpNet::from(std::net::IpAddr::from([127, 0, 0, 0])),
            IpNet::from(std::net::IpAddr::V6(std::net::Ipv6Addr::LOCALHOST)),
        ];
        let [v4, v6] = loopback;
        let v4 = IpNet::new(v4.addr(), 8).unwrap_or(v4);
        Self {
            is_written: false,
            connections: 20_000,
            connections_per_network: 512,
            requests_per_network: 100,
            requests_burst: 1_000,
            head_timeout: Duration::from_secs(10),
            head_bytes: 32 << 10,
            head_fields: 100,
            line_bytes: 8 << 10,
            slowest_bytes_s: 1 << 10,
            slowest_over: Duration::from_secs(30),
            exempt: vec![v4, v6],
        }
    }
}

/// What readers may ask of a site.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestRules {
    /// Methods that are let through.
    pub methods: Vec<String>,
    /// Largest body of a request, in bytes, where no entry of `body` says otherwise.
    pub max_body_bytes: u64,
    /// `[[site.body]]`: other sizes by the beginning of the path, the longest first.
    pub body: Vec<BodyRule>,
    /// How paths are read.
    pub paths: PathRules,
}

impl RequestRules {
    /// What is let through when `methods` is left out. M-SEARCH stands for methods that caches do not
    /// know: the public cache suite asks what becomes of copies after one.
    pub const METHODS: [&str; 8] = [
        "GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE", "M-SEARCH",
    ];
}

impl Default for RequestRules {
    fn default() -> Self {
        Self {
            methods: Self::METHODS
                .iter()
                .map(|name| (*name).to_owned())
                .collect(),
            max_body_bytes: 1 << 20,
            body: Vec::new(),
            paths: PathRules::default(),
        }
    }
}

/// `[[site.body]]`: how large bodies may be below a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BodyRule {
    /// Paths that begin with this.
    pub path: String,
    /// Most bytes.
    pub limit_bytes: u64,
}

/// How the paths of requests are read, before anything else looks at them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PathRules {
    /// What several slashes in a row become.
    pub slashes: Slashes,
    /// Refuse `%2F`, which an origin may take for a slash.
    pub refuse_encoded_slash: bool,
    /// Refuse `\` and `%5C`, which an origin may take for a slash.
    pub refuse_backslash: bool,
    /// Refuse encoded control characters, NUL among them.
    pub refuse_control: bool,
}

impl Default for PathRules {
    fn default() -> Self {
        Self {
            slashes: Slashes::Keep,
            refuse_encoded_slash: true,
            refuse_backslash: true,
            refuse_control: true,
        }
    }
}

/// What several slashes in a row become (`duplicate_slashes`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Slashes {
    /// They stay: `/a//b` is another page than `/a/b` (RFC 3986).
    Keep,
    /// One slash.
    Merge,
    /// The request is refused.
    Refuse,
}
