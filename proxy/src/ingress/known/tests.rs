//! Whom the settings name, and what becomes of it when they change.

use std::path::Path;

use super::*;

fn settings(clouds: &[(&str, &str)], more: &str) -> Settings {
    let mut text = format!(
        "[edge]\n[[edge.listen]]\naddress = \"203.0.113.80:443\"\n\
         [[edge.listen]]\naddress = \"127.0.0.1:80\"\n\
         [[edge.listen]]\naddress = \"[::]:81\"\n\
         [[site]]\nname = \"a\"\nhosts = [\"*\"]\norigin = \"http://127.0.0.1:2\"\n{more}\n\
         [ingress]\ncity_hall = [\"10.0.0.0/8\"]\nmonitors = [\"10.1.0.0/16\", \"203.0.113.9\"]\n"
    );
    for (name, range) in clouds {
        text += &format!("[[cloud]]\nname = \"{name}\"\nranges = [\"{range}\"]\n");
    }
    yagura_config::parse(&text, Path::new("/edge.toml")).unwrap()
}

fn class(known: &Known, name: &str) -> Class {
    known.cloud(name).unwrap().class
}

#[test]
fn a_cloud_keeps_its_class_and_a_new_one_gets_none_that_is_in_use() {
    let first = settings(&[("a", "192.0.2.0/26"), ("b", "192.0.2.64/26")], "");
    let first = Known::after(&Known::default(), &first);
    // Another order, one gone, two new.
    let second = [
        ("c", "192.0.2.128/26"),
        ("b", "192.0.2.64/26"),
        ("d", "192.0.2.192/26"),
    ];
    let second = Known::after(&first, &settings(&second, ""));
    assert_eq!(class(&second, "b"), class(&first, "b"));
    for new in ["c", "d"] {
        for old in ["a", "b"] {
            assert_ne!(class(&second, new), class(&first, old), "{new} {old}");
        }
    }
    assert_ne!(class(&second, "c"), class(&second, "d"));
    // The same settings again are the same, as plan and limits both make them.
    let again = settings(&[("a", "192.0.2.0/26"), ("b", "192.0.2.64/26")], "");
    assert_eq!(Known::after(&first, &again), first);
}

#[test]
fn reloads_never_run_out_of_classes() {
    let mut known = Known::default();
    for round in 0..20_u8 {
        let names: Vec<String> = (0..16)
            .map(|one| format!("cloud-{}", (round * 7 + one) % 100))
            .collect();
        let ranges: Vec<String> = (0..16).map(|one| format!("192.0.{one}.0/24")).collect();
        let clouds: Vec<(&str, &str)> = names
            .iter()
            .zip(&ranges)
            .map(|(name, range)| (name.as_str(), range.as_str()))
            .collect();
        known = Known::after(&known, &settings(&clouds, ""));
        for (place, cloud) in known.clouds.iter().enumerate() {
            assert_ne!(cloud.class, Class::NONE);
            let others = known.clouds.iter().skip(place + 1);
            others.for_each(|other| assert_ne!(cloud.class, other.class));
        }
    }
}

#[test]
fn a_clouds_address_is_nobodys_own_whatever_range_holds_it() {
    let known = Known::after(&Known::default(), &settings(&[("a", "10.1.2.0/24")], ""));
    let address = |text: &str| text.parse::<IpAddr>().unwrap();
    for (text, person) in [
        ("10.9.9.9", Some(Class::CITY_HALL)),
        ("10.1.9.9", Some(Class::CITY_HALL)),
        ("203.0.113.9", Some(Class::MONITOR)),
        ("10.1.2.3", None),
        ("203.0.113.10", None),
        // Where the edge listens, but for what everybody on the machine has.
        ("203.0.113.80", Some(Class::MONITOR)),
        ("127.0.0.1", None),
        ("::", None),
    ] {
        assert_eq!(known.person(address(text)), person, "{text}");
    }
    assert_eq!(
        known.class(address("10.1.2.3"), address("10.1.2.3")),
        class(&known, "a")
    );
}

#[test]
fn other_edges_are_known_by_where_the_site_is_published_directly() {
    let bypass = "behind = [\"a\"]\n[site.bypass]\ndns = \"elsewhere\"\nnames = [\"www.a.example\"]\n\
                  direct = [\"A 203.0.113.5\", \"AAAA 2001:db8::5\", \"HTTPS 1 . alpn=h2\"]\n\
                  servers = [\"198.51.100.53:53\"]\n\
                  [site.bypass.cloud]\na = [\"CNAME a.cloud.example.\"]\n";
    let known = Known::after(
        &Known::default(),
        &settings(&[("a", "192.0.2.0/24")], bypass),
    );
    for text in ["203.0.113.5", "2001:db8::5"] {
        assert_eq!(
            known.person(text.parse().unwrap()),
            Some(Class::MONITOR),
            "{text}"
        );
    }
}
