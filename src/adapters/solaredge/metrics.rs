//! What inverters, optimizers, meters and batteries can report: a row for each value.

use std::borrow::Cow;
use std::sync::LazyLock;

use super::wire::{Battery, Inverter, MODES, Meter, Optimizer, Phase, mode_word};
use crate::model::{Decimal, EnergyPart, Metric, Quantity, Value};

/// A metric, and where in a record its value stands.
#[derive(Debug)]
pub struct Row<R> {
    /// The metric.
    pub metric: Metric,
    /// Its value in a record; `None` where the record does not have it.
    pub value: fn(&R) -> Option<Value>,
    /// What it is while the device sleeps, if that is known.
    pub asleep: Option<i64>,
}

const fn row<R>(metric: Metric, value: fn(&R) -> Option<Value>) -> Row<R> {
    Row {
        metric,
        value,
        asleep: None,
    }
}

impl<R> Row<R> {
    /// Nothing flows at night.
    const fn nothing_at_night(mut self) -> Self {
        self.asleep = Some(0);
        self
    }
}

const fn measured(key: &'static str, quantity: Quantity) -> Metric {
    Metric::measurement(key, quantity)
}

/// A number of the wire, as exact as it is there: the shortest decimal that stands for it.
fn exact(number: Option<f32>) -> Option<Value> {
    let number = number.filter(|number| number.is_finite())?;
    let decimal: Option<Decimal> = number.to_string().parse().ok();
    // What has more decimals than a decimal can have is as good as nothing.
    decimal.or(Some(Decimal::integer(0))).map(Value::from)
}

fn whole(number: Option<u32>) -> Option<Value> {
    number.map(|number| Decimal::from(number).into())
}

/// Watt-hours to kilowatt-hours.
fn watt_hours(energy: Option<u64>) -> Option<Value> {
    let energy = i64::try_from(energy?).ok()?;
    Some(Decimal::from_watt_hours(energy).into())
}

/// Watt-hours with a fraction to kilowatt-hours.
fn fine_watt_hours(energy: Option<f32>) -> Option<Value> {
    let energy: Decimal = energy?.to_string().parse().ok()?;
    Decimal::fitting(energy.mantissa().into(), energy.scale().checked_add(3)?).map(Value::from)
}

/// The sum over all phases, if all of them have it.
fn sum(record: &Inverter, of: fn(&Phase) -> Option<f32>) -> Option<Value> {
    let numbers: Option<Vec<Decimal>> = record
        .phases
        .iter()
        .map(|phase| of(phase)?.to_string().parse().ok())
        .collect();
    let numbers = numbers.filter(|numbers| !numbers.is_empty())?;
    Some(Decimal::total(numbers.into_iter().map(|number| (number, false))).into())
}

/// The value of one phase of three.
fn of_three(record: &Inverter, index: usize, of: fn(&Phase) -> Option<f32>) -> Option<Value> {
    let phase = record
        .phases
        .get(index)
        .filter(|_| record.phases.len() == 3);
    exact(phase.and_then(of))
}

/// The value of the only phase.
fn of_one(record: &Inverter, of: fn(&Phase) -> Option<f32>) -> Option<Value> {
    match &record.phases[..] {
        [phase] => exact(of(phase)),
        _ => None,
    }
}

/// The words for what an inverter does, and one for what nobody knows.
static MODE_WORDS: [Cow<'static, str>; MODES.len() + 1] = {
    let mut words = [const { Cow::Borrowed(OTHER) }; MODES.len() + 1];
    let mut at = 0;
    while at < MODES.len() {
        // Constants cannot run the destructor that plain assignment implies.
        std::mem::forget(std::mem::replace(
            &mut words[at],
            Cow::Borrowed(MODES[at].1),
        ));
        at += 1;
    }
    words
};

const OTHER: &str = "other";

/// The mode of an inverter that sleeps.
pub const SLEEPING: u32 = 2;

fn mode(mode: Option<u32>) -> Option<Value> {
    mode.map(|mode| Value::from(mode_word(mode).unwrap_or(OTHER)))
}

