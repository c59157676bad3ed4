//! What a stick makes of the requests of its host.

use std::time::Duration;

use super::super::super::wire::ids::ShortAddress;
use super::super::super::wire::payload::InverterCommand;
use super::super::super::wire::znp::{
    AfForeign, AfSend, CoordinatorState, DeviceInfo, ZnpMessage, ZnpRequest, ZnpStatus,
};
use super::super::conditions;
use super::super::faults::ZigbeeFault;
use super::super::mesh::{AirReply, ENDPOINT};
use super::{AT_ONCE, Stick};

/// Its network tells twice that it is starting.
const STARTING: [Duration; 2] = [Duration::from_millis(250), Duration::from_millis(900)];
/// More than this cannot be on its way at once.
const MOST_WAITING: usize = 40;
/// The address of a stick that was used otherwise.
const FOREIGN: [u8; 8] = [0x01, 0x02, 0x03, 0x04, 0x05, 0x4b, 0x12, 0x00];

impl Stick {
    /// Answers a request of the host.
    pub(super) fn answer(&mut self, request: &ZnpRequest) {
        self.told.requests += 1;
        self.session.requests += 1;
        let most = self.lasting(|fault| match fault {
            ZigbeeFault::Freeze(most) => Some(most as u64),
            _ => None,
        });
        if most.is_some_and(|most| self.session.requests > most) {
            self.freeze();
        }
        if self.is_frozen {
            return;
        }
        let firmware = self.settings.firmware;
        let is_simple = matches!(
            request,
            ZnpRequest::WriteConfiguration { .. } | ZnpRequest::Start
        );
        if is_simple && self.holds(ZigbeeFault::NoSimpleApi) {
            return;
        }
        let message = match request {
            ZnpRequest::Ping => ZnpMessage::Pong(firmware.capabilities()),
            ZnpRequest::Version => ZnpMessage::Version(firmware.version()),
            ZnpRequest::Loopback(data) => ZnpMessage::Loopback(data.clone()),
            ZnpRequest::Reset(_) => {
                let now = self.now;
                return self.start(2, now);
            }
            ZnpRequest::WriteConfiguration { item, value } if firmware.can_be_configured() => {
                ZnpMessage::Written(self.write(*item, value))
            }
            ZnpRequest::WriteConfiguration { .. } => ZnpMessage::Refused {
                reason: 1,
                command: 0x2605,
            },
            ZnpRequest::Start => return self.start_network(),
            ZnpRequest::Register(_) => {
                let was = std::mem::replace(&mut self.session.is_registered, true);
                ZnpMessage::Registered(if was {
                    ZnpStatus::AlreadyRegistered
                } else {
                    ZnpStatus::Success
                })
            }
            ZnpRequest::DeviceInfo => ZnpMessage::DeviceInfo(self.device_info()),
            ZnpRequest::DeviceInfoByAnswer => {
                self.session.is_woken = true;
                ZnpMessage::DeviceInfo(self.device_info())
            }
            ZnpRequest::Send(message) => return self.send(message),
            ZnpRequest::SendForeign(message) => return self.send_foreign(message),
            ZnpRequest::Other { command, .. } if command >> 13 == 1 => ZnpMessage::Refused {
                reason: 2,
                command: *command,
            },
            ZnpRequest::Other { .. } => return,
        };
        self.say(message, AT_ONCE);
    }

    fn write(&mut self, item: u8, value: &[u8]) -> ZnpStatus {
        let is_lost = self.holds(ZigbeeFault::AddressLost);
        match (item, value) {
            (0x03, [option]) => self.memory.clears = option & 0x03 != 0,
            (0x01, value) => match value.try_into() {
                Ok(ieee) if !is_lost => self.memory.ieee = Some(ieee),
                Ok(_) => {}
                Err(_) => return ZnpStatus::InvalidParameter,
            },
            (0x87, [role]) => self.memory.role = Some(*role),
            (0x83, [first, second]) => self.memory.network = Some([*first, *second]),
            (0x84, [_, _, _, _]) | (0x8f, [_]) => {}
            _ => return ZnpStatus::InvalidParameter,
        }
        ZnpStatus::Success
    }

    fn start_network(&mut self) {
        let firmware = self.settings.firmware;
        if !firmware.can_be_configured() {
            let refused = ZnpMessage::Refused {
                reason: 1,
                command: 0x2600,
            };
            return self.say(refused, AT_ONCE);
        }
        self.say(ZnpMessage::Starting, AT_ONCE);
        let takes = self.start_takes();
        let state = ZnpMessage::State;
        if self.is_up() {
            return self.say(state(CoordinatorState::Running), 2 * AT_ONCE);
        }
        for after in STARTING.into_iter().filter(|after| *after < takes) {
            self.say(state(CoordinatorState::Starting), after);
        }
        if self.memory.role == Some(0) && self.memory.network.is_some() {
            self.session.up = Some(self.now.steady + takes);
            self.say(state(CoordinatorState::Running), takes);
        }
    }

