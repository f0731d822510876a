//! The command line, as types. What each subcommand does stands in its own file.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use yagura_config::settings::{EdgeAddress, SiteSettings};
use yagura_control::order::Route;
use yagura_control::{Timestamp, until};

use crate::audit::AuditCommand;
use crate::backup::arguments::BackupCommand;
use crate::ban::arguments::BanCommand;
use crate::certs::arguments::CertsCommand;
use crate::cloud::arguments::CloudCommand;
use crate::cms::arguments::CmsArguments;
use crate::disaster::arguments::DisasterCommand;
use crate::history::report::Language;
use crate::redirect::arguments::RedirectCommand;
use crate::request::arguments::{
    DecisionArguments, RefuseArguments, RequestCommand, ReviewArguments,
};
use crate::staff::arguments::StaffCommand;
use crate::token::TokenCommand;
use crate::waf::arguments::WafCommand;

/// The watchtower for a city's web site: edge, CMS and operations desk in one program.
#[derive(Debug, Parser)]
#[command(name = "yagura", version, propagate_version = true)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What is to be done.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run edge, CMS and operations desk on this machine, restarting whichever dies
    Up(UpArguments),
    /// Make a data folder with the demo city, and start nothing
    Demo(DemoArguments),
    /// Run the edge alone
    Edge(EdgeArguments),
    /// Run the CMS alone, or look after its second factors
    Cms(CmsArguments),
    /// Run the operations desk alone
    Ops(ProcessArguments),
    /// Read a configuration file and say what is wrong with it
    Check(CheckArguments),
    /// Show how the running edges stand
    Status(StatusArguments),
    /// Watch the running edges: ways, health, hit ratio, rates, errors
    Top(TopArguments),
    /// Answer a site in another way: from a standby, from last-good copies, with the notice
    Route(RouteArguments),
    /// A page that the edge shows in place of a site, with everything behind it dead if need be
    Notice {
        #[command(subcommand)]
        command: NoticeCommand,
    },
    /// Put a light page with posts in place of a site's home page
    Disaster {
        #[command(subcommand)]
        command: DisasterCommand,
    },
    /// List what was ordered, and what moved by itself: who, when, why, before and after
    History(HistoryArguments),
    /// Rehearse notice and disaster page on a site's drill host, and write down how long each took
    Drill(DrillArguments),
    /// Take back an order
    Undo(UndoArguments),
    /// Make running edges ask the origin anew, or never show a page again
    Purge(PurgeArguments),
    /// What the running edges' caches would do, and have done
    Cache {
        #[command(subcommand)]
        command: CacheCommand,
    },
    /// Redirects of printed codes and legacy URLs
    Redirect {
        #[command(subcommand)]
        command: RedirectCommand,
    },
    /// Sites for staff: admit them from outside the city hall for a time
    Staff {
        #[command(subcommand)]
        command: StaffCommand,
    },
    /// Networks that running edges let nobody in from
    Ban {
        #[command(subcommand)]
        command: BanCommand,
    },
    /// Replace running edges by the program now on disk, without a reader noticing
    Upgrade(UpgradeArguments),
    /// Make running edges read their configuration file again
    Reload(ReloadArguments),
    /// What waits for a second person
    Request {
        #[command(subcommand)]
        command: RequestCommand,
    },
    /// Approve a request of somebody else
    Approve(DecisionArguments),
    /// Refuse a request of somebody else
    Refuse(RefuseArguments),
    /// Say what was found about something that was done without approval
    Review(ReviewArguments),
    /// Tokens, by which edges know operators
    Token {
        #[command(subcommand)]
        command: TokenCommand,
    },
    /// Verify an edge's journal offline
    Audit {
        #[command(subcommand)]
        command: AuditCommand,
    },
    /// Inspection of requests: what it needs, what it found, trying it
    Waf {
        #[command(subcommand)]
        command: WafCommand,
    },
    /// A worker that inspects; the edge starts it
    #[command(hide = true)]
    WafWorker,
    /// Certificates: requests, installing, going back, expiry, packages for the security cloud
    Certs {
        #[command(subcommand)]
        command: CertsCommand,
    },
    /// Security clouds: how sites stand towards them, leaving one and coming back
    Cloud {
        #[command(subcommand)]
        command: CloudCommand,
    },
    /// The control API, by which all orders are given
    Control {
        #[command(subcommand)]
        command: ControlCommand,
    },
    /// Backups: taken, listed, checked, restored and compared
    Backup {
        #[command(subcommand)]
        command: BackupCommand,
    },
    /// Print the availability of a month, from the operations desk's ledger
    Availability(AvailabilityArguments),
}

