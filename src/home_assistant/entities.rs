//! What entities are called, which only Home Assistant knows: their users may give them any name.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Map;

use super::connection::CoreConnection;
use super::error::CoreError;

/// Entities that came by MQTT, by their unique id.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EntityIds(BTreeMap<String, EntityName>);

/// What one is called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntityName {
    /// `sensor.roof_power`.
    pub entity_id: String,
    /// Whether it is switched off there, so that it has no values.
    pub is_off: bool,
}

#[derive(Deserialize)]
struct Registered {
    entity_id: String,
    platform: String,
    // Other integrations have numbers.
    unique_id: serde_json::Value,
    #[serde(default)]
    disabled_by: Option<String>,
}

impl EntityIds {
    /// All of them.
    ///
    /// # Errors
    ///
    /// See [`CoreError`].
    pub async fn read(core: &mut CoreConnection) -> Result<Self, CoreError> {
        let all: Vec<Registered> = core.ask("config/entity_registry/list", Map::new()).await?;
        Ok(Self::of(all))
    }

    /// Those that the result of `config/entity_registry/list` tells of; `None` if it is something else.
    pub fn of_result(result: serde_json::Value) -> Option<Self> {
        serde_json::from_value(result).ok().map(Self::of)
    }

    fn of(all: Vec<Registered>) -> Self {
        let of_mqtt = all.into_iter().filter(|it| it.platform == "mqtt");
        let named = of_mqtt.filter_map(|it| {
            let name = EntityName {
                entity_id: it.entity_id,
                is_off: it.disabled_by.is_some(),
            };
            Some((it.unique_id.as_str()?.to_owned(), name))
        });
        Self(named.collect())
    }

    /// Sensors that are called as their unique ids.
    #[cfg(test)]
    pub fn named(unique_ids: &[&str]) -> Self {
        let named = |id: &&str| {
            let name = EntityName {
                entity_id: format!("sensor.{id}"),
                is_off: false,
            };
            ((*id).to_owned(), name)
        };
        Self(unique_ids.iter().map(named).collect())
    }

    /// The one of this unique id, if Home Assistant knows it.
    pub fn get(&self, unique_id: &str) -> Option<&EntityName> {
        self.0.get(unique_id)
    }

    /// The one of this unique id, if it can have values.
    pub fn in_use(&self, unique_id: &str) -> Option<&str> {
        let name = self.get(unique_id)?;
        (!name.is_off).then_some(name.entity_id.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entities_of_mqtt_are_found_by_their_unique_id() {
        let all = serde_json::from_str(
            r#"[{"entity_id":"sensor.a","platform":"mqtt","unique_id":"x_power","disabled_by":null,"more":1},
                {"entity_id":"sensor.b","platform":"mqtt","unique_id":"y_power","disabled_by":"user"},
                {"entity_id":"sensor.c","platform":"other","unique_id":"z_power"},
                {"entity_id":"sensor.d","platform":"hue","unique_id":7}]"#,
        );
        let ids = EntityIds::of(all.unwrap());
        assert_eq!(ids.in_use("x_power"), Some("sensor.a"));
        assert_eq!(ids.in_use("y_power"), None);
        assert_eq!(ids.get("y_power").unwrap().entity_id, "sensor.b");
        assert_eq!(ids.get("z_power"), None);
    }
}
