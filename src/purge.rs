//! `yagura purge`: stored responses are asked anew, or never shown again.

use std::process::ExitCode;

use anyhow::{Context, bail};
use yagura_control::Tag;
use yagura_control::order::{Order, Purge, Target};
use yagura_control::page_url::PageUrl;

use crate::arguments::PurgeArguments;
use crate::edges;

/// The site of paths and tags, which name none.
const SITE: &str = "town";

pub(crate) fn run(arguments: &PurgeArguments) -> anyhow::Result<ExitCode> {
    let addressed = addressed(arguments)?;
    let site = match (&arguments.site, addressed.hosts.as_slice()) {
        (Some(site), _) => site.clone(),
        (None, []) => SITE.to_owned(),
        (None, hosts) => one_site(hosts, arguments)?,
    };
    let mut purge = Purge {
        site,
        ..Purge::default()
    };
    if arguments.withdraw {
        purge.withdraw = addressed.targets;
    } else {
        purge.refresh = addressed.targets;
    }
    edges::give(Order::Purge(purge), &arguments.order)
}

/// What the arguments address.
#[derive(Debug, Default, PartialEq, Eq)]
struct Addressed {
    targets: Vec<Target>,
    /// Hosts of the URLs among them.
    hosts: Vec<String>,
}

fn addressed(arguments: &PurgeArguments) -> anyhow::Result<Addressed> {
    let mut addressed = Addressed::default();
    if arguments.everything {
        addressed.targets.push(Target::Everything);
    }
    for text in &arguments.targets {
        let target = if PageUrl::is_meant(text) {
            Target::Path(addressed.page(text)?)
        } else {
            let neither = || format!("\"{text}\" is neither a path nor a cache tag");
            Target::Tag(Tag::new(text).with_context(neither)?)
        };
        addressed.targets.push(target);
    }
    for text in &arguments.prefix {
        let prefix = addressed.page(text)?;
        addressed.targets.push(Target::Prefix(prefix));
    }
    for text in &arguments.tag {
        addressed.targets.push(Target::Tag(Tag::new(text)?));
    }
    Ok(addressed)
}

impl Addressed {
    /// Path and query of an address; its host is noted.
    fn page(&mut self, text: &str) -> anyhow::Result<String> {
        let url = PageUrl::parse(text)?;
        self.hosts.extend(url.host);
        Ok(url.target)
    }
}

/// An order is for one site.
fn one_site(hosts: &[String], arguments: &PurgeArguments) -> anyhow::Result<String> {
    let mut sites = Vec::new();
    for host in hosts {
        sites.push(edges::site_of_host(host, &arguments.order.edges)?);
    }
    sites.sort();
    sites.dedup();
    match sites.as_slice() {
        [site] => Ok(site.clone()),
        _ => bail!(
            "these URLs are of the sites {}\n  give those of one site at a time",
            sites.join(" and ")
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        purge: PurgeArguments,
    }

    fn read(words: &[&str]) -> anyhow::Result<Addressed> {
        let line = Line::try_parse_from([&["purge"], words].concat())?;
        addressed(&line.purge)
    }

    #[test]
    fn pages_prefixes_and_tags_are_told_apart() {
        let read = read(&[
            "https://www.town.example/a?b=1#c",
            "/\u{3042}",
            "page-1",
            "--prefix",
            "/kurashi/",
            "--tag",
            "home",
        ]);
        let tag = |text| Target::Tag(Tag::new(text).unwrap());
        let expected = Addressed {
            targets: vec![
                Target::Path("/a?b=1".into()),
                Target::Path("/%E3%81%82".into()),
                tag("page-1"),
                Target::Prefix("/kurashi/".into()),
                tag("home"),
            ],
            hosts: vec!["www.town.example".into()],
        };
        assert_eq!(read.unwrap(), expected);
    }

    #[test]
    fn what_is_nothing_or_too_much_is_refused() {
        for words in [
            &["no tag!"][..],
            &[],
            &["--prefix", "kurashi"],
            &["--tag", "a,b"],
            &["--everything", "/a"],
            &["/a", "--refresh", "--withdraw"],
        ] {
            assert!(read(words).is_err(), "{words:?}");
        }
        let everything = read(&["--everything"]).unwrap();
        assert_eq!(everything.targets, [Target::Everything]);
    }
}