/// Where a town lives and answers.
#[derive(Args, Clone, Debug)]
pub(crate) struct PlaceArguments {
    /// Folder that holds everything; made when it is not there
    #[arg(long, default_value = "data", value_name = "DIR")]
    pub(crate) data: PathBuf,
    /// Port for HTTP [default: 8080]
    #[arg(long, value_name = "PORT")]
    pub(crate) http: Option<u16>,
    /// Port for HTTPS [default: 8443]
    #[arg(long, value_name = "PORT")]
    pub(crate) https: Option<u16>,
    /// Address to listen on [default: 127.0.0.1]
    #[arg(long, value_name = "IP")]
    pub(crate) address: Option<IpAddr>,
    /// Keep no generations of a new town
    #[arg(long)]
    pub(crate) no_backups: bool,
}

impl PlaceArguments {
    /// Address used when nothing else is said: this machine alone can reach it.
    pub(crate) const ADDRESS: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
    /// HTTP port used when nothing else is said.
    pub(crate) const HTTP: u16 = 8080;
    /// HTTPS port used when nothing else is said.
    pub(crate) const HTTPS: u16 = 8443;
}

#[derive(Args, Debug)]
pub(crate) struct UpArguments {
    #[command(flatten)]
    pub(crate) place: PlaceArguments,
    /// Pages of the demo city, when the data folder is new
    #[arg(long, default_value_t = 400, value_name = "COUNT")]
    pub(crate) pages: usize,
}

#[derive(Args, Debug)]
pub(crate) struct DemoArguments {
    #[command(flatten)]
    pub(crate) place: PlaceArguments,
    /// How many pages; 100000 for load tests
    #[arg(long, default_value_t = 400, value_name = "COUNT")]
    pub(crate) pages: usize,
    /// Print the report as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args, Debug)]
pub(crate) struct ProcessArguments {
    /// Configuration file
    #[arg(long, value_name = "FILE")]
    pub(crate) config: PathBuf,
    /// End when the process that started this one ends; `yagura up` says it
    #[arg(long, hide = true)]
    pub(crate) end_with_parent: bool,
}

#[derive(Args, Debug)]
pub(crate) struct EdgeArguments {
    #[command(flatten)]
    pub(crate) process: ProcessArguments,
    /// Take over from the process that started this one; `yagura upgrade` says it
    #[arg(long, hide = true)]
    pub(crate) take_over: bool,
    /// End with this process, once the one before this one is gone
    #[arg(
        long,
        hide = true,
        value_name = "PID",
        conflicts_with = "end_with_parent"
    )]
    pub(crate) supervisor: Option<u32>,
}

#[derive(Args, Debug)]
pub(crate) struct UpgradeArguments {
    #[command(flatten)]
    pub(crate) edges: EdgesArguments,
    /// The program to run from now on [default: the file that the edge was started from]
    #[arg(long, value_name = "PATH")]
    pub(crate) binary: Option<PathBuf>,
}

