//! How a device is now, as the page has it.

use std::borrow::Cow;
use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use super::discretion::{Discretion, Rank};
use crate::model::reserved::GIVEN;
use crate::model::{DeviceState, Health, Sentence, Value};

/// The state of a device, or what has changed of it.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct DeviceNow {
    /// The device.
    #[serde(rename = "ref")]
    pub reference: String,
    /// When its latest values were measured, in seconds since 1970; `null` before the first.
    pub at: Option<i64>,
    /// How many seconds usually lie between its values; `null` as long as that is not known. Values are old after
    /// three times as long.
    pub gap: Option<u32>,
    /// Since when it is as it is, in seconds since 1970. With `health` only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<i64>,
    /// How it is. In events only where that has changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub health: Option<HealthNow>,
    /// Its values by their keys; what is not known is `null`. In events only those that have changed.
    pub values: BTreeMap<String, serde_json::Value>,
    /// Values that are not believed, and why. In events it is there where that has changed; empty if all are
    /// believed again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub held: Option<BTreeMap<String, String>>,
}

/// How a device is, in words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct HealthNow {
    /// One word of a closed list.
    pub code: &'static str,
    /// That word in words.
    pub words: &'static str,
    /// Whether somebody should look after it.
    pub problem: bool,
    /// What was seen; may be empty.
    pub detail: String,
    /// What to do about it; may be empty.
    pub advice: String,
}

/// What is said of a device beside its state.
#[derive(Debug, Clone, Copy)]
pub struct Beside<'a> {
    /// What it is called.
    pub reference: &'a str,
    /// Since when it is as it is.
    pub since: Timestamp,
    /// Seconds that usually lie between its values.
    pub gap: Option<u32>,
}

impl DeviceNow {
    /// All of it.
    pub fn whole(
        state: &DeviceState,
        beside: &Beside<'_>,
        discretion: &Discretion,
        rank: Rank,
    ) -> Self {
        let held = held(state, discretion, rank);
        let values = state.values.iter().filter(|(key, _)| !is_given(key));
        Self {
            reference: beside.reference.to_owned(),
            at: state.at.map(Timestamp::as_second),
            gap: beside.gap,
            since: Some(beside.since.as_second()),
            health: Some(HealthNow::of(&state.health, discretion, rank)),
            values: values
                .map(|(key, value)| (key.to_string(), json(value, discretion, rank)))
                .collect(),
            held: (!held.is_empty()).then_some(held),
        }
    }

    /// What is different from what was told before.
    pub fn changed(
        state: &DeviceState,
        before: &DeviceState,
        beside: &Beside<'_>,
        discretion: &Discretion,
        rank: Rank,
    ) -> Self {
        let mut now = Self::whole(state, beside, discretion, rank);
        now.values
            .retain(|key, _| before.values.get(key.as_str()) != state.values.get(key.as_str()));
        if before.health == state.health {
            now.health = None;
            now.since = None;
        }
        now.held = (state.held != before.held).then(|| now.held.unwrap_or_default());
        now
    }
}

impl HealthNow {
    /// As somebody of this rank may read it.
    pub fn of(health: &Health, discretion: &Discretion, rank: Rank) -> Self {
        Self {
            code: health.code.code(),
            words: discretion.language.health_word(health.code),
            problem: health.code.is_problem(),
            detail: discretion.say(&health.detail, rank),
            advice: discretion.say(&health.advice, rank),
        }
    }
}

/// Whether every device has it: the page shows that as its health.
pub fn is_given(key: &str) -> bool {
    GIVEN.iter().any(|given| given.key == key)
}

/// The value for the page: unknown is `null`, on and off are true and false.
fn json(value: &Value, discretion: &Discretion, rank: Rank) -> serde_json::Value {
    match value {
        Value::OnOff(on) => (*on).into(),
        Value::Text(text) => discretion.text(text, rank).into(),
        other => other.to_json(),
    }
}

