//! `[ingress]`, `[[hook]]`, `behind`, `staff` and `[site.bypass]`: what is read, and what is told of
//! faults.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that cannot go on ends with what it saw"
)]

use std::path::Path;
use std::time::Duration;

use yagura_config::settings::{DnsChanger, DnsRecord, HookWay, Share};
use yagura_config::{Faults, Settings, parse};

const EDGE: &str = "[edge]\nname = \"e\"\nlisten = [{ address = \"127.0.0.1:1\" }]\n\
[[cloud]]\nname = \"pref\"\nranges = [\"192.0.2.0/24\"]\n\
[[cloud]]\nname = \"next\"\nranges = [\"198.51.100.0/24\"]\n";

const BYPASS: &str = "[site.bypass]\ndns = \"manual\"\nservers = [\"127.0.0.1:53\"]\n\
direct = [\"A 203.0.113.5\"]\n[site.bypass.cloud]\npref = [\"A 198.51.100.7\"]\n";

fn read(text: &str) -> Result<Settings, Faults> {
    parse(&format!("{EDGE}{text}"), Path::new("/srv/yagura/y.toml"))
}

/// A site with these lines, and then these tables.
fn site(lines: &str, tables: &str) -> Result<Settings, Faults> {
    read(&format!(
        "[[site]]\nname = \"s\"\nhosts = [\"a.example\", \"B.example\"]\n\
         origin = \"http://127.0.0.1:2\"\n{lines}\n{tables}"
    ))
}

fn told(result: Result<Settings, Faults>) -> String {
    result.map_or_else(|faults| faults.to_string(), |_| "no fault".to_owned())
}

#[test]
fn a_bypass_knows_its_names_and_what_they_hold_on_either_side() {
    let settings = site(
        "behind = [\"pref\", \"next\"]",
        "[site.bypass]\ndns = \"elsewhere\"\nservers = [\"127.0.0.1:53\"]\nttl = \"2min\"\nquiet = \"0.5%\"\n\
         direct = [\"A 203.0.113.5\", \"aaaa 2001:db8::5\", \"HTTPS 1 . alpn=h2,http/1.1 port=8443\"]\n\
         [site.bypass.cloud]\npref = [\"CNAME Town.Cloud.example.\"]\nnext = [\"A 198.51.100.7\"]\n",
    );
    let settings = settings.unwrap();
    let site = &settings.sites[0];
    assert_eq!(site.behind, ["pref", "next"]);
    let bypass = site.bypass.as_ref().unwrap();
    assert_eq!(bypass.dns, DnsChanger::Elsewhere);
    assert_eq!(bypass.names, ["a.example", "b.example"]);
    assert_eq!(bypass.ttl, Duration::from_secs(120));
    assert_eq!((bypass.quiet, bypass.direct_port), (Share(5), 443));
    let written: Vec<String> = bypass.direct.iter().map(ToString::to_string).collect();
    let expected = [
        "A 203.0.113.5",
        "AAAA 2001:db8::5",
        "HTTPS 1 . alpn=h2,http/1.1 port=8443",
    ];
    assert_eq!(written, expected);
    let cname = DnsRecord::Cname("town.cloud.example".to_owned());
    assert_eq!(bypass.behind["pref"], [cname]);
    assert_eq!(bypass.without.lines().count(), 0);
}

#[test]
fn what_a_bypass_goes_without_is_written_with_its_reason() {
    let lines =
        "without_waf = \" the origin has one \"\nwithout_limits = \"a small town\"\ndirect = ";
    let settings = site("behind = [\"pref\"]", &BYPASS.replace("direct = ", lines)).unwrap();
    let bypass = settings.sites[0].bypass.as_ref().unwrap();
    let lines: Vec<String> = bypass.without.lines().collect();
    assert_eq!(
        lines,
        ["the WAF: the origin has one", "limits: a small town"]
    );
}

