//! Every kind of connection at every kind of door.

use std::path::Path;

use yagura_config::Settings;

use super::*;

const NOW: Timestamp = Timestamp(1_000_000);

fn settings() -> Settings {
    let text = "[edge]\n[[edge.listen]]\naddress = \"127.0.0.1:1\"\n\
        [ingress]\ncity_hall = [\"192.0.2.0/24\", \"2001:db8:a::/48\"]\nmonitors = [\"203.0.113.9\"]\n\
        [[cloud]]\nname = \"old\"\nranges = [\"198.51.100.0/25\"]\n\
        [[cloud]]\nname = \"new\"\nranges = [\"198.51.100.128/25\"]\nproxy_protocol = true\n\
        [[cloud]]\nname = \"mute\"\nranges = [\"10.9.0.0/16\"]\nheader = \"none\"\n\
        [[site]]\nname = \"city\"\nhosts = [\"www.city.example\"]\norigin = \"http://127.0.0.1:2\"\n\
        look = { name = \"A&B市\", colour = \"#0b5394\" }\nbehind = [\"old\", \"mute\"]\n\
        [[site]]\nname = \"staff\"\nhosts = [\"staff.city.example\"]\norigin = \"http://127.0.0.1:2\"\n\
        staff = true\n\
        [[site]]\nname = \"open\"\nhosts = [\"*\"]\norigin = \"http://127.0.0.1:2\"\n";
    yagura_config::parse(text, Path::new("/edge.toml")).unwrap()
}

fn door(name: &str, known: &Known) -> Door {
    let settings = settings();
    let mut sites = settings.sites.iter();
    Door::of(sites.find(|site| site.name == name).unwrap(), known)
}

fn known() -> Known {
    Known::after(&Known::default(), &settings())
}

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

#[test]
fn every_way_leads_through_a_door_that_knows_it() {
    let known = known();
    let closed = door("city", &known);
    let open = closed.set(true, None);
    let of = |name: &str| known.cloud(name).unwrap().class;
    // Peer, whom it names by PROXY, the reader; as what he is let in while it is closed, and open.
    let stranger = Entry::As(Class::STRANGER);
    for (peer, named, reader, when_closed, when_open) in [
        // Directly.
        ("100.64.0.1", None, None, Entry::Closed, stranger),
        ("2001:db8::1", None, None, Entry::Closed, stranger),
        (
            "192.0.2.7",
            None,
            None,
            Entry::As(Class::CITY_HALL),
            Entry::As(Class::CITY_HALL),
        ),
        (
            "2001:db8:a::7",
            None,
            None,
            Entry::As(Class::CITY_HALL),
            Entry::As(Class::CITY_HALL),
        ),
        (
            "203.0.113.9",
            None,
            None,
            Entry::As(Class::MONITOR),
            Entry::As(Class::MONITOR),
        ),
        ("203.0.113.10", None, None, Entry::Closed, stranger),
        // Through the clouds that the site is behind, whoever the reader is.
        (
            "198.51.100.7",
            None,
            Some("100.64.0.1"),
            Entry::As(of("old")),
            Entry::As(of("old")),
        ),
        (
            "198.51.100.7",
            None,
            Some("192.0.2.7"),
            Entry::As(of("old")),
            Entry::As(of("old")),
        ),
        (
            "198.51.100.7",
            None,
            None,
            Entry::As(of("old")),
            Entry::As(of("old")),
        ),
        (
            "10.9.1.1",
            None,
            None,
            Entry::As(of("mute")),
            Entry::As(of("mute")),
        ),
        // Through the one that it is not behind yet: nobody but those who try it.
        (
            "198.51.100.200",
            Some("100.64.0.1"),
            None,
            Entry::Closed,
            stranger,
        ),
        ("198.51.100.200", None, None, Entry::Closed, stranger),
        (
            "198.51.100.200",
            Some("192.0.2.7"),
            None,
            Entry::As(Class::CITY_HALL),
            Entry::As(Class::CITY_HALL),
        ),
        (
            "198.51.100.200",
            Some("203.0.113.9"),
            None,
            Entry::As(Class::MONITOR),
            Entry::As(Class::MONITOR),
        ),
        // The new one before the old one.
        (
            "198.51.100.200",
            Some("198.51.100.7"),
            Some("100.64.0.1"),
            Entry::As(of("old")),
            Entry::As(of("old")),
        ),
        // Who is no cloud names nobody, by whatever means a connection came to say so.
        (
            "100.64.0.1",
            Some("198.51.100.7"),
            Some("192.0.2.7"),
            Entry::Closed,
            stranger,
        ),
        (
            "198.51.100.7",
            Some("192.0.2.7"),
            Some("100.64.0.1"),
            Entry::As(of("old")),
            Entry::As(of("old")),
        ),
    ] {
        let arc = std::sync::Arc::new(known.clone());
        let caller = match named {
            Some(named) => {
                super::super::Caller::announced(Some(address(peer)), address(named), &arc)
            }
            None => super::super::Caller::new(Some(address(peer)), &arc),
        };
        // What X-Forwarded-For says counts for those alone who speak in it.
        let reader = match (reader, caller.speaks_for_others()) {
            (Some(reader), true) => Some(address(reader)),
            _ => caller.address(),
        };
        let case = format!("{peer} naming {named:?} for {reader:?}");
        for (door, expected) in [(&closed, when_closed), (&open, when_open)] {
            let entry = door.entry(caller.class(), reader, &known);
            assert_eq!(entry, expected, "{case}");
            // What is answered at once is what would have been let in.
            let at_once = door.answers_at_once(caller.class());
            assert!(!at_once || entry != Entry::Closed, "{case}");
            if let (true, Entry::As(class)) = (at_once, entry)
                && class.index() > Class::MONITOR.index()
            {
                assert_eq!(door.counted_as(caller.class()), class, "{case}");
            }
        }
        let mapped = |text: &str| match address(text) {
            IpAddr::V4(v4) => IpAddr::V6(v4.to_ipv6_mapped()),
            v6 => v6,
        };
        let again = super::super::Caller::announced(
            Some(mapped(peer)),
            mapped(named.unwrap_or(peer)),
            &arc,
        );
        assert_eq!(again.class(), caller.class(), "{case}, written as IPv6");
    }
}

