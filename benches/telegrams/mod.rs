//! Streams of telegrams of simulated meters, and the ways to read them that are measured.

use std::hint::black_box;
use std::time::Duration;

use wattbridge::adapters::smart_meter::ADAPTER;
use wattbridge::adapters::smart_meter::simulator::{Model, Series};
use wattbridge::adapters::smart_meter::wire::{
    Apdu, Ciphered, Framer, Key, LinkEvent, Profiles, SystemTitle, Telegram,
};
use wattbridge::config::Section;
use wattbridge::device::{Adapter, Decoder};
use wattbridge::model::{Readings, Report};

/// Bytes that arrive at once.
const PIECE: usize = 256;
/// In the stream with damage, one telegram of so many has one bit inverted.
pub(crate) const DAMAGED_ONE_IN: usize = 100;
const KEY: [u8; 16] = *b"key of the bench";
const AUTHENTICATION_KEY: [u8; 16] = *b"tag of the bench";

/// Telegrams of one meter, one every 5 seconds of its clock.
pub(crate) struct Stream {
    model: &'static Model,
    /// Telegram by telegram, the frames it is sent in.
    pub(crate) frames: Vec<Vec<Vec<u8>>>,
    /// The messages in those frames.
    pub(crate) messages: Vec<Vec<u8>>,
}

impl Stream {
    pub(crate) fn new(model: &str, telegrams: usize) -> Self {
        let model = Model::named(model).unwrap();
        let authentication = has_tag(model).then(|| Key::from(AUTHENTICATION_KEY));
        let every = Duration::from_secs(5);
        let mut series = Series::new(model, Key::from(KEY), authentication, every);
        let (frames, messages) = (0..telegrams)
            .map(|_| series.telegram().unwrap())
            .map(|telegram| (telegram.frames, telegram.message))
            .unzip();
        Self {
            model,
            frames,
            messages,
        }
    }

    /// The same as it arrives over a bad line.
    pub(crate) fn damaged(mut self) -> Self {
        let chosen = self.frames.iter_mut().skip(DAMAGED_ONE_IN / 2);
        for (number, frames) in chosen.step_by(DAMAGED_ONE_IN).enumerate() {
            let length: usize = frames.iter().map(Vec::len).sum();
            // A prime that divides no length: over the stream all places have their turn.
            let place = number * 7919 % length;
            let byte = frames.iter_mut().flatten().nth(place);
            *byte.unwrap() ^= 1 << (number % 8);
        }
        self
    }

    pub(crate) fn telegrams(&self) -> usize {
        self.frames.len()
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.frames.concat().concat()
    }

    fn authentication_key(&self) -> Option<Key> {
        has_tag(self.model).then(|| Key::from(AUTHENTICATION_KEY))
    }

    /// What `wattbridge decode` reads files with.
    pub(crate) fn decoder(&self) -> Box<dyn Decoder> {
        let mut pairs = vec![("key".to_owned(), hex(&KEY))];
        if has_tag(self.model) {
            let key = hex(&AUTHENTICATION_KEY);
            pairs.push(("authentication_key".to_owned(), key));
        }
        let section = Section::from_pairs("smart_meter", &pairs).unwrap();
        ADAPTER.decoder(&section).unwrap()
    }
}

fn has_tag(model: &Model) -> bool {
    model.security & 0x10 != 0
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    wattbridge::hex::Hex::of(bytes).to_string()
}

/// Takes a result that nobody wants, without the compiler leaving out the work for it.
pub(crate) fn discard<T>(result: &T) {
    black_box(result);
}

/// Frames found and joined to messages; how many there are.
pub(crate) fn frame(bytes: &[u8]) -> usize {
    messages(bytes, |message| discard(&message))
}

fn messages(bytes: &[u8], mut each: impl FnMut(Vec<u8>)) -> usize {
    let mut framer = Framer::new();
    let mut found = 0;
    for piece in bytes.chunks(PIECE) {
        framer.push(piece);
        while let Some(event) = framer.next_event() {
            if let LinkEvent::Message(message) = event {
                each(message.bytes);
                found += 1;
            }
        }
    }
    found
}

fn ciphered(message: &[u8]) -> Ciphered<'_> {
    match Apdu::parse(message) {
        Ok(Apdu::Ciphered(ciphered)) => ciphered,
        other => panic!("{other:?}"),
    }
}

/// The meter's title and its telegram in clear.
pub(crate) fn open(
    message: &[u8],
    key: &Key,
    authentication: Option<&Key>,
) -> (SystemTitle, Vec<u8>) {
    let ciphered = ciphered(message);
    let opened = ciphered.open(key, authentication).unwrap();
    (ciphered.title, opened.plaintext)
}

/// All messages decrypted, tags checked where there are any.
pub(crate) fn open_all(stream: &Stream) -> Vec<(SystemTitle, Vec<u8>)> {
    let (key, authentication) = (Key::from(KEY), stream.authentication_key());
    let messages = stream.messages.iter();
    messages
        .map(|message| open(message, &key, authentication.as_ref()))
        .collect()
}

/// Telegrams in clear taken apart; how many values there are.
pub(crate) fn parse_all(plaintexts: &[(SystemTitle, Vec<u8>)]) -> usize {
    let profiles = Profiles::default();
    let items = |(title, plaintext): &(SystemTitle, Vec<u8>)| {
        let telegram = Telegram::parse(plaintext, Some(title), &profiles, None);
        black_box(telegram.unwrap().items).len()
    };
    plaintexts.iter().map(items).sum()
}

/// From bytes to items without what makes a device of them; how many telegrams there are.
pub(crate) fn wire(stream: &Stream, bytes: &[u8]) -> usize {
    let (key, authentication) = (Key::from(KEY), stream.authentication_key());
    let profiles = Profiles::default();
    messages(bytes, |message| {
        let (title, plaintext) = open(&message, &key, authentication.as_ref());
        let telegram = Telegram::parse(&plaintext, Some(&title), &profiles, None);
        discard(&telegram.unwrap());
    })
}

/// From bytes to the values of a device, as `wattbridge decode` has it.
pub(crate) fn adapter(stream: &Stream, bytes: &[u8], mut each: impl FnMut(Readings)) -> usize {
    let mut decoder = stream.decoder();
    let mut found = 0;
    let mut drain = |decoder: &mut dyn Decoder| {
        while let Some(decoded) = decoder.next() {
            for report in decoded.into_iter().flat_map(|decoded| decoded.reports) {
                if let Report::Readings(readings) = report {
                    each(readings);
                    found += 1;
                }
            }
        }
    };
    for piece in bytes.chunks(PIECE) {
        decoder.push(piece);
        drain(decoder.as_mut());
    }
    decoder.finish();
    drain(decoder.as_mut());
    found
}
