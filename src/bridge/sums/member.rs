//! The members of a sum as they are written: `victron_*/panel_power`.

use std::borrow::Cow;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::KIND;

/// A metric of one device, or of all devices whose ids fit.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Member {
    device: String,
    key: String,
}

/// The text names no member.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MemberError {
    #[error(
        "\"{0}\" is not a device and a metric; write it like \"aps_ecu_216000000001/power\", as in the topics of the values"
    )]
    NoSlash(String),
    #[error(
        "\"{0}\" has a * in the metric; write it in the device id only, as in \"victron_*/panel_power\""
    )]
    Wildcard(String),
    #[error(
        "\"{0}\" is not a device id and the key of a metric; both are made of a to z, 0 to 9 and _ only, as in the topics of the values"
    )]
    Character(String),
}

impl Member {
    /// The key of the metric.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Whether it may be several devices.
    pub fn is_pattern(&self) -> bool {
        self.device.contains('*')
    }

    /// Whether this device is meant. Sums are only meant by who says so: one more time the sum of
    /// the other members would be counted twice.
    pub fn names(&self, id: &str) -> bool {
        if is_of(id, KIND) && self.is_pattern() && !is_of(&self.device, KIND) {
            return false;
        }
        fits(self.device.as_bytes(), id.as_bytes())
    }

    /// Whether devices of this adapter can be among those that are meant.
    pub fn may_name(&self, adapter: &str) -> bool {
        let beginning = format!("{adapter}_");
        match self.device.split_once('*') {
            Some((fixed, _)) => fixed.starts_with(&beginning) || beginning.starts_with(fixed),
            None => self.device.starts_with(&beginning),
        }
    }
}

/// Whether an id is one of this adapter's devices.
fn is_of(id: &str, adapter: &str) -> bool {
    id.strip_prefix(adapter)
        .is_some_and(|rest| rest.starts_with('_'))
}

/// Whether a text fits a pattern, in which `*` is any text. Each `*` takes as little as it can, and
/// more when the rest does not fit: no step back goes further than the last one.
fn fits(pattern: &[u8], text: &[u8]) -> bool {
    let (mut at, mut read) = (0, 0);
    let mut last_star = None;
    while let Some(letter) = text.get(read) {
        match pattern.get(at) {
            Some(b'*') => {
                at += 1;
                last_star = Some((at, read));
            }
            Some(wanted) if wanted == letter => (at, read) = (at + 1, read + 1),
            _ => {
                let Some((behind, taken)) = last_star else {
                    return false;
                };
                last_star = Some((behind, taken + 1));
                (at, read) = (behind, taken + 1);
            }
        }
    }
    let rest = pattern.get(at..).unwrap_or_default();
    rest.iter().all(|letter| *letter == b'*')
}

impl std::fmt::Display for Member {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.device, self.key)
    }
}

impl FromStr for Member {
    type Err = MemberError;

    fn from_str(text: &str) -> Result<Self, MemberError> {
        let Some((device, key)) = text.split_once('/') else {
            return Err(MemberError::NoSlash(text.to_owned()));
        };
        if key.contains('*') {
            return Err(MemberError::Wildcard(text.to_owned()));
        }
        let is_word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        let is_device = |c: char| is_word(c) || c == '*';
        if device.is_empty()
            || key.is_empty()
            || !device.chars().all(is_device)
            || !key.chars().all(is_word)
        {
            return Err(MemberError::Character(text.to_owned()));
        }
        Ok(Self {
            device: device.to_owned(),
            key: key.to_owned(),
        })
    }
}

impl Serialize for Member {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Member {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

impl JsonSchema for Member {
    fn schema_name() -> Cow<'static, str> {
        "Member".into()
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
    use super::*;
    use proptest::prelude::*;

    fn member(text: &str) -> Member {
        text.parse().unwrap()
    }

    #[test]
    fn a_star_is_any_part_of_a_device_id() {
        let names = |pattern: &str, id: &str| member(&format!("{pattern}/power")).names(id);
        assert!(
            names("smart_meter_1", "smart_meter_1") && !names("smart_meter_1", "smart_meter_12")
        );
        assert!(names("smart_meter_*", "smart_meter_12") && !names("smart_meter_*", "aps_ecu_1"));
        assert!(names("*_2*4", "smart_meter_1_2344") && !names("*_2*4", "smart_meter_1_23445"));
        assert!(names("*", "smart_meter_1") && names("smart_meter_1*", "smart_meter_1"));
        assert!(!names("smart_meter_1*1", "smart_meter_1"));
    }

    #[test]
    fn only_who_says_sum_means_sums() {
        let names = |text: &str| member(text).names("sum_pv");
        assert!(names("sum_pv/power") && names("sum_*/power"));
        assert!(!names("*/power") && !names("s*/power") && !names("sum*/power"));
        assert!(member("sum*/power").names("summer_1"));
    }

    #[test]
    fn adapters_that_may_be_meant() {
        let may = |text: &str, adapter: &str| member(text).may_name(adapter);
        assert!(may("*/power", "smart_meter") && may("smart*/power", "smart_meter"));
        assert!(
            may("smart_meter_1*/power", "smart_meter") && may("smart_meter_1/power", "smart_meter")
        );
        assert!(
            !may("smart_meter_*/power", "aps_ecu") && !may("smart_meters_*/power", "smart_meter")
        );
    }

    #[test]
    fn what_is_no_member_says_how_to_write_one() {
        let error = |text: &str| text.parse::<Member>().unwrap_err().to_string();
        assert!(error("power").contains("aps_ecu_216000000001/power"));
        assert!(error("smart_meter_1/*").contains("device id only"));
        for text in [
            "/power",
            "smart_meter_1/",
            "Kaifa_1/power",
            "smart_meter_1/a/b",
            "smart_meter?1/power",
        ] {
            assert!(error(text).contains("a to z"), "{text}");
        }
    }

    proptest! {
        #[test]
        fn whatever_stands_for_the_stars_fits(parts in prop::collection::vec("[a-c_]{0,4}", 1..5), fill in prop::collection::vec("[a-c_]{0,4}", 4)) {
            let mut text = String::new();
            for (index, part) in parts.iter().enumerate() {
                if index > 0 {
                    text.push_str(&fill[index - 1]);
                }
                text.push_str(part);
            }
            prop_assert!(fits(parts.join("*").as_bytes(), text.as_bytes()));
        }

        #[test]
        fn any_text_is_read_or_refused(text in ".*") {
            if let Ok(member) = text.parse::<Member>() {
                prop_assert_eq!(member.to_string(), text);
            }
        }
    }
}
