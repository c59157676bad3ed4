//! The MQTT broker: what outputs that publish there have in common.
//!
//! * `config`: the section `[mqtt]`
//! * `lookup`: who knows where the broker is, if the section does not say
//! * `session`: a connection that heals itself, the only place that knows the MQTT client library
//! * `troubles`: telling each trouble of a connection once

mod config;
mod lookup;
pub mod session;
mod troubles;

use crate::config::SectionDoc;

pub use config::check_topic;
pub use config::{MqttSettings, TlsSettings};
pub use lookup::{BrokerLookup, FoundBroker, Lookup, LookupError};
pub use troubles::Troubles;

/// The page about the section.
pub fn page() -> SectionDoc<'static> {
    SectionDoc {
        heading: "[mqtt]",
        about: "Where the MQTT broker is. For Home Assistant it has to be the broker that it uses too.",
        schema: schemars::schema_for!(MqttSettings),
        defaults: serde_json::to_value(MqttSettings::default()).unwrap_or_default(),
        example: "[mqtt]\nhost = \"homeassistant.local\"\nusername = \"wattbridge\"\npassword = { file = \"/run/secrets/mqtt\" }\n",
    }
}
