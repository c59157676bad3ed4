//! Where bytes of numbers stand in a frame, as far as it is there.
//!
//! That of each byte follows from bytes in front of it only, so the beginning of a frame can be masked before its end
//! has come.

use super::super::wire::payload::{
    ASK_CLUSTER, MOVE_CLUSTER, PAIRED_CLUSTER, PRIME_CLUSTER, REQUEST_CLUSTER,
};

/// Which byte of which number it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IdByte {
    /// Of the serial number of an inverter.
    Serial(usize),
    /// Of the id of a gateway, as it is printed.
    Gateway(usize),
    /// Of the address of a radio, beside an id.
    Radio(usize),
    /// Sealed with a key that everybody can try out.
    Blank,
}

/// What is known of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FrameState {
    /// It is whole, and its check sum is right.
    Whole,
    /// Its end is in another piece, and it is taken for right.
    InPieces,
    /// Bytes of it are lost, or others than they were.
    Damaged,
}

/// A place in a frame, and what stands there.
pub type IdPlace = (usize, IdByte);

/// Where the data of a frame begins.
const DATA: usize = 4;

/// The places that are known by these bytes, from the first byte of the frame on. Some may lie behind its end. Of one
/// that is not whole, what is sealed is given up.
pub fn places(frame: &[u8], state: FrameState) -> Vec<IdPlace> {
    let [_, length, high, low, data @ ..] = frame else {
        return Vec::new();
    };
    let end = DATA + usize::from(*length);
    let mut all = match u16::from_be_bytes([*high, *low]) {
        0x4481 => air(data, &AirForm::HEARD, state),
        0x2401 => air(data, &AirForm::SENT, state),
        0x2402 => {
            let mut all = air(data, &AirForm::FOREIGN, state);
            all.extend([(10, IdByte::Gateway(0)), (11, IdByte::Gateway(1))]);
            all
        }
        // An item of the configuration: a write, or what was read.
        0x2605 => item(data, 0),
        0x6604 => item(data, 1),
        0x6700 => radio(1),
        // Somebody has joined a network of others.
        0x45c1 => radio(4),
        0x45ca => radio(2),
        _ => Vec::new(),
    };
    for (place, _) in &mut all {
        *place += DATA;
    }
    all.retain(|(place, _)| *place < end);
    all
}

/// The application data in a whole frame that carries some, and its cluster.
pub fn air_data(frame: &[u8]) -> Option<(u16, std::ops::Range<usize>)> {
    let [_, _, high, low, data @ ..] = frame else {
        return None;
    };
    let form = match u16::from_be_bytes([*high, *low]) {
        0x4481 => AirForm::HEARD,
        0x2401 => AirForm::SENT,
        0x2402 => AirForm::FOREIGN,
        _ => return None,
    };
    let length = usize::from(*data.get(form.length)?);
    let start = DATA + form.begin;
    Some((form.cluster_of(data)?, start..start + length))
}

/// Whether frames with this command have places, if they begin with it.
pub fn has_places(command: [u8; 2]) -> bool {
    let command = u16::from_be_bytes(command);
    matches!(
        command,
        0x4481 | 0x2401 | 0x2402 | 0x2605 | 0x6604 | 0x6700 | 0x45c1 | 0x45ca
    )
}

/// Where things are in the data of a frame that carries a message.
struct AirForm {
    cluster: usize,
    length: usize,
    begin: usize,
}

impl AirForm {
    const HEARD: Self = Self {
        cluster: 2,
        length: 16,
        begin: 17,
    };
    const SENT: Self = Self {
        cluster: 4,
        length: 9,
        begin: 10,
    };
    /// Its length has two bytes, of which the second is always 0.
    const FOREIGN: Self = Self {
        cluster: 13,
        length: 18,
        begin: 20,
    };

    fn cluster_of(&self, data: &[u8]) -> Option<u16> {
        let [low, high] = data.get(self.cluster..)?.first_chunk()?;
        Some(u16::from_le_bytes([*low, *high]))
    }
}

fn air(data: &[u8], form: &AirForm, state: FrameState) -> Vec<IdPlace> {
    let (Some(cluster), Some(length)) = (form.cluster_of(data), data.get(form.length)) else {
        return Vec::new();
    };
    let length = match state {
        // Anything may stand there.
        FrameState::Damaged => usize::from(u8::MAX),
        FrameState::Whole | FrameState::InPieces => usize::from(*length),
    };
    let is_answer = match state {
        FrameState::Damaged => data.get(form.begin) == Some(&0xff),
        FrameState::Whole | FrameState::InPieces => length == 8,
    };
    let serial = |from: usize| (0..6).map(move |at| (from + at, IdByte::Serial(at)));
    let gateway = |from: usize| (0..6).map(move |at| (from + at, IdByte::Gateway(5 - at)));
    let mut all: Vec<IdPlace> = match cluster {
        PRIME_CLUSTER | MOVE_CLUSTER => {
            let network = [(6, IdByte::Gateway(1)), (7, IdByte::Gateway(0))];
            serial(0).chain(network).chain(gateway(11)).collect()
        }
        PAIRED_CLUSTER if is_answer => serial(2).collect(),
        PAIRED_CLUSTER | REQUEST_CLUSTER => gateway(0).collect(),
        // The second request as well.
        _ => serial(0).collect(),
    };
    if state != FrameState::Whole && is_sealed(cluster, data.get(form.begin..).unwrap_or_default())
    {
        all.extend((12..length).map(|at| (at, IdByte::Blank)));
    }
    all.retain(|(place, _)| *place < length);
    for (place, _) in &mut all {
        *place += form.begin;
    }
    all
}

/// Whether this may be sealed, as far as it is there.
fn is_sealed(cluster: u16, payload: &[u8]) -> bool {
    let is_answer = !matches!(
        cluster,
        PRIME_CLUSTER | MOVE_CLUSTER | ASK_CLUSTER | PAIRED_CLUSTER
    );
    let envelope = payload.get(6..8);
    is_answer && envelope.is_some_and(|start| start != [0xfb, 0xfb])
}

/// An item of the configuration whose number stands here.
fn item(data: &[u8], at: usize) -> Vec<IdPlace> {
    match data.get(at) {
        Some(0x01) => radio(at + 2),
        Some(0x83) => vec![(at + 2, IdByte::Gateway(0)), (at + 3, IdByte::Gateway(1))],
        _ => Vec::new(),
    }
}

/// The address of a radio that begins here: two bytes, and the id of a gateway with its last byte first.
fn radio(from: usize) -> Vec<IdPlace> {
    let begin = (0..2).map(|at| (from + at, IdByte::Radio(at)));
    let gateway = (0..6).map(|at| (from + 2 + at, IdByte::Gateway(5 - at)));
    begin.chain(gateway).collect()
}
