//! The meters behind a meter, as devices of their own.
//!
//! Each is known by its number; without one by the meter, what it counts, and its channel. Its counter is told once
//! for each time that it was read, as of that moment.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::super::values::{Behind, Medium};
use super::super::{KIND, health, metrics, products};
use crate::clock::Moment;
use crate::model::{Device, DeviceId, Health, Readings, Report};

/// A meter that was not read for so long is unavailable: most are read each hour, and some rest at night.
const PATIENCE: SignedDuration = SignedDuration::from_hours(26);

/// A meter has four places for them; more than this is noise, or years of exchanges.
const MOST: usize = 32;

/// What must be remembered of one over a restart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BehindMemory {
    medium: Medium,
    number: Option<String>,
    /// Where it was last.
    #[serde(default)]
    channel: u8,
    /// Whether it has a valve.
    #[serde(default)]
    has_valve: bool,
}

/// What is known in this run.
#[derive(Debug, Default)]
pub struct Attached {
    /// By serial.
    seen: BTreeMap<String, BehindSeen>,
    /// Serials that the telegram before has named.
    named: BTreeSet<String>,
    /// Whether it was said that there are too many.
    is_full: bool,
}

#[derive(Debug, Default)]
struct BehindSeen {
    described: Option<Device>,
    /// When what was told last was read.
    told: Option<Timestamp>,
    valve: Option<&'static str>,
    health: Option<Health>,
    /// What the telegram before said, where damage may go unnoticed.
    before: Option<Behind>,
}

/// The meter that they are behind.
#[derive(Debug, Clone, Copy)]
pub struct Main<'a> {
    pub serial: &'a str,
    /// Its device, if it is announced.
    pub device: Option<&'a DeviceId>,
    /// Whether damage to its telegrams would show.
    pub is_sound: bool,
}

impl Attached {
    /// What a telegram says of them.
    pub fn take(
        &mut self,
        known: &mut BTreeMap<String, BehindMemory>,
        behind: &[Behind],
        main: Main<'_>,
        now: Moment,
    ) -> Vec<Report> {
        let mut reports = Vec::new();
        let mut named = BTreeSet::new();
        for one in behind {
            // A number that was left out once makes no other meter.
            let is_same_place = |it: &BehindMemory| {
                it.number.is_some() && (it.channel, it.medium) == (one.channel, one.medium)
            };
            if one.number.is_none() && known.values().any(is_same_place) {
                continue;
            }
            let serial = serial(one, main.serial, known);
            named.insert(serial.clone());
            if !known.contains_key(&serial) {
                if one.is_stale() {
                    continue;
                }
                // Where damage may go unnoticed, the telegram before must have named it, too.
                if !main.is_sound && !self.named.contains(&serial) {
                    self.seen.entry(serial).or_default().before = Some(one.clone());
                    continue;
                }
                if known.len() >= MOST {
                    self.refuse_more(main.serial);
                    continue;
                }
            }
            let remembered = known.entry(serial.clone()).or_insert_with(|| BehindMemory {
                medium: one.medium,
                number: one.number.clone(),
                channel: one.channel,
                has_valve: false,
            });
            remembered.channel = one.channel;
            remembered.has_valve |= one.valve.is_some();
            let seen = self.seen.entry(serial.clone()).or_default();
            reports.extend(seen.describe(&serial, remembered, main.device));
            let before = seen.before.replace(one.clone());
            let is_repeated = before.is_some_and(|before| before.says_the_same_as(one));
            if main.is_sound || is_repeated {
                reports.extend(seen.read(&serial, one, now));
            }
        }
        // Numbers that damaged telegrams have named are of no account.
        let is_kept = |serial: &String| known.contains_key(serial) || named.contains(serial);
        self.seen.retain(|serial, _| is_kept(serial));
        self.named = named;
        reports.extend(self.no_longer_named());
        reports
    }

