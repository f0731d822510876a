//! Certificates, authorities and zones: read, or told what is wrong.

use std::path::Path;

use yagura_config::settings::{ChallengeSetting, KeySetting, TsigAlgorithm};
use yagura_config::{Faults, Settings, parse};

const EDGE: &str = "[edge]\ndata = \"data\"\n[[edge.listen]]\naddress = \"127.0.0.1:1\"\n\
                    [[edge.listen]]\naddress = \"127.0.0.1:3\"\ntls = true\n\
                    [[site]]\nname = \"a\"\nhosts = [\"town.example\", \"www.town.example\"]\n\
                    origin = \"http://127.0.0.1:2\"\n";
const PUBLIC: &str = "[[authority]]\nname = \"public\"\nchallenge = \"tls-alpn-01\"\n\
                      directory = \"https://ca.example/directory\"\n";
const DNS: &str = "[[dns]]\nname = \"zone\"\nserver = \"192.0.2.53:53\"\nzone = \"town.example.\"\n\
                   key_name = \"yagura\"\nsecret_file = \"tsig.key\"\n\
                   [[authority]]\nname = \"by-dns\"\ndirectory = \"https://ca.example/directory\"\n\
                   challenge = \"dns-01\"\ndns = \"zone\"\n";

fn read(text: &str) -> Result<Settings, Faults> {
    parse(text, Path::new("/srv/yagura/yagura.toml"))
}

fn faults(text: &str) -> String {
    read(text).map_or_else(|faults| faults.to_string(), |_| String::new())
}

fn certificate(keys: &str) -> String {
    format!("[[certificate]]\nname = \"town\"\n{keys}\n")
}

#[test]
fn everything_that_can_be_written_is_read() {
    let text = format!(
        "{EDGE}{PUBLIC}contact = \"mailto:web@town.example\"\nprofile = \"shortlived\"\n\
         trust = \"ca.pem\"\n[authority.external_account]\nkey_id = \"kid\"\nkey_file = \"eab.key\"\n\
         {DNS}[certificates]\nholder = false\n{}",
        certificate(
            "names = [\"Town.example\", \"*.town.example\"]\nauthorities = [\"by-dns\"]\n\
             key = \"rsa3072\""
        )
    );
    let certificates = read(&text).unwrap().certificates;
    assert!(!certificates.holder);
    let wanted = &certificates.wanted[0];
    assert_eq!(wanted.names, ["town.example", "*.town.example"]);
    assert_eq!(wanted.key, KeySetting::Rsa3072);
    let public = &certificates.authorities[0];
    assert_eq!(public.challenge, ChallengeSetting::TlsAlpn01);
    assert_eq!(public.contact.as_deref(), Some("web@town.example"));
    assert_eq!(public.profile.as_deref(), Some("shortlived"));
    assert_eq!(
        public.trust.as_deref(),
        Some(Path::new("/srv/yagura/ca.pem"))
    );
    let external = public.external_account.as_ref().unwrap();
    assert_eq!(external.key_file, Path::new("/srv/yagura/eab.key"));
    let zone = &certificates.dns[0];
    assert_eq!(
        (zone.zone.as_str(), zone.key_name.as_str()),
        ("town.example", "yagura")
    );
    assert_eq!(zone.algorithm, TsigAlgorithm::HmacSha256);
    let dns = "zone".to_owned();
    assert_eq!(
        certificates.authorities[1].challenge,
        ChallengeSetting::Dns01 { dns }
    );
}

#[test]
fn a_certificate_without_authorities_is_installed_by_hand_and_the_holder_is_this_edge() {
    let text = format!("{EDGE}{}", certificate("names = [\"www.town.example\"]"));
    let certificates = read(&text).unwrap().certificates;
    assert!(certificates.holder && certificates.wanted[0].authorities.is_empty());
    assert!(read(EDGE).unwrap().certificates.wanted.is_empty());
}

