//! The bridge as a device of its own: version, start, and how each adapter fares.

use std::borrow::Cow;
use std::sync::Arc;

use jiff::Timestamp;

use crate::adapters::{Source, Traffic};
use crate::model::{
    Decimal, Device, DeviceId, Health, Metric, OnOff, Quantity, Readings, Report, Value,
};

/// One source as the bridge's device shows it.
pub(super) struct SourceView<'a> {
    pub(super) source: &'a Arc<dyn Source>,
    pub(super) traffic: &'a Traffic,
    pub(super) restarts: u64,
    pub(super) health: Option<&'a Health>,
}

/// What else it shows.
pub(super) struct Totals {
    pub(super) started: Timestamp,
    pub(super) devices: usize,
    pub(super) values_held: u64,
    pub(super) store_failing: bool,
}

/// The description. `instance` tells several bridges in one home apart.
pub(super) fn describe<'a>(
    instance: &str,
    sources: impl Iterator<Item = &'a Arc<dyn Source>> + Clone,
) -> Device {
    let mut device = Device::new("wattbridge", instance, "wattbridge", "wattbridge");
    device.id = DeviceId::new(instance, "bridge");
    device.model = Some("Bridge".to_owned());
    device.firmware = Some(env!("CARGO_PKG_VERSION").to_owned());
    device.metrics = vec![
        Metric::text("version").named("Version").diagnostic(),
        Metric::timestamp("started").named("Started").diagnostic(),
        Metric::measurement("devices", Quantity::Count)
            .named("Devices")
            .diagnostic(),
        Metric::measurement("values_held", Quantity::Count)
            .named("Values held back")
            .diagnostic(),
        Metric::on_off("store_problem", OnOff::Problem)
            .named("Store")
            .diagnostic(),
    ];
    for adapter in adapters(sources.clone()) {
        let count = |what: &str, name: &str| Metric {
            key: Cow::Owned(format!("{adapter}_{what}")),
            name: Some(Cow::Owned(format!("{} {name}", adapter.replace('_', " ")))),
            ..Metric::measurement("", Quantity::Count).diagnostic()
        };
        device.metrics.push(count("messages_good", "messages"));
        device
            .metrics
            .push(count("messages_bad", "failed messages"));
        device.metrics.push(count("restarts", "restarts"));
    }
    for source in sources {
        device.metrics.push(Metric {
            key: source_key(source),
            name: Some(Cow::Owned(format!(
                "{} {}",
                source.adapter().replace('_', " "),
                source.label()
            ))),
            ..Metric::text("").diagnostic()
        });
    }
    device
}

/// Its values now.
pub(super) fn read(
    id: &DeviceId,
    at: Timestamp,
    totals: &Totals,
    sources: &[SourceView<'_>],
) -> Report {
    let count =
        |number: u64| Value::from(Decimal::integer(i64::try_from(number).unwrap_or(i64::MAX)));
    let mut readings = Readings::new(id.clone(), at);
    readings.push("version", env!("CARGO_PKG_VERSION"));
    readings.push("started", totals.started);
    readings.push("devices", count(totals.devices as u64));
    readings.push("values_held", count(totals.values_held));
    readings.push("store_problem", totals.store_failing);
    for adapter in adapters(sources.iter().map(|view| view.source)) {
        let sum = |of: fn(&SourceView<'_>) -> u64| {
            let same = sources
                .iter()
                .filter(|view| view.source.adapter() == adapter);
            count(same.map(of).sum())
        };
        readings.push(
            format!("{adapter}_messages_good"),
            sum(|view| view.traffic.good()),
        );
        readings.push(
            format!("{adapter}_messages_bad"),
            sum(|view| view.traffic.bad()),
        );
        readings.push(format!("{adapter}_restarts"), sum(|view| view.restarts));
    }
    for view in sources {
        let words = view.health.map_or_else(
            || "Waiting for the first answer".to_owned(),
            |health| super::connection::cut(health.sentence()),
        );
        readings.push(source_key(view.source), words);
    }
    Report::Readings(readings)
}

fn adapters<'a>(sources: impl Iterator<Item = &'a Arc<dyn Source>>) -> Vec<&'static str> {
    let mut kinds: Vec<_> = sources.map(|source| source.adapter()).collect();
    kinds.sort_unstable();
    kinds.dedup();
    kinds
}

fn source_key(source: &Arc<dyn Source>) -> Cow<'static, str> {
    Cow::Owned(DeviceId::new(source.adapter(), &source.label()).to_string())
}
