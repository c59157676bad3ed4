//! What a simulated inverter and its optimizers measure and count. No I/O, no clock.

use std::collections::BTreeMap;

use jiff::civil::Date;

use super::roof::{Roof, time};
use super::settings::InverterSettings;
use crate::adapters::solaredge::wire::{
    Battery, Event, EventKind, Inventory, Inverter, Meter, MeterListed, Optimizer, Phase, Record,
    Serial,
};
use crate::simulation::House;
use crate::simulation::noise::{noise, unit};

/// Seconds that are counted at once.
const STEP: i64 = 30;
/// More are not counted after a jump of the clock.
const MOST: i64 = 2 * 86_400;
/// Watt-hours in its life before the simulation.
const BEFORE: f64 = 12_345_000.0;
/// Where the grid is.
const GRID: u8 = 5;
/// Watt-hours to and from the grid before the simulation.
const GRID_BEFORE: (i64, i64) = (7_654_000_000, 3_210_000_000);
/// Watt-hours that the battery holds.
const CAPACITY: f32 = 9_700.0;
const MPPT: u32 = 4;
const OPTIMIZER: u16 = 0x0080;

/// What a simulated inverter has said, and so what a reader who missed nothing knows.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct InverterTruth {
    /// Watts that it said last.
    pub power: f64,
    /// Watt-hours in its whole life.
    pub energy_total: u64,
    /// Thousandths of a watt-hour on each local day.
    pub days: BTreeMap<Date, i64>,
    /// The same of each optimizer, in quarters of a watt-hour.
    pub panels: BTreeMap<(Serial, Date), i64>,
}

/// What counts since it woke up, in thousandths of a watt-hour.
#[derive(Debug, Clone, Copy, Default)]
struct Since {
    woken: i64,
    energy: i64,
}

/// An optimizer.
#[derive(Debug, Clone)]
struct SimulatedOptimizer {
    serial: Serial,
    since: Since,
    watts: f64,
    /// Quarters that it said last.
    said: i64,
}

/// A simulated inverter, and what is behind it.
#[derive(Debug)]
pub struct SimulatedInverter {
    settings: InverterSettings,
    roof: Roof,
    /// What is counted until then, in seconds since 1970.
    now: i64,
    is_awake: bool,
    since: Since,
    /// Thousandths of a watt-hour, in its life and since its last record.
    total: i64,
    interval: i64,
    recorded: i64,
    optimizers: Vec<SimulatedOptimizer>,
    /// To the grid and from it, in its life and since the last record.
    grid: [(i64, i64); 2],
    listed: Option<Date>,
    truth: InverterTruth,
    said_total: i64,
}

impl SimulatedInverter {
    /// One that has worked since sunrise.
    pub fn new(settings: InverterSettings, at: i64) -> Self {
        let roof = Roof::new(&settings);
        let woken = roof.woken(at);
        let since = Since { woken, energy: 0 };
        let optimizers = settings.optimizer_serials();
        let optimizers = optimizers.into_iter().map(|serial| SimulatedOptimizer {
            serial,
            since,
            watts: 0.0,
            said: 0,
        });
        let mut inverter = Self {
            is_awake: roof.is_day(at),
            now: woken,
            since,
            total: (BEFORE * 1000.0) as i64,
            interval: 0,
            recorded: at,
            optimizers: optimizers.collect(),
            grid: [GRID_BEFORE, (0, 0)],
            listed: None,
            truth: InverterTruth::default(),
            said_total: 0,
            settings,
            roof,
        };
        inverter.count_until(at);
        // What was before the simulation was told in time.
        inverter.interval = 0;
        inverter.grid[1] = (0, 0);
        inverter.said_total = inverter.total / 1000;
        for optimizer in &mut inverter.optimizers {
            optimizer.said = optimizer.since.energy / 250;
        }
        inverter
    }

    /// What it has said so far.
    pub const fn truth(&self) -> &InverterTruth {
        &self.truth
    }

    /// Whether it produces.
    pub const fn is_awake(&self) -> bool {
        self.is_awake
    }

    /// Its address.
    pub const fn serial(&self) -> Serial {
        self.settings.serial
    }

    fn house(&self) -> &House {
        &self.settings.house
    }

    fn date(&self, at: i64) -> Date {
        self.house().local(time(at)).date()
    }

