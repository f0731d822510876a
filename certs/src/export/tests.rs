//! A package for a security cloud, opened by the programs of those who get it.

use std::fs;
use std::io::{Cursor, Read};

use super::*;
use crate::inspect::{Certificate, PrivateKey};
use crate::trial_authority::{NOW, TrialAuthority, Wish, openssl};

const PASSPHRASE: &str = "correct horse battery";

fn examined() -> (Examined, Certificate, PrivateKey) {
    let authority = TrialAuthority::new("Trial");
    let (leaf, key) = authority.issue(&Wish::default());
    let heap = Heap {
        certificates: vec![leaf.clone(), authority.intermediate.clone()],
        keys: vec![key.clone()],
    };
    let good = examine(&heap, &[], &[], NOW).unwrap();
    (good, leaf, key)
}

fn wanted<'a>(key: KeyForm, passphrase: Option<&'a SecretString>) -> Wanted<'a> {
    Wanted {
        name: "town",
        cloud: "県セキュリティクラウド <運用>",
        key,
        passphrase,
        template: TEMPLATE,
        by: "tanaka",
        now: NOW,
    }
}

fn text(files: &[PackageFile], name: &str) -> String {
    let file = files.iter().find(|file| file.name == name).unwrap();
    String::from_utf8(file.bytes.clone()).unwrap()
}

/// Every part of a DOCX with its XML.
fn parts(files: &[PackageFile]) -> Vec<(String, String)> {
    let file = files.iter().find(|file| file.name.ends_with(".docx"));
    let bytes = Cursor::new(file.unwrap().bytes.clone());
    let mut archive = zip::ZipArchive::new(bytes).unwrap();
    let mut parts = Vec::new();
    for number in 0..archive.len() {
        let mut part = archive.by_index(number).unwrap();
        let mut xml = String::new();
        let name = part.name().unwrap().into_owned();
        part.read_to_string(&mut xml).unwrap();
        parts.push((name, xml));
    }
    parts
}

/// Reads XML to its end; elements must nest.
fn is_well_formed(xml: &str) -> bool {
    let mut reader = quick_xml::Reader::from_str(xml);
    reader.config_mut().check_end_names = true;
    let mut depth = 0_i32;
    loop {
        match reader.read_event() {
            Ok(quick_xml::events::Event::Start(_)) => depth += 1,
            Ok(quick_xml::events::Event::End(_)) => depth -= 1,
            Ok(quick_xml::events::Event::Eof) => return depth == 0,
            Ok(_) => {}
            Err(_) => return false,
        }
    }
}

#[test]
fn the_sheet_says_what_is_handed_over() {
    let (good, leaf, _) = examined();
    let files = package(&good, &wanted(KeyForm::None, None)).unwrap();
    let markdown = text(&files, "application-sheet.md");
    let html = text(&files, "application-sheet.html");
    let sha256 = leaf.sha256().to_uppercase();
    let first_bytes = format!("{}:{}", &sha256[..2], &sha256[2..4]);
    for part in [
        "2026年11月",
        "日本時間",
        "tanaka",
        "town-chain.pem",
        &first_bytes,
    ] {
        assert!(markdown.contains(part), "{part}: {markdown}");
        assert!(html.contains(part), "{part}: {html}");
    }
    assert!(markdown.contains("秘密鍵は添付していません"));
    assert!(html.contains("県セキュリティクラウド &lt;運用&gt; 御中"));
    assert!(
        html.contains("<td>*.city.example, city.example</td>"),
        "{html}"
    );
    assert!(!markdown.contains("{{"));

    let parts = parts(&files);
    assert_eq!(parts[0].0, "[Content_Types].xml");
    for (name, xml) in &parts {
        assert!(is_well_formed(xml), "{name}: {xml}");
    }
    let (_, document) = parts
        .iter()
        .find(|(name, _)| name == "word/document.xml")
        .unwrap();
    for part in [
        "県セキュリティクラウド ",
        "&lt;",
        "<w:tbl>",
        "Heading1",
        "*.city.example",
    ] {
        // Text is cut into runs where Markdown was escaped.
        let joined = document.replace("</w:t></w:r><w:r><w:t xml:space=\"preserve\">", "");
        assert!(joined.contains(part), "{part}: {joined}");
    }
}

