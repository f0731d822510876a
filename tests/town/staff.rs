//! A member of staff: signs in, edits, publishes and withdraws, over the same requests that the
//! editor sends.

use bytes::Bytes;
use http::{Method, Request, header};
use http_body_util::Full;
use serde_json::{Value, json};

use super::Town;
use super::reader::{Answer, Reader};

/// Somebody signed in.
pub struct Staff {
    reader: Reader,
    cookie: String,
}

/// A page as the editor was handed it.
pub struct Opened {
    pub id: i64,
    pub title: String,
    csrf: String,
    summary: String,
    data: Value,
    fields: Value,
}

impl Staff {
    /// Signs in with an account of the demo.
    pub async fn sign_in(town: &Town, login: &str) -> Self {
        let mut reader = town.reader_of("staff.localhost");
        let password = town.password(login);
        let form = format!("login={login}&password={password}&next=");
        let request = Request::builder()
            .method(Method::POST)
            .uri("/sign-in")
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Full::from(form))
            .unwrap();
        let answer = reader.send(request).await.unwrap();
        assert_eq!(answer.status, 303, "{}", answer.text());
        let cookie = answer
            .field("set-cookie")
            .split(';')
            .next()
            .unwrap()
            .to_owned();
        assert!(cookie.starts_with("__Host-yagura="), "{cookie}");
        Self { reader, cookie }
    }

    /// Somebody who has a session already.
    pub fn holding(reader: Reader, cookie: String) -> Self {
        Self { reader, cookie }
    }

    /// Opens the page at a public path in the editor.
    pub async fn open(&mut self, path: &str) -> Opened {
        let found = self.get(&format!("/page-search?q={path}")).await;
        let found: Value = serde_json::from_slice(&found.body).unwrap();
        let page = found["items"]
            .as_array()
            .unwrap()
            .iter()
            .find(|item| item["path"] == path);
        let id = page.unwrap_or_else(|| panic!("no page at {path}: {found}"))["id"]
            .as_i64()
            .unwrap();
        let shown = self.get(&format!("/pages/{id}/")).await;
        assert_eq!(shown.status, 200);
        let text = shown.text();
        let data: Value =
            serde_json::from_str(between(text, "id=\"page-data\">", "</script>")).unwrap();
        let title = unescaped(between(
            between(text, "id=\"title\"", ">"),
            "value=\"",
            "\"",
        ));
        let summary = between(text, "<textarea id=\"summary\"", "</textarea>");
        let summary = unescaped(summary.split_once('>').unwrap().1);
        let mut fields = json!({ "kind": data["kind"] });
        for piece in text.split("data-field=\"").skip(1) {
            let (name, rest) = piece.split_once('"').unwrap();
            let value = match rest
                .split_once("value=\"")
                .filter(|(before, _)| !before.contains('>'))
            {
                Some((_, value)) => value.split('"').next().unwrap(),
                None => rest
                    .split_once('>')
                    .unwrap()
                    .1
                    .split("</textarea>")
                    .next()
                    .unwrap(),
            };
            fields[name] = Value::from(unescaped(value));
        }
        let csrf = data["csrf"].as_str().unwrap().to_owned();
        Opened {
            id,
            title,
            csrf,
            summary,
            data,
            fields,
        }
    }

    /// Puts a paragraph in front of the text, saves and publishes; what a click on 公開 does.
    pub async fn publish_with(&mut self, page: &mut Opened, words: &str) {
        let paragraph =
            json!({ "type": "paragraph", "content": [{ "type": "text", "text": words }] });
        let document = &mut page.data["document"];
        document["content"].as_array_mut().unwrap()[0] = paragraph;
        let draft = json!({
            "title": page.title, "summary": page.summary, "document": document, "fields": page.fields
        });
        let save = json!({ "based_on": page.data["number"], "urgent": false, "draft": draft });
        let saved = self
            .post(&format!("/pages/{}/draft", page.id), &page.csrf, &save)
            .await;
        assert_eq!(saved.status, 200, "{}", saved.text());
        let saved: Value = serde_json::from_slice(&saved.body).unwrap();
        let published = self
            .post(&format!("/pages/{}/publish", page.id), &page.csrf, &saved)
            .await;
        assert_eq!(published.status, 200, "{}", published.text());
        page.data["number"] = saved["number"].clone();
    }

    /// How far the page's last change is, as the editor shows it.
    pub async fn delivery(&mut self, page: &Opened) -> Value {
        let answer = self.get(&format!("/pages/{}/delivery", page.id)).await;
        serde_json::from_slice(&answer.body).unwrap()
    }

    /// Waits until what the editor shows of the delivery is enough, and gives it.
    pub async fn until(&mut self, page: &Opened, enough: impl Fn(&Value) -> bool) -> Value {
        let began = std::time::Instant::now();
        loop {
            let told = self.delivery(page).await;
            if enough(&told) {
                return told;
            }
            assert!(began.elapsed() < super::PATIENCE, "in vain: {told}");
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    }

    /// Waits until the editor says that every edge has the page's last change.
    pub async fn until_live(&mut self, page: &Opened) {
        self.until(page, |told| told["state"] == "live").await;
    }

    /// Withdraws the page, as the form of the confirmation does.
    pub async fn withdraw(&mut self, page: &Opened) {
        let request = self
            .request(Method::POST, &format!("/pages/{}/withdraw", page.id))
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Full::from(format!("csrf={}", page.csrf)))
            .unwrap();
        let answer = self.reader.send(request).await.unwrap();
        assert_eq!(answer.status, 303, "{}", answer.text());
    }

    /// GET on the staff's host.
    pub async fn get(&mut self, path: &str) -> Answer {
        let request = self
            .request(Method::GET, path)
            .body(Full::default())
            .unwrap();
        self.reader.send(request).await.unwrap()
    }

    /// A JSON request with a session's word.
    pub async fn post(&mut self, path: &str, csrf: &str, body: &Value) -> Answer {
        let request = self
            .request(Method::POST, path)
            .header(header::CONTENT_TYPE, "application/json")
            .header("x-csrf-token", csrf)
            .body(Full::<Bytes>::from(body.to_string()))
            .unwrap();
        self.reader.send(request).await.unwrap()
    }

    fn request(&self, method: Method, path: &str) -> http::request::Builder {
        Request::builder()
            .method(method)
            .uri(path)
            .header(header::COOKIE, &self.cookie)
    }
}

fn between<'t>(text: &'t str, start: &str, end: &str) -> &'t str {
    let (_, rest) = text
        .split_once(start)
        .unwrap_or_else(|| panic!("no {start} in {text}"));
    rest.split_once(end).unwrap().0
}

/// The characters that templates write as references.
fn unescaped(text: &str) -> String {
    let references = [
        ("&#60;", "<"),
        ("&#62;", ">"),
        ("&#34;", "\""),
        ("&#39;", "'"),
        ("&#38;", "&"),
    ];
    references
        .iter()
        .fold(text.to_owned(), |text, (reference, letter)| {
            text.replace(reference, letter)
        })
}
