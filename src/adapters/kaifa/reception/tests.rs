//! Lines and meters over time, with telegrams of the simulator and a clock of our own.

use super::*;
use crate::adapters::kaifa::simulator::{Model, Sample, Series};
use crate::adapters::kaifa::wire::axdr::Data;
use crate::adapters::kaifa::wire::link::mbus;
use crate::adapters::kaifa::wire::time::ClockStatus;
use crate::adapters::kaifa::wire::{HeaderTime, MeterTime, Obis, Profile, notification};
use crate::config::Secret;
use crate::model::{DeviceId, HealthCode, Readings, Value};

const KEY: &str = "000102030405060708090A0B0C0D0E0F";
const OTHER: &str = "F0E0D0C0B0A090807060504030201000";

/// A line and what it reports, each second one telegram of some meter.
struct Bench {
    reception: Reception,
    second: i64,
    /// Seconds by which the clock was set.
    set: i64,
    reports: Vec<Report>,
}

impl Bench {
    fn new(config: Config) -> Self {
        Self::remembering(config, BTreeMap::new())
    }

    /// The same at another time of the year.
    fn from(mut self, moment: &str) -> Self {
        let moment: Timestamp = moment.parse().unwrap();
        self.second = moment.as_second() - at(0).as_second();
        self
    }

    fn remembering(config: Config, known: BTreeMap<Name, Remembered>) -> Self {
        let keys = Arc::new(KeyRing::read(&config).unwrap());
        let profiles = Arc::new(Profiles::default());
        let zone = TimeZone::get("Europe/Vienna").unwrap();
        Self {
            reception: Reception::new(config, keys, profiles, zone, known, at(0)),
            second: 0,
            set: 0,
            reports: Vec::new(),
        }
    }

    fn hear(&mut self, bytes: &[u8]) {
        self.second += 5;
        let now = at(self.second + self.set);
        self.reception.push(bytes, now);
        while let Some(heard) = self.reception.next(now) {
            if let Heard::Telegram { reports, .. } | Heard::Unreadable { reports, .. } = heard {
                self.reports.extend(reports);
            }
        }
    }

