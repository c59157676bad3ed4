//! The section `[[text]]` of the configuration file.

use std::borrow::Cow;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, de};

use super::escapes::unescape;
use super::metrics;
use super::number::Number;
use super::values::Rules;
use crate::config::{Complaint, DeviceKey, Period, Settings};
use crate::links::{Address, Parity};
use crate::model::{Decimal, Derivation, Quantity};

/// Characters of an `id` at most.
const LONGEST_WORD: usize = 40;
/// Decimals that make sense of any value.
const MOST_DECIMALS: u8 = 6;
/// Bytes of a question at most.
const LONGEST_QUESTION: usize = 256;

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

    fn check_id(&self) -> Option<Complaint> {
        let advice = "write a short word of small letters, digits and single underscores, such as \
                      id = \"clamp\", and keep it for ever";
        match &self.id {
            None => Some(Complaint::new(
                "id",
                "a word for the device is missing",
                advice,
            )),
            Some(id) if !is_word(id) => Some(Complaint::new(
                "id",
                "it is not a word that can be used",
                advice,
            )),
            Some(_) => None,
        }
    }

    fn check_way(&self) -> Option<Complaint> {
        let is_odd = |word: &String| word.contains('\0');
        match (&self.port, self.command.first()) {
            (None, None) => Some(Complaint::new(
                "port",
                "it is not said where the lines come from",
                "write port = \"/dev/serial/by-id/usb-...\", or command = [\"/path/of/program\"]",
            )),
            (Some(_), Some(_)) => Some(Complaint::new(
                "command",
                "lines come from a port or from a program, not from both",
                "leave out one of the two; two sections can have both",
            )),
            (None, Some(program)) if program.trim().is_empty() => Some(Complaint::new(
                "command",
                "the name of the program is empty",
                "write its path as the first entry",
            )),
            (None, Some(_)) if self.command.iter().any(is_odd) => Some(Complaint::new(
                "command",
                "there is a zero byte in it, which no program takes",
                "write it anew",
            )),
            (None, Some(_)) if !self.ask.is_empty() => Some(Complaint::new(
                "ask",
                "a program cannot be asked anything",
                "leave it out, or give the program an argument in `command`",
            )),
            _ => None,
        }
    }

    /// An energy that would stand still for ever.
    fn check_energy(&self) -> Option<Complaint> {
        let is_asked = !self.ask.is_empty() || !self.command.is_empty();
        let is_rare = self.interval.get() >= Derivation::LONGEST_GAP;
        let summed = self.values.iter().any(|value| value.energy);
        (is_asked && is_rare && summed).then(|| {
            let gap = humantime::format_duration(Derivation::LONGEST_GAP);
            Complaint::new(
                "interval",
                format!("no energy is summed up from a power that is read only every {gap} or less often"),
                "write 30m or less, or take energy = true out of the value",
            )
        })
    }

    fn check_ask(&self) -> Option<Complaint> {
        match unescape(&self.ask) {
            Err(error) => Some(Complaint::new(
                "ask",
                error.to_string(),
                r"write \n, \r, \t, \\ or \xNN, such as '\x00'",
            )),
            Ok(bytes) if bytes.len() > LONGEST_QUESTION => Some(Complaint::new(
                "ask",
                format!("it is longer than {LONGEST_QUESTION} bytes"),
                "write what the sensor wants to hear before each reading",
            )),
            Ok(_) => None,
        }
    }
}

