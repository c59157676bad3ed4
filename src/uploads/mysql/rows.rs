//! Which value of a record goes into which column of se-logger's tables, and in which steps.

use crate::history::DeviceRecord;
use crate::model::Decimal;

/// What se-logger writes where an inverter says "not available".
const NOT_AVAILABLE: &str = "-3.4028234e38";
/// A mode that nobody knows; se-logger's server made that of one that was not available.
const NO_MODE: &str = "255";
/// The power board of an inverter is addressed with this bit set.
const POWER_BOARD: u32 = 1 << 23;

/// A table, and where its columns come from.
#[derive(Debug)]
struct SqlTable {
    name: &'static str,
    /// The column that says whose row it is.
    id: &'static str,
    /// Bits of the id that do not count.
    without: u32,
    columns: &'static [SqlColumn],
}

/// A column, and the value for it.
#[derive(Debug)]
struct SqlColumn {
    name: &'static str,
    key: &'static str,
    form: ColumnForm,
}

/// How a value is written.
#[derive(Debug, Clone, Copy)]
enum ColumnForm {
    /// A number, so many of the column's units to one of ours. Without it something else is written.
    Float(i64),
    /// The same, and without it there is no row.
    Needed(i64),
    /// Whole steps, so many of them to one of our units, given in halves. Without it there is no row.
    Steps(i64),
    /// What an inverter does, by its number.
    Mode,
}

const fn float(name: &'static str, key: &'static str) -> SqlColumn {
    column(name, key, ColumnForm::Float(1))
}

const fn column(name: &'static str, key: &'static str, form: ColumnForm) -> SqlColumn {
    SqlColumn { name, key, form }
}

/// Columns of kilowatt-hours of ours that are watt-hours there.
const KILO: i64 = 1000;

#[rustfmt::skip]
static OPTIMIZERS: SqlTable = SqlTable {
    name: "telemetry_optimizers",
    id: "op_id",
    without: 0,
    columns: &[
        column("uptime", "uptime", ColumnForm::Steps(2)),
        column("v_in", "panel_voltage", ColumnForm::Steps(2 * 8)),
        column("v_out", "output_voltage", ColumnForm::Steps(2 * 8)),
        column("i_in", "current", ColumnForm::Steps(2 * 160)),
        column("e_day", "energy_since_wake", ColumnForm::Steps(2 * 4 * KILO)),
        column("temperature", "temperature", ColumnForm::Steps(1)),
    ],
};

#[rustfmt::skip]
static ONE_PHASE: SqlTable = SqlTable {
    name: "telemetry_inverter",
    id: "inv_id",
    without: POWER_BOARD,
    columns: &[
        float("temperature", "temperature"),
        column("e_day", "energy_since_wake", ColumnForm::Float(KILO)),
        column("de_day", "energy_interval", ColumnForm::Needed(KILO)),
        float("v_ac", "voltage"),
        float("i_ac", "current"),
        float("frequency", "frequency"),
        float("v_dc", "dc_voltage"),
        column("e_total", "energy_total", ColumnForm::Steps(2 * KILO)),
        float("i_rcd", "residual_current"),
        column("mode", "mode", ColumnForm::Mode),
        float("p_active", "power"),
        float("p_apparent", "apparent_power"),
        float("p_reactive", "reactive_power"),
    ],
};

