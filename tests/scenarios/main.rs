//! Scenarios: the whole program as its users meet it, told as stories. One binary, so that the
//! parts they share are built once.
//!
//! Each story starts its own town in a folder of its own (`tests/town`), does to it what would be
//! done in earnest, and looks at what readers get.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a test that cannot go on ends with what it saw"
)]

#[path = "../town/mod.rs"]
mod town;

mod abuse;
mod access_log;
mod acme;
mod approvals;
mod architecture;
mod audit;
mod backup_service;
mod backup_times;
mod backups;
mod backups_postgres;
mod bans;
mod browser;
mod bypass;
mod cache_orders;
mod cache_suite;
mod certificates;
mod configuration;
mod control_api;
mod crowd;
mod damage;
mod disaster;
mod door;
mod encoding;
mod factor;
mod front_door;
mod full_disk;
mod handed_over;
mod history;
mod hooks;
mod http2;
mod ingress;
mod internet;
mod kill;
mod limits;
mod metrics;
mod notice;
mod orders;
mod outage;
mod plain_proxy;
mod publish;
mod redirect_hits;
mod redirects;
mod reload;
mod restore_in_place;
mod routing;
mod same_page;
mod service_manager;
mod sitemap;
mod staff;
mod stale;
mod stapling;
mod supervision;
mod tls;
mod top;
mod traces;
mod two_edges;
mod upgrade;
mod waf;
mod waf_carriers;
mod waf_lasting;
mod waf_workers;
mod ways;
mod withdraw;
