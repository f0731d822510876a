//! `yagura request`: what waits for a second person, at all edges. Deciding is in `approve.rs`, how
//! requests are found and told in `request/known.rs`.

pub(crate) mod arguments;
pub(crate) mod known;

use std::process::ExitCode;

use anyhow::bail;
use yagura_control::order::{Envelope, Order, RequestShown, WithdrawRequest};

use crate::{edges, output};
use arguments::RequestCommand;
use known::Known;

pub(crate) fn run(command: &RequestCommand) -> anyhow::Result<ExitCode> {
    match command {
        RequestCommand::List(arguments) => {
            let known = Known::ask(&arguments.edges)?;
            let requests = known.requests(arguments.all);
            if arguments.edges.json {
                output::json(&requests)?;
            } else {
                match requests.len() {
                    0 => println!("no request needs anybody"),
                    _ => requests
                        .iter()
                        .for_each(|it| println!("{}", known::line(it))),
                }
                known.tell_failures();
            }
            Ok(known.exit_code())
        }
        RequestCommand::Show(arguments) => {
            let known = Known::ask(&arguments.edges)?;
            let request = known.find(&arguments.id)?;
            if arguments.edges.json {
                output::json(&request)?;
            } else {
                print!("{}", known::told(&request, &known.places(&request)));
                known.tell_failures();
            }
            Ok(known.exit_code())
        }
        RequestCommand::Withdraw(arguments) => {
            let known = Known::ask(&arguments.edges)?;
            let request = known.find(&arguments.id)?;
            let envelope = |request: &RequestShown| {
                let request = request.id.clone();
                let withdraw = WithdrawRequest { request };
                Envelope::of(Order::WithdrawRequest(withdraw), "")
            };
            known.give(&[request], envelope, arguments.edges.json)
        }
        RequestCommand::Repeat(arguments) => {
            let known = Known::ask(&arguments.edges)?;
            let request = known.find(&arguments.id)?;
            let missing = known.without(&request);
            if missing.is_empty() {
                bail!("every edge that answers has request {} already", request.id);
            }
            // The content is what names a request: the same content makes the same one.
            let mut envelope = Envelope::of((*request.order).clone(), "");
            envelope.reason.clone_from(&request.reason);
            let answers = edges::give_to(missing, &envelope)?;
            Ok(known::printed(&answers, arguments.edges.json)?)
        }
    }
}
