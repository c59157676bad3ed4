//! The conversation with a stick and, through it, with inverters: no I/O.
//!
//! One thing is done at a time, since that is what a stick can bear: an inverter is asked, or told something, or
//! paired. What comes back is known by the serial number in it and never by its order, so what comes late or unasked
//! counts as well.

mod announcing;
mod commands;
mod darkness;
mod hearing;
mod jobs;
mod stick;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::config::ZigbeeConfig;
use super::control::{Telling, Wanted};
use super::health::PairingFailure;
use super::inverter::{PATIENCE, RememberedInverter, ZigbeeInverter};
use super::pairing::Pairing;
use super::radio::{Radio, RadioInput, RadioState, RadioTrouble, radio};
use super::schedule::{LearnedHours, PollSchedule, PollSettings};
use super::sun::Site;
use super::wire::ids::{EcuId, InverterSerial};
use super::{KIND, health};
use crate::clock::Moment;
use crate::device::Probed;
use crate::device::Start;
use crate::device::line;
use crate::device::protocol::{Input, LISTEN, Outbox, Output, Protocol, last_trouble};
use crate::links::{Parity, SerialSettings};
use crate::model::{DeviceId, Health, Report, Value};
use crate::store::DiskAnswer;
use crate::store::Memory;

/// How long an answer is waited for, from the question on.
const ANSWER: Duration = Duration::from_secs(4);
/// The same of an inverter that is reached through others.
const ANSWER_RELAYED: Duration = Duration::from_secs(6);
/// Questions in vain in daylight, of all inverters in a row, after which the stick may be deaf.
const DEAF: u32 = 10;
/// Between two pairings of a campaign.
const CAMPAIGN: Duration = Duration::from_secs(60);
/// And at most.
const LONGEST_PAUSE: Duration = Duration::from_secs(30 * 60);
/// What is remembered is saved at most so often, unless it is something new.
const SAVE: Duration = Duration::from_secs(30);
/// How long a stick is tried, which may be in the middle of a start.
const TRIAL: Duration = Duration::from_secs(45);
/// How long a stick is held in reset.
const PULSE: Duration = Duration::from_millis(500);
/// Inverters that are only listened to.
const MOST: usize = 256;
/// How long after it was heard first one has to be heard again to be taken.
const RUMOUR: Duration = Duration::from_secs(60);
/// Commands that wait.
const MOST_WISHES: usize = 32;
/// Turns in vain after which an inverter is out of contact, if it is day for sure.
const OUT_OF_CONTACT: u32 = 5;
/// Turns in vain after which it has no power any more, whatever the time.
const DARK: u32 = 3;
/// Turns in vain in which its radio was heard, after which that is worth being said.
const ROUTES_IN_VAIN: u32 = 3;
/// What was delivered so long ago is not so any more.
const STALE: Duration = Duration::from_secs(300);
/// The same for one that is only listened to: its ECU asks every five minutes.
const UNHEARD: Duration = Duration::from_secs(15 * 60);
/// How often an ECU asks.
const INTERVAL_OF_ECU: Duration = Duration::from_secs(300);

/// Messages in a row that the stick refuses until that is said.
const REFUSALS: u32 = 5;
/// How soon a limit is looked at again that may have been forgotten.
const LIMIT_AGAIN: Duration = Duration::from_secs(10 * 60);

/// How long the disk may take for what has to be on it, and how often that is looked at.
const DISK: Duration = Duration::from_secs(20);
const LOOK: Duration = Duration::from_millis(100);
/// Restarts of the stick by itself in an hour from which on its supply is too weak.
const RESTARTS: usize = 3;
const HOUR: Duration = Duration::from_secs(3600);

/// Under these keys is remembered what has to outlive a restart.
const INVERTERS: &str = "inverters";
const HOURS: &str = "hours";
const IS_CAMPAIGN: &str = "campaign";
const TOTAL: &str = "total";
const FIRMWARE: &str = "firmware";

/// What is being done.
#[derive(Debug)]
enum Job {
    /// This inverter was asked, and may answer until then.
    Poll(InverterSerial, Duration),
    /// It is being paired.
    Pair(Box<Pairing>),
    /// It is told something; the number is that of the command, if one waits for it.
    Tell(Box<Telling>, Option<u64>),
}

/// Something that is to be done.
#[derive(Debug, Clone, PartialEq)]
enum Wish {
    Pair(InverterSerial),
    Tell(InverterSerial, Wanted, Option<u64>),
}

