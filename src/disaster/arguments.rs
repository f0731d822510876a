//! The arguments of `yagura disaster`.

use clap::{Args, Subcommand};

use crate::arguments::{
    NoticeShowArguments, OrderArguments, SiteArguments, SiteOrderArguments, WordsArguments,
};

#[derive(Debug, Subcommand)]
pub(crate) enum DisasterCommand {
    /// Put a light page in place of the home page, or another text on it; the rest of the site stays
    Up(DisasterUpArguments),
    /// Add a post to it
    Post(DisasterPostArguments),
    /// Take a post off it
    Drop(DisasterDropArguments),
    /// Show the home page again
    Down(SiteOrderArguments),
    /// Show the page with its posts
    Show(NoticeShowArguments),
}

#[derive(Args, Debug)]
pub(crate) struct DisasterUpArguments {
    #[command(flatten)]
    pub(crate) order: OrderArguments,
    #[command(flatten)]
    pub(crate) words: WordsArguments,
    /// When it ends by itself: 18:00 (in Japan), "2026-11-25 06:00" or +2h
    #[arg(long, value_name = "TIME")]
    pub(crate) until: Option<String>,
    #[command(flatten)]
    pub(crate) site: SiteArguments,
}

#[derive(Args, Debug)]
pub(crate) struct DisasterPostArguments {
    #[command(flatten)]
    pub(crate) order: OrderArguments,
    /// The post, in Markdown, from a file; - reads it from the standard input
    #[arg(long, value_name = "FILE.md", required_unless_present = "message")]
    pub(crate) text: Option<String>,
    /// The post itself
    #[arg(long, short, value_name = "WORDS", conflicts_with = "text")]
    pub(crate) message: Option<String>,
    /// Its language
    #[arg(long, default_value = "ja", value_name = "LANG")]
    pub(crate) lang: String,
    #[command(flatten)]
    pub(crate) site: SiteArguments,
}

#[derive(Args, Debug)]
pub(crate) struct DisasterDropArguments {
    #[command(flatten)]
    pub(crate) order: OrderArguments,
    /// The post's number, as `yagura disaster show` tells it
    #[arg(value_name = "NUMBER")]
    pub(crate) number: u64,
    #[command(flatten)]
    pub(crate) site: SiteArguments,
}
