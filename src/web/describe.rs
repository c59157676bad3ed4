//! What a device is, as the page has it.

use std::borrow::Cow;
use std::sync::Arc;

use serde::Serialize;
use utoipa::ToSchema;

use super::device_now::is_given;
use super::discretion::{Discretion, Rank};
use super::glance::{DeviceIcon, Glance, glance, icon, panel_of, shows_power};
use super::key::WebKey;
use crate::config::Language;
use crate::model::{Behavior, Control, ControlKind, Device, EnergyPart, Metric, Quantity, Role};

/// What a device is, what it can report and what can be set on it.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct DeviceDescription {
    /// What it is called in the API.
    #[serde(rename = "ref")]
    pub reference: String,
    /// What a person calls it.
    pub name: String,
    /// The product, if known.
    pub model: Option<String>,
    /// Who made it.
    pub manufacturer: String,
    /// The firmware version, if known.
    pub firmware: Option<String>,
    /// The device through which it is reached.
    pub via: Option<String>,
    /// The room it is in.
    pub area: Option<String>,
    /// Its sign.
    pub icon: DeviceIcon,
    /// What of it is seen first.
    pub glance: Glance,
    /// What it can report.
    pub metrics: Vec<MetricDescription>,
    /// What can be set on it; empty for guests.
    pub controls: Vec<ControlDescription>,
    /// Its id in topics; for admins only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Its serial number; for admins only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub serial: Option<String>,
    /// The page of the device itself; for admins only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// The MQTT topic of its state, whose keys are those of its values; for admins only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub topic: Option<String>,
}

/// One thing a device reports.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct MetricDescription {
    /// Its key.
    pub key: String,
    /// What a person calls it.
    pub name: String,
    /// What a number measures.
    #[schema(value_type = Option<String>)]
    pub quantity: Option<Quantity>,
    /// Its unit.
    pub unit: Option<&'static str>,
    /// The decimals that the device resolves.
    pub decimals: u8,
    /// What it is for.
    pub role: &'static str,
    /// How it behaves over time.
    pub behavior: &'static str,
    /// Whether it is shown only to those who look for it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub spare: bool,
    /// The words it can be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub options: Option<Vec<String>>,
    /// The same in the language of the house, in the same order.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub words: Option<Vec<String>>,
    /// What it is in the energy of the house.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub part: Option<EnergyPart>,
    /// The number of the panel whose power it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub panel: Option<u32>,
}

/// Something that can be set.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct ControlDescription {
    /// Its key; a value of the same key says what is set now.
    pub key: String,
    /// What a person calls it.
    pub name: String,
    /// `switch`, `number`, `select` or `button`.
    pub kind: &'static str,
    /// The least it takes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min: Option<serde_json::Value>,
    /// The most it takes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max: Option<serde_json::Value>,
    /// The step between two values.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step: Option<serde_json::Value>,
    /// Its unit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit: Option<&'static str>,
    /// The words it takes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub options: Option<Vec<String>>,
    /// The same in the language of the house, in the same order.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub words: Option<Vec<String>>,
}

/// Who describes devices, and to whom.
#[derive(Debug, Clone, Copy)]
pub struct Describer<'a> {
    /// All devices.
    pub all: &'a [Arc<Device>],
    /// Their names.
    pub key: &'a WebKey,
    /// Serial numbers that guests do not read.
    pub discretion: &'a Discretion,
    /// What topics begin with, if there are any.
    pub base_topic: Option<&'a str>,
    /// Who looks.
    pub rank: Rank,
}

impl Describer<'_> {
    /// What a device is.
    pub fn describe(&self, device: &Device) -> DeviceDescription {
        let is_admin = self.rank >= Rank::Admin;
        let language = self.discretion.language;
        let shown = |text: &str| self.discretion.text(text, self.rank).into_owned();
        let is_behind = |other: &&Arc<Device>| other.via.as_ref() == Some(&device.id);
        let behind = || self.all.iter().filter(is_behind);
        let has_children = behind().next().is_some();
        let has_powers_behind = behind().any(|other| shows_power(other));
        let id = device.id.as_str();
        let topic = |base: &str| format!("{base}/{id}/state");
        let metrics = device.metrics.iter().filter(|it| !is_given(&it.key));
        let controls = device.controls.iter().filter(|_| is_admin);
        DeviceDescription {
            reference: self.key.reference(&device.id),
            name: shown(&device.name),
            model: device.model.as_deref().map(shown),
            manufacturer: device.manufacturer.to_string(),
            firmware: device.firmware.as_deref().map(shown),
            via: device.via.as_ref().map(|via| self.key.reference(via)),
            area: device.area.clone(),
            icon: icon(device, has_children),
            glance: glance(device, has_powers_behind),
            metrics: metrics
                .map(|it| MetricDescription::of(it, language))
                .collect(),
            controls: controls
                .map(|it| ControlDescription::of(it, language))
                .collect(),
            id: is_admin.then(|| id.to_owned()),
            serial: is_admin.then(|| device.serial.clone()),
            url: device.url.clone().filter(|_| is_admin),
            topic: self.base_topic.filter(|_| is_admin).map(topic),
        }
    }
}

