//! The state message of a device: one flat JSON object, so that all values belong to one moment.
//!
//! Every metric is in it, unknown ones as `null`: Home Assistant would keep the old value of one that
//! is left out.

use serde_json::{Map, Value as Json};

use crate::model::{Behavior, Device, DeviceState, Metric, Role, Value, reserved};
use crate::words::Language;

/// Home Assistant refuses a longer text.
const LONGEST_TEXT: usize = 255;
/// The option for values that a list does not have.
const OTHER: &str = "other";

/// The message. `vanished` are keys that Home Assistant may still look for: they are `null`.
pub fn state<'a>(
    device: &Device,
    state: &DeviceState,
    language: Language,
    vanished: impl Iterator<Item = &'a str>,
) -> Json {
    let mut object = Map::new();
    object.insert(reserved::TIME.to_owned(), Value::from(state.at).to_json());
    let code = state.health.code.code();
    object.insert(reserved::HEALTH.key.to_owned(), code.into());
    for (key, words) in [
        (reserved::STATUS_DETAIL, &state.health.detail),
        (reserved::STATUS_ADVICE, &state.health.advice),
    ] {
        if !words.is_empty() {
            object.insert(key.to_owned(), cut(&language.say(words)).into());
        }
    }
    for metric in &device.metrics {
        let value = match told(metric, state, language) {
            Some(words) => cut(&words).into(),
            None => fitting(metric, state.value(&metric.key), language),
        };
        object.insert(metric.key.to_string(), value);
    }
    for key in vanished {
        if !object.contains_key(key) {
            object.insert(key.to_owned(), Json::Null);
        }
    }
    Json::Object(object)
}

/// A message without the moment it begins with.
pub fn but_for_the_moment(message: &[u8]) -> &[u8] {
    let end = message.iter().position(|byte| *byte == b',');
    message.get(end.unwrap_or(0)..).unwrap_or_default()
}

/// What the bridge tells of a device in sentences.
fn told(metric: &Metric, state: &DeviceState, language: Language) -> Option<String> {
    let is_told = metric.role == Role::Connection && state.value(&metric.key).is_known();
    match metric.key.as_ref() {
        key if is_told && key == reserved::REASON.key => Some(language.sentence(&state.health)),
        key if is_told && key == reserved::COUNTER_GUARD.key => {
            Some(language.say(&state.guarded()))
        }
        _ => None,
    }
}

/// The value as Home Assistant takes it for this metric; `null` if it is of another kind, for text
/// in a numeric sensor is an error there, on every message.
fn fitting(metric: &Metric, value: &Value, language: Language) -> Json {
    match (&metric.behavior, value) {
        (
            Behavior::Measurement
            | Behavior::Figure
            | Behavior::LifetimeCounter
            | Behavior::DailyCounter,
            Value::Number(number),
        ) => number.rounded(metric.decimals).to_json(),
        (Behavior::State(options), Value::Text(text)) => {
            let listed = |word: &str| options.iter().any(|option| option == word);
            match text.as_ref() {
                text if listed(text) => language.state_of(metric, text).into(),
                _ if listed(OTHER) => language.state_of(metric, OTHER).into(),
                _ => Json::Null,
            }
        }
        (Behavior::Text, Value::Text(text)) if metric.is_in_words => {
            cut(&language.text(text)).into()
        }
        (Behavior::Text, Value::Text(text)) => cut(text).into(),
        (Behavior::Text, Value::Number(number)) => number.to_string().into(),
        (Behavior::Timestamp, Value::Timestamp(_)) | (Behavior::OnOff(_), Value::OnOff(_)) => {
            value.to_json()
        }
        _ => Json::Null,
    }
}

