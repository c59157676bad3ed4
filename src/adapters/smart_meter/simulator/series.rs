//! Many telegrams of one meter without waiting for them.
//!
//! The days of the simulated home are always the same, so two series are equal byte for byte.

use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};

use super::super::wire::Key;
use super::super::wire::security::OpenError;
use super::damage::damage;
use super::faults::MeterFault;
use super::household::{Fixed, Household, ROOF, Sample};
use super::model::Model;
use super::telegram::Meter;
use super::telling::Telegram;
use crate::simulation::{FaultRule, Faults, House, Sky};

/// Midnight before 21 June 2026.
const BEGINNING: Timestamp = Timestamp::constant(1_782_000_000, 0);

/// Telegrams of one meter, one after the other, without an end.
#[derive(Debug, Clone)]
pub struct Series {
    home: Household,
    meter: Meter,
    zone: TimeZone,
    begun: Timestamp,
    now: Timestamp,
    interval: Duration,
    faults: Faults<MeterFault>,
}

impl Series {
    /// A meter that sends once in `interval`, with a clock set to UTC.
    pub fn new(
        model: &'static Model,
        key: Key,
        authentication: Option<Key>,
        interval: Duration,
    ) -> Self {
        let begun = BEGINNING.to_zoned(TimeZone::UTC);
        Self {
            home: home(&begun),
            meter: Meter::new(model, key, authentication, 0),
            zone: TimeZone::UTC,
            begun: BEGINNING,
            now: BEGINNING,
            interval,
            faults: Faults::new(&[]),
        }
    }

    /// The same from another moment on, with a clock set to its zone.
    #[must_use]
    pub fn beginning(self, begun: &Zoned) -> Self {
        Self {
            home: home(begun),
            zone: begun.time_zone().clone(),
            begun: begun.timestamp(),
            now: begun.timestamp(),
            ..self
        }
    }

    /// The same with these faults, whose times count from the beginning of the series.
    #[must_use]
    pub fn with_faults(self, rules: &[FaultRule<MeterFault>]) -> Self {
        let faults = Faults::new(rules);
        Self { faults, ..self }
    }

    /// The next telegram.
    ///
    /// # Errors
    ///
    /// A key is not as long as the model wants it, or missing.
    pub fn telegram(&mut self) -> Result<Telegram, OpenError> {
        let sample = self.home.at(self.now);
        self.telegram_of(sample)
    }

    /// The next telegram, with values of one's own.
    ///
    /// # Errors
    ///
    /// As [`Self::telegram`].
    pub fn telegram_of(&mut self, sample: Sample) -> Result<Telegram, OpenError> {
        let at = self.now;
        self.now = at.checked_add(self.interval).unwrap_or(at);
        let elapsed = Duration::try_from(at.duration_since(self.begun)).unwrap_or_default();
        let due = self.faults.due(elapsed, |_| true);
        let mut telegram = self.meter.tell(sample, at, &self.zone, &due)?;
        telegram.frames = damage(telegram.frames, &due, 0, &mut self.faults.dice);
        Ok(telegram)
    }
}

fn home(begun: &Zoned) -> Household {
    let house = House::new(begun, Sky::default()).with_roof(ROOF);
    Household::new(0, house, Fixed::default())
}

#[cfg(test)]
mod tests {
    use super::super::super::wire::{Framer, LinkEvent};
    use super::super::model::MODELS;
    use super::*;

    fn series(model: &'static Model, authentication: Option<Key>) -> Series {
        let key = Key::from([7; 16]);
        Series::new(model, key, authentication, Duration::from_secs(5))
    }

    #[test]
    fn frames_of_every_model_carry_the_message_and_moments_go_on() {
        for model in MODELS {
            let mut series = series(model, Some(Key::from([8; 16])));
            let (first, second) = (series.telegram().unwrap(), series.telegram().unwrap());
            assert_eq!(second.at.duration_since(first.at).as_secs(), 5);
            let mut framer = Framer::new();
            framer.push(&first.frames.concat());
            let Some(LinkEvent::Message(message)) = framer.next_event() else {
                panic!("{}: no message", model.name);
            };
            assert_eq!(message.bytes, first.message, "{}", model.name);
        }
    }

    #[test]
    fn a_model_with_a_tag_wants_both_keys() {
        let e450 = Model::named("e450").unwrap();
        assert!(series(e450, None).telegram().is_err());
    }
}
