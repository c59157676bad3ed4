//! Makes a recording of meters fit to be shown to others.
//!
//! Messages that the configured keys open get invented names and are encrypted again, with a key
//! that everybody knows; they stay in the same frames with the same lengths. Of all other messages
//! only the title in clear changes: without the key, the rest is of no use to anybody. What was
//! damaged stays damaged in the same way.
//!
//! * `names`: what to write instead; `unframed`: names in bytes that are no message

mod names;
#[cfg(test)]
mod tests;
mod unframed;

use std::sync::Arc;

use self::names::Names;
use super::keys::KeyRing;
use super::published;
use super::wire::identity;
use super::wire::link::{FramePlace, frames, places};
use super::wire::telegram::TelegramError;
use super::wire::{
    Apdu, Authentication, Ciphered, Framer, Key, LinkEvent, Profiles, SystemTitle, Telegram, seal,
};
use crate::device::Keys as Settings;

/// Where the title stands in a ciphered message.
const TITLE: usize = 2;
/// Frames between one and its repetition at most.
const NEAR: usize = 16;

/// Masks what comes from one line.
#[derive(Debug)]
pub struct Masker {
    keys: Arc<KeyRing>,
    profiles: Arc<Profiles>,
    /// The profile that was chosen.
    profile: String,
    names: Names,
}

/// What to know of a masked recording that no key opens.
pub const LOCKED: &str = "Without your key, encrypted telegrams stay locked, for others too; only the numbers in clear are \
     replaced. To show the values, record again with --set key=... and your own key: it does not \
     get into the file.";

/// The keys that open a masked recording, and where they belong in a section.
pub fn settings(keys: &KeyRing) -> Settings {
    let encryption = match keys.lengths() {
        (false, false) => return Settings::new(),
        (true, false) => vec![("key", published::KEY)],
        (false, true) => vec![("key", published::LONG_KEY)],
        (true, true) => vec![("key", published::KEY), ("keys.long", published::LONG_KEY)],
    };
    let authentication = keys.authentication_length().map(|is_long| match is_long {
        false => ("authentication_key", published::AUTHENTICATION_KEY),
        true => ("authentication_key", published::LONG_AUTHENTICATION_KEY),
    });
    let all = encryption.into_iter().chain(authentication);
    all.map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect()
}

/// Bytes of the line on their way.
struct Work<'a> {
    original: &'a [u8],
    masked: Vec<u8>,
    /// Bytes that are as they shall be.
    done: Vec<bool>,
}

impl Masker {
    pub fn new(keys: Arc<KeyRing>, profiles: Arc<Profiles>, profile: String) -> Self {
        Self {
            keys,
            profiles,
            profile,
            names: Names::default(),
        }
    }

    /// Masks bytes between two silences: whole messages, as a rule. As many come back.
    pub fn mask(&mut self, bytes: &[u8]) -> Vec<u8> {
        if !is_seven_bits(bytes) {
            return self.mask_bytes(bytes);
        }
        let characters: Vec<u8> = bytes.iter().map(|byte| byte & 0x7f).collect();
        let masked = self.mask_bytes(&characters).into_iter().zip(characters);
        let parity = |byte: u8| byte | ((byte.count_ones() & 1) as u8) << 7;
        masked
            .zip(bytes)
            .map(|((new, old), byte)| if new == old { *byte } else { parity(new) })
            .collect()
    }

    fn mask_bytes(&mut self, bytes: &[u8]) -> Vec<u8> {
        let frames = frames(bytes);
        let mut work = Work {
            original: bytes,
            masked: bytes.to_vec(),
            done: vec![false; bytes.len()],
        };
        work.keep_headers(&frames);
        self.messages(&mut work);
        work.repeat_frames(&frames);
        for place in frames.iter().filter_map(|frame| frame.number.clone()) {
            let number = bytes.get(place.clone()).unwrap_or_default();
            put(&mut work.masked, place.start, &self.names.number(number));
        }
        self.unframed(&mut work);
        for frame in &frames {
            frame.reseal(&mut work.masked, bytes);
        }
        work.masked
    }