/// What an inverter can report of itself; which of it a given one does, its first records show.
pub static INVERTER: &[Row<Inverter>] = &[
    row(
        measured("power", Quantity::Power)
            .decimals(1)
            .part(EnergyPart::Sun),
        |it| sum(it, |phase| phase.active_power),
    )
    .nothing_at_night(),
    row(
        Metric::lifetime("energy_total", Quantity::Energy)
            .named("Lifetime energy")
            .decimals(3)
            .part(EnergyPart::SunEnergy),
        |it| watt_hours(it.energy_total),
    ),
    row(
        measured("apparent_power", Quantity::ApparentPower)
            .diagnostic()
            .off_by_default(),
        |it| sum(it, |phase| phase.apparent_power),
    )
    .nothing_at_night(),
    row(
        measured("reactive_power", Quantity::ReactivePower)
            .diagnostic()
            .off_by_default(),
        |it| sum(it, |phase| phase.reactive_power),
    ),
    row(measured("voltage", Quantity::Voltage).decimals(2), |it| {
        of_one(it, |p| p.voltage)
    }),
    row(measured("current", Quantity::Current).decimals(3), |it| {
        of_one(it, |p| p.current)
    }),
    row(
        measured("frequency", Quantity::Frequency)
            .decimals(3)
            .diagnostic(),
        |it| exact(it.phases.iter().find_map(|phase| phase.frequency)),
    ),
    row(
        measured("power_factor", Quantity::PowerFactor)
            .decimals(3)
            .diagnostic()
            .off_by_default(),
        |it| of_one(it, |p| p.power_factor),
    ),
    row(
        measured("power_l1", Quantity::Power)
            .named("Power L1")
            .decimals(1),
        |it| of_three(it, 0, |p| p.active_power),
    )
    .nothing_at_night(),
    row(
        measured("power_l2", Quantity::Power)
            .named("Power L2")
            .decimals(1),
        |it| of_three(it, 1, |p| p.active_power),
    )
    .nothing_at_night(),
    row(
        measured("power_l3", Quantity::Power)
            .named("Power L3")
            .decimals(1),
        |it| of_three(it, 2, |p| p.active_power),
    )
    .nothing_at_night(),
    row(
        measured("voltage_l1", Quantity::Voltage)
            .named("Voltage L1")
            .decimals(2),
        |it| of_three(it, 0, |p| p.voltage),
    ),
    row(
        measured("voltage_l2", Quantity::Voltage)
            .named("Voltage L2")
            .decimals(2),
        |it| of_three(it, 1, |p| p.voltage),
    ),
    row(
        measured("voltage_l3", Quantity::Voltage)
            .named("Voltage L3")
            .decimals(2),
        |it| of_three(it, 2, |p| p.voltage),
    ),
    row(
        measured("current_l1", Quantity::Current)
            .named("Current L1")
            .decimals(3),
        |it| of_three(it, 0, |p| p.current),
    ),
    row(
        measured("current_l2", Quantity::Current)
            .named("Current L2")
            .decimals(3),
        |it| of_three(it, 1, |p| p.current),
    ),
    row(
        measured("current_l3", Quantity::Current)
            .named("Current L3")
            .decimals(3),
        |it| of_three(it, 2, |p| p.current),
    ),
    row(
        spare("frequency_l1", Quantity::Frequency, "Frequency L1", 3),
        |it| of_three(it, 0, |p| p.frequency),
    ),
    row(
        spare("frequency_l2", Quantity::Frequency, "Frequency L2", 3),
        |it| of_three(it, 1, |p| p.frequency),
    ),
    row(
        spare("frequency_l3", Quantity::Frequency, "Frequency L3", 3),
        |it| of_three(it, 2, |p| p.frequency),
    ),
    row(
        spare(
            "power_factor_l1",
            Quantity::PowerFactor,
            "Power factor L1",
            3,
        ),
        |it| of_three(it, 0, |p| p.power_factor),
    ),
    row(
        spare(
            "power_factor_l2",
            Quantity::PowerFactor,
            "Power factor L2",
            3,
        ),
        |it| of_three(it, 1, |p| p.power_factor),
    ),
    row(
        spare(
            "power_factor_l3",
            Quantity::PowerFactor,
            "Power factor L3",
            3,
        ),
        |it| of_three(it, 2, |p| p.power_factor),
    ),
    row(
        spare(
            "apparent_power_l1",
            Quantity::ApparentPower,
            "Apparent power L1",
            0,
        ),
        |it| of_three(it, 0, |p| p.apparent_power),
    ),
    row(
        spare(
            "apparent_power_l2",
            Quantity::ApparentPower,
            "Apparent power L2",
            0,
        ),
        |it| of_three(it, 1, |p| p.apparent_power),
    ),
    row(
        spare(
            "apparent_power_l3",
            Quantity::ApparentPower,
            "Apparent power L3",
            0,
        ),
        |it| of_three(it, 2, |p| p.apparent_power),
    ),
    row(
        spare(
            "reactive_power_l1",
            Quantity::ReactivePower,
            "Reactive power L1",
            0,
        ),
        |it| of_three(it, 0, |p| p.reactive_power),
    ),
    row(
        spare(
            "reactive_power_l2",
            Quantity::ReactivePower,
            "Reactive power L2",
            0,
        ),
        |it| of_three(it, 1, |p| p.reactive_power),
    ),
    row(
        spare(
            "reactive_power_l3",
            Quantity::ReactivePower,
            "Reactive power L3",
            0,
        ),
        |it| of_three(it, 2, |p| p.reactive_power),
    ),
    row(
        spare("voltage_l1_l2", Quantity::Voltage, "Voltage L1-L2", 2),
        |it| of_three(it, 0, |p| p.voltage_to_next),
    ),
    row(
        spare("voltage_l2_l3", Quantity::Voltage, "Voltage L2-L3", 2),
        |it| of_three(it, 1, |p| p.voltage_to_next),
    ),
    row(
        spare("voltage_l3_l1", Quantity::Voltage, "Voltage L3-L1", 2),
        |it| of_three(it, 2, |p| p.voltage_to_next),
    ),
    row(
        measured("dc_voltage", Quantity::Voltage)
            .named("DC voltage")
            .decimals(2),
        |it| exact(it.dc_voltage),
    ),
    row(
        measured("temperature", Quantity::Temperature).decimals(2),
        |it| exact(it.temperature),
    ),
    row(Metric::state("mode", &MODE_WORDS), |it| mode(it.mode)),
    row(
        spare("power_limit", Quantity::Ratio, "Power limit", 0),
        |it| exact(it.power_limit),
    ),
    row(
        spare(
            "insulation_resistance",
            Quantity::Resistance,
            "Insulation resistance",
            0,
        ),
        |it| exact(it.insulation),
    ),
    row(
        spare("residual_current", Quantity::Current, "Residual current", 4),
        |it| exact(it.residual_current),
    ),
    row(
        spare("dc_injection", Quantity::Current, "DC in the output", 4),
        |it| of_one(it, |p| p.direct_current),
    ),
    row(
        spare(
            "dc_injection_l1",
            Quantity::Current,
            "DC in the output L1",
            4,
        ),
        |it| of_three(it, 0, |p| p.direct_current),
    ),
    row(
        spare(
            "dc_injection_l2",
            Quantity::Current,
            "DC in the output L2",
            4,
        ),
        |it| of_three(it, 1, |p| p.direct_current),
    ),
    row(
        spare(
            "dc_injection_l3",
            Quantity::Current,
            "DC in the output L3",
            4,
        ),
        |it| of_three(it, 2, |p| p.direct_current),
    ),
    row(spare("uptime", Quantity::Duration, "Uptime", 0), |it| {
        whole(it.uptime)
    }),
    row(
        energy_figure("energy_since_wake", "Energy since it woke up", 3),
        |it| fine_watt_hours(it.energy_since_wake),
    ),
    row(
        energy_figure("energy_interval", "Energy of the last interval", 3),
        |it| fine_watt_hours(it.energy_interval),
    ),
];

