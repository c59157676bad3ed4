//! Lines and meters over time, with telegrams of the simulator and a clock of our own.

mod doubts;
mod flow;
mod others;
mod shut;

use super::*;
use crate::adapters::smart_meter::simulator::{Model, Sample, Series};
use crate::adapters::smart_meter::wire::axdr::Data;
use crate::adapters::smart_meter::wire::link::mbus;
use crate::adapters::smart_meter::wire::time::ClockStatus;
use crate::adapters::smart_meter::wire::{HeaderTime, MeterTime, Obis, Profile, notification};
use crate::config::Secret;
use crate::model::{DeviceId, HealthCode, Readings, Value};

const KEY: &str = "000102030405060708090A0B0C0D0E0F";
const OTHER: &str = "F0E0D0C0B0A090807060504030201000";

/// A line and what it reports, each second one telegram of some meter.
struct Bench {
    reception: Reception,
    second: i64,
    /// The second it began with.
    begun: i64,
    /// Seconds by which the clock was set.
    set: i64,
    reports: Vec<Report>,
}

impl Bench {
    fn new(config: MeterConfig) -> Self {
        Self::remembering(config, BTreeMap::new())
    }

    /// The same at another time of the year.
    fn from(mut self, moment: &str) -> Self {
        let moment: Timestamp = moment.parse().unwrap();
        self.second = moment.as_second() - at(0).as_second();
        self.begun = self.second;
        self
    }

    fn remembering(config: MeterConfig, known: BTreeMap<Name, Remembered>) -> Self {
        let keys = Arc::new(KeyRing::read(&config).unwrap());
        let profiles = Arc::new(Profiles::default());
        let zone = TimeZone::get("Europe/Vienna").unwrap();
        let mut reception = Reception::new(config, keys, profiles, zone, known);
        reception.opened(Duration::ZERO);
        Self {
            reception,
            second: 0,
            begun: 0,
            set: 0,
            reports: Vec::new(),
        }
    }

    fn hear(&mut self, bytes: &[u8]) {
        self.second += 5;
        let now = self.now();
        self.reception.push(bytes, now.steady);
        while let Some(heard) = self.reception.next(now) {
            if let Heard::Telegram { reports, .. } | Heard::Unreadable { reports, .. } = heard {
                self.reports.extend(reports);
            }
        }
    }

    fn pass(&mut self, seconds: i64) {
        for _ in 0..seconds / 5 {
            self.second += 5;
            let reports = self.reception.tick(self.now());
            self.reports.extend(reports);
        }
    }

    fn now(&self) -> Moment {
        Moment {
            wall: at(self.second + self.set),
            steady: Duration::from_secs((self.second - self.begun).unsigned_abs()),
        }
    }

    fn take(&mut self) -> Vec<Report> {
        std::mem::take(&mut self.reports)
    }

    fn remembered(&self) -> BTreeMap<Name, Remembered> {
        let text = serde_json::to_string(&self.reception.remembered()).unwrap();
        serde_json::from_str(&text).unwrap()
    }
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_780_000_000 + second).unwrap()
}

fn config(key: Option<&str>) -> MeterConfig {
    MeterConfig {
        key: key.map(Secret::new),
        ..MeterConfig::default()
    }
}

/// A meter that talks.
struct Talk(Series);

impl Talk {
    fn new(model: &str, key: &str) -> Self {
        let (model, second) = (Model::named(model).unwrap(), Some(KEY.parse().unwrap()));
        let every = Duration::from_secs(5);
        Self(Series::new(model, key.parse().unwrap(), second, every))
    }

    fn next(&mut self) -> Vec<u8> {
        self.0.telegram().unwrap().frames.concat()
    }
}

fn series(model: &str) -> Talk {
    Talk::new(model, KEY)
}

fn devices(reports: &[Report]) -> Vec<String> {
    let device = |report: &Report| match report {
        Report::Device(device) => Some(device.serial.clone()),
        _ => None,
    };
    reports.iter().filter_map(device).collect()
}

fn readings(reports: &[Report]) -> Vec<&Readings> {
    fn of(report: &Report) -> Option<&Readings> {
        match report {
            Report::Readings(readings) => Some(readings),
            _ => None,
        }
    }
    reports.iter().filter_map(of).collect()
}

fn healths(reports: &[Report]) -> Vec<HealthCode> {
    let health = |report: &Report| match report {
        Report::Health(_, health) | Report::Absent(_, health) | Report::Source(health) => {
            Some(health.code)
        }
        _ => None,
    };
    reports.iter().filter_map(health).collect()
}

fn absent(reports: &[Report]) -> Vec<&str> {
    fn of(report: &Report) -> Option<&str> {
        match report {
            Report::Absent(id, _) => Some(id.as_str()),
            _ => None,
        }
    }
    reports.iter().filter_map(of).collect()
}

