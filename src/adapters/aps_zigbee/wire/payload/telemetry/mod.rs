//! What an inverter measures.
//!
//! Two layouts are known. Which one it is follows from the command and the model in the answer, never from what the
//! user configured. All numbers have their high byte first; places count from the first byte of the serial number on.
//!
//! | | B1: YC600, QS1, QS1A | BB: DS3 and its kin, QS2 |
//! |---|---|---|
//! | length | 94 | 105 |
//! | sum | 0000 | right |
//! | model, firmware | | 11, 12..15 |
//! | status | 33..36 | 21..25, 58 |
//! | inputs | 16..27, packed | 26..33, 62..69 |
//! | grid voltage | 28..29 | 34..35 |
//! | frequency | 12..14, as the length of a period | 36..37 |
//! | clock | 17..18 (YC600), 30..31 (QS1) | 38..39 |
//! | power | | 40..41, reactive 42..43 |
//! | temperature | 10..11 | 48..49 |
//! | energy | 37..56, 40 bits each | 50..57, 70..77, 32 bits each |
//!
//! The scales of voltages and currents are the maker's: with them an inverter limited to 300 W gives 300 W.

mod b1;
mod bb;
mod counter;
mod status;

pub use counter::CounterScale;
pub use status::{ProducingState, STATUS_EVENTS, StatusBits, StatusEvent, StatusGroup};

use super::envelope::SPEAKER;
use super::info::InverterFirmware;
use crate::adapters::aps_zigbee::wire::ids::InverterSerial;
use crate::model::{Decimal, Sentence};
use crate::say;

/// Where the body begins in the application data.
const BODY: usize = SPEAKER + 4;

/// How an answer is laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TelemetryLayout {
    /// B1 with two inputs.
    Yc600,
    /// B1 with four.
    Qs1,
    /// BB with two.
    Ds3,
    /// BB with four. Described, and never seen.
    Qs2,
}

impl TelemetryLayout {
    /// Which number its energy counters are.
    pub const fn counter(self) -> CounterScale {
        match self {
            Self::Yc600 | Self::Qs1 => CounterScale::B1,
            Self::Ds3 | Self::Qs2 => CounterScale::Ds3,
        }
    }

    /// How many inputs it tells of.
    pub const fn inputs(self) -> usize {
        match self {
            Self::Yc600 | Self::Ds3 => 2,
            Self::Qs1 | Self::Qs2 => 4,
        }
    }
}

/// What one input gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PanelInput {
    /// In V. One without a panel floats at about 10 V.
    pub voltage: Decimal,
    /// In A.
    pub current: Decimal,
    /// Energy since the inverter started; what a step of it is says [`PanelTelemetry::counter_scale`].
    pub counter: u64,
}

impl PanelInput {
    /// In W: voltage times current, to the tenth.
    pub fn power(&self) -> Decimal {
        let product = self.voltage.times_plus(self.current, Decimal::integer(0));
        product.unwrap_or(Decimal::integer(0)).rounded(1)
    }
}

/// What an inverter told when it was polled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PanelTelemetry {
    /// Whose it is.
    pub serial: InverterSerial,
    /// How it came.
    pub layout: TelemetryLayout,
    /// The code of its model, where the answer has it.
    pub model: Option<u8>,
    /// Its firmware, where the answer has it.
    pub firmware: Option<InverterFirmware>,
    /// In °C; `None` if it cannot be.
    pub temperature: Option<Decimal>,
    /// Of the grid, in Hz; `None` where there is none, and if it cannot be.
    pub frequency: Option<Decimal>,
    /// Of the grid, in V; `None` if it cannot be.
    pub grid_voltage: Option<Decimal>,
    /// Seconds since it started. A DS3 begins anew after 12 hours.
    pub clock: u16,
    /// What is the case with it.
    pub status: StatusBits,
    /// Bytes 66 and 67 of a QS1, something of its links that nobody has described.
    pub links: Option<u16>,
    /// A, B, and so on.
    pub inputs: Vec<PanelInput>,
    /// What it feeds in, in W, where the answer has it.
    pub ac_power: Option<u16>,
    /// In var, where the answer has it.
    pub reactive_power: Option<i16>,
    /// Byte 58 of a DS3.
    pub state: Option<u8>,
}

