//! `yagura route`: a site is answered in another way, until somebody says otherwise or a time comes.

use std::process::ExitCode;

use yagura_control::order::{Order, SetRoute};
use yagura_control::{Clock, SystemClock, Timestamp, until};

use crate::arguments::RouteArguments;
use crate::edges;

pub(crate) fn run(arguments: &RouteArguments) -> anyhow::Result<ExitCode> {
    let set = SetRoute {
        site: arguments.site.clone(),
        route: arguments.route,
        until: time(arguments.until.as_deref())?,
    };
    edges::give(Order::Route(set), &arguments.order)
}

/// The time that `--until` names.
pub(crate) fn time(text: Option<&str>) -> anyhow::Result<Option<Timestamp>> {
    let now = SystemClock.now();
    Ok(text.map(|text| until::parse(text, now)).transpose()?)
}
