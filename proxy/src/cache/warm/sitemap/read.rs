//! Reads a sitemap or a sitemap index (sitemaps.org, protocol 0.9): pure, and bounded in everything.
//!
//! Only what stands directly in an entry counts, so that the `loc` of a picture in it is not taken
//! for a page. Entities other than XML's own five are left out: nothing is expanded.

use std::io::Read;

use flate2::read::MultiGzDecoder;
use quick_xml::Reader;
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::Event;

/// The most that is taken of a file as it is sent.
pub const MOST_BYTES_SENT: usize = 50 << 20;
/// The protocol's own limits, uncompressed.
const MOST_BYTES: u64 = 50 << 20;
const MOST_ENTRIES: usize = 50_000;
const LONGEST_URL_BYTES: usize = 2048;
/// A W3C date with time, fraction and zone has about 30.
const LONGEST_DATE_BYTES: usize = 64;

/// What a file says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sitemap {
    /// Pages.
    Pages(Vec<Entry>),
    /// Further sitemaps.
    Index(Vec<Entry>),
}

/// One URL.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entry {
    /// As written, without white space around it.
    pub url: String,
    /// When it was last changed, as written.
    pub changed: Option<String>,
}

/// Why a file says nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// It cannot be uncompressed.
    #[error("it cannot be uncompressed: {0}")]
    Compression(String),
    /// It is larger than the protocol allows.
    #[error("it is larger than {MOST_BYTES} bytes")]
    TooLarge,
    /// It is not XML.
    #[error("it is no XML: {0}")]
    Xml(String),
    /// It is something else.
    #[error("it is no sitemap: neither <urlset> nor <sitemapindex>")]
    Root,
    /// It is one that lists nothing, which is taken for a fault of the origin.
    #[error("it lists nothing")]
    Empty,
}

/// What the bytes of a file say, compressed with gzip or not.
///
/// # Errors
/// See [`Fault`]. Entries beyond the protocol's limits are left out.
pub fn read(bytes: &[u8]) -> Result<Sitemap, Fault> {
    const GZIP: [u8; 2] = [0x1f, 0x8b];
    if !bytes.starts_with(&GZIP) {
        return parse(&String::from_utf8_lossy(bytes));
    }
    let mut plain = Vec::new();
    MultiGzDecoder::new(bytes)
        .take(MOST_BYTES + 1)
        .read_to_end(&mut plain)
        .map_err(|error| Fault::Compression(error.to_string()))?;
    if plain.len() as u64 > MOST_BYTES {
        return Err(Fault::TooLarge);
    }
    parse(&String::from_utf8_lossy(&plain))
}

/// Which text is being read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Field {
    None,
    Url,
    Changed,
}

fn parse(text: &str) -> Result<Sitemap, Fault> {
    let mut reader = Reader::from_str(text.trim_start_matches('\u{feff}').trim_start());
    let mut entries: Vec<Entry> = Vec::new();
    let mut is_index = None;
    let (mut depth, mut field, mut in_entry) = (0_usize, Field::None, false);
    let mut entry = Entry::default();
    let add = |entry: &mut Entry, field: Field, text: &str| match field {
        Field::None => {}
        Field::Url => push(&mut entry.url, text, LONGEST_URL_BYTES),
        Field::Changed => push(
            entry.changed.get_or_insert_default(),
            text,
            LONGEST_DATE_BYTES,
        ),
    };
    loop {
        let event = reader
            .read_event()
            .map_err(|error| Fault::Xml(error.to_string()))?;
        match event {
            Event::Start(element) => {
                depth += 1;
                let name = element.local_name();
                let name: &str = name.as_ref();
                match depth {
                    1 => {
                        is_index = Some(match name {
                            "urlset" => false,
                            "sitemapindex" => true,
                            _ => return Err(Fault::Root),
                        });
                    }
                    2 => {
                        in_entry = name
                            == if is_index == Some(true) {
                                "sitemap"
                            } else {
                                "url"
                            };
                        entry = Entry::default();
                    }
                    3 if in_entry => {
                        field = match name {
                            "loc" => Field::Url,
                            "lastmod" => Field::Changed,
                            _ => Field::None,
                        };
                    }
                    _ => field = Field::None,
                }
            }
            Event::Text(piece) => add(&mut entry, field, &piece),
            Event::CData(piece) => add(&mut entry, field, &piece),
            Event::GeneralRef(name) => match name.resolve_char_ref() {
                Ok(Some(letter)) => add(&mut entry, field, letter.encode_utf8(&mut [0; 4])),
                _ => add(
                    &mut entry,
                    field,
                    resolve_predefined_entity(&name).unwrap_or(""),
                ),
            },
            Event::End(_) => {
                if depth == 2 && in_entry {
                    entries.extend(whole(std::mem::take(&mut entry)));
                    in_entry = false;
                    if entries.len() >= MOST_ENTRIES {
                        break;
                    }
                }
                depth = depth.saturating_sub(1);
                field = Field::None;
            }
            Event::Eof => break,
            _ => {}
        }
    }
    match is_index {
        None => Err(Fault::Root),
        Some(_) if entries.is_empty() => Err(Fault::Empty),
        Some(true) => Ok(Sitemap::Index(entries)),
        Some(false) => Ok(Sitemap::Pages(entries)),
    }
}

