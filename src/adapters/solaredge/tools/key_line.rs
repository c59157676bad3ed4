//! Asks an inverter for its key, over RS-232, USB or RS-485. Nothing is written to it.
//!
//! ```text
//! 12 34 56 79  02 00 fd ff  01 00  fd ff ff ff  34 12 10 7f  12 00  39 02        5a 63    the first of four parts?
//! 12 34 56 79  06 00 f9 ff  01 00  34 12 10 7f  fd ff ff ff  90 00  kk kk kk kk 00 00  xx xx
//! ```
//!
//! On RS-485 some units answer a question only when the next one comes. An answer belongs to the question
//! with its sequence number, whenever it comes.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use zeroize::Zeroizing;

use crate::adapters::solaredge::wire::{
    DeviceKey, DeviceKeyError, Frame, FrameScanner, KEY_PARAMETERS, KeyPart, ParameterKind,
    Scanned, Serial, address, function, parameter_values,
};
use crate::clock::Moment;
use crate::device::Protocol;
use crate::device::protocol::{Input, Outbox, Output};
use crate::links::{Parity, SerialSettings};

/// How long an answer may take.
const ANSWER: Duration = Duration::from_secs(2);
/// How often a part is asked for.
const TRIES: u32 = 5;

/// Why there is no key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoKey {
    /// All four parts are zero.
    #[error(
        "{0} answers, and its key is all zeros: it has none. Either it has not been told to encrypt yet, so that it can be \
         read without a key, or it is one without a display (SetApp), which has no such key and cannot be read this way; \
         use Modbus TCP there"
    )]
    Zeros(Serial),
    /// It says no.
    #[error(
        "{0} refuses to tell its key; its firmware does not know the question, so a capture is the only way"
    )]
    Refused(Serial),
    /// Another one answers.
    #[error(
        "what answers is {other}, not {asked}; run this again with --inverter {other}, if that is what its label says"
    )]
    Other {
        /// Who was asked.
        asked: Serial,
        /// Who answers.
        other: Serial,
    },
    /// It stopped answering.
    #[error(
        "{unit} answered {found} of 4 questions and then no more; run this again, best when it is awake and nobody else \
         talks on the line"
    )]
    Broken {
        /// Who.
        unit: Serial,
        /// How many parts there are.
        found: usize,
    },
    /// Something came that is no frame.
    #[error(
        "only noise comes from {0}: {1} bytes, none of them a message; check that the cable is for RS-232 levels (or the \
         inverter's USB socket), and swap its two data wires"
    )]
    Noise(Serial, u64),
    /// Nothing came.
    #[error(
        "{0} does not answer; check the cable and that the inverter is awake, that the port is the right one, and compare \
         the serial number with the label. Over RS-485 many do not answer at all: use RS-232 or USB inside the cover"
    )]
    Silent(Serial),
}

/// The questions for the four parts, and what was answered.
pub struct KeyQuestions {
    unit: Serial,
    parts: [Option<Zeroizing<[u8; 4]>>; 4],
    /// Which part was asked for under which number.
    asked: BTreeMap<u16, KeyPart>,
    /// How often the present part was asked for.
    tries: u32,
    sequence: u16,
    deadline: Duration,
    scanner: FrameScanner,
    out: Outbox,
    other: Option<Serial>,
    is_refused: bool,
    noise: u64,
    result: Option<Result<DeviceKey, NoKey>>,
}

impl fmt::Debug for KeyQuestions {
    /// Without what was answered.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyQuestions")
            .field("unit", &self.unit)
            .field("missing", &self.missing())
            .field("tries", &self.tries)
            .finish_non_exhaustive()
    }
}

impl KeyQuestions {
    /// For this unit.
    pub fn new(unit: Serial) -> Self {
        Self {
            unit,
            parts: Default::default(),
            asked: BTreeMap::new(),
            tries: 0,
            sequence: 0,
            deadline: Duration::MAX,
            scanner: FrameScanner::default(),
            out: Outbox::default(),
            other: None,
            is_refused: false,
            noise: 0,
            result: None,
        }
    }

    /// The key, or why there is none, once that is known.
    pub fn result(&self) -> Option<Result<DeviceKey, NoKey>> {
        self.result.clone()
    }

    /// The first part that is not known yet.
    fn missing(&self) -> Option<KeyPart> {
        self.parts.iter().position(Option::is_none)
    }

    /// Asks for what is missing.
    fn ask(&mut self, now: Moment) {
        let Some(part) = self.missing() else {
            self.result = Some(self.whole());
            return;
        };
        if self.tries == TRIES {
            self.result = Some(Err(self.trouble()));
            return;
        }
        self.tries += 1;
        self.sequence = self.sequence.wrapping_add(1);
        self.asked.insert(self.sequence, part);
        self.deadline = now.steady + ANSWER;
        self.out.wake = self.deadline;
        let id = KEY_PARAMETERS.get(part).copied().unwrap_or_default();
        let mut bytes = Vec::new();
        Frame {
            sequence: self.sequence,
            source: address::TOOL,
            destination: self.unit.0,
            function: function::GET_PARAMETERS,
            data: &id.to_le_bytes(),
        }
        .encode(&mut bytes);
        self.out.push(Output::Send(bytes));
    }

