//! What of ours stands where the cloud stood: the WAF, and the limits on what readers may ask. Without
//! one of them a bypass does not begin, unless the configuration says that it goes without, and why.
//! Pure.

use yagura_config::settings::{LimitSettings, WafSetting, Without};
use yagura_control::order::Missing;

use crate::waf::{Mode, Readiness, mode_of};

/// How one of them stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Guard {
    /// It does what the cloud did; this is what.
    Stands(String),
    /// It does not, and nobody has decided that.
    Lacks(Missing),
    /// The bypass goes without it, for this reason.
    GoesWithout(String),
}

/// Both.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Guards {
    /// What inspects requests.
    pub waf: Guard,
    /// What bounds them.
    pub limits: Guard,
}

impl Guards {
    /// What keeps a bypass from beginning.
    pub fn lacking(&self) -> impl Iterator<Item = &Missing> {
        [&self.waf, &self.limits]
            .into_iter()
            .filter_map(|guard| match guard {
                Guard::Lacks(missing) => Some(missing),
                Guard::Stands(_) | Guard::GoesWithout(_) => None,
            })
    }

    /// A line each, for the record of a step.
    #[must_use]
    pub fn evidence(&self) -> Vec<String> {
        let each = [("the WAF", &self.waf), ("limits", &self.limits)];
        each.map(|(what, guard)| match guard {
            Guard::Stands(how) => format!("{what} in force: {how}"),
            Guard::Lacks(missing) => format!("{what} NOT in force: {}", missing.what),
            Guard::GoesWithout(why) => format!("WITHOUT {what}: {why}"),
        })
        .into()
    }
}

/// How the WAF stands; `engine` is none where none is configured.
#[must_use]
pub fn waf(setting: WafSetting, engine: Option<Readiness>, without: &Without) -> Guard {
    let inspects = mode_of(setting, true) == Mode::On;
    match (inspects, engine, &without.waf) {
        (true, Some(Readiness::Ready { says }), _) => Guard::Stands(says),
        (true, Some(Readiness::NotReady { why }), _) => lacks(
            format!("the WAF is not ready: {why}"),
            "`yagura waf install` verifies library and rules; to go without it all the same: \
             `waf = \"off\"` of the site, `without_waf = \"REASON\"` in [site.bypass], and reload",
        ),
        (_, _, Some(why)) => Guard::GoesWithout(why.clone()),
        (true, None, None) => lacks(
            "nothing inspects requests in the bypass: no WAF is configured".to_owned(),
            "add [waf] (`yagura waf install` says what it needs) and reload; or write \
             `without_waf = \"REASON\"` in [site.bypass], which everybody who approves is shown",
        ),
        (false, _, None) => lacks(
            "nothing is refused in the bypass: `waf` of the site is neither \"auto\" nor \"on\""
                .to_owned(),
            "set `waf = \"auto\"` and reload; or write `without_waf = \"REASON\"` in \
             [site.bypass], which everybody who approves is shown",
        ),
    }
}

/// How the limits stand: as configured, and as the edge goes by them.
#[must_use]
pub fn limits(configured: &LimitSettings, in_force: &LimitSettings, without: &Without) -> Guard {
    if !configured.is_written {
        if let Some(why) = &without.limits {
            return Guard::GoesWithout(why.clone());
        }
        return lacks(
            "no limits are configured: nobody has looked how much readers may ask".to_owned(),
            "add [edge.limits], empty for what is usual, and reload; or write \
             `without_limits = \"REASON\"` in [site.bypass], which everybody who approves is shown",
        );
    }
    if configured != in_force {
        return lacks(
            "the limits that are configured are not in force".to_owned(),
            "`yagura reload`; if it stays so, restart the edge",
        );
    }
    if let Some(range) = configured.exempt.iter().find(|it| it.prefix_len() == 0) {
        return lacks(
            format!("the limits hold for nobody: {range} is exempt"),
            "take it out of `exempt` of [edge.limits], and reload",
        );
    }
    let LimitSettings {
        connections_per_network: connections,
        requests_per_network: requests,
        ..
    } = configured;
    Guard::Stands(format!(
        "{connections} connections and {requests} requests a second of one network"
    ))
}

fn lacks(what: String, hint: &str) -> Guard {
    Guard::Lacks(Missing::stopping(what, hint))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn without(waf: Option<&str>, limits: Option<&str>) -> Without {
        Without {
            waf: waf.map(str::to_owned),
            limits: limits.map(str::to_owned),
        }
    }

    fn lacks(guard: &Guard) -> bool {
        matches!(guard, Guard::Lacks(missing) if !missing.hint.is_empty())
    }

    #[test]
    fn the_waf_stands_or_is_done_without_on_purpose() {
        let ready = || {
            Some(Readiness::Ready {
                says: "CRS 4".to_owned(),
            })
        };
        let dead = || {
            Some(Readiness::NotReady {
                why: "no library".to_owned(),
            })
        };
        let (nothing, reason) = (Without::default(), without(Some("a drill"), None));
        let goes = Guard::GoesWithout("a drill".to_owned());
        let stands = Guard::Stands("CRS 4".to_owned());
        for setting in [WafSetting::Auto, WafSetting::On] {
            assert_eq!(waf(setting, ready(), &nothing), stands);
            assert!(lacks(&waf(setting, dead(), &nothing)));
            assert!(lacks(&waf(setting, None, &nothing)));
            assert_eq!(waf(setting, None, &reason), goes);
            // Readers would be refused by a WAF that is wanted and dead: a reason does not help.
            assert!(lacks(&waf(setting, dead(), &reason)));
        }
        for setting in [WafSetting::Off, WafSetting::Shadow] {
            for engine in [ready(), dead(), None] {
                assert!(lacks(&waf(setting, engine.clone(), &nothing)));
                assert_eq!(waf(setting, engine, &reason), goes);
            }
        }
    }

    #[test]
    fn limits_stand_as_they_are_written_or_are_done_without_on_purpose() {
        let (nothing, reason) = (Without::default(), without(None, Some("a test")));
        let default = LimitSettings::default();
        assert!(lacks(&limits(&default, &default, &nothing)));
        let goes = Guard::GoesWithout("a test".to_owned());
        assert_eq!(limits(&default, &default, &reason), goes);
        let written = LimitSettings {
            is_written: true,
            ..LimitSettings::default()
        };
        let stands = limits(&written, &written, &nothing);
        let how = "512 connections and 100 requests a second of one network";
        assert_eq!(stands, Guard::Stands(how.to_owned()));
        assert!(lacks(&limits(&written, &default, &nothing)));
        let mut open = written.clone();
        open.exempt.push("::/0".parse().unwrap());
        assert!(lacks(&limits(&open, &open, &nothing)));
    }

    #[test]
    fn the_record_says_what_stands_and_what_does_not() {
        let guards = Guards {
            waf: Guard::GoesWithout("a drill".to_owned()),
            limits: Guard::Stands("many".to_owned()),
        };
        assert_eq!(guards.lacking().count(), 0);
        let told = ["WITHOUT the WAF: a drill", "limits in force: many"];
        assert_eq!(guards.evidence(), told);
    }
}
