//! Files as openssl and Windows write them, and files of nobody.

use std::fs;
use std::path::Path;

use proptest::prelude::*;

use super::*;
use crate::inspect::examine;
use crate::trial_authority::{NOW, TrialAuthority, Wish, openssl};

/// A folder with leaf.pem, leaf.key (PKCS#8) and chain.pem (intermediate and root).
fn made(folder: &Path) -> Certificate {
    let authority = TrialAuthority::new("Trial");
    let (leaf, key) = authority.issue(&Wish::default());
    use secrecy::ExposeSecret;
    fs::write(folder.join("leaf.pem"), leaf.pem()).unwrap();
    fs::write(folder.join("leaf.key"), key.pem().expose_secret()).unwrap();
    fs::write(folder.join("chain.pem"), authority.pem()).unwrap();
    leaf
}

fn read_files(folder: &Path, files: &[&str], passphrase: Option<&str>) -> Result<Heap, Unreadable> {
    let mut heap = Heap::default();
    let passphrase = passphrase.map(SecretString::from);
    for file in files {
        let bytes = fs::read(folder.join(file)).unwrap();
        read(file, &bytes, passphrase.as_ref(), &mut heap)?;
    }
    Ok(heap)
}

fn installs(heap: &Heap, leaf: &Certificate) {
    let good = examine(heap, &[], &[], NOW).unwrap();
    assert_eq!(&good.chain.certificates[0], leaf);
    assert_eq!(good.chain.certificates.len(), 2);
}

#[test]
fn pem_is_found_in_any_text() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let leaf = made(folder);
    let text = |file| fs::read_to_string(folder.join(file)).unwrap();
    let all = format!(
        "{}{}{}",
        text("chain.pem"),
        text("leaf.key"),
        text("leaf.pem")
    );
    let quoted: String = all.lines().map(|line| format!("> {line}\n")).collect();
    let utf16 = |bytes: fn(u16) -> [u8; 2]| {
        let marked = format!("\u{feff}{all}");
        marked.encode_utf16().flat_map(bytes).collect::<Vec<u8>>()
    };
    for (name, bytes) in [
        ("plain", all.clone().into_bytes()),
        ("CRLF", all.replace('\n', "\r\n").into_bytes()),
        ("CR", all.replace('\n', "\r").into_bytes()),
        ("BOM", format!("\u{feff}{all}").into_bytes()),
        (
            "mail",
            format!("担当者様\n証明書です。\n{quoted}\n以上\n").into_bytes(),
        ),
        ("UTF-16 LE", utf16(u16::to_le_bytes)),
        ("UTF-16 BE", utf16(u16::to_be_bytes)),
        (
            "Shift_JIS around",
            [b"\x8f\xd8\x96\xbe\n", all.as_bytes()].concat(),
        ),
        ("spaces", all.replace('\n', " \n\n").into_bytes()),
    ] {
        fs::write(folder.join("all"), bytes).unwrap();
        let heap = read_files(folder, &["all"], None);
        installs(
            &heap.unwrap_or_else(|error| panic!("{name}: {error}")),
            &leaf,
        );
    }
}

#[test]
fn der_and_base64_alone_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let leaf = made(folder);
    openssl(folder, "x509 -in leaf.pem -outform DER -out leaf.cer");
    openssl(folder, "pkey -in leaf.key -outform DER -out leaf.key.der");
    let heap = read_files(folder, &["leaf.cer", "leaf.key.der", "chain.pem"], None).unwrap();
    installs(&heap, &leaf);
    let pem = fs::read_to_string(folder.join("leaf.pem")).unwrap();
    let bare: String = pem
        .lines()
        .filter(|line| !line.starts_with("---"))
        .collect();
    fs::write(folder.join("bare"), bare).unwrap();
    assert_eq!(
        read_files(folder, &["bare"], None).unwrap().certificates,
        [leaf]
    );
}

