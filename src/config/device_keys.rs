//! The keys that sections of devices have in common, whatever their devices are.
//!
//! They stand in the same table as the keys of the adapter and are read with them, but what they say
//! is carried out by the bridge. An adapter declares which of them its section has
//! ([`super::Settings::DEVICE_KEYS`]), with what is said of each; names, types,
//! defaults and rules are the same for all.

use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema};
use serde::{Deserialize, Serialize};

use super::{Complaint, Period, Settings};

/// What a section says of its devices. What it cannot say has its default.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct DeviceKeys {
    /// Whether the section is at work at all.
    pub enabled: bool,
    /// What the device is called that is behind no other one.
    pub name: Option<String>,
    /// What devices are called, by serial number.
    #[serde(deserialize_with = "super::names")]
    pub names: BTreeMap<String, String>,
    /// The room to propose for all of them.
    pub area: Option<String>,
    /// How long one is kept that is not there any more.
    pub forget_after: Period,
    /// Whether anything may be written to them.
    pub allow_control: bool,
}

/// One of these keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeviceKey {
    /// [`DeviceKeys::enabled`].
    Enabled,
    /// [`DeviceKeys::name`].
    Name,
    /// [`DeviceKeys::names`].
    Names,
    /// [`DeviceKeys::area`].
    Area,
    /// [`DeviceKeys::forget_after`].
    ForgetAfter,
    /// [`DeviceKeys::allow_control`].
    AllowControl,
}

impl DeviceKey {
    /// As it is written in the file.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Enabled => "enabled",
            Self::Name => "name",
            Self::Names => "names",
            Self::Area => "area",
            Self::ForgetAfter => "forget_after",
            Self::AllowControl => "allow_control",
        }
    }
}

impl Default for DeviceKeys {
    fn default() -> Self {
        Self {
            enabled: true,
            name: None,
            names: BTreeMap::new(),
            area: None,
            forget_after: Period::days(30),
            allow_control: false,
        }
    }
}

impl Settings for DeviceKeys {
    fn check(&self) -> Vec<Complaint> {
        let bounds = [Period::hours(1), Period::days(36_500)];
        let period = (DeviceKey::ForgetAfter.word(), self.forget_after, bounds);
        let mut complaints: Vec<Complaint> = Complaint::of_periods([period]).collect();
        let names = self.names.values().map(|name| (DeviceKey::Names, name));
        let names = self
            .name
            .iter()
            .map(|name| (DeviceKey::Name, name))
            .chain(names);
        for (key, _) in names.filter(|(_, name)| name.trim().is_empty()) {
            let (what, advice) = ("a name has no characters", "write one, or leave it out");
            complaints.push(Complaint::new(key.word(), what, advice));
        }
        complaints
    }
}

/// The schema of a section: its own keys, and behind them those that it has in common with others.
pub fn schema_of<T: Settings>() -> Schema {
    let mut schema = schemars::schema_for!(T);
    let common = schemars::schema_for!(DeviceKeys);
    let property = |word: &str| common.get("properties")?.get(word).cloned();
    let own = schema.get_mut("properties");
    let Some(own) = own.and_then(serde_json::Value::as_object_mut) else {
        return schema;
    };
    for (key, meaning) in T::DEVICE_KEYS {
        let word = key.word();
        let Some(mut property) = property(word) else {
            continue;
        };
        property["description"] = (*meaning).into();
        let before = own.insert(word.to_owned(), property);
        debug_assert!(before.is_none(), "{word} is a key of all sections");
    }
    schema
}

/// The same for the defaults.
pub fn defaults_of<T: Settings + Default + Serialize>() -> serde_json::Value {
    let value = |it: Result<_, _>| it.unwrap_or(serde_json::Value::Null);
    let mut defaults = value(serde_json::to_value(T::default()));
    let common = value(serde_json::to_value(DeviceKeys::default()));
    if let Some(own) = defaults.as_object_mut() {
        for (key, _) in T::DEVICE_KEYS {
            let word = key.word();
            let default = common.get(word).cloned().unwrap_or_default();
            own.insert(word.to_owned(), default);
        }
    }
    defaults
}