const fn spare(key: &'static str, quantity: Quantity, name: &'static str, decimals: u8) -> Metric {
    Metric::measurement(key, quantity)
        .named(name)
        .decimals(decimals)
        .diagnostic()
        .off_by_default()
}

const fn energy_figure(key: &'static str, name: &'static str, decimals: u8) -> Metric {
    Metric::figure(key, Quantity::Energy)
        .named(name)
        .decimals(decimals)
        .diagnostic()
        .off_by_default()
}

/// What is found out about an inverter besides.
pub static PLANT: &[Metric] = &[
    TODAY,
    Metric::measurement("optimizers_paired", Quantity::Count)
        .named("Optimizers paired")
        .diagnostic(),
    Metric::measurement("optimizers_reporting", Quantity::Count)
        .named("Optimizers reporting")
        .diagnostic(),
    Metric::text("weakest_panel")
        .in_words()
        .named("Weakest panel")
        .diagnostic(),
    Metric::measurement("weakest_panel_share", Quantity::Ratio)
        .named("Weakest panel, share of the usual")
        .diagnostic()
        .off_by_default(),
    Metric::measurement("panels_power", Quantity::Power)
        .named("Power of all panels")
        .diagnostic()
        .off_by_default(),
    Metric::state("encryption", ENCRYPTION)
        .named("Encryption")
        .diagnostic()
        .off_by_default(),
    Metric::text("unknown_record")
        .named("Unknown record")
        .diagnostic()
        .off_by_default(),
    Metric::timestamp("last_telemetry")
        .named("Last telemetry")
        .diagnostic(),
];

