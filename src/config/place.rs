//! The section `[place]` of the configuration file.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::language::Language;
use super::reference::SectionDoc;
use super::settings::{Complaint, Settings};

/// Where the house is, and what is spoken there.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct PlaceSettings {
    /// Degrees north, as a map shows them.
    pub latitude: Option<f64>,
    /// Degrees east, as a map shows them.
    pub longitude: Option<f64>,
    /// What names, states and advice are written in. Keys, ids and the log stay English: see
    /// [Languages](languages.md).
    pub language: Language,
}

impl PlaceSettings {
    /// The keys that sections of devices may have too, and what they are here.
    pub fn keys(&self) -> Option<[(&'static str, f64); 2]> {
        Some([("latitude", self.latitude?), ("longitude", self.longitude?)])
    }

    /// The page about the section.
    pub fn page() -> SectionDoc<'static> {
        SectionDoc {
            heading: "[place]",
            about: "Where the house is, for devices that want to know when the sun is up, and the language that is spoken \
                    there. A section of a device may say otherwise of where it is; in the Home Assistant app that is known \
                    already.",
            schema: schemars::schema_for!(Self),
            defaults: serde_json::to_value(Self::default()).unwrap_or_default(),
            example: "[place]\nlatitude = 48.2\nlongitude = 16.4\nlanguage = \"de\"\n",
        }
    }
}

impl Settings for PlaceSettings {
    fn check(&self) -> Vec<Complaint> {
        let alone = match (self.latitude, self.longitude) {
            (Some(_), None) => Some("latitude"),
            (None, Some(_)) => Some("longitude"),
            _ => None,
        };
        let alone = alone.map(|key| {
            Complaint::new(
                key,
                "it is no place without the other of the two",
                "write both latitude and longitude",
            )
        });
        let beyond = |key, value: Option<f64>, most: f64| {
            value.filter(|it| it.is_nan() || it.abs() > most).map(|it| {
                Complaint::new(
                    key,
                    format!("{it} is on no map"),
                    format!("write degrees from -{most} to {most}"),
                )
            })
        };
        let found = [
            alone,
            beyond("latitude", self.latitude, 90.0),
            beyond("longitude", self.longitude, 180.0),
        ];
        found.into_iter().flatten().collect()
    }
}
