//! Finds frames in a stream of bytes, and messages in the frames.

use std::collections::VecDeque;
use std::time::Duration;

use super::apdu;
use super::block_transfer::{self, Block};
use super::event::{LinkEvent, Message, Reason, Refused, Span, Transport};
use super::found::Found;
use super::inverted::{self, Burst};
use super::reassembly::{Joined, Part, Reassembly, Step};
use super::text::{self, Text, TextPlace};
use super::{hdlc, mbus, raw};

/// Quiet for longer than this inside of a frame: the rest will not come.
pub const FRAME_GAP: Duration = Duration::from_millis(500);
/// Quiet for longer than this between parts of a message: the rest will not come.
pub const MESSAGE_GAP: Duration = Duration::from_secs(2);
/// The same inside of a text: old meters pause in it, and so do serial servers.
pub const TEXT_GAP: Duration = Duration::from_secs(3);
/// The same behind the `!` of a text, where only digits may be missing.
pub const DIGITS_GAP: Duration = Duration::from_millis(200);
/// Bytes held at most, besides events not pulled yet and the parts of half a message.
pub const MAX_BUFFER: usize = 12 * 1024;

/// What SML begins with.
const SML: [u8; 8] = [0x1b, 0x1b, 0x1b, 0x1b, 1, 1, 1, 1];

/// Pulls messages out of bytes pushed in pieces of any size, whatever the transport.
///
/// Pull with [`next_event`](Self::next_event) until `None` after every call of the others. The
/// outcome depends on the bytes and on where the line was quiet, never on how they were cut.
///
/// A message [without frames](Transport::Raw) is known to be whole only by what follows it: without
/// a call of [`idle`](Self::idle) that is the next one.
#[derive(Debug, Default)]
pub struct Framer {
    /// Bytes not decided yet.
    buffer: Vec<u8>,
    /// Offset of `buffer` in the stream.
    offset: u64,
    events: VecDeque<LinkEvent>,
    segments: Reassembly<mbus::Parties>,
    hdlc: Reassembly<Vec<u8>>,
    blocks: Reassembly<Transport>,
    noise: u64,
    /// `noise` at the latest segment of HDLC.
    noise_at_segment: u64,
    /// Where something whole ended, or the line was quiet, last.
    clean_at: u64,
    /// Bytes before this offset belong to a frame already reported as broken.
    refused_until: u64,
    /// The byte before those of `buffer`.
    before: Option<u8>,
    /// How a burst began that may be text over a line with exchanged levels.
    burst: Option<inverted::BurstHead>,
}

/// Something whole at one place.
enum Sound<'a> {
    MBus(mbus::Frame<'a>),
    Hdlc(hdlc::Frame<'a>),
    /// A message of so many bytes, without a frame.
    Raw(usize),
    Text(Text),
    /// The mark of that other language.
    Sml,
    Burst(Burst),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd)]
enum Ending {
    /// The line has been quiet for longer than [`DIGITS_GAP`].
    Breath,
    /// The line has been quiet for longer than [`FRAME_GAP`].
    Pause,
    /// The line has been quiet for longer than [`MESSAGE_GAP`].
    Quiet,
    /// The line has been quiet for longer than [`TEXT_GAP`].
    LongQuiet,
    End,
}

impl Ending {
    /// What so long a quiet ends.
    fn after(quiet: Duration) -> Option<Self> {
        let gaps = [
            (TEXT_GAP, Self::LongQuiet),
            (MESSAGE_GAP, Self::Quiet),
            (FRAME_GAP, Self::Pause),
            (DIGITS_GAP, Self::Breath),
        ];
        let found = gaps.into_iter().find(|(gap, _)| quiet > *gap);
        found.map(|(_, ending)| ending)
    }

    fn reason(self, have: usize, need: Option<usize>) -> Reason {
        match self {
            Self::Breath | Self::Pause | Self::Quiet | Self::LongQuiet => {
                Reason::Silence { have, need }
            }
            Self::End => Reason::CutOff { have, need },
        }
    }
}

