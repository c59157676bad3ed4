//! The communication board of a simulated inverter: what it says when, what it keeps until somebody has
//! heard it, and with what it seals. No I/O, no clock.

use std::collections::VecDeque;

use super::server::{seal, some};
use crate::adapters::solaredge::wire::{
    DeviceKey, Frame, FrameScanner, Handshake, Record, Scanned, Serial, SessionKey, address,
    function,
};
use crate::simulation::noise::Dice;

/// More data is not put into one frame.
const MOST_DATA: usize = 500;
/// Frames that the board keeps; the oldest are lost then.
const MOST_KEPT: usize = 20_000;
/// Seconds after which something is said once more that nobody has answered.
const PATIENCE: i64 = 30;

/// A frame that the board sends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// As it is sent, sealed perhaps.
    pub bytes: Vec<u8>,
    /// The data, if it is telemetry.
    pub telemetry: Option<Vec<u8>>,
}

/// What is waited for.
#[derive(Debug, Clone)]
struct Waiting {
    sequence: u16,
    what: Ask,
    since: i64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Ask {
    Session,
    Time,
    Nothing,
    Telemetry(Vec<u8>),
}

/// The communication board.
#[derive(Debug)]
pub struct Board {
    serial: Serial,
    key: Option<DeviceKey>,
    session: Option<SessionKey>,
    sequence: u16,
    number: u16,
    dice: Dice,
    asks: VecDeque<Ask>,
    waiting: Option<Waiting>,
    is_connected: bool,
    scanner: FrameScanner,
    out: VecDeque<Said>,
}

impl Board {
    /// That of an inverter.
    pub fn new(serial: Serial, key: Option<DeviceKey>) -> Self {
        Self {
            serial,
            key,
            session: None,
            sequence: (serial.0 & 0x0fff) as u16,
            number: 0,
            dice: Dice::new(u64::from(serial.0)),
            asks: VecDeque::new(),
            waiting: None,
            is_connected: false,
            scanner: FrameScanner::default(),
            out: VecDeque::new(),
        }
    }

    /// Whether there is a connection.
    pub const fn is_connected(&self) -> bool {
        self.is_connected
    }

    /// Whether something waits to be said or answered.
    pub fn is_busy(&self) -> bool {
        !self.asks.is_empty() || self.waiting.is_some()
    }

    /// There is a connection: it agrees on a key, asks for the time, and says all it has kept.
    pub fn connected(&mut self, at: i64) {
        self.is_connected = true;
        self.session = None;
        self.scanner = FrameScanner::default();
        self.asks.push_front(Ask::Time);
        if self.key.is_some() {
            self.asks.push_front(Ask::Session);
        }
        self.go_on(at);
    }

    /// The connection is gone; what nobody has answered is kept.
    pub fn lost(&mut self) {
        self.is_connected = false;
        self.out.clear();
        if let Some(Waiting {
            what: what @ Ask::Telemetry(_),
            ..
        }) = self.waiting.take()
        {
            self.asks.push_front(what);
        }
        self.asks.retain(|ask| matches!(ask, Ask::Telemetry(_)));
    }

