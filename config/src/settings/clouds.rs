//! Security clouds that readers come through.

use ipnet::IpNet;

/// `[[cloud]]`: proxies in front of the edge that are believed about who the reader is. Several
/// stand side by side, so that a successor can be phased in (clause 8(5)). Takes effect at a reload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CloudSettings {
    /// What it is called in faults and in what is told of it.
    pub name: String,
    /// The addresses that it connects from; IPv4 is written as IPv4.
    pub ranges: Vec<IpNet>,
    /// How it says who the reader is.
    pub word: CloudWord,
    /// A URL that tells whether the cloud's path works. Nobody asks it yet.
    pub probe: Option<String>,
}

/// How a cloud says who the reader is (`header`, `proxy_protocol`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CloudWord {
    /// By the field X-Forwarded-For, with each request.
    XForwardedFor,
    /// By PROXY protocol, version 1 or 2, with which each of its connections begins.
    ProxyProtocol,
    /// Not at all: its own address counts as the reader's.
    Nothing,
}
