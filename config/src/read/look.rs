//! `look` of a site: how pages of the edge's own are dressed in it.

use crate::section::Section;
use crate::settings::LookSettings;

/// Dark blue; white on it has a contrast of 10 to 1.
const COLOUR: &str = "#1f3a5f";
/// The contrast that text needs (WCAG 2.2, success criterion 1.4.3).
const LEAST_CONTRAST: f64 = 4.5;
/// Longest name, in bytes.
const LONGEST_NAME: usize = 100;

/// Reads the table of a site; without a name its first host stands for it.
pub(super) fn read(site: &Section<'_>, host: &str) -> LookSettings {
    let mut look = LookSettings {
        name: host.to_owned(),
        is_drill: false,
        colour: COLOUR.to_owned(),
    };
    let Some(table) = site.table("look") else {
        return look;
    };
    if let Some(name) = table.optional::<String>("name") {
        if name.len() > LONGEST_NAME {
            let hint = format!("write at most {LONGEST_NAME} bytes");
            table.fault("name", "the name is too long for a heading", hint);
        }
        look.name = name;
    }
    if let Some(colour) = table.optional::<String>("colour") {
        match contrast_with_white(&colour) {
            None => {
                let hint = "write it as \"#0b5394\"";
                table.fault("colour", format!("\"{colour}\" is no colour"), hint);
            }
            Some(contrast) if contrast < LEAST_CONTRAST => {
                let message =
                    format!("white text on \"{colour}\" has a contrast of {contrast:.1} to 1");
                let hint = "take a darker colour: 4.5 to 1 is the least that can be read well";
                table.fault("colour", message, hint);
            }
            Some(_) => look.colour = colour,
        }
    }
    table.end();
    look
}

/// The contrast of white with a colour, as WCAG 2.2 defines it; none for what is no colour.
fn contrast_with_white(colour: &str) -> Option<f64> {
    let digits = colour
        .strip_prefix('#')
        .filter(|digits| digits.len() == 6)?;
    let channel = |at: usize| {
        let value = u8::from_str_radix(digits.get(at..at + 2)?, 16).ok()?;
        let value = f64::from(value) / 255.0;
        Some(if value <= 0.04045 {
            value / 12.92
        } else {
            ((value + 0.055) / 1.055).powf(2.4)
        })
    };
    let luminance = 0.2126 * channel(0)? + 0.7152 * channel(2)? + 0.0722 * channel(4)?;
    Some(1.05 / (luminance + 0.05))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contrast_is_that_of_the_guidelines() {
        let rounded = |colour| contrast_with_white(colour).map(|contrast| format!("{contrast:.2}"));
        assert_eq!(rounded("#000000").as_deref(), Some("21.00"));
        assert_eq!(rounded("#ffffff").as_deref(), Some("1.00"));
        assert_eq!(rounded("#767676").as_deref(), Some("4.54"));
        assert_eq!(rounded("#777777").as_deref(), Some("4.48"));
        for text in ["", "red", "#12345", "#12345g", "#1234567", "#12345あ"] {
            assert_eq!(rounded(text), None, "{text}");
        }
    }
}
