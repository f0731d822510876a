//! What stops a bypass before its door is opened: that which would lead readers to something that does
//! not work. Pure.
//!
//! Much more is told to who asks and who approves (`yagura cloud status`): a long TTL, a certificate
//! that ends in two days, a name server that is silent. All of it is worse on the day when it is
//! needed, and none of it is a reason to leave the site dark.

use std::net::SocketAddr;

use yagura_control::order::Missing;

/// What is known of the direct way.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DirectWay {
    /// Whether it was asked just now.
    pub is_fresh: bool,
    /// Each address, with why it does not answer.
    pub addresses: Vec<(SocketAddr, Result<(), String>)>,
    /// Each name, with why readers would not believe its certificate.
    pub names: Vec<(String, Result<(), String>)>,
}

/// What is missing; nothing: the door may be opened.
#[must_use]
pub fn stops(way: &DirectWay) -> Vec<Missing> {
    let missing = |what: String, hint: &str| Missing {
        what,
        hint: hint.to_owned(),
    };
    if !way.is_fresh || way.addresses.is_empty() {
        return vec![missing(
            "the direct way was not asked just now".to_owned(),
            "wait a moment; if it stays so, look into the log of the edge",
        )];
    }
    let addresses = way.addresses.iter().filter_map(|(address, answer)| {
        let why = answer.as_ref().err()?;
        Some(missing(
            format!("the direct way to {address} fails: {why}"),
            "look at the firewall, the listener and its certificate; or take the address out of \
             `direct` and reload",
        ))
    });
    let names = way.names.iter().filter_map(|(name, believed)| {
        let why = believed.as_ref().err()?;
        Some(missing(
            format!("no certificate for {name} that readers believe: {why}"),
            "`yagura certs list` shows what there is; order one by ACME, or `yagura certs install`",
        ))
    });
    addresses.chain(names).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_does_not_work_stops_it() {
        let address = SocketAddr::from(([203, 0, 113, 5], 443));
        let sound = DirectWay {
            is_fresh: true,
            addresses: vec![(address, Ok(()))],
            names: vec![("www.town.example".into(), Ok(()))],
        };
        assert_eq!(stops(&sound), []);
        let told = |spoil: fn(&mut DirectWay)| {
            let mut way = sound.clone();
            spoil(&mut way);
            let stops = stops(&way);
            assert!(stops.len() == 1 && !stops[0].hint.is_empty(), "{stops:?}");
            stops[0].what.clone()
        };
        let not_asked = "the direct way was not asked just now";
        assert_eq!(told(|way| way.is_fresh = false), not_asked);
        assert_eq!(told(|way| way.addresses.clear()), not_asked);
        assert_eq!(
            told(|way| way.addresses[0].1 = Err("connection refused".into())),
            "the direct way to 203.0.113.5:443 fails: connection refused"
        );
        assert_eq!(
            told(|way| way.names[0].1 = Err("expired".into())),
            "no certificate for www.town.example that readers believe: expired"
        );
    }
}
