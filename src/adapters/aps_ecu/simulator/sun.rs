//! The sun on the plant: what each inverter measures at a moment, as a pure function of time.
//!
//! A smooth bell between sunrise and sunset, the clouds of the sky over all inverters alike, and small
//! differences of direction, size and shade that each inverter keeps.

use std::f64::consts::PI;
use std::time::Duration;

use jiff::civil;

use super::super::wire::{Body, Quad, VoltageKind};
use super::plant::{Inverter, Plant};
use crate::simulation::Sky;
use crate::simulation::noise::{self, hash};
use crate::simulation::sky::seconds;

/// The sun as a plant has it.
#[derive(Debug, Clone)]
pub struct Sun {
    sky: Sky,
    seed: u64,
}

/// What a value depends on besides time, so that no two values run alike.
#[derive(Clone, Copy)]
enum Salt {
    Wake = 1,
    Direction,
    Size,
    Panel,
    Tree,
    TreePlace,
    Flicker,
    Grid,
    Meter,
    Frequency,
    Warmth,
    Radio,
}

impl Sun {
    /// The sun above a plant.
    pub fn above(plant: &Plant, sky: Sky) -> Self {
        let digits = plant.ecu.as_bytes().iter();
        let seed = digits.fold(0, |seed, byte| hash(seed, u64::from(*byte)));
        Self { sky, seed }
    }

    /// What else is to be the same for the same plant.
    pub const fn seed(&self) -> u64 {
        self.seed
    }

    /// Whether it is day, of which the inverters miss the first and last minutes.
    pub fn is_day(&self, local: civil::DateTime) -> bool {
        self.sky.phase(local).is_some()
    }

    /// Whether the day began less than so long ago.
    pub fn is_younger_than(&self, age: Duration, local: civil::DateTime) -> bool {
        self.sky.age(local) < age.as_secs_f64()
    }

    /// What an inverter measures; `None` while it is too dark for it to run.
    pub fn measure(&self, inverter: &Inverter, local: civil::DateTime) -> Option<Body> {
        let phase = self.sky.phase(local)?;
        let own = hash(self.seed, uid_number(inverter));
        if (PI * phase).sin() < 0.02 + 0.02 * unit(own, Salt::Wake, 0) {
            return None;
        }
        let now = seconds(local);
        // Panels that look east or west have their best hour earlier or later.
        let turned = phase.powf((0.4 * (unit(own, Salt::Direction, 0) - 0.5)).exp2());
        let light = (PI * turned).sin().powf(1.3) * self.sky.clearness(local);
        let fraction = light * (0.84 + 0.16 * unit(own, Salt::Size, 0));

        let channels = u64::from(inverter.product.channels);
        let rated = rated_w(inverter.product.name);
        let power = |channel: u64| {
            let panel = 0.95 + 0.05 * unit(own, Salt::Panel, channel);
            let flicker = 0.99 + 0.01 * noise(own, Salt::Flicker, channel, now / 300.0);
            rounded(rated * fraction * panel * flicker * shade(own, channel, phase))
        };
        let powers: Vec<u16> = (0..channels).map(power).collect();

        let meter = |phase: u64| 1.2 * (noise(own, Salt::Meter, phase, now / 1800.0) - 0.5);
        let grid = |phase: u64| {
            let swing = noise(self.seed, Salt::Grid, phase, now / 1200.0) - 0.5;
            230.5 + 8.0 * swing + 2.0 * fraction + meter(phase)
        };
        let voltages = match inverter.product.voltage {
            VoltageKind::Grid if channels > 2 => vec![rounded(grid(0))],
            // The same wire measured twice.
            VoltageKind::Grid => vec![rounded(grid(0)), rounded(grid(0) + 0.4 * meter(7))],
            VoltageKind::PhaseToNeutral => (0..3).map(|phase| rounded(grid(phase))).collect(),
            VoltageKind::PhaseToPhase => (0..3)
                .map(|phase| rounded((grid(phase) - 3.0) * 3_f64.sqrt()))
                .collect(),
        };
        let swing = noise(self.seed, Salt::Frequency, 0, now / 600.0) - 0.5;
        let air = 8.0 + 10.0 * noise(self.seed, Salt::Warmth, 0, now / 43_200.0);
        let warmth = air + 7.0 * (PI * phase).sin() + 24.0 * fraction;
        Some(Body {
            frequency_dhz: rounded(500.0 + 2.0 * swing),
            temperature_raw: rounded(100.0 + warmth),
            power_w: Quad::new(&powers),
            voltage_v: Quad::new(&voltages),
        })
    }

    /// What inverters feed in together, in W.
    pub fn power_w(&self, inverters: &[Inverter], local: civil::DateTime) -> u32 {
        let bodies = inverters.iter().filter_map(|one| self.measure(one, local));
        bodies.map(|body| power_w(&body)).sum()
    }

    /// How well the gateway hears an inverter, of 255.
    pub fn radio(&self, inverter: &Inverter, local: civil::DateTime) -> u8 {
        let own = hash(self.seed, uid_number(inverter));
        let place = 165.0 + 55.0 * unit(own, Salt::Radio, 0);
        let swing = 6.0 * (noise(own, Salt::Radio, 1, seconds(local) / 1800.0) - 0.5);
        (place + swing).round() as u8
    }

