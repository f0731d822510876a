//! A city buys a certificate from a commercial authority, which openssl plays here, installs it,
//! goes back by one, and hands it to the security cloud; all by the real command.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::town::certified::{CertifiedEdge, HOST};
use crate::town::openssl::openssl;
use crate::town::place::Place;
use crate::town::process::Running;
use crate::town::{YAGURA, eventually};

const PASSPHRASE: &str = "correct horse battery";

/// A folder with a configuration, and an authority of openssl's beside it.
struct CityHall {
    folder: TempDir,
    place: Place,
}

impl CityHall {
    fn new(keys: &str) -> Self {
        let folder = tempfile::Builder::new().prefix("yg").tempdir().unwrap();
        let place = Place::claim();
        let text = format!(
            "[edge]\ndata = \"edge\"\n\
             [[edge.listen]]\naddress = \"{}\"\ntls = true\n\
             [[site]]\nname = \"city\"\nhosts = [\"www.city.example\", \"city.example\"]\n\
             origin = \"http://{}\"\n{keys}\n",
            place.https(),
            place.http(),
        );
        fs::write(folder.path().join("edge.toml"), text).unwrap();
        let hall = Self { folder, place };
        hall.openssl(
            "req -x509 -newkey rsa:2048 -nodes -keyout root.key -out root.pem -days 30 \
             -subj /CN=Root -addext basicConstraints=critical,CA:TRUE",
        );
        hall.openssl("req -new -newkey rsa:2048 -nodes -keyout int.key -out int.csr -subj /CN=Mid");
        hall.write("ca.ext", "basicConstraints=critical,CA:TRUE");
        hall.openssl(
            "x509 -req -in int.csr -CA root.pem -CAkey root.key -days 30 -extfile ca.ext -out int.pem",
        );
        hall
    }

    fn path(&self, file: &str) -> PathBuf {
        self.folder.path().join(file)
    }

    fn write(&self, file: &str, text: &str) {
        fs::write(self.path(file), text).unwrap();
    }

    fn openssl(&self, arguments: &str) -> String {
        openssl(self.folder.path(), arguments)
    }

    /// Runs `yagura certs`.
    fn certs(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(YAGURA);
        command
            .arg("certs")
            .args(arguments)
            .args(["--config", "edge.toml"])
            .current_dir(self.folder.path())
            .stdin(Stdio::null());
        command
    }

    /// The same, which must succeed; what it prints.
    fn certs_print(&self, arguments: &[&str]) -> String {
        let done = self.certs(arguments);
        let told = String::from_utf8_lossy(&done.stderr);
        assert!(done.status.success(), "{arguments:?}: {told}");
        String::from_utf8(done.stdout).unwrap()
    }

    /// The same, which must fail; what it says, and its exit code.
    fn certs_refused(&self, arguments: &[&str]) -> (String, Option<i32>) {
        let done = self.certs(arguments);
        assert!(!done.status.success(), "{arguments:?} succeeded");
        let told = String::from_utf8(done.stderr).unwrap();
        (told, done.status.code())
    }

    fn json(&self, arguments: &[&str]) -> Value {
        serde_json::from_str(&self.certs_print(arguments)).unwrap()
    }

    /// Issues for `request.csr`, with the names it asks for.
    fn issue(&self) {
        self.openssl(
            "x509 -req -in request.csr -CA int.pem -CAkey int.key -days 20 \
             -copy_extensions copy -out leaf.pem",
        );
    }

    fn buy(&self) {
        let new = [
            "csr",
            "new",
            "--name",
            "city",
            "--org",
            "サンプル市",
            "--locality",
            "Sample",
        ];
        self.certs_print(&[&new[..], &["--output", "request.csr"]].concat());
        self.issue();
    }
}

