//! What the Energy dashboard is made from.
//!
//! Home Assistant takes whole lists and replaces what it has by them. So what is there is read, added to and written as it
//! was, whatever is in it; nothing is removed or changed.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::{Map, Value as Json, json};

use super::connection::CoreConnection;
use super::error::CoreError;

/// The one list that is read and written.
const SOURCES: &str = "energy_sources";
/// What it says to a list that has another form than it knows.
const ANOTHER_FORM: &str = "invalid_format";

/// What is in the dashboard.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct EnergyPreferences {
    sources: Vec<Json>,
}

/// A source to add, by the ids of its entities.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EnergySource {
    /// Panels.
    Solar {
        /// What they have produced.
        energy: String,
        /// What they produce now.
        power: Option<String>,
    },
    /// A connection to the grid.
    Grid {
        /// What was taken from it.
        import: Option<String>,
        /// What was given to it.
        export: Option<String>,
        /// What is taken now; below 0 it is given.
        power: Option<String>,
    },
    /// A battery.
    Battery {
        /// What went in.
        charged: String,
        /// What came out.
        discharged: String,
    },
    /// A counter of gas.
    Gas(String),
    /// A counter of water.
    Water(String),
}

/// How Home Assistant has its lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// One source for each connection to the grid, and a power with each source.
    Connections,
    /// One source for all of the grid with a list for each direction, as in earlier versions.
    OneGrid,
}

/// Something that it finds wrong with an entity of the dashboard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceIssue {
    /// What: `statistics_not_defined` for a counter that is new.
    pub kind: String,
    /// Which.
    pub entity_id: String,
}

impl EnergyPreferences {
    /// What is in it now.
    ///
    /// # Errors
    ///
    /// See [`CoreError`].
    pub async fn read(core: &mut CoreConnection) -> Result<Self, CoreError> {
        #[derive(Deserialize)]
        struct Preferences {
            energy_sources: Vec<Json>,
        }
        let read = core.ask("energy/get_prefs", Map::new()).await;
        match read {
            Ok(Preferences { energy_sources }) => Ok(Self {
                sources: energy_sources,
            }),
            // Nobody has ever set it up.
            Err(CoreError::Refused { code, .. }) if code == "not_found" => Ok(Self::default()),
            Err(error) => Err(error),
        }
    }

    /// Every entity that is in it.
    pub fn used(&self) -> BTreeSet<&str> {
        let mut used = BTreeSet::new();
        for source in &self.sources {
            collect(source, &mut used);
        }
        used
    }

    /// What it is, to see later whether it is another one.
    pub fn text(&self) -> String {
        Json::from(self.sources.clone()).to_string()
    }

    /// Writes it with more sources; says which entities are in it by that.
    ///
    /// # Errors
    ///
    /// See [`CoreError`]; nothing is changed then.
    pub async fn add(
        &self,
        core: &mut CoreConnection,
        more: &[EnergySource],
    ) -> Result<Vec<String>, CoreError> {
        let before = self.used();
        let mut refused = None;
        for form in self.forms() {
            let new = Self {
                sources: self.with(more, *form),
            };
            let mut details = Map::new();
            details.insert(SOURCES.to_owned(), new.sources.clone().into());
            match core.ask::<Json>("energy/save_prefs", details).await {
                Err(CoreError::Refused {
                    code,
                    words,
                    command,
                }) if code == ANOTHER_FORM => {
                    refused.get_or_insert(CoreError::Refused {
                        command,
                        code,
                        words,
                    });
                }
                done => {
                    let now = new.used().into_iter();
                    let added = now.filter(|entity| !before.contains(entity));
                    return done.map(|_| added.map(str::to_owned).collect());
                }
            }
        }
        Err(refused.unwrap_or(CoreError::NotUnderstood("energy/save_prefs".to_owned())))
    }