#[test]
fn every_fault_is_told_with_what_to_do() {
    let twice = "[[certificate]]\nname = \"town\"\nnames = [\"town.example\"]\n";
    for (text, expected) in [
        (certificate(""), "the certificate has no name in it"),
        (
            certificate("names = [\"192.0.2.1\"]"),
            "\"192.0.2.1\" cannot be used",
        ),
        (
            certificate("names = [\"a.*.example\"]"),
            "\"a.*.example\" cannot be used",
        ),
        (
            certificate("names = [\"other.example\"]"),
            "no site answers for \"other.example\"",
        ),
        (
            certificate("names = [\"*.example.jp\"]"),
            "no site answers for \"*.example.jp\"",
        ),
        (
            certificate("names = [\"town.example\"]\nauthorities = [\"nobody\"]"),
            "there is no [[authority]] named \"nobody\"",
        ),
        (
            certificate("names = [\"town.example\"]\nauthorities = [\"public\", \"public\"]"),
            "\"public\" is named twice",
        ),
        (
            certificate("names = [\"*.town.example\"]\nauthorities = [\"public\"]"),
            "\"public\" cannot prove \"*.town.example\"",
        ),
        (
            certificate("names = [\"town.example\"]\nkey = \"rsa1024\""),
            "\"rsa1024\" cannot be used",
        ),
        (
            certificate("names = [\"town.example\"]\nkind = 1"),
            "`kind` is not a key",
        ),
        (
            format!("{}{twice}", certificate("names = [\"www.town.example\"]")),
            "another one is named \"town\"",
        ),
        (
            format!("{}{twice}", certificate("names = [\"town.example\"]")),
            "\"town.example\" already stands in the certificate \"town\"",
        ),
        (
            twice.replace("\"town\"", "\"local\""),
            "the local authority's certificate",
        ),
        (
            PUBLIC.replace("tls-alpn-01", "dns-01"),
            "dns-01 needs a zone",
        ),
        (
            format!("{PUBLIC}dns = \"zone\"\n"),
            "this challenge is not put in the DNS",
        ),
        (PUBLIC.replace("https:", "http:"), "cannot be used"),
        (
            PUBLIC.replace("tls-alpn-01", "dns-02"),
            "\"dns-02\" cannot be used",
        ),
        (
            format!("{PUBLIC}contact = \"web\"\n"),
            "\"web\" cannot be used",
        ),
        (
            DNS.replace("\"zone\"\nserver", "\"other\"\nserver"),
            "there is no [[dns]] named \"zone\"",
        ),
        (
            DNS.replace("192.0.2.53:53", "ns.example"),
            "\"ns.example\" cannot be used",
        ),
        (
            format!(
                "{}{}",
                DNS.replace("town.example.", "www.town.example"),
                certificate("names = [\"town.example\"]\nauthorities = [\"by-dns\"]")
            ),
            "\"town.example\" does not lie in the zone www.town.example",
        ),
    ] {
        let public = if text.contains("[[authority]]") {
            ""
        } else {
            PUBLIC
        };
        let told = faults(&format!("{EDGE}{public}{text}"));
        assert!(
            told.contains(expected),
            "{expected} is not in\n{told}\n{text}"
        );
    }
}

#[test]
fn a_challenge_needs_a_listener_that_answers_it_and_certificates_a_folder() {
    let tls = "[[edge.listen]]\naddress = \"127.0.0.1:3\"\ntls = true\n";
    let plain = "[[edge.listen]]\naddress = \"127.0.0.1:1\"\n";
    let told = faults(&format!("{}{PUBLIC}", EDGE.replace(tls, "")));
    assert!(
        told.contains("no listener of the edge speaks TLS"),
        "{told}"
    );
    let http = PUBLIC.replace("tls-alpn-01", "http-01");
    let told = faults(&format!("{}{http}", EDGE.replace(plain, "")));
    assert!(
        told.contains("no listener of the edge speaks plain HTTP"),
        "{told}"
    );
    let without = EDGE.replace("data = \"data\"\n", "").replace(tls, "");
    let wanted = certificate("names = [\"town.example\"]");
    let told = faults(&format!("{without}{wanted}"));
    assert!(told.contains("certificates need a data folder"), "{told}");
}