#[test]
fn what_could_strand_readers_is_a_fault() {
    let behind = "behind = [\"pref\"]";
    for (lines, tables, expected) in [
        (behind, BYPASS.to_owned(), "no fault"),
        ("", BYPASS.to_owned(), "the site is behind no cloud"),
        ("behind = []", String::new(), "it names no cloud"),
        (
            "behind = [\"perf\"]",
            String::new(),
            "no [[cloud]] \"perf\"",
        ),
        (
            behind,
            BYPASS.replace("manual", "city"),
            "no [[dns]] \"city\"",
        ),
        (
            behind,
            BYPASS.replace("servers = [\"127.0.0.1:53\"]\n", ""),
            "nobody could see whether the DNS changed",
        ),
        (
            behind,
            BYPASS.replace("direct = [\"A 203.0.113.5\"]\n", ""),
            "nobody could come directly",
        ),
        (
            behind,
            BYPASS.replace("direct = ", "ttl = \"10min\"\ndirect = "),
            "moved too slowly",
        ),
        (
            behind,
            BYPASS.replace(
                "\"A 203.0.113.5\"",
                "\"A 203.0.113.5\", \"CNAME x.example.\"",
            ),
            "holds nothing else",
        ),
        (
            behind,
            BYPASS.replace("A 203.0.113.5", "A 203.0.113"),
            "as in a zone file",
        ),
        (
            behind,
            BYPASS.replace("pref = ", "next = "),
            "not behind \"next\"",
        ),
        (
            behind,
            BYPASS.replace("direct = ", "drill_name = \"a.example\"\ndirect = "),
            "readers use this name",
        ),
        (
            behind,
            BYPASS.replace("direct = ", "without_waf = \" \"\ndirect = "),
            "it does not say why",
        ),
        (
            behind,
            BYPASS.replace("direct = ", "without_waf = \"a test\"\ndirect = ") + "[waf]\n",
            "[waf] stands in the bypass, and without_waf says that it goes without",
        ),
        (
            "waf = \"off\"\nbehind = [\"pref\"]",
            BYPASS.replace("direct = ", "without_waf = \"a test\"\ndirect = ") + "[waf]\n",
            "no fault",
        ),
        (
            behind,
            BYPASS.replace("direct = ", "without_limits = \"a test\"\ndirect = ")
                + "[edge.limits]\n",
            "[edge.limits] stands in the bypass",
        ),
    ] {
        let told = told(site(lines, &tables));
        assert!(told.contains(expected), "{lines}\n{tables}\n{told}");
    }
}

#[test]
fn staff_sites_are_for_city_hall_alone() {
    let ingress = "[ingress]\ncity_hall = [\"10.0.0.7/8\"]\nmonitors = [\"203.0.113.9\"]\n";
    let settings = site("staff = true", ingress).unwrap();
    assert!(settings.sites[0].staff);
    let ranges = (&settings.ingress.city_hall, &settings.ingress.monitors);
    assert_eq!(ranges.0[0].to_string(), "10.0.0.0/8");
    assert_eq!(ranges.1[0].to_string(), "203.0.113.9/32");
    for (lines, tables, expected) in [
        ("staff = true", "", "nobody knows where city hall is"),
        (
            "staff = true\nallow_from = [\"10.0.0.0/8\"]",
            ingress,
            "said twice",
        ),
        (
            "",
            "[ingress]\ncity_hall = [\"0.0.0.0/0\"]",
            "this admits everybody",
        ),
        (
            "",
            "[ingress]\nprobe_interval = \"1ms\"",
            "asked all the time",
        ),
    ] {
        let told = told(site(lines, tables));
        assert!(told.contains(expected), "{lines}\n{tables}\n{told}");
    }
}

#[test]
fn a_hook_is_told_in_one_way() {
    let settings = site(
        "",
        "[[hook]]\ncommand = [\"/bin/tell\", \"-x\"]\n\
         [[hook]]\nname = \"chat\"\nwebhook = \"https://chat.example/\"\nheader = \"Authorization\"\nsecret_file = \"s\"\n",
    );
    let hooks = settings.unwrap().hooks;
    assert_eq!(
        (hooks[0].name.as_str(), hooks[1].name.as_str()),
        ("hook-1", "chat")
    );
    assert!(
        matches!(&hooks[1].way, HookWay::Webhook { secret: Some((name, _)), .. } if name == "Authorization")
    );
    for (hook, expected) in [
        ("", "told in one way"),
        (
            "command = [\"a\"]\nwebhook = \"https://a/\"",
            "told in one way",
        ),
        ("webhook = \"chat.example\"", "is no URL"),
        (
            "webhook = \"http://chat.example/\"\ntrust = \"roots.pem\"",
            "no certificate is shown there",
        ),
        (
            "command = [\"a\"]\ntrust = \"roots.pem\"",
            "a command shows no certificate",
        ),
        (
            "webhook = \"https://a/\"\nheader = \"X\"",
            "half of the secret",
        ),
        (
            "name = \"x\"\ncommand = [\"a\"]\n[[hook]]\nname = \"x\"\ncommand = [\"a\"]",
            "two hooks are called",
        ),
    ] {
        let told = told(site("", &format!("[[hook]]\n{hook}\n")));
        assert!(told.contains(expected), "{hook}\n{told}");
    }
}

#[test]
fn tokens_stand_in_the_file_as_digests_alone() {
    let digest = format!("sha256:{}", "ab".repeat(32));
    let operator = |token: &str| {
        format!(
            "[[operator]]\nname = \"h\"\nroles = [\"approver\"]\ntoken_digests = [\"{token}\"]\n"
        )
    };
    let settings = site("", &operator(&digest)).unwrap();
    assert_eq!(settings.operators[0].token_digests[0].to_string(), digest);
    assert!(told(site("", &operator("my-token"))).contains("yagura token new"));
}
