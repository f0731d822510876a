//! Which role an order needs. Pure; the table of `docs/control-api.md` is compared with it.

use yagura_config::settings::Role;
use yagura_control::order::{Order, Refusal, RefusalCode};

use super::access::Operator;

/// The word of an order, as in its JSON, and the least role that may give it. An order that is
/// added does not compile until it is decided here.
#[must_use]
pub const fn rule(order: &Order) -> (&'static str, Role) {
    match order {
        Order::Status => ("status", Role::Reader),
        Order::ShowCache(_) => ("show_cache", Role::Reader),
        Order::CacheStats => ("cache_stats", Role::Reader),
        Order::ShowHistory(_) => ("show_history", Role::Reader),
        Order::ShowNotice(_) => ("show_notice", Role::Reader),
        Order::ShowDisaster(_) => ("show_disaster", Role::Reader),
        Order::ShowRedirects(_) => ("show_redirects", Role::Reader),
        // It has the edge ask the origin, but no more than a reader of the site could.
        Order::CheckTargets(_) => ("check_targets", Role::Reader),
        Order::Bans => ("bans", Role::Reader),
        Order::ShowWaf(_) => ("show_waf", Role::Reader),
        Order::Purge(_) => ("purge", Role::Publisher),
        Order::ImportRedirects(_) => ("import_redirects", Role::Operator),
        Order::Route(_) => ("route", Role::Operator),
        Order::RaiseNotice(_) => ("raise_notice", Role::Operator),
        Order::LowerNotice(_) => ("lower_notice", Role::Operator),
        Order::RaiseDisaster(_) => ("raise_disaster", Role::Operator),
        Order::AddPost(_) => ("add_post", Role::Operator),
        Order::DropPost(_) => ("drop_post", Role::Operator),
        Order::LowerDisaster(_) => ("lower_disaster", Role::Operator),
        Order::Ban(_) => ("ban", Role::Operator),
        Order::LiftBan(_) => ("lift_ban", Role::Operator),
        // What can be taken back are orders that an operator may give.
        Order::Undo(_) => ("undo", Role::Operator),
        // The file says who may do what.
        Order::Upgrade(_) => ("upgrade", Role::Administrator),
        Order::Reload => ("reload", Role::Administrator),
        // Whoever gives these can have a certificate of his own served, or issued.
        Order::TakeCertificate(_) => ("take_certificate", Role::Keeper),
        Order::ShowProofs(_) => ("show_proofs", Role::Keeper),
        Order::CloudStatus => ("cloud_status", Role::Reader),
        Order::ShowRequests => ("show_requests", Role::Reader),
        Order::Bypass(_) => ("bypass", Role::Operator),
        Order::Return(_) => ("return", Role::Operator),
        Order::AbortBypass(_) => ("abort_bypass", Role::Operator),
        Order::ConfirmDns(_) => ("confirm_dns", Role::Operator),
        Order::OpenStaff(_) => ("open_staff", Role::Operator),
        Order::CloseStaff(_) => ("close_staff", Role::Operator),
        Order::RecordRestore(_) => ("record_restore", Role::Operator),
        Order::WithdrawRequest(_) => ("withdraw_request", Role::Operator),
        // Not even an administrator decides: who may is named for it.
        Order::Decide(_) => ("decide", Role::Approver),
        Order::Review(_) => ("review", Role::Approver),
    }
}