/// The conversation.
pub struct StickConversation {
    config: Arc<ZigbeeConfig>,
    network: EcuId,
    zone: TimeZone,
    memory: Memory,
    radio: Box<dyn Radio>,
    state: RadioState,
    schedule: PollSchedule,
    inverters: BTreeMap<InverterSerial, ZigbeeInverter>,
    /// What is remembered of those that are not listed any more: they may be again.
    unlisted: BTreeMap<InverterSerial, RememberedInverter>,
    job: Option<Job>,
    wishes: VecDeque<Wish>,
    /// Whether all that are not paired are paired by and by, and when the next one is tried.
    campaign: Option<Duration>,
    /// How often pairing was in vain since it worked last.
    in_vain_since: u32,
    /// Who was tried last.
    tried: Option<InverterSerial>,
    out: Outbox,
    said: Option<Health>,
    firmware: Option<String>,
    is_night: bool,
    /// Whether the port could not be opened, and all have said so.
    is_unreachable: bool,
    /// Whether the stick hears nobody, as far as is known since.
    is_deaf: bool,
    /// Whether it was ready once since its port was opened.
    was_up: bool,
    /// When it started by itself, of late.
    restarts: VecDeque<Duration>,
    /// When any radio was heard last, since inverters have answered.
    heard_any: Option<Duration>,
    /// How many messages in a row the stick has refused.
    refused: u32,
    day: Option<Date>,
    unsaved: Option<Duration>,
    /// What has to be on the disk before an inverter is written to, and until when that is waited for.
    keeping: Option<(DiskAnswer, Duration)>,
    has_begun: bool,
    /// What all inverters together have counted, those that are no longer listed as well.
    total: u64,
    /// Unlisted inverters that were heard once, when there is nothing but listening.
    rumours: VecDeque<(InverterSerial, Duration)>,
    radio_wake: Duration,
    /// Until when the stick is held in reset.
    release: Option<Duration>,
    /// When the next inverter is asked, if nothing happens before.
    turn: Option<Duration>,
}

impl std::fmt::Debug for StickConversation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StickConversation")
            .field("network", &self.network)
            .field("state", &self.state)
            .field("job", &self.job)
            .finish_non_exhaustive()
    }
}

impl StickConversation {
    /// With the inverters of a section, and what is remembered of them.
    pub fn new(config: &Arc<ZigbeeConfig>, start: Start) -> Self {
        let memory = start.memory;
        let network = config.network();
        let place = config
            .latitude
            .zip(config.longitude)
            .and_then(|(latitude, longitude)| Site::new(latitude, longitude));
        let settings = PollSettings {
            interval: config.interval.get(),
            place,
            offset: SignedDuration::from_mins(config.sun_offset.into()),
            is_listening_only: config.listen_only,
            // Who wants a shorter day shall have it.
            is_adaptive: config.sun_offset <= 0,
        };
        let learned: Option<LearnedHours> = memory.get(HOURS);
        let mut known: BTreeMap<InverterSerial, RememberedInverter> =
            memory.get(INVERTERS).unwrap_or_default();
        let listed = config.inverters.iter().copied();
        let heard = known
            .keys()
            .copied()
            .filter(|_| config.listen_only && config.inverters.is_empty());
        let serials: Vec<InverterSerial> = listed.chain(heard).collect();
        let inverters = serials.into_iter().map(|serial| {
            let mut remembered = known.remove(&serial).unwrap_or_default();
            if let Some(address) = config.addresses.get(&serial) {
                remembered.place.is_said_to_be_at(*address);
            }
            (serial, ZigbeeInverter::new(serial, config, remembered))
        });
        let inverters: BTreeMap<_, _> = inverters.collect();
        let sum = |all: &[u64]| all.iter().fold(0_u64, |sum, it| sum.saturating_add(*it));
        let of_each = inverters
            .values()
            .map(|it| sum(it.remembered.energy.lifetime()));
        let of_all = of_each.fold(0_u64, u64::saturating_add);
        let total = memory.get::<u64>(TOTAL).unwrap_or(0).max(of_all);
        let is_campaign = memory.get(IS_CAMPAIGN).unwrap_or(false);
        let firmware = memory.get(FIRMWARE);
        let mut conversation = Self {
            config: Arc::clone(config),
            network,
            zone: start.zone.clone(),
            memory,
            radio: radio(network),
            state: RadioState::Away,
            schedule: PollSchedule::new(settings, start.zone, learned.unwrap_or_default()),
            inverters,
            unlisted: known,
            job: None,
            wishes: VecDeque::new(),
            campaign: is_campaign.then_some(Duration::ZERO),
            in_vain_since: 0,
            tried: None,
            out: Outbox::default(),
            said: None,
            firmware,
            is_night: false,
            is_unreachable: false,
            is_deaf: false,
            was_up: false,
            restarts: VecDeque::new(),
            heard_any: None,
            refused: 0,
            day: None,
            unsaved: None,
            keeping: None,
            has_begun: false,
            total,
            rumours: VecDeque::new(),
            radio_wake: Duration::MAX,
            release: None,
            turn: None,
        };
        conversation.list_asked();
        conversation
    }

