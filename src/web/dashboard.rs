//! Home Assistant's Energy dashboard as it is: what our counters are called there, which are in it, and adding those that
//! are not.
//!
//! What is in it already is never changed, and nothing is written that was not shown before.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;
use utoipa::ToSchema;

use super::access::Visitor;
use super::energy::{DashboardEntry, ToldPlace, told};
use super::reply::{RefusalWords, Sent, WebRefusal};
use super::settings::SavedFile;
use super::site::{Inside, Site};
use crate::home_assistant::{
    CoreAddress, CoreConnection, CoreError, EnergyPreferences, EnergySource, EntityIds,
};

const NEW: &str = "A counter that is new can be chosen after an hour or two, when Home Assistant has its first statistics.";

/// One adds at a time.
static TURN: Mutex<()> = Mutex::const_new(());

/// What belongs where.
#[derive(Debug, Serialize, ToSchema)]
pub struct EnergyDashboard {
    places: Vec<ToldPlace>,
    /// What is true of all of them.
    note: &'static str,
    /// What Home Assistant says, where it can be asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    home_assistant: Option<ToldDashboard>,
}

/// The dashboard as it is.
#[derive(Debug, Default, Serialize, ToSchema)]
pub struct ToldDashboard {
    /// Why it is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
    /// The version of the dashboard, and of what could be added.
    rev: String,
    /// What could be added.
    additions: Vec<Addition>,
}

/// A source that could be added.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Addition {
    /// `solar`, `grid`, `battery`, `gas` or `water`.
    kind: &'static str,
    /// The device.
    device: String,
    /// Its entities.
    entities: Vec<String>,
    #[serde(skip)]
    source: EnergySource,
}

/// What to add.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, ToSchema)]
pub struct WantedAdditions {
    /// The version that was shown.
    rev: String,
}

/// What was added.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Added {
    /// Entities that are in the dashboard now.
    added: Vec<String>,
    /// What Home Assistant finds wrong with them.
    issues: Vec<ToldIssue>,
}

/// Something that is wrong with an entity.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ToldIssue {
    /// In Home Assistant's own word: `statistics_not_defined` for one that is new.
    kind: String,
    entity_id: String,
}

/// What belongs into Home Assistant's Energy dashboard
#[utoipa::path(get, path = "/api/v1/energy-dashboard", responses(
    (status = 200, body = EnergyDashboard), (status = 401, body = RefusalWords), (status = 503, body = RefusalWords),
))]
pub async fn energy_dashboard(
    State(site): State<Arc<Site>>,
) -> Result<Json<EnergyDashboard>, WebRefusal> {
    let inside = site.inside().ok_or_else(WebRefusal::asleep)?;
    let mut places = belongs(&inside);
    let home_assistant = match &site.backstage.core {
        None => None,
        Some(address) => Some(match Present::read(address).await {
            Ok(present) => {
                present.complete(&mut places);
                let additions = additions(&places, &present);
                ToldDashboard {
                    problem: None,
                    rev: present.revision(&additions),
                    additions,
                }
            }
            Err(error) => ToldDashboard {
                problem: Some(error.to_string()),
                ..ToldDashboard::default()
            },
        }),
    };
    Ok(Json(EnergyDashboard {
        places,
        note: NEW,
        home_assistant,
    }))
}

