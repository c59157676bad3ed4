//! What a stick says to its host.

use super::super::ids::ShortAddress;
use super::frame::{ZnpFrame, encode_frame};
use super::incoming::AfIncoming;
use super::status::{CoordinatorState, ZnpStatus};

/// Something a stick says: an answer, or what happens by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ZnpMessage {
    /// It is there (6101); the bits say what its firmware can do.
    Pong(u16),
    /// Its firmware (6102).
    Version(ZnpVersion),
    /// What it was given (6710).
    Loopback(Vec<u8>),
    /// It has started anew (4180).
    Reset(ResetIndication),
    /// An item of the configuration was stored (6605), or not.
    Written(ZnpStatus),
    /// The network is being started (6600).
    Starting,
    /// The state of the coordinator has changed (45C0).
    State(CoordinatorState),
    /// An endpoint was registered (6400), or not.
    Registered(ZnpStatus),
    /// How the coordinator is (6700).
    DeviceInfo(DeviceInfo),
    /// A message was taken for sending (6401), or not.
    Sending(ZnpStatus),
    /// A message to radios of other networks was taken for sending (6402), or not.
    SendingForeign(ZnpStatus),
    /// What became of a message (4480).
    Confirm {
        /// What.
        status: ZnpStatus,
        /// The endpoint it was sent from.
        endpoint: u8,
        /// The number it was sent with; not to be relied on.
        transaction: u8,
    },
    /// The way to somebody (45C4).
    Route {
        /// To whom.
        destination: ShortAddress,
        /// Through whom.
        relays: Vec<ShortAddress>,
    },
    /// A message from somebody (4481).
    Incoming(AfIncoming),
    /// The firmware does not know what it was asked (6000).
    Refused {
        /// 01 the part of the firmware, 02 the command, 03 the parameter, 04 the length.
        reason: u8,
        /// What it was asked.
        command: u16,
    },
    /// Another, or one whose data does not fit.
    Other {
        /// The command.
        command: u16,
        /// What is in it.
        data: Vec<u8>,
    },
}

/// How a stick is after it has started anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ResetIndication {
    /// Why it did: 00 power, 01 its reset pin, 02 watchdog or command.
    pub reason: u8,
    /// Version of the protocol, 02.
    pub transport: u8,
    /// Line of the firmware: 00 Home 1.2, 01 3.x.0 of newer chips, 02 3.0.x.
    pub product: u8,
    /// Version.
    pub major: u8,
    /// Version.
    pub minor: u8,
    /// Hardware, or the last part of the version.
    pub hardware: u8,
}

/// Which firmware a stick has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ZnpVersion {
    /// Version of the protocol, 02.
    pub transport: u8,
    /// Line of the firmware, as in [`ResetIndication`].
    pub product: u8,
    /// Version.
    pub major: u8,
    /// Version.
    pub minor: u8,
    /// Version.
    pub maintenance: u8,
    /// When it was built, as in 20190523; not all tell.
    pub revision: Option<u32>,
}

/// How a coordinator is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceInfo {
    /// Whether it can be said.
    pub status: ZnpStatus,
    /// The address of the radio, with its last byte first.
    pub ieee: [u8; 8],
    /// Its address in the network.
    pub address: ShortAddress,
    /// What it can be, in bits; 07 is all.
    pub kind: u8,
    /// How far it is.
    pub state: CoordinatorState,
    /// Those that have joined it.
    pub children: Vec<ShortAddress>,
}

