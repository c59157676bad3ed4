//! Which panels bring less than their neighbours.
//!
//! The measure is the energy of a panel as a share of that of the median of its plane, over the slots in which the
//! plane is at work and both are known. What is not known counts nowhere, least of all as nothing.

use std::collections::{BTreeMap, BTreeSet};

use super::clear::clear_days;
use super::course::{PlaneCourse, SlotTime, WorkingSlot, at_work, hour, median, working_slots};
use super::kind::{HourShare, WeakKind, kind_of};

/// A weak panel has less than this share of the energy of all the days.
const WEAK: f64 = 0.90;
/// And less than this on so many of the last clear days.
const WEAK_DAY: f64 = 0.95;
const WEAK_DAYS: usize = 5;
const LAST_DAYS: usize = 7;
/// A plane of fewer panels has no median to speak of.
const LEAST_PANELS: usize = 4;
/// Slots that say something of a day.
const LEAST_OF_DAY: usize = 12;
/// Slots of a day in which a panel has to bring nothing.
const NOTHING_OF_DAY: usize = 24;
/// This share of what its neighbours bring is nothing.
const NOTHING: f64 = 0.02;
/// An hour counts if this share of the energy lies in it.
const LEAST_OF_HOUR: f64 = 0.03;
/// Where the planes are a guess: so far from its own mean goes a panel that looks another way.
const OTHER_WAY: f64 = 0.15;

/// A panel that brings less.
#[derive(Debug, Clone, PartialEq)]
pub struct WeakPanel {
    /// Which one of its plane.
    pub panel: usize,
    /// By how many percent it brings less, 1 to 100.
    pub percent_less: u8,
    /// What that looks like.
    pub kind: WeakKind,
    /// Its share on clear days, by hours.
    pub hours: Vec<HourShare>,
}

/// A panel in a slot, beside the median.
#[derive(Debug, Clone, Copy)]
struct Beside {
    time: SlotTime,
    watts: f64,
    median: f64,
}

/// Sums of the two.
#[derive(Debug, Clone, Copy, Default)]
struct Pair {
    count: usize,
    watts: f64,
    median: f64,
}

/// The weak panels of a plane, the weakest first.
pub fn weak_panels(course: &PlaneCourse) -> Vec<WeakPanel> {
    let panels = course.levelled();
    let mut weak: Vec<WeakPanel> = (0..panels.len())
        .filter(|place| brings_nothing(&course.slots, &panels, *place))
        .filter_map(|place| {
            let (panel, _) = panels.get(place)?;
            Some(WeakPanel {
                panel: *panel,
                percent_less: 100,
                kind: WeakKind::Nothing,
                hours: Vec::new(),
            })
        })
        .collect();
    if panels.len() >= LEAST_PANELS {
        let slots = working_slots(&course.slots, &panels);
        let clear = clear_days(&slots);
        let is_one_plane = !course.is_guess || is_even(&slots, &clear, &panels);
        for (panel, watts) in panels.iter().filter(|_| is_one_plane) {
            if weak.iter().all(|other| other.panel != *panel) {
                weak.extend(weakness(*panel, &beside(&slots, watts), &clear));
            }
        }
    }
    weak.sort_by_key(|panel| (u8::MAX - panel.percent_less, panel.panel));
    weak
}

/// A panel in all slots in which its plane is at work and it is known.
fn beside(slots: &[WorkingSlot], watts: &[Option<f64>]) -> Vec<Beside> {
    let known = slots.iter().filter_map(|slot| {
        Some(Beside {
            time: slot.time,
            watts: watts.get(slot.index).copied().flatten()?,
            median: slot.median,
        })
    });
    known.collect()
}

/// Whether a panel is weak, by the rules above.
fn weakness(panel: usize, slots: &[Beside], clear: &BTreeSet<usize>) -> Option<WeakPanel> {
    let all = slots.iter().copied().collect::<Pair>().share()?;
    let mut days: BTreeMap<usize, Pair> = BTreeMap::new();
    for slot in slots.iter().filter(|slot| clear.contains(&slot.time.day)) {
        days.entry(slot.time.day).or_default().add(*slot);
    }
    let shares = days.values().rev().filter(|day| day.count >= LEAST_OF_DAY);
    let last = shares.filter_map(Pair::share).take(LAST_DAYS);
    let weak_days = last.filter(|share| *share < WEAK_DAY).count();
    if all >= WEAK || weak_days < WEAK_DAYS {
        return None;
    }
    let hours = hours(slots, clear);
    Some(WeakPanel {
        panel,
        percent_less: (100.0 * (1.0 - all)).round().clamp(1.0, 100.0) as u8,
        kind: kind_of(&hours),
        hours,
    })
}

