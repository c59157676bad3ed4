//! How long a connection may take: for the head of a request, and without anything happening.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::http::Response;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

/// How long the head of a request may take from its first byte on, and the first one after connecting.
const HEAD: Duration = Duration::from_secs(10);
/// How long nothing may happen between two requests, or while the other end takes nothing.
const IDLE: Duration = Duration::from_secs(60);
/// The same where others wait for a place.
const HEAD_IN_A_CROWD: Duration = Duration::from_secs(3);
const IDLE_IN_A_CROWD: Duration = Duration::from_secs(5);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ConnectionPhase {
    /// Between two requests.
    Idle,
    /// The head of a request is under way.
    Head,
    /// A request is being answered.
    Busy,
    /// So is it, and the other end takes nothing.
    Stuck,
}

impl ConnectionPhase {
    /// How long it may last.
    const fn limit(self, is_crowded: bool) -> Option<Duration> {
        match (self, is_crowded) {
            (Self::Busy, _) => None,
            (Self::Head, false) => Some(HEAD),
            (Self::Head, true) => Some(HEAD_IN_A_CROWD),
            (Self::Idle | Self::Stuck, false) => Some(IDLE),
            (Self::Idle | Self::Stuck, true) => Some(IDLE_IN_A_CROWD),
        }
    }
}

/// What one connection is doing, and since when.
#[derive(Debug)]
pub struct ConnectionPace {
    phase: watch::Sender<(ConnectionPhase, Instant)>,
    /// Whether there is little room left.
    crowd: watch::Receiver<bool>,
}

impl ConnectionPace {
    /// Of a connection that has just been made.
    pub fn new(crowd: watch::Receiver<bool>) -> Arc<Self> {
        Arc::new(Self {
            phase: watch::Sender::new((ConnectionPhase::Head, Instant::now())),
            crowd,
        })
    }

    /// Ends when the connection has taken too long.
    pub async fn too_late(&self) {
        let mut phases = self.phase.subscribe();
        let mut crowd = self.crowd.clone();
        loop {
            let (phase, since) = *phases.borrow_and_update();
            let limit = phase.limit(*crowd.borrow_and_update());
            let wait = async {
                match limit {
                    Some(limit) => sleep_until(since + limit).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = wait => return,
                _ = phases.changed() => {}
                Ok(()) = crowd.changed() => {}
            }
        }
    }

    /// The head of a request is there.
    pub fn begin(&self) {
        self.go(ConnectionPhase::Busy, |_| true);
    }

    /// The answer, after which the next request may begin.
    pub fn until_sent(self: Arc<Self>, answer: Response<Body>) -> Response<Body> {
        answer.map(|body| Body::new(SentBody { body, pace: self }))
    }

    fn go(&self, to: ConnectionPhase, from: impl FnOnce(ConnectionPhase) -> bool) {
        self.phase.send_if_modified(|(phase, since)| {
            let goes = *phase != to && from(*phase);
            if goes {
                (*phase, *since) = (to, Instant::now());
            }
            goes
        });
    }
}

/// A body that says when it is over.
struct SentBody {
    body: Body,
    pace: Arc<ConnectionPace>,
}

impl HttpBody for SentBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<hyper::body::Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> hyper::body::SizeHint {
        self.body.size_hint()
    }
}

impl Drop for SentBody {
    fn drop(&mut self) {
        self.pace.go(ConnectionPhase::Idle, |_| true);
    }
}

/// A connection that notes what it does.
#[derive(Debug)]
pub struct WatchedConnection<T> {
    io: T,
    pace: Arc<ConnectionPace>,
}

impl<T> WatchedConnection<T> {
    /// Notes it there.
    pub const fn new(io: T, pace: Arc<ConnectionPace>) -> Self {
        Self { io, pace }
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for WatchedConnection<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.io).poll_read(cx, buffer);
        if buffer.filled().len() > before {
            self.pace.go(ConnectionPhase::Head, |phase| {
                phase == ConnectionPhase::Idle
            });
        }
        read
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for WatchedConnection<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.io).poll_write(cx, bytes);
        match &written {
            Poll::Pending => self.pace.go(ConnectionPhase::Stuck, |phase| {
                phase == ConnectionPhase::Busy
            }),
            Poll::Ready(_) => self.pace.go(ConnectionPhase::Busy, |phase| {
                phase == ConnectionPhase::Stuck
            }),
        }
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    fn quiet() -> watch::Receiver<bool> {
        watch::Sender::new(false).subscribe()
    }

    async fn lasts(pace: &ConnectionPace) -> Duration {
        let begun = Instant::now();
        pace.too_late().await;
        begun.elapsed()
    }

    #[tokio::test(start_paused = true)]
    async fn a_head_has_ten_seconds_and_silence_a_minute() {
        let pace = ConnectionPace::new(quiet());
        assert_eq!(lasts(&pace).await, HEAD);
        let (near, mut far) = tokio::io::duplex(64);
        let mut near = WatchedConnection::new(near, Arc::clone(&pace));
        pace.begin();
        let answering = tokio::time::timeout(Duration::from_secs(3600), pace.too_late());
        assert!(answering.await.is_err(), "an answer may take its time");
        drop(Arc::clone(&pace).until_sent(Response::new(Body::empty())));
        assert_eq!(lasts(&pace).await, IDLE);
        // One byte after the other does not make it longer.
        far.write_all(b"G").await.unwrap();
        near.read_u8().await.unwrap();
        tokio::time::advance(HEAD / 2).await;
        far.write_all(b"E").await.unwrap();
        near.read_u8().await.unwrap();
        assert_eq!(lasts(&pace).await, HEAD / 2);
    }

    #[tokio::test(start_paused = true)]
    async fn who_takes_nothing_for_a_minute_is_let_go() {
        let pace = ConnectionPace::new(quiet());
        let (near, mut far) = tokio::io::duplex(4);
        let mut near = WatchedConnection::new(near, Arc::clone(&pace));
        pace.begin();
        let writing = tokio::spawn(async move {
            let _ = near.write_all(b"twelve bytes").await;
            near
        });
        assert_eq!(lasts(&pace).await, IDLE);
        let mut taken = [0; 12];
        far.read_exact(&mut taken).await.unwrap();
        let _near = writing.await.unwrap();
        assert_eq!(pace.phase.borrow().0, ConnectionPhase::Busy);
    }

    #[tokio::test(start_paused = true)]
    async fn the_silent_go_first_where_others_wait() {
        let crowd = watch::Sender::new(false);
        let pace = ConnectionPace::new(crowd.subscribe());
        let (ended, ()) = tokio::join!(lasts(&pace), async {
            tokio::time::sleep(HEAD / 2).await;
            crowd.send_replace(true);
        });
        assert_eq!(ended, HEAD / 2);
        pace.begin();
        drop(Arc::clone(&pace).until_sent(Response::new(Body::empty())));
        assert_eq!(lasts(&pace).await, IDLE_IN_A_CROWD);
        pace.begin();
        let answering = tokio::time::timeout(Duration::from_secs(3600), pace.too_late());
        assert!(answering.await.is_err(), "an answer may take its time");
    }
}
