//! Which inverter is asked next, and when.
//!
//! One at a time, since a stick can hold no more. Each gets its turn once in an interval, and no more often than a
//! stick can bear: old ones crash at higher rates. One that does not answer is asked a second time at once, since a
//! message that is lost in the air is common; after five turns in vain by day it is asked less often, so that the
//! others need not wait for it. The first answer after a long silence shows that it dawns: then all are asked again.

mod hours;

use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use self::hours::PollingHours;
pub use self::hours::{LearnedHours, TimeOfDay};
use super::sun::Site;
use super::wire::ids::InverterSerial;
use crate::clock::Moment;

/// From question to question at least.
const SPACING: Duration = Duration::from_secs(3);
/// From turn to turn of one inverter at least.
const LEAST_ROUND: Duration = Duration::from_secs(15);
/// Before the second try: so long, and up to as much again.
const RETRY: u64 = 300;
/// Turns in vain until an inverter is asked less often ...
const PATIENCE: u32 = 5;
/// ... which is then this often.
const BACK_OFF: Duration = Duration::from_secs(300);
/// After a radio came up or was used for pairing, inverters have to find new ways to it.
const GRACE: Duration = Duration::from_secs(300);
/// An answer after so long without any from this inverter: it dawns.
const DAWN: Duration = Duration::from_secs(3600);
/// The longest wait: the wall clock may be set meanwhile.
const LONGEST_WAIT: Duration = Duration::from_secs(300);
/// The usual interval.
pub const USUAL_INTERVAL: Duration = Duration::from_secs(60);

/// What a user can set.
#[derive(Debug, Clone)]
pub struct PollSettings {
    /// How often each inverter is asked.
    pub interval: Duration,
    /// Where they are; without it they are asked at night as well.
    pub place: Option<Site>,
    /// Begin so much after sunrise and end so much before sunset; a negative one is before and after.
    pub offset: SignedDuration,
    /// Whether the hours follow when inverters wake and sleep.
    pub is_adaptive: bool,
    /// Another gateway asks; we only listen.
    pub is_listening_only: bool,
}

impl Default for PollSettings {
    fn default() -> Self {
        Self {
            interval: USUAL_INTERVAL,
            place: None,
            offset: SignedDuration::ZERO,
            is_adaptive: true,
            is_listening_only: false,
        }
    }
}

/// What to do now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PollStep {
    /// Ask this inverter, and say what came of it.
    Ask(InverterSerial),
    /// Nothing until this moment of our own clock, or until something happens.
    Wait(Option<Duration>, PollPause),
}

/// Why nobody is asked now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PollPause {
    /// It is not yet time.
    NotDue,
    /// One was asked and has not answered yet.
    Answer,
    /// Inverters sleep; until then, if that is known.
    Night(Option<Timestamp>),
    /// We never ask.
    ListeningOnly,
    /// The radio is not ready.
    Radio,
    /// The radio is used for pairing.
    Pairing,
    /// There are no inverters.
    Nobody,
}

/// What became of a question without an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PollFailure {
    /// It is asked once more at once.
    Retried,
    /// So many turns in vain by day, in a row.
    Counted(u32),
    /// It means nothing: it is night, or the radio was not itself.
    Excused,
}

/// The turns of one inverter.
#[derive(Debug, Clone)]
struct Turn {
    serial: InverterSerial,
    due: Duration,
    /// Turns in vain since it last answered that count for how often it is asked.
    in_vain: u32,
    /// Those by day.
    by_day: u32,
    heard: Option<Duration>,
}

/// The question that was asked last.
#[derive(Debug, Clone, Copy)]
struct OpenPoll {
    serial: InverterSerial,
    is_second: bool,
    state: OpenPollState,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum OpenPollState {
    Open,
    /// Asked again then.
    Retry(Duration),
}

/// Plans who is asked when.
#[derive(Debug, Clone)]
pub struct PollSchedule {
    settings: PollSettings,
    hours: PollingHours,
    turns: Vec<Turn>,
    question: Option<OpenPoll>,
    /// When somebody was last asked.
    asked: Option<Duration>,
    is_radio_up: bool,
    is_pairing: bool,
    excused_until: Duration,
    day: Option<jiff::civil::Date>,
}

impl PollSchedule {
    /// For inverters that are told later; the radio is not ready yet.
    pub fn new(settings: PollSettings, zone: TimeZone, learned: LearnedHours) -> Self {
        Self {
            hours: PollingHours::new(
                settings.place,
                settings.offset,
                settings.is_adaptive,
                zone,
                learned,
            ),
            settings,
            turns: Vec::new(),
            question: None,
            asked: None,
            is_radio_up: false,
            is_pairing: false,
            excused_until: Duration::ZERO,
            day: None,
        }
    }

