//! Which edges an order goes to, and how each is reached: those of the arguments, or those of the
//! configuration. What is shown to edges on other machines lies in files, never in arguments.

use std::time::Duration;

use anyhow::bail;
use yagura_config::Settings;
use yagura_config::settings::{EdgeAddress, IdentitySettings};
use yagura_control::client::{Afar, Client, Identity};

use crate::arguments::EdgesArguments;
use crate::{configuration, token};

/// An edge writes to disk before it replies, and an upgrade waits until the new process is ready;
/// a slow one gets this long.
const DEADLINE: Duration = Duration::from_secs(60);

/// The edges, each once, in the order in which they are named.
pub(crate) fn peers(arguments: &EdgesArguments) -> anyhow::Result<Vec<Client>> {
    let sockets = arguments.socket.iter().cloned().map(EdgeAddress::Socket);
    let mut edges: Vec<EdgeAddress> = sockets.chain(arguments.edge.iter().cloned()).collect();
    let mut identity = of_arguments(arguments);
    let wants_identity = |edges: &[EdgeAddress]| {
        let mut edges = edges.iter();
        edges.any(|edge| matches!(edge, EdgeAddress::Afar { .. }))
    };
    if edges.is_empty() || (identity.is_none() && wants_identity(&edges)) {
        let settings = configuration::read(&arguments.config)?;
        let own = settings
            .command
            .as_ref()
            .and_then(|command| command.identity.clone());
        identity = identity.or(own);
        if edges.is_empty() {
            edges = of_configuration(settings);
        }
    }
    if edges.is_empty() {
        bail!(
            "{} names no edge\n  add `control_socket` to [edge], or `edges` to [command], or use --socket or --edge",
            arguments.config.display()
        );
    }
    let identity = match identity {
        Some(files) if wants_identity(&edges) => Some(Identity::read(
            &files.certificate,
            &files.key,
            &files.trust,
        )?),
        _ => None,
    };
    let token = arguments.token_file.as_deref().map(token::read);
    let token = token.transpose()?;
    let shows = |client: Client| client.with_token(token.clone());
    edges
        .into_iter()
        .map(|edge| client(edge, identity.as_ref()).map(shows))
        .collect()
}

fn client(edge: EdgeAddress, identity: Option<&Identity>) -> anyhow::Result<Client> {
    match (edge, identity) {
        (EdgeAddress::Socket(path), _) => Ok(Client::new(path, DEADLINE)),
        (EdgeAddress::Afar { host, port }, Some(identity)) => {
            let identity = identity.clone();
            let edge = Afar {
                host,
                port,
                identity,
            };
            Ok(Client::afar(edge, DEADLINE))
        }
        (edge @ EdgeAddress::Afar { .. }, None) => bail!(
            "{edge} wants to see a certificate\n  name the files with --certificate, --key and --trust, or in [command] of the configuration"
        ),
    }
}

/// The arguments take all three files or none.
fn of_arguments(arguments: &EdgesArguments) -> Option<IdentitySettings> {
    Some(IdentitySettings {
        certificate: arguments.certificate.clone()?,
        key: arguments.key.clone()?,
        trust: arguments.trust.clone()?,
    })
}

fn of_configuration(settings: Settings) -> Vec<EdgeAddress> {
    let own = settings.edge.and_then(|edge| edge.control_socket);
    // Those on other machines know the CMS as a publisher, and not who types here.
    let of_cms = settings.cms.into_iter().flat_map(|cms| cms.edges.edges);
    let of_cms = of_cms.filter(|edge| matches!(edge, EdgeAddress::Socket(_)));
    let sockets = own.into_iter().map(EdgeAddress::Socket).chain(of_cms);
    let named = settings.command.into_iter().flat_map(|it| it.edges);
    let mut edges = Vec::new();
    for edge in sockets.chain(named) {
        if !edges.contains(&edge) {
            edges.push(edge);
        }
    }
    edges
}
