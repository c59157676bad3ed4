//! The latest state of every device, and the news about it for the outputs.
//!
//! The bridge writes through [`Hub`]; each output reads through a [`Feed`] of its own. A slow output
//! holds up nobody: it is told that it missed news and takes a fresh [`Feed::snapshot`] instead.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use tokio::sync::{broadcast, mpsc, oneshot, watch};
use tokio::time::Instant;

use crate::device::PendingCommand;
use crate::model::{
    Command, CommandOutcome, Device, DeviceId, DeviceState, Health, Refusal, Update, Value,
};

/// News that an output may fall behind before it has to take a snapshot.
const BACKLOG: usize = 1024;
/// Commands that may wait for the bridge.
const COMMANDS: usize = 64;

/// A device and its latest state.
#[derive(Debug, Clone)]
pub struct Known {
    /// The description.
    pub device: Arc<Device>,
    /// The state.
    pub state: Arc<DeviceState>,
}

/// What a [`Feed`] delivers.
#[derive(Debug, Clone)]
pub enum News {
    /// A change.
    Update(Update),
    /// More changes than the output could take: what counts is the snapshot.
    Missed,
}

#[derive(Debug, Default)]
struct Registry {
    devices: BTreeMap<DeviceId, Known>,
    unsettled: BTreeSet<String>,
}

#[derive(Debug)]
struct Shared {
    registry: RwLock<Registry>,
    commands: mpsc::Sender<PendingCommand>,
    /// How many of those who may give commands are there.
    operators: watch::Sender<usize>,
    /// What troubles outputs, each by its name, for the status of the bridge itself.
    trouble: watch::Sender<BTreeMap<&'static str, Health>>,
    /// Since when an output has had something to pass on.
    waiting: Mutex<Option<Instant>>,
    /// Devices whose computed energies are to be begun anew.
    anew: watch::Sender<BTreeSet<DeviceId>>,
}

/// The writing end. When its last clone is gone, feeds end.
#[derive(Debug, Clone)]
pub struct Hub {
    shared: Arc<Shared>,
    updates: broadcast::Sender<Update>,
}

/// Sends commands to the adapters. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Commander {
    shared: Arc<Shared>,
}

/// Looks at the latest states without following the news. Cheap to clone.
#[derive(Debug, Clone)]
pub struct View {
    shared: Arc<Shared>,
}

/// The reading end of one output. News wait for it, so who only wants to look takes a [`View`].
#[derive(Debug)]
pub struct Feed {
    shared: Arc<Shared>,
    updates: broadcast::Receiver<Update>,
}

impl Hub {
    /// An empty hub, and the commands that the outputs will send.
    pub fn new() -> (Self, mpsc::Receiver<PendingCommand>) {
        let (commands, pending) = mpsc::channel(COMMANDS);
        let (updates, _) = broadcast::channel(BACKLOG);
        let shared = Shared {
            registry: RwLock::default(),
            commands,
            operators: watch::Sender::new(0),
            trouble: watch::Sender::default(),
            waiting: Mutex::default(),
            anew: watch::Sender::default(),
        };
        (
            Self {
                shared: Arc::new(shared),
                updates,
            },
            pending,
        )
    }

    /// A reading end for one more output.
    pub fn feed(&self) -> Feed {
        Feed {
            shared: Arc::clone(&self.shared),
            updates: self.updates.subscribe(),
        }
    }

    /// The latest states, for who does not follow the news.
    pub fn view(&self) -> View {
        View {
            shared: Arc::clone(&self.shared),
        }
    }

    /// How many of those who may give commands are there at any moment.
    pub fn operators(&self) -> watch::Receiver<usize> {
        self.shared.operators.subscribe()
    }

    /// Changes when outputs want something begun anew: see [`Self::take_anew`].
    pub fn anew(&self) -> watch::Receiver<BTreeSet<DeviceId>> {
        self.shared.anew.subscribe()
    }

    /// The devices whose computed energies are to be begun anew, each once.
    pub fn take_anew(&self) -> BTreeSet<DeviceId> {
        let mut all = BTreeSet::new();
        self.shared.anew.send_if_modified(|wanted| {
            all = std::mem::take(wanted);
            false
        });
        all
    }

    /// What troubles an output.
    pub fn trouble(&self) -> Option<Health> {
        self.shared.trouble.borrow().values().next().cloned()
    }

