//! A line for people who look for a mistake, with the numbers in it that are values.

use super::config::ValueConfig;
use super::lines::TextLine;
use super::values::{Found, Outcome};
use crate::hex::Dump;

/// Columns of a name in a dump.
const NAMES: usize = 16;

/// Each byte of a line with its meaning.
pub fn annotation(line: &TextLine, found: &[Found], values: &[ValueConfig]) -> String {
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
        let key = values.get(one.index).map_or("", |value| value.id.as_str());
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
