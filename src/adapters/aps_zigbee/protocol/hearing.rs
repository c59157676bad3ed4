//! What inverters say, and what becomes of it.

use super::{INTERVAL_OF_ECU, Job, MOST, RUMOUR, StickConversation};
use crate::adapters::aps_zigbee::control::key;
use crate::adapters::aps_zigbee::energy::CounterClass;
use crate::adapters::aps_zigbee::health;
use crate::adapters::aps_zigbee::inverter::{RememberedInverter, StartReason, ZigbeeInverter};
use crate::adapters::aps_zigbee::inverter::{energy, is_turn};
use crate::adapters::aps_zigbee::radio::ReceivedMessage;
use crate::adapters::aps_zigbee::wire::ids::{InverterSerial, ShortAddress};
use crate::adapters::aps_zigbee::wire::payload::{
    AnswerContent, InverterAnswer, InverterInfo, PanelTelemetry,
};
use crate::clock::Moment;
use crate::device::protocol::{Heard, Output};
use crate::model::{Decimal, Health, Readings, Report, Value};

impl StickConversation {
    /// A message of an inverter.
    pub(super) fn received(&mut self, message: &ReceivedMessage, now: Moment) {
        self.heard_any = Some(now.steady);
        if message.cluster != InverterAnswer::CLUSTER {
            return;
        }
        let answer = match InverterAnswer::decode(&message.data) {
            Ok(answer) => answer,
            Err(error) => {
                tracing::debug!("{}: {error}", message.source);
                let at_all = self.inverters.values_mut();
                for inverter in
                    at_all.filter(|it| it.remembered.place.address() == Some(message.source))
                {
                    inverter.damaged = Some((error, now.steady));
                }
                return;
            }
        };
        let serial = answer.serial;
        if !self.inverters.contains_key(&serial) && !self.meets(serial, now) {
            tracing::debug!("{serial} is not listed in the section");
            return;
        }
        let is_vague = matches!(
            answer.content,
            AnswerContent::Unread { .. } | AnswerContent::Sealed(_)
        );
        let inverter = self.inverters.get(&serial);
        if is_vague && inverter.is_some_and(ZigbeeInverter::is_read) {
            // It answers somebody's other question, or it was heard wrong: neither changes what is known of it.
            tracing::debug!("{serial} says something else: {:?}", answer.content);
            return;
        }
        self.out.push(Output::Heard(Heard::Good));
        self.hear_again(now);
        self.find_at(serial, message.source, now);
        if let Some(Job::Tell(telling, _)) = &mut self.job
            && telling.serial() == serial
        {
            telling.answer(&answer.content, now);
            let (wanted, before) = (telling.wanted(), telling.before());
            self.keep_original(serial, wanted, before, now);
        }
        match answer.content {
            AnswerContent::Telemetry(telemetry) => self.measured(&telemetry, message, now),
            AnswerContent::Unread { model, data, .. } => {
                self.unread(serial, model, &data, message, now);
            }
            AnswerContent::Sealed(_) => {
                self.answered(serial, message.source, None, now);
                self.wakes(serial, now);
                if let Some(inverter) = self.inverters.get_mut(&serial) {
                    inverter.remembered.is_sealed = true;
                }
                self.say(serial, health::sealed());
            }
            AnswerContent::Settings(page) => {
                if let (Some(limit), Some(inverter)) =
                    (page.limit(), self.inverters.get_mut(&serial))
                {
                    inverter.limit = Some(limit);
                }
            }
            AnswerContent::Info(info) => self.told_what_it_is(serial, info),
            AnswerContent::Accepted(_) | AnswerContent::Refused(_) => {}
        }
    }

    /// An inverter said what it is.
    fn told_what_it_is(&mut self, serial: InverterSerial, info: InverterInfo) {
        let Some(inverter) = self.inverters.get_mut(&serial) else {
            return;
        };
        let firmware = Some(info.firmware.to_string());
        let remembered = &mut inverter.remembered;
        if remembered.model == Some(info.model) && remembered.firmware == firmware {
            return;
        }
        (remembered.model, remembered.firmware) = (Some(info.model), firmware);
        self.describe(serial);
        let described = self.describe_stick();
        self.out.report([described]);
        self.save();
    }

