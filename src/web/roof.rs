//! `roof...`: where the panels lie, what each brings, and which are weak.
//!
//! | file | what |
//! |---|---|
//! | here | where they lie, for all to see and for admins to change |
//! | `power` | what each brought on a day |
//! | `weak` | which bring less than their neighbours, looked at each hour |

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, PoisonError};

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::access::Visitor;
use super::history::HistoryDesk;
use super::reply::{RefusalWords, Sent, WebRefusal};
use super::roof_book::NAME;
use super::site::Site;
use crate::roof::{LaidPanel, LayoutError, PanelPlace, RoofLayout, RoofPlane, on_grid, panel_size};

pub mod power;
pub mod weak;

/// Where the panels lie.
#[derive(Debug, Serialize, ToSchema)]
pub struct RoofAnswer {
    /// The number of the last change; 0 where nobody has arranged anything yet.
    pub rev: u64,
    /// The planes.
    pub planes: Vec<PlaneAnswer>,
    /// Panels that lie nowhere yet.
    pub tray: Vec<TrayPanel>,
    /// Width of a panel that stands, in cm.
    pub width: u32,
    /// Its height.
    pub height: u32,
}

/// A plane of the roof.
#[derive(Debug, Serialize, ToSchema)]
pub struct PlaneAnswer {
    /// Tells it from the others.
    pub id: String,
    /// What it is called.
    pub name: String,
    /// Where it looks, in the words of the user.
    pub direction: String,
    /// Degrees from level.
    pub steep: Option<u8>,
    /// What lies on it.
    pub panels: Vec<PanelAnswer>,
}

/// A panel on its plane.
#[derive(Debug, Serialize, ToSchema)]
pub struct PanelAnswer {
    /// `REF/KEY` of its power.
    pub id: String,
    /// What it is called.
    pub name: String,
    /// Watts on its label.
    pub rated: Option<u32>,
    /// From the left, in cm.
    pub x: u32,
    /// From the top, in cm.
    pub y: u32,
    /// Whether it lies on its side.
    pub turned: bool,
    /// The product it hangs on.
    pub model: Option<String>,
    /// Whether no device tells of it any more.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub gone: bool,
}

/// A panel that lies nowhere yet.
#[derive(Debug, Serialize, ToSchema)]
pub struct TrayPanel {
    /// `REF/KEY` of its power.
    pub id: String,
    /// What it is called.
    pub name: String,
    /// The product it hangs on.
    pub model: Option<String>,
}

/// A layout as the page sends it.
#[derive(Debug, Deserialize, ToSchema)]
pub struct RoofSent {
    /// The number of the change that it was made from.
    rev: u64,
    /// The planes.
    planes: Vec<PlaneSent>,
}

/// A plane as the page sends it.
#[derive(Debug, Deserialize, ToSchema)]
pub struct PlaneSent {
    /// Left out for a new one.
    #[serde(default)]
    id: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    direction: String,
    /// Degrees from level.
    #[serde(default)]
    steep: Option<f64>,
    #[serde(default)]
    panels: Vec<PanelSent>,
}

/// A panel as the page sends it.
#[derive(Debug, Deserialize, ToSchema)]
pub struct PanelSent {
    /// `REF/KEY` of its power.
    id: String,
    #[serde(default)]
    name: Option<String>,
    /// Watts on its label.
    #[serde(default)]
    rated: Option<f64>,
    /// From the left, in cm; it is put on a grid of 5 cm.
    x: f64,
    /// From the top, in cm.
    y: f64,
    #[serde(default)]
    turned: bool,
}

/// The layout is saved.
#[derive(Debug, Serialize, ToSchema)]
pub struct RoofSaved {
    /// The number of the change.
    rev: u64,
}

/// Where the panels lie
#[utoipa::path(get, path = "/api/v1/roof", responses(
    (status = 200, body = RoofAnswer),
    (status = 401, body = RefusalWords),
    (status = 503, body = RefusalWords),
))]
pub async fn roof(
    State(site): State<Arc<Site>>,
    visitor: Visitor,
) -> Result<Json<RoofAnswer>, WebRefusal> {
    let desk = HistoryDesk::open(&site, &visitor)?;
    let layout = desk.layout();
    let planes = layout.planes.iter().map(|plane| PlaneAnswer {
        id: plane.id.clone(),
        name: desk.text(&plane.name).into_owned(),
        direction: plane.direction.clone(),
        steep: plane.steep,
        panels: plane
            .panels
            .iter()
            .map(|panel| shown(&desk, panel))
            .collect(),
    });
    let tray = layout
        .tray(desk.panels())
        .into_iter()
        .map(|panel| TrayPanel {
            id: id_of(&desk, &panel.place),
            name: desk.panel_title(panel),
            model: panel.model.as_deref().map(|it| desk.text(it).into_owned()),
        });
    let (width, height) = panel_size();
    Ok(Json(RoofAnswer {
        rev: layout.revision,
        planes: planes.collect(),
        tray: tray.collect(),
        width,
        height,
    }))
}

fn shown(desk: &HistoryDesk, panel: &LaidPanel) -> PanelAnswer {
    let known = desk.panels().iter().find(|it| panel.is(it));
    let model = known.and_then(|it| it.model.as_deref());
    PanelAnswer {
        id: id_of(desk, &panel.place()),
        name: desk.text(panel.title(desk.panels())).into_owned(),
        rated: panel.rated,
        x: panel.x,
        y: panel.y,
        turned: panel.turned,
        model: model.map(|it| desk.text(it).into_owned()),
        gone: known.is_none(),
    }
}

