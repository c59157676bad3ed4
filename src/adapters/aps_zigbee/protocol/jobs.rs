//! What is being done with the stick, one thing at a time: asking, pairing, telling.

use super::{
    ANSWER, ANSWER_RELAYED, CAMPAIGN, DISK, IS_CAMPAIGN, Job, LIMIT_AGAIN, LONGEST_PAUSE,
    StickConversation, Wish,
};
use crate::adapters::aps_zigbee::control::{Telling, TellingStep, Wanted};
use crate::adapters::aps_zigbee::health;
use crate::adapters::aps_zigbee::health::PairingFailure;
use crate::adapters::aps_zigbee::inverter::ZigbeeInverter;
use crate::adapters::aps_zigbee::pairing::{Pairing, PairingStep};
use crate::adapters::aps_zigbee::radio::{Outgoing, RadioState};
use crate::adapters::aps_zigbee::schedule::PollStep;
use crate::adapters::aps_zigbee::wire::ids::{InverterSerial, ShortAddress};
use crate::adapters::aps_zigbee::wire::payload::{InverterCommand, LimitCode, REQUEST_CLUSTER};
use crate::clock::Moment;
use crate::model::Decimal;

impl StickConversation {
    /// Does what is next; whether the radio may have something to do now.
    pub(super) fn go_on(&mut self, now: Moment) -> bool {
        match self.job.take() {
            Some(Job::Poll(serial, until)) if now.steady >= until => {
                self.in_vain(serial, now);
                true
            }
            Some(Job::Pair(pairing)) => self.go_on_pairing(pairing, now),
            // What became of the last message is told first, or the radio would refuse the next.
            Some(Job::Tell(telling, id)) if !self.radio.is_sending() => {
                self.go_on_telling(telling, id, now)
            }
            Some(job) => {
                self.job = Some(job);
                false
            }
            None => !self.radio.is_sending() && self.begin_job(now),
        }
    }

    pub(super) fn begin_job(&mut self, now: Moment) -> bool {
        let is_possible = !self.config.listen_only
            && !matches!(self.state, RadioState::Away | RadioState::Trouble(_));
        if is_possible && let Some(wish) = self.next_wish(now) {
            match wish {
                Wish::Pair(serial) => {
                    self.schedule.set_pairing(true, now);
                    self.say(serial, health::pairing(1));
                    let others = self.inverters.values().filter(|it| it.serial != serial);
                    let known = others.filter_map(|it| it.remembered.place.address());
                    let pairing = Pairing::new(serial, self.network).beside(known);
                    self.job = Some(Job::Pair(Box::new(pairing)));
                }
                Wish::Tell(serial, wanted, id) => {
                    let inverter = self.inverters.get(&serial);
                    let address = inverter.and_then(|it| it.remembered.place.address());
                    let model = inverter.and_then(ZigbeeInverter::model);
                    match address {
                        Some(address) => {
                            let telling =
                                Telling::new(serial, address, self.network, model, wanted);
                            self.job = Some(Job::Tell(Box::new(telling), id));
                        }
                        None => self.answer(id, Err(health::not_paired().sentence())),
                    }
                }
            }
            return true;
        }
        let serial = match self.schedule.next(now) {
            PollStep::Ask(serial) => serial,
            PollStep::Wait(until, _) => {
                self.turn = until;
                return false;
            }
        };
        let inverter = self.inverters.get_mut(&serial);
        let asked = inverter.and_then(|it| {
            it.has_route = false;
            Some((it.remembered.place.ask()?, it.is_relayed))
        });
        let Some((address, is_relayed)) = asked else {
            // Nobody waits for an answer that cannot come.
            self.list_asked();
            return true;
        };
        let data = InverterCommand::Poll.data(self.network);
        self.radio.send(
            Outgoing::To {
                address,
                cluster: REQUEST_CLUSTER,
                data,
            },
            now,
        );
        let patience = if is_relayed { ANSWER_RELAYED } else { ANSWER };
        self.job = Some(Job::Poll(serial, now.steady.saturating_add(patience)));
        true
    }

