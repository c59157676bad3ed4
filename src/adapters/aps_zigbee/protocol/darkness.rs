//! Who does not answer, and whether that is the night.

use super::{DARK, DEAF, HOUR, OUT_OF_CONTACT, ROUTES_IN_VAIN, STALE, StickConversation, UNHEARD};
use crate::adapters::aps_zigbee::health;
use crate::adapters::aps_zigbee::inverter::ZigbeeInverter;
use crate::adapters::aps_zigbee::radio::RadioState;
use crate::adapters::aps_zigbee::schedule::PollFailure;
use crate::adapters::aps_zigbee::wire::ids::InverterSerial;
use crate::clock::Moment;
use crate::device::protocol::{Heard, Output};
use crate::model::{Health, Report};

impl StickConversation {
    /// An inverter was asked and has not answered.
    pub(super) fn in_vain(&mut self, serial: InverterSerial, now: Moment) {
        self.out.push(Output::Heard(Heard::Bad));
        let failure = self.schedule.failed(serial, now);
        // A radio that has just come up is no sign of dark, but what is old is no more of now.
        if failure != PollFailure::Retried {
            let heard = self.inverters.get(&serial).and_then(|it| it.heard);
            if !self.schedule.is_excused(now) {
                self.missed(serial, now);
            } else if heard.is_some_and(|heard| now.since(heard) >= STALE) {
                self.darken(serial, now);
            }
        }
        if let PollFailure::Counted(turns) = failure
            && let Some(inverter) = self.inverters.get_mut(&serial)
        {
            let place = &mut inverter.remembered.place;
            let is_paired = place.address().is_some();
            let has_route = u32::from(inverter.has_route);
            inverter.routes_in_vain = inverter.routes_in_vain.saturating_add(has_route);
            let is_news = place.fell_silent(turns);
            let health = match inverter.damaged {
                Some(fault) => health::damaged(fault),
                None if inverter.routes_in_vain >= ROUTES_IN_VAIN => health::unanswering(),
                None => health::silent(),
            };
            if is_news {
                self.list_asked();
                self.save();
            }
            if turns >= OUT_OF_CONTACT && is_paired && !self.is_deaf {
                self.say(serial, health);
            }
        }
        // A stick that hears any radio is not deaf, whatever inverters do.
        let hears = self.heard_any.is_some_and(|heard| now.since(heard) < HOUR);
        if self.schedule.silent_rounds() >= DEAF && !hears {
            self.radio.deaf(now);
        }
    }

    /// A turn has passed without an answer: after some, what it delivered last is no longer so.
    pub(super) fn missed(&mut self, serial: InverterSerial, now: Moment) {
        let Some(inverter) = self.inverters.get_mut(&serial) else {
            return;
        };
        inverter.in_vain = inverter.in_vain.saturating_add(1);
        let in_vain = inverter.in_vain;
        // By day it is out of contact then, which is said elsewhere.
        let turns = if self.schedule.time_of_day(now).is_day {
            OUT_OF_CONTACT
        } else {
            DARK
        };
        if in_vain >= turns {
            self.darken(serial, now);
        }
    }

    /// An inverter has no light any more, as far as can be told.
    pub(super) fn darken(&mut self, serial: InverterSerial, now: Moment) {
        let Some(inverter) = self.inverters.get_mut(&serial) else {
            return;
        };
        if inverter.heard.is_none() || std::mem::replace(&mut inverter.is_asleep, true) {
            return;
        }
        inverter.power = None;
        let asleep = inverter.asleep(now.wall);
        self.out.report([Report::Readings(asleep)]);
        if !self.schedule.time_of_day(now).is_day {
            self.say_usual(serial);
        }
        self.sum_up(now);
    }

    /// Night and day.
    pub(super) fn look_at_the_time(&mut self, now: Moment) {
        for inverter in self.inverters.values_mut() {
            inverter.remembered.energy.watch(now);
        }
        if self.config.listen_only {
            self.look_for_unheard(now);
        }
        if self.is_deaf && !self.schedule.time_of_day(now).is_day {
            self.hear_again();
        }
        let is_night = !self.config.listen_only && !self.schedule.is_window_open(now);
        let has_turned = std::mem::replace(&mut self.is_night, is_night) != is_night;
        let today = now.wall.to_zoned(self.zone.clone()).date();
        let is_new_day = self.day.replace(today).is_some_and(|day| day < today);
        if !has_turned && !is_new_day {
            return;
        }
        let serials: Vec<InverterSerial> = self.inverters.keys().copied().collect();
        for serial in serials {
            let Some(inverter) = self.inverters.get_mut(&serial) else {
                continue;
            };
            // One that was read on an earlier day is known as well.
            let is_known = inverter.heard.is_some() || inverter.is_read();
            if has_turned && is_night && is_known {
                inverter.is_asleep = true;
                inverter.power = None;
                let asleep = inverter.asleep(now.wall);
                self.out.report([Report::Readings(asleep)]);
            }
            if is_new_day
                && is_known
                && let Some(inverter) = self.inverters.get(&serial)
            {
                let energies = inverter.energies(&self.zone, now);
                self.out.report([Report::Readings(energies)]);
            }
            if has_turned {
                self.say_usual(serial);
            }
        }
        self.sum_up(now);
        self.save();
    }

    /// Who is only listened to, and says nothing any more.
    pub(super) fn look_for_unheard(&mut self, now: Moment) {
        let is_unheard = |it: &&ZigbeeInverter| {
            !it.is_asleep && it.heard.is_some_and(|heard| now.since(heard) >= UNHEARD)
        };
        let unheard = self.inverters.values().filter(is_unheard);
        let unheard: Vec<InverterSerial> = unheard.map(|it| it.serial).collect();
        let is_day = !unheard.is_empty() && self.schedule.time_of_day(now).is_day;
        for serial in unheard {
            self.darken(serial, now);
            if is_day {
                self.say(serial, health::unheard());
            }
        }
    }

    /// The stick hears somebody, or it is night and nobody speaks.
    pub(super) fn hear_again(&mut self) {
        if std::mem::take(&mut self.is_deaf) && self.state == RadioState::Ready {
            self.say_stick(Health::ONLINE);
            self.say_all();
        }
    }
}
