//! Reads the whole memory of a device, once.

use super::super::health;
use super::super::wire::families::Family;
use super::super::wire::hex::{Flags, Request, Value};
use super::super::wire::history::{
    DAYS, Day, Record, RecordError, TODAY, TOTALS, TRACKERS_TODAY, Totals, TrackersDay,
};
use super::super::wire::products::Product;
use super::super::wire::registers::{Reading, Register, SERIAL, serial_of};
use super::dialogue::{Dialogue, Reply};
use crate::links::{Address, LinkError, Links};

/// Days in a row without a record, after which there are no more.
const EMPTY: u32 = 3;

/// What a device remembers.
#[derive(Debug, Clone, PartialEq)]
pub struct Survey {
    /// What it is.
    pub product: Option<Product>,
    /// Its serial number, if it tells.
    pub serial: Option<String>,
    /// The whole life.
    pub totals: Option<Totals>,
    /// Latest first. Days that it has no record of are missing.
    pub days: Vec<Day>,
    /// The same by tracker; RS units only.
    pub trackers: Vec<TrackersDay>,
    /// Days that it did not answer for.
    pub unanswered: Vec<u16>,
}

/// Why the memory of a device cannot be read. The words are for the user.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SurveyError {
    /// The port cannot be opened, because it is in use.
    #[error(
        "{0}. If that is a running wattbridge, stop it for as long as the history is read, or ask a device at \
         another port"
    )]
    Busy(LinkError),
    /// The port cannot be opened, or broke off.
    #[error("{}", health::unreachable(.0).sentence())]
    Link(LinkError),
    /// It sends text, and answers nothing.
    #[error(
        "the device sends text but answers no question, so its history cannot be read. Some cables and adapters \
         only listen: connect the TX line of the adapter to RX of the device, or use a VE.Direct USB cable. If the \
         port is passed on by TCP, let it pass on both directions. The oldest devices, such as a BMV-602, answer \
         nothing at all"
    )]
    Deaf,
    /// Nothing comes.
    #[error(
        "nothing comes from {0}, and no question is answered. Check the plug at the device and that the device has \
         power; some chargers have none at night"
    )]
    Silent(Address),
    /// What comes is no VE.Direct.
    #[error("{}", health::garbled().sentence())]
    Garbled,
    /// The device has no such memory.
    #[error(
        "{0} keeps no history of its days; only solar chargers and RS units do. What wattbridge itself has seen of \
         it is in Home Assistant"
    )]
    None(String),
}

impl From<LinkError> for SurveyError {
    fn from(error: LinkError) -> Self {
        match error {
            LinkError::Busy(_) => Self::Busy(error),
            error => Self::Link(error),
        }
    }
}

/// Reads what the device at a port remembers of this many days before today. `begin` is told what
/// is there before the long part.
pub async fn survey(
    links: &Links,
    address: &Address,
    days: u16,
    begin: impl FnOnce(&str),
) -> Result<Survey, SurveyError> {
    let mut dialogue = Dialogue::open(links, address).await?;
    let survey = ask(&mut dialogue, address, days, begin).await;
    dialogue.close().await;
    survey
}

async fn ask(
    dialogue: &mut Dialogue,
    address: &Address,
    days: u16,
    begin: impl FnOnce(&str),
) -> Result<Survey, SurveyError> {
    if dialogue.ask(&Request::Ping).await?.is_none() {
        let heard = dialogue.heard();
        return Err(match (heard.bytes, heard.good) {
            (0, _) => SurveyError::Silent(address.clone()),
            (_, 0) => SurveyError::Garbled,
            _ => SurveyError::Deaf,
        });
    }
    let product = match dialogue.ask(&Request::Product).await? {
        Some(Reply::Word(id)) => Some(Product::of(id)),
        _ => None,
    };
    let name = product.map_or_else(|| "the device".to_owned(), |product| product.to_string());
    let family = product.and_then(|product| product.family);
    if family.is_some_and(|family| !matches!(family, Family::Mppt | Family::Rs)) {
        return Err(SurveyError::None(name));
    }
    let serial = serial(dialogue).await?;
    begin(&name);
    let totals = match record(dialogue, TOTALS).await? {
        Found::Record(record) => match *record {
            Record::Totals(totals) => Some(totals),
            _ => None,
        },
        _ => None,
    };
    let mut survey = Survey {
        product,
        serial,
        totals,
        days: Vec::new(),
        trackers: Vec::new(),
        unanswered: Vec::new(),
    };
    survey.read(dialogue, TODAY, days).await?;
    if family == Some(Family::Rs) {
        survey.read(dialogue, TRACKERS_TODAY, days).await?;
    }
    let is_nothing = survey.totals.is_none() && survey.days.is_empty();
    if is_nothing && survey.unanswered.is_empty() {
        return Err(SurveyError::None(name));
    }
    Ok(survey)
}

async fn serial(dialogue: &mut Dialogue) -> Result<Option<String>, LinkError> {
    let answer = dialogue.get(SERIAL).await?;
    let bytes = answer.filter(|(flags, _)| flags.is_ok());
    let reading = bytes.and_then(|(_, bytes)| Some(Register::of(SERIAL)?.decode(&bytes)));
    Ok(match reading {
        Some(Reading::Text(told)) => serial_of(&told).map(str::to_owned),
        _ => None,
    })
}

/// What is in a register of the history.
enum Found {
    Record(Box<Record>),
    /// A day before the first one.
    Empty,
    /// The device has no such register, or something else in it.
    Absent,
    Unanswered,
}

async fn record(dialogue: &mut Dialogue, register: u16) -> Result<Found, LinkError> {
    let Some((flags, bytes)) = dialogue.get(register).await? else {
        return Ok(Found::Unanswered);
    };
    let value = Value {
        register,
        flags,
        bytes: &bytes,
    };
    Ok(match Record::decode(&value) {
        Ok(record) => Found::Record(Box::new(record)),
        Err(RecordError::Empty { flags, .. }) if flags.has(Flags::PARAMETER) => Found::Empty,
        Err(_) => Found::Absent,
    })
}

impl Survey {
    async fn read(
        &mut self,
        dialogue: &mut Dialogue,
        today: u16,
        days: u16,
    ) -> Result<(), LinkError> {
        let (mut empty, mut silent) = (0, 0);
        for ago in 0..=days.min(DAYS) {
            match record(dialogue, today + ago).await? {
                Found::Record(record) => match *record {
                    Record::Day(day) => self.days.push(day),
                    Record::Trackers(day) => self.trackers.push(day),
                    Record::Totals(_) => {}
                },
                Found::Absent => break,
                Found::Empty => {
                    empty += 1;
                    if empty == EMPTY {
                        break;
                    }
                    continue;
                }
                Found::Unanswered => {
                    self.unanswered.push(ago);
                    silent += 1;
                    if silent == EMPTY {
                        break;
                    }
                    continue;
                }
            }
            (empty, silent) = (0, 0);
        }
        Ok(())
    }
}