/// Adds to Home Assistant's Energy dashboard what belongs there
///
/// What is in it stays as it is.
#[utoipa::path(post, path = "/api/v1/energy-dashboard/add", request_body = WantedAdditions, responses(
    (status = 200, body = Added),
    (status = 401, body = RefusalWords),
    (status = 404, body = RefusalWords),
    (status = 409, body = RefusalWords, description = "it is no longer what was shown"),
    (status = 502, body = RefusalWords, description = "Home Assistant does not answer, or refuses"),
    (status = 503, body = RefusalWords),
))]
pub async fn add(
    State(site): State<Arc<Site>>,
    visitor: Visitor,
    Sent(wanted): Sent<WantedAdditions>,
) -> Result<Json<Added>, WebRefusal> {
    let inside = site.inside().ok_or_else(WebRefusal::asleep)?;
    let address = site.backstage.core.as_ref().ok_or_else(|| {
        let error = "only the wattbridge app of Home Assistant can add to its dashboard";
        WebRefusal::not_found(error)
    })?;
    let _turn = TURN.lock().await;
    let mut present = Present::read(address)
        .await
        .map_err(|error| refusal(&error))?;
    let mut places = belongs(&inside);
    present.complete(&mut places);
    let additions = additions(&places, &present);
    if present.revision(&additions) != wanted.rev {
        return Err(WebRefusal::new(
            StatusCode::CONFLICT,
            "the Energy dashboard is no longer what was shown; nothing was added",
            "look at what would be added now",
        ));
    }
    let sources: Vec<EnergySource> = additions.iter().map(|it| it.source.clone()).collect();
    if sources.is_empty() {
        let (added, issues) = (Vec::new(), Vec::new());
        return Ok(Json(Added { added, issues }));
    }
    let Present {
        core, preferences, ..
    } = &mut present;
    // An earlier Home Assistant has no place for all of it.
    let added = preferences
        .add(core, &sources)
        .await
        .map_err(|error| refusal(&error))?;
    tracing::info!(
        "Added to the Energy dashboard of Home Assistant, as {visitor} wants: {}.",
        added.join(", ")
    );
    // It is done, whatever is thought of it.
    let found = EnergyPreferences::issues(core)
        .await
        .unwrap_or_else(|error| {
            tracing::warn!(
                "What was added to the Energy dashboard was not looked through: {error}."
            );
            Vec::new()
        });
    let ours = found.into_iter().filter(|it| added.contains(&it.entity_id));
    let issues = ours.map(|it| ToldIssue {
        kind: it.kind,
        entity_id: it.entity_id,
    });
    Ok(Json(Added {
        issues: issues.collect(),
        added,
    }))
}

fn belongs(inside: &Inside) -> Vec<ToldPlace> {
    told(
        &inside.hub.view().snapshot(),
        &inside.flow,
        &inside.key,
        inside.language,
    )
}

fn refusal(error: &CoreError) -> WebRefusal {
    WebRefusal::new(StatusCode::BAD_GATEWAY, error.to_string(), "")
}

/// What Home Assistant has now.
struct Present {
    core: CoreConnection,
    ids: EntityIds,
    preferences: EnergyPreferences,
}

impl Present {
    async fn read(address: &CoreAddress) -> Result<Self, CoreError> {
        let mut core = CoreConnection::open(address).await?;
        Ok(Self {
            ids: EntityIds::read(&mut core).await?,
            preferences: EnergyPreferences::read(&mut core).await?,
            core,
        })
    }

    fn complete(&self, places: &mut [ToldPlace]) {
        complete(places, &self.ids, &self.preferences.used());
    }

    fn revision(&self, additions: &[Addition]) -> String {
        let more = additions.iter().flat_map(|it| it.entities.iter());
        let more: Vec<&str> = more.map(String::as_str).collect();
        SavedFile::revision(&format!("{}\n{}", self.preferences.text(), more.join("\n")))
    }
}

/// Adds what Home Assistant knows of each entry.
fn complete(places: &mut [ToldPlace], ids: &EntityIds, used: &BTreeSet<&str>) {
    let is_used = |unique_id: &str| {
        let name = ids.get(unique_id);
        name.is_some_and(|name| used.contains(name.entity_id.as_str()))
    };
    for place in places {
        for entry in &mut place.entries {
            let Some(name) = ids.get(&entry.unique_id) else {
                continue;
            };
            let is_in = used.contains(name.entity_id.as_str());
            let mut behind = place
                .not
                .iter()
                .filter(|it| it.reference == entry.reference);
            let is_behind = behind.any(|it| it.unique_ids.iter().any(|id| is_used(id)));
            entry.held = match () {
                () if is_in => None,
                () if name.is_off => Some("off"),
                () if is_behind => Some("behind"),
                () if entry.same_unique_ids.iter().any(|id| is_used(id)) => Some("other"),
                () => None,
            };
            entry.used = Some(is_in);
            entry.entity_id = Some(name.entity_id.clone());
        }
    }
}

