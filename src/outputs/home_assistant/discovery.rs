//! The announcement of a device: one message that tells Home Assistant all its entities.
//!
//! Home Assistant refuses a device over one unknown key at the top, in `device` or in `origin`, so
//! those are closed types here. Names are written in full: people read these messages.

use std::borrow::Cow;

use serde::Serialize;
use serde_json::{Map, Value};

use crate::model::{Behavior, Device, DeviceId, Metric, OnOff, Role, reserved};
use crate::words::Language;

use super::classes::{self, Class};
use super::config::HomeAssistantSettings;
use super::controls;
use super::template::template;
use super::topics::{Topics, is_word};

/// By this name we know our own announcements again.
pub const ORIGIN: &str = "wattbridge";

/// What *Status* tells beside its sentence, so that it needs no entities of its own.
const STATUS_ATTRIBUTES: &str = "{{ {\
    'code': value_json.health, \
    'detail': value_json.status_detail | default(none), \
    'advice': value_json.status_advice | default(none), \
    'counter_guard': value_json.counter_guard | default(none)\
    } | tojson }}";

/// What all announcements have in common.
#[derive(Debug, Clone)]
pub struct Plan {
    pub topics: Topics,
    pub settings: HomeAssistantSettings,
}

#[derive(Serialize)]
struct Announcement<'a> {
    device: DeviceBlock<'a>,
    origin: Origin,
    /// Both have to be online: a dead bridge and a dead device are told apart by their topics.
    availability: [Topic; 2],
    availability_mode: &'static str,
    state_topic: String,
    components: Map<String, Value>,
}

#[derive(Serialize)]
struct DeviceBlock<'a> {
    /// Exactly one: the id is made from the serial number and never changes.
    identifiers: [&'a str; 1],
    name: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    manufacturer: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    model: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    model_id: Option<&'a str>,
    #[serde(skip_serializing_if = "str::is_empty")]
    serial_number: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    sw_version: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    via_device: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    suggested_area: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    configuration_url: Option<&'a str>,
}

#[derive(Serialize)]
struct Origin {
    name: &'static str,
    sw: &'static str,
}

#[derive(Serialize)]
struct Topic {
    topic: String,
}

/// An entity that reports a metric.
#[derive(Serialize)]
struct Component<'a> {
    platform: &'static str,
    unique_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    device_class: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    state_class: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    unit_of_measurement: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    suggested_display_precision: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    options: Option<Vec<Cow<'a, str>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    icon: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    state_topic: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    value_template: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    json_attributes_topic: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    json_attributes_template: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    payload_on: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    payload_off: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expire_after: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    entity_category: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    enabled_by_default: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    availability: Option<Vec<Topic>>,
}

/// What is published on the device's discovery topic.
pub fn announcement(device: &Device, plan: &Plan) -> Value {
    let id = device.id.as_str();
    let mut components = Map::new();
    for (metric, name) in named(device, plan.settings.language) {
        if is_word(&metric.key) && !plan.settings.excludes(id, &metric.key) {
            let component = component(device, metric, name, plan);
            components.insert(metric.key.to_string(), to_json(&component));
        }
    }
    for control in &device.controls {
        if is_word(&control.key) && !plan.settings.excludes(id, &control.key) {
            let component =
                controls::component(device, control, &plan.topics, plan.settings.language);
            components.insert(controls::component_key(control), component);
        }
    }
    let topic = |topic| Topic { topic };
    to_json(&Announcement {
        device: device_block(device, plan.topics.bridge()),
        origin: Origin {
            name: ORIGIN,
            sw: env!("CARGO_PKG_VERSION"),
        },
        availability: [
            topic(plan.topics.status()),
            topic(plan.topics.availability(id)),
        ],
        availability_mode: "all",
        state_topic: plan.topics.state(id),
        components,
    })
}

/// `bridge` is the device that those without a parent of their own are reached through: the bridge.
fn device_block<'a>(device: &'a Device, bridge: &'a DeviceId) -> DeviceBlock<'a> {
    fn said(text: Option<&String>) -> Option<&str> {
        text.map(|text| text.trim()).filter(|text| !text.is_empty())
    }
    DeviceBlock {
        identifiers: [device.id.as_str()],
        // Home Assistant wants a name; an id is better than none.
        name: said(Some(&device.name)).unwrap_or(device.id.as_str()),
        manufacturer: device.manufacturer.trim(),
        model: said(device.model.as_ref()),
        model_id: said(device.model_id.as_ref()),
        serial_number: device.serial.trim(),
        sw_version: said(device.firmware.as_ref()),
        via_device: Some(device.via.as_ref().unwrap_or(bridge))
            .filter(|via| **via != device.id)
            .map(DeviceId::as_str),
        suggested_area: said(device.area.as_ref()),
        configuration_url: said(device.url.as_ref()).filter(|url| is_page(url)),
    }
}

