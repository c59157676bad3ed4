//! The gateway's memory: what it measured in its last cycle, and what it has counted.
//!
//! Once a cycle the gateway asks its inverters; between cycles its answers repeat. Each power holds
//! for the time since the cycle before and is counted in whole watt-seconds, so that energy is
//! exactly the sum of the powers it has reported.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan, Zoned, civil};

use super::super::wire::{Body, Product, Uid};
use super::plant::{Inverter, Plant};
use super::sun::{Sun, power_w};
use crate::simulation::noise::hash;

/// Longest time that is lived through after a jump; what is before it is left out.
const LONGEST_LIFE: SignedDuration = SignedDuration::from_hours(400 * 24);
/// Days whose power curve is kept.
const CURVES: usize = 8;
/// Days whose energy is kept.
const DAYS: usize = 400;

/// What goes on around the gateway, besides the sun.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Conditions {
    /// All inverters are off.
    pub asleep: bool,
    /// The gateway starts again and knows nothing yet.
    pub rebooting: bool,
    /// Each inverter wakes so much later than the one before.
    pub wake_apart: Duration,
    /// Places in the list, from 1: inverters it does not hear.
    pub missing: Vec<usize>,
    /// Places in the list, from 1: inverters that are not registered.
    pub lost: Vec<usize>,
    /// Inverters registered in addition.
    pub added: Vec<&'static Product>,
}

/// What the gateway knows of an inverter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Contact {
    /// Nothing since the gateway started.
    Never,
    /// It was heard once, but not in the last cycle.
    Silent,
    /// What it measured in the last cycle.
    Online(Body),
}

/// One inverter of the gateway's list.
#[derive(Debug, Clone, Copy)]
pub struct Member {
    pub inverter: Inverter,
    pub contact: Contact,
    /// How well it was heard last; 0 = never.
    pub radio: u8,
    /// Came with a fault and goes with it.
    added: bool,
    /// Hidden by a fault.
    lost: bool,
}

/// What the gateway would tell at a moment.
#[derive(Debug, Clone)]
pub struct View {
    /// The last cycle; `None` if there was none since the gateway started.
    pub cycle: Option<civil::DateTime>,
    pub members: Vec<Member>,
    pub lifetime_wh: u64,
    pub today_wh: u64,
}

impl View {
    pub fn power_w(&self) -> u32 {
        self.members.iter().map(Member::power_w).sum()
    }

    pub fn online(&self) -> usize {
        let online = |member: &&Member| matches!(member.contact, Contact::Online(_));
        self.members.iter().filter(online).count()
    }
}

impl Member {
    fn new(inverter: Inverter, contact: Contact, added: bool) -> Self {
        Self {
            inverter,
            contact,
            radio: 0,
            added,
            lost: false,
        }
    }

    fn power_w(&self) -> u32 {
        match &self.contact {
            Contact::Online(body) => power_w(body),
            Contact::Never | Contact::Silent => 0,
        }
    }
}

/// The gateway's memory.
#[derive(Debug)]
pub struct Ecu {
    pub plant: Plant,
    sun: Sun,
    zone: TimeZone,
    cycle_s: i64,
    members: Vec<Member>,
    conditions: Conditions,
    /// All energy up to here is counted.
    counted: Timestamp,
    /// When `today` ends.
    midnight: Timestamp,
    today: civil::Date,
    cycle: Option<civil::DateTime>,
    lifetime_ws: u64,
    today_ws: u64,
    /// Energy of past days in Wh.
    days: BTreeMap<civil::Date, u64>,
    /// Power in steps of five minutes.
    curves: BTreeMap<civil::Date, Vec<(civil::Time, u16)>>,
}