/// What is not there and can be added.
fn additions(places: &[ToldPlace], present: &Present) -> Vec<Addition> {
    missing(places, &present.ids, &present.preferences.used())
}

fn missing(places: &[ToldPlace], ids: &EntityIds, used: &BTreeSet<&str>) -> Vec<Addition> {
    let entries = |name: &str| {
        let place = places.iter().find(|it| it.place == name);
        // Which of several it is, the user says in the dashboard itself.
        let place = place.filter(|place| !place.is_disputed);
        place.map_or(&[][..], |place| &place.entries)
    };
    let open = |entry: &DashboardEntry| {
        let is_open = entry.used == Some(false) && entry.held.is_none();
        entry.entity_id.clone().filter(|_| is_open)
    };
    let of = |name: &str, reference: &str| {
        let mut all = entries(name).iter();
        all.find(|it| it.reference == reference).cloned()
    };
    let unused = |unique_id: &String| {
        let id = ids.in_use(unique_id).filter(|id| !used.contains(id));
        id.map(str::to_owned)
    };
    let mut additions = Vec::new();
    for entry in entries("solar") {
        let Some(energy) = open(entry) else { continue };
        let power = entry.power_unique_id.as_ref().and_then(unused);
        additions.push(Addition {
            kind: "solar",
            device: entry.device.clone(),
            entities: [Some(energy.clone()), power.clone()]
                .into_iter()
                .flatten()
                .collect(),
            source: EnergySource::Solar { energy, power },
        });
    }
    let mut meters: Vec<&str> = Vec::new();
    for entry in entries("grid_import").iter().chain(entries("grid_export")) {
        if meters.contains(&entry.reference.as_str()) {
            continue;
        }
        meters.push(&entry.reference);
        let side = |name: &str| of(name, &entry.reference);
        let sides = [side("grid_import"), side("grid_export")];
        let is_free = |it: &DashboardEntry| {
            it.used == Some(false) && !matches!(it.held, Some("behind" | "other"))
        };
        let is_new = sides.iter().flatten().all(is_free);
        let [import, export] = sides.map(|side| side.as_ref().and_then(open));
        if import.is_none() && export.is_none() {
            continue;
        }
        // With the one that is there already, the power is somebody's choice.
        let power = side("power").as_ref().and_then(open).filter(|_| is_new);
        let all = [&import, &export, &power].into_iter().flatten();
        additions.push(Addition {
            kind: "grid",
            device: entry.device.clone(),
            entities: all.cloned().collect(),
            source: EnergySource::Grid {
                import,
                export,
                power,
            },
        });
    }
    for entry in entries("battery_in") {
        let out = of("battery_out", &entry.reference);
        let (Some(charged), Some(discharged)) = (open(entry), out.as_ref().and_then(open)) else {
            continue;
        };
        additions.push(Addition {
            kind: "battery",
            device: entry.device.clone(),
            entities: vec![charged.clone(), discharged.clone()],
            source: EnergySource::Battery {
                charged,
                discharged,
            },
        });
    }
    for kind in ["gas", "water"] {
        for entry in entries(kind) {
            let Some(counter) = open(entry) else { continue };
            let entities = vec![counter.clone()];
            additions.push(Addition {
                kind,
                device: entry.device.clone(),
                entities,
                source: match kind {
                    "gas" => EnergySource::Gas(counter),
                    _ => EnergySource::Water(counter),
                },
            });
        }
    }
    additions
}

#[cfg(test)]
mod tests;
