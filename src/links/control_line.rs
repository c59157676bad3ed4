//! Lines that a device can be reset by.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use super::gpio::GpioLine;

/// A line that is wired to a device: of the serial adapter, or of the computer itself. Switched on, its pin is low.
///
/// As users write it: `dtr`, `rts`, `gpio:GPIO18` by the name of the line, `gpio:gpiochip0/18` by its chip and number.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub enum ControlLine {
    /// Data terminal ready of the serial adapter.
    Dtr,
    /// Request to send of the serial adapter.
    Rts,
    /// A line of a GPIO chip.
    Gpio(GpioLine),
}

/// A text names no line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ControlLineError {
    /// It is no kind of line.
    #[error(
        "\"{0}\" is no line to reset by; write \"dtr\" or \"rts\" of the serial adapter, or a line of this computer as in \"gpio:GPIO18\""
    )]
    Unknown(String),
    /// A number alone: of a pin, or of a line, and of which chip?
    #[error(
        "\"{0}\" may be a pin or a line; write the name of the line, as in \"gpio:GPIO18\" (which is on pin 12 of a Raspberry \
         Pi), or its chip and number, as in \"gpio:gpiochip0/18\""
    )]
    OnlyNumber(String),
    /// A chip without a number of a line, or with one that is none.
    #[error("\"{0}\" lacks the number of the line; write it like \"gpio:gpiochip0/18\"")]
    NoNumber(String),
    /// Not a name.
    #[error(
        "what stands behind gpio: is not the name of a line; write one as in \"gpio:GPIO18\": `gpioinfo` lists them"
    )]
    NotAName,
}

/// Names of lines are never longer, nor texts with them around.
const LONGEST: usize = 31;
const SHOWN: usize = 40;

impl FromStr for ControlLine {
    type Err = ControlLineError;

    fn from_str(text: &str) -> Result<Self, ControlLineError> {
        let text = text.trim();
        let shown = || text.chars().take(SHOWN).collect::<String>();
        let lower = text.to_ascii_lowercase();
        match lower.as_str() {
            "dtr" => return Ok(Self::Dtr),
            "rts" => return Ok(Self::Rts),
            _ => {}
        }
        let is_number = |text: &str| !text.is_empty() && text.bytes().all(|it| it.is_ascii_digit());
        let (place, has_prefix) = match lower.split_once(':') {
            Some(("gpio", _)) => (text.get(5..).unwrap_or_default().trim(), true),
            _ => (text, false),
        };
        if is_number(place) {
            return Err(ControlLineError::OnlyNumber(shown()));
        }
        let lower = place.to_ascii_lowercase();
        if let Some(rest) = lower.trim_start_matches("/dev/").strip_prefix("gpiochip") {
            let numbers = rest.split_once('/');
            let read = numbers.filter(|(chip, line)| is_number(chip) && is_number(line));
            let read = read.and_then(|(chip, line)| Some((chip.parse().ok()?, line.parse().ok()?)));
            let (chip, line) = read.ok_or_else(|| ControlLineError::NoNumber(shown()))?;
            return Ok(Self::Gpio(GpioLine::Numbered { chip, line }));
        }
        // The names on a Raspberry Pi need nothing in front.
        let is_plain = lower.strip_prefix("gpio").is_some_and(is_number);
        if !has_prefix && !is_plain {
            return Err(ControlLineError::Unknown(shown()));
        }
        let is_fit = |letter: char| letter.is_ascii_graphic() || letter == ' ';
        if place.is_empty() || place.len() > LONGEST || !place.chars().all(is_fit) {
            return Err(ControlLineError::NotAName);
        }
        Ok(Self::Gpio(GpioLine::Named(place.to_owned())))
    }
}

impl fmt::Display for ControlLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dtr => f.write_str("dtr"),
            Self::Rts => f.write_str("rts"),
            Self::Gpio(line) => write!(f, "gpio:{line}"),
        }
    }
}

impl TryFrom<String> for ControlLine {
    type Error = ControlLineError;

    fn try_from(text: String) -> Result<Self, ControlLineError> {
        text.parse()
    }
}

impl From<ControlLine> for String {
    fn from(line: ControlLine) -> Self {
        line.to_string()
    }
}

impl JsonSchema for ControlLine {
    fn schema_name() -> Cow<'static, str> {
        "ControlLine".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string" })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_line_is_read_as_people_write_it() {
        for (text, back) in [
            ("dtr", "dtr"),
            ("RTS", "rts"),
            ("gpio:GPIO18", "gpio:GPIO18"),
            ("GPIO18", "gpio:GPIO18"),
            (" gpio18 ", "gpio:gpio18"),
            ("gpio:PIN_12", "gpio:PIN_12"),
            ("gpio:gpiochip0/18", "gpio:gpiochip0/18"),
            ("GPIO:gpiochip4/018", "gpio:gpiochip4/18"),
            ("gpiochip0/18", "gpio:gpiochip0/18"),
            ("/dev/gpiochip0/18", "gpio:gpiochip0/18"),
        ] {
            let line: ControlLine = text
                .parse()
                .unwrap_or_else(|wrong| panic!("{text}: {wrong}"));
            assert_eq!(line.to_string(), back);
            assert_eq!(back.parse(), Ok(line));
        }
    }

    #[test]
    fn what_is_no_line_says_how_to_write_one() {
        for (text, advice) in [
            ("", "gpio:GPIO18"),
            ("cts", "gpio:GPIO18"),
            ("reset", "\"dtr\" or \"rts\""),
            ("gpio", "no line to reset by"),
            ("18", "pin 12"),
            ("gpio:18", "may be a pin or a line"),
            ("gpio:", "not the name"),
            ("gpio:gpiochip0", "lacks the number"),
            ("gpio:gpiochip0/", "lacks the number"),
            ("gpiochip0/x", "lacks the number"),
            ("gpiochip0/-1", "lacks the number"),
            ("gpiochip0/99999999999", "lacks the number"),
            ("gpio:a name that is longer than any is", "`gpioinfo`"),
            ("gpio:a\u{7}b", "not the name"),
        ] {
            let wrong = text.parse::<ControlLine>().unwrap_err().to_string();
            assert!(wrong.contains(advice), "{text:?}: {wrong}");
        }
    }

    proptest! {
        #[test]
        fn whatever_is_read_is_written_such_that_it_reads_the_same(
            text in "(gpio:|GPIO|gpiochip|/dev/gpiochip|)[ -~]{0,12}(/[0-9]{0,12})?",
        ) {
            if let Ok(line) = text.parse::<ControlLine>() {
                prop_assert_eq!(line.to_string().parse(), Ok(line));
            }
        }

        #[test]
        fn any_text_is_looked_at(text: String) {
            let _ = text.parse::<ControlLine>().map(|line| line.to_string());
        }
    }
}
