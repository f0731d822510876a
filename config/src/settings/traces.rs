//! `[edge.traces]`: which requests are told to an OpenTelemetry collector.

use std::net::SocketAddr;

/// Where spans go, and of how many requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceSettings {
    /// The collector, which takes OTLP over HTTP in plain text.
    pub collector: SocketAddr,
    /// Path of its traces.
    pub path: String,
    /// Of a million requests, how many are told.
    pub per_million: u32,
    /// Beginnings of paths of which nothing further is told.
    pub hide_below: Vec<String>,
}

impl TraceSettings {
    /// Where collectors take traces (OTLP, section "OTLP/HTTP Request").
    pub const USUAL_PATH: &'static str = "/v1/traces";
}
