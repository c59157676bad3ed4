//! What a host sends to a stick.

use super::super::ids::ShortAddress;
use super::frame::{ZnpFrame, encode_frame};

/// The endpoint of inverters and of the gateway.
pub const ENDPOINT: u8 = 0x14;
/// How many hops a message may take.
pub const RADIUS: u8 = 0x0f;
/// The number of messages that need none.
const TRANSACTION: u8 = 1;

/// Something a stick is asked, or told to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ZnpRequest {
    /// Are you there (2101)?
    Ping,
    /// Which firmware is it (2102)?
    Version,
    /// Send this back (2710).
    Loopback(Vec<u8>),
    /// Start anew (4100); the answer is the [indication](super::ResetIndication) afterwards. 00 is the kind
    /// that is used.
    Reset(u8),
    /// Store an item of the configuration (2605).
    WriteConfiguration {
        /// Which.
        item: u8,
        /// What.
        value: Vec<u8>,
    },
    /// Start the network (2600).
    Start,
    /// Register an endpoint (2400).
    Register(AfEndpoint),
    /// How is the coordinator (2700)?
    DeviceInfo,
    /// The answer to that question without anything in it (6700), which some hosts send instead of it. It is
    /// said to make a stick take [`SendForeign`](Self::SendForeign) that had refused it.
    DeviceInfoByAnswer,
    /// Send a message to a member of the network, or to all (2401).
    Send(AfSend),
    /// Send a message to radios of other networks (2402).
    SendForeign(AfForeign),
    /// Another, or one whose data does not fit.
    Other {
        /// The command.
        command: u16,
        /// What is in it.
        data: Vec<u8>,
    },
}

/// An endpoint: what an application on the stick is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AfEndpoint {
    /// Its number.
    pub number: u8,
    /// Profile.
    pub profile: u16,
    /// Device.
    pub device: u16,
    /// Version of the device.
    pub version: u8,
    /// Demands on latency, 00.
    pub latency: u8,
    /// Clusters that it takes.
    pub inputs: Vec<u16>,
    /// Clusters that it gives.
    pub outputs: Vec<u16>,
}

/// A message to a member of the network, or to all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AfSend {
    /// To whom.
    pub destination: ShortAddress,
    /// To which endpoint.
    pub destination_endpoint: u8,
    /// From which endpoint.
    pub source_endpoint: u8,
    /// Cluster.
    pub cluster: u16,
    /// Number that may come back in the confirmation.
    pub transaction: u8,
    /// Options.
    pub options: u8,
    /// How many hops it may take.
    pub radius: u8,
    /// The message.
    pub data: Vec<u8>,
}

/// A message to radios that need not be in the network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AfForeign {
    /// How `destination` is meant; 0F is a broadcast.
    pub mode: u8,
    /// To whom.
    pub destination: [u8; 8],
    /// To which endpoint.
    pub destination_endpoint: u8,
    /// To which network; FFFF is all.
    pub network: u16,
    /// From which endpoint.
    pub source_endpoint: u8,
    /// Cluster.
    pub cluster: u16,
    /// Number that may come back in the confirmation.
    pub transaction: u8,
    /// Options.
    pub options: u8,
    /// How many hops it may take.
    pub radius: u8,
    /// The message.
    pub data: Vec<u8>,
}

impl AfSend {
    /// What a gateway says to an inverter, or to all of them.
    pub const fn of_gateway(destination: ShortAddress, cluster: u16, data: Vec<u8>) -> Self {
        Self {
            destination,
            destination_endpoint: ENDPOINT,
            source_endpoint: ENDPOINT,
            cluster,
            transaction: TRANSACTION,
            options: 0,
            radius: RADIUS,
            data,
        }
    }
}

impl ZnpRequest {
    /// What is sent; `None` if it is too long.
    #[must_use]
    pub fn encode(&self) -> Option<Vec<u8>> {
        let (command, data) = match self {
            Self::Ping => (0x2101, Vec::new()),
            Self::Version => (0x2102, Vec::new()),
            Self::Loopback(data) => (0x2710, data.clone()),
            Self::Reset(kind) => (0x4100, vec![*kind]),
            Self::WriteConfiguration { item, value } => {
                let length = u8::try_from(value.len()).ok()?;
                (0x2605, [&[*item, length], value.as_slice()].concat())
            }
            Self::Start => (0x2600, Vec::new()),
            Self::Register(endpoint) => (0x2400, endpoint.encode()?),
            Self::DeviceInfo => (0x2700, Vec::new()),
            Self::DeviceInfoByAnswer => (0x6700, Vec::new()),
            Self::Send(message) => (0x2401, message.encode()?),
            Self::SendForeign(message) => (0x2402, message.encode()?),
            Self::Other { command, data } => (*command, data.clone()),
        };
        encode_frame(command, &data)
    }

