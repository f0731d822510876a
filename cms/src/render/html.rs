//! Writing HTML so that it cannot come out broken.
//!
//! An element is written by naming it and handing over a closure that writes its inside, so every
//! element that is opened is closed; text and attribute values are escaped on their way in, and
//! there is no way to write markup as text. What comes out is [`Html`], which templates take as it
//! is. What the elements mean is decided in [`super::document`].

use std::fmt;

/// Finished HTML: balanced, escaped, safe to put into a page.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Html(String);

impl Html {
    /// The markup.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether nothing was written.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for Html {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

// Templates escape everything they are given; this is the one type that says it is already done.
impl askama::filters::HtmlSafe for Html {}

/// One attribute: a name of ours and a value from anywhere.
pub type Attribute<'a> = (&'static str, &'a str);

/// Collects HTML. Markup enters only through [`Writer::element`] and [`Writer::void`].
#[derive(Debug, Default)]
pub struct Writer {
    out: String,
}

impl Writer {
    /// Begins with nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Writes an element with everything `inside` writes.
    pub fn element(
        &mut self,
        name: &'static str,
        attributes: &[Attribute<'_>],
        inside: impl FnOnce(&mut Self),
    ) {
        self.start(name, attributes);
        inside(self);
        self.out.push_str("</");
        self.out.push_str(name);
        self.out.push('>');
    }

    /// Writes an element that never has an inside (`br`, `img`).
    pub fn void(&mut self, name: &'static str, attributes: &[Attribute<'_>]) {
        self.start(name, attributes);
    }

    /// Writes text.
    pub fn text(&mut self, text: &str) {
        self.escape(text);
    }

    /// Takes over what another writer finished.
    pub fn append(&mut self, html: &Html) {
        self.out.push_str(&html.0);
    }

    /// Ends the writing.
    #[must_use]
    pub fn finish(self) -> Html {
        Html(self.out)
    }

    fn start(&mut self, name: &'static str, attributes: &[Attribute<'_>]) {
        self.out.push('<');
        self.out.push_str(name);
        for (attribute, value) in attributes {
            self.out.push(' ');
            self.out.push_str(attribute);
            self.out.push_str("=\"");
            self.escape(value);
            self.out.push('"');
        }
        self.out.push('>');
    }

    fn escape(&mut self, text: &str) {
        for character in text.chars() {
            match character {
                '&' => self.out.push_str("&amp;"),
                '<' => self.out.push_str("&lt;"),
                '>' => self.out.push_str("&gt;"),
                '"' => self.out.push_str("&quot;"),
                '\'' => self.out.push_str("&#39;"),
                // Control characters are no characters of HTML (WHATWG HTML, section 13.2.3.5).
                control if control.is_control() && !matches!(control, '\n' | '\t') => {}
                other => self.out.push(other),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_never_becomes_markup() {
        let mut writer = Writer::new();
        writer.element("p", &[("class", "a\"b")], |p| {
            p.text("<script>'&'\u{0}</script>")
        });
        assert_eq!(
            writer.finish().as_str(),
            "<p class=\"a&quot;b\">&lt;script&gt;&#39;&amp;&#39;&lt;/script&gt;</p>"
        );
    }
}
