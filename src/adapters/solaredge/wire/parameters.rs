//! Parameters of a unit: what is asked, what is answered, what is written.
//!
//! An answer says values and not whose they are: it belongs to the request with its sequence number.

use std::collections::VecDeque;

use super::frame::{BarkerFrame, address, function};
use super::serial::Serial;

/// How many requests are remembered.
const ASKED: usize = 64;
/// How many parameters of a request are remembered; more do not fit into what an answer can be.
const IDS: usize = 128;

/// Where the four parts of a unit's key are.
pub const KEY: [u16; 4] = [0x0239, 0x023a, 0x023b, 0x023c];
/// Where the password of the unit's menu is.
const PASSWORD: u16 = 0x0028;

/// Whether a parameter is nobody's business.
pub fn is_secret(id: u16) -> bool {
    KEY.contains(&id) || id == PASSWORD
}

/// What a value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ParameterKind {
    /// A number.
    Number,
    /// A floating point number.
    Float,
    /// A number with a sign.
    Signed,
    /// Text, which follows.
    Text,
    /// Something unknown.
    Unknown(u16),
}

/// A value in an answer.
#[derive(Clone, PartialEq, Eq)]
pub struct ParameterValue<'a> {
    /// What it is.
    pub kind: ParameterKind,
    /// Its bytes.
    pub bytes: [u8; 4],
    /// Text that follows.
    pub text: &'a [u8],
}

/// The values in an answer; `None` if it is not written as one.
pub fn values<'a>(frame: &BarkerFrame<'a>) -> Option<Vec<ParameterValue<'a>>> {
    if frame.function != function::PARAMETERS {
        return None;
    }
    let mut rest = frame.data;
    let mut values = Vec::new();
    while !rest.is_empty() {
        let (bytes, after) = rest.split_first_chunk()?;
        let (kind, after) = after.split_first_chunk()?;
        rest = after;
        let kind = match u16::from_le_bytes(*kind) {
            0 => ParameterKind::Number,
            1 => ParameterKind::Float,
            2 => ParameterKind::Signed,
            3 => ParameterKind::Text,
            kind => ParameterKind::Unknown(kind),
        };
        let mut text = [].as_slice();
        if kind == ParameterKind::Text {
            let end = rest.iter().position(|byte| *byte == 0)?;
            text = rest.get(..end)?;
            rest = rest.get(end + 1..)?;
        }
        values.push(ParameterValue {
            kind,
            bytes: *bytes,
            text,
        });
    }
    Some(values)
}

/// The parameters that a request asks for.
pub fn asked_for(data: &[u8]) -> impl Iterator<Item = u16> {
    let (ids, _) = data.as_chunks();
    ids.iter().map(|id| u16::from_le_bytes(*id))
}

/// The parameter that is written, and its value.
pub fn written(frame: &BarkerFrame<'_>) -> Option<(u16, [u8; 4])> {
    if frame.function != function::SET_PARAMETER {
        return None;
    }
    let (id, rest) = frame.data.split_first_chunk()?;
    Some((u16::from_le_bytes(*id), *rest.first_chunk()?))
}

#[derive(Debug, PartialEq, Eq)]
struct Question {
    unit: Serial,
    asks: u32,
    sequence: u16,
}

/// Remembers requests for the answers to come.
#[derive(Debug, Default)]
pub struct Questions {
    asked: VecDeque<(Question, Vec<u16>)>,
}

impl Questions {
    /// Takes a frame; the parameters that were asked for, in their order, if this is the answer.
    pub fn take(&mut self, frame: &BarkerFrame<'_>) -> Option<Vec<u16>> {
        match frame.function {
            function::GET_PARAMETERS if !address::is_special(frame.destination) => {
                let question = Question {
                    unit: Serial::of_inverter(frame.destination),
                    asks: frame.source,
                    sequence: frame.sequence,
                };
                self.forget(&question);
                if self.asked.len() == ASKED {
                    self.asked.pop_front();
                }
                let ids = asked_for(frame.data).take(IDS).collect();
                self.asked.push_back((question, ids));
                None
            }
            function::PARAMETERS => self.forget(&Question {
                unit: frame.unit()?,
                asks: frame.destination,
                sequence: frame.sequence,
            }),
            _ => None,
        }
    }

    fn forget(&mut self, question: &Question) -> Option<Vec<u16>> {
        let at = self.asked.iter().position(|(it, _)| it == question)?;
        self.asked.remove(at).map(|(_, ids)| ids)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const UNIT: u32 = 0x7f12_3456;

    fn ask(sequence: u16, data: &[u8]) -> BarkerFrame<'_> {
        BarkerFrame {
            sequence,
            source: address::TOOL,
            destination: UNIT,
            function: function::GET_PARAMETERS,
            data,
        }
    }

    fn answer(sequence: u16, data: &[u8]) -> BarkerFrame<'_> {
        BarkerFrame {
            sequence,
            source: UNIT,
            destination: address::TOOL,
            function: function::PARAMETERS,
            data,
        }
    }

    #[test]
    fn an_answer_belongs_to_its_request() {
        let mut questions = Questions::default();
        assert_eq!(questions.take(&ask(1, &[0x39, 2, 0x3a, 2])), None);
        assert_eq!(questions.take(&ask(2, &[0x18, 0])), None);
        assert_eq!(questions.take(&answer(3, &[])), None);
        let other = BarkerFrame {
            source: UNIT + 1,
            ..answer(1, &[])
        };
        assert_eq!(questions.take(&other), None);
        assert_eq!(questions.take(&answer(2, &[])), Some(vec![0x18]));
        assert_eq!(questions.take(&answer(1, &[])), Some(vec![0x239, 0x23a]));
        assert_eq!(questions.take(&answer(1, &[])), None);
    }

    #[test]
    fn requests_without_answers_are_forgotten() {
        let mut questions = Questions::default();
        for sequence in 0..1000 {
            questions.take(&ask(sequence, &[1, 0]));
        }
        assert_eq!(questions.asked.len(), ASKED);
        assert_eq!(questions.take(&answer(0, &[])), None);
        assert_eq!(questions.take(&answer(999, &[])), Some(vec![1]));
    }

    #[test]
    fn values_have_kinds_and_text_follows() {
        let data = [
            &[1, 2, 3, 4, 0, 0][..],
            &[9, 9, 9, 9, 3, 0],
            b"text\0",
            &[0, 0, 0x80, 0x3f, 1, 0],
        ]
        .concat();
        let whole = answer(1, &data);
        let values_of = values(&whole).unwrap();
        let kinds: Vec<_> = values_of.iter().map(|value| value.kind).collect();
        let expected = [
            ParameterKind::Number,
            ParameterKind::Text,
            ParameterKind::Float,
        ];
        assert_eq!(kinds, expected);
        assert_eq!(values_of[1].text, b"text");
        assert!(values(&answer(1, &data[..data.len() - 1])).is_none());
        assert!(values(&answer(1, &data[..14])).is_none());
        assert!(values(&ask(1, &data)).is_none());
    }
}