    fn whole(&self) -> Result<DeviceKey, NoKey> {
        let mut key = Zeroizing::new([0; 16]);
        for (into, part) in key.as_chunks_mut().0.iter_mut().zip(&self.parts) {
            *into = part.as_deref().copied().unwrap_or_default();
        }
        DeviceKey::new(*key).map_err(|_: DeviceKeyError| NoKey::Zeros(self.unit))
    }

    fn trouble(&self) -> NoKey {
        let unit = self.unit;
        let found = self.parts.iter().flatten().count();
        match self.other {
            _ if found > 0 => NoKey::Broken { unit, found },
            _ if self.is_refused => NoKey::Refused(unit),
            Some(other) => NoKey::Other { asked: unit, other },
            None if self.noise > 0 => NoKey::Noise(unit, self.noise),
            None => NoKey::Silent(unit),
        }
    }

    fn bytes(&mut self, bytes: &[u8], now: Moment) {
        self.scanner.push(bytes);
        let mut heard = Vec::new();
        while let Some(scanned) = self.scanner.next() {
            match scanned {
                Scanned::Frame { frame, .. } => match frame.unit() {
                    Some(unit) if unit == self.unit => heard.extend(Answer::of(&frame)),
                    Some(other) => self.other = Some(other),
                    // Our own question, on a line that echoes.
                    None => {}
                },
                Scanned::Skipped { bytes, .. } => self.noise = self.noise.saturating_add(bytes),
            }
        }
        for answer in heard {
            self.answer(answer, now);
        }
    }

    fn answer(&mut self, answer: Answer, now: Moment) {
        if self.result.is_some() {
            return;
        }
        let Some(part) = self.asked.get(&answer.sequence).copied() else {
            return;
        };
        let was_missing = self.missing();
        match answer.value {
            Some(value) => {
                if let Some(place) = self.parts.get_mut(part) {
                    *place = Some(value);
                }
            }
            None => self.is_refused = true,
        }
        if self.missing() != was_missing {
            self.tries = 0;
        }
        // Also after an answer to an earlier question: the next one may bring out that to this one.
        self.ask(now);
    }
}

/// An answer of the unit.
struct Answer {
    sequence: u16,
    /// `None` if it refuses to tell.
    value: Option<Zeroizing<[u8; 4]>>,
}

impl Answer {
    fn of(frame: &Frame<'_>) -> Option<Self> {
        let sequence = frame.sequence;
        if frame.function == function::NACK {
            return Some(Self {
                sequence,
                value: None,
            });
        }
        let values = parameter_values(frame)?;
        let [value] = &values[..] else {
            return None;
        };
        let is_number = value.kind == ParameterKind::Number;
        is_number.then(|| Self {
            sequence,
            value: Some(Zeroizing::new(value.bytes)),
        })
    }
}

impl Protocol for KeyQuestions {
    fn settings(&self) -> SerialSettings {
        SerialSettings::new(115_200, Parity::None)
    }

    fn handle(&mut self, input: Input<'_>, now: Moment) {
        match input {
            Input::Opened => {
                self.scanner = FrameScanner::default();
                self.ask(now);
            }
            Input::Bytes(bytes) => self.bytes(bytes, now),
            Input::Time if now.steady >= self.deadline && self.result.is_none() => {
                // What was begun by now will not become whole.
                self.scanner.gap();
                self.bytes(&[], now);
                if now.steady >= self.deadline {
                    self.ask(now);
                }
            }
            _ => {}
        }
    }

