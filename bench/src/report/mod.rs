//! What a run showed, for people: a table on the terminal, CSV, plots, and `docs/benchmarks.md`.

mod csv;
mod page;
mod plot;
mod table;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args;

use crate::figures::{FILE, Run};
use crate::peers::Peer;
use crate::place::Place;

/// Which run.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The folder of its results
    #[arg(long, default_value = "docs/benchmarks")]
    out: PathBuf,
}

/// Writes page and plots anew out of kept results.
///
/// # Errors
/// They are not there.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let file = arguments.out.join(FILE);
    let text = fs::read_to_string(&file).with_context(|| format!("{}", file.display()))?;
    let run: Run = serde_json::from_str(&text)?;
    print(&run);
    write(&run, &arguments.out)
}

/// Prints a run.
pub fn print(run: &Run) {
    println!("{}", table::text(run));
}

/// Writes a run's results, plots and page.
///
/// # Errors
/// A file cannot be written, or there is no font for the plots.
pub fn write(run: &Run, out: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(out)?;
    fs::write(out.join(FILE), serde_json::to_string_pretty(run)? + "\n")?;
    fs::write(out.join("results.csv"), csv::text(run))?;
    for plot in plot::ALL {
        let svg = plot.svg(run);
        fs::write(out.join(format!("{}.svg", plot.name)), &svg)?;
        fs::write(out.join(format!("{}.png", plot.name)), plot::png(&svg)?)?;
    }
    let folder = out
        .file_name()
        .map(|name| name.to_string_lossy().into_owned());
    // What the profile showed is written by hand, where the run's figures ask for it.
    let reasons = fs::read_to_string(out.join("where-time-goes.md")).unwrap_or_default();
    let page = page::text(run, &folder.unwrap_or_default(), &reasons);
    fs::write(out.with_extension("md"), page)?;
    Ok(())
}

/// Keeps every peer's configuration beside the results, with readable addresses and folders.
///
/// # Errors
/// A file cannot be written.
pub fn keep_configurations(place: &Place, peers: &[&Peer], out: &Path) -> anyhow::Result<()> {
    let folder = out.join("configurations");
    fs::create_dir_all(&folder)?;
    for peer in peers {
        let own = place.folder.join(peer.name);
        let configuration = (peer.configure)(place, &own)?;
        for (name, text) in configuration.files {
            let name = name.rsplit('/').next().unwrap_or(name);
            let text = text
                .replace(&place.folder.display().to_string(), "/dev/shm/bench")
                .replace(&place.plain.port().to_string(), "8080")
                .replace(&place.tls.port().to_string(), "8443")
                .replace(&place.origin.port().to_string(), "8000");
            fs::write(folder.join(name), text)?;
        }
    }
    Ok(())
}