    fn messages(&mut self, work: &mut Work<'_>) {
        let mut framer = Framer::new();
        framer.push(work.original);
        framer.finish();
        while let Some(event) = framer.next_event() {
            let LinkEvent::Message(message) = event else {
                continue;
            };
            let places = places(work.original, &message);
            if let (Some(places), Some(masked)) = (places, self.message(&message.bytes)) {
                work.write(&places, &masked);
            }
        }
    }

    /// A message of the same length; `None` if it is of a kind that cannot be read.
    fn message(&mut self, bytes: &[u8]) -> Option<Vec<u8>> {
        match Apdu::parse(bytes).ok()? {
            Apdu::Plain(plaintext) => self.plaintext(plaintext, None),
            Apdu::Ciphered(ciphered) => Some(self.ciphered(bytes, &ciphered)),
        }
    }

    fn ciphered(&mut self, bytes: &[u8], ciphered: &Ciphered<'_>) -> Vec<u8> {
        let mut masked = bytes.to_vec();
        let title = self.names.title(ciphered.title);
        put(&mut masked, TITLE, &title.0);
        if let Some((plaintext, authentication)) = self.open(ciphered)
            && let Some(plaintext) = self.plaintext(&plaintext, Some(ciphered.title))
            && let Some(mut body) = sealed(ciphered, title, &plaintext)
        {
            if authentication == Authentication::Failed
                && let Some(last) = body.last_mut()
            {
                *last ^= 1;
            }
            put(&mut masked, ciphered.header, &body);
        }
        masked
    }

    /// The telegram, if a key opens it.
    fn open(&self, ciphered: &Ciphered<'_>) -> Option<(Vec<u8>, Authentication)> {
        let title = &ciphered.title;
        if let Some(plaintext) = ciphered.in_clear() {
            return Some((plaintext.to_vec(), Authentication::None));
        }
        let authentication = self.keys.authentication(title, None);
        let opened = self.keys.candidates(title, None).into_iter().map(|key| {
            let opened = ciphered.open(key, authentication).ok()?;
            let is_right = opened.authentication == Authentication::Verified
                || match self.read(&opened.plaintext, Some(title)) {
                    Ok(_) => true,
                    Err(error) => !error.is_key_suspect(),
                };
            is_right.then_some((opened.plaintext, opened.authentication))
        });
        opened.flatten().next()
    }

    fn read(
        &self,
        plaintext: &[u8],
        title: Option<&SystemTitle>,
    ) -> Result<Telegram, TelegramError> {
        Telegram::parse(plaintext, title, &self.profiles, Some(&self.profile))
    }

    /// A telegram in clear, with other names.
    fn plaintext(&mut self, bytes: &[u8], title: Option<SystemTitle>) -> Option<Vec<u8>> {
        let telegram = self.read(bytes, title.as_ref());
        let is_none = telegram.as_ref().is_err_and(TelegramError::is_key_suspect);
        let mut masked = bytes.to_vec();
        if is_none {
            let mut done = vec![false; bytes.len()];
            self.names.rename_known(&mut masked, &mut done, true);
            blank(&mut masked, &done);
        } else {
            let spots = identity::spots(bytes, telegram.as_ref().ok());
            self.names.rename(&mut masked, &spots);
        }
        identity::reseal(&mut masked, bytes);
        Some(masked)
    }

    /// Bytes that belong to no message.
    fn unframed(&mut self, work: &mut Work<'_>) {
        for (place, whole) in unframed::titles(work.original) {
            let serial = match whole {
                Some(title) if work.is_open(place.clone()) => self.names.title(title).0,
                _ => SystemTitle([0; 8]).0,
            };
            let serial = serial.iter().skip(serial.len() - 5);
            for (at, byte) in place.zip(serial) {
                work.put(at, *byte);
            }
        }
        self.names
            .rename_known(&mut work.masked, &mut work.done, true);
        blank(&mut work.masked, &work.done);
    }
}