    /// Whether an inverter that is not listed is taken: who only listens need not list any. A number that was heard
    /// wrong would be an inverter for ever, so it takes two.
    pub(super) fn meets(&mut self, serial: InverterSerial, now: Moment) -> bool {
        let is_open = self.config.listen_only && self.config.inverters.is_empty();
        if !is_open || self.inverters.len() >= MOST {
            return false;
        }
        // Twice, and not at once: an ECU asks every five minutes.
        let known = self.rumours.iter().find(|(it, _)| *it == serial);
        match known {
            Some((_, first)) if now.since(*first) >= RUMOUR => {}
            Some(_) => return false,
            None => {
                self.rumours.push_back((serial, now.steady));
                if self.rumours.len() > MOST {
                    self.rumours.pop_front();
                }
                return false;
            }
        }
        let inverter = ZigbeeInverter::new(serial, &self.config, RememberedInverter::default());
        self.inverters.insert(serial, inverter);
        self.describe(serial);
        let described = self.describe_stick();
        self.out.report([described]);
        true
    }

    /// An inverter spoke from this address.
    fn find_at(&mut self, serial: InverterSerial, source: ShortAddress, now: Moment) {
        let Some(inverter) = self.inverters.get_mut(&serial) else {
            return;
        };
        let place = &mut inverter.remembered.place;
        let before = place.address();
        if !place.heard_at(source, self.config.listen_only) {
            return;
        }
        if before.is_some_and(|known| known != source) && place.address() == before {
            // Whoever can speak by radio can say so, as often as he likes.
            tracing::debug!("{serial} was heard from {source}, too");
            self.unsaved.get_or_insert(now.steady);
            return;
        }
        if place.address() != before {
            tracing::info!("{serial} is at {source} now");
        }
        self.list_asked();
        self.save();
    }

    pub(super) fn answered(
        &mut self,
        serial: InverterSerial,
        source: ShortAddress,
        awake: Option<u32>,
        now: Moment,
    ) {
        self.schedule.answered(serial, awake, now);
        self.heard_any = None;
        let is_asked = matches!(&self.job, Some(Job::Poll(asked, _)) if *asked == serial);
        if let Some(inverter) = self.inverters.get_mut(&serial) {
            // What it answers somebody else, from elsewhere, is no answer to us.
            if is_asked && inverter.remembered.place.was_asked_at(source) {
                self.job = None;
            }
            inverter.in_vain = 0;
            (inverter.damaged, inverter.routes_in_vain) = (None, 0);
        }
    }

    /// There are values of an inverter again.
    fn wakes(&mut self, serial: InverterSerial, now: Moment) {
        if let Some(inverter) = self.inverters.get_mut(&serial) {
            inverter.heard = Some(now.steady);
            (inverter.is_asleep, inverter.is_current) = (false, true);
        }
    }

    pub(super) fn unread(
        &mut self,
        serial: InverterSerial,
        model: Option<u8>,
        data: &[u8],
        message: &ReceivedMessage,
        now: Moment,
    ) {
        self.answered(serial, message.source, None, now);
        self.wakes(serial, now);
        let Some(inverter) = self.inverters.get_mut(&serial) else {
            return;
        };
        if !std::mem::replace(&mut inverter.remembered.is_unread, true)
            || inverter.remembered.model != model
        {
            inverter.remembered.model = model.or(inverter.remembered.model);
            self.describe(serial);
        }
        if let Some(inverter) = self.inverters.get(&serial) {
            let raw = inverter.raw(data, message.lqi, now.wall);
            self.out.report([Report::Readings(raw)]);
        }
        self.say(serial, health::unread(model));
    }

