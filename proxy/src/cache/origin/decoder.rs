//! A body out of what comes over a connection (RFC 9112, sections 6.2 and 7.1). Pure: bytes go in,
//! pieces come out.

use bytes::{Buf, Bytes, BytesMut};

use super::response::Framing;

/// Longest line of a chunk's size with its extensions, and longest trailer section.
const LONGEST_LINE: usize = 16 << 10;

/// Where a body is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decoder {
    /// So many bytes are to come.
    Length(u64),
    /// Everything that comes is body.
    ToEnd,
    /// A line with a chunk's size is next.
    ChunkSize,
    /// So many bytes of a chunk are to come.
    Chunk(u64),
    /// The line end after a chunk is next.
    ChunkEnd,
    /// Trailers, which are passed over (RFC 9110, section 6.5.1), after so many bytes of them.
    Trailers(usize),
    /// The body is whole.
    Done,
}

/// What was decoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decoded {
    /// A piece of the body.
    Piece(Bytes),
    /// More has to come.
    More,
    /// The body is whole.
    End,
}

/// The body cannot be read on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the origin's body is cut off, or its chunks cannot be read")]
pub struct Broken;

impl Decoder {
    /// A body that begins.
    #[must_use]
    pub const fn new(framing: Framing) -> Self {
        match framing {
            Framing::Length(0) => Self::Done,
            Framing::Length(length) => Self::Length(length),
            Framing::Chunked => Self::ChunkSize,
            Framing::ToEnd => Self::ToEnd,
        }
    }

    /// Takes the next piece out of `bytes`.
    ///
    /// # Errors
    /// They are no chunks.
    pub fn decode(&mut self, bytes: &mut BytesMut) -> Result<Decoded, Broken> {
        loop {
            match *self {
                Self::Done => return Ok(Decoded::End),
                _ if bytes.is_empty() => return Ok(Decoded::More),
                Self::ToEnd => return Ok(Decoded::Piece(bytes.split().freeze())),
                Self::Length(rest) => {
                    let (piece, rest) = split(bytes, rest);
                    *self = if rest == 0 {
                        Self::Done
                    } else {
                        Self::Length(rest)
                    };
                    return Ok(Decoded::Piece(piece));
                }
                Self::Chunk(rest) => {
                    let (piece, rest) = split(bytes, rest);
                    *self = if rest == 0 {
                        Self::ChunkEnd
                    } else {
                        Self::Chunk(rest)
                    };
                    return Ok(Decoded::Piece(piece));
                }
                Self::ChunkSize => {
                    let Some(line) = line(bytes)? else {
                        return Ok(Decoded::More);
                    };
                    *self = match size(&line)? {
                        0 => Self::Trailers(0),
                        size => Self::Chunk(size),
                    };
                }
                Self::ChunkEnd => match bytes.as_ref() {
                    [b'\r', b'\n', ..] => {
                        bytes.advance(2);
                        *self = Self::ChunkSize;
                    }
                    [b'\r'] => return Ok(Decoded::More),
                    _ => return Err(Broken),
                },
                Self::Trailers(before) => match line(bytes)? {
                    None => return Ok(Decoded::More),
                    Some(line) if line.is_empty() => *self = Self::Done,
                    Some(line) if before + line.len() <= LONGEST_LINE => {
                        *self = Self::Trailers(before + line.len() + 2);
                    }
                    Some(_) => return Err(Broken),
                },
            }
        }
    }

    /// The connection has ended.
    ///
    /// # Errors
    /// The body is not whole.
    pub const fn ended(&mut self) -> Result<(), Broken> {
        match self {
            Self::Done | Self::ToEnd => {
                *self = Self::Done;
                Ok(())
            }
            _ => Err(Broken),
        }
    }
}

fn split(bytes: &mut BytesMut, rest: u64) -> (Bytes, u64) {
    let now = usize::try_from(rest).unwrap_or(usize::MAX).min(bytes.len());
    (bytes.split_to(now).freeze(), rest - now as u64)
}

/// A whole line without its end; a line ends with CR LF and nothing else.
fn line(bytes: &mut BytesMut) -> Result<Option<BytesMut>, Broken> {
    // However it comes, all of it is looked at again: many bytes at a time.
    let Some(end) = memchr::memchr(b'\n', bytes) else {
        return if bytes.len() > LONGEST_LINE {
            Err(Broken)
        } else {
            Ok(None)
        };
    };
    let mut line = bytes.split_to(end + 1);
    if line.len() > LONGEST_LINE || !line.ends_with(b"\r\n") {
        return Err(Broken);
    }
    line.truncate(line.len() - 2);
    Ok(Some(line))
}

