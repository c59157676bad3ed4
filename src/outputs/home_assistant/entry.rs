//! One device: what the broker and Home Assistant have been told of it, and what is due.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::bridge::Known;
use crate::model::{Derivation, Device, DeviceState, Metric};
use crate::outputs::mqtt::session::{Message, Qos};

use super::discovery::{Plan, announcement};
use super::readback::{Entities, ReadBack, entities, with_removals};
use super::rival::Rival;
use super::state::{but_for_the_moment, state};
use super::throttle::Throttle;

/// Home Assistant loses entities of an announcement that follows another one of the same device
/// while it still sets up the first. It is also the time it gets to remove entities.
pub const CONFIG_PAUSE: Duration = Duration::from_secs(2);
/// When states are not retained, Home Assistant sees only those published after it has read the
/// announcement and subscribed.
const AFTER_CONFIG: Duration = Duration::from_secs(1);

/// Entities of other announcements of a device that are remembered, to remove them later.
const MOST_TOLD: usize = 1000;

/// One device.
#[derive(Debug)]
pub struct Entry {
    known: Known,
    /// The announcement, as bytes only: the tree that they are made of takes ten times the memory.
    payload: Arc<[u8]>,
    entities: Entities,
    /// What the broker keeps on the discovery topic, as far as we know.
    retained: Option<Arc<[u8]>>,
    /// The entities that Home Assistant was told of last.
    told: Entities,
    config_due: Option<Instant>,
    config_sent: Option<Instant>,
    state_due: Option<Instant>,
    online: Option<bool>,
    pacer: Throttle,
    /// The values as published last on this connection.
    published: Vec<u8>,
    published_at: Option<Instant>,
    introduced: bool,
    /// The bridge that the device is left to.
    rival: Option<Rival>,
    /// The era of its computed energies in which it may be taken over.
    awaited: Option<u64>,
}

/// A step on the way of a device from another bridge.
#[derive(Debug)]
pub enum Turn {
    /// The energies that are computed here have to begin anew first. To Home Assistant their entities
    /// are those that the other bridge has counted: to go on from an older count would be a leap.
    BeginAnew,
    /// It has been taken; announcing it is next.
    Taken(Rival),
}

impl Entry {
    pub fn new(known: Known, plan: &Plan) -> Self {
        let mut entry = Self {
            pacer: Throttle::new(&known.device, &plan.settings.pace),
            known,
            payload: Arc::default(),
            entities: Entities::new(),
            retained: None,
            told: Entities::new(),
            config_due: None,
            config_sent: None,
            state_due: None,
            online: None,
            published: Vec::new(),
            published_at: None,
            introduced: false,
            rival: None,
            awaited: None,
        };
        entry.describe(plan);
        entry
    }

    pub fn device(&self) -> &Device {
        &self.known.device
    }

    pub fn into_known(self) -> Known {
        self.known
    }

    /// The bridge that the device is left to.
    pub const fn rival(&self) -> Option<&Rival> {
        self.rival.as_ref()
    }

    /// Takes over description and state. A changed announcement waits for a moment: changes come
    /// in groups.
    pub fn update(&mut self, known: Known, plan: &Plan, now: Instant) {
        let is_new = !Arc::ptr_eq(&self.known.device, &known.device);
        if self.known.device.metrics != known.device.metrics {
            self.pacer = Throttle::new(&known.device, &plan.settings.pace);
        }
        self.known = known;
        if is_new {
            self.describe_again(plan, now);
        }
    }

    /// The device is announced otherwise now.
    pub fn describe_again(&mut self, plan: &Plan, now: Instant) {
        if self.describe(plan) {
            self.introduced = false;
            self.config_due.get_or_insert(now + CONFIG_PAUSE);
        }
    }

    pub fn set_state(&mut self, state: Arc<DeviceState>) {
        self.known.state = state;
    }

    fn describe(&mut self, plan: &Plan) -> bool {
        let announcement = announcement(&self.known.device, plan);
        let payload = announcement.to_string().into_bytes();
        if *payload == *self.payload {
            return false;
        }
        self.entities = entities(&announcement);
        self.payload = payload.into();
        true
    }

    /// A new connection: the broker may have lost everything.
    pub fn forget_broker(&mut self) {
        self.published.clear();
        self.pacer.forget();
        self.retained = None;
        self.online = None;
        self.config_due = None;
        self.state_due = None;
        self.rival = None;
    }

    /// Another bridge announces the device: it is left to it. True if that is news.
    pub fn meet(&mut self, theirs: ReadBack, now: Instant) -> bool {
        let rival = Rival::new(&theirs, now);
        self.learn(theirs.entities);
        self.retained = None;
        self.config_due = None;
        self.state_due = None;
        self.pacer.forget();
        let before = self.rival.as_ref();
        let is_known = before.is_some_and(|before| before.status == rival.status);
        if !is_known {
            self.rival = Some(rival);
        }
        !is_known
    }

