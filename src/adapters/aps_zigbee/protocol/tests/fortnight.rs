//! Two weeks in which everybody is restarted at random, and clocks are set.

use std::collections::{BTreeMap, BTreeSet};

use super::*;

/// Numbers that are the same in every run.
struct Luck(u64);

impl Luck {
    fn below(&mut self, most: u64) -> u64 {
        // xorshift
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % most
    }
}

/// What is remembered, as it is on the disk.
fn saved(memory: &Memory) -> BTreeMap<&'static str, serde_json::Value> {
    let keys = [INVERTERS, HOURS, IS_CAMPAIGN, TOTAL].into_iter();
    keys.filter_map(|key| Some((key, memory.get(key)?)))
        .collect()
}

impl Bench {
    /// The program is killed, and the last that it had said was not saved yet.
    fn kill(&mut self, disk: &BTreeMap<&'static str, serde_json::Value>) {
        self.memory = Memory::passing();
        for (key, value) in disk {
            self.memory.put(key, value);
        }
        self.restart();
    }

    /// The energies that were told since this was asked last, in watt-hours.
    fn told(&mut self) -> Vec<(String, f64)> {
        let told = std::mem::take(&mut self.reports);
        let readings = told.iter().filter_map(|report| match report {
            Report::Readings(readings) => {
                let energy = readings.get("energy_total")?.as_number()?.to_f64() * 1000.0;
                Some((readings.device.to_string(), energy))
            }
            _ => None,
        });
        let readings = readings.collect();
        // Devices are looked for among the reports when something is told to them.
        self.reports = told;
        self.reports
            .retain(|report| matches!(report, Report::Device(_)));
        self.reports.truncate(20);
        readings
    }
}

fn fortnight(seed: u64) {
    let mut luck = Luck(seed);
    let mut bench = Bench::new("DS3,YC600,QS1", true);
    let produced = |bench: &mut Bench| bench.stick.truth().produced() as f64 / 1e6;
    bench.minutes(3);
    let begun = produced(&mut bench);
    let mut shown: BTreeMap<String, f64> = BTreeMap::new();
    // What one minute can bring at most, of the largest: it may be said again after a kill.
    let minute = 1500.0 / 60.0;
    // Who may tell once more what was told, and no more, since the program was killed.
    let mut killed: BTreeSet<String> = BTreeSet::new();
    let mut happened = [0; 6];
    let mut disk = saved(&bench.memory);
    let end = 14 * 24 * 60;
    let (mut passed, mut wrong_until, mut frozen_until) = (0, None, None);
    while passed < end {
        bench.minutes(1);
        passed += 1;
        for (id, energy) in bench.told() {
            let before = shown.entry(id.clone()).or_default();
            let least = if killed.remove(&id) {
                *before - 2.0 * minute
            } else {
                *before
            };
            assert!(
                energy >= least,
                "{id} fell from {before} to {energy}, seed {seed}"
            );
            *before = energy;
        }
        if wrong_until.is_some_and(|until| passed >= until) {
            wrong_until = None;
            bench.ahead = SignedDuration::ZERO;
        }
        if frozen_until.is_some_and(|until| passed >= until) {
            frozen_until = None;
            bench.stick.replug();
        }
        let before = std::mem::replace(&mut disk, saved(&bench.memory));
        if luck.below(60) != 0 {
            continue;
        }
        let what = luck.below(6) as usize;
        happened[what] += 1;
        let serial = bench.config.inverters[luck.below(3) as usize];
        match what {
            // Nobody can know what time it is who was not there when it was set.
            0 if wrong_until.is_none() => {
                bench.kill(&before);
                killed.extend(shown.keys().cloned());
            }
            1 => bench.stick.replug(),
            // Somebody unplugs it after a while.
            2 => {
                bench.stick.stick().freeze();
                frozen_until = Some(passed + 5 + luck.below(40));
            }
            3 => {
                let mesh = &mut bench.stick.stick().mesh;
                let at = mesh.at();
                mesh.inverter(serial).unwrap().restart(at);
            }
            4 => {
                bench.stick.stick().forget();
                bench.stick.pulse();
            }
            5 => {
                let hours = luck.below(49) as i64 - 24;
                bench.ahead = SignedDuration::from_hours(hours);
                wrong_until = Some(passed + 10 + luck.below(60));
            }
            _ => {}
        }
    }
    assert!(happened.iter().all(|times| *times > 20), "{happened:?}");
    let told: f64 = bench.ids().iter().map(|id| shown[id]).sum();
    let really = produced(&mut bench) - begun;
    assert!(really > 50_000.0, "{really}");
    assert!(told <= really * 1.001, "{told} of {really} Wh, seed {seed}");
    assert!(told >= really * 0.99, "{told} of {really} Wh, seed {seed}");
}

#[test]
fn two_weeks_of_restarts_lose_less_than_a_hundredth() {
    fortnight(1);
}

#[test]
fn two_other_weeks_as_well() {
    fortnight(2);
}
