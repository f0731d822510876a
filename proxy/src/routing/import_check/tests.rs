//! What an import is looked through for, told by tables; and that nothing accepted leads in a circle.

use proptest::prelude::*;
use yagura_control::redirect::read;

use super::*;

const NOW: Timestamp = Timestamp(1_795_410_187_123);

fn hosts() -> Vec<HostPattern> {
    ["town.example", "old.example"]
        .map(|host| HostPattern::Exact(host.into()))
        .into()
}

fn found(csv: &str) -> Findings {
    let (rows, faults) = read(csv);
    assert!(faults.is_empty(), "{faults:?}");
    let redirects = rows.iter().map(|row| row.redirect.clone()).collect();
    let (hosts, rules) = (hosts(), Rules::dropping(&["utm_*"]));
    let surroundings = Surroundings {
        hosts: &hosts,
        allowed: &[TargetHost::Below("lg.example".into())],
        allow_external: false,
        rules: &rules,
        now: NOW,
    };
    check(&Redirects::new(redirects), &rows, &surroundings)
}

fn lines(faults: &[Fault]) -> Vec<u64> {
    faults.iter().map(|fault| fault.line).collect()
}

#[test]
fn circles_are_found_through_hosts_queries_and_patterns() {
    let findings = found(
        "from,to\n/a,/b\n/b,https://town.example/c?utm_source=x\n/c,/a\n/fine,/page\n\
         /x/{p},/y/{p}\n/y/{p},/x/{p}\n/into,/a\n/grows/{r**},/grows/more/{r}\n\
         https://old.example/h,/i\nhttps://old.example/i,/h\n",
    );
    assert_eq!(
        lines(&findings.faults),
        [2, 3, 4, 6, 7, 8, 9, 10, 11],
        "{findings:?}"
    );
    assert!(
        findings.faults[0].message.contains("/a -> /b -> "),
        "{findings:?}"
    );
    // From another host it is none.
    let findings = found("from,to\nhttps://old.example/h,https://town.example/h\n");
    assert_eq!(findings, Findings::default());
}

#[test]
fn a_target_that_grows_is_found_before_it_fills_the_memory() {
    let many = "{r}".repeat(8);
    let findings = found(&format!("from,to\n/x/{{r}},/x/{many}\n"));
    assert_eq!(lines(&findings.faults), [2]);
    assert!(findings.faults[0].message.len() < 10_000);
    let (_, faults) = read(&format!("from,to\n/x/{{r}},/x/{many}{{r}}\n"));
    assert!(
        faults[0].message.contains("more than 8 times"),
        "{faults:?}"
    );
}

#[test]
fn a_chain_is_told_with_its_end() {
    let findings = found(
        "from,to,until\n/a,/b,\n/b,/c,\n/c,https://town.example/d?x=1,\n/p/{x},/a,\n/q/{x},/r/{x},\n/r/{x},/s/{x},\n/e,/f,\n/f,/g,2030-01-01\n",
    );
    assert_eq!(findings.faults, []);
    assert_eq!(lines(&findings.warnings), [2, 3, 5, 6, 8]);
    let end = "https://town.example/d?x=1".to_owned();
    // What captures, and what ends one day, stays as it is.
    assert_eq!(
        findings.ends,
        [(0, end.clone()), (1, end.clone()), (3, end)]
    );
}

#[test]
fn targets_off_the_site_are_refused_unless_listed() {
    let findings = found(
        "from,to\n/a,https://evil.example/\n/b,https://city.lg.example/x\n/c,https://town.example/\n/d,http://lg.example/\n",
    );
    assert_eq!(lines(&findings.faults), [2, 5]);
    assert_eq!(findings.warnings, []);
}

#[test]
fn what_no_request_comes_to_is_told() {
    let findings = found(
        "from,to,until\n/a/**,/1,\n/a/b/{x},/2,\n/a/b,/exact,\n/old,/3,2026-11-22\nhttps://gone.example/x,/4,\n\
         /both,/5,\nhttps://town.example/both,/6,\nhttps://old.example/both,/7,\n/one,/8,\nhttps://old.example/one,/9,\n",
    );
    assert_eq!(findings.faults, []);
    assert_eq!(lines(&findings.warnings), [3, 5, 6, 7], "{findings:?}");
}

proptest! {
    /// Follows what was accepted as a browser does: no reader walks in a circle.
    #[test]
    fn what_is_not_refused_comes_to_an_end(
        edges in proptest::collection::vec(
            ("(https://(town|old)\\.example)?/[a-d]", "(https://(town|old|far)\\.example)?/[a-f]"), 1..8)
    ) {
        let csv = edges.iter().fold("from,to\n".to_owned(), |csv, (from, to)| csv + from + "," + to + "\n");
        let (rows, faults) = read(&csv);
        prop_assume!(faults.is_empty());
        let redirects: Vec<Redirect> = rows.iter().map(|row| row.redirect.clone()).collect();
        let table = Redirects::new(redirects);
        let (hosts, rules) = (hosts(), Rules::default());
        let surroundings = Surroundings { hosts: &hosts, allowed: &[], allow_external: true, rules: &rules, now: NOW };
        let findings = check(&table, &rows, &surroundings);
        let walk = |host: &str, from: &str| {
            let (mut host, mut target, mut steps) = (host.to_owned(), from.to_owned(), Vec::new());
            while steps.len() < 50 {
                let Some(found) = table.find(&host, &target, &rules, NOW) else { return Some(steps) };
                let location = found.location(&target, &rules);
                let url = PageUrl::parse(&location).unwrap();
                host = url.host.unwrap_or(host);
                steps.push((host.clone(), url.target.clone()));
                if host == "far.example" { return Some(steps) }
                target = url.target;
            }
            None
        };
        let mut endless = false;
        for host in ["town.example", "old.example"] {
            for path in ["/a", "/b", "/c", "/d"] {
                endless |= walk(host, path).is_none();
            }
        }
        prop_assert_eq!(endless, !findings.faults.is_empty(), "{:?}", findings);
        // What is flattened ends where it ended before.
        for (place, end) in &findings.ends {
            let redirect = &rows[*place].redirect;
            for host in ["town.example", "old.example"] {
                let own = redirect.host.as_deref().is_none_or(|own| own == host);
                let number = table.row_of(redirect.host.as_deref(), &redirect.path);
                let taken = table.find(host, &redirect.path, &rules, NOW).map(|found| found.row());
                if own && taken == number {
                    let steps = walk(host, &redirect.path).unwrap();
                    let end = PageUrl::parse(end).unwrap();
                    let end = (end.host.unwrap_or(host.to_owned()), end.target);
                    prop_assert_eq!(steps.last(), Some(&end));
                }
            }
        }
    }
}
