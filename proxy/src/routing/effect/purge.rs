//! What is refused of a purge.

use yagura_control::order::{Purge, Refusal, RefusalCode, Target};

use super::{refusal, unknown_site};
use crate::cache::Cache;
use crate::routing::plan::Plan;

/// Most prefixes in the table of purges: after a purge every response is compared with all their
/// lengths once.
const MOST_PREFIXES: usize = 1_000;
/// Longest path or prefix purged, in bytes.
const LONGEST_PATH_BYTES: usize = 8 << 10;

/// Whether a purge can be carried out.
///
/// # Errors
/// Why not.
pub fn check(purge: &Purge, plan: &Plan, cache: &Cache) -> Result<(), Refusal> {
    plan.site_named(&purge.site)
        .ok_or_else(|| unknown_site(&purge.site, plan))?;
    let targets = purge.refresh.iter().chain(&purge.withdraw);
    for target in targets {
        if let Target::Path(path) | Target::Prefix(path) = target
            && !(path.starts_with('/') && path.len() <= LONGEST_PATH_BYTES)
        {
            let what = format!("\"{path}\" is no path");
            let hint = format!("begin it with a slash; {LONGEST_PATH_BYTES} bytes at most");
            return Err(refusal(RefusalCode::Invalid, what, &hint));
        }
    }
    if cache.prefixes_with(purge) > MOST_PREFIXES {
        let what = format!("more than {MOST_PREFIXES} prefixes would be kept as purged");
        let hint = "purge by tag, a shorter prefix that was purged before, or everything";
        return Err(refusal(RefusalCode::Invalid, what, hint));
    }
    Ok(())
}