/// What no inverter can have measured: the whole answer is wrong then.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.says())]
pub enum Impossible {
    /// More volts than any input stands.
    Voltage {
        /// Its letter.
        input: char,
        /// How many.
        volts: Decimal,
    },
    /// More amperes than any input takes.
    Current {
        /// Its letter.
        input: char,
        /// How many.
        amperes: Decimal,
    },
}

impl Impossible {
    /// For people.
    pub fn says(self) -> Sentence {
        match self {
            Self::Voltage { input, volts } => say!(
                "input {input} would have {volts} V, and no inverter stands more than 80 V",
                input,
                volts
            ),
            Self::Current { input, amperes } => say!(
                "input {input} would have {amperes} A, and no inverter takes more than 30 A",
                input,
                amperes
            ),
        }
    }
}

/// The letter of an input, from 0 on.
pub fn input_letter(index: usize) -> char {
    u8::try_from(index)
        .ok()
        .and_then(|it| b'A'.checked_add(it))
        .map_or('?', char::from)
}

const MOST_VOLTS: Decimal = Decimal::integer(80);
const MOST_AMPERES: Decimal = Decimal::integer(30);

/// A value, if it lies there.
fn between(value: Decimal, least: i64, most: i64) -> Option<Decimal> {
    (Decimal::integer(least) <= value && value <= Decimal::integer(most)).then_some(value)
}

fn temperature(value: Decimal) -> Option<Decimal> {
    between(value, -50, 150)
}

fn frequency(value: Decimal) -> Option<Decimal> {
    between(value, 40, 70)
}

fn grid_voltage(value: Decimal) -> Option<Decimal> {
    between(value, 0, 300)
}

impl PanelTelemetry {
    /// That of application data with command B1, which have [`b1::LENGTH`] bytes; `None` if they have not.
    pub(super) fn of_b1(serial: InverterSerial, data: &[u8]) -> Option<Result<Self, Impossible>> {
        if data.len() != b1::LENGTH {
            return None;
        }
        b1::decode(serial, data).map(Self::possible)
    }

    /// The same for BB; `None` as well if nothing is known of the model's layout.
    pub(super) fn of_bb(serial: InverterSerial, data: &[u8]) -> Option<Result<Self, Impossible>> {
        if data.len() != bb::LENGTH {
            return None;
        }
        bb::decode(serial, data).map(Self::possible)
    }

    /// Its application data.
    pub fn data(&self) -> Vec<u8> {
        match self.layout {
            TelemetryLayout::Yc600 | TelemetryLayout::Qs1 => b1::encode(self),
            TelemetryLayout::Ds3 | TelemetryLayout::Qs2 => bb::encode(self),
        }
    }

    fn possible(self) -> Result<Self, Impossible> {
        for (index, input) in self.inputs.iter().enumerate() {
            let letter = input_letter(index);
            if input.voltage > MOST_VOLTS {
                return Err(Impossible::Voltage {
                    input: letter,
                    volts: input.voltage,
                });
            }
            if input.current > MOST_AMPERES {
                return Err(Impossible::Current {
                    input: letter,
                    amperes: input.current,
                });
            }
        }
        Ok(self)
    }

    /// Which number its energy counters are.
    pub const fn counter_scale(&self) -> CounterScale {
        self.layout.counter()
    }

    /// Energy of each input since the inverter started, in micro-watt-hours.
    pub fn energies(&self) -> Vec<u64> {
        let energy = |input: &PanelInput| self.counter_scale().energy_of(input.counter);
        self.inputs.iter().map(energy).collect()
    }

    /// What all inputs take from the panels, in W.
    pub fn dc_power(&self) -> Decimal {
        Decimal::total(self.inputs.iter().map(|input| (input.power(), false)))
    }

    /// What byte 58 says.
    pub fn producing(&self) -> Option<ProducingState> {
        self.state.map(ProducingState::of_byte)
    }
}

#[cfg(test)]
mod tests;