    /// Makes a device known or changes its description; outputs hear of real changes only.
    pub fn put_device(&self, device: Arc<Device>, state: Arc<DeviceState>) {
        let known = Known {
            device: Arc::clone(&device),
            state: Arc::clone(&state),
        };
        let before = self.write(|registry| registry.devices.insert(device.id.clone(), known));
        if before.as_ref().is_none_or(|known| known.device != device) {
            self.tell(Update::Device(device));
        }
        if before.is_none_or(|known| known.state != state) {
            self.tell(Update::State(state));
        }
    }

    /// Replaces the state of a known device and tells the outputs, also when nothing changed: that
    /// the values were confirmed is news too.
    pub fn put_state(&self, state: Arc<DeviceState>) {
        let known = self.write(|registry| {
            let known = registry.devices.get_mut(&state.device)?;
            known.state = Arc::clone(&state);
            Some(())
        });
        if known.is_some() {
            self.tell(Update::State(state));
        }
    }

    /// Forgets a device.
    pub fn remove(&self, id: &DeviceId) {
        if self.write(|registry| registry.devices.remove(id)).is_some() {
            self.tell(Update::Removed(id.clone()));
        }
    }

    /// Says whether all devices of an adapter are known by now. Until then an output must not
    /// clear what it announced for that adapter in an earlier run.
    pub fn set_settled(&self, adapter: &str, settled: bool) {
        self.write(|registry| {
            if settled {
                registry.unsettled.remove(adapter);
            } else {
                registry.unsettled.insert(adapter.to_owned());
            }
        });
    }

    fn write<T>(&self, change: impl FnOnce(&mut Registry) -> T) -> T {
        // A panic while the lock was held leaves whole entries behind: each change is one insert.
        change(
            &mut self
                .shared
                .registry
                .write()
                .unwrap_or_else(PoisonError::into_inner),
        )
    }

    fn tell(&self, update: Update) {
        // Without an output there is nobody to tell, which is fine.
        let _ = self.updates.send(update);
    }
}

impl Feed {
    /// The next news; `None` when the bridge has ended.
    pub async fn next(&mut self) -> Option<News> {
        match self.updates.recv().await {
            Ok(update) => Some(News::Update(update)),
            Err(broadcast::error::RecvError::Lagged(_)) => Some(News::Missed),
            Err(broadcast::error::RecvError::Closed) => None,
        }
    }

    /// All devices with their latest state, parents before their children.
    pub fn snapshot(&self) -> Vec<Known> {
        self.shared.snapshot()
    }

    /// The same in place of all news that wait: what comes next is newer than it.
    pub fn catch_up(&mut self) -> Vec<Known> {
        self.updates = self.updates.resubscribe();
        self.snapshot()
    }

    /// Whether news wait.
    pub fn has_more(&self) -> bool {
        !self.updates.is_empty()
    }

    /// A device and its latest state.
    pub fn get(&self, id: &DeviceId) -> Option<Known> {
        self.read(|registry| registry.devices.get(id).cloned())
    }

    /// Whether an announcement of an earlier run, for the device of this id, is surely obsolete.
    pub fn is_orphan(&self, id: &str) -> bool {
        self.read(|registry| {
            let known = registry.devices.keys().any(|key| key.as_str() == id);
            let of = |adapter: &String| {
                id.strip_prefix(adapter.as_str())
                    .is_some_and(|rest| rest.starts_with('_'))
            };
            !known && !registry.unsettled.iter().any(of)
        })
    }

    /// Whether all devices of all adapters are known by now.
    pub fn is_settled(&self) -> bool {
        self.read(|registry| registry.unsettled.is_empty())
    }

    /// Whether an adapter that is of interest may still name devices that it had all along.
    pub fn may_come(&self, is_of_interest: impl Fn(&str) -> bool) -> bool {
        self.read(|registry| registry.unsettled.iter().any(|it| is_of_interest(it)))
    }

    /// Says what troubles the output of this name, for the status of the bridge itself; `None` when all is well.
    pub fn set_trouble(&self, output: &'static str, trouble: Option<Health>) {
        self.shared.trouble.send_if_modified(|all| {
            let is_news = all.get(output) != trouble.as_ref();
            match trouble {
                Some(trouble) => all.insert(output, trouble),
                None => all.remove(output),
            };
            is_news
        });
    }

    /// Wants the energies begun anew that are computed for a device, because somebody else has told
    /// others of them meanwhile. That it is done is seen by the state's era.
    pub fn begin_anew(&self, device: &DeviceId) {
        self.shared
            .anew
            .send_modify(|wanted| wanted.extend([device.clone()]));
    }

