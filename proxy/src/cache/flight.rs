//! One response on its way from the origin, read by everybody who asked for it at the same time.
//!
//! The task that fetches it is the [`Pilot`]; each reader has a [`Passenger`]. Nobody waits for a
//! slower passenger: while a response is *kept* for the cache, every piece stays, and who comes
//! later begins at the first. A response that is not kept is held back until its passengers have
//! read what came before, and who is too slow for the rest is left behind.
//!
//! No I/O here, and no decision about storing: `fetcher.rs`.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use tokio::sync::{Notify, watch};
use yagura_control::Timestamp;

use super::origin::{FetchError, Interim};
use super::policy::Terms;
use super::prepared::Prepared;

/// Bytes that may wait for the slowest passenger of a response that is not kept.
const WINDOW_BYTES: usize = 1 << 20;

/// What the origin said.
#[derive(Clone, Debug)]
pub enum Head {
    /// It has come into the cache meanwhile; this is it.
    Stored(Arc<Prepared>),
    /// The stored response holds; this is it, with what the confirmation changed.
    Confirmed(Arc<Prepared>),
    /// The confirmation speaks of something else; ask without conditions.
    Unclear,
    /// A response, whose pieces follow.
    Response(Arc<ResponseHead>),
}

/// The head of a response whose pieces follow.
#[derive(Debug)]
pub struct ResponseHead {
    /// Its status.
    pub status: StatusCode,
    /// Its end-to-end fields, without Content-Length and cache tags.
    pub headers: HeaderMap,
    /// What the origin's Age said, in seconds.
    pub age_s: Option<u64>,
    /// How long the body will be, when the origin said so.
    pub length: Option<u64>,
    /// The terms on which it answers others too; none when it is for the one who asked.
    pub shared: Option<Terms>,
    /// Whether it goes into the cache.
    pub stored: bool,
    /// When its head was there.
    pub received_at: Timestamp,
}

/// What a passenger is told next.
#[derive(Debug)]
pub enum News {
    /// An interim response; the real one is to come.
    Interim(Interim),
    /// The head, once.
    Head(Head),
    /// A piece of the body.
    Piece(Bytes),
    /// The body is whole.
    End,
}

/// A response on its way.
#[derive(Debug)]
pub struct Flight {
    state: Mutex<State>,
    /// Counts news.
    news: watch::Sender<u64>,
    /// Told when a passenger has read or left.
    room: Notify,
}

#[derive(Debug)]
struct State {
    interim: Vec<Interim>,
    head: Option<Result<Head, FetchError>>,
    pieces: VecDeque<Bytes>,
    /// Number of the first piece that is still there.
    first: usize,
    bytes: usize,
    kept: bool,
    end: Option<Result<(), FetchError>>,
    /// Each passenger's next piece.
    passengers: HashMap<u64, usize>,
    boarded: u64,
}

/// The side that fetches.
#[derive(Debug)]
pub struct Pilot(Arc<Flight>);

/// The side that reads.
#[derive(Debug)]
pub struct Passenger {
    flight: Arc<Flight>,
    id: u64,
    interim: usize,
    told_head: bool,
    heard: watch::Receiver<u64>,
}

impl Flight {
    /// A flight that begins, with its pilot and its first passenger.
    #[must_use]
    pub fn begin() -> (Pilot, Passenger) {
        let state = State {
            interim: Vec::new(),
            head: None,
            pieces: VecDeque::new(),
            first: 0,
            bytes: 0,
            kept: true,
            end: None,
            passengers: HashMap::from([(0, 0)]),
            boarded: 1,
        };
        let flight = Arc::new(Self {
            state: Mutex::new(state),
            news: watch::Sender::new(0),
            room: Notify::new(),
        });
        let first = flight.passenger(0);
        (Pilot(flight), first)
    }

    /// A passenger who reads from the start; none when pieces are gone already.
    #[must_use]
    pub fn board(self: &Arc<Self>) -> Option<Passenger> {
        let mut state = self.lock();
        if state.first > 0 || !state.kept {
            return None;
        }
        let id = state.boarded;
        state.boarded += 1;
        state.passengers.insert(id, 0);
        drop(state);
        Some(self.passenger(id))
    }