    /// These records are to be told.
    pub fn tell(&mut self, records: &[Record<'_>], at: i64) {
        let mut data = Vec::new();
        for record in records {
            let mut bytes = Vec::new();
            record.encode(&mut bytes);
            if !data.is_empty() && data.len() + bytes.len() > MOST_DATA {
                self.asks
                    .push_back(Ask::Telemetry(std::mem::take(&mut data)));
            }
            data.append(&mut bytes);
        }
        if !data.is_empty() {
            self.asks.push_back(Ask::Telemetry(data));
        }
        while self.asks.len() > MOST_KEPT {
            self.asks.pop_front();
        }
        self.go_on(at);
    }

    /// It is still there.
    pub fn keep_alive(&mut self, at: i64) {
        if !self.is_connected {
            return;
        }
        if let Some(waiting) = self.waiting.take_if(|it| at - it.since >= PATIENCE) {
            self.asks.push_front(waiting.what);
        } else if !self.is_busy() {
            self.asks.push_back(Ask::Nothing);
        }
        self.go_on(at);
    }

    /// A new key for the session.
    pub fn rekey(&mut self, at: i64) {
        if self.key.is_some() && self.is_connected {
            self.asks.push_front(Ask::Session);
            self.go_on(at);
        }
    }

    /// What the server says.
    pub fn heard(&mut self, bytes: &[u8], at: i64) {
        let mut scanner = std::mem::take(&mut self.scanner);
        scanner.push(bytes);
        let mut answered = Vec::new();
        while let Some(scanned) = scanner.next() {
            let Scanned::Frame { frame, .. } = scanned else {
                continue;
            };
            match (&self.session, frame.function) {
                (Some(session), function::SEALED) => {
                    let mut buffer = Vec::new();
                    let inner = session.open(frame.data, &mut buffer);
                    answered.extend(inner.map(|it| (it.sequence, it.function)));
                }
                // In a session, nothing in clear counts.
                (Some(_), _) => {}
                (None, function) => answered.push((frame.sequence, function)),
            }
        }
        self.scanner = scanner;
        for (sequence, function) in answered {
            let is_answer = matches!(function, function::ACK | function::TIME);
            if is_answer {
                self.waiting.take_if(|it| it.sequence == sequence);
            }
        }
        self.go_on(at);
    }

    /// The next frame to be sent.
    pub fn next(&mut self) -> Option<Said> {
        self.out.pop_front()
    }

    /// Says the next thing, if nothing is waited for.
    fn go_on(&mut self, at: i64) {
        if !self.is_connected || self.waiting.is_some() {
            return;
        }
        let Some(what) = self.asks.pop_front() else {
            return;
        };
        self.sequence = self.sequence.wrapping_add(1);
        let mut said = Said {
            bytes: Vec::new(),
            telemetry: None,
        };
        match &what {
            Ask::Session => self.offer(&mut said.bytes),
            Ask::Time => self.frame(function::GET_TIME, &[], &mut said.bytes),
            Ask::Nothing => self.frame(function::TELEMETRY, &[], &mut said.bytes),
            Ask::Telemetry(data) => {
                self.frame(function::TELEMETRY, data, &mut said.bytes);
                said.telemetry = Some(data.clone());
            }
        }
        self.out.push_back(said);
        self.waiting = Some(Waiting {
            sequence: self.sequence,
            what,
            since: at,
        });
    }

    fn offer(&mut self, bytes: &mut Vec<u8>) {
        let Some(key) = &self.key else {
            return;
        };
        let session = SessionKey::new(some(&mut self.dice).into());
        let handshake = Handshake::offer(key, &session, some(&mut self.dice));
        self.session = Some(session);
        Frame {
            sequence: self.sequence,
            source: self.serial.0,
            destination: address::SERVER,
            function: function::SESSION_KEY,
            data: &handshake.data(),
        }
        .encode(bytes);
    }

    fn frame(&mut self, function: u16, data: &[u8], bytes: &mut Vec<u8>) {
        let inner = Frame {
            sequence: self.sequence,
            source: self.serial.0,
            destination: address::SERVER,
            function,
            data,
        };
        let Some(session) = &self.session else {
            inner.encode(bytes);
            return;
        };
        self.number = self.number.wrapping_add(1);
        let sealed = seal(session, &inner, self.number, &mut self.dice);
        Frame {
            function: function::SEALED,
            data: &sealed,
            ..inner
        }
        .encode(bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::super::server::Answering;
    use super::*;
    use crate::adapters::solaredge::wire::{Event, EventKind};

    const KEY: &str = "00112233445566778899AABBCCDDEEFF";

    fn record(at: u32) -> Record<'static> {
        Record::Event(Event {
            id: 0x7f1a_2b3c,
            at,
            kind: EventKind::Unknown(at),
        })
    }

    /// What the server has got after both have said all they have.
    fn talk(board: &mut Board, server: &mut Answering, at: i64) -> Vec<Vec<u8>> {
        while let Some(said) = board.next() {
            let answer = server.take(&said.bytes, 0);
            board.heard(&answer, at);
        }
        server.received()
    }

    #[test]
    fn what_nobody_has_heard_is_kept_and_told_in_order() {
        for key in [None, Some(KEY.parse::<DeviceKey>().unwrap())] {
            let mut server = Answering::new(key.clone(), 3600);
            let mut board = Board::new(Serial(0x7f1a_2b3c), key.clone());
            board.tell(&[record(1)], 1);
            assert_eq!(board.next(), None);
            server.connected();
            board.connected(2);
            assert_eq!(talk(&mut board, &mut server, 2).len(), 1);
            assert!(!board.is_busy());
            // The connection breaks before the answer.
            board.tell(&[record(2)], 3);
            assert!(board.next().is_some_and(|said| said.telemetry.is_some()));
            board.lost();
            board.tell(&[record(3)], 4);
            server.connected();
            board.connected(5);
            let received = talk(&mut board, &mut server, 5);
            let expected = [record(2), record(3)].map(|record| {
                let mut bytes = Vec::new();
                record.encode(&mut bytes);
                bytes
            });
            assert_eq!(received, expected);
        }
    }

    #[test]
    fn a_frame_without_an_answer_is_sent_once_more() {
        let mut board = Board::new(Serial(0x7f1a_2b3c), None);
        let mut server = Answering::new(None, 0);
        board.connected(0);
        talk(&mut board, &mut server, 0);
        board.tell(&[record(1)], 0);
        let said = board.next().unwrap();
        board.keep_alive(20);
        assert_eq!(board.next(), None);
        board.keep_alive(30);
        assert_eq!(board.next().unwrap().telemetry, said.telemetry);
    }

    #[test]
    fn an_answer_in_clear_does_not_count_in_a_session() {
        let mut board = Board::new(Serial(0x7f1a_2b3c), Some(KEY.parse().unwrap()));
        board.connected(0);
        let offer = board.next().unwrap();
        let frame = Frame::exactly(&offer.bytes).unwrap();
        assert_eq!(frame.function, function::SESSION_KEY);
        let mut answer = Vec::new();
        Frame {
            destination: frame.source,
            source: address::SERVER,
            function: function::ACK,
            data: &[],
            ..frame
        }
        .encode(&mut answer);
        board.heard(&answer, 0);
        assert_eq!(board.next(), None);
        assert!(board.is_busy());
    }
}
