//! The whole memory of a device, read once.

use super::super::health;
use super::super::wire::history::{Day, Totals, TrackersDay};
use super::super::wire::products::Product;
use crate::device::line;
use crate::links::{Address, LinkError};

/// What a device remembers.
#[derive(Debug, Clone, Default, PartialEq)]
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
    #[error("{}", line::unreachable(.0).sentence())]
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