    /// These inverters are asked from now on; what is known of them stays.
    pub fn set_inverters(&mut self, serials: &[InverterSerial]) {
        self.turns.retain(|turn| serials.contains(&turn.serial));
        for serial in serials {
            if self.turn(*serial).is_none() {
                self.turns.push(Turn {
                    serial: *serial,
                    due: Duration::ZERO,
                    in_vain: 0,
                    by_day: 0,
                    heard: None,
                });
            }
        }
        let is_known = |question: &OpenPoll| serials.contains(&question.serial);
        self.question = self.question.filter(is_known);
    }

    /// The radio came up, or is down or starting. What was asked is forgotten then.
    pub fn set_radio(&mut self, is_up: bool, now: Moment) {
        if is_up && !self.is_radio_up {
            self.excused_until = now.steady.saturating_add(GRACE);
        }
        if !is_up {
            self.question = None;
        }
        self.is_radio_up = is_up;
    }

    /// Pairing begins or ends.
    pub fn set_pairing(&mut self, is_pairing: bool, now: Moment) {
        if !is_pairing && self.is_pairing {
            self.excused_until = now.steady.saturating_add(GRACE);
        }
        if is_pairing {
            self.question = None;
        }
        self.is_pairing = is_pairing;
    }

    /// Whether inverters may still be looking for their way to a radio that came up or was used for pairing.
    pub fn is_excused(&self, now: Moment) -> bool {
        now.steady < self.excused_until
    }

    /// How often each inverter is really asked.
    pub fn interval(&self) -> Duration {
        let count = u32::try_from(self.turns.len()).unwrap_or(u32::MAX);
        self.settings
            .interval
            .max(LEAST_ROUND)
            .max(SPACING.saturating_mul(count))
    }

    /// Whether inverters are asked at this time of the day.
    pub fn is_window_open(&mut self, now: Moment) -> bool {
        self.hours.time_of_day(now).is_open
    }

    /// What time of the day it is for inverters.
    pub fn time_of_day(&mut self, now: Moment) -> TimeOfDay {
        self.hours.time_of_day(now)
    }

    /// In how many turns by day in a row an inverter has not answered.
    pub fn failures(&self, serial: InverterSerial) -> u32 {
        self.turn(serial).map_or(0, |turn| turn.by_day)
    }

    /// Whether an inverter should answer and does not.
    pub fn is_silent(&self, serial: InverterSerial) -> bool {
        self.failures(serial) >= PATIENCE
    }

    /// In how many turns by day in a row none has answered at all: then it is the radio.
    pub fn silent_rounds(&self) -> u32 {
        let failures = self.turns.iter().map(|turn| turn.by_day);
        failures.min().unwrap_or_default()
    }

    /// When inverters woke and slept of late, to be saved.
    pub const fn learned(&self) -> &LearnedHours {
        self.hours.learned()
    }

    /// What to do now.
    pub fn next(&mut self, now: Moment) -> PollStep {
        let pause = |why| PollStep::Wait(None, why);
        if self.settings.is_listening_only {
            return pause(PollPause::ListeningOnly);
        }
        if self.turns.is_empty() {
            return pause(PollPause::Nobody);
        }
        if !self.is_radio_up {
            return pause(PollPause::Radio);
        }
        if self.is_pairing {
            return pause(PollPause::Pairing);
        }
        if self
            .question
            .is_some_and(|question| question.state == OpenPollState::Open)
        {
            return pause(PollPause::Answer);
        }
        let time = self.hours.time_of_day(now);
        if time.day.is_some() && time.day != self.day {
            // Sunrise: a new day, and everybody may be well again.
            self.day = time.day;
            self.turns.iter_mut().for_each(Turn::forgive);
        }
        if !time.is_open {
            self.question = None;
            let left = time.opens.map_or(LONGEST_WAIT, |opens| {
                let left = opens.duration_since(now.wall);
                Duration::try_from(left).unwrap_or_default()
            });
            // The window opens in less than a second: no wait of nothing.
            let left = left.clamp(Duration::from_secs(1), LONGEST_WAIT);
            let until = now.steady.saturating_add(left);
            return PollStep::Wait(Some(until), PollPause::Night(time.opens));
        }
        if let Some(question) = self.question
            && let OpenPollState::Retry(at) = question.state
        {
            return self.ask_at(question.serial, at, true, now);
        }
        let free = self
            .asked
            .map_or(Duration::ZERO, |asked| asked.saturating_add(SPACING));
        let first = self.turns.iter().min_by_key(|turn| turn.due);
        first
            .map(|turn| (turn.serial, turn.due.max(free)))
            .map_or(pause(PollPause::Nobody), |(serial, due)| {
                self.ask_at(serial, due, false, now)
            })
    }

