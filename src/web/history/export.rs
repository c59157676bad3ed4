//! `history.csv`: the history as a table, written while it is read.

use std::collections::BTreeSet;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use serde::{Deserialize, Serialize};
use tokio::sync::{Semaphore, mpsc};
use utoipa::{IntoParams, ToSchema};

use super::desk::{HistoryDesk, refusal};
use super::period::{days_of, pieces, tomorrow};
use crate::history::{
    DayOfSeries, Exported, HOUSE, HistoryError, HistoryReader, SeriesInfo, SeriesKey, SlotOfSeries,
};
use crate::model::{Decimal, Quantity};
use crate::web::access::Visitor;
use crate::web::csv::{CsvDialect, CsvLines};
use crate::web::reply::{Asked, RefusalWords, WebRefusal};
use crate::web::site::Site;

/// A year of five minutes, and as many days as there are.
const MOST_DAYS_OF_SLOTS: i64 = 366;
const MOST_DAYS: i64 = 90_000;
/// Days that are read at once.
const DAYS_AT_ONCE: i64 = 20;
/// A piece that is sent, in bytes.
const PIECE: usize = 32 * 1024;

/// Lines of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ExportOf {
    /// One for each five minutes.
    Slots,
    /// One for each day.
    Days,
}

/// What is wanted.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct ExportQuery {
    /// The first day, as 2026-06-14.
    from: String,
    /// The day after the last one.
    to: String,
    /// `slots` or `days`; `days` if it is left out.
    #[param(inline)]
    of: Option<ExportOf>,
    /// `REF/KEY`, several with commas; everything if it is left out.
    series: Option<String>,
    /// 1 for Excel.
    excel: Option<u8>,
    /// The language of Excel: `en`, `de` or `fr`.
    lang: Option<String>,
}

/// A column.
#[derive(Debug, Clone, PartialEq, Eq)]
struct ExportColumn {
    series: SeriesKey,
    decimals: u8,
    title: String,
}

/// A table that is being written.
#[derive(Debug)]
struct Export {
    reader: HistoryReader,
    days: (Date, Date),
    plan: Arc<ExportPlan>,
    lines: CsvLines,
    /// Only some at once hold what they have read.
    turns: Arc<Semaphore>,
}

/// How it is written.
#[derive(Debug)]
struct ExportPlan {
    of: ExportOf,
    columns: Vec<ExportColumn>,
    dialect: CsvDialect,
    zone: TimeZone,
}

/// The history as a table
///
/// Columns are values, lines are days or the ends of five minutes. What is not known is left out.
#[utoipa::path(get, path = "/api/v1/history.csv", params(ExportQuery), responses(
    (status = 200, content_type = "text/csv", body = String),
    (status = 400, body = RefusalWords),
    (status = 401, body = RefusalWords),
    (status = 404, body = RefusalWords),
    (status = 503, body = RefusalWords),
))]
pub async fn export(
    State(site): State<Arc<Site>>,
    visitor: Visitor,
    Asked(query): Asked<ExportQuery>,
) -> Result<Response, WebRefusal> {
    let of = query.of.unwrap_or(ExportOf::Days);
    let most = match of {
        ExportOf::Slots => MOST_DAYS_OF_SLOTS,
        ExportOf::Days => MOST_DAYS,
    };
    let asked = days_of(&query.from, &query.to, most)?;
    let desk = HistoryDesk::open(&site, &visitor)?;
    let wanted = match &query.series {
        Some(names) => Some(desk.series(names).await?),
        None => None,
    };
    let reader = desk.reader.clone();
    let days = filled(&reader, asked, site.now()).await.map_err(refusal)?;
    let columns = columns(&desk, wanted, days).await.map_err(refusal)?;
    let dialect = CsvDialect::of(query.excel.unwrap_or(0) != 0, query.lang.as_deref());
    let export = Export {
        plan: Arc::new(ExportPlan {
            of,
            columns,
            dialect,
            zone: reader.calendar().zone().clone(),
        }),
        reader,
        days,
        lines: CsvLines::new(dialect),
        turns: Arc::clone(&site.turns),
    };
    let (sender, body) = mpsc::channel(1);
    let stop = site.stop.clone();
    tokio::spawn(async move {
        tokio::select! {
            () = export.write(&sender) => {}
            () = stop.cancelled() => {
                // Half a table must not look like a whole one.
                let _ = sender.try_send(Err(io::ErrorKind::Interrupted.into()));
            }
            // Nobody reads any more.
            () = sender.closed() => {}
        }
    });
    let name = format!(
        "attachment; filename=\"wattbridge-{}-{}.csv\"",
        query.from, query.to
    );
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()),
        (header::CONTENT_DISPOSITION, name),
    ];
    Ok((headers, Body::new(ExportBody(body))).into_response())
}