    fn device_info(&self) -> DeviceInfo {
        let is_foreign = self.holds(ZigbeeFault::AddressForeign);
        let ieee = self.memory.ieee.unwrap_or_default();
        let is_running = self.is_up();
        let state = match self.session.up {
            _ if is_running => CoordinatorState::Running,
            Some(_) => CoordinatorState::Starting,
            None => CoordinatorState::Other(0),
        };
        DeviceInfo {
            status: ZnpStatus::Success,
            ieee: if is_foreign { FOREIGN } else { ieee },
            address: if is_running {
                ShortAddress::GATEWAY
            } else {
                ShortAddress(0xfffe)
            },
            kind: 7,
            state,
            children: Vec::new(),
        }
    }

    /// Why a message is not taken.
    fn refusal(&mut self) -> Option<ZnpStatus> {
        let pick = |fault: &ZigbeeFault| match *fault {
            ZigbeeFault::Refuse(code) => Some(ZnpStatus::from(code)),
            _ => None,
        };
        if let Some((_, status)) = self.faults.hit(self.now.steady, pick) {
            return Some(status);
        }
        if !self.session.is_registered {
            return Some(ZnpStatus::InvalidParameter);
        }
        if !self.is_up() {
            return Some(ZnpStatus::NotStarted);
        }
        (self.outbox.len() > MOST_WAITING).then_some(ZnpStatus::BuffersFull)
    }

    fn send(&mut self, message: &AfSend) {
        self.told.messages += 1;
        let is_for_all = message.destination.0 >= 0xfffc;
        let is_early = self.settings.is_strict && !self.session.is_announced && !is_for_all;
        let refusal = self.refusal();
        let refusal = refusal.or(is_early.then_some(ZnpStatus::InvalidParameter));
        if let Some(status) = refusal {
            return self.say(ZnpMessage::Sending(status), AT_ONCE);
        }
        let slow = |fault: &ZigbeeFault| match *fault {
            ZigbeeFault::SlowAnswer(time) => Some(time),
            _ => None,
        };
        let slow = self.faults.hit(self.now.steady, slow);
        let after = slow.map_or(AT_ONCE, |(_, time)| time);
        self.say(ZnpMessage::Sending(ZnpStatus::Success), after);
        let network = self.memory.network.unwrap_or_default();
        let is_announcing = InverterCommand::read(&message.data)
            .is_ok_and(|(_, command)| command == InverterCommand::NormalOperation);
        if is_for_all && (is_announcing || !self.settings.is_strict) {
            self.session.is_announced = true;
        }
        let reply = if self.cannot_hear() {
            let status = if self.settings.firmware.hears_inverters() && !is_for_all {
                ZnpStatus::NoRoute
            } else {
                ZnpStatus::Success
            };
            AirReply {
                confirm: Some((Duration::from_millis(400), status)),
                heard: Vec::new(),
            }
        } else if is_for_all {
            self.mesh.send_all(network, message)
        } else {
            let mishaps = conditions::mishaps(&mut self.faults, self.now.steady);
            self.mesh.send(network, message, &mishaps)
        };
        self.hear(reply, message.transaction);
    }

    fn send_foreign(&mut self, message: &AfForeign) {
        self.told.foreign += 1;
        let is_late = self.settings.is_strict && self.session.is_announced;
        let is_asleep = self.holds(ZigbeeFault::NeedsWaking) && !self.session.is_woken;
        let refusal = self.refusal();
        let refusal = refusal.or((is_late || is_asleep).then_some(ZnpStatus::InvalidParameter));
        if let Some(status) = refusal {
            return self.say(ZnpMessage::SendingForeign(status), AT_ONCE);
        }
        self.say(ZnpMessage::SendingForeign(ZnpStatus::Success), AT_ONCE);
        let reply = if self.cannot_hear() {
            AirReply {
                confirm: Some((Duration::from_millis(400), ZnpStatus::Success)),
                heard: Vec::new(),
            }
        } else {
            self.mesh.send_foreign(message)
        };
        self.hear(reply, message.transaction);
    }

    fn hear(&mut self, reply: AirReply, transaction: u8) {
        let is_unsaid = reply.confirm.is_some() && self.hit(ZigbeeFault::NoConfirm);
        if let Some((after, status)) = reply.confirm.filter(|_| !is_unsaid) {
            let confirm = ZnpMessage::Confirm {
                status,
                endpoint: ENDPOINT,
                transaction,
            };
            self.say(confirm, after);
        }
        for (after, message) in reply.heard {
            self.say(message, after);
        }
    }
}
