//! Mistakes in the section, with what to do instead. Beside the section and not in it: the rules that are tried here
//! are made of it.

use std::time::Duration;

use super::super::escapes::unescape;
use super::super::metrics;
use super::super::values::Rules;
use super::{TextConfig, ValueConfig};
use crate::config::{Complaint, DeviceKey, Period, Settings};
use crate::model::{Derivation, Quantity};

/// Characters of an `id` at most.
const LONGEST_WORD: usize = 40;
/// Decimals that make sense of any value.
const MOST_DECIMALS: u8 = 6;
/// Bytes of a question at most.
const LONGEST_QUESTION: usize = 256;

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

impl TextConfig {
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
        Quantity::Gas,
        Quantity::Water,
        Quantity::Heat,
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