    fn passenger(self: &Arc<Self>, id: u64) -> Passenger {
        Passenger {
            flight: self.clone(),
            id,
            interim: 0,
            told_head: false,
            heard: self.news.subscribe(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.lock());
        self.news.send_modify(|count| *count += 1);
    }
}

impl Pilot {
    /// Passes interim responses on from elsewhere.
    pub fn interim_teller(&self) -> impl Fn(Interim) + Send + Sync + Clone + 'static {
        let flight = self.0.clone();
        move |interim| {
            flight.change(|state| {
                if state.head.is_none() {
                    state.interim.push(interim);
                }
            });
        }
    }

    /// Tells the head. `kept`: every piece stays for those who come later.
    pub fn head(&self, head: Head, kept: bool) {
        self.0.change(|state| {
            state.head = Some(Ok(head));
            state.kept = kept;
        });
    }

    /// Adds a piece. Once the response is not kept it waits until there is room for it; who makes
    /// it wait longer than `patience` is left behind. False when nobody is left to read it.
    pub async fn piece(&self, piece: Bytes, patience: Duration) -> bool {
        self.0.change(|state| {
            state.bytes += piece.len();
            state.pieces.push_back(piece);
        });
        loop {
            let room = self.0.room.notified();
            match self.0.lock().has_room() {
                None => return false,
                Some(true) => return true,
                Some(false) => {}
            }
            if tokio::time::timeout(patience, room).await.is_err() {
                self.0.change(State::leave_the_slowest_behind);
            }
        }
    }

    /// Keeps no piece any longer than its passengers need; nobody can come later.
    pub fn let_go(&self) {
        self.0.change(|state| state.kept = false);
    }

    /// Ends the flight: the body is whole, or nothing more comes.
    pub fn end(&self, result: Result<(), FetchError>) {
        self.0.change(|state| {
            if let (None, Err(error)) = (&state.head, &result) {
                state.head = Some(Err(error.clone()));
            }
            state.end.get_or_insert(result);
        });
    }
}

impl Drop for Pilot {
    /// A fetch that was given up ends its flight.
    fn drop(&mut self) {
        self.end(Err(FetchError::Broken("the fetch was given up".to_owned())));
    }
}

impl State {
    /// Whether another piece may be fetched; none when nobody would read it.
    fn has_room(&mut self) -> Option<bool> {
        if self.kept {
            return Some(true);
        }
        let slowest = self.passengers.values().copied().min()?;
        while self.first < slowest {
            if let Some(piece) = self.pieces.pop_front() {
                self.bytes -= piece.len();
            }
            self.first += 1;
        }
        Some(self.bytes <= WINDOW_BYTES)
    }

    fn leave_the_slowest_behind(&mut self) {
        if let Some(slowest) = self.passengers.values().copied().min() {
            self.passengers.retain(|_, next| *next != slowest);
        }
    }
}

impl Passenger {
    /// The flight, for others to board.
    #[must_use]
    pub const fn flight(&self) -> &Arc<Flight> {
        &self.flight
    }

    /// What comes next.
    ///
    /// # Errors
    /// There is no response, or its rest does not come.
    pub async fn next(&mut self) -> Result<News, FetchError> {
        loop {
            self.heard.mark_unchanged();
            if let Some(news) = self.news() {
                return news;
            }
            // The flight holds the other side, so it cannot be gone.
            let _news = self.heard.changed().await;
        }
    }

    /// What is there already, without waiting.
    ///
    /// # Errors
    /// As of [`Self::next`].
    pub fn ready(&mut self) -> Option<Result<News, FetchError>> {
        self.news()
    }

    fn news(&mut self) -> Option<Result<News, FetchError>> {
        let mut state = self.flight.lock();
        if !self.told_head {
            if let Some(interim) = state.interim.get(self.interim) {
                self.interim += 1;
                return Some(Ok(News::Interim(interim.clone())));
            }
            let head = state.head.clone()?;
            self.told_head = true;
            return Some(head.map(News::Head));
        }
        let Some(next) = state.passengers.get(&self.id).copied() else {
            let late = "it was read too slowly".to_owned();
            return Some(Err(FetchError::Broken(late)));
        };
        let piece = next
            .checked_sub(state.first)
            .and_then(|index| state.pieces.get(index).cloned());
        if let Some(piece) = piece {
            state.passengers.insert(self.id, next + 1);
            drop(state);
            self.flight.room.notify_one();
            return Some(Ok(News::Piece(piece)));
        }
        state.end.clone().map(|end| end.map(|()| News::End))
    }
}