/// A telegram in clear with a Kamstrup's values: code, type and number of each.
fn kamstrup(time: HeaderTime, values: &[(&str, u8, i128)]) -> Vec<u8> {
    let code = |text: &str| {
        let code: Obis = text.parse().unwrap();
        Data::Octets(code.0.to_vec())
    };
    let number = code("1.1.0.0.5.255");
    let mut list = vec![Data::Text("Kamstrup_V0001".to_owned()), number];
    list.push(Data::Text("5706567000000009".to_owned()));
    for (text, tag, value) in values {
        let (tag, value) = (*tag, *value);
        list.extend([code(text), Data::Number { tag, value }]);
    }
    let bytes = notification(0, time, &Data::Structure(list));
    mbus::frames(&bytes, 245).concat()
}

#[test]
fn what_a_weak_checksum_lets_through_needs_a_second_telegram() {
    let mut bench = Bench::new(config(Some(KEY)));
    let mut meter = series("tinetz");
    bench.hear(&meter.next());
    assert_eq!(bench.take(), [], "one telegram may be damaged");
    bench.hear(&meter.next());
    let reports = bench.take();
    assert_eq!(devices(&reports), ["1KFM0200654321"]);
    assert_eq!(readings(&reports).len(), 1);
    assert_eq!(healths(&reports), [HealthCode::Online]);
    // With a tag that fits, or behind a real checksum, one is enough.
    let mut bench = Bench::new(config(Some(KEY)));
    bench.hear(&series("e450").next());
    assert_eq!(devices(&bench.take()), ["30654321"]);
}

#[test]
fn all_are_named_when_all_have_had_their_turn() {
    let mut bench = Bench::new(config(Some(KEY)));
    let (mut one, mut other) = (series("e450"), series("tinetz"));
    assert!(!bench.reception.has_named_all());
    // The one is named at once, the other by its second telegram.
    let mut named = |telegram: &[u8]| {
        bench.hear(telegram);
        bench.reception.has_named_all()
    };
    assert!(!named(&one.next()), "others may not have spoken yet");
    assert!(!named(&one.next()));
    assert!(!named(&other.next()));
    assert!(!named(&one.next()), "one was heard of and is not named");
    assert!(named(&other.next()));
}

#[test]
fn a_meter_is_said_once_and_then_only_what_is_new() {
    let mut bench = Bench::new(config(Some(KEY)));
    let mut meter = series("evn");
    for _ in 0..10 {
        bench.hear(&meter.next());
    }
    let reports = bench.take();
    assert_eq!(devices(&reports).len(), 1);
    assert_eq!(readings(&reports).len(), 9);
    assert_eq!(healths(&reports), [HealthCode::Online]);
}

#[test]
fn the_same_telegram_again_is_nothing_and_gaps_are_counted() {
    let mut bench = Bench::new(config(Some(KEY)));
    let mut meter = series("tinetz");
    for _ in 0..3 {
        let telegram = meter.next();
        bench.hear(&telegram);
        bench.hear(&telegram);
    }
    assert_eq!(readings(&bench.take()).len(), 2);
    for _ in 0..4 {
        meter.next();
    }
    bench.hear(&meter.next());
    bench.hear(&meter.next());
    let reports = bench.take();
    let last = readings(&reports).last().copied().unwrap();
    let number = |key: &str| last.get(key).unwrap().as_number().unwrap().mantissa();
    assert_eq!(number("telegrams_lost"), 4);
    assert_eq!(number("telegrams"), 5);
    assert_eq!(number("checksum_errors"), 0);
}

#[test]
fn the_number_takes_the_place_of_the_stand_in_and_stays_for_ever() {
    let mut meter = series("tinetz");
    let mut bench = Bench::new(config(None));
    for _ in 0..3 {
        bench.hear(&meter.next());
    }
    let known = bench.remembered();
    let mut bench = Bench::remembering(config(Some(KEY)), known);
    bench.hear(&meter.next());
    bench.hear(&meter.next());
    let reports = bench.take();
    let stand_in = DeviceId::new("smart_meter", "4B464D102009FBF1");
    assert_eq!(reports.first(), Some(&Report::Gone(stand_in)));
    assert_eq!(devices(&reports), ["1KFM0200654321"]);
    // Without the key the meter is still the one it was.
    let known = bench.remembered();
    let mut bench = Bench::remembering(config(Some(OTHER)), known);
    for _ in 0..3 {
        bench.hear(&meter.next());
    }
    assert_eq!(devices(&bench.take()), ["1KFM0200654321"]);
}

#[test]
fn silence_is_said_and_so_is_its_end() {
    let mut bench = Bench::new(config(Some(KEY)));
    let mut meter = series("tinetz");
    bench.hear(&meter.next());
    bench.hear(&meter.next());
    bench.take();
    bench.pass(55);
    assert_eq!(bench.take(), []);
    bench.pass(10);
    assert_eq!(healths(&bench.take()), [HealthCode::Silent]);
    bench.hear(&meter.next());
    assert_eq!(healths(&bench.take()), [HealthCode::Online]);
}