#[test]
fn a_certificate_is_bought_installed_taken_back_and_handed_over() {
    let hall = CityHall::new(
        "[[certificate]]\nname = \"city\"\nkey = \"rsa2048\"\n\
         names = [\"www.city.example\", \"city.example\"]",
    );
    assert!(hall.certs_print(&["list"]).contains("csr new --name city"));
    hall.buy();
    let request = hall.openssl("req -in request.csr -verify -noout -text -nameopt utf8");
    assert!(
        request.contains("O=サンプル市") || request.contains("O = サンプル市"),
        "{request}"
    );
    assert!(
        request.contains("DNS:www.city.example, DNS:city.example"),
        "{request}"
    );
    let fields = hall.certs_print(&["csr", "show"]);
    for part in [
        "www.city.example",
        "サンプル市",
        "RSA 2048",
        "BEGIN CERTIFICATE REQUEST",
    ] {
        assert!(fields.contains(part), "{part}: {fields}");
    }

    // The leaf alone is kept until the intermediate comes, as a bundle of Windows.
    let (told, code) = hall.certs_refused(&["install", "leaf.pem"]);
    assert_eq!(code, Some(1));
    assert!(
        told.contains("\"CN=Mid\" is missing") && told.contains("is kept"),
        "{told}"
    );
    assert!(
        hall.certs_print(&["list"])
            .contains("received, not complete")
    );
    hall.openssl("crl2pkcs7 -nocrl -certfile int.pem -certfile root.pem -outform DER -out ca.p7b");
    let installed = hall.certs_print(&["install", "ca.p7b"]);
    for part in [
        "version 1",
        "within a second",
        "the root \"CN=Root\" was left out",
    ] {
        assert!(installed.contains(part), "{part}: {installed}");
    }
    let chain = "edge/certs/city/0001/chain.pem";
    let verified = hall.openssl(&format!(
        "verify -CAfile root.pem -untrusted {chain} -verify_hostname city.example {chain}"
    ));
    assert!(verified.contains("OK"), "{verified}");

    // The list, for people, for programs and for calendars.
    let listed = hall.certs_print(&["list", "--calendar", "dates.ics"]);
    assert!(listed.contains("version 1, by hand"), "{listed}");
    let entry = &hall.json(&["list", "--json"])[0];
    assert_eq!(entry["names"][0], "city.example");
    let calendar = fs::read_to_string(hall.path("dates.ics")).unwrap();
    assert!(calendar.starts_with("BEGIN:VCALENDAR\r\n"), "{calendar}");
    assert_eq!(calendar.matches("BEGIN:VEVENT").count(), 2);

    // A second one comes from another machine, with its key, under a passphrase.
    hall.write(
        "san.ext",
        "subjectAltName=DNS:www.city.example,DNS:city.example",
    );
    hall.openssl("req -new -newkey rsa:3072 -nodes -keyout other.key -out other.csr -subj /CN=x");
    hall.openssl(
        "x509 -req -in other.csr -CA int.pem -CAkey int.key -days 25 -extfile san.ext -out other.pem",
    );
    hall.openssl(
        "pkcs12 -export -legacy -in other.pem -inkey other.key -passout pass:himitsu -out other.pfx",
    );
    let install = ["install", "--name", "city", "other.pfx"];
    let (told, _) = hall.certs_refused(&install);
    assert!(told.contains("--passphrase-file"), "{told}");
    hall.write("secret", "himitsu\n");
    let with_secret = [&install[..], &["--passphrase-file", "secret"]].concat();
    let dry = hall.certs_print(&[&with_secret[..], &["--dry-run"]].concat());
    assert!(dry.contains("Nothing was changed"), "{dry}");
    assert!(hall.certs_print(&with_secret).contains("version 2"));
    let back = hall.certs_print(&["rollback", "city"]);
    assert!(
        back.contains("version 1 again, in place of version 2"),
        "{back}"
    );
    let (told, code) = hall.certs_refused(&["rollback", "city"]);
    assert!(told.contains("no version") && code == Some(1), "{told}");

    hand_over(&hall);
    let shown = hall.json(&["show", "city", "--json"]);
    assert_eq!(
        (&shown["current"], &shown["rollbacks"][0]["from"]),
        (&1.into(), &2.into())
    );
    assert_eq!(shown["versions"].as_array().unwrap().len(), 2);
    assert_eq!(shown["request"]["state"], "installed");
    let taken = &shown["exports"][0];
    assert_eq!(
        (&taken["for"], &taken["key"]),
        (&"県クラウド".into(), &"pkcs12".into())
    );
    let shown = hall.certs_print(&["show", "city"]);
    assert!(
        shown.contains("in use") && shown.contains("taken by"),
        "{shown}"
    );
    no_key_is_told(&hall, &shown);
}

