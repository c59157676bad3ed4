//! Who does not answer, and whether that is the night.

use std::time::Duration;

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
        if let PollFailure::Counted(_) = failure
            && let Some(inverter) = self.inverters.get_mut(&serial)
        {
            let has_route = u32::from(inverter.has_route);
            inverter.routes_in_vain = inverter.routes_in_vain.saturating_add(has_route);
        }
        if failure != PollFailure::Retried {
            if let Some(inverter) = self.inverters.get_mut(&serial)
                && inverter.remembered.place.fell_silent()
            {
                self.list_asked();
                self.save();
            }
            self.missed(serial, now);
        }
        // A stick that hears any radio is not deaf, whatever inverters do.
        let hears = self.heard_any.is_some_and(|heard| now.since(heard) < HOUR);
        if self.schedule.silent_rounds() >= DEAF && !hears {
            self.radio.deaf(now);
        }
    }

    /// A turn has passed without an answer: after some, what it delivered last is no longer so.
    fn missed(&mut self, serial: InverterSerial, now: Moment) {
        let is_day = self.schedule.time_of_day(now).is_day;
        // A radio that has just come up is no sign of dark, but what is old is no more of now.
        let is_excused = self.schedule.is_excused(now);
        let is_old = self.is_old(serial, now);
        let Some(inverter) = self.inverters.get_mut(&serial) else {
            return;
        };
        inverter.in_vain = inverter.in_vain.saturating_add(u32::from(!is_excused));
        let turns = if is_day { OUT_OF_CONTACT } else { DARK };
        if !is_old && inverter.in_vain < turns {
            return;
        }
        if !is_day {
            return self.darken(serial, now);
        }
        inverter.is_lost();
        let is_recent = |at: Option<Duration>| at.is_some_and(|at| now.since(at) < HOUR);
        let has_route = inverter.routes_in_vain >= ROUTES_IN_VAIN && is_recent(inverter.route_at);
        let damaged = inverter.damaged.filter(|(_, at)| now.since(*at) < HOUR / 4);
        let health = match damaged {
            Some((fault, _)) => health::damaged(fault),
            None if has_route => health::unanswering(),
            None => health::silent(),
        };
        let is_paired = inverter.remembered.place.address().is_some();
        if is_paired && !self.is_deaf {
            self.say(serial, health);
        }
        self.sum_up(now);
    }

    /// Whether what an inverter delivered last is too old to be of now.
    pub(super) fn is_old(&self, serial: InverterSerial, now: Moment) -> bool {
        let least = STALE.max(self.schedule.interval().saturating_mul(2));
        let inverter = self.inverters.get(&serial).filter(|it| it.is_current);
        let heard = inverter.and_then(|it| it.heard);
        heard.is_some_and(|heard| now.since(heard) >= least)
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
        self.say_usual(serial, now);
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
        if self.forgive(now) && self.state == RadioState::Ready {
            let health = self.when_ready(now);
            self.say_stick(health);
        }
        if self.is_deaf && !self.schedule.time_of_day(now).is_day {
            self.hear_again(now);
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
            }
            if is_new_day
                && is_known
                && let Some(inverter) = self.inverters.get(&serial)
            {
                let energies = inverter.energies(&self.zone, now);
                self.out.report([Report::Readings(energies)]);
            }
            if has_turned {
                self.say_usual(serial, now);
            }
        }
        self.sum_up(now);
        self.save();
    }

    /// Who is only listened to, and says nothing any more.
    pub(super) fn look_for_unheard(&mut self, now: Moment) {
        let is_unheard = |it: &&ZigbeeInverter| {
            it.is_current
                && !it.is_asleep
                && it.heard.is_some_and(|heard| now.since(heard) >= UNHEARD)
        };
        let unheard = self.inverters.values().filter(is_unheard);
        let unheard: Vec<InverterSerial> = unheard.map(|it| it.serial).collect();
        let is_day = !unheard.is_empty() && self.schedule.time_of_day(now).is_day;
        for serial in unheard {
            if is_day {
                if let Some(inverter) = self.inverters.get_mut(&serial) {
                    inverter.is_lost();
                }
                self.say(serial, health::unheard());
                self.sum_up(now);
            } else {
                self.darken(serial, now);
            }
        }
    }

    /// The stick hears somebody, or it is night and nobody speaks.
    pub(super) fn hear_again(&mut self, now: Moment) {
        if std::mem::take(&mut self.is_deaf) && self.state == RadioState::Ready {
            self.say_stick(Health::ONLINE);
            self.say_all(now);
        }
    }
}
