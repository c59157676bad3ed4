//! The hours in which inverters are asked, and what they teach about them.
//!
//! From sunrise to sunset, both moved by an offset. An inverter says in each answer how long it has been awake; if
//! that is longer than it was asked, the next day begins earlier. As long as answers come the day does not end.

use std::time::Duration;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::super::sun::{Site, SunDay, is_time};
use crate::clock::Moment;

/// Days whose hours are remembered.
const REMEMBERED: usize = 7;
/// So many days show what is usual.
const USUAL: usize = 3;
/// Inverters awake earlier before sunrise, or later after sunset, than this have a wrong clock, in seconds.
const TWILIGHT: i64 = 2 * 3600;
/// How far in the day hours are learned, in seconds: who sleeps at noon has another reason.
const MORNING: i64 = 4 * 3600;
/// Asked so much before they are expected.
const AHEAD: i64 = 60;
/// The day goes on for so long after an answer.
const LINGER: Duration = Duration::from_secs(10 * 60);
/// Without a place it is day for certain at these hours.
const DAY: std::ops::Range<i8> = 10..15;

/// One day: when the sun is up, and when there is light for certain.
#[derive(Debug, Clone, Copy)]
struct SunlitDay {
    date: Date,
    sun: Option<SunDay>,
    light: Option<SunDay>,
}

/// Yesterday, today and tomorrow.
type DaysAround = [SunlitDay; 3];

/// When inverters woke and slept of late. To be saved.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LearnedHours {
    /// Seconds from sunrise until the first one was awake.
    woke: Vec<(Date, i64)>,
    /// Seconds from sunset until the last answer.
    slept: Vec<(Date, i64)>,
}

/// What time of the day it is for inverters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeOfDay {
    /// Whether they are asked.
    pub is_open: bool,
    /// Whether they should answer: there is light for certain.
    pub is_day: bool,
    /// Which day's sunrise was the last one, where that is known.
    pub day: Option<Date>,
    /// When they are asked again, if they are not now and that is known.
    pub opens: Option<Timestamp>,
}

/// The hours of a place.
#[derive(Debug, Clone)]
pub struct PollingHours {
    place: Option<Site>,
    offset: SignedDuration,
    is_adaptive: bool,
    zone: TimeZone,
    learned: LearnedHours,
    /// The days around one that was asked for.
    days: Option<(Date, DaysAround)>,
    /// When an answer came last.
    heard: Option<Duration>,
}

impl LearnedHours {
    fn note(list: &mut Vec<(Date, i64)>, day: Date, seconds: i64, better: fn(i64, i64) -> i64) {
        // What lies ahead was noted by a clock that stood wrong.
        list.retain(|(date, _)| *date <= day);
        match list.iter_mut().find(|(date, _)| *date == day) {
            Some((_, known)) => *known = better(*known, seconds),
            None => list.push((day, seconds)),
        }
        if list.len() > REMEMBERED {
            list.sort_unstable();
            list.remove(0);
        }
    }

    /// From sunrise.
    fn earliest(&self) -> Option<i64> {
        self.woke.iter().map(|(_, seconds)| *seconds).min()
    }

    /// From sunrise and from sunset: between when the days before this one usually were. One on which something else
    /// happened does not count.
    fn usual(&self, today: Date) -> (i64, i64) {
        let of = |list: &[(Date, i64)]| {
            let past = list.iter().filter(|(date, _)| *date < today);
            let mut seconds: Vec<i64> = past.map(|(_, seconds)| *seconds).collect();
            seconds.sort_unstable();
            let is_enough = seconds.len() >= USUAL;
            seconds
                .get(seconds.len() / 2)
                .copied()
                .filter(|_| is_enough)
        };
        (of(&self.woke).unwrap_or(0), of(&self.slept).unwrap_or(0))
    }

    /// From sunset.
    fn latest(&self) -> Option<i64> {
        self.slept.iter().map(|(_, seconds)| *seconds).max()
    }
}

fn seconds_between(from: Timestamp, until: Timestamp) -> i64 {
    until.duration_since(from).as_secs()
}

fn later(at: Timestamp, seconds: i64) -> Timestamp {
    at.saturating_add(SignedDuration::from_secs(seconds))
        .unwrap_or(at)
}

impl PollingHours {
    /// Without a place they are always asked.
    pub fn new(
        place: Option<Site>,
        offset: SignedDuration,
        is_adaptive: bool,
        zone: TimeZone,
        learned: LearnedHours,
    ) -> Self {
        Self {
            place,
            offset,
            is_adaptive,
            zone,
            learned,
            days: None,
            heard: None,
        }
    }

