//! Which of a certificate's versions is served: pure.
//!
//! In this order: the present version while it is valid; another one that is valid; the one that was
//! valid last, though its time is over. With none of them the local authority's is served. Whatever
//! is not the first is an alarm.

use yagura_certs::Inspected;
use yagura_control::Timestamp;

/// A version, and whether it can be used at all.
#[derive(Clone, Debug)]
pub struct Version {
    /// Its number.
    pub number: u32,
    /// What it says, or what is wrong with it.
    pub inspected: Result<Inspected, String>,
}

/// What is served.
#[derive(Clone, Debug)]
pub struct Choice {
    /// The version; none where there is nothing to serve.
    pub version: Option<(u32, Inspected)>,
    /// Why it is not the present version, or not a valid one.
    pub alarm: Option<String>,
}

/// Chooses. `current` is the number of the present version; `why_none` says why there is no number.
#[must_use]
pub fn choose(
    current: Result<Option<u32>, String>,
    versions: &[Version],
    now: Timestamp,
) -> Choice {
    let usable = || {
        versions.iter().filter_map(|version| {
            let inspected = version.inspected.as_ref().ok()?;
            Some((version.number, inspected))
        })
    };
    let number = current.as_ref().ok().copied().flatten();
    let present = usable().find(|(of, _)| Some(*of) == number);
    if let Some((number, inspected)) = present
        && is_valid(inspected, now)
    {
        return Choice {
            version: Some((number, inspected.clone())),
            alarm: None,
        };
    }
    let why = || match (&current, number) {
        (Err(error), _) => error.clone(),
        (_, None) => "there is no present version".to_owned(),
        (_, Some(number)) => {
            let it = versions.iter().find(|version| version.number == number);
            match it.map(|version| &version.inspected) {
                None => format!("version {number} is not there"),
                Some(Err(error)) => format!("version {number} cannot be used: {error}"),
                Some(Ok(inspected)) if now < inspected.not_before() => {
                    let from = inspected.not_before().rfc3339();
                    format!("version {number} is not valid before {from}")
                }
                Some(Ok(inspected)) => {
                    let ended = inspected.not_after().rfc3339();
                    format!("version {number} ended at {ended}")
                }
            }
        }
    };
    let valid = usable().filter(|(_, inspected)| is_valid(inspected, now));
    let valid = valid.max_by_key(|(number, inspected)| (inspected.not_after(), *number));
    let last = || usable().max_by_key(|(number, inspected)| (inspected.not_after(), *number));
    let alarm = match valid {
        Some((number, _)) => format!("{}; version {number} is served in its place", why()),
        None => match last() {
            Some((number, inspected)) => {
                let ended = inspected.not_after().rfc3339();
                format!(
                    "{}; version {number} is served, which ended at {ended}",
                    why()
                )
            }
            None => format!("{}; the local authority's is served in its place", why()),
        },
    };
    let chosen = valid.or_else(last);
    Choice {
        version: chosen.map(|(number, inspected)| (number, inspected.clone())),
        alarm: Some(alarm),
    }
}

/// Whether browsers take it at this time.
#[must_use]
pub fn is_valid(inspected: &Inspected, now: Timestamp) -> bool {
    now >= inspected.not_before() && now < inspected.not_after()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;
    use yagura_certs::LocalAuthority;

    const DAY: Duration = Duration::from_secs(86_400);
    const NOW: Timestamp = Timestamp(1_795_400_000_000);

    /// A version that was issued so many days before now; they last 90 days.
    fn issued(number: u32, days_ago: u32, folder: &std::path::Path) -> Version {
        let at = Timestamp(NOW.0 - u64::try_from((DAY * days_ago).as_millis()).unwrap());
        let authority = LocalAuthority::open_or_make(folder, at).unwrap();
        let pem = authority.issue(&["town.example".to_owned()], at).unwrap();
        Version {
            number,
            inspected: Ok(Inspected::read(&pem.chain, &pem.key).unwrap()),
        }
    }

    fn broken(number: u32) -> Version {
        Version {
            number,
            inspected: Err("the chain is no PEM".to_owned()),
        }
    }

    #[test]
    fn each_step_of_the_fallback_is_taken_when_the_one_before_it_fails() {
        let folder = tempfile::tempdir().unwrap();
        let issued = |number, days| issued(number, days, folder.path());
        type Case = (
            &'static str,
            Option<u32>,
            Vec<Version>,
            Option<u32>,
            &'static str,
        );
        let cases: Vec<Case> = vec![
            (
                "present",
                Some(2),
                vec![issued(1, 20), issued(2, 10)],
                Some(2),
                "",
            ),
            (
                "rolled back",
                Some(1),
                vec![issued(1, 20), issued(2, 10)],
                Some(1),
                "",
            ),
            (
                "damaged",
                Some(3),
                vec![issued(1, 20), issued(2, 10), broken(3)],
                Some(2),
                "version 3 cannot be used: the chain is no PEM; version 2 is served",
            ),
            (
                "ended, an older one is valid",
                Some(2),
                vec![issued(1, 10), issued(2, 100)],
                Some(1),
                "version 2 ended at",
            ),
            (
                "all ended",
                Some(1),
                vec![issued(1, 200), issued(2, 100)],
                Some(2),
                "version 2 is served, which ended at",
            ),
            (
                "gone",
                Some(7),
                vec![issued(1, 10)],
                Some(1),
                "version 7 is not there",
            ),
            (
                "no pointer",
                None,
                vec![issued(1, 10)],
                Some(1),
                "there is no present version",
            ),
            (
                "nothing",
                None,
                vec![],
                None,
                "the local authority's is served",
            ),
            (
                "only damage",
                Some(1),
                vec![broken(1)],
                None,
                "the local authority's is served",
            ),
        ];
        for (case, current, versions, expected, alarm) in cases {
            let choice = choose(Ok(current), &versions, NOW);
            assert_eq!(choice.version.map(|(number, _)| number), expected, "{case}");
            match alarm {
                "" => assert_eq!(choice.alarm, None, "{case}"),
                words => assert!(choice.alarm.unwrap().contains(words), "{case}"),
            }
        }
    }

    #[test]
    fn a_pointer_that_cannot_be_read_takes_nothing_away() {
        let folder = tempfile::tempdir().unwrap();
        let choice = choose(Err("disk".to_owned()), &[issued(1, 10, folder.path())], NOW);
        assert_eq!(choice.version.unwrap().0, 1);
        assert!(choice.alarm.unwrap().starts_with("disk"));
    }
}