const ENCRYPTION: &[Cow<'static, str>] = &[
    Cow::Borrowed("none"),
    Cow::Borrowed("opened"),
    Cow::Borrowed("other"),
];

/// The energy of this day, by the local calendar.
pub const TODAY: Metric = Metric::daily("energy_today", Quantity::Energy)
    .named("Energy today")
    .decimals(3);

/// All tables, as every adapter tells them.
pub fn tables() -> &'static [&'static [Metric]] {
    static ALONE: LazyLock<[Vec<Metric>; 4]> = LazyLock::new(|| {
        [
            alone(INVERTER),
            alone(OPTIMIZER),
            alone(METER),
            alone(BATTERY),
        ]
    });
    static TABLES: LazyLock<[&[Metric]; 6]> = LazyLock::new(|| {
        let [inverter, optimizer, meter, battery] = &*ALONE;
        [inverter, PLANT, optimizer, PANEL, meter, battery]
    });
    TABLES.as_slice()
}

/// The metrics of a table.
pub fn alone<R>(rows: &[Row<R>]) -> Vec<Metric> {
    rows.iter().map(|row| row.metric.clone()).collect()
}

/// What an optimizer can report.
pub static OPTIMIZER: &[Row<Optimizer>] = &[
    row(measured("power", Quantity::Power).decimals(2), panel_power).nothing_at_night(),
    row(
        measured("panel_voltage", Quantity::Voltage)
            .named("Panel voltage")
            .decimals(3)
            .off_by_default(),
        |it| exact(it.input_voltage),
    ),
    row(
        measured("output_voltage", Quantity::Voltage)
            .named("Output voltage")
            .decimals(3)
            .off_by_default(),
        |it| exact(it.output_voltage),
    ),
    row(
        measured("current", Quantity::Current)
            .named("Panel current")
            .decimals(5)
            .off_by_default(),
        |it: &Optimizer| exact(it.input_current),
    )
    .nothing_at_night(),
    row(
        measured("temperature", Quantity::Temperature)
            .decimals(0)
            .off_by_default(),
        |it| exact(it.temperature),
    ),
    row(spare("uptime", Quantity::Duration, "Uptime", 0), |it| {
        whole(it.uptime)
    }),
    row(
        energy_figure("energy_since_wake", "Energy since it woke up", 5),
        |it| fine_watt_hours(it.energy),
    ),
];

/// What is found out about an optimizer besides.
pub static PANEL: &[Metric] = &[
    TODAY,
    Metric::timestamp("last_telemetry")
        .named("Last telemetry")
        .diagnostic()
        .off_by_default(),
];

/// Volts of the panel times its amperes, in watts with two decimals.
pub fn panel_watts(record: &Optimizer) -> Option<Decimal> {
    let (voltage, current) = (record.input_voltage?, record.input_current?);
    let watts = f64::from(voltage) * f64::from(current);
    format!("{watts:.2}").parse().ok()
}