/// A chunk's size; extensions are passed over.
fn size(line: &[u8]) -> Result<u64, Broken> {
    let digits = line.split(|byte| *byte == b';').next().unwrap_or_default();
    let digits = std::str::from_utf8(digits.trim_ascii_end()).map_err(|_| Broken)?;
    if digits.is_empty()
        || digits.len() > 15
        || !digits.bytes().all(|byte| byte.is_ascii_hexdigit())
    {
        return Err(Broken);
    }
    u64::from_str_radix(digits, 16).map_err(|_| Broken)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Decodes what comes in these parts.
    fn decoded(framing: Framing, parts: &[&[u8]]) -> Result<(Vec<u8>, usize), Broken> {
        let (mut decoder, mut bytes, mut body) =
            (Decoder::new(framing), BytesMut::new(), Vec::new());
        for part in parts {
            bytes.extend_from_slice(part);
            while let Decoded::Piece(piece) = decoder.decode(&mut bytes)? {
                body.extend_from_slice(&piece);
            }
        }
        decoder.ended()?;
        Ok((body, bytes.len()))
    }

    #[test]
    fn chunks_are_read_and_what_is_none_is_refused() {
        let whole = |text: &str| decoded(Framing::Chunked, &[text.as_bytes()]);
        let body = whole("4\r\nabcd\r\nA;x=\"y\"\r\n0123456789\r\n0\r\nX: y\r\n\r\n");
        assert_eq!(body.unwrap().0, b"abcd0123456789");
        assert_eq!(
            whole("0\r\n\r\nHTTP/1.1").unwrap(),
            (Vec::new(), 8),
            "the rest is left"
        );
        for wrong in [
            "4\nabcd\r\n0\r\n\r\n",
            "4\r\nabcde\r\n0\r\n\r\n",
            "4\r\nabcd\n0\r\n\r\n",
            "-4\r\nabcd\r\n0\r\n\r\n",
            "0x4\r\nabcd\r\n0\r\n\r\n",
            " 4\r\nabcd\r\n0\r\n\r\n",
            "\r\nabcd\r\n0\r\n\r\n",
            "10000000000000000\r\n",
            "4\r\nab",
            "4\r\nabcd\r\n0\r\n",
        ] {
            assert_eq!(whole(wrong), Err(Broken), "{wrong:?}");
        }
        let trailers = |count| format!("0\r\n{}\r\n", "a: b\r\n".repeat(count));
        assert!(whole(&trailers(2_000)).is_ok());
        assert_eq!(whole(&trailers(3_000)), Err(Broken), "without an end");
    }

    #[test]
    fn a_body_of_known_length_is_not_shorter() {
        assert_eq!(
            decoded(Framing::Length(4), &[b"ab", b"cdef"]).unwrap(),
            (b"abcd".to_vec(), 2)
        );
        assert_eq!(decoded(Framing::Length(4), &[b"abc"]), Err(Broken));
        assert_eq!(decoded(Framing::ToEnd, &[b"abc", b"d"]).unwrap().0, b"abcd");
    }

    proptest! {
        #[test]
        fn however_it_comes_the_body_is_the_same(
            chunks in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 1..50), 0..8),
            cuts in proptest::collection::vec(1usize..20, 0..40),
        ) {
            let mut wire = Vec::new();
            for chunk in &chunks {
                wire.extend_from_slice(format!("{:X};a\r\n", chunk.len()).as_bytes());
                wire.extend_from_slice(chunk);
                wire.extend_from_slice(b"\r\n");
            }
            wire.extend_from_slice(b"0\r\nTrailer: x\r\n\r\n");
            let (mut parts, mut rest) = (Vec::new(), wire.as_slice());
            for cut in cuts {
                let (part, later) = rest.split_at(cut.min(rest.len()));
                parts.push(part);
                rest = later;
            }
            parts.push(rest);
            prop_assert_eq!(decoded(Framing::Chunked, &parts).unwrap().0, chunks.concat());
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), text in "[0-9a-f\r\n;]{0,60}") {
            let _ = decoded(Framing::Chunked, &[&bytes]);
            let _ = decoded(Framing::Chunked, &[text.as_bytes()]);
        }
    }
}