/// The package for the cloud, with a key that openssl opens with the passphrase alone.
fn hand_over(hall: &CityHall) {
    let export = ["export", "city", "--for", "県クラウド", "--to", "out"];
    let with_key = [&export[..], &["--key", "pkcs12", "--passphrase-file", "-"]].concat();
    let mut running = hall
        .command(&with_key)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = running.stdin.take().unwrap();
    writeln!(stdin, "{PASSPHRASE}").unwrap();
    drop(stdin);
    let done = running.wait_with_output().unwrap();
    assert!(done.status.success());
    let told = String::from_utf8(done.stdout).unwrap();
    assert!(
        told.contains("kept nowhere") && !told.contains(PASSPHRASE),
        "{told}"
    );
    hall.write("secret", PASSPHRASE);
    let open = "pkcs12 -in out/city.pfx -passin file:secret -nodes -nocerts -out open.pem";
    hall.openssl(open);
    assert_eq!(
        hall.openssl("pkey -in open.pem -pubout"),
        hall.openssl("pkey -in edge/certs/city/0001/key.pem -pubout")
    );
    let sheet = fs::read_to_string(hall.path("out/application-sheet.md")).unwrap();
    assert!(
        sheet.contains("県クラウド 御中") && sheet.contains("サンプル市"),
        "{sheet}"
    );
    for file in [
        "application-sheet.html",
        "application-sheet.docx",
        "city-chain.pem",
    ] {
        assert!(hall.path("out").join(file).exists(), "{file}");
    }
    let template = hall.certs_print(&["export", "--print-template"]);
    hall.write("own.md", &template.replace("# SSL", "# 当市の"));
    hall.certs_print(&[&export[..], &["--template", "own.md"]].concat());
    let sheet = fs::read_to_string(hall.path("out/application-sheet.md")).unwrap();
    assert!(
        sheet.starts_with("# 当市の") && sheet.contains("添付していません"),
        "{sheet}"
    );
}

/// The passphrase stands nowhere in the edge's folder, and the key in no output.
fn no_key_is_told(hall: &CityHall, shown: &str) {
    let key = fs::read_to_string(hall.path("edge/certs/city/0001/key.pem")).unwrap();
    let line = key.lines().nth(1).unwrap();
    assert!(!shown.contains(line));
    let mut open = vec![hall.path("edge")];
    while let Some(path) = open.pop() {
        if path.is_dir() {
            open.extend(
                fs::read_dir(path)
                    .unwrap()
                    .map(|entry| entry.unwrap().path()),
            );
        } else {
            let bytes = fs::read(&path).unwrap();
            let text = String::from_utf8_lossy(&bytes);
            assert!(!text.contains(PASSPHRASE), "{}", path.display());
        }
    }
}