impl MetricDescription {
    fn of(metric: &Metric, language: Language) -> Self {
        Self {
            key: metric.key.to_string(),
            name: language.name(metric),
            quantity: metric.quantity,
            unit: metric.unit(),
            decimals: metric.decimals,
            role: match metric.role {
                Role::Primary => "primary",
                Role::Diagnostic => "diagnostic",
                Role::Connection => "connection",
            },
            behavior: match &metric.behavior {
                Behavior::Measurement => "measurement",
                Behavior::Figure => "figure",
                Behavior::LifetimeCounter => "lifetime",
                Behavior::DailyCounter => "daily",
                Behavior::State(_) => "state",
                Behavior::Text => "text",
                Behavior::Timestamp => "timestamp",
                Behavior::OnOff(_) => "on_off",
            },
            spare: !metric.enabled,
            options: match &metric.behavior {
                Behavior::State(words) => Some(words.iter().map(ToString::to_string).collect()),
                _ => None,
            },
            words: match &metric.behavior {
                Behavior::State(words) => Some(said(words, language)),
                _ => None,
            },
            part: metric.part.map(|part| part.part),
            panel: panel_of(&metric.key),
        }
    }
}

impl ControlDescription {
    fn of(control: &Control, language: Language) -> Self {
        let mut described = Self {
            key: control.key.to_string(),
            name: language.control_name(control),
            kind: "button",
            min: None,
            max: None,
            step: None,
            unit: None,
            options: None,
            words: None,
        };
        match &control.kind {
            ControlKind::Switch => described.kind = "switch",
            ControlKind::Button => {}
            ControlKind::Select(words) => {
                described.kind = "select";
                described.options = Some(words.iter().map(ToString::to_string).collect());
                described.words = Some(said(words, language));
            }
            ControlKind::Number {
                quantity,
                min,
                max,
                step,
            } => {
                described.kind = "number";
                described.unit = quantity.unit();
                described.min = Some(min.to_json());
                described.max = Some(max.to_json());
                described.step = Some(step.to_json());
            }
        }
        described
    }
}

fn said(words: &[Cow<'static, str>], language: Language) -> Vec<String> {
    words
        .iter()
        .map(|word| language.state(word).into_owned())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guests_see_neither_serial_nor_controls() {
        let mut device = Device::new("aps_ecu", "216000000001", "ECU 216000000001", "APsystems");
        device.metrics = vec![Metric::measurement("panel_2_power", Quantity::Power)];
        let switch = Control::new("output", "Output", ControlKind::Switch);
        device.controls = vec![switch];
        let device = Arc::new(device);
        let key = WebKey::passing();
        let describe = |rank| {
            let describer = Describer {
                all: &[Arc::clone(&device)],
                key: &key,
                discretion: &Discretion::of([&*device].into_iter(), Language::En),
                base_topic: Some("wattbridge"),
                rank,
            };
            serde_json::to_value(describer.describe(&device)).unwrap()
        };
        let (guest, admin) = (describe(Rank::Guest), describe(Rank::Admin));
        assert!(!guest.to_string().contains("216000000001"), "{guest}");
        assert_eq!(guest["name"], "ECU …0001");
        assert_eq!(guest["controls"], serde_json::json!([]));
        assert_eq!(admin["serial"], "216000000001");
        assert_eq!(admin["topic"], "wattbridge/aps_ecu_216000000001/state");
        assert_eq!(admin["controls"][0]["kind"], "switch");
        assert_eq!(admin["metrics"][0]["panel"], 2);
        assert_eq!(admin["metrics"][0]["quantity"], "power");
        assert_eq!(admin["ref"], guest["ref"]);
    }
}
