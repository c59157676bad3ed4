//! Energy from counters that begin anew with every start of an inverter.
//!
//! An inverter counts since it woke up: each morning, after each cloud that was too dark, a DS3 after twelve hours
//! as well. What has to go on is added up here, and what is kept must outlive restarts of everybody. So the first
//! question to an answer is whether its run is that of the last one. Within one run of this program the time since
//! then is known for sure: a clock that has gone on by as much is the same run; one that shows less than has passed
//! has begun since. Over a restart of this program only the clock on the wall can say so, if it can be trusted.
//! **In doubt less is added**: what is missing then is missed once, what is added twice can never be taken back.
//!
//! # Decisions
//!
//! * The first answer of all adds nothing, neither to the lifetime nor to today, even if the run began today: the
//!   lifetime is what was counted since an inverter is known, and today is part of it and never more.
//! * The first answer of a day, with one of an earlier day known, adds all that the new run has counted.
//! * Energy that was counted over midnight is taken to have come evenly, and today gets its part of it. Where nights
//!   are dark this is nothing; where they are not, a gap of an hour must not be all of today's or all of
//!   yesterday's.
//! * When the wall clock is set, today goes on as long as all of it was counted since midnight of the new time.
//! * An answer that contradicts the last good one is left aside; what it may have brought is in the next good one.
//!   Three that agree with each other and go on are the truth from then on, and add nothing. If they are lower, and
//!   nothing can have happened in between that nobody saw, the last good one was none, and what it brought is taken from
//!   what comes next.
//!
//! The whole of [`InverterEnergy`] has to be saved, and soon after an answer. What is saved may be half a minute older than
//! what was published: the next answer of the same run brings the rest again. If the program is killed and the inverter
//! starts anew within that time, the lifetime is lower by what that half minute brought, and the bridge's guard holds it
//! for a minute.

mod day;
mod gap;

use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use self::day::DayCount;
use self::gap::Gap;
use super::sun::is_time;
use crate::clock::Moment;

/// A DS3 begins anew when its clock would show this, in seconds.
const DS3_RUN: u32 = 43_200;
/// A gap in which there is no night, in seconds.
const SHORT: i64 = 2 * 3600;
/// Seconds that two bytes hold.
const WRAP: u32 = 1 << 16;
/// Power from counters needs so many seconds: their clock has whole ones only.
const POWER_SPAN: u32 = 30;
/// Right after a start counters are too coarse for a power.
const START_SPAN: u32 = 60;
/// Of the nameplate, in tenths: more than this is no energy.
const MOST: u128 = 13;
/// What may be between a counter and its clock, in seconds.
const SLACK: u64 = 5;
/// Answers that agree with each other against what is known.
const CONFIRMATIONS: u8 = 3;
/// A clock that was set is trusted after so long without another step.
const SETTLED: Duration = Duration::from_secs(24 * 3600);
/// A calibration that changes nothing.
pub const UNCALIBRATED: u32 = 1_000_000;

/// How an inverter counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum CounterFamily {
    /// DS3 and kin: clock and counters begin anew after twelve hours.
    Ds3,
    /// YC600, QS1: the clock may run over after 18.2 hours while the counters go on.
    B1,
}

/// What an inverter says of its counters, and when it was heard.
#[derive(Debug, Clone, Copy)]
pub struct CounterAnswer<'a> {
    /// Seconds since it started.
    pub clock: u32,
    /// Energy since it started, of each input, in millionths of a watt-hour, uncalibrated.
    pub counters: &'a [u64],
    /// How it counts.
    pub family: CounterFamily,
    /// What it can deliver, in watts: bounds what can be true.
    pub nameplate: u32,
    /// What its energy is multiplied by, in millionths. Not applied to `counters`, so that it can be changed at
    /// any time.
    pub calibration: u32,
    /// How often it is asked.
    pub interval: Duration,
    /// When the answer was heard.
    pub at: Moment,
    /// Whether the clock on the wall is believed to be right.
    pub is_wall_trusted: bool,
}

