//! Listens along on the connection for answers which the library cannot read.
//!
//! It takes them for incomplete, waits for the rest, and then knows no more than that the broker
//! closed the connection. The first two lack the property length of MQTT 5:
//!
//! | bytes | meaning |
//! |---|---|
//! | `20 02 00 rc` | CONNACK of a broker that speaks only MQTT 3.1.1, with the return code of that version |
//! | `E0 01 rc` | DISCONNECT with a reason but without properties, allowed by MQTT 5 section 3.14.2.2.1; Mosquitto sends it so |
//! | anything else, first | a server that is not a broker, such as a web server |

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// What the connection consists of, TCP or TLS over TCP.
pub trait Stream: AsyncRead + AsyncWrite + Send + Sync + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Sync + Unpin> Stream for T {}

/// The first and the last bytes the broker sent.
#[derive(Clone, Default)]
pub struct Heard(Arc<Mutex<Bytes>>);

#[derive(Default)]
struct Bytes {
    head: Vec<u8>,
    tail: Vec<u8>,
}

impl Heard {
    fn note(&self, bytes: &[u8]) {
        const HEAD: usize = 4;
        const TAIL: usize = 3;
        let mut heard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let missing = HEAD.saturating_sub(heard.head.len()).min(bytes.len());
        heard.head.extend_from_slice(&bytes[..missing]);
        let recent = &bytes[bytes.len().saturating_sub(TAIL)..];
        heard.tail.extend_from_slice(recent);
        let old = heard.tail.len().saturating_sub(TAIL);
        heard.tail.drain(..old);
    }

    /// The return code of a CONNACK of MQTT 3.1.1.
    pub fn old_connack(&self) -> Option<u8> {
        match self.0.lock().unwrap_or_else(PoisonError::into_inner).head[..] {
            [0x20, 0x02, _, code] => Some(code),
            _ => None,
        }
    }

    /// Something came, but not what may follow a CONNECT: CONNACK, DISCONNECT or AUTH.
    pub fn is_foreign(&self) -> bool {
        let heard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        matches!(heard.head.first(), Some(first) if ![0x20, 0xE0, 0xF0].contains(first))
    }

    /// The reason code of a DISCONNECT without properties that came last.
    pub fn bare_disconnect(&self) -> Option<u8> {
        match self.0.lock().unwrap_or_else(PoisonError::into_inner).tail[..] {
            [0xE0, 0x01, code] => Some(code),
            _ => None,
        }
    }
}

/// A stream which notes what is read from it.
pub struct Tap {
    pub stream: Box<dyn Stream>,
    pub heard: Heard,
}

impl AsyncRead for Tap {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buf))?;
        self.heard.note(&buf.filled()[before..]);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Tap {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn head_and_tail_are_the_same_for_every_cut() {
        let bytes = [0x20, 0x02, 0x00, 0x05, 9, 9, 9, 0xE0, 0x01, 0x8E];
        for size in 1..=bytes.len() {
            let heard = Heard::default();
            for part in bytes.chunks(size) {
                heard.note(part);
            }
            assert_eq!(heard.old_connack(), Some(5), "{size}");
            assert_eq!(heard.bare_disconnect(), Some(0x8E), "{size}");
        }
    }
}