    fn ask_at(
        &mut self,
        serial: InverterSerial,
        due: Duration,
        is_second: bool,
        now: Moment,
    ) -> PollStep {
        if due > now.steady {
            let longest = now.steady.saturating_add(LONGEST_WAIT);
            return PollStep::Wait(Some(due.min(longest)), PollPause::NotDue);
        }
        self.question = Some(OpenPoll {
            serial,
            is_second,
            state: OpenPollState::Open,
        });
        self.asked = Some(now.steady);
        let next = now.steady.saturating_add(self.interval());
        if let Some(turn) = self.turn_mut(serial)
            && !is_second
        {
            turn.due = next;
        }
        PollStep::Ask(serial)
    }

    /// An inverter answered, whoever asked it: it has been awake for so many seconds, if its clock can tell.
    pub fn answered(&mut self, serial: InverterSerial, awake: Option<u32>, now: Moment) {
        self.hours.heard(awake, now);
        if self
            .question
            .is_some_and(|question| question.serial == serial)
        {
            self.question = None;
        }
        let Some(turn) = self.turn_mut(serial) else {
            return;
        };
        turn.forgive();
        let before = turn.heard.replace(now.steady);
        if before.is_none_or(|before| now.since(before) >= DAWN) {
            for other in self.turns.iter_mut().filter(|it| it.in_vain >= PATIENCE) {
                other.in_vain = 0;
                other.due = now.steady;
            }
        }
    }

    /// An inverter could not be asked after all: it is its turn again.
    pub fn take_back(&mut self, serial: InverterSerial, now: Moment) {
        self.question = None;
        if let Some(turn) = self.turn_mut(serial) {
            turn.due = now.steady;
        }
    }

    /// An inverter that was asked did not answer.
    pub fn failed(&mut self, serial: InverterSerial, now: Moment) -> PollFailure {
        let question = self.question.take_if(|question| question.serial == serial);
        let Some(question) = question.filter(|it| it.state == OpenPollState::Open) else {
            return PollFailure::Excused;
        };
        let time = self.hours.time_of_day(now);
        let is_known = time.day.is_some();
        let is_excused = self.is_excused(now);
        let interval = self.interval();
        let Some(turn) = self.turn_mut(serial) else {
            return PollFailure::Excused;
        };
        if !question.is_second && turn.in_vain < PATIENCE {
            // No two inverters, and no two turns, wait alike.
            let [.., tens, ones] = serial.wire();
            let mix = u64::from(tens) << 8 | u64::from(ones);
            let jitter = (mix * 37 + u64::from(now.steady.subsec_millis())) % (RETRY + 1);
            let wait = Duration::from_millis(RETRY + jitter);
            self.question = Some(OpenPoll {
                is_second: true,
                state: OpenPollState::Retry(now.steady.saturating_add(wait)),
                ..question
            });
            return PollFailure::Retried;
        }
        if is_excused {
            return PollFailure::Excused;
        }
        // Without a place nobody knows when they sleep; they are asked all night, but not that often.
        if time.is_day || !is_known {
            turn.in_vain = turn.in_vain.saturating_add(1);
        }
        if turn.in_vain >= PATIENCE {
            let rest = BACK_OFF.saturating_sub(interval);
            turn.due = turn.due.saturating_add(rest);
        }
        if !time.is_day {
            return PollFailure::Excused;
        }
        turn.by_day = turn.by_day.saturating_add(1);
        PollFailure::Counted(turn.by_day)
    }

    fn turn(&self, serial: InverterSerial) -> Option<&Turn> {
        self.turns.iter().find(|turn| turn.serial == serial)
    }

    fn turn_mut(&mut self, serial: InverterSerial) -> Option<&mut Turn> {
        self.turns.iter_mut().find(|turn| turn.serial == serial)
    }
}

impl Turn {
    fn forgive(&mut self) {
        self.in_vain = 0;
        self.by_day = 0;
    }
}

#[cfg(test)]
mod tests;
