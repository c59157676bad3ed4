//! Meters on one line, talking until they are stopped.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::super::wire::Key;
use super::faults::MeterFault;
use super::household::{Fixed, Household, Sample};
use super::model::Model;
use super::telegram::Meter;
use crate::simulation::noise::Dice;
use crate::simulation::{FaultRule, Faults, Faulty, House, SimPlace, SimPort, Simulator};

/// The pause between the frames of one message.
const GAP: Duration = Duration::from_millis(40);
/// An ordinary M-Bus telegram, of a heat meter that was never made.
const HEAT_METER: &[u8] = &[
    0x68, 0x0f, 0x0f, 0x68, 0x08, 0x01, 0x72, 0x78, 0x56, 0x34, 0x12, 0x24, 0x40, 0x01, 0x04, 0x55,
    0x00, 0x00, 0x00, 0x4d, 0x16,
];

/// What to simulate.
#[derive(Debug, Clone)]
pub struct MeterSettings {
    /// The meters on the line, each with a key of its own.
    pub meters: Vec<(&'static Model, Key, Option<Key>)>,
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
        let meter = |(model, key, authentication): &(&'static Model, Key, Option<Key>)| Meter {
            model,
            key: key.clone(),
            authentication: authentication.clone(),
            // As after some weeks; a running meter never starts at zero.
            counter: 0x0004_1000,
        };
        let meters = settings.meters.iter().map(meter).collect();
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
        let (Some(home), Some(meter)) = (self.homes.get_mut(index), self.meters.get(index)) else {
            return;
        };
        home.set_power(self.hand.lock().power);
        let truth = home.at(now.wall);
        let mut meter = meter.clone();
        let faults = self.hand.lock().faults.due(now.steady, |_| true);
        let mut shown = truth;
        for fault in &faults {
            spoil(*fault, &mut shown, &mut meter);
        }
        let frames = meter.telegram(&shown, now.wall, self.settings.house.zone());
        if let Some(kept) = self.meters.get_mut(index) {
            kept.counter = meter.counter;
        }
        if let Some(sample) = self.hand.lock().samples.get_mut(index) {
            *sample = shown;
        }
        if faults.contains(&MeterFault::Silence) {
            return;
        }
        let openings = self.sim_port.openings();
        let frames = {
            let dice = &mut self.hand.lock().faults.dice;
            damage(frames, &faults, openings, dice)
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

/// What arrives of the frames.
fn damage(
    mut frames: Vec<Vec<u8>>,
    faults: &[MeterFault],
    openings: u64,
    dice: &mut Dice,
) -> Vec<Vec<u8>> {
    for fault in faults {
        match fault {
            MeterFault::Flip => {
                let mut bits: usize = dice.below(total(&frames) * 8);
                for byte in frames.iter_mut().flatten() {
                    if bits < 8 {
                        *byte ^= 1 << bits;
                        break;
                    }
                    bits -= 8;
                }
            }
            MeterFault::Lose => {
                let mut place = dice.below(total(&frames));
                for frame in &mut frames {
                    if place < frame.len() {
                        frame.remove(place);
                        break;
                    }
                    place -= frame.len();
                }
            }
            MeterFault::Cut => {
                let whole = frames.concat();
                frames = vec![whole.iter().copied().take(whole.len() / 2).collect()];
            }
            MeterFault::Noise(count) => {
                let noise = dice.bytes(*count);
                frames.insert(0, noise);
            }
            MeterFault::Repeat => frames.extend(frames.clone()),
            MeterFault::Midstart => {
                let whole = frames.concat();
                let tail = whole.iter().copied().skip(whole.len().saturating_sub(37));
                frames.insert(0, tail.collect());
            }
            MeterFault::WrongParity if openings % 2 == 1 => {
                for byte in frames.iter_mut().flatten() {
                    *byte = byte.rotate_left(1) | 0x80;
                }
            }
            MeterFault::OtherBus => frames = vec![HEAT_METER.to_vec()],
            _ => {}
        }
    }
    frames
}

/// Faults of the meter itself.
fn spoil(fault: MeterFault, shown: &mut Sample, meter: &mut Meter) {
    let energies = [&mut shown.energy_import, &mut shown.energy_export];
    match fault {
        MeterFault::Zero => energies.into_iter().for_each(|energy| *energy = 0),
        MeterFault::Jump(more) => {
            for energy in energies {
                *energy = energy.saturating_add(more);
            }
        }
        MeterFault::WrongKey => meter.key = Key::from([0x5a; 16]),
        MeterFault::WrongAuthentication => meter.authentication = Some(Key::from([0xa5; 16])),
        _ => {}
    }
}

fn total(frames: &[Vec<u8>]) -> usize {
    frames.iter().map(Vec::len).sum()
}