#[test]
fn a_template_of_the_city_is_filled_and_an_unknown_field_refused() {
    let (good, ..) = examined();
    let filled = |template| {
        let wanted = Wanted {
            template,
            ..wanted(KeyForm::None, None)
        };
        package(&good, &wanted).map(|files| text(&files, "application-sheet.md"))
    };
    assert_eq!(
        filled("# {{ name }}\n1. a {{ open").unwrap(),
        "# town\n1. a {{ open"
    );
    let told = filled("{{telephone}}").unwrap_err().to_string();
    assert!(
        told.contains("{{telephone}}") && told.contains("sha256"),
        "{told}"
    );
}

#[test]
fn the_key_goes_along_under_a_good_passphrase_only() {
    let (good, _, key) = examined();
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    fs::write(folder.join("own.der"), key.pkcs8()).unwrap();
    let own = openssl(folder, "pkey -inform DER -in own.der -pubout");
    let secret = SecretString::from(PASSPHRASE);
    fs::write(folder.join("secret"), PASSPHRASE).unwrap();
    for (form, file, open) in [
        (
            KeyForm::Pkcs12(Ciphers::Present),
            "town.pfx",
            "pkcs12 -in town.pfx -passin file:secret -nodes -nocerts -out open.pem",
        ),
        (
            KeyForm::Pkcs12(Ciphers::Old),
            "town.pfx",
            "pkcs12 -legacy -in town.pfx -passin file:secret -nodes -nocerts -out open.pem",
        ),
        (
            KeyForm::Pkcs8,
            "town-key.pem",
            "pkey -in town-key.pem -passin file:secret -out open.pem",
        ),
    ] {
        let files = package(&good, &wanted(form, Some(&secret))).unwrap();
        let found = files.iter().find(|it| it.name == file).unwrap();
        fs::write(folder.join(file), &found.bytes).unwrap();
        openssl(folder, open);
        assert_eq!(
            openssl(folder, "pkey -in open.pem -pubout"),
            own,
            "{form:?}"
        );
        let sheet = text(&files, "application-sheet.md");
        assert!(
            sheet.contains(file) && sheet.contains("別の手段"),
            "{sheet}"
        );
        assert!(!format!("{files:?}").contains("PRIVATE"));
    }
    for (weak, word) in [
        (None, "give one"),
        (Some("himitsu"), "shorter than 12"),
        (Some("ひみつのパスフレーズです"), "ASCII"),
    ] {
        let weak = weak.map(SecretString::from);
        let told = package(&good, &wanted(KeyForm::Pkcs8, weak.as_ref())).unwrap_err();
        assert!(told.to_string().contains(word), "{told}");
    }
}

#[test]
fn who_took_it_is_written_down_before_it_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::new(&folder.path().join("certs"));
    let (good, leaf, _) = examined();
    store.save("town", &good.pem()).unwrap();
    let good = in_use(&store, "town", NOW).unwrap();
    let files = package(&good, &wanted(KeyForm::None, None)).unwrap();
    let to = folder.path().join("for/the/cloud");
    let taken_now = Taken {
        by: "tanaka".into(),
        at: Timestamp(NOW.seconds() * 1000),
        cloud: "県".into(),
        key: KeyForm::None.word().into(),
        sha256: leaf.sha256(),
        to: to.display().to_string(),
    };
    hand_over(&store, "town", &taken_now, &files, &to).unwrap();
    assert!(to.join("application-sheet.docx").exists());
    assert_eq!(taken(&store, "town"), std::slice::from_ref(&taken_now));
    let record = store.folder("town").join("exports.jsonl");
    let torn = fs::read_to_string(&record).unwrap() + "{\"by\":\"ta";
    fs::write(&record, torn).unwrap();
    hand_over(&store, "town", &taken_now, &files, &to).unwrap();
    assert_eq!(
        taken(&store, "town").len(),
        2,
        "a torn line spoils no other"
    );
    let none = in_use(&store, "other", NOW).unwrap_err();
    assert!(none.to_string().contains("certs list"), "{none}");
}