    /// What somebody wants, or the next one of a campaign.
    pub(super) fn next_wish(&mut self, now: Moment) -> Option<Wish> {
        if let Some(wish) = self.wishes.pop_front() {
            return Some(wish);
        }
        if let Some(wish) = self.limit_to_look_at(now) {
            return Some(wish);
        }
        let due = self.campaign?;
        if now.steady < due
            || self.state != RadioState::Ready
            || !self.schedule.time_of_day(now).is_open
        {
            return None;
        }
        let missing: Vec<InverterSerial> = self.missing().collect();
        let Some(first) = missing.first() else {
            self.end_campaign();
            self.sum_up(now);
            return None;
        };
        let next = missing.iter().find(|serial| Some(**serial) > self.tried);
        let next = *next.unwrap_or(first);
        self.tried = Some(next);
        Some(Wish::Pair(next))
    }

    pub(super) fn missing(&self) -> impl Iterator<Item = InverterSerial> {
        let missing = self.inverters.values();
        missing
            .filter(|it| it.remembered.place.address().is_none())
            .map(|it| it.serial)
    }

    pub(super) fn end_campaign(&mut self) {
        self.campaign = None;
        self.memory.put(IS_CAMPAIGN, &false);
    }

    pub(super) fn go_on_pairing(&mut self, mut pairing: Box<Pairing>, now: Moment) -> bool {
        let round = pairing.round();
        match pairing.step(now) {
            PairingStep::Restart => self.radio.restart(now),
            PairingStep::Send(message) => self.radio.send(message, now),
            PairingStep::Settle => self.radio.settle(now),
            PairingStep::Wait(_) => {
                self.job = Some(Job::Pair(pairing));
                return false;
            }
            PairingStep::Done(result) => {
                self.end_pairing(pairing.serial(), result, now);
                return true;
            }
        }
        if pairing.round() != round {
            self.say(pairing.serial(), health::pairing(pairing.round()));
        }
        self.job = Some(Job::Pair(pairing));
        true
    }

    /// A pairing is over, whatever came of it.
    pub(super) fn end_pairing(
        &mut self,
        serial: InverterSerial,
        result: Result<ShortAddress, PairingFailure>,
        now: Moment,
    ) {
        // It has been made ready for inverters already, unless it got stuck before.
        if result == Err(PairingFailure::NoStick) {
            self.radio.settle(now);
        }
        self.schedule.set_pairing(false, now);
        // Each try brings the stick up anew and wipes the ways of the others, so in vain it is tried less and less.
        self.in_vain_since = match &result {
            Ok(_) => 0,
            Err(_) => self.in_vain_since.saturating_add(1),
        };
        if self.campaign.is_some() {
            let pause = CAMPAIGN.saturating_mul(self.in_vain_since.max(1));
            self.campaign = Some(now.steady.saturating_add(pause.min(LONGEST_PAUSE)));
        }
        match result {
            Ok(address) => {
                tracing::info!("{serial} is paired, its address is {address}");
                if let Some(inverter) = self.inverters.get_mut(&serial) {
                    inverter.remembered.place.is_at(address);
                    inverter.unpaired = None;
                    if inverter.remembered.firmware.is_none() {
                        let wish = Wish::Tell(serial, Wanted::ReadInfo, None);
                        self.wishes.push_back(wish);
                    }
                }
                self.list_asked();
                self.save();
                self.say_usual(serial, now);
            }
            Err(failure) => {
                tracing::warn!(
                    "{serial} is not paired: {}. {}",
                    failure.words(),
                    failure.advice()
                );
                if let Some(inverter) = self.inverters.get_mut(&serial) {
                    if let PairingFailure::Unverified(address) = &failure {
                        // It may answer there when it has more sun.
                        inverter.remembered.place.may_be_at(*address);
                    }
                    inverter.unpaired = Some(failure.health());
                }
                self.list_asked();
                self.save();
                self.say_usual(serial, now);
            }
        }
        self.sum_up(now);
    }

    pub(super) fn go_on_telling(
        &mut self,
        mut telling: Box<Telling>,
        id: Option<u64>,
        now: Moment,
    ) -> bool {
        if !self.is_kept(&mut telling, now) {
            self.job = Some(Job::Tell(telling, id));
            return false;
        }
        match telling.step(now) {
            TellingStep::Send(message) => {
                self.radio.send(message, now);
                self.job = Some(Job::Tell(telling, id));
                true
            }
            TellingStep::Wait(_) => {
                self.job = Some(Job::Tell(telling, id));
                false
            }
            TellingStep::Done(result) => {
                let serial = telling.serial();
                if let Err(why) = &result
                    && (telling.wanted().is_write() || id.is_some())
                {
                    tracing::warn!(
                        "{serial} has not done what it was told: {why}. Try again later."
                    );
                }
                self.told(&telling, result.is_ok(), now);
                self.answer(id, result);
                true
            }
        }
    }

