//! Makes a recording of a stick fit to be shown to others: serial numbers of inverters and the id of the network are
//! replaced by invented ones, the same everywhere. Values, times and short addresses stay.
//!
//! | file | what |
//! |---|---|
//! | `invented` | what to write instead of a byte of such a number |
//! | `places` | where such bytes stand in a frame |
//!
//! What goes over the line comes in pieces, and a frame may be in several of them, with what the other side says in
//! between. Each byte is replaced for itself, by what the bytes in front of it say, so that no piece has to wait for the
//! next one. Frames that were damaged are damaged in the same way afterwards.

mod invented;
mod places;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::ops::Range;

use self::invented::Invented;
use self::places::{FrameState, IdByte, IdPlace, air_data, has_places, places};
use super::config::ZigbeeConfig;
use super::wire::ids::InverterSerial;
use super::wire::payload::{L2Part, Sealed};
use super::wire::znp::{MOST_DATA, ZnpFrame};
use crate::device::Keys;

/// The first byte of a frame.
const START: u8 = 0xfe;
/// What stands around the data of a frame.
const AROUND: usize = 5;
/// Bytes of a serial number, or of the id of a gateway.
const ID: usize = 6;
/// Numbers that are looked for wherever they stand, at most.
const MOST_KNOWN: usize = 64;
/// Different bytes that make a number worth looking for.
const VARIED: usize = 3;

/// A number as it stands somewhere, and which byte of it is where.
type KnownId = ([u8; ID], fn(usize) -> IdByte);

/// Masks what goes over the line of one stick.
#[derive(Debug)]
pub struct StickMasker {
    invented: Invented,
    serials: BTreeSet<[u8; ID]>,
    gateways: BTreeSet<[u8; ID]>,
    /// The end of a piece, from the first frame on that is not whole.
    begun: Vec<u8>,
}

/// A piece on its way.
struct MaskedPiece<'a> {
    original: &'a [u8],
    masked: Vec<u8>,
    /// Bytes that are as they shall be.
    done: Vec<bool>,
}

impl MaskedPiece<'_> {
    /// Writes a byte where nothing is done yet.
    fn put(&mut self, at: usize, byte: u8) {
        if let (Some(slot), Some(done @ false)) = (self.masked.get_mut(at), self.done.get_mut(at)) {
            (*slot, *done) = (byte, true);
        }
    }

    fn finish(&mut self, place: Range<usize>) {
        self.done.get_mut(place).unwrap_or_default().fill(true);
    }

    fn is_open(&self, place: Range<usize>) -> bool {
        let done = self.done.get(place);
        done.is_some_and(|done| done.iter().all(|done| !done))
    }
}

impl StickMasker {
    /// One that knows the numbers of a section.
    pub fn new(config: &ZigbeeConfig) -> Self {
        Self::with(config, Invented::of_this_run())
    }

    fn with(config: &ZigbeeConfig, invented: Invented) -> Self {
        let listed = config.inverters.iter().chain(config.addresses.keys());
        Self {
            invented,
            serials: listed.map(|serial| serial.wire()).collect(),
            gateways: BTreeSet::from([config.network().bytes()]),
            begun: Vec::new(),
        }
    }

    /// Masks the next piece. As many bytes come back.
    pub fn mask(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut piece = MaskedPiece {
            original: bytes,
            masked: bytes.to_vec(),
            done: vec![false; bytes.len()],
        };
        let from = self.go_on(&mut piece);
        let whole = self.whole_frames(&mut piece, from);
        self.search(&mut piece, from..bytes.len());
        self.damaged_frames(&mut piece, from, &whole);
        if self.begun.is_empty() {
            let end = whole.last().map_or(from, |place| place.end);
            let mut last =
                starts(bytes, end..bytes.len()).map(|at| bytes.get(at..).unwrap_or_default());
            self.begun = last
                .find(|rest| is_begun(rest))
                .unwrap_or_default()
                .to_vec();
        }
        piece.masked
    }

