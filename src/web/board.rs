//! The latest state of every device as the page knows it, numbered by changes, and who wants to hear of them.

use std::collections::VecDeque;
use std::sync::{Arc, PoisonError, RwLock};

use axum::body::Bytes;
use jiff::Timestamp;
use serde::Serialize;
use tokio::sync::broadcast;

use super::device_now::{Beside, DeviceNow};
use super::discretion::{Discretion, Rank};
use super::gaps::Gaps;
use super::key::WebKey;
use crate::bridge::Known;
use crate::config::Language;
use crate::flow::LiveFlow;
use crate::model::{Device, DeviceId, DeviceState};

/// Events that a reader may fall behind.
const BACKLOG: usize = 64;
/// Devices that were removed, for those who were away meanwhile.
const REMOVED: usize = 64;

/// A device on the board.
#[derive(Debug, Clone)]
pub struct BoardRow {
    /// The description.
    pub device: Arc<Device>,
    /// The latest state.
    pub state: Arc<DeviceState>,
    /// What it is called.
    pub reference: String,
    /// The change that made it what it is.
    pub rev: u64,
    /// What has been told of it.
    told: Arc<DeviceState>,
    is_told: bool,
    since: Timestamp,
    gaps: Gaps,
}

impl BoardRow {
    fn beside(&self) -> Beside<'_> {
        Beside {
            reference: &self.reference,
            since: self.since,
            gap: self.gaps.usual(),
        }
    }

    /// All of it.
    pub fn whole(&self, discretion: &Discretion, rank: Rank) -> DeviceNow {
        DeviceNow::whole(&self.state, &self.beside(), discretion, rank)
    }
}

/// All that is on the board.
#[derive(Debug, Default)]
pub struct BoardRows {
    /// The latest change. Later runs of the program begin with larger numbers.
    pub rev: u64,
    /// Who knows less than this has to take everything.
    pub floor: u64,
    /// The devices, parents before their children.
    pub rows: Vec<BoardRow>,
    /// Where the energy goes now; `null` as long as nobody knows.
    pub flow: Option<LiveFlow>,
    /// Serial numbers that guests do not read.
    pub discretion: Discretion,
    removed: VecDeque<(u64, String)>,
}

impl BoardRows {
    /// The device of this name.
    pub fn find(&self, reference: &str) -> Option<&BoardRow> {
        self.rows.iter().find(|row| row.reference == reference)
    }

    /// Whether somebody who knows this change can be told what came after it.
    pub fn can_go_on_from(&self, rev: u64) -> bool {
        (self.floor..=self.rev).contains(&rev)
    }

    /// What was removed after a change.
    pub fn removed_after(&self, rev: u64) -> Vec<String> {
        let later = self.removed.iter().filter(|(at, _)| *at > rev);
        later.map(|(_, reference)| reference.clone()).collect()
    }

    fn position(&self, id: &DeviceId) -> Option<usize> {
        self.rows.iter().position(|row| row.device.id == *id)
    }

    fn be_discreet(&mut self) {
        self.discretion = Discretion::of(
            self.rows.iter().map(|row| &*row.device),
            self.discretion.language,
        );
    }
}

/// The board, and the way to all who read along.
#[derive(Debug)]
pub struct Board {
    rows: RwLock<BoardRows>,
    admins: broadcast::Sender<Bytes>,
    guests: broadcast::Sender<Bytes>,
}

impl Default for Board {
    fn default() -> Self {
        Self {
            rows: RwLock::default(),
            admins: broadcast::Sender::new(BACKLOG),
            guests: broadcast::Sender::new(BACKLOG),
        }
    }
}

