//! Controls as entities: switch, number, select and button.
//!
//! A control is an entity of its own beside the metric of the same key, so that the metric's history
//! does not depend on whether control is allowed. It shows what the metric says; without such a
//! metric it shows what the device confirmed last.

use std::borrow::Cow;

use serde_json::{Map, Value, json};

use crate::model::{Behavior, Control, ControlKind, Device, Metric, reserved};
use crate::words::Language;

use super::classes;
use super::template::template;
use super::topics::Topics;

/// The smallest step of a number that Home Assistant takes.
const FINEST_STEP: f64 = 0.001;

/// The value in a result. Home Assistant ignores an empty one, so that what was set before stays when
/// a command fails; `null` would make it unknown.
const CONFIRMED: &str = "{{ value_json.value if value_json.ok else '' }}";

/// The word of the control in the announcement and in its unique id. Not the plain key, which may
/// be that of a metric too.
pub fn component_key(control: &Control) -> String {
    format!("{}{}", reserved::CONTROL, control.key)
}

/// The entity.
pub fn component(device: &Device, control: &Control, topics: &Topics, language: Language) -> Value {
    let id = device.id.as_str();
    let mut entity = Map::new();
    let mut put = |key: &str, value: Value| {
        entity.insert(key.to_owned(), value);
    };
    put("platform", platform(&control.kind).into());
    put(
        "unique_id",
        format!("{id}_{}", component_key(control)).into(),
    );
    put("name", language.control_name(control).into());
    put("command_topic", topics.command(id, &control.key).into());
    match &control.kind {
        ControlKind::Switch => {
            put("payload_on", "ON".into());
            put("payload_off", "OFF".into());
        }
        ControlKind::Number {
            quantity,
            min,
            max,
            step,
        } => {
            put("min", min.to_json());
            put("max", max.to_json());
            put("step", json!(step.to_f64().max(FINEST_STEP)));
            put("mode", "box".into());
            let class = classes::of(&Metric::measurement("", *quantity));
            if let Some(device_class) = class.device_class {
                put("device_class", device_class.into());
            }
            if let Some(unit) = class.unit {
                put("unit_of_measurement", unit.into());
            }
        }
        ControlKind::Select(options) => {
            put("options", json!(said(options, language)));
            if language != Language::En {
                // On the topic stands the word that is the same in every language.
                let words = said(options, language).into_iter().zip(options);
                let words: Map<_, _> = words
                    .map(|(said, word)| (said.to_string(), word.as_ref().into()))
                    .collect();
                let template = format!("{{{{ {}.get(value, value) }}}}", Value::Object(words));
                put("command_template", template.into());
            }
        }
        ControlKind::Button => put("payload_press", "PRESS".into()),
    }
    if control.kind != ControlKind::Button {
        match device
            .metric(&control.key)
            .filter(|metric| tells(metric, &control.kind))
        {
            Some(metric) => put(
                "value_template",
                reading(metric, &control.kind, language).into(),
            ),
            None => {
                put("state_topic", topics.result(id, &control.key).into());
                put("value_template", confirmed(&control.kind, language).into());
            }
        }
    }
    put("entity_category", "config".into());
    if control.is_setup {
        // What sets a device up is needed before it has anything to tell.
        put("availability", json!([{ "topic": topics.status() }]));
    } else {
        put("enabled_by_default", false.into());
    }
    Value::Object(entity)
}

const fn platform(kind: &ControlKind) -> &'static str {
    match kind {
        ControlKind::Switch => "switch",
        ControlKind::Number { .. } => "number",
        ControlKind::Select(_) => "select",
        ControlKind::Button => "button",
    }
}

/// Whether the metric can say what the control is set to.
fn tells(metric: &Metric, kind: &ControlKind) -> bool {
    match kind {
        ControlKind::Switch => matches!(metric.behavior, Behavior::OnOff(_)),
        ControlKind::Number { .. } => {
            matches!(metric.behavior, Behavior::Measurement | Behavior::Figure)
        }
        ControlKind::Select(_) => matches!(metric.behavior, Behavior::State(_) | Behavior::Text),
        ControlKind::Button => false,
    }
}

/// The words that can be chosen, as they are shown.
fn said<'o>(options: &'o [Cow<'static, str>], language: Language) -> Vec<Cow<'o, str>> {
    options.iter().map(|word| language.state(word)).collect()
}

/// What the device confirmed last, in the words that can be chosen.
fn confirmed(kind: &ControlKind, language: Language) -> String {
    let ControlKind::Select(options) = kind else {
        return CONFIRMED.to_owned();
    };
    if language == Language::En {
        return CONFIRMED.to_owned();
    }
    let words = options.iter().zip(said(options, language));
    let words: Map<_, _> = words
        .map(|(word, said)| (word.to_string(), said.as_ref().into()))
        .collect();
    let words = Value::Object(words);
    format!("{{{{ {words}.get(value_json.value, '') if value_json.ok else '' }}}}")
}

fn reading(metric: &Metric, kind: &ControlKind, language: Language) -> String {
    let ControlKind::Select(options) = kind else {
        return template(&metric.key);
    };
    // The device may be in a state that nobody can choose; Home Assistant would complain about it
    // on every message.
    let value = template(&metric.key);
    let value = value.trim_matches(['{', '}', ' ']);
    format!(
        "{{{{ {value} if {value} in {} else none }}}}",
        json!(said(options, language))
    )
}
