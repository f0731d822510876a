//! Variants of a response: which request fields select it, and how their values are compared (RFC
//! 9111, section 4.1; RFC 9110, section 12.5.5). Pure.

use http::HeaderMap;

use super::directives::Fields;
use super::policy::{NotStored, Terms};

/// Whether a request's nominated fields match those of the stored response's request.
pub fn selects(terms: &Terms, request: &impl Fields) -> bool {
    terms
        .vary
        .iter()
        .all(|(name, value)| normalised(request, name) == *value)
}

/// The name of the variant that a request asks for, among those of a response with these terms.
#[must_use]
pub fn variant_for(terms: &Terms, request: &impl Fields) -> String {
    let values = terms
        .vary
        .iter()
        .map(|(name, _)| (name.as_str(), normalised(request, name)));
    variant_name(values)
}

/// The name of the variant that a response with these terms is.
#[must_use]
pub fn own_variant(terms: &Terms) -> String {
    variant_name(
        terms
            .vary
            .iter()
            .map(|(name, value)| (name.as_str(), value.clone())),
    )
}

fn variant_name<'a>(values: impl Iterator<Item = (&'a str, Option<String>)>) -> String {
    values.fold(String::new(), |mut name, (field, value)| {
        // A field's value holds no line end; an absent field differs from an empty one.
        name.push_str(field);
        name.push_str(value.as_ref().map_or("\n-", |_| "\n="));
        name.push_str(value.as_deref().unwrap_or_default());
        name.push('\n');
        name
    })
}

/// Fields that a response's Vary names, with the values of the request it answers.
pub fn nominated(
    request: &HeaderMap,
    response: &HeaderMap,
) -> Result<Vec<(String, Option<String>)>, NotStored> {
    let mut nominated = Vec::new();
    for line in response.lines("vary") {
        let line = std::str::from_utf8(line).map_err(|_| NotStored::VaryStar)?;
        for name in line.split(',').map(|name| name.trim().to_ascii_lowercase()) {
            match name.as_str() {
                "*" => return Err(NotStored::VaryStar),
                "" => {}
                _ => {
                    let value = normalised(request, &name);
                    nominated.push((name, value));
                }
            }
        }
    }
    nominated.sort();
    nominated.dedup();
    Ok(nominated)
}

/// A field's lines as one list, without what makes no difference (section 4.1): the space around
/// its members, and for preferences their case, their order and how their weight is written.
fn normalised(fields: &impl Fields, name: &str) -> Option<String> {
    let mut members = Vec::new();
    let mut present = false;
    for line in fields.lines(name) {
        present = true;
        let text = String::from_utf8_lossy(line);
        members.extend(text.split(',').map(|member| member.trim().to_owned()));
    }
    if matches!(name, "accept" | "accept-encoding" | "accept-language") {
        members.retain(|member| !member.is_empty());
        members = members.iter().map(|member| preference(member)).collect();
        members.sort();
        members.dedup();
    }
    present.then(|| members.join(","))
}

/// One preference (RFC 9110, section 12.4.2) with its weight in thousandths in front.
fn preference(member: &str) -> String {
    let mut parts = member
        .split(';')
        .map(|part| part.trim().to_ascii_lowercase());
    let value = parts.next().unwrap_or_default();
    let mut thousandths = 1000;
    let mut rest = String::new();
    for part in parts {
        match part.strip_prefix("q=") {
            Some(weight) => thousandths = weight_in_thousandths(weight),
            None => {
                rest.push(';');
                rest.push_str(&part);
            }
        }
    }
    format!("{thousandths:04}:{value}{rest}")
}

fn weight_in_thousandths(weight: &str) -> u16 {
    let (whole, fraction) = weight.split_once('.').unwrap_or((weight, ""));
    if whole == "1" {
        return 1000;
    }
    let digits = fraction.bytes().chain(std::iter::repeat(b'0')).take(3);
    digits.fold(0, |sum, digit| {
        sum * 10 + u16::from(digit.saturating_sub(b'0').min(9))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(lines: &[(&'static str, &str)]) -> HeaderMap {
        let field = |(name, value): &(&'static str, &str)| {
            (http::HeaderName::from_static(name), value.parse().unwrap())
        };
        lines.iter().map(field).collect()
    }

    #[test]
    fn preferences_that_say_the_same_are_the_same() {
        let said = |name: &'static str, value: &str| normalised(&fields(&[(name, value)]), name);
        let language = |value| said("accept-language", value);
        assert_eq!(language("en, de;q=0.5"), language("DE;Q=0.500,EN"));
        assert_ne!(language("en, de;q=0.5"), language("en, de;q=0.6"));
        assert_ne!(language("en, de;q=0.5"), language("en;q=0.5, de"));
        assert_ne!(said("x-own", "a, b"), said("x-own", "b, a"));
        assert_eq!(said("x-own", "a,  b"), said("x-own", "a,b"));
    }
}
