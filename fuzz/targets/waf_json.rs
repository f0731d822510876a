//! JSON that is counted and cut: the first two bytes say where. What is JSON is counted as it is, and
//! cut anywhere it is JSON again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use yagura_waf::json;

fuzz_target!(|bytes: &[u8]| {
    let [high, low, text @ ..] = bytes else {
        return;
    };
    let shape = json::shape(text);
    let _ = json::closed(text);
    // Twice the same name is one to serde, and two to the scan.
    let Ok(value) = serde_json::from_slice::<Value>(text) else {
        return;
    };
    let text = value.to_string();
    assert_eq!(json::shape(text.as_bytes()).leaves, leaves(&value));
    assert!(shape.leaves >= leaves(&value));
    if value.is_array() || value.is_object() {
        let at = usize::from(u16::from_be_bytes([*high, *low])) % text.len();
        let closed = json::closed(&text.as_bytes()[..=at]);
        serde_json::from_slice::<Value>(&closed).expect("it is JSON again");
    }
});

fn leaves(value: &Value) -> usize {
    match value {
        Value::Array(values) => values.iter().map(leaves).sum(),
        Value::Object(fields) => fields.values().map(leaves).sum(),
        _ => 1,
    }
}
