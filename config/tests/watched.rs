//! `[[watched_certificate]]`: what is read, and what is told of faults.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that cannot go on ends with what it saw"
)]

use std::path::Path;

use yagura_config::parse;

const SITE: &str = "[edge]\nname = \"e\"\nlisten = [{ address = \"127.0.0.1:1\" }]\n\
[[site]]\nname = \"s\"\nhosts = [\"a.example\"]\norigin = \"http://127.0.0.1:2\"\n";

#[test]
fn a_certificate_elsewhere_is_watched_at_its_public_name() {
    let read = |lines: &str| parse(&format!("{SITE}{lines}"), Path::new("/srv/yagura/y.toml"));
    let settings = read(
        "[[watched_certificate]]\nname = \"cloud\"\nserver_name = \"www.city.example\"\n\
         [[watched_certificate]]\nname = \"mail\"\nserver_name = \"mail.city.example\"\n\
         address = \"192.0.2.1:8443\"\ntrust = \"ca.pem\"\n",
    );
    let watched = settings.unwrap().watched_certificates;
    assert_eq!(watched[0].address, "www.city.example:443");
    assert_eq!(watched[1].address, "192.0.2.1:8443");
    assert_eq!(
        watched[1].trust.as_deref(),
        Some(Path::new("/srv/yagura/ca.pem"))
    );
    for (lines, expected) in [
        (
            "name = \"a\"\nserver_name = \"https://a.example\"",
            "is no host name",
        ),
        (
            "name = \"a\"\nserver_name = \"a\"\naddress = \"a\"",
            "has no port",
        ),
        ("name = \"a\"", "`server_name` is missing"),
        (
            "name = \"a\"\nserver_name = \"a\"\n[[watched_certificate]]\nname = \"a\"\nserver_name = \"b\"",
            "are called \"a\"",
        ),
        (
            "name = \"a\"\nserver_name = \"a\"\nport = 1",
            "`port` is not a key",
        ),
    ] {
        let told = read(&format!("[[watched_certificate]]\n{lines}\n")).unwrap_err();
        let told = told.to_string();
        assert!(told.contains(expected), "{expected} is not in\n{told}");
    }
}
