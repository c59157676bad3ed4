//! What a meter with a P1 port counts beside the sums of every meter: tariffs, phases, mean powers, and what
//! the meters behind it say.

use jiff::Timestamp;
use jiff::civil::Weekday;
use jiff::tz::TimeZone;

use super::super::Sample;
use super::behind::Behind;
use super::demand::Demand;
use super::profile::P1Profile;
use super::sample::P1Sample;
use crate::simulation::noise::noise;
use crate::simulation::year::Supply;

/// Channels there can be behind a meter.
const CHANNELS: u8 = 9;
/// Watts by which one phase may take more than its share.
const UNEVEN: f64 = 700.0;
/// Hours of the day tariff, from Monday to Friday.
const DAY: std::ops::Range<i8> = 7..23;

/// The state of a meter with a P1 port.
#[derive(Debug, Clone)]
pub struct P1Registers {
    profile: &'static P1Profile,
    is_three_phase: bool,
    seed: u64,
    begun: Option<Counted>,
    behind: Vec<Behind>,
}

/// What it has counted since its first telegram.
#[derive(Debug, Clone)]
struct Counted {
    /// Wh taken and given by the last telegram.
    last: [u32; 2],
    /// The same by tariff.
    import: [u32; 2],
    export: [u32; 2],
    demand: Demand,
}

impl P1Registers {
    pub fn new(profile: &'static P1Profile, is_three_phase: bool, seed: u64) -> Self {
        Self {
            profile,
            is_three_phase,
            seed,
            begun: None,
            behind: profile.behind.iter().copied().map(Behind::new).collect(),
        }
    }

    /// The gas meter is replaced: the new one has another number and another channel, and the old one stays
    /// where it is.
    pub fn exchange_gas(&mut self) {
        let is_free = |channel: &u8| {
            let lines = format!("0-{channel}:24.1.0(");
            let is_taken = self.behind.iter().any(|it| it.said().channel == *channel);
            !is_taken && !self.profile.text.contains(&lines)
        };
        let channel = (1..=CHANNELS).find(is_free);
        let is_gas = |it: &&mut Behind| it.said().supply == Supply::Gas && !it.said().is_gone;
        let gas = self.behind.iter_mut().find(is_gas);
        if let (Some(gas), Some(channel)) = (gas, channel) {
            let successor = gas.successor(channel);
            self.behind.push(successor);
        }
    }

    /// What it shows when this is what the meter measures. Moments come in order.
    pub fn observe(&mut self, grid: &Sample, now: Timestamp, zone: &TimeZone) -> P1Sample {
        for meter in &mut self.behind {
            meter.read(now, zone, self.seed);
        }
        let energies = [grid.energy_import, grid.energy_export];
        let begun = self.begun.get_or_insert_with(|| Counted {
            last: energies,
            import: parted(grid.energy_import),
            export: parted(grid.energy_export),
            demand: Demand::new(now, grid.energy_import, zone, self.seed),
        });
        let local = zone.to_datetime(now);
        let is_weekend = matches!(local.weekday(), Weekday::Saturday | Weekday::Sunday);
        let is_day = DAY.contains(&local.hour()) && !is_weekend;
        let tariff = if is_day == (self.profile.day_tariff == 1) {
            1
        } else {
            2
        };
        let [taken, given] = [0, 1].map(|way: usize| {
            let pair = (energies.get(way), begun.last.get(way));
            pair.0
                .zip(pair.1)
                .map_or(0, |(now, last)| now.saturating_sub(*last))
        });
        let place = usize::from(tariff) - 1;
        for (counters, more) in [(&mut begun.import, taken), (&mut begun.export, given)] {
            if let Some(counter) = counters.get_mut(place) {
                *counter += more;
            }
        }
        begun.last = energies;
        begun.demand.note(now, grid.energy_import, zone);
        let phases = phases(grid, now, self.seed, self.is_three_phase);
        let mut currents = [0; 3];
        for ((current, watts), volts) in currents.iter_mut().zip(phases).zip(grid.voltage) {
            // Hundredths of an ampere at tenths of a volt.
            *current = watts.saturating_mul(1000) / i32::from(volts).max(1);
        }
        P1Sample {
            clock: Some(now),
            tariff,
            energy_import: begun.import,
            energy_export: begun.export,
            phases,
            currents,
            demand_average: begun.demand.average,
            month_peak: begun.demand.month_peak,
            past_peaks: begun.demand.past.clone(),
            behind: self.behind.iter().map(|it| it.said().clone()).collect(),
        }
    }
}

/// What was counted before, by tariff.
const fn parted(energy: u32) -> [u32; 2] {
    let first = energy / 5 * 2;
    [first, energy - first]
}

/// A phase may give while another one takes.
fn phases(grid: &Sample, now: Timestamp, seed: u64, is_three_phase: bool) -> [i32; 3] {
    let net = grid.power_import.cast_signed() - grid.power_export.cast_signed();
    if !is_three_phase {
        return [net, 0, 0];
    }
    let seconds = now.as_second() as f64;
    let uneven = |phase| (UNEVEN * (noise(seed, 12, phase, seconds / 300.0) - 0.5)) as i32;
    let (first, second) = (net / 3 + uneven(1), net / 3 + uneven(2));
    [first, second, net - first - second]
}
