//! What profiles tell over hours and days, and what happens to them then.

use jiff::Timestamp;

use super::super::super::BehindSample;
use super::*;
use crate::simulation::year::Supply;

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);

/// Telegrams of so many hours with their texts.
fn told(
    name: &str,
    begun: &str,
    every: Duration,
    hours: u64,
    faults: &[&str],
) -> Vec<(Telegram, String)> {
    let model = Model::named(name).unwrap();
    let count = hours * 3600 / every.as_secs();
    let mut series = series(name, begun, every, faults);
    let telegrams = telegrams(&mut series, usize::try_from(count).unwrap());
    telegrams
        .into_iter()
        .map(|telegram| {
            let text = text(model, &telegram);
            (telegram, text)
        })
        .collect()
}

fn of(telegram: &Telegram, supply: Supply) -> Vec<BehindSample> {
    let behind = telegram.p1.clone().unwrap().behind.into_iter();
    behind.filter(|meter| meter.supply == supply).collect()
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

#[test]
fn numbers_never_fall_and_are_those_of_the_sample() {
    for model in P1_MODELS.iter().filter(|model| !profile(model).hides_title) {
        let mut last: BTreeMap<String, u64> = BTreeMap::new();
        for (telegram, text) in told(model.name, WINTER, 30 * MINUTE, 24, &[]) {
            for line in text.split("\r\n") {
                let Some((code, rest)) = line.split_once('(') else {
                    continue;
                };
                let parts: Vec<&str> = code.split(['.', ':', '*']).collect();
                let is_counter = matches!(parts.get(2), Some(&"8")) || code.contains(":24.2.");
                if is_counter && rest.contains('*') {
                    let now = in_thousandths(rest);
                    let before = last.insert(code.to_owned(), now).unwrap_or(0);
                    assert!(now >= before, "{}: {line} after {before}", model.name);
                }
            }
            let (sample, p1) = (telegram.sample, telegram.p1.unwrap());
            assert_eq!(p1.energy_import.iter().sum::<u32>(), sample.energy_import);
            assert_eq!(p1.energy_export.iter().sum::<u32>(), sample.energy_export);
            let net = i64::from(sample.power_import) - i64::from(sample.power_export);
            assert_eq!(
                i64::from(p1.phases.iter().sum::<i32>()),
                net,
                "{}",
                model.name
            );
        }
        let energies = last.keys().filter(|code| code.starts_with("1-"));
        assert_eq!(
            energies.count() > 0,
            !model.name.starts_with("warmtelink"),
            "{}",
            model.name
        );
    }
}

#[test]
fn a_telegram_says_what_the_sample_says() {
    for (telegram, text) in told("fluvius", WINTER, 10 * MINUTE, 30, &[]) {
        let p1 = telegram.p1.as_ref().unwrap();
        let energies = p1.energy_import.into_iter().chain(p1.energy_export);
        let codes = ["1-0:1.8.1", "1-0:1.8.2", "1-0:2.8.1", "1-0:2.8.2"];
        for (energy, code) in energies.zip(codes) {
            assert_eq!(u64::from(energy), thousandths(&text, code), "{code}");
        }
        let powers = [telegram.sample.power_import, telegram.sample.power_export];
        for (power, code) in powers.into_iter().zip(["1-0:1.7.0", "1-0:2.7.0"]) {
            assert_eq!(u64::from(power), thousandths(&text, code), "{code}");
        }
        for (phase, (import, export)) in p1.phases.iter().zip([(21, 22), (41, 42), (61, 62)]) {
            let net = [import, export].map(|c| thousandths(&text, &format!("1-0:{c}.7.0")));
            let expected = [phase.max(&0).unsigned_abs(), phase.min(&0).unsigned_abs()];
            assert_eq!(net, expected.map(u64::from));
        }
        let [gas, water] = [Supply::Gas, Supply::Water].map(|it| of(&telegram, it)[0].clone());
        assert_eq!(gas.count, thousandths(&text, "0-1:24.2.3"));
        assert_eq!(water.count, thousandths(&text, "0-2:24.2.1"));
        assert_eq!(
            groups(&text, "0-1:96.1.1"),
            ["37464C4F32313534303030303032"]
        );
        assert_eq!(groups(&text, "0-0:96.14.0"), [format!("000{}", p1.tariff)]);
    }
    let both = told("esmr5", WINTER, MINUTE, 24, &[]);
    let differ = |p1: &crate::adapters::smart_meter::simulator::P1Sample| {
        p1.phases.iter().any(|it| *it > 0) && p1.phases.iter().any(|it| *it < 0)
    };
    assert!(both.iter().any(|(it, _)| differ(it.p1.as_ref().unwrap())));
}

#[test]
fn tariffs_change_with_the_hour_and_the_country() {
    // A Thursday and a Saturday.
    for (name, day, night) in [("fluvius", "0001", "0002"), ("dsmr5", "0002", "0001")] {
        for (begun, expected) in [
            ("2026-01-15T06:59:00[Europe/Brussels]", night),
            ("2026-01-15T07:00:00[Europe/Brussels]", day),
            ("2026-01-15T23:00:00[Europe/Brussels]", night),
            ("2026-01-17T12:00:00[Europe/Brussels]", night),
        ] {
            let (_, text) = &told(name, begun, HOUR, 1, &[])[0];
            assert_eq!(groups(text, "0-0:96.14.0"), [expected], "{name} {begun}");
        }
    }
    let (_, text) = &told(
        "wasion",
        "2026-01-15T12:00:00[Europe/Budapest]",
        HOUR,
        1,
        &[],
    )[0];
    assert_eq!(groups(text, "0-0:96.14.0"), ["TARIFF 2"]);
}

#[test]
fn meters_behind_are_read_at_their_own_times() {
    let captures = |name: &str, code: &str| -> Vec<String> {
        let mut all: Vec<String> = told(name, WINTER, MINUTE, 2, &[])
            .iter()
            .map(|(_, text)| groups(text, code)[0].clone())
            .collect();
        all.dedup();
        all
    };
    assert_eq!(
        captures("dsmr42", "0-1:24.2.1"),
        ["260115060000W", "260115070000W", "260115080000W"]
    );
    assert_eq!(
        captures("dsmr22", "0-2:24.3.0"),
        ["260115060000", "260115070000", "260115080000"]
    );
    let gas = captures("fluvius", "0-1:24.2.3");
    assert_eq!(
        gas[..3],
        ["260115065502W", "260115070002W", "260115070502W"]
    );
    let water = captures("fluvius", "0-2:24.2.1");
    assert_eq!(water[..2], ["260115065632W", "260115070132W"]);
    assert_eq!(captures("smarty-plain", "0-2:24.2.1"), ["632525252525S"]);
}

#[test]
fn what_is_counted_does_not_depend_on_how_often_somebody_looks() {
    let (often, seldom) = (
        told("dsmr5-four", WINTER, MINUTE, 48, &[]),
        told("dsmr5-four", WINTER, HOUR, 48, &[]),
    );
    let behind = |(telegram, _): &(Telegram, String)| telegram.p1.clone().unwrap().behind;
    let often: Vec<_> = often.iter().step_by(60).map(behind).collect();
    assert_eq!(often, seldom.iter().map(behind).collect::<Vec<_>>());
    let counts = |all: &[BehindSample]| all.iter().map(|it| it.count).collect::<Vec<_>>();
    let gained = counts(&often[0]).into_iter().zip(counts(&often[47]));
    assert!(
        gained.clone().all(|(first, last)| last > first),
        "{:?}",
        gained.collect::<Vec<_>>()
    );
}

#[test]
fn a_replaced_gas_meter_stands_still_on_its_channel_and_another_one_goes_on() {
    let all = told("dsmr42", WINTER, 10 * MINUTE, 60, &["gas-exchanged@24h.."]);
    let (before, after) = all.split_at(24 * 6);
    assert!(
        before
            .iter()
            .all(|(_, text)| groups(text, "0-2:24.2.1").is_empty())
    );
    let old = groups(&before[143].1, "0-1:24.2.1");
    let mut last = 0;
    for (telegram, text) in after {
        assert_eq!(groups(text, "0-1:24.2.1"), old);
        assert_eq!(groups(text, "0-1:96.1.0"), ["4730303534303030363534333231"]);
        assert_eq!(groups(text, "0-2:96.1.0"), ["4730303534303030363534333232"]);
        assert_eq!(groups(text, "0-2:24.1.0"), ["003"]);
        let count = thousandths(text, "0-2:24.2.1");
        assert!(count >= last && count < 40_000);
        last = count;
        let gas = of(telegram, Supply::Gas);
        let seen = gas.iter().map(|it| (it.channel, it.is_gone, &*it.number));
        let expected = [(1, true, "G0054000654321"), (2, false, "G0054000654322")];
        assert_eq!(seen.collect::<Vec<_>>(), expected);
        assert_eq!(gas[1].count, count);
    }
    assert!(last > 17);
    // Where channel 2 is taken, it is the next one.
    let (telegram, _) = &told("fluvius", WINTER, MINUTE, 1, &["gas-exchanged"])[3];
    assert_eq!(of(telegram, Supply::Gas)[1].channel, 3);
}

#[test]
fn a_clock_is_wrong_from_one_moment_to_another() {
    let all = told(
        "dsmr5",
        WINTER,
        MINUTE,
        4,
        &["clock-late=1000days@1h..2h", "clock-not-set@3h.."],
    );
    let clock = |minute: usize| groups(&all[minute].1, "0-0:1.0.0")[0].clone();
    assert_eq!(clock(59), "260115075700W");
    assert_eq!(clock(60), "230421085800S");
    assert_eq!(clock(119), "230421095700S");
    assert_eq!(clock(120), "260115085800W");
    assert_eq!(clock(180), "000101010000W");
    let shown = |minute: usize| all[minute].0.p1.as_ref().unwrap().clock;
    assert_eq!(shown(60), Some(at("2023-04-21T06:58:00Z")));
    assert_eq!((shown(120), shown(180)), (Some(all[120].0.at), None));
    // Gas has a clock of its own.
    assert_eq!(groups(&all[60].1, "0-1:24.2.1")[0], "260115075500W");
    let all = told("dsmr42", WINTER, MINUTE, 1, &["capture-ahead=16days@30m.."]);
    assert_eq!(groups(&all[29].1, "0-1:24.2.1")[0], "260115070000W");
    assert_eq!(groups(&all[30].1, "0-1:24.2.1")[0], "260131070000W");
}

#[test]
fn gas_is_zero_once_and_a_place_for_gas_is_none() {
    // From 7:02 to 7:07; the reading of 7:05 comes with the next one.
    let all = told(
        "dsmr5",
        WINTER,
        MINUTE,
        1,
        &["gas-zero@7m..12m", "gas-unpaired@30m.."],
    );
    let gas = |minute: usize| groups(&all[minute].1, "0-1:24.2.1");
    assert_eq!(gas(6)[0], "260115070000W");
    assert_eq!(gas(7), ["260115070500W", "00000.000*m3"]);
    assert_eq!(gas(11), ["260115070500W", "00000.000*m3"]);
    assert_eq!(gas(12)[0], "260115071000W");
    assert!(thousandths(&all[12].1, "0-1:24.2.1") >= thousandths(&all[6].1, "0-1:24.2.1"));
    assert_eq!(gas(30), ["632525252525W", "00000.000"]);
}

#[test]
fn a_doubled_code_has_another_value_and_a_sound_checksum() {
    for name in ["dsmr5", "dsmr22", "ellevio"] {
        let (_, text) = &told(name, WINTER, HOUR, 1, &["doubled-code"])[0];
        let code = if name == "ellevio" {
            "1-0:1.8.0"
        } else {
            "1-0:1.8.1"
        };
        let values = groups(text, code);
        assert_eq!(values.len(), 2, "{name}");
        assert_ne!(values[0], values[1]);
        let is_absent = dsmr::Checksum::of(text.as_bytes()) == dsmr::Checksum::Absent;
        let is_good = matches!(dsmr::Checksum::of(text.as_bytes()), dsmr::Checksum::Good(_));
        assert_eq!((is_good, is_absent), (name != "dsmr22", name == "dsmr22"));
    }
}

#[test]
fn what_the_line_does_to_a_telegram_is_in_its_frames_only() {
    for fault in [
        "cut",
        "glued",
        "lf-only",
        "nul-padded",
        "wrong-digit",
        "line-lost",
        "no-end",
        "seven-bits",
        "inverted",
    ] {
        let mut series = series("dsmr22", WINTER, MINUTE, &[fault]);
        let telegram = series.telegram().unwrap();
        assert!(telegram.message.starts_with(b"/ISk5") && telegram.message.ends_with(b"!"));
        assert_ne!(
            telegram.frames.concat(),
            [&telegram.message, &b"\r\n"[..]].concat(),
            "{fault}"
        );
    }
}

#[test]
fn the_hour_that_comes_twice_and_winter_in_summer() {
    let autumn = "2026-10-25T02:30:00+02:00[Europe/Amsterdam]";
    let all = told("dsmr5", autumn, HOUR, 2, &[]);
    let clock = |text: &str| groups(text, "0-0:1.0.0")[0].clone();
    assert_eq!(clock(&all[0].1), "261025023000S");
    assert_eq!(clock(&all[1].1), "261025023000W");
    let july = |name: &str, zone: &str| {
        let begun = format!("2026-07-04T18:51:28[{zone}]");
        told(name, &begun, HOUR, 1, &[])[0].1.clone()
    };
    assert_eq!(clock(&july("ellevio", "Europe/Stockholm")), "260704175128W");
    assert_eq!(clock(&july("aidon", "Europe/Helsinki")), "260704175128W");
    assert_eq!(clock(&july("ie5", "Europe/Brussels")), "260704185128");
    let split = july("am550-si", "Europe/Ljubljana");
    assert_eq!(groups(&split, "1-0:0.9.1"), ["185128"]);
    assert_eq!(groups(&split, "1-0:0.9.2"), ["260704"]);
    let warm = july("warmtelink-vi", "Europe/Amsterdam");
    assert_eq!(groups(&warm, "0-1:24.2.1")[0], "260704175000W");
}

#[test]
fn peaks_are_those_of_months() {
    let begun = "2026-03-30T12:00:00[Europe/Brussels]";
    let all = told("fluvius", begun, 5 * MINUTE, 48, &[]);
    let (first, last) = (&all[0], &all[575]);
    let months = groups(&first.1, "0-0:98.1.0");
    assert_eq!((months.len(), &*months[0]), (3 + 13 * 3, "13"));
    assert_eq!(months[3], "250301000000W");
    assert_eq!(months[3 + 12 * 3], "260301000000W");
    // A month of nothing has no time.
    assert!(
        months
            .windows(2)
            .any(|pair| pair == ["632525252525W", "00.000*kW"])
    );
    let march = first.0.p1.as_ref().unwrap().month_peak;
    assert!(march.at.unwrap() < first.0.at && march.watts >= 2_200);
    // April has begun; its first quarter of an hour began a new peak.
    let months = groups(&last.1, "0-0:98.1.0");
    assert_eq!(months[3 + 12 * 3], "260401000000S");
    let p1 = last.0.p1.as_ref().unwrap();
    assert!(p1.past_peaks[12].1.watts >= march.watts);
    assert!(p1.month_peak.at.unwrap() > at("2026-03-31T22:00:00Z"));
    // The newest first.
    let (_, text) = &told("fluvius-water", begun, HOUR, 1, &[])[0];
    assert_eq!(groups(text, "0-0:98.1.0")[3], "260301000000W");
    // The mean of a quarter of an hour is what was taken in it.
    for quarter in all[0..48].chunks(3) {
        let [from, _, to] = quarter else {
            unreachable!()
        };
        let taken = to.0.sample.energy_import - from.0.sample.energy_import;
        let mean = thousandths(&to.1, "1-0:1.4.0");
        assert_eq!(mean, u64::from(taken) * 6);
    }
}
