//! `[[cloud]]`: what is read, and what is told of faults.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that cannot go on ends with what it saw"
)]

use std::path::Path;

use yagura_config::settings::CloudWord;
use yagura_config::{Faults, Settings, parse};

const SITE: &str = "[edge]\nname = \"e\"\nlisten = [{ address = \"127.0.0.1:1\" }]\n\
[[site]]\nname = \"s\"\nhosts = [\"a.example\"]\norigin = \"http://127.0.0.1:2\"\n";

fn read(lines: &str) -> Result<Settings, Faults> {
    parse(&format!("{SITE}{lines}"), Path::new("/srv/yagura/y.toml"))
}

#[test]
fn clouds_stand_side_by_side_each_with_its_own_word() {
    let settings = read(
        "[[cloud]]\nname = \"pref\"\nranges = [\"192.0.2.7/24\", \"2001:db8:1::/48\"]\n\
         probe = \"https://www.a.example/\"\n\
         [[cloud]]\nname = \"pref-next\"\nranges = [\"10.0.0.0/8\", \"fc00::/7\"]\n\
         proxy_protocol = true\n\
         [[cloud]]\nname = \"mute\"\nranges = [\"203.0.113.1\"]\nheader = \"none\"\n\
         [[cloud]]\nname = \"plain\"\nranges = [\"203.0.113.2\"]\nheader = \"X-Forwarded-For\"\n",
    );
    let clouds = settings.unwrap().clouds;
    let words: Vec<_> = clouds.iter().map(|cloud| cloud.word).collect();
    let expected = [
        CloudWord::XForwardedFor,
        CloudWord::ProxyProtocol,
        CloudWord::Nothing,
        CloudWord::XForwardedFor,
    ];
    assert_eq!(words, expected);
    assert_eq!(clouds[0].ranges[0].to_string(), "192.0.2.0/24");
    assert_eq!(clouds[0].probe.as_deref(), Some("https://www.a.example/"));
    assert_eq!(clouds[2].ranges[0].to_string(), "203.0.113.1/32");
    assert!(read("").unwrap().clouds.is_empty());
}

#[test]
fn a_cloud_that_would_make_strangers_believed_is_a_fault() {
    for (lines, expected) in [
        ("ranges = [\"192.0.2.0/24\"]", "`name` is missing"),
        (
            "name = \"A b\"\nranges = [\"192.0.2.0/24\"]",
            "cannot be a cloud's name",
        ),
        ("name = \"a\"", "which connections it makes"),
        ("name = \"a\"\nranges = []", "which connections it makes"),
        (
            "name = \"a\"\nranges = [\"0.0.0.0/0\"]",
            "strangers could pass for anybody",
        ),
        (
            "name = \"a\"\nranges = [\"128.0.0.0/1\"]",
            "strangers could pass for anybody",
        ),
        (
            "name = \"a\"\nranges = [\"::/0\"]",
            "strangers could pass for anybody",
        ),
        (
            "name = \"a\"\nranges = [\"2000::/3\"]",
            "strangers could pass for anybody",
        ),
        (
            "name = \"a\"\nranges = [\"::ffff:192.0.2.0/120\"]",
            "IPv4 in the form of IPv6",
        ),
        ("name = \"a\"\nranges = [\"cloud.example\"]", "ranges[0]"),
        (
            "name = \"a\"\nranges = [\"192.0.2.1\"]\nheader = \"forwarded\"",
            "x-forwarded-for",
        ),
        (
            "name = \"a\"\nranges = [\"192.0.2.1\"]\nheader = \"x-forwarded-for\"\nproxy_protocol = true",
            "named in two ways",
        ),
        (
            "name = \"a\"\nranges = [\"192.0.2.1\"]\nprobe = \"/up\"",
            "is no URL",
        ),
        (
            "name = \"a\"\nranges = [\"192.0.2.1\"]\nheaders = \"none\"",
            "did you mean `header`?",
        ),
        (
            "name = \"a\"\nranges = [\"192.0.2.0/24\"]\n[[cloud]]\nname = \"a\"\nranges = [\"10.0.0.1\"]",
            "two clouds are called \"a\"",
        ),
        (
            "name = \"a\"\nranges = [\"192.0.2.0/24\"]\n[[cloud]]\nname = \"b\"\nranges = [\"192.0.2.9\"]",
            "192.0.2.9/32 overlaps 192.0.2.0/24 of the cloud \"a\"",
        ),
        (
            "name = \"a\"\nranges = [\"2001:db8:1::/48\", \"2001:db8::/32\"]",
            "2001:db8::/32 overlaps 2001:db8:1::/48",
        ),
    ] {
        let told = read(&format!("[[cloud]]\n{lines}\n")).unwrap_err();
        let told = told.to_string();
        assert!(told.contains(expected), "{expected} is not in\n{told}");
    }
}

#[test]
fn a_cloud_without_an_edge_is_a_fault() {
    let text = "[command]\nedges = [\"edge.sock\"]\n\
                [[cloud]]\nname = \"a\"\nranges = [\"192.0.2.0/24\"]\n";
    let told = parse(text, Path::new("/y.toml")).unwrap_err().to_string();
    assert!(told.contains("clouds stand before an edge"), "{told}");
}

#[test]
fn more_clouds_than_can_be_told_apart_are_a_fault() {
    let clouds = |count: u8| {
        let one =
            |number| format!("[[cloud]]\nname = \"c{number}\"\nranges = [\"192.0.2.{number}\"]\n");
        read(&(0..count).map(one).collect::<String>())
    };
    assert_eq!(clouds(16).unwrap().clouds.len(), 16);
    let faults = clouds(17).unwrap_err().to_string();
    assert!(faults.contains("17 clouds are too many"), "{faults}");
}