    /// The device of the stick.
    fn id(&self) -> DeviceId {
        DeviceId::new(KIND, &self.network.to_string())
    }

    fn nameplates(&self) -> u32 {
        self.inverters.values().map(ZigbeeInverter::nameplate).sum()
    }

    /// Only those can be asked of which it is known where.
    fn list_asked(&mut self) {
        let asked = self.inverters.values();
        let asked = asked.filter(|it| it.remembered.place.is_to_be_asked());
        let asked: Vec<InverterSerial> = asked.map(|it| it.serial).collect();
        self.schedule.set_inverters(&asked);
    }

    fn begin(&mut self, now: Moment) {
        if std::mem::replace(&mut self.has_begun, true) {
            return;
        }
        if self.config.ecu_id.is_none() {
            tracing::info!(
                "The id of the Zigbee network is {}, made of the first serial number in the list. Once inverters are paired, \
                 write ecu_id = \"{}\" into the section, so that it stays so.",
                self.network,
                self.network
            );
        }
        for (key, serial) in self.config.unlisted() {
            tracing::warn!(
                "{key} has {serial}, which is not among the inverters. Check the number against the label, or leave it out."
            );
        }
        let described = self.describe_stick();
        self.out.report([described]);
        let serials: Vec<InverterSerial> = self.inverters.keys().copied().collect();
        for serial in serials {
            self.describe(serial);
            if let Some(inverter) = self.inverters.get_mut(&serial) {
                inverter.remembered.energy.watch(now);
            }
            self.say_usual(serial, now);
        }
        self.sum_up(now);
    }

    /// Hands over what happened to the radio, and does what it wants and what is next, until there is nothing left.
    fn work(&mut self, now: Moment) {
        if self.release.is_some_and(|at| now.steady >= at) {
            self.release();
        }
        loop {
            self.drain(now);
            if !self.go_on(now) {
                break;
            }
        }
        self.look_at_the_time(now);
        if self.unsaved.is_some_and(|since| now.since(since) >= SAVE) {
            self.save();
        }
        self.out.wake = self.wake(now);
    }

    /// An inverter is to be told something. A limit that waits for its turn gives way to a newer one.
    fn want(&mut self, serial: InverterSerial, wanted: Wanted, id: Option<u64>) {
        let is_limit = |it: &Wanted| matches!(it, Wanted::Limit(_) | Wanted::Restore(_));
        let is_older = |wish: &Wish| matches!(wish, Wish::Tell(of, older, _) if *of == serial && is_limit(older));
        if is_limit(&wanted) {
            let older = self.wishes.iter().filter(|it| is_older(it));
            let older: Vec<Option<u64>> = older
                .map(|wish| match wish {
                    Wish::Tell(_, _, id) => *id,
                    Wish::Pair(_) => None,
                })
                .collect();
            self.wishes.retain(|wish| !is_older(wish));
            for id in older {
                self.answer(
                    id,
                    Err("another limit was set before its turn came".to_owned()),
                );
            }
        }
        self.wishes.push_back(Wish::Tell(serial, wanted, id));
    }

    fn save(&mut self) {
        self.unsaved = None;
        let inverters = self.inverters.iter();
        let inverters: BTreeMap<_, _> = inverters
            .map(|(serial, it)| (*serial, &it.remembered))
            .chain(self.unlisted.iter().map(|(serial, it)| (*serial, it)))
            .collect();
        self.memory.put(INVERTERS, &inverters);
        self.memory.put(TOTAL, &self.total);
        self.memory.put(HOURS, self.schedule.learned());
    }

    /// When time means something next.
    fn wake(&self, now: Moment) -> Duration {
        // Nothing is sent before the radio has told what became of the last message.
        let is_free = !self.radio.is_sending();
        let job = match &self.job {
            Some(Job::Poll(_, until)) => Some(*until),
            Some(Job::Pair(pairing)) => Some(pairing.due()),
            Some(Job::Tell(..)) if self.keeping.is_some() => Some(now.steady.saturating_add(LOOK)),
            Some(Job::Tell(telling, _)) => Some(telling.due()).filter(|_| is_free),
            None => None,
        };
        let turn = self.turn.filter(|_| self.job.is_none() && is_free);
        let saved = self.unsaved.map(|since| since.saturating_add(SAVE));
        let campaign = self.campaign.filter(|at| *at > now.steady);
        let heard = self.inverters.values();
        let heard = heard.filter(|it| self.config.listen_only && !it.is_asleep);
        let unheard = heard.filter_map(|it| Some(it.heard?.saturating_add(UNHEARD)));
        // Until it is forgiven that the stick has restarted.
        let restarts = self.restarts.front().filter(|_| self.is_restarting());
        let restarts = restarts.map(|at| at.saturating_add(HOUR));
        let all = [
            restarts,
            Some(self.radio_wake),
            job,
            turn,
            saved,
            campaign,
            unheard.min(),
            self.release,
        ];
        all.into_iter().flatten().min().unwrap_or(Duration::MAX)
    }

