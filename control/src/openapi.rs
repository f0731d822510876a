//! The control API as an OpenAPI 3.1 document, made from the types of [`crate::order`].
//!
//! `docs/control-openapi.json` is this document; a test compares them.

use schemars::generate::SchemaSettings;
use serde_json::{Value, json};

use crate::order::{Envelope, Refusal, Reply};

/// The document.
#[must_use]
pub fn document() -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.definitions_path = "/components/schemas".into();
        settings.meta_schema = None;
    });
    let mut generator = settings.into_generator();
    let envelope = generator.subschema_for::<Envelope>();
    let reply = generator.subschema_for::<Reply>();
    let refusal = generator.subschema_for::<Refusal>();
    let answer = |description: &str, schema: &schemars::Schema| {
        json!({
            "description": description,
            "content": { "application/json": { "schema": schema } },
        })
    };
    let mut document = json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Yagura: control API of an edge",
            "version": "1",
            "summary": "Orders to an edge, and what it replies.",
            "description": "Spoken in HTTP/1.1 over the edge's control socket (the kernel tells who asks) and, where [control] is configured, over TLS with a client certificate (the certificate tells who asks). docs/control-api.md says which role may give which order.",
        },
        "servers": [{
            "url": "https://{address}",
            "description": "`listen` of [control]",
            "variables": { "address": { "default": "127.0.0.1:9443" } },
        }],
        "security": [{ "operator": [] }],
        "paths": {
            "/v1/orders": {
                "post": {
                    "operationId": "order",
                    "summary": "Give an order, or ask",
                    "description": "An accepted order that changes something is journalled and in force before the reply comes. A refused one changes nothing. `/orders` is the same call under its former name.",
                    "requestBody": {
                        "required": true,
                        "content": { "application/json": { "schema": envelope } },
                    },
                    "responses": {
                        "200": answer("Done, or with `dry_run` what would be done.", &reply),
                        "400": answer("It is no order.", &refusal),
                        "403": answer("The sender is no operator, or lacks the role.", &refusal),
                        "408": answer("It took too long to arrive.", &refusal),
                        "422": answer("It was understood and refused.", &refusal),
                    },
                },
            },
            "/v1/openapi.json": {
                "get": {
                    "operationId": "openapi",
                    "summary": "This document",
                    "responses": {
                        "200": { "description": "It.", "content": { "application/json": {} } },
                        "403": answer("The sender is no operator.", &refusal),
                    },
                },
            },
        },
        "components": {
            "securitySchemes": {
                "operator": {
                    "type": "mutualTLS",
                    "description": "A certificate of the authority in `trust` of [control], which [[operator]] maps to a name and roles.",
                },
            },
            "schemas": generator.take_definitions(true),
        },
    });
    document.sort_all_objects();
    document
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_document_in_docs_is_current() {
        let held: Value =
            serde_json::from_str(include_str!("../../docs/control-openapi.json")).unwrap();
        assert!(
            held == document(),
            "write it anew: cargo run -q -- control openapi > docs/control-openapi.json"
        );
    }

    #[test]
    fn every_reference_leads_somewhere() {
        fn walk(value: &Value, document: &Value, seen: &mut usize) {
            match value {
                Value::Object(fields) => {
                    if let Some(Value::String(target)) = fields.get("$ref") {
                        let pointer = target.strip_prefix('#').unwrap();
                        assert!(document.pointer(pointer).is_some(), "{target}");
                        *seen += 1;
                    }
                    fields
                        .values()
                        .for_each(|value| walk(value, document, seen));
                }
                Value::Array(items) => items.iter().for_each(|item| walk(item, document, seen)),
                _ => {}
            }
        }
        let document = document();
        let mut seen = 0;
        walk(&document, &document, &mut seen);
        assert!(seen > 20, "{seen}");
    }
}