    /// The output begins to pass something on.
    pub fn passing(&self) {
        self.shared.lock_waiting().get_or_insert_with(Instant::now);
    }

    /// It was taken, or there is nobody to take it.
    pub fn passed(&self) {
        *self.shared.lock_waiting() = None;
    }

    /// The way for commands, for tasks that do not read news.
    pub fn commander(&self) -> Commander {
        Commander {
            shared: Arc::clone(&self.shared),
        }
    }

    fn read<T>(&self, look: impl FnOnce(&Registry) -> T) -> T {
        self.shared.read(look)
    }
}

impl View {
    /// How long an output has had something to pass on that is not taken.
    pub fn waiting(&self) -> Option<Duration> {
        let waiting = *self.shared.lock_waiting();
        waiting.map(|since| since.elapsed())
    }

    /// All devices with their latest state, parents before their children.
    pub fn snapshot(&self) -> Vec<Known> {
        self.shared.snapshot()
    }
}

/// Somebody who may give commands is there, until this is dropped.
#[derive(Debug)]
pub struct Attendance {
    shared: Arc<Shared>,
}

impl Drop for Attendance {
    fn drop(&mut self) {
        let count = &self.shared.operators;
        count.send_modify(|count| *count = count.saturating_sub(1));
    }
}

impl Commander {
    /// Says that somebody who may give commands is there from now on.
    pub fn attend(&self) -> Attendance {
        let shared = Arc::clone(&self.shared);
        shared.operators.send_modify(|count| *count += 1);
        Attendance { shared }
    }

    /// Checks a command, hands it to the adapter, and waits for what becomes of it.
    pub async fn command(&self, device: &str, key: &str, text: &str) -> CommandOutcome {
        match self.send_command(device, key, text).await {
            Ok(outcome) => outcome,
            Err(refusal) => CommandOutcome {
                result: Err(refusal.to_string()),
            },
        }
    }

    async fn send_command(
        &self,
        device: &str,
        key: &str,
        text: &str,
    ) -> Result<CommandOutcome, Refusal> {
        let command = self.check_command(device, key, text)?;
        let (reply, outcome) = oneshot::channel();
        let pending = PendingCommand { command, reply };
        self.shared
            .commands
            .try_send(pending)
            .map_err(|_| Refusal::Busy)?;
        outcome.await.map_err(|_| Refusal::NotConnected)
    }

    fn check_command(&self, device: &str, key: &str, text: &str) -> Result<Command, Refusal> {
        let known = self
            .shared
            .read(|registry| {
                registry
                    .devices
                    .values()
                    .find(|known| known.device.id.as_str() == device)
                    .cloned()
            })
            .ok_or_else(|| Refusal::UnknownDevice(shorten(device)))?;
        let control = known
            .device
            .control(key)
            .ok_or_else(|| Refusal::UnknownControl {
                device: shorten(device),
                key: shorten(key),
            })?;
        let value: Value = control.kind.parse(text)?;
        Ok(Command {
            device: known.device.id.clone(),
            key: key.to_owned(),
            value,
        })
    }
}

impl Shared {
    fn lock_waiting(&self) -> MutexGuard<'_, Option<Instant>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn snapshot(&self) -> Vec<Known> {
        let mut all: Vec<Known> =
            self.read(|registry| registry.devices.values().cloned().collect());
        let parents: BTreeMap<DeviceId, Option<DeviceId>> = all
            .iter()
            .map(|known| (known.device.id.clone(), known.device.via.clone()))
            .collect();
        all.sort_by_key(|known| depth(&parents, &known.device.id));
        all
    }

    fn read<T>(&self, look: impl FnOnce(&Registry) -> T) -> T {
        look(&self.registry.read().unwrap_or_else(PoisonError::into_inner))
    }
}

/// How many known parents a device has above it. Counts at most as many as there are devices, so
/// that a circle of parents does no harm.
fn depth(parents: &BTreeMap<DeviceId, Option<DeviceId>>, id: &DeviceId) -> usize {
    let parent = |id: &&DeviceId| parents.get(*id).and_then(Option::as_ref);
    std::iter::successors(Some(id), parent)
        .take(parents.len())
        .count()
}

fn shorten(text: &str) -> String {
    text.chars().take(60).collect()
}

#[cfg(test)]
mod tests;