    /// Energy of a typical day in Wh, for the days before the simulation began.
    pub fn past_day_wh(&self, inverters: &[Inverter], date: civil::Date) -> u64 {
        let rated: f64 = inverters
            .iter()
            .map(|one| rated_w(one.product.name) * f64::from(one.product.channels))
            .sum();
        let clearness = 1.0 - 0.6 * self.sky.cover(date);
        (rated * self.sky.hours() * 0.55 * clearness) as u64
    }
}

/// What an inverter feeds in, in W.
pub fn power_w(body: &Body) -> u32 {
    body.power_w.iter().copied().map(u32::from).sum()
}

/// One in five panels has a tree in the way for some of the day.
fn shade(own: u64, channel: u64, phase: f64) -> f64 {
    if unit(own, Salt::Tree, channel) > 0.2 {
        return 1.0;
    }
    let place = 0.1 + 0.8 * unit(own, Salt::TreePlace, channel);
    1.0 - 0.6 * (-((phase - place) / 0.06).powi(2)).exp()
}

/// What one channel of a product can feed in, in W.
fn rated_w(product: &str) -> f64 {
    match product {
        "YC500" | "YC1000" => 250.0,
        "QS1" | "YC600" | "YC600Y" => 300.0,
        "DS3-S" => 320.0,
        "QS1A" => 375.0,
        "DS3-L" => 385.0,
        "DS3-H" => 480.0,
        "QT2" => 500.0,
        "DS3D-L" => 850.0,
        "QT2D" => 900.0,
        "DS3D" => 1000.0,
        _ => 440.0,
    }
}

fn uid_number(inverter: &Inverter) -> u64 {
    let bytes = inverter.uid.to_bcd();
    bytes
        .iter()
        .fold(0, |sum, byte| (sum << 8) | u64::from(*byte))
}

fn rounded(value: f64) -> u16 {
    value.round() as u16
}

fn unit(seed: u64, salt: Salt, index: u64) -> f64 {
    noise::unit(seed, salt as u64, index)
}

fn noise(seed: u64, salt: Salt, index: u64, x: f64) -> f64 {
    noise::noise(seed, salt as u64, index, x)
}

#[cfg(test)]
mod tests {
    use jiff::ToSpan;

    use super::*;
    use crate::adapters::aps_ecu::simulator::plant::{Model, Plant};

    fn all_kinds() -> Plant {
        let list = "3xDS3,2xQS1,1xYC1000,1xQT2,1xYC600,1xYC500,1xQS1A,1xDS3-L,DS3-S,DS3-H";
        Plant::new(
            Model::EcuR,
            "216000000001".parse().unwrap(),
            &list.parse().unwrap(),
        )
        .unwrap()
    }

    fn plant_and_sun() -> (Plant, Sun) {
        let plant = all_kinds();
        let sun = Sun::above(&plant, Sky::default());
        (plant, sun)
    }

    fn moments() -> impl Iterator<Item = civil::DateTime> {
        let days = (1..=20).map(|day| civil::date(2026, 6, day));
        days.flat_map(|day| (0..288).map(move |slot| day.at(0, 0, 0, 0) + (slot * 5_i64).minutes()))
    }

    #[test]
    fn values_look_real_all_day_long() {
        let (plant, sun) = plant_and_sun();
        for at in moments() {
            for inverter in &plant.inverters {
                let Some(body) = sun.measure(inverter, at) else {
                    let edge = civil::time(7, 0, 0, 0) > at.time()
                        || at.time() > civil::time(19, 30, 0, 0);
                    assert!(edge, "dark at {at}");
                    continue;
                };
                assert!(sun.is_day(at));
                assert!((499..=501).contains(&body.frequency_dhz), "{body:?}");
                assert!((100..=170).contains(&body.temperature_raw), "{body:?}");
                assert_eq!(body.power_w.len(), usize::from(inverter.product.channels));
                assert!(body.power_w.iter().all(|power| *power <= 500), "{body:?}");
                let between = match inverter.product.voltage {
                    VoltageKind::PhaseToPhase => 383..=405,
                    VoltageKind::Grid | VoltageKind::PhaseToNeutral => 225..=240,
                };
                let good = |volts: &u16| between.contains(volts);
                assert!(body.voltage_v.iter().all(good), "{body:?}");
                assert!((150..=230).contains(&sun.radio(inverter, at)));
            }
        }
    }

    #[test]
    fn days_differ_and_noon_beats_morning() {
        let (plant, sun) = plant_and_sun();
        let inverter = plant.inverters.first().unwrap();
        let day = |date: civil::Date, hours: std::ops::Range<i8>| -> u64 {
            hours
                .flat_map(|hour| (0..12).map(move |slot| date.at(hour, slot * 5, 0, 0)))
                .filter_map(|at| sun.measure(inverter, at))
                .map(|body| body.power_w.iter().copied().map(u64::from).sum::<u64>())
                .sum()
        };
        let dates = || (1..=28).map(|day| civil::date(2026, 6, day));
        let sums: Vec<u64> = dates().map(|date| day(date, 0..24)).collect();
        let (least, most) = (sums.iter().min().unwrap(), sums.iter().max().unwrap());
        assert!(most > &(least * 5 / 4), "{sums:?}");
        for date in dates() {
            assert!(day(date, 12..14) > day(date, 6..8), "{date}");
        }
    }
}
