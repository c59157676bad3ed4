//! The questions that bring out the whole memory of a device, one after the other.

use std::time::Duration;

use super::super::poller::is_answer;
use super::super::protocol::SETTINGS;
use super::super::wire::families::Family;
use super::super::wire::hex::{Answer, Flags, Request, Value};
use super::super::wire::history::{DAYS, Record, RecordError, TODAY, TOTALS, TRACKERS_TODAY};
use super::super::wire::products::Product;
use super::super::wire::registers::{Register, RegisterReading, SERIAL, serial_of};
use super::super::wire::text::{Decoder, Event};
use super::survey::{Survey, SurveyError};
use crate::clock::Moment;
use crate::device::protocol::{Input, Outbox, Output};
use crate::device::{Protocol, line};
use crate::links::{Address, Links, SerialSettings};

/// How long an answer may take. Newer firmware holds it back until a block of text has ended.
const PATIENCE: Duration = Duration::from_secs(1);
/// How often a question is put, and the first one, which tells whether it is heard at all.
const TRIES: u32 = 4;
const FIRST_TRIES: u32 = 5;
/// Days in a row without a record, or without an answer, after which there are no more.
const EMPTY: u32 = 3;

/// What is asked for.
#[derive(Debug, Clone, Copy)]
enum Question {
    Ping,
    Product,
    Serial,
    Totals,
    /// A day, so many days ago.
    Day(u16),
    /// The same by tracker.
    Trackers(u16),
}

/// An answer, without what it borrows.
#[derive(Debug)]
enum Reply {
    /// A number of two bytes: the product id.
    Word(u16),
    Register(u16, Flags, Vec<u8>),
    /// That it hears us, or does not know the command.
    Other,
}

/// What is in a register of the history.
enum DayRecord {
    Record(Box<Record>),
    /// A day before the first one.
    Empty,
    /// The device has no such register, or something else in it.
    Absent,
    Unanswered,
}

/// Reads what the device at a port remembers of this many days before today. `begin` is told what
/// is there before the long part.
pub async fn survey(
    links: &Links,
    address: &Address,
    days: u16,
    begin: impl FnOnce(&str),
) -> Result<Survey, SurveyError> {
    let (mut interview, mut begin) = (Interview::new(address, days), Some(begin));
    let conversed = line::converse(&mut interview, address, links, |interview, _, _| {
        if let Some(name) = interview.subject()
            && let Some(begin) = begin.take()
        {
            begin(name);
        }
        interview.outcome().cloned()
    });
    conversed.await?
}

/// With a device whose line nobody else reads.
#[derive(Debug)]
struct Interview {
    address: Address,
    /// How many days before today.
    days: u16,
    decoder: Decoder,
    question: Question,
    /// When it was put last, and how often it may be put again.
    asked: Duration,
    left: u32,
    /// Whether anything has come, and anything whole.
    has_heard: bool,
    has_good: bool,
    /// Days since the last one with a record that were empty, and that were not answered for.
    empty: u32,
    silent: u32,
    /// What the device is called, once the long part has begun.
    subject: Option<String>,
    survey: Survey,
    outcome: Option<Result<Survey, SurveyError>>,
    out: Outbox,
}

impl Interview {
    /// For this many days before today.
    fn new(address: &Address, days: u16) -> Self {
        Self {
            address: address.clone(),
            days: days.min(DAYS),
            decoder: Decoder::new(),
            question: Question::Ping,
            asked: Duration::ZERO,
            left: 0,
            has_heard: false,
            has_good: false,
            empty: 0,
            silent: 0,
            subject: None,
            survey: Survey::default(),
            outcome: None,
            out: Outbox::default(),
        }
    }

    /// What the device is called, once it is certain that it is worth to go on, which takes a while.
    fn subject(&self) -> Option<&str> {
        self.subject.as_deref()
    }

    /// What came of it, at the end.
    const fn outcome(&self) -> Option<&Result<Survey, SurveyError>> {
        self.outcome.as_ref()
    }

    fn put(&mut self, question: Question, now: Duration) {
        let tries = match question {
            Question::Ping => FIRST_TRIES,
            _ => TRIES,
        };
        (self.question, self.left) = (question, tries);
        self.send(now);
    }

    fn send(&mut self, now: Duration) {
        self.left -= 1;
        self.asked = now;
        let request = self.question.request();
        self.out.push(Output::Send(request.encode()));
    }

    /// Reads what has come; the answer to the question, if it is there.
    fn hear(&mut self, bytes: &[u8]) -> Option<Reply> {
        self.has_heard |= !bytes.is_empty();
        let (request, has_good) = (self.question.request(), &mut self.has_good);
        let mut reply = None;
        self.decoder.push(bytes, |event| match event {
            Event::Block(_) => *has_good = true,
            Event::Hex(frame) => {
                *has_good = true;
                let answer = Answer::decode(&frame);
                if is_answer(&request, &answer) {
                    reply = Reply::of(&answer).or(reply.take());
                }
            }
            Event::Refused(_) => {}
        });
        reply
    }

    /// Goes on when the question was answered, or will not be any more.
    fn go_on(&mut self, reply: Option<Reply>, now: Duration) {
        match self.take(reply) {
            Ok(Some(next)) => self.put(next, now),
            Ok(None) => self.outcome = Some(Ok(std::mem::take(&mut self.survey))),
            Err(error) => self.outcome = Some(Err(error)),
        }
    }

