//! The device as the bridge is told of it: name, model, metrics, controls.

use std::borrow::Cow;
use std::time::Duration;

use super::VeDevice;
use super::values::OLD_TEXT;
use crate::adapters::victron::config::Config;
use crate::adapters::victron::health::NIGHT;
use crate::adapters::victron::metrics::{ALWAYS, DEVICE};
use crate::adapters::victron::rhythm::patience;
use crate::adapters::victron::{KIND, cables};
use crate::model::{Behavior, Control, Device};

/// How long what changes about a device is gathered.
const DESCRIBED: Duration = Duration::from_secs(5);
/// No battery of a solar charger has more volts, with a margin.
pub const HIGHEST: u32 = 80;

impl VeDevice {
    /// The device, if it has an identity and there is something new about it. News that come one
    /// after the other are gathered, but for those of a file, where no time passes: `now` is `None`.
    /// `controls` is what can be set on it, once that is certain: until then it is as before. A control
    /// that is taken away, for seconds only, is switched off again when it comes back.
    pub fn describe(
        &mut self,
        config: &Config,
        controls: Option<Vec<Control>>,
        now: Option<Duration>,
    ) -> Option<Device> {
        let waits = |now: Duration| now.saturating_sub(self.described_at) < DESCRIBED;
        if self.described.is_some() && now.is_some_and(waits) {
            return None;
        }
        if let Some(controls) = controls {
            self.known.controls = controls;
        }
        // Most rounds say nothing new of the device.
        if self.described_from.as_ref() == Some(&self.known) {
            return None;
        }
        let device = self.device(config)?;
        self.described_from = Some(self.known.clone());
        if self.described.as_ref() == Some(&device) {
            return None;
        }
        self.described = Some(device.clone());
        self.described_at = now.unwrap_or_default();
        self.is_fresh = true;
        Some(device)
    }

    /// Whether it is met for the first time, and has not been described.
    pub const fn is_new(&self) -> bool {
        self.is_new && self.described.is_none()
    }

    /// Whether it has been described.
    pub const fn is_described(&self) -> bool {
        self.described.is_some()
    }

    pub fn device(&self, config: &Config) -> Option<Device> {
        let identity = self.known.identity.clone()?;
        let serial = self
            .known
            .serial
            .clone()
            .unwrap_or_else(|| identity.clone());
        let name = self.known.custom_name.clone();
        let name = name.unwrap_or_else(|| self.label());
        let mut device = Device::new(KIND, identity, name, "Victron Energy");
        device.serial = serial;
        device.model = self.model();
        device.model_id = self.known.product.map(|id| format!("{id:#06X}"));
        device.firmware.clone_from(&self.known.firmware);
        device.rated_power = config.max_power.or_else(|| self.rated_power());
        device.patience = Some(self.patience(config));
        let carries = |key: &str| ALWAYS.contains(&key) || self.known.carries.contains(key);
        let carried = DEVICE.iter().filter(|metric| carries(&metric.key));
        device.metrics = carried.cloned().collect();
        for (key, words) in &self.known.others {
            let metric = device.metrics.iter_mut().find(|metric| metric.key == *key);
            if let Some(Behavior::State(options)) = metric.map(|metric| &mut metric.behavior) {
                let words = words.iter().cloned().map(Cow::Owned);
                options.to_mut().extend(words);
            }
        }
        device.controls.clone_from(&self.known.controls);
        Some(device)
    }

    /// The most power that a solar charger can move, by its name.
    pub fn rated_power(&self) -> Option<u32> {
        let amperes = self.product().and_then(|product| product.solar_amperes());
        amperes.map(|amperes| amperes * HIGHEST)
    }

    /// How long its values hold: over every pause that belongs to it.
    fn patience(&self, config: &Config) -> Duration {
        let pause = self.known.pause().map(patience).unwrap_or_default();
        let night = if self.sleeps_at_night() {
            NIGHT
        } else {
            Duration::ZERO
        };
        config
            .silent_after
            .get()
            .max(OLD_TEXT)
            .max(pause)
            .max(night)
    }

    /// The product, as far as it is known.
    pub fn model(&self) -> Option<String> {
        let product = self.product().map(|product| product.to_string());
        product.or_else(|| self.known.model.clone())
    }

    /// What to call it: the model and the end of the serial number.
    pub fn label(&self) -> String {
        let model = self.model().unwrap_or_else(|| "Victron device".to_owned());
        let serial = self.known.serial.as_ref().or(self.known.identity.as_ref());
        let Some(serial) = serial.and_then(|serial| cables::own_name(serial)) else {
            return model;
        };
        let start = serial.char_indices().rev().nth(3);
        let end = start.and_then(|(start, _)| serial.get(start..));
        format!("{model} {}", end.unwrap_or(serial))
            .trim_end()
            .to_owned()
    }
}
