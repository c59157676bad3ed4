//! What `wattbridge ADAPTER history --json` prints: a line for the device, then one for each day, or one for each
//! moment of a day.

use jiff::Timestamp;
use jiff::civil::Date;
use serde::Deserialize;
use serde_json::{Map, Value as Json};

use super::row::{ForeignRow, ForeignTime, RowRefusal, quoted};
use super::table::{is_word, number};

/// A line, whichever it is.
#[derive(Debug, Deserialize)]
struct ToldLine {
    device: Option<String>,
    date: Option<String>,
    month: Option<String>,
    at: Option<String>,
    #[serde(default)]
    values: Map<String, Json>,
}

/// Reads line by line; whose the days are was said in the line before them.
#[derive(Debug, Default)]
pub struct ToldHistory {
    device: Option<String>,
}

impl ToldHistory {
    /// Whether a line may be one of these.
    pub fn is_like(first: &str) -> bool {
        first
            .trim_start_matches('\u{feff}')
            .trim_start()
            .starts_with('{')
    }

    /// What a line says: values that are no number, as words and what is unknown, are left out.
    pub fn rows(&mut self, line: u64, text: &str) -> Result<Vec<ForeignRow>, RowRefusal> {
        let text = text.trim_start_matches('\u{feff}');
        let told: ToldLine = serde_json::from_str(text).map_err(|_| RowRefusal::NotTold)?;
        if let Some(device) = told.device {
            if !is_word(&device) {
                return Err(RowRefusal::NoDevice(quoted(&device)));
            }
            self.device = Some(device);
        }
        let time = match (told.date, told.at, told.month) {
            (Some(date), ..) => date.parse::<Date>().map(ForeignTime::Day).map_err(|_| date),
            (_, Some(at), _) => at
                .parse::<Timestamp>()
                .map(ForeignTime::Moment)
                .map_err(|_| at),
            (.., Some(_)) => return Err(RowRefusal::Month),
            (None, None, None) => return Ok(Vec::new()),
        };
        let time = time.map_err(|text| RowRefusal::NoTime(quoted(&text)))?;
        let device = self.device.clone().ok_or(RowRefusal::NotTold)?;
        let mut rows = Vec::new();
        for (key, value) in told.values {
            let Json::Number(value) = value else { continue };
            if !is_word(&key) {
                return Err(RowRefusal::NoKey(quoted(&key)));
            }
            rows.push(ForeignRow {
                line,
                device: device.clone(),
                key,
                time,
                value: number(&value.to_string(), false)?,
                unit: None,
                kind: None,
            });
        }
        Ok(rows)
    }
}