    /// Entities that Home Assistant may have been told of.
    fn learn(&mut self, entities: Entities) {
        for (key, platform) in entities {
            if self.told.len() < MOST_TOLD {
                self.told.entry(key).or_insert(platform);
            }
        }
    }

    /// What the other bridge says of itself and of the device.
    pub fn hear(&mut self, topic: &str, payload: &[u8], now: Instant) {
        if let Some(rival) = &mut self.rival {
            rival.hear(topic, payload, now);
        }
    }

    /// The other bridge if both have data of the device.
    pub fn shared_with(&self) -> Option<&Rival> {
        let rival = self.rival.as_ref()?;
        (rival.has_it() && self.known.state.health.code.has_data()).then_some(rival)
    }

    /// When the device may be taken from the other bridge: only while there is data of it here, or
    /// when that one has given it up.
    fn yields_at(&self) -> Option<Instant> {
        let rival = self.rival.as_ref()?;
        let is_wanted = self.known.state.health.code.has_data() || rival.has_given_up();
        rival.yields_at().filter(|_| is_wanted)
    }

    /// When there is something to do about that. Until the new era has come there is not.
    fn takes_over_at(&self) -> Option<Instant> {
        let is_waiting = self.awaited.is_some_and(|era| self.known.state.era < era);
        self.yields_at().filter(|_| !is_waiting)
    }

    /// The next step on the way from the other bridge, if one is due.
    pub fn take_over(&mut self, now: Instant) -> Option<Turn> {
        if !is_due(self.yields_at(), now) {
            // Whatever has begun anew has counted on since then.
            self.awaited = None;
            return None;
        }
        let sums_up = |metric: &Metric| matches!(metric.derived, Some(Derivation::IntegralOf(_)));
        let era = self.known.state.era;
        if self.awaited.is_none() && self.known.device.metrics.iter().any(sums_up) {
            self.awaited = Some(era + 1);
            return Some(Turn::BeginAnew);
        }
        if self.awaited.is_some_and(|awaited| era < awaited) {
            return None;
        }
        self.awaited = None;
        self.rival.take().map(Turn::Taken)
    }

    /// The other bridge has cleared its announcement.
    pub fn given_up(&mut self, now: Instant) {
        if let Some(rival) = &mut self.rival {
            rival.give_up(now);
        }
    }

    /// The device is ours again, or what is on the broker is of nobody who should have it: announced
    /// anew when that is over.
    pub fn reclaim(&mut self, now: Instant) {
        self.rival = None;
        self.retained = None;
        self.online = None;
        self.config_due.get_or_insert(now + CONFIG_PAUSE);
        self.state_due = Some(now + CONFIG_PAUSE);
    }

    /// What the broker kept from before.
    pub fn remember(&mut self, retained: ReadBack, now: Instant) {
        self.learn(retained.entities);
        let is_announced = self.online.is_some();
        if !is_announced {
            // As a rule nothing has changed, and one copy does.
            self.retained = Some(if *retained.payload == *self.payload {
                Arc::clone(&self.payload)
            } else {
                retained.payload.into()
            });
        } else if !self.stale().is_empty() {
            self.config_due.get_or_insert(now + CONFIG_PAUSE);
        }
    }

    /// Everything about the device. `again`: the announcement also if the broker has it already.
    pub fn announce(
        &mut self,
        plan: &Plan,
        now: Instant,
        again: bool,
        out: &mut impl Extend<Message>,
    ) {
        if self.rival.is_some() {
            return;
        }
        self.online = None;
        self.pacer.forget();
        self.send_config(plan, now, again, out);
        self.send_values(plan, now, out);
        self.follow_up(plan, now);
    }

    /// What time has made due.
    pub fn tick(&mut self, plan: &Plan, now: Instant, out: &mut impl Extend<Message>) {
        if self.rival.is_some() {
            return;
        }
        if is_due(self.config_due, now) {
            self.send_config(plan, now, false, out);
            self.follow_up(plan, now);
        }
        if is_due(self.state_due, now) {
            self.send_values(plan, now, out);
        } else if is_due(self.pacer.due(), now) {
            self.send_changes(plan, now, out);
        }
    }

    /// When [`Self::tick`] is needed next.
    pub fn next(&self) -> Option<Instant> {
        if self.rival.is_some() {
            return self.takes_over_at();
        }
        [self.config_due, self.state_due, self.pacer.due()]
            .into_iter()
            .flatten()
            .min()
    }

    /// Availability and values, as far as they differ from what was published last.
    pub fn send_changes(&mut self, plan: &Plan, now: Instant, out: &mut impl Extend<Message>) {
        if self.rival.is_some() {
            return;
        }
        let same_way = self.online == Some(self.known.state.health.code.has_data());
        let values = self.values(plan, now);
        if !same_way || but_for_the_moment(&values) != but_for_the_moment(&self.published) {
            self.send(values, plan, now, out);
        } else if values != self.published {
            // They were confirmed, no more. The latest moment counts when its time has come.
            let earliest = self.published_at.map(|at| at + self.pacer.moment());
            match earliest.filter(|earliest| *earliest > now) {
                Some(earliest) => {
                    let due = self.state_due.map_or(earliest, |due| due.min(earliest));
                    self.state_due = Some(due);
                }
                None => self.send(values, plan, now, out),
            }
        }
    }

