//! What a meter reports, and which OBIS code says it: data, not code.
//!
//! | OBIS | What |
//! |---|---|
//! | 1-b:1.8.t, 2.8.t | active energy in and out, of all tariffs (0) or of one |
//! | 1-b:3.8.0, 4.8.0 | reactive energy in and out |
//! | 1-b:1.7.0, 2.7.0, 3.7.0, 4.7.0 | the powers of the moment |
//! | 1-b:16.7.0 | import less export |
//! | 1-b:21, 41, 61 and 22, 42, 62.7.0 | active power of each phase, in and out |
//! | 1-b:32, 52, 72.7.0 and 31, 51, 71.7.0 | voltage and current of each phase |
//! | 1-b:13, 33, 53, 73.7.0 | power factor, of all and of each phase |
//! | 1-b:81.7.40, 51, 62 | angles between voltage and current |
//! | 0-b:1.0.0, 96.1.0, 42.0.0 | the meter's clock, number and logical name |
//!
//! What only text telegrams say is in [`TEXT_CODES`], and the meters behind the meter have metrics of their own,
//! [`BEHIND`].

use std::borrow::Cow;

use super::wire::Obis;
use crate::model::{EnergyPart, Metric, Quantity};

/// Everything that any meter can report, in the order it is shown. A device takes the part that
/// its telegrams carry.
pub const METER: &[Metric] = &[
    energy("energy_import", "Energy import").part(EnergyPart::GridImport),
    energy("energy_export", "Energy export").part(EnergyPart::GridExport),
    energy("energy_import_t1", "Energy import tariff 1").share_of("energy_import"),
    energy("energy_import_t2", "Energy import tariff 2").share_of("energy_import"),
    energy("energy_import_t3", "Energy import tariff 3").share_of("energy_import"),
    energy("energy_import_t4", "Energy import tariff 4").share_of("energy_import"),
    energy("energy_export_t1", "Energy export tariff 1").share_of("energy_export"),
    energy("energy_export_t2", "Energy export tariff 2").share_of("energy_export"),
    energy("energy_export_t3", "Energy export tariff 3").share_of("energy_export"),
    energy("energy_export_t4", "Energy export tariff 4").share_of("energy_export"),
    Metric::measurement("power_net", Quantity::Power)
        .named("Net power")
        .part(EnergyPart::Grid),
    Metric::measurement("power_import", Quantity::Power)
        .named("Power import")
        .part(EnergyPart::GridTaken),
    Metric::measurement("power_export", Quantity::Power)
        .named("Power export")
        .part(EnergyPart::GridGiven),
    phase_power("power_import_l1", "Power import L1"),
    phase_power("power_import_l2", "Power import L2"),
    phase_power("power_import_l3", "Power import L3"),
    phase_power("power_export_l1", "Power export L1"),
    phase_power("power_export_l2", "Power export L2"),
    phase_power("power_export_l3", "Power export L3"),
    // A current has no direction: only these say of a phase whether it takes or gives.
    phase_power("power_net_l1", "Net power L1"),
    phase_power("power_net_l2", "Net power L2"),
    phase_power("power_net_l3", "Net power L3"),
    voltage("voltage_l1", "Voltage L1"),
    voltage("voltage_l2", "Voltage L2"),
    voltage("voltage_l3", "Voltage L3"),
    current("current_l1", "Current L1"),
    current("current_l2", "Current L2"),
    current("current_l3", "Current L3"),
    Metric::measurement("reactive_power_import", Quantity::ReactivePower)
        .named("Reactive power import")
        .off_by_default(),
    Metric::measurement("reactive_power_export", Quantity::ReactivePower)
        .named("Reactive power export")
        .off_by_default(),
    apparent_power("apparent_power_import", "Apparent power import"),
    apparent_power("apparent_power_export", "Apparent power export"),
    Metric::lifetime("reactive_energy_import", Quantity::ReactiveEnergy)
        .named("Reactive energy import")
        .decimals(3)
        .off_by_default(),
    Metric::lifetime("reactive_energy_export", Quantity::ReactiveEnergy)
        .named("Reactive energy export")
        .decimals(3)
        .off_by_default(),
    // Which number is day and which is night differs from country to country.
    Metric::state("tariff", TARIFF).named("Tariff"),
    Metric::measurement("demand_average", Quantity::Power).named("Average demand"),
    Metric::measurement("demand_peak_month", Quantity::Power).named("Peak demand this month"),
    Metric::timestamp("demand_peak_month_time")
        .named("Peak demand this month reached")
        .diagnostic()
        .off_by_default(),
    Metric::figure("demand_peak_mean", Quantity::Power).named("Mean peak demand of 12 months"),
    Metric::text("demand_peaks")
        .named("Peak demand by month")
        .diagnostic()
        .off_by_default(),
    Metric::state("breaker", BREAKER)
        .named("Breaker")
        .diagnostic(),
    Metric::state("relay_1", BREAKER)
        .named("Relay 1")
        .diagnostic()
        .off_by_default(),
    Metric::state("relay_2", BREAKER)
        .named("Relay 2")
        .diagnostic()
        .off_by_default(),
    Metric::state("relay_3", BREAKER)
        .named("Relay 3")
        .diagnostic()
        .off_by_default(),
    Metric::state("relay_4", BREAKER)
        .named("Relay 4")
        .diagnostic()
        .off_by_default(),
    Metric::figure("power_limit", Quantity::Power)
        .named("Power limit")
        .diagnostic(),
    Metric::figure("apparent_power_limit", Quantity::ApparentPower)
        .named("Apparent power limit")
        .diagnostic(),
    Metric::figure("current_limit", Quantity::Current)
        .named("Current limit")
        .diagnostic(),
    Metric::text("message").named("Message").diagnostic(),
    Metric::text("message_code")
        .named("Message code")
        .diagnostic()
        .off_by_default(),
    happenings("power_failures", "Power failures"),
    happenings("power_failures_long", "Long power failures"),
    Metric::timestamp("last_failure_end")
        .named("Last power failure ended")
        .diagnostic()
        .off_by_default(),
    Metric::figure("last_failure_duration", Quantity::Duration)
        .named("Last power failure lasted")
        .diagnostic()
        .off_by_default(),
    happenings("voltage_sags_l1", "Voltage sags L1"),
    happenings("voltage_sags_l2", "Voltage sags L2"),
    happenings("voltage_sags_l3", "Voltage sags L3"),
    happenings("voltage_swells_l1", "Voltage swells L1"),
    happenings("voltage_swells_l2", "Voltage swells L2"),
    happenings("voltage_swells_l3", "Voltage swells L3"),
    // A mean of signed factors of the phases on some meters: nothing to reckon with.
    power_factor("power_factor", "Power factor (meter)"),
    power_factor("power_factor_l1", "Power factor L1"),
    power_factor("power_factor_l2", "Power factor L2"),
    power_factor("power_factor_l3", "Power factor L3"),
    Metric::measurement("frequency", Quantity::Frequency)
        .decimals(2)
        .diagnostic()
        .off_by_default(),
    angle("phase_angle_l1", "Phase angle L1"),
    angle("phase_angle_l2", "Phase angle L2"),
    angle("phase_angle_l3", "Phase angle L3"),
    // Home Assistant shows it as the serial number of the device already.
    Metric::text("meter_number")
        .named("Meter number")
        .diagnostic()
        .off_by_default(),
    // Of the connection to the grid, as bills have it.
    Metric::text("connection_id")
        .named("Connection number")
        .diagnostic()
        .off_by_default(),
    Metric::text("logical_name")
        .named("Logical device name")
        .diagnostic()
        .off_by_default(),
    // New with each telegram, which would fill the list of the device's recent activity.
    Metric::timestamp("meter_time")
        .named("Meter clock")
        .diagnostic()
        .off_by_default(),
    Metric::measurement("clock_drift", Quantity::Duration)
        .named("Meter clock drift")
        .diagnostic()
        .off_by_default(),
    Metric::state("authentication", AUTHENTICATION)
        .named("Authentication")
        .diagnostic()
        .off_by_default(),
    Metric::text("other_values")
        .named("Other values")
        .diagnostic()
        .off_by_default(),
    count("telegrams", "Telegrams"),
    count("telegrams_lost", "Telegrams lost"),
    count("checksum_errors", "Checksum errors"),
    count("values_refused", "Implausible values"),
    Metric::timestamp("last_telegram")
        .named("Last telegram")
        .about_connection()
        .off_by_default(),
];

