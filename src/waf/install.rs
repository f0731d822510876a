//! `yagura waf install`: what inspection needs on this machine, step by step, each verified as far as
//! it can be. Installs nothing: packages and archives are the operator's to choose and to trust.

use std::process::ExitCode;

use yagura_waf::{rules, worker};

use super::arguments::InstallArguments;

const LIBRARY: &str = "\
     sudo apt-get install --no-install-recommends libmodsecurity3
     (3.0.9 and later; the edge is built without it, and loads it in its workers alone)";

const RULES: &str = "\
     The easy way, Debian's package of version 3.3 (the default of `rules`):
       sudo apt-get install --no-install-recommends modsecurity-crs
     The better way, the release of version 4: on a machine with the internet, from
     https://github.com/coreruleset/coreruleset/releases, fetch
     coreruleset-4.28.0-minimal.tar.gz with its .asc, verify it
       gpg --verify coreruleset-4.28.0-minimal.tar.gz.asc
     (the key's fingerprint stands on https://coreruleset.org/docs), and unpack it here:
       sudo tar -C /opt -xzf coreruleset-4.28.0-minimal.tar.gz
     then name /opt/coreruleset-4.28.0/rules as `rules` of [waf]
     4.25.1 and 3.3.10 need a libmodsecurity from 3.0.16 on.";

pub(super) fn run(arguments: &InstallArguments) -> anyhow::Result<ExitCode> {
    let settings = super::settings(&arguments.config)?;
    let (mut setup, warnings) = super::loads(settings.as_ref());
    if let Some(rules) = &arguments.rules {
        (setup.rules, setup.digest) = (std::path::absolute(rules)?, None);
    }
    if let Some(library) = &arguments.library {
        setup.library.clone_from(library);
    }
    let mut missing = 0;
    let mut step = |number: u8, what: &str, found: Result<String, String>, advice: &str| match found
    {
        Ok(found) => println!("{number}. {what}: {found}"),
        Err(why) => {
            missing += 1;
            println!("{number}. {what}: MISSING: {why}");
            if !advice.is_empty() {
                println!("{advice}");
            }
        }
    };
    let library = yagura_waf::engine::name_of(&setup.library);
    let has_library = library.is_ok();
    step(1, "the library", library, LIBRARY);
    let files = rules::files(&setup.rules).and_then(|files| {
        let digest = rules::digest(&setup.rules)?;
        Ok((files.len(), digest))
    });
    let digest = files.as_ref().ok().map(|(_, digest)| digest.clone());
    let found = files.map(|(count, _)| format!("{count} files in {}", setup.rules.display()));
    step(
        2,
        "the rules",
        found.map_err(|error| error.to_string()),
        RULES,
    );
    if let Some(digest) = &digest {
        let found = match &setup.digest {
            Some(expected) if expected == digest => Ok("as the configuration says".to_owned()),
            Some(_) => Err(format!("the configuration says another than {digest}")),
            None => Ok(digest.clone()),
        };
        let advice = "     look at what changed, then put the new one into `rules_digest` of [waf]";
        step(3, "their digest", found, advice);
        setup.digest = None;
    }
    if has_library && digest.is_some() {
        let found = worker::load(&setup).map(|(loaded, _)| {
            format!(
                "{} directives in {} ms; {} canaries are judged as they must be",
                loaded.directives, loaded.took_ms, loaded.canaries
            )
        });
        step(4, "trying them", found, "");
    }
    for warning in warnings {
        println!("   note: {warning}");
    }
    if missing > 0 {
        println!("\nThen run `yagura waf install` again.");
        return Ok(ExitCode::FAILURE);
    }
    if settings.is_none() {
        println!("\nEverything is there. Put this into the configuration, and `yagura reload`:\n");
        println!("[waf]");
        println!("library = \"{}\"", setup.library.display());
        println!("rules = \"{}\"", setup.rules.display());
        if let Some(digest) = digest {
            println!("rules_digest = \"{digest}\"");
        }
        println!(
            "\nSites are in shadow from then on; `waf = \"off\"` in a [[site]] leaves it out."
        );
    }
    Ok(ExitCode::SUCCESS)
}