/// What an answer is, beside those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CounterClass {
    /// The first one of all: it is counted from here.
    First,
    /// The run goes on.
    Normal,
    /// Nothing new: the last answer once more, or one from before it.
    Repeated,
    /// It has begun anew since the last answer, on the same day.
    Restarted {
        /// As a DS3 does after twelve hours; no fault.
        scheduled: bool,
    },
    /// The clock ran over, the run goes on.
    Wrapped,
    /// The first answer of another day's run.
    NewRun,
    /// It contradicts what is known and is left aside.
    Corrupt(Contradiction),
    /// The third one in a row that contradicts and agrees with those before it: counted from here.
    Rebased,
}

/// What cannot be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Contradiction {
    /// A counter fell while the clock went on.
    #[error("energy fell while the inverter was running")]
    Fell,
    /// More than an inverter of this size can deliver.
    #[error("more energy than an inverter of this size can deliver")]
    TooMuch,
    /// The clock went on by more than has passed.
    #[error("the inverter's clock jumped ahead")]
    ClockAhead,
    /// The clock went back, though there was no time for a new start to get there.
    #[error("the inverter's clock went back without a restart")]
    ClockBack,
    /// Not as many inputs as before.
    #[error("another number of inputs than before")]
    Inputs,
}

/// What an answer came to. Energies in millionths of a watt-hour, for each input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnergyGain {
    /// What the answer is.
    pub class: CounterClass,
    /// What was added with this answer.
    pub added: Vec<u64>,
    /// Since local midnight.
    pub today: Vec<u64>,
    /// Since the first answer of all; never falls.
    pub lifetime: Vec<u64>,
    /// By the counters, if they tell it.
    pub power: Option<CounterPower>,
    /// What a DS3 took with it when it began anew after twelve hours, if the power stayed what it was. Not added.
    pub lost: Option<Vec<u64>>,
}

/// Power by counters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CounterPower {
    /// Of each input, in thousandths of a watt.
    pub milliwatts: Vec<u64>,
    /// Over so many seconds.
    pub span: u32,
    /// Whether it is the average of a gap rather than the power of now: longer than three intervals.
    pub is_average: bool,
}

/// The last good answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Baseline {
    clock: u32,
    counters: Vec<u64>,
    wall: Timestamp,
    /// Whether `wall` was right as far as anybody knew.
    is_trusted: bool,
    /// What it added, uncalibrated.
    #[serde(default)]
    brought: Vec<u64>,
    /// `None` for an answer to an earlier run of this program.
    #[serde(skip)]
    steady: Option<Duration>,
}

/// An answer that contradicts the last good one, and how many agreed with each other.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Dissenter {
    clock: u32,
    counters: Vec<u64>,
    steady: Duration,
    seen: u8,
}

/// Clock and counters of an answer of the present run.
#[derive(Debug, Clone, PartialEq, Eq)]
struct RunCount {
    clock: u32,
    counters: Vec<u64>,
}

/// What an inverter has counted. To be saved as a whole.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct InverterEnergy {
    last: Option<Baseline>,
    lifetime: Vec<u64>,
    today: DayCount,
    /// What was added too much, uncalibrated.
    #[serde(default)]
    owed: Vec<u64>,
    power: Option<CounterPower>,
    /// Answers of the last half minute, so that who asks often gets a power as well.
    #[serde(skip)]
    recent: Vec<RunCount>,
    #[serde(skip)]
    dissenter: Option<Dissenter>,
    /// What both clocks showed last.
    #[serde(skip)]
    hands: Option<Moment>,
    /// When the wall clock was last seen to be set.
    #[serde(skip)]
    stepped: Option<Duration>,
}

/// How an answer is booked.
enum Booking {
    /// What was counted since the last answer, over so many seconds.
    On(CounterClass, u32),
    /// All of a new run.
    Anew,
    /// Nothing, and the last good answer stays.
    Aside(CounterClass),
}

impl InverterEnergy {
    /// Looks at the clocks: whether one was set shows only to who saw it before. To be called as soon as it is
    /// loaded, and as often as you like.
    pub fn watch(&mut self, now: Moment) {
        let before = self.hands.replace(now);
        let shift = before.map_or(0, |before| {
            Gap::between((before.wall, Some(before.steady), true), now, true).shift()
        });
        if shift != 0 {
            self.stepped = Some(now.steady);
        }
    }

