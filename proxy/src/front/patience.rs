//! How long a reader is waited for, at no cost for readers who need no waiting: a timer is set only
//! once something is not ready at once, and the one between requests is not set anew for each.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::Sleep;

/// The end of a future, or `None` when it takes longer than `most`.
pub async fn within<F: Future>(most: Duration, future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    let at_once = poll_fn(|context| Poll::Ready(future.as_mut().poll(context))).await;
    match at_once {
        Poll::Ready(output) => Some(output),
        Poll::Pending => tokio::time::timeout(most, future).await.ok(),
    }
}

/// Watches over the silence between requests. It looks at whole spans, so that a silent reader is
/// let go after the spans he has at the earliest, and one more at the latest.
pub struct Silence {
    span: Duration,
    timer: Pin<Box<Sleep>>,
    /// The timer knows whom to wake: it was asked since it was set.
    is_armed: bool,
    silent_spans: u32,
    heard: bool,
}

impl Silence {
    /// Begins to watch.
    pub fn new(span: Duration) -> Self {
        Self {
            span,
            timer: Box::pin(tokio::time::sleep(span)),
            is_armed: false,
            silent_spans: 0,
            heard: false,
        }
    }

    /// Notes that the reader was heard.
    pub const fn heard(&mut self) {
        self.heard = true;
    }

    /// Ready when the reader was silent for more spans than he has. How many that are is asked
    /// after each, because it depends on how many readers there are. To be asked by one task only:
    /// the timer is told whom to wake once for each span.
    pub fn poll_over(&mut self, context: &mut Context<'_>, most: impl Fn() -> u32) -> Poll<()> {
        if self.is_armed && !self.timer.is_elapsed() {
            return Poll::Pending;
        }
        self.is_armed = true;
        while self.timer.as_mut().poll(context).is_ready() {
            self.silent_spans = if self.heard { 0 } else { self.silent_spans + 1 };
            if self.silent_spans >= most() {
                return Poll::Ready(());
            }
            self.heard = false;
            let next = self.timer.deadline() + self.span;
            self.timer.as_mut().reset(next);
        }
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use yagura_control::clock::monotonic;

    use super::*;

    #[tokio::test]
    async fn what_is_ready_at_once_is_not_timed() {
        assert_eq!(within(Duration::ZERO, async { 7 }).await, Some(7));
        let never = std::future::pending::<()>();
        assert_eq!(within(Duration::from_millis(1), never).await, None);
    }

    #[tokio::test]
    async fn a_reader_who_was_heard_has_another_span() {
        let span = Duration::from_millis(10);
        let began = monotonic();
        let mut silence = Silence::new(span);
        silence.heard();
        poll_fn(|context| silence.poll_over(context, || 1)).await;
        assert!(began.elapsed() >= 2 * span);
    }

    #[tokio::test]
    async fn a_reader_has_as_many_spans_as_there_is_room_for() {
        let span = Duration::from_millis(10);
        let began = monotonic();
        let mut silence = Silence::new(span);
        poll_fn(|context| silence.poll_over(context, || 3)).await;
        assert!(began.elapsed() >= 3 * span);
        let mut silence = Silence::new(span);
        poll_fn(|context| silence.poll_over(context, || 1)).await;
    }
}