/// Whether an operator may give an order.
///
/// # Errors
/// The refusal, with the role that is needed.
pub fn check(operator: &Operator, order: &Order) -> Result<(), Refusal> {
    let (word, least) = rule(order);
    if operator.roles.iter().any(|role| role.includes(least)) {
        return Ok(());
    }
    let Operator { name, roles } = operator;
    let has: Vec<&str> = roles.iter().map(|role| role.word()).collect();
    let needed = least.word();
    Err(Refusal {
        code: RefusalCode::Forbidden,
        message: format!(
            "{name} may not give the order \"{word}\": it needs the role \"{needed}\""
        ),
        hint: format!(
            "{name} has: {}. Ask somebody who has \"{needed}\", or have it added to `roles` of the operator in the edge's configuration",
            has.join(", ")
        ),
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::{Value, json};

    use super::*;

    /// One of every kind.
    fn every_order() -> Vec<Order> {
        let site = "town";
        [
            json!({"kind": "status"}),
            json!({"kind": "show_cache", "target": "/"}),
            json!({"kind": "cache_stats"}),
            json!({"kind": "show_history", "last": 1}),
            json!({"kind": "show_notice", "site": site}),
            json!({"kind": "show_disaster", "site": site}),
            json!({"kind": "show_redirects", "site": site}),
            json!({"kind": "check_targets", "site": site, "targets": []}),
            json!({"kind": "bans"}),
            json!({"kind": "show_waf"}),
            json!({"kind": "purge", "site": site}),
            json!({"kind": "import_redirects", "site": site, "csv": ""}),
            json!({"kind": "route", "site": site, "route": "auto"}),
            json!({"kind": "raise_notice", "site": site, "texts": []}),
            json!({"kind": "lower_notice", "site": site}),
            json!({"kind": "raise_disaster", "site": site, "texts": []}),
            json!({"kind": "add_post", "site": site, "post": {"number": 1, "lang": "ja", "markdown": "x"}}),
            json!({"kind": "drop_post", "site": site, "number": 1}),
            json!({"kind": "lower_disaster", "site": site}),
            json!({"kind": "ban", "range": "192.0.2.0/24"}),
            json!({"kind": "lift_ban", "range": "192.0.2.0/24"}),
            json!({"kind": "undo", "number": 1}),
            json!({"kind": "upgrade"}),
            json!({"kind": "reload"}),
            json!({"kind": "take_certificate", "name": "town", "chain": "", "key": ""}),
            json!({"kind": "show_proofs", "files": [], "until": 0}),
            json!({"kind": "bypass", "site": site, "asked_at": 0}),
            json!({"kind": "return", "site": site, "asked_at": 0}),
            json!({"kind": "abort_bypass", "site": site}),
            json!({"kind": "confirm_dns", "site": site, "note": "x"}),
            json!({"kind": "cloud_status"}),
            json!({"kind": "open_staff", "site": site, "until": 1}),
            json!({"kind": "close_staff", "site": site}),
            json!({"kind": "record_restore", "asked_at": 0, "stage": "begins", "generation": "1", "state_of": 0}),
            json!({"kind": "show_requests"}),
            json!({"kind": "decide", "request": "1", "digest": "1", "decision": {"is": "approve"}}),
            json!({"kind": "withdraw_request", "request": "1"}),
            json!({"kind": "review", "request": "1", "finding": "x"}),
        ]
        .into_iter()
        .map(|order| serde_json::from_value(order).unwrap())
        .collect()
    }

    fn operator(roles: &[Role]) -> Operator {
        Operator {
            name: "hanako".to_owned(),
            roles: roles.to_vec(),
        }
    }

    #[test]
    fn every_order_there_is_has_its_rule_under_its_own_word() {
        let document = yagura_control::openapi::document();
        let kinds = document["components"]["schemas"]["Order"]["oneOf"]
            .as_array()
            .unwrap();
        let kinds: BTreeSet<String> = kinds
            .iter()
            .map(|kind| {
                let word = &kind["properties"]["kind"]["const"];
                word.as_str().unwrap().to_owned()
            })
            .collect();
        let ruled: BTreeSet<String> = every_order()
            .iter()
            .map(|order| {
                let word = rule(order).0.to_owned();
                assert_eq!(serde_json::to_value(order).unwrap()["kind"], word.as_str());
                word
            })
            .collect();
        assert_eq!(ruled, kinds, "add the order to this test and to the table");
    }

    #[test]
    fn every_role_gives_exactly_what_the_table_says() {
        let page = include_str!("../../../docs/control-api.md");
        for order in every_order() {
            let (word, least) = rule(&order);
            let allowed: Vec<&str> = Role::ALL
                .into_iter()
                .filter(|role| check(&operator(&[*role]), &order).is_ok())
                .map(Role::word)
                .collect();
            let expected: Vec<&str> = Role::ALL
                .into_iter()
                .filter(|role| role.includes(least))
                .map(Role::word)
                .collect();
            assert_eq!(allowed, expected, "{word}");
            let cells: Vec<&str> = Role::ALL
                .into_iter()
                .map(|role| if role.includes(least) { "yes" } else { "–" })
                .collect();
            let row = format!("| `{word}` | {} |", cells.join(" | "));
            assert!(
                page.contains(&row),
                "docs/control-api.md lacks the row\n{row}"
            );
        }
    }

    #[test]
    fn an_order_that_changes_something_is_never_for_readers() {
        for order in every_order() {
            let for_readers = rule(&order).1 == Role::Reader;
            assert_eq!(for_readers, order.is_read_only(), "{order:?}");
        }
    }

    #[test]
    fn of_several_roles_the_highest_counts_and_without_one_nothing_is_allowed() {
        let reload = Order::Reload;
        let both = [Role::Administrator, Role::Reader];
        assert!(check(&operator(&both), &reload).is_ok());
        for order in every_order() {
            assert!(check(&operator(&[]), &order).is_err());
        }
    }

    #[test]
    fn the_refusal_says_who_lacks_what() {
        let refusal = check(&operator(&[Role::Reader]), &Order::Reload).unwrap_err();
        let told = serde_json::to_value(&refusal).unwrap();
        assert_eq!(told["code"], Value::from("forbidden"));
        assert_eq!(
            refusal.message,
            "hanako may not give the order \"reload\": it needs the role \"administrator\""
        );
        assert!(refusal.hint.starts_with("hanako has: reader. "));
    }
}