    /// Takes an answer.
    pub fn take(&mut self, answer: &CounterAnswer<'_>, zone: &TimeZone) -> EnergyGain {
        let was_trusted = self.trusts(answer);
        self.watch(answer.at);
        let Some(last) = self.last.take() else {
            self.accept(answer, 0);
            return self.gain(CounterClass::First, Vec::new(), answer, zone);
        };
        // Within a run of this program, a step that shows just now may be that this computer slept.
        let is_trusted = self.trusts(answer) || last.steady.is_some() && was_trusted;
        let heard = (last.wall, last.steady, last.is_trusted);
        let gap = Gap::between(heard, answer.at, is_trusted);
        let shift = gap.shift();
        match judge(&last, answer, &gap) {
            Booking::On(class, span) => {
                let counted = grown(&last.counters, answer.counters);
                // That the wall clock shows more than has passed by ours can mean that this computer slept.
                let slept = gap.is_by_wall(span);
                self.measure(&last, answer, &counted, span, class);
                self.accept(answer, if slept { 0 } else { shift });
                self.book(class, counted, span, answer, zone)
            }
            Booking::Anew => {
                let is_same_day = gap.wall_of_last.to_zoned(zone.clone()).date()
                    == answer.at.wall.to_zoned(zone.clone()).date();
                // A night can be as long as what is left of twelve hours.
                let left = i64::from(answer.clock) + i64::from(DS3_RUN) - i64::from(last.clock);
                let scheduled = answer.family == CounterFamily::Ds3
                    && (is_same_day || left < SHORT)
                    && gap.agrees(left);
                let class = if scheduled || is_same_day {
                    CounterClass::Restarted { scheduled }
                } else {
                    CounterClass::NewRun
                };
                let before = self.power.take();
                let counted = answer.counters.to_vec();
                self.measure(&last, answer, &counted, answer.clock, class);
                let lost = before
                    .as_ref()
                    .or(self.power.as_ref())
                    .filter(|_| scheduled)
                    .map(|power| at_power(power, DS3_RUN.saturating_sub(last.clock)));
                self.accept(answer, shift);
                if self.today.is_ahead(answer.at.wall) {
                    // The clock stood wrong when it was counted, and this run is another day's perhaps.
                    self.today.clear();
                }
                EnergyGain {
                    lost,
                    ..self.book(class, counted, answer.clock, answer, zone)
                }
            }
            Booking::Aside(class) => {
                let is_confirmed = self.dissents(answer);
                if is_confirmed {
                    self.power = None;
                    self.recent.clear();
                    if gap.is_sure() {
                        self.owe(&last, answer);
                    }
                    // Perhaps this computer slept; then what was counted is not of this day.
                    self.accept(answer, 0);
                    return self.gain(CounterClass::Rebased, Vec::new(), answer, zone);
                }
                self.last = Some(last);
                self.gain(class, Vec::new(), answer, zone)
            }
        }
    }

    /// Since the first answer of all, of each input, in millionths of a watt-hour.
    pub fn lifetime(&self) -> &[u64] {
        &self.lifetime
    }

    /// Since local midnight, of each input, in millionths of a watt-hour. It begins with zero at midnight without
    /// any answer.
    pub fn today(&self, now: Moment, zone: &TimeZone) -> Vec<u64> {
        let shift = self.last.as_ref().map_or(0, |last| {
            let heard = (last.wall, last.steady, last.is_trusted);
            Gap::between(heard, now, last.is_trusted).shift()
        });
        let mut today = self.today.energy(shift, now.wall, zone);
        today.resize(self.lifetime.len(), 0);
        today
    }

    fn trusts(&self, answer: &CounterAnswer<'_>) -> bool {
        let is_settled = self
            .stepped
            .is_none_or(|stepped| answer.at.since(stepped) >= SETTLED);
        answer.is_wall_trusted && is_settled && is_time(answer.at.wall)
    }

    /// Makes an answer the last good one, by a wall clock that was set by `shift` seconds since the one before.
    fn accept(&mut self, answer: &CounterAnswer<'_>, shift: i64) {
        self.last = Some(Baseline {
            clock: answer.clock,
            counters: answer.counters.to_vec(),
            wall: answer.at.wall,
            is_trusted: self.trusts(answer),
            brought: Vec::new(),
            steady: Some(answer.at.steady),
        });
        self.dissenter = None;
        self.today.shift(shift);
        if self.lifetime.len() < answer.counters.len() {
            self.lifetime.resize(answer.counters.len(), 0);
        }
    }

