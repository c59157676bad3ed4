//! The value of a metric at a moment.

use std::borrow::Cow;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Decimal;

/// The value of a metric. Not knowing it is a value too: never 0, and never left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Value {
    /// The device does not say, or says that it does not know.
    Unknown,
    /// A number in the unit of the metric's quantity.
    Number(Decimal),
    /// Words, or one word of a closed list.
    Text(Cow<'static, str>),
    /// On or off.
    OnOff(bool),
    /// A moment.
    Timestamp(Timestamp),
}

impl Value {
    /// The value for JSON: `null` for unknown, `"ON"`/`"OFF"`, ISO 8601 for moments.
    pub fn to_json(&self) -> serde_json::Value {
        match self {
            Self::Unknown => serde_json::Value::Null,
            Self::Number(number) => number.to_json(),
            Self::Text(text) => serde_json::Value::from(text.as_ref()),
            Self::OnOff(on) => serde_json::Value::from(if *on { "ON" } else { "OFF" }),
            Self::Timestamp(at) => {
                serde_json::Value::from(at.strftime("%Y-%m-%dT%H:%M:%S+00:00").to_string())
            }
        }
    }

    /// The number, if it is one.
    pub const fn as_number(&self) -> Option<Decimal> {
        match self {
            Self::Number(number) => Some(*number),
            _ => None,
        }
    }

    /// Whether anything is known.
    pub const fn is_known(&self) -> bool {
        !matches!(self, Self::Unknown)
    }
}

impl From<Decimal> for Value {
    fn from(number: Decimal) -> Self {
        Self::Number(number)
    }
}

impl From<bool> for Value {
    fn from(on: bool) -> Self {
        Self::OnOff(on)
    }
}

impl From<Timestamp> for Value {
    fn from(at: Timestamp) -> Self {
        Self::Timestamp(at)
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text.into())
    }
}

impl From<&'static str> for Value {
    fn from(text: &'static str) -> Self {
        Self::Text(text.into())
    }
}

/// `None` is unknown.
impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Unknown, Into::into)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_is_null_and_nothing_else() {
        assert_eq!(
            Value::from(None::<Decimal>).to_json(),
            serde_json::Value::Null
        );
        assert_eq!(
            Value::from(Decimal::integer(0)).to_json(),
            serde_json::json!(0)
        );
        assert_eq!(Value::from(false).to_json(), serde_json::json!("OFF"));
        let at: Timestamp = "2026-03-01T12:00:00.5Z".parse().unwrap();
        assert_eq!(
            Value::from(at).to_json(),
            serde_json::json!("2026-03-01T12:00:00+00:00")
        );
    }
}