    /// The limit that an inverter had is remembered before another one is written.
    pub(super) fn keep_original(
        &mut self,
        serial: InverterSerial,
        wanted: Wanted,
        before: Option<LimitCode>,
        now: Moment,
    ) {
        let Some(inverter) = self.inverters.get_mut(&serial) else {
            return;
        };
        if !matches!(wanted, Wanted::Limit(_)) || before.is_none() || inverter.is_original_safe {
            return;
        }
        if inverter.remembered.original_limit.is_none() {
            inverter.remembered.original_limit = before;
            self.describe(serial);
            self.save();
        }
        if self.keeping.is_none() {
            let until = now.steady.saturating_add(DISK);
            self.keeping = Some((self.memory.written(), until));
        }
    }

    /// Whether what has to be on the disk before anything is written is there, or it is given up.
    fn is_kept(&mut self, telling: &mut Telling, now: Moment) -> bool {
        let Some((written, until)) = &mut self.keeping else {
            return true;
        };
        let is_done = written
            .is_done()
            .or((now.steady >= *until).then_some(false));
        match is_done {
            None => return false,
            Some(true) => {
                if let Some(inverter) = self.inverters.get_mut(&telling.serial()) {
                    inverter.is_original_safe = true;
                }
            }
            Some(false) => telling.give_up(),
        }
        self.keeping = None;
        true
    }

    /// Remembers what an inverter was told.
    pub(super) fn told(&mut self, telling: &Telling, is_done: bool, now: Moment) {
        let serial = telling.serial();
        let Some(inverter) = self.inverters.get_mut(&serial) else {
            return;
        };
        inverter.limit = telling.read().or(inverter.limit);
        let remembered = &mut inverter.remembered;
        let had_original = remembered.original_limit.is_some();
        match telling.wanted() {
            Wanted::Limit(watts) if is_done => remembered.wanted_limit = Some(watts),
            Wanted::ReadLimit if is_done => {
                let is_kept = |watts: u16| {
                    let read = telling.read().map(|it| it.watts().rounded(0));
                    let wanted = Decimal::integer(watts.into());
                    // Some keep it in steps of nine watts, and then never more than was meant.
                    read.is_some_and(|read| {
                        read.distance(wanted) <= Decimal::integer(if read < wanted { 9 } else { 2 })
                    })
                };
                inverter.limit_due = None;
                if let Some(watts) = remembered.wanted_limit.filter(|watts| !is_kept(*watts)) {
                    if self.config.keep_limit {
                        tracing::info!(
                            "{serial} has forgotten its limit of {watts} W; it is set again"
                        );
                        // Whether that worked is looked at as well.
                        inverter.limit_due = Some(now.steady.saturating_add(LIMIT_AGAIN));
                        self.wishes
                            .push_back(Wish::Tell(serial, Wanted::Limit(watts), None));
                    } else {
                        tracing::warn!(
                            "{serial} has forgotten its limit of {watts} W. Set it again, or write keep_limit = true for \
                             that to be done by itself."
                        );
                        remembered.wanted_limit = None;
                    }
                }
            }
            Wanted::Restore(_) if is_done => {
                (remembered.original_limit, remembered.wanted_limit) = (None, None);
                inverter.is_original_safe = false;
            }
            _ => {}
        }
        if remembered.original_limit.is_some() != had_original {
            self.describe(serial);
        }
        self.save();
    }

    /// An inverter that was given a limit may have forgotten it with its last start.
    pub(super) fn look_at_limit(&mut self, serial: InverterSerial, now: Moment) {
        if let Some(inverter) = self.inverters.get_mut(&serial)
            && inverter.remembered.wanted_limit.is_some()
        {
            inverter.limit_due = Some(now.steady);
        }
    }

    /// Whose limit is to be read now. That is done until it has worked: at dawn the radio is weak.
    fn limit_to_look_at(&mut self, now: Moment) -> Option<Wish> {
        let is_due = |it: &&mut ZigbeeInverter| {
            !it.is_asleep && it.in_vain == 0 && it.limit_due.is_some_and(|due| due <= now.steady)
        };
        let inverter = self.inverters.values_mut().find(is_due)?;
        inverter.limit_due = Some(now.steady.saturating_add(LIMIT_AGAIN));
        Some(Wish::Tell(inverter.serial, Wanted::ReadLimit, None))
    }
}