    /// What the last good answer brought is not there: it was none.
    fn owe(&mut self, last: &Baseline, answer: &CounterAnswer<'_>) {
        self.owed.resize(last.brought.len().max(self.owed.len()), 0);
        let excess = grown(answer.counters, &last.counters);
        for ((owed, brought), excess) in self.owed.iter_mut().zip(&last.brought).zip(excess) {
            *owed = owed.saturating_add(excess.min(*brought));
        }
    }

    /// Adds what was counted over so many seconds until now.
    fn book(
        &mut self,
        class: CounterClass,
        mut counted: Vec<u64>,
        span: u32,
        answer: &CounterAnswer<'_>,
        zone: &TimeZone,
    ) -> EnergyGain {
        for (owed, counted) in self.owed.iter_mut().zip(&mut counted) {
            let paid = (*owed).min(*counted);
            *owed -= paid;
            *counted -= paid;
        }
        if let Some(last) = &mut self.last {
            last.brought.clone_from(&counted);
        }
        let added: Vec<u64> = counted
            .into_iter()
            .map(|energy| calibrated(energy, answer.calibration))
            .collect();
        for (sum, energy) in self.lifetime.iter_mut().zip(&added) {
            *sum = sum.saturating_add(*energy);
        }
        self.today.add(&added, span, answer.at.wall, zone);
        self.gain(class, added, answer, zone)
    }

    fn gain(
        &self,
        class: CounterClass,
        mut added: Vec<u64>,
        answer: &CounterAnswer<'_>,
        zone: &TimeZone,
    ) -> EnergyGain {
        added.resize(self.lifetime.len(), 0);
        EnergyGain {
            class,
            added,
            today: self.today(answer.at, zone),
            lifetime: self.lifetime.clone(),
            power: self
                .power
                .clone()
                .filter(|_| !matches!(class, CounterClass::Corrupt(_))),
            lost: None,
        }
    }

    /// The power by counters of which `counted` came in `span` seconds since the last answer or start.
    fn measure(
        &mut self,
        last: &Baseline,
        answer: &CounterAnswer<'_>,
        counted: &[u64],
        span: u32,
        class: CounterClass,
    ) {
        let is_average = u64::from(span) > answer.interval.as_secs().saturating_mul(3);
        let now = || RunCount {
            clock: answer.clock,
            counters: answer.counters.to_vec(),
        };
        let power = |counted: &[u64], span: u32| CounterPower {
            milliwatts: counted
                .iter()
                .map(|energy| milliwatts(calibrated(*energy, answer.calibration), span))
                .collect(),
            span,
            is_average,
        };
        if class != CounterClass::Normal {
            self.recent = vec![now()];
            let least = if class == CounterClass::Wrapped {
                POWER_SPAN
            } else {
                START_SPAN + 1
            };
            self.power = (span >= least).then(|| power(counted, span));
            return;
        }
        if self.recent.is_empty() {
            self.recent.push(RunCount {
                clock: last.clock,
                counters: last.counters.clone(),
            });
        }
        let is_old = |count: &RunCount| answer.clock.saturating_sub(count.clock) >= POWER_SPAN;
        let known = self.recent.iter().rposition(is_old);
        self.power = known.and_then(|known| self.recent.get(known)).map(|from| {
            let span = answer.clock.saturating_sub(from.clock);
            power(&grown(&from.counters, answer.counters), span)
        });
        self.recent.drain(..known.unwrap_or_default());
        self.recent.push(now());
    }

    /// Takes an answer that contradicts; true when enough of them agree with each other.
    fn dissents(&mut self, answer: &CounterAnswer<'_>) -> bool {
        let seen = match &self.dissenter {
            Some(before) => {
                let gone = i64::from(answer.clock) - i64::from(before.clock);
                let passed = gap::seconds(answer.at.since(before.steady));
                if gone == 0 && before.counters == answer.counters {
                    // The same once more says nothing new.
                    return false;
                }
                let agrees = gone > 0
                    && (gone - passed).abs() <= gap::tolerance(passed)
                    && before.counters.len() == answer.counters.len()
                    && has_grown(&before.counters, answer.counters)
                    && is_possible(
                        &grown(&before.counters, answer.counters),
                        answer.clock.saturating_sub(before.clock),
                        answer.nameplate,
                    );
                if agrees {
                    before.seen.saturating_add(1)
                } else {
                    1
                }
            }
            None => 1,
        };
        self.dissenter = Some(Dissenter {
            clock: answer.clock,
            counters: answer.counters.to_vec(),
            steady: answer.at.steady,
            seen,
        });
        seen >= CONFIRMATIONS
    }
}

