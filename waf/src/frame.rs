//! How edge and worker speak: a length in four bytes, big-endian, and so many bytes. A question is a
//! request with its deadline; an answer is a verdict as JSON, [`OVER_DEADLINE`] or [`forbidden`]. Pure.

use crate::request::{Request, Verdict};

/// What a worker says, as a whole frame, before a deadline ends it.
pub const OVER_DEADLINE: &[u8] = b"\x00\x00\x00\x01T";

/// What a worker says, as a whole frame, before a call of the system that it may not make ends it: the
/// call's number in four digits. Called in a signal's handler, so nothing is allocated.
#[must_use]
pub const fn forbidden(call: u32) -> [u8; 9] {
    const fn digit(number: u32) -> u8 {
        b'0' + (number % 10) as u8
    }
    let (hundreds, tens) = (call / 100, call / 10);
    let digits = [
        digit(hundreds / 10),
        digit(hundreds),
        digit(tens),
        digit(call),
    ];
    let [a, b, c, d] = digits;
    [0, 0, 0, 5, b'F', a, b, c, d]
}

/// Longest frame: the largest body with the largest head, and some room.
pub const LONGEST: usize = 1 << 20;

/// A question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// How much CPU time the answer may take.
    pub cpu_ms: u32,
    /// What is inspected.
    pub request: Request,
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// What the rules say.
    Verdict(Verdict),
    /// They took too long, and the worker is gone.
    OverDeadline,
    /// It tried a call of the system that it may not make, and is gone.
    Forbidden {
        /// The call's number.
        call: u32,
    },
}

impl Question {
    /// The frame.
    #[must_use]
    pub fn to_frame(&self) -> Vec<u8> {
        let request = &self.request;
        let mut out = vec![0; 4];
        out.extend(self.cpu_ms.to_be_bytes());
        out.push(u8::from(request.cut));
        put(&mut out, request.site.as_bytes());
        put(&mut out, request.method.as_bytes());
        put(&mut out, &request.target);
        put(&mut out, request.version.as_bytes());
        put(&mut out, &request.body);
        for (name, value) in &request.headers {
            put(&mut out, name.as_bytes());
            put(&mut out, value);
        }
        let length = u32::try_from(out.len() - 4).unwrap_or(u32::MAX);
        if let Some(place) = out.first_chunk_mut() {
            *place = length.to_be_bytes();
        }
        out
    }

    /// Reads what stands in a frame, behind its length.
    #[must_use]
    pub fn of(mut bytes: &[u8]) -> Option<Self> {
        let (cpu_ms, rest) = bytes.split_first_chunk()?;
        let (cut, rest) = rest.split_first()?;
        bytes = rest;
        let mut text = || String::from_utf8(take(&mut bytes)?.to_vec()).ok();
        let (site, method) = (text()?, text()?);
        let target = take(&mut bytes)?.to_vec();
        let version = String::from_utf8(take(&mut bytes)?.to_vec()).ok()?;
        let body = take(&mut bytes)?.to_vec();
        let mut headers = Vec::new();
        while !bytes.is_empty() {
            let name = String::from_utf8(take(&mut bytes)?.to_vec()).ok()?;
            headers.push((name, take(&mut bytes)?.to_vec()));
        }
        let request = Request {
            site,
            method,
            target,
            version,
            headers,
            body,
            cut: *cut != 0,
        };
        Some(Self {
            cpu_ms: u32::from_be_bytes(*cpu_ms),
            request,
        })
    }
}

impl Answer {
    /// Reads what stands in a frame, behind its length.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Option<Self> {
        if bytes == b"T" {
            return Some(Self::OverDeadline);
        }
        if let Some(call) = bytes.strip_prefix(b"F") {
            let call = std::str::from_utf8(call).ok()?.parse().ok()?;
            return Some(Self::Forbidden { call });
        }
        serde_json::from_slice(bytes).ok().map(Self::Verdict)
    }

    /// The frame of a verdict.
    #[must_use]
    pub fn frame_of(verdict: &Verdict) -> Vec<u8> {
        let json = serde_json::to_vec(verdict).unwrap_or_default();
        let mut out = u32::try_from(json.len())
            .unwrap_or(u32::MAX)
            .to_be_bytes()
            .to_vec();
        out.extend(json);
        out
    }
}

fn put(out: &mut Vec<u8>, bytes: &[u8]) {
    let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    out.extend(length.to_be_bytes());
    out.extend(bytes);
}

fn take<'b>(bytes: &mut &'b [u8]) -> Option<&'b [u8]> {
    let (length, rest) = bytes.split_first_chunk()?;
    let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
    let (taken, rest) = rest.split_at_checked(length)?;
    *bytes = rest;
    Some(taken)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::request::Match;

    prop_compose! {
        fn questions()(
            cpu_ms in any::<u32>(),
            cut in any::<bool>(),
            site in "[a-z]{0,8}",
            method in "[A-Z]{1,8}",
            target in any::<Vec<u8>>(),
            headers in prop::collection::vec(("[a-zA-Z-]{1,9}", any::<Vec<u8>>()), 0..5),
            body in any::<Vec<u8>>(),
        ) -> Question {
            let version = "1.1".to_owned();
            let request = Request { site, method, target, version, headers, body, cut };
            Question { cpu_ms, request }
        }
    }

    proptest! {
        #[test]
        fn what_is_asked_arrives(question in questions()) {
            let frame = question.to_frame();
            let (length, rest) = frame.split_first_chunk().unwrap();
            prop_assert_eq!(u32::from_be_bytes(*length) as usize, rest.len());
            prop_assert_eq!(Question::of(rest), Some(question));
        }

        #[test]
        fn no_bytes_make_a_reader_panic(bytes in any::<Vec<u8>>()) {
            let _ = (Question::of(&bytes), Answer::of(&bytes));
        }
    }

    #[test]
    fn verdicts_arrive_and_the_last_word_is_a_frame() {
        let verdict = Verdict {
            refused: true,
            matches: vec![Match {
                rule: 942_100,
                at: "ARGS:q".to_owned(),
                says: "SQL".to_owned(),
            }],
            cpu_us: 7,
        };
        let frame = Answer::frame_of(&verdict);
        assert_eq!(Answer::of(&frame[4..]), Some(Answer::Verdict(verdict)));
        assert_eq!(Answer::of(&OVER_DEADLINE[4..]), Some(Answer::OverDeadline));
        assert_eq!(OVER_DEADLINE[..4], 1_u32.to_be_bytes());
        for call in [0, 41, 435, 9_999] {
            let frame = forbidden(call);
            assert_eq!(frame[..4], 5_u32.to_be_bytes());
            assert_eq!(Answer::of(&frame[4..]), Some(Answer::Forbidden { call }));
        }
    }
}