/// The days of a time in which there can be anything.
async fn filled(
    reader: &HistoryReader,
    (from, to): (Date, Date),
    now: Timestamp,
) -> Result<(Date, Date), HistoryError> {
    let oldest = reader.size().await?.oldest_day;
    let end = tomorrow(reader.calendar().day_of(now));
    let from = oldest.map_or(from, |oldest| from.max(oldest));
    Ok((from, to.min(end)))
}

/// The values that are known in these days: the house first, then devices as the page has them.
async fn columns(
    desk: &HistoryDesk,
    wanted: Option<Vec<SeriesKey>>,
    (from, to): (Date, Date),
) -> Result<Vec<ExportColumn>, HistoryError> {
    let mut infos = desk.reader.series().await?;
    infos.sort_by_key(|info| (info.series.device.as_str() != HOUSE, info.series.clone()));
    if let Some(wanted) = wanted {
        let place = |info: &SeriesInfo| wanted.iter().position(|it| *it == info.series);
        infos.retain(|info| place(info).is_some());
        infos.sort_by_key(place);
    }
    let series: Vec<SeriesKey> = infos.iter().map(|info| info.series.clone()).collect();
    let mut known: BTreeSet<SeriesKey> = BTreeSet::new();
    for (from, to) in pieces(from, to, DAYS_AT_ONCE) {
        let missing = series.iter().filter(|it| !known.contains(*it));
        let missing: Vec<SeriesKey> = missing.cloned().collect();
        if missing.is_empty() {
            break;
        }
        let found = desk.reader.days(missing, from, to).await?;
        let with_value = found.rows.iter().filter(|day| day.row.value.is_some());
        known.extend(
            with_value.filter_map(|day| Some(found.series.get(day.series)?.series.clone())),
        );
    }
    infos.retain(|info| known.contains(&info.series));
    let mut columns: Vec<ExportColumn> = infos.iter().map(|info| column(desk, info)).collect();
    tell_apart(desk, &mut columns);
    Ok(columns)
}

fn column(desk: &HistoryDesk, info: &SeriesInfo) -> ExportColumn {
    let about = &info.about;
    let unit = about.quantity.and_then(Quantity::unit);
    let unit = unit.map_or_else(String::new, |unit| format!(" [{unit}]"));
    let panel = desk.panel(&info.series);
    let panel = panel.filter(|(panel, _)| panel.place.key == info.series.key);
    let title = match panel {
        Some((_, title)) => title,
        None if info.series.device.as_str() == HOUSE => {
            format!("House: {}", info.series.key.replace('_', " "))
        }
        None => {
            let device = desk.device_name(&info.series.device, &about.device_name);
            format!("{device}: {}", about.name)
        }
    };
    ExportColumn {
        series: info.series.clone(),
        decimals: about.decimals,
        title: format!("{title}{unit}"),
    }
}

/// Two that are called the same get what tells them apart.
fn tell_apart(desk: &HistoryDesk, columns: &mut [ExportColumn]) {
    let mut seen = BTreeSet::new();
    let twice: BTreeSet<String> = columns
        .iter()
        .filter(|column| !seen.insert(column.title.clone()))
        .map(|column| column.title.clone())
        .collect();
    for column in columns.iter_mut().filter(|it| twice.contains(&it.title)) {
        let reference = desk.reference(&column.series.device);
        column.title = format!("{} ({reference}/{})", column.title, column.series.key);
    }
}

impl Export {
    /// Writes all of it, or as much as somebody reads.
    async fn write(mut self, to: &mpsc::Sender<Result<Bytes, io::Error>>) {
        self.plan.head(&mut self.lines);
        let (from, end) = self.days;
        let at_once = match self.plan.of {
            ExportOf::Slots => 1,
            ExportOf::Days => DAYS_AT_ONCE,
        };
        for (from, end) in pieces(from, end, at_once) {
            if self.plan.columns.is_empty() {
                break;
            }
            if let Err(error) = self.piece(from, end).await {
                tracing::warn!("The page cannot read the history: {error}");
                let _ = to
                    .send(Err(io::Error::other("the history cannot be read")))
                    .await;
                return;
            }
            if self.lines.len() >= PIECE && to.send(Ok(self.lines.take().into())).await.is_err() {
                return;
            }
        }
        let _ = to.send(Ok(self.lines.take().into())).await;
    }

