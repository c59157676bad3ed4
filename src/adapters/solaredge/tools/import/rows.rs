//! A record as a line: of JSON, or of a table.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io;

use jiff::Timestamp;

use super::RowFormat;
use super::sheets::{Sheet, Sheets};
use crate::adapters::solaredge::KIND;
use crate::adapters::solaredge::decode::note;
use crate::adapters::solaredge::metrics::{BATTERY, INVERTER, METER, OPTIMIZER, Row};
use crate::adapters::solaredge::wire::{Record, Serial};
use crate::model::{DeviceId, Value};
use crate::terminal::visible_json;

/// What the first columns of a table are.
const HEAD: [&str; 4] = ["time", "kind", "serial", "inverter"];
/// Devices whose beginning of a line is remembered.
const MOST_DEVICES: usize = 4096;

/// Writes records.
pub struct Writing {
    format: RowFormat,
    sheets: Sheets,
    line: String,
    cell: String,
    /// In which column the values of each sort of record are.
    columns: [Vec<Option<usize>>; 4],
    /// How the lines of a device begin, in JSON.
    begun: BTreeMap<String, String>,
    count: u64,
    left_out: u64,
}

/// Whose a record is.
struct Whose<'a> {
    sheet: Sheet,
    word: &'static str,
    model: &'static str,
    serial: &'a str,
    inverter: Serial,
    at: u32,
}

impl Writing {
    /// Begins all sheets.
    pub fn new(format: RowFormat, mut sheets: Sheets) -> Self {
        let keys: [Vec<&str>; 4] = [
            keys_of(INVERTER),
            keys_of(OPTIMIZER),
            keys_of(METER),
            keys_of(BATTERY),
        ];
        let mut columns: [Vec<Option<usize>>; 4] = Default::default();
        let mut all: Vec<&str> = Vec::new();
        for key in keys.iter().flatten() {
            if !all.contains(key) {
                all.push(key);
            }
        }
        for ((sheet, own), columns) in Sheet::TABLES.into_iter().zip(&keys).zip(&mut columns) {
            let names = if sheets.are_apart() { own } else { &all };
            let place = |name: &&str| own.iter().position(|key| key == name);
            *columns = names.iter().map(place).collect();
            if format == RowFormat::Csv && (sheets.are_apart() || sheet == Sheet::Inverters) {
                let head: Vec<&str> = HEAD.into_iter().chain(names.iter().copied()).collect();
                sheets.write(sheet, &format!("{}\n", head.join(",")));
            }
        }
        Self {
            format,
            sheets,
            line: String::new(),
            cell: String::new(),
            columns,
            begun: BTreeMap::new(),
            count: 0,
            left_out: 0,
        }
    }

    /// How many records have been written.
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// How many there is no row for.
    pub const fn left_out(&self) -> u64 {
        self.left_out
    }

    /// Whether nothing more can be written.
    pub const fn has_failed(&self) -> bool {
        self.sheets.has_failed()
    }

    /// Writes what is left.
    pub fn finish(&mut self) -> io::Result<()> {
        self.sheets.finish()
    }

    /// Writes a record of this inverter.
    pub fn record(&mut self, record: &Record<'_>, inverter: Serial) {
        let mut whose = Whose {
            sheet: Sheet::Inverters,
            word: "inverter",
            model: "Inverter",
            serial: "",
            inverter,
            at: record.at().unwrap_or_default(),
        };
        match record {
            Record::Inverter(it) => {
                let serial = inverter.to_string();
                whose.serial = &serial;
                whose.model = match it.phases.len() {
                    1 => "Inverter, one phase",
                    _ => "Inverter, three phases",
                };
                self.row(&whose, INVERTER, it);
            }
            Record::Optimizer(it) => {
                let serial = it.serial.to_string();
                whose.serial = &serial;
                (whose.sheet, whose.word, whose.model) =
                    (Sheet::Optimizers, "optimizer", "Optimizer");
                self.row(&whose, OPTIMIZER, it);
            }
            Record::Meter(it) => {
                let serial = format!("{inverter} meter {}", it.kind);
                whose.serial = &serial;
                (whose.sheet, whose.word, whose.model) = (Sheet::Meters, "meter", "Meter");
                self.row(&whose, METER, it);
            }
            Record::Battery(it) if it.is_there() => {
                whose.serial = &it.serial;
                (whose.sheet, whose.word, whose.model) = (Sheet::Batteries, "battery", "Battery");
                self.row(&whose, BATTERY, it);
            }
            other => match note(other, inverter) {
                Some(note) if self.format == RowFormat::Jsonl => {
                    let line = note.to_string();
                    self.sheets.write(Sheet::Others, &visible_json(&line));
                    self.sheets.write(Sheet::Others, "\n");
                    self.count += 1;
                }
                _ => self.left_out += 1,
            },
        }
    }

    fn row<R>(&mut self, whose: &Whose<'_>, rows: &'static [Row<R>], record: &R) {
        self.line.clear();
        match self.format {
            RowFormat::Jsonl => self.json(whose, rows, record),
            RowFormat::Csv => self.csv(whose, rows, record),
        }
        self.line.push('\n');
        self.sheets.write(whose.sheet, &self.line);
        self.count += 1;
    }

