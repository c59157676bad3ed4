//! One client: reads its questions, however they are cut, and plays the answers.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use super::super::wire::{Request, RequestError};
use super::core::Reply;
use super::delivery::Delivery;
use super::event::EcuAct;
use super::hand::{EcuHand, Seat};
use crate::simulation::Cable;

/// A client that says nothing for so long is dropped, as real gateways do.
const IDLE: Duration = Duration::from_secs(15);
/// What comes without end: frames that nearly begin.
const ENDLESS: &[u8] = b"APS11APS11";
/// How long a client may take to close its side.
const GOODBYE: Duration = Duration::from_secs(1);

/// Serves a client until it leaves, is dropped or the cable is pulled.
pub async fn attend(
    seat: Seat,
    stream: TcpStream,
    peer: SocketAddr,
    crowded: bool,
    mut cable: Cable,
) {
    let hand = &seat.0;
    // Small pieces are meant to arrive as such. Failing that, they still arrive.
    let _ = stream.set_nodelay(true);
    tokio::select! {
        () = cable.pulled() => {}
        // A client that breaks off is nothing special.
        _ = converse(hand, stream, peer, crowded) => {}
    }
}

async fn converse(
    hand: &EcuHand,
    mut stream: TcpStream,
    peer: SocketAddr,
    crowded: bool,
) -> io::Result<()> {
    let mut buffer = Vec::new();
    let mut first = true;
    loop {
        let request = match question(&mut stream, &mut buffer).await? {
            Some(Ok(request)) => request,
            Some(Err(error)) => {
                hand.tell(EcuAct::NotUnderstood { peer, error });
                return goodbye(stream).await;
            }
            None => return goodbye(stream).await,
        };
        let (reply, faults) = hand.look(|core| core.reply(&request, first, crowded));
        first = false;
        match reply {
            Reply::Silence => {
                hand.tell(EcuAct::Silent {
                    peer,
                    request,
                    faults,
                });
                return drain(&mut stream).await;
            }
            Reply::Endless => {
                hand.tell(EcuAct::Silent {
                    peer,
                    request,
                    faults,
                });
                // Until the client has enough.
                loop {
                    stream.write_all(&ENDLESS.repeat(100)).await?;
                }
            }
            Reply::Close => {
                hand.tell(EcuAct::Closed {
                    peer,
                    request,
                    faults,
                });
                return goodbye(stream).await;
            }
            Reply::Deliver(delivery) => {
                let bytes = deliver(&mut stream, &delivery).await?;
                hand.tell(EcuAct::Answered {
                    peer,
                    request,
                    bytes,
                    faults,
                });
                if delivery.close {
                    return goodbye(stream).await;
                }
            }
        }
    }
}

/// The next question, or what is wrong with it; `None` when the client has no more.
async fn question(
    stream: &mut TcpStream,
    buffer: &mut Vec<u8>,
) -> io::Result<Option<Result<Request, RequestError>>> {
    loop {
        // Most clients end a question with a newline, some do not.
        let blank = buffer.iter().take_while(|byte| byte.is_ascii_whitespace());
        let blank = blank.count();
        buffer.drain(..blank);
        match Request::parse(buffer) {
            Ok(request) => {
                let length = request.encode().len().saturating_sub(1);
                buffer.drain(..length.min(buffer.len()));
                return Ok(Some(Ok(request)));
            }
            // Never longer than the longest question, so the buffer stays small.
            Err(RequestError::Incomplete { .. }) => {}
            Err(error) => return Ok(Some(Err(error))),
        }
        let mut piece = [0; 256];
        match timeout(IDLE, stream.read(&mut piece)).await {
            Ok(Ok(0)) | Err(_) => return Ok(None),
            Ok(Ok(count)) => buffer.extend_from_slice(piece.get(..count).unwrap_or_default()),
            Ok(Err(error)) => return Err(error),
        }
    }
}

async fn deliver(stream: &mut TcpStream, delivery: &Delivery) -> io::Result<usize> {
    let mut sent = 0;
    for (pause, piece) in &delivery.pieces {
        if !pause.is_zero() {
            sleep(*pause).await;
        }
        stream.write_all(piece).await?;
        sent += piece.len();
    }
    stream.flush().await?;
    Ok(sent)
}

/// Closes so that the client sees an end and no error.
async fn goodbye(mut stream: TcpStream) -> io::Result<()> {
    stream.shutdown().await?;
    // A client that does not close its side is cut off.
    let _ = timeout(GOODBYE, drain(&mut stream)).await;
    Ok(())
}

/// Reads until the client closes.
async fn drain(stream: &mut TcpStream) -> io::Result<()> {
    let mut rest = [0; 256];
    while stream.read(&mut rest).await? > 0 {}
    Ok(())
}
