//! What a gateway says to one inverter, or to all of them.

use super::envelope::{L2Fault, L2Part, SPEAKER, l2};
use super::limit::{LimitCode, LimitScale};
use crate::adapters::aps_zigbee::wire::ids::EcuId;

/// The cluster of what is said to inverters.
pub const REQUEST_CLUSTER: u16 = 0x0006;
/// The cluster of what they answer.
pub const ANSWER_CLUSTER: u16 = 0x0106;

/// A page of an inverter's settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SettingsPage {
    /// Limits of the grid's voltage and frequency.
    A,
    /// More of them, and how much it may give.
    B,
    /// The rest.
    C,
}

impl SettingsPage {
    /// The command that asks for it.
    pub const fn command(self) -> u8 {
        match self {
            Self::A => 0xdd,
            Self::B => 0xde,
            Self::C => 0xd9,
        }
    }

    /// That which a command asks for.
    pub const fn of_command(command: u8) -> Option<Self> {
        match command {
            0xdd => Some(Self::A),
            0xde => Some(Self::B),
            0xd9 => Some(Self::C),
            _ => None,
        }
    }
}

/// Something to say. Nothing here writes what an inverter keeps of the grid's limits, which are a matter of safety.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum InverterCommand {
    /// Asks what it measures.
    Poll,
    /// Asks for its model and firmware. Not to be asked in a loop.
    Info,
    /// Asks for a page of its settings.
    Settings(SettingsPage),
    /// How much each of its inputs may give.
    Limit(LimitCode),
    /// Switches it on.
    SwitchOn,
    /// Switches it off.
    SwitchOff,
    /// To everybody: how much each input may give.
    LimitAll(LimitCode),
    /// To everybody: on.
    SwitchAllOn,
    /// To everybody: off.
    SwitchAllOff,
    /// To everybody, once the network is there. Nobody answers.
    NormalOperation,
}

/// What is said when the network is there; nobody knows what the bytes are.
const NORMAL_OPERATION: [u8; 16] = [
    0x00, 0x0d, 0x60, 0x30, 0xfb, 0xd3, 0, 0, 0, 0, 0, 0, 0, 0, 0x04, 0x01,
];

const POLL: u8 = 0xbb;
const INFO: u8 = 0xdc;
const SWITCH_ON: u8 = 0xc1;
const SWITCH_OFF: u8 = 0xc2;
const SWITCH_ALL_ON: u8 = 0xa1;
const SWITCH_ALL_OFF: u8 = 0xa2;

/// How a limit is told: to one, to everybody, and what stands in front of the number.
const fn limit_commands(scale: LimitScale) -> (u8, u8) {
    match scale {
        LimitScale::Ds3 => (0xaa, 0xab),
        LimitScale::Qs1 => (0x1c, 0x2c),
        LimitScale::Yc600 | LimitScale::Yc600Coarse => (0xc3, 0xa3),
    }
}

fn limit_body(code: LimitCode) -> [u8; 5] {
    let [high, low] = code.raw.to_be_bytes();
    match code.scale {
        LimitScale::Ds3 => [0x27, 0, 0, high, low],
        LimitScale::Qs1 => [0x8c, 0x02, high, low, 0],
        LimitScale::Yc600 | LimitScale::Yc600Coarse => [low, 0, 0, 0, 0],
    }
}

impl InverterCommand {
    /// Whether it is for everybody.
    pub const fn is_for_all(self) -> bool {
        matches!(
            self,
            Self::LimitAll(_) | Self::SwitchAllOn | Self::SwitchAllOff | Self::NormalOperation
        )
    }

    /// Whether it changes anything in an inverter.
    pub const fn is_write(self) -> bool {
        !matches!(
            self,
            Self::Poll | Self::Info | Self::Settings(_) | Self::NormalOperation
        )
    }

    /// Its envelope.
    pub fn envelope(self) -> Vec<u8> {
        let nothing = [0; 5];
        let (command, body) = match self {
            Self::NormalOperation => return l2(0, &NORMAL_OPERATION),
            Self::Poll => (POLL, nothing),
            Self::Info => (INFO, nothing),
            Self::Settings(page) => (page.command(), nothing),
            Self::Limit(code) => (limit_commands(code.scale).0, limit_body(code)),
            Self::LimitAll(code) => (limit_commands(code.scale).1, limit_body(code)),
            Self::SwitchOn => (SWITCH_ON, nothing),
            Self::SwitchOff => (SWITCH_OFF, nothing),
            Self::SwitchAllOn => (SWITCH_ALL_ON, nothing),
            Self::SwitchAllOff => (SWITCH_ALL_OFF, nothing),
        };
        l2(command, &body)
    }

    /// The application data of it, as this gateway says it.
    pub fn data(self, gateway: EcuId) -> Vec<u8> {
        let mut data = gateway.reversed().to_vec();
        data.extend(self.envelope());
        data
    }

    /// What an inverter is told by these application data, and the gateway that says so, its last byte first.
    ///
    /// A limit of one byte does not tell which of the two scales it has: it is read as [`LimitScale::Yc600`].
    pub fn read(data: &[u8]) -> Result<([u8; SPEAKER], Self), RequestFault> {
        let (gateway, envelope) = data.split_first_chunk().ok_or(RequestFault::Short)?;
        Ok((*gateway, Self::of_envelope(envelope)?))
    }

