//! The section `[emoncms]`.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::PathBuf;

use jiff::civil::Date;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::names::{Named, node_name};
use crate::config::{Complaint, Period, Secret, Settings};
use crate::http::HttpServer;

/// Where and what emoncms gets.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct EmoncmsSettings {
    /// Whether anything is sent.
    pub enabled: bool,
    /// Where it is: `https://emoncms.org`, or your own. It has to be there.
    pub url: Option<HttpServer>,
    /// The key with write access, of the page about inputs in emoncms. It has to be there.
    pub key: Option<Secret>,
    /// What this account is called, where several of one emoncms are used.
    pub account: Option<String>,
    /// One node for all devices. Left out: one for each device.
    pub node: Option<String>,
    /// `"pvmonit"` for the names and units of PvMonit, or a table of single values, such as
    /// `"text_clamp/power" = "1/conso"`; `"*" = "pvmonit"` in it for both.
    pub names: EmoncmsNames,
    /// Devices, or single values of them, as in `"aps_ecu_*"` or `"victron_*/panel_power"`. Left out: every device
    /// that is not behind another one.
    pub devices: Vec<String>,
    /// How long values are gathered before they are sent.
    pub send_every: Period,
    /// Whether values that come late are sent as well. Only for those whose inputs do nothing but "log to feed":
    /// processes that accumulate would count wrongly.
    pub late: bool,
    /// From which day on the history is taken along. Left out: from now on.
    #[schemars(with = "Option<String>")]
    pub since: Option<Date>,
    /// A PEM file with the authorities to trust for `https`, instead of the public ones.
    pub ca_file: Option<PathBuf>,
}

/// What nodes and inputs are called.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EmoncmsNames {
    /// As PvMonit called them, in its units.
    pub pvmonit: bool,
    /// Single values, by device and key: `text_clamp/power` is `1/conso`.
    pub single: BTreeMap<String, String>,
}

/// The word for the names of PvMonit.
const PVMONIT: &str = "pvmonit";
/// What stands for every value that is not named itself.
const ALL: &str = "*";

impl Default for EmoncmsSettings {
    fn default() -> Self {
        Self {
            enabled: true,
            url: None,
            key: None,
            account: None,
            node: None,
            names: EmoncmsNames::default(),
            devices: Vec::new(),
            send_every: Period::minutes(5),
            late: false,
            since: None,
            ca_file: None,
        }
    }
}

impl Settings for EmoncmsSettings {
    fn check(&self) -> Vec<Complaint> {
        let mut complaints = Vec::new();
        let mut complain = |field, what: String, hint: &str| {
            complaints.push(Complaint::new(field, what, hint));
        };
        if self.url.is_none() {
            let hint = "write its address, such as url = \"https://emoncms.org\"";
            complain("url", "nobody knows where emoncms is".to_owned(), hint);
        }
        if self.key.is_none() {
            let hint = "write key = { file = \"...\" } with the key that has write access";
            complain("key", "emoncms wants a key".to_owned(), hint);
        }
        if let Some(node) = &self.node
            && node_name(node) == "_"
        {
            let hint = "write a name of at most 16 letters and digits, or leave it out";
            complain("node", "this is no name".to_owned(), hint);
        }
        let mut seen = BTreeSet::new();
        for (value, name) in &self.names.single {
            let Some((_, key)) = value.split_once('/') else {
                let what = format!("\"{value}\" is no value");
                let hint = "write device and value, as in \"text_clamp/power\" = \"1/conso\"";
                complain("names", what, hint);
                continue;
            };
            let named = Named::new(name);
            if key.is_empty() || named.input.is_empty() {
                let what = format!("\"{value}\" = \"{name}\" has no name of an input");
                let hint = "write node and input, as in \"text_clamp/power\" = \"1/conso\"";
                complain("names", what, hint);
            } else if named.node.is_some() && !seen.insert(named) {
                let what = format!("\"{name}\" is there twice");
                complain("names", what, "give each value an input of its own");
            }
        }
        let most = Period::days(30);
        complaints.extend(Complaint::of_periods([(
            "send_every",
            self.send_every,
            [Period::minutes(1), most],
        )]));
        complaints
    }
}

impl Serialize for EmoncmsNames {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.pvmonit && self.single.is_empty() {
            return serializer.serialize_str(PVMONIT);
        }
        let all = self.pvmonit.then_some((ALL, PVMONIT));
        let single = self.single.iter();
        serializer.collect_map(
            all.into_iter()
                .chain(single.map(|(value, name)| (value.as_str(), name.as_str()))),
        )
    }
}

impl<'de> Deserialize<'de> for EmoncmsNames {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NamesVisitor;

        impl<'de> Visitor<'de> for NamesVisitor {
            type Value = EmoncmsNames;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("\"pvmonit\", or a table such as \"text_clamp/power\" = \"1/conso\"")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<EmoncmsNames, E> {
                if text == PVMONIT {
                    return Ok(EmoncmsNames {
                        pvmonit: true,
                        single: BTreeMap::new(),
                    });
                }
                Err(E::custom(format!(
                    "\"{text}\" are no names that are known; write \"pvmonit\", or leave it out"
                )))
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<EmoncmsNames, M::Error> {
                let mut names = EmoncmsNames::default();
                while let Some((value, name)) = map.next_entry::<String, String>()? {
                    if value != ALL {
                        names.single.insert(value, name);
                    } else if name == PVMONIT {
                        names.pvmonit = true;
                    } else {
                        return Err(de::Error::custom(format!(
                            "\"{ALL}\" = \"{name}\" is not known; write \"{ALL}\" = \"{PVMONIT}\", or leave it out"
                        )));
                    }
                }
                Ok(names)
            }
        }

        deserializer.deserialize_any(NamesVisitor)
    }
}

impl JsonSchema for EmoncmsNames {
    fn schema_name() -> Cow<'static, str> {
        "EmoncmsNames".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["string", "object"], "additionalProperties": { "type": "string" } })
    }
}