#[derive(Args, Debug)]
pub(crate) struct CheckArguments {
    /// Configuration file
    #[arg(long, value_name = "FILE")]
    pub(crate) config: PathBuf,
    /// Print the faults as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// Which edges an order goes to.
#[derive(Args, Debug)]
pub(crate) struct EdgesArguments {
    /// Configuration file that names the edges
    #[arg(long, default_value = "data/yagura.toml", value_name = "FILE")]
    pub(crate) config: PathBuf,
    /// Control socket of an edge, instead of the configuration; may be repeated
    #[arg(long, value_name = "PATH")]
    pub(crate) socket: Vec<PathBuf>,
    /// An edge on another machine, as https://HOST:PORT, instead of the configuration; may be repeated
    #[arg(long, value_name = "URL")]
    pub(crate) edge: Vec<EdgeAddress>,
    /// File with the certificate shown to edges on other machines [default: that of [command]]
    #[arg(long, value_name = "FILE.pem", requires_all = ["key", "trust"])]
    pub(crate) certificate: Option<PathBuf>,
    /// File with its private key
    #[arg(long, value_name = "FILE.pem", requires = "certificate")]
    pub(crate) key: Option<PathBuf>,
    /// File with the authority that the edges' certificates come from
    #[arg(long, value_name = "FILE.pem", requires = "certificate")]
    pub(crate) trust: Option<PathBuf>,
    /// File with a token: it says who gives the order, whoever the user or the certificate is
    #[arg(long, value_name = "FILE", env = "YAGURA_TOKEN_FILE")]
    pub(crate) token_file: Option<PathBuf>,
    /// Print the replies as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// What stands beside every order that changes something.
#[derive(Args, Debug)]
pub(crate) struct OrderArguments {
    #[command(flatten)]
    pub(crate) edges: EdgesArguments,
    /// Why; kept in the journal
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: Option<String>,
    /// Show what would change, and change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Refuse the order unless the edge is at this generation; `yagura status` shows it
    #[arg(long, value_name = "N")]
    pub(crate) if_generation: Option<u64>,
}

#[derive(Args, Debug)]
pub(crate) struct StatusArguments {
    #[command(flatten)]
    pub(crate) edges: EdgesArguments,
}

#[derive(Args, Debug)]
pub(crate) struct TopArguments {
    #[command(flatten)]
    pub(crate) edges: EdgesArguments,
    /// Seconds between two looks
    #[arg(long, default_value_t = 1, value_name = "SECONDS", value_parser = clap::value_parser!(u16).range(1..=3600))]
    pub(crate) every: u16,
    /// Look for one interval, print what was seen, and end
    #[arg(long)]
    pub(crate) once: bool,
}

#[derive(Args, Debug)]
pub(crate) struct RouteArguments {
    #[command(flatten)]
    pub(crate) order: OrderArguments,
    /// The site's name in the configuration
    #[arg(value_name = "SITE")]
    pub(crate) site: String,
    /// auto, primary, standby (or standby2, standby3 ...), last-good or notice
    #[arg(value_name = "ROUTE")]
    pub(crate) route: Route,
    /// When the order ends by itself: 18:00 (in Japan), "2026-11-25 06:00" or +2h
    #[arg(long, value_name = "TIME")]
    pub(crate) until: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum NoticeCommand {
    /// Put a notice in place of a site: 503 with Retry-After for everything but redirects
    Up(NoticeUpArguments),
    /// Show the site again
    Down(SiteOrderArguments),
    /// Show what the notice says
    Show(NoticeShowArguments),
}

#[derive(Args, Debug)]
pub(crate) struct NoticeUpArguments {
    #[command(flatten)]
    pub(crate) order: OrderArguments,
    #[command(flatten)]
    pub(crate) words: WordsArguments,
    /// When it ends by itself: 18:00 (in Japan), "2026-11-25 06:00" or +2h
    #[arg(long, value_name = "TIME")]
    pub(crate) until: Option<String>,
    /// A path that is answered as usual; /a/ stands for all beneath; may be repeated
    #[arg(long, value_name = "PATH")]
    pub(crate) except: Vec<String>,
    /// An attachment or image, which the text links to by its name; may be repeated
    #[arg(long, value_name = "FILE")]
    pub(crate) attach: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) site: SiteArguments,
}

#[derive(Args, Debug)]
pub(crate) struct NoticeShowArguments {
    #[command(flatten)]
    pub(crate) edges: EdgesArguments,
    #[command(flatten)]
    pub(crate) site: SiteArguments,
    /// Print the page as readers get it
    #[arg(long)]
    pub(crate) html: bool,
}

#[derive(Args, Debug)]
pub(crate) struct SiteOrderArguments {
    #[command(flatten)]
    pub(crate) order: OrderArguments,
    #[command(flatten)]
    pub(crate) site: SiteArguments,
}

/// Which site, or the one that stands for it in drills.
#[derive(Args, Debug)]
pub(crate) struct SiteArguments {
    /// The site's name in the configuration
    #[arg(value_name = "SITE")]
    pub(crate) site: String,
    /// Only on the site's drill host ([site.drill]), which the public does not see
    #[arg(long)]
    pub(crate) drill: bool,
}

impl SiteArguments {
    /// The name of the site that is meant.
    pub(crate) fn name(&self) -> String {
        match self.drill {
            true => SiteSettings::drill_name(&self.site),
            false => self.site.clone(),
        }
    }
}

/// What a page says.
#[derive(Args, Debug)]
pub(crate) struct WordsArguments {
    /// The text, in Markdown; for another language en=FILE.md; may be repeated, the first comes first
    #[arg(long, value_name = "[LANG=]FILE.md", required = true)]
    pub(crate) text: Vec<String>,
    /// Language of a text that names none
    #[arg(long, default_value = "ja", value_name = "LANG")]
    pub(crate) lang: String,
    /// Title; for another language en=TITLE; may be repeated [default: the text's first heading]
    #[arg(long, value_name = "[LANG=]TITLE")]
    pub(crate) title: Vec<String>,
}

#[derive(Args, Debug)]
pub(crate) struct DrillArguments {
    #[command(flatten)]
    pub(crate) edges: EdgesArguments,
    /// The site's name in the configuration
    #[arg(value_name = "SITE")]
    pub(crate) site: String,
    /// Look through the edge at this address [default: the configuration's first without TLS]
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) through: Option<SocketAddr>,
    /// Write the record into this folder, as JSON
    #[arg(long, value_name = "FOLDER")]
    pub(crate) record: Option<PathBuf>,
}

#[derive(Args, Debug)]
pub(crate) struct HistoryArguments {
    #[command(flatten)]
    pub(crate) edges: EdgesArguments,
    /// Only what concerns this site
    #[arg(value_name = "SITE")]
    pub(crate) site: Option<String>,
    /// At most so many lines, the newest
    #[arg(long, default_value_t = 50, value_name = "COUNT")]
    pub(crate) last: usize,
    /// Tell the story of the site's bypass, to be pasted into the city's report
    #[arg(long, requires = "site", conflicts_with = "last")]
    pub(crate) report: bool,
    /// In the report, only what was not over at this time: 2026-11-23, "2026-11-23 02:00" (in Japan)
    #[arg(long, value_name = "TIME", requires = "report", value_parser = until::moment)]
    pub(crate) since: Option<Timestamp>,
    /// The language of the report
    #[arg(long = "lang", value_enum, default_value = "both", requires = "report")]
    pub(crate) language: Language,
}

#[derive(Args, Debug)]
pub(crate) struct UndoArguments {
    #[command(flatten)]
    pub(crate) order: OrderArguments,
    /// The order's number, as `yagura history` tells it
    #[arg(value_name = "N")]
    pub(crate) number: u64,
}

#[derive(Args, Debug)]
pub(crate) struct PurgeArguments {
    #[command(flatten)]
    pub(crate) order: OrderArguments,
    /// The site's name in the configuration [default: the site of the URL's host, for paths and tags
    /// alone "town"]
    #[arg(long, value_name = "NAME")]
    pub(crate) site: Option<String>,
    /// URLs, paths (beginning with a slash) or cache tags
    #[arg(
        value_name = "URL|PATH|TAG",
        required_unless_present_any = ["prefix", "tag", "everything"]
    )]
    pub(crate) targets: Vec<String>,
    /// Everything whose URL or path begins with this; may be repeated
    #[arg(long, value_name = "URL|PATH")]
    pub(crate) prefix: Vec<String>,
    /// Everything that carries this cache tag; may be repeated
    #[arg(long, value_name = "TAG")]
    pub(crate) tag: Vec<String>,
    /// Every stored response of the site
    #[arg(long, conflicts_with_all = ["targets", "prefix", "tag"])]
    pub(crate) everything: bool,
    /// Ask the origin next time, and keep the old copy for when it is down; the default
    #[arg(long, conflicts_with = "withdraw")]
    pub(crate) refresh: bool,
    /// Never show it again, not even when the origin is down
    #[arg(long)]
    pub(crate) withdraw: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum CacheCommand {
    /// Say what would happen to a request for a URL now, and why; asks no origin, changes nothing
    Show(CacheShowArguments),
    /// Show what became of requests since the edges started, and what they hold
    Stats(CacheStatsArguments),
}