    /// For whoever only tries: what was found.
    fn found(&self, answered: usize) -> Probed {
        let all = self.inverters.len();
        let heard = self.inverters.values().filter(|it| it.heard.is_some());
        Probed {
            words: format!(
                "a Zigbee stick in the network {}, {answered} of {all} inverters answered",
                self.network
            ),
            devices: std::iter::once(self.id())
                .chain(heard.map(ZigbeeInverter::id))
                .collect(),
        }
    }

    fn let_go(&mut self, now: Moment) {
        self.keeping = None;
        match self.job.take() {
            Some(Job::Tell(_, id)) => self.answer(
                id,
                Err("the stick went away meanwhile; look what the inverter does".to_owned()),
            ),
            Some(Job::Pair(pairing)) => {
                self.end_pairing(pairing.serial(), Err(PairingFailure::NoStick), now);
            }
            Some(Job::Poll(..)) | None => {}
        }
        // What waits is not done minutes later, when nobody expects it any more.
        for wish in std::mem::take(&mut self.wishes) {
            match wish {
                Wish::Tell(_, _, id) => {
                    let why = "the stick went away before its turn; try again when it is back";
                    self.answer(id, Err(why.to_owned()));
                }
                Wish::Pair(serial) => {
                    if let Some(inverter) = self.inverters.get_mut(&serial) {
                        inverter.unpaired = Some(PairingFailure::NoStick.health());
                        self.say_usual(serial, now);
                    }
                }
            }
        }
    }
}

impl Drop for StickConversation {
    /// An end in good order forgets nothing.
    fn drop(&mut self) {
        if self.unsaved.is_some() {
            self.save();
        }
    }
}

/// Whole watts of a command.
fn watts(value: &Value) -> Option<u16> {
    u16::try_from(value.as_number()?.rounded(0).mantissa()).ok()
}

impl Protocol for StickConversation {
    fn settings(&self) -> SerialSettings {
        SerialSettings::new(115_200, Parity::None)
    }

    fn handle(&mut self, input: Input<'_>, now: Moment) {
        self.begin(now);
        match input {
            Input::Opened => {
                // Whoever opens a port switches its lines on.
                self.release();
                self.radio.handle(RadioInput::Opened, now);
            }
            Input::Bytes(bytes) => self.radio.handle(RadioInput::Bytes(bytes), now),
            Input::Command { id, command } => self.command(id, command, now),
            Input::Withdrawn(id) => self
                .wishes
                .retain(|wish| !matches!(wish, Wish::Tell(_, _, Some(it)) if *it == id)),
            Input::Forgotten(id) => {
                self.inverters.retain(|_, inverter| inverter.id() != *id);
                self.unlisted
                    .retain(|serial, _| DeviceId::new(KIND, &serial.to_string()) != *id);
                self.list_asked();
                self.save();
            }
            Input::Closed => {
                self.radio.handle(RadioInput::Closed, now);
                self.let_go(now);
            }
            Input::Unreachable(error) => {
                self.radio.handle(RadioInput::Closed, now);
                self.let_go(now);
                self.is_unreachable = true;
                self.was_up = false;
                self.inverters
                    .values_mut()
                    .for_each(ZigbeeInverter::is_lost);
                let health = line::unreachable(error);
                self.say_stick(health.clone());
                let serials: Vec<InverterSerial> = self.inverters.keys().copied().collect();
                for serial in serials {
                    self.say(serial, health.clone());
                }
            }
            Input::Time => self.radio.handle(RadioInput::Time, now),
            Input::End | Input::Attended(_) => {}
        }
        self.work(now);
    }

    fn poll(&mut self) -> Output {
        self.out.poll()
    }

    fn verdict(&self, reports: &[Report], listened: Duration) -> Option<Result<Probed, Health>> {
        let answered = self.inverters.values();
        let answered = answered.filter(|it| it.heard.is_some()).count();
        let all = self.inverters.len();
        let is_over = listened >= LISTEN && (answered > 0 || listened >= TRIAL);
        match &self.state {
            RadioState::Trouble(trouble) => Some(Err(health::stick(trouble))),
            _ if answered == all && all > 0 => Some(Ok(self.found(answered))),
            RadioState::Ready if is_over => Some(Ok(self.found(answered))),
            _ if listened >= TRIAL => {
                let trouble = last_trouble(reports);
                Some(Err(
                    trouble.unwrap_or_else(|| health::stick(&RadioTrouble::NoByte))
                ))
            }
            _ => None,
        }
    }
}

#[cfg(feature = "simulate")]
#[cfg(test)]
mod tests;
