//! Readers who take, or send, so slowly that they mean to stay: they are let go. Only the time in
//! which a reader is waited for counts, so that a slow origin is never blamed on him.

use std::io::{self, IoSlice};
use std::time::{Duration, Instant};

use tokio::io::{AsyncWrite, AsyncWriteExt};
use yagura_config::settings::LimitSettings;

use crate::front::within;

/// The slowest pace that is borne.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slowest {
    /// Fewest bytes.
    pub bytes: u64,
    /// In so long a time.
    pub over: Duration,
}

impl Slowest {
    /// The pace that the settings ask for.
    #[must_use]
    pub fn of(settings: &LimitSettings) -> Self {
        let over = settings.slowest_over;
        Self {
            bytes: settings.slowest_bytes_s.saturating_mul(over.as_secs()),
            over,
        }
    }
}

impl Slowest {
    /// How long so many bytes may take at the most.
    #[must_use]
    pub fn longest(self, bytes: u64) -> Duration {
        let a_second = (self.bytes / self.over.as_secs().max(1)).max(1);
        self.over.max(Duration::from_secs(bytes.div_ceil(a_second)))
    }
}

/// Watches what comes in, span by span.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    began: Instant,
    bytes: u64,
}

/// It came too slowly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooSlow;

impl Pace {
    /// Begins to watch.
    #[must_use]
    pub const fn new(now: Instant) -> Self {
        Self {
            began: now,
            bytes: 0,
        }
    }

    /// Notes that something came.
    ///
    /// # Errors
    /// A span is over, and too little came in it.
    pub fn came(&mut self, now: Instant, bytes: u64, slowest: Slowest) -> Result<(), TooSlow> {
        self.bytes = self.bytes.saturating_add(bytes);
        if now.saturating_duration_since(self.began) < slowest.over {
            return Ok(());
        }
        if self.bytes < slowest.bytes {
            return Err(TooSlow);
        }
        *self = Self::new(now);
        Ok(())
    }
}

/// Writes everything, in as few system calls as the socket takes it in.
///
/// # Errors
/// The reader is gone, or too slow ([`io::ErrorKind::TimedOut`]).
pub async fn write_all(
    stream: &mut (impl AsyncWrite + Unpin),
    parts: &mut [IoSlice<'_>],
    slowest: Slowest,
) -> io::Result<()> {
    let mut left = parts;
    // Takes away what is empty, so that an end is told from a writer that is closed.
    IoSlice::advance_slices(&mut left, 0);
    let mut taken = 0;
    loop {
        let span = async {
            while !left.is_empty() {
                let written = stream.write_vectored(left).await?;
                if written == 0 {
                    return Err(io::ErrorKind::WriteZero.into());
                }
                IoSlice::advance_slices(&mut left, written);
                taken += written as u64;
            }
            stream.flush().await
        };
        match within(slowest.over, span).await {
            Some(result) => return result,
            None if taken < slowest.bytes => return Err(io::ErrorKind::TimedOut.into()),
            None => taken = 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt;
    use yagura_control::clock::monotonic;

    use super::*;

    const SLOWEST: Slowest = Slowest {
        bytes: 100,
        over: Duration::from_secs(10),
    };

    #[test]
    fn a_span_with_too_little_is_too_slow() {
        let now = monotonic();
        let later = |seconds| now + Duration::from_secs(seconds);
        let mut pace = Pace::new(now);
        assert_eq!(pace.came(later(9), 1, SLOWEST), Ok(()));
        assert_eq!(pace.came(later(10), 99, SLOWEST), Ok(()));
        assert_eq!(pace.came(later(19), 98, SLOWEST), Ok(()));
        assert_eq!(pace.came(later(21), 1, SLOWEST), Err(TooSlow));
    }

    #[tokio::test]
    async fn who_takes_nothing_is_let_go_and_who_takes_all_is_not() {
        let quick = Slowest {
            bytes: 100,
            over: Duration::from_millis(20),
        };
        let (mut near, far) = tokio::io::duplex(64);
        let mut parts = [
            IoSlice::new(b""),
            IoSlice::new(&[1; 50]),
            IoSlice::new(&[2; 50]),
        ];
        let slow = write_all(&mut near, &mut parts, quick).await.unwrap_err();
        assert_eq!(slow.kind(), io::ErrorKind::TimedOut);
        drop(far);

        let (mut near, mut far) = tokio::io::duplex(64);
        let reading = tokio::spawn(async move {
            let mut all = Vec::new();
            far.read_to_end(&mut all).await.unwrap();
            all.len()
        });
        let body = vec![3; 100_000];
        let mut parts = [IoSlice::new(&body), IoSlice::new(b"")];
        write_all(&mut near, &mut parts, SLOWEST).await.unwrap();
        drop(near);
        assert_eq!(reading.await.unwrap(), 100_000);
    }
}
