//! What each has at the end, and what it has to have.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use wattbridge::history::HOUSE;
use wattbridge::model::DeviceId;
use wattbridge::uploads::emoncms::default_node;

use super::receivers::Receivers;
use crate::core::StandIn as Core;
use crate::emoncms::StandIn;
use crate::receiver::Points;
use crate::sender::truth;

/// The first time at which two differ, for people.
fn first_difference(theirs: &Points, ours: &Points) -> String {
    for (series, values) in ours {
        let there = theirs.get(series);
        for (end, value) in values {
            let there = there.and_then(|there| there.get(end));
            if there != Some(value) {
                return format!("{series:?} at {end}: {there:?}, and not {value}");
            }
        }
    }
    "there is more than there should be".to_owned()
}

pub(crate) fn influx(path: &Path, receivers: &Receivers) {
    let truth = truth(path);
    assert!(truth.len() > 20, "{:?}", truth.keys());
    let kept = receivers.influx.kept();
    assert!(
        kept.points == truth,
        "InfluxDB: {}",
        first_difference(&kept.points, &truth)
    );
}

/// What emoncms has to have. It takes nothing twice: what was late when it was past it is never there, and what has
/// changed since stays as it was.
#[derive(Debug, Default)]
pub(crate) struct Emoncms {
    /// What had arrived when it was looked last: each input, and at which times.
    seen: BTreeMap<(String, String), BTreeSet<i64>>,
    /// It was through with all up to here.
    done: i64,
}

impl Emoncms {
    /// Looks whether it has what the history has by now, up to where the outbox is done with it.
    pub(crate) fn look(&mut self, path: &Path, server: &StandIn, done: i64) {
        let account = server.account();
        assert_eq!(account.wrongs, [""; 0]);
        let mut compared = 0;
        for (series, values) in truth(path) {
            let (device, key) = &series;
            let id: DeviceId = serde_json::from_value(device.as_str().into()).unwrap();
            let input = account.nodes.get(&default_node(&id));
            let came = input.and_then(|inputs| inputs.get(key));
            let came = came.map(|input| input.came.as_slice()).unwrap_or_default();
            let came: BTreeMap<i64, f64> = came.iter().copied().collect();
            let seen = self.seen.entry(series.clone()).or_default();
            for (end, value) in &values {
                if seen.contains(end) {
                    continue;
                }
                let there = came.get(end);
                // It was past it before.
                let is_late = *end <= self.done;
                match there {
                    Some(there) if !is_late => {
                        let value: f64 = value.parse().unwrap();
                        assert!((there - value).abs() < 1e-9, "emoncms {series:?} {end}");
                    }
                    None if is_late || *end > done => {}
                    _ => panic!("emoncms {series:?} at {end}: {there:?}, late {is_late}"),
                }
                compared += 1;
            }
            assert!(
                came.keys().all(|end| values.contains_key(end)),
                "{series:?}"
            );
            seen.extend(came.keys());
        }
        assert!(compared > 20_000, "{compared}");
        self.done = done;
    }
}

/// An hour of a statistic: counter and sum, or mean, least and greatest.
type Hour = [f64; 3];

/// What slots of an hour have: each mean, least and greatest.
type Gathered = Vec<(i64, i64, i64)>;