#[test]
fn a_line_without_a_meter_says_why() {
    let mut bench = Bench::new(config(Some(KEY)));
    bench.pass(60);
    let reports = bench.take();
    assert!(
        matches!(reports.as_slice(), [Report::Source(health)] if health.code == HealthCode::Silent)
    );
    // The first bytes after a silence may be the beginning of a telegram; those of a minute are not.
    for seconds in 0..14 {
        assert_eq!(healths(&bench.take()), [], "{seconds}");
        bench.hear(&[0x55; 100]);
        bench.pass(if seconds < 13 { 4 } else { 12 });
    }
    assert_eq!(healths(&bench.take()), [HealthCode::Garbled]);
}

#[test]
fn an_exchanged_meter_is_another_device_and_the_old_one_absent_until_it_is_forgotten() {
    let mut bench = Bench::new(config(Some(KEY)));
    let (mut old, mut new) = (series("tinetz"), series("tinetz-single"));
    bench.hear(&old.next());
    bench.hear(&old.next());
    bench.take();
    for _ in 0..20 {
        bench.hear(&new.next());
        bench.pass(5);
    }
    let reports = bench.take();
    assert_eq!(devices(&reports), ["1KFM0100654322"]);
    assert_eq!(healths(&reports), [HealthCode::Online, HealthCode::Silent]);
    assert_eq!(absent(&reports), ["smart_meter_1kfm0200654321"]);
    // Nothing is said again while it lasts, whatever the clock shows.
    bench.set += 40 * 86_400;
    for _ in 0..10 {
        bench.hear(&new.next());
        bench.pass(5);
    }
    assert_eq!(healths(&bench.take()), []);
    // In a silence of all nobody knows who is there.
    bench.pass(120);
    let reports = bench.take();
    assert_eq!(healths(&reports), [HealthCode::Silent; 2]);
    assert_eq!(absent(&reports), [""; 0]);
    bench.hear(&new.next());
    bench.pass(5);
    assert_eq!(absent(&bench.take()), ["smart_meter_1kfm0200654321"]);
    // After a restart neither a clock that was set nor a computer that was off say anything of it,
    // nor what a version remembered that counted by itself.
    let mut known = serde_json::to_value(bench.remembered()).unwrap();
    for meter in known.as_object_mut().unwrap().values_mut() {
        meter["absent"] = 86_400.into();
    }
    let known = serde_json::from_value(known).unwrap();
    let mut bench = Bench::remembering(config(Some(KEY)), known);
    bench.set += 80 * 86_400;
    for _ in 0..20 {
        bench.hear(&new.next());
        bench.pass(5);
    }
    assert_eq!(absent(&bench.take()), ["smart_meter_1kfm0200654321"]);
    let old = DeviceId::new("smart_meter", "1KFM0200654321");
    bench.reception.forget(&old);
    assert_eq!(bench.remembered().len(), 1);
    bench.pass(5);
    assert_eq!(absent(&bench.take()), [""; 0]);
}

#[test]
fn a_counter_that_stands_still_is_no_repetition() {
    let mut bench = Bench::new(config(Some(KEY)));
    let mut meter = series("tinetz");
    let stuck = meter.0.clone();
    for power in 1..5 {
        meter.0 = stuck.clone();
        let sample = Sample {
            power_import: power,
            energy_import: 1000,
            ..Sample::default()
        };
        bench.hear(&meter.0.telegram_of(sample).unwrap().frames.concat());
    }
    assert_eq!(readings(&bench.take()).len(), 3);
}

#[test]
fn a_leap_of_the_clock_is_no_silence() {
    let mut bench = Bench::new(config(Some(KEY)));
    let mut meter = series("tinetz");
    for _ in 0..3 {
        bench.hear(&meter.next());
        bench.pass(5);
    }
    bench.take();
    for leap in [50 * 365 * 86_400, -3600] {
        bench.set += leap;
        bench.pass(5);
        bench.hear(&meter.next());
        bench.pass(5);
    }
    assert_eq!(healths(&bench.take()), []);
}

#[test]
fn a_meter_that_rests_for_minutes_is_not_silent_in_between() {
    let mut bench = Bench::new(config(Some(KEY)));
    let mut meter = series("tinetz");
    let patience = |reports: &[Report]| {
        let device = |report: &Report| match report {
            Report::Device(device) => device.patience,
            _ => None,
        };
        reports.iter().rev().find_map(device)
    };
    bench.hear(&meter.next());
    bench.hear(&meter.next());
    assert_eq!(patience(&bench.take()), Some(Duration::from_secs(70)));
    for _ in 0..5 {
        bench.pass(295);
        bench.hear(&meter.next());
    }
    assert_eq!(patience(&bench.take()), Some(Duration::from_secs(1810)));
    bench.pass(295);
    assert_eq!(healths(&bench.take()), [], "it comes every five minutes");
    bench.pass(1800 - 300);
    assert_eq!(healths(&bench.take()), [], "six of them may be missed");
    bench.pass(10);
    assert_eq!(healths(&bench.take()), [HealthCode::Silent]);
}