    /// What there is says which form it has, else they are tried, the latest first.
    fn forms(&self) -> &'static [Form] {
        let mut grids = self.sources.iter().filter(|it| is_of(it, "grid"));
        match grids.next() {
            None => &[Form::Connections, Form::OneGrid],
            Some(grid) if grid.get("flow_from").is_some() => &[Form::OneGrid],
            Some(_) => &[Form::Connections],
        }
    }

    fn with(&self, more: &[EnergySource], form: Form) -> Vec<Json> {
        let mut sources = self.sources.clone();
        for source in more {
            match (source, form) {
                (EnergySource::Solar { energy, power }, _) => {
                    let mut solar = json!({
                        "type": "solar", "stat_energy_from": energy, "config_entry_solar_forecast": null,
                    });
                    if let (Some(power), Form::Connections) = (power, form) {
                        solar["stat_rate"] = power.as_str().into();
                    }
                    sources.push(solar);
                }
                (
                    EnergySource::Battery {
                        charged,
                        discharged,
                    },
                    _,
                ) => sources.push(json!({
                    "type": "battery", "stat_energy_from": discharged, "stat_energy_to": charged,
                })),
                (
                    EnergySource::Grid {
                        import,
                        export,
                        power,
                    },
                    Form::Connections,
                ) => {
                    let mut grid = json!({
                        "type": "grid", "stat_energy_from": import, "stat_energy_to": export,
                        "stat_cost": null, "entity_energy_price": null, "number_energy_price": null,
                        "stat_compensation": null, "entity_energy_price_export": null,
                        "number_energy_price_export": null, "cost_adjustment_day": 0.0,
                    });
                    if let Some(power) = power {
                        grid["power_config"] = json!({ "stat_rate": power });
                    }
                    sources.push(grid);
                }
                (EnergySource::Grid { import, export, .. }, Form::OneGrid) => {
                    add_flows(&mut sources, import.as_deref(), export.as_deref());
                }
                (EnergySource::Gas(counter), _) => sources.push(supply("gas", counter)),
                (EnergySource::Water(counter), _) => sources.push(supply("water", counter)),
            }
        }
        sources
    }

    /// What Home Assistant finds wrong with what is in it.
    ///
    /// # Errors
    ///
    /// See [`CoreError`].
    pub async fn issues(core: &mut CoreConnection) -> Result<Vec<SourceIssue>, CoreError> {
        let found: Json = core.ask("energy/validate", Map::new()).await?;
        Ok(issues(&found))
    }
}

/// A source that has one counter and may have a price.
fn supply(kind: &str, counter: &str) -> Json {
    json!({
        "type": kind, "stat_energy_from": counter,
        "stat_cost": null, "entity_energy_price": null, "number_energy_price": null,
    })
}

fn is_of(source: &Json, kind: &str) -> bool {
    source.get("type").and_then(Json::as_str) == Some(kind)
}

/// Every text below a key that begins with `stat_`.
fn collect<'a>(value: &'a Json, into: &mut BTreeSet<&'a str>) {
    match value {
        Json::Object(fields) => {
            for (name, value) in fields {
                match value.as_str() {
                    Some(text) if name.starts_with("stat_") => drop(into.insert(text)),
                    _ => collect(value, into),
                }
            }
        }
        Json::Array(values) => values.iter().for_each(|value| collect(value, into)),
        _ => {}
    }
}

fn add_flows(sources: &mut Vec<Json>, import: Option<&str>, export: Option<&str>) {
    let at = sources.iter().position(|source| is_of(source, "grid"));
    let at = at.unwrap_or_else(|| {
        sources.push(json!({
            "type": "grid", "flow_from": [], "flow_to": [], "cost_adjustment_day": 0.0,
        }));
        sources.len() - 1
    });
    let prices = |key: &str, entity: &str, cost: &str| json!({ key: entity, cost: null, "entity_energy_price": null, "number_energy_price": null });
    let from = import.map(|it| ("flow_from", prices("stat_energy_from", it, "stat_cost")));
    let to = export.map(|it| ("flow_to", prices("stat_energy_to", it, "stat_compensation")));
    for (list, flow) in from.into_iter().chain(to) {
        let list = sources.get_mut(at).and_then(|grid| grid.get_mut(list));
        if let Some(Json::Array(flows)) = list {
            flows.push(flow);
        }
    }
}

