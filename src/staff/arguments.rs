//! The arguments of `yagura staff`.

use clap::{Args, Subcommand};

use crate::arguments::OrderArguments;

#[derive(Debug, Subcommand)]
pub(crate) enum StaffCommand {
    /// Admit everybody to a site for staff, whose CMS then asks for a second factor
    Open(StaffOpenArguments),
    /// Admit the city hall alone again
    Close(StaffCloseArguments),
}

#[derive(Args, Debug)]
pub(crate) struct StaffOpenArguments {
    #[command(flatten)]
    pub(crate) order: OrderArguments,
    /// The site's name in the configuration
    #[arg(value_name = "SITE")]
    pub(crate) site: String,
    /// When it ends by itself: 18:00 (in Japan), "2026-11-25 06:00" or +2h; at most 14 days
    #[arg(long, value_name = "TIME")]
    pub(crate) until: String,
}

#[derive(Args, Debug)]
pub(crate) struct StaffCloseArguments {
    #[command(flatten)]
    pub(crate) order: OrderArguments,
    /// The site's name in the configuration
    #[arg(value_name = "SITE")]
    pub(crate) site: String,
}
