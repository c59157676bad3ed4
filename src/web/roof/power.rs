//! `roof/power`: what each panel brought on a day.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::id_of;
use crate::history::{By, EnergyOf, EnergyTable, PowerCurves, SeriesKey};
use crate::model::Decimal;
use crate::web::access::Visitor;
use crate::web::history::desk::refusal;
use crate::web::history::{HistoryDesk, day_of, tomorrow};
use crate::web::large::LargeAnswer;
use crate::web::reply::{Asked, RefusalWords, WebRefusal};
use crate::web::site::Site;

const SLOT: i64 = 300;

/// Which day.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct RoofPowerQuery {
    /// As 2026-06-14.
    day: String,
}

/// A day of the roof.
#[derive(Debug, Serialize, ToSchema)]
pub struct RoofPowerAnswer {
    /// The start of the first slot, in seconds since 1970.
    pub t0: i64,
    /// Seconds of a slot.
    pub step: i64,
    /// The mean power of each panel in each slot, in W; `null` where it is not known.
    #[schema(value_type = BTreeMap<String, Vec<Option<f64>>>)]
    pub panels: BTreeMap<String, Vec<serde_json::Value>>,
    /// The energy of each panel on this day, in Wh.
    pub energy: BTreeMap<String, Option<i64>>,
}

/// What each panel brought on a day
#[utoipa::path(get, path = "/api/v1/roof/power", params(RoofPowerQuery), responses(
    (status = 200, body = RoofPowerAnswer),
    (status = 400, body = RefusalWords),
    (status = 401, body = RefusalWords),
    (status = 503, body = RefusalWords),
))]
pub async fn power(
    State(site): State<Arc<Site>>,
    visitor: Visitor,
    Asked(query): Asked<RoofPowerQuery>,
    large: LargeAnswer,
) -> Result<Response, WebRefusal> {
    let day = day_of(&query.day)?;
    let next = tomorrow(day);
    let desk = HistoryDesk::open(&site, &visitor)?;
    let series = desk.panels().iter();
    let series = series.map(|panel| SeriesKey::new(&panel.place.device, panel.place.key.as_str()));
    let series: Vec<SeriesKey> = series.collect();
    let curves = desk
        .reader
        .power(series, day, next, SLOT)
        .await
        .map_err(refusal)?;
    let table = desk.reader.energy(By::Day, day, next, EnergyOf::Panel);
    let table = table.await.map_err(refusal)?;
    large.write(move || told(&desk, curves, table)).await
}

fn told(desk: &HistoryDesk, curves: PowerCurves, table: EnergyTable) -> RoofPowerAnswer {
    let ids = desk.panels().iter().map(|panel| id_of(desk, &panel.place));
    let mut energy: BTreeMap<String, Option<i64>> = ids.map(|id| (id, None)).collect();
    for row in table.rows {
        if let Some((panel, _)) = desk.panel(&row.series) {
            energy.insert(id_of(desk, &panel.place), row.wh.first().copied().flatten());
        }
    }
    let panels = curves.series.into_iter().map(|curve| {
        let watts = |value: Option<i64>| {
            let watts = Decimal::new(value?, curve.scale).rounded(1);
            Some(watts.to_json())
        };
        let values = curve
            .values
            .iter()
            .map(|value| watts(*value).unwrap_or_default());
        let reference = desk.reference(&curve.series.device);
        (
            format!("{reference}/{}", curve.series.key),
            values.collect(),
        )
    });
    RoofPowerAnswer {
        t0: curves.start.as_second(),
        step: curves.step,
        panels: panels.collect(),
        energy,
    }
}
