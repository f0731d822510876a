//! How text is cut for searching, the same on every database.
//!
//! Japanese has no blanks between words, and the engines' own ideas of it differ. So runs of kana
//! and kanji are cut into overlapping pairs here, other words are kept whole, and each token is
//! written in hexadecimal digits, which every engine takes for one word. A query's run must be
//! found as a phrase, so that 防災無線 does not find 無線の防災.

/// A run of the text, as tokens in order.
pub type Run = Vec<String>;

/// What a query asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query {
    /// Each must be found as a phrase.
    pub phrases: Vec<Run>,
    /// Single letters: a token that begins with one must be found.
    pub beginnings: Vec<String>,
}

/// All tokens of a text in order, blank between them, for the index.
#[must_use]
pub fn index_text(text: &str) -> String {
    let mut tokens = Vec::new();
    for run in runs(text) {
        if is_paired(&run) {
            tokens.extend(pairs(&run));
            // The last letter stands alone too, so that it can be the beginning of a token.
            tokens.extend(
                run.chars()
                    .next_back()
                    .map(|letter| encoded(&letter.to_string())),
            );
        } else {
            tokens.push(encoded(&run));
        }
    }
    tokens.join(" ")
}

/// What a reader's words ask for.
#[must_use]
pub fn query(text: &str) -> Query {
    let mut query = Query::default();
    for run in runs(text).into_iter().take(10) {
        if !is_paired(&run) {
            query.phrases.push(vec![encoded(&run)]);
        } else if run.chars().count() == 1 {
            query.beginnings.push(encoded(&run));
        } else {
            query.phrases.push(pairs(&run));
        }
    }
    query
}

/// Runs of letters of one kind, brought to one form.
fn runs(text: &str) -> Vec<String> {
    let mut runs: Vec<String> = Vec::new();
    let mut current = String::new();
    for letter in text.chars().map(folded) {
        let joins = current
            .chars()
            .next_back()
            .is_none_or(|last| is_japanese(last) == is_japanese(letter));
        if !letter.is_alphanumeric() || !joins {
            runs.push(std::mem::take(&mut current));
        }
        if letter.is_alphanumeric() {
            current.extend(letter.to_lowercase());
        }
    }
    runs.push(current);
    runs.retain(|run| !run.is_empty());
    runs
}

/// Full-width Latin letters and digits as the narrow ones that people type.
fn folded(letter: char) -> char {
    match letter {
        '！'..='～' => char::from_u32(u32::from(letter) - 0xFEE0).unwrap_or(letter),
        other => other,
    }
}

fn is_japanese(letter: char) -> bool {
    u32::from(letter) >= 0x2E80
}

fn is_paired(run: &str) -> bool {
    run.chars().next().is_some_and(is_japanese)
}

fn pairs(run: &str) -> Run {
    let letters: Vec<char> = run.chars().collect();
    letters
        .windows(2)
        .map(|pair| encoded(&pair.iter().collect::<String>()))
        .collect()
}

fn encoded(token: &str) -> String {
    token
        .bytes()
        .fold("x".to_owned(), |text, byte| format!("{text}{byte:02x}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn japanese_is_cut_into_pairs_and_words_are_kept() {
        assert_eq!(runs("防災Mail ２０２６年"), ["防災", "mail", "2026", "年"]);
        assert_eq!(query("防災無線").phrases, [pairs("防災無線")]);
        assert_eq!(query("年").beginnings, [encoded("年")]);
    }

    #[test]
    fn every_pair_of_a_text_is_in_its_index() {
        let index = index_text("防災行政無線");
        for word in ["防災", "行政", "無線", "災行"] {
            assert!(index.contains(&encoded(word)), "{word}");
        }
    }

    proptest! {
        #[test]
        fn tokens_are_plain_words(text in "\\PC{0,60}") {
            let plain = |token: &str| token.starts_with('x') && token.bytes().all(|b| b.is_ascii_alphanumeric());
            prop_assert!(index_text(&text).split_whitespace().all(plain));
            let query = query(&text);
            prop_assert!(query.phrases.iter().flatten().chain(&query.beginnings).all(|token| plain(token)));
        }
    }
}