#[test]
fn a_site_behind_nothing_is_open_to_all_and_one_for_staff_looks_at_each() {
    let known = known();
    let everybody = [
        Class::STRANGER,
        Class::CITY_HALL,
        Class::MONITOR,
        Class::cloud(0),
    ];
    let (open, staff) = (door("open", &known), door("staff", &known));
    for class in everybody {
        assert!(open.answers_at_once(class) && !staff.answers_at_once(class));
        assert_eq!(open.entry(class, None, &known), Entry::As(class));
    }
    assert!(open.is_open() && !open.is_behind());
}

#[test]
fn staff_come_from_the_city_hall_and_from_outside_only_for_a_time() {
    let known = known();
    let closed = door("staff", &known);
    let until = Timestamp(NOW.0 + 5);
    let open = closed.set(false, Some(until));
    let (hall, outside) = (Some(address("192.0.2.7")), Some(address("100.64.0.1")));
    for (door, reader, now, expected) in [
        (&closed, hall, NOW, Some(Access::CityHall)),
        (
            &closed,
            Some(address("::ffff:192.0.2.7")),
            NOW,
            Some(Access::CityHall),
        ),
        (&closed, outside, NOW, None),
        (&closed, None, NOW, None),
        (&closed, Some(address("203.0.113.9")), NOW, None),
        (&open, hall, NOW, Some(Access::CityHall)),
        (&open, outside, NOW, Some(Access::Outside)),
        (&open, None, NOW, Some(Access::Outside)),
        (&open, outside, until, None),
        (&open, hall, until, Some(Access::CityHall)),
    ] {
        assert_eq!(
            door.access(reader, &known, now),
            expected,
            "{reader:?} at {now:?}"
        );
    }
}

#[test]
fn the_page_names_the_site_and_nothing_that_a_request_says() {
    let page = door("city", &known()).page();
    let text = std::str::from_utf8(&page).unwrap();
    assert!(
        text.contains("href=\"https://www.city.example/\""),
        "{text}"
    );
    assert!(text.contains("「A&amp;B市」"), "{text}");
    assert!(!text.contains("{name}") && !text.contains("{url}"));
}