impl Work<'_> {
    fn is_open(&self, place: std::ops::Range<usize>) -> bool {
        let done = self.done.get(place);
        done.is_some_and(|done| done.iter().all(|done| !done))
    }

    /// Writes a byte where nothing is done yet.
    fn put(&mut self, at: usize, byte: u8) {
        if let (Some(place), Some(done @ false)) = (self.masked.get_mut(at), self.done.get_mut(at))
        {
            (*place, *done) = (byte, true);
        }
    }

    fn write(&mut self, places: &[usize], bytes: &[u8]) {
        for (at, byte) in places.iter().zip(bytes) {
            self.put(*at, *byte);
        }
    }

    /// What frames have around their data says nothing of a meter.
    fn keep_headers(&mut self, frames: &[FramePlace]) {
        for frame in frames {
            let (all, data) = (&frame.bytes, &frame.data);
            for place in [all.start..data.start, data.end..all.end] {
                self.done.get_mut(place).unwrap_or_default().fill(true);
            }
        }
    }

    /// A frame that came twice, of a message that was masked, is the same both times.
    fn repeat_frames(&mut self, frames: &[FramePlace]) {
        for (index, frame) in frames.iter().enumerate() {
            if !self.is_open(frame.data.clone()) || frame.data.is_empty() {
                continue;
            }
            let content = |frame: &FramePlace| self.original.get(frame.bytes.clone());
            let near = frames
                .iter()
                .skip(index.saturating_sub(NEAR))
                .take(2 * NEAR);
            let is_done = |frame: &FramePlace| {
                let last = frame.data.end.saturating_sub(1);
                self.done.get(last) == Some(&true)
            };
            let twin = near
                .filter(|other| is_done(other))
                .find(|other| content(other) == content(frame));
            let twin = twin.cloned();
            if let Some(twin) = twin {
                let bytes = self
                    .masked
                    .get(twin.data.clone())
                    .unwrap_or_default()
                    .to_vec();
                let places: Vec<usize> = frame.data.clone().collect();
                self.write(&places, &bytes);
            }
        }
    }
}

/// Whether the bytes are text from a line of seven bits with parity that is read with eight: nearly
/// all have even parity, and many have their highest bit set.
fn is_seven_bits(bytes: &[u8]) -> bool {
    let even = bytes
        .iter()
        .filter(|byte| byte.count_ones().is_multiple_of(2));
    let high = bytes.iter().filter(|byte| **byte >= 0x80);
    10 * even.count() >= 9 * bytes.len() && 5 * high.count() > bytes.len()
}

/// Encrypts a telegram again: everything behind the header in clear.
fn sealed(ciphered: &Ciphered<'_>, title: SystemTitle, plaintext: &[u8]) -> Option<Vec<u8>> {
    let is_long = ciphered.security.wants_long_key();
    let key: Key = published::key(is_long);
    let authentication = published::authentication_key(is_long);
    let message = seal(
        title,
        ciphered.security,
        ciphered.counter,
        &key,
        Some(&authentication),
        plaintext,
    );
    let message = message.ok()?;
    let length = ciphered.payload.len() + ciphered.tag.map_or(0, |tag| tag.len());
    let start = message.len().checked_sub(length)?;
    message.get(start..).map(<[u8]>::to_vec)
}

/// Overwrites what may be a number or a text where nothing is done yet.
fn blank(bytes: &mut [u8], done: &[bool]) {
    let numbers = unframed::numbers(bytes).into_iter().flatten();
    let texts = unframed::texts(bytes).into_iter().flatten();
    let numbers = numbers.map(|at| (at, false));
    let places: Vec<_> = numbers.chain(texts.map(|at| (at, true))).collect();
    for (at, is_text) in places {
        match (bytes.get_mut(at), done.get(at)) {
            (Some(byte), Some(false)) if byte.is_ascii_digit() => *byte = b'0',
            (Some(byte), Some(false)) if is_text && byte.is_ascii_alphabetic() => *byte = b'x',
            _ => {}
        }
    }
}

fn put(bytes: &mut [u8], at: usize, new: &[u8]) {
    if let Some(place) = bytes.get_mut(at..at + new.len()) {
        place.copy_from_slice(new);
    }
}
