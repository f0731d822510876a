//! The shape of JSON without its values: how many leaves, how deep, and where a text that is too long
//! can be cut so that what is left is JSON. What is no JSON gets some answer, and never a panic: the
//! engine judges it. Pure, one pass, no memory but one bit a level.

/// How large a text is as a tree.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Shape {
    /// Values that are neither objects nor arrays.
    pub leaves: usize,
    /// Deepest nesting.
    pub depth: usize,
}

/// The shape of a text.
#[must_use]
pub fn shape(text: &[u8]) -> Shape {
    let mut scan = Scan::default();
    text.iter().for_each(|byte| scan.next(*byte));
    Shape {
        leaves: scan.leaves(),
        depth: scan.deepest,
    }
}

/// The beginning of a text that was cut anywhere, closed so that it is JSON again. The value in which
/// it was cut is kept as far as it goes when it is a string, and dropped otherwise.
#[must_use]
pub fn closed(text: &[u8]) -> Vec<u8> {
    let mut scan = Scan::default();
    // After the last whole value, or at the opening bracket. No bracket follows, so that what closes
    // the text there closes it at its end too.
    let mut safe = 0;
    for (index, byte) in text.iter().enumerate() {
        let before = scan.in_string;
        scan.next(*byte);
        let string_ended = before && !scan.in_string && scan.is_value();
        let opened_or_closed = !scan.in_string && matches!(byte, b'[' | b'{' | b']' | b'}');
        if string_ended || opened_or_closed {
            safe = index + 1;
        } else if !scan.in_string && *byte == b',' {
            safe = index;
        }
    }
    let mut out = Vec::with_capacity(text.len() + scan.open.len() + 1);
    if scan.in_string && scan.is_value() {
        // The beginning of a value may hold what the whole is sent for.
        let keep = whole_characters(text.get(..text.len() - scan.pending_escape()));
        out.extend(text.get(..keep).unwrap_or_default());
        out.push(b'"');
    } else {
        out.extend(text.get(..safe).unwrap_or_default());
    }
    out.extend(scan.open.iter().rev().map(|bracket| match bracket {
        b'{' => b'}',
        _ => b']',
    }));
    out
}

/// How many bytes there are without those of a character that is not whole.
fn whole_characters(text: Option<&[u8]>) -> usize {
    let text = text.unwrap_or_default();
    match std::str::from_utf8(text) {
        Err(error) if error.error_len().is_none() => error.valid_up_to(),
        _ => text.len(),
    }
}

#[derive(Default)]
struct Scan {
    open: Vec<u8>,
    deepest: usize,
    /// Strings, numbers and words that were seen, names included.
    scalars: usize,
    names: usize,
    in_string: bool,
    escaped: u8,
    in_word: bool,
    /// Whether a value comes next in the innermost object, and not a name.
    after_colon: bool,
}

impl Scan {
    fn next(&mut self, byte: u8) {
        if self.in_string {
            self.in_string_next(byte);
            return;
        }
        match byte {
            b'"' => {
                (self.in_string, self.in_word) = (true, false);
                self.scalars += 1;
            }
            b'[' | b'{' => {
                self.in_word = false;
                // Deeper than any bound nothing has to be told apart.
                if self.open.len() < 1024 {
                    self.open.push(byte);
                }
                self.deepest = self.deepest.max(self.open.len());
                self.after_colon = false;
            }
            b']' | b'}' => {
                self.in_word = false;
                self.open.pop();
                self.after_colon = false;
            }
            b':' => {
                self.in_word = false;
                self.names += 1;
                self.after_colon = true;
            }
            b',' => (self.in_word, self.after_colon) = (false, false),
            byte if byte.is_ascii_whitespace() => self.in_word = false,
            _ => {
                self.scalars += usize::from(!self.in_word);
                self.in_word = true;
            }
        }
    }

    fn in_string_next(&mut self, byte: u8) {
        match (self.escaped, byte) {
            (0, b'\\') => self.escaped = 1,
            (0, b'"') => self.in_string = false,
            (0, _) => {}
            (1, b'u') => self.escaped = 2,
            (1 | 5, _) => self.escaped = 0,
            (digits, _) => self.escaped = digits + 1,
        }
    }

    /// Whether what is being read, or was read last, is a value and no name.
    fn is_value(&self) -> bool {
        self.open.last() != Some(&b'{') || self.after_colon
    }

    /// Bytes of an escape that is not whole yet.
    fn pending_escape(&self) -> usize {
        usize::from(self.escaped)
    }

    fn leaves(&self) -> usize {
        self.scalars.saturating_sub(self.names)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    fn truth(value: &Value) -> Shape {
        let within = |values: Vec<&Value>| {
            let shapes = values.into_iter().map(truth);
            let whole = shapes.fold(Shape::default(), |whole, part| Shape {
                leaves: whole.leaves + part.leaves,
                depth: whole.depth.max(part.depth),
            });
            Shape {
                depth: whole.depth + 1,
                ..whole
            }
        };
        match value {
            Value::Array(values) => within(values.iter().collect()),
            Value::Object(fields) => within(fields.values().collect()),
            _ => Shape {
                leaves: 1,
                depth: 0,
            },
        }
    }

    fn values() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f32>().prop_map(Value::from),
            "[ -~あ\"\\\\\n,:{}\\[\\]]{0,12}".prop_map(Value::from),
        ];
        leaf.prop_recursive(5, 40, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                prop::collection::btree_map("[a-z\"\\\\,:]{0,5}", inner, 0..6)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn the_shape_is_that_of_the_tree(value in values(), pretty in any::<bool>()) {
            let text = if pretty { format!("{value:#}") } else { value.to_string() };
            prop_assert_eq!(shape(text.as_bytes()), truth(&value));
        }

        #[test]
        fn cut_anywhere_and_closed_it_is_json(value in values(), at in any::<prop::sample::Index>()) {
            // A number alone cannot be cut and be one still.
            let value = if value.is_array() || value.is_object() { value } else { Value::from(vec![value]) };
            let text = value.to_string();
            let cut = 1 + at.index(text.len());
            let closed = closed(&text.as_bytes()[..cut]);
            let read: Result<Value, _> = serde_json::from_slice(&closed);
            prop_assert!(read.is_ok(), "{} of {}: {:?}", String::from_utf8_lossy(&closed), text, read);
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in any::<Vec<u8>>()) {
            let _ = (shape(&bytes), closed(&bytes));
        }
    }

    #[test]
    fn the_beginning_of_a_long_string_is_kept() {
        for (cut, whole) in [
            (r#"{"a":1,"b":"<script>al"#, r#"{"a":1,"b":"<script>al"}"#),
            (r#"{"a":[1,2,33"#, r#"{"a":[1,2]}"#),
            (r#"{"a":"x\u30"#, r#"{"a":"x"}"#),
            (r#"["a","#, r#"["a"]"#),
            (r#"{"a":1,"na"#, r#"{"a":1}"#),
            (r#"{"a":1,"name""#, r#"{"a":1}"#),
            (r#"{"a":1,"name":"#, r#"{"a":1}"#),
        ] {
            assert_eq!(String::from_utf8(closed(cut.as_bytes())).unwrap(), whole);
        }
    }
}
