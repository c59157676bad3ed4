//! Meters on one line, talking until they are stopped.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::super::wire::Key;
use super::damage::damage;
use super::faults::MeterFault;
use super::household::{Fixed, Household, Sample};
use super::model::Model;
use super::p1::P1Sample;
use super::telegram::Meter;
use crate::simulation::{FaultRule, Faults, Faulty, House, SimPlace, SimPort, Simulator};

/// The pause between the frames of one message.
const GAP: Duration = Duration::from_millis(40);

/// A meter with its key, and with that of its tag.
pub type Keyed = (&'static Model, Key, Option<Key>);

/// What to simulate.
#[derive(Debug, Clone)]
pub struct MeterSettings {
    /// The meters on the line, each with a key of its own.
    pub meters: Vec<Keyed>,
    /// The house whose first meter it is, and whose clock all of them show. The others are those of
    /// neighbours.
    pub house: House,
    /// How often each of them sends.
    pub interval: Duration,
    /// Values that stand still.
    pub fixed: Fixed,
    /// What goes wrong.
    pub faults: Vec<FaultRule<MeterFault>>,
}

/// Simulated meters on one line.
pub type SimulatedMeters = Simulator<MeterHand>;

/// The hand on the meters of a line.
#[derive(Debug)]
pub struct MeterHand {
    told: Mutex<LineState>,
}

/// What is told of the running line, and to it.
#[derive(Debug)]
struct LineState {
    samples: Vec<Sample>,
    p1: Vec<Option<P1Sample>>,
    power: Option<i32>,
    sent: u64,
    faults: Faults<MeterFault>,
}

impl SimulatedMeters {
    /// Starts meters at a place.
    ///
    /// # Errors
    /// If the port cannot be made there.
    pub async fn start(settings: MeterSettings, place: SimPlace) -> io::Result<Self> {
        let hand = MeterHand::new(&settings);
        let line = |hand, port| SimLine::new(settings, port, hand).run();
        Self::at(&place, hand, line).await
    }
}

impl MeterHand {
    fn new(settings: &MeterSettings) -> Self {
        Self {
            told: Mutex::new(LineState {
                samples: vec![Sample::default(); settings.meters.len()],
                p1: vec![None; settings.meters.len()],
                power: settings.fixed.power,
                sent: 0,
                faults: Faults::new(&settings.faults),
            }),
        }
    }

    /// What each meter said last.
    pub fn samples(&self) -> Vec<Sample> {
        self.lock().samples.clone()
    }

    /// The same of what only meters with a P1 port show.
    pub fn p1_samples(&self) -> Vec<Option<P1Sample>> {
        self.lock().p1.clone()
    }

    /// How many telegrams have been sent whole or damaged.
    pub fn sent(&self) -> u64 {
        self.lock().sent
    }

    /// Net power in watts from the next telegram on, negative for giving; `None` lets it vary.
    pub fn set_power(&self, power: Option<i32>) {
        self.lock().power = power;
    }

    fn lock(&self) -> MutexGuard<'_, LineState> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Faulty for MeterHand {
    type Fault = MeterFault;

    fn change_faults(&self, change: impl FnOnce(&mut Faults<MeterFault>)) {
        change(&mut self.lock().faults);
    }
}

struct SimLine {
    settings: MeterSettings,
    homes: Vec<Household>,
    meters: Vec<Meter>,
    sim_port: SimPort,
    hand: Arc<MeterHand>,
}

impl SimLine {
    fn new(settings: MeterSettings, sim_port: SimPort, hand: Arc<MeterHand>) -> Self {
        let house = &settings.house;
        let home = |number| {
            let house = if number == 0 {
                house.clone()
            } else {
                house.neighbour(number)
            };
            Household::new(number, house, settings.fixed)
        };
        let homes = (0..settings.meters.len() as u64).map(home).collect();
        let meters = settings.meters.iter().zip(0..);
        let meter = |((model, key, authentication), number): (&Keyed, u64)| {
            let seed = house.sky().seed().wrapping_add(number);
            Meter::new(model, key.clone(), authentication.clone(), seed)
        };
        let meters = meters.map(meter).collect();
        Self {
            settings,
            homes,
            meters,
            sim_port,
            hand,
        }
    }

    async fn run(mut self) {
        let mut interval = tokio::time::interval(self.settings.interval);
        interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = interval.tick() => {}
                // Who connects, and a cable that is pulled, are seen at once. What somebody sends is
                // nothing to a meter.
                _ = self.sim_port.next() => continue,
            }
            if !self.sim_port.is_plugged() {
                continue;
            }
            for index in 0..self.meters.len() {
                self.send(index).await;
            }
        }
    }

    /// One telegram of one meter.
    async fn send(&mut self, index: usize) {
        let now = self.settings.house.moment();
        let zone = self.settings.house.zone();
        let openings = self.sim_port.openings();
        let (Some(home), Some(meter)) = (self.homes.get_mut(index), self.meters.get_mut(index))
        else {
            return;
        };
        let frames = {
            let mut hand = self.hand.lock();
            home.set_power(hand.power);
            let faults = hand.faults.due(now.steady, |_| true);
            let telegram = meter.tell(home.at(now.wall), now.wall, zone, &faults);
            // With a key that is too short for its model it has nothing to say.
            let Ok(telegram) = telegram else { return };
            if let Some(sample) = hand.samples.get_mut(index) {
                *sample = telegram.sample;
            }
            if let Some(p1) = hand.p1.get_mut(index) {
                *p1 = telegram.p1;
            }
            if faults.contains(&MeterFault::Silence) {
                return;
            }
            damage(telegram.frames, &faults, openings, &mut hand.faults.dice)
        };
        let mut frames = frames.into_iter().peekable();
        while let Some(frame) = frames.next() {
            self.sim_port.send(&frame).await;
            if frames.peek().is_some() {
                tokio::time::sleep(GAP.min(self.settings.interval / 10)).await;
            }
        }
        self.hand.lock().sent += 1;
    }
}