impl Framer {
    /// A framer at offset 0.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds bytes of the stream.
    pub fn push(&mut self, bytes: &[u8]) {
        // Little more than two thirds of the buffer can be waiting, so there is always room.
        for piece in bytes.chunks(MAX_BUFFER / 4) {
            self.buffer.extend_from_slice(piece);
            self.advance(None);
        }
    }

    /// Says that the line has been quiet for so long since the last byte. More than [`FRAME_GAP`]
    /// ends a frame in progress, more than [`MESSAGE_GAP`] a message in progress; for text it is
    /// [`TEXT_GAP`], or [`DIGITS_GAP`] once only the digits of its checksum may be missing.
    pub fn idle(&mut self, quiet: Duration) {
        let Some(ending) = Ending::after(quiet) else {
            return;
        };
        self.advance(Some(ending));
        if ending >= Ending::Pause {
            self.clean_at = self.offset + self.buffer.len() as u64;
        }
        if ending >= Ending::Quiet {
            self.drop_halves(Ending::Quiet);
        }
    }

    /// Whether a longer quiet would mean something: half of a frame or message is there, or noise
    /// behind which a message without a frame would not count.
    #[must_use]
    pub fn is_waiting(&self) -> bool {
        // Of the last frame of HDLC its flag stays.
        self.buffer.len() > 1
            || self.clean_at != self.offset + self.buffer.len() as u64
            || self.segments.is_waiting()
            || self.hdlc.is_waiting()
            || self.blocks.is_waiting()
    }

    /// Says that no more bytes will come. What is left over is reported if it looks like the
    /// beginning of something.
    pub fn finish(&mut self) {
        self.advance(Some(Ending::End));
        self.drop_halves(Ending::End);
    }

    /// The next message, or a word about bytes that are none; `None` asks for more bytes.
    pub fn next_event(&mut self) -> Option<LinkEvent> {
        self.events.pop_front()
    }

    /// Bytes so far that belonged to nothing: noise, and broken frames.
    #[must_use]
    pub fn noise(&self) -> u64 {
        self.noise
    }

    /// Bytes held that are not decided yet; at most [`MAX_BUFFER`].
    #[must_use]
    pub fn buffered(&self) -> usize {
        self.buffer.len()
    }

