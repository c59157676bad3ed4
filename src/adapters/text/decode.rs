//! Lines from a file instead of a sensor, for `wattbridge decode text`.

use std::collections::VecDeque;
use std::sync::Arc;

use super::config::{Config, ValueConfig};
use super::lines::{LineSplitter, TextLine, TooLong};
use super::sensor::Sensor;
use super::values::{Found, Outcome};
use crate::clock::Moment;
use crate::config::{Problems, Section};
use crate::device::{Decoded, Decoder, Undecoded};
use crate::hex::Dump;

/// Columns of a name in a dump.
const NAMES: usize = 16;
/// The key of the value of a section that names none.
const VALUE: &str = "value";

/// Reads lines as the adapter does.
#[derive(Debug)]
pub struct LineDecoder {
    sensor: Sensor,
    keys: Vec<String>,
    lines: LineSplitter,
    annotate: bool,
    results: VecDeque<Result<Decoded, Undecoded>>,
}

impl LineDecoder {
    pub fn new(section: &Section) -> Result<Self, Problems> {
        let mut config: Config = section.read_without(&["id", "port", "values"])?;
        if config.values.is_empty() {
            config.values.push(ValueConfig {
                id: VALUE.to_owned(),
                ..ValueConfig::default()
            });
        }
        let rules = super::rules(section, &config)?;
        Ok(Self {
            sensor: Sensor::new(&config, Arc::new(rules)),
            keys: config.values.into_iter().map(|value| value.id).collect(),
            lines: LineSplitter::default(),
            annotate: false,
            results: VecDeque::new(),
        })
    }

    fn read(&mut self) {
        while let Some(line) = self.lines.next() {
            self.sensor.begin();
            let found = self.sensor.take(&line);
            let result = if found.is_empty() {
                Err(Undecoded {
                    reason: self.reason(&line),
                    annotation: self.annotation(&line, &[]),
                })
            } else {
                let annotation = self.annotation(&line, &found);
                let mut reports = vec![self.sensor.description()];
                reports.extend(self.sensor.reading(Moment::NONE));
                Ok(Decoded {
                    reports,
                    notes: Vec::new(),
                    annotation,
                })
            };
            self.results.push_back(result);
        }
    }

    fn reason(&self, line: &Result<TextLine, TooLong>) -> String {
        let why = self.sensor.unfit().map(|health| health.detail.as_ref());
        match line {
            Ok(line) => format!("at byte {}: {}", line.offset, why.unwrap_or_default()),
            Err(error) => error.to_string(),
        }
    }

    /// The line, with the numbers in it that are values.
    fn annotation(&self, line: &Result<TextLine, TooLong>, found: &[Found]) -> String {
        let Some(line) = line.as_ref().ok().filter(|_| self.annotate) else {
            return String::new();
        };
        let mut dump = Dump::new(&line.bytes, NAMES);
        let mut found: Vec<&Found> = found.iter().collect();
        found.sort_by_key(|found| (found.place.start, found.index));
        for one in found {
            let named = |end: usize, bytes: &[u8]| {
                let bytes = bytes.get(..end).unwrap_or_default();
                String::from_utf8_lossy(bytes).into_owned()
            };
            // Several values may be made of one number.
            let gap = one.place.start.saturating_sub(dump.at());
            let text = named(gap, dump.left());
            dump.field(gap, "text", format_args!("{text:?}"));
            let key = self.keys.get(one.index).map_or("", String::as_str);
            let value = match one.outcome {
                Outcome::Good(value) => value.to_string(),
                Outcome::Below(floor, value) => format!("{value}, below the floor of {floor}"),
                Outcome::Above(ceiling, value) => {
                    format!("{value}, above the ceiling of {ceiling}")
                }
            };
            if one.place.start < dump.at() {
                dump.note(key, value);
            } else {
                dump.field(one.place.len(), key, value);
            }
        }
        let rest = String::from_utf8_lossy(dump.left()).into_owned();
        dump.field(dump.left().len(), "text", format_args!("{rest:?}"));
        format!("line at byte {}\n{}", line.offset, dump.finish())
    }
}

impl Decoder for LineDecoder {
    fn annotate(&mut self) {
        self.annotate = true;
    }

    fn push(&mut self, bytes: &[u8]) {
        self.lines.push(bytes);
        self.read();
    }

    fn next(&mut self) -> Option<Result<Decoded, Undecoded>> {
        self.results.pop_front()
    }

    fn finish(&mut self) -> Option<String> {
        self.lines.finish();
        self.read();
        None
    }
}

#[cfg(test)]
mod tests {
    use super::super::KIND;
    use super::*;

    fn decoder(pairs: &[(&str, &str)]) -> LineDecoder {
        let pairs: Vec<(String, String)> = pairs
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect();
        let section = Section::from_pairs(KIND, &pairs).unwrap();
        LineDecoder::new(&section).unwrap_or_else(|problems| panic!("{problems}"))
    }

    fn all(decoder: &mut LineDecoder) -> Vec<Result<Decoded, Undecoded>> {
        assert_eq!(decoder.finish(), None);
        std::iter::from_fn(|| decoder.next()).collect()
    }

    #[test]
    fn every_line_is_read_without_a_device_and_even_without_values() {
        let mut decoder = decoder(&[]);
        decoder.push(b"18.50\nhello\n19");
        let results = all(&mut decoder);
        assert_eq!(results.len(), 3);
        let refused = results[1].as_ref().unwrap_err();
        assert_eq!(
            refused.reason,
            "at byte 6: \"hello\": the pattern does not fit"
        );
        assert!(results[0].is_ok() && results[2].is_ok());
    }

    #[test]
    fn each_byte_of_a_line_is_shown_with_its_meaning() {
        let values = "[{ id = \"current\" }, { id = \"power\", scale = 230, ceiling = 20 }]";
        let mut decoder = decoder(&[("pattern", r"^I=(\d+\.\d)A$"), ("values", values)]);
        decoder.annotate();
        decoder.push(b"\nI=00.1A\n");
        let results = all(&mut decoder);
        let shown = &results[0].as_ref().unwrap().annotation;
        let lines: Vec<Vec<&str>> = shown
            .lines()
            .map(|line| line.split_whitespace().collect())
            .collect();
        assert_eq!(
            lines,
            [
                vec!["line", "at", "byte", "1"],
                vec!["0", "49", "3d", "text", "\"I=\""],
                vec!["2", "30", "30", "2e", "31", "current", "0.1"],
                vec!["6", "power", "23,", "above", "the", "ceiling", "of", "20"],
                vec!["6", "41", "text", "\"A\""],
            ],
            "{shown}"
        );
    }
}