/// Text beyond the limit only makes the value too long to be used.
fn push(value: &mut String, text: &str, longest: usize) {
    if value.len() <= longest {
        value.push_str(text);
    }
}

fn whole(entry: Entry) -> Option<Entry> {
    let url = entry.url.trim().to_owned();
    let changed = entry.changed.map(|date| date.trim().to_owned());
    let usable = !url.is_empty() && url.len() <= LONGEST_URL_BYTES;
    usable.then(|| Entry {
        url,
        changed: changed.filter(|date| !date.is_empty() && date.len() <= LONGEST_DATE_BYTES),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::io::Write;

    const MAP: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE urlset [<!ENTITY many "many many">]>
<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9" xmlns:image="http://www.google.com/schemas/sitemap-image/1.1">
  <url>
    <loc> https://town.example/a?x=1&amp;y=&#x3042; </loc>
    <image:image><image:loc>https://town.example/picture.png</image:loc></image:image>
    <lastmod>2026-11-23</lastmod>
  </url>
  <url><loc><![CDATA[https://town.example/b]]></loc><changefreq>daily</changefreq></url>
  <url><loc>https://town.example/&many;</loc></url>
  <url><lastmod>2026-11-23</lastmod></url>
  <loc>https://town.example/astray</loc>
</urlset>"#;

    fn entry(url: &str, changed: Option<&str>) -> Entry {
        Entry {
            url: url.to_owned(),
            changed: changed.map(str::to_owned),
        }
    }

    fn compressed(text: &str) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(text.as_bytes()).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn pages_are_read_with_their_dates_and_nothing_else_is() {
        let expected = Sitemap::Pages(vec![
            entry("https://town.example/a?x=1&y=あ", Some("2026-11-23")),
            entry("https://town.example/b", None),
            entry("https://town.example/", None),
        ]);
        assert_eq!(read(MAP.as_bytes()), Ok(expected.clone()));
        assert_eq!(read(&compressed(MAP)), Ok(expected));
    }

    #[test]
    fn an_index_names_further_sitemaps() {
        let index = r#"<s:sitemapindex xmlns:s="x"><s:sitemap><s:loc>https://town.example/1.xml.gz</s:loc></s:sitemap></s:sitemapindex>"#;
        let expected = vec![entry("https://town.example/1.xml.gz", None)];
        assert_eq!(read(index.as_bytes()), Ok(Sitemap::Index(expected)));
    }

    #[test]
    fn what_is_no_sitemap_says_nothing() {
        for (text, fault) in [
            ("<html><body>sorry</body></html>", Fault::Root),
            ("", Fault::Root),
            ("busy", Fault::Root),
            ("<urlset></urlset>", Fault::Empty),
            ("<urlset/>", Fault::Root),
        ] {
            assert_eq!(read(text.as_bytes()), Err(fault), "{text}");
        }
        assert!(matches!(
            read(b"<urlset><url></loc></urlset>"),
            Err(Fault::Xml(_))
        ));
        assert!(matches!(read(b"\x1f\x8bx"), Err(Fault::Compression(_))));
    }

    #[test]
    fn everything_is_bounded() {
        let many = "<url><loc>https://town.example/</loc></url>".repeat(MOST_ENTRIES + 10);
        let Ok(Sitemap::Pages(pages)) = read(format!("<urlset>{many}</urlset>").as_bytes()) else {
            panic!("no pages")
        };
        assert_eq!(pages.len(), MOST_ENTRIES);
        let long = "x".repeat(LONGEST_URL_BYTES + 1);
        let map = format!("<urlset><url><loc>{long}</loc></url></urlset>");
        assert_eq!(read(map.as_bytes()), Err(Fault::Empty));
        let bomb = compressed(&" ".repeat(usize::try_from(MOST_BYTES).unwrap() + 1));
        assert!(bomb.len() < 1 << 20);
        assert_eq!(read(&bomb), Err(Fault::TooLarge));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = read(&bytes);
        }

        #[test]
        fn no_change_of_a_sitemap_makes_it_panic(
            at in 0..MAP.len(),
            length in 0_usize..40,
            with in proptest::collection::vec(any::<u8>(), 0..20),
        ) {
            let mut bytes = MAP.as_bytes().to_vec();
            let end = (at + length).min(bytes.len());
            bytes.splice(at..end, with);
            let _ = (read(&bytes), read(&bytes[..at]));
            let mut gzip = compressed(MAP);
            let middle = at % gzip.len();
            gzip[middle] ^= 0x55;
            let _ = read(&gzip);
        }

        #[test]
        fn what_is_listed_is_read(urls in proptest::collection::vec("https://town\\.example/[a-z&<>あ]{0,20}", 1..20)) {
            let map: String = urls
                .iter()
                .map(|url| format!("<url><loc>{}</loc></url>", quick_xml::escape::escape(url.as_str())))
                .collect();
            let expected = urls.iter().map(|url| entry(url, None)).collect();
            prop_assert_eq!(read(format!("<urlset>{map}</urlset>").as_bytes()), Ok(Sitemap::Pages(expected)));
        }
    }
}
