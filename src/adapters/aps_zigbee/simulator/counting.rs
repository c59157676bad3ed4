//! What an inverter counts from start to start, and what it has really produced.

use jiff::Timestamp;

use super::super::wire::payload::CounterScale;

/// Microjoules in a micro-watt-hour.
const MICRO_WATT_HOUR: u64 = 3600;

/// The counters of an inverter, and what never goes back to zero.
#[derive(Debug, Clone)]
pub struct EnergyCount {
    /// Since when it runs; `None` while it is dark.
    started: Option<Timestamp>,
    /// How often it has started.
    starts: u64,
    /// Microjoules of each input since it started.
    run: Vec<u64>,
    /// Microjoules of each input since the beginning of the simulation.
    all: Vec<u64>,
}

impl EnergyCount {
    /// Of so many inputs.
    pub fn new(inputs: usize) -> Self {
        Self {
            started: None,
            starts: 0,
            run: vec![0; inputs],
            all: vec![0; inputs],
        }
    }

    /// It starts at this moment, or starts anew.
    pub fn start(&mut self, at: Timestamp) {
        self.started = Some(at);
        self.starts += 1;
        self.run.fill(0);
    }

    /// It is dark.
    pub fn stop(&mut self) {
        self.started = None;
        self.run.fill(0);
    }

    /// Since when it runs.
    pub const fn started(&self) -> Option<Timestamp> {
        self.started
    }

    /// How often it has started.
    pub const fn starts(&self) -> u64 {
        self.starts
    }

    /// So many milliseconds with so many milliwatts at an input.
    pub fn add(&mut self, input: usize, milliwatts: u64, milliseconds: u64) {
        let energy = milliwatts.saturating_mul(milliseconds);
        for counts in [&mut self.run, &mut self.all] {
            if let Some(count) = counts.get_mut(input) {
                *count += energy;
            }
        }
    }

    /// What stands in the answer for an input.
    pub fn raw(&self, input: usize, scale: CounterScale) -> u64 {
        let energy = self.run.get(input).copied().unwrap_or(0);
        scale.raw_of(energy / MICRO_WATT_HOUR)
    }

    /// What each input has produced since the simulation began, in micro-watt-hours.
    pub fn produced(&self) -> Vec<u64> {
        self.all.iter().map(|it| it / MICRO_WATT_HOUR).collect()
    }

    /// What each input has produced since the inverter started, in micro-watt-hours.
    pub fn of_this_run(&self) -> Vec<u64> {
        self.run.iter().map(|it| it / MICRO_WATT_HOUR).collect()
    }

    /// Nothing has been produced yet; counters stay.
    pub fn forget_past(&mut self) {
        self.all.fill(0);
    }
}
