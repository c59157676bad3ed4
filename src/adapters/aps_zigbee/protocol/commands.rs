//! What users want of inverters and of the stick.

use super::{IS_CAMPAIGN, Job, MOST_WISHES, StickConversation, Wish, watts};
use crate::adapters::aps_zigbee::control;
use crate::adapters::aps_zigbee::control::{Wanted, key};
use crate::adapters::aps_zigbee::inverter::ZigbeeInverter;
use crate::adapters::aps_zigbee::radio::RadioState;
use crate::clock::Moment;
use crate::device::protocol::Output;
use crate::model::{Command, Value};

impl StickConversation {
    /// Somebody wants something.
    pub(super) fn command(&mut self, id: u64, command: &Command, now: Moment) {
        if self.wishes.len() >= MOST_WISHES {
            return self.refuse(id, "there is too much to do before; try again in a minute");
        }
        if self.config.listen_only {
            return self.refuse(id, "nothing is ever sent with listen_only = true");
        }
        if command.device == self.id() {
            return self.command_of_stick(id, command, now);
        }
        let Some(inverter) = self.inverters.values().find(|it| it.id() == command.device) else {
            return self.refuse(id, "there is no such inverter any more");
        };
        let serial = inverter.serial;
        if let RadioState::Trouble(trouble) = &self.state {
            let why = self.trouble(trouble).sentence();
            return self.refuse(id, &why);
        }
        if self.is_unreachable || self.state == RadioState::Away {
            return self.refuse(id, "the stick is not there; look at its status");
        }
        let wanted = match (command.key.as_str(), &command.value) {
            (key::PAIR, _) => {
                let is_there = self.wishes.contains(&Wish::Pair(serial))
                    || matches!(&self.job, Some(Job::Pair(pairing)) if pairing.serial() == serial);
                if !is_there {
                    self.wishes.push_back(Wish::Pair(serial));
                }
                // It takes longer than anybody waits; its status tells how it goes.
                return self.out.push(Output::Answer(id, Ok(Value::Unknown)));
            }
            (key::LIMIT, value) => watts(value).map(Wanted::Limit),
            (key::RESTORE, _) => inverter.remembered.original_limit.map(Wanted::Restore),
            (key::ON, _) => Some(Wanted::On(true)),
            (key::OFF, _) => Some(Wanted::On(false)),
            _ => None,
        };
        match wanted {
            Some(wanted) => self.want(serial, wanted, Some(id)),
            None => self.refuse(id, "an inverter cannot be told that"),
        }
    }

    pub(super) fn refuse(&mut self, id: u64, why: &str) {
        self.out.push(Output::Answer(id, Err(why.to_owned())));
    }

    pub(super) fn command_of_stick(&mut self, id: u64, command: &Command, now: Moment) {
        match (command.key.as_str(), &command.value) {
            (key::CAMPAIGN, Value::OnOff(is_on)) => {
                self.campaign = is_on.then_some(now.steady);
                self.memory.put(IS_CAMPAIGN, is_on);
                self.sum_up(now);
                self.answer(Some(id), Ok(Value::OnOff(*is_on)));
            }
            (key::FLEET_LIMIT, value) => {
                let Some(all) = value
                    .as_number()
                    .and_then(|it| u32::try_from(it.rounded(0).mantissa()).ok())
                else {
                    return self.answer(Some(id), Err("that is no number of watts".to_owned()));
                };
                let can = self.inverters.values();
                let can = can.filter(|it| it.model().is_some_and(|it| !it.limits.is_empty()));
                let nameplates = can.map(ZigbeeInverter::nameplate).sum();
                let share = |inverter: &ZigbeeInverter| {
                    let model = inverter.model().filter(|it| !it.limits.is_empty())?;
                    let (nameplate, inputs) = (inverter.nameplate(), usize::from(model.inputs));
                    let watts = control::share(all, nameplate, nameplates, inputs);
                    Some((inverter.serial, Wanted::Limit(watts)))
                };
                let shares: Vec<_> = self.inverters.values().filter_map(share).collect();
                for (serial, limit) in shares {
                    self.want(serial, limit, None);
                }
                self.answer(Some(id), Ok(value.clone()));
            }
            _ => self.answer(Some(id), Err("the stick cannot be told that".to_owned())),
        }
    }

    pub(super) fn answer(&mut self, id: Option<u64>, result: Result<Value, String>) {
        if let Some(id) = id {
            self.out.push(Output::Answer(id, result));
        }
    }
}