/// Whether a telegram shows that nobody has changed it on its way.
const AUTHENTICATION: &[Cow<'static, str>] = &[
    Cow::Borrowed("verified"),
    Cow::Borrowed("none"),
    Cow::Borrowed("not_checked"),
    Cow::Borrowed("failed"),
    Cow::Borrowed("other"),
];

const TARIFF: &[Cow<'static, str>] = &[
    Cow::Borrowed("1"),
    Cow::Borrowed("2"),
    Cow::Borrowed("3"),
    Cow::Borrowed("4"),
    Cow::Borrowed("other"),
];

/// What a breaker or a relay does.
const BREAKER: &[Cow<'static, str>] = &[
    Cow::Borrowed("connected"),
    Cow::Borrowed("disconnected"),
    Cow::Borrowed("ready"),
    Cow::Borrowed("other"),
];

/// What a valve does.
const VALVE: &[Cow<'static, str>] = &[
    Cow::Borrowed("open"),
    Cow::Borrowed("closed"),
    Cow::Borrowed("ready"),
    Cow::Borrowed("other"),
];

/// What a meter behind the meter can report: each takes its own counter and what is said of it.
pub const BEHIND: &[Metric] = &[
    Metric::lifetime("gas", Quantity::Gas).decimals(3),
    Metric::lifetime("water", Quantity::Water).decimals(3),
    Metric::lifetime("heat", Quantity::Heat)
        .named("Heat")
        .decimals(3),
    Metric::lifetime("cooling", Quantity::Heat)
        .named("Cooling")
        .decimals(3),
    Metric::lifetime("energy", Quantity::Energy)
        .named("Energy")
        .decimals(3),
    Metric::state("valve", VALVE).named("Valve").diagnostic(),
    Metric::timestamp("capture_time")
        .named("Read by the meter")
        .diagnostic()
        .off_by_default(),
];

