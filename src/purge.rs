//! `yagura purge`: stored responses are asked anew, or never shown again.

use std::process::ExitCode;

use anyhow::Context;
use yagura_control::Tag;
use yagura_control::order::{Order, Purge, Target};

use crate::arguments::PurgeArguments;
use crate::edges;

pub(crate) fn run(arguments: &PurgeArguments) -> anyhow::Result<ExitCode> {
    let targets = if arguments.everything {
        vec![Target::Everything]
    } else {
        arguments
            .targets
            .iter()
            .map(|text| target(text))
            .collect::<anyhow::Result<_>>()?
    };
    let mut purge = Purge {
        site: arguments.site.clone(),
        ..Purge::default()
    };
    if arguments.withdraw {
        purge.withdraw = targets;
    } else {
        purge.refresh = targets;
    }
    edges::give(Order::Purge(purge), &arguments.order)
}

/// A path begins with a slash; everything else is a tag.
fn target(text: &str) -> anyhow::Result<Target> {
    if text.starts_with('/') {
        return Ok(Target::Path(text.to_owned()));
    }
    let tag =
        Tag::new(text).with_context(|| format!("\"{text}\" is neither a path nor a cache tag"))?;
    Ok(Target::Tag(tag))
}
