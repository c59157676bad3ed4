//! `roof/weak`: which panels bring less than their neighbours. Looked at each hour, and when the roof is arranged
//! anew; who asks gets what was found last.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use jiff::civil::Date;
use serde::Serialize;
use utoipa::ToSchema;

use super::id_of;
use crate::history::{HistoryError, HistoryReader, SeriesKey};
use crate::model::Device;
use crate::roof::{
    LaidPanel, PanelCourse, PlaneCourse, RoofPanel, SlotTime, WeakKind, WeakPanel, panels_of,
    weak_panels,
};
use crate::web::access::Visitor;
use crate::web::history::{HistoryDesk, pieces, tomorrow};
use crate::web::reply::{RefusalWords, WebRefusal};
use crate::web::roof_book::WeakFound;
use crate::web::site::Site;

/// How often it is looked at.
const EVERY: Duration = Duration::from_secs(3600);
/// How soon again, as long as there are no panels yet.
const SOON: Duration = Duration::from_secs(5);
/// Days that are looked at.
const DAYS: i64 = 14;
const SLOT: i64 = 300;
/// Values that are read at once.
const AT_ONCE: usize = 50_000;
const SLOTS_OF_DAY: usize = 288;

/// Which panels bring less than their neighbours.
#[derive(Debug, Serialize, ToSchema)]
pub struct WeakAnswer {
    /// When that was looked at, in seconds since 1970; `null` where it was not yet.
    pub at: Option<i64>,
    /// The weakest first.
    pub findings: Vec<WeakFinding>,
}

/// A panel that brings less.
#[derive(Debug, Serialize, ToSchema)]
pub struct WeakFinding {
    /// `REF/KEY` of its power.
    pub panel: String,
    /// What it is called.
    pub name: String,
    /// By how many percent it brings less than the median of its plane, over 14 days.
    pub percent_less: u8,
    /// `shadow`, `dirt` (or a fault: the same at all hours), `nothing`, or `unclear`.
    pub kind: &'static str,
    /// Of a shadow: the hour in which it begins.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from_hour: Option<u8>,
    /// Of a shadow: the hour at whose beginning it ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to_hour: Option<u8>,
    /// Its share of the median on clear days, by hours.
    pub hours: Vec<HourAnswer>,
}

/// A share of the median in an hour of the day.
#[derive(Debug, Serialize, ToSchema)]
pub struct HourAnswer {
    /// 12 is from 12 to 13.
    pub hour: u8,
    /// 1 is as much as the median.
    pub share: f64,
}

/// Which panels bring less than their neighbours
#[utoipa::path(get, path = "/api/v1/roof/weak", responses(
    (status = 200, body = WeakAnswer),
    (status = 401, body = RefusalWords),
    (status = 503, body = RefusalWords),
))]
pub async fn weak(
    State(site): State<Arc<Site>>,
    visitor: Visitor,
) -> Result<Json<WeakAnswer>, WebRefusal> {
    let desk = HistoryDesk::open(&site, &visitor)?;
    let found = site
        .roof
        .found
        .lock()
        .unwrap_or_else(PoisonError::into_inner);
    let findings = found.iter().flat_map(|found| &found.panels);
    let findings = findings.filter_map(|(place, weak)| {
        let panel = desk.panels().iter().find(|panel| panel.place == *place)?;
        Some(finding(&desk, panel, weak))
    });
    Ok(Json(WeakAnswer {
        at: found.as_ref().map(|found| found.at),
        findings: findings.collect(),
    }))
}

fn finding(desk: &HistoryDesk, panel: &RoofPanel, weak: &WeakPanel) -> WeakFinding {
    let (kind, hours) = match weak.kind {
        WeakKind::Shadow { from_hour, to_hour } => ("shadow", Some((from_hour, to_hour))),
        WeakKind::Dirt => ("dirt", None),
        WeakKind::Nothing => ("nothing", None),
        WeakKind::Unclear => ("unclear", None),
    };
    let shares = weak.hours.iter().map(|hour| HourAnswer {
        hour: hour.hour,
        share: (hour.share * 100.0).round() / 100.0,
    });
    WeakFinding {
        panel: id_of(desk, &panel.place),
        name: desk.panel_title(panel),
        percent_less: weak.percent_less,
        kind,
        from_hour: hours.map(|(from, _)| from),
        to_hour: hours.map(|(_, to)| to),
        hours: shares.collect(),
    }
}