    /// Those that were silent with the meter and that it does not name since: nobody reads them any more.
    fn no_longer_named(&mut self) -> Vec<Report> {
        let named = &self.named;
        let silent = self.seen.iter_mut().filter(|(serial, seen)| {
            let health = seen.health.as_ref();
            !named.contains(*serial) && health.is_some_and(|health| !health.code.has_data())
        });
        let reports = silent.filter_map(|(serial, seen)| {
            seen.put_health(DeviceId::new(KIND, serial), health::not_read())
        });
        reports.collect()
    }

    /// Serials that the latest telegram has named.
    pub const fn named(&self) -> &BTreeSet<String> {
        &self.named
    }

    /// Leaves those to another meter that names them now.
    pub fn leave(
        &mut self,
        known: &mut BTreeMap<String, BehindMemory>,
        to_other: &BTreeSet<String>,
    ) {
        known.retain(|serial, _| !to_other.contains(serial));
        self.seen.retain(|serial, _| !to_other.contains(serial));
    }

    fn refuse_more(&mut self, main: &str) {
        if !std::mem::replace(&mut self.is_full, true) {
            tracing::warn!(
                "{}: it names more than {MOST} meters behind it, so new ones are left out. Look at its cable.",
                main.escape_debug()
            );
        }
    }

    /// Takes over those of a meter whose place is taken by this one.
    pub fn inherit(&mut self, from: Self) {
        self.seen.extend(from.seen);
    }

    /// Says how all of them are, if that is news.
    pub fn put_health(
        &mut self,
        known: &BTreeMap<String, BehindMemory>,
        health: &Health,
    ) -> Vec<Report> {
        let reports = known.keys().filter_map(|serial| {
            let seen = self.seen.entry(serial.clone()).or_default();
            seen.put_health(DeviceId::new(KIND, serial), health.clone())
        });
        reports.collect()
    }

    /// One that is to be kept no longer.
    pub fn forget(&mut self, known: &mut BTreeMap<String, BehindMemory>, device: &DeviceId) {
        let is_other = |serial: &String| DeviceId::new(KIND, serial) != *device;
        known.retain(|serial, _| is_other(serial));
        self.seen.retain(|serial, _| is_other(serial));
    }
}

fn serial(one: &Behind, main: &str, known: &BTreeMap<String, BehindMemory>) -> String {
    let medium = one.medium.key();
    let id = |serial: &str| DeviceId::new(KIND, serial);
    match &one.number {
        // A meter of heat and cold has one number for both.
        Some(number) if known.get(number).is_some_and(|it| it.medium != one.medium) => {
            format!("{number} {medium}")
        }
        Some(number) if id(number) != id(main) => number.clone(),
        _ => format!("{main} {medium} {}", one.channel),
    }
}

impl BehindSeen {
    fn describe(
        &mut self,
        serial: &str,
        known: &BehindMemory,
        via: Option<&DeviceId>,
    ) -> Option<Report> {
        let device = device(serial, known, via);
        if self.described.as_ref() == Some(&device) {
            return None;
        }
        self.described = Some(device.clone());
        Some(Report::Device(Box::new(device)))
    }

    /// Its counter, if it was read again since it was told last.
    fn read(&mut self, serial: &str, one: &Behind, now: Moment) -> Vec<Report> {
        let id = DeviceId::new(KIND, serial);
        let age = one.age.unwrap_or_default();
        if age > PATIENCE {
            return self
                .put_health(id, health::not_read())
                .into_iter()
                .collect();
        }
        if self.told.is_some_and(|told| one.captured == told) {
            let mut reports = Vec::new();
            if one.valve != self.valve
                && let Some(valve) = one.valve
            {
                let mut readings = Readings::new(id.clone(), now.wall);
                readings.push("valve", valve);
                reports.push(Report::Readings(readings));
            }
            self.valve = one.valve;
            reports.extend(self.put_health(id, Health::ONLINE));
            return reports;
        }
        self.valve = one.valve;
        self.told = Some(one.captured);
        // By our own clock; that of the meter may be wrong, and the one that reads it ahead of it.
        let age = age.max(SignedDuration::ZERO);
        let at = now.wall.checked_sub(age).unwrap_or(now.wall);
        let mut readings = Readings::new(id.clone(), at);
        readings.push(one.medium.key(), one.reading);
        readings.push("capture_time", one.captured);
        if let Some(valve) = one.valve {
            readings.push("valve", valve);
        }
        let mut reports = vec![Report::Readings(readings)];
        reports.extend(self.put_health(id, Health::ONLINE));
        reports
    }

