//! Months of a house in which the clock changes. It is sent to InfluxDB, PVOutput, emoncms, Home Assistant's statistics and
//! MySQL, each of which is away at random; the program is killed at random; some devices tell of days only later, or once
//! more. At the end each has exactly what the history has, or the list of what was given up says which rows and why.
//!
//! What is random follows from a seed, which is printed; `MONTH_SEED=7` tries another one.

mod compare;
mod program;
mod receivers;
mod statuses;

use std::time::Duration;

use jiff::civil::{Date, date};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan as _};
use wattbridge::clock::Clock;
use wattbridge::history::HouseRoles;
use wattbridge::model::{Decimal, HealthCode, Readings, Report, Value};
use wattbridge::simulation::year::{HouseYear, TimedReport, YearPlan};
use wattbridge::uploads::NextRound;

use self::compare::Emoncms;
use self::program::Program;
use self::receivers::{Line, Receivers};
use crate::sender::{PATIENCE, killed_after};
use crate::year_house;

const ZONE: &str = "Europe/Amsterdam";
/// The adapter whose records go to MySQL.
const RECORDED: &str = "solaredge";

/// Numbers that look like chance and are always the same.
struct Chance(u64);

impl Chance {
    fn below(&mut self, most: u64) -> u64 {
        let grown = self.0.wrapping_mul(6_364_136_223_846_793_005);
        self.0 = grown.wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % most
    }

    fn of<T: Copy>(&mut self, all: &[T]) -> T {
        all[usize::try_from(self.below(all.len() as u64)).unwrap()]
    }
}

/// Days and hours after the first midnight.
type Since = (i64, i64);

/// What is special about a month.
struct Month {
    from: Date,
    days: i64,
    seed: u64,
    /// Whose energy PVOutput gets.
    sun: &'static str,
    /// That device is not heard from the first to the second, and tells of it at the third.
    silences: &'static [(Since, Since, Since)],
    /// The meter tells once more of the time from the first to the second, at the third.
    twice: (Since, Since, Since),
    /// PVOutput is away for longer than it takes rows back.
    long_outage: Option<(i64, i64)>,
}

impl Month {
    fn moment(&self, (days, hours): Since) -> Timestamp {
        let midnight = (self.from + days.days()).at(0, 0, 0, 0);
        let zone = TimeZone::get(ZONE).unwrap();
        let midnight = midnight.to_zoned(zone).unwrap().timestamp();
        midnight + SignedDuration::from_hours(hours)
    }
}

/// The same, with more power: what a device has measured better since.
fn corrected(readings: &Readings) -> Readings {
    let mut readings = readings.clone();
    for reading in &mut readings.values {
        if let Value::Number(number) = &mut reading.value
            && reading.key.starts_with("power_")
        {
            *number = Decimal::new(number.mantissa() + 50, number.scale());
        }
    }
    readings
}

