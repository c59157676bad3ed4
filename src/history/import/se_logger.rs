//! What the client of MariaDB or MySQL prints of se-logger's tables: `telemetry_inverter`, `telemetry_inverter_3phase`
//! and `telemetry_optimizers`, with tabs between the columns and their names in the first line.
//!
//! | column | is |
//! |---|---|
//! | `inv_id`, `op_id` | the serial number, as a number or in hexadecimal digits; of inverters without bit 23 |
//! | `timestamp` | seconds since 1970 |
//! | `e_total` | Wh of the whole life |
//! | `p_active`, or `p_active1` to `p_active3` | W |
//! | `v_in`, `i_in` | 1/8 V and 1/160 A of an optimizer |
//! | `e_day` | ¼ Wh of an optimizer, on its day |
//!
//! `NULL`, and the −3.4028234e38 of a float that an inverter marks as not available, say nothing.

use super::row::{ForeignRow, ForeignTime, RowRefusal, quoted};
use super::table::{cells, number, seconds};
use crate::model::Decimal;

/// The adapter whose devices these are.
const ADAPTER: &str = "solaredge";

/// Where the columns are.
#[derive(Debug, Clone)]
pub struct SeLoggerTable {
    id: usize,
    is_optimizer: bool,
    timestamp: usize,
    energy: Option<usize>,
    powers: Vec<usize>,
    /// Voltage and current of an optimizer.
    input: Option<(usize, usize)>,
    needed: usize,
}

impl SeLoggerTable {
    /// The columns, by the line of their names; `None` if they are not se-logger's.
    pub fn of(first: &str) -> Option<Self> {
        let names = cells(&first.trim_start_matches('\u{feff}').to_lowercase(), '\t');
        let place = |name: &str| {
            names
                .iter()
                .position(|it| it == name || is_hex_of(it, name))
        };
        let optimizer = place("op_id");
        let id = optimizer.or_else(|| place("inv_id"))?;
        let timestamp = place("timestamp")?;
        let is_optimizer = optimizer.is_some();
        let energy = place(if is_optimizer { "e_day" } else { "e_total" });
        let phases = ["p_active1", "p_active2", "p_active3"].map(place);
        let powers = match place("p_active") {
            Some(place) => vec![place],
            None => phases
                .into_iter()
                .collect::<Option<_>>()
                .unwrap_or_default(),
        };
        let input = place("v_in").zip(place("i_in")).filter(|_| is_optimizer);
        let pair = input.map(|(volts, amperes)| volts.max(amperes));
        let needed = [
            Some(id),
            Some(timestamp),
            energy,
            powers.iter().copied().max(),
            pair,
        ];
        Some(Self {
            id,
            is_optimizer,
            timestamp,
            energy,
            powers: if is_optimizer { Vec::new() } else { powers },
            input,
            needed: needed.into_iter().flatten().max().unwrap_or(0) + 1,
        })
    }

    /// What a line says.
    pub fn rows(&self, line: u64, text: &str) -> Result<Vec<ForeignRow>, RowRefusal> {
        let cells = cells(text, '\t');
        let cell = |place: usize| {
            cells
                .get(place)
                .map(String::as_str)
                .ok_or(RowRefusal::TooShort {
                    found: cells.len(),
                    needed: self.needed,
                })
        };
        let id = cell(self.id)?;
        let device =
            serial(id, self.is_optimizer).ok_or_else(|| RowRefusal::NoDevice(quoted(id)))?;
        let at = cell(self.timestamp)?;
        let at = seconds(at).ok_or_else(|| RowRefusal::NoTime(quoted(at)))?;
        let mut rows = Vec::new();
        let mut push = |key: &str, value: Decimal| {
            rows.push(ForeignRow {
                line,
                device: device.clone(),
                key: key.to_owned(),
                time: ForeignTime::Moment(at),
                value,
                unit: None,
                kind: None,
            });
        };
        if let Some(place) = self.energy
            && let Some(energy) = known(cell(place)?)?
        {
            if self.is_optimizer {
                let quarter = Decimal::new(25, 5);
                if let Some(energy) = energy.times_plus(quarter, Decimal::integer(0)) {
                    push("energy_today", energy);
                }
            } else {
                let thousandth = Decimal::new(1, 3);
                if let Some(energy) = energy.times_plus(thousandth, Decimal::integer(0)) {
                    push("energy_total", energy);
                }
            }
        }
        if !self.powers.is_empty() {
            let mut powers = Vec::new();
            for place in &self.powers {
                powers.extend(known(cell(*place)?)?);
            }
            if powers.len() == self.powers.len() {
                push(
                    "power",
                    Decimal::total(powers.into_iter().map(|it| (it, false))),
                );
            }
        }
        if let Some((volts, amperes)) = self.input
            && let (Some(volts), Some(amperes)) = (known(cell(volts)?)?, known(cell(amperes)?)?)
            // 1/8 V times 1/160 A is 1/1280 W.
            && let Some(parts) = volts.times_plus(amperes, Decimal::integer(0))
            && let Some(watts) = parts.times_plus(Decimal::new(78_125, 8), Decimal::integer(0))
        {
            push("power", watts);
        }
        Ok(rows)
    }
}

/// `HEX(op_id)` is the same column in hexadecimal digits.
fn is_hex_of(found: &str, name: &str) -> bool {
    found
        .strip_prefix("hex(")
        .and_then(|it| it.strip_suffix(')'))
        == Some(name)
}

/// A number, or nothing where the inverter says that it does not know.
fn known(text: &str) -> Result<Option<Decimal>, RowRefusal> {
    if text.eq_ignore_ascii_case("null") || text.is_empty() {
        return Ok(None);
    }
    // As se-logger writes what is not available, however the client rounds it.
    if text.starts_with("-3.402") && text.ends_with("e38") {
        return Ok(None);
    }
    number(text, false).map(Some)
}

/// The id that the adapter gives the device of this serial number.
fn serial(text: &str, is_optimizer: bool) -> Option<String> {
    let is_decimal = text.bytes().all(|byte| byte.is_ascii_digit()) && text.len() > 8;
    let number = if is_decimal {
        text.parse::<u32>().ok()
    } else {
        (text.len() <= 8).then(|| u32::from_str_radix(text, 16).ok())?
    };
    let number = number.filter(|number| *number != 0)?;
    let number = if is_optimizer {
        number
    } else {
        number & 0xff7f_ffff
    };
    let check = number
        .to_be_bytes()
        .iter()
        .fold(0_u8, |sum, byte| sum.wrapping_add(*byte));
    Some(format!("{ADAPTER}_{number:08x}_{check:02x}"))
}
