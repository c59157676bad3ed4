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
//! * A device that another bridge announces is left to that one: see `rival`.
//! * What was announced before bridges had ids is taken over by the bridge that has the device.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::bridge::Known;
use crate::model::{DeviceId, DeviceState, Health, HealthCode};
use crate::outputs::mqtt::session::{Incoming, Message};
use crate::say;

use super::discovery::Plan;
use super::entry::{Entry, Turn, is_due, kept};
use super::orphans::Orphans;
use super::readback::ReadBack;
use super::rival::Rival;
use super::topics::{Whose, bridge_of};

/// The broker sends what it kept within this time, as a rule; later ones are read too.
const HEAD_START: Duration = Duration::from_millis(40);
/// How long announcements of earlier runs are read back.
const READ_BACK: Duration = Duration::from_secs(5);
/// How often it is asked whether an announcement without a device is obsolete.
const ORPHAN_CHECK: Duration = Duration::from_secs(5);
/// Other bridges that devices are left to; anybody may invent any number.
const MOST_BRIDGES: usize = 32;
/// A birth message so soon after our connect tells nothing new.
const BIRTH_DEAF: Duration = Duration::from_secs(2);
/// At most one announcement of everything in this time.
const ROUND_PAUSE: Duration = Duration::from_secs(10);
/// When the broker was too slow, everything is repeated after this time.
const RECOVERY: Duration = Duration::from_secs(30);

/// What has to be done next.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// Publish.
    Publish(Message),
    /// Subscribe to these topics too.
    Listen(Vec<String>),
    /// Begin the energies anew that are computed for this device.
    BeginAnew(DeviceId),
}

/// The state of it all.
#[derive(Debug)]
pub struct Publisher {
    plan: Plan,
    entries: BTreeMap<DeviceId, Entry>,
    /// Parents before their children.
    order: Vec<DeviceId>,
    /// Announcements of any wattbridge on the broker that no known device belongs to.
    orphans: Orphans,
    /// The status topics of other bridges that devices were left to.
    met: BTreeSet<String>,
    /// What was said of other bridges, for what is said once only.
    told: BTreeSet<String>,
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
    /// The status topic that bridges shared before they had ids says that nobody is there.
    earlier_is_offline: bool,
}

/// Collects messages as steps.
struct Publish<'q>(&'q mut VecDeque<Step>);

impl Extend<Message> for Publish<'_> {
    fn extend<T: IntoIterator<Item = Message>>(&mut self, messages: T) {
        self.0.extend(messages.into_iter().map(Step::Publish));
    }
}

impl Publisher {
    pub fn new(plan: Plan) -> Self {
        Self {
            plan,
            entries: BTreeMap::new(),
            order: Vec::new(),
            orphans: Orphans::default(),
            met: BTreeSet::new(),
            told: BTreeSet::new(),
            link: None,
            queue: VecDeque::new(),
        }
    }

    /// The next step, if there is one.
    pub fn step(&mut self) -> Option<Step> {
        self.queue.pop_front()
    }

    /// Connected, and subscribed to everything. `devices` are all there are, parents first.
    pub fn connected(&mut self, devices: Vec<Known>, now: Instant) {
        self.queue.clear();
        self.orphans = Orphans::default();
        self.entries.values_mut().for_each(Entry::forget_broker);
        self.link = Some(Link {
            since: now,
            read_back_until: Some(now + READ_BACK),
            orphans_due: None,
            round_due: Some(now + HEAD_START),
            last_round: None,
            earlier_is_offline: false,
        });
        self.replace(devices, now);
    }

    /// The connection is gone, and with it what was about to be published.
    pub fn disconnected(&mut self) {
        self.link = None;
        self.queue.clear();
    }

    /// Messages could not be published although there is a connection. Instead of keeping account
    /// of each, everything is published again later.
    pub fn stumbled(&mut self, now: Instant) {
        self.queue.clear();
        self.entries.values_mut().for_each(Entry::forget_broker);
        if let Some(link) = &mut self.link {
            link.round_due = Some(now + RECOVERY);
        }
    }

