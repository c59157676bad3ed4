//! The conversation with a stick and, through it, with inverters: no I/O.
//!
//! One thing is done at a time, since that is what a stick can bear: an inverter is asked, or told something, or
//! paired. What comes back is known by the serial number in it and never by its order, so what comes late or unasked
//! counts as well.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::config::ZigbeeConfig;
use super::control::{self, Telling, TellingStep, Wanted, key};
use super::energy::CounterClass;
use super::health::PairingFailure;
use super::inverter::{RememberedInverter, ZigbeeInverter, energy, is_turn};
use super::metrics::STICK;
use super::pairing::{Pairing, PairingStep};
use super::radio::znp::ZnpRadio;
use super::radio::{
    Outgoing, Radio, RadioInput, RadioNotice, RadioOutput, RadioState, RadioTrouble,
    ReceivedMessage, SendTrouble,
};
use super::schedule::{LearnedHours, PollFailure, PollSchedule, PollSettings, PollStep};
use super::sun::Site;
use super::wire::ids::{EcuId, InverterSerial, ShortAddress};
use super::wire::payload::{
    AnswerContent, InverterAnswer, InverterCommand, LimitCode, PanelTelemetry, REQUEST_CLUSTER,
};
use super::{KIND, health};
use crate::clock::Moment;
use crate::device::Probed;
use crate::device::Start;
use crate::device::line;
use crate::device::protocol::{Heard, Input, LISTEN, Outbox, Output, Protocol, last_trouble};
use crate::links::{Parity, SerialSettings};
use crate::model::{Command, Decimal, Device, DeviceId, Health, Readings, Report, Value};
use crate::store::Memory;

/// How long an answer is waited for, from the question on.
const ANSWER: Duration = Duration::from_secs(4);
/// The same of an inverter that is reached through others.
const ANSWER_RELAYED: Duration = Duration::from_secs(6);
/// Questions in vain in daylight, of all inverters in a row, after which the stick may be deaf.
const DEAF: u32 = 10;
/// Between two pairings of a campaign.
const CAMPAIGN: Duration = Duration::from_secs(60);
/// What is remembered is saved at most so often, unless it is something new.
const SAVE: Duration = Duration::from_secs(30);
/// How long a stick is tried, which may be in the middle of a start.
const TRIAL: Duration = Duration::from_secs(45);
/// How long a stick is held in reset.
const PULSE: Duration = Duration::from_millis(500);
/// Longer than any night.
const PATIENCE: Duration = Duration::from_secs(72 * 3600);
/// Inverters that are only listened to.
const MOST: usize = 256;
/// Commands that wait.
const MOST_WISHES: usize = 32;
/// Turns in vain after which an inverter is out of contact, if it is day for sure.
const IN_VAIN: u32 = 5;
/// Turns in vain after which it has no power any more, whatever the time.
const DARK: u32 = 3;
/// The same for one that is only listened to: its ECU asks every five minutes.
const UNHEARD: Duration = Duration::from_secs(15 * 60);
/// How often an ECU asks.
const INTERVAL_OF_ECU: Duration = Duration::from_secs(300);

