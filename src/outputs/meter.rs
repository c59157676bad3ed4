//! The two totals of a smart meter, for outputs that pass on no more than these.
//!
//! A meter is whatever counts energy in and out under the keys that all meters share; which adapter
//! reads it does not matter.

use jiff::Timestamp;

use crate::bridge::Feed;
use crate::model::{Decimal, Device, DeviceId, DeviceState};

/// Energy taken from the grid, in kilowatt-hours.
const IMPORT: &str = "energy_import";
/// Energy given to the grid, in kilowatt-hours.
const EXPORT: &str = "energy_export";

/// What one telegram says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Totals {
    /// Energy taken from the grid, in kilowatt-hours, if it is known.
    pub(super) import: Option<Decimal>,
    /// Energy given to the grid, in kilowatt-hours, if it is known.
    pub(super) export: Option<Decimal>,
    /// Whether everything that the meter counts is known.
    pub(super) is_complete: bool,
}

/// Picks the telegrams of one meter out of all news.
#[derive(Debug)]
pub(super) struct Meter {
    /// The section that wants it, for the log.
    section: &'static str,
    /// Device id or serial number, if the user has named one.
    wanted: Option<String>,
    chosen: Option<DeviceId>,
    last: Option<Timestamp>,
    told: bool,
}

impl Meter {
    pub(super) const fn new(section: &'static str, wanted: Option<String>) -> Self {
        Self {
            section,
            wanted,
            chosen: None,
            last: None,
            told: false,
        }
    }

    /// The totals, if the state is that of the meter and comes with a new telegram.
    pub(super) fn take(&mut self, state: &DeviceState, feed: &Feed) -> Option<Totals> {
        let at = state.at?;
        let device = feed.get(&state.device)?.device;
        if !is_meter(&device) || !self.is_ours(&device, feed) || self.last == Some(at) {
            return None;
        }
        self.last = Some(at);
        let total = |key| state.value(key).as_number();
        let is_known = |key| device.metric(key).is_none() || total(key).is_some();
        Some(Totals {
            import: total(IMPORT),
            export: total(EXPORT),
            is_complete: is_known(IMPORT) && is_known(EXPORT),
        })
    }

    fn is_ours(&mut self, device: &Device, feed: &Feed) -> bool {
        if let Some(wanted) = &self.wanted {
            let is_ours = is_called(device, wanted);
            if !is_ours && feed.is_settled() {
                self.miss(feed);
            }
            return is_ours;
        }
        match &self.chosen {
            Some(chosen) if *chosen == device.id => true,
            // The totals of two meters must not be mixed, so the first one stays.
            Some(chosen) if feed.get(chosen).is_some() => {
                if !self.told {
                    self.told = true;
                    tracing::warn!(
                        "[{}] passes on {chosen} and leaves out {}. Add device = \"{}\" to the section if that is the right one.",
                        self.section,
                        device.id,
                        device.id
                    );
                }
                false
            }
            _ => {
                self.chosen = Some(device.id.clone());
                true
            }
        }
    }

    /// Says once that there is no such meter.
    fn miss(&mut self, feed: &Feed) {
        let all = feed.snapshot();
        let meters = all.iter().map(|known| &known.device);
        let meters = meters.filter(|device| is_meter(device));
        let is_there = |wanted: &String| meters.clone().any(|device| is_called(device, wanted));
        let Some(wanted) = self.wanted.as_ref().filter(|wanted| !is_there(wanted)) else {
            return;
        };
        if !self.told {
            self.told = true;
            let ids: Vec<&str> = meters.map(|device| device.id.as_str()).collect();
            tracing::warn!(
                "[{}] device: there is no meter \"{wanted}\". Those there are: {}.",
                self.section,
                ids.join(", ")
            );
        }
    }
}

fn is_meter(device: &Device) -> bool {
    [IMPORT, EXPORT]
        .iter()
        .any(|key| device.metric(key).is_some())
}

fn is_called(device: &Device, name: &str) -> bool {
    device.id.as_str() == name || device.serial.eq_ignore_ascii_case(name)
}