fn panel_power(record: &Optimizer) -> Option<Value> {
    panel_watts(record).map(Value::from)
}

/// What a meter can report.
pub static METER: &[Row<Meter>] = &[
    row(
        measured("power_import", Quantity::Power)
            .named("Power, import")
            .decimals(0)
            .substitute_for(EnergyPart::GridTaken),
        |it| exact(it.power_in),
    ),
    row(
        measured("power_export", Quantity::Power)
            .named("Power, export")
            .decimals(0)
            .substitute_for(EnergyPart::GridGiven),
        |it| exact(it.power_out),
    ),
    row(
        Metric::lifetime("energy_import", Quantity::Energy)
            .named("Energy, import")
            .decimals(3)
            .substitute_for(EnergyPart::GridImport),
        |it| watt_hours(it.total_in.map(u64::from)),
    ),
    row(
        Metric::lifetime("energy_export", Quantity::Energy)
            .named("Energy, export")
            .decimals(3)
            .substitute_for(EnergyPart::GridExport),
        |it| watt_hours(it.total_out.map(u64::from)),
    ),
    row(
        energy_figure(
            "energy_import_interval",
            "Energy of the last interval, import",
            3,
        ),
        |it| watt_hours(it.energy_in.map(u64::from)),
    ),
    row(
        energy_figure(
            "energy_export_interval",
            "Energy of the last interval, export",
            3,
        ),
        |it| watt_hours(it.energy_out.map(u64::from)),
    ),
];

const BATTERY_STATES: &[Cow<'static, str>] = &[
    Cow::Borrowed("charging"),
    Cow::Borrowed("discharging"),
    Cow::Borrowed("holding"),
    Cow::Borrowed("other"),
];

/// What a battery can report.
pub static BATTERY: &[Row<Battery>] = &[
    row(
        measured("state_of_charge", Quantity::StateOfCharge)
            .decimals(1)
            .part(EnergyPart::BatteryLevel),
        state_of_charge,
    ),
    row(measured("voltage", Quantity::Voltage).decimals(1), |it| {
        exact(it.voltage)
    }),
    row(measured("current", Quantity::Current).decimals(2), |it| {
        exact(it.current)
    }),
    row(
        measured("power", Quantity::Power)
            .decimals(1)
            .part(EnergyPart::Battery),
        |it| {
            let watts = f64::from(it.voltage?) * f64::from(it.current?);
            format!("{watts:.1}")
                .parse::<Decimal>()
                .ok()
                .map(Value::from)
        },
    ),
    row(
        Metric::lifetime("energy_charged", Quantity::Energy)
            .named("Energy charged")
            .decimals(3)
            .part(EnergyPart::BatteryIn),
        |it| watt_hours(it.total_in.map(u64::from)),
    ),
    row(
        Metric::lifetime("energy_discharged", Quantity::Energy)
            .named("Energy discharged")
            .decimals(3)
            .part(EnergyPart::BatteryOut),
        |it| watt_hours(it.total_out.map(u64::from)),
    ),
    row(Metric::state("state", BATTERY_STATES), |it| {
        Some(Value::from(match it.status? {
            3 => "charging",
            4 => "discharging",
            6 => "holding",
            _ => "other",
        }))
    }),
    row(
        measured("energy_stored", Quantity::Energy)
            .named("Energy in it")
            .decimals(3)
            .off_by_default(),
        |it| fine_watt_hours(it.charge),
    ),
    row(spare("capacity", Quantity::Energy, "Capacity", 3), |it| {
        fine_watt_hours(it.capacity)
    }),
    row(
        spare("capacity_nominal", Quantity::Energy, "Nominal capacity", 3),
        |it| fine_watt_hours(it.capacity_nominal),
    ),
    row(
        measured("temperature", Quantity::Temperature)
            .decimals(1)
            .diagnostic(),
        |it| exact(it.temperature),
    ),
];

fn state_of_charge(record: &Battery) -> Option<Value> {
    let (charge, capacity) = (record.charge?, record.capacity.filter(|it| *it > 0.0)?);
    let percent = 100.0 * f64::from(charge) / f64::from(capacity);
    format!("{percent:.1}")
        .parse::<Decimal>()
        .ok()
        .map(Value::from)
}
