//! What is around a device under its sky: a battery, loads. Invented, and the same for the same seed and
//! time.

use super::model::DeviceKind;
use crate::simulation::noise::noise;

/// Milliseconds of a day.
pub const DAY: u64 = 86_400_000;

/// What a device finds, and how it is set.
#[derive(Debug, Clone, Copy)]
pub struct Conditions {
    pub seed: u64,
    pub kind: DeviceKind,
    /// Nominal voltage of the battery.
    pub volts: i64,
    /// What the device can do, in watts.
    pub watts: i64,
    /// Milliseconds since the midnight before the start.
    pub time: u64,
    /// The light of the sky, from 0 to 1.
    pub light: f64,
    /// What a solar charger can do, in watts, through which all flows that flows into the battery.
    pub charger: Option<i64>,
    /// It is dark whatever the time.
    pub night: bool,
    /// The device is switched on.
    pub on: bool,
    /// It only looks whether there is a load.
    pub eco: bool,
    /// Its load output is on.
    pub load: bool,
    /// It charges with so many mA at most.
    pub limit: i64,
    /// Voltage that an inverter makes, 0.01 V.
    pub ac_voltage: i64,
    /// It measures a source or a load, not a battery: 1 or -1; 0 for a battery.
    pub flow: i64,
}

/// What there is to measure, in mV, mA and mW.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Live {
    pub battery_voltage: i64,
    pub battery_current: i64,
    pub charger_current: i64,
    pub load_current: i64,
    pub panel_voltage: i64,
    pub panel_power: i64,
    pub aux_voltage: i64,
    pub input_voltage: i64,
    pub input_current: i64,
    /// 0.01 V.
    pub ac_voltage: i64,
    pub ac_current: i64,
    /// Thousandths of a degree.
    pub temperature: i64,
    pub state: i64,
    pub tracker: i64,
    pub dark: bool,
}

/// How a charger treats its battery by the time of the day: state, voltage at 12 V in mV, share of
/// the power that the battery takes.
const STAGES: [(i64, i64, f64); 3] = [(3, 13_300, 1.0), (4, 14_400, 0.6), (5, 13_800, 0.25)];

impl Conditions {
    /// A number from 0 to 1 that wanders.
    fn wander(&self, what: u64, seconds: f64) -> f64 {
        noise(self.seed, what, 0, self.time as f64 / 1000.0 / seconds)
    }

    fn hour(&self) -> f64 {
        (self.time % DAY) as f64 / 3_600_000.0
    }

    /// From 0 to 1.
    const fn sun(&self) -> f64 {
        if self.night { 0.0 } else { self.light }
    }

    fn stage(&self) -> (i64, i64, f64) {
        let [bulk, absorption, float] = STAGES;
        match self.hour() {
            hour if hour < 13.0 => bulk,
            hour if hour < 15.0 => absorption,
            _ => float,
        }
    }

    /// Millivolts at 12 V become those of the battery.
    fn at_battery(&self, voltage: i64) -> i64 {
        voltage * self.volts / 12
    }

    /// What there is to measure now.
    pub fn live(&self) -> Live {
        let sun = self.sun();
        let rest = Live {
            battery_voltage: self.at_battery(12_600 + (60.0 * self.wander(2, 40.0)) as i64),
            aux_voltage: 12_780 + (30.0 * self.wander(3, 60.0)) as i64,
            temperature: 24_000 + (6_000.0 * sun) as i64 + (800.0 * self.wander(4, 500.0)) as i64,
            dark: sun == 0.0,
            ..Live::default()
        };
        match self.kind {
            DeviceKind::Shunt => self.shunt(rest, sun),
            DeviceKind::Solar => self.solar(rest, sun),
            DeviceKind::Inverter => self.inverter(rest),
            DeviceKind::Charger => self.charger(rest),
            DeviceKind::Converter => self.converter(rest),
            DeviceKind::Multi => self.multi(rest, sun),
        }
    }

    fn shunt(&self, rest: Live, sun: f64) -> Live {
        if let Some(watts) = self.charger {
            let charger = Self {
                watts,
                on: true,
                load: true,
                limit: i64::MAX,
                ..*self
            };
            let Live {
                battery_voltage,
                battery_current,
                ..
            } = charger.solar(rest, sun);
            return Live {
                battery_voltage,
                battery_current,
                ..rest
            };
        }
        let power = |watts: f64| (watts * 1e6) as i64 / rest.battery_voltage.max(1);
        let solar = power(self.watts as f64 * sun);
        let loads = power(40.0 + 60.0 * self.wander(5, 20.0));
        let battery_current = match self.flow {
            0 => solar - loads,
            1 => solar,
            _ => -loads,
        };
        Live {
            battery_voltage: rest.battery_voltage + battery_current / 50,
            battery_current,
            ..rest
        }
    }