    /// The rest of a frame that was begun in another piece; where it ends.
    fn go_on(&mut self, piece: &mut MaskedPiece<'_>) -> usize {
        let bytes = piece.original;
        if self.begun.is_empty() || whole_frame(bytes).is_some() {
            return 0;
        }
        let begun = std::mem::take(&mut self.begun);
        let joined = [&begun[..], bytes].concat();
        for at in starts(&joined, 0..begun.len()) {
            let tail = joined.get(at..).unwrap_or_default();
            let Some(frame) = whole_frame(tail) else {
                continue;
            };
            let head = begun.len() - at;
            let Some(length) = frame.len().checked_sub(head) else {
                continue;
            };
            let masked = sealed_by_sum(self.by_places(frame, FrameState::InPieces), frame);
            for (at, byte) in masked.into_iter().skip(head).enumerate() {
                piece.put(at, byte);
            }
            self.learn(frame);
            return length;
        }
        // It is not whole even now, or it was damaged.
        for at in starts(&joined, 0..begun.len()) {
            let tail = joined.get(at..).unwrap_or_default();
            for (place, byte) in self.replaced(frame_part(tail), FrameState::InPieces) {
                if let Some(place) = (at + place).checked_sub(begun.len()) {
                    piece.put(place, byte);
                }
            }
        }
        let is_something_else = starts(bytes, 0..bytes.len())
            .any(|at| whole_frame(bytes.get(at..).unwrap_or_default()).is_some());
        if !is_something_else {
            let mut tails =
                starts(&joined, 0..begun.len()).map(|at| joined.get(at..).unwrap_or_default());
            self.begun = tails
                .find(|tail| is_begun(tail))
                .unwrap_or_default()
                .to_vec();
        }
        0
    }

    /// Frames whose check sum is right; where they are.
    fn whole_frames(&mut self, piece: &mut MaskedPiece<'_>, from: usize) -> Vec<Range<usize>> {
        let bytes = piece.original;
        let (mut at, mut whole) = (from, Vec::new());
        while at < bytes.len() {
            let rest = bytes.get(at..).unwrap_or_default();
            let Some(frame) = whole_frame(rest) else {
                at += 1;
                continue;
            };
            self.learn(frame);
            for (offset, byte) in self.whole_frame(frame).into_iter().enumerate() {
                piece.put(at + offset, byte);
            }
            let place = at..at + frame.len();
            at = place.end;
            piece.finish(place.clone());
            whole.push(place);
        }
        whole
    }

    /// Frames that are not whole, or whose check sum is wrong, and what is left of others.
    fn damaged_frames(&self, piece: &mut MaskedPiece<'_>, from: usize, whole: &[Range<usize>]) {
        let bytes = piece.original;
        let rest = |at: usize| bytes.get(at..).unwrap_or_default();
        let mut end = bytes.len();
        for at in starts(bytes, from..bytes.len()) {
            if piece.done.get(at) == Some(&true) {
                continue;
            }
            let is_begun = is_begun(rest(at));
            let state = if is_begun {
                FrameState::InPieces
            } else {
                FrameState::Damaged
            };
            let replaced = self.replaced(frame_part(rest(at)), state);
            if is_begun && !replaced.is_empty() {
                end = end.min(at);
            }
            for (place, byte) in replaced {
                piece.put(at + place, byte);
            }
        }
        // Their first two bytes may be among those that are lost.
        for at in from..end {
            let Some(command) = rest(at).first_chunk().filter(|it| has_places(**it)) else {
                continue;
            };
            if piece.done.get(at..at + command.len()) != Some(&[false, false]) {
                continue;
            }
            let frame = [&[START, u8::MAX][..], rest(at)].concat();
            for (place, byte) in self.replaced(&frame, FrameState::Damaged) {
                piece.put(at + place - (AROUND - 3), byte);
            }
        }
        // Or even more of them: an envelope stands behind a number.
        for at in from..end {
            if !rest(at + ID).starts_with(&[0xfb, 0xfb]) || !piece.is_open(at..at + ID) {
                continue;
            }
            for (offset, byte) in rest(at).iter().take(ID).enumerate() {
                let byte = self.invented.byte(IdByte::Serial(offset), *byte);
                piece.put(at + offset, byte);
            }
        }
        // None of them is right now by accident.
        for at in starts(bytes, from..bytes.len()) {
            let (old, new) = (bytes.get(at..), piece.masked.get(at..));
            let was = old.and_then(whole_frame).is_some();
            let Some(frame) = new.and_then(whole_frame).filter(|_| !was) else {
                continue;
            };
            let last = at + frame.len() - 1;
            if whole
                .iter()
                .any(|it| it.contains(&at) || it.contains(&last))
            {
                continue;
            }
            if let Some(sum) = piece.masked.get_mut(last) {
                *sum ^= 1;
            }
        }
    }

