//! The records in a capture, and nothing made of them.

use std::collections::BTreeMap;

use super::listener::{Listener, Noticed};
use super::sessions::{Sessions, Unsealed};
use super::wire::{DeviceKey, Record, Records, Serial, function};

/// Reads the records in the pieces of a capture, one after the other, each as often as it was sent, with the
/// unit that sent it. Returns how many frames of telemetry they were in.
pub fn records_of<'a>(
    pieces: impl IntoIterator<Item = &'a [u8]>,
    keys: BTreeMap<Serial, DeviceKey>,
    mut take: impl FnMut(Serial, &Record<'_>),
) -> u64 {
    let mut listener = Listener::default();
    let mut sessions = Sessions::new(keys, None);
    let mut buffer = Vec::new();
    let mut frames = 0;
    let mut notice = |noticed: Noticed<'_>| match noticed {
        Noticed::Frame {
            connection, frame, ..
        } => {
            let opened = sessions.take(connection, frame, &mut buffer);
            let Unsealed::Frame { frame, .. } = opened else {
                return;
            };
            let is_telemetry = frame.function == function::TELEMETRY;
            let Some(unit) = frame.unit().filter(|_| is_telemetry) else {
                return;
            };
            frames += 1;
            for record in Records::new(frame.data).map_while(Result::ok) {
                take(unit, &record);
            }
        }
        Noticed::Closed(connection) => sessions.closed(connection),
        Noticed::Skipped(..) | Noticed::Tls(_) | Noticed::Refused(_) => {}
    };
    for piece in pieces {
        listener.push(piece, &mut notice);
    }
    listener.finish(&mut notice);
    frames
}
