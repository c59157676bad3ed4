//! The two totals of a smart meter, for outputs that pass on no more than these.
//!
//! A meter is whatever counts energy in and out under the keys that all meters share; which adapter
//! reads it does not matter.

use std::sync::Arc;

use jiff::Timestamp;

use crate::bridge::Feed;
use crate::model::{Decimal, Device, DeviceId, DeviceState};

/// Energy taken from the grid, in kilowatt-hours.
const IMPORT: &str = "energy_import";
/// Energy given to the grid, in kilowatt-hours.
const EXPORT: &str = "energy_export";

/// What one telegram says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Totals {
    /// Energy taken from the grid, in kilowatt-hours, if it is known.
    pub import: Option<Decimal>,
    /// Energy given to the grid, in kilowatt-hours, if it is known.
    pub export: Option<Decimal>,
    /// Whether everything that the meter counts is known.
    pub is_complete: bool,
}

/// Picks the telegrams of one meter out of all news.
#[derive(Debug)]
pub struct Meter {
    /// The section that wants it, for the log.
    section: &'static str,
    /// Device id or serial number, if the user has named one.
    wanted: Option<String>,
    /// The one of several, once all are known.
    chosen: Option<DeviceId>,
    /// What was passed on last, and the time of its telegram.
    last: Option<(Timestamp, Totals)>,
    /// Whether the log says that there are several.
    waits: bool,
    told: bool,
}

impl Meter {
    pub const fn new(section: &'static str, wanted: Option<String>) -> Self {
        Self {
            section,
            wanted,
            chosen: None,
            last: None,
            waits: false,
            told: false,
        }
    }

    /// The totals, if the state is that of the meter and comes with a new telegram, or with a total
    /// of the last one that was on its way to the store.
    pub fn take(&mut self, state: &DeviceState, feed: &Feed) -> Option<Totals> {
        let at = state.at?;
        let device = feed.get(&state.device)?.device;
        if !is_meter(&device) || !self.is_ours(&device, feed) {
            return None;
        }
        let total = |key| state.value(key).as_number();
        let is_known = |key| device.metric(key).is_none() || total(key).is_some();
        let totals = Totals {
            import: total(IMPORT),
            export: total(EXPORT),
            is_complete: is_known(IMPORT) && is_known(EXPORT),
        };
        let is_new = self.last.replace((at, totals)) != Some((at, totals));
        is_new.then_some(totals)
    }

    fn is_ours(&mut self, device: &Device, feed: &Feed) -> bool {
        if let Some(wanted) = &self.wanted {
            let is_ours = is_called(device, wanted);
            if !is_ours && feed.is_settled() {
                self.miss(feed);
            }
            return is_ours;
        }
        self.choose(feed).is_some_and(|chosen| chosen == device.id)
    }

    /// The only meter; of several the first by its id, so that each start chooses the same one.
    fn choose(&mut self, feed: &Feed) -> Option<DeviceId> {
        let mut meters: Vec<DeviceId> = meters(feed).map(|meter| meter.id.clone()).collect();
        meters.sort_unstable();
        let first = meters.first()?;
        if meters.len() == 1 {
            return Some(first.clone());
        }
        if feed.is_settled() {
            if self.chosen.as_ref() != Some(first) {
                self.chosen = Some(first.clone());
                tracing::warn!(
                    "[{}] passes on {first} and leaves out {}. Add device = \"{first}\" to the section, or another one if that is the right one.",
                    self.section,
                    list(meters.get(1..).unwrap_or_default()),
                );
            }
        } else if self.chosen.is_none() && !self.waits {
            self.waits = true;
            tracing::warn!(
                "[{}] There are several meters: {}. The section passes none of them on until all devices are known. Add device = \"{first}\" to it, or another one, to choose now.",
                self.section,
                list(&meters),
            );
        }
        // Before all are known again, for example behind a new key, the chosen one stays.
        self.chosen.clone().filter(|chosen| meters.contains(chosen))
    }

    /// Says once that there is no such meter.
    fn miss(&mut self, feed: &Feed) {
        let meters: Vec<Arc<Device>> = meters(feed).collect();
        let is_there = |wanted: &String| meters.iter().any(|device| is_called(device, wanted));
        let Some(wanted) = self.wanted.as_ref().filter(|wanted| !is_there(wanted)) else {
            return;
        };
        if !self.told {
            self.told = true;
            let ids: Vec<DeviceId> = meters.iter().map(|device| device.id.clone()).collect();
            tracing::warn!(
                "[{}] device: there is no meter \"{wanted}\". Those there are: {}.",
                self.section,
                list(&ids)
            );
        }
    }
}

/// All meters that are known. One of which nothing but its port is known has no counters yet, and
/// is none.
fn meters(feed: &Feed) -> impl Iterator<Item = Arc<Device>> {
    let all = feed.snapshot().into_iter().map(|known| known.device);
    all.filter(|device| is_meter(device))
}

