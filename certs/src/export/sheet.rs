//! The application sheet (申請書): a template in Markdown whose `{{fields}}` are filled in.
//!
//! The city may edit the template; a field that does not exist is refused, so that no sheet goes
//! out with a gap. How it is drawn is `html.rs` and `docx.rs`.

use std::collections::BTreeMap;

use time::OffsetDateTime;
use yagura_control::Timestamp;

use super::KeyForm;
use crate::expiry::warning::{Stage, begins};
use crate::inspect::Examined;

/// The template that is used when no other is named.
pub const TEMPLATE: &str = include_str!("template.md");

/// What a sheet says.
#[derive(Clone, Debug)]
pub struct Sheet<'a> {
    /// What the certificate is called in the store.
    pub name: &'a str,
    /// Whom it goes to.
    pub cloud: &'a str,
    /// Who hands it over.
    pub applicant: &'a str,
    /// When.
    pub now: Timestamp,
    /// How the key goes along.
    pub key: KeyForm,
    /// The files beside the sheet.
    pub files: &'a [String],
}

/// A template that cannot be filled in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the template has {{{{{field}}}}}, which is not known\n  known are: {}", known.join(", "))]
pub struct NoField {
    /// Which field.
    pub field: String,
    /// Those there are.
    pub known: Vec<String>,
}

/// Fills a template in, as Markdown.
///
/// # Errors
/// It names a field that does not exist.
pub fn fill(template: &str, sheet: &Sheet<'_>, examined: &Examined) -> Result<String, NoField> {
    let fields = fields(sheet, examined);
    let mut filled = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once("{{") {
        let Some((field, after)) = after.split_once("}}") else {
            break;
        };
        filled.push_str(before);
        let value = fields.get(field.trim()).ok_or_else(|| NoField {
            field: field.trim().to_owned(),
            known: fields.keys().map(|key| (*key).to_owned()).collect(),
        })?;
        filled.push_str(value);
        rest = after;
    }
    filled.push_str(rest);
    Ok(filled)
}

fn fields(sheet: &Sheet<'_>, examined: &Examined) -> BTreeMap<&'static str, String> {
    let mut fields = BTreeMap::new();
    let [leaf, intermediates @ ..] = &examined.chain.certificates[..] else {
        return fields;
    };
    let names: Vec<String> = leaf.names.iter().map(|name| escaped(name)).collect();
    let above: Vec<String> = intermediates
        .iter()
        .map(|it| escaped(&it.subject))
        .collect();
    let files: Vec<String> = sheet
        .files
        .iter()
        .map(|it| format!("- {}", escaped(it)))
        .collect();
    let renew_from = begins(leaf.not_before, leaf.not_after, Stage::SixtyDays);
    for (field, value) in [
        ("cloud", escaped(sheet.cloud)),
        ("date", date(sheet.now)),
        ("applicant", escaped(sheet.applicant)),
        ("organization", text(&leaf.organization)),
        ("unit", text(&leaf.unit)),
        ("name", escaped(sheet.name)),
        ("common_name", text(&leaf.common_name)),
        ("names", names.join(", ")),
        ("issuer", escaped(&leaf.issuer)),
        ("serial", leaf.serial.clone()),
        ("key", leaf.key.to_string()),
        ("not_before", instant(leaf.not_before)),
        ("not_after", instant(leaf.not_after)),
        ("renew_from", date(renew_from)),
        ("sha256", fingerprint(&leaf.sha256())),
        ("intermediates", above.join(", ")),
        ("files", files.join("\n")),
        ("key_note", key_note(sheet.key).to_owned()),
    ] {
        fields.insert(field, value);
    }
    fields
}

fn key_note(key: KeyForm) -> &'static str {
    match key {
        KeyForm::None => "秘密鍵は添付していません。",
        KeyForm::Pkcs12(_) | KeyForm::Pkcs8 => {
            "秘密鍵はパスフレーズで暗号化しています。パスフレーズは、このファイルとは別の手段でお伝えします。"
        }
    }
}

fn text(part: &Option<String>) -> String {
    part.as_deref().map(escaped).unwrap_or_default()
}

/// 2026年11月23日
fn date(at: Timestamp) -> String {
    let (year, month, day) = at.in_japan().to_calendar_date();
    format!("{year}年{}月{day}日", u8::from(month))
}

/// 2026年11月23日 14:03（日本時間）
fn instant(at: Timestamp) -> String {
    let local: OffsetDateTime = at.in_japan();
    format!(
        "{} {:02}:{:02}（日本時間）",
        date(at),
        local.hour(),
        local.minute()
    )
}

/// Pairs of digits, as other programs show them.
fn fingerprint(hexadecimal: &str) -> String {
    let pairs = hexadecimal.as_bytes().chunks(2);
    let pairs = pairs.map(|pair| String::from_utf8_lossy(pair).to_uppercase());
    pairs.collect::<Vec<_>>().join(":")
}

/// Text that Markdown shows as it is.
fn escaped(text: &str) -> String {
    let mut value = String::new();
    for c in text.chars() {
        match c {
            '\\' | '`' | '*' | '_' | '{' | '}' | '[' | ']' | '<' | '>' | '#' | '|' | '&' | '~' => {
                value.extend(['\\', c]);
            }
            c if c.is_control() => value.push(' '),
            c => value.push(c),
        }
    }
    value
}