#[derive(Args, Debug)]
pub(crate) struct CacheShowArguments {
    #[command(flatten)]
    pub(crate) edges: EdgesArguments,
    /// The site's name in the configuration [default: the site of the URL's host, for a path alone
    /// the first]
    #[arg(long, value_name = "NAME")]
    pub(crate) site: Option<String>,
    /// A field of the request, such as 'Accept-Language: ja'; may be repeated
    #[arg(long, value_name = "NAME: VALUE")]
    pub(crate) header: Vec<String>,
    /// The URL, or a path (beginning with a slash)
    #[arg(value_name = "URL|PATH")]
    pub(crate) url: String,
}

#[derive(Args, Debug)]
pub(crate) struct CacheStatsArguments {
    #[command(flatten)]
    pub(crate) edges: EdgesArguments,
}

#[derive(Args, Debug)]
pub(crate) struct ReloadArguments {
    #[command(flatten)]
    pub(crate) order: OrderArguments,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ControlCommand {
    /// Print its description (OpenAPI 3.1)
    Openapi,
}

#[derive(Args, Debug)]
pub(crate) struct AvailabilityArguments {
    /// Configuration file
    #[arg(long, default_value = "data/yagura.toml", value_name = "FILE")]
    pub(crate) config: PathBuf,
    /// The month, as 2026-11 [default: the present month]
    #[arg(long, value_name = "YYYY-MM")]
    pub(crate) month: Option<String>,
    /// Print as JSON
    #[arg(long)]
    pub(crate) json: bool,
}
