//! From settings to what a worker loads.

use time::Date;
use yagura_config::settings::WafSettings;

use crate::errand::Setup;
use crate::{exclusions, rules};

/// So many days before an exclusion ends it is told.
const SOON: time::Duration = time::Duration::days(14);

/// What workers are to load on a day, and what is to be told of it.
#[must_use]
pub fn of(settings: &WafSettings, today: Date) -> (Setup, Vec<String>) {
    let mut warnings = Vec::new();
    let exclusions = settings.exclusions.as_deref().map(std::fs::read_to_string);
    let exclusions = match exclusions {
        None => Ok(Vec::new()),
        Some(Ok(text)) => exclusions::read(&text).map_err(|faults| faults.join("; ")),
        Some(Err(error)) => Err(error.to_string()),
    };
    let exclusions = exclusions.unwrap_or_else(|why| {
        // Without them more is refused, which is seen; with half of them something else might pass.
        warnings.push(format!(
            "no exclusion counts: the file cannot be used: {why}"
        ));
        Vec::new()
    });
    let (counting, over) = exclusions::split(&exclusions, today);
    if !over.is_empty() {
        warnings.push(format!(
            "{} exclusions are over; renew or remove them",
            over.len()
        ));
    }
    let soon = counting
        .iter()
        .filter(|one| one.expires - today <= SOON)
        .count();
    if soon > 0 {
        warnings.push(format!("{soon} exclusions end within two weeks"));
    }
    let setup = Setup {
        library: settings.library.clone(),
        rules: settings.rules.clone(),
        digest: settings.rules_digest.clone(),
        overrides: settings.overrides.clone(),
        exclusions: exclusions::directives(&exclusions, today),
        memory_bytes: settings.memory_bytes,
    };
    (setup, warnings)
}

/// What the files of rules hold, as a text that is another when they are others.
#[must_use]
pub fn stamp(setup: &Setup) -> String {
    let own = setup.overrides.iter().map(std::fs::read);
    let own = own.map(|read| read.unwrap_or_else(|error| error.to_string().into_bytes()));
    let own = own.fold(blake3::Hasher::new(), |mut hasher, bytes| {
        hasher.update(&(bytes.len() as u64).to_be_bytes());
        hasher.update(&bytes);
        hasher
    });
    let rules = rules::digest(&setup.rules).unwrap_or_else(|error| error.to_string());
    format!("{rules} {}", own.finalize().to_hex())
}