fn cut(text: &str) -> String {
    if text.chars().count() <= LONGEST_TEXT {
        return text.to_owned();
    }
    let kept = text.chars().take(LONGEST_TEXT - 1);
    kept.chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Decimal, Health, HealthCode, OnOff, Quantity};
    use proptest::prelude::*;
    use serde_json::json;
    use std::borrow::Cow;
    use std::collections::BTreeMap;

    const MODES: &[Cow<'static, str>] = &[Cow::Borrowed("bulk"), Cow::Borrowed("other")];
    const STRICT: &[Cow<'static, str>] = &[Cow::Borrowed("on")];

    fn message(metrics: Vec<Metric>, values: &[(&'static str, Value)]) -> Json {
        let mut device = Device::new("smart_meter", "1", "Meter", "Kaifa");
        device.metrics = metrics;
        let latest = DeviceState {
            device: device.id.clone(),
            at: Some("2026-03-01T12:00:00.25Z".parse().unwrap()),
            values: values
                .iter()
                .map(|(key, value)| (Cow::Borrowed(*key), value.clone()))
                .collect(),
            health: Health::new(HealthCode::Asleep),
            era: 0,
            held: Default::default(),
        };
        state(&device, &latest, Language::En, ["gone"].into_iter())
    }

    #[test]
    fn every_metric_is_there_in_its_precision() {
        let message = message(
            vec![
                Metric::measurement("power", Quantity::Power),
                Metric::lifetime("energy_total", Quantity::Energy).decimals(2),
                Metric::measurement("voltage", Quantity::Voltage).decimals(1),
                Metric::on_off("relay", OnOff::Plain),
                Metric::timestamp("started"),
            ],
            &[
                ("power", Decimal::new(2337, 1).into()),
                ("energy_total", Decimal::from_watt_hours(1_234_567).into()),
                ("relay", false.into()),
                (
                    "started",
                    Value::Timestamp("2026-03-01T06:00:00Z".parse().unwrap()),
                ),
                ("surplus", true.into()),
            ],
        );
        let expected = json!({
            "ts": "2026-03-01T12:00:00+00:00",
            "health": "asleep",
            "power": 234,
            "energy_total": 1234.57,
            "voltage": null,
            "relay": "OFF",
            "started": "2026-03-01T06:00:00+00:00",
            "gone": null
        });
        assert_eq!(message.to_string(), expected.to_string());
    }

    #[test]
    fn a_status_is_told_in_its_parts() {
        let device = Device::new("smart_meter", "1", "Meter", "Kaifa");
        let latest = DeviceState {
            device: device.id.clone(),
            at: None,
            values: std::collections::BTreeMap::new(),
            health: Health::new(HealthCode::Silent)
                .seen("nothing for 5 min")
                .advise("Look at the cable."),
            era: 0,
            held: Default::default(),
        };
        let message = state(&device, &latest, Language::En, std::iter::empty());
        assert_eq!(message["status_detail"], "nothing for 5 min");
        assert_eq!(message["status_advice"], "Look at the cable.");
    }

    #[test]
    fn messages_differ_by_more_than_their_moment() {
        let metric = || vec![Metric::measurement("power", Quantity::Power)];
        let two = message(metric(), &[("power", Decimal::integer(2).into())]);
        let (mut later, mut three) = (two.clone(), two.clone());
        later["ts"] = Json::Null;
        three["power"] = 3.into();
        let [two, later, three] = [two, later, three].map(|message| message.to_string());
        let rest = |message: &str| but_for_the_moment(message.as_bytes()).to_owned();
        assert_eq!(rest(&two), rest(&later));
        assert_ne!(rest(&two), rest(&three));
        assert_eq!(rest(""), b"");
    }

    #[test]
    fn what_stands_beside_the_values_is_reserved() {
        let device = Device::new("smart_meter", "1", "Meter", "Kaifa");
        let health = Health::new(HealthCode::Silent).seen("seen");
        let latest = DeviceState {
            device: device.id.clone(),
            at: None,
            values: BTreeMap::new(),
            health: health.advise("advice"),
            era: 0,
            held: Default::default(),
        };
        let message = state(&device, &latest, Language::En, std::iter::empty());
        let keys: Vec<&String> = message.as_object().unwrap().keys().collect();
        assert_eq!(keys.len(), 4, "{keys:?}");
        assert!(
            keys.iter().all(|key| reserved::is_reserved(key)),
            "{keys:?}"
        );
    }

    #[test]
    fn a_value_of_another_kind_is_unknown() {
        let metrics = || {
            vec![
                Metric::measurement("power", Quantity::Power),
                Metric::state("mode", MODES),
                Metric::state("strict", STRICT),
                Metric::text("label"),
            ]
        };
        let message = message(
            metrics(),
            &[
                ("power", "nan".into()),
                ("mode", "float".into()),
                ("strict", "off".into()),
                ("label", Decimal::new(15, 1).into()),
            ],
        );
        assert_eq!(message["power"], Json::Null);
        assert_eq!(message["mode"], "other");
        assert_eq!(message["strict"], Json::Null);
        assert_eq!(message["label"], "1.5");
    }

    proptest! {
        #[test]
        fn texts_are_never_too_long(text in ".{0,600}") {
            let message = message(vec![Metric::text("label")], &[("label", text.clone().into())]);
            let shown = message["label"].as_str().unwrap();
            prop_assert!(shown.chars().count() <= LONGEST_TEXT);
            prop_assert!(text.starts_with(shown.trim_end_matches('…')));
        }

        #[test]
        fn numbers_are_finite_and_rounded(mantissa: i64, scale in 0_u8..=12, decimals in 0_u8..=4) {
            let metric = Metric::measurement("power", Quantity::Power).decimals(decimals);
            let number = Decimal::new(mantissa, scale);
            let message = message(vec![metric], &[("power", number.into())]);
            prop_assert!(message["power"].is_number());
            prop_assert!(message["power"].as_f64().unwrap().is_finite());
        }
    }
}
