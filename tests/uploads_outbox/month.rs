//! A house over a change of the clock, with InfluxDB, PVOutput and emoncms that fail at random, a sender that is killed
//! at random, and a device that tells of two days only later: at the end each has what the history has.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use jiff::civil::{Date, date};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan};
use wattbridge::clock::Clock;
use wattbridge::history::{HOUSE, History, HistorySettings, HouseRoles, Wanted};
use wattbridge::model::{DeviceId, HealthCode, Report};
use wattbridge::simulation::year::{HouseYear, TimedReport, YearPlan};
use wattbridge::uploads::NextRound;
use wattbridge::uploads::emoncms::default_node;

use crate::emoncms::{Fault, StandIn as Emoncms, WRITE_KEY};
use crate::pvoutput::{Demand, KEY, SYSTEM, StandIn as PvOutput};
use crate::receiver::Receiver;
use crate::sender::{PATIENCE, Sender, killed_after, truth};
use crate::year_house;

const ECU: &str = "aps_ecu_216200000001";

/// Numbers that look like chance and are always the same.
struct Chance(u64);

impl Chance {
    fn below(&mut self, most: u64) -> u64 {
        let grown = self.0.wrapping_mul(6_364_136_223_846_793_005);
        self.0 = grown.wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % most
    }
}

/// One target, its time and its trouble.
struct Line {
    sender: Sender,
    toml: String,
    clock: Clock,
    /// Its receiver is in trouble until then, and in which.
    trouble: (i64, u64),
    kills: usize,
    troubles: usize,
}

/// What all of them have.
struct Month {
    history: History,
    influx: Receiver,
    influx_fails: Arc<AtomicU64>,
    pvoutput: PvOutput,
    emoncms: Emoncms,
    zone: String,
}

impl Month {
    /// The receiver of a line fails from now on, or works again.
    fn fail(&self, line: usize, how: Option<u64>) {
        match line {
            0 => self
                .influx_fails
                .store(how.map_or(0, |how| how + 1), Ordering::Relaxed),
            1 => self.pvoutput.with(|books| {
                books.demands.clear();
                let demand = match how {
                    Some(0) => Demand::HangUp,
                    Some(1) => Demand::Say(502, Vec::new(), "<html>".to_owned()),
                    Some(2) => Demand::Say(200, Vec::new(), String::new()),
                    Some(_) => Demand::LeaveOut(0),
                    None => return,
                };
                // Rows without an answer are given up after three times, so that only some are.
                let most = if matches!(demand, Demand::LeaveOut(_) | Demand::HangUp) {
                    1
                } else {
                    200
                };
                books.demands.extend((0..most).map(|_| demand.clone()));
            }),
            _ => {
                let mut account = self.emoncms.account();
                account.faults.clear();
                let fault = match how {
                    Some(0) => Fault::Cut(3),
                    Some(1) => Fault::Cut(0),
                    Some(2) => Fault::Html(usize::MAX),
                    Some(_) => Fault::Empty(7),
                    None => return,
                };
                account.faults.extend((0..300).map(|_| Some(fault)));
            }
        }
    }

    async fn line(&self, toml: String, now: Timestamp) -> Line {
        let zone = TimeZone::get(&self.zone).unwrap();
        let clock = Clock::manual(now, zone);
        Line {
            sender: Sender::begin(&toml, &self.history, &clock).await,
            toml,
            clock,
            trouble: (0, 0),
            kills: 0,
            troubles: 0,
        }
    }

    /// Lets a target work up to a moment.
    async fn work(&self, line: &mut Line, until: Timestamp, chance: &mut Chance) {
        loop {
            let now = line.clock.now();
            self.pvoutput.with(|books| books.now = now);
            let wait = if chance.below(10) == 0 {
                line.kills += 1;
                let waits = usize::try_from(chance.below(40)).unwrap();
                let wait = killed_after(line.sender.work(), waits).await;
                line.sender = Sender::begin(&line.toml, &self.history, &line.clock).await;
                // What it waited for was forgotten with it.
                wait.map_or(NextRound::Now, |_| NextRound::Now)
            } else {
                line.sender.work().await
            };
            let wait = match wait {
                NextRound::Now => continue,
                NextRound::After(wait) => SignedDuration::try_from(wait).unwrap(),
                NextRound::Slot => break,
            };
            let next = now + wait + SignedDuration::from_secs(1);
            if next > until {
                break;
            }
            line.clock.move_to(next);
        }
        line.clock.move_to(until.max(line.clock.now()));
    }
}

fn feed(history: &History, timed: &TimedReport, is_late: bool) {
    match &timed.report {
        Report::Device(device) => history.describe(&Arc::new((**device).clone())),
        Report::Readings(readings) => {
            let values = readings.values.iter();
            let values = values.map(|reading| (reading.key.clone(), reading.value.clone()));
            let (device, at) = (&readings.device, readings.at);
            if is_late {
                history.late(device, at, readings.day, values);
            } else {
                history.record(device, at, readings.day, values);
            }
        }
        _ => {}
    }
}

