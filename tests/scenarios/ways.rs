//! Both ways to a site that is behind a security cloud are watched all the time, so that what a switch
//! would mean is known before it is needed, and what is missing can be got on an ordinary day.
//!
//! The cloud passes connections on from an address of its own, or fails as clouds do; the DNS is BIND.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::JoinHandle;

use crate::town::bind::Bind;
use crate::town::eventually;
use crate::town::lone_edge::{CITY, LoneEdge};
use crate::town::persons::Person;
use crate::town::place::Place;

/// Where the cloud listens, on an address of its own from which it connects, too.
const CLOUD_PORT: u16 = 8090;

/// A cloud in front of the edge.
struct Cloud {
    works: Arc<AtomicBool>,
    task: JoinHandle<()>,
}

impl Cloud {
    async fn start(at: SocketAddr, edge: SocketAddr) -> Self {
        let listener = TcpListener::bind(at).await.unwrap();
        let works = Arc::new(AtomicBool::new(true));
        let working = works.clone();
        let task = tokio::spawn(async move {
            loop {
                let (reader, _) = listener.accept().await.unwrap();
                let works = working.load(Ordering::SeqCst);
                tokio::spawn(async move {
                    let _gone = match works {
                        true => passed_on(reader, at, edge).await,
                        false => failed(reader).await,
                    };
                });
            }
        });
        Self { works, task }
    }

    fn fail(&self) {
        self.works.store(false, Ordering::SeqCst);
    }

    fn recover(&self) {
        self.works.store(true, Ordering::SeqCst);
    }
}

