//! What a server answers to an inverter: yes, the time, and all of it sealed where the inverter seals.

use crate::adapters::solaredge::wire::{
    DeviceKey, Frame, FrameScanner, Handshake, Records, Scanned, SessionKey, address, function,
};
use crate::simulation::noise::Dice;

/// The server's end of a connection.
#[derive(Debug)]
pub struct Answering {
    key: Option<DeviceKey>,
    zone: i32,
    session: Option<SessionKey>,
    scanner: FrameScanner,
    number: u16,
    dice: Dice,
    /// The data of telemetry that has come.
    received: Vec<Vec<u8>>,
}

impl Answering {
    /// With the key of the inverter, if it encrypts, and seconds ahead of UTC.
    pub fn new(key: Option<DeviceKey>, zone: i32) -> Self {
        Self {
            key,
            zone,
            session: None,
            scanner: FrameScanner::default(),
            number: 0,
            dice: Dice::new(0x5e17),
            received: Vec::new(),
        }
    }

    /// A new connection.
    pub fn connected(&mut self) {
        self.scanner = FrameScanner::default();
        self.session = None;
    }

    /// Takes what has come, and gives what is answered.
    pub fn take(&mut self, bytes: &[u8], now: u32) -> Vec<u8> {
        let mut scanner = std::mem::take(&mut self.scanner);
        scanner.push(bytes);
        let mut answers = Vec::new();
        while let Some(scanned) = scanner.next() {
            if let Scanned::Frame { frame, .. } = scanned {
                self.frame(&frame, now, &mut answers);
            }
        }
        self.scanner = scanner;
        answers
    }

    /// The data of all telemetry that has come since this was asked last.
    pub fn received(&mut self) -> Vec<Vec<u8>> {
        std::mem::take(&mut self.received)
    }

    fn frame(&mut self, frame: &Frame<'_>, now: u32, answers: &mut Vec<u8>) {
        match frame.function {
            function::SESSION_KEY => {
                let (Some(key), Some(handshake)) = (&self.key, Handshake::new(frame.data)) else {
                    return;
                };
                self.session = Some(handshake.session(key));
                self.answer(frame, function::ACK, &[], answers);
            }
            function::SEALED => {
                let mut buffer = Vec::new();
                let session = self.session.clone();
                let inner = session
                    .as_ref()
                    .and_then(|it| it.open(frame.data, &mut buffer));
                if let Some(inner) = inner {
                    self.ask(&inner, now, answers);
                }
            }
            _ if self.session.is_none() => self.ask(frame, now, answers),
            _ => {}
        }
    }

    fn ask(&mut self, frame: &Frame<'_>, now: u32, answers: &mut Vec<u8>) {
        match frame.function {
            function::TELEMETRY => {
                if Records::new(frame.data).next().is_some() {
                    self.received.push(frame.data.to_vec());
                }
                self.answer(frame, function::ACK, &[], answers);
            }
            function::GET_TIME => {
                let time = [now.to_le_bytes(), self.zone.to_le_bytes()].concat();
                self.answer(frame, function::TIME, &time, answers);
            }
            _ => {}
        }
    }

    fn answer(&mut self, to: &Frame<'_>, function: u16, data: &[u8], answers: &mut Vec<u8>) {
        let inner = Frame {
            sequence: to.sequence,
            source: address::SERVER,
            destination: to.source,
            function,
            data,
        };
        let Some(session) = &self.session else {
            inner.encode(answers);
            return;
        };
        self.number = self.number.wrapping_add(1);
        let data = seal(session, &inner, self.number, &mut self.dice);
        Frame {
            sequence: self.number.wrapping_add(1000),
            source: address::TOOL,
            destination: address::BROADCAST,
            function: function::SEALED,
            data: &data,
        }
        .encode(answers);
    }
}

/// The data of the envelope of a frame.
pub fn seal(session: &SessionKey, frame: &Frame<'_>, number: u16, dice: &mut Dice) -> Vec<u8> {
    session.seal(frame, some(dice), number, some(dice))
}

/// So many bytes of anything.
pub fn some<const N: usize>(dice: &mut Dice) -> [u8; N] {
    std::array::from_fn(|_| dice.below(256) as u8)
}