impl ZnpMessage {
    /// What a stick says with this frame.
    #[must_use]
    pub fn decode(frame: ZnpFrame<'_>) -> Self {
        let ZnpFrame { command, data } = frame;
        let known = match (command, data) {
            (0x6101, [low, high]) => Some(Self::Pong(u16::from_le_bytes([*low, *high]))),
            (0x6102, data) => ZnpVersion::decode(data).map(Self::Version),
            (0x6710, data) => Some(Self::Loopback(data.to_vec())),
            (0x4180, [reason, transport, product, major, minor, hardware]) => {
                Some(Self::Reset(ResetIndication {
                    reason: *reason,
                    transport: *transport,
                    product: *product,
                    major: *major,
                    minor: *minor,
                    hardware: *hardware,
                }))
            }
            (0x6605, [status]) => Some(Self::Written((*status).into())),
            (0x6600, []) => Some(Self::Starting),
            (0x45c0, [state]) => Some(Self::State((*state).into())),
            (0x6400, [status]) => Some(Self::Registered((*status).into())),
            (0x6700, data) => DeviceInfo::decode(data).map(Self::DeviceInfo),
            (0x6401, [status]) => Some(Self::Sending((*status).into())),
            (0x6402, [status]) => Some(Self::SendingForeign((*status).into())),
            (0x4480, [status, endpoint, transaction]) => Some(Self::Confirm {
                status: (*status).into(),
                endpoint: *endpoint,
                transaction: *transaction,
            }),
            (0x45c4, [low, high, rest @ ..]) => read_addresses(rest).map(|relays| Self::Route {
                destination: ShortAddress(u16::from_le_bytes([*low, *high])),
                relays,
            }),
            (0x4481, data) => AfIncoming::decode(data).map(Self::Incoming),
            (0x6000, [reason, high, low]) => Some(Self::Refused {
                reason: *reason,
                command: u16::from_be_bytes([*high, *low]),
            }),
            _ => None,
        };
        known.unwrap_or_else(|| Self::Other {
            command,
            data: data.to_vec(),
        })
    }

    /// What a stick sends; `None` if it is too long.
    #[must_use]
    pub fn encode(&self) -> Option<Vec<u8>> {
        let (command, data) = match self {
            Self::Pong(capabilities) => (0x6101, capabilities.to_le_bytes().to_vec()),
            Self::Version(version) => (0x6102, version.encode()),
            Self::Loopback(data) => (0x6710, data.clone()),
            Self::Reset(reset) => (
                0x4180,
                vec![
                    reset.reason,
                    reset.transport,
                    reset.product,
                    reset.major,
                    reset.minor,
                    reset.hardware,
                ],
            ),
            Self::Written(status) => (0x6605, vec![status.code()]),
            Self::Starting => (0x6600, Vec::new()),
            Self::State(state) => (0x45c0, vec![state.code()]),
            Self::Registered(status) => (0x6400, vec![status.code()]),
            Self::DeviceInfo(info) => (0x6700, info.encode()?),
            Self::Sending(status) => (0x6401, vec![status.code()]),
            Self::SendingForeign(status) => (0x6402, vec![status.code()]),
            Self::Confirm {
                status,
                endpoint,
                transaction,
            } => (0x4480, vec![status.code(), *endpoint, *transaction]),
            Self::Route {
                destination,
                relays,
            } => {
                let mut data = destination.0.to_le_bytes().to_vec();
                data.extend(addresses(relays)?);
                (0x45c4, data)
            }
            Self::Incoming(message) => (0x4481, message.encode()?),
            Self::Refused { reason, command } => {
                let [high, low] = command.to_be_bytes();
                (0x6000, vec![*reason, high, low])
            }
            Self::Other { command, data } => (*command, data.clone()),
        };
        encode_frame(command, &data)
    }
}

/// A number of addresses, and they.
fn addresses(all: &[ShortAddress]) -> Option<Vec<u8>> {
    let mut bytes = vec![u8::try_from(all.len()).ok()?];
    bytes.extend(all.iter().flat_map(|address| address.0.to_le_bytes()));
    Some(bytes)
}

/// All that is left: a number of addresses, and they.
fn read_addresses(data: &[u8]) -> Option<Vec<ShortAddress>> {
    let (count, data) = data.split_first()?;
    let (pairs, rest) = data.as_chunks::<2>();
    let is_whole = rest.is_empty() && pairs.len() == usize::from(*count);
    let address = |pair: &[u8; 2]| ShortAddress(u16::from_le_bytes(*pair));
    is_whole.then(|| pairs.iter().map(address).collect())
}

impl ZnpVersion {
    fn decode(data: &[u8]) -> Option<Self> {
        let (head, rest) = data.split_first_chunk::<5>()?;
        let [transport, product, major, minor, maintenance] = *head;
        let revision = match rest {
            [] => None,
            [a, b, c, d] => Some(u32::from_le_bytes([*a, *b, *c, *d])),
            _ => return None,
        };
        Some(Self {
            transport,
            product,
            major,
            minor,
            maintenance,
            revision,
        })
    }

