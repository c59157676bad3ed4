//! The past of a device as a table, latest day first.

use std::fmt::Write as _;

use super::Past;
use crate::model::{Decimal, Metric, Quantity, Reading, Value};

/// What stands where nothing is known.
const UNKNOWN: &str = "-";

/// One column.
struct Column<'a> {
    metric: &'a Metric,
    width: usize,
}

/// The table, and what else is to be said.
pub fn text(past: &Past, are_months: bool) -> String {
    let mut text = String::new();
    let device = &past.device;
    let model = device.model.as_deref().unwrap_or("device");
    let serial = match device.serial.as_str() {
        "" => "no serial number".to_owned(),
        serial => format!("serial number {serial}"),
    };
    let _ = writeln!(text, "{model}, {serial}");
    let format = if are_months { "%Y-%m" } else { "%Y-%m-%d" };
    let days = past.days.days.iter().rev();
    let days = days.map(|(date, values)| (date.strftime(format).to_string(), values.as_slice()));
    let moments = past.course.iter().map(|readings| {
        let time = readings.at.to_zoned(jiff::tz::TimeZone::system());
        let time = time.strftime("%H:%M").to_string();
        (time, readings.values.as_slice())
    });
    let rows: Vec<(String, &[Reading])> = days.chain(moments).collect();
    if !rows.is_empty() {
        text.push('\n');
        grid(&mut text, past, &rows);
    }
    if !past.life.is_empty() {
        text.push_str("\nIn its whole life\n");
        for reading in &past.life {
            let metric = device.metrics.iter().find(|it| it.key == reading.key);
            let title = metric.map_or_else(|| reading.key.to_string(), Metric::title);
            let unit = metric
                .and_then(|it| it.quantity?.unit())
                .unwrap_or_default();
            let decimals = metric.map_or(3, |metric| metric.decimals);
            let value = shown(&reading.value, decimals);
            let _ = writeln!(
                text,
                "{}",
                format!("{title:<34}{value:>10} {unit}").trim_end()
            );
        }
    }
    for note in &past.notes {
        let _ = writeln!(text, "\n{note}");
    }
    text
}

fn grid(text: &mut String, past: &Past, rows: &[(String, &[Reading])]) {
    let value = |values: &[Reading], metric: &Metric| {
        let reading = values.iter().find(|reading| reading.key == metric.key);
        reading.map_or_else(
            || UNKNOWN.to_owned(),
            |reading| shown(&reading.value, metric.decimals),
        )
    };
    let columns: Vec<Column<'_>> = past
        .device
        .metrics
        .iter()
        .filter(|metric| {
            let mut values = rows.iter().flat_map(|(_, values)| values.iter());
            values.any(|reading| reading.key == metric.key)
        })
        .map(|metric| {
            let title = metric.title().chars().count();
            let unit = unit(metric).chars().count();
            let cells = rows
                .iter()
                .map(|(_, values)| value(values, metric).chars().count());
            let width = cells.max().unwrap_or_default().max(title).max(unit);
            Column { metric, width }
        })
        .collect();
    let first = rows
        .iter()
        .map(|(name, _)| name.len())
        .max()
        .unwrap_or_default();
    let first = first.max("Together".len());
    let mut line = |name: &str, cell: &dyn Fn(&Metric) -> String| {
        let mut line = format!("{name:<first$}");
        for Column { metric, width } in &columns {
            // Words stand to the left, numbers to the right.
            let cell = cell(metric);
            let _ = match metric.quantity {
                Some(_) => write!(line, "  {cell:>width$}"),
                None => write!(line, "  {cell:<width$}"),
            };
        }
        let _ = writeln!(text, "{}", line.trim_end());
    };
    line("", &Metric::title);
    line("", &|metric| unit(metric).to_owned());
    for (name, values) in rows {
        line(name, &|metric| value(values, metric));
    }
    let is_sum = |metric: &Metric| metric.quantity == Some(Quantity::Energy);
    if past.course.is_empty() && rows.len() > 1 && columns.iter().any(|it| is_sum(it.metric)) {
        line("Together", &|metric| {
            if !is_sum(metric) {
                return String::new();
            }
            let values = rows.iter().flat_map(|(_, values)| values.iter());
            let values = values.filter(|reading| reading.key == metric.key);
            let known = values.filter_map(|reading| reading.value.as_number());
            let sum = Decimal::total(known.map(|number| (number, false)).collect::<Vec<_>>());
            shown(&sum.into(), metric.decimals)
        });
    }
}

fn unit(metric: &Metric) -> &str {
    metric.quantity.and_then(Quantity::unit).unwrap_or_default()
}

fn shown(value: &Value, decimals: u8) -> String {
    match value {
        Value::Unknown => UNKNOWN.to_owned(),
        Value::Number(number) => number.rounded(decimals).with_scale(decimals).to_string(),
        Value::Text(text) => text.to_string(),
        other => other.to_json().to_string(),
    }
}
