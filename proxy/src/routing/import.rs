//! An order to import redirects, worked out: what is in the table, what is wrong with it, and the
//! table that comes of it. What is looked for stands in `import_check.rs`.

use yagura_control::Timestamp;
use yagura_control::order::{ImportDone, ImportRedirects, Refusal, RefusalCode};
use yagura_control::redirect::{self, Fault, MAX_PATTERNS, MAX_REDIRECTS, Row};

use super::import_check::{Surroundings, check};
use super::plan::Site;
use super::redirects::Redirects;

/// Most faults and most warnings that are told one by one.
const MOST_TOLD: usize = 1_000;
/// Most memory a table may take. 100,000 redirects with the usual texts take a quarter of it.
const MOST_BYTES: usize = 256 << 20;

/// The site's table after the import, and what it did.
///
/// # Errors
/// Every fault of the table; then nothing of it counts.
pub fn imported(
    import: &ImportRedirects,
    site: &Site,
    now: Timestamp,
) -> Result<(Redirects, ImportDone), Refusal> {
    let (mut rows, mut faults) = redirect::read(&import.csv);
    let merged = |rows: &[Row]| {
        let redirects = rows.iter().map(|row| row.redirect.clone()).collect();
        site.redirects.with(redirects, import.replace)
    };
    let (mut table, mut changes) = merged(&rows);
    let surroundings = Surroundings {
        hosts: &site.settings.hosts,
        allowed: &site.settings.redirect_targets,
        allow_external: import.allow_external,
        rules: &site.cache.rules,
        now,
    };
    let mut findings = check(&table, &rows, &surroundings);
    faults.append(&mut findings.faults);
    faults.extend(too_many(&table));
    if !faults.is_empty() {
        return Err(refused(faults));
    }
    let mut flattened = 0;
    if import.flatten {
        flattened = flatten(&mut rows, &findings.ends);
        (table, changes) = merged(&rows);
        findings = check(&table, &rows, &surroundings);
    }
    findings.warnings.sort();
    let more_warnings = findings.warnings.len().saturating_sub(MOST_TOLD);
    findings.warnings.truncate(MOST_TOLD);
    let done = ImportDone {
        added: changes.added,
        changed: changes.changed,
        removed: changes.removed,
        total: table.len(),
        flattened,
        warnings: findings.warnings,
        more_warnings,
    };
    Ok((table, done))
}

/// The site's table after an import that was accepted before: what was right then is taken over,
/// whatever would be said of it now.
#[must_use]
pub fn replayed(import: &ImportRedirects, site: &Site, at: Timestamp) -> Redirects {
    let (mut rows, faults) = redirect::read(&import.csv);
    if let Some(fault) = faults.first() {
        tracing::warn!(site = %import.site, faults = faults.len(), %fault, "redirects that were accepted by an earlier version are left out");
    }
    let take_over = |rows: Vec<Row>| {
        let redirects = rows.into_iter().map(|row| row.redirect).collect();
        site.redirects.with(redirects, import.replace).0
    };
    if !import.flatten {
        return take_over(rows);
    }
    let table = take_over(rows.clone());
    let surroundings = Surroundings {
        hosts: &site.settings.hosts,
        allowed: &site.settings.redirect_targets,
        allow_external: true,
        rules: &site.cache.rules,
        now: at,
    };
    let findings = check(&table, &rows, &surroundings);
    flatten(&mut rows, &findings.ends);
    take_over(rows)
}

fn flatten(rows: &mut [Row], ends: &[(usize, String)]) -> usize {
    for (row, end) in ends {
        if let Some(row) = rows.get_mut(*row) {
            row.redirect.to.clone_from(end);
        }
    }
    ends.len()
}

fn too_many(table: &Redirects) -> Option<Fault> {
    let message = if table.len() > MAX_REDIRECTS {
        format!("with those in force these are more than {MAX_REDIRECTS} redirects")
    } else if table.pattern_rows().count() > MAX_PATTERNS {
        format!("with those in force these are more than {MAX_PATTERNS} patterns")
    } else if table.bytes() > MOST_BYTES {
        format!("the table would take more than {MOST_BYTES} bytes of memory")
    } else {
        return None;
    };
    Some(Fault { line: 1, message })
}

fn refused(mut faults: Vec<Fault>) -> Refusal {
    faults.sort();
    let count = faults.len();
    let mut lines = vec![format!(
        "the table has {count} fault{}; nothing was imported",
        if count == 1 { "" } else { "s" }
    )];
    lines.extend(faults.iter().take(MOST_TOLD).map(ToString::to_string));
    if count > MOST_TOLD {
        lines.push(format!("and {} more", count - MOST_TOLD));
    }
    Refusal {
        code: RefusalCode::Invalid,
        message: lines.join("\n  "),
        hint: "mend these lines and import the file again".to_owned(),
    }
}
