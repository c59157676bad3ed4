//! A reader of a simulated device: what it says, and what it answers.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use wattbridge::adapters::victron::simulator::{Model, Pace, VictronSettings};
use wattbridge::adapters::victron::wire::hex::{Answer, Flags, Frame, Request, Version};
use wattbridge::adapters::victron::wire::text::{Decoder, Event, Reason};

/// Only reached when something is broken.
const DEADLINE: Duration = Duration::from_secs(20);
/// Rounds in which a label must have come if it comes at all.
const PATIENCE: usize = 6;

pub(crate) trait Port: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Port for T {}

/// Label and value.
pub(crate) type Field = (String, String);

/// An answer or a frame that came by itself, with nothing borrowed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Told {
    Ping(Version),
    Done(Vec<u8>),
    Get(u16, Flags, Vec<u8>),
    Set(u16, Flags, Vec<u8>),
    Async(u16, Vec<u8>),
    Malformed,
    UnknownCommand(Vec<u8>),
    Other,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Seen {
    Block(Vec<Field>),
    Told(Told),
    Refused(Reason),
}

pub(crate) struct Reader {
    port: Box<dyn Port>,
    decoder: Decoder,
    seen: VecDeque<Seen>,
    refused: Vec<Reason>,
}

/// A device that makes a second of 15 ms.
pub(crate) fn fast(model: &'static Model) -> VictronSettings {
    settings(model)
}

/// The same, to be changed.
pub(crate) fn settings(model: &'static Model) -> VictronSettings {
    VictronSettings {
        pace: Pace {
            interval: Duration::from_millis(15),
            ..Pace::default()
        },
        ..VictronSettings::new(model)
    }
}

impl Reader {
    pub(crate) async fn tcp(address: &str) -> Self {
        let address = address.strip_prefix("tcp://").unwrap();
        Self::new(Box::new(TcpStream::connect(address).await.unwrap()))
    }

    pub(crate) fn serial(path: &str) -> Self {
        use tokio_serial::SerialPortBuilderExt;
        let port = tokio_serial::new(path, 19_200).open_native_async();
        Self::new(Box::new(port.unwrap()))
    }

    fn new(port: Box<dyn Port>) -> Self {
        Self {
            port,
            decoder: Decoder::new(),
            seen: VecDeque::new(),
            refused: Vec::new(),
        }
    }

    /// The next thing on the wire; `None` when the port is gone.
    pub(crate) async fn next(&mut self) -> Option<Seen> {
        loop {
            if let Some(seen) = self.seen.pop_front() {
                if let Seen::Refused(reason) = &seen {
                    self.refused.push(*reason);
                }
                return Some(seen);
            }
            let mut chunk = [0; 4096];
            let read = timeout(DEADLINE, self.port.read(&mut chunk));
            let count = read.await.expect("nothing comes").ok()?;
            if count == 0 {
                return None;
            }
            let seen = &mut self.seen;
            self.decoder
                .push(&chunk[..count], |event| seen.push_back(own(&event)));
        }
    }

    /// What was refused so far.
    pub(crate) fn refused(&self) -> &[Reason] {
        &self.refused
    }

    pub(crate) async fn block(&mut self) -> Vec<Field> {
        loop {
            if let Some(Seen::Block(fields)) = self.next().await {
                return fields;
            }
        }
    }

    /// The blocks up to the one before the next that begins a round.
    pub(crate) async fn round(&mut self) {
        loop {
            let fields = self.block().await;
            let last = |label: &str| fields.last().is_some_and(|(last, _)| last == label);
            if last("H16") || last("H18") || last("HSDS") || !is_one_of_two(&fields) {
                return;
            }
        }
    }

    /// The next value of a label; `None` if it does not come.
    pub(crate) async fn value(&mut self, label: &str) -> Option<String> {
        for _ in 0..PATIENCE {
            let fields = self.block().await;
            if let Some((_, value)) = fields.into_iter().find(|(name, _)| name == label) {
                return Some(value);
            }
        }
        None
    }

    /// Waits until a label has a value that pleases.
    pub(crate) async fn until(&mut self, label: &str, pleases: impl Fn(&str) -> bool) -> String {
        loop {
            for (name, value) in self.block().await {
                if name == label && pleases(&value) {
                    return value;
                }
            }
        }
    }

    pub(crate) async fn send(&mut self, bytes: &[u8]) {
        self.port.write_all(bytes).await.unwrap();
    }

    /// Asks, and gives the answer; frames that come by themselves are none.
    pub(crate) async fn ask(&mut self, request: Request) -> Told {
        self.send(&request.encode()).await;
        loop {
            match self.next().await {
                Some(Seen::Told(Told::Async(..))) => {}
                Some(Seen::Told(told)) => return told,
                Some(_) => {}
                None => panic!("the port is gone"),
            }
        }
    }

    /// The bytes of a register, if the device gives them.
    pub(crate) async fn get(&mut self, register: u16) -> Result<Vec<u8>, Flags> {
        match self.ask(Request::Get(register)).await {
            Told::Get(id, flags, bytes) => {
                assert_eq!(id, register);
                if flags.is_ok() { Ok(bytes) } else { Err(flags) }
            }
            other => panic!("{other:?}"),
        }
    }

    /// Writes; the value as it is afterwards.
    pub(crate) async fn set(&mut self, register: u16, bytes: &[u8]) -> Result<Vec<u8>, Flags> {
        match self.ask(Request::Set(register, bytes.to_vec())).await {
            Told::Set(id, flags, bytes) => {
                assert_eq!(id, register);
                if flags.is_ok() { Ok(bytes) } else { Err(flags) }
            }
            other => panic!("{other:?}"),
        }
    }
}

/// Whether a block is the first of two.
fn is_one_of_two(fields: &[Field]) -> bool {
    let has = |label: &str| fields.iter().any(|(name, _)| name == label);
    has("CE") || (has("PID") && has("VPV") && !has("H19"))
}

fn own(event: &Event<'_>) -> Seen {
    match event {
        Event::Block(block) => {
            let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
            let fields = block.fields();
            Seen::Block(
                fields
                    .map(|(label, value)| (text(label), text(value)))
                    .collect(),
            )
        }
        Event::Hex(frame) => Seen::Told(told(frame)),
        Event::Refused(refused) => Seen::Refused(refused.reason),
    }
}

fn told(frame: &Frame<'_>) -> Told {
    match Answer::decode(frame) {
        Answer::Ping(version) => Told::Ping(version),
        Answer::Done(bytes) => Told::Done(bytes.to_vec()),
        Answer::Get(value) => Told::Get(value.register, value.flags, value.bytes.to_vec()),
        Answer::Set(value) => Told::Set(value.register, value.flags, value.bytes.to_vec()),
        Answer::Async(value) => Told::Async(value.register, value.bytes.to_vec()),
        Answer::Malformed => Told::Malformed,
        Answer::UnknownCommand(bytes) => Told::UnknownCommand(bytes.to_vec()),
        _ => Told::Other,
    }
}
