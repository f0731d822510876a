//! In which form a notice is answered (RFC 9110, section 12.5.1). Pure.

/// A form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// For browsers, and in doubt.
    Html,
    /// For people without one.
    Plain,
    /// For programs.
    Json,
}

/// The form that `accept` wants most.
#[must_use]
pub fn form(accept: Option<&str>) -> Form {
    let Some(accept) = accept else {
        return Form::Html;
    };
    let forms = [
        (Form::Html, "text/html"),
        (Form::Plain, "text/plain"),
        (Form::Json, "application/json"),
    ];
    let (mut best, mut most) = (Form::Html, 0);
    for (form, media) in forms {
        let quality = quality(accept, media);
        if quality > most {
            (best, most) = (form, quality);
        }
    }
    best
}

/// How much a type is wanted, in thousandths; the most particular range counts.
fn quality(accept: &str, media: &str) -> u32 {
    let of = media.split('/').next().unwrap_or_default();
    let mut found = (0, 0);
    for range in accept.split(',') {
        let mut parts = range.split(';');
        let name = parts.next().unwrap_or_default().trim();
        let particular = if name.eq_ignore_ascii_case(media) {
            3
        } else if name
            .strip_suffix("/*")
            .is_some_and(|one| one.eq_ignore_ascii_case(of))
        {
            2
        } else if name == "*/*" {
            1
        } else {
            continue;
        };
        let weight = parts.find_map(|part| {
            let (name, value) = part.split_once('=')?;
            let weight = value.trim().parse::<f32>().ok()?;
            name.trim().eq_ignore_ascii_case("q").then_some(weight)
        });
        let thousandths = (weight.unwrap_or(1.0).clamp(0.0, 1.0) * 1000.0).round();
        if particular > found.0 {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "it lies between 0 and 1000"
            )]
            let quality = thousandths as u32;
            found = (particular, quality);
        }
    }
    found.1
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_form_wanted_most_is_given() {
        for (accept, expected) in [
            ("text/html,application/xhtml+xml,*/*;q=0.8", Form::Html),
            ("*/*", Form::Html),
            ("application/json", Form::Json),
            ("application/json, text/plain;q=0.5", Form::Json),
            ("text/plain", Form::Plain),
            ("text/html;q=0.1, text/*;q=0.9", Form::Plain),
            ("image/png", Form::Html),
            ("", Form::Html),
            ("*/*, text/html;q=0", Form::Plain),
        ] {
            assert_eq!(form(Some(accept)), expected, "{accept}");
        }
        assert_eq!(form(None), Form::Html);
    }

    proptest! {
        #[test]
        fn whatever_is_accepted_is_answered(accept in "[a-z/*;=q.0-9, NaN-]{0,60}|\\PC{0,40}") {
            let _any = form(Some(&accept));
        }
    }
}
