//! The shapes of the tables: a model, the lines it says, the registers it has.

use super::quantities::Quantity;

/// One kind of device.
#[derive(Debug)]
pub struct Model {
    /// As on the command line.
    pub name: &'static str,
    /// What it is.
    pub about: &'static str,
    /// Its product id.
    pub product: u16,
    /// Its serial number; invented.
    pub serial: &'static str,
    /// Its firmware as HEX tells it: 0x4159 is 1.59.
    pub version: u16,
    /// What it does.
    pub kind: DeviceKind,
    /// Nominal voltage of its battery.
    pub volts: i64,
    /// What it can do at most, in watts.
    pub watts: i64,
    /// It gets its power from the panels, and is dead at night.
    pub sleeps: bool,
    /// What it says by itself, block after block.
    pub blocks: &'static [Block],
    /// Its registers.
    pub rows: &'static [&'static [Row]],
    /// Registers that it tells of by itself when they change.
    pub tells: &'static [u16],
    /// When it does that.
    pub telling: Telling,
    /// How it behaves when it is asked something.
    pub manners: Manners,
}

/// What a device does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeviceKind {
    /// It measures what goes into a battery and out of it.
    Shunt,
    /// It charges a battery from panels.
    Solar,
    /// It makes AC of a battery.
    Inverter,
    /// It charges a battery from the mains.
    Charger,
    /// It charges a battery from another one.
    Converter,
    /// It charges from panels and makes AC.
    Multi,
}

/// When a device tells of registers by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Telling {
    /// Only of the history when a day has ended.
    Days,
    /// For a while after it was asked something.
    Asked,
    /// Always.
    Always,
}

/// How a device behaves when it is asked something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manners {
    /// It has no HEX protocol.
    Deaf,
    /// Text stops until nothing has been asked for a while, and frames may cut lines of text.
    TextStops,
    /// Text goes on, and answers wait for the end of a block.
    TextGoesOn,
}

/// A block of text.
#[derive(Debug)]
pub struct Block {
    /// What it says, in order.
    pub lines: &'static [&'static [LabelRow]],
    /// How many of the device's seconds pass until the next block.
    pub pause: u32,
    /// The same while the device is off.
    pub pause_off: u32,
}

/// A line of text.
#[derive(Debug)]
pub struct LabelRow {
    /// Its label.
    pub label: &'static str,
    /// How its value comes about.
    pub show: Show,
    /// What the auxiliary input must be used for, for the line to be there.
    pub aux: Option<i64>,
}

/// How the value of a line comes about.
#[derive(Debug, Clone, Copy)]
pub enum Show {
    /// A quantity, divided, and rounded to a step.
    Number(Quantity, i64, i64),
    /// A quantity as `0x00000000`.
    Hex(Quantity),
    /// `ON` or `OFF`.
    Switch(Quantity),
    /// `On` or `Off`.
    OldSwitch(Quantity),
    /// Always this.
    Text(&'static str),
    /// The product id.
    Product,
    /// The serial number.
    Serial,
}

/// A register.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    /// Its number.
    pub id: u16,
    /// Where its value comes from.
    pub from: From,
    /// Bytes of its value, if it is a number.
    pub size: usize,
    /// Whether the number may be negative.
    pub signed: bool,
    /// What may be written.
    pub write: Write,
}

/// Where the value of a register comes from.
#[derive(Debug, Clone, Copy)]
pub enum From {
    /// A quantity, divided.
    Live(Quantity, i64),
    /// A temperature, in hundredths of a kelvin.
    Kelvin(Quantity),
    /// What was written last; this number at first.
    Setting(i64),
    /// What was written last; not available at first, and again when it is not written any more.
    Network,
    /// Text, with zeros up to this length.
    Text(&'static str, usize),
    /// The serial number, with zeros up to this length.
    Serial(usize),
    /// The product id, in the way the firmware does it.
    Product,
    /// The firmware, three bytes.
    Firmware,
    /// Nothing: it is written without a value, which starts something.
    Start,
}

/// What may be written to a register.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Write {
    /// Nothing.
    Nothing,
    /// Everything.
    Anything,
    /// One of these numbers.
    OneOf(&'static [i64]),
    /// Numbers from the first to the second.
    Range(i64, i64),
    /// 0 and 1, if the relay mode register allows it.
    Relay,
}

impl Model {
    /// The model of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        super::MODELS.iter().find(|model| model.name == name)
    }

    /// The labels of its text while nothing is changed, in the order of the wire.
    pub fn labels(&self) -> impl Iterator<Item = &'static str> + use<> {
        let aux = self.initial(AUX_MODE).unwrap_or(AUX_STARTER);
        let lines = self.lines();
        lines
            .filter(move |line| line.aux.is_none_or(|needed| needed == aux))
            .map(|line| line.label)
    }

    /// The registers it has, without those of the history.
    pub fn register_ids(&self) -> impl Iterator<Item = u16> + use<> {
        self.rows.iter().copied().flatten().map(|row| row.id)
    }

    fn lines(&self) -> impl Iterator<Item = &'static LabelRow> + use<> {
        self.blocks
            .iter()
            .flat_map(|block| block.lines.iter().copied().flatten())
    }

    /// The register of this number. Where a model's own table and a shared one both have it, the
    /// model's own comes first.
    pub fn row(&self, id: u16) -> Option<&'static Row> {
        self.rows.iter().copied().flatten().find(|row| row.id == id)
    }

    fn initial(&self, id: u16) -> Option<i64> {
        match self.row(id)?.from {
            From::Setting(number) => Some(number),
            _ => None,
        }
    }

    /// Whether it has a text line of this label.
    pub fn says(&self, label: &str) -> bool {
        self.lines().any(|line| line.label == label)
    }

    /// Its firmware as a number that reads in hex: 0x159 is 1.59.
    pub const fn firmware(&self) -> u16 {
        self.version & 0x3fff
    }

    /// Whether it is a solar charger with firmware before this one.
    pub fn is_before(&self, firmware: u16) -> bool {
        self.kind == DeviceKind::Solar && self.firmware() < firmware
    }

    /// Whether it remembers its days.
    pub const fn has_days(&self) -> bool {
        matches!(self.kind, DeviceKind::Solar | DeviceKind::Multi)
    }
}

/// Register of what the auxiliary input is used for.
pub const AUX_MODE: u16 = 0xeef8;
/// A starter battery.
pub const AUX_STARTER: i64 = 0;
/// The middle of the battery.
pub const AUX_MID: i64 = 1;
/// A temperature sensor.
pub const AUX_TEMPERATURE: i64 = 2;

/// One line for each model, for a help text.
pub fn model_list() -> String {
    let line = |model: &Model| format!("  {:<17} {}\n", model.name, model.about);
    super::MODELS.iter().map(line).collect()
}