/// Under these keys is remembered what has to outlive a restart.
const INVERTERS: &str = "inverters";
const HOURS: &str = "hours";
const IS_CAMPAIGN: &str = "campaign";
const TOTAL: &str = "total";

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
    day: Option<Date>,
    unsaved: Option<Duration>,
    has_begun: bool,
    /// What all inverters together have counted, those that are no longer listed as well.
    total: u64,
    /// Unlisted inverters that were heard once, when there is nothing but listening.
    rumours: VecDeque<InverterSerial>,
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
            if remembered.address.is_none() {
                remembered.address = config.addresses.get(&serial).copied();
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
        let mut conversation = Self {
            config: Arc::clone(config),
            network,
            zone: start.zone.clone(),
            memory,
            radio: Box::new(ZnpRadio::new(network)),
            state: RadioState::Away,
            schedule: PollSchedule::new(settings, start.zone, learned.unwrap_or_default()),
            inverters,
            unlisted: known,
            job: None,
            wishes: VecDeque::new(),
            campaign: is_campaign.then_some(Duration::ZERO),
            tried: None,
            out: Outbox::default(),
            said: None,
            firmware: None,
            is_night: false,
            is_unreachable: false,
            is_deaf: false,
            day: None,
            unsaved: None,
            has_begun: false,
            total,
            rumours: VecDeque::new(),
            radio_wake: Duration::MAX,
            release: None,
            turn: None,
        };
        conversation.list_paired();
        conversation
    }

    /// The device of the stick.
    fn id(&self) -> DeviceId {
        DeviceId::new(KIND, &self.network.to_string())
    }

    fn nameplates(&self) -> u32 {
        self.inverters.values().map(ZigbeeInverter::nameplate).sum()
    }

    /// Only those with an address can be asked.
    fn list_paired(&mut self) {
        let paired = self.inverters.values();
        let paired = paired.filter(|it| it.remembered.address.is_some());
        let paired: Vec<InverterSerial> = paired.map(|it| it.serial).collect();
        self.schedule.set_inverters(&paired);
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
        let described = self.describe_stick();
        self.out.report([described]);
        let serials: Vec<InverterSerial> = self.inverters.keys().copied().collect();
        for serial in serials {
            self.describe(serial);
            if let Some(inverter) = self.inverters.get_mut(&serial) {
                inverter.remembered.energy.watch(now);
            }
            self.say_usual(serial);
        }
    }

    fn describe_stick(&self) -> Report {
        let id = self.network.to_string();
        let tail = id.get(..4).unwrap_or_default();
        let mut device = Device::new(
            KIND,
            id.clone(),
            format!("Zigbee stick {tail}"),
            "Texas Instruments",
        );
        device.model = Some("Zigbee stick".to_owned());
        device.firmware.clone_from(&self.firmware);
        device.rated_power = Some(self.nameplates().saturating_mul(13) / 10);
        device.patience = Some(PATIENCE);
        device.metrics = STICK.to_vec();
        if !self.config.listen_only {
            device.controls = control::of_stick(self.nameplates());
        }
        Report::Device(Box::new(device))
    }

    fn describe(&mut self, serial: InverterSerial) {
        let stick = self.id();
        let Some(inverter) = self.inverters.get(&serial) else {
            return;
        };
        let mut device = inverter.device(&stick);
        if !self.config.listen_only {
            let has_original = inverter.remembered.original_limit.is_some();
            device.controls = control::controls(inverter.model(), has_original);
        }
        self.out.report([Report::Device(Box::new(device))]);
    }

    /// Says how an inverter is, if that is news.
    fn say(&mut self, serial: InverterSerial, health: Health) {
        let Some(inverter) = self.inverters.get_mut(&serial) else {
            return;
        };
        if inverter.said.as_ref() != Some(&health) {
            inverter.said = Some(health.clone());
            let id = inverter.id();
            self.out.report([Report::Health(id, health)]);
        }
    }

    /// Says how an inverter is of which there is nothing else to say.
    fn say_usual(&mut self, serial: InverterSerial) {
        let Some(inverter) = self.inverters.get(&serial) else {
            return;
        };
        let is_paired = inverter.remembered.address.is_some() || self.config.listen_only;
        let health = match &self.state {
            _ if !is_paired => health::not_paired(),
            RadioState::Trouble(trouble) => health::stick(trouble),
            _ if self.is_deaf => health::stick(&RadioTrouble::Deaf),
            _ if inverter.remembered.is_unread => health::unread(inverter.remembered.model),
            _ if self.is_night || inverter.is_asleep => health::asleep(),
            _ if inverter.heard.is_some() => Health::ONLINE,
            _ => health::waiting(),
        };
        self.say(serial, health);
    }

    fn say_stick(&mut self, health: Health) {
        if self.said.as_ref() != Some(&health) {
            self.said = Some(health.clone());
            let id = self.id();
            self.out.report([Report::Health(id, health)]);
        }
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

    fn drain(&mut self, now: Moment) {
        loop {
            match self.radio.poll() {
                RadioOutput::Send(bytes) => self.out.push(Output::Send(bytes)),
                RadioOutput::Reset => self.pulse(now),
                RadioOutput::Reopen => self.out.push(Output::Reopen),
                RadioOutput::Noticed(notice) => self.notice(&notice, now),
                RadioOutput::Wait(until) => {
                    self.radio_wake = until;
                    return;
                }
            }
        }
    }

    /// Holds the stick in reset for a moment, if there is a line to do it with.
    fn pulse(&mut self, now: Moment) {
        if let Some(line) = self.config.reset_line {
            self.out.push(Output::SetLine(line, true));
            self.release = Some(now.steady.saturating_add(PULSE));
        }
    }

    /// Lets the stick go.
    fn release(&mut self) {
        self.release = None;
        if let Some(line) = self.config.reset_line {
            self.out.push(Output::SetLine(line, false));
        }
    }

    fn notice(&mut self, notice: &RadioNotice, now: Moment) {
        match notice {
            RadioNotice::State(state) => self.turned(state.clone(), now),
            RadioNotice::Identified(identity) => {
                let words = health::firmware_name(identity.firmware()).to_owned();
                if self.firmware.as_ref() != Some(&words) {
                    self.firmware = Some(words);
                    let described = self.describe_stick();
                    self.out.report([described]);
                }
            }
            RadioNotice::Received(message) => self.received(message, now),
            RadioNotice::Done(result) => self.sent(*result, now),
            RadioNotice::Route { .. } | RadioNotice::Echo { .. } => {}
            RadioNotice::Noise { .. } => self.out.push(Output::Heard(Heard::Bad)),
        }
        if let Some(Job::Pair(pairing)) = &mut self.job {
            pairing.notice(notice, now);
        }
    }

    /// The radio is different now.
    fn turned(&mut self, state: RadioState, now: Moment) {
        let was_trouble = matches!(self.state, RadioState::Trouble(_));
        self.state = state;
        self.schedule
            .set_radio(self.state == RadioState::Ready, now);
        let is_pairing = matches!(self.job, Some(Job::Pair(_)));
        let deafness = health::stick(&RadioTrouble::Deaf);
        self.is_deaf |= self.state == RadioState::Trouble(RadioTrouble::Deaf);
        let health = match &self.state {
            RadioState::Away => return,
            // Each round of pairing begins so; that is no news.
            RadioState::Starting(_) if was_trouble || is_pairing || self.is_deaf => return,
            RadioState::Starting(step) => health::starting(*step),
            // That it starts does not mean that it hears.
            RadioState::Ready if self.is_deaf => deafness,
            RadioState::Ready => Health::ONLINE,
            RadioState::Trouble(trouble) => health::stick(trouble),
        };
        if self.state == RadioState::Ready {
            self.out.push(Output::Heard(Heard::Good));
        }
        self.say_stick(health);
        let is_trouble = matches!(self.state, RadioState::Trouble(_));
        let is_settled = is_trouble || self.state == RadioState::Ready;
        let was_unreachable = is_settled && std::mem::take(&mut self.is_unreachable);
        if is_trouble || was_trouble || was_unreachable {
            self.say_all();
        }
    }

    /// Says how each inverter is.
    fn say_all(&mut self) {
        let serials: Vec<InverterSerial> = self.inverters.keys().copied().collect();
        for serial in serials {
            self.say_usual(serial);
        }
    }

    /// The stick hears somebody, or it is night and nobody speaks.
    fn hear_again(&mut self) {
        if std::mem::take(&mut self.is_deaf) && self.state == RadioState::Ready {
            self.say_stick(Health::ONLINE);
            self.say_all();
        }
    }

    /// What became of what was sent.
    fn sent(&mut self, result: Result<(), SendTrouble>, now: Moment) {
        let Err(trouble) = result else {
            return;
        };
        match &mut self.job {
            Some(Job::Poll(serial, _)) => {
                let serial = *serial;
                self.job = None;
                self.in_vain(serial, now);
            }
            Some(Job::Tell(telling, _)) => telling.failed(&trouble.to_string(), now),
            Some(Job::Pair(_)) | None => {}
        }
    }

    /// An inverter was asked and has not answered.
    fn in_vain(&mut self, serial: InverterSerial, now: Moment) {
        self.out.push(Output::Heard(Heard::Bad));
        let failure = self.schedule.failed(serial, now);
        // A radio that has just come up is no sign of dark.
        if failure != PollFailure::Retried && !self.schedule.is_excused(now) {
            self.missed(serial, now);
        }
        if let PollFailure::Counted(turns) = failure
            && turns >= IN_VAIN
        {
            // Of two ways to write an address, the other one may be meant.
            if let Some(inverter) = self.inverters.get_mut(&serial)
                && !inverter.remembered.is_verified
            {
                let known = inverter.remembered.address;
                let swapped = known.map(ShortAddress::swapped);
                inverter.remembered.address = swapped.filter(|it| it.is_of_inverter()).or(known);
            }
            if !self.is_deaf {
                self.say(serial, health::silent());
            }
        }
        if self.schedule.silent_rounds() >= DEAF {
            self.radio.deaf(now);
        }
    }

    /// A turn has passed without an answer: after some, what it delivered last is no longer so.
    fn missed(&mut self, serial: InverterSerial, now: Moment) {
        let Some(inverter) = self.inverters.get_mut(&serial) else {
            return;
        };
        inverter.in_vain = inverter.in_vain.saturating_add(1);
        if inverter.in_vain >= DARK {
            self.darken(serial, now);
        }
    }

    /// An inverter has no light any more, as far as can be told.
    fn darken(&mut self, serial: InverterSerial, now: Moment) {
        let Some(inverter) = self.inverters.get_mut(&serial) else {
            return;
        };
        if inverter.heard.is_none() || std::mem::replace(&mut inverter.is_asleep, true) {
            return;
        }
        inverter.power = None;
        let asleep = inverter.asleep(now.wall);
        self.out.report([Report::Readings(asleep)]);
        self.say_usual(serial);
        self.sum_up(now);
    }

    /// A message of an inverter.
    fn received(&mut self, message: &ReceivedMessage, now: Moment) {
        if message.cluster != InverterAnswer::CLUSTER {
            return;
        }
        let answer = match InverterAnswer::decode(&message.data) {
            Ok(answer) => answer,
            Err(error) => {
                tracing::debug!("{}: {error}", message.source);
                return;
            }
        };
        let serial = answer.serial;
        if !self.inverters.contains_key(&serial) && !self.meets(serial) {
            tracing::debug!("{serial} is not listed in the section");
            return;
        }
        let is_vague = matches!(
            answer.content,
            AnswerContent::Unread { .. } | AnswerContent::Sealed(_)
        );
        let inverter = self.inverters.get(&serial);
        if is_vague && inverter.is_some_and(ZigbeeInverter::is_read) {
            // It answers somebody's other question, or it was heard wrong: neither changes what is known of it.
            tracing::debug!("{serial} says something else: {:?}", answer.content);
            return;
        }
        self.out.push(Output::Heard(Heard::Good));
        self.hear_again();
        self.find_at(serial, message.source);
        if let Some(Job::Tell(telling, _)) = &mut self.job
            && telling.serial() == serial
        {
            telling.answer(&answer.content, now);
            let (wanted, before) = (telling.wanted(), telling.before());
            self.keep_original(serial, wanted, before);
        }
        match answer.content {
            AnswerContent::Telemetry(telemetry) => self.measured(&telemetry, message, now),
            AnswerContent::Unread { model, data, .. } => {
                self.unread(serial, model, &data, message.lqi, now);
            }
            AnswerContent::Sealed(_) => {
                self.answered(serial, None, now);
                self.say(serial, health::sealed());
            }
            AnswerContent::Settings(page) => {
                if let (Some(limit), Some(inverter)) =
                    (page.limit(), self.inverters.get_mut(&serial))
                {
                    inverter.limit = Some(limit);
                }
            }
            AnswerContent::Info(_) | AnswerContent::Accepted(_) | AnswerContent::Refused(_) => {}
        }
    }

    /// Whether an inverter that is not listed is taken: who only listens need not list any. A number that was heard
    /// wrong would be an inverter for ever, so it takes two.
    fn meets(&mut self, serial: InverterSerial) -> bool {
        let is_open = self.config.listen_only && self.config.inverters.is_empty();
        if !is_open || self.inverters.len() >= MOST {
            return false;
        }
        if !self.rumours.contains(&serial) {
            self.rumours.push_back(serial);
            if self.rumours.len() > MOST {
                self.rumours.pop_front();
            }
            return false;
        }
        let inverter = ZigbeeInverter::new(serial, &self.config, RememberedInverter::default());
        self.inverters.insert(serial, inverter);
        self.describe(serial);
        let described = self.describe_stick();
        self.out.report([described]);
        true
    }

    /// An inverter spoke from this address.
    fn find_at(&mut self, serial: InverterSerial, source: ShortAddress) {
        let Some(inverter) = self.inverters.get_mut(&serial) else {
            return;
        };
        let remembered = &mut inverter.remembered;
        if remembered.is_verified && remembered.address == Some(source) {
            return;
        }
        if remembered.address.is_some_and(|known| known != source) {
            tracing::info!("{serial} speaks from {source} now");
        }
        (remembered.address, remembered.is_verified) = (Some(source), true);
        self.list_paired();
        self.save();
    }

    fn answered(&mut self, serial: InverterSerial, awake: Option<u32>, now: Moment) {
        self.schedule.answered(serial, awake, now);
        if matches!(&self.job, Some(Job::Poll(asked, _)) if *asked == serial) {
            self.job = None;
        }
        if let Some(inverter) = self.inverters.get_mut(&serial) {
            inverter.heard = Some(now.steady);
            (inverter.is_asleep, inverter.in_vain) = (false, 0);
        }
    }

    fn unread(
        &mut self,
        serial: InverterSerial,
        model: Option<u8>,
        data: &[u8],
        lqi: u8,
        now: Moment,
    ) {
        self.answered(serial, None, now);
        let Some(inverter) = self.inverters.get_mut(&serial) else {
            return;
        };
        if !std::mem::replace(&mut inverter.remembered.is_unread, true)
            || inverter.remembered.model != model
        {
            inverter.remembered.model = model.or(inverter.remembered.model);
            self.describe(serial);
        }
        if let Some(inverter) = self.inverters.get(&serial) {
            let raw = inverter.raw(data, lqi, now.wall);
            self.out.report([Report::Readings(raw)]);
        }
        self.say(serial, health::unread(model));
    }

    /// What an inverter measures.
    fn measured(&mut self, telemetry: &PanelTelemetry, message: &ReceivedMessage, now: Moment) {
        let serial = telemetry.serial;
        let interval = if self.config.listen_only {
            self.schedule.interval().max(INTERVAL_OF_ECU)
        } else {
            self.schedule.interval()
        };
        let zone = self.zone.clone();
        let Some(inverter) = self.inverters.get_mut(&serial) else {
            return;
        };
        let is_news = inverter.learn(telemetry);
        inverter.is_relayed = !message.relays.is_empty();
        let is_first = inverter.heard.is_none();
        let gain = inverter.count(telemetry, interval, &zone, now);
        if is_news {
            self.describe(serial);
        }
        self.answered(serial, Some(telemetry.clock.into()), now);
        let added = gain.added.iter();
        let added = added.fold(0_u64, |sum, it| sum.saturating_add(*it));
        self.total = self.total.saturating_add(added);
        self.unsaved.get_or_insert(now.steady);
        if is_first
            || matches!(
                gain.class,
                CounterClass::NewRun | CounterClass::Restarted { .. }
            )
        {
            self.look_at_limit(serial);
        }
        if is_turn(gain.class) || is_news {
            self.save();
        }
        match gain.class {
            CounterClass::Restarted { scheduled: false } => {
                tracing::info!("{serial} has started anew");
            }
            CounterClass::Corrupt(why) => {
                tracing::warn!(
                    "{serial}: an answer is left out: {why}. If that goes on, the next ones that agree with each other \
                     count; there is nothing to do."
                );
                return;
            }
            _ => {}
        }
        let Some(inverter) = self.inverters.get_mut(&serial) else {
            return;
        };
        let readings = inverter.readings(telemetry, &gain, message, &zone, now);
        self.out.report([Report::Readings(readings)]);
        self.say(serial, Health::ONLINE);
        self.sum_up(now);
    }

    /// An inverter that was given a limit may have forgotten it with its last start.
    fn look_at_limit(&mut self, serial: InverterSerial) {
        let inverter = self.inverters.get(&serial);
        let has_limit = inverter.is_some_and(|it| it.remembered.wanted_limit.is_some());
        if has_limit && !self.config.listen_only && self.wishes.len() < MOST_WISHES {
            self.wishes
                .push_back(Wish::Tell(serial, Wanted::ReadLimit, None));
        }
    }

    /// What all inverters deliver together.
    fn sum_up(&mut self, now: Moment) {
        let mut readings = Readings::new(self.id(), now.wall);
        readings.day = Some(now.wall.to_zoned(self.zone.clone()).date());
        let zone = &self.zone;
        let mut today = 0_u64;
        for inverter in self.inverters.values() {
            let of_day = inverter.remembered.energy.today(now, zone);
            today = of_day.iter().fold(today, |sum, it| sum.saturating_add(*it));
        }
        let online = self
            .inverters
            .values()
            .filter(|it| it.heard.is_some() && !it.is_asleep);
        let online = online.filter(|it| !self.schedule.is_silent(it.serial));
        let powers: Vec<(Decimal, bool)> = online
            .clone()
            .filter_map(|it| Some((it.power?, false)))
            .collect();
        let count = |number: usize| Decimal::integer(i64::try_from(number).unwrap_or(i64::MAX));
        let power =
            (!powers.is_empty() || self.is_night).then(|| Decimal::total(powers.iter().copied()));
        readings.push("power", power.map_or(Value::Unknown, Value::from));
        readings.push("energy_today", energy(today));
        readings.push("energy_total", energy(self.total));
        readings.push("inverters_online", count(online.count()));
        let paired = self
            .inverters
            .values()
            .filter(|it| it.remembered.address.is_some());
        readings.push("inverters_paired", count(paired.count()));
        readings.push("ecu_id", self.network.to_string());
        let firmware = self.firmware.clone().map(Value::from);
        readings.push("stick_firmware", firmware.unwrap_or(Value::Unknown));
        readings.push(key::CAMPAIGN, Value::OnOff(self.campaign.is_some()));
        self.out.report([Report::Readings(readings)]);
    }

    /// Does what is next; whether the radio may have something to do now.
    fn go_on(&mut self, now: Moment) -> bool {
        match self.job.take() {
            Some(Job::Poll(serial, until)) if now.steady >= until => {
                self.in_vain(serial, now);
                true
            }
            Some(Job::Pair(pairing)) => self.go_on_pairing(pairing, now),
            Some(Job::Tell(telling, id)) => self.go_on_telling(telling, id, now),
            Some(job) => {
                self.job = Some(job);
                false
            }
            None => self.begin_job(now),
        }
    }

    fn begin_job(&mut self, now: Moment) -> bool {
        let is_possible = !self.config.listen_only
            && !matches!(self.state, RadioState::Away | RadioState::Trouble(_));
        if is_possible && let Some(wish) = self.next_wish(now) {
            match wish {
                Wish::Pair(serial) => {
                    self.schedule.set_pairing(true, now);
                    self.say(serial, health::pairing(1));
                    self.job = Some(Job::Pair(Box::new(Pairing::new(serial, self.network))));
                }
                Wish::Tell(serial, wanted, id) => {
                    let inverter = self.inverters.get(&serial);
                    let address = inverter.and_then(|it| it.remembered.address);
                    let model = inverter.and_then(ZigbeeInverter::model);
                    match address {
                        Some(address) => {
                            let telling =
                                Telling::new(serial, address, self.network, model, wanted);
                            self.job = Some(Job::Tell(Box::new(telling), id));
                        }
                        None => self.answer(id, Err(health::not_paired().sentence())),
                    }
                }
            }
            return true;
        }
        let serial = match self.schedule.next(now) {
            PollStep::Ask(serial) => serial,
            PollStep::Wait(until, _) => {
                self.turn = until;
                return false;
            }
        };
        let inverter = self.inverters.get(&serial);
        let asked = inverter.and_then(|it| Some((it, it.remembered.address?)));
        let Some((inverter, address)) = asked else {
            // Nobody waits for an answer that cannot come.
            self.list_paired();
            return true;
        };
        let data = InverterCommand::Poll.data(self.network);
        self.radio.send(
            Outgoing::To {
                address,
                cluster: REQUEST_CLUSTER,
                data,
            },
            now,
        );
        let patience = if inverter.is_relayed {
            ANSWER_RELAYED
        } else {
            ANSWER
        };
        self.job = Some(Job::Poll(serial, now.steady.saturating_add(patience)));
        true
    }

    /// What somebody wants, or the next one of a campaign.
    fn next_wish(&mut self, now: Moment) -> Option<Wish> {
        if let Some(wish) = self.wishes.pop_front() {
            return Some(wish);
        }
        let due = self.campaign?;
        if now.steady < due
            || self.state != RadioState::Ready
            || !self.schedule.time_of_day(now).is_open
        {
            return None;
        }
        let missing: Vec<InverterSerial> = self.missing().collect();
        let Some(first) = missing.first() else {
            self.end_campaign();
            self.sum_up(now);
            return None;
        };
        let next = missing.iter().find(|serial| Some(**serial) > self.tried);
        let next = *next.unwrap_or(first);
        self.tried = Some(next);
        Some(Wish::Pair(next))
    }

    fn missing(&self) -> impl Iterator<Item = InverterSerial> {
        let missing = self.inverters.values();
        missing
            .filter(|it| it.remembered.address.is_none())
            .map(|it| it.serial)
    }

    fn end_campaign(&mut self) {
        self.campaign = None;
        self.memory.put(IS_CAMPAIGN, &false);
    }

    fn go_on_pairing(&mut self, mut pairing: Box<Pairing>, now: Moment) -> bool {
        let round = pairing.round();
        match pairing.step(now) {
            PairingStep::Restart => self.radio.restart(now),
            PairingStep::Send(message) => self.radio.send(message, now),
            PairingStep::Settle => self.radio.settle(now),
            PairingStep::Wait(_) => {
                self.job = Some(Job::Pair(pairing));
                return false;
            }
            PairingStep::Done(result) => {
                self.end_pairing(pairing.serial(), result, now);
                return true;
            }
        }
        if pairing.round() != round {
            self.say(pairing.serial(), health::pairing(pairing.round()));
        }
        self.job = Some(Job::Pair(pairing));
        true
    }

    /// A pairing is over, whatever came of it.
    fn end_pairing(
        &mut self,
        serial: InverterSerial,
        result: Result<ShortAddress, PairingFailure>,
        now: Moment,
    ) {
        // It has been made ready for inverters already, unless it got stuck before.
        if result == Err(PairingFailure::NoStick) {
            self.radio.settle(now);
        }
        self.schedule.set_pairing(false, now);
        if self.campaign.is_some() {
            self.campaign = Some(now.steady.saturating_add(CAMPAIGN));
        }
        match result {
            Ok(address) => {
                tracing::info!("{serial} is paired, its address is {address}");
                self.find_at(serial, address);
                self.list_paired();
                self.save();
                self.say_usual(serial);
            }
            Err(failure) => {
                tracing::warn!(
                    "{serial} is not paired: {}. {}",
                    failure.words(),
                    failure.advice()
                );
                let inverter = self.inverters.get(&serial);
                if inverter.is_some_and(|it| it.remembered.address.is_some()) {
                    self.say_usual(serial);
                } else {
                    self.say(serial, failure.health());
                }
            }
        }
        self.sum_up(now);
    }

    fn go_on_telling(&mut self, mut telling: Box<Telling>, id: Option<u64>, now: Moment) -> bool {
        match telling.step(now) {
            TellingStep::Send(message) => {
                self.radio.send(message, now);
                self.job = Some(Job::Tell(telling, id));
                true
            }
            TellingStep::Wait(_) => {
                self.job = Some(Job::Tell(telling, id));
                false
            }
            TellingStep::Done(result) => {
                let serial = telling.serial();
                if let Err(why) = &result {
                    tracing::warn!(
                        "{serial} has not done what it was told: {why}. Try again, with more sun perhaps."
                    );
                }
                self.told(&telling, result.is_ok());
                self.answer(id, result);
                true
            }
        }
    }

    /// The limit that an inverter had is remembered before another one is written.
    fn keep_original(&mut self, serial: InverterSerial, wanted: Wanted, before: Option<LimitCode>) {
        let Some(inverter) = self.inverters.get_mut(&serial) else {
            return;
        };
        let original = &mut inverter.remembered.original_limit;
        if matches!(wanted, Wanted::Limit(_)) && original.is_none() && before.is_some() {
            *original = before;
            self.describe(serial);
            self.save();
        }
    }

    /// Remembers what an inverter was told.
    fn told(&mut self, telling: &Telling, is_done: bool) {
        let serial = telling.serial();
        let Some(inverter) = self.inverters.get_mut(&serial) else {
            return;
        };
        inverter.limit = telling.read().or(inverter.limit);
        let remembered = &mut inverter.remembered;
        let had_original = remembered.original_limit.is_some();
        match telling.wanted() {
            Wanted::Limit(watts) if is_done => remembered.wanted_limit = Some(watts),
            Wanted::ReadLimit if is_done => {
                let is_kept = |watts: u16| {
                    let read = telling.read().map(|it| it.watts().rounded(0));
                    let wanted = Decimal::integer(watts.into());
                    read.is_some_and(|read| read.distance(wanted) <= Decimal::integer(2))
                };
                if let Some(watts) = remembered.wanted_limit.filter(|watts| !is_kept(*watts)) {
                    if self.config.keep_limit {
                        tracing::info!(
                            "{serial} has forgotten its limit of {watts} W; it is set again"
                        );
                        self.wishes
                            .push_back(Wish::Tell(serial, Wanted::Limit(watts), None));
                    } else {
                        tracing::warn!(
                            "{serial} has forgotten its limit of {watts} W. Set it again, or write keep_limit = true for \
                             that to be done by itself."
                        );
                        remembered.wanted_limit = None;
                    }
                }
            }
            Wanted::Restore(_) if is_done => {
                (remembered.original_limit, remembered.wanted_limit) = (None, None);
            }
            _ => {}
        }
        if remembered.original_limit.is_some() != had_original {
            self.describe(serial);
        }
        self.save();
    }

    fn answer(&mut self, id: Option<u64>, result: Result<Value, String>) {
        if let Some(id) = id {
            self.out.push(Output::Answer(id, result));
        }
    }

    /// Somebody wants something.
    fn command(&mut self, id: u64, command: &Command, now: Moment) {
        if self.wishes.len() >= MOST_WISHES {
            return self.refuse(id, "there is too much to do before; try again in a minute");
        }
        if self.config.listen_only {
            return self.refuse(id, "nothing is ever sent with listen_only = true");
        }
        if command.device == self.id() {
            return self.command_of_stick(id, command, now);
        }
        let Some(inverter) = self.inverters.values().find(|it| it.id() == command.device) else {
            return self.refuse(id, "there is no such inverter any more");
        };
        let serial = inverter.serial;
        let wanted = match (command.key.as_str(), &command.value) {
            (key::PAIR, _) => {
                let is_there = self.wishes.contains(&Wish::Pair(serial))
                    || matches!(&self.job, Some(Job::Pair(pairing)) if pairing.serial() == serial);
                if !is_there {
                    self.wishes.push_back(Wish::Pair(serial));
                }
                // It takes longer than anybody waits; its status tells how it goes.
                return self.out.push(Output::Answer(id, Ok(Value::Unknown)));
            }
            (key::LIMIT, value) => watts(value).map(Wanted::Limit),
            (key::RESTORE, _) => inverter.remembered.original_limit.map(Wanted::Restore),
            (key::ON, _) => Some(Wanted::On(true)),
            (key::OFF, _) => Some(Wanted::On(false)),
            _ => None,
        };
        match wanted {
            Some(wanted) => self.want(serial, wanted, Some(id)),
            None => self.refuse(id, "an inverter cannot be told that"),
        }
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

    fn refuse(&mut self, id: u64, why: &str) {
        self.out.push(Output::Answer(id, Err(why.to_owned())));
    }

    fn command_of_stick(&mut self, id: u64, command: &Command, now: Moment) {
        match (command.key.as_str(), &command.value) {
            (key::CAMPAIGN, Value::OnOff(is_on)) => {
                self.campaign = is_on.then_some(now.steady);
                self.memory.put(IS_CAMPAIGN, is_on);
                self.sum_up(now);
                self.answer(Some(id), Ok(Value::OnOff(*is_on)));
            }
            (key::FLEET_LIMIT, value) => {
                let Some(all) = value
                    .as_number()
                    .and_then(|it| u32::try_from(it.rounded(0).mantissa()).ok())
                else {
                    return self.answer(Some(id), Err("that is no number of watts".to_owned()));
                };
                let can = self.inverters.values();
                let can = can.filter(|it| it.model().is_some_and(|it| !it.limits.is_empty()));
                let nameplates = can.map(ZigbeeInverter::nameplate).sum();
                let share = |inverter: &ZigbeeInverter| {
                    let model = inverter.model().filter(|it| !it.limits.is_empty())?;
                    let (nameplate, inputs) = (inverter.nameplate(), usize::from(model.inputs));
                    let watts = control::share(all, nameplate, nameplates, inputs);
                    Some((inverter.serial, Wanted::Limit(watts)))
                };
                let shares: Vec<_> = self.inverters.values().filter_map(share).collect();
                for (serial, limit) in shares {
                    self.want(serial, limit, None);
                }
                self.answer(Some(id), Ok(value.clone()));
            }
            _ => self.answer(Some(id), Err("the stick cannot be told that".to_owned())),
        }
    }

    /// Night and day.
    fn look_at_the_time(&mut self, now: Moment) {
        for inverter in self.inverters.values_mut() {
            inverter.remembered.energy.watch(now);
        }
        if self.config.listen_only {
            self.look_for_unheard(now);
        }
        if self.is_deaf && !self.schedule.time_of_day(now).is_day {
            self.hear_again();
        }
        let is_night = !self.config.listen_only && !self.schedule.is_window_open(now);
        let has_turned = std::mem::replace(&mut self.is_night, is_night) != is_night;
        let today = now.wall.to_zoned(self.zone.clone()).date();
        let is_new_day = self.day.replace(today).is_some_and(|day| day < today);
        if !has_turned && !is_new_day {
            return;
        }
        let serials: Vec<InverterSerial> = self.inverters.keys().copied().collect();
        for serial in serials {
            let Some(inverter) = self.inverters.get_mut(&serial) else {
                continue;
            };
            let is_known = inverter.heard.is_some();
            if has_turned && is_night && is_known && !inverter.is_asleep {
                inverter.is_asleep = true;
                inverter.power = None;
                let asleep = inverter.asleep(now.wall);
                self.out.report([Report::Readings(asleep)]);
            }
            if is_new_day
                && is_known
                && let Some(inverter) = self.inverters.get(&serial)
            {
                let energies = inverter.energies(&self.zone, now);
                self.out.report([Report::Readings(energies)]);
            }
            if has_turned {
                self.say_usual(serial);
            }
        }
        self.sum_up(now);
        self.save();
    }

    /// Who is only listened to, and says nothing any more.
    fn look_for_unheard(&mut self, now: Moment) {
        let is_unheard = |it: &&ZigbeeInverter| {
            !it.is_asleep && it.heard.is_some_and(|heard| now.since(heard) >= UNHEARD)
        };
        let unheard = self.inverters.values().filter(is_unheard);
        let unheard: Vec<InverterSerial> = unheard.map(|it| it.serial).collect();
        let is_day = !unheard.is_empty() && self.schedule.time_of_day(now).is_day;
        for serial in unheard {
            self.darken(serial, now);
            if is_day {
                self.say(serial, health::unheard());
            }
        }
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
        let job = match &self.job {
            Some(Job::Poll(_, until)) => Some(*until),
            Some(Job::Pair(pairing)) => Some(pairing.due()),
            Some(Job::Tell(telling, _)) => Some(telling.due()),
            None => None,
        };
        let turn = self.turn.filter(|_| self.job.is_none());
        let saved = self.unsaved.map(|since| since.saturating_add(SAVE));
        let campaign = self.campaign.filter(|at| *at > now.steady);
        let heard = self.inverters.values();
        let heard = heard.filter(|it| self.config.listen_only && !it.is_asleep);
        let unheard = heard.filter_map(|it| Some(it.heard?.saturating_add(UNHEARD)));
        let all = [
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
    }
}

/// Whole watts of a command.
fn watts(value: &Value) -> Option<u16> {
    u16::try_from(value.as_number()?.rounded(0).mantissa()).ok()
}

impl Protocol for StickConversation {
    fn settings(&self) -> SerialSettings {
        SerialSettings {
            baud: 115_200,
            parity: Parity::None,
        }
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
                self.list_paired();
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