    /// News were missed: `devices` are all there are.
    pub fn sync(&mut self, devices: Vec<Known>, now: Instant) {
        self.replace(devices, now);
        if self.is_announcing() {
            for entry in self.entries.values_mut() {
                entry.send_values(&self.plan, now, &mut Publish(&mut self.queue));
            }
        }
    }

    /// A device is new or has changed.
    pub fn device(&mut self, known: Known, now: Instant) {
        let known = self.named(known);
        let id = known.device.id.clone();
        if let Some(entry) = self.entries.get_mut(&id) {
            entry.update(known, &self.plan, now);
            return;
        }
        let mut entry = Entry::new(known, &self.plan);
        if let Some(found) = self.orphans.remove(id.as_str()) {
            match self.plan.topics.whose(&found.status) {
                Whose::Another => {
                    let listen = meet(&mut entry, found, &mut self.met, now);
                    self.queue.extend(listen);
                }
                Whose::Ours | Whose::Earlier => entry.remember(found, now),
            }
        }
        if self.is_announcing() {
            entry.announce(&self.plan, now, false, &mut Publish(&mut self.queue));
        }
        self.order.push(id.clone());
        self.entries.insert(id, entry);
    }

    /// A device has values, or the same ones again.
    pub fn state(&mut self, state: Arc<DeviceState>, now: Instant) {
        let is_announcing = self.is_announcing();
        let id = self.plan.topics.announced_as(&state.device);
        let Some(entry) = self.entries.get_mut(id) else {
            return;
        };
        entry.set_state(state);
        tell_shared(entry, &mut self.told);
        if is_announcing {
            entry.send_changes(&self.plan, now, &mut Publish(&mut self.queue));
        }
    }

    /// A device is no more. Without a connection the broker's copy is found, and cleared, when there
    /// is one again.
    pub fn removed(&mut self, id: &DeviceId) {
        self.order.retain(|other| other != id);
        let Some(entry) = self.entries.remove(id) else {
            return;
        };
        if self.link.is_some() && entry.rival().is_none() {
            Publish(&mut self.queue).extend(Entry::removal(&self.plan, id.as_str()));
            tracing::info!(device = %id, "removed {}", entry.device().name);
        }
    }