fn issues(found: &Json) -> Vec<SourceIssue> {
    let of_sources = found.get(SOURCES).and_then(Json::as_array);
    let all = of_sources.into_iter().flatten().filter_map(Json::as_array);
    let mut issues = Vec::new();
    for issue in all.flatten() {
        let kind = issue.get("type").and_then(Json::as_str).unwrap_or_default();
        let affected = issue.get("affected_entities").and_then(Json::as_array);
        for entity in affected.into_iter().flatten() {
            // With or without what is odd about it.
            let name = entity.as_str().or_else(|| entity.get(0)?.as_str());
            issues.push(SourceIssue {
                kind: kind.to_owned(),
                entity_id: name.unwrap_or_default().to_owned(),
            });
        }
    }
    issues
}

#[cfg(test)]
mod tests {
    use super::*;

    fn preferences(sources: Json) -> EnergyPreferences {
        let Json::Array(sources) = sources else {
            panic!("{sources}")
        };
        EnergyPreferences { sources }
    }

    fn meter() -> EnergySource {
        EnergySource::Grid {
            import: Some("sensor.import".to_owned()),
            export: Some("sensor.export".to_owned()),
            power: Some("sensor.net".to_owned()),
        }
    }

    fn roof() -> EnergySource {
        EnergySource::Solar {
            energy: "sensor.roof".to_owned(),
            power: Some("sensor.roof_power".to_owned()),
        }
    }

    #[test]
    fn what_is_there_stays_as_it_is_and_in_its_place() {
        let there = json!([
            { "type": "gas", "stat_energy_from": "sensor.gas", "unknown": { "to": ["us"] } },
            { "type": "grid", "stat_energy_from": "sensor.other", "stat_energy_to": null, "cost_adjustment_day": 1.5,
              "power_config": { "stat_rate_inverted": "sensor.other_power" } },
        ]);
        let preferences = preferences(there.clone());
        assert_eq!(preferences.forms(), [Form::Connections]);
        let battery = EnergySource::Battery {
            charged: "sensor.in".to_owned(),
            discharged: "sensor.out".to_owned(),
        };
        let with = preferences.with(&[roof(), meter(), battery], Form::Connections);
        assert_eq!(with[..2], there.as_array().unwrap()[..]);
        assert_eq!(with[2]["stat_rate"], "sensor.roof_power");
        assert_eq!(
            with[3]["power_config"],
            json!({ "stat_rate": "sensor.net" })
        );
        assert_eq!(
            (&with[4]["stat_energy_from"], &with[4]["stat_energy_to"]),
            (&json!("sensor.out"), &json!("sensor.in"))
        );
        let used = preferences.used();
        assert_eq!(
            used.into_iter().collect::<Vec<_>>(),
            ["sensor.gas", "sensor.other", "sensor.other_power"]
        );
    }

    #[test]
    fn earlier_versions_have_one_grid_and_no_powers() {
        let other = json!({ "stat_energy_from": "sensor.other", "stat_cost": "sensor.cost" });
        let there = json!([{ "type": "grid", "flow_from": [other], "flow_to": [], "cost_adjustment_day": 2.0 }]);
        let preferences = preferences(there);
        assert_eq!(preferences.forms(), [Form::OneGrid]);
        let with = preferences.with(&[meter(), roof()], Form::OneGrid);
        assert_eq!(with.len(), 2);
        assert_eq!(with[0]["flow_from"][0], other);
        assert_eq!(with[0]["flow_from"][1]["stat_energy_from"], "sensor.import");
        assert_eq!(with[0]["flow_to"][0]["stat_energy_to"], "sensor.export");
        assert_eq!(with[0]["cost_adjustment_day"], 2.0);
        assert!(with[1].get("stat_rate").is_none());
        let none = EnergyPreferences::default();
        assert_eq!(none.forms(), [Form::Connections, Form::OneGrid]);
        assert_eq!(none.with(&[meter()], Form::OneGrid).len(), 1);
    }

    #[test]
    fn issues_are_read_by_entity() {
        let found = json!({ "energy_sources": [[], [
            { "type": "statistics_not_defined", "affected_entities": [["sensor.a", null], ["sensor.b", 1]], "translation_placeholders": null },
        ]], "device_consumption": [] });
        let found = issues(&found);
        let told: Vec<_> = found
            .iter()
            .map(|it| (it.kind.as_str(), it.entity_id.as_str()))
            .collect();
        assert_eq!(
            told,
            [
                ("statistics_not_defined", "sensor.a"),
                ("statistics_not_defined", "sensor.b")
            ]
        );
    }
}