#[rustfmt::skip]
static THREE_PHASES: SqlTable = SqlTable {
    name: "telemetry_inverter_3phase",
    id: "inv_id",
    without: POWER_BOARD,
    columns: &[
        float("temperature", "temperature"),
        column("e_day", "energy_since_wake", ColumnForm::Float(KILO)),
        column("de_day", "energy_interval", ColumnForm::Needed(KILO)),
        float("v_ac1", "voltage_l1"),
        float("v_ac2", "voltage_l2"),
        float("v_ac3", "voltage_l3"),
        float("i_ac1", "current_l1"),
        float("i_ac2", "current_l2"),
        float("i_ac3", "current_l3"),
        float("frequency1", "frequency_l1"),
        float("frequency2", "frequency_l2"),
        float("frequency3", "frequency_l3"),
        float("v_dc", "dc_voltage"),
        column("e_total", "energy_total", ColumnForm::Steps(2 * KILO)),
        float("i_rcd", "residual_current"),
        column("mode", "mode", ColumnForm::Mode),
        float("v_1to2", "voltage_l1_l2"),
        float("v_2to3", "voltage_l2_l3"),
        float("v_3to1", "voltage_l3_l1"),
        float("p_active1", "power_l1"),
        float("p_active2", "power_l2"),
        float("p_active3", "power_l3"),
        float("p_apparent1", "apparent_power_l1"),
        float("p_apparent2", "apparent_power_l2"),
        float("p_apparent3", "apparent_power_l3"),
        float("p_reactive1", "reactive_power_l1"),
        float("p_reactive2", "reactive_power_l2"),
        float("p_reactive3", "reactive_power_l3"),
    ],
};

/// As `database.txt` numbers them.
const MODES: [(&str, &str); 8] = [
    ("off", "1"),
    ("sleeping", "2"),
    ("starting", "3"),
    ("mppt", "4"),
    ("throttled", "5"),
    ("shutting_down", "6"),
    ("fault", "7"),
    ("standby", "8"),
];

/// The statement that puts a record into its table, in one line. There is none for what is no record of an inverter or
/// an optimizer, and for those without the time or what their row is for.
pub fn insertion(record: &DeviceRecord) -> Option<String> {
    let table = table(record)?;
    let id = id(&record.serial)? & !table.without;
    let at = u32::try_from(record.at).ok().filter(|at| *at > 0)?;
    let mut names = vec![table.id, "timestamp"];
    let mut values = vec![id.to_string(), at.to_string()];
    for column in table.columns {
        names.push(column.name);
        values.push(written(record, column)?);
    }
    let (table, key) = (table.name, table.id);
    let (names, values) = (names.join(","), values.join(","));
    Some(format!(
        "INSERT INTO {table} ({names}) VALUES ({values}) ON DUPLICATE KEY UPDATE {key}={key};"
    ))
}

/// Devices are told apart by what they can say.
fn table(record: &DeviceRecord) -> Option<&'static SqlTable> {
    let says = |key| record.values.contains_key(key);
    if says("panel_voltage") {
        Some(&OPTIMIZERS)
    } else if says("voltage_l1") {
        Some(&THREE_PHASES)
    } else if says("voltage") && says("energy_interval") {
        Some(&ONE_PHASE)
    } else {
        None
    }
}

/// The address in a serial number, `7F123456-AB`.
fn id(serial: &str) -> Option<u32> {
    let digits = serial.split('-').next()?;
    let is_id = digits.len() == 8 && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    is_id
        .then(|| u32::from_str_radix(digits, 16).ok())
        .flatten()
}

fn written(record: &DeviceRecord, column: &SqlColumn) -> Option<String> {
    let text = record.values.get(column.key).and_then(Option::as_deref);
    let times = |factor: Decimal| {
        // What is no number cannot get into a statement.
        let number: Decimal = text?.parse().ok()?;
        number.times_plus(factor, Decimal::integer(0))
    };
    match column.form {
        ColumnForm::Float(factor) => {
            let number = times(Decimal::integer(factor));
            Some(number.map_or_else(|| NOT_AVAILABLE.to_owned(), |number| number.to_string()))
        }
        ColumnForm::Needed(factor) => Some(times(Decimal::integer(factor))?.to_string()),
        ColumnForm::Steps(halves) => {
            let steps = times(Decimal::new(halves * 5, 1))?;
            Some(steps.rounded(0).to_string())
        }
        ColumnForm::Mode => {
            let found = MODES.iter().find(|(word, _)| Some(*word) == text);
            Some(found.map_or(NO_MODE, |(_, number)| number).to_owned())
        }
    }
}
