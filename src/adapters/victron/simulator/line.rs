//! A device at its port: it talks in its rhythm and answers what it is asked, until it is stopped.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep, sleep_until};

use super::super::wire::hex::{Answer, Collector, Flags, Frame, Request};
use super::damage::{self, MALFORMED};
use super::ear::Ear;
use super::faults::VictronFault;
use super::hand::VictronHand;
use super::model::{AUX_MODE, Manners, Model, Telling};
use super::settings::{Pace, VictronSettings};
use super::state::{CableState, Written};
use crate::simulation::{PortEvent, SimPlace, SimPort, Simulator};

/// Bytes that a line of 19200 baud carries in a second.
const BYTES_A_SECOND: u32 = 1_920;
/// Bytes that are sent at once.
const CHUNK: usize = 32;
/// Firmware from which a device tells of its history by itself.
const TELLS_DAYS: u16 = 0x116;
/// What is told where a device has nothing to tell.
const FLOAT: &[u8] = b":A0102000543\n";
/// A device that lets frames cut lines does so in every third block.
const CUT_EVERY: u64 = 3;

/// A simulated device.
pub type SimulatedVictron = Simulator<VictronHand>;

impl SimulatedVictron {
    /// Starts a device at a place.
    ///
    /// # Errors
    /// If the port cannot be made there.
    pub async fn start(settings: VictronSettings, place: SimPlace) -> io::Result<Self> {
        let pace = settings.pace;
        let line = |hand, port| SimLine::new(pace, port, hand).run();
        Self::at(&place, VictronHand::new(settings), line).await
    }
}

/// A device at its port.
struct SimLine {
    pace: Pace,
    sim_port: SimPort,
    hand: Arc<VictronHand>,
    ear: Ear,
    /// The block that comes next.
    block: usize,
    /// When it was asked something last.
    asked: Option<Instant>,
    /// What it told last of each register.
    told: BTreeMap<u16, Vec<u8>>,
    /// What has to be sent later.
    later: Vec<(Instant, Vec<u8>)>,
    silent: bool,
}

/// A block and what goes with it.
#[derive(Default)]
struct Speech {
    bytes: Vec<u8>,
    later: Vec<u8>,
    pause: u32,
}

impl SimLine {
    fn new(pace: Pace, sim_port: SimPort, hand: Arc<VictronHand>) -> Self {
        Self {
            pace,
            sim_port,
            hand,
            ear: Ear::default(),
            block: 0,
            asked: None,
            told: BTreeMap::new(),
            later: Vec::new(),
            silent: false,
        }
    }

    async fn run(mut self) {
        let mut next = Instant::now();
        loop {
            let later = self.later.iter().map(|(due, _)| *due).min();
            tokio::select! {
                biased;
                () = sleep_until(later.unwrap_or(next)), if later.is_some() => self.send_later().await,
                () = sleep_until(next) => {
                    let pause = self.speak().await;
                    next = (next + self.pace.interval * pause).max(Instant::now());
                }
                event = self.sim_port.next() => self.take(event).await,
            }
        }
    }

    async fn take(&mut self, event: PortEvent) {
        match event {
            PortEvent::Received(bytes) => self.hear(&bytes).await,
            PortEvent::Plugged(_) => {
                self.ear = Ear::default();
                self.later.clear();
            }
        }
    }

    async fn send_later(&mut self) {
        let now = Instant::now();
        let (due, rest) = self.later.drain(..).partition(|(due, _)| *due <= now);
        self.later = rest;
        let due: Vec<(Instant, Vec<u8>)> = due;
        for (_, bytes) in due {
            self.sim_port.send(&bytes).await;
        }
    }

