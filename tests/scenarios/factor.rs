//! Working from outside the city hall, through the edge that an operator has admit it: a password is
//! not enough, a telephone is set up beforehand, and a lost one is forgotten. And a password is changed
//! by whose it is, or reset by a command.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;

use bytes::Bytes;
use http::{Method, Request, header};
use http_body_util::Full;
use serde_json::Value;
use yagura_control::{Clock, SystemClock};

use crate::town::reader::{Answer, Reader};
use crate::town::staff::Staff;
use crate::town::telephone::Telephone;
use crate::town::{Town, eventually};

/// Somebody's address in the city hall; whoever connects from elsewhere is outside.
const HALL: [u8; 4] = [127, 77, 5, 7];
const SETTINGS: &str = "/account/second-factor";

/// Somebody with a browser: keeps the session's cookie and fills in forms.
struct Browser {
    reader: Reader,
    cookie: String,
}

impl Browser {
    fn at_the_city_hall(town: &Town) -> Self {
        Self::of(town.reader_of("staff.localhost").coming_from(HALL))
    }

    fn at_home(town: &Town) -> Self {
        Self::of(town.reader_of("staff.localhost"))
    }

    fn of(reader: Reader) -> Self {
        Self {
            reader,
            cookie: String::new(),
        }
    }

    async fn get(&mut self, path: &str) -> Answer {
        self.ask(Method::GET, path, String::new()).await
    }

    /// Sends a form; the session's word is added when there is one on the page at `from`.
    async fn send(&mut self, path: &str, from: &str, fields: &[(&str, &str)]) -> Answer {
        let page = self.get(from).await;
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        form.extend_pairs(fields);
        if let Some((_, rest)) = page.text().split_once("name=\"csrf\" value=\"") {
            form.append_pair("csrf", rest.split('"').next().unwrap());
        }
        self.ask(Method::POST, path, form.finish()).await
    }

    async fn sign_in(&mut self, town: &Town, code: &str) -> Answer {
        let password = town.password("hanako");
        let fields = [("login", "hanako"), ("password", &password), ("code", code)];
        self.send("/sign-in", "/sign-in", &fields).await
    }

    async fn ask(&mut self, method: Method, path: &str, form: String) -> Answer {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(header::ACCEPT, "text/html")
            .header(header::COOKIE, &self.cookie)
            .body(Full::from(Bytes::from(form)))
            .unwrap();
        let answer = self.reader.send(request).await.unwrap();
        if let Some((cookie, _)) = answer.field("set-cookie").split_once(';') {
            cookie.clone_into(&mut self.cookie);
        }
        answer
    }

    /// Sets a telephone up, from a page on which nobody has one yet.
    async fn set_up(&mut self, town: &Town) -> (Telephone, Vec<String>) {
        let password = town.password("hanako");
        let fields = [("password", password.as_str())];
        let begun = self.send(SETTINGS, SETTINGS, &fields).await;
        assert_eq!(begun.status, 303, "{}", begun.text());
        let new = begun.field("location").to_owned();
        let page = self.get(&new).await;
        assert_eq!(page.field("cache-control"), "no-store");
        let key = between(page.text(), "id=\"secret\">", "</code>");
        let telephone = Telephone::set_up(key);
        let fields = [("code", telephone.code_at(now()))];
        let fields = fields.each_ref().map(|(name, code)| (*name, code.as_str()));
        let done = self.send(&new, &new, &fields).await;
        assert_eq!(done.status, 200, "{}", done.text());
        let codes = done.text().split("<li><code>").skip(1);
        let codes: Vec<String> = codes
            .map(|rest| rest.split('<').next().unwrap().to_owned())
            .collect();
        assert_eq!(codes.len(), 10);
        (telephone, codes)
    }
}

fn now() -> u64 {
    SystemClock.now().seconds()
}

fn between<'t>(text: &'t str, start: &str, end: &str) -> &'t str {
    let (_, rest) = text
        .split_once(start)
        .unwrap_or_else(|| panic!("no {start} in {text}"));
    rest.split_once(end).unwrap().0
}

/// A town whose staff's pages are reached from the city hall alone.
async fn open() -> Town {
    let mut town = Town::new();
    let text = std::fs::read_to_string(town.config()).unwrap();
    let everywhere = "city_hall = [\"127.0.0.0/8\", \"::1\"]";
    assert!(text.contains(everywhere), "{text}");
    let text = text.replace(everywhere, "city_hall = [\"127.77.0.0/16\"]");
    std::fs::write(town.config(), text).unwrap();
    town.start("cms");
    town.start("edge");
    town.edge_is_ready().await;
    eventually("the staff's pages are there", || {
        let mut desk = Browser::at_the_city_hall(&town);
        async move { (desk.get("/sign-in").await.status == 200).then_some(()) }
    })
    .await;
    town
}

