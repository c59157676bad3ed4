//! What the people of a house take: little at night, breakfast, dinner, washing on some days, heat in winter,
//! two weeks away in August.

use jiff::Timestamp;
use jiff::civil::{DateTime, Weekday};

use crate::simulation::noise::{noise, unit};

/// Watts that are always taken.
const BASE: f64 = 130.0;

/// What a value depends on besides time.
enum HabitSalt {
    Fridge = 41,
    Wander,
    Flicker,
    Heat,
    Deed,
}

/// A thing that is done once on some days.
struct Deed {
    watts: f64,
    /// Hours of the day between which it begins.
    from: f64,
    to: f64,
    /// Hours that it takes.
    takes: f64,
    /// On which share of the workdays, and of the other ones.
    workdays: f64,
    others: f64,
}

#[rustfmt::skip]
const DEEDS: &[Deed] = &[
    // Breakfast, lunch, dinner, lights and television, washing, dishes.
    Deed { watts: 1450.0, from: 6.2, to: 7.4, takes: 0.4, workdays: 0.95, others: 0.0 },
    Deed { watts: 1900.0, from: 11.4, to: 12.6, takes: 0.8, workdays: 0.15, others: 0.9 },
    Deed { watts: 2300.0, from: 17.6, to: 19.2, takes: 0.9, workdays: 0.85, others: 0.6 },
    Deed { watts: 260.0, from: 18.0, to: 19.0, takes: 4.2, workdays: 1.0, others: 1.0 },
    Deed { watts: 900.0, from: 9.0, to: 16.0, takes: 1.3, workdays: 0.25, others: 0.55 },
    Deed { watts: 1050.0, from: 19.5, to: 21.0, takes: 1.1, workdays: 0.6, others: 0.7 },
];

/// Watts at a moment, with the mean temperature of its day.
pub fn taken(seed: u64, at: Timestamp, local: DateTime, warmth: f64) -> i32 {
    let seconds = at.as_second().max(0) as f64;
    let date = local.date();
    let day = u64::try_from(at.as_second().div_euclid(86_400)).unwrap_or(0);
    let hour = f64::from(local.hour()) + f64::from(local.minute()) / 60.0;
    let fridge = 70.0 * (noise(seed, HabitSalt::Fridge as u64, 0, seconds / 1500.0) - 0.3).max(0.0);
    let wander = 90.0 * noise(seed, HabitSalt::Wander as u64, 0, seconds / 2400.0);
    let flicker = 30.0 * noise(seed, HabitSalt::Flicker as u64, 0, seconds / 300.0);
    // A heat pump: more the colder it is, never all day.
    let cold = (15.0 - warmth).clamp(0.0, 25.0);
    let turns = noise(seed, HabitSalt::Heat as u64, 0, seconds / 3600.0);
    let heat = if turns > 0.45 { cold * 75.0 } else { 0.0 };
    let quiet = BASE + fridge + flicker;
    let is_away = date.month() == 8 && (3..=16).contains(&date.day());
    if is_away {
        return quiet as i32;
    }
    let is_workday = !matches!(date.weekday(), Weekday::Saturday | Weekday::Sunday);
    let done = (0..).zip(DEEDS);
    let done =
        done.map(|(number, deed)| deed.watts_at(seed.wrapping_add(number), day, hour, is_workday));
    (quiet + wander + heat + done.sum::<f64>()) as i32
}

impl Deed {
    fn watts_at(&self, seed: u64, day: u64, hour: f64, is_workday: bool) -> f64 {
        let chance = |what| unit(seed, HabitSalt::Deed as u64 + what, day);
        let share = if is_workday {
            self.workdays
        } else {
            self.others
        };
        let begin = self.from + (self.to - self.from) * chance(1);
        let runs = (begin..begin + self.takes).contains(&hour);
        if runs && chance(2) < share {
            self.watts * (0.8 + 0.4 * chance(3))
        } else {
            0.0
        }
    }
}