impl Drop for Cloud {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn passed_on(
    mut reader: TcpStream,
    cloud: SocketAddr,
    edge: SocketAddr,
) -> std::io::Result<()> {
    let socket = TcpSocket::new_v4()?;
    socket.bind((cloud.ip(), 0).into())?;
    let mut edge = socket.connect(edge).await?;
    tokio::io::copy_bidirectional(&mut reader, &mut edge).await?;
    Ok(())
}

async fn failed(mut reader: TcpStream) -> std::io::Result<()> {
    let mut head = [0; 4096];
    let _asked = reader.read(&mut head).await?;
    let answer = b"HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    reader.write_all(answer).await
}

/// An edge whose first site is behind a cloud, with everything that it takes to leave it.
async fn behind_a_cloud() -> (LoneEdge, Cloud, Bind) {
    let mut edge = LoneEdge::start("http = \"serve\"\n").await;
    let place = place_of(&edge);
    let cloud_place = Place::claim();
    // The names lead to the cloud.
    let bind = Bind::start(&cloud_place).await;
    let direct = edge.tls_address();
    let cloud_at = SocketAddr::from((cloud_place.address, CLOUD_PORT));
    let cloud = Cloud::start(cloud_at, place.http()).await;
    edge.change(
        "[[edge.listen]]",
        &format!("[[edge.listen]]\naddress = \"{direct}\"\ntls = true\n[[edge.listen]]"),
    );
    edge.change(
        "http = \"serve\"\n",
        &format!(
            "http = \"serve\"\nbehind = [\"prefecture\"]\n\
             [site.bypass]\ndns = \"manual\"\nservers = [\"{}\"]\ndirect = [\"A {}\"]\n\
             direct_port = {}\nwithout_waf = \"a story without an attack\"\nwithout_limits = \"a story with few readers\"\n\
             [site.bypass.cloud]\nprefecture = [\"A {}\"]\n",
            bind.address(),
            direct.ip(),
            direct.port(),
            cloud_at.ip(),
        ),
    );
    let file = edge.folder().join("edge.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    let more = format!(
        "\n[ingress]\nmonitors = [\"127.0.0.1\"]\nprobe_interval = \"100ms\"\nprobe_timeout = \"5s\"\n\
         propose_after = \"1s\"\nreturn_after = \"1s\"\ntrust = \"edge/certs/local-ca.pem\"\n\
         [[cloud]]\nname = \"prefecture\"\nranges = [\"{}\"]\nprobe = \"http://{CITY}:{}/\"\n",
        cloud_at.ip(),
        cloud_at.port(),
    );
    // Somebody who could approve a switch; nobody is asked where there is none.
    let taro = Person::new("taro", &["approver"]);
    std::fs::write(&file, text + &more + &taro.record).unwrap();
    edge.tell_figures().await;
    (edge, cloud, bind)
}

fn place_of(edge: &LoneEdge) -> Place {
    Place {
        address: edge.tls_address().ip(),
        http: 8080,
        https: 8443,
    }
}

/// The site as `yagura cloud status` shows it.
fn shown(edge: &LoneEdge) -> Value {
    let told = edge.told(&["cloud", "status", "city", "--json"]);
    let edges: Value = serde_json::from_str(&told).unwrap();
    edges[0]["sites"][0].clone()
}

async fn until_ready(edge: &LoneEdge) -> Value {
    eventually("the site is ready to be switched", || async {
        let site = shown(edge);
        site["missing"]
            .as_array()
            .unwrap()
            .is_empty()
            .then_some(site)
    })
    .await
}

fn warnings(edge: &LoneEdge) -> String {
    edge.outcome(&["status"])["warnings"].to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_switch_would_mean_is_known_beforehand() {
    let (edge, _cloud, _bind) = behind_a_cloud().await;
    let site = until_ready(&edge).await;
    assert_eq!(site["stage"], "cloud");
    assert_eq!(site["behind"][0], "prefecture");
    let told = eventually("the path through the cloud is known", || async {
        let told = edge.told(&["cloud", "status"]);
        let is_known = told.contains("through prefecture") && !told.contains("not known yet");
        is_known.then_some(told)
    })
    .await;
    for words in [
        "ready:     direct path ",
        "days for 1 of 1 names, TTL 60 s, expected 95 % of readers moved in 4 min, through prefecture ",
    ] {
        assert!(told.contains(words), "{told}");
    }
    assert!(!told.contains("MISSING"), "{told}");
    let path = |path: &str| format!("yagura_path_up{{site=\"city\",path=\"{path}\"}}");
    assert_eq!(edge.figure(&path("direct")).await, Some(1));
    assert_eq!(edge.figure(&path("prefecture")).await, Some(1));
    let ttl = "yagura_names_ttl_seconds{site=\"city\"}";
    assert_eq!(edge.figure(ttl).await, Some(60));
    // Nobody is asked for anything while all is well.
    assert_eq!(warnings(&edge), "null");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cloud_that_fails_is_told_of_and_so_is_its_recovery() {
    let (edge, cloud, _bind) = behind_a_cloud().await;
    until_ready(&edge).await;
    cloud.fail();
    eventually("the edge warns of the cloud", || async {
        let warnings = warnings(&edge);
        warnings
            .contains("the path through prefecture has failed for 0 min: the cloud answers 502")
            .then_some(())
    })
    .await;
    // The direct path has not changed: the site is still ready.
    let site = shown(&edge);
    assert!(site["missing"].as_array().unwrap().is_empty(), "{site}");
    let facts = site["facts"].as_str().unwrap();
    assert!(
        facts.contains("through prefecture FAILS: the cloud answers 502"),
        "{facts}"
    );
    cloud.recover();
    let history = eventually("the recovery is in the history", || async {
        let told = edge.told(&["history", "city"]);
        told.contains("the path through prefecture has worked since")
            .then_some(told)
    })
    .await;
    assert!(
        history.contains("the path through prefecture has failed since"),
        "{history}"
    );
    // The edge may have asked for a switch meanwhile, which is another matter.
    let warnings = warnings(&edge);
    assert!(!warnings.contains("the path through"), "{warnings}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_missing_is_told_with_how_to_get_it() {
    let (edge, _cloud, bind) = behind_a_cloud().await;
    until_ready(&edge).await;
    drop(bind);
    let told = eventually("the DNS is missed", || async {
        let told = edge.told(&["cloud", "status"]);
        told.contains("MISSING").then_some(told)
    })
    .await;
    assert!(told.contains("tells nothing of the names"), "{told}");
    assert!(told.contains("port 53 is open from here"), "{told}");
    assert!(!told.contains("ready:"), "{told}");
    assert!(warnings(&edge).contains("could not be published directly"));
}

/// What a hook was told so far, an object each.
fn heard(file: &std::path::Path) -> Vec<Value> {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    let whole = text
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok());
    whole.collect()
}

/// The requests that wait.
fn waiting(edge: &LoneEdge) -> Vec<Value> {
    let told = edge.told(&["cloud", "status", "--json"]);
    let edges: Value = serde_json::from_str(&told).unwrap();
    edges[0]["requests"].as_array().unwrap().clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_edge_asks_people_once_and_every_hook_is_told() {
    let (mut edge, cloud, _bind) = behind_a_cloud().await;
    let file = edge.folder().join("heard");
    let config = edge.folder().join("edge.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    // Nobody listens at the first one; the second must not wait for it.
    let hooks = format!(
        "\n[[hook]]\nname = \"dead\"\nwebhook = \"http://{}:9/hook\"\n\
         [[hook]]\nname = \"file\"\n\
         command = [\"/bin/sh\", \"-c\", \"cat >> '{}'; echo >> '{}'\"]\n",
        edge.tls_address().ip(),
        file.display(),
        file.display(),
    );
    std::fs::write(&config, text + &hooks).unwrap();
    edge.restart().await;
    until_ready(&edge).await;
    cloud.fail();
    let told = eventually("a hook is told of the proposal", || async {
        heard(&file).into_iter().next()
    })
    .await;
    assert_eq!(told["kind"], "proposal", "{told}");
    assert_eq!(told["site"], "city");
    let request = waiting(&edge)[0].clone();
    assert_eq!(told["request"], request["id"]);
    let words = told["text_en"].as_str().unwrap();
    assert!(
        words.contains("the path through prefecture has failed for 1 s, and the direct path works"),
        "{words}"
    );
    assert!(
        told["text_ja"]
            .as_str()
            .unwrap()
            .contains("承認されるまで切り替えません")
    );
    let status = edge.told(&["cloud", "status"]);
    assert!(status.contains("WAITS"), "{status}");
    assert!(status.contains("asked by edge (any)"), "{status}");
    // It is not asked again while that waits, and nothing was switched.
    eventually("the dead hook was tried several times", || async {
        let failed = "yagura_hook_announcements_total{hook=\"dead\",result=\"failed\"}";
        let count = edge.figure(failed).await.unwrap();
        (count >= 3).then_some(())
    })
    .await;
    assert_eq!(waiting(&edge).len(), 1);
    assert_eq!(heard(&file).len(), 1);
    assert_eq!(shown(&edge)["stage"], "cloud");
    assert!(warnings(&edge).contains("hook dead has taken nothing for"));
    // After a restart people are not asked once more.
    edge.restart().await;
    eventually("the cloud is known to fail", || async {
        warnings(&edge)
            .contains("the path through prefecture has failed for")
            .then_some(())
    })
    .await;
    assert_eq!(waiting(&edge).len(), 1);
    let report = edge.told(&["history", "--report", "city", "--lang", "en"]);
    assert!(
        report.contains("edge (any) asks: Publishing directly"),
        "{report}"
    );
    assert!(
        report.contains("and still (the path through the cloud fails)"),
        "{report}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bypass_is_asked_for_with_a_reason() {
    let (edge, _cloud, _bind) = behind_a_cloud().await;
    let silent = edge.yagura(&["cloud", "bypass", "city"]);
    assert!(!silent.status.success());
    let words = String::from_utf8_lossy(&silent.stderr).into_owned();
    assert!(words.contains("say why"), "{words}");
    edge.told(&["cloud", "bypass", "city", "--reason", "the cloud is slow"]);
    let requests = waiting(&edge);
    assert_eq!(requests.len(), 1);
    assert_eq!(requests[0]["reason"], "the cloud is slow");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_site_goes_without_waf_or_limits_only_with_a_reason_that_whoever_approves_is_shown() {
    let (edge, _cloud, _bind) = behind_a_cloud().await;
    until_ready(&edge).await;
    let reasons = "without_waf = \"a story without an attack\"\n\
                   without_limits = \"a story with few readers\"\n";
    edge.change(reasons, "");
    edge.told(&["reload"]);
    let told = eventually("WAF and limits are missed", || async {
        let told = edge.told(&["cloud", "status"]);
        told.contains("no limits are configured").then_some(told)
    })
    .await;
    for words in [
        "STOPS      nothing inspects requests in the bypass: no WAF is configured",
        "add [waf] (`yagura waf install` says what it needs)",
        "add [edge.limits], empty for what is usual, and reload",
    ] {
        assert!(told.contains(words), "{words} is not in\n{told}");
    }
    assert!(!told.contains("ready:"), "{told}");
    // With a reason it would begin; and nobody approves without having read it.
    edge.change("direct_port", &format!("{reasons}direct_port"));
    edge.told(&["reload"]);
    until_ready(&edge).await;
    let without = "WITHOUT    the WAF: a story without an attack\n  \
                   WITHOUT    limits: a story with few readers\n";
    let told = edge.told(&["cloud", "status"]);
    assert!(told.contains(without), "{told}");
    let asked = edge.told(&["cloud", "bypass", "city", "--reason", "it is slow"]);
    assert!(
        asked.contains("; WITHOUT the WAF: a story without an attack; WITHOUT limits: a story"),
        "{asked}"
    );
    let id = waiting(&edge)[0]["id"].as_str().unwrap().to_owned();
    let shown = edge.told(&["request", "show", &id]);
    assert!(
        shown.contains("WITHOUT      the WAF: a story without an attack"),
        "{shown}"
    );
}