    fn json<R>(&mut self, whose: &Whose<'_>, rows: &'static [Row<R>], record: &R) {
        let key = format!("{}{}", whose.model, whose.serial);
        if !self.begun.contains_key(&key) {
            if self.begun.len() >= MOST_DEVICES {
                self.begun.clear();
            }
            let id = DeviceId::new(KIND, whose.serial);
            let begun = format!(
                "{{\"device\":{},\"model\":{},\"serial\":{},\"at\":",
                quoted(id.as_str()),
                quoted(whose.model),
                quoted(whose.serial)
            );
            self.begun
                .insert(key.clone(), visible_json(&begun).into_owned());
        }
        let line = &mut self.line;
        line.push_str(self.begun.get(&key).map_or("{\"at\":", String::as_str));
        match time(whose.at) {
            Some(at) => {
                let _ = write!(line, "\"{}\"", at.strftime("%Y-%m-%dT%H:%M:%S+00:00"));
            }
            None => line.push_str("null"),
        }
        line.push_str(",\"readings\":{");
        let mut is_first = true;
        for row in rows {
            let Some(value) = (row.value)(record).filter(Value::is_known) else {
                continue;
            };
            if !std::mem::replace(&mut is_first, false) {
                line.push(',');
            }
            line.push('"');
            line.push_str(&row.metric.key);
            line.push_str("\":");
            match value {
                Value::Number(_) => put_number(line, &value, row.metric.decimals),
                other => line.push_str(&other.to_json().to_string()),
            }
        }
        line.push_str("}}");
    }

    fn csv<R>(&mut self, whose: &Whose<'_>, rows: &'static [Row<R>], record: &R) {
        let line = &mut self.line;
        if let Some(at) = time(whose.at) {
            let _ = write!(line, "{}", at.strftime("%Y-%m-%dT%H:%M:%SZ"));
        }
        let _ = write!(line, ",{},", whose.word);
        put_cell(line, whose.serial);
        let _ = write!(line, ",{}", whose.inverter);
        let index = Sheet::TABLES.iter().position(|it| *it == whose.sheet);
        for column in index
            .and_then(|index| self.columns.get(index))
            .into_iter()
            .flatten()
        {
            line.push(',');
            let row = column.and_then(|at| rows.get(at));
            let Some(value) = row.and_then(|row| Some(((row.value)(record)?, row))) else {
                continue;
            };
            match value {
                (number @ Value::Number(_), row) => put_number(line, &number, row.metric.decimals),
                (Value::Text(text), _) => put_cell(line, &text),
                (other, _) => {
                    self.cell.clear();
                    let _ = write!(self.cell, "{}", other.to_json());
                    put_cell(line, &self.cell);
                }
            }
        }
    }
}

fn keys_of<R>(rows: &'static [Row<R>]) -> Vec<&'static str> {
    rows.iter().map(|row| row.metric.key.as_ref()).collect()
}

fn time(at: u32) -> Option<Timestamp> {
    (at != 0).then(|| Timestamp::from_second(at.into()).ok())?
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// A number without zeros at its end.
fn put_number(line: &mut String, value: &Value, decimals: u8) {
    let Some(number) = value.as_number() else {
        return;
    };
    let begin = line.len();
    let _ = write!(line, "{}", number.rounded(decimals));
    if line.get(begin..).is_some_and(|it| it.contains('.')) {
        let end = line.trim_end_matches('0').trim_end_matches('.').len();
        line.truncate(end);
    }
}

/// A text in a table, which a spreadsheet does not take for anything else.
fn put_cell(line: &mut String, text: &str) {
    let is_formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    if !is_formula && !text.contains([',', '"', '\n', '\r', ';']) {
        line.push_str(text);
        return;
    }
    line.push('"');
    if is_formula {
        line.push('\'');
    }
    line.push_str(&text.replace('"', "\"\""));
    line.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Decimal;

    #[test]
    fn numbers_have_no_zeros_at_their_end() {
        let number = |text: &str, decimals| {
            let mut line = String::from("100,");
            put_number(
                &mut line,
                &Value::from(text.parse::<Decimal>().unwrap()),
                decimals,
            );
            line
        };
        for (text, decimals, expected) in [
            ("1.500", 3, "100,1.5"),
            ("100", 0, "100,100"),
            ("100.00", 2, "100,100"),
            ("0.00001", 2, "100,0"),
            ("-0.25", 2, "100,-0.25"),
            ("27.25", 1, "100,27.3"),
        ] {
            assert_eq!(number(text, decimals), expected);
        }
    }

    #[test]
    fn cells_are_text_whatever_is_in_them() {
        let cell = |text: &str| {
            let mut line = String::new();
            put_cell(&mut line, text);
            line
        };
        assert_eq!(cell("7F123456-1B"), "7F123456-1B");
        assert_eq!(cell("a,\"b\""), "\"a,\"\"b\"\"\"");
        assert_eq!(cell("=1+1"), "\"'=1+1\"");
    }
}