    /// What was learned so far.
    pub const fn learned(&self) -> &LearnedHours {
        &self.learned
    }

    fn days(&mut self, wall: Timestamp) -> Option<DaysAround> {
        let place = self.place.filter(|_| is_time(wall))?;
        let today = wall.to_zoned(self.zone.clone()).date();
        if let Some((known, days)) = self.days
            && known == today
        {
            return Some(days);
        }
        let dates = [
            today.yesterday().unwrap_or(today),
            today,
            today.tomorrow().unwrap_or(today),
        ];
        let days = dates.map(|date| SunlitDay {
            date,
            sun: place.sun(date, &self.zone),
            light: place.light(date, &self.zone),
        });
        self.days = Some((today, days));
        Some(days)
    }

    /// From when until when inverters are asked on a day.
    fn window(&self, sun: SunDay) -> Option<(Timestamp, Timestamp)> {
        let window = sun.window(self.offset);
        let SunDay::Between(rise, set) = sun else {
            return window;
        };
        let learned = self.is_adaptive.then_some(&self.learned);
        let woke = learned.and_then(LearnedHours::earliest);
        let slept = learned.and_then(LearnedHours::latest);
        let (start, end) = window?;
        Some((
            woke.map_or(start, |woke| start.min(later(rise, woke - AHEAD))),
            slept.map_or(end, |slept| end.max(later(set, slept))),
        ))
    }

    /// What time of the day it is.
    pub fn time_of_day(&mut self, now: Moment) -> TimeOfDay {
        let wall = now.wall;
        let Some(days) = self.days(wall) else {
            let hour = wall.to_zoned(self.zone.clone()).hour();
            return TimeOfDay {
                is_open: true,
                is_day: is_time(wall) && DAY.contains(&hour),
                day: None,
                opens: None,
            };
        };
        let lingers = self.is_adaptive && self.heard.is_some_and(|heard| now.since(heard) < LINGER);
        let mut time = TimeOfDay {
            is_open: lingers,
            is_day: false,
            day: None,
            opens: None,
        };
        for SunlitDay { date, sun, light } in days {
            let Some(sun) = sun else {
                time.is_open = true;
                continue;
            };
            if let Some(SunDay::Between(from, until)) = light {
                // A hill in the east, or a roof to the west: not before inverters usually wake. Half of the day is day
                // in any case.
                let (woke, slept) = self.learned.usual(date);
                let (from, until) = match sun {
                    SunDay::Between(rise, set) => {
                        let quarter = seconds_between(rise, set) / 4;
                        let woke = later(rise, woke.min(quarter));
                        let slept = later(set, slept.max(-quarter));
                        (from.max(woke), until.min(slept))
                    }
                    _ => (from, until),
                };
                time.is_day |= (from..until).contains(&wall);
            }
            match sun {
                SunDay::Between(rise, _) => {
                    if rise <= wall {
                        time.day = Some(date);
                    }
                }
                // Of the days around, only today's is of any meaning.
                SunDay::AllDay | SunDay::Never => {
                    if self.days.is_none_or(|(today, _)| today != date) {
                        continue;
                    }
                    time.day = Some(date);
                    time.is_day |= light == Some(SunDay::AllDay);
                }
            }
            let Some((start, end)) = self.window(sun) else {
                continue;
            };
            if (start..end).contains(&wall) {
                time.is_open = true;
            } else if start > wall && time.opens.is_none_or(|opens| start < opens) {
                time.opens = Some(start);
            }
        }
        if time.is_open {
            time.opens = None;
        }
        time
    }

    /// An answer came from an inverter that has been awake for so many seconds, if it says so.
    pub fn heard(&mut self, awake: Option<u32>, now: Moment) {
        self.heard = Some(now.steady);
        let Some(days) = self.days(now.wall) else {
            return;
        };
        for SunlitDay { date, sun, .. } in days {
            let Some(SunDay::Between(rise, set)) = sun else {
                continue;
            };
            let woke = awake.map(|awake| later(now.wall, -i64::from(awake)));
            let from_rise = woke.map(|woke| seconds_between(rise, woke));
            if let Some(from_rise) = from_rise.filter(|it| (-TWILIGHT..MORNING).contains(it))
                && now.wall < set
            {
                LearnedHours::note(&mut self.learned.woke, date, from_rise, i64::min);
            }
            let from_set = seconds_between(set, now.wall);
            if (-MORNING..TWILIGHT).contains(&from_set) && now.wall > rise {
                LearnedHours::note(&mut self.learned.slept, date, from_set, i64::max);
            }
        }
    }
}
