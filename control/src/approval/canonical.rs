//! JSON in one spelling, so that every edge makes the same digest of the same request: keys in
//! order, no blanks, as RFC 8785 has it. What requests consist of (objects, arrays, texts, whole
//! numbers, truth values) is spelled by `serde_json` as there; numbers with a fraction are not used.

use serde::Serialize;
use serde_json::Value;

use crate::hash::Hash;
use crate::order::Order;

/// Says that the digest is a request's, and of which form.
const FORM: &str = "yagura request 1";

/// The digest of an order, who asked for it and why. Whoever decides, decides about these; when the
/// order says when it was asked for, the same order asked for again has another digest.
#[must_use]
pub fn digest(order: &Order, requester: &str, reason: &str) -> Hash {
    let content = Content {
        form: FORM,
        order,
        requester,
        reason,
    };
    // What is made of the protocol's types can be written as JSON.
    let value = serde_json::to_value(&content).unwrap_or_default();
    let mut text = String::new();
    write(&value, &mut text);
    Hash::of(text.as_bytes())
}

#[derive(Serialize)]
struct Content<'a> {
    form: &'a str,
    order: &'a Order,
    requester: &'a str,
    reason: &'a str,
}

fn write(value: &Value, text: &mut String) {
    match value {
        Value::Object(entries) => {
            let mut entries: Vec<_> = entries.iter().collect();
            // RFC 8785 orders by UTF-16 code units; keys here are ASCII, where that is the same.
            entries.sort_unstable_by_key(|(key, _)| *key);
            text.push('{');
            for (at, (key, value)) in entries.into_iter().enumerate() {
                if at > 0 {
                    text.push(',');
                }
                text.push_str(&Value::from(key.as_str()).to_string());
                text.push(':');
                write(value, text);
            }
            text.push('}');
        }
        Value::Array(values) => {
            text.push('[');
            for (at, value) in values.iter().enumerate() {
                if at > 0 {
                    text.push(',');
                }
                write(value, text);
            }
            text.push(']');
        }
        plain => text.push_str(&plain.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::order::{NoticeOf, Undo};

    #[test]
    fn one_value_has_one_spelling() {
        let spelled = |text: &str| {
            let mut canonical = String::new();
            write(&serde_json::from_str(text).unwrap(), &mut canonical);
            canonical
        };
        let one = r#"{"b":[1,{"d":null,"c":"市\n\u0001\/"}],"a":true}"#;
        let other = " {\"a\" : true, \"b\":[ 1,{\"c\":\"\\u5e02\\n\\u0001/\", \"d\":null} ]}";
        assert_eq!(spelled(one), spelled(other));
        assert_eq!(
            spelled(one),
            "{\"a\":true,\"b\":[1,{\"c\":\"市\\n\\u0001/\",\"d\":null}]}"
        );
        let mut text = String::new();
        write(&json!([]), &mut text);
        write(&json!({}), &mut text);
        assert_eq!(text, "[]{}");
    }

    #[test]
    fn whatever_differs_makes_another_digest() {
        let lower = |site: &str| Order::LowerNotice(NoticeOf { site: site.into() });
        let digests = [
            digest(&lower("a"), "hanako", "flood"),
            digest(&lower("b"), "hanako", "flood"),
            digest(&lower("a"), "taro", "flood"),
            digest(&lower("a"), "hanako", "fire"),
            digest(&Order::Undo(Undo { number: 1 }), "hanako", "flood"),
        ];
        for (at, one) in digests.iter().enumerate() {
            assert!(!digests[..at].contains(one));
        }
        assert_eq!(digests[0], digest(&lower("a"), "hanako", "flood"));
    }

    #[test]
    fn the_digest_of_a_request_stays_what_it_is() {
        // Edges of different versions must agree on it.
        let order = Order::LowerNotice(NoticeOf {
            site: "town".into(),
        });
        let told = digest(&order, "hanako", "洪水").to_string();
        let expected = Hash::of(
            "{\"form\":\"yagura request 1\",\"order\":{\"kind\":\"lower_notice\",\"site\":\"town\"},\"reason\":\"洪水\",\"requester\":\"hanako\"}"
                .as_bytes(),
        );
        assert_eq!(told, expected.to_string());
    }
}