/// The hours that follow from the slots.
fn hours(path: &Path) -> BTreeMap<String, BTreeMap<i64, Hour>> {
    let file = rusqlite::Connection::open(path).unwrap();
    let mut gathered: BTreeMap<i64, BTreeMap<i64, Gathered>> = BTreeMap::new();
    let sql = "SELECT end, series, value, coalesce(min, value), coalesce(max, value) FROM slot ORDER BY end";
    let mut statement = file.prepare(sql).unwrap();
    let mut rows = statement.query([]).unwrap();
    while let Some(row) = rows.next().unwrap() {
        let end: i64 = row.get(0).unwrap();
        let values = (
            row.get(2).unwrap(),
            row.get(3).unwrap(),
            row.get(4).unwrap(),
        );
        let of_series = gathered.entry(row.get(1).unwrap()).or_default();
        let hour = (end - 1).div_euclid(3600) * 3600;
        of_series.entry(hour).or_default().push(values);
    }
    let mut all = BTreeMap::new();
    let mut statement = file
        .prepare("SELECT id, device, key, json FROM series")
        .unwrap();
    let mut rows = statement.query([]).unwrap();
    while let Some(row) = rows.next().unwrap() {
        let (device, key): (String, String) = (row.get(1).unwrap(), row.get(2).unwrap());
        let json: String = row.get(3).unwrap();
        let about: serde_json::Value = serde_json::from_str(&json).unwrap();
        let is_counter = about["kind"] == "lifetime";
        let has_hours = is_counter || about["kind"] == "measurement";
        let Some(gathered) = gathered.remove(&row.get(0).unwrap()) else {
            continue;
        };
        if about["via"].is_null() && device != HOUSE && has_hours {
            let decimals = about["decimals"].as_i64().unwrap_or(0);
            let scale = 10_f64.powi(i32::try_from(decimals).unwrap());
            all.insert(
                format!("wattbridge:{device}_{key}"),
                hours_of(&gathered, is_counter, scale),
            );
        }
    }
    all
}

fn hours_of(
    gathered: &BTreeMap<i64, Gathered>,
    is_counter: bool,
    scale: f64,
) -> BTreeMap<i64, Hour> {
    let last = |rows: &Gathered| rows[rows.len() - 1].0;
    let first = gathered.values().next().map_or(0, last);
    let hour = |rows: &Gathered| {
        if is_counter {
            return [
                last(rows) as f64 / scale,
                (last(rows) - first) as f64 / scale,
                0.0,
            ];
        }
        let sum: i64 = rows.iter().map(|(mean, _, _)| mean).sum();
        let mean = (sum as f64 / rows.len() as f64).round();
        let least = rows.iter().map(|(_, least, _)| *least).min().unwrap();
        let greatest = rows.iter().map(|(_, _, greatest)| *greatest).max().unwrap();
        [mean / scale, least as f64 / scale, greatest as f64 / scale]
    };
    gathered
        .iter()
        .map(|(start, rows)| (*start, hour(rows)))
        .collect()
}

pub(crate) fn statistics(path: &Path, core: &Core) {
    let kept = core.kept();
    let ours = hours(path);
    assert!(
        kept.statistics.keys().eq(ours.keys()),
        "{:?}",
        kept.statistics.keys()
    );
    let mut compared = 0;
    for (id, hours) in &ours {
        let (_, theirs) = &kept.statistics[id];
        assert!(theirs.keys().eq(hours.keys()), "{id}");
        for (start, hour) in hours {
            let there = &theirs[start];
            let names: &[&str] = if there.get("sum").is_some() {
                &["state", "sum"]
            } else {
                &["mean", "min", "max"]
            };
            for (name, value) in names.iter().zip(hour) {
                let there = there[*name].as_f64().unwrap();
                assert!(
                    (there - value).abs() < 1e-9,
                    "{id} {start} {name}: {there}, and not {value}"
                );
                compared += 1;
            }
        }
    }
    assert!(compared > 20_000, "{compared}");
}

/// Rows as the statements make them: the first of a key stays.
pub(crate) fn mysql(receivers: &Receivers) {
    let told = std::fs::read_to_string(receivers.mysql.join("all")).unwrap();
    let mut rows: BTreeMap<(u32, i64), String> = BTreeMap::new();
    for line in told.lines().filter(|line| line.starts_with("INSERT")) {
        let (_, rest) = line.split_once("VALUES (").unwrap();
        let (row, _) = rest.split_once(')').unwrap();
        let mut numbers = row.split(',');
        let mut next = || numbers.next().unwrap();
        let key = (next().parse().unwrap(), next().parse().unwrap());
        let there = rows.entry(key).or_insert_with(|| row.to_owned());
        assert_eq!(there, row, "sent once more as something else");
    }
    assert!(rows.len() > 3_000, "{}", rows.len());
    assert!(
        rows == receivers.said,
        "MySQL: {} and {}",
        rows.len(),
        receivers.said.len()
    );
}
