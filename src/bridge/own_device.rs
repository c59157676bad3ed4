//! The bridge as a device of its own: version, start, and how each adapter fares.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::sums;
use crate::device::{Source, Traffic};
use crate::model::{
    Decimal, Device, DeviceId, Health, HealthCode, Metric, Naming, OnOff, Quantity, Readings,
    Sentence, Value,
};
use crate::say;

/// What stands in the place of an adapter.
pub const ADAPTER: &str = "wattbridge";

/// One source as the bridge's device shows it.
pub struct SourceView<'a> {
    pub source: &'a Arc<dyn Source>,
    pub traffic: &'a Traffic,
    pub restarts: u64,
    pub health: Option<&'a Health>,
}

/// What else it shows.
pub struct Totals {
    pub started: Timestamp,
    pub devices: usize,
    pub values_held: u64,
    pub readings_late: u64,
    pub store_failing: bool,
    /// Sections of the configuration that cannot be used.
    pub refused: usize,
    /// What troubles an output.
    pub output: Option<Health>,
}

/// The description. `instance` is the id of this bridge, which tells several in one home apart.
pub fn describe<'a>(
    instance: &str,
    sources: impl Iterator<Item = &'a Arc<dyn Source>> + Clone,
) -> Device {
    let mut device = Device::new(ADAPTER, instance, "wattbridge", "wattbridge");
    // What is here to tell is always true.
    device.patience = Some(Duration::MAX);
    // What was made up is no serial number.
    device.serial = String::new();
    device.model = Some("Bridge".to_owned());
    device.firmware = Some(env!("CARGO_PKG_VERSION").to_owned());
    device.metrics = vec![
        // The device's page says it anyway; this one has a history.
        Metric::text("version")
            .named("Version")
            .diagnostic()
            .off_by_default(),
        Metric::timestamp("started").named("Started").diagnostic(),
        Metric::measurement("devices", Quantity::Count)
            .named("Devices")
            .diagnostic(),
        Metric::measurement("values_held", Quantity::Count)
            .named("Counter values held back")
            .diagnostic()
            .off_by_default(),
        Metric::measurement("readings_late", Quantity::Count)
            .named("Late readings")
            .diagnostic()
            .off_by_default(),
        Metric::on_off("store_problem", OnOff::Problem)
            .named("Storage")
            .diagnostic(),
    ];
    for (adapter, spoken) in adapters(sources) {
        let count = |what: &str, name: &str| Metric {
            key: Cow::Owned(format!("{adapter}_{what}")),
            name: Some(Cow::Owned(format!("{spoken} {name}"))),
            naming: Naming::About(spoken.into()),
            ..Metric::measurement("", Quantity::Count)
                .diagnostic()
                .off_by_default()
        };
        device.metrics.push(count("messages_good", "messages"));
        device
            .metrics
            .push(count("messages_bad", "failed messages"));
        device.metrics.push(count("restarts", "restarts"));
    }
    device
}

/// Its id. It has to stay when sections come and go.
pub fn id(instance: &str) -> DeviceId {
    DeviceId::new(ADAPTER, instance)
}

