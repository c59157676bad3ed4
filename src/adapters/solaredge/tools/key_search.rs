//! Finds keys in captures of the days when the server read them out.

use std::collections::{BTreeMap, BTreeSet};

use tokio_util::sync::CancellationToken;

use super::files::{CaptureFiles, FilePiece, FileTrouble};
use crate::adapters::solaredge::listener::{Listener, Noticed, Seen};
use crate::adapters::solaredge::sessions::{Sessions, Unsealed};
use crate::adapters::solaredge::wire::{DeviceKey, KeyHunt, KeyPart, Serial, function};

/// More bytes than a frame with parts of a key has: what is kept of one piece for the next.
const OVERLAP: usize = 2048;

/// A key, and what speaks for it.
#[derive(Debug)]
pub struct FoundKey {
    /// Whose.
    pub unit: Serial,
    /// What it is.
    pub key: DeviceKey,
    /// Whether it is from frames that were whole, with right checksums.
    pub is_checked: bool,
    /// Whether it opens what its unit sealed in the same capture; `None` if that holds nothing to try it on.
    pub opens: Option<bool>,
}

/// What was found.
#[derive(Debug)]
pub struct KeyFindings {
    /// Keys that are whole.
    pub keys: Vec<FoundKey>,
    /// Parts of others.
    pub parts: Vec<(Serial, Vec<KeyPart>)>,
    /// What the capture holds.
    pub seen: Seen,
    /// Whether anything in it is sealed.
    pub is_sealed: bool,
    /// Files that are damaged, or no captures, in words.
    pub refused: Vec<String>,
}

/// Looks into frames.
#[derive(Debug, Default)]
struct FramePass {
    listener: Listener,
    look: Look,
    refused: Vec<String>,
    file: String,
}

#[derive(Debug, Default)]
struct Look {
    sessions: Sessions,
    buffer: Vec<u8>,
    opened: BTreeSet<Serial>,
    shut: BTreeSet<Serial>,
    is_sealed: bool,
}

impl FramePass {
    fn with_keys(keys: BTreeMap<Serial, DeviceKey>) -> Self {
        let mut pass = Self::default();
        pass.look.sessions = Sessions::new(keys, None);
        pass
    }

    fn run(&mut self, files: &CaptureFiles, stop: &CancellationToken) -> Result<(), FileTrouble> {
        let Self {
            listener,
            look,
            refused,
            file,
        } = self;
        let mut take = |noticed: Noticed<'_>, file: &str| match noticed {
            Noticed::Refused(why) => refused.push(format!("{file}: {why}")),
            other => look.take(other),
        };
        files.read(stop, |piece| match piece {
            FilePiece::Begin(path) => {
                listener.begin_file();
                *file = path.display().to_string();
            }
            FilePiece::Bytes(bytes) => listener.push(bytes, &mut |it| take(it, file)),
        })?;
        listener.finish(&mut |it| take(it, file));
        Ok(())
    }
}

impl Look {
    fn take(&mut self, noticed: Noticed<'_>) {
        match noticed {
            Noticed::Frame {
                connection, frame, ..
            } => {
                let is_envelope = frame.function == function::SEALED;
                self.is_sealed |= is_envelope || frame.function == function::SESSION_KEY;
                match self.sessions.take(connection, frame, &mut self.buffer) {
                    Unsealed::Frame {
                        sealed_by: Some(unit),
                        ..
                    } => {
                        self.opened.insert(unit);
                    }
                    Unsealed::Shut {
                        unit: Some(unit),
                        why: Some(_),
                    } => {
                        self.shut.insert(unit);
                    }
                    Unsealed::Frame { .. } | Unsealed::Shut { .. } => {}
                }
            }
            Noticed::Closed(connection) => self.sessions.closed(connection),
            Noticed::Skipped(..) | Noticed::Tls(_) | Noticed::Refused(_) => {}
        }
    }

    /// Whether a unit's key opens what it sealed, as far as there is something to try it on.
    fn opens(&self, unit: Serial) -> Option<bool> {
        let has_begun = || self.sessions.handshakes().any(|(of, _)| of == unit);
        if self.opened.contains(&unit) {
            Some(true)
        } else {
            (self.shut.contains(&unit) && has_begun()).then_some(false)
        }
    }
}

/// Searches files: their frames, and where those give no key or a file is damaged, their bare bytes.
pub fn search(files: &CaptureFiles, stop: &CancellationToken) -> Result<KeyFindings, FileTrouble> {
    let mut pass = FramePass::default();
    pass.run(files, stop)?;
    let mut keys: BTreeMap<Serial, (DeviceKey, bool)> = BTreeMap::new();
    for (unit, key) in pass.look.sessions.found() {
        keys.insert(unit, (key.clone(), true));
    }
    let mut parts: BTreeMap<Serial, Vec<KeyPart>> = pass.look.sessions.partly_found().collect();
    let is_damaged = !pass.refused.is_empty() || pass.listener.seen().damaged > 0;
    if (keys.is_empty() || is_damaged) && files.can_be_read_again() {
        let hunt = search_bytes(files, stop, |unit, key| {
            let place = keys.entry(unit).or_insert_with(|| (key.clone(), false));
            // The last one holds.
            if !place.1 {
                place.0 = key;
            }
        })?;
        for (unit, more) in hunt.partial() {
            let known = parts.entry(unit).or_default();
            if more.len() > known.len() {
                *known = more;
            }
        }
    }
    parts.retain(|unit, _| !keys.contains_key(unit));
    let mut look = pass.look;
    let is_open = |(unit, _): (&Serial, _)| look.opens(*unit) == Some(true);
    // What was sealed before its key was found, or by a key of bare bytes.
    if look.is_sealed && !keys.iter().all(is_open) && files.can_be_read_again() {
        let keys = keys.iter().map(|(unit, (key, _))| (*unit, key.clone()));
        let mut again = FramePass::with_keys(keys.collect());
        again.run(files, stop)?;
        look = again.look;
    }
    let found = keys.into_iter().map(|(unit, (key, is_checked))| FoundKey {
        unit,
        key,
        is_checked,
        opens: look.opens(unit),
    });
    Ok(KeyFindings {
        keys: found.collect(),
        parts: parts.into_iter().collect(),
        seen: *pass.listener.seen(),
        is_sealed: look.is_sealed,
        refused: pass.refused,
    })
}

/// Searches bare bytes: of files that are damaged, or are no captures at all.
fn search_bytes(
    files: &CaptureFiles,
    stop: &CancellationToken,
    mut found: impl FnMut(Serial, DeviceKey),
) -> Result<KeyHunt, FileTrouble> {
    let mut hunt = KeyHunt::default();
    let mut window = Vec::new();
    files.read_unpacked(stop, |piece| match piece {
        FilePiece::Begin(_) => window.clear(),
        FilePiece::Bytes(bytes) => {
            window.extend_from_slice(bytes);
            for (unit, key) in hunt.search(&window) {
                found(unit, key);
            }
            let done = window.len().saturating_sub(OVERLAP);
            window.drain(..done);
        }
    })?;
    Ok(hunt)
}