    fn put_health(&mut self, id: DeviceId, health: Health) -> Option<Report> {
        // What is not there is forgotten by others, so it is told again when it is back.
        if !health.code.has_data() {
            (self.told, self.valve) = (None, None);
        }
        let before = self.health.replace(health.clone());
        (before.as_ref() != Some(&health)).then_some(Report::Health(id, health))
    }
}

fn device(serial: &str, known: &BehindMemory, via: Option<&DeviceId>) -> Device {
    let number = known.number.as_deref().unwrap_or_default();
    let end = super::end_of(number);
    let name = format!("{} {end}", known.medium.meter());
    let maker = products::maker_of_number(number).unwrap_or_default();
    let mut device = Device::new(KIND, serial, name.trim_end(), maker);
    device.model = Some(known.medium.meter().to_owned());
    device.via = via.cloned();
    device.patience = Some(PATIENCE.unsigned_abs());
    let carries = |key: &str| match key {
        "capture_time" => true,
        "valve" => known.has_valve,
        key => key == known.medium.key(),
    };
    let carried = metrics::BEHIND.iter().filter(|metric| carries(&metric.key));
    device.metrics = carried.cloned().collect();
    device
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Decimal, HealthCode};

    const NOON: &str = "2024-01-15T12:00:00Z";
    const MAIN: &str = "E0000001";

    fn gas(number: Option<&str>, hour: i8, reading: i64) -> Behind {
        let captured: Timestamp = format!("2024-01-15T{hour:02}:00:00Z").parse().unwrap();
        let noon: Timestamp = NOON.parse().unwrap();
        Behind {
            medium: Medium::Gas,
            channel: 1,
            number: number.map(str::to_owned),
            reading: Decimal::integer(reading),
            captured,
            age: Some(noon.duration_since(captured)),
            valve: Some("open"),
        }
    }

    /// A run of the program, with what it remembers.
    #[derive(Default)]
    struct House {
        known: BTreeMap<String, BehindMemory>,
        attached: Attached,
    }

    impl House {
        /// The devices of reports, and what is said of each.
        fn hear(&mut self, behind: &[Behind], is_sound: bool) -> Vec<String> {
            let main = Main {
                serial: MAIN,
                device: None,
                is_sound,
            };
            let now = Moment {
                wall: NOON.parse().unwrap(),
                steady: std::time::Duration::ZERO,
            };
            let reports = self.attached.take(&mut self.known, behind, main, now);
            reports.iter().map(said).collect()
        }

        fn restart(&mut self) {
            let memory = serde_json::to_string(&self.known).unwrap();
            self.known = serde_json::from_str(&memory).unwrap();
            self.attached = Attached::default();
        }
    }

    fn said(report: &Report) -> String {
        match report {
            Report::Device(device) => format!("device {}", device.id),
            Report::Readings(readings) => {
                let key = |key| Some((key, readings.get(key)?.to_json()));
                let told = ["gas", "heat", "cooling", "valve"]
                    .into_iter()
                    .filter_map(key);
                let told: Vec<_> = told.map(|(key, value)| format!("{key} {value}")).collect();
                format!("{} at {}", told.join(", "), readings.at)
            }
            Report::Health(id, health) => format!("{id} {}", health.code.code()),
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn a_counter_is_told_once_for_each_time_that_it_was_read() {
        let mut house = House::default();
        let first = house.hear(&[gas(Some("GAS00001"), 10, 7)], true);
        let expected = [
            "device smart_meter_gas00001",
            "gas 7, valve \"open\" at 2024-01-15T10:00:00Z",
            "smart_meter_gas00001 online",
        ];
        assert_eq!(first, expected);
        assert_eq!(house.hear(&[gas(Some("GAS00001"), 10, 7)], true), [""; 0]);
        let next = house.hear(&[gas(Some("GAS00001"), 11, 8)], true);
        assert_eq!(next, ["gas 8, valve \"open\" at 2024-01-15T11:00:00Z"]);
        let mut closed = gas(Some("GAS00001"), 11, 8);
        closed.valve = Some("closed");
        assert_eq!(
            house.hear(&[closed], true),
            ["valve \"closed\" at 2024-01-15T12:00:00Z"]
        );
        // Ahead of the meter's own clock: it was read at most now.
        let ahead = house.hear(&[gas(Some("GAS00001"), 13, 9)], true);
        assert_eq!(ahead, ["gas 9, valve \"open\" at 2024-01-15T12:00:00Z"]);
    }

    #[test]
    fn where_damage_may_go_unnoticed_another_telegram_names_it_too() {
        let mut house = House::default();
        assert_eq!(house.hear(&[gas(Some("GAS00001"), 10, 7)], false), [""; 0]);
        assert_eq!(house.hear(&[gas(Some("GAS00001"), 10, 7)], false).len(), 3);
    }

    #[test]
    fn a_number_that_is_left_out_once_makes_no_other_meter() {
        let mut house = House::default();
        house.hear(&[gas(Some("GAS00001"), 10, 7)], true);
        house.restart();
        assert_eq!(house.hear(&[gas(None, 11, 8)], true), [""; 0]);
        let told = house.hear(&[gas(Some("GAS00001"), 11, 8)], true);
        assert_eq!(told.len(), 3, "{told:?}");
        assert_eq!(house.known.len(), 1);
    }

    #[test]
    fn who_has_no_number_or_that_of_the_meter_goes_by_its_channel() {
        for number in [None, Some(MAIN)] {
            let told = House::default().hear(&[gas(number, 10, 7)], true);
            assert_eq!(told[0], "device smart_meter_e0000001_gas_1", "{number:?}");
        }
    }

    #[test]
    fn heat_and_cold_under_one_number_are_two_also_after_a_restart() {
        let of = |medium, channel, hour, reading| Behind {
            medium,
            channel,
            ..gas(Some("HEAT0001"), hour, reading)
        };
        let both = |hour| {
            [
                of(Medium::Heat, 1, hour, 5),
                of(Medium::Cooling, 2, hour, 3),
            ]
        };
        let mut house = House::default();
        let first = house.hear(&both(10), true);
        assert_eq!(first[0], "device smart_meter_heat0001");
        assert_eq!(first[3], "device smart_meter_heat0001_cooling");
        house.restart();
        let [heat, cold] = both(11);
        assert_eq!(house.hear(&[cold, heat], true).len(), 6);
        assert_eq!(house.known.len(), 2);
    }

    #[test]
    fn one_that_is_not_there_any_more_is_none_or_unavailable() {
        let old = |hours| {
            let mut old = gas(Some("GAS00001"), 10, 7);
            old.age = Some(SignedDuration::from_hours(hours));
            old
        };
        let mut house = House::default();
        assert_eq!(house.hear(&[old(8 * 24)], true), [""; 0]);
        house.hear(&[gas(Some("GAS00001"), 10, 7)], true);
        let told = house.hear(&[old(27)], true);
        assert_eq!(told, ["smart_meter_gas00001 stale"]);
    }

    #[test]
    fn all_that_are_remembered_hear_of_trouble_and_of_its_end() {
        let mut house = House::default();
        house.hear(&[gas(Some("GAS00001"), 10, 7)], true);
        house.restart();
        let silent = Health::new(HealthCode::Silent);
        let told = house.attached.put_health(&house.known, &silent);
        let told: Vec<_> = told.iter().map(said).collect();
        assert_eq!(told, ["smart_meter_gas00001 silent"]);
        assert_eq!(house.attached.put_health(&house.known, &silent), []);
        house.hear(&[gas(Some("GAS00001"), 10, 7)], true);
        house.attached.put_health(&house.known, &silent);
        let back = house.hear(&[gas(Some("GAS00001"), 10, 7)], true);
        // With all that was forgotten meanwhile.
        let reading = "gas 7, valve \"open\" at 2024-01-15T10:00:00Z";
        assert_eq!(back, [reading, "smart_meter_gas00001 online"]);
    }
}
