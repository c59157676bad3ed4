//! What is written, as it goes out.

use jiff::Timestamp;
use serde_json::{Map, Value as Json, json};

use super::hours::{HourValue, HoursOfSeries};
use super::units::unit_class;
use crate::home_assistant::CoreCommand;
use crate::model::Quantity;

/// Whose statistics those beside the entities are.
pub const SOURCE: &str = "wattbridge";
/// Home Assistant's own: those of its entities.
const RECORDER: &str = "recorder";
/// So many rows go into a message.
const MOST_ROWS: usize = 2000;

/// How Home Assistant wants its metadata.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum MetadataForm {
    /// `mean_type` and `unit_class`.
    #[default]
    Typed,
    /// `has_mean`: before 2025.11, where other keys are errors.
    HasMean,
}

impl MetadataForm {
    /// That of a version, such as `2026.11.0`.
    pub fn of_version(version: &str) -> Self {
        let mut parts = version.split('.').map(|part| {
            let digits = part.bytes().take_while(u8::is_ascii_digit).count();
            part.get(..digits).unwrap_or_default().parse::<u32>().ok()
        });
        match (parts.next().flatten(), parts.next().flatten()) {
            (Some(year), Some(month)) if (year, month) < (2025, 11) => Self::HasMean,
            _ => Self::Typed,
        }
    }
}

/// Rows of one statistic.
#[derive(Debug, Clone, PartialEq)]
pub struct StatisticRows {
    /// The value that it tells of, by device and key.
    pub series: String,
    /// `wattbridge:...`, or an entity.
    pub statistic_id: String,
    /// What people call it; entities have names already.
    pub name: Option<String>,
    pub quantity: Option<Quantity>,
    pub is_counter: bool,
    pub rows: Vec<StatisticRow>,
}

/// One hour.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StatisticRow {
    /// Its start, in seconds since 1970.
    pub start: i64,
    pub value: RowValue,
}

/// What it has.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum RowValue {
    /// A counter at its end, and all that it has counted.
    Counted { state: f64, sum: f64 },
    /// A measurement.
    Measured {
        mean: f64,
        least: f64,
        greatest: f64,
    },
}

impl StatisticRows {
    /// A statistic beside the entities, without rows.
    pub fn own(hours: &HoursOfSeries) -> Self {
        Self {
            series: hours.series.to_string(),
            statistic_id: own_id(hours.series.device.as_str(), &hours.series.key),
            name: Some(format!("{} {}", hours.about.device_name, hours.about.name)),
            quantity: hours.about.quantity,
            is_counter: hours.is_counter(),
            rows: Vec::new(),
        }
    }

    /// The messages.
    pub fn commands(
        &self,
        form: MetadataForm,
        is_class_known: impl Fn(&str) -> bool,
    ) -> Vec<CoreCommand> {
        let metadata = self.metadata(form, is_class_known);
        let chunks = self.rows.chunks(MOST_ROWS);
        let commands = chunks.map(|rows| {
            let rows: Vec<Json> = rows.iter().map(StatisticRow::json).collect();
            let details = json!({ "metadata": metadata, "stats": rows });
            CoreCommand::new("recorder/import_statistics", details)
        });
        commands.collect()
    }

    /// Its class of units, if there is one.
    pub const fn unit_class(&self) -> Option<&'static str> {
        unit_class(self.quantity)
    }

    fn metadata(&self, form: MetadataForm, is_class_known: impl Fn(&str) -> bool) -> Json {
        let is_own = self.statistic_id.starts_with(SOURCE);
        let mut metadata = Map::new();
        let mut put = |key: &str, value: Json| metadata.insert(key.to_owned(), value);
        put("source", if is_own { SOURCE } else { RECORDER }.into());
        put("statistic_id", self.statistic_id.clone().into());
        put("name", self.name.clone().into());
        put(
            "unit_of_measurement",
            self.quantity.and_then(Quantity::unit).into(),
        );
        put("has_sum", self.is_counter.into());
        match form {
            MetadataForm::Typed => {
                put("mean_type", u8::from(!self.is_counter).into());
                let class = self.unit_class().filter(|class| is_class_known(class));
                put("unit_class", class.into());
            }
            MetadataForm::HasMean => {
                put("has_mean", (!self.is_counter).into());
            }
        }
        Json::Object(metadata)
    }
}

impl StatisticRow {
    /// An hour of a measurement.
    pub fn measured(start: i64, value: HourValue) -> Option<Self> {
        let HourValue::Measured {
            mean,
            least,
            greatest,
        } = value
        else {
            return None;
        };
        Some(Self {
            start,
            value: RowValue::Measured {
                mean: mean.to_f64(),
                least: least.to_f64(),
                greatest: greatest.to_f64(),
            },
        })
    }

    fn json(&self) -> Json {
        let start = moment(self.start);
        match self.value {
            RowValue::Counted { state, sum } => {
                json!({ "start": start, "state": number(state), "sum": number(sum) })
            }
            RowValue::Measured {
                mean,
                least,
                greatest,
            } => {
                json!({ "start": start, "mean": number(mean), "min": number(least), "max": number(greatest) })
            }
        }
    }
}

/// Whole numbers without a point, as people write them.
fn number(value: f64) -> Json {
    #[allow(
        clippy::cast_possible_truncation,
        reason = "whole and small, as the line before says"
    )]
    if value.fract() == 0.0 && value.abs() < 1e15 {
        return Json::from(value as i64);
    }
    Json::from(value)
}

/// A moment as Home Assistant reads it.
pub fn moment(seconds: i64) -> String {
    let at = Timestamp::from_second(seconds).unwrap_or_default();
    at.strftime("%Y-%m-%dT%H:%M:%S+00:00").to_string()
}

/// The id of a statistic beside the entities: letters, digits and single `_` between them.
pub fn own_id(device: &str, key: &str) -> String {
    let joined = format!("{device}_{key}");
    let words = joined.split(|letter: char| !letter.is_ascii_alphanumeric());
    let words: Vec<String> = words
        .filter(|word| !word.is_empty())
        .map(str::to_ascii_lowercase)
        .collect();
    format!("{SOURCE}:{}", words.join("_"))
}
