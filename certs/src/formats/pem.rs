//! Finds the blocks of PEM (RFC 7468) in a text: any text around them, any line ends, lines that
//! mails indented or quoted. What stands in them is decided elsewhere.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// One block between BEGIN and END.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Block {
    /// What stands after BEGIN.
    pub(super) label: String,
    /// What it holds; `None` when that is no base64 or has no end.
    pub(super) der: Option<Vec<u8>>,
    /// Whether its headers say that it is under a passphrase (RFC 1421, section 4.6.1.1).
    pub(super) is_encrypted: bool,
}

/// Every block, in order.
pub(super) fn blocks(bytes: &[u8]) -> Vec<Block> {
    let text = String::from_utf8_lossy(bytes);
    let mut blocks = Vec::new();
    let mut lines = text.split(['\n', '\r']).map(unquoted);
    while let Some(line) = lines.next() {
        let Some(label) = marked(line, "-----BEGIN ") else {
            continue;
        };
        let end = format!("-----END {label}-----");
        let mut content = String::new();
        let mut is_encrypted = false;
        let mut is_whole = false;
        for line in lines.by_ref() {
            if line == end {
                is_whole = true;
                break;
            }
            match line.split_once(':') {
                Some((name, value)) => {
                    is_encrypted |= name == "Proc-Type" && value.contains("ENCRYPTED");
                }
                None => content.extend(line.chars().filter(|c| !c.is_whitespace())),
            }
        }
        let der = is_whole.then(|| STANDARD.decode(&content).ok()).flatten();
        blocks.push(Block {
            label: label.to_owned(),
            der,
            is_encrypted,
        });
    }
    blocks
}

fn marked<'a>(line: &'a str, begin: &str) -> Option<&'a str> {
    line.strip_prefix(begin)?.strip_suffix("-----")
}

/// Without what mails put before a line.
fn unquoted(line: &str) -> &str {
    line.trim().trim_start_matches(['>', ' ', '\t', '\u{3000}'])
}
