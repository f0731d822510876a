//! `yagura disaster`: a light page with posts, which the edges show in place of a home page.

pub(crate) mod arguments;

use std::io::Read;
use std::process::ExitCode;

use anyhow::Context;
use yagura_control::order::{
    AddPost, DisasterPost, DisasterShown, DisasterStatus, DropPost, NoticeOf, Order, Outcome,
    RaiseDisaster,
};
use yagura_control::{Clock, SystemClock};

use crate::arguments::NoticeShowArguments;
use crate::{edges, notice, route};
use arguments::{DisasterCommand, DisasterPostArguments};

pub(crate) fn run(command: &DisasterCommand) -> anyhow::Result<ExitCode> {
    match command {
        DisasterCommand::Up(arguments) => {
            let raise = RaiseDisaster {
                site: arguments.site.name(),
                texts: notice::texts(&arguments.words)?,
                until: route::time(arguments.until.as_deref())?,
                posts: Vec::new(),
            };
            edges::give(Order::RaiseDisaster(raise), &arguments.order)
        }
        DisasterCommand::Post(arguments) => {
            let add = AddPost {
                site: arguments.site.name(),
                post: post(arguments)?,
            };
            edges::give(Order::AddPost(add), &arguments.order)
        }
        DisasterCommand::Drop(arguments) => {
            let drop = DropPost {
                site: arguments.site.name(),
                number: arguments.number,
            };
            edges::give(Order::DropPost(drop), &arguments.order)
        }
        DisasterCommand::Down(arguments) => {
            let site = arguments.site.name();
            edges::give(Order::LowerDisaster(NoticeOf { site }), &arguments.order)
        }
        DisasterCommand::Show(arguments) => show(arguments),
    }
}

fn post(arguments: &DisasterPostArguments) -> anyhow::Result<DisasterPost> {
    let markdown = match (&arguments.message, arguments.text.as_deref()) {
        (Some(message), _) => message.clone(),
        (None, Some("-") | None) => {
            let mut text = String::new();
            let read = std::io::stdin().read_to_string(&mut text);
            read.context("cannot read the standard input")?;
            text
        }
        (None, Some(file)) => {
            std::fs::read_to_string(file).with_context(|| format!("cannot read {file}"))?
        }
    };
    Ok(DisasterPost {
        // One number for all edges.
        number: SystemClock.now().0,
        lang: arguments.lang.clone(),
        markdown,
        who: String::new(),
    })
}

fn show(arguments: &NoticeShowArguments) -> anyhow::Result<ExitCode> {
    let site = arguments.site.name();
    let of = NoticeOf { site: site.clone() };
    edges::ask(Order::ShowDisaster(of), &arguments.edges, |reply| {
        let Outcome::Disaster { shown } = &reply.outcome else {
            return;
        };
        match shown {
            None => println!("{}: no disaster page is up for {site}", reply.edge),
            Some(shown) if arguments.html => print!("{}", shown.html),
            Some(shown) => print!("{}", told(&reply.edge, shown)),
        }
    })
}

/// How a page stands, in one line.
pub(crate) fn words(status: &DisasterStatus) -> String {
    let DisasterStatus {
        since,
        posts,
        newest_at,
        ..
    } = status;
    format!("up since {since}, {posts} posts, the newest of {newest_at}")
}

/// What has to be done about it.
pub(crate) fn warnings(status: &DisasterStatus) -> Vec<String> {
    let mut warnings = Vec::new();
    if status.is_old {
        warnings.push(
            "OLD: nothing was posted for an hour; post how things stand, or take it down"
                .to_owned(),
        );
    }
    if status.not_handed_over > 0 {
        let posts = status.not_handed_over;
        warnings.push(format!("{posts} posts wait for the CMS"));
    }
    warnings
}

fn told(edge: &str, shown: &DisasterShown) -> String {
    let DisasterShown {
        disaster,
        who,
        status,
        ..
    } = shown;
    let mut told = format!("{edge}: {}: {}, by {who}\n", disaster.site, words(status));
    for warning in warnings(status) {
        told.push_str(&format!("  {warning}\n"));
    }
    for text in &disaster.texts {
        let title = text.title.as_deref().unwrap_or("(its first heading)");
        let body = text.markdown.trim_end();
        told.push_str(&format!("\n[{}] {title}\n{body}\n", text.lang));
    }
    for post in &disaster.posts {
        let (number, at, who) = (post.number, post.at(), &post.who);
        let body = post.markdown.trim_end();
        told.push_str(&format!("\n{number}  {at}  {who}\n{body}\n"));
    }
    told
}