/// What every meter gets, whatever its telegrams carry.
pub const ALWAYS: &[&str] = &[
    "telegrams",
    "telegrams_lost",
    "checksum_errors",
    "values_refused",
    "last_telegram",
];

const fn energy(key: &'static str, name: &'static str) -> Metric {
    Metric::lifetime(key, Quantity::Energy)
        .named(name)
        .decimals(3)
}

const fn phase_power(key: &'static str, name: &'static str) -> Metric {
    Metric::measurement(key, Quantity::Power).named(name)
}

const fn voltage(key: &'static str, name: &'static str) -> Metric {
    Metric::measurement(key, Quantity::Voltage)
        .named(name)
        .decimals(1)
}

const fn current(key: &'static str, name: &'static str) -> Metric {
    Metric::measurement(key, Quantity::Current)
        .named(name)
        .decimals(2)
}

const fn power_factor(key: &'static str, name: &'static str) -> Metric {
    Metric::measurement(key, Quantity::PowerFactor)
        .named(name)
        .decimals(3)
        .off_by_default()
}

const fn angle(key: &'static str, name: &'static str) -> Metric {
    Metric::measurement(key, Quantity::Angle)
        .named(name)
        .diagnostic()
        .off_by_default()
}

const fn apparent_power(key: &'static str, name: &'static str) -> Metric {
    Metric::measurement(key, Quantity::ApparentPower)
        .named(name)
        .off_by_default()
}

/// How often something has happened.
const fn happenings(key: &'static str, name: &'static str) -> Metric {
    Metric::measurement(key, Quantity::Count)
        .named(name)
        .diagnostic()
        .off_by_default()
}

const fn count(key: &'static str, name: &'static str) -> Metric {
    Metric::measurement(key, Quantity::Count)
        .named(name)
        .about_connection()
        .off_by_default()
}

/// Groups A, C, D and E of an OBIS code, whatever the channel B, and the metric it stands for.
const CODES: &[([u8; 4], &str)] = &[
    ([1, 1, 8, 0], "energy_import"),
    ([1, 1, 8, 1], "energy_import_t1"),
    ([1, 1, 8, 2], "energy_import_t2"),
    ([1, 1, 8, 3], "energy_import_t3"),
    ([1, 1, 8, 4], "energy_import_t4"),
    ([1, 2, 8, 0], "energy_export"),
    ([1, 2, 8, 1], "energy_export_t1"),
    ([1, 2, 8, 2], "energy_export_t2"),
    ([1, 2, 8, 3], "energy_export_t3"),
    ([1, 2, 8, 4], "energy_export_t4"),
    ([1, 3, 8, 0], "reactive_energy_import"),
    ([1, 4, 8, 0], "reactive_energy_export"),
    ([1, 1, 7, 0], "power_import"),
    ([1, 2, 7, 0], "power_export"),
    ([1, 16, 7, 0], "power_net"),
    ([1, 3, 7, 0], "reactive_power_import"),
    ([1, 4, 7, 0], "reactive_power_export"),
    ([1, 21, 7, 0], "power_import_l1"),
    ([1, 41, 7, 0], "power_import_l2"),
    ([1, 61, 7, 0], "power_import_l3"),
    ([1, 22, 7, 0], "power_export_l1"),
    ([1, 42, 7, 0], "power_export_l2"),
    ([1, 62, 7, 0], "power_export_l3"),
    ([1, 32, 7, 0], "voltage_l1"),
    ([1, 52, 7, 0], "voltage_l2"),
    ([1, 72, 7, 0], "voltage_l3"),
    ([1, 31, 7, 0], "current_l1"),
    ([1, 51, 7, 0], "current_l2"),
    ([1, 71, 7, 0], "current_l3"),
    ([1, 13, 7, 0], "power_factor"),
    ([1, 33, 7, 0], "power_factor_l1"),
    ([1, 53, 7, 0], "power_factor_l2"),
    ([1, 73, 7, 0], "power_factor_l3"),
    ([1, 14, 7, 0], "frequency"),
    ([1, 81, 7, 40], "phase_angle_l1"),
    ([1, 81, 7, 51], "phase_angle_l2"),
    ([1, 81, 7, 62], "phase_angle_l3"),
    ([0, 1, 0, 0], "meter_time"),
    ([0, 96, 1, 0], "meter_number"),
    ([1, 0, 0, 1], "meter_number"),
    ([1, 0, 0, 5], "meter_number"),
    ([0, 42, 0, 0], "logical_name"),
];