/// Looks at the panels each hour, as long as the page is there.
pub async fn watch(site: Arc<Site>) {
    let mut inside = site.watch();
    loop {
        let pause = match look(&site).await {
            Ok(false) => SOON,
            Ok(true) | Err(HistoryError::Off) => EVERY,
            Err(error) => {
                tracing::debug!("Weak panels cannot be looked for: {error}");
                EVERY
            }
        };
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = site.roof.changed.notified() => {}
            Ok(()) = inside.changed() => {}
            () = site.stop.cancelled() => return,
        }
    }
}

/// Looks at them once; false if there are none yet.
async fn look(site: &Site) -> Result<bool, HistoryError> {
    let Some(inside) = site.inside() else {
        return Ok(false);
    };
    let devices = site.board.look(|board| {
        let devices = board.rows.iter().map(|row| Arc::clone(&row.device));
        devices.collect::<Vec<Arc<Device>>>()
    });
    let panels = panels_of(devices.iter().map(AsRef::as_ref));
    if panels.is_empty() {
        return Ok(false);
    }
    let layout = site.roof.layout(&inside.memory, &panels);
    let reader = inside.history.reader();
    let now = inside.clock.now();
    let today = reader.calendar().day_of(now);
    let mut found = Vec::new();
    for plane in &layout.planes {
        let is_there = |laid: &&LaidPanel| panels.iter().any(|panel| laid.is(panel));
        let laid: Vec<&LaidPanel> = plane.panels.iter().filter(is_there).collect();
        if laid.len() < 2 {
            continue;
        }
        let mut course = course(&reader, &laid, today).await?;
        course.is_guess = layout.is_guess();
        // A fortnight of many panels takes its time.
        let weak = tokio::task::spawn_blocking(move || weak_panels(&course)).await;
        let weak = weak.map_err(|_| HistoryError::Stopping)?;
        let weak = weak
            .into_iter()
            .filter_map(|weak| Some((laid.get(weak.panel)?.place(), weak)));
        found.extend(weak);
    }
    found.sort_by_key(|(_, weak)| std::cmp::Reverse(weak.percent_less));
    let mut place = site
        .roof
        .found
        .lock()
        .unwrap_or_else(PoisonError::into_inner);
    *place = Some(WeakFound {
        at: now.as_second(),
        panels: found,
    });
    Ok(true)
}

/// What panels brought in the fortnight up to a day. Slots in which none brought anything are left out.
async fn course(
    reader: &HistoryReader,
    laid: &[&LaidPanel],
    today: Date,
) -> Result<PlaneCourse, HistoryError> {
    let calendar = reader.calendar();
    let panels = laid.iter().map(|panel| PanelCourse {
        watts: Vec::new(),
        rated: panel.rated,
    });
    let mut course = PlaneCourse {
        panels: panels.collect(),
        ..PlaneCourse::default()
    };
    let end = tomorrow(today);
    let first = end.saturating_sub(jiff::Span::new().days(DAYS));
    let at_once = AT_ONCE / (SLOTS_OF_DAY * laid.len().max(1));
    let at_once = i64::try_from(at_once).unwrap_or(1);
    for (from, to) in pieces(first, end, at_once) {
        let series = laid
            .iter()
            .map(|panel| SeriesKey::new(&panel.device, panel.key.as_str()));
        let curves = reader.power(series.collect(), from, to, SLOT).await?;
        let slots = curves.series.iter().map(|curve| curve.values.len()).max();
        for slot in 0..slots.unwrap_or(0) {
            let watts: Vec<Option<f32>> = curves
                .series
                .iter()
                .map(|curve| {
                    let value = curve.values.get(slot).copied().flatten()?;
                    let watts = value as f64 / 10_f64.powi(i32::from(curve.scale));
                    Some(watts as f32)
                })
                .collect();
            if !watts.iter().flatten().any(|watts| *watts > 0.0) {
                continue;
            }
            let ordinal = i64::try_from(slot).unwrap_or(0) + 1;
            let slot_end = curves.start.as_second() + ordinal * curves.step;
            let date = calendar.day_of_slot(slot_end);
            let day = first.until(date).map_or(0, |span| span.get_days());
            course.slots.push(SlotTime {
                day: usize::try_from(day).unwrap_or(0),
                minute: u16::try_from(calendar.minute_of_day(slot_end)).unwrap_or(0),
            });
            for (panel, watts) in course.panels.iter_mut().zip(watts) {
                panel.watts.push(watts);
            }
        }
    }
    Ok(course)
}