    /// One block, and what the device tells after it. Returns the pause until the next one.
    async fn speak(&mut self) -> u32 {
        let speech = self.compose();
        if !speech.later.is_empty() {
            let due = Instant::now() + self.pace.interval / 2;
            self.later.push((due, speech.later));
        }
        let chunk_takes = self.pace.interval * CHUNK as u32 / BYTES_A_SECOND;
        let as_on_a_line = chunk_takes >= Duration::from_millis(5);
        let size = if as_on_a_line { CHUNK } else { usize::MAX };
        let cuts = self.hand.lock().device.model.manners == Manners::TextStops;
        let mut in_frame = false;
        for chunk in speech.bytes.chunks(size) {
            self.sim_port.send(chunk).await;
            // The last of these says whether a frame is under way, into which no answer is put.
            let mark = chunk.iter().rev().find(|byte| b":\n".contains(byte));
            in_frame = mark.map_or(in_frame, |mark| *mark == b':');
            if !as_on_a_line {
                continue;
            }
            // Old firmware answers in the middle of a line; newer waits for the end of the block.
            let pause = sleep(chunk_takes);
            if cuts && !in_frame {
                tokio::select! {
                    () = pause => {}
                    event = self.sim_port.next() => self.take(event).await,
                }
            } else {
                pause.await;
            }
        }
        speech.pause
    }

    fn compose(&mut self) -> Speech {
        let hand = Arc::clone(&self.hand);
        let (mut state, now) = hand.look();
        let faults = state
            .faults
            .due(now.steady, |fault| !fault.is_about_answers());
        for fault in &faults {
            happen(*fault, &mut state);
        }
        state.device.advance(now);
        let device = &state.device;
        if self.block >= device.model.blocks.len() {
            self.block = 0;
        }
        let rhythm = device.model.blocks.get(self.block);
        let mut pause = rhythm.map_or(1, |block| {
            if device.is_off() {
                block.pause_off
            } else {
                block.pause
            }
        });
        self.silent = faults.contains(&VictronFault::Silence) || device.is_dead();
        if self.silent || !self.sim_port.is_plugged() {
            let pause = pause.max(1);
            return Speech {
                pause,
                ..Speech::default()
            };
        }
        let hex_only = faults.contains(&VictronFault::TextStops);
        let mut bytes = Vec::new();
        let mut later = Vec::new();
        if !hex_only && !self.text_waits(device.model) {
            let mut fields = device.text(self.block);
            let frame = self.something_to_tell(&state);
            for fault in &faults {
                damage::spoil(*fault, &mut fields);
            }
            bytes = damage::block(&fields);
            state.blocks += 1;
            let cuts = state.device.model.manners == Manners::TextStops;
            if cuts && self.tells(&state) && state.blocks.is_multiple_of(CUT_EVERY) {
                damage::cut(&mut bytes, &frame, &mut state.faults.dice);
            }
            for fault in &faults {
                damage::damage(*fault, &mut bytes, &frame, &mut state.faults.dice);
                if *fault == VictronFault::HexBetween {
                    later.extend_from_slice(&frame);
                }
            }
            self.block += 1;
        } else {
            // Who says nothing does so once a second, too.
            pause = pause.max(1);
        }
        bytes.extend(self.news(&mut state, hex_only));
        Speech {
            bytes,
            later,
            pause,
        }
    }

    /// Whether text waits because somebody asks in HEX.
    fn text_waits(&self, model: &Model) -> bool {
        let wait = self.pace.interval * self.pace.text_returns;
        let asked = self.asked.is_some_and(|asked| asked.elapsed() < wait);
        asked && model.manners == Manners::TextStops
    }

    /// Whether the device tells of changes by itself now.
    fn tells(&self, state: &CableState) -> bool {
        match state.device.model.telling {
            Telling::Days => false,
            Telling::Always => true,
            Telling::Asked => self
                .asked
                .is_some_and(|asked| asked.elapsed() < self.pace.told_for),
        }
    }

    /// A frame of this device.
    fn something_to_tell(&self, state: &CableState) -> Vec<u8> {
        let mut registers = state.device.model.tells.iter();
        let frame = registers.find_map(|register| state.device.tell(*register));
        frame.unwrap_or_else(|| FLOAT.to_vec())
    }

