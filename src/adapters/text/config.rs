//! The section `[[text]]` of the configuration file.

mod check;

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, de};

use super::escapes::unescape;
use super::number::Number;
use crate::config::Period;
use crate::links::{Address, Parity};
use crate::model::{Decimal, Quantity};

/// One sensor that prints lines of text, or one program that does.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct TextConfig {
    /// A short word that tells this device from all others, such as `clamp`. Its history hangs on
    /// it, so never change it.
    pub id: Option<String>,
    /// The serial port of the sensor, best by its lasting name as in `/dev/serial/by-id/usb-...`, or
    /// a TCP server as in `tcp://192.168.1.9:2001`. Either this or `command`.
    pub port: Option<Address>,
    /// Bits per second of the serial port.
    pub baud: u32,
    /// Parity of the serial port.
    pub parity: Parity,
    /// What to send before each reading; `\n`, `\r`, `\t`, `\\` and `\xNN` stand for single bytes
    /// (write it in single quotes). Left out: nothing is sent, and lines are read as they come.
    pub ask: String,
    /// A program that prints the values, and its arguments, each by itself as in
    /// `["/usr/local/bin/temperv14", "-c"]`. No shell is involved. It runs with the rights of
    /// wattbridge.
    pub command: Vec<String>,
    /// How often the sensor is asked or the program is run. Without `ask` and `command`, lines are
    /// read as they come.
    pub interval: Period,
    /// How long an answer may take. A program that runs longer is killed.
    pub timeout: Period,
    /// How often is tried, a second apart, before a reading counts as failed.
    #[schemars(range(min = 1, max = 10))]
    pub tries: u8,
    /// A regular expression for the line, with a group in round brackets for each value (write it in
    /// single quotes). Left out: a number, with or without a unit behind it.
    pub pattern: Option<String>,
    /// How long there may be no reading before the values count as unknown; never less than two
    /// intervals.
    pub silent_after: Period,
    /// The most power in watts that this device can measure. More than this is taken for an error and
    /// is unknown, and so is energy that would need it. Left out: 50 kW.
    pub max_power: Option<u32>,
    /// The values in a line.
    pub values: Vec<ValueConfig>,
}

/// One value in a line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ValueConfig {
    /// A word for the value, such as `temperature` or `pump_power`: small letters, digits and single
    /// underscores. Its history hangs on it, so never change it.
    pub id: String,
    /// What the value is called. Left out: its `id` in words.
    pub name: Option<String>,
    /// What it measures, which says its unit: W, VA, var, kWh, kvarh, Ah, V, A, Hz, °C, %, dBm, s or min.
    /// Left out: a plain number.
    pub quantity: Quantity,
    /// The group of the pattern that holds it, by number or name. Left out: the first.
    pub group: Option<Group>,
    /// The number is multiplied by this ...
    pub scale: Number,
    /// ... and this is added.
    pub offset: Number,
    /// The smallest value that is possible. One below it is an error of the probe and left out.
    pub floor: Option<Number>,
    /// The largest value that is possible. One above it is an error of the probe and left out.
    pub ceiling: Option<Number>,
    /// Decimals to show. Left out: as is usual for the quantity.
    #[schemars(range(max = 6))]
    pub decimals: Option<u8>,
    /// Set to true for a counter that only ever grows, such as an energy in kWh.
    pub counter: bool,
    /// Set to true to have the energy summed up from this power, as a further value: `energy_total`
    /// from `power`, `pump_energy` from `pump_power`.
    pub energy: bool,
}

impl Default for TextConfig {
    fn default() -> Self {
        Self {
            id: None,
            port: None,
            baud: 9600,
            parity: Parity::None,
            ask: String::new(),
            command: Vec::new(),
            interval: Period::minutes(1),
            timeout: Period::seconds(5),
            tries: 3,
            pattern: None,
            silent_after: Period::minutes(5),
            max_power: None,
            values: Vec::new(),
        }
    }
}

impl Default for ValueConfig {
    fn default() -> Self {
        Self {
            id: String::new(),
            name: None,
            quantity: Quantity::Count,
            group: None,
            scale: Number(Decimal::integer(1)),
            offset: Number(Decimal::integer(0)),
            floor: None,
            ceiling: None,
            decimals: None,
            counter: false,
            energy: false,
        }
    }
}

/// A group of a pattern.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Group {
    /// By its number, from 1; 0 is all that matches.
    Number(usize),
    /// By its name.
    Name(String),
}

impl<'de> Deserialize<'de> for Group {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;

        impl de::Visitor<'_> for Visitor {
            type Value = Group;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("the number or the name of a group")
            }

            fn visit_i64<E: de::Error>(self, number: i64) -> Result<Group, E> {
                let number = usize::try_from(number);
                number.map(Group::Number).map_err(|_| {
                    E::custom("a group has no negative number; write 1 for the first one")
                })
            }

            fn visit_str<E: de::Error>(self, name: &str) -> Result<Group, E> {
                Ok(Group::Name(name.to_owned()))
            }
        }

        deserializer.deserialize_any(Visitor)
    }
}

impl JsonSchema for Group {
    fn schema_name() -> Cow<'static, str> {
        "Group".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["integer", "string"] })
    }
}

impl TextConfig {
    /// The word that its devices are known by; the adapter's where there is none, as for files.
    pub fn word(&self) -> &str {
        self.id.as_deref().unwrap_or(super::KIND)
    }

    /// What to send before each reading; nothing if lines come by themselves.
    pub fn question(&self) -> Vec<u8> {
        // Checked when it was read.
        unescape(&self.ask).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests;