    fn advance(&mut self, ending: Option<Ending>) {
        let buffer = std::mem::take(&mut self.buffer);
        let begun = self.offset;
        let mut at = 0;
        while let Some(rest @ [_, ..]) = buffer.get(at..) {
            self.offset = begun + at as u64;
            let offset = self.offset;
            let before = match at.checked_sub(1) {
                Some(before) => buffer.get(before).copied(),
                None => self.before,
            };
            at += match self.recognise(rest, before, ending) {
                // Line ends behind a text are no noise.
                Found::Noise if offset == self.clean_at && matches!(rest, [b'\r' | b'\n', ..]) => {
                    self.clean_at += 1;
                    1
                }
                Found::Noise => self.skip_one(),
                Found::PassOver(length) => {
                    // Within a broken frame it is a byte like any other.
                    let is_broken = offset < self.refused_until;
                    self.noise += if is_broken { length as u64 } else { 0 };
                    length
                }
                Found::Wait(need) => {
                    let Some(ending) = ending.filter(|ending| *ending >= Ending::Pause) else {
                        break;
                    };
                    // The flag at the end of a frame may begin another one after any pause.
                    let is_flag_of_both = rest.len() == 1 && offset < self.clean_at;
                    // Meters with a P1 port pause within their telegrams.
                    let is_patient = ending < Ending::LongQuiet && text::begins(rest);
                    if is_flag_of_both || is_patient {
                        break;
                    }
                    if need.is_some() {
                        self.broken(rest.len(), ending.reason(rest.len(), need));
                    }
                    self.skip_one()
                }
                Found::Broken(length, reason) => {
                    self.broken(length, reason);
                    self.skip_one()
                }
                Found::Sound(Sound::MBus(frame)) => {
                    let span = self.sound(frame.length);
                    self.mbus(span, &frame);
                    span.length
                }
                Found::Sound(Sound::Hdlc(frame)) => {
                    let span = self.sound(frame.length);
                    self.hdlc(span, &frame);
                    // Its last flag may be the first one of the next frame.
                    span.length - 1
                }
                Found::Sound(Sound::Raw(length)) => {
                    let span = self.sound(length);
                    let bytes = rest.get(..length).unwrap_or_default().to_vec();
                    let frames = vec![span];
                    self.message(Transport::Raw, Joined { frames, bytes });
                    length
                }
                Found::Sound(Sound::Text(Text::Telegram { length, characters })) => {
                    let frames = vec![self.sound(length)];
                    self.events.push_back(LinkEvent::Message(Message {
                        offset,
                        transport: Transport::Text,
                        surplus: 0,
                        bytes: characters,
                        frames,
                    }));
                    length
                }
                Found::Sound(Sound::Text(Text::Head(length))) => self.sound(length).length,
                Found::Sound(Sound::Text(Text::HiddenTitle(length))) => {
                    self.foreign(length, Reason::HiddenTitle)
                }
                Found::Sound(Sound::Sml) => self.foreign(SML.len(), Reason::Sml),
                Found::Sound(Sound::Burst(burst)) => {
                    match burst {
                        Burst::First(head) => self.burst = Some(head),
                        Burst::Again => {
                            let reason = Reason::Inverted;
                            self.refuse(Some(Refused { offset, reason }));
                        }
                    }
                    self.skip_one()
                }
            };
        }
        if let Some(last) = at.min(buffer.len()).checked_sub(1) {
            self.before = buffer.get(last).copied();
        }
        self.offset = begun + at as u64;
        self.buffer = buffer;
        self.buffer.drain(..at.min(self.buffer.len()));
    }