/// The shares of a panel by the hours of clear days, where enough lies in them.
fn hours(slots: &[Beside], clear: &BTreeSet<usize>) -> Vec<HourShare> {
    let mut hours: BTreeMap<u8, Pair> = BTreeMap::new();
    let mut all = Pair::default();
    for slot in slots.iter().filter(|slot| clear.contains(&slot.time.day)) {
        hours.entry(hour(slot.time)).or_default().add(*slot);
        all.add(*slot);
    }
    let large = hours
        .into_iter()
        .filter(|(_, pair)| pair.median >= LEAST_OF_HOUR * all.median);
    let shares = large.filter_map(|(hour, pair)| {
        Some(HourShare {
            hour,
            share: pair.share()?,
        })
    });
    shares.collect()
}

/// Whether a panel brings nothing while its neighbours work: all of the last day that says something, and all of what
/// came after it. Its neighbours are all others of the plane, so that this is seen where there are but two, and where
/// most bring nothing.
fn brings_nothing(slots: &[SlotTime], panels: &[(usize, Vec<Option<f64>>)], place: usize) -> bool {
    let Some((_, own)) = panels.get(place) else {
        return false;
    };
    let known_to = |slot: usize| {
        let others = panels
            .iter()
            .enumerate()
            .filter(|(other, _)| *other != place);
        let known = others.filter_map(|(_, (_, watts))| watts.get(slot).copied().flatten());
        known.collect::<Vec<f64>>()
    };
    let medians = slots.iter().enumerate().filter_map(|(index, time)| {
        Some(WorkingSlot {
            index,
            time: *time,
            median: median(known_to(index))?,
        })
    });
    let working = beside(&at_work(medians.collect()), own);
    let mut days: BTreeMap<usize, (usize, bool)> = BTreeMap::new();
    for slot in &working {
        let (count, is_nothing) = days.entry(slot.time.day).or_insert((0, true));
        *count += 1;
        *is_nothing &= slot.watts <= NOTHING * slot.median;
    }
    // From the last day back, until one says something.
    let mut last = days.values().rev();
    let is_whole = |(count, is_nothing): &(usize, bool)| !is_nothing || *count >= NOTHING_OF_DAY;
    last.find(|day| is_whole(day))
        .is_some_and(|(_, is_nothing)| *is_nothing)
}

/// Whether panels that are only taken for neighbours look the same way: most of them run like the median, but for what
/// they lack at all hours.
fn is_even(
    slots: &[WorkingSlot],
    clear: &BTreeSet<usize>,
    panels: &[(usize, Vec<Option<f64>>)],
) -> bool {
    let runs_alike = |watts: &[Option<f64>]| {
        let beside = beside(slots, watts);
        let Some(mean) = beside.iter().copied().collect::<Pair>().share() else {
            return true;
        };
        let hours = hours(&beside, clear);
        hours
            .iter()
            .all(|hour| (hour.share - mean).abs() <= OTHER_WAY * mean)
    };
    let alike = panels.iter().filter(|(_, watts)| runs_alike(watts)).count();
    3 * alike >= 2 * panels.len()
}

impl Pair {
    fn add(&mut self, slot: Beside) {
        self.count += 1;
        self.watts += slot.watts;
        self.median += slot.median;
    }

    /// What the panel brought of the median.
    fn share(&self) -> Option<f64> {
        (self.median > 0.0).then(|| self.watts / self.median)
    }
}

impl FromIterator<Beside> for Pair {
    fn from_iter<I: IntoIterator<Item = Beside>>(slots: I) -> Self {
        let mut pair = Self::default();
        slots.into_iter().for_each(|slot| pair.add(slot));
        pair
    }
}
