//! `[waf]`: what is read, and what holds when it is left out.

#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot go on ends with what it saw"
)]

use std::path::Path;
use std::time::Duration;

use yagura_config::Faults;
use yagura_config::parse;
use yagura_config::settings::{Settings, UnixUser};

/// As little as an edge needs, before `[waf]`.
const EDGE: &str = "[edge]\n[[edge.listen]]\naddress = \"127.0.0.1:8080\"\n[[site]]\n\
name = \"town\"\nhosts = [\"*\"]\norigin = \"http://127.0.0.1:9\"\n[waf]\n";
const DAY: Duration = Duration::from_secs(86_400);

fn read(text: &str) -> Result<Settings, Faults> {
    parse(text, Path::new("/srv/yagura/y.toml"))
}

#[test]
fn the_example_and_nothing_at_all_are_read() {
    let town = read(include_str!("../examples/whole-town.toml")).unwrap();
    let waf = town.waf.unwrap();
    assert_eq!((waf.workers, waf.shadow_per_million), (3, 20_000));
    assert_eq!(waf.user, Some(UnixUser::Name("yagura-waf".to_owned())));
    assert_eq!(waf.keep_findings, 90 * DAY);
    let waf = read(EDGE).unwrap().waf.unwrap();
    assert_eq!((waf.keep_findings, waf.socket), (90 * DAY, None));
    assert_eq!(waf.library, Path::new("libmodsecurity.so.3"));
}

#[test]
fn workers_behind_a_socket_have_the_user_of_their_service() {
    let socket = format!("{EDGE}socket = \"/run/waf.sock\"\nkeep_findings = \"30d\"\n");
    let waf = read(&socket).unwrap().waf.unwrap();
    assert_eq!(waf.socket.as_deref(), Some(Path::new("/run/waf.sock")));
    assert_eq!(waf.keep_findings, 30 * DAY);
    let faults = read(&format!("{socket}user = \"yagura-waf\"\n")).unwrap_err();
    assert!(faults.to_string().contains("run as their service does"));
}
