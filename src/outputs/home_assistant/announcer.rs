//! What to publish, and when: the whole behaviour towards broker and Home Assistant, without a
//! socket and without a clock.
//!
//! It is told what happened and what time it is; the messages it wants to be published wait in a
//! queue. In short:
//!
//! * New connection: read back for some seconds what the broker kept of ours, and after a head start
//!   of some milliseconds announce every device, parents first.
//! * Home Assistant has started: the same again after a short, random while.
//! * A changed device: at most one announcement in two seconds. Entities that vanished are removed
//!   first, by an announcement of their own.
//! * Announcements of earlier runs whose devices are surely gone are cleared, those of others never.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::bridge::Known;
use crate::model::{DeviceId, DeviceState};
use crate::outputs::mqtt::session::{Incoming, Message};

use super::discovery::Plan;
use super::entry::{Entry, is_due};
use super::retained::Retained;

/// The broker sends what it kept within this time, as a rule; later ones are read too.
const HEAD_START: Duration = Duration::from_millis(40);
/// How long announcements of earlier runs are read back.
const READ_BACK: Duration = Duration::from_secs(5);
/// How often it is asked whether an announcement without a device is obsolete.
const ORPHAN_CHECK: Duration = Duration::from_secs(5);
/// A birth message so soon after our connect tells nothing new.
const BIRTH_DEAF: Duration = Duration::from_secs(2);
/// At most one announcement of everything in this time.
const ROUND_PAUSE: Duration = Duration::from_secs(10);
/// When the broker was too slow, everything is repeated after this time.
const RECOVERY: Duration = Duration::from_secs(30);

/// What has to be done next.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Step {
    /// Publish.
    Publish(Message),
    /// End the subscription of [`super::topics::Topics::all_configs`].
    EndReadBack,
}

/// The state of it all.
#[derive(Debug)]
pub(super) struct Announcer {
    plan: Plan,
    entries: BTreeMap<DeviceId, Entry>,
    /// Parents before their children.
    order: Vec<DeviceId>,
    /// Announcements of ours on the broker that no known device belongs to.
    orphans: BTreeMap<String, Retained>,
    link: Option<Link>,
    queue: VecDeque<Step>,
}

/// The present connection.
#[derive(Debug)]
struct Link {
    since: Instant,
    read_back_until: Option<Instant>,
    orphans_due: Option<Instant>,
    /// When everything is announced next.
    round_due: Option<Instant>,
    last_round: Option<Instant>,
}

/// Collects messages as steps.
struct Publish<'q>(&'q mut VecDeque<Step>);

impl Extend<Message> for Publish<'_> {
    fn extend<T: IntoIterator<Item = Message>>(&mut self, messages: T) {
        self.0.extend(messages.into_iter().map(Step::Publish));
    }
}

impl Announcer {
    pub(super) fn new(plan: Plan) -> Self {
        Self {
            plan,
            entries: BTreeMap::new(),
            order: Vec::new(),
            orphans: BTreeMap::new(),
            link: None,
            queue: VecDeque::new(),
        }
    }

    /// The next step, if there is one.
    pub(super) fn step(&mut self) -> Option<Step> {
        self.queue.pop_front()
    }

    /// Connected, and subscribed to everything. `devices` are all there are, parents first.
    pub(super) fn connected(&mut self, devices: Vec<Known>, now: Instant) {
        self.queue.clear();
        self.orphans.clear();
        self.entries.values_mut().for_each(Entry::forget_broker);
        self.link = Some(Link {
            since: now,
            read_back_until: Some(now + READ_BACK),
            orphans_due: None,
            round_due: Some(now + HEAD_START),
            last_round: None,
        });
        self.replace(devices, now);
    }

    /// The connection is gone, and with it what was about to be published.
    pub(super) fn disconnected(&mut self) {
        self.link = None;
        self.queue.clear();
    }

    /// Messages could not be published although there is a connection. Instead of keeping account
    /// of each, everything is published again later.
    pub(super) fn stumbled(&mut self, now: Instant) {
        self.queue.clear();
        self.entries.values_mut().for_each(Entry::forget_broker);
        if let Some(link) = &mut self.link {
            link.round_due = Some(now + RECOVERY);
        }
    }

    /// News were missed: `devices` are all there are.
    pub(super) fn sync(&mut self, devices: Vec<Known>, now: Instant) {
        self.replace(devices, now);
        if self.is_announcing() {
            for entry in self.entries.values_mut() {
                entry.send_values(&self.plan, now, &mut Publish(&mut self.queue));
            }
        }
    }

    /// A device is new or has changed.
    pub(super) fn device(&mut self, known: Known, now: Instant) {
        let id = known.device.id.clone();
        if let Some(entry) = self.entries.get_mut(&id) {
            entry.update(known, &self.plan, now);
            return;
        }
        let mut entry = Entry::new(known, &self.plan);
        if let Some(retained) = self.orphans.remove(id.as_str()) {
            entry.remember(retained, now);
        }
        if self.is_announcing() {
            entry.announce(&self.plan, now, false, &mut Publish(&mut self.queue));
        }
        self.order.push(id.clone());
        self.entries.insert(id, entry);
    }