    /// What is written into the places that these bytes of a frame have.
    fn replaced(&self, frame: &[u8], state: FrameState) -> Vec<(usize, u8)> {
        let places = places(frame, state).into_iter();
        let replaced = |(at, place): IdPlace| {
            let byte = *frame.get(at)?;
            Some((at, self.invented.byte(place, byte)))
        };
        places.filter_map(replaced).collect()
    }

    /// A frame with other numbers in their places; its check sum is that of before.
    fn by_places(&self, frame: &[u8], state: FrameState) -> Vec<u8> {
        let mut masked = frame.to_vec();
        for (at, byte) in self.replaced(frame, state) {
            if let Some(slot) = masked.get_mut(at) {
                *slot = byte;
            }
        }
        masked
    }

    /// A whole frame with other numbers, and with the sums that belong to them.
    fn whole_frame(&self, frame: &[u8]) -> Vec<u8> {
        let mut piece = MaskedPiece {
            original: frame,
            masked: self.by_places(frame, FrameState::Whole),
            done: vec![false; frame.len()],
        };
        for (at, _) in places(frame, FrameState::Whole) {
            piece.finish(at..at + 1);
        }
        let end = frame.len().saturating_sub(1);
        self.search(&mut piece, AROUND - 1..end);
        let mut masked = piece.masked;
        if let Some((_, place)) = air_data(frame) {
            let (old, new) = (frame.get(place.clone()), masked.get(place.clone()));
            let (Some(old), Some(new)) = (old, new) else {
                return sealed_by_sum(masked, frame);
            };
            let again = self
                .sealed_again(old, new)
                .or_else(|| summed_again(old, new));
            if let (Some(again), Some(slot)) = (again, masked.get_mut(place)) {
                slot.copy_from_slice(&again);
            }
        }
        sealed_by_sum(masked, frame)
    }

    /// What was sealed by the number of an inverter is sealed by its other one.
    fn sealed_again(&self, old: &[u8], new: &[u8]) -> Option<Vec<u8>> {
        let sealed = Sealed::detect(old)?;
        let serial = InverterSerial::of_wire(*old.first_chunk()?)?;
        let envelope = sealed.open(Some(serial))?;
        let other = Some(self.invented.serial(serial));
        let again = Sealed::seal(&envelope, other, sealed.nonce, sealed.gate);
        let data = again.data(*new.first_chunk()?);
        (data.len() == old.len()).then_some(data)
    }

    /// Numbers that are known, wherever else they stand.
    fn search(&self, piece: &mut MaskedPiece<'_>, within: Range<usize>) {
        let known = self.known();
        let last = within.end.saturating_sub(ID - 1);
        for at in within.start..last {
            let Some(window) = piece.original.get(at..at + ID) else {
                return;
            };
            let found = known.iter().find(|(id, _)| id == window);
            let Some((id, place)) = found.filter(|_| piece.is_open(at..at + ID)) else {
                continue;
            };
            for (offset, byte) in id.iter().enumerate() {
                piece.put(at + offset, self.invented.byte(place(offset), *byte));
            }
        }
    }

    fn known(&self) -> Vec<KnownId> {
        let serials = self
            .serials
            .iter()
            .map(|it| (*it, IdByte::Serial as fn(usize) -> IdByte));
        let printed = self
            .gateways
            .iter()
            .map(|it| (*it, IdByte::Gateway as fn(usize) -> IdByte));
        let reversed = self.gateways.iter().map(|it| {
            let mut id = *it;
            id.reverse();
            (
                id,
                (|at: usize| IdByte::Gateway(ID - 1 - at)) as fn(usize) -> IdByte,
            )
        });
        let all = serials.chain(printed).chain(reversed);
        let is_varied = |(id, _): &KnownId| id.iter().collect::<BTreeSet<_>>().len() >= VARIED;
        all.filter(is_varied).collect()
    }