    /// Counts what flows until then.
    fn count_until(&mut self, at: i64) {
        if at - self.now > MOST {
            self.now = at - MOST;
        }
        while self.now < at {
            let next = (self.now - self.now.rem_euclid(STEP) + STEP).min(at);
            let (seconds, middle) = (next - self.now, (self.now + next) / 2);
            let panels = self.roof.panels(middle);
            let energy = |watts: f64| (watts * seconds as f64 / 3.6).round() as i64;
            let delivered = energy(Roof::delivered(&panels));
            self.total += delivered;
            self.since.energy += delivered;
            self.interval += delivered;
            for (optimizer, watts) in self.optimizers.iter_mut().zip(panels) {
                optimizer.since.energy += energy(watts);
                optimizer.watts = watts;
            }
            if self.settings.has_meter {
                let net = energy(f64::from(self.house().flows(time(middle)).from_grid()));
                for (out, into) in &mut self.grid {
                    *out += (-net).max(0);
                    *into += net.max(0);
                }
            }
            self.now = next;
        }
    }

    /// Whether it is about to wake up or fall asleep.
    pub fn is_turning(&self, at: i64) -> bool {
        self.roof.is_day(at) != self.is_awake
    }

    /// Wakes it up or lets it fall asleep.
    pub fn turn(&mut self, at: i64) -> Vec<Record<'static>> {
        self.count_until(at);
        self.is_awake = !self.is_awake;
        if self.is_awake {
            self.boot(at);
            for number in 0..self.optimizers.len() {
                self.restart_optimizer(number, at);
            }
        }
        self.events(at)
    }

    fn events(&self, at: i64) -> Vec<Record<'static>> {
        let zone = self.house().zone().to_offset(time(at)).seconds();
        let event = |kind| {
            let (id, at) = (self.settings.serial.0, seconds(at));
            Record::Event(Event { id, at, kind })
        };
        let (utc, local) = (seconds(at), seconds(at + i64::from(zone)));
        vec![
            event(EventKind::WakeOrSleep { utc, local }),
            event(EventKind::ClockSet {
                before: seconds(at - 1),
                zone: Some(zone),
                after: utc,
            }),
        ]
    }

    /// It starts anew: what it counts since it woke up begins at zero.
    pub fn boot(&mut self, at: i64) {
        self.count_until(at);
        self.since = Since {
            woken: at,
            energy: 0,
        };
    }

    /// An optimizer starts anew.
    pub fn restart_optimizer(&mut self, number: usize, at: i64) {
        self.count_until(at);
        let count = self.optimizers.len().max(1);
        if let Some(optimizer) = self.optimizers.get_mut(number % count) {
            optimizer.since = Since {
                woken: at,
                energy: 0,
            };
            optimizer.said = 0;
        }
    }

    /// What it says of itself and of all behind it. Optimizers have measured at seconds of their own before.
    pub fn records(&mut self, at: i64, is_at_once: bool) -> Vec<Record<'static>> {
        let spread = (i64::from(self.settings.interval) / 4).max(1);
        let own = |number: usize| match is_at_once {
            true => at,
            false => (at - (number as i64 * 7) % spread)
                .max(self.recorded + 1)
                .min(at),
        };
        let mut order: Vec<(i64, usize)> = (0..self.optimizers.len())
            .map(|number| (own(number), number))
            .collect();
        order.sort_unstable();
        let mut records = Vec::new();
        for (at, number) in order {
            self.count_until(at);
            records.extend(self.optimizer(number, at));
        }
        self.count_until(at);
        records.push(Record::Inverter(self.inverter(at)));
        if self.settings.has_meter {
            records.push(Record::Meter(self.meter(at)));
        }
        if self.settings.has_battery {
            records.push(Record::Battery(self.battery(at)));
        }
        let date = self.date(at);
        // Who has just come is to know what there is.
        if is_at_once || self.listed != Some(date) {
            self.listed = Some(date);
            records.extend(self.inventories(at));
        }
        self.interval = 0;
        self.grid[1] = (0, 0);
        self.recorded = at;
        records
    }

    fn optimizer(&mut self, number: usize, at: i64) -> Option<Record<'static>> {
        let date = self.date(at);
        let seed = self.house().sky().seed();
        let optimizer = self.optimizers.get_mut(number)?;
        let quarters = optimizer.since.energy / 250;
        let day = self.truth.panels.entry((optimizer.serial, date));
        *day.or_insert(optimizer.said) += quarters - optimizer.said;
        optimizer.said = quarters;
        let volts = 31.0 + 2.0 * noise(seed, 71, number as u64, at as f64 / 200.0);
        let amperes = optimizer.watts / volts;
        Some(Record::Optimizer(Optimizer {
            serial: optimizer.serial,
            kind: OPTIMIZER,
            inverter: None,
            at: seconds(at),
            uptime: Some(seconds(at - optimizer.since.woken) & 0xffff),
            input_voltage: Some(volts as f32),
            output_voltage: Some((volts * (0.8 + 0.3 * unit(seed, 72, number as u64))) as f32),
            input_current: Some(amperes as f32),
            energy: Some(quarters as f32 / 4.0),
            temperature: Some((18.0 + optimizer.watts / 12.0) as f32),
        }))
    }

    fn inverter(&mut self, at: i64) -> Inverter {
        let watts = Roof::delivered(&self.roof.panels(at));
        let seed = self.house().sky().seed();
        let said = self.total / 1000;
        let date = self.date(at);
        let day = self.truth.days.entry(date).or_default();
        *day += (said - self.said_total) * 1000;
        self.truth.energy_total = said.unsigned_abs();
        self.truth.power = watts;
        self.said_total = said;
        let count = self.settings.phases.max(1);
        let part = watts / count as f64;
        let phases = (0..count).map(|number| {
            let wander = noise(seed, 73, number as u64, at as f64 / 120.0);
            let volts = 229.0 + 4.0 * wander;
            Phase {
                voltage: Some(volts as f32),
                current: Some((part / volts) as f32),
                frequency: Some((49.98 + 0.04 * wander) as f32),
                power_factor: Some(1.0),
                direct_current: Some((0.02 * wander - 0.01) as f32),
                active_power: Some(part as f32),
                apparent_power: Some((part * 1.002) as f32),
                reactive_power: Some((-30.0 * wander) as f32),
                voltage_to_next: (count == 3).then_some((volts * 1.732) as f32),
            }
        });
        Inverter {
            id: self.settings.serial.0,
            at: seconds(at),
            uptime: Some(seconds(at - self.since.woken)),
            interval: Some(self.settings.interval),
            temperature: Some((24.0 + watts / 250.0) as f32),
            energy_since_wake: Some(self.since.energy as f32 / 1000.0),
            energy_interval: Some(self.interval as f32 / 1000.0),
            dc_voltage: Some(if count == 3 { 750.5 } else { 352.25 }),
            energy_total: Some(said.unsigned_abs()),
            residual_current: Some(0.0125),
            mode: Some(MPPT),
            insulation: Some(6900.0),
            power_limit: Some(100.0),
            phases: phases.collect(),
        }
    }

    fn meter(&self, at: i64) -> Meter {
        let watts = self.house().flows(time(at)).from_grid();
        let whole = |energy: i64| u32::try_from(energy / 1000).ok();
        let [(out, into), (interval_out, interval_in)] = self.grid;
        Meter {
            id: self.settings.serial.0,
            at: seconds(at),
            kind: GRID,
            total_out: whole(out),
            total_in: whole(into),
            interval: Some(self.settings.interval),
            energy_out: whole(interval_out),
            energy_in: whole(interval_in),
            power_out: Some((-watts).max(0) as f32),
            power_in: Some(watts.max(0) as f32),
        }
    }

    fn battery(&self, at: i64) -> Battery {
        let (watts, above_half) = self.roof.battery(at);
        Battery {
            id: self.settings.serial.0,
            at: seconds(at),
            serial: "SIM0B0001".to_owned(),
            voltage: Some(402.5),
            current: Some((watts / 402.5) as f32),
            capacity_nominal: Some(CAPACITY),
            capacity: Some(CAPACITY - 100.0),
            charge: Some(CAPACITY / 2.0 + above_half as f32),
            total_in: None,
            total_out: None,
            temperature: Some(23.5),
            status: Some(if watts > 0.0 { 3 } else { 4 }),
        }
    }

    fn inventories(&self, at: i64) -> Vec<Record<'static>> {
        let (id, at) = (self.settings.serial.0, seconds(at));
        let listed: Vec<Serial> = self.optimizers.iter().map(|it| it.serial).collect();
        let mut lists = Vec::new();
        if !listed.is_empty() {
            lists.push(Record::Optimizers(Inventory { id, at, listed }));
        }
        if self.settings.has_meter {
            let listed = vec![MeterListed {
                kind: GRID,
                is_computed: false,
                serial: "9000001".to_owned(),
                manufacturer: "WattNode".to_owned(),
                model: "RWND-3D-240-MB".to_owned(),
                version: "24".to_owned(),
            }];
            lists.push(Record::Meters(Inventory { id, at, listed }));
        }
        lists
    }
}

/// Seconds since 1970 as they are sent.
fn seconds(at: i64) -> u32 {
    u32::try_from(at.max(0)).unwrap_or(u32::MAX)
}
