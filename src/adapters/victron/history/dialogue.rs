//! Questions on a line that nobody else reads, one after the other.

use std::time::Duration;

use tokio::time::Instant;

use super::super::poller::is_answer;
use super::super::port_task::{OPEN, SETTINGS};
use super::super::wire::hex::{Answer, Flags, Request, Value, Version};
use super::super::wire::text::{Decoder, Event};
use crate::links::{Address, Connection, LinkError, Links};

/// How long an answer may take. Newer firmware holds it back until a block of text has ended.
const PATIENCE: Duration = Duration::from_secs(1);
/// How often a question is put, and the first one, which tells whether it is heard at all.
const TRIES: u32 = 4;
const FIRST_TRIES: u32 = 5;
/// How long the line may take a question.
const SEND: Duration = Duration::from_secs(2);

/// An answer, without what it borrows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// To a ping.
    Version(Version),
    /// A number of two bytes: the product id.
    Word(u16),
    /// A register.
    Value(u16, Flags, Vec<u8>),
    /// It does not know the command.
    Unknown,
}

/// What has come, whether it was asked for or not.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Heard {
    pub bytes: usize,
    /// Whole blocks and frames.
    pub good: usize,
}

/// A line with a device at its end.
#[derive(Debug)]
pub struct Dialogue {
    connection: Connection,
    decoder: Decoder,
    buffer: Vec<u8>,
    heard: Heard,
    /// Whether it has answered anything.
    is_heard: bool,
}

impl Dialogue {
    /// Opens the port.
    pub async fn open(links: &Links, address: &Address) -> Result<Self, LinkError> {
        Ok(Self {
            connection: links.open(address, &SETTINGS, OPEN).await?,
            decoder: Decoder::new(),
            buffer: Vec::with_capacity(512),
            heard: Heard::default(),
            is_heard: false,
        })
    }

    /// What has come so far.
    pub const fn heard(&self) -> Heard {
        self.heard
    }

    /// Puts a question, again if need be. `None` if it is never answered.
    pub async fn ask(&mut self, request: &Request) -> Result<Option<Reply>, LinkError> {
        let tries = if self.is_heard { TRIES } else { FIRST_TRIES };
        for _ in 0..tries {
            self.connection.send(&request.encode(), SEND).await?;
            let deadline = Instant::now() + PATIENCE;
            while Instant::now() < deadline {
                match self.connection.receive(&mut self.buffer, deadline).await {
                    Ok(0) => return Err(self.connection.ended()),
                    Ok(_) => {}
                    Err(LinkError::TimedOut { .. }) => break,
                    Err(error) => return Err(error),
                }
                if let Some(reply) = self.take(request) {
                    self.is_heard = true;
                    return Ok(Some(reply));
                }
            }
        }
        Ok(None)
    }

    /// The value of a register; `None` if that is never answered.
    pub async fn get(&mut self, register: u16) -> Result<Option<(Flags, Vec<u8>)>, LinkError> {
        Ok(match self.ask(&Request::Get(register)).await? {
            Some(Reply::Value(_, flags, bytes)) => Some((flags, bytes)),
            _ => None,
        })
    }

    /// Closes the port.
    pub async fn close(self) {
        self.connection.close().await;
    }

    /// Reads what has come; the answer to this question, if it is there.
    fn take(&mut self, request: &Request) -> Option<Reply> {
        let (heard, mut reply) = (&mut self.heard, None);
        heard.bytes += self.buffer.len();
        self.decoder.push(&self.buffer, |event| match event {
            Event::Block(_) => heard.good += 1,
            Event::Hex(frame) => {
                heard.good += 1;
                let answer = Answer::decode(&frame);
                if is_answer(request, &answer) {
                    reply = read(&answer).or(reply.take());
                }
            }
            Event::Refused(_) => {}
        });
        self.buffer.clear();
        reply
    }
}

fn read(answer: &Answer<'_>) -> Option<Reply> {
    if let Some(word) = answer.word() {
        return Some(Reply::Word(word));
    }
    match *answer {
        Answer::Ping(version) => Some(Reply::Version(version)),
        Answer::UnknownCommand(_) => Some(Reply::Unknown),
        Answer::Get(Value {
            register,
            flags,
            bytes,
        }) => Some(Reply::Value(register, flags, bytes.to_vec())),
        _ => None,
    }
}
