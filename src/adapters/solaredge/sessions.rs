//! Opens what is sealed: which key belongs to whom, which session is under way, and why something stays
//! shut.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::listener::ConnectionId;
use super::wire::{DeviceKey, Frame, Handshake, KeyHunt, Serial, SessionKey, function};

/// Envelopes in a row that a remembered session may fail to open before it is given up.
const STALE: u32 = 3;
/// Units whose handshakes are remembered.
const MOST_UNITS: usize = 64;
/// Connections whose sessions are remembered; those that end are forgotten by themselves.
const MOST_CONNECTIONS: usize = 1024;

/// How it is with the encryption of one unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lock {
    /// It talks in clear.
    Clear,
    /// It encrypts, and it is read.
    Open,
    /// It encrypts, and there is no key for it.
    NoKey,
    /// There is a key, and the beginning of the session was not seen.
    NoSession,
    /// The session that is remembered is over, and the beginning of the present one was not seen.
    Stale,
    /// The key does not open what was sealed with it.
    WrongKey,
}

/// What became of a frame.
#[derive(Debug, Clone, Copy)]
pub enum Unsealed<'a> {
    /// It can be read: as it was, or out of an envelope of this unit.
    Frame {
        /// The unit whose envelope it came in; `None` if it was in clear.
        sealed_by: Option<Serial>,
        /// What it is.
        frame: Frame<'a>,
    },
    /// It stays shut.
    Shut {
        /// The unit that sealed it; `None` where only the server's side is known.
        unit: Option<Serial>,
        /// Why; `None` where it is too early to tell.
        why: Option<Lock>,
    },
}

/// A session of one connection, or the last one of a unit.
#[derive(Debug, Clone)]
struct Session {
    unit: Serial,
    handshake: Handshake,
    /// Its key, once one has opened something; it is handed out for each envelope, and never copied.
    proven: Option<Arc<SessionKey>>,
    /// Envelopes that it did not open since the last one that it did.
    failures: u32,
}

/// All sessions.
#[derive(Debug, Default)]
pub struct Sessions {
    /// Keys of the configuration by unit.
    keys: BTreeMap<Serial, DeviceKey>,
    /// The key of the configuration that names nobody.
    nameless: Option<DeviceKey>,
    /// Keys that were seen while they were read out or set.
    found: BTreeMap<Serial, DeviceKey>,
    connections: BTreeMap<ConnectionId, Session>,
    /// The last handshake of each unit, that of an earlier run perhaps.
    last: BTreeMap<Serial, Session>,
    locks: BTreeMap<Serial, Lock>,
    hunt: KeyHunt,
    news: Vec<Serial>,
}

impl Sessions {
    /// With the keys of the configuration.
    pub fn new(keys: BTreeMap<Serial, DeviceKey>, nameless: Option<DeviceKey>) -> Self {
        Self {
            keys,
            nameless,
            ..Self::default()
        }
    }

    /// A handshake of an earlier run.
    pub fn remember(&mut self, unit: Serial, handshake: Handshake) {
        self.last.insert(unit, Session::new(unit, handshake));
    }

    /// A key that was found in an earlier run.
    pub fn remember_key(&mut self, unit: Serial, key: DeviceKey) {
        self.found.insert(unit, key);
    }

    /// The last handshake of each unit.
    pub fn handshakes(&self) -> impl Iterator<Item = (Serial, Handshake)> {
        self.last
            .iter()
            .map(|(unit, session)| (*unit, session.handshake))
    }

    /// The keys that were found.
    pub fn found(&self) -> impl Iterator<Item = (Serial, &DeviceKey)> {
        self.found.iter().map(|(unit, key)| (*unit, key))
    }

    /// The units whose key was found since this was asked last.
    pub fn newly_found(&mut self) -> Vec<Serial> {
        std::mem::take(&mut self.news)
    }

    /// Which parts have been found of keys that are not whole.
    pub fn partly_found(&self) -> impl Iterator<Item = (Serial, Vec<usize>)> {
        self.hunt.partial()
    }

