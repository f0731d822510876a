//! When a certificate is to be renewed: pure. When somebody has to be told: `expiry/warning.rs`.

pub mod warning;

use yagura_control::Timestamp;

use crate::Inspected;

/// Whether a certificate is to be renewed now: the last third of its life has begun, or its life
/// has not.
#[must_use]
pub fn is_due(certificate: &Inspected, now: Timestamp) -> bool {
    due(certificate.not_before(), certificate.not_after(), now)
}

fn due(not_before: Timestamp, not_after: Timestamp, now: Timestamp) -> bool {
    let lifetime = not_after.since(not_before);
    now < not_before || not_after.since(now) < lifetime / 3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_third_of_its_life_is_for_renewing() {
        let day = |day: u64| Timestamp(day * 86_400_000);
        for (now, expected) in [
            (0, true),
            (1, false),
            (60, false),
            (61, false),
            (62, true),
            (91, true),
            (200, true),
        ] {
            assert_eq!(due(day(1), day(91), day(now)), expected, "day {now}");
        }
    }
}