/// Lets a target work up to a moment.
async fn work(
    line: &mut Line,
    program: &Program,
    receivers: &Receivers,
    until: Timestamp,
    chance: &mut Chance,
) {
    loop {
        let now = line.clock.now();
        receivers.pvoutput.with(|books| books.now = now);
        let wait = if chance.below(10) == 0 {
            line.kills += 1;
            let waits = usize::try_from(chance.below(40)).unwrap();
            let _ = killed_after(line.sender.work(), waits).await;
            line.begin(&program.history).await;
            // What it waited for was forgotten with it.
            NextRound::Now
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

async fn live(month: &Month) {
    let mut chance = Chance(month.seed);
    println!("month of {}: MONTH_SEED={}", month.from, month.seed);
    let zone = TimeZone::get(ZONE).unwrap();
    let (begin, end) = (month.moment((0, 0)), month.moment((month.days, 0)));
    let mut devices = year_house::devices();
    // Inverters are sent nowhere: two are enough for a roof.
    let mut behind = 0;
    devices.retain(|device| {
        behind += i32::from(device.via.is_some());
        device.via.is_none() || behind <= 2
    });
    let year = HouseYear::new(YearPlan::new(devices.clone(), zone.clone(), begin, end));
    let folder = tempfile::tempdir().unwrap();
    let roles = HouseRoles::of(year.parts());
    let mut program = Program::start(folder.path(), devices, roles);
    let mut told = Vec::new();
    year.tell(|timed| told.push(timed));

    let mut receivers = Receivers::start(folder.path(), month, &told).await;
    let mut lines = Vec::new();
    for toml in receivers.tomls(month) {
        let clock = Clock::manual(begin, zone.clone());
        lines.push(Line::new(toml, &program.history, clock).await);
    }
    let mysql = lines[4].sender.named.id.clone();
    program.history.keep_records(&mysql, RECORDED);

    let is_of = |timed: &TimedReport, name: &str, from: Since, to: Since| {
        let is_its = matches!(&timed.report, Report::Readings(it) if it.device.as_str() == name);
        is_its && month.moment(from) < timed.at && timed.at <= month.moment(to)
    };
    let mut emoncms = Emoncms::default();
    let mut held: Vec<&TimedReport> = Vec::new();
    let mut silences = month.silences.iter().peekable();
    let mut twice = Some(month.twice);
    let mut reports = told.iter().peekable();
    let (mut now, mut minutes) = (begin, 5);
    while now < end {
        now = end.min(now + SignedDuration::from_mins(minutes));
        minutes = chance.of(&[5, 5, 15, 60, 240, 480]);
        while let Some(timed) = reports.next_if(|timed| timed.at <= now) {
            let mut all = month.silences.iter();
            if all.any(|(from, to, _)| is_of(timed, month.sun, *from, *to)) {
                held.push(timed);
            } else {
                program.hear(timed, false);
            }
            receivers.roof_says(timed, &program.history);
        }
        let closes = now + SignedDuration::from_secs(61);
        let mut late: Vec<Readings> = Vec::new();
        if let Some((_, to, _)) = silences.next_if(|(_, _, tells)| month.moment(*tells) <= now) {
            let (tells, rest): (Vec<_>, Vec<_>) = held
                .drain(..)
                .partition(|timed| timed.at <= month.moment(*to));
            held = rest;
            late.extend(tells.into_iter().filter_map(|timed| match &timed.report {
                Report::Readings(readings) => Some(readings.clone()),
                _ => None,
            }));
        }
        if let Some((from, to, _)) = twice.take_if(|(_, _, tells)| month.moment(*tells) <= now) {
            let meter = told
                .iter()
                .filter(|timed| is_of(timed, receivers::METER, from, to));
            late.extend(meter.filter_map(|timed| match &timed.report {
                Report::Readings(readings) => Some(corrected(readings)),
                _ => None,
            }));
        }
        if !late.is_empty() {
            program.history.flush(PATIENCE);
            let cursor = program
                .history
                .cursors()
                .load(&lines[2].sender.named.id)
                .await;
            emoncms.look(
                &program.path,
                &receivers.emoncms,
                cursor.unwrap().unwrap().done,
            );
        }
        for readings in &late {
            program.values(readings, true);
        }
        program.history.tick(closes);
        program.history.flush(PATIENCE);
        if chance.below(40) == 0 {
            // In the midst of what it does.
            for line in &mut lines {
                receivers
                    .pvoutput
                    .with(|books| books.now = line.clock.now());
                let waits = usize::try_from(chance.below(40)).unwrap();
                let _ = killed_after(line.sender.work(), waits).await;
            }
            program.kill();
            program.history.keep_records(&mysql, RECORDED);
            for line in &mut lines {
                line.begin(&program.history).await;
            }
            program.history.tick(closes);
            program.history.flush(PATIENCE);
        }
        let until = closes + SignedDuration::from_secs(minutes * 60 - 30);
        for (place, line) in lines.iter_mut().enumerate() {
            receivers.trouble(month, place, line, closes, &mut chance);
            line.clock.move_to(closes.max(line.clock.now()));
            // Trying all the while would show nothing more.
            let soon = closes + SignedDuration::from_mins(3);
            let until = if line.is_in_trouble() { soon } else { until };
            if chance.below(line.every) == 0 {
                work(line, &program, &receivers, until, &mut chance).await;
            }
        }
    }
    settle(&program, &receivers, &mut lines, end).await;
    compare(month, &program, &receivers, &lines, &mut emoncms).await;
}

/// All is well again, and time enough.
async fn settle(program: &Program, receivers: &Receivers, lines: &mut [Line], end: Timestamp) {
    let last = end + SignedDuration::from_hours(2);
    program.history.tick(last);
    program.history.flush(PATIENCE);
    for (place, line) in lines.iter_mut().enumerate() {
        receivers.fail(place, None);
        line.clock.move_to(last.max(line.clock.now()));
        loop {
            receivers
                .pvoutput
                .with(|books| books.now = line.clock.now());
            let NextRound::After(wait) = line.sender.work().await else {
                break;
            };
            let wait = SignedDuration::try_from(wait).unwrap();
            let next = line.clock.now() + wait + SignedDuration::from_secs(1);
            line.clock.move_to(next);
        }
        let state = line.sender.rounds.state();
        // After a start that had nothing to send nothing is known yet.
        let is_well = matches!(state.health.code, HealthCode::Online | HealthCode::Starting);
        assert!(is_well, "{state:?}");
        assert_eq!(state.pending, 0, "{state:?}");
        println!(
            "{}: {} kills, {} times in trouble",
            line.sender.named.id, line.kills, line.troubles
        );
    }
    println!("the program was started {} times", program.starts);
}

async fn compare(
    month: &Month,
    program: &Program,
    receivers: &Receivers,
    lines: &[Line],
    emoncms: &mut Emoncms,
) {
    let cursors = program.history.cursors();
    let key = |place: usize| lines[place].sender.named.id.as_str();
    for place in [0, 2, 3, 4] {
        assert_eq!(cursors.given_up(key(place)).await.unwrap(), []);
    }
    compare::influx(&program.path, receivers);
    compare::statistics(&program.path, &receivers.core);
    compare::mysql(receivers);
    let cursor = cursors.load(key(2)).await.unwrap().unwrap();
    emoncms.look(&program.path, &receivers.emoncms, cursor.done);
    let given_up = cursors.given_up(key(1)).await.unwrap();
    statuses::compare(month, &program.history, &receivers.pvoutput, &given_up).await;
}

fn run(mut month: Month) {
    if let Some(seed) = std::env::var("MONTH_SEED")
        .ok()
        .and_then(|seed| seed.parse().ok())
    {
        month.seed = seed;
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(live(&month));
    runtime.shutdown_timeout(Duration::from_secs(1));
}

/// An hour comes twice, while the charger is not heard.
#[test]
fn the_month_in_which_summer_time_ends() {
    run(Month {
        from: date(2026, 10, 5),
        days: 30,
        seed: 1,
        sun: "victron_hq2000000015",
        silences: &[((3, 13), (5, 10), (6, 11)), ((19, 12), (21, 13), (22, 11))],
        twice: ((10, 0), (12, 0), (13, 9)),
        long_outage: None,
    });
}

/// An hour is left out, after two weeks without PVOutput.
#[test]
fn the_month_in_which_summer_time_begins() {
    run(Month {
        from: date(2026, 3, 5),
        days: 30,
        seed: 2,
        sun: "aps_ecu_216200000001",
        silences: &[((3, 0), (5, 0), (6, 11)), ((23, 12), (25, 13), (26, 11))],
        twice: ((19, 0), (21, 0), (22, 9)),
        long_outage: Some((2, 18)),
    });
}
