//! `history/statistics`: sums of a chosen time, with money where there are prices.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::desk::{HistoryDesk, refusal};
use super::energy::{EnergyWhose, called, several};
use super::period::days_of;
use crate::flow::PriceSettings;
use crate::history::{EnergyOf, StatisticsRow};
use crate::model::{Decimal, DeviceId};
use crate::web::access::Visitor;
use crate::web::large::LargeAnswer;
use crate::web::reply::{Asked, RefusalWords, WebRefusal};
use crate::web::site::Site;

const MOST_DAYS: i64 = 4_000;

/// Which time.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct StatisticsQuery {
    /// The first day, as 2026-06-14.
    from: String,
    /// The day after the last one.
    to: String,
}

/// Sums of a time.
#[derive(Debug, Serialize, ToSchema)]
pub struct StatisticsAnswer {
    /// The letters of the currency; `null` where there are no prices.
    pub currency: Option<String>,
    /// The house, its devices and its panels.
    pub rows: Vec<StatisticsRowAnswer>,
}

/// Sums of one.
#[derive(Debug, Serialize, ToSchema)]
pub struct StatisticsRowAnswer {
    /// `total`, `device` or `panel`.
    pub of: EnergyWhose,
    /// The device, or `house`.
    #[serde(rename = "ref")]
    pub reference: String,
    /// The key of the value; of a panel that of its power.
    pub key: String,
    /// What a person calls it.
    pub name: String,
    /// Watt-hours of the whole time; `null` where no day is known.
    pub sum_wh: Option<i64>,
    /// The mean of the days that are known.
    pub mean_day_wh: Option<i64>,
    /// The day with the most.
    pub best: Option<DayEnergyAnswer>,
    /// The day with the least.
    pub worst: Option<DayEnergyAnswer>,
    /// The greatest power.
    pub peak: Option<PeakAnswer>,
    /// Days of which values are missing, wholly or in part.
    #[schema(value_type = Vec<String>)]
    pub gap_days: Vec<String>,
    /// How many days are known.
    pub days: usize,
    /// What was paid (below 0) or earned, by the prices of each day. `null` where there is no price, or none for one
    /// of the days.
    #[schema(value_type = Option<f64>)]
    pub money: serde_json::Value,
    /// Days for which there is no price.
    #[serde(skip_serializing_if = "is_none")]
    pub unpriced_days: usize,
}

/// A day and its energy.
#[derive(Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct DayEnergyAnswer {
    /// The day.
    pub date: String,
    /// Watt-hours.
    pub wh: i64,
}

/// The greatest power of a time.
#[derive(Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct PeakAnswer {
    /// Watts.
    pub w: i64,
    /// The end of the five minutes in which it was, in seconds since 1970.
    pub at: i64,
}

/// What the days of a row cost or brought.
#[derive(Debug, PartialEq, Eq)]
struct Money {
    /// Millionths of the currency; nothing where a day has no price, or there is no price at all.
    micros: Option<i64>,
    unpriced_days: usize,
}

/// Sums of a chosen time
#[utoipa::path(get, path = "/api/v1/history/statistics", params(StatisticsQuery), responses(
    (status = 200, body = StatisticsAnswer),
    (status = 400, body = RefusalWords),
    (status = 401, body = RefusalWords),
    (status = 503, body = RefusalWords),
))]
pub async fn statistics(
    State(site): State<Arc<Site>>,
    visitor: Visitor,
    Asked(query): Asked<StatisticsQuery>,
    large: LargeAnswer,
) -> Result<Response, WebRefusal> {
    let (from, to) = days_of(&query.from, &query.to, MOST_DAYS)?;
    let desk = HistoryDesk::open(&site, &visitor)?;
    let prices = site
        .inside()
        .map(|inside| inside.prices)
        .unwrap_or_default();
    let rows = desk.reader.statistics(from, to).await.map_err(refusal)?;
    large
        .write(move || {
            let of_devices = rows.iter().filter(|row| row.of == EnergyOf::Device);
            let several = several(of_devices.map(|row| &row.series));
            let rows = rows.iter();
            let rows = rows.map(|row| row_of(&desk, &prices, row, &several));
            StatisticsAnswer {
                rows: rows.collect(),
                currency: prices.currency.clone(),
            }
        })
        .await
}