#[cfg(test)]
pub(super) mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::bridge::Hub;
    use crate::model::{Health, Metric, Quantity, Value};

    pub(in crate::outputs) fn meter(serial: &str) -> Device {
        let mut device = Device::new("kaifa", serial, "Meter", "Kaifa");
        let total = |key| Metric::lifetime(key, Quantity::Energy).decimals(3);
        device.metrics = vec![total(IMPORT), total(EXPORT)];
        device
    }

    /// A state with the totals in watt-hours, so many seconds after the beginning of time.
    pub(in crate::outputs) fn telegram(
        device: &Device,
        second: i64,
        totals: [Option<i64>; 2],
    ) -> DeviceState {
        let value = |total: Option<i64>| Value::from(total.map(Decimal::from_watt_hours));
        let [import, export] = totals.map(value);
        DeviceState {
            device: device.id.clone(),
            at: Some(Timestamp::from_second(second).unwrap()),
            values: [(IMPORT.into(), import), (EXPORT.into(), export)].into(),
            health: Health::ONLINE,
        }
    }

    fn hub(devices: &[Device]) -> Hub {
        let hub = Hub::new().0;
        for device in devices {
            let state = telegram(device, 0, [None, None]);
            hub.put_device(Arc::new(device.clone()), Arc::new(state));
        }
        hub
    }

    #[test]
    fn each_telegram_counts_once() {
        let device = meter("1");
        let feed = hub(std::slice::from_ref(&device)).feed();
        let mut ours = Meter::new("test", None);
        let first = telegram(&device, 5, [Some(12_345_678), Some(0)]);
        let totals = ours.take(&first, &feed).unwrap();
        assert_eq!(totals.import, Some(Decimal::from_watt_hours(12_345_678)));
        assert_eq!(totals.export, Some(Decimal::integer(0)));
        assert!(totals.is_complete);
        assert_eq!(ours.take(&first, &feed), None);
        let nothing_yet = DeviceState { at: None, ..first };
        assert_eq!(ours.take(&nothing_yet, &feed), None);
        let half = telegram(&device, 10, [None, Some(1)]);
        let totals = ours.take(&half, &feed).unwrap();
        assert_eq!((totals.import, totals.is_complete), (None, false));
        // The clock of the host was set back.
        let earlier = telegram(&device, 3, [Some(1), Some(1)]);
        assert!(ours.take(&earlier, &feed).is_some());
    }

    #[test]
    fn a_meter_that_counts_one_way_only_is_complete() {
        let mut device = meter("1");
        device.metrics.pop();
        let feed = hub(std::slice::from_ref(&device)).feed();
        let state = telegram(&device, 5, [Some(1000), None]);
        let totals = Meter::new("test", None).take(&state, &feed).unwrap();
        assert_eq!((totals.export, totals.is_complete), (None, true));
        device.metrics.clear();
        let feed = hub(std::slice::from_ref(&device)).feed();
        assert_eq!(Meter::new("test", None).take(&state, &feed), None);
    }

    #[test]
    fn two_meters_are_never_mixed() {
        let (one, two) = (meter("1a"), meter("2B"));
        let hub = hub(&[one.clone(), two.clone()]);
        let feed = hub.feed();
        let takes = |ours: &mut Meter, device, second| {
            let state = telegram(device, second, [Some(1), Some(1)]);
            ours.take(&state, &feed).is_some()
        };
        let mut first = Meter::new("test", None);
        assert!(takes(&mut first, &two, 1));
        assert!(!takes(&mut first, &one, 2));
        assert!(takes(&mut first, &two, 3));
        for name in ["kaifa_2b", "2b"] {
            let mut named = Meter::new("test", Some(name.to_owned()));
            assert!(!takes(&mut named, &one, 1));
            assert!(takes(&mut named, &two, 1), "{name}");
            assert!(!named.told);
        }
        let mut wrong = Meter::new("test", Some("3".to_owned()));
        assert!(!takes(&mut wrong, &one, 1) && wrong.told);
        // One that was taken out of the configuration makes room.
        hub.remove(&two.id);
        assert!(takes(&mut first, &one, 4));
    }
}
