//! The one table a newcomer needs: where the town is, who may sign in, how to stop it.

use super::town::Town;

/// Prints the table to standard output.
pub(crate) fn print(town: &Town) {
    let public = town.public_url();
    println!();
    println!("  Yagura is up.");
    println!();
    row("Public site", &format!("{public}/"));
    row(
        "  over HTTP",
        &format!(
            "http://{}:{}/  (answers 308 to HTTPS)",
            town.host(),
            town.http
        ),
    );
    row("Staff CMS", &format!("{}/", town.staff_url()));
    for account in &town.accounts {
        let who = format!(
            "{} / {}   {}（{}）",
            account.login, account.password, account.name, account.role
        );
        row("  sign in", &who);
    }
    row("Certificate", "from a local authority; to trust it, import");
    row("", &town.authority().display().to_string());
    row("Data folder", &town.data.display().to_string());
    row(
        "Edges",
        &format!("yagura status --config {}", town.config().display()),
    );
    if town.backups {
        let config = town.config();
        let status = format!("yagura backup status --config {}", config.display());
        row("Backups", &status);
    }
    row("Stop", "Ctrl-C");
    println!();
}

fn row(name: &str, value: &str) {
    println!("  {name:<13} {value}");
}