/// Whether Home Assistant takes it for the address of a page; a wrong one would cost the device.
fn is_page(url: &str) -> bool {
    let schemes = ["http://", "https://", "homeassistant://"];
    let rest = schemes.iter().find_map(|scheme| url.strip_prefix(scheme));
    let printable = |c: char| c.is_ascii_graphic() && !"<>\"\\^`{|}[]".contains(c);
    rest.is_some_and(|rest| {
        rest.starts_with(|c: char| c.is_ascii_alphanumeric()) && rest.chars().all(printable)
    })
}

/// The metrics in the order of their announcement, the main power first, with their names. Without
/// a name Home Assistant shows its own word for the class, in the user's language; only one entity
/// of each class may have that.
fn named(device: &Device, language: Language) -> Vec<(&Metric, Option<String>)> {
    let is_main = |metric: &&Metric| metric.key == "power";
    let main = device.metrics.iter().filter(is_main);
    let others = device.metrics.iter().filter(|metric| !is_main(metric));
    let mut taken = Vec::new();
    main.chain(others)
        .map(|metric| {
            let class = classes::of(metric);
            let word = (class.platform, class.device_class);
            let free = class.has_telling_name() && !taken.contains(&word);
            if metric.name.is_none() && free {
                taken.push(word);
                (metric, None)
            } else {
                (metric, Some(language.name(metric)))
            }
        })
        .collect()
}

fn component<'a>(
    device: &Device,
    metric: &'a Metric,
    name: Option<String>,
    plan: &Plan,
) -> Component<'a> {
    let Class {
        platform,
        device_class,
        state_class,
        unit,
        is_numeric,
    } = classes::of(metric);
    let is_binary = platform == "binary_sensor";
    let is_about_connection = metric.role == Role::Connection;
    // A counter that rests all night is not lost, and how the connection is stays readable.
    let expires = metric.behavior == Behavior::Measurement && !is_about_connection;
    let icon = classes::icon(metric);
    // Whether the bridge is connected is told best by the topic that also holds its last will: it
    // speaks when the bridge no longer can.
    let is_own = is_own_connection(device, metric, plan);
    let is_status = is_about_connection && metric.key == reserved::REASON.key;
    Component {
        platform,
        unique_id: format!("{}_{}", device.id, metric.key),
        name,
        device_class,
        state_class,
        unit_of_measurement: unit,
        suggested_display_precision: is_numeric.then_some(metric.decimals),
        options: match &metric.behavior {
            Behavior::State(options) => {
                let said = |word| plan.settings.language.state_of(metric, word);
                Some(options.iter().map(|option| said(option)).collect())
            }
            _ => None,
        },
        icon,
        state_topic: is_own.then(|| plan.topics.status()),
        value_template: (!is_own).then(|| template(&metric.key)),
        json_attributes_topic: is_status.then(|| plan.topics.state(device.id.as_str())),
        json_attributes_template: is_status.then_some(STATUS_ATTRIBUTES),
        payload_on: is_binary.then_some(if is_own { "online" } else { "ON" }),
        payload_off: is_binary.then_some(if is_own { "offline" } else { "OFF" }),
        expire_after: expires.then(|| plan.settings.expire_after().get().as_secs().max(1)),
        entity_category: (metric.role != Role::Primary).then_some("diagnostic"),
        enabled_by_default: (!metric.enabled).then_some(false),
        availability: is_about_connection.then(|| {
            let status = Topic {
                topic: plan.topics.status(),
            };
            if is_own { Vec::new() } else { vec![status] }
        }),
    }
}

fn is_own_connection(device: &Device, metric: &Metric, plan: &Plan) -> bool {
    device.id == *plan.topics.bridge()
        && metric.role == Role::Connection
        && metric.behavior == Behavior::OnOff(OnOff::Connectivity)
}

/// Our types have text keys and no numbers that JSON lacks, so this cannot fail.
fn to_json(value: &impl Serialize) -> Value {
    serde_json::to_value(value).unwrap_or_default()
}

#[cfg(test)]
mod tests;