fn row_of(
    desk: &HistoryDesk,
    prices: &PriceSettings,
    row: &StatisticsRow,
    several: &BTreeSet<DeviceId>,
) -> StatisticsRowAnswer {
    let whose = row.of.into();
    let (key, name) = called(
        desk,
        whose,
        &row.series,
        [&row.name, &row.device_name],
        several,
    );
    let money = match whose {
        EnergyWhose::Total => money_of(prices, &row.series.key, &row.by_day),
        EnergyWhose::Device | EnergyWhose::Panel => Money::NONE,
    };
    let is_known = row.days > 0;
    let day = |day: Option<(Date, i64)>| {
        day.map(|(date, wh)| DayEnergyAnswer {
            date: date.to_string(),
            wh,
        })
    };
    StatisticsRowAnswer {
        of: whose,
        reference: desk.reference(&row.series.device),
        key,
        name,
        sum_wh: is_known.then_some(row.sum_wh),
        mean_day_wh: is_known.then_some(row.mean_day_wh),
        best: day(row.best),
        worst: day(row.worst),
        peak: row.peak.as_ref().map(|peak| PeakAnswer {
            w: peak.watts,
            at: peak.at.as_second(),
        }),
        gap_days: row.gap_days.iter().map(ToString::to_string).collect(),
        days: row.days,
        money: money.micros.map_or(serde_json::Value::Null, |micros| {
            Decimal::new(micros, 6).to_json()
        }),
        unpriced_days: money.unpriced_days,
    }
}

impl Money {
    const NONE: Self = Self {
        micros: None,
        unpriced_days: 0,
    };
}

/// What the energy of these days cost, below 0, or brought. A sum that leaves days out would look like a whole one.
fn money_of(prices: &PriceSettings, key: &str, days: &[(Date, i64)]) -> Money {
    let (tariff, sign) = match key {
        "import" => (&prices.import, -1),
        "export" => (&prices.export, 1),
        _ => return Money::NONE,
    };
    let Some(tariff) = tariff else {
        return Money::NONE;
    };
    let mut micros: i64 = 0;
    let mut unpriced_days = 0;
    for (date, wh) in days {
        match tariff.micros(*date, *wh) {
            Some(money) => micros = micros.saturating_add(money.saturating_mul(sign)),
            None => unpriced_days += 1,
        }
    }
    Money {
        micros: (unpriced_days == 0 && !days.is_empty()).then_some(micros),
        unpriced_days,
    }
}

const fn is_none(count: &usize) -> bool {
    *count == 0
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn money_is_counted_by_the_price_of_each_day() {
        let prices: PriceSettings = toml::from_str(
            "currency = \"EUR\"\n\
             import = [{ from = \"2025-01-01\", price = 0.34 }, { from = \"2026-01-01\", price = 0.31 }]\n\
             export = 0.0811",
        )
        .unwrap();
        let days = [(date(2025, 12, 31), 10_000), (date(2026, 1, 1), 10_001)];
        let money = |key: &str, days: &[(Date, i64)]| money_of(&prices, key, days);
        assert_eq!(money("import", &days).micros, Some(-3_400_000 - 3_100_310));
        assert_eq!(money("export", &days).micros, Some(2 * 811_000 + 81));
        assert_eq!(money("sun", &days), Money::NONE);
        assert_eq!(money("import", &[]).micros, None);
        let early = [(date(2024, 12, 31), 1), (date(2025, 1, 1), 1)];
        let unpriced = money("import", &early);
        assert_eq!((unpriced.micros, unpriced.unpriced_days), (None, 1));
        assert_eq!(
            money_of(&PriceSettings::default(), "import", &days),
            Money::NONE
        );
    }
}
