//! What the stick says of itself, and what becomes of what it is told.

use super::{FIRMWARE, Job, PULSE, REFUSALS, RESTARTS, StickConversation};
use crate::adapters::aps_zigbee::health;
use crate::adapters::aps_zigbee::inverter::ZigbeeInverter;
use crate::adapters::aps_zigbee::radio::{
    RadioNotice, RadioOutput, RadioState, RadioTrouble, SendTrouble,
};
use crate::clock::Moment;
use crate::device::protocol::{Heard, Output};

impl StickConversation {
    pub(super) fn drain(&mut self, now: Moment) {
        loop {
            match self.radio.poll() {
                RadioOutput::Send(bytes) => self.out.push(Output::Send(bytes)),
                RadioOutput::Reset => self.pulse(now),
                RadioOutput::Reopen => self.out.push(Output::Reopen),
                RadioOutput::Noticed(notice) => self.notice(&notice, now),
                RadioOutput::Wait(until) => {
                    self.radio_wake = until;
                    return;
                }
            }
        }
    }

    /// Holds the stick in reset for a moment, if there is a line to do it with.
    pub(super) fn pulse(&mut self, now: Moment) {
        if let Some(line) = self.config.reset_line.clone() {
            self.out.push(Output::SetLine(line, true));
            self.release = Some(now.steady.saturating_add(PULSE));
        }
    }

    /// Lets the stick go.
    pub(super) fn release(&mut self) {
        self.release = None;
        if let Some(line) = self.config.reset_line.clone() {
            self.out.push(Output::SetLine(line, false));
        }
    }

    pub(super) fn notice(&mut self, notice: &RadioNotice, now: Moment) {
        match notice {
            RadioNotice::State(state) => self.turned(state.clone(), now),
            RadioNotice::Identified(firmware) => {
                let words = health::firmware_name(*firmware).to_owned();
                if self.firmware.as_ref() != Some(&words) {
                    self.memory.put(FIRMWARE, &words);
                    self.firmware = Some(words);
                    let described = self.describe_stick();
                    self.out.report([described]);
                    self.sum_up(now);
                }
            }
            RadioNotice::Received(message) => self.received(message, now),
            RadioNotice::Done(result) => self.sent(*result, now),
            RadioNotice::Route { to, .. } => {
                self.heard_any = Some(now.steady);
                let at_all = self.inverters.values_mut();
                for inverter in at_all.filter(|it| it.remembered.place.address() == Some(*to)) {
                    inverter.has_route = true;
                    inverter.route_at = Some(now.steady);
                }
            }
            RadioNotice::Restarted => {
                self.restarts.push_back(now.steady);
                if self.restarts.len() > RESTARTS {
                    self.restarts.pop_front();
                }
            }
            RadioNotice::Echo { .. } => self.heard_any = Some(now.steady),
            RadioNotice::Noise { .. } => self.out.push(Output::Heard(Heard::Bad)),
        }
        if let Some(Job::Pair(pairing)) = &mut self.job {
            pairing.notice(notice, now);
        }
    }

    /// The radio is different now.
    pub(super) fn turned(&mut self, state: RadioState, now: Moment) {
        let was_trouble = matches!(self.state, RadioState::Trouble(_));
        self.state = state;
        self.schedule
            .set_radio(self.state == RadioState::Ready, now);
        let is_pairing = matches!(self.job, Some(Job::Pair(_)));
        self.is_deaf |= self.state == RadioState::Trouble(RadioTrouble::Deaf);
        let health = match &self.state {
            RadioState::Away => return,
            // Each round of pairing begins so; that is no news. And that it is looked for does not mean that it is there.
            RadioState::Starting(_)
                if was_trouble || is_pairing || self.is_deaf || self.is_unreachable =>
            {
                return;
            }
            RadioState::Starting(_) if self.was_up => return,
            RadioState::Starting(step) => health::starting(*step),
            RadioState::Ready => {
                self.refused = 0;
                self.when_ready(now)
            }
            RadioState::Trouble(trouble) => self.trouble(trouble),
        };
        self.was_up |= self.state == RadioState::Ready;
        if self.state == RadioState::Ready {
            self.out.push(Output::Heard(Heard::Good));
        }
        self.say_stick(health);
        let is_trouble = matches!(self.state, RadioState::Trouble(_));
        let is_settled = is_trouble || self.state == RadioState::Ready;
        let was_unreachable = is_settled && std::mem::take(&mut self.is_unreachable);
        if is_trouble {
            self.inverters
                .values_mut()
                .for_each(ZigbeeInverter::is_lost);
        }
        self.sum_up(now);
        if is_trouble || was_trouble || was_unreachable {
            self.say_all(now);
        }
    }

    /// The stick takes messages.
    fn is_taken(&mut self, now: Moment) {
        if std::mem::take(&mut self.refused) >= REFUSALS && self.state == RadioState::Ready {
            let health = self.when_ready(now);
            self.say_stick(health);
        }
    }

    /// What became of what was sent.
    pub(super) fn sent(&mut self, result: Result<(), SendTrouble>, now: Moment) {
        let trouble = match result {
            // Nobody knows, and an answer may still come.
            Err(SendTrouble::NoConfirm) => return,
            Ok(()) => return self.is_taken(now),
            Err(trouble) => trouble,
        };
        if !trouble.is_of_radio() {
            self.is_taken(now);
        }
        match &mut self.job {
            // It never went out, so nothing is learnt of the inverter.
            Some(Job::Poll(serial, _)) if trouble.is_of_radio() => {
                let serial = *serial;
                self.job = None;
                self.schedule.take_back(serial, now);
                self.refused = self.refused.saturating_add(1);
                if self.is_old(serial, now)
                    && let Some(inverter) = self.inverters.get_mut(&serial)
                {
                    inverter.is_lost();
                    self.say(serial, health::behind(health::refusing(trouble)));
                    self.sum_up(now);
                }
                if self.refused == REFUSALS && self.state == RadioState::Ready {
                    self.say_stick(health::refusing(trouble));
                }
            }
            Some(Job::Poll(serial, _)) => {
                let serial = *serial;
                self.job = None;
                self.in_vain(serial, now);
            }
            Some(Job::Tell(telling, _)) => telling.failed(&trouble.to_string(), now),
            Some(Job::Pair(_)) | None => {}
        }
    }
}