impl Ecu {
    /// A gateway that has been running for a long time and all of this day.
    pub fn new(
        plant: Plant,
        sun: Sun,
        zone: TimeZone,
        cycle: Duration,
        lifetime_wh: Option<u64>,
        start: Timestamp,
    ) -> Self {
        let local = start.to_zoned(zone.clone());
        let morning = local.start_of_day().unwrap_or(local);
        let today = morning.date();

        let mut days = BTreeMap::new();
        for back in 1..=365 {
            if let Ok(date) = today.checked_sub(back.days()) {
                days.insert(date, sun.past_day_wh(&plant.inverters, date));
            }
        }
        // As if it had been running for a few years more.
        let years: u64 = days.values().sum::<u64>() * (1 + hash(sun.seed(), 1) % 4);
        let members = plant.inverters.iter().map(|inverter| Member {
            radio: sun.radio(inverter, morning.datetime()),
            ..Member::new(*inverter, Contact::Silent, false)
        });
        let mut ecu = Self {
            members: members.collect(),
            conditions: Conditions::default(),
            counted: morning.timestamp(),
            midnight: next_midnight(&morning),
            today,
            cycle: Some(morning.datetime()),
            lifetime_ws: lifetime_wh.unwrap_or(years).saturating_mul(3600),
            today_ws: 0,
            days,
            curves: BTreeMap::new(),
            cycle_s: i64::try_from(cycle.as_secs()).unwrap_or(i64::MAX).max(1),
            plant,
            sun,
            zone,
        };
        // There may be light at midnight under the sky of a demo.
        ecu.refresh(morning.timestamp());
        ecu.advance(start, |_| Conditions::default());
        if let Some(lifetime_wh) = lifetime_wh {
            // What was asked for holds now, not at midnight.
            ecu.lifetime_ws = lifetime_wh.saturating_mul(3600);
        }
        ecu
    }

    /// Lives through all cycles up to a moment.
    pub fn advance(&mut self, now: Timestamp, conditions: impl Fn(Timestamp) -> Conditions) {
        let now = Timestamp::from_second(now.as_second()).unwrap_or(now);
        let far = now.checked_sub(LONGEST_LIFE).unwrap_or(Timestamp::MIN);
        if now < self.counted || self.counted < far {
            self.skip_to(now.min(self.counted).max(far));
        }
        loop {
            let next = self.next_cycle();
            if next > now {
                break;
            }
            self.apply(&conditions(next));
            self.refresh(next);
        }
        // Whatever a person or a fault does is seen at once, not only in the next cycle.
        if self.apply(&conditions(now)) {
            self.refresh(now);
        }
    }

    /// Goes to another time at which nothing has been counted.
    fn skip_to(&mut self, moment: Timestamp) {
        let second = moment.as_second();
        let begun = second - second.rem_euclid(self.cycle_s);
        let moment = Timestamp::from_second(begun).unwrap_or(moment);
        self.counted = moment;
        let local = moment.to_zoned(self.zone.clone());
        if local.date() != self.today {
            self.today_ws = 0;
            self.today = local.date();
        }
        self.midnight = next_midnight(&local);
        self.refresh(moment);
    }

    /// The next cycle, or midnight if that is before it, so that no energy belongs to two days.
    fn next_cycle(&self) -> Timestamp {
        let next = self.counted.as_second().div_euclid(self.cycle_s) + 1;
        let next = next.checked_mul(self.cycle_s);
        let next = next.and_then(|second| Timestamp::from_second(second).ok());
        next.unwrap_or(Timestamp::MAX).min(self.midnight)
    }

    /// Takes note of what changed; `true` if the inverters have to be asked again.
    fn apply(&mut self, conditions: &Conditions) -> bool {
        if *conditions == self.conditions {
            return false;
        }
        let before = std::mem::replace(&mut self.conditions, conditions.clone());
        if conditions.rebooting && !before.rebooting {
            self.reboot();
        }
        if conditions.added != before.added {
            self.members.retain(|member| !member.added);
            for product in &conditions.added {
                self.join(product, true);
            }
        }
        let count = self.members.iter().filter(|member| !member.added).count();
        for (place, member) in self.members.iter_mut().enumerate() {
            member.lost = is_among(&conditions.lost, place, count);
        }
        conditions.asleep != before.asleep
            || conditions.wake_apart != before.wake_apart
            || conditions.missing != before.missing
            || conditions.lost != before.lost
    }

    /// Forgets every measurement; the counters are kept.
    pub fn reboot(&mut self) {
        self.cycle = None;
        for member in &mut self.members {
            member.contact = Contact::Never;
            member.radio = 0;
        }
    }

    fn refresh(&mut self, moment: Timestamp) {
        let local = moment.to_zoned(self.zone.clone());
        if !self.conditions.rebooting {
            let seconds = moment.as_second() - self.counted.as_second();
            self.measure(&local);
            let power = self.power_w();
            let energy = u64::from(power) * u64::try_from(seconds).unwrap_or(0);
            self.lifetime_ws = self.lifetime_ws.saturating_add(energy);
            self.today_ws = self.today_ws.saturating_add(energy);
            self.cycle = Some(local.datetime());
            self.note_power(local.datetime(), power);
        }
        self.counted = moment;
        if moment >= self.midnight {
            self.days.insert(self.today, self.today_ws / 3600);
            self.today_ws = 0;
            self.today = local.date();
            self.midnight = next_midnight(&local);
            while self.days.len() > DAYS {
                self.days.pop_first();
            }
            while self.curves.len() > CURVES {
                self.curves.pop_first();
            }
        }
    }

