//! What a password must be, and one that chance makes. Pure.
//!
//! Length is what counts (NIST SP 800-63B, section 5.1.1.2): no rules about kinds of letters, and none
//! ends by itself.

use rand::Rng;

/// Fewest letters: at the city hall nothing else is asked for.
pub const FEWEST: usize = 12;
/// Most of them.
pub const MOST: usize = 128;
/// Letters that are not mistaken for one another, read out over the telephone either.
const LETTERS: [char; 28] = [
    'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'j', 'k', 'm', 'n', 'p', 'q', 'r', 's', 't', 'u', 'v',
    'w', 'x', 'y', '3', '4', '6', '7', '8', '9',
];

/// What is wrong with a new password of this account, for staff.
#[must_use]
pub fn faults(login: &str, password: &str) -> Vec<String> {
    let letters = password.chars().count();
    let mut faults = Vec::new();
    if letters < FEWEST {
        faults.push(format!(
            "新しいパスワードは{FEWEST}文字以上にしてください（今は{letters}文字です）。"
        ));
    }
    if letters > MOST {
        faults.push(format!("新しいパスワードは{MOST}文字までにしてください。"));
    }
    if password.chars().any(char::is_control) {
        faults.push("新しいパスワードに改行などの制御文字は使えません。".to_owned());
    }
    let mut kinds: Vec<char> = password.chars().collect();
    kinds.sort_unstable();
    kinds.dedup();
    let holds_login = !login.is_empty() && password.to_lowercase().contains(&login.to_lowercase());
    if faults.is_empty() && (kinds.len() < 4 || holds_login) {
        faults.push(
            "推測されやすいパスワードです。ユーザー名を含むものや、同じ文字の繰り返しは使えません。"
                .to_owned(),
        );
    }
    faults
}

/// Groups of four letters, 19 bits each.
pub fn random(dice: &mut impl Rng, groups: usize) -> String {
    let mut password = String::new();
    for position in 0..4 * groups {
        if position > 0 && position % 4 == 0 {
            password.push('-');
        }
        let index = dice.random_range(0..LETTERS.len());
        password.extend(LETTERS.get(index));
    }
    password
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::*;

    #[test]
    fn length_counts_and_what_is_guessed_first_is_refused() {
        for good in [
            "correct horse battery",
            "さくらさいた春の川べりの道",
            "a1b2c3d4e5f6",
        ] {
            assert_eq!(faults("hanako", good), [""; 0], "{good}");
        }
        for (bad, words) in [
            ("short", "12文字以上"),
            ("", "今は0文字"),
            ("aaaaaaaaaaaaaaaa", "推測されやすい"),
            ("my-name-is-Hanako", "ユーザー名を含む"),
            ("line\nline\nline", "制御文字"),
        ] {
            let told = faults("hanako", bad);
            assert!(
                told.len() == 1 && told[0].contains(words),
                "{bad:?}: {told:?}"
            );
        }
        assert_eq!(faults("hanako", &"abcde".repeat(26)).len(), 1);
    }

    #[test]
    fn what_chance_makes_is_good_and_never_the_same() {
        let mut made = std::collections::HashSet::new();
        for seed in 0..1_000 {
            let password = random(&mut ChaCha8Rng::seed_from_u64(seed), 5);
            assert_eq!(password.len(), 24);
            assert_eq!(faults("hanako", &password), [""; 0], "seed {seed}");
            assert!(made.insert(password), "seed {seed}");
        }
    }
}