/// The same of what only text telegrams carry, always with a unit of their own or as a plain number.
const TEXT_CODES: &[([u8; 4], &str)] = &[
    ([1, 9, 7, 0], "apparent_power_import"),
    ([1, 10, 7, 0], "apparent_power_export"),
    ([1, 1, 4, 0], "demand_average"),
    ([1, 1, 6, 0], "demand_peak_month"),
    ([0, 96, 7, 21], "power_failures"),
    ([0, 96, 7, 9], "power_failures_long"),
    ([1, 32, 32, 0], "voltage_sags_l1"),
    ([1, 52, 32, 0], "voltage_sags_l2"),
    ([1, 72, 32, 0], "voltage_sags_l3"),
    ([1, 32, 36, 0], "voltage_swells_l1"),
    ([1, 52, 36, 0], "voltage_swells_l2"),
    ([1, 72, 36, 0], "voltage_swells_l3"),
    ([0, 96, 13, 0], "message"),
    ([0, 96, 13, 1], "message_code"),
    ([0, 96, 1, 2], "connection_id"),
];

/// The metric that the OBIS code of a line of text stands for.
pub fn of_text(obis: Obis) -> Option<&'static Metric> {
    of(obis).or_else(|| found(TEXT_CODES, obis))
}

/// The metric that an OBIS code stands for.
pub fn of(obis: Obis) -> Option<&'static Metric> {
    found(CODES, obis)
}

fn found(codes: &[([u8; 4], &str)], obis: Obis) -> Option<&'static Metric> {
    let [a, b, c, d, e, f] = obis.0;
    // Other numbers are those of a billing period, or of a gas meter behind this one.
    if f != 255 || (a == 0 && c != 1 && b != 0) {
        return None;
    }
    let (_, key) = codes.iter().find(|(code, _)| *code == [a, c, d, e])?;
    metric(key)
}

/// Whether it is about electricity, and not about the meter.
pub const fn is_of_electricity(metric: &Metric) -> bool {
    matches!(
        metric.quantity,
        Some(Quantity::Energy | Quantity::Power | Quantity::Voltage | Quantity::Current)
    )
}

/// The metric of this key.
pub fn metric(key: &str) -> Option<&'static Metric> {
    METER.iter().find(|metric| metric.key == key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_of_a_code_is_in_the_table() {
        for (code, key) in CODES.iter().chain(TEXT_CODES) {
            assert!(metric(key).is_some(), "{code:?}: {key}");
        }
        for key in ALWAYS {
            assert!(metric(key).is_some(), "{key}");
        }
    }

    #[test]
    fn no_code_is_there_twice() {
        let all = || CODES.iter().chain(TEXT_CODES);
        let mut codes: Vec<_> = all().map(|(code, _)| code).collect();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), all().count());
    }

    #[test]
    fn the_channel_does_not_matter() {
        let key = |obis| of(Obis(obis)).map(|metric| metric.key.as_ref());
        assert_eq!(key([1, 0, 1, 8, 0, 255]), Some("energy_import"));
        assert_eq!(key([1, 1, 1, 8, 0, 255]), Some("energy_import"));
        assert_eq!(key([7, 0, 3, 0, 0, 255]), None);
    }

    #[test]
    fn a_billing_period_or_a_gas_meter_is_something_else() {
        let key = |obis| of(Obis(obis)).map(|metric| metric.key.as_ref());
        assert_eq!(key([1, 0, 1, 8, 0, 1]), None);
        assert_eq!(key([0, 1, 96, 1, 0, 255]), None);
        assert_eq!(key([0, 1, 1, 0, 0, 255]), Some("meter_time"));
    }
}