    /// The state message, with what may be shown now.
    fn values(&mut self, plan: &Plan, now: Instant) -> Vec<u8> {
        let vanished = self.told.keys().map(String::as_str);
        let vanished = vanished.filter(|key| !self.entities.contains_key(*key));
        let Known {
            device,
            state: latest,
        } = &self.known;
        let paced = self.pacer.pace(latest, now);
        state(device, &paced, plan.settings.language, vanished)
            .to_string()
            .into_bytes()
    }

    /// Availability, if it changed, and values.
    pub fn send_values(&mut self, plan: &Plan, now: Instant, out: &mut impl Extend<Message>) {
        if self.rival.is_some() {
            return;
        }
        let values = self.values(plan, now);
        self.send(values, plan, now, out);
    }

    /// Old values must not shine up when a device comes back, so the new ones go first then.
    fn send(&mut self, values: Vec<u8>, plan: &Plan, now: Instant, out: &mut impl Extend<Message>) {
        self.published = values;
        self.published_at = Some(now);
        let Known {
            device,
            state: latest,
        } = &self.known;
        let online = latest.health.code.has_data();
        // QoS 0: the next state or heartbeat repeats what is lost, and what a lost connection
        // takes with it is published anew on the next one.
        let values = Message {
            topic: plan.topics.state(device.id.as_str()),
            payload: self.published.clone(),
            qos: Qos::AtMostOnce,
            retain: plan.settings.retain_states,
            expiry: None,
        };
        let availability = (self.online != Some(online)).then(|| {
            let words = if online { "online" } else { "offline" };
            kept(plan.topics.availability(device.id.as_str()), words)
        });
        if online {
            out.extend([values].into_iter().chain(availability));
        } else {
            out.extend(availability.into_iter().chain([values]));
        }
        self.online = Some(online);
        self.state_due = online.then(|| now + plan.settings.heartbeat.get());
    }

    /// Takes everything about the device off the broker, and so out of Home Assistant.
    pub fn removal<'p>(plan: &'p Plan, id: &'p str) -> impl Iterator<Item = Message> + use<'p> {
        let topics = &plan.topics;
        [topics.config(id), topics.availability(id), topics.state(id)]
            .into_iter()
            .map(|topic| kept(topic, ""))
    }

    fn send_config(
        &mut self,
        plan: &Plan,
        now: Instant,
        again: bool,
        out: &mut impl Extend<Message>,
    ) {
        let earliest = self.config_sent.map(|sent| sent + CONFIG_PAUSE);
        if let Some(earliest) = earliest.filter(|earliest| *earliest > now) {
            self.config_due = Some(earliest);
            return;
        }
        let stale = self.stale();
        let payload = if stale.is_empty() {
            self.config_due = None;
            Arc::clone(&self.payload)
        } else {
            self.config_due = Some(now + CONFIG_PAUSE);
            let reduced = with_removals(announcement(&self.known.device, plan), &stale);
            reduced.to_string().into_bytes().into()
        };
        if again || self.retained.as_ref() != Some(&payload) {
            let topic = plan.topics.config(self.known.device.id.as_str());
            out.extend([kept(topic, &*payload)]);
            self.config_sent = Some(now);
            self.retained = Some(payload);
        }
        self.told.clone_from(&self.entities);
        self.introduce();
    }

    /// Entities that Home Assistant knows and that are no more, or are something else now.
    fn stale(&self) -> Entities {
        let gone = |(key, platform): &(&String, &String)| self.entities.get(*key) != Some(platform);
        let stale = self.told.iter().filter(gone);
        stale
            .map(|(key, platform)| (key.clone(), platform.clone()))
            .collect()
    }

    fn follow_up(&mut self, plan: &Plan, now: Instant) {
        if !plan.settings.retain_states && self.config_sent == Some(now) {
            self.state_due = Some(now + AFTER_CONFIG);
        }
    }

    fn introduce(&mut self) {
        if !self.introduced {
            self.introduced = true;
            let (device, count) = (&self.known.device, self.entities.len());
            let noun = if count == 1 { "entity" } else { "entities" };
            tracing::info!(device = %device.id, "announced {} with {count} {noun}", device.name);
        }
    }
}

/// A message that the broker keeps and confirms.
pub fn kept(topic: String, payload: impl Into<Vec<u8>>) -> Message {
    Message {
        topic,
        payload: payload.into(),
        qos: Qos::AtLeastOnce,
        retain: true,
        expiry: None,
    }
}

pub fn is_due(due: Option<Instant>, now: Instant) -> bool {
    due.is_some_and(|due| due <= now)
}