/// How all sources are, in one: the first one in trouble is told in full. Sources have no metric of
/// their own here, because all that names them for sure is an address, and addresses change.
pub fn health(totals: &Totals, sources: &[SourceView<'_>]) -> Health {
    // What is missing from a sum is in trouble itself.
    let devices = sources
        .iter()
        .filter(|view| view.source.adapter() != sums::KIND);
    let mut troubles = devices.filter_map(|view| {
        let health = view.health.filter(|health| health.code.is_problem())?;
        Some((view.source, health))
    });
    let Some((source, health)) = troubles.next() else {
        return if totals.refused > 0 {
            let seen = match totals.refused {
                1 => say!("1 section of the configuration cannot be used"),
                count => say!(
                    "{count} sections of the configuration cannot be used",
                    count
                ),
            };
            Health::new(HealthCode::Degraded)
                .seen(seen)
                .advise(say!("See the log, or run `wattbridge check`."))
        } else if totals.store_failing {
            Health::new(HealthCode::Degraded)
                .seen(say!("counters cannot be saved"))
                .advise(say!("See the log of wattbridge."))
        } else {
            totals.output.clone().unwrap_or(Health::ONLINE)
        };
    };
    let (kind, label, detail) = (source.spoken(), source.label(), health.detail.clone());
    // What was seen often begins with the address; once is enough.
    let seen = if detail.is_empty() {
        let code = health.code;
        say!("{kind} {label}: {code}", kind, label, code)
    } else if detail.to_string().starts_with(&label) {
        say!("{kind} {detail}", kind, detail)
    } else {
        say!("{kind} {label}: {detail}", kind, label, detail)
    };
    Health::new(HealthCode::Degraded)
        .seen(and_more(seen, troubles.count() + totals.refused))
        .advise(health.advice.clone())
}

/// Words about the first of several, with how many more there are.
pub fn and_more(first: Sentence, others: usize) -> Sentence {
    match others {
        0 => first,
        others => say!("{first} (and {others} more)", first, others),
    }
}

/// Its values now.
pub fn read(id: &DeviceId, at: Timestamp, totals: &Totals, sources: &[SourceView<'_>]) -> Readings {
    let count =
        |number: u64| Value::from(Decimal::integer(i64::try_from(number).unwrap_or(i64::MAX)));
    let mut readings = Readings::new(id.clone(), at);
    readings.push("version", env!("CARGO_PKG_VERSION"));
    readings.push("started", totals.started);
    readings.push("devices", count(totals.devices as u64));
    readings.push("values_held", count(totals.values_held));
    readings.push("readings_late", count(totals.readings_late));
    readings.push("store_problem", totals.store_failing);
    for (adapter, _) in adapters(sources.iter().map(|view| view.source)) {
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
    readings
}

/// Each adapter once, for programs and for people.
fn adapters<'a>(
    sources: impl Iterator<Item = &'a Arc<dyn Source>>,
) -> BTreeMap<&'static str, &'static str> {
    // Nobody sends messages to a sum.
    let devices = sources.filter(|source| source.adapter() != sums::KIND);
    let names = devices.map(|source| (source.adapter(), source.spoken()));
    names.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::{BoxFuture, Context, Probed, SourceError};
    use crate::links::Links;

    #[derive(Debug)]
    struct Ecu(&'static str);

    impl Source for Ecu {
        fn adapter(&self) -> &'static str {
            "aps_ecu"
        }

        fn spoken(&self) -> &'static str {
            "APS ECU"
        }

        fn label(&self) -> String {
            self.0.to_owned()
        }

        fn run(self: Arc<Self>, _: Context) -> BoxFuture<Result<(), SourceError>> {
            Box::pin(async { Ok(()) })
        }

        fn probe(self: Arc<Self>, _: Links) -> BoxFuture<Result<Probed, String>> {
            Box::pin(async { Ok(Probed::default()) })
        }
    }

    fn sentence(health: [Option<&Health>; 3], store_failing: bool) -> String {
        sentence_with(health, store_failing, 0)
    }

    fn sentence_with(health: [Option<&Health>; 3], store_failing: bool, refused: usize) -> String {
        let traffic = Traffic::default();
        let sources: [Arc<dyn Source>; 3] = [
            Arc::new(Ecu("192.0.2.1")),
            Arc::new(Ecu("192.0.2.2")),
            Arc::new(Ecu("192.0.2.3")),
        ];
        let view = |(source, health)| SourceView {
            source,
            traffic: &traffic,
            restarts: 0,
            health,
        };
        let views: Vec<_> = sources.iter().zip(health).map(view).collect();
        let totals = Totals {
            started: Timestamp::UNIX_EPOCH,
            devices: 3,
            values_held: 0,
            readings_late: 0,
            store_failing,
            refused,
            output: None,
        };
        super::health(&totals, &views).sentence()
    }

    #[test]
    fn the_bridge_tells_which_source_is_in_trouble() {
        let asleep = Health::new(HealthCode::Asleep);
        let silent = Health::new(HealthCode::Silent);
        let refuses = Health::new(HealthCode::Unreachable)
            .seen("192.0.2.2 refuses the connection")
            .advise("Switch the ECU off and on.");
        let online = Some(&Health::ONLINE);
        assert_eq!(sentence([online, None, Some(&asleep)], false), "Online");
        assert_eq!(
            sentence([online, Some(&refuses), Some(&silent)], false),
            "Not everything works: APS ECU 192.0.2.2 refuses the connection (and 1 more). \
             Switch the ECU off and on."
        );
        assert_eq!(
            sentence([Some(&silent), online, online], true),
            "Not everything works: APS ECU 192.0.2.1: no answer"
        );
        assert!(sentence([online; 3], true).contains("counters cannot be saved"));
    }

    #[test]
    fn sections_that_cannot_be_used_are_told() {
        let well = Health::ONLINE;
        let online = [Some(&well); 3];
        assert_eq!(
            sentence_with(online, true, 1),
            "Not everything works: 1 section of the configuration cannot be used. \
             See the log, or run `wattbridge check`."
        );
        assert!(sentence_with(online, false, 2).contains(": 2 sections of the configuration"));
        // What runs and is in trouble comes first.
        let silent = Health::new(HealthCode::Silent);
        assert_eq!(
            sentence_with([None, Some(&silent), None], false, 2),
            "Not everything works: APS ECU 192.0.2.2: no answer (and 2 more)"
        );
    }

    #[test]
    fn counts_are_called_after_their_adapter() {
        let sources: [Arc<dyn Source>; 2] =
            [Arc::new(Ecu("192.0.2.1")), Arc::new(Ecu("192.0.2.2"))];
        let metrics = describe("b2c3d4", sources.iter()).metrics;
        let names = metrics.iter().filter_map(|metric| {
            let count = metric.key.strip_prefix("aps_ecu_")?;
            Some((count, metric.name.as_deref()?))
        });
        assert_eq!(
            names.collect::<Vec<_>>(),
            [
                ("messages_good", "APS ECU messages"),
                ("messages_bad", "APS ECU failed messages"),
                ("restarts", "APS ECU restarts"),
            ]
        );
    }
}
