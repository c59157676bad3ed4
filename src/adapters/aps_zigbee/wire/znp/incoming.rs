//! A message that a stick has heard.

use super::super::ids::ShortAddress;

/// A message from somebody (4481).
///
/// ```text
///  group | cluster | source | endpoint of source, of destination | was broadcast | LQI | security |
///    2        2        2             1                 1                 1          1       1
///  time stamp | sequence | n | data | last hop | radius left
///      4           1       1    n        2           1
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AfIncoming {
    /// 0000.
    pub group: u16,
    /// Cluster.
    pub cluster: u16,
    /// Who sent it. 0000 is the stick itself: its own message came back.
    pub source: ShortAddress,
    /// From which endpoint.
    pub source_endpoint: u8,
    /// To which endpoint.
    pub destination_endpoint: u8,
    /// Whether it was for everybody; anything but 00 is yes.
    pub broadcast: u8,
    /// Quality of the radio link, 0 to 255.
    pub lqi: u8,
    /// Whether it was encrypted by the network, 00.
    pub security: u8,
    /// Time of the stick.
    pub timestamp: u32,
    /// Number of the message.
    pub sequence: u8,
    /// The message.
    pub data: Vec<u8>,
    /// Whose radio was heard: the source, or who relayed it last.
    pub last_hop: ShortAddress,
    /// How many more hops it might have taken: 0E was heard directly. Means nothing in messages that came in
    /// two parts.
    pub radius: u8,
}

impl AfIncoming {
    pub(super) fn decode(data: &[u8]) -> Option<Self> {
        let (head, rest) = data.split_first_chunk::<17>()?;
        let [
            g0,
            g1,
            c0,
            c1,
            s0,
            s1,
            from,
            to,
            broadcast,
            lqi,
            security,
            t0,
            t1,
            t2,
            t3,
            sequence,
            length,
        ] = *head;
        let (data, tail) = rest.split_at_checked(usize::from(length))?;
        let [h0, h1, radius] = *tail else {
            return None;
        };
        Some(Self {
            group: u16::from_le_bytes([g0, g1]),
            cluster: u16::from_le_bytes([c0, c1]),
            source: ShortAddress(u16::from_le_bytes([s0, s1])),
            source_endpoint: from,
            destination_endpoint: to,
            broadcast,
            lqi,
            security,
            timestamp: u32::from_le_bytes([t0, t1, t2, t3]),
            sequence,
            data: data.to_vec(),
            last_hop: ShortAddress(u16::from_le_bytes([h0, h1])),
            radius,
        })
    }

    pub(super) fn encode(&self) -> Option<Vec<u8>> {
        let mut data = Vec::with_capacity(self.data.len() + 20);
        data.extend(self.group.to_le_bytes());
        data.extend(self.cluster.to_le_bytes());
        data.extend(self.source.0.to_le_bytes());
        data.extend([self.source_endpoint, self.destination_endpoint]);
        data.extend([self.broadcast, self.lqi, self.security]);
        data.extend(self.timestamp.to_le_bytes());
        data.extend([self.sequence, u8::try_from(self.data.len()).ok()?]);
        data.extend(&self.data);
        data.extend(self.last_hop.0.to_le_bytes());
        data.push(self.radius);
        Some(data)
    }
}