impl Board {
    /// Looks at it.
    pub fn look<T>(&self, look: impl FnOnce(&BoardRows) -> T) -> T {
        look(&self.rows.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// What is spoken in the house, from the next beginning on.
    pub fn speak(&self, language: Language) {
        self.write(|rows| rows.discretion.language = language);
    }

    fn write<T>(&self, change: impl FnOnce(&mut BoardRows) -> T) -> T {
        change(&mut self.rows.write().unwrap_or_else(PoisonError::into_inner))
    }

    /// Hears of all that comes from now on.
    pub fn subscribe(&self, rank: Rank) -> broadcast::Receiver<Bytes> {
        match rank {
            Rank::Admin => self.admins.subscribe(),
            Rank::Stranger | Rank::Guest => self.guests.subscribe(),
        }
    }

    /// Begins with these devices; whoever reads along takes everything anew.
    pub fn begin(&self, known: Vec<Known>, key: &WebKey, now: Timestamp) {
        self.write(|board| {
            let first = u64::try_from(now.as_millisecond()).unwrap_or_default();
            board.rev = (board.rev + 1).max(first);
            board.floor = board.rev;
            board.removed.clear();
            board.flow = None;
            board.rows = known
                .into_iter()
                .map(|known| {
                    let mut gaps = Gaps::default();
                    if let Some(at) = known.state.at {
                        gaps.heard(at);
                    }
                    BoardRow {
                        reference: key.reference(&known.device.id),
                        rev: board.rev,
                        told: Arc::clone(&known.state),
                        is_told: true,
                        since: now,
                        device: known.device,
                        state: known.state,
                        gaps,
                    }
                })
                .collect();
            board.be_discreet();
        });
        self.tell_all("resync", None, &serde_json::json!({}));
    }

    /// A device is there, or its description changed. Whether it is new.
    pub fn put_device(&self, known: &Known, key: &WebKey, now: Timestamp) -> bool {
        self.write(|board| {
            board.rev += 1;
            let rev = board.rev;
            let is_new = match board.position(&known.device.id) {
                Some(index) => {
                    if let Some(row) = board.rows.get_mut(index) {
                        row.device = Arc::clone(&known.device);
                        row.rev = rev;
                    }
                    false
                }
                None => {
                    board.rows.push(BoardRow {
                        device: Arc::clone(&known.device),
                        state: Arc::clone(&known.state),
                        reference: key.reference(&known.device.id),
                        rev,
                        told: Arc::clone(&known.state),
                        is_told: false,
                        since: now,
                        gaps: Gaps::default(),
                    });
                    true
                }
            };
            board.be_discreet();
            is_new
        })
    }

    /// The state of a device is another one; it is told with the next [`Self::tell_changes`].
    pub fn put_state(&self, state: &Arc<DeviceState>, now: Timestamp) {
        self.write(|board| {
            let Some(index) = board.position(&state.device) else {
                return;
            };
            if let Some(row) = board.rows.get_mut(index) {
                if row.state.health.code != state.health.code {
                    row.since = now;
                }
                if let Some(at) = state.at {
                    row.gaps.heard(at);
                }
                row.state = Arc::clone(state);
            }
        });
    }

    /// A device is gone.
    pub fn remove(&self, id: &DeviceId) {
        let gone = self.write(|board| {
            let index = board.position(id)?;
            let row = board.rows.remove(index);
            board.rev += 1;
            board.removed.push_back((board.rev, row.reference.clone()));
            if board.removed.len() > REMOVED
                && let Some((rev, _)) = board.removed.pop_front()
            {
                board.floor = board.floor.max(rev);
            }
            Some((board.rev, row.reference))
        });
        if let Some((rev, reference)) = gone {
            self.tell_all(
                "removed",
                Some(rev),
                &serde_json::json!({ "ref": reference }),
            );
        }
    }

    /// Where the energy goes is something else now.
    pub fn put_flow(&self, flow: &LiveFlow) {
        let told = self.write(|board| {
            (board.flow.as_ref() != Some(flow)).then(|| {
                board.rev += 1;
                board.flow = Some(flow.clone());
                board.rev
            })
        });
        if let Some(rev) = told {
            self.tell_all("flow", Some(rev), flow);
        }
    }

    /// Tells what has changed since the last time, once for all who read along.
    pub fn tell_changes(&self, now: Timestamp) {
        let now = now.as_second();
        let (for_admins, for_guests) = (
            self.admins.receiver_count() > 0,
            self.guests.receiver_count() > 0,
        );
        let mut events = Vec::new();
        self.write(|board| {
            let BoardRows {
                rows,
                rev,
                discretion,
                ..
            } = board;
            for row in rows {
                if row.is_told && Arc::ptr_eq(&row.told, &row.state) {
                    continue;
                }
                *rev += 1;
                row.rev = *rev;
                let event = |rank| {
                    let device = if row.is_told {
                        DeviceNow::changed(&row.state, &row.told, &row.beside(), discretion, rank)
                    } else {
                        row.whole(discretion, rank)
                    };
                    let change = StateChange {
                        rev: *rev,
                        now,
                        device,
                    };
                    event("state", Some(*rev), &change)
                };
                events.push((
                    for_admins.then(|| event(Rank::Admin)),
                    for_guests.then(|| event(Rank::Guest)),
                ));
                row.told = Arc::clone(&row.state);
                row.is_told = true;
            }
        });
        for (admins, guests) in events {
            self.tell(admins, guests);
        }
    }

    /// Tells everybody the same.
    pub fn tell_all(&self, name: &str, rev: Option<u64>, data: &impl Serialize) {
        let event = event(name, rev, data);
        self.tell(Some(event.clone()), Some(event));
    }

    /// Tells each what they may read.
    pub fn tell(&self, admins: Option<Bytes>, guests: Option<Bytes>) {
        // Without anybody who reads along there is nobody to tell.
        for (event, to) in [(admins, &self.admins), (guests, &self.guests)] {
            if let Some(event) = event {
                let _ = to.send(event);
            }
        }
    }
}

/// What an event `state` says.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct StateChange {
    /// The change.
    pub rev: u64,
    /// The time of the server, in seconds since 1970.
    pub now: i64,
    /// What has changed.
    pub device: DeviceNow,
}

/// An event as it goes over the wire.
pub fn event(name: &str, rev: Option<u64>, data: &impl Serialize) -> Bytes {
    // JSON of ours has no line breaks, and what cannot be written is nothing.
    let data = serde_json::to_string(data).unwrap_or_else(|_| "{}".to_owned());
    let id = rev.map_or_else(String::new, |rev| format!("id: {rev}\n"));
    format!("{id}event: {name}\ndata: {data}\n\n").into()
}
