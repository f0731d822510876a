//! A stored response, in words. Pure.

use yagura_control::order::{Basis, NotOnError, StoredShown, VaryShown};

use crate::output::{self, span};

/// Aligned lines about it, name and text.
pub(super) fn lines(stored: &StoredShown) -> Vec<(&'static str, String)> {
    let mut lines = vec![
        (
            "response",
            format!(
                "status {}, {}; asked for {}, received or confirmed {}",
                stored.status,
                output::bytes(stored.body_bytes),
                stored.requested_at.rfc3339(),
                stored.received_at.rfc3339()
            ),
        ),
        ("age", age(stored)),
        ("stale", when_stale(stored)),
    ];
    if !stored.vary.is_empty() {
        let fields: Vec<String> = stored.vary.iter().map(vary).collect();
        lines.push(("variant", format!("for {}", fields.join(", "))));
    }
    let validators: Vec<String> = [
        stored.etag.as_ref().map(|tag| format!("etag {tag}")),
        stored
            .last_modified
            .as_ref()
            .map(|date| format!("last-modified {date}")),
    ]
    .into_iter()
    .flatten()
    .collect();
    let none = "none: the origin cannot be asked whether it still holds";
    lines.push((
        "validators",
        if validators.is_empty() {
            none.to_owned()
        } else {
            validators.join(", ")
        },
    ));
    lines.push((
        "tags",
        if stored.tags.is_empty() {
            "none".to_owned()
        } else {
            stored.tags.join(" ")
        },
    ));
    lines
}

fn age(stored: &StoredShown) -> String {
    let (age_s, lifetime_s) = (stored.age_s, stored.lifetime_s);
    let basis = match stored.basis {
        Basis::TargetedSharedMaxAge => "s-maxage of a targeted field",
        Basis::TargetedMaxAge => "max-age of a targeted field",
        Basis::TargetedNoCache => "no-cache of a targeted field",
        Basis::SharedMaxAge => "s-maxage of Cache-Control",
        Basis::MaxAge => "max-age of Cache-Control",
        Basis::NoCache => "no-cache of Cache-Control",
        Basis::Expires => "Expires",
        Basis::Heuristic => "a tenth of the time since Last-Modified",
        Basis::Unknown => "kept by an older version",
        Basis::Nothing => "the origin says nothing of it",
    };
    let left = if age_s < lifetime_s {
        format!("{} left", span(lifetime_s - age_s))
    } else if lifetime_s > 0 {
        format!("stale since {}", span(age_s - lifetime_s))
    } else {
        "never fresh".to_owned()
    };
    format!("{} of {} ({basis}); {left}", span(age_s), span(lifetime_s))
}

fn when_stale(stored: &StoredShown) -> String {
    let meanwhile = match stored.stale_while_revalidate_s {
        0 => "not shown while a new one is fetched".to_owned(),
        window_s => format!("shown for {} while a new one is fetched", span(window_s)),
    };
    if stored.not_on_error == Some(NotOnError::Withdrawn) {
        return "never shown: it was withdrawn".to_owned();
    }
    let on_error = match stored.not_on_error {
        None | Some(NotOnError::Withdrawn) => "shown when the origin fails",
        Some(NotOnError::OtherVariant) => "not shown to this request: another variant",
        Some(NotOnError::MustRevalidate) => {
            "not shown when the origin fails: it says must-revalidate or no-cache"
        }
        Some(NotOnError::SharedMaxAge) => {
            "not shown when the origin fails: it says s-maxage without stale-if-error, and the \
             site keeps no last-good copies"
        }
    };
    format!("{meanwhile}; {on_error}")
}

fn vary(vary: &VaryShown) -> String {
    let value = match &vary.stored {
        Some(value) if vary.field.starts_with("accept") => {
            format!("{}: {}", vary.field, preferences(value))
        }
        Some(value) => format!("{}: {value}", vary.field),
        None => format!("no {}", vary.field),
    };
    let verdict = if vary.same {
        "as asked"
    } else {
        "asked otherwise"
    };
    format!("{value} ({verdict})")
}

/// Preferences as readers send them. They are compared with their weight in thousandths in front,
/// and so stand in that order; what is written otherwise is left as it is.
fn preferences(compared: &str) -> String {
    let mut members: Vec<String> = compared
        .split(',')
        .map(|member| match member.split_once(':') {
            Some(("1000", value)) => value.to_owned(),
            Some((weight, value)) => match weight.parse::<u16>() {
                Ok(thousandths) => {
                    let fraction = format!("{thousandths:03}");
                    format!("{value};q=0.{}", fraction.trim_end_matches('0'))
                }
                Err(_) => member.to_owned(),
            },
            None => member.to_owned(),
        })
        .collect();
    members.reverse();
    members.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn preferences_are_told_as_readers_send_them() {
        for (compared, told) in [
            ("1000:ja", "ja"),
            ("0050:*,0500:en,1000:ja", "ja, en;q=0.5, *;q=0.05"),
            ("a, b:c", "b:c, a"),
            ("", ""),
        ] {
            assert_eq!(preferences(&compared.replace(", ", ",")), told);
        }
    }
}
