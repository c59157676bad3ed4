//! Controls: what can be set on a device, where the user allowed it.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::{Decimal, DeviceId, Quantity, Value};

/// Something that writes to hardware.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Control {
    /// `snake_case` word; a metric of the same key reports what is set now.
    pub key: Cow<'static, str>,
    /// What a person reads.
    pub name: Cow<'static, str>,
    /// What it accepts.
    pub kind: ControlKind,
    /// Whether it belongs to setting up what the section lists, and is there without any further permission.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_setup: bool,
}

impl Control {
    /// One that is only there where the user allows control.
    pub const fn new(key: &'static str, name: &'static str, kind: ControlKind) -> Self {
        Self {
            key: Cow::Borrowed(key),
            name: Cow::Borrowed(name),
            kind,
            is_setup: false,
        }
    }

    /// One that sets up what the section lists, and is always there.
    pub const fn of_setup(key: &'static str, name: &'static str, kind: ControlKind) -> Self {
        let mut control = Self::new(key, name, kind);
        control.is_setup = true;
        control
    }
}

/// What a control accepts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ControlKind {
    /// On or off.
    Switch,
    /// A number within bounds.
    Number {
        /// What is set.
        quantity: Quantity,
        /// The smallest value.
        min: Decimal,
        /// The largest value.
        max: Decimal,
        /// The step between values.
        step: Decimal,
    },
    /// One of a list of words.
    Select(Vec<Cow<'static, str>>),
    /// A push.
    Button,
}

/// A wish of the user for a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    /// For which device.
    pub device: DeviceId,
    /// For which control.
    pub key: String,
    /// What to set; [`Value::Unknown`] for a push.
    pub value: Value,
}

/// What became of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandOutcome {
    /// The value that the device confirmed, or why not.
    pub result: Result<Value, String>,
}

/// Why a command is not even tried.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// No such device.
    #[error("there is no device {0}; look at the list of devices for its id")]
    UnknownDevice(String),
    /// The device has no such control.
    #[error(
        "{device} has no control \"{key}\"; the page of its kind says what can be set, and whether its section \
         has to say allow_control = true for that"
    )]
    UnknownControl {
        /// The device.
        device: String,
        /// The control that was asked for.
        key: String,
    },
    /// The text is not of the control's kind.
    #[error("\"{given}\" is not {expected}")]
    NotOfItsKind {
        /// What was sent, shortened.
        given: String,
        /// What would do.
        expected: String,
    },
    /// The device is busy with an earlier command of this control.
    #[error("the command before this one is still being carried out; try again in a moment")]
    Busy,
    /// The adapter that drives the device does not run at the moment.
    #[error("the device is not connected at the moment; try again when it is")]
    NotConnected,
}

impl ControlKind {
    /// Turns the text of a command into a value that this control accepts.
    pub fn parse(&self, text: &str) -> Result<Value, Refusal> {
        let text = text.trim();
        let refuse = |expected: String| Refusal::NotOfItsKind {
            given: text.chars().take(40).collect(),
            expected,
        };
        match self {
            Self::Switch => match text.to_ascii_uppercase().as_str() {
                "ON" | "1" | "TRUE" => Ok(Value::OnOff(true)),
                "OFF" | "0" | "FALSE" => Ok(Value::OnOff(false)),
                _ => Err(refuse("ON or OFF".to_owned())),
            },
            Self::Number { min, max, step, .. } => {
                let bounds = || format!("a number from {min} to {max} in steps of {step}");
                let number: Decimal = text.parse().map_err(|_| refuse(bounds()))?;
                let in_bounds = (*min..=*max).contains(&number);
                if in_bounds && is_step(number, *min, *step) {
                    Ok(Value::Number(number))
                } else {
                    Err(refuse(bounds()))
                }
            }
            Self::Select(options) => options
                .iter()
                .find(|option| *option == text)
                .map(|option| Value::Text(option.clone()))
                .ok_or_else(|| refuse(format!("one of {}", options.join(", ")))),
            Self::Button if text == "PRESS" => Ok(Value::Unknown),
            Self::Button => Err(refuse("PRESS".to_owned())),
        }
    }
}

fn is_step(number: Decimal, min: Decimal, step: Decimal) -> bool {
    let scale = number.scale().max(min.scale()).max(step.scale());
    let at = |n: Decimal| i128::from(n.with_scale(scale).mantissa());
    at(step) == 0 || (at(number) - at(min)) % at(step) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limit() -> ControlKind {
        ControlKind::Number {
            quantity: Quantity::Power,
            min: Decimal::integer(20),
            max: Decimal::integer(500),
            step: Decimal::new(5, 1),
        }
    }

    #[test]
    fn accepts_what_is_of_its_kind() {
        assert_eq!(ControlKind::Switch.parse(" on "), Ok(Value::OnOff(true)));
        assert_eq!(
            limit().parse("20.5"),
            Ok(Value::Number(Decimal::new(205, 1)))
        );
        assert_eq!(ControlKind::Button.parse("PRESS"), Ok(Value::Unknown));
        let select = ControlKind::Select(vec!["on".into(), "eco".into()]);
        assert_eq!(select.parse("eco"), Ok(Value::from("eco")));
    }

    #[test]
    fn refuses_the_rest_in_words() {
        for text in [
            "",
            "19",
            "501",
            "20.3",
            "NaN",
            "1e3",
            "99999999999999999999",
            "20;30",
        ] {
            let refusal = limit().parse(text).unwrap_err();
            assert!(
                refusal.to_string().contains("a number from 20 to 500"),
                "{text}: {refusal}"
            );
        }
        assert!(ControlKind::Switch.parse("perhaps").is_err());
        assert!(ControlKind::Button.parse("ON").is_err());
        assert!(ControlKind::Select(vec!["on".into()]).parse("off").is_err());
    }
}