    /// Learns the number of an inverter that is in a whole frame.
    fn learn(&mut self, frame: &[u8]) {
        let places = places(frame, FrameState::Whole);
        let begin = places.iter().find(|(_, byte)| *byte == IdByte::Serial(0));
        let id = begin.and_then(|(at, _)| frame.get(*at..)?.first_chunk::<ID>());
        if let Some(id) = id
            && InverterSerial::of_wire(*id).is_some()
            && self.serials.len() < MOST_KNOWN
        {
            self.serials.insert(*id);
        }
    }
}

/// Where frames may begin.
fn starts(bytes: &[u8], within: Range<usize>) -> impl Iterator<Item = usize> + '_ {
    within.filter(|at| bytes.get(*at) == Some(&START))
}

/// How long the frame is that begins here, if it is known and can be.
fn frame_length(bytes: &[u8]) -> Option<usize> {
    let length = usize::from(*bytes.get(1)?);
    (length <= MOST_DATA).then_some(length + AROUND)
}

/// The frame that begins here, if it is whole and its check sum is right.
fn whole_frame(bytes: &[u8]) -> Option<&[u8]> {
    let frame = bytes.get(..frame_length(bytes)?)?;
    ZnpFrame::exactly(frame).is_ok().then_some(frame)
}

/// What is there of the frame that begins here.
fn frame_part(bytes: &[u8]) -> &[u8] {
    let length = frame_length(bytes).unwrap_or(0);
    bytes
        .get(..length)
        .unwrap_or(if length > 0 { bytes } else { &[] })
}

/// Whether a frame may begin here that goes on behind the end.
fn is_begun(bytes: &[u8]) -> bool {
    match bytes {
        [START] => true,
        _ => frame_length(bytes).is_some_and(|length| length > bytes.len()),
    }
}

/// With a check sum that is as right as it was.
fn sealed_by_sum(mut masked: Vec<u8>, original: &[u8]) -> Vec<u8> {
    let sum = |bytes: &[u8]| bytes.iter().fold(0, |sum, byte| sum ^ byte);
    let before = original.len().saturating_sub(1);
    let difference = sum(original.get(..before).unwrap_or_default())
        ^ sum(masked.get(..before).unwrap_or_default());
    if let (Some(last), Some(old)) = (masked.last_mut(), original.last()) {
        *last = old ^ difference;
    }
    masked
}

/// With the sum of its envelope made right again, if that was right before.
fn summed_again(old: &[u8], new: &[u8]) -> Option<Vec<u8>> {
    let before = L2Part::read(old.get(ID..)?).and_then(L2Part::checked);
    let after = L2Part::read(new.get(ID..)?).ok()?;
    if before.is_err() || after.checked().is_ok() {
        return None;
    }
    let speaker = new.get(..ID)?;
    Some(
        [
            speaker,
            &super::wire::payload::l2(after.command, after.body),
        ]
        .concat(),
    )
}

/// The keys of a section that a masked recording is read with. Names and places are nobody's business.
pub fn settings(config: &ZigbeeConfig) -> Keys {
    let invented = Invented::of_this_run();
    let mut keys = vec![("ecu_id".to_owned(), invented.gateway(config.network()))];
    let serial = |serial: &InverterSerial| invented.serial(*serial).to_string();
    let list = |words: Vec<String>| format!("[{}]", words.join(", "));
    let quoted = |word: String| format!("\"{word}\"");
    let inverters = config.inverters.iter().map(|it| quoted(serial(it)));
    keys.push(("inverters".to_owned(), list(inverters.collect())));
    for (inverter, address) in &config.addresses {
        keys.push((
            format!("addresses.{}", serial(inverter)),
            address.to_string(),
        ));
    }
    for (inverter, factor) in &config.calibration {
        keys.push((
            format!("calibration.{}", serial(inverter)),
            factor.to_string(),
        ));
    }
    for (inverter, inputs) in &config.inputs {
        let letters = inputs
            .iter()
            .filter_map(|input| input.trim().chars().next());
        let letters = letters.map(|letter| quoted(letter.to_string()));
        keys.push((
            format!("inputs.{}", serial(inverter)),
            list(letters.collect()),
        ));
    }
    if config.listen_only {
        keys.push(("listen_only".to_owned(), "true".to_owned()));
    }
    keys
}