/// An operator admits the outside.
fn admit(town: &Town) {
    let order = [
        "staff", "open", "staff", "--until", "+1h", "--reason", "flood",
    ];
    let given = town.yagura(&order);
    assert!(given.status.success(), "{given:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn from_outside_the_telephone_is_asked_for() {
    let town = open().await;
    let (mut desk, mut home) = (Browser::at_the_city_hall(&town), Browser::at_home(&town));
    assert_eq!(
        home.get("/sign-in").await.status,
        403,
        "nobody is let in yet"
    );
    admit(&town);
    assert!(!desk.get("/sign-in").await.text().contains("確認コード"));
    assert!(home.get("/sign-in").await.text().contains("確認コード"));

    // Without a telephone set up there is no way in, and she is told what to do.
    let refused = home.sign_in(&town, "").await;
    assert_eq!(refused.status, 403);
    assert!(
        refused.text().contains("庁舎内の端末から"),
        "{}",
        refused.text()
    );
    assert_eq!(refused.field("set-cookie"), "");

    // What she is signed in with at the city hall is worth nothing at home.
    assert_eq!(desk.sign_in(&town, "").await.status, 303);
    assert_eq!(desk.get("/pages/").await.status, 200);
    home.cookie.clone_from(&desk.cookie);
    let led = home.get("/pages/").await;
    assert_eq!(
        (led.status.as_u16(), led.field("location")),
        (303, "/sign-in?next=%2Fpages%2F")
    );
    let fields = [("password", town.password("hanako"))];
    let fields = fields
        .each_ref()
        .map(|(name, value)| (*name, value.as_str()));
    let refused = home.send(SETTINGS, "/sign-in", &fields).await;
    assert_eq!(refused.status, 401, "nor is a telephone set up from there");
    home.cookie.clear();

    let (telephone, codes) = desk.set_up(&town).await;
    let wrong = home.sign_in(&town, "000000").await;
    assert_eq!(wrong.status, 422);
    assert!(wrong.text().contains("いずれかが違います"));
    assert_eq!(home.sign_in(&town, "").await.status, 422);

    // The code after the one that confirmed it, as people type it in Japan.
    let code = telephone.code_at(now() + 30);
    let wide: String = code
        .chars()
        .map(|digit| char::from_u32(u32::from(digit) + 0xfee0).unwrap())
        .collect();
    let entered = home.sign_in(&town, &wide).await;
    assert_eq!(entered.status, 303, "{}", entered.text());
    assert_eq!(home.get("/pages/").await.status, 200);
    let mut thief = Browser::at_home(&town);
    assert_eq!(thief.sign_in(&town, &code).await.status, 422, "it was used");
    assert_eq!(thief.sign_in(&town, &codes[0]).await.status, 303);
    assert_eq!(thief.sign_in(&town, &codes[0]).await.status, 422);
    let settings = desk.get(SETTINGS).await;
    assert!(
        settings.text().contains("<strong>9個"),
        "{}",
        settings.text()
    );

    // The work that she came for.
    let site = crate::town::site::Site::read(&mut town.reader()).await;
    let path = site.page(0).to_owned();
    let another = home.reader.another();
    let mut staff = Staff::holding(home.reader, home.cookie.clone());
    let mut page = staff.open(&path).await;
    staff
        .publish_with(&mut page, "避難所から書いた文です。")
        .await;
    town.until_read(&path, "避難所から書いた文です。").await;

    // The water is gone, and the edge lets nobody in from outside, signed in or not.
    let closed = town.yagura(&["staff", "close", "staff"]);
    assert!(closed.status.success(), "{closed:?}");
    let cookie = home.cookie;
    let mut home = Browser {
        reader: another,
        cookie,
    };
    assert_eq!(home.get("/pages/").await.status, 403);
    assert_eq!(desk.get("/pages/").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_telephone_is_taken_away_by_a_command() {
    let town = open().await;
    admit(&town);
    let (mut desk, mut home) = (Browser::at_the_city_hall(&town), Browser::at_home(&town));
    desk.sign_in(&town, "").await;
    let (telephone, codes) = desk.set_up(&town).await;
    assert_eq!(home.sign_in(&town, &codes[0]).await.status, 303);

    let listed = town.yagura(&["cms", "second-factor", "list"]);
    let told = String::from_utf8(listed.stdout).unwrap();
    assert!(
        told.starts_with("1 of 2 accounts can sign in from outside"),
        "{told}"
    );
    let listed = town.yagura(&["cms", "second-factor", "list", "--json"]);
    let accounts: Vec<Value> = serde_json::from_slice(&listed.stdout).unwrap();
    let left: BTreeMap<_, _> = accounts
        .iter()
        .map(|one| (one["login"].as_str().unwrap(), &one["recovery_codes_left"]))
        .collect();
    assert_eq!(
        left,
        BTreeMap::from([("hanako", &Value::from(9)), ("kanri", &Value::from(0))])
    );

    let unknown = town.yagura(&["cms", "second-factor", "reset", "hanaco"]);
    assert_eq!(unknown.status.code(), Some(1));
    let told = String::from_utf8(unknown.stderr).unwrap();
    assert!(told.contains("no account \"hanaco\""), "{told}");

    let reset = [
        "cms",
        "second-factor",
        "reset",
        "hanako",
        "--reason",
        "lost on the train",
    ];
    let done = town.yagura(&reset);
    let told = String::from_utf8(done.stdout).unwrap();
    assert!(told.contains("taken away; 2 sessions ended"), "{told}");
    let again = String::from_utf8(town.yagura(&reset).stdout).unwrap();
    assert!(again.contains("nothing was changed"), "{again}");

    // Whoever has the telephone now, or a session that it opened, is outside.
    assert_eq!(home.get("/pages/").await.status, 303);
    home.cookie.clear();
    assert_eq!(
        home.sign_in(&town, &telephone.code_at(now())).await.status,
        403
    );
    assert_eq!(home.sign_in(&town, &codes[1]).await.status, 403);
    assert_eq!(desk.get("/pages/").await.status, 303);
    desk.cookie.clear();
    assert_eq!(desk.sign_in(&town, "").await.status, 303);
    let (_, codes) = desk.set_up(&town).await;
    assert_eq!(home.sign_in(&town, &codes[0]).await.status, 303);

    // What codes are made from is in the database alone, which is for the CMS's user alone.
    let mode = |name: &str| {
        let file = town.data().join(name);
        std::fs::metadata(file).unwrap().permissions().mode() & 0o777
    };
    assert_eq!((mode("cms.db"), mode("cms.db-wal")), (0o600, 0o600));
    for entry in std::fs::read_dir(town.data().join("log")).unwrap() {
        let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
        let words = ["secret=", &codes[0], &codes[1], &town.password("hanako")];
        for word in words {
            assert!(!text.contains(word), "a log holds {word}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_is_changed_by_whose_it_is_and_a_forgotten_one_by_a_command() {
    const PASSWORD: &str = "/account/password";
    let town = open().await;
    let mut desk = Browser::at_the_city_hall(&town);
    desk.sign_in(&town, "").await;
    let first = town.password("hanako");
    let second = "a long one, made of words";
    let fields = |present: &'static str| [("present", present), ("new", second), ("again", second)];
    let refused = desk.send(PASSWORD, PASSWORD, &fields("wrong")).await;
    assert_eq!(refused.status, 422);
    assert!(refused.text().contains("今のパスワードが違います"));
    let right = [
        ("present", first.as_str()),
        ("new", second),
        ("again", second),
    ];
    let done = desk.send(PASSWORD, PASSWORD, &right).await;
    assert_eq!(done.status, 200, "{}", done.text());
    assert_eq!(done.field("cache-control"), "no-store");
    assert!(done.text().contains("パスワードを変更しました"));
    // Without the word of its session nobody changes anything.
    let forged = desk.ask(
        Method::POST,
        PASSWORD,
        "csrf=x&present=a&new=b&again=b".to_owned(),
    );
    assert_eq!(forged.await.status, 403);
    assert_eq!(desk.get("/pages/").await.status, 200, "this session stays");
    let mut another = Browser::at_the_city_hall(&town);
    assert_ne!(
        another.sign_in(&town, "").await.status,
        303,
        "the former one"
    );

    // She has forgotten it. One is made, and shown once.
    let reset = [
        "cms",
        "password",
        "hanako",
        "--reason",
        "asked at the counter",
    ];
    let told = String::from_utf8(town.yagura(&reset).stdout).unwrap();
    assert!(
        told.starts_with("hanako has another password; 1 sessions ended"),
        "{told}"
    );
    let made = told.lines().nth(2).unwrap().trim().to_owned();
    assert_eq!(
        desk.get("/pages/").await.status,
        303,
        "its sessions are over"
    );
    let enter = |password: &str| {
        vec![
            ("login", "hanako".to_owned()),
            ("password", password.to_owned()),
        ]
    };
    for (password, status) in [(second, false), (made.as_str(), true)] {
        let typed = enter(password);
        let typed: Vec<(&str, &str)> = typed
            .iter()
            .map(|(name, text)| (*name, text.as_str()))
            .collect();
        let mut browser = Browser::at_the_city_hall(&town);
        let entered = browser.send("/sign-in", "/sign-in", &typed).await;
        assert_eq!(entered.status == 303, status, "{}", entered.text());
    }
    let unknown = town.yagura(&["cms", "password", "hanaco"]);
    let told = String::from_utf8(unknown.stderr).unwrap();
    assert!(told.contains("no account \"hanaco\""), "{told}");
    let short = town.yagura(&["cms", "password", "hanako", "--stdin"]);
    let told = String::from_utf8(short.stderr).unwrap();
    assert!(told.contains("this password cannot be used"), "{told}");
    for entry in std::fs::read_dir(town.data().join("log")).unwrap() {
        let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
        assert!(![second, &made].iter().any(|word| text.contains(word)));
    }
}