    /// A message that is no command. `jitter` is a short random time, so that not all programs
    /// answer a starting Home Assistant in the same moment.
    pub fn received(&mut self, message: Incoming, jitter: Duration, now: Instant) {
        if message.topic == self.plan.topics.birth {
            if message.payload == self.plan.settings.birth_payload.as_bytes() && !message.retain {
                self.birth(jitter, now);
            }
        } else if message.topic == self.plan.topics.earlier_status() {
            if let Some(link) = &mut self.link {
                link.earlier_is_offline = message.payload == b"offline";
            }
        } else if let Some(id) = self.plan.topics.config_device(&message.topic) {
            let id = id.to_owned();
            self.found(&id, message, now);
        } else {
            for entry in self.entries.values_mut() {
                entry.hear(&message.topic, &message.payload, now);
                tell_shared(entry, &mut self.told);
            }
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

    /// An announcement on the broker: kept from before, or made by anybody just now.
    fn found(&mut self, id: &str, message: Incoming, now: Instant) {
        let is_cleared = message.payload.is_empty();
        let Some(mut found) = ReadBack::read(id, message.payload) else {
            if is_cleared {
                self.cleared(id, now);
            }
            return;
        };
        let whose = self.plan.topics.whose(&found.status);
        if whose == Whose::Another && id == self.plan.topics.bridge().as_str() {
            self.give_up_earlier_name(now);
        }
        let Some(entry) = find(&mut self.entries, id) else {
            match whose {
                // An echo of our own may come after the end of its device.
                Whose::Ours if !message.retain => return,
                Whose::Ours => {}
                // Nothing of ours is like them word for word.
                Whose::Earlier | Whose::Another => found.payload = Vec::new(),
            }
            if !self.orphans.insert(id, found) && self.told.insert("orphans".to_owned()) {
                tracing::warn!(
                    "The MQTT broker has far more announcements than can be ours; the rest is not looked at. Clear \
                     those that are nobody's."
                );
            }
            return;
        };
        match whose {
            Whose::Another => {
                let listen = meet(entry, found, &mut self.met, now);
                self.queue.extend(listen);
            }
            // Two that announce a device in one moment: who came last has it, and both know.
            Whose::Ours if entry.rival().is_some() => entry.reclaim(now),
            Whose::Ours | Whose::Earlier if message.retain => entry.remember(found, now),
            Whose::Ours => {}
            // A bridge without an id does not know of us.
            Whose::Earlier => entry.reclaim(now),
        }
    }

    fn cleared(&mut self, id: &str, now: Instant) {
        self.orphans.remove(id);
        if let Some(entry) = find(&mut self.entries, id)
            && entry.rival().is_some()
        {
            tracing::info!(
                device = id,
                "another bridge has given up {}",
                entry.device().name
            );
            entry.given_up(now);
        }
    }

    /// The bridge's own device takes its own name; another bridge has the one of the time when all
    /// had the same.
    fn give_up_earlier_name(&mut self, now: Instant) {
        let earlier = self.plan.topics.bridge().clone();
        if !self.plan.topics.give_up_earlier_name() {
            return;
        }
        let own = self.plan.topics.bridge().clone();
        tracing::info!(
            "The device {earlier} is another bridge's now; this one announces itself as {own}."
        );
        for entry in self.entries.values_mut() {
            entry.describe_again(&self.plan, now);
        }
        if let Some(entry) = self.entries.remove(&earlier) {
            let mut known = entry.into_known();
            Arc::make_mut(&mut known.device).id = own;
            self.order.retain(|id| *id != earlier);
            self.device(known, now);
        }
    }

    /// A device under the id by which it is announced.
    fn named(&self, mut known: Known) -> Known {
        let id = self.plan.topics.announced_as(&known.device.id);
        if *id != known.device.id {
            Arc::make_mut(&mut known.device).id = id.clone();
        }
        known
    }

    /// Devices that are left to other bridges, in words.
    pub fn trouble(&self) -> Option<Health> {
        let mut left = self.entries.values().filter_map(|entry| {
            let is_there = |rival: &&Rival| !rival.has_left() && !rival.has_given_up();
            let rival = entry.rival().filter(is_there)?;
            Some((entry.device(), rival))
        });
        let (device, rival) = left.next()?;
        let name = &device.name;
        let other = rival.name().to_string();
        let seen = match left.count() {
            0 => say!(
                "{name} is left to another wattbridge, {other}, which announces it too",
                name,
                other
            ),
            others => say!(
                "{name} is left to another wattbridge, {other}, which announces it too (and {others} more)",
                name,
                other,
                others
            ),
        };
        let advice = say!("Remove the device from one of the two configurations.");
        Some(Health::new(HealthCode::Degraded).seen(seen).advise(advice))
    }

    /// Does what is due. `is_orphan` says whether an announcement of this id is surely obsolete.
    pub fn tick(&mut self, now: Instant, is_orphan: impl Fn(&str) -> bool) {
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
        }
        if is_due(link.orphans_due, now) {
            link.orphans_due = None;
            self.look_after_orphans(now, is_orphan);
        }
        self.take_over(now);
        if self.is_announcing() {
            for entry in self.entries.values_mut() {
                entry.tick(&self.plan, now, &mut Publish(&mut self.queue));
            }
        }
    }

    fn look_after_orphans(&mut self, now: Instant, is_orphan: impl Fn(&str) -> bool) {
        let topics = &self.plan.topics;
        let may_be_ours = |id: &str, found: &ReadBack| match topics.whose(&found.status) {
            Whose::Ours => true,
            Whose::Earlier => topics.announced_before(id),
            Whose::Another => false,
        };
        self.orphans.retain(|id, found| {
            let obsolete = may_be_ours(id, found) && is_orphan(id);
            if obsolete {
                Publish(&mut self.queue).extend(Entry::removal(&self.plan, id));
                tracing::info!(device = id, "removed a device that is no longer configured");
            }
            !obsolete
        });
        let of_earlier = |found: &ReadBack| topics.whose(&found.status) == Whose::Earlier;
        let mut undecided = self.orphans.iter();
        let again = undecided.any(|(id, found)| may_be_ours(id, found));
        let earlier: Vec<&str> = (self.orphans.iter())
            .filter(|(id, found)| of_earlier(found) && !may_be_ours(id, found))
            .map(|(id, _)| id)
            .collect();
        if !earlier.is_empty() && self.told.insert(topics.earlier_status()) {
            tracing::info!(
                "An earlier version of wattbridge has announced devices that are not of this one: {}. They are left \
                 alone. If no other wattbridge has them, delete them in Home Assistant.",
                earlier.join(", ")
            );
        }
        if let Some(link) = &mut self.link {
            link.orphans_due = again.then(|| now + ORPHAN_CHECK);
            // Nothing refers to it any more.
            if link.earlier_is_offline && !self.orphans.iter().any(|(_, it)| of_earlier(it)) {
                link.earlier_is_offline = false;
                Publish(&mut self.queue).extend([kept(topics.earlier_status(), "")]);
            }
        }
    }

    /// Takes devices over from bridges that have gone or have no data of them.
    fn take_over(&mut self, now: Instant) {
        if !self.is_announcing() {
            return;
        }
        for entry in self.entries.values_mut() {
            let rival = match entry.take_over(now) {
                Some(Turn::Taken(rival)) => rival,
                Some(Turn::BeginAnew) => {
                    let id = entry.device().id.clone();
                    self.queue.push_back(Step::BeginAnew(id));
                    continue;
                }
                None => continue,
            };
            let name = &entry.device().name;
            let other = rival.name();
            tracing::info!("{name} is taken over from another wattbridge, {other}.");
            if rival.has_left() && !rival.has_given_up() {
                tell_leftovers(&rival, &self.orphans, &mut self.told);
            }
            entry.announce(&self.plan, now, false, &mut Publish(&mut self.queue));
        }
    }

    /// When [`Self::tick`] is needed next.
    pub fn next(&self) -> Option<Instant> {
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
        let devices: Vec<Known> = devices.into_iter().map(|it| self.named(it)).collect();
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

fn find<'e>(entries: &'e mut BTreeMap<DeviceId, Entry>, id: &str) -> Option<&'e mut Entry> {
    let mut all = entries.iter_mut();
    all.find(|(known, _)| known.as_str() == id)
        .map(|(_, entry)| entry)
}

/// Leaves a device to the bridge that announces it, and listens to how that fares.
fn meet(
    entry: &mut Entry,
    theirs: ReadBack,
    met: &mut BTreeSet<String>,
    now: Instant,
) -> Option<Step> {
    if met.len() < MOST_BRIDGES {
        met.insert(theirs.status.clone());
    } else if !met.contains(&theirs.status) {
        return None;
    }
    if !entry.meet(theirs, now) {
        return None;
    }
    let rival = entry.rival()?;
    Some(Step::Listen(rival.topics()))
}

/// Warns of a device that two bridges read, once.
fn tell_shared(entry: &Entry, told: &mut BTreeSet<String>) {
    let (device, rival) = match entry.shared_with() {
        Some(rival) => (entry.device(), rival),
        None => return,
    };
    if told.insert(format!("{} {}", device.id, rival.status)) {
        tracing::warn!(
            "{} is read by another wattbridge too, {}, and left to it, as it announced the device first. Remove the device \
             from one of the two configurations.",
            device.name,
            rival.name()
        );
    }
}

/// What else a bridge that has gone has announced: nobody but the user knows whether it comes back.
fn tell_leftovers(rival: &Rival, orphans: &Orphans, told: &mut BTreeSet<String>) {
    let of_rival = orphans.iter().filter(|(_, it)| it.status == rival.status);
    let left: Vec<&str> = of_rival.map(|(id, _)| id).collect();
    if !left.is_empty() && told.insert(rival.status.clone()) {
        tracing::info!(
            "The bridge {}, which is not running, still has announced {}. If it does not come back, because its store \
             was lost for example, delete these devices in Home Assistant.",
            bridge_of(&rival.status),
            left.join(", ")
        );
    }
}

#[cfg(test)]
mod tests;