impl Settings for TextConfig {
    const DEVICE_KEYS: &'static [(DeviceKey, &'static str)] = &[
        (
            DeviceKey::Enabled,
            "Set to false to leave it alone without losing this section.",
        ),
        (
            DeviceKey::Name,
            "What the device is called. Left out: its `id` in words.",
        ),
        (DeviceKey::Area, "The room to propose for it."),
    ];

    fn check(&self) -> Vec<Complaint> {
        let mut complaints = Vec::new();
        complaints.extend(self.check_id());
        complaints.extend(self.check_way());
        if !(50..=4_000_000).contains(&self.baud) {
            complaints.push(Complaint::new(
                "baud",
                "no serial port has that many bits per second",
                "look into the papers of the sensor; 9600 is usual",
            ));
        }
        complaints.extend(self.check_ask());
        let least = Duration::from_millis(200).into();
        let periods = [
            ("interval", self.interval, [least, Period::days(1)]),
            ("timeout", self.timeout, [least, Period::minutes(5)]),
            ("silent_after", self.silent_after, [least, Period::days(7)]),
        ];
        complaints.extend(Complaint::of_periods(periods));
        complaints.extend(self.check_energy());
        if !(1..=10).contains(&self.tries) {
            complaints.push(Complaint::new(
                "tries",
                format!("{} is not between 1 and 10", self.tries),
                "leave it out for 3",
            ));
        }
        if self.max_power == Some(0) {
            complaints.push(Complaint::new(
                "max_power",
                "with 0 W every power would be an error",
                "write the most power that can be measured in watts, or leave it out",
            ));
        }
        if self.values.is_empty() {
            complaints.push(Complaint::new(
                "values",
                "there is no value to read",
                "write values = [{ id = \"temperature\", quantity = \"temperature\" }]",
            ));
        }
        let of_values = check_values(&self.values);
        let is_sound = of_values.is_empty();
        complaints.extend(of_values);
        if is_sound && let Err(complaint) = Rules::new(self) {
            complaints.push(complaint);
        }
        complaints
    }
}

/// Whether a word is fit for an identity.
fn is_word(word: &str) -> bool {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    word.starts_with(|c: char| c.is_ascii_lowercase())
        && word.chars().all(fits)
        && !word.contains("__")
        && !word.ends_with('_')
        && word.len() <= LONGEST_WORD
}

fn check_values(values: &[ValueConfig]) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    for (index, value) in values.iter().enumerate() {
        let found = check_value(value);
        complaints.extend(found.map(|(what, advice)| {
            let which = match value.id.as_str() {
                "" => format!("value {}", index + 1),
                key => format!("value {} (\"{key}\")", index + 1),
            };
            Complaint::new("values", format!("{which}: {what}"), advice)
        }));
    }
    if complaints.is_empty()
        && let Some((what, advice)) = metrics::clash(values)
    {
        complaints.push(Complaint::new("values", what, advice));
    }
    complaints
}

fn check_value(value: &ValueConfig) -> Option<(String, &'static str)> {
    let adds_up = [
        Quantity::Energy,
        Quantity::ReactiveEnergy,
        Quantity::Charge,
        Quantity::Duration,
        Quantity::Minutes,
        Quantity::Count,
    ];
    if value.id.is_empty() {
        let advice = "write a word such as id = \"temperature\", and keep it for ever";
        return Some(("its id is missing".to_owned(), advice));
    }
    if !is_word(&value.id) {
        return Some((
            "the id is not a word that can be used".to_owned(),
            "write small letters, digits and single underscores, such as pump_power",
        ));
    }
    if let (Some(floor), Some(ceiling)) = (value.floor, value.ceiling)
        && floor.0 > ceiling.0
    {
        return Some((
            format!("no value is above {} and below {}", floor.0, ceiling.0),
            "swap `floor` and `ceiling`",
        ));
    }
    if value.scale.0.is_zero() {
        return Some((
            "a scale of 0 makes every number 0".to_owned(),
            "leave it out for 1",
        ));
    }
    if value
        .decimals
        .is_some_and(|decimals| decimals > MOST_DECIMALS)
    {
        return Some((
            format!("nothing has more than {MOST_DECIMALS} decimals"),
            "leave `decimals` out",
        ));
    }
    if value.counter && !adds_up.contains(&value.quantity) {
        return Some((
            "that quantity cannot be a counter".to_owned(),
            "counters are energy, reactive_energy, charge, duration, minutes or count",
        ));
    }
    if value.energy && value.quantity != Quantity::Power {
        return Some((
            "energy can only be summed up from a power".to_owned(),
            "write quantity = \"power\" and a scale that makes watts, or leave `energy` out",
        ));
    }
    None
}

#[cfg(test)]
mod tests;
