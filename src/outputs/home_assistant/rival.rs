//! Another bridge that announces a device which is ours too.
//!
//! A device belongs to the bridge whose announcement is on the broker. Who meets another's there
//! leaves the device to it, and takes it over only when that bridge has gone or has had no data of it
//! for a while. So a device can be moved from one bridge to another, and two that both read it do not
//! fight: the one that came first has it, the other one says so.

use std::time::Duration;

use tokio::time::Instant;

use super::readback::ReadBack;
use super::topics::bridge_of;

/// How soon the broker tells what it kept of a bridge; without a word there is none.
const SILENCE: Duration = Duration::from_secs(10);
/// A bridge may be without data for so long before another one takes its device.
const PATIENCE: Duration = Duration::from_secs(60);

/// The other bridge.
#[derive(Debug)]
pub struct Rival {
    pub status: String,
    availability: String,
    is_there: Option<bool>,
    has_data: Option<bool>,
    /// It has cleared its announcement.
    has_given_up: bool,
    /// Since when it is as it is.
    since: Instant,
}

impl Rival {
    pub fn new(announcement: &ReadBack, now: Instant) -> Self {
        Self {
            status: announcement.status.clone(),
            availability: announcement.availability.clone(),
            is_there: None,
            has_data: None,
            has_given_up: false,
            since: now,
        }
    }

    /// Its name for people.
    pub fn name(&self) -> &str {
        bridge_of(&self.status)
    }

    /// What has to be listened to: topics of a bridge, without wildcards, as `readback` takes no others.
    pub fn topics(&self) -> Vec<String> {
        let topics = [&self.status, &self.availability];
        topics
            .into_iter()
            .filter(|it| !it.is_empty())
            .cloned()
            .collect()
    }

    pub fn hear(&mut self, topic: &str, payload: &[u8], now: Instant) {
        let said = Some(payload == b"online");
        let heard = if topic == self.status {
            &mut self.is_there
        } else if topic == self.availability {
            &mut self.has_data
        } else {
            return;
        };
        if *heard != said {
            *heard = said;
            self.since = now;
        }
    }

    /// It has cleared its announcement: whether it runs matters no more.
    pub const fn give_up(&mut self, now: Instant) {
        self.has_given_up = true;
        self.since = now;
    }

    /// Whether it has cleared its announcement.
    pub const fn has_given_up(&self) -> bool {
        self.has_given_up
    }

    /// Whether it runs and has data of the device.
    pub fn has_it(&self) -> bool {
        !self.has_given_up && self.is_there == Some(true) && self.has_data == Some(true)
    }

    /// Whether the whole bridge has gone, not only this device.
    pub fn has_left(&self) -> bool {
        self.is_there != Some(true)
    }

    /// When the device may be taken over; `None` while the other bridge has it.
    pub fn yields_at(&self) -> Option<Instant> {
        if self.has_given_up {
            return Some(self.since);
        }
        match (self.is_there, self.has_data) {
            (Some(false), _) => Some(self.since),
            (None, _) => Some(self.since + SILENCE),
            (Some(true), Some(true)) => None,
            (Some(true), _) => Some(self.since + PATIENCE),
        }
    }
}