    fn recognise<'a>(
        &self,
        rest: &'a [u8],
        before: Option<u8>,
        ending: Option<Ending>,
    ) -> Found<Sound<'a>> {
        let is_clean = self.offset == self.clean_at;
        match mbus::recognise(rest) {
            Found::Noise => {}
            found => return found.map(Sound::MBus),
        }
        match hdlc::recognise(rest) {
            Found::Noise => {}
            found => return found.map(Sound::Hdlc),
        }
        let place = TextPlace {
            is_line_start: is_clean || before.is_none_or(text::ends_line),
            is_pause: ending.is_some(),
            is_quiet: ending >= Some(Ending::LongQuiet),
        };
        match text::recognise(rest, place) {
            Found::Noise => {}
            found => return found.map(Sound::Text),
        }
        match inverted::recognise(rest, self.burst.as_ref(), is_clean) {
            Found::Noise => {}
            found => return found.map(Sound::Burst),
        }
        if rest.starts_with(&SML) {
            return Found::Sound(Sound::Sml);
        }
        if SML.starts_with(rest) {
            return Found::Wait(None);
        }
        let place = raw::RawPlace {
            is_clean,
            is_end: ending >= Some(Ending::Pause),
        };
        raw::recognise(rest, place).map(Sound::Raw)
    }

    /// Passes over a byte that nothing begins with. It may still be the end of what was before.
    fn skip_one(&mut self) -> usize {
        self.noise += u64::from(self.offset >= self.clean_at);
        1
    }

    /// Tells of a broken frame, unless it lies in one that was told of: then it was none at all, or
    /// the same fault broke it.
    fn broken(&mut self, length: usize, reason: Reason) {
        if self.offset >= self.refused_until {
            self.refused_until = self.offset + length as u64;
            self.refuse(Some(Refused {
                offset: self.offset,
                reason,
            }));
        }
    }

    /// Tells of bytes that surely are of another language.
    fn foreign(&mut self, length: usize, reason: Reason) -> usize {
        let offset = self.sound(length).offset;
        self.refuse(Some(Refused { offset, reason }));
        length
    }

    fn sound(&mut self, length: usize) -> Span {
        let offset = self.offset;
        let span = Span { offset, length };
        self.clean_at = span.end();
        self.burst = None;
        span
    }

    fn mbus(&mut self, span: Span, frame: &mbus::Frame<'_>) {
        if frame.is_other_bus() {
            let control_information = frame.control_information;
            self.refuse(Some(Refused {
                offset: span.offset,
                reason: Reason::OtherBus {
                    control_information,
                },
            }));
            return;
        }
        let step = self.segments.accept(Part {
            frames: vec![span],
            sender: frame.parties,
            number: Some(frame.sequence()),
            is_first: frame.sequence() == 0,
            is_last: frame.is_last(),
            data: frame.data,
        });
        self.joined(Transport::MBus, step);
    }

    fn hdlc(&mut self, span: Span, frame: &hdlc::Frame<'_>) {
        if frame.information.is_empty() {
            return;
        }
        let message = frame.information.strip_prefix(&hdlc::LLC);
        // Without numbers, a lost segment shows only in the broken bytes it left behind.
        let noise = self.noise - std::mem::replace(&mut self.noise_at_segment, self.noise);
        if message.is_none() && noise >= hdlc::MIN_FRAME {
            let lost = self.hdlc.drop_half(|_| Reason::Gap);
            self.refuse(lost);
        }
        let is_block = frame.information.first() == Some(&block_transfer::TAG);
        let is_alone = !frame.has_more && !self.hdlc.is_waiting();
        let step = self.hdlc.accept(Part {
            frames: vec![span],
            sender: frame.addresses.to_vec(),
            number: None,
            is_first: message.is_some() || is_block && is_alone,
            is_last: !frame.has_more,
            data: message.unwrap_or(frame.information),
        });
        self.joined(Transport::Hdlc, step);
    }

    fn joined(&mut self, transport: Transport, step: Step) {
        self.refuse(step.refused);
        let Some(joined) = step.complete else { return };
        if joined.bytes.first() == Some(&block_transfer::TAG) {
            self.block(transport, &joined);
        } else {
            self.message(transport, joined);
        }
    }

    fn block(&mut self, transport: Transport, joined: &Joined) {
        let block = match Block::decode(&joined.bytes) {
            Ok(block) => block,
            Err(reason) => {
                self.refuse(Some(Refused {
                    offset: joined.offset(),
                    reason,
                }));
                return;
            }
        };
        let step = self.blocks.accept(Part {
            frames: joined.frames.clone(),
            sender: transport,
            number: Some(block.number),
            is_first: block.number == block_transfer::FIRST,
            is_last: block.is_last,
            data: block.data,
        });
        self.refuse(step.refused);
        if let Some(joined) = step.complete {
            self.message(transport, joined);
        }
    }

    /// Hands out a message, cut to the length it announces.
    fn message(&mut self, transport: Transport, joined: Joined) {
        let offset = joined.offset();
        let Joined { frames, mut bytes } = joined;
        let have = bytes.len();
        let announced = apdu::announced(&bytes).unwrap_or(have).max(1);
        if announced > have {
            self.refuse(Some(Refused {
                offset,
                reason: Reason::Length { announced, have },
            }));
            return;
        }
        bytes.truncate(announced);
        self.events.push_back(LinkEvent::Message(Message {
            offset,
            transport,
            surplus: have - bytes.len(),
            bytes,
            frames,
        }));
    }

    fn drop_halves(&mut self, ending: Ending) {
        let reason = |have| ending.reason(have, None);
        let mut dropped = [
            self.segments.drop_half(reason),
            self.hdlc.drop_half(reason),
            self.blocks.drop_half(reason),
        ];
        dropped.sort_by_key(|refused| refused.map(|refused| refused.offset));
        for refused in dropped {
            self.refuse(refused);
        }
    }

    fn refuse(&mut self, refused: Option<Refused>) {
        self.events.extend(refused.map(LinkEvent::Refused));
    }
}