    fn pass(&mut self, seconds: i64) {
        for _ in 0..seconds / 5 {
            self.second += 5;
            let (now, elapsed) = (at(self.second + self.set), self.second.unsigned_abs());
            let reports = self.reception.tick(now, Duration::from_secs(elapsed));
            self.reports.extend(reports);
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

fn config(key: Option<&str>) -> Config {
    Config {
        key: key.map(Secret::new),
        ..Config::default()
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
        Report::Health(_, health) | Report::Source(health) => Some(health.code),
        _ => None,
    };
    reports.iter().filter_map(health).collect()
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
fn keys_are_to_blame_after_three_telegrams_and_not_before() {
    for (key, code) in [
        (None, HealthCode::KeyMissing),
        (Some(OTHER), HealthCode::KeyWrong),
    ] {
        let mut bench = Bench::new(config(key));
        let mut meter = series("tinetz");
        bench.hear(&meter.next());
        bench.hear(&meter.next());
        assert_eq!(bench.take(), []);
        bench.hear(&meter.next());
        let reports = bench.take();
        assert_eq!(devices(&reports), ["4B464D102009FBF1"]);
        assert_eq!(healths(&reports), [code]);
        bench.hear(&meter.next());
        assert_eq!(bench.take(), [], "said once");
    }
}

#[test]
fn a_single_telegram_that_cannot_be_opened_is_no_matter_of_keys() {
    let mut bench = Bench::new(config(Some(KEY)));
    let mut meter = series("tinetz");
    let mut stranger = Talk::new("tinetz", OTHER);
    for _ in 0..4 {
        bench.hear(&meter.next());
        bench.hear(&stranger.next());
        bench.hear(&stranger.next());
    }
    assert_eq!(healths(&bench.take()), [HealthCode::Online]);
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
    let stand_in = DeviceId::new("kaifa", "4B464D102009FBF1");
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
    bench.hear(&[0x55; 100]);
    bench.pass(5);
    assert_eq!(healths(&bench.take()), [HealthCode::Garbled]);
}

#[test]
fn an_exchanged_meter_is_another_device_and_the_old_one_is_forgotten() {
    let hour = Config {
        forget_after: crate::config::Period::hours(1),
        ..config(Some(KEY))
    };
    let mut bench = Bench::new(hour.clone());
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
    let gone = |reports: &[Report]| {
        reports
            .iter()
            .any(|report| matches!(report, Report::Gone(_)))
    };
    assert!(!gone(&reports));
    // Neither a clock that is set nor a computer that was off makes it absent for longer.
    bench.set += 40 * 86_400;
    for _ in 0..10 {
        bench.hear(&new.next());
        bench.pass(5);
    }
    assert!(!gone(&bench.take()));
    let mut bench = Bench::remembering(hour, bench.remembered());
    bench.set += 80 * 86_400;
    for _ in 0..300 {
        bench.hear(&new.next());
        bench.pass(5);
    }
    assert!(!gone(&bench.take()));
    for _ in 0..100 {
        bench.hear(&new.next());
        bench.pass(5);
    }
    assert!(gone(&bench.take()));
    assert_eq!(bench.remembered().len(), 1);
}

#[test]
fn impossible_values_are_left_out_and_counted() {
    let mut bench = Bench::new(config(Some(KEY)));
    let mut meter = series("tinetz");
    bench.hear(&meter.next());
    bench.hear(&meter.next());
    bench.take();
    let insane = Sample {
        power_import: 4_000_000,
        voltage: [2300, 3001, 2300],
        energy_import: 20_000_000,
        ..Sample::default()
    };
    bench.hear(&meter.0.telegram_of(insane).unwrap().frames.concat());
    let reports = bench.take();
    let last = readings(&reports).last().copied().unwrap();
    assert_eq!(
        (last.get("power_import"), last.get("voltage_l2")),
        (None, None)
    );
    assert_eq!(
        last.get("power_net"),
        None,
        "computed from what is not known"
    );
    assert!(last.get("voltage_l1").is_some() && last.get("energy_import").is_some());
    let refused = last.get("values_refused").unwrap().as_number().unwrap();
    assert_eq!(refused.mantissa(), 2);
}

#[test]
fn what_stays_impossible_becomes_unknown() {
    let mut bench = Bench::new(config(Some(KEY)));
    let mut meter = series("tinetz");
    bench.hear(&meter.next());
    bench.hear(&meter.next());
    bench.take();
    let insane = Sample {
        power_export: 200_000,
        ..Sample::default()
    };
    for _ in 0..3 {
        bench.hear(&meter.0.telegram_of(insane).unwrap().frames.concat());
    }
    let reports = bench.take();
    let values = readings(&reports);
    let of = |key| {
        values
            .iter()
            .map(|one| one.get(key).cloned())
            .collect::<Vec<_>>()
    };
    assert_eq!(of("power_export"), [None, None, Some(Value::Unknown)]);
    assert_eq!(of("power_net"), [None, None, Some(Value::Unknown)]);
    bench.hear(&meter.next());
    let reports = bench.take();
    assert!(
        readings(&reports)[0]
            .get("power_export")
            .unwrap()
            .is_known()
    );
}

#[test]
fn messages_that_are_no_telegrams_are_said() {
    let mut bench = Bench::new(config(Some(KEY)));
    // A kind of message that nobody on this interface sends.
    let message = [&[0xdd, 8][..], &[0x41; 40]].concat();
    for _ in 0..3 {
        for frame in crate::adapters::kaifa::wire::link::mbus::frames(&message, 245) {
            bench.hear(&frame);
        }
    }
    bench.pass(5);
    assert_eq!(healths(&bench.take()), [HealthCode::Unsupported]);
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
fn a_meter_that_sends_text_in_clear_is_read_without_a_key() {
    let mut bench = Bench::new(config(None));
    bench.hear(&series("p1").next());
    let reports = bench.take();
    assert_eq!(devices(&reports), ["E0054000654321"]);
    let Some(Report::Device(device)) = reports.first() else {
        panic!("{reports:?}")
    };
    assert_eq!(device.id, DeviceId::new("kaifa", "E0054000654321"));
    assert_eq!(device.manufacturer, "Iskraemeco");
    let telegram = Series::new(
        Model::named("p1").unwrap(),
        KEY.parse().unwrap(),
        None,
        Duration::ZERO,
    )
    .telegram()
    .unwrap();
    let found = readings(&reports)[0];
    let value = |key: &str| {
        let mut values = found.values.iter();
        values
            .find(|reading| reading.key == key)
            .map(|reading| reading.value.to_json().to_string())
    };
    let import = f64::from(telegram.sample.energy_import) / 1000.0;
    assert_eq!(value("energy_import"), Some(import.to_string()));
    assert_eq!(
        value("power_import"),
        Some(telegram.sample.power_import.to_string())
    );
    assert_eq!(healths(&reports), [HealthCode::Online]);
}

#[test]
fn text_without_a_checksum_needs_a_second_telegram_like_it() {
    let without = |text: Vec<u8>| {
        let text = String::from_utf8(text)
            .unwrap()
            .replace("1-3:0.2.8(50)\r\n", "");
        let (text, _) = text.split_once('!').unwrap();
        format!("{text}!\r\n").into_bytes()
    };
    let mut bench = Bench::new(config(None));
    let mut meter = series("p1");
    bench.hear(&without(meter.next()));
    assert_eq!(bench.take(), []);
    let mut damaged = without(meter.next());
    let place = damaged
        .windows(3)
        .position(|three| three == b"kWh")
        .unwrap();
    damaged[place] ^= 1;
    damaged.remove(place + 9);
    bench.hear(&damaged);
    assert_eq!(readings(&bench.take()).len(), 0);
    for _ in 0..3 {
        bench.hear(&without(meter.next()));
    }
    assert_eq!(devices(&bench.take()), ["E0054000654321"]);
}

#[test]
fn what_is_of_no_use_here_is_named_for_what_it_is() {
    for (bytes, words) in [
        (
            b"\x1b\x1b\x1b\x1b\x01\x01\x01\x01\x76\x05".as_slice(),
            "SML",
        ),
        (
            b"/XYZ5G\r\n\r\n\x00\x82\x02\x30\x30\x00\x00\x00\x00",
            "system title",
        ),
    ] {
        let mut bench = Bench::new(config(Some(KEY)));
        for _ in 0..4 {
            bench.hear(bytes);
            bench.reception.idle(Duration::from_secs(3));
            bench.pass(5);
        }
        let reports = bench.take();
        assert_eq!(healths(&reports), [HealthCode::Unsupported], "{words}");
        let Some(Report::Source(health)) = reports.first() else {
            panic!("{reports:?}")
        };
        assert!(health.sentence().contains(words), "{}", health.sentence());
    }
}

#[test]
fn keys_that_are_swapped_or_of_which_one_is_missing_are_told() {
    let keys = |key: Option<&str>, authentication: Option<&str>| Config {
        key: key.map(Secret::new),
        authentication_key: authentication.map(Secret::new),
        ..Config::default()
    };
    let said = |config: Config| {
        let (model, other) = (Model::named("e450").unwrap(), OTHER.parse().unwrap());
        let mut meter = Series::new(
            model,
            KEY.parse().unwrap(),
            Some(other),
            Duration::from_secs(5),
        );
        let mut bench = Bench::new(config);
        for _ in 0..3 {
            bench.hear(&meter.telegram().unwrap().frames.concat());
        }
        let health = |report: Report| match report {
            Report::Health(_, health) => Some((health.code, health.sentence())),
            _ => None,
        };
        bench.take().into_iter().find_map(health).unwrap()
    };
    let (code, words) = said(keys(Some(OTHER), Some(KEY)));
    assert!(
        code == HealthCode::KeyWrong && words.contains("swapped"),
        "{words}"
    );
    let (code, words) = said(keys(None, Some(OTHER)));
    assert!(
        code == HealthCode::KeyMissing && words.contains("second key is needed"),
        "{words}"
    );
    let (code, words) = said(keys(Some(OTHER), None));
    assert!(
        code == HealthCode::KeyWrong && words.contains("may give two keys"),
        "{words}"
    );
    let (code, words) = said(keys(Some(&"5a".repeat(16)), Some(OTHER)));
    assert!(
        code == HealthCode::KeyWrong && !words.contains("swapped"),
        "{words}"
    );
    assert_eq!(said(keys(Some(KEY), Some(OTHER))).0, HealthCode::Online);
}

#[test]
fn noise_makes_no_meters() {
    let mut bench = Bench::new(config(None));
    let mut meter = series("tinetz");
    // Whole frames with titles that nobody has: what damage makes of a title.
    for title in 0..200_u8 {
        let telegram = meter.next();
        let mut damaged = telegram.clone();
        let (place, sum) = (15, 254);
        let before = damaged[place];
        damaged[place] = title;
        damaged[sum] = damaged[sum].wrapping_add(title).wrapping_sub(before);
        bench.hear(&damaged);
    }
    assert_eq!(devices(&bench.take()), [""; 0]);
    assert!(bench.reception.meters.len() <= MOST_METERS);
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

/// The same with powers only; import, then export where it is told.
fn powers(import: i128, export: Option<i128>) -> Vec<u8> {
    let import = ("1.1.1.7.0", 0x06, import);
    let export = export.map(|export| ("1.1.2.7.0", 0x06, export));
    let values: Vec<_> = std::iter::once(import).chain(export).collect();
    kamstrup(HeaderTime::Absent, &values)
}

/// Import, export and net in the last readings; `-` where nothing is said, `null` where unknown.
fn flow(reports: &[Report]) -> String {
    let all = readings(reports);
    let last = all.last().unwrap();
    let shown = ["power_import", "power_export", "power_net"].map(|key| {
        let value = last.get(key);
        value.map_or_else(|| "-".to_owned(), |value| value.to_json().to_string())
    });
    shown.join(" ")
}

#[test]
fn import_and_export_of_different_telegrams_never_contradict_each_other() {
    let mut bench = Bench::new(config(None));
    bench.hear(&powers(0, Some(3000)));
    bench.hear(&powers(0, Some(3000)));
    assert_eq!(flow(&bench.take()), "0 3000 -3000");
    // Still no import: what was said of the export holds.
    bench.hear(&powers(0, None));
    assert_eq!(flow(&bench.take()), "0 - -");
    bench.hear(&powers(1500, None));
    assert_eq!(flow(&bench.take()), "1500 0 1500");
    // No import any more: there may be an export.
    bench.hear(&powers(0, None));
    assert_eq!(flow(&bench.take()), "0 null null");
    bench.hear(&powers(0, Some(200)));
    assert_eq!(flow(&bench.take()), "0 200 -200");
    // What was said long ago does not hold.
    bench.pass(120);
    bench.hear(&powers(0, None));
    assert_eq!(flow(&bench.take()), "0 null null");
}

#[test]
fn an_export_holds_for_three_pauses_of_the_telegrams_that_tell_it() {
    let mut bench = Bench::new(config(None));
    for _ in 0..3 {
        bench.hear(&powers(0, Some(3000)));
        bench.pass(5);
    }
    let mut held = 0;
    bench.take();
    for _ in 0..10 {
        bench.hear(&powers(0, None));
        match flow(&bench.take()).as_str() {
            "0 - -" => held += 1,
            said => assert_eq!(said, "0 null null"),
        }
        bench.pass(5);
    }
    assert_eq!(held, 3);
}

#[test]
fn a_meter_that_never_tells_an_export_gets_none() {
    let mut bench = Bench::new(config(None));
    bench.hear(&powers(500, None));
    bench.hear(&powers(500, None));
    assert_eq!(flow(&bench.take()), "500 - 500");
    bench.hear(&powers(0, None));
    assert_eq!(flow(&bench.take()), "0 - null");
}

#[test]
fn a_signed_sum_is_net_power_and_a_negative_import_is_export() {
    let told = |values: &[(&str, u8, i128)]| {
        let profile: Profile = toml::from_str(
            "name = 'signed'\nbased_on = 'kamstrup'\ncodes = ['1.*.1.7.0 1 W', '1.*.16.7.0 1 W']",
        )
        .unwrap();
        let mut bench = Bench::new(config(None));
        bench.reception.profiles = Arc::new(Profiles::new(vec![profile]));
        let telegram = kamstrup(HeaderTime::Absent, values);
        bench.hear(&telegram);
        bench.hear(&telegram);
        flow(&bench.take())
    };
    assert_eq!(told(&[("1.1.16.7.0", 0x05, -800)]), "- - -800");
    assert_eq!(told(&[("1.1.1.7.0", 0x05, -800)]), "0 800 -800");
    let both = [("1.1.1.7.0", 0x05, -800), ("1.1.2.7.0", 0x06, 800)];
    assert_eq!(told(&both), "0 800 -800");
    // The difference of the two is the net, whatever else is said.
    let three = [
        ("1.1.1.7.0", 0x05, 0),
        ("1.1.2.7.0", 0x06, 800),
        ("1.1.16.7.0", 0x05, -801),
    ];
    assert_eq!(told(&three), "0 800 -800");
}

/// What is said of the meter's health.
fn words(reports: &[Report]) -> Vec<String> {
    let health = |report: &Report| match report {
        Report::Health(_, health) => Some(health.sentence()),
        _ => None,
    };
    reports.iter().filter_map(health).collect()
}

#[test]
fn a_value_that_stays_left_out_is_a_reason_on_the_device() {
    let mut bench = Bench::new(config(None));
    let voltages = |one: i128, two: i128| {
        let values = [
            ("1.1.1.7.0", 0x06, 600),
            ("1.1.32.7.0", 0x12, one),
            ("1.1.52.7.0", 0x12, two),
        ];
        kamstrup(HeaderTime::Absent, &values)
    };
    // Of the first telegram it is not certain which meter it is of.
    for _ in 0..4 {
        bench.hear(&voltages(23_012, 6000));
    }
    let reports = bench.take();
    let last = readings(&reports).last().copied().unwrap();
    // Hundredths of volts are certain, 6000 is not.
    let shown = |key| last.get(key).map(|value| value.to_json().to_string());
    assert_eq!(shown("voltage_l1").as_deref(), Some("230.12"));
    assert_eq!(shown("voltage_l2"), None);
    let said = words(&reports).last().cloned().unwrap();
    assert!(
        said.starts_with("Not everything works: Voltage L2 is left out: beyond"),
        "{said}"
    );
    assert!(said.contains("profile"), "{said}");
    bench.hear(&voltages(2301, 2302));
    assert_eq!(words(&bench.take()), ["Online"]);
}

#[test]
fn currents_that_cannot_carry_the_power_are_left_out() {
    let mut bench = Bench::new(config(None));
    let telegram = |watts, current| {
        let values = [
            ("1.1.1.7.0", 0x06, watts),
            ("1.1.2.7.0", 0x06, 0),
            ("1.1.31.7.0", 0x06, current),
        ];
        kamstrup(HeaderTime::Absent, &values)
    };
    bench.hear(&telegram(2300, 1000));
    bench.hear(&telegram(2300, 1000));
    let current = |reports: &[Report]| {
        let last = readings(reports).last().copied().unwrap();
        last.get("current_l1")
            .map(|value| value.to_json().to_string())
    };
    assert_eq!(current(&bench.take()).as_deref(), Some("10"));
    // Whole amperes, taken for hundredths.
    bench.hear(&telegram(2300, 10));
    assert_eq!(current(&bench.take()), None);
}

#[test]
fn a_clock_that_keeps_standard_time_is_known_in_summer() {
    // A meter that no profile knows, so that the scale is its own.
    let telegram = |moment: Timestamp, hours: i64| {
        let shown = moment + jiff::SignedDuration::from_hours(hours);
        let local = TimeZone::UTC.to_datetime(shown);
        let time = MeterTime::new(local, None, ClockStatus(0));
        let code = Data::Octets(vec![1, 0, 1, 7, 0, 255]);
        let unit = [(0x0f, 0), (0x16, 27)].map(|(tag, value)| Data::Number { tag, value });
        let pair = vec![code, Data::u32(500), Data::Structure(unit.to_vec())];
        let bytes = notification(1, HeaderTime::Bare(time), &Data::Structure(pair));
        mbus::frames(&bytes, 245).concat()
    };
    let drift = |bench: &mut Bench| {
        let reports = bench.take();
        let last = readings(&reports).last().copied().cloned().unwrap();
        last.get("clock_drift").unwrap().to_json().to_string()
    };
    let port = Config {
        port: Some("/dev/ttyUSB0".parse().unwrap()),
        ..config(None)
    };
    for (hours, start) in [
        (1, "2026-07-01T10:00:00Z"),
        (2, "2026-07-01T10:00:00Z"),
        (1, "2026-01-01T10:00:00Z"),
    ] {
        let mut bench = Bench::new(port.clone()).from(start);
        let hear = |bench: &mut Bench| {
            let next = at(bench.second + 5);
            bench.hear(&telegram(next, hours));
        };
        // So long that a meter without a number has a name.
        for _ in 0..30 {
            hear(&mut bench);
        }
        assert_eq!(drift(&mut bench), "0", "{hours} {start}");
        // It is remembered.
        let known = bench.remembered();
        let mut again = Bench::remembering(port.clone(), known).from(start);
        hear(&mut again);
        assert_eq!(drift(&mut again), "0", "{hours} {start}");
    }
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
    assert_eq!(patience(&bench.take()), Some(Duration::from_secs(910)));
    bench.pass(295);
    assert_eq!(healths(&bench.take()), [], "it comes every five minutes");
    bench.pass(900);
    assert_eq!(healths(&bench.take()), [HealthCode::Silent]);
}

#[test]
fn energies_that_grow_ten_times_too_fast_name_the_other_layout() {
    let mut bench = Bench::new(config(None));
    let mut register = 5_000_000.0;
    for _ in 0..3 * 720 {
        // 3 kW in steps of 1 Wh, taken for steps of 10 Wh.
        register += 3000.0 * 5.0 / 3600.0;
        let values = [
            ("1.1.1.7.0", 0x06, 3000),
            ("1.1.1.8.0", 0x06, register as i128),
        ];
        bench.hear(&kamstrup(HeaderTime::Absent, &values));
    }
    let said = words(&bench.take());
    let last = said.last().unwrap();
    assert!(
        last.contains("ten times") && last.contains("kamstrup-wh"),
        "{said:?}"
    );
}