fn list(ids: &[DeviceId]) -> String {
    let ids: Vec<&str> = ids.iter().map(DeviceId::as_str).collect();
    ids.join(", ")
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
pub mod tests {
    use super::*;
    use crate::bridge::Hub;
    use crate::model::{Health, Metric, Quantity, Value};

    pub fn meter(serial: &str) -> Device {
        let mut device = Device::new("smart_meter", serial, "Meter", "Kaifa");
        let total = |key| Metric::lifetime(key, Quantity::Energy).decimals(3);
        device.metrics = vec![total(IMPORT), total(EXPORT)];
        device
    }

    /// A state with the totals in watt-hours, so many seconds after the beginning of time.
    pub fn telegram(device: &Device, second: i64, totals: [Option<i64>; 2]) -> DeviceState {
        let value = |total: Option<i64>| Value::from(total.map(Decimal::from_watt_hours));
        let [import, export] = totals.map(value);
        DeviceState {
            device: device.id.clone(),
            at: Some(Timestamp::from_second(second).unwrap()),
            values: [(IMPORT.into(), import), (EXPORT.into(), export)].into(),
            health: Health::ONLINE,
            era: 0,
            held: Default::default(),
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

    /// Counters are shown when they have been saved, which may be after the rest of their telegram.
    #[test]
    fn a_total_that_follows_its_telegram_is_passed_on() {
        let device = meter("1");
        let feed = hub(std::slice::from_ref(&device)).feed();
        let mut ours = Meter::new("test", None);
        let mut import = |state: &DeviceState| ours.take(state, &feed).map(|totals| totals.import);
        let watt_hours = |total| Some(Some(Decimal::from_watt_hours(total)));
        let before = telegram(&device, 5, [Some(1000), Some(0)]);
        assert_eq!(import(&before), watt_hours(1000));
        let at_once = telegram(&device, 10, [Some(1000), Some(0)]);
        assert_eq!(import(&at_once), watt_hours(1000));
        let saved = telegram(&device, 10, [Some(1001), Some(0)]);
        assert_eq!(import(&saved), watt_hours(1001));
        let other_news = DeviceState {
            health: Health::new(crate::model::HealthCode::Retrying),
            ..saved
        };
        assert_eq!(import(&other_news), None);
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

    /// Whether a telegram of the device is passed on.
    fn takes(ours: &mut Meter, device: &Device, second: i64, feed: &Feed) -> bool {
        let state = telegram(device, second, [Some(1), Some(1)]);
        ours.take(&state, feed).is_some()
    }

    #[test]
    fn two_meters_are_never_mixed() {
        let (one, two) = (meter("1a"), meter("2B"));
        let hub = hub(&[one.clone(), two.clone()]);
        let feed = hub.feed();
        let mut first = Meter::new("test", None);
        assert!(!takes(&mut first, &two, 1, &feed));
        assert!(takes(&mut first, &one, 2, &feed));
        assert!(!takes(&mut first, &two, 3, &feed));
        for name in ["smart_meter_2b", "2b"] {
            let mut named = Meter::new("test", Some(name.to_owned()));
            assert!(!takes(&mut named, &one, 1, &feed));
            assert!(takes(&mut named, &two, 1, &feed), "{name}");
            assert!(!named.told);
        }
        let mut wrong = Meter::new("test", Some("3".to_owned()));
        assert!(!takes(&mut wrong, &one, 1, &feed) && wrong.told);
        // One that was taken out of the configuration makes room.
        hub.remove(&one.id);
        assert!(takes(&mut first, &two, 4, &feed));
    }

    #[test]
    fn the_same_meter_is_chosen_whichever_is_heard_first() {
        let meters = [meter("1"), meter("2")];
        for order in [[0, 1], [1, 0]] {
            let hub = hub(&order.map(|index: usize| meters[index].clone()));
            let feed = hub.feed();
            hub.set_settled("smart_meter", false);
            let mut ours = Meter::new("test", None);
            for index in order {
                assert!(!takes(&mut ours, &meters[index], 1, &feed), "{order:?}");
            }
            hub.set_settled("smart_meter", true);
            let taken = order.map(|index| takes(&mut ours, &meters[index], 2, &feed));
            assert_eq!(taken, order.map(|index| index == 0), "{order:?}");
            // It stays while it is not sure whether others come.
            hub.set_settled("smart_meter", false);
            assert!(takes(&mut ours, &meters[0], 3, &feed));
            assert!(!takes(&mut ours, &meters[1], 3, &feed));
        }
    }

    #[test]
    fn an_only_meter_waits_for_nothing() {
        let ours = meter("2");
        let mut unknown = meter("1");
        unknown.metrics.clear();
        let hub = hub(&[unknown.clone(), ours.clone()]);
        hub.set_settled("smart_meter", false);
        let (feed, mut chosen) = (hub.feed(), Meter::new("test", None));
        assert!(takes(&mut chosen, &ours, 1, &feed));
        assert!(!takes(&mut chosen, &unknown, 2, &feed));
        hub.set_settled("smart_meter", true);
        assert!(takes(&mut chosen, &ours, 3, &feed));
    }
}