/// What a panel is called in the API.
pub fn id_of(desk: &HistoryDesk, place: &PanelPlace) -> String {
    format!("{}/{}", desk.reference(&place.device), place.key)
}

/// Changes where the panels lie
///
/// Refused with 409 where somebody else has changed it since `rev`.
#[utoipa::path(put, path = "/api/v1/roof", request_body = RoofSent, responses(
    (status = 200, body = RoofSaved),
    (status = 400, body = RefusalWords),
    (status = 401, body = RefusalWords),
    (status = 403, body = RefusalWords),
    (status = 409, body = RefusalWords),
    (status = 503, body = RefusalWords),
))]
pub async fn arrange(
    State(site): State<Arc<Site>>,
    visitor: Visitor,
    Sent(sent): Sent<RoofSent>,
) -> Result<Json<RoofSaved>, WebRefusal> {
    let inside = site.inside().ok_or_else(WebRefusal::asleep)?;
    let saving = &site.roof.saving;
    let _alone = saving.lock().unwrap_or_else(PoisonError::into_inner);
    // What is there is looked at only now: nobody changes it from here on.
    let desk = HistoryDesk::open(&site, &visitor)?;
    let before = desk.layout();
    if sent.rev != before.revision {
        return Err(WebRefusal::new(
            StatusCode::CONFLICT,
            "the roof has been changed on another page meanwhile",
            "load the page again and make your change once more",
        ));
    }
    let planes = planes_of(&desk, sent.planes)?;
    let layout = RoofLayout {
        revision: before.revision.saturating_add(1),
        planes,
    };
    layout.check().map_err(|error| not_kept(&error))?;
    inside.memory.put(NAME, &layout);
    site.roof.changed.notify_one();
    Ok(Json(RoofSaved {
        rev: layout.revision,
    }))
}

fn planes_of(desk: &HistoryDesk, sent: Vec<PlaneSent>) -> Result<Vec<RoofPlane>, WebRefusal> {
    let places = places(desk);
    let mut ids: BTreeSet<String> = sent.iter().map(|plane| plane.id.clone()).collect();
    let mut planes = Vec::new();
    for plane in sent {
        let id = if plane.id.is_empty() {
            free_id(&mut ids)
        } else {
            plane.id
        };
        let panels = plane.panels.iter().map(|panel| laid(desk, &places, panel));
        planes.push(RoofPlane {
            id,
            name: plane.name.trim().to_owned(),
            direction: plane.direction.trim().to_owned(),
            steep: whole(plane.steep).map_err(|()| not_kept(&LayoutError::Steep))?,
            panels: panels.collect::<Result<_, _>>()?,
        });
    }
    Ok(planes)
}

/// All panels that can lie somewhere: those that are there, and those that lay somewhere before.
fn places(desk: &HistoryDesk) -> BTreeMap<String, PanelPlace> {
    let there = desk.panels().iter().map(|panel| panel.place.clone());
    let before = desk.layout().panels().map(LaidPanel::place);
    let all = there.chain(before);
    all.map(|place| (id_of(desk, &place), place)).collect()
}

fn laid(
    desk: &HistoryDesk,
    places: &BTreeMap<String, PanelPlace>,
    sent: &PanelSent,
) -> Result<LaidPanel, WebRefusal> {
    let place = places.get(sent.id.as_str()).ok_or_else(|| {
        WebRefusal::bad(
            "one of the panels is not there any more",
            "load the page again and make your change once more",
        )
    })?;
    let name = sent.name.as_deref().unwrap_or_default().trim();
    let known = desk.panels().iter().find(|panel| panel.place == *place);
    // What it is called by itself may change with its device.
    let is_own = known.is_some_and(|panel| panel.name == name);
    let name = if is_own { "" } else { name };
    let too_far = || not_kept(&LayoutError::TooFar);
    Ok(LaidPanel {
        device: place.device.clone(),
        key: place.key.clone(),
        name: name.to_owned(),
        rated: whole(sent.rated).map_err(|()| not_kept(&LayoutError::Rated))?,
        x: on_grid(sent.x).ok_or_else(too_far)?,
        y: on_grid(sent.y).ok_or_else(too_far)?,
        turned: sent.turned,
    })
}

/// A number without decimals.
fn whole<T: TryFrom<u32>>(number: Option<f64>) -> Result<Option<T>, ()> {
    let Some(number) = number else {
        return Ok(None);
    };
    let rounded = number.round();
    if !(0.0..=f64::from(u32::MAX)).contains(&rounded) {
        return Err(());
    }
    T::try_from(rounded as u32).map(Some).map_err(|_| ())
}

fn free_id(ids: &mut BTreeSet<String>) -> String {
    let free = (1_usize..).map(|number| format!("p{number}"));
    let free = free
        .into_iter()
        .find(|id| !ids.contains(id))
        .unwrap_or_default();
    ids.insert(free.clone());
    free
}

fn not_kept(error: &LayoutError) -> WebRefusal {
    WebRefusal::bad(error.to_string(), "change that and save again")
}