    fn encode(&self) -> Vec<u8> {
        let mut data = vec![self.transport, self.product];
        data.extend([self.major, self.minor, self.maintenance]);
        data.extend(self.revision.into_iter().flat_map(u32::to_le_bytes));
        data
    }
}

impl DeviceInfo {
    fn decode(data: &[u8]) -> Option<Self> {
        let (status, data) = data.split_first()?;
        let (ieee, data) = data.split_first_chunk::<8>()?;
        let ([a0, a1, kind, state], data) = data.split_first_chunk::<4>()?;
        Some(Self {
            status: (*status).into(),
            ieee: *ieee,
            address: ShortAddress(u16::from_le_bytes([*a0, *a1])),
            kind: *kind,
            state: (*state).into(),
            children: read_addresses(data)?,
        })
    }

    fn encode(&self) -> Option<Vec<u8>> {
        let mut data = vec![self.status.code()];
        data.extend(self.ieee);
        data.extend(self.address.0.to_le_bytes());
        data.extend([self.kind, self.state.code()]);
        data.extend(addresses(&self.children)?);
        Some(data)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(command: u16, data: &[u8]) -> ZnpMessage {
        ZnpMessage::decode(ZnpFrame { command, data })
    }

    #[test]
    fn a_coordinator_tells_of_its_children() {
        let bytes = [
            0, 0xff, 0xff, 6, 5, 4, 3, 2, 1, 0, 0, 7, 9, 2, 0x3a, 0x7c, 0xe1, 0xd5,
        ];
        let ZnpMessage::DeviceInfo(info) = read(0x6700, &bytes) else {
            panic!("{bytes:?}");
        };
        assert_eq!(info.ieee, [0xff, 0xff, 6, 5, 4, 3, 2, 1]);
        assert_eq!(info.state, CoordinatorState::Running);
        assert_eq!(info.children, [ShortAddress(0x7c3a), ShortAddress(0xd5e1)]);
        // One child less than it says.
        let other = read(0x6700, &bytes[..16]);
        assert!(matches!(
            other,
            ZnpMessage::Other {
                command: 0x6700,
                ..
            }
        ));
    }

    #[test]
    fn versions_come_with_and_without_a_date() {
        let old = read(0x6102, &[2, 0, 2, 6, 3]);
        let new = read(0x6102, &[2, 1, 2, 7, 1, 0xeb, 0x16, 0x34, 0x01]);
        let revision = |message: &ZnpMessage| match message {
            ZnpMessage::Version(version) => version.revision,
            other => panic!("{other:?}"),
        };
        assert_eq!(revision(&old), None);
        assert_eq!(revision(&new), Some(20_190_955));
    }

    #[test]
    fn a_command_that_is_not_known_is_refused_by_name() {
        let refused = read(0x6000, &[2, 0x26, 0x05]);
        let expected = ZnpMessage::Refused {
            reason: 2,
            command: 0x2605,
        };
        assert_eq!(refused, expected);
    }

    #[test]
    fn what_does_not_fit_is_kept_as_it_is() {
        for (command, data) in [
            (0x6401, [].as_slice()),
            (0x4480, &[0, 0x14]),
            (0x45c4, &[1, 2, 1]),
            (0x4481, &[0; 20]),
            (0x4481, &[0; 19]),
            (0x45ca, &[1, 2, 3]),
        ] {
            let message = read(command, data);
            let is_raw = matches!(message, ZnpMessage::Other { .. });
            let is_empty_message = command == 0x4481 && data.len() == 20;
            assert_eq!(is_raw, !is_empty_message, "{message:?}");
        }
    }

    proptest! {
        #[test]
        fn what_was_read_is_written_the_same(
            command in prop_oneof![
                any::<u16>(),
                proptest::sample::select(vec![
                    0x4180_u16, 0x4480, 0x4481, 0x45c0, 0x45c4, 0x6000, 0x6101, 0x6102, 0x6400, 0x6401, 0x6402,
                    0x6600, 0x6605, 0x6700, 0x6710,
                ]),
            ],
            data in proptest::collection::vec(prop_oneof![any::<u8>(), 0..4_u8], 0..60),
        ) {
            let bytes = encode_frame(command, &data).unwrap();
            let message = ZnpMessage::decode(ZnpFrame { command, data: &data });
            prop_assert_eq!(message.encode(), Some(bytes));
        }
    }
}