    /// What a host asks with this frame.
    #[must_use]
    pub fn decode(frame: ZnpFrame<'_>) -> Self {
        let ZnpFrame { command, data } = frame;
        let known = match (command, data) {
            (0x2101, []) => Some(Self::Ping),
            (0x2102, []) => Some(Self::Version),
            (0x2710, data) => Some(Self::Loopback(data.to_vec())),
            (0x4100, [kind]) => Some(Self::Reset(*kind)),
            (0x2605, [item, length, value @ ..]) if usize::from(*length) == value.len() => {
                let (item, value) = (*item, value.to_vec());
                Some(Self::WriteConfiguration { item, value })
            }
            (0x2600, []) => Some(Self::Start),
            (0x2400, data) => AfEndpoint::decode(data).map(Self::Register),
            (0x2700, []) => Some(Self::DeviceInfo),
            (0x6700, []) => Some(Self::DeviceInfoByAnswer),
            (0x2401, data) => AfSend::decode(data).map(Self::Send),
            (0x2402, data) => AfForeign::decode(data).map(Self::SendForeign),
            _ => None,
        };
        known.unwrap_or_else(|| Self::Other {
            command,
            data: data.to_vec(),
        })
    }

    /// The command of the answer; `None` if none comes at once.
    pub const fn answer(&self) -> Option<u16> {
        Some(match self {
            Self::Ping => 0x6101,
            Self::Version => 0x6102,
            Self::Loopback(_) => 0x6710,
            Self::WriteConfiguration { .. } => 0x6605,
            Self::Start => 0x6600,
            Self::Register(_) => 0x6400,
            Self::DeviceInfo | Self::DeviceInfoByAnswer => 0x6700,
            Self::Send(_) => 0x6401,
            Self::SendForeign(_) => 0x6402,
            Self::Other { command, .. } if *command >> 13 == 1 => *command | 0x4000,
            Self::Reset(_) | Self::Other { .. } => return None,
        })
    }
}

/// A number of clusters, and they.
fn clusters(all: &[u16]) -> Option<Vec<u8>> {
    let mut bytes = vec![u8::try_from(all.len()).ok()?];
    bytes.extend(all.iter().flat_map(|cluster| cluster.to_le_bytes()));
    Some(bytes)
}

fn read_clusters(data: &[u8]) -> Option<(Vec<u16>, &[u8])> {
    let (count, data) = data.split_first()?;
    let (clusters, rest) = data.split_at_checked(usize::from(*count) * 2)?;
    let (pairs, _) = clusters.as_chunks::<2>();
    let all = pairs.iter().map(|pair| u16::from_le_bytes(*pair));
    Some((all.collect(), rest))
}

impl AfEndpoint {
    fn encode(&self) -> Option<Vec<u8>> {
        let mut data = vec![self.number];
        data.extend(self.profile.to_le_bytes());
        data.extend(self.device.to_le_bytes());
        data.extend([self.version, self.latency]);
        data.extend(clusters(&self.inputs)?);
        data.extend(clusters(&self.outputs)?);
        Some(data)
    }

    fn decode(data: &[u8]) -> Option<Self> {
        let ([number, p0, p1, d0, d1, version, latency], rest) = data.split_first_chunk::<7>()?;
        let (inputs, rest) = read_clusters(rest)?;
        let (outputs, rest) = read_clusters(rest)?;
        rest.is_empty().then_some(Self {
            number: *number,
            profile: u16::from_le_bytes([*p0, *p1]),
            device: u16::from_le_bytes([*d0, *d1]),
            version: *version,
            latency: *latency,
            inputs,
            outputs,
        })
    }
}

impl AfSend {
    fn encode(&self) -> Option<Vec<u8>> {
        let mut data = Vec::with_capacity(self.data.len() + 10);
        data.extend(self.destination.0.to_le_bytes());
        data.extend([self.destination_endpoint, self.source_endpoint]);
        data.extend(self.cluster.to_le_bytes());
        data.extend([self.transaction, self.options, self.radius]);
        data.push(u8::try_from(self.data.len()).ok()?);
        data.extend(&self.data);
        Some(data)
    }