#[test]
fn pkcs7_is_read_as_pem_and_as_der() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let leaf = made(folder);
    let bundle = "crl2pkcs7 -nocrl -certfile chain.pem -certfile leaf.pem";
    openssl(folder, &format!("{bundle} -out bundle.pem.p7b"));
    openssl(folder, &format!("{bundle} -outform DER -out bundle.p7b"));
    for file in ["bundle.pem.p7b", "bundle.p7b"] {
        let heap = read_files(folder, &[file, "leaf.key"], None).unwrap();
        assert_eq!(heap.certificates.len(), 3);
        installs(&heap, &leaf);
    }
}

#[test]
fn pkcs12_is_read_with_ciphers_of_today_and_of_old() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let leaf = made(folder);
    let export = "pkcs12 -export -in leaf.pem -inkey leaf.key -certfile chain.pem";
    for (name, how) in [
        ("PBES2", "-passout pass:himitsu"),
        (
            "OpenSSL -legacy: RC2-40 and 3DES",
            "-legacy -passout pass:himitsu",
        ),
        (
            "Windows: 3DES",
            "-legacy -certpbe PBE-SHA1-3DES -keypbe PBE-SHA1-3DES -macalg sha1 -passout pass:himitsu",
        ),
        (
            "AES-128",
            "-certpbe AES-128-CBC -keypbe AES-128-CBC -passout pass:himitsu",
        ),
        (
            "certificates in the open",
            "-certpbe NONE -passout pass:himitsu",
        ),
    ] {
        openssl(folder, &format!("{export} {how} -out all.pfx"));
        let heap = read_files(folder, &["all.pfx"], Some("himitsu"));
        installs(
            &heap.unwrap_or_else(|error| panic!("{name}: {error}")),
            &leaf,
        );
        let asked = read_files(folder, &["all.pfx"], None).unwrap_err();
        assert!(
            matches!(asked, Unreadable::NeedsPassphrase { .. }),
            "{name}: {asked}"
        );
        let wrong = read_files(folder, &["all.pfx"], Some("himitu")).unwrap_err();
        assert!(
            matches!(wrong, Unreadable::WrongPassphrase { .. }),
            "{name}: {wrong}"
        );
    }
    openssl(folder, &format!("{export} -passout pass: -out open.pfx"));
    installs(&read_files(folder, &["open.pfx"], None).unwrap(), &leaf);
}

#[test]
fn keys_under_a_passphrase_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let leaf = made(folder);
    for how in [
        "-v2 aes256",
        "-v2 aes128 -v2prf hmacWithSHA1",
        "-v2 des3",
        "-scrypt",
        "-outform DER",
    ] {
        let topk8 = format!("pkcs8 -topk8 -in leaf.key -passout pass:himitsu -out locked {how}");
        openssl(folder, &topk8);
        let files = ["leaf.pem", "chain.pem", "locked"];
        let heap = read_files(folder, &files, Some("himitsu"));
        installs(
            &heap.unwrap_or_else(|error| panic!("{how}: {error}")),
            &leaf,
        );
        let asked = read_files(folder, &files, None).unwrap_err();
        assert!(
            matches!(asked, Unreadable::NeedsPassphrase { .. }),
            "{asked}"
        );
        let wrong = read_files(folder, &files, Some("himitu")).unwrap_err();
        assert!(
            matches!(wrong, Unreadable::WrongPassphrase { .. }),
            "{wrong}"
        );
    }
}

