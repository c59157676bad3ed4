//! `device,key,time,value`, as everybody can write it and as `wattbridge history export` does.
//!
//! With a first line of names the columns may stand in any order and others may stand between them; `unit` and
//! `kind` say what a value is that nobody knows yet, and `offset` what is added to local times. Between cells is a comma, a semicolon (and in numbers a comma
//! then) or a tab.

use jiff::tz::TimeZone;

use super::row::{ForeignRow, RowRefusal, quoted};
use super::table::{cells, is_word, number, time};

/// Where the columns are.
#[derive(Debug, Clone)]
pub struct CsvTable {
    separator: char,
    device: usize,
    key: usize,
    time: usize,
    value: usize,
    offset: Option<usize>,
    unit: Option<usize>,
    kind: Option<usize>,
    needed: usize,
}

impl CsvTable {
    /// The columns, by the first line; and whether that is one of names.
    pub fn of(first: &str) -> (Self, bool) {
        let first = first.trim_start_matches('\u{feff}');
        let count = |sign: char| first.matches(sign).count();
        let separator = [';', '\t'].into_iter().find(|sign| count(*sign) >= 3);
        let separator = separator.unwrap_or(',');
        let names = cells(&first.to_lowercase(), separator);
        let place = |all: &[&str]| names.iter().position(|name| all.contains(&name.as_str()));
        let device = place(&["device", "device_id"]);
        let key = place(&["key", "metric", "name_of_value"]);
        let time = place(&["time", "date", "at", "timestamp"]);
        let value = place(&["value"]);
        let named = match (device, key, time, value) {
            (Some(device), Some(key), Some(time), Some(value)) => Some([device, key, time, value]),
            _ => None,
        };
        let [device, key, time, value] = named.unwrap_or([0, 1, 2, 3]);
        let most = [device, key, time, value].into_iter().max().unwrap_or(3);
        let other = |name| named.and_then(|_| place(&[name]));
        let table = Self {
            separator,
            device,
            key,
            time,
            value,
            offset: other("offset"),
            unit: other("unit"),
            kind: other("kind"),
            needed: most + 1,
        };
        (table, named.is_some())
    }

    /// What a line says. An empty value says nothing, and is no mistake.
    pub fn row(
        &self,
        line: u64,
        text: &str,
        zone: &TimeZone,
    ) -> Result<Option<ForeignRow>, RowRefusal> {
        let cells = cells(text.trim_start_matches('\u{feff}'), self.separator);
        let cell = |place: usize| {
            cells
                .get(place)
                .map(String::as_str)
                .ok_or(RowRefusal::TooShort {
                    found: cells.len(),
                    needed: self.needed,
                })
        };
        let (device, key) = (cell(self.device)?, cell(self.key)?);
        let (at, value) = (cell(self.time)?, cell(self.value)?);
        if value.is_empty() {
            return Ok(None);
        }
        if !is_word(device) {
            return Err(RowRefusal::NoDevice(quoted(device)));
        }
        if !is_word(key) {
            return Err(RowRefusal::NoKey(quoted(key)));
        }
        let other = |place: Option<usize>| {
            let text = cells.get(place?).filter(|text| !text.is_empty());
            text.cloned()
        };
        Ok(Some(ForeignRow {
            line,
            device: device.to_owned(),
            key: key.to_owned(),
            time: match other(self.offset) {
                // A day has none.
                Some(offset) if at.len() > 10 => time(&format!("{at}{offset}"), zone)?,
                _ => time(at, zone)?,
            },
            value: number(value, self.separator == ';')?,
            unit: other(self.unit),
            kind: other(self.kind),
        }))
    }
}