    fn measure(&mut self, local: &Zoned) {
        let at = local.datetime();
        let dark = self.conditions.asleep || !self.sun.is_day(at);
        let count = self.members.iter().filter(|member| !member.added).count();
        for (place, member) in self.members.iter_mut().enumerate() {
            let late = self.conditions.wake_apart * u32::try_from(place).unwrap_or(u32::MAX);
            let asleep = !late.is_zero() && self.sun.is_younger_than(late, at);
            let missing = is_among(&self.conditions.missing, place, count);
            let mute = dark || asleep || member.lost || missing;
            let body = if mute {
                None
            } else {
                self.sun.measure(&member.inverter, at)
            };
            match (body, member.contact) {
                (Some(body), _) => {
                    member.contact = Contact::Online(body);
                    member.radio = self.sun.radio(&member.inverter, at);
                }
                (None, Contact::Never) => {}
                (None, _) => member.contact = Contact::Silent,
            }
        }
    }

    fn note_power(&mut self, at: civil::DateTime, power: u32) {
        let daylight = self
            .visible()
            .any(|one| matches!(one.contact, Contact::Online(_)));
        let slot = civil::Time::new(at.hour(), at.minute() / 5 * 5, 0, 0);
        let (true, Ok(slot)) = (daylight, slot) else {
            return;
        };
        let curve = self.curves.entry(at.date()).or_default();
        // After a jump back the later part of the day is not known any more.
        while curve.last().is_some_and(|(last, _)| *last >= slot) {
            curve.pop();
        }
        curve.push((slot, u16::try_from(power).unwrap_or(u16::MAX)));
    }

    /// Registers an inverter, which is heard in the next cycle.
    pub fn join(&mut self, product: &'static Product, added: bool) -> Uid {
        let others: Vec<_> = self.members.iter().map(|member| member.inverter).collect();
        let inverter = self.plant.latecomer(product, &others);
        self.members
            .push(Member::new(inverter, Contact::Never, added));
        inverter.uid
    }

    /// Takes an inverter out of the list; `false` if it is not there.
    pub fn leave(&mut self, uid: Uid) -> bool {
        let before = self.members.len();
        self.members.retain(|member| member.inverter.uid != uid);
        self.members.len() < before
    }

    fn visible(&self) -> impl Iterator<Item = &Member> {
        self.members.iter().filter(|member| !member.lost)
    }

    fn power_w(&self) -> u32 {
        self.visible().map(Member::power_w).sum()
    }

    /// What the gateway would tell now.
    pub fn view(&self) -> View {
        View {
            cycle: self.cycle,
            members: self.visible().copied().collect(),
            lifetime_wh: self.lifetime_ws / 3600,
            today_wh: self.today_ws / 3600,
        }
    }

    /// Power over one day; empty if nothing is known of it.
    pub fn curve(&self, date: civil::Date) -> Vec<(civil::Time, u16)> {
        self.curves.get(&date).cloned().unwrap_or_default()
    }

    /// Energy in Wh of the last `count` days, this one included.
    pub fn last_days(&self, count: usize) -> Vec<(civil::Date, u64)> {
        let past = self
            .days
            .range(..self.today)
            .rev()
            .take(count.saturating_sub(1));
        let mut days: Vec<_> = past.map(|(date, energy)| (*date, *energy)).collect();
        days.reverse();
        days.push((self.today, self.today_ws / 3600));
        days
    }

    /// Energy in Wh of the last twelve months, this one included, by their first days.
    pub fn last_months(&self) -> Vec<(civil::Date, u64)> {
        let mut months: BTreeMap<civil::Date, u64> = BTreeMap::new();
        for (date, energy) in self.last_days(DAYS) {
            *months.entry(date.first_of_month()).or_default() += energy;
        }
        let more = months.len().saturating_sub(12);
        months.into_iter().skip(more).collect()
    }

    pub const fn zone(&self) -> &TimeZone {
        &self.zone
    }
}

/// Whether a place is meant by numbers that count from 1 and start over behind the last.
fn is_among(numbers: &[usize], place: usize, count: usize) -> bool {
    numbers
        .iter()
        .any(|number| count > 0 && number.saturating_sub(1) % count == place)
}

fn next_midnight(local: &Zoned) -> Timestamp {
    let next = local.tomorrow().and_then(|next| next.start_of_day());
    next.map_or(Timestamp::MAX, |next| next.timestamp())
}