#[test]
fn what_cannot_be_read_is_told_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    made(folder);
    openssl(
        folder,
        "req -new -key leaf.key -subj /CN=x -out request.csr",
    );
    openssl(
        folder,
        "ec -in leaf.key -aes128 -passout pass:himitsu -out old.key",
    );
    let topk8 = "pkcs8 -topk8 -in leaf.key -passout pass:himitsu -v1 PBE-SHA1-3DES -out v1.key";
    openssl(folder, topk8);
    fs::write(folder.join("note.txt"), "証明書は別便で送ります。").unwrap();
    fs::write(folder.join("empty"), "").unwrap();
    let torn = fs::read_to_string(folder.join("leaf.pem")).unwrap();
    fs::write(folder.join("torn.pem"), &torn[..torn.len() / 2]).unwrap();
    for (file, advice) in [
        ("request.csr", "send it to the authority"),
        ("old.key", "openssl pkey"),
        ("v1.key", "openssl pkcs8"),
        ("note.txt", "known are PEM, DER"),
        ("empty", "known are PEM, DER"),
        ("torn.pem", "have it sent again"),
    ] {
        let told = read_files(folder, &[file], Some("himitsu")).unwrap_err();
        let told = told.to_string();
        assert!(told.contains(advice) && told.contains(file), "{told}");
    }
}

#[test]
fn what_is_written_openssl_reads() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    made(folder);
    let heap = read_files(folder, &["leaf.pem", "leaf.key", "chain.pem"], None).unwrap();
    let good = examine(&heap, &[], &[], NOW).unwrap();
    let secret = SecretString::from("himitsu");
    let theirs = openssl(folder, "pkey -in leaf.key -pubout");
    for (ciphers, how) in [
        (pkcs12::Ciphers::Present, ""),
        (pkcs12::Ciphers::Old, " -legacy"),
    ] {
        let bytes = pkcs12::write(&good, "town", &secret, ciphers).unwrap();
        fs::write(folder.join("out.pfx"), bytes).unwrap();
        let open = format!("pkcs12 -in out.pfx -passin pass:himitsu -nodes{how} -out out.pem");
        openssl(folder, &open);
        assert_eq!(openssl(folder, "pkey -in out.pem -pubout"), theirs);
        let text = fs::read_to_string(folder.join("out.pem")).unwrap();
        assert_eq!(text.matches("BEGIN CERTIFICATE").count(), 2);
        let again = read_files(folder, &["out.pfx"], Some("himitsu")).unwrap();
        assert_eq!(again.certificates.len(), 2);
    }
    let locked = pkcs8::encrypt(&good.key, &secret).unwrap();
    fs::write(folder.join("out.key"), locked).unwrap();
    let pubout = "pkey -in out.key -passin pass:himitsu -pubout";
    assert_eq!(openssl(folder, pubout), theirs);
}

fn examples() -> Vec<Vec<u8>> {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    made(folder);
    openssl(
        folder,
        "crl2pkcs7 -nocrl -certfile chain.pem -outform DER -out bundle.p7b",
    );
    openssl(folder, "x509 -in leaf.pem -outform DER -out leaf.cer");
    ["leaf.pem", "leaf.key", "bundle.p7b", "leaf.cer"]
        .map(|file| fs::read(folder.join(file)).unwrap())
        .into()
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        let secret = SecretString::from("x");
        let _any = read("any", &bytes, Some(&secret), &mut Heap::default());
        let text = [b"-----BEGIN CERTIFICATE-----\n", bytes.as_slice()].concat();
        let _any = read("any", &text, Some(&secret), &mut Heap::default());
    }
}

#[test]
fn no_change_of_a_good_file_makes_it_panic() {
    use rand::rngs::StdRng;
    use rand::{Rng, SeedableRng};
    let mut chance = StdRng::seed_from_u64(5);
    for example in examples() {
        for _ in 0..400 {
            let mut bytes = example.clone();
            for _ in 0..chance.random_range(1..4) {
                let at = chance.random_range(0..bytes.len());
                bytes[at] = chance.random();
            }
            bytes.truncate(chance.random_range(bytes.len() / 2..=bytes.len()));
            let mut heap = Heap::default();
            let _any = read("any", &bytes, None, &mut heap);
            let _any = examine(&heap, &heap.certificates, &[], NOW);
        }
    }
}