async fn live(from: Date, days: i64, seed: u64) {
    let zone_name = "Europe/Vienna";
    let zone = TimeZone::get(zone_name).unwrap();
    let midnight = |date: Date| date.to_zoned(zone.clone()).unwrap().timestamp();
    let (begin, end) = (midnight(from), midnight(from + days.days()));
    let year = HouseYear::new(YearPlan::new(
        year_house::devices(),
        zone.clone(),
        begin,
        end,
    ));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("history.db");
    let history = History::open_stepped(&path, &HistorySettings::default(), zone.clone());
    history.set_roles(HouseRoles::of(year.parts()));
    let mut told = Vec::new();
    year.tell(|timed| told.push(timed));

    let influx_fails = Arc::new(AtomicU64::new(0));
    let influx = Receiver::start().await;
    let fails = Arc::clone(&influx_fails);
    influx.kept().hook = Some(Box::new(move |_| match fails.load(Ordering::Relaxed) {
        0 => None,
        1 => Some((None, true)),
        2 => Some((None, false)),
        3 => Some((Some((500, "timeout".to_owned())), false)),
        _ => Some((Some((404, "database not found".to_owned())), false)),
    }));
    let month = Month {
        history,
        influx,
        influx_fails,
        pvoutput: PvOutput::start(zone_name).await,
        emoncms: Emoncms::start().await,
        zone: zone_name.to_owned(),
    };
    month.pvoutput.with(|books| books.limit = 300);
    let since = format!("since = \"{from}\"");
    let tomls = [
        month.influx.toml(&since),
        format!(
            "[pvoutput]\nsystem_id = \"{SYSTEM}\"\nkey = \"{KEY}\"\nurl = \"{}\"\ngeneration = \"{ECU}\"\nconsumption = \"house\"\n{since}\n",
            month.pvoutput.url()
        ),
        format!(
            "[emoncms]\nurl = \"{}\"\nkey = \"{WRITE_KEY}\"\n{since}\n",
            month.emoncms.url
        ),
    ];
    let mut lines = Vec::new();
    for toml in tomls {
        lines.push(month.line(toml, begin).await);
    }

    // The ECU is not heard for two days, and tells of them a day later.
    let silent = midnight(from + 3.days())..midnight(from + 5.days());
    let tells_at = midnight(from + 6.days()) + SignedDuration::from_hours(11);
    let is_silent = |timed: &TimedReport| {
        let Report::Readings(readings) = &timed.report else {
            return false;
        };
        readings.device.as_str() == ECU && silent.start < timed.at && timed.at <= silent.end
    };
    let mut chance = Chance(seed);
    let mut held = Vec::new();
    let mut reports = told.iter().peekable();
    let mut now = begin;
    while now < end {
        let minutes = [5, 5, 5, 15, 60, 240][usize::try_from(chance.below(6)).unwrap()];
        now += SignedDuration::from_mins(minutes);
        while let Some(timed) = reports.next_if(|timed| timed.at <= now) {
            if is_silent(timed) {
                held.push(timed);
            } else {
                feed(&month.history, timed, false);
            }
        }
        if now >= tells_at {
            for timed in held.drain(..) {
                feed(&month.history, timed, true);
            }
        }
        let closes = now + SignedDuration::from_secs(61);
        month.history.tick(closes);
        month.history.flush(PATIENCE);
        for (place, line) in lines.iter_mut().enumerate() {
            if line.trouble.0 < closes.as_second() {
                if line.trouble.0 > 0 {
                    line.trouble.0 = 0;
                    month.fail(place, None);
                } else if chance.below(25) == 0 {
                    let hours = [1, 3, 12, 40][usize::try_from(chance.below(4)).unwrap()];
                    line.trouble = (closes.as_second() + hours * 3600, chance.below(4));
                    line.troubles += 1;
                }
            }
            if line.trouble.0 > 0 {
                month.fail(place, Some(line.trouble.1));
            }
            line.clock.move_to(closes.max(line.clock.now()));
            let until = closes + SignedDuration::from_mins(4);
            month.work(line, until, &mut chance).await;
        }
    }
    // All is well again, and time enough.
    let last = end + SignedDuration::from_hours(1);
    month.history.tick(last);
    month.history.flush(PATIENCE);
    for (place, line) in lines.iter_mut().enumerate() {
        month.fail(place, None);
        line.clock.move_to(last.max(line.clock.now()));
        loop {
            month.pvoutput.with(|books| books.now = line.clock.now());
            let NextRound::After(wait) = line.sender.work().await else {
                break;
            };
            let wait = SignedDuration::try_from(wait).unwrap();
            let next = line.clock.now() + wait + SignedDuration::from_secs(1);
            line.clock.move_to(next);
        }
        let state = line.sender.rounds.state();
        assert_eq!(state.health.code, HealthCode::Online, "{state:?}");
        assert_eq!(state.pending, 0, "{state:?}");
        assert!(
            line.kills > 10 && line.troubles > 2,
            "{} {}",
            line.kills,
            line.troubles
        );
    }

    let truth = truth(&path);
    assert!(truth.len() > 20, "{:?}", truth.keys());
    assert!(month.influx.kept().points == truth, "InfluxDB {from}");
    compare_emoncms(&month, &truth, &silent);
    compare_pvoutput(&month, &lines[1], (begin, end)).await;
    for line in [&lines[0], &lines[2]] {
        let key = &line.sender.named.id;
        let given_up = month.history.cursors().given_up(key).await.unwrap();
        assert_eq!(given_up, [], "{key}");
    }
}

