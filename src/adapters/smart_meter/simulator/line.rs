//! Meters on one line, talking until they are stopped.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::super::wire::Key;
use super::faults::{Fault, FaultRule};
use super::household::{Fixed, Household, Sample};
use super::model::Model;
use super::telegram::Meter;
use crate::simulation::fault::Planned;
use crate::simulation::noise::Dice;
use crate::simulation::{House, Place, SimPort};

/// The pause between the frames of one message.
const GAP: Duration = Duration::from_millis(40);
/// An ordinary M-Bus telegram, of a heat meter that was never made.
const HEAT_METER: &[u8] = &[
    0x68, 0x0f, 0x0f, 0x68, 0x08, 0x01, 0x72, 0x78, 0x56, 0x34, 0x12, 0x24, 0x40, 0x01, 0x04, 0x55,
    0x00, 0x00, 0x00, 0x4d, 0x16,
];

/// What to simulate.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The meters on the line, each with a key of its own.
    pub meters: Vec<(&'static Model, Key, Option<Key>)>,
    /// How often each of them sends.
    pub interval: Duration,
    /// How the meters' clocks are set.
    pub zone: TimeZone,
    /// Values that stand still.
    pub fixed: Fixed,
    /// What goes wrong.
    pub faults: Vec<FaultRule>,
}

/// What is told of the running line.
#[derive(Debug, Default)]
struct State {
    samples: Vec<Sample>,
    power: Option<i32>,
    sent: u64,
    faults: Vec<Planned<Fault>>,
    plugged: bool,
}

/// Running meters.
#[derive(Debug)]
pub struct Simulator {
    address: String,
    state: Arc<Mutex<State>>,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Simulator {
    /// Starts meters at a place.
    pub async fn start(settings: Settings, place: Place) -> io::Result<Self> {
        Self::begin(settings, place, None).await
    }

    /// Starts the meter of a house, whose clock it shows, at a place.
    pub async fn start_in(house: House, settings: Settings, place: Place) -> io::Result<Self> {
        Self::begin(settings, place, Some(house)).await
    }

    async fn begin(settings: Settings, place: Place, house: Option<House>) -> io::Result<Self> {
        let sim_port = SimPort::open(&place).await?;
        let address = sim_port.address();
        let state = State {
            samples: vec![Sample::default(); settings.meters.len()],
            power: settings.fixed.power,
            faults: settings.faults.iter().copied().map(Planned::new).collect(),
            plugged: true,
            ..State::default()
        };
        let state = Arc::new(Mutex::new(state));
        let stop = CancellationToken::new();
        let line = SimLine::new(settings, sim_port, Arc::clone(&state), house);
        let task = tokio::spawn(line.run(stop.clone()));
        Ok(Self {
            address,
            state,
            stop,
            task,
        })
    }

    /// The `port` to configure.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// What each meter said last.
    pub fn samples(&self) -> Vec<Sample> {
        lock(&self.state).samples.clone()
    }

    /// How many telegrams have been sent whole or damaged.
    pub fn sent(&self) -> u64 {
        lock(&self.state).sent
    }

    /// Net power in watts from the next telegram on, negative for giving; `None` lets it vary.
    pub fn set_power(&self, power: Option<i32>) {
        lock(&self.state).power = power;
    }

    /// Replaces what goes wrong from now on.
    pub fn set_faults(&self, faults: &[FaultRule]) {
        lock(&self.state).faults = faults.iter().copied().map(Planned::new).collect();
    }

    /// Pulls the cable, or plugs it in again. Over TCP all connections are closed.
    pub fn plug(&self, plugged: bool) {
        lock(&self.state).plugged = plugged;
    }

    /// Stops the meters and takes the port away.
    pub async fn stop(self) {
        self.stop.cancel();
        // A task that has crashed has stopped, too.
        let _ = self.task.await;
    }
}

fn lock(state: &Mutex<State>) -> std::sync::MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

struct SimLine {
    settings: Settings,
    house: Option<House>,
    homes: Vec<Household>,
    meters: Vec<Meter>,
    sim_port: SimPort,
    state: Arc<Mutex<State>>,
    begun: Instant,
    dice: Dice,
}

impl SimLine {
    fn new(
        settings: Settings,
        sim_port: SimPort,
        state: Arc<Mutex<State>>,
        house: Option<House>,
    ) -> Self {
        let home = |seed| {
            let home = Household::new(seed, settings.zone.clone(), settings.fixed);
            home.of(house.clone())
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
            house,
            homes,
            meters,
            sim_port,
            state,
            begun: Instant::now(),
            dice: Dice::new(7),
        }
    }

