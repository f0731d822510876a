//! A pattern of redirects in the first line, a path and a query in the others.
#![no_main]

use libfuzzer_sys::fuzz_target;
use yagura_control::redirect::Pattern;
use yagura_control::redirect::escapes::spelled_once;

fuzz_target!(|text: &str| {
    let mut lines = text.splitn(3, '\n');
    let (pattern, path, query) = (lines.next().unwrap_or(""), lines.next(), lines.next());
    let path = path.unwrap_or("/");
    let once = spelled_once(path);
    assert_eq!(spelled_once(&once), once);
    if let Ok(pattern) = Pattern::parse(pattern) {
        let _ = pattern.captures(path, query);
    }
});
