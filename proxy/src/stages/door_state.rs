//! As soon as the site is known: whether its door is open, for the edges, which look at each other
//! before the DNS sends readers to all of them, and for who watches. Nobody else is told: for them it
//! is a page of the site like any other.

use bytes::Bytes;
use http::{Method, StatusCode};
use pingora::http::RequestHeader;
use serde_json::json;

use super::reply::Reply;
use crate::ingress::{Class, DOOR_PATH};
use crate::routing::Site;
use crate::state::Edge;
use crate::visit::Visit;

/// The state of the door, where it is asked for by one who may know.
pub fn find(edge: &Edge, site: &Site, request: &RequestHeader, visit: &mut Visit) -> Option<Reply> {
    if visit.target != DOOR_PATH || !site.door.is_behind() {
        return None;
    }
    let may_know = visit.class.meets(Class::CITY_HALL | Class::MONITOR);
    let head_only = match request.method {
        Method::GET => false,
        Method::HEAD => true,
        _ => return None,
    };
    if !may_know {
        return None;
    }
    let stage = edge.switchboard.plan().intents.of(&site.settings.name);
    let told = json!({
        "edge": edge.switchboard.name(),
        "site": site.settings.name,
        "door": if site.door.is_open() { "open" } else { "closed" },
        "stage": stage.ingress.stage.word(),
    });
    visit.outcome = "pass";
    let body = Bytes::from(told.to_string());
    Some(Reply::own(
        StatusCode::OK,
        "application/json",
        body,
        head_only,
    ))
}