    fn poll(&mut self) -> Output {
        self.out.poll()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const UNIT: Serial = Serial(0x7f10_1234);
    const KEY: &[u8; 16] = b"not a true key!!";

    fn at(seconds: u64) -> Moment {
        Moment {
            steady: Duration::from_secs(seconds),
            ..Moment::NONE
        }
    }

    /// What is to be sent; nothing if it waits.
    fn sent(questions: &mut KeyQuestions) -> Vec<Vec<u8>> {
        std::iter::from_fn(|| match questions.poll() {
            Output::Send(bytes) => Some(bytes),
            Output::Wait(_) => None,
            other => panic!("{other:?}"),
        })
        .collect()
    }

    fn opened() -> (KeyQuestions, Vec<u8>) {
        let mut questions = KeyQuestions::new(UNIT);
        questions.handle(Input::Opened, at(0));
        let first = sent(&mut questions).remove(0);
        (questions, first)
    }

    /// What a unit says to a question.
    fn answer(unit: Serial, key: &[u8; 16], question: &[u8]) -> Vec<u8> {
        let question = Frame::exactly(question).unwrap();
        let id = u16::from_le_bytes(question.data.try_into().unwrap());
        let part = usize::from(id - 0x0239);
        let mut bytes = Vec::new();
        let data = [&key[4 * part..4 * part + 4], &[0, 0]].concat();
        Frame {
            sequence: question.sequence,
            source: unit.0,
            destination: address::TOOL,
            function: function::PARAMETERS,
            data: &data,
        }
        .encode(&mut bytes);
        bytes
    }

    #[test]
    fn the_first_question_is_what_the_inverter_expects() {
        let (_, first) = opened();
        let expected = [
            0x12, 0x34, 0x56, 0x79, 2, 0, 0xfd, 0xff, 1, 0, 0xfd, 0xff, 0xff, 0xff, 0x34, 0x12,
            0x10, 0x7f, 0x12, 0, 0x39, 2, 0x5a, 0x63,
        ];
        assert_eq!(first, expected);
    }

    #[test]
    fn four_answers_are_a_key_however_they_are_cut() {
        let (mut questions, mut question) = opened();
        for _ in 0..4 {
            for byte in answer(UNIT, KEY, &question) {
                questions.handle(Input::Bytes(&[byte]), at(0));
            }
            question = sent(&mut questions).pop().unwrap_or_default();
        }
        assert_eq!(questions.result(), Some(Ok(DeviceKey::new(*KEY).unwrap())));
        assert!(question.is_empty(), "nothing more is asked");
    }

    #[test]
    fn a_unit_that_is_one_answer_behind_is_understood() {
        let (mut questions, mut last) = opened();
        let mut now = 0;
        // Nothing comes to the first; then to each question the answer to the one before.
        for _ in 0..20 {
            if questions.result().is_some() {
                break;
            }
            let mut next = sent(&mut questions);
            if let Some(next) = next.pop() {
                let late = answer(UNIT, KEY, &last);
                last = next;
                questions.handle(Input::Bytes(&late), at(now));
            } else {
                now += 2;
                questions.handle(Input::Time, at(now));
            }
        }
        assert_eq!(questions.result(), Some(Ok(DeviceKey::new(*KEY).unwrap())));
    }

    #[test]
    fn each_part_is_asked_for_five_times_two_seconds_apart() {
        let (mut questions, _) = opened();
        let mut count = 1;
        for second in 1..=20 {
            questions.handle(Input::Time, at(second));
            count += sent(&mut questions).len();
        }
        assert_eq!(count, 5);
        assert_eq!(questions.result(), Some(Err(NoKey::Silent(UNIT))));
        assert!(matches!(questions.poll(), Output::Wait(_)));
    }

    #[test]
    fn why_there_is_no_key_is_told_apart() {
        let after = |answer: &dyn Fn(&[u8]) -> Vec<u8>| {
            let (mut questions, mut question) = opened();
            for round in 1..30 {
                questions.handle(Input::Bytes(&answer(&question)), at(2 * round));
                questions.handle(Input::Time, at(2 * round));
                match sent(&mut questions).pop() {
                    Some(next) => question = next,
                    None => break,
                }
            }
            questions.result().unwrap().unwrap_err()
        };
        assert_eq!(after(&|it| answer(UNIT, &[0; 16], it)), NoKey::Zeros(UNIT));
        let other = Serial(0x7f10_9999);
        assert_eq!(
            after(&|it| answer(other, KEY, it)),
            NoKey::Other { asked: UNIT, other }
        );
        assert!(matches!(
            after(&|_| b"noise".to_vec()),
            NoKey::Noise(UNIT, 20..)
        ));
        let refusal = |it: &[u8]| {
            let mut bytes = Vec::new();
            Frame {
                sequence: Frame::exactly(it).unwrap().sequence,
                source: UNIT.0,
                destination: address::TOOL,
                function: function::NACK,
                data: &[],
            }
            .encode(&mut bytes);
            bytes
        };
        assert_eq!(after(&refusal), NoKey::Refused(UNIT));
        let only_first = |it: &[u8]| match it[20] {
            0x39 => answer(UNIT, KEY, it),
            _ => Vec::new(),
        };
        let broken = NoKey::Broken {
            unit: UNIT,
            found: 1,
        };
        assert_eq!(after(&only_first), broken);
    }

    #[test]
    fn the_key_is_not_in_what_is_shown_of_it() {
        let (mut questions, question) = opened();
        questions.handle(Input::Bytes(&answer(UNIT, KEY, &question)), at(0));
        let shown = format!("{questions:?}");
        assert!(
            shown.contains("missing: Some(1)") && !shown.contains("110, 111"),
            "{shown}"
        );
    }
}