    /// Reads some days and writes their lines, on a thread that may take its time.
    async fn piece(&mut self, from: Date, to: Date) -> Result<(), HistoryError> {
        let turn = self.turns.acquire().await;
        let _turn = turn.map_err(|_| HistoryError::Stopping)?;
        let series: Vec<SeriesKey> = self.plan.series().cloned().collect();
        let plan = Arc::clone(&self.plan);
        let mut lines = std::mem::replace(&mut self.lines, CsvLines::new(self.plan.dialect));
        let written = match self.plan.of {
            ExportOf::Slots => {
                let found = self.reader.slots(series, from, to).await?;
                tokio::task::spawn_blocking(move || {
                    plan.slots(&found, &mut lines);
                    lines
                })
            }
            ExportOf::Days => {
                let found = self.reader.days(series, from, to).await?;
                tokio::task::spawn_blocking(move || {
                    plan.whole_days(&found, &mut lines);
                    lines
                })
            }
        };
        self.lines = written.await.map_err(|_| HistoryError::Stopping)?;
        Ok(())
    }
}

impl ExportPlan {
    fn head(&self, lines: &mut CsvLines) {
        let words = self.dialect.words;
        match self.of {
            ExportOf::Days => lines.text(words.date),
            ExportOf::Slots => {
                lines.text(words.time);
                if self.dialect.is_for_excel() {
                    lines.text(words.offset);
                }
            }
        }
        for column in &self.columns {
            lines.text(&column.title);
        }
        lines.end();
    }

    fn slots(&self, found: &Exported<SlotOfSeries>, lines: &mut CsvLines) {
        let places = self.places(&found.series);
        let cells = found.rows.iter();
        let cells = cells.map(|slot| (slot.end, slot.series, Some(slot.row.value)));
        self.put(&places, cells, lines, |end, lines| {
            self.time(&end.to_zoned(self.zone.clone()), lines);
        });
    }

    fn whole_days(&self, found: &Exported<DayOfSeries>, lines: &mut CsvLines) {
        let places = self.places(&found.series);
        let cells = found.rows.iter();
        let cells = cells.map(|day| (day.date, day.series, day.row.value));
        self.put(&places, cells, lines, |date, lines| {
            lines.moment(&date.to_string());
        });
    }

    fn series(&self) -> impl Iterator<Item = &SeriesKey> {
        self.columns.iter().map(|it| &it.series)
    }

    /// In which column each of the series that were read is.
    fn places(&self, series: &[SeriesInfo]) -> Vec<Option<usize>> {
        let place = |info: &SeriesInfo| self.series().position(|it| *it == info.series);
        series.iter().map(place).collect()
    }

    /// Cells in the order of time become lines; those without any are left out.
    fn put<T: Ord + Copy>(
        &self,
        places: &[Option<usize>],
        cells: impl Iterator<Item = (T, usize, Option<i64>)>,
        lines: &mut CsvLines,
        begin: impl Fn(T, &mut CsvLines),
    ) {
        let mut line: Option<T> = None;
        let mut values = vec![None; self.columns.len()];
        for (at, series, value) in cells {
            let place = places.get(series).copied().flatten();
            let (Some(place), Some(value)) = (place, value) else {
                continue;
            };
            if line != Some(at) {
                if let Some(before) = line.replace(at) {
                    begin(before, lines);
                    self.values(&values, lines);
                }
                values.fill(None);
            }
            if let Some(cell) = values.get_mut(place) {
                *cell = Some(value);
            }
        }
        if let Some(last) = line {
            begin(last, lines);
            self.values(&values, lines);
        }
    }

    fn time(&self, local: &Zoned, lines: &mut CsvLines) {
        if self.dialect.is_for_excel() {
            lines.moment(&local.strftime("%Y-%m-%d %H:%M:%S").to_string());
            lines.moment(&local.strftime("%:z").to_string());
        } else {
            lines.moment(&local.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string());
        }
    }

    fn values(&self, values: &[Option<i64>], lines: &mut CsvLines) {
        for (column, value) in self.columns.iter().zip(values) {
            let number = value.map(|value| Decimal::new(value, column.decimals));
            lines.number(number);
        }
        lines.end();
    }
}

/// What is sent to one reader.
struct ExportBody(mpsc::Receiver<Result<Bytes, io::Error>>);

impl HttpBody for ExportBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<hyper::body::Frame<Bytes>, io::Error>>> {
        let piece = self.0.poll_recv(cx);
        piece.map(|piece| piece.map(|piece| piece.map(hyper::body::Frame::data)))
    }
}