impl Drop for Passenger {
    fn drop(&mut self) {
        self.flight.lock().passengers.remove(&self.id);
        self.flight.room.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn response() -> Head {
        Head::Response(Arc::new(ResponseHead {
            status: StatusCode::OK,
            headers: HeaderMap::new(),
            age_s: None,
            length: None,
            shared: None,
            stored: false,
            received_at: Timestamp(0),
        }))
    }

    async fn text(mut passenger: Passenger) -> Result<String, FetchError> {
        let mut text = String::new();
        loop {
            match passenger.next().await? {
                News::Piece(piece) => text.push_str(std::str::from_utf8(&piece).unwrap()),
                News::End => return Ok(text),
                News::Interim(_) | News::Head(_) => {}
            }
        }
    }

    const PATIENCE: Duration = Duration::from_secs(1);

    #[tokio::test]
    async fn who_comes_later_reads_from_the_start() {
        let (pilot, first) = Flight::begin();
        let flight = first.flight().clone();
        let early = tokio::spawn(text(first));
        pilot.head(response(), true);
        assert!(pilot.piece("one ".into(), PATIENCE).await);
        let late = tokio::spawn(text(flight.board().unwrap()));
        assert!(pilot.piece("two".into(), PATIENCE).await);
        pilot.end(Ok(()));
        assert_eq!(early.await.unwrap().unwrap(), "one two");
        assert_eq!(late.await.unwrap().unwrap(), "one two");
        assert_eq!(text(flight.board().unwrap()).await.unwrap(), "one two");
    }

    #[tokio::test]
    async fn a_fetch_that_fails_or_is_given_up_fails_for_all() {
        let (pilot, mut waiting) = Flight::begin();
        let error = FetchError::Unreachable("refused".into());
        pilot.end(Err(error.clone()));
        assert_eq!(waiting.next().await.unwrap_err(), error);

        let (pilot, first) = Flight::begin();
        let reading = tokio::spawn(text(first));
        pilot.head(response(), true);
        pilot.piece("begun".into(), PATIENCE).await;
        drop(pilot);
        assert!(reading.await.unwrap().is_err(), "a part is not the whole");
    }

    #[tokio::test]
    async fn what_is_not_kept_waits_for_its_reader_and_ends_without_one() {
        let (pilot, mut reader) = Flight::begin();
        pilot.head(response(), false);
        assert!(
            reader.flight().board().is_none(),
            "nobody joins what is not kept"
        );
        let large = Bytes::from(vec![b'x'; WINDOW_BYTES]);
        assert!(pilot.piece(large.clone(), PATIENCE).await);
        let writing = tokio::spawn(async move {
            let more = pilot.piece(large.clone(), PATIENCE).await;
            (pilot, more)
        });
        assert!(matches!(reader.next().await, Ok(News::Head(_))));
        assert!(matches!(reader.next().await, Ok(News::Piece(_))));
        let (pilot, more) = writing.await.unwrap();
        assert!(more);
        drop(reader);
        assert!(!pilot.piece("rest".into(), PATIENCE).await);
    }

    #[tokio::test]
    async fn who_is_too_slow_is_left_behind() {
        let (pilot, mut slow) = Flight::begin();
        let quick = slow.flight().board().unwrap();
        pilot.head(response(), false);
        let quick = tokio::spawn(text(quick));
        let piece = Bytes::from(vec![b'x'; WINDOW_BYTES]);
        for _ in 0..3 {
            assert!(pilot.piece(piece.clone(), Duration::from_millis(20)).await);
        }
        pilot.end(Ok(()));
        assert_eq!(quick.await.unwrap().unwrap().len(), 3 * WINDOW_BYTES);
        assert!(matches!(slow.next().await, Ok(News::Head(_))));
        assert!(slow.next().await.is_err());
    }

    #[tokio::test]
    async fn interim_responses_come_before_the_head() {
        let (pilot, mut reader) = Flight::begin();
        let early_hints = (StatusCode::EARLY_HINTS, HeaderMap::new());
        pilot.interim_teller()(early_hints.clone());
        pilot.head(response(), true);
        assert!(matches!(reader.next().await, Ok(News::Interim(told)) if told == early_hints));
        assert!(matches!(reader.next().await, Ok(News::Head(_))));
    }
}