    fn solar(&self, rest: Live, sun: f64) -> Live {
        let load_current = if self.load {
            1_500 + (900.0 * self.wander(5, 20.0)) as i64
        } else {
            0
        };
        let idle = Live {
            battery_current: -load_current,
            load_current,
            panel_voltage: (40.0 * self.wander(6, 50.0)) as i64,
            ..rest
        };
        if sun == 0.0 {
            return idle;
        }
        let open = self.at_battery(12_000) * 8 / 5 + (900.0 * self.wander(6, 50.0)) as i64;
        if !self.on {
            return Live {
                panel_voltage: open * 5 / 4,
                ..idle
            };
        }
        let (state, voltage, share) = self.stage();
        let battery_voltage = self.at_battery(voltage + (40.0 * self.wander(2, 40.0)) as i64);
        let wanted = self.watts as f64 * 1e6 * sun * share;
        let current = (wanted * 0.97) as i64 / battery_voltage.max(1);
        let charger_current = current.min(self.limit);
        let panel_power = charger_current * battery_voltage / 970;
        let held_back = charger_current < current || share < 1.0;
        Live {
            battery_voltage,
            battery_current: charger_current - load_current,
            charger_current,
            panel_voltage: open,
            panel_power,
            state,
            tracker: if held_back { 1 } else { 2 },
            ..idle
        }
    }

    fn inverter(&self, rest: Live) -> Live {
        if !self.on {
            return rest;
        }
        if self.eco {
            return Live { state: 1, ..rest };
        }
        let ac_current = 900 + (700.0 * self.wander(5, 20.0)) as i64;
        let ac_voltage = self.ac_voltage - 20 + (50.0 * self.wander(7, 15.0)) as i64;
        Live {
            ac_voltage,
            ac_current,
            battery_current: -(ac_current * ac_voltage / 90 / self.volts.max(1)),
            state: 9,
            ..rest
        }
    }

    fn charger(&self, rest: Live) -> Live {
        if !self.on {
            return rest;
        }
        let (state, voltage, share) = self.stage();
        let most = self.watts * 1000 / self.volts.max(1);
        let current = (most as f64 * share * 0.85) as i64 + (100.0 * self.wander(5, 30.0)) as i64;
        let charger_current = current.min(self.limit);
        Live {
            battery_voltage: self.at_battery(voltage + (20.0 * self.wander(2, 40.0)) as i64),
            battery_current: charger_current,
            charger_current,
            state,
            ..rest
        }
    }

    fn converter(&self, rest: Live) -> Live {
        let input_voltage = 14_200 + (80.0 * self.wander(6, 30.0)) as i64;
        let live = self.charger(rest);
        let power = live.battery_voltage * live.charger_current / 940;
        Live {
            input_voltage,
            input_current: power * 1000 / input_voltage,
            ..live
        }
    }

    fn multi(&self, rest: Live, sun: f64) -> Live {
        let solar = self.solar(rest, sun);
        let inverter = self.inverter(rest);
        let state = if self.on { 9 } else { 0 };
        Live {
            // Voltages of several panels in a row.
            panel_voltage: solar.panel_voltage * 3,
            battery_current: solar.charger_current + inverter.battery_current,
            ac_voltage: inverter.ac_voltage,
            ac_current: inverter.ac_current,
            state,
            ..solar
        }
    }
}

impl Live {
    /// mW.
    pub const fn battery_power(&self) -> i64 {
        self.battery_voltage * self.battery_current / 1000
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noon(kind: DeviceKind) -> Conditions {
        Conditions {
            seed: 1,
            kind,
            volts: 12,
            watts: 200,
            time: DAY / 2,
            light: 0.9,
            charger: None,
            night: false,
            on: true,
            eco: false,
            load: true,
            limit: 15_000,
            ac_voltage: 23_000,
            flow: 0,
        }
    }

    #[test]
    fn the_same_time_brings_the_same_values() {
        assert_eq!(
            noon(DeviceKind::Solar).live(),
            noon(DeviceKind::Solar).live()
        );
        let other = Conditions {
            seed: 2,
            ..noon(DeviceKind::Solar)
        };
        assert_ne!(noon(DeviceKind::Solar).live(), other.live());
    }

    #[test]
    fn a_charger_puts_out_what_it_takes_in_and_no_more_than_it_may() {
        for (hour, light) in (0..24).zip([0.0, 0.1, 0.5, 1.0].into_iter().cycle()) {
            for limit in [0, 2_000, 15_000] {
                let time = hour * DAY / 24;
                let conditions = Conditions {
                    time,
                    light,
                    limit,
                    ..noon(DeviceKind::Solar)
                };
                let live = conditions.live();
                assert!(live.charger_current <= limit);
                assert_eq!(
                    live.battery_current,
                    live.charger_current - live.load_current
                );
                let out = live.charger_current * live.battery_voltage / 1000;
                assert!(out <= live.panel_power, "{live:?}");
                assert!(out * 100 >= live.panel_power * 96, "{live:?}");
                assert_eq!(live.dark, live.state == 0);
            }
        }
    }

    #[test]
    fn what_is_off_does_nothing() {
        for kind in [
            DeviceKind::Solar,
            DeviceKind::Inverter,
            DeviceKind::Charger,
            DeviceKind::Converter,
        ] {
            let off = Conditions {
                on: false,
                load: false,
                ..noon(kind)
            };
            let live = off.live();
            assert_eq!((live.state, live.charger_current), (0, 0), "{kind:?}");
            assert_eq!((live.ac_voltage, live.panel_power), (0, 0), "{kind:?}");
            assert!(live.battery_voltage > 0);
        }
    }
}