    /// What an inverter measures.
    pub(super) fn measured(
        &mut self,
        telemetry: &PanelTelemetry,
        message: &ReceivedMessage,
        now: Moment,
    ) {
        let serial = telemetry.serial;
        let interval = if self.config.listen_only {
            self.schedule.interval().max(INTERVAL_OF_ECU)
        } else {
            self.schedule.interval()
        };
        let zone = self.zone.clone();
        let Some(inverter) = self.inverters.get_mut(&serial) else {
            return;
        };
        inverter.is_relayed = !message.relays.is_empty();
        let is_first = inverter.heard.is_none();
        let gain = inverter.count(telemetry, interval, &zone, now);
        // What is left out says nothing of what it is either.
        let is_left_out = matches!(gain.class, CounterClass::Corrupt(_));
        let day = now.wall.to_zoned(zone.clone()).date();
        let is_used = !is_left_out && inverter.remembered.unused.look(telemetry, now.wall, day);
        let is_news = !is_left_out && inverter.learn(telemetry) | is_used;
        if is_used {
            tracing::info!(
                "{serial}: what was known of its inputs has changed; those without a panel all day are not shown"
            );
        }
        if is_news {
            self.describe(serial);
        }
        self.answered(serial, message.source, Some(telemetry.clock.into()), now);
        let added = gain.added.iter();
        let added = added.fold(0_u64, |sum, it| sum.saturating_add(*it));
        self.total = self.total.saturating_add(added);
        self.unsaved.get_or_insert(now.steady);
        let reason = match gain.class {
            CounterClass::NewRun => Some(StartReason::Day),
            CounterClass::Restarted { scheduled: true } => Some(StartReason::TwelveHours),
            CounterClass::Restarted { scheduled: false } => Some(StartReason::Unexpected),
            _ => None,
        };
        if let Some(inverter) = self.inverters.get_mut(&serial)
            && reason.is_some()
        {
            inverter.remembered.last_start = reason;
        }
        if is_first || reason.is_some() {
            self.look_at_limit(serial, now);
        }
        if is_turn(gain.class) || is_news {
            self.save();
        }
        match gain.class {
            CounterClass::Restarted { scheduled: false } => {
                tracing::info!("{serial} has started anew");
            }
            CounterClass::Restarted { scheduled: true } => {
                let lost = gain.lost.iter().flatten();
                let lost = lost.fold(0_u64, |sum, it| sum.saturating_add(*it));
                let lost = Decimal::fitting(i128::from(lost / 100_000), 1);
                tracing::info!(
                    "{serial} has started anew, as it does every 12 hours; about {} Wh of before that were not counted",
                    lost.unwrap_or(Decimal::integer(0))
                );
            }
            CounterClass::Corrupt(why) => {
                tracing::warn!(
                    "{serial}: an answer is left out: {why}. If that goes on, the next ones that agree with each other \
                     count; there is nothing to do."
                );
                return;
            }
            _ => {}
        }
        self.wakes(serial, now);
        let Some(inverter) = self.inverters.get_mut(&serial) else {
            return;
        };
        let readings = inverter.readings(telemetry, &gain, message, &zone, now);
        self.out.report([Report::Readings(readings)]);
        self.say(serial, Health::ONLINE);
        self.sum_up(now);
    }

    /// What all inverters deliver together.
    pub(super) fn sum_up(&mut self, now: Moment) {
        let mut readings = Readings::new(self.id(), now.wall);
        readings.day = Some(now.wall.to_zoned(self.zone.clone()).date());
        let zone = &self.zone;
        let mut today = 0_u64;
        for inverter in self.inverters.values() {
            let of_day = inverter.remembered.energy.today(now, zone);
            today = of_day.iter().fold(today, |sum, it| sum.saturating_add(*it));
        }
        let online = self
            .inverters
            .values()
            .filter(|it| it.is_current && !it.is_asleep);
        let online = online.filter(|it| !self.schedule.is_silent(it.serial));
        // Who sleeps gives nothing, and that is known.
        let asleep = self.inverters.values();
        let asleep = asleep.filter(|it| it.is_current && it.is_asleep);
        let powers: Vec<(Decimal, bool)> = online
            .clone()
            .filter_map(|it| it.power)
            .chain(asleep.map(|_| Decimal::integer(0)))
            .map(|power| (power, false))
            .collect();
        let count = |number: usize| Decimal::integer(i64::try_from(number).unwrap_or(i64::MAX));
        let power =
            (!powers.is_empty() || self.is_night).then(|| Decimal::total(powers.iter().copied()));
        readings.push("power", power.map_or(Value::Unknown, Value::from));
        readings.push("energy_today", energy(today));
        readings.push("energy_total", energy(self.total));
        readings.push("inverters_online", count(online.count()));
        let paired = self
            .inverters
            .values()
            .filter(|it| it.remembered.place.address().is_some());
        readings.push("inverters_paired", count(paired.count()));
        readings.push("ecu_id", self.network.to_string());
        let firmware = self.firmware.clone().map(Value::from);
        readings.push("stick_firmware", firmware.unwrap_or(Value::Unknown));
        readings.push(key::CAMPAIGN, Value::OnOff(self.campaign.is_some()));
        self.out.report([Report::Readings(readings)]);
    }
}
