//! Where the sun stands, and what of it falls on a roof. Good to about a degree, which is enough for a picture
//! of a year.

use std::f64::consts::PI;

use jiff::Timestamp;

/// Degrees north and east of the house: in the middle of Europe.
const LATITUDE: f64 = 48.2;
const LONGITUDE: f64 = 16.4;
/// W/m² that come from the sun above all air.
const SOLAR_CONSTANT: f64 = 1361.0;

/// The sun at a moment, as a vector of length 1 in east, north and up.
#[derive(Debug, Clone, Copy)]
pub struct Sun {
    east: f64,
    north: f64,
    up: f64,
}

/// Light that falls on level ground and comes straight, in W/m².
#[derive(Debug, Clone, Copy)]
pub struct Light {
    /// Straight from the sun, across the ray.
    pub beam: f64,
    /// From all the sky.
    pub diffuse: f64,
}

impl Sun {
    pub fn at(at: Timestamp) -> Self {
        let days = at.as_second() as f64 / 86_400.0;
        // From the equinox in March; 365.25 days a year, 20 March 1970 at noon.
        let year = 2.0 * PI * (days - 78.5) / 365.2422;
        let declination = 23.44_f64.to_radians() * year.sin();
        // The equation of time, in minutes.
        let spring = 2.0 * year;
        let late = 9.87 * spring.sin() - 7.53 * year.cos() - 1.5 * year.sin();
        let hours = (days.rem_euclid(1.0)) * 24.0 + LONGITUDE / 15.0 + late / 60.0;
        let angle = (hours - 12.0) * PI / 12.0;
        let latitude = LATITUDE.to_radians();
        Self {
            east: -declination.cos() * angle.sin(),
            north: declination.sin() * latitude.cos()
                - declination.cos() * angle.cos() * latitude.sin(),
            up: declination.sin() * latitude.sin()
                + declination.cos() * angle.cos() * latitude.cos(),
        }
    }

    pub fn is_up(self) -> bool {
        self.up > 0.01
    }

    /// What comes through the air where clouds leave so much of it, from 0 to 1.
    pub fn light(self, clearness: f64) -> Light {
        if !self.is_up() {
            return Light {
                beam: 0.0,
                diffuse: 0.0,
            };
        }
        let air = 1.0 / (self.up + 0.05);
        let clear = SOLAR_CONSTANT * 0.7_f64.powf(air.powf(0.678));
        let straight = ((clearness - 0.2) / 0.8).clamp(0.0, 1.0);
        Light {
            beam: clear * straight,
            diffuse: clear * self.up * (0.12 + 0.22 * (1.0 - straight)) * clearness.max(0.3),
        }
    }

    /// W/m² on a plane: `steep` in degrees from level, `direction` from north over east.
    pub fn on_plane(self, light: Light, direction: f64, steep: f64) -> (f64, f64) {
        let (direction, steep) = (direction.to_radians(), steep.to_radians());
        let across = self.east * direction.sin() * steep.sin()
            + self.north * direction.cos() * steep.sin()
            + self.up * steep.cos();
        let straight = light.beam * across.max(0.0);
        (straight, light.diffuse * (1.0 + steep.cos()) / 2.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn up(at: &str) -> f64 {
        Sun::at(at.parse().unwrap()).up.asin().to_degrees()
    }

    #[test]
    fn it_stands_where_the_almanac_says() {
        // Vienna: 65.2° at noon of the longest day, 18.4° at that of the shortest; both a few minutes from 11 UTC.
        assert!((up("2026-06-21T10:56:00Z") - 65.2).abs() < 1.0);
        assert!((up("2026-12-21T10:52:00Z") - 18.4).abs() < 1.0);
        // Sunrise at 4:54 and sunset at 20:58 by the summer's clock, two hours ahead.
        assert!(up("2026-06-21T02:54:00Z").abs() < 1.5);
        assert!(up("2026-06-21T18:58:00Z").abs() < 1.5);
        // In the east in the morning.
        let morning = Sun::at("2026-06-21T06:00:00Z".parse().unwrap());
        assert!(morning.east > 0.5 && morning.up > 0.3);
    }

    #[test]
    fn a_clear_noon_is_about_a_thousand_watts_and_an_overcast_one_a_fifth() {
        let noon = Sun::at("2026-06-21T10:56:00Z".parse().unwrap());
        let sum = |clearness| {
            let (straight, diffuse) = noon.on_plane(noon.light(clearness), 180.0, 30.0);
            straight + diffuse
        };
        assert!((850.0..1150.0).contains(&sum(1.0)), "{}", sum(1.0));
        assert!((40.0..350.0).contains(&sum(0.15)), "{}", sum(0.15));
    }
}