/// Which run an answer belongs to, and whether it can be true.
fn judge(last: &Baseline, answer: &CounterAnswer<'_>, gap: &Gap) -> Booking {
    let contradiction = |why| Booking::Aside(CounterClass::Corrupt(why));
    if last.counters.len() != answer.counters.len() {
        return contradiction(Contradiction::Inputs);
    }
    if last.clock == answer.clock && last.counters == answer.counters {
        return Booking::Aside(CounterClass::Repeated);
    }
    let gone = i64::from(answer.clock) - i64::from(last.clock);
    let has_grown = has_grown(&last.counters, answer.counters);
    let on = |class, span: u32| {
        let counted = grown(&last.counters, answer.counters);
        if !has_grown {
            contradiction(Contradiction::Fell)
        } else if is_possible(&counted, span, answer.nameplate) {
            Booking::On(class, span)
        } else {
            contradiction(Contradiction::TooMuch)
        }
    };
    let anew = || {
        if is_possible(answer.counters, answer.clock, answer.nameplate) {
            Booking::Anew
        } else {
            contradiction(Contradiction::TooMuch)
        }
    };
    if gone < 0 {
        let over = gone + i64::from(WRAP);
        let may_wrap = answer.family == CounterFamily::B1 && has_grown;
        if may_wrap && (gap.agrees(over) || gap.is_unknown()) {
            return on(
                CounterClass::Wrapped,
                u32::try_from(over).unwrap_or_default(),
            );
        }
        if gap.leaves_time_for(answer.clock, has_grown) {
            return anew();
        }
        let is_older = answer
            .counters
            .iter()
            .zip(&last.counters)
            .all(|(now, before)| now <= before);
        return if is_older {
            Booking::Aside(CounterClass::Repeated)
        } else {
            contradiction(Contradiction::ClockBack)
        };
    }
    if !gap.agrees(gone) {
        if gap.shows_new_run(answer.clock) {
            return anew();
        }
        if gap.is_less_than(gone) {
            return contradiction(Contradiction::ClockAhead);
        }
    }
    on(
        CounterClass::Normal,
        u32::try_from(gone).unwrap_or_default(),
    )
}

fn has_grown(before: &[u64], now: &[u64]) -> bool {
    before.iter().zip(now).all(|(before, now)| now >= before)
}

fn grown(before: &[u64], now: &[u64]) -> Vec<u64> {
    now.iter()
        .zip(before)
        .map(|(now, before)| now.saturating_sub(*before))
        .collect()
}

/// Whether an inverter of so many watts can bring this in so many seconds.
fn is_possible(counted: &[u64], span: u32, nameplate: u32) -> bool {
    let sum: u128 = counted.iter().map(|energy| u128::from(*energy)).sum();
    let most = u128::from(nameplate) * MOST * 1_000_000 * u128::from(u64::from(span) + SLACK);
    sum * 3600 * 10 <= most
}

fn calibrated(energy: u64, calibration: u32) -> u64 {
    let energy = u128::from(energy) * u128::from(calibration) / u128::from(UNCALIBRATED);
    u64::try_from(energy).unwrap_or(u64::MAX)
}

fn milliwatts(energy: u64, span: u32) -> u64 {
    let power = (u128::from(energy) * 3600)
        .checked_div(u128::from(span) * 1000)
        .unwrap_or_default();
    u64::try_from(power).unwrap_or(u64::MAX)
}

/// What comes in so many seconds.
fn at_power(power: &CounterPower, span: u32) -> Vec<u64> {
    let energy = |milliwatts: &u64| {
        let energy = u128::from(*milliwatts) * u128::from(span) * 1000 / 3600;
        u64::try_from(energy).unwrap_or(u64::MAX)
    };
    power.milliwatts.iter().map(energy).collect()
}

#[cfg(test)]
mod tests;