#[test]
fn what_cannot_be_done_is_told_with_what_to_do() {
    let hall = CityHall::new("");
    let (told, code) = hall.certs_refused(&["csr", "show"]);
    assert!(
        told.contains("no request is under way") && code == Some(2),
        "{told}"
    );
    let (told, code) = hall.certs_refused(&["csr", "new", "--name", "local"]);
    assert!(
        told.contains("take another name") && code == Some(2),
        "{told}"
    );
    let (told, _) = hall.certs_refused(&["csr", "new", "--name", "a/b"]);
    assert!(told.contains("no name for a certificate"), "{told}");
    let (told, _) = hall.certs_refused(&["csr", "new", "--name", "x", "--host", "市.jp"]);
    assert!(told.contains("xn--"), "{told}");
    hall.buy();
    let (told, code) = hall.certs_refused(&["csr", "new", "--name", "city"]);
    assert!(
        told.contains("under way already") && code == Some(1),
        "{told}"
    );
    let (told, _) = hall.certs_refused(&["install", "request.csr"]);
    assert!(told.contains("request and not the certificate"), "{told}");
    let (told, _) = hall.certs_refused(&["install", "int.pem", "root.pem"]);
    assert!(
        told.contains("no certificate belongs to the private key"),
        "{told}"
    );
    let withdrawn = hall.certs_print(&["csr", "withdraw", "city"]);
    assert!(withdrawn.contains("its key is gone"), "{withdrawn}");
    let (told, _) = hall.certs_refused(&["install", "--name", "city", "leaf.pem", "int.pem"]);
    assert!(told.contains("withdrawn"), "{told}");
    let (told, _) = hall.certs_refused(&["export", "city", "--for", "x", "--to", "out"]);
    assert!(told.contains("there is no certificate \"city\""), "{told}");
    let (told, _) = hall.certs_refused(&["show", "nobody"]);
    assert!(told.contains("certs list"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_lives_elsewhere_is_looked_at_from_outside() {
    let hall = CityHall::new("");
    let watch = |name: &str, host: &str, trust: &str| {
        format!(
            "[[watched_certificate]]\nname = \"{name}\"\nserver_name = \"{host}\"\n\
             address = \"{}\"\n{trust}\n",
            hall.place.https()
        )
    };
    let trust = "trust = \"edge/certs/local-ca.pem\"";
    let text = fs::read_to_string(hall.path("edge.toml")).unwrap()
        + &watch("cloud", "www.city.example", trust)
        + &watch("stranger", "www.city.example", "")
        + &watch("mail", "mail.city.example", trust);
    hall.write("edge.toml", &text);
    let list = || {
        let told = hall.json(&["list", "--json"]);
        let entries = told.as_array().unwrap().clone();
        move |name: &str| {
            let mut all = entries.iter();
            all.find(|entry| entry["name"] == name).unwrap().clone()
        }
    };
    let silent = list()("cloud");
    assert!(silent["troubles"][0].is_string(), "{silent}");

    let config = hall.path("edge.toml").display().to_string();
    let _edge = Running::start(&["edge", "--config", &config], Path::new(&hall.path("log")));
    eventually("the edge speaks TLS", || async {
        list()("cloud")["not_after"].is_string().then_some(())
    })
    .await;
    let entry = list();
    let cloud = entry("cloud");
    assert_eq!(cloud["troubles"].as_array().unwrap().len(), 0, "{cloud}");
    assert_eq!(cloud["place"], "watched");
    let stranger = entry("stranger")["troubles"][0].to_string();
    assert!(stranger.contains("UnknownIssuer"), "{stranger}");
    let mail = entry("mail")["troubles"][0].to_string();
    assert!(mail.contains("not valid for name"), "{mail}");
    let local = entry("local");
    assert_eq!(local["names"][0], "city.example");
    let told = hall.certs_print(&["list", "--no-watch"]);
    assert!(told.contains("local") && !told.contains("mail"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_edge_shows_what_was_installed_and_what_was_taken_back() {
    let hall = CityHall::new(
        "[[certificate]]\nname = \"city\"\nnames = [\"www.city.example\", \"city.example\"]",
    );
    let text = fs::read_to_string(hall.path("edge.toml")).unwrap()
        + &format!(
            "[[watched_certificate]]\nname = \"cloud\"\nserver_name = \"www.city.example\"\n\
             address = \"{}\"\ntrust = \"root.pem\"\n",
            hall.place.https()
        );
    hall.write("edge.toml", &text);
    let config = hall.path("edge.toml").display().to_string();
    let log = hall.path("log");
    let _edge = Running::start(&["edge", "--config", &config], &log);
    let sha256_of = |file: &str| {
        let told = hall.openssl(&format!("x509 -in {file} -noout -fingerprint -sha256"));
        let (_, digits) = told.trim().split_once('=').unwrap();
        digits.replace(':', "").to_lowercase()
    };
    let shows = async |sha256: &str| {
        eventually("the edge shows the certificate", || async {
            let told = hall.json(&["list", "--json"]);
            let mut all = told.as_array().unwrap().iter();
            let cloud = all.find(|entry| entry["name"] == "cloud").unwrap();
            let is_good = cloud["troubles"].as_array().unwrap().is_empty();
            (cloud["sha256"] == sha256 && is_good).then_some(())
        })
        .await;
    };
    hall.buy();
    hall.certs_print(&["install", "leaf.pem", "int.pem"]);
    let first = sha256_of("leaf.pem");
    shows(&first).await;
    hall.buy();
    hall.certs_print(&["install", "leaf.pem"]);
    let second = sha256_of("leaf.pem");
    assert_ne!(first, second);
    shows(&second).await;
    hall.certs_print(&["rollback", "city"]);
    shows(&first).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_edge_watches_a_certificate_elsewhere_and_says_what_is_wrong_with_it() {
    let cloud = CertifiedEdge::start(Place::claim(), "").await;
    let watch = |name: &str, trust: &str| {
        format!(
            "[[watched_certificate]]\nname = \"{name}\"\nserver_name = \"{HOST}\"\n\
             address = \"{}\"\n{trust}\n",
            cloud.place.https()
        )
    };
    let trust = format!("trust = {:?}", cloud.local_authority());
    let lines = watch("cloud", &trust) + &watch("stranger", "");
    let edge = CertifiedEdge::start(Place::claim(), &lines).await;
    eventually("what is wrong is told", || async {
        let warnings = edge.warnings();
        warnings.contains("stranger, elsewhere").then_some(())
    })
    .await;
    let warnings = edge.warnings();
    assert!(warnings.contains("UnknownIssuer"), "{warnings}");
    assert!(!warnings.contains("certificate cloud"), "{warnings}");
    let figures = edge.figures().await;
    for line in [
        "yagura_watched_certificate_trouble{certificate=\"cloud\"} 0",
        "yagura_watched_certificate_trouble{certificate=\"stranger\"} 1",
        "yagura_watched_certificate_end_seconds{certificate=\"cloud\"} ",
    ] {
        assert!(figures.contains(line), "{line} is not in {figures}");
    }
}