/// What was late may be missing: inputs that count must not have it.
fn compare_emoncms(
    month: &Month,
    truth: &crate::receiver::Points,
    late: &std::ops::Range<Timestamp>,
) {
    let account = month.emoncms.account();
    assert_eq!(account.wrongs, [""; 0]);
    let late = late.start.as_second() + 1..=late.end.as_second();
    let mut compared = 0;
    for ((device, key), values) in truth {
        let id: DeviceId = serde_json::from_value(device.as_str().into()).unwrap();
        let came: BTreeMap<i64, f64> = account
            .input(&default_node(&id), key)
            .came
            .iter()
            .copied()
            .collect();
        for (end, value) in values {
            let value: f64 = value.parse().unwrap();
            match came.get(end) {
                Some(came) => assert!((came - value).abs() < 1e-9, "{device}/{key} {end}"),
                None => assert!(device == ECU && late.contains(end), "{device}/{key} {end}"),
            }
            compared += 1;
        }
        assert!(came.keys().all(|end| values.contains_key(end)));
    }
    assert!(compared > 20_000, "{compared}");
}

async fn compare_pvoutput(month: &Month, line: &Line, (begin, end): (Timestamp, Timestamp)) {
    let id = |name: &str| serde_json::from_value::<DeviceId>(name.into()).unwrap();
    let wanted = Wanted {
        series: Box::new(|series, _| {
            (series.device.as_str() == ECU || series.device.as_str() == HOUSE)
                && ["power", "house"].contains(&series.key.as_str())
        }),
        energies: vec![(id(ECU), None), (id(HOUSE), Some("house".to_owned()))],
        words: false,
    };
    let times = (begin.as_second(), end.as_second());
    let reader = month.history.reader();
    let stretch = reader.stretch(wanted, times, usize::MAX - 1).await.unwrap();
    let calendar = reader.calendar();
    let cursors = month.history.cursors();
    let given_up = cursors.given_up(&line.sender.named.id).await.unwrap();
    let reasons: BTreeSet<&str> = given_up.iter().map(|it| it.reason.as_str()).collect();
    let gone: BTreeSet<i64> = given_up.iter().map(|it| it.slot).collect();
    println!(
        "{}: {} given up: {reasons:?}",
        line.sender.named.id,
        gone.len()
    );
    let back = given_up.iter().filter(|it| it.reason == "clock went back");
    assert!(given_up.len() - back.clone().count() < 40, "{given_up:?}");
    // The hour that comes twice, if there is one.
    assert!(back.count() <= 13, "{given_up:?}");
    let (mut compared, mut of_sun) = (0, 0);
    month.pvoutput.with(|books| {
        for slot in &stretch.slots {
            let date = calendar.day_of_slot(slot.end);
            let (_, midnight) = calendar.bounds(date);
            // The last row of a day has the energies of its end.
            if gone.contains(&slot.end) || slot.end + 300 >= midnight {
                continue;
            }
            let local = Timestamp::from_second(slot.end).unwrap();
            let local = local.to_zoned(calendar.zone().clone());
            let ambiguous = calendar.zone().to_ambiguous_timestamp(local.datetime());
            if ambiguous.is_ambiguous() {
                continue;
            }
            let label = (
                local.strftime("%Y%m%d").to_string(),
                local.strftime("%H:%M").to_string(),
            );
            let power = slot
                .rows
                .iter()
                .find(|(place, _)| stretch.series[*place].series.device.as_str() == ECU);
            let power = power.map(|(_, row)| row.value);
            let status = books.statuses.get(&label);
            if slot.energies[1].is_some() {
                let consumed = status.and_then(|status| status.consumed);
                assert_eq!(consumed, slot.energies[1], "{label:?}");
                compared += 1;
            }
            if power.is_some_and(|power| power > 0) {
                let status = status.unwrap_or_else(|| panic!("{label:?} is missing"));
                assert_eq!(status.generated, slot.energies[0], "{label:?}");
                of_sun += 1;
            }
        }
    });
    assert!(compared > 900 && of_sun > 500, "{compared} {of_sun}");
}

fn run(from: Date, days: i64, seed: u64) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(live(from, days, seed));
    runtime.shutdown_timeout(Duration::from_secs(1));
}

#[test]
fn the_days_around_the_end_of_summer_time() {
    run(date(2026, 10, 20), 9, 1);
}

#[test]
fn the_days_around_the_beginning_of_summer_time() {
    run(date(2026, 3, 25), 9, 2);
}
