//! The panels of one inverter: what light makes of them, as a pure function of time.

use std::f64::consts::PI;

use jiff::civil;

use super::super::wire::ids::InverterSerial;
use crate::simulation::Sky;
use crate::simulation::noise::{hash, noise, unit};
use crate::simulation::sky::seconds;

/// The panels of an inverter under a sky.
#[derive(Debug, Clone, Copy)]
pub struct Panels {
    sky: Sky,
    own: u64,
}

/// What a value depends on besides time, so that no two values run alike.
enum PanelSalt {
    Wake = 1,
    Direction,
    Size,
    Flicker,
    Grid,
    Frequency,
    Radio,
}

/// How high the sun has to be, as a part of noon, before an inverter has enough to run.
const WAKE: f64 = 0.02;

impl Panels {
    /// Those of the inverter with this serial number.
    pub fn of(serial: InverterSerial, sky: Sky) -> Self {
        let wire = serial.wire();
        let number = wire.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte));
        let own = hash(sky.seed(), number);
        Self { sky, own }
    }

    fn unit(&self, salt: PanelSalt, index: u64) -> f64 {
        unit(self.own, salt as u64, index)
    }

    fn noise(&self, salt: PanelSalt, index: u64, x: f64) -> f64 {
        noise(self.own, salt as u64, index, x)
    }

    /// How high the sun is, as a part of noon; 0 at night.
    pub fn height(&self, local: civil::DateTime) -> f64 {
        self.sky
            .phase(local)
            .map_or(0.0, |phase| (PI * phase).sin())
    }

    /// Whether there is enough light for an inverter to run.
    pub fn is_light(&self, local: civil::DateTime) -> bool {
        self.height(local) > WAKE * (1.0 + self.unit(PanelSalt::Wake, 0))
    }

    /// Whether it is just enough, so that the least thing ends it.
    pub fn is_twilight(&self, local: civil::DateTime) -> bool {
        self.height(local) < 6.0 * WAKE
    }

    /// What the panel at an input gives, as a part of its best.
    pub fn share(&self, input: usize, local: civil::DateTime) -> f64 {
        let Some(phase) = self.sky.phase(local) else {
            return 0.0;
        };
        // Panels that look east or west have their best hour earlier or later.
        let turned = phase.powf((0.4 * (self.unit(PanelSalt::Direction, 0) - 0.5)).exp2());
        let light = (PI * turned).sin().powf(1.3) * self.sky.clearness(local);
        let size = 0.84 + 0.16 * self.unit(PanelSalt::Size, input as u64);
        let slow = seconds(local) / 300.0;
        let flicker = 0.99 + 0.01 * self.noise(PanelSalt::Flicker, input as u64, slow);
        light * size * flicker
    }

    /// Of the grid there, in V.
    pub fn grid_voltage(&self, local: civil::DateTime) -> f64 {
        228.0 + 6.0 * self.noise(PanelSalt::Grid, 0, seconds(local) / 1200.0)
    }

    /// Of the grid, in Hz.
    pub fn frequency(&self, local: civil::DateTime) -> f64 {
        49.97 + 0.06 * self.noise(PanelSalt::Frequency, 0, seconds(local) / 600.0)
    }

    /// Inside of the inverter, in °C.
    pub fn temperature(&self, local: civil::DateTime) -> f64 {
        9.0 + 8.0 * self.height(local) + 26.0 * self.share(0, local)
    }

    /// How well it is heard, of 255.
    pub fn quality(&self, local: civil::DateTime) -> u8 {
        let place = 60.0 + 120.0 * self.unit(PanelSalt::Radio, 0);
        (place + 12.0 * self.noise(PanelSalt::Radio, 1, seconds(local) / 1800.0)) as u8
    }
}
