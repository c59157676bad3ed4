//! One house under one sky, for simulated devices that have to agree with each other.
//!
//! Inverters feed in what the sky gives them, batteries are charged, appliances take what they need, and
//! the meter sees the difference: at every moment import less export is consumption and charging less
//! production.
//!
//! All devices in a house go by its clock. In that of the demo time runs as it really does, so that no
//! counter gains more than it could and no time is ahead of now; but under its sky it is always a fine
//! late morning, so that there is something to see whenever somebody looks. Nothing is random: the same
//! moment after the beginning brings the same values.

use std::fmt;
use std::iter::Sum;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned, civil};

use super::Sky;
use super::appliances::consumption;
use super::timeline::Timeline;
use crate::clock::Moment;

/// What flows at a moment, in watts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Flows {
    /// From panels.
    pub production: i32,
    /// Into whatever is switched on, and into heat.
    pub consumption: i32,
    /// Into batteries; negative for what comes out of them.
    pub charging: i32,
}

impl Flows {
    /// What has to come from the grid; negative for what goes there.
    pub const fn from_grid(self) -> i32 {
        self.consumption + self.charging - self.production
    }
}

impl Sum for Flows {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), |sum, one| Self {
            production: sum.production + one.production,
            consumption: sum.consumption + one.consumption,
            charging: sum.charging + one.charging,
        })
    }
}

/// What flows in a device that is connected to a house.
type Connected = Box<dyn Fn(Timestamp) -> Flows + Send + Sync>;

/// What the demo can show, by the word that asks for it, and the model of its electricity meter.
pub const DEMO_HOUSES: &[(&str, &str)] = &[("kaifa", "tinetz"), ("p1", "fluvius")];

/// A house, its clock and its sky. Cheap to clone: all clones are the same house.
#[derive(Clone)]
pub struct House {
    sky: Sky,
    zone: TimeZone,
    seed: u64,
    begun: Timestamp,
    /// Watts at a clear noon from panels of which no simulated device tells.
    roof: i32,
    /// The model of its electricity meter, if that has been said.
    meter: Option<&'static str>,
    timeline: Arc<RwLock<Timeline>>,
    connected: Arc<RwLock<Vec<Connected>>>,
}

impl House {
    /// A house under a sky, at this moment. Time runs as it really does.
    pub fn new(now: &Zoned, sky: Sky) -> Self {
        let begun = now.timestamp();
        Self {
            sky,
            zone: now.time_zone().clone(),
            seed: sky.seed(),
            begun,
            roof: 0,
            meter: None,
            timeline: Arc::new(RwLock::new(Timeline::new(begun, 1.0))),
            connected: Arc::default(),
        }
    }

    /// The house of the demo, which is looked at from this moment on.
    pub fn of_the_demo(now: &Zoned) -> Self {
        Self::new(now, Sky::of_late_morning(now.datetime()))
    }

    /// The same from its beginning on with another speed of its time; 0 stands still.
    #[must_use]
    pub fn at_speed(self, speed: f64) -> Self {
        self.change_time(|timeline| *timeline = Timeline::new(self.begun, speed));
        self
    }

    /// The same with a roof of so many watts at a clear noon, where there are no simulated inverters.
    #[must_use]
    pub fn with_roof(self, watts: i32) -> Self {
        let roof = watts;
        Self { roof, ..self }
    }

    /// The same with an electricity meter of this model.
    #[must_use]
    pub fn with_meter(self, model: &'static str) -> Self {
        let meter = Some(model);
        Self { meter, ..self }
    }