    fn decode(data: &[u8]) -> Option<Self> {
        let (head, data) = data.split_first_chunk::<10>()?;
        let [
            t0,
            t1,
            to,
            from,
            c0,
            c1,
            transaction,
            options,
            radius,
            length,
        ] = *head;
        (data.len() == usize::from(length)).then(|| Self {
            destination: ShortAddress(u16::from_le_bytes([t0, t1])),
            destination_endpoint: to,
            source_endpoint: from,
            cluster: u16::from_le_bytes([c0, c1]),
            transaction,
            options,
            radius,
            data: data.to_vec(),
        })
    }
}

impl AfForeign {
    fn encode(&self) -> Option<Vec<u8>> {
        let mut data = Vec::with_capacity(self.data.len() + 20);
        data.push(self.mode);
        data.extend(self.destination);
        data.push(self.destination_endpoint);
        data.extend(self.network.to_le_bytes());
        data.push(self.source_endpoint);
        data.extend(self.cluster.to_le_bytes());
        data.extend([self.transaction, self.options, self.radius]);
        data.extend(u16::try_from(self.data.len()).ok()?.to_le_bytes());
        data.extend(&self.data);
        Some(data)
    }

    fn decode(data: &[u8]) -> Option<Self> {
        let (mode, data) = data.split_first()?;
        let (destination, data) = data.split_first_chunk::<8>()?;
        let (head, data) = data.split_first_chunk::<11>()?;
        let [
            to,
            n0,
            n1,
            from,
            c0,
            c1,
            transaction,
            options,
            radius,
            l0,
            l1,
        ] = *head;
        let length = u16::from_le_bytes([l0, l1]);
        (data.len() == usize::from(length)).then(|| Self {
            mode: *mode,
            destination: *destination,
            destination_endpoint: to,
            network: u16::from_le_bytes([n0, n1]),
            source_endpoint: from,
            cluster: u16::from_le_bytes([c0, c1]),
            transaction,
            options,
            radius,
            data: data.to_vec(),
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn hex(request: &ZnpRequest) -> String {
        let bytes = request.encode().unwrap();
        bytes.iter().map(|byte| format!("{byte:02X}")).collect()
    }

    #[test]
    fn requests_are_written_as_sticks_expect_them() {
        assert_eq!(hex(&ZnpRequest::Reset(0)), "FE0141000040");
        let write = ZnpRequest::WriteConfiguration {
            item: 3,
            value: vec![3],
        };
        assert_eq!(hex(&write), "FE03260503010321");
        let endpoint = AfEndpoint {
            number: 0x14,
            profile: 0x0f05,
            device: 0x0100,
            version: 1,
            latency: 0,
            inputs: vec![0, 0x0015],
            outputs: Vec::new(),
        };
        assert_eq!(
            hex(&ZnpRequest::Register(endpoint)),
            "FE0D240014050F0001010002000015000020"
        );
        assert_eq!(hex(&ZnpRequest::DeviceInfoByAnswer), "FE00670067");
        let loopback = ZnpRequest::Loopback(vec![0xaa, 0xbb, 0xcc]);
        assert_eq!(hex(&loopback), "FE032710AABBCCE9");
    }

    #[test]
    fn what_is_too_long_is_not_written() {
        let send = |length| {
            ZnpRequest::Send(AfSend {
                destination: ShortAddress(0x1234),
                destination_endpoint: 0x14,
                source_endpoint: 0x14,
                cluster: 6,
                transaction: 1,
                options: 0,
                radius: 15,
                data: vec![0; length],
            })
        };
        assert!(send(240).encode().is_some());
        assert!(send(241).encode().is_none());
        assert!(send(256).encode().is_none());
    }

    #[test]
    fn every_question_has_its_answer() {
        let other = |command| ZnpRequest::Other {
            command,
            data: Vec::new(),
        };
        assert_eq!(ZnpRequest::Ping.answer(), Some(0x6101));
        assert_eq!(ZnpRequest::Reset(0).answer(), None);
        assert_eq!(other(0x2508).answer(), Some(0x6508));
        assert_eq!(other(0x4508).answer(), None);
    }

    proptest! {
        #[test]
        fn what_was_read_is_written_the_same(
            command in prop_oneof![
                any::<u16>(),
                proptest::sample::select(vec![0x2400_u16, 0x2401, 0x2402, 0x2605, 0x4100, 0x6700]),
            ],
            data in proptest::collection::vec(prop_oneof![any::<u8>(), 0..4_u8], 0..60),
        ) {
            let bytes = encode_frame(command, &data).unwrap();
            let request = ZnpRequest::decode(ZnpFrame { command, data: &data });
            prop_assert_eq!(request.encode(), Some(bytes));
        }
    }
}
