//! The configuration that a new town gets.

use anyhow::Context;

use super::{SITE, Town};
use crate::arguments::PlaceArguments;

/// Generations of the town beside it. A city names another disk, and a second target elsewhere.
const BACKUPS: &str = r#"
[backup]
password_file = "backup-password"

[[backup.target]]
name = "disk"
folder = "backup"
"#;

impl Town {
    /// As it is made: what a person wrote in it is not here.
    pub(super) fn configuration(&self) -> String {
        let Self {
            address,
            http,
            https,
            ..
        } = self;
        let http = std::net::SocketAddr::new(*address, *http);
        let tls = std::net::SocketAddr::new(*address, *https);
        let (public, staff) = (self.public_url(), self.staff_url());
        let other_host = match self.host().as_str() {
            "localhost" => "127.0.0.1".to_owned(),
            other => other.to_owned(),
        };
        let probed = if address.is_unspecified() {
            PlaceArguments::ADDRESS
        } else {
            *address
        };
        let probed = std::net::SocketAddr::new(probed, *https);
        let made = format!(
            r#"# Made by `yagura up`. Every key is explained in config/examples/whole-town.toml.
# `yagura check --config FILE` says what is wrong with it; `yagura reload` makes the edge read it.

[edge]
name = "edge"
data = "edge"
control_socket = "run/edge.sock"
access_log = "log/access.jsonl"

[[edge.listen]]
address = "{http}"

[[edge.listen]]
address = "{tls}"
tls = true

[[site]]
name = "{SITE}"
hosts = ["localhost", "{other_host}"]
origin = "unix:run/cms-public.sock"
last_good = true
feed_socket = "run/cms-feed.sock"
methods = ["GET", "HEAD", "OPTIONS", "POST"]

[[site]]
name = "staff"
hosts = ["staff.localhost"]
origin = "unix:run/cms-staff.sock"
cache = false
max_body = "32MiB"
staff = true

[ingress]
city_hall = ["127.0.0.0/8", "::1"]

[cms]
public_listen = "unix:run/cms-public.sock"
staff_listen = "unix:run/cms-staff.sock"
feed_socket = "run/cms-feed.sock"
database = "sqlite:cms.db"
media = "media"
public_url = "{public}"
staff_url = "{staff}"
site = "{SITE}"
edges = ["run/edge.sock"]

[ops]
data = "ops"

[[ops.probe]]
name = "public"
address = "{probed}"
host = "localhost"
tls = true
trust = "edge/certs/local-ca.pem"

[[ops.probe]]
name = "cms"
address = "{probed}"
host = "staff.localhost"
path = "/sign-in"
tls = true
trust = "edge/certs/local-ca.pem"
"#
        );
        made + if self.backups { BACKUPS } else { "" }
    }

    /// The CMS's part of the configuration, before the file is written.
    pub(crate) fn cms_settings(&self) -> anyhow::Result<yagura_config::settings::CmsSettings> {
        let settings = yagura_config::parse(&self.configuration(), &self.config())?;
        settings.cms.context("the configuration has no [cms]")
    }
}
