//! Addresses of the site before this one, and codes printed on paper, with where they lead now.

use std::collections::BTreeSet;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use time::Date;
use yagura_control::redirect::Redirect;

use super::dates;

/// Letters of printed codes: none that look alike.
const LETTERS: &str = "abcdefghjkmnpqrstuvwxyz23456789";

/// How many of each issue of the town's paper are printed.
const COPIES: u32 = 48_000;
/// Who makes it.
const DEPARTMENT: &str = "広報広聴課";

/// `count` redirects to these live paths, no two from the same address.
pub(super) fn redirects(
    paths: &[&str],
    host: Option<&str>,
    seed: u64,
    today: Date,
    count: usize,
) -> Vec<Redirect> {
    let mut random = ChaCha8Rng::seed_from_u64(seed ^ 0x5245_4449);
    let mut taken = BTreeSet::new();
    let mut made = Vec::with_capacity(count);
    for (number, to) in (0..count).zip(paths.iter().cycle()) {
        let (mut path, origin) = old_address(number, today, &mut random);
        while !taken.insert(path.clone()) {
            (path, _) = old_address(number, today, &mut random);
        }
        // A printed code may be given a new page one day, so browsers are not to remember it.
        let is_printed = path.starts_with("/q/");
        let (printed, note) = if is_printed {
            (origin, String::new())
        } else {
            (String::new(), origin)
        };
        made.push(Redirect {
            host: host.map(str::to_owned),
            status: if is_printed { 302 } else { 301 },
            copies: is_printed.then_some(COPIES),
            department: if is_printed { DEPARTMENT } else { "" }.to_owned(),
            printed,
            note,
            ..Redirect::new(path, *to)
        });
    }
    made
}

fn old_address(number: usize, today: Date, random: &mut ChaCha8Rng) -> (String, String) {
    // Ten kinds of turns: three for the departments' folders, two each for codes and queries.
    match number % 10 {
        0..=2 => {
            let path = format!(
                "/soshiki/{}/{}.html",
                random.random_range(1..=36),
                number / 2 + 1
            );
            (path, "平成24年からの旧サイト".to_owned())
        }
        3 | 4 => {
            let letters: Vec<char> = LETTERS.chars().collect();
            let letter = |_| {
                letters
                    .get(random.random_range(0..letters.len()))
                    .copied()
                    .unwrap_or('a')
            };
            let code: String = (0..4).map(letter).collect();
            let issue = dates::months_before(today, i64::try_from(number % 60).unwrap_or(0));
            let month = u8::from(issue.month());
            (
                format!("/q/{code}"),
                format!(
                    "広報サンプル {}{month}月号のQRコード",
                    dates::era(issue.year())
                ),
            )
        }
        5 | 6 => {
            let oid = random.random_range(1_000..20_000);
            let template = if random.random_bool(0.7) {
                "AC020000"
            } else {
                "AC010000"
            };
            let path = format!(
                "/cgi-bin/odb-get.exe?wit_template={template}&WIT_oid=icityv2::Content::{oid}"
            );
            (path, "平成15年からの旧CMS".to_owned())
        }
        7 => (
            format!("/index.cfm?id={}", random.random_range(100..9_999)),
            "平成19年からの旧CMS".to_owned(),
        ),
        8 => {
            let (page, folder) = (
                random.random_range(100..30_000),
                random.random_range(1..120),
            );
            (
                format!(
                    "/index.cfm/{},{page},{folder},html",
                    random.random_range(6..40)
                ),
                "平成19年からの旧CMS".to_owned(),
            )
        }
        _ => {
            let made: u64 = random.random_range(1_200_000_000_000..1_560_000_000_000);
            (
                format!("/www/contents/{made}/index.html"),
                "平成20年からの旧サイト".to_owned(),
            )
        }
    }
}
