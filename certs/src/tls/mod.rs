//! How the edge speaks TLS with its readers: versions, cipher suites, key exchange, resumption.
//!
//! - `mod.rs`: the policy, as rustls takes it.
//! - `ticket_keys.rs`: keys of session tickets, and when they turn; pure.
//! - `tickets.rs`: makes and reads tickets with them, and keeps them on disk between restarts.
//!
//! Which certificate is shown is the resolver's business. The reasons: docs/decisions/tls.md.

pub mod ticket_keys;
pub mod tickets;

use std::sync::Arc;

use rustls::ServerConfig;
use rustls::crypto::{CryptoProvider, aws_lc_rs, ring};
use rustls::server::ResolvesServerCert;

use crate::CertError;
pub use tickets::Tickets;

/// The oldest version that is spoken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LeastVersion {
    /// TLS 1.2 with forward secrecy and authenticated encryption alone (RFC 9325, section 4.2).
    #[default]
    Tls12,
    /// TLS 1.3 alone.
    Tls13,
}

/// What readers are spoken to with. Data is encrypted by `ring`, which the hit path was measured
/// with; the hybrid key exchange, which `ring` lacks, is AWS-LC's.
#[must_use]
pub fn provider() -> CryptoProvider {
    use ring::cipher_suite as suite;
    let mut provider = CryptoProvider {
        // The server's order counts: hardware does AES nearly everywhere, and 128 bits are enough
        // (RFC 9325, section 4.2). The third of each kind is for what has no such hardware.
        cipher_suites: vec![
            suite::TLS13_AES_128_GCM_SHA256,
            suite::TLS13_AES_256_GCM_SHA384,
            suite::TLS13_CHACHA20_POLY1305_SHA256,
            suite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
            suite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
            suite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
            suite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
            suite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
            suite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
        ],
        ..ring::default_provider()
    };
    // X25519 with ML-KEM-768 (draft-ietf-tls-ecdhe-mlkem): what is recorded today stays closed to
    // whoever has a quantum computer tomorrow.
    provider
        .kx_groups
        .insert(0, aws_lc_rs::kx_group::X25519MLKEM768);
    provider
}

/// The server's side of TLS. No early data: a request that is sent twice must not be done twice
/// (RFC 8470).
///
/// # Errors
/// The provider cannot speak it.
pub fn server(
    least: LeastVersion,
    resolver: Arc<dyn ResolvesServerCert>,
    tickets: Arc<Tickets>,
) -> Result<ServerConfig, CertError> {
    let versions: &[&rustls::SupportedProtocolVersion] = match least {
        LeastVersion::Tls12 => &[&rustls::version::TLS13, &rustls::version::TLS12],
        LeastVersion::Tls13 => &[&rustls::version::TLS13],
    };
    let mut config = ServerConfig::builder_with_provider(Arc::new(provider()))
        .with_protocol_versions(versions)
        .map_err(|error| CertError::Unusable(format!("TLS cannot be spoken: {error}")))?
        .with_no_client_auth()
        .with_cert_resolver(resolver);
    config.ticketer = tickets;
    config.max_early_data_size = 0;
    config.ignore_client_order = true;
    Ok(config)
}
