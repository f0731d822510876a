//! A commercial authority for tests: a root, an intermediate, and what it issues for requests.
//! And `openssl`, which makes the odd inputs and judges every output.

use std::path::Path;
use std::process::{Command, Output};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
};
use yagura_control::Timestamp;

use crate::inspect::{Certificate, PrivateKey};

pub(crate) const NOW: Timestamp = Timestamp(1_795_400_000_000);

/// Days before or after [`NOW`].
pub(crate) fn day(days: i64) -> Timestamp {
    Timestamp(NOW.0.checked_add_signed(days * 86_400_000).unwrap())
}

pub(crate) struct TrialAuthority {
    pub(crate) root: Certificate,
    pub(crate) intermediate: Certificate,
    root_issuer: Issuer<'static, KeyPair>,
    issuer: Issuer<'static, KeyPair>,
}

/// What is issued, when it is not as usual.
pub(crate) struct Wish {
    pub(crate) names: Vec<&'static str>,
    pub(crate) from: Timestamp,
    pub(crate) until: Timestamp,
    pub(crate) is_authority: bool,
    pub(crate) for_servers: bool,
}

impl Default for Wish {
    fn default() -> Self {
        Self {
            names: vec!["city.example", "*.city.example"],
            from: day(-1),
            until: day(89),
            is_authority: false,
            for_servers: true,
        }
    }
}

fn authority(name: &str, from: Timestamp, until: Timestamp) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    (params.not_before, params.not_after) = (from.utc(), until.utc());
    params
}

impl TrialAuthority {
    pub(crate) fn new(name: &str) -> Self {
        Self::with_intermediate_until(name, day(1000))
    }

    pub(crate) fn with_intermediate_until(name: &str, until: Timestamp) -> Self {
        let root_key = KeyPair::generate().unwrap();
        let params = authority(&format!("{name} Root"), day(-1000), day(3000));
        let root = params.self_signed(&root_key).unwrap();
        let root_issuer = Issuer::new(params, root_key);
        let key = KeyPair::generate().unwrap();
        let params = authority(&format!("{name} Intermediate"), day(-1000), until);
        let intermediate = params.signed_by(&key, &root_issuer).unwrap();
        Self {
            root: Certificate::read(root.der()).unwrap(),
            intermediate: Certificate::read(intermediate.der()).unwrap(),
            root_issuer,
            issuer: Issuer::new(params, key),
        }
    }

    pub(crate) fn issue(&self, wish: &Wish) -> (Certificate, PrivateKey) {
        let key = KeyPair::generate().unwrap();
        let leaf = params(wish).signed_by(&key, &self.issuer).unwrap();
        (
            Certificate::read(leaf.der()).unwrap(),
            PrivateKey::from_pem(&key.serialize_pem()).unwrap(),
        )
    }

    pub(crate) fn issue_by_root(&self, wish: &Wish) -> (Certificate, PrivateKey) {
        let key = KeyPair::generate().unwrap();
        let leaf = params(wish).signed_by(&key, &self.root_issuer).unwrap();
        (
            Certificate::read(leaf.der()).unwrap(),
            PrivateKey::from_pem(&key.serialize_pem()).unwrap(),
        )
    }

    pub(crate) fn pem(&self) -> String {
        format!("{}{}", self.intermediate.pem(), self.root.pem())
    }
}

fn params(wish: &Wish) -> CertificateParams {
    let names: Vec<String> = wish.names.iter().map(|it| (*it).to_owned()).collect();
    let mut params = CertificateParams::new(names).unwrap();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params
        .distinguished_name
        .push(DnType::CommonName, "the leaf");
    (params.not_before, params.not_after) = (wish.from.utc(), wish.until.utc());
    if wish.is_authority {
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    }
    params.extended_key_usages = vec![if wish.for_servers {
        ExtendedKeyUsagePurpose::ServerAuth
    } else {
        ExtendedKeyUsagePurpose::CodeSigning
    }];
    params
}

/// Runs openssl in a folder; what it prints.
pub(crate) fn openssl(folder: &Path, arguments: &str) -> String {
    let done = try_openssl(folder, arguments);
    let told = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "openssl {arguments}: {told}");
    String::from_utf8_lossy(&done.stdout).into_owned()
}

pub(crate) fn try_openssl(folder: &Path, arguments: &str) -> Output {
    Command::new("openssl")
        .args(arguments.split(' '))
        .current_dir(folder)
        .output()
        .expect("the package openssl is installed")
}
