//! What is in a house and switches itself on and off.

use super::noise::{noise, unit};

/// Watts that a house takes when nothing is switched on.
const BASE: f64 = 220.0;

/// Something that switches itself on and off.
struct Appliance {
    watts: f64,
    /// Seconds; it runs once in this time, at no fixed moment of it.
    every: f64,
    /// Seconds that it runs for.
    runs: f64,
}

/// What is in the house.
#[rustfmt::skip]
const APPLIANCES: &[Appliance] = &[
    // Fridge.
    Appliance { watts: 95.0, every: 900.0, runs: 330.0 },
    // Kettle.
    Appliance { watts: 2000.0, every: 480.0, runs: 90.0 },
    // Oven, by its thermostat.
    Appliance { watts: 1700.0, every: 150.0, runs: 30.0 },
    // Dishwasher that heats.
    Appliance { watts: 2100.0, every: 1800.0, runs: 420.0 },
    // Drum of a washing machine.
    Appliance { watts: 340.0, every: 75.0, runs: 25.0 },
    // Heat pump.
    Appliance { watts: 2400.0, every: 540.0, runs: 170.0 },
];

/// What a value depends on besides time, so that no two values run alike.
enum Salt {
    Wander = 3,
    Flicker,
    Appliance,
}

/// Watts that a house takes so many seconds after its beginning.
pub fn consumption(seed: u64, seconds: f64) -> i32 {
    let wander = noise(seed, Salt::Wander as u64, 0, seconds / 400.0);
    let flicker = noise(seed, Salt::Flicker as u64, 0, seconds / 5.0);
    let running = (0..).zip(APPLIANCES);
    let running = running.filter(|(place, appliance)| appliance.runs_at(seed, *place, seconds));
    let switched: f64 = running.map(|(_, appliance)| appliance.watts).sum();
    (BASE + 180.0 * wander + 25.0 * flicker + switched) as i32
}

impl Appliance {
    fn runs_at(&self, seed: u64, place: u64, seconds: f64) -> bool {
        let turn = (seconds / self.every).floor();
        let share = unit(
            seed.wrapping_add(Salt::Appliance as u64),
            place,
            turn as u64,
        );
        let from = share * (self.every - self.runs);
        let within = seconds - turn * self.every;
        (from..from + self.runs).contains(&within)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of the demo: something is switched on in the first minute.
    const SEED: u64 = 112;

    fn taken(from: i32) -> Vec<i32> {
        let seconds = (0..30).map(|turn| f64::from(from + 2 * turn));
        seconds.map(|second| consumption(SEED, second)).collect()
    }

    #[test]
    fn there_is_something_to_see_within_a_minute() {
        for minute in (0..24 * 60).step_by(7) {
            let taken = taken(minute * 60);
            let (least, most) = (taken.iter().min().unwrap(), taken.iter().max().unwrap());
            assert!(most - least >= 10, "minute {minute}: {taken:?}");
            assert!((200..9500).contains(most), "minute {minute}: {taken:?}");
        }
    }

    #[test]
    fn something_is_switched_on_in_the_first_minute() {
        let taken = taken(0);
        assert!(
            taken.iter().max().unwrap() - taken.iter().min().unwrap() > 1500,
            "{taken:?}"
        );
    }
}