    /// Takes the answer to a question; the next question, if there is one.
    fn take(&mut self, reply: Option<Reply>) -> Result<Option<Question>, SurveyError> {
        Ok(Some(match self.question {
            Question::Ping if reply.is_none() => return Err(self.why_deaf()),
            Question::Ping => Question::Product,
            Question::Product => {
                if let Some(Reply::Word(id)) = reply {
                    self.survey.product = Some(Product::of(id));
                }
                if !matches!(self.family(), None | Some(Family::Mppt | Family::Rs)) {
                    return Err(SurveyError::None(self.name()));
                }
                Question::Serial
            }
            Question::Serial => {
                self.survey.serial = reply.and_then(Reply::serial);
                self.subject = Some(self.name());
                Question::Totals
            }
            Question::Totals => {
                if let DayRecord::Record(record) = DayRecord::of(reply)
                    && let Record::Totals(totals) = *record
                {
                    self.survey.totals = Some(totals);
                }
                Question::Day(0)
            }
            Question::Day(ago) => match self.take_day(ago, reply) {
                Some(next) => Question::Day(next),
                None if self.family() == Some(Family::Rs) => Question::Trackers(0),
                None => return self.end(),
            },
            Question::Trackers(ago) => match self.take_day(ago, reply) {
                Some(next) => Question::Trackers(next),
                None => return self.end(),
            },
        }))
    }

    /// Takes the record of a day; which one comes next, unless that was the last.
    fn take_day(&mut self, ago: u16, reply: Option<Reply>) -> Option<u16> {
        let goes_on = match DayRecord::of(reply) {
            DayRecord::Record(record) => {
                match *record {
                    Record::Day(day) => self.survey.days.push(day),
                    Record::Trackers(day) => self.survey.trackers.push(day),
                    Record::Totals(_) => {}
                }
                (self.empty, self.silent) = (0, 0);
                true
            }
            DayRecord::Absent => false,
            DayRecord::Empty => {
                self.empty += 1;
                self.empty < EMPTY
            }
            DayRecord::Unanswered => {
                self.survey.unanswered.push(ago);
                self.silent += 1;
                self.silent < EMPTY
            }
        };
        let next = (goes_on && ago < self.days).then_some(ago + 1);
        if next.is_none() {
            (self.empty, self.silent) = (0, 0);
        }
        next
    }

    fn end(&self) -> Result<Option<Question>, SurveyError> {
        let survey = &self.survey;
        let is_nothing = survey.totals.is_none() && survey.days.is_empty();
        if is_nothing && survey.unanswered.is_empty() {
            return Err(SurveyError::None(self.name()));
        }
        Ok(None)
    }

    /// Why no question is answered.
    fn why_deaf(&self) -> SurveyError {
        match (self.has_heard, self.has_good) {
            (false, _) => SurveyError::Silent(self.address.clone()),
            (true, false) => SurveyError::Garbled,
            (true, true) => SurveyError::Deaf,
        }
    }

    fn family(&self) -> Option<Family> {
        self.survey.product.and_then(|product| product.family)
    }

    fn name(&self) -> String {
        let product = self.survey.product;
        product.map_or_else(|| "the device".to_owned(), |product| product.to_string())
    }
}

impl Protocol for Interview {
    fn settings(&self) -> SerialSettings {
        SETTINGS
    }

    fn handle(&mut self, input: Input<'_>, now: Moment) {
        let now = now.steady;
        let reply = match input {
            Input::Opened => {
                self.put(Question::Ping, now);
                None
            }
            Input::Bytes(bytes) => self.hear(bytes),
            _ => None,
        };
        if self.outcome.is_some() {
            return;
        }
        let is_late = now >= self.asked + PATIENCE;
        if reply.is_some() || (is_late && self.left == 0) {
            self.go_on(reply, now);
        } else if is_late {
            self.send(now);
        }
        self.out.wake = self.asked + PATIENCE;
    }

    fn poll(&mut self) -> Output {
        self.out.poll()
    }
}

impl Question {
    const fn request(self) -> Request {
        match self {
            Self::Ping => Request::Ping,
            Self::Product => Request::Product,
            Self::Serial => Request::Get(SERIAL),
            Self::Totals => Request::Get(TOTALS),
            Self::Day(ago) => Request::Get(TODAY + ago),
            Self::Trackers(ago) => Request::Get(TRACKERS_TODAY + ago),
        }
    }
}

impl Reply {
    fn of(answer: &Answer<'_>) -> Option<Self> {
        Some(match *answer {
            Answer::Done(_) => Self::Word(answer.word()?),
            Answer::Get(Value {
                register,
                flags,
                bytes,
            }) => Self::Register(register, flags, bytes.to_vec()),
            Answer::Ping(_) | Answer::UnknownCommand(_) => Self::Other,
            _ => return None,
        })
    }

    fn serial(self) -> Option<String> {
        let Self::Register(_, flags, bytes) = self else {
            return None;
        };
        match Register::of(SERIAL)?.decode(&bytes) {
            RegisterReading::Text(told) if flags.is_ok() => serial_of(&told).map(str::to_owned),
            _ => None,
        }
    }
}

impl DayRecord {
    fn of(reply: Option<Reply>) -> Self {
        let Some(Reply::Register(register, flags, bytes)) = reply else {
            return Self::Unanswered;
        };
        let value = Value {
            register,
            flags,
            bytes: &bytes,
        };
        match Record::decode(&value) {
            Ok(record) => Self::Record(Box::new(record)),
            Err(RecordError::Empty { flags, .. }) if flags.has(Flags::PARAMETER) => Self::Empty,
            Err(_) => Self::Absent,
        }
    }
}