/// What is not believed, each with the key of the value it is about.
fn held(state: &DeviceState, discretion: &Discretion, rank: Rank) -> BTreeMap<String, String> {
    let said =
        |(key, words): (&Cow<'_, str>, &Sentence)| (key.to_string(), discretion.say(words, rank));
    state.held.iter().map(said).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Language;
    use crate::model::{Decimal, Device, HealthCode, Metric, Quantity};
    use crate::say;

    fn device() -> Device {
        let mut device = Device::new("smart_meter", "12345678", "Meter", "Kaifa");
        device.metrics = vec![
            Metric::measurement("power", Quantity::Power),
            Metric::lifetime("energy_import", Quantity::Energy).named("Energy"),
            Metric::lifetime("energy_import_high", Quantity::Energy).named("Energy high"),
            Metric::text("last_line"),
        ];
        device
    }

    fn state(values: &[(&'static str, Value)]) -> DeviceState {
        DeviceState {
            device: device().id,
            at: Some(Timestamp::UNIX_EPOCH),
            values: values
                .iter()
                .map(|(key, value)| (Cow::Borrowed(*key), value.clone()))
                .collect(),
            health: Health::ONLINE,
            held: BTreeMap::new(),
            era: 0,
        }
    }

    fn beside() -> Beside<'static> {
        Beside {
            reference: "0011223344",
            since: Timestamp::UNIX_EPOCH,
            gap: None,
        }
    }

    #[test]
    fn unknown_is_null_and_never_0() {
        let device = device();
        let discretion = Discretion::of([&device].into_iter(), Language::En);
        let unknown = state(&[
            ("power", Value::Unknown),
            ("last_line", "a 12345678".into()),
        ]);
        let whole = DeviceNow::whole(&unknown, &beside(), &discretion, Rank::Guest);
        let json = serde_json::to_value(&whole).unwrap();
        assert_eq!(json["values"]["power"], serde_json::Value::Null);
        assert_eq!(json["values"]["last_line"], "a …5678");
        assert_eq!(json["gap"], serde_json::Value::Null);
        // What becomes unknown is told, too.
        let before = state(&[
            ("power", Decimal::integer(0).into()),
            ("last_line", "a 12345678".into()),
        ]);
        let changed = DeviceNow::changed(&unknown, &before, &beside(), &discretion, Rank::Admin);
        assert_eq!(
            serde_json::to_value(&changed).unwrap()["values"],
            serde_json::json!({ "power": null })
        );
        assert!(changed.health.is_none() && changed.since.is_none() && changed.held.is_none());
    }

    #[test]
    fn what_is_held_is_said_of_the_value_it_is_about() {
        let device = device();
        let discretion = Discretion::of([&device].into_iter(), Language::En);
        let mut held = state(&[]);
        held.held.insert(
            "energy_import".into(),
            say!("{name} jumps", name = "Energy of 12345678"),
        );
        let whole = DeviceNow::whole(&held, &beside(), &discretion, Rank::Guest);
        assert!(whole.values.is_empty());
        let said = whole.held.unwrap();
        assert_eq!(said["energy_import"], "Energy of …5678 jumps");
        let fine = state(&[]);
        let changed = DeviceNow::changed(&fine, &held, &beside(), &discretion, Rank::Guest);
        assert_eq!(changed.held, Some(BTreeMap::new()));
    }

    #[test]
    fn a_change_of_health_is_told_with_its_time() {
        let device = device();
        let (before, mut after) = (state(&[]), state(&[]));
        after.health = Health::new(HealthCode::Silent).seen("nothing from 12345678");
        let discretion = Discretion::of([&device].into_iter(), Language::En);
        let told = DeviceNow::changed(&after, &before, &beside(), &discretion, Rank::Guest);
        assert_eq!(told.since, Some(0));
        let health = told.health.unwrap();
        assert_eq!(
            (health.code, health.detail.as_str()),
            ("silent", "nothing from …5678")
        );
        assert!(health.problem);
    }
}
