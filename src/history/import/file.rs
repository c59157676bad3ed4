//! A foreign file from its first line to its last.

use std::collections::VecDeque;
use std::io::{self, BufRead};

use jiff::tz::TimeZone;

use super::csv::CsvTable;
use super::lines::Lines;
use super::row::{ForeignRow, RefusedLine};
use super::se_logger::SeLoggerTable;
use super::told::ToldHistory;

/// What a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ForeignFormat {
    /// `device,key,time,value`.
    Csv,
    /// What the client of MariaDB prints of se-logger's tables.
    SeLogger,
    /// What `wattbridge ADAPTER history --json` prints.
    Device,
}

/// Reads value by value, in little memory.
#[derive(Debug)]
pub struct ForeignFile<R> {
    lines: Lines<R>,
    zone: TimeZone,
    wanted: Option<ForeignFormat>,
    reading: Option<ForeignReading>,
    ready: VecDeque<Result<ForeignRow, RefusedLine>>,
}

#[derive(Debug)]
enum ForeignReading {
    Csv(CsvTable),
    SeLogger(SeLoggerTable),
    Device(ToldHistory),
}

impl<R: BufRead> ForeignFile<R> {
    /// A file whose local times are those of a zone. What it is, is found out if it is not said.
    pub const fn new(input: R, zone: TimeZone, format: Option<ForeignFormat>) -> Self {
        Self {
            lines: Lines::new(input),
            zone,
            wanted: format,
            reading: None,
            ready: VecDeque::new(),
        }
    }

    /// What the file is, as soon as that is known.
    pub const fn format(&self) -> Option<ForeignFormat> {
        match self.reading {
            None => None,
            Some(ForeignReading::Csv(_)) => Some(ForeignFormat::Csv),
            Some(ForeignReading::SeLogger(_)) => Some(ForeignFormat::SeLogger),
            Some(ForeignReading::Device(_)) => Some(ForeignFormat::Device),
        }
    }

    /// How many lines have been read.
    pub const fn lines(&self) -> u64 {
        self.lines.number()
    }

    /// The next value, or why a line gives none; `None` at the end.
    ///
    /// # Errors
    ///
    /// The file cannot be read on, or is not what it is said to be.
    pub fn next_row(&mut self) -> io::Result<Option<Result<ForeignRow, RefusedLine>>> {
        loop {
            if let Some(ready) = self.ready.pop_front() {
                return Ok(Some(ready));
            }
            let text = match self.lines.next()? {
                None => return Ok(None),
                Some(Err(refused)) => return Ok(Some(Err(refused))),
                Some(Ok(text)) => text,
            };
            let text = text.trim_end();
            let is_note = text.is_empty() || text.starts_with('#') || text.starts_with("//");
            if is_note || (self.reading.is_none() && self.begin(text)?) {
                continue;
            }
            self.read(text);
        }
    }

    /// Looks at the first line; whether it is one of names, with no value.
    fn begin(&mut self, text: &str) -> io::Result<bool> {
        let format = self.wanted.unwrap_or_else(|| {
            if ToldHistory::is_like(text) {
                ForeignFormat::Device
            } else if SeLoggerTable::of(text).is_some() {
                ForeignFormat::SeLogger
            } else {
                ForeignFormat::Csv
            }
        });
        let (reading, is_head) = match format {
            ForeignFormat::Csv => {
                let (table, is_head) = CsvTable::of(text);
                (ForeignReading::Csv(table), is_head)
            }
            ForeignFormat::Device => (ForeignReading::Device(ToldHistory::default()), false),
            ForeignFormat::SeLogger => {
                let table = SeLoggerTable::of(text).ok_or_else(|| {
                    io::Error::new(
                        io::ErrorKind::InvalidData,
                        "the first line does not name the columns inv_id or op_id, and timestamp, with tabs between \
                         them; let the client print the names (no -N)",
                    )
                })?;
                (ForeignReading::SeLogger(table), true)
            }
        };
        self.reading = Some(reading);
        Ok(is_head)
    }

    fn read(&mut self, text: &str) {
        let line = self.lines.number();
        let rows = match &mut self.reading {
            None => return,
            Some(ForeignReading::Csv(table)) => {
                let row = table.row(line, text, &self.zone);
                row.map(|row| row.into_iter().collect())
            }
            Some(ForeignReading::SeLogger(table)) => table.rows(line, text),
            Some(ForeignReading::Device(told)) => told.rows(line, text),
        };
        match rows {
            Ok(rows) => self.ready.extend(rows.into_iter().map(Ok)),
            Err(why) => self.ready.push_back(Err(RefusedLine { line, why })),
        }
    }
}