    /// What has changed since it was told.
    fn news(&mut self, state: &mut CableState, always: bool) -> Vec<u8> {
        let model = state.device.model;
        let mut news = Vec::new();
        if std::mem::take(&mut state.device.day_ended) && !model.is_before(TELLS_DAYS) {
            news.extend([0x1050, 0x104f].map(|register| state.device.tell(register)));
        }
        if always || self.tells(state) {
            for register in model.tells {
                let frame = state.device.tell(*register);
                if frame.is_some() && self.told.get(register) != frame.as_ref() {
                    news.push(frame.clone());
                    self.told.extend(frame.map(|frame| (*register, frame)));
                }
            }
        }
        news.into_iter().flatten().flatten().collect()
    }

    async fn hear(&mut self, bytes: &[u8]) {
        for heard in self.ear.listen(bytes) {
            let Some((after, answer)) = self.answer(heard) else {
                continue;
            };
            if after.is_zero() {
                self.sim_port.send(&answer).await;
            } else {
                self.later.push((Instant::now() + after, answer));
            }
        }
    }

    /// The answer to what was heard, and how long it takes.
    fn answer(&mut self, heard: Option<(u8, Vec<u8>)>) -> Option<(Duration, Vec<u8>)> {
        let hand = Arc::clone(&self.hand);
        let (mut state, now) = hand.look();
        let faults = state.faults.due(now.steady, VictronFault::is_about_answers);
        if faults.contains(&VictronFault::Deaf) {
            return None;
        }
        let request = heard.as_ref().and_then(|(command, payload)| {
            Request::decode(&Frame {
                offset: 0,
                command: *command,
                payload,
            })
        });
        state.hear(now.steady, request.clone());
        if self.silent || state.device.model.manners == Manners::Deaf {
            return None;
        }
        self.asked = Some(Instant::now());
        let answer = match (heard, &request) {
            (_, Some(request)) => {
                state.device.advance(now);
                let answer = state.device.answer(request, now.steady);
                if let (Request::Set(register, value), Some(answer)) = (request, &answer) {
                    let (register, value) = (*register, value.clone());
                    let flags = flags(answer);
                    state.write(Written {
                        at: now.steady,
                        register,
                        value,
                        flags,
                    });
                }
                answer
            }
            (Some((command, _)), None) if !matches!(command, 7 | 8) => {
                Some(Answer::UnknownCommand(&[command, 0]).encode())
            }
            _ => Some(MALFORMED.to_vec()),
        };
        let mut answer = answer?;
        let mut after = Duration::ZERO;
        for fault in faults {
            match fault {
                VictronFault::Unanswered => return None,
                VictronFault::Late(milliseconds) => after = Duration::from_millis(milliseconds),
                VictronFault::Truncated => answer.truncate(answer.len() / 2),
                _ => damage::answered(fault, &mut answer),
            }
        }
        Some((after, answer))
    }
}

/// What happens to the device itself.
fn happen(fault: VictronFault, state: &mut CableState) {
    match fault {
        VictronFault::Restart => state.device.restart(),
        VictronFault::Swap => state.swap(),
        VictronFault::YieldReset => state.device.days.reset(),
        VictronFault::DayEnds => state.device.next_day(),
        VictronFault::AuxChanged => {
            if let Some(mode) = state.device.setting(AUX_MODE) {
                let next = (mode + 1) % 3;
                state.device.set_register(AUX_MODE, &[next as u8]);
            }
        }
        VictronFault::MonitorChanged => {
            if let Some(mode) = state.device.setting(0xeeb8) {
                let next: i16 = if mode == 0 { -9 } else { 0 };
                state.device.set_register(0xeeb8, &next.to_le_bytes());
            }
        }
        _ => {}
    }
}

/// The flags in an answer about a register.
fn flags(answer: &[u8]) -> Flags {
    let mut collector = Collector::default();
    let frame = Frame::parse(answer, &mut collector).ok();
    let flags = frame.and_then(|frame| Answer::decode(&frame).value().map(|value| value.flags));
    flags.unwrap_or_default()
}