    /// What an envelope tells.
    pub fn of_envelope(envelope: &[u8]) -> Result<Self, RequestFault> {
        let part = L2Part::read(envelope)?.checked()?;
        if part.command == 0 && part.body == NORMAL_OPERATION {
            return Ok(Self::NormalOperation);
        }
        let unknown = RequestFault::Unknown {
            command: part.command,
        };
        let body: [u8; 5] = part.body.try_into().map_err(|_| unknown)?;
        let found = match part.command {
            POLL => Self::Poll,
            INFO => Self::Info,
            SWITCH_ON => Self::SwitchOn,
            SWITCH_OFF => Self::SwitchOff,
            SWITCH_ALL_ON => Self::SwitchAllOn,
            SWITCH_ALL_OFF => Self::SwitchAllOff,
            command => match SettingsPage::of_command(command) {
                Some(page) => Self::Settings(page),
                None => Self::limit(command, body).ok_or(unknown)?,
            },
        };
        Ok(found)
    }

    fn limit(command: u8, body: [u8; 5]) -> Option<Self> {
        let code = |scale, high, low| LimitCode {
            scale,
            raw: u16::from_be_bytes([high, low]),
        };
        let code = match (command, body) {
            (0xaa | 0xab, [0x27, 0, 0, high, low]) => code(LimitScale::Ds3, high, low),
            (0x1c | 0x2c, [0x8c, 2, high, low, 0]) => code(LimitScale::Qs1, high, low),
            (0xc3 | 0xa3, [low, 0, 0, 0, 0]) => code(LimitScale::Yc600, 0, low),
            _ => return None,
        };
        let (for_one, _) = limit_commands(code.scale);
        Some(if command == for_one {
            Self::Limit(code)
        } else {
            Self::LimitAll(code)
        })
    }
}

/// Why an inverter does not do what it is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RequestFault {
    /// There is not even who says it.
    #[error("it is too short to name the gateway")]
    Short,
    /// There is no sound envelope.
    #[error(transparent)]
    Envelope(#[from] L2Fault),
    /// Nobody has described it.
    #[error("nothing is known of command {command:02X} with such a body")]
    Unknown {
        /// The command.
        command: u8,
    },
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn every() -> Vec<InverterCommand> {
        let mut all = vec![
            InverterCommand::Poll,
            InverterCommand::Info,
            InverterCommand::Settings(SettingsPage::A),
            InverterCommand::Settings(SettingsPage::B),
            InverterCommand::Settings(SettingsPage::C),
            InverterCommand::SwitchOn,
            InverterCommand::SwitchOff,
            InverterCommand::SwitchAllOn,
            InverterCommand::SwitchAllOff,
            InverterCommand::NormalOperation,
        ];
        for scale in [LimitScale::Ds3, LimitScale::Qs1, LimitScale::Yc600] {
            let code = scale.of_watts(309).unwrap();
            all.extend([
                InverterCommand::Limit(code),
                InverterCommand::LimitAll(code),
            ]);
        }
        all
    }

    #[test]
    fn each_is_read_as_it_was_said_and_none_is_said_like_another() {
        let gateway: EcuId = "D8A3011B9780".parse().unwrap();
        let mut said = std::collections::BTreeSet::new();
        for command in every() {
            let data = command.data(gateway);
            assert_eq!(
                InverterCommand::read(&data),
                Ok((gateway.reversed(), command))
            );
            assert!(said.insert(data), "{command:?}");
        }
    }

    #[test]
    fn what_only_asks_writes_nothing() {
        for command in every() {
            let asks = matches!(command.envelope()[3], 0xbb | 0xdc | 0xdd | 0xde | 0xd9 | 0);
            assert_eq!(command.is_write(), !asks, "{command:?}");
            let names_all = format!("{command:?}").contains("All");
            let is_for_all = names_all || command == InverterCommand::NormalOperation;
            assert_eq!(command.is_for_all(), is_for_all);
        }
    }

    #[test]
    fn a_wrong_sum_is_refused_for_every_command() {
        for command in every() {
            let mut envelope = command.envelope();
            let at = envelope.len() - 4;
            envelope[at] ^= 1;
            let fault = InverterCommand::of_envelope(&envelope).unwrap_err();
            assert!(matches!(fault, RequestFault::Envelope(L2Fault::Sum { .. })));
        }
        assert_eq!(InverterCommand::read(&[1]), Err(RequestFault::Short));
    }

    proptest! {
        #[test]
        fn what_is_read_is_said_the_same(command: u8, body: [u8; 5]) {
            let envelope = l2(command, &body);
            match InverterCommand::of_envelope(&envelope) {
                // What asks has nothing in its body that counts.
                Ok(read) if !read.is_write() => prop_assert_eq!(read.envelope()[3], command),
                Ok(InverterCommand::Limit(_) | InverterCommand::LimitAll(_)) => {
                    let read = InverterCommand::of_envelope(&envelope).unwrap();
                    prop_assert_eq!(read.envelope(), envelope);
                }
                Ok(read) => prop_assert_eq!(read.envelope()[3], command),
                Err(fault) => prop_assert_eq!(fault, RequestFault::Unknown { command }),
            }
        }

        #[test]
        fn any_bytes_are_read(bytes: Vec<u8>) {
            let _ = InverterCommand::read(&bytes);
        }
    }
}