    /// How it is with all of them.
    pub fn locks(&self) -> impl Iterator<Item = (Serial, Lock)> {
        self.locks.iter().map(|(unit, lock)| (*unit, *lock))
    }

    /// Whether there is a key for a unit.
    pub fn has_key(&self, unit: Serial) -> bool {
        self.candidates(unit).next().is_some()
    }

    /// A connection has ended.
    pub fn closed(&mut self, connection: ConnectionId) {
        self.connections.remove(&connection);
    }

    /// Opens a frame if it is sealed, and learns from it. `buffer` takes what comes out of an envelope.
    pub fn take<'a>(
        &mut self,
        connection: ConnectionId,
        frame: Frame<'a>,
        buffer: &'a mut Vec<u8>,
    ) -> Unsealed<'a> {
        match frame.function {
            function::SEALED => return self.open(connection, &frame, buffer),
            function::SESSION_KEY => {
                if let Some(unit) = frame.unit() {
                    self.begin(connection, unit, &frame);
                }
            }
            // What is of the encryption itself is in clear also where all else is sealed.
            function::TELEMETRY => {
                if let Some(unit) = frame.unit().filter(|unit| self.has_room(*unit)) {
                    self.locks.insert(unit, Lock::Clear);
                }
            }
            _ => {}
        }
        self.hunt(&frame);
        Unsealed::Frame {
            sealed_by: None,
            frame,
        }
    }

    fn has_room(&self, unit: Serial) -> bool {
        self.locks.len() < MOST_UNITS || self.locks.contains_key(&unit)
    }

    /// Looks for keys in what can be read.
    fn hunt(&mut self, frame: &Frame<'_>) {
        let Some((unit, key)) = self.hunt.take(frame) else {
            return;
        };
        let is_known = self.candidates(unit).any(|known| *known == key);
        if is_known || !(self.found.contains_key(&unit) || self.found.len() < MOST_UNITS) {
            return;
        }
        self.found.insert(unit, key);
        self.news.push(unit);
        // What could not be opened is tried again with it.
        let sessions = self.last.get_mut(&unit).into_iter();
        let of_unit = self.connections.values_mut().filter(|it| it.unit == unit);
        for session in sessions.chain(of_unit) {
            session.failures = 0;
        }
    }

    /// A session begins, as this frame says.
    fn begin(&mut self, connection: ConnectionId, unit: Serial, frame: &Frame<'_>) {
        let Some(handshake) = Handshake::new(frame.data) else {
            return;
        };
        if !self.has_room(unit) {
            return;
        }
        let is_known = |session: &Session| session.unit == unit && session.handshake == handshake;
        // What has opened something is kept until the new one has: anybody can say that a session begins.
        let is_kept = |session: &Session| is_known(session) || session.proven.is_some();
        if !self.last.get(&unit).is_some_and(is_kept) {
            self.last.insert(unit, Session::new(unit, handshake));
        }
        if !self.connections.get(&connection).is_some_and(is_known) {
            if self.connections.len() >= MOST_CONNECTIONS {
                self.connections.pop_first();
            }
            let session = Session::new(unit, handshake);
            self.connections.insert(connection, session);
        }
        if !self.has_key(unit) {
            self.locks.insert(unit, Lock::NoKey);
        }
    }

    /// The keys that may be a unit's, the likeliest first.
    fn candidates(&self, unit: Serial) -> impl Iterator<Item = &DeviceKey> {
        let named = self.keys.get(&unit);
        let found = self.found.get(&unit);
        let nameless = self.nameless.as_ref();
        named.into_iter().chain(found).chain(nameless)
    }

    fn open<'a>(
        &mut self,
        connection: ConnectionId,
        envelope: &Frame<'_>,
        buffer: &'a mut Vec<u8>,
    ) -> Unsealed<'a> {
        // The server's envelopes do not say whose they are.
        let of_connection = || self.connections.get(&connection).map(|it| it.unit);
        let Some(unit) = envelope.unit().or_else(of_connection) else {
            let why = Some(Lock::NoSession);
            return Unsealed::Shut { unit: None, why };
        };
        let key = self.session_key(connection, unit, envelope.data);
        let opened = key.and_then(|key| key.open(envelope.data, buffer));
        let Some(frame) = opened else {
            return Unsealed::Shut {
                unit: Some(unit),
                why: self.stays_shut(connection, unit, envelope),
            };
        };
        let sessions = [
            self.connections.get_mut(&connection),
            self.last.get_mut(&unit),
        ];
        for session in sessions.into_iter().flatten().filter(|it| it.unit == unit) {
            session.failures = 0;
        }
        if self.has_room(unit) {
            self.locks.insert(unit, Lock::Open);
        }
        match frame.function {
            function::SESSION_KEY => self.begin(connection, unit, &frame),
            _ => self.hunt(&frame),
        }
        Unsealed::Frame {
            sealed_by: Some(unit),
            frame,
        }
    }

    /// The key of the session under way on a connection, as far as it can be found out: that of its
    /// handshake, else that of the last handshake of the unit.
    fn session_key(
        &mut self,
        connection: ConnectionId,
        unit: Serial,
        envelope: &[u8],
    ) -> Option<Arc<SessionKey>> {
        let session = match self.connections.get(&connection) {
            Some(session) if session.unit == unit => session,
            _ => self.last.get(&unit)?,
        };
        if session.proven.is_some() {
            return session.proven.clone();
        }
        let handshake = session.handshake;
        let mut scratch = Vec::new();
        let key = self
            .candidates(unit)
            .map(|key| handshake.session(key))
            .find(|key| key.open(envelope, &mut scratch).is_some())
            .map(Arc::new)?;
        let session = Session {
            proven: Some(Arc::clone(&key)),
            ..Session::new(unit, handshake)
        };
        if self.connections.contains_key(&connection) || self.connections.len() < MOST_CONNECTIONS {
            self.connections.insert(connection, session.clone());
        }
        self.last.insert(unit, session);
        Some(key)
    }

    /// Why an envelope of a unit stays shut.
    fn stays_shut(
        &mut self,
        connection: ConnectionId,
        unit: Serial,
        envelope: &Frame<'_>,
    ) -> Option<Lock> {
        let is_known = self.has_key(unit);
        let on_connection = self.connections.get_mut(&connection);
        let session = on_connection.filter(|session| session.unit == unit);
        let (session, is_of_connection) = match session {
            Some(session) => (Some(session), true),
            None => (self.last.get_mut(&unit), false),
        };
        let failures = session.map(|session| {
            session.failures = session.failures.saturating_add(1);
            (session.failures, session.proven.is_some())
        });
        let why = match failures {
            _ if !is_known => Lock::NoKey,
            None => Lock::NoSession,
            // Its own first words on this connection tell whether the key is right. What the server sends may
            // still be of the session before.
            Some((failures, false)) if is_of_connection => {
                if envelope.unit().is_none() && failures < STALE {
                    return None;
                }
                Lock::WrongKey
            }
            // It did open what came before, or is of an earlier connection: another session has begun unseen.
            Some(_) => Lock::Stale,
        };
        let has_failed = failures.is_some_and(|(failures, _)| failures >= STALE);
        if why == Lock::Stale && has_failed {
            // What opens all that comes on another connection is not over.
            let others = self.connections.iter().filter(|(id, _)| **id != connection);
            let mut proven = others.filter(|(_, it)| it.unit == unit && it.proven.is_some());
            if proven.next().is_none() {
                self.last.remove(&unit);
            }
            self.connections.remove(&connection);
        }
        let is_new = why != Lock::Stale || has_failed || !self.locks.contains_key(&unit);
        if is_new && self.has_room(unit) {
            self.locks.insert(unit, why);
        }
        Some(why)
    }
}

impl Session {
    const fn new(unit: Serial, handshake: Handshake) -> Self {
        Self {
            unit,
            handshake,
            proven: None,
            failures: 0,
        }
    }
}