    /// The model of its electricity meter, if that has been said.
    pub const fn meter(&self) -> Option<&'static str> {
        self.meter
    }

    /// Another house like this one, with the same sky and clock and people of its own.
    #[must_use]
    pub fn neighbour(&self, number: u64) -> Self {
        Self {
            seed: self.seed.wrapping_add(number),
            connected: Arc::default(),
            ..self.clone()
        }
    }

    /// The sky above it.
    pub const fn sky(&self) -> Sky {
        self.sky
    }

    /// The time zone in which it stands.
    pub const fn zone(&self) -> &TimeZone {
        &self.zone
    }

    /// What all clocks in the house show.
    pub fn now(&self) -> Timestamp {
        self.moment().wall
    }

    /// The same, and the real time since the beginning.
    pub fn moment(&self) -> Moment {
        self.timeline().moment()
    }

    /// Its time as it runs now.
    pub fn timeline(&self) -> Timeline {
        let timeline = self.timeline.read();
        timeline.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Goes on at another speed; 0 stands still.
    pub fn set_speed(&self, speed: f64) {
        self.change_time(|timeline| timeline.set_speed(speed));
    }

    /// Goes on from another moment, by the local clock.
    pub fn jump_to(&self, local: civil::DateTime) {
        // Only a time at the end of all calendars is none.
        if let Ok(zoned) = local.to_zoned(self.zone.clone()) {
            self.change_time(|timeline| timeline.jump_to(zoned.timestamp()));
        }
    }

    fn change_time(&self, change: impl FnOnce(&mut Timeline)) {
        let timeline = self.timeline.write();
        change(&mut timeline.unwrap_or_else(PoisonError::into_inner));
    }

    /// The local time at a moment.
    pub fn local(&self, at: Timestamp) -> civil::DateTime {
        at.to_zoned(self.zone.clone()).datetime()
    }

    /// Connects a device in which this flows at a moment.
    pub fn connect(&self, device: impl Fn(Timestamp) -> Flows + Send + Sync + 'static) {
        let connected = self.connected.write();
        let mut connected = connected.unwrap_or_else(PoisonError::into_inner);
        connected.push(Box::new(device));
    }

    /// What flows in the house and in all that is connected to it.
    pub fn flows(&self, at: Timestamp) -> Flows {
        let connected = self.connected.read();
        let connected = connected.unwrap_or_else(PoisonError::into_inner);
        let own = Flows {
            production: (f64::from(self.roof) * self.sky.light(self.local(at))) as i32,
            consumption: self.consumption(at),
            charging: 0,
        };
        let all = connected.iter().map(|device| device(at));
        all.chain([own]).sum()
    }

    /// Watts that its appliances take.
    pub fn consumption(&self, at: Timestamp) -> i32 {
        let seconds = at.duration_since(self.begun).as_secs_f64();
        consumption(self.seed, seconds.max(0.0))
    }

    /// Real time since the beginning.
    pub fn elapsed(&self) -> Duration {
        self.moment().steady
    }
}

impl fmt::Debug for House {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut house = f.debug_struct("House");
        house.field("begun", &self.begun).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use jiff::ToSpan;
    use proptest::prelude::*;

    use super::*;

    fn house() -> House {
        House::of_the_demo(&"2026-12-24T22:17:03[Europe/Vienna]".parse().unwrap())
    }

    proptest! {
        #[test]
        fn what_the_meter_sees_is_what_is_taken_and_stored_less_what_is_produced(
            production in 0..20_000, consumption in 0..20_000, charging in -5_000..5_000,
            roof in 0..10_000, seconds in 0_i64..1_000_000,
        ) {
            let house = house().with_roof(roof);
            let flows = Flows { production, consumption, charging };
            house.connect(move |_| flows);
            house.connect(move |_| Flows { production: 7, ..Flows::default() });
            let at = house.begun + seconds.seconds();
            let all = house.flows(at);
            let own = (f64::from(roof) * house.sky().light(house.local(at))) as i32;
            prop_assert_eq!(all.production, production + 7 + own);
            prop_assert_eq!(all.consumption, consumption + house.consumption(at));
            prop_assert_eq!(all.charging, charging);
            let balance = all.consumption + all.charging - all.production;
            prop_assert_eq!(all.from_grid(), balance);
        }
    }

    #[test]
    fn a_neighbour_has_the_same_sky_and_nothing_of_what_is_connected_here() {
        let house = house().with_roof(3_000);
        house.connect(|_| Flows {
            production: 1_000_000,
            ..Flows::default()
        });
        let next = house.neighbour(1);
        let at = house.begun + 7.minutes();
        assert_eq!(next.sky(), house.sky());
        assert_ne!(next.consumption(at), house.consumption(at));
        assert!(next.flows(at).production <= 3_000);
    }

    #[tokio::test(start_paused = true)]
    async fn all_clones_go_by_one_clock() {
        let house = house().at_speed(60.0);
        let clone = house.clone();
        tokio::time::advance(Duration::from_secs(10)).await;
        assert_eq!(clone.now(), house.begun + 10.minutes());
        house.set_speed(0.0);
        house.jump_to(civil::date(2026, 12, 25).at(12, 0, 0, 0));
        tokio::time::advance(Duration::from_secs(10)).await;
        let noon = "2026-12-25T12:00:00[Europe/Vienna]".parse::<Zoned>();
        assert_eq!(clone.now(), noon.unwrap().timestamp());
        assert_eq!(clone.elapsed(), Duration::from_secs(20));
    }
}