    async fn run(mut self, stop: CancellationToken) {
        let mut interval = tokio::time::interval(self.settings.interval);
        interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = interval.tick() => {}
                // Who connects or opens the port is seen at once.
                () = self.sim_port.attend() => continue,
            }
            let plugged = lock(&self.state).plugged;
            if let Err(error) = self.sim_port.plug(plugged) {
                tracing::warn!(
                    "the simulated port cannot be plugged in ({error}); is its folder still there?"
                );
            }
            if !plugged {
                continue;
            }
            for index in 0..self.meters.len() {
                tokio::select! {
                    () = stop.cancelled() => return,
                    () = self.send(index) => {}
                }
            }
        }
    }

    /// One telegram of one meter.
    async fn send(&mut self, index: usize) {
        let now = self.house.as_ref().map_or_else(Timestamp::now, House::now);
        let (Some(home), Some(meter)) = (self.homes.get_mut(index), self.meters.get(index)) else {
            return;
        };
        home.set_power(lock(&self.state).power);
        let truth = home.at(now);
        let mut meter = meter.clone();
        let faults = self.due();
        let mut shown = truth;
        for fault in &faults {
            spoil(*fault, &mut shown, &mut meter);
        }
        let frames = meter.telegram(&shown, now, &self.settings.zone);
        if let Some(kept) = self.meters.get_mut(index) {
            kept.counter = meter.counter;
        }
        if let Some(sample) = lock(&self.state).samples.get_mut(index) {
            *sample = shown;
        }
        if faults.contains(&Fault::Silence) {
            return;
        }
        let frames = self.damage(frames, &faults);
        let mut frames = frames.into_iter().peekable();
        while let Some(frame) = frames.next() {
            self.sim_port.send(&frame).await;
            if frames.peek().is_some() {
                tokio::time::sleep(GAP.min(self.settings.interval / 10)).await;
            }
        }
        lock(&self.state).sent += 1;
    }

    /// The faults of this telegram.
    fn due(&mut self) -> Vec<Fault> {
        let elapsed = self.begun.elapsed();
        let mut state = lock(&self.state);
        let mut due = Vec::new();
        for planned in &mut state.faults {
            if planned.happens(elapsed, &mut self.dice) {
                due.push(planned.rule.fault);
            }
        }
        due
    }

    /// What arrives of the frames.
    fn damage(&mut self, frames: Vec<Vec<u8>>, faults: &[Fault]) -> Vec<Vec<u8>> {
        let mut frames = frames;
        for fault in faults {
            match fault {
                Fault::Flip => {
                    let mut bits: usize = self.dice.below(total(&frames) * 8);
                    for byte in frames.iter_mut().flatten() {
                        if bits < 8 {
                            *byte ^= 1 << bits;
                            break;
                        }
                        bits -= 8;
                    }
                }
                Fault::Lose => {
                    let mut place = self.dice.below(total(&frames));
                    for frame in &mut frames {
                        if place < frame.len() {
                            frame.remove(place);
                            break;
                        }
                        place -= frame.len();
                    }
                }
                Fault::Cut => {
                    let whole = frames.concat();
                    frames = vec![whole.iter().copied().take(whole.len() / 2).collect()];
                }
                Fault::Noise(count) => {
                    let noise = self.dice.bytes(*count);
                    frames.insert(0, noise);
                }
                Fault::Repeat => frames.extend(frames.clone()),
                Fault::Midstart => {
                    let whole = frames.concat();
                    let tail = whole.iter().copied().skip(whole.len().saturating_sub(37));
                    frames.insert(0, tail.collect());
                }
                Fault::WrongParity if self.sim_port.openings() % 2 == 1 => {
                    for byte in frames.iter_mut().flatten() {
                        *byte = byte.rotate_left(1) | 0x80;
                    }
                }
                Fault::OtherBus => frames = vec![HEAT_METER.to_vec()],
                _ => {}
            }
        }
        frames
    }
}

/// Faults of the meter itself.
fn spoil(fault: Fault, shown: &mut Sample, meter: &mut Meter) {
    let energies = [&mut shown.energy_import, &mut shown.energy_export];
    match fault {
        Fault::Zero => energies.into_iter().for_each(|energy| *energy = 0),
        Fault::Jump(more) => {
            for energy in energies {
                *energy = energy.saturating_add(more);
            }
        }
        Fault::WrongKey => meter.key = Key::from([0x5a; 16]),
        Fault::WrongAuthentication => meter.authentication = Some(Key::from([0xa5; 16])),
        _ => {}
    }
}

fn total(frames: &[Vec<u8>]) -> usize {
    frames.iter().map(Vec::len).sum()
}