    /// A device has values, or the same ones again.
    pub(super) fn state(&mut self, state: Arc<DeviceState>, now: Instant) {
        let is_announcing = self.is_announcing();
        let Some(entry) = self.entries.get_mut(&state.device) else {
            return;
        };
        entry.set_state(state);
        if is_announcing {
            entry.send_changes(&self.plan, now, &mut Publish(&mut self.queue));
        }
    }

    /// A device is no more. Without a connection the broker's copy is found, and cleared, when there
    /// is one again.
    pub(super) fn removed(&mut self, id: &DeviceId) {
        self.order.retain(|other| other != id);
        let Some(entry) = self.entries.remove(id) else {
            return;
        };
        if self.link.is_some() {
            Publish(&mut self.queue).extend(Entry::removal(&self.plan, id.as_str()));
            tracing::info!(device = %id, "removed {}", entry.device().name);
        }
    }

    /// A message that is no command. `jitter` is a short random time, so that not all programs
    /// answer a starting Home Assistant in the same moment.
    pub(super) fn received(&mut self, message: Incoming, jitter: Duration, now: Instant) {
        if message.topic == self.plan.topics.birth {
            if message.payload == self.plan.settings.birth_payload.as_bytes() && !message.retain {
                self.birth(jitter, now);
            }
        } else if message.retain {
            self.read_back(message, now);
        }
    }

    fn birth(&mut self, jitter: Duration, now: Instant) {
        let Some(link) = &mut self.link else {
            return;
        };
        if now < link.since + BIRTH_DEAF || link.round_due.is_some() {
            return;
        }
        let earliest = link.last_round.map_or(now, |last| last + ROUND_PAUSE);
        link.round_due = Some(earliest.max(now + jitter));
        tracing::info!("Home Assistant has started; all devices are announced to it again");
    }

    fn read_back(&mut self, message: Incoming, now: Instant) {
        let Some(id) = self.plan.topics.config_device(&message.topic) else {
            return;
        };
        let Some(retained) = Retained::read(message.payload, &self.plan.topics.status()) else {
            return;
        };
        match self
            .entries
            .iter_mut()
            .find(|(known, _)| known.as_str() == id)
        {
            Some((_, entry)) => entry.remember(retained, now),
            None => {
                self.orphans.insert(id.to_owned(), retained);
            }
        }
    }

    /// Does what is due. `is_orphan` says whether an announcement of this id is surely obsolete.
    pub(super) fn tick(&mut self, now: Instant, is_orphan: impl Fn(&str) -> bool) {
        let Some(link) = &mut self.link else {
            return;
        };
        if is_due(link.round_due, now) {
            let again = link.last_round.is_some();
            link.round_due = None;
            link.last_round = Some(now);
            for id in &self.order {
                if let Some(entry) = self.entries.get_mut(id) {
                    entry.announce(&self.plan, now, again, &mut Publish(&mut self.queue));
                }
            }
        }
        if is_due(link.read_back_until, now) {
            link.read_back_until = None;
            link.orphans_due = Some(now);
            self.queue.push_back(Step::EndReadBack);
        }
        if is_due(link.orphans_due, now) {
            self.orphans.retain(|id, _| {
                let obsolete = is_orphan(id);
                if obsolete {
                    Publish(&mut self.queue).extend(Entry::removal(&self.plan, id));
                    tracing::info!(device = %id, "removed a device that is no longer configured");
                }
                !obsolete
            });
            link.orphans_due = (!self.orphans.is_empty()).then(|| now + ORPHAN_CHECK);
        }
        if self.is_announcing() {
            for entry in self.entries.values_mut() {
                entry.tick(&self.plan, now, &mut Publish(&mut self.queue));
            }
        }
    }

    /// When [`Self::tick`] is needed next.
    pub(super) fn next(&self) -> Option<Instant> {
        let link = self.link.as_ref()?;
        let own = [link.round_due, link.read_back_until, link.orphans_due];
        let entries = self.entries.values().filter_map(Entry::next);
        let entries = entries.filter(|_| self.is_announcing());
        own.into_iter().flatten().chain(entries).min()
    }

    /// Whether the first announcement on this connection is out, so that changes follow at once.
    fn is_announcing(&self) -> bool {
        self.link
            .as_ref()
            .is_some_and(|link| link.last_round.is_some())
    }

    fn replace(&mut self, devices: Vec<Known>, now: Instant) {
        let there: BTreeSet<DeviceId> = devices.iter().map(|k| k.device.id.clone()).collect();
        let gone: Vec<_> = self
            .order
            .iter()
            .filter(|id| !there.contains(*id))
            .cloned()
            .collect();
        for id in &gone {
            self.removed(id);
        }
        let order = devices
            .iter()
            .map(|known| known.device.id.clone())
            .collect();
        for known in devices {
            self.device(known, now);
        }
        self.order = order;
    }
}

#[cfg(test)]
mod tests;
