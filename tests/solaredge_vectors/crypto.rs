//! Envelopes, a real one among them.

use serde_json::Value;
use wattbridge::adapters::solaredge::wire::{
    DeviceKey, Frame, Handshake, Records, SessionKey, function,
};

use super::{captures, hex, text};

fn session(key: &Value, frame: &Value) -> SessionKey {
    let key: DeviceKey = text(key).parse().unwrap();
    let bytes = hex(text(frame));
    let frame = Frame::exactly(&bytes).unwrap();
    assert_eq!(frame.function, function::SESSION_KEY);
    Handshake::new(frame.data).unwrap().session(&key)
}

/// The same key, if it opens what the other seals.
fn is_key(session: &SessionKey, key: &Value) -> bool {
    let key: [u8; 16] = hex(text(key)).try_into().unwrap();
    let frame = Frame {
        sequence: 1,
        source: 2,
        destination: 3,
        function: 4,
        data: b"data",
    };
    let sealed = SessionKey::new(key.into()).seal(&frame, [5; 16], 6, [7; 4]);
    session.open(&sealed, &mut Vec::new()) == Some(frame)
}

fn opened(session: &SessionKey, envelope: &[u8], clear: &[u8]) {
    let outer = Frame::exactly(envelope).unwrap();
    assert_eq!(outer.function, function::SEALED);
    let mut buffer = Vec::new();
    let inner = session.open(outer.data, &mut buffer).unwrap();
    let mut bytes = Vec::new();
    inner.encode(&mut bytes);
    assert_eq!(bytes, clear);
    assert_eq!(envelope.len(), clear.len() + 44);
    // What is sealed again in the same way is the same.
    let (counter, _) = outer.data.split_first_chunk().unwrap();
    let mut stream = SealedHead::of(session, outer.data, clear);
    stream.check(session, &inner, *counter);
}

/// The running number and the mask of an envelope.
struct SealedHead {
    data: Vec<u8>,
    number: u16,
    mask: [u8; 4],
}

impl SealedHead {
    /// They are found by sealing with nothing, and looking at what differs.
    fn of(session: &SessionKey, data: &[u8], clear: &[u8]) -> Self {
        let (counter, _) = data.split_first_chunk().unwrap();
        let frame = Frame::exactly(clear).unwrap();
        let blank = session.seal(&frame, *counter, 0, [0; 4]);
        let differs: Vec<u8> = data
            .iter()
            .zip(&blank)
            .map(|(one, two)| one ^ two)
            .collect();
        let [n0, n1, mask @ ..] = *differs[16..].first_chunk::<6>().unwrap();
        Self {
            data: data.to_vec(),
            number: u16::from_le_bytes([n0, n1]),
            mask,
        }
    }

    fn check(&mut self, session: &SessionKey, frame: &Frame<'_>, counter: [u8; 16]) {
        let again = session.seal(frame, counter, self.number, self.mask);
        assert_eq!(again, self.data);
    }
}

#[test]
#[cfg_attr(no_vectors, ignore = "needs captures beside the project")]
fn a_real_envelope_is_opened() {
    let real = captures::read("solaredge/crypto/real_handshake.json");
    let session = session(&real["key"], &real["frame_0503"]);
    assert!(is_key(&session, &real["session_key"]));
    let envelope = hex(text(&real["frame_003d"]));
    opened(&session, &envelope, &hex(text(&real["inner_frame"])));
    let head = SealedHead::of(
        &session,
        &envelope[20..envelope.len() - 2],
        &hex(text(&real["inner_frame"])),
    );
    assert_eq!(u64::from(head.number), real["inner_seq"].as_u64().unwrap());
}

#[test]
#[cfg_attr(no_vectors, ignore = "needs captures beside the project")]
fn all_envelopes_are_opened_and_a_wrong_key_opens_none() {
    let wrong: DeviceKey = "ffffffffffffffffffffffffffffffff".parse().unwrap();
    for name in ["basic", "counter_wrap", "segmented", "no_handshake"] {
        let file = captures::read(&format!("solaredge/crypto/enc_{name}.json"));
        let list = |key: &str| file[key].as_array().cloned().unwrap_or_default();
        // One file has no handshake in its capture, and says what was remembered.
        let (session_entry, handshake) = match list("sessions").first() {
            Some(first) => (first.clone(), first["frame_0503"].clone()),
            None => (file.clone(), file["last_0503_frame"].clone()),
        };
        let key = session(&file["key"], &handshake);
        assert!(is_key(&key, &session_entry["session_key"]));
        let frame = hex(text(&handshake));
        let other = Handshake::new(&frame[20..54]).unwrap().session(&wrong);
        let messages = list("messages");
        assert!(!messages.is_empty(), "{name}");
        for message in &messages {
            let envelope = hex(text(&message["envelope"]));
            let clear = hex(text(&message["plain"]));
            let data = Frame::exactly(&envelope).unwrap().data;
            opened(&key, &envelope, &clear);
            let mut buffer = Vec::new();
            let inner = key.open(data, &mut buffer).unwrap();
            if inner.function == function::TELEMETRY {
                assert!(Records::new(inner.data).all(|record| record.is_ok()));
            }
            assert_eq!(other.open(data, &mut Vec::new()), None);
        }
    }
}
