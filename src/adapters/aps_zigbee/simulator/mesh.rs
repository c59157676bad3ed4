//! The inverters on the air, and how messages come to them and back.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, civil};

use super::super::wire::ids::{EcuId, InverterSerial, ShortAddress};
use super::super::wire::payload::{
    ANSWER_CLUSTER, InverterCommand, PAIRED_CLUSTER, PairingRequest, pairing_answer,
};
use super::super::wire::znp::{AfForeign, AfIncoming, AfSend, ZnpMessage, ZnpStatus};
use super::inverter::SimInverter;
use super::kinds::ListedInverter;
use super::manners::{AirConditions, AirMishaps};
use super::pairing_ear::{PairingEar, PairingStep};
use crate::simulation::Sky;
use crate::simulation::noise::hash;

/// The light is taken as the same for so long.
const STEP: SignedDuration = SignedDuration::from_secs(30);
/// The endpoint of everything here.
pub const ENDPOINT: u8 = 0x14;
/// Messages that may take as many hops as this.
const RADIUS: u8 = 0x0f;
/// Who repeats what is said to everybody: so many.
const ECHOES: usize = 2;

/// What comes of a message, each after so long.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct AirReply {
    /// What becomes of it.
    pub confirm: Option<(Duration, ZnpStatus)>,
    /// What is heard then.
    pub heard: Vec<(Duration, ZnpMessage)>,
}

/// What an inverter has to do with this start of the stick.
#[derive(Debug, Clone, Copy, Default)]
struct Acquaintance {
    requests: u32,
    answers: u32,
}

/// The inverters on the air.
#[derive(Debug, Clone)]
pub struct Mesh {
    inverters: Vec<SimInverter>,
    zone: TimeZone,
    /// How far it is, and how far all inverters are.
    at: Timestamp,
    settled: Timestamp,
    conditions: AirConditions,
    ears: BTreeMap<InverterSerial, PairingEar>,
    known: BTreeMap<InverterSerial, Acquaintance>,
    thrown: u64,
    seed: u64,
    overheard: usize,
}

impl Mesh {
    /// These, as they are at a moment: those that are awake have been so since the morning. They are in the network of
    /// this gateway, if there is one.
    pub fn new(
        list: &[ListedInverter],
        gateway: Option<EcuId>,
        sky: Sky,
        zone: TimeZone,
        at: Timestamp,
        conditions: AirConditions,
    ) -> Self {
        let age = sky.age(at.to_zoned(zone.clone()).datetime());
        let begun = at - Duration::from_secs_f64(age.clamp(0.0, 86_400.0) + 600.0);
        let inverter = |listed: &ListedInverter| SimInverter::new(*listed, sky, gateway, begun);
        let mut mesh = Self {
            inverters: list.iter().map(inverter).collect(),
            zone,
            at: begun,
            settled: begun,
            conditions,
            ears: BTreeMap::new(),
            known: BTreeMap::new(),
            thrown: 0,
            seed: sky.seed(),
            overheard: 0,
        };
        mesh.give_addresses();
        mesh.advance(at, conditions);
        mesh.catch_up();
        for inverter in &mut mesh.inverters {
            inverter.count.forget_past();
        }
        mesh
    }

    /// No two have the same.
    fn give_addresses(&mut self) {
        let mut taken = Vec::new();
        for inverter in &mut self.inverters {
            while taken.contains(&inverter.address) {
                inverter.address = next_address(inverter.address);
            }
            taken.push(inverter.address);
        }
    }

    /// The local time at a moment.
    fn local(&self, at: Timestamp) -> civil::DateTime {
        at.to_zoned(self.zone.clone()).datetime()
    }

    /// Goes on until a moment. A way back counts nothing. Who is not asked anything may be behind by half a minute.
    pub fn advance(&mut self, to: Timestamp, conditions: AirConditions) {
        if conditions != self.conditions || to < self.at {
            self.catch_up();
        }
        self.conditions = conditions;
        self.at = to;
        if to < self.settled {
            self.settled = to;
            for inverter in &mut self.inverters {
                inverter.go_back(to);
            }
        } else if to.duration_since(self.settled) >= STEP {
            self.catch_up();
        }
    }

    /// All of them live until now.
    pub fn catch_up(&mut self) {
        for place in 0..self.inverters.len() {
            self.settle(place);
        }
        self.settled = self.at;
    }

    /// One of them lives until now.
    fn settle(&mut self, place: usize) {
        let offset = self.zone.to_offset(self.at);
        let (to, conditions) = (self.at, self.conditions);
        let Some(inverter) = self.inverters.get_mut(place) else {
            return;
        };
        while inverter.lived() < to {
            let from = inverter.lived();
            let next = (from + STEP).min(to);
            let local = offset.to_datetime(from + next.duration_since(from) / 2);
            inverter.live(next, local, &conditions);
        }
    }

    /// All of them, as they are now.
    pub fn inverters(&mut self) -> &[SimInverter] {
        self.catch_up();
        &self.inverters
    }

    /// One of them, as it is now.
    pub fn inverter(&mut self, serial: InverterSerial) -> Option<&mut SimInverter> {
        self.catch_up();
        let mut all = self.inverters.iter_mut();
        all.find(|inverter| inverter.serial == serial)
    }

    /// What they feed in at a moment, in W.
    pub fn power(&mut self, at: Timestamp) -> f64 {
        self.catch_up();
        let local = self.local(at);
        let all = self.inverters.iter();
        all.map(|it| it.power(local, &self.conditions)).sum()
    }

    /// How far it is.
    pub const fn at(&self) -> Timestamp {
        self.at
    }

    /// All that are awake start anew.
    pub fn restart_all(&mut self) {
        self.catch_up();
        let at = self.at;
        for inverter in &mut self.inverters {
            inverter.restart(at);
        }
    }

    /// The stick has started anew: it knows no way any more.
    pub fn forget_routes(&mut self) {
        self.known.clear();
    }

    /// Another gateway has taken it, or all: they are in its network, with other addresses.
    pub fn take_away(&mut self, serial: Option<InverterSerial>, by: EcuId) {
        for inverter in &mut self.inverters {
            if serial.is_none_or(|serial| serial == inverter.serial) {
                inverter.gateway = Some(by);
                inverter.address = next_address(inverter.address);
            }
        }
        self.give_addresses();
    }

    /// A number from 0 to 1 that looks random.
    fn throw(&mut self) -> f64 {
        self.thrown += 1;
        (hash(self.seed, self.thrown) >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn wait(&mut self, least: u64, more: u64) -> Duration {
        Duration::from_millis(least + (self.throw() * more as f64) as u64)
    }

    /// The one that has this address in this network and can be reached.
    fn reached(&self, network: [u8; 2], address: ShortAddress) -> Option<usize> {
        let is_it = |it: &SimInverter| it.address == address && is_member(it, network);
        let place = self.inverters.iter().position(is_it)?;
        let inverter = self.inverters.get(place)?;
        let mut relays = inverter.manners.relays.iter();
        let is_relaying = |place: &usize| {
            let relay = self.inverters.get(*place);
            relay.is_some_and(|relay| is_member(relay, network))
        };
        relays.all(is_relaying).then_some(place)
    }

    /// A message of the stick to a member of its network.
    pub fn send(&mut self, network: [u8; 2], message: &AfSend, mishaps: &AirMishaps) -> AirReply {
        let mut reply = AirReply::default();
        let mut all = self.inverters.iter();
        if let Some(meant) = all.position(|it| it.address == message.destination) {
            self.settle(meant);
        }
        let Some(place) = self.reached(network, message.destination) else {
            reply.confirm = Some((self.wait(900, 900), ZnpStatus::NoRoute));
            return reply;
        };
        if mishaps.has_no_route || mishaps.has_no_ack {
            let status = if mishaps.has_no_route {
                ZnpStatus::NoRoute
            } else {
                ZnpStatus::NoMacAcknowledgement
            };
            reply.confirm = Some((self.wait(900, 900), status));
            return reply;
        }
        let (at, conditions) = (self.at, self.conditions);
        let local = self.local(at);
        let Some(inverter) = self.inverters.get_mut(place) else {
            return reply;
        };
        let (serial, manners) = (inverter.serial, inverter.manners.clone());
        let known = self.known.entry(serial).or_default();
        known.requests += 1;
        let known = *known;
        let has_relays = !manners.relays.is_empty();
        if has_relays && known.requests == 1 {
            // The way has to be found first.
            reply.confirm = Some((self.wait(1400, 600), ZnpStatus::NoRoute));
            return reply;
        }
        let hops = manners.relays.len() as u64;
        let confirm = self.wait(100 + 150 * hops, 250);
        reply.confirm = Some((confirm, ZnpStatus::Success));
        let address = message.destination;
        if has_relays || self.throw() < 0.3 {
            let relays = self.relays(place);
            let route = ZnpMessage::Route {
                destination: address,
                relays,
            };
            reply.heard.push((confirm + self.wait(20, 60), route));
        }
        if mishaps.is_looped {
            let own = self.own_words(message.cluster, &message.data, ShortAddress::GATEWAY, 0);
            reply.heard.push((confirm + self.wait(10, 20), own));
        }
        let patience = conditions.patience.max(manners.patience);
        let answers_once = conditions.answers_once || manners.answers_once;
        let is_silent = known.requests <= patience + u32::from(has_relays && patience > 0)
            || answers_once && known.answers > 0;
        let Some(inverter) = self.inverters.get_mut(place) else {
            return reply;
        };
        let quality = inverter.quality(local);
        let is_long = inverter.kind.is_long();
        let delay = inverter.delay();
        let data = inverter.answer(&message.data, at, local, &conditions, mishaps);
        let is_lost = mishaps.is_lost || self.throw() < manners.loss;
        let is_lost = is_lost || is_silent || is_long && conditions.loses_long;
        let Some(data) = data.filter(|_| !is_lost) else {
            return reply;
        };
        if let Some(known) = self.known.get_mut(&serial) {
            known.answers += 1;
        }
        let heard = ZnpMessage::Incoming(AfIncoming {
            cluster: ANSWER_CLUSTER,
            source: address,
            lqi: quality,
            last_hop: self.relays(place).last().copied().unwrap_or(address),
            // In answers of two parts it means nothing.
            radius: if is_long && data.len() > 90 {
                (self.throw() * 256.0) as u8
            } else {
                RADIUS.saturating_sub(1 + manners.relays.len() as u8)
            },
            ..heard(data)
        });
        let after = confirm + delay + mishaps.late + self.wait(150 * hops, 700);
        if mishaps.is_repeated {
            reply
                .heard
                .push((after + self.wait(150, 300), heard.clone()));
        }
        reply.heard.push((after, heard));
        reply
    }

    /// A message of the stick to all members of its network.
    pub fn send_all(&mut self, network: [u8; 2], message: &AfSend) -> AirReply {
        self.catch_up();
        let command = InverterCommand::read(&message.data);
        let mishaps = AirMishaps::default();
        for inverter in self
            .inverters
            .iter_mut()
            .filter(|it| is_member(it, network))
        {
            if let (Ok((_, command)), Some(gateway)) = (&command, inverter.gateway)
                && message.data.starts_with(&gateway.reversed())
                && command.is_for_all()
            {
                inverter.do_as_told(*command, &mishaps);
            }
        }
        AirReply {
            confirm: Some((self.wait(300, 500), ZnpStatus::Success)),
            heard: Vec::new(),
        }
    }

    /// A message of the stick to all that hear it, in whatever network.
    pub fn send_foreign(&mut self, message: &AfForeign) -> AirReply {
        let mut reply = AirReply::default();
        self.catch_up();
        if self.throw() < 0.4 {
            reply.confirm = Some((self.wait(200, 400), ZnpStatus::Success));
        }
        let conditions = self.conditions;
        let local = self.local(self.at);
        if !conditions.has_no_echo {
            let awake = self.inverters.iter().filter(|it| it.is_awake());
            let near: Vec<_> = awake
                .filter(|it| it.manners.is_in_reach)
                .map(|it| (it.address, it.quality(local)))
                .collect();
            let first = (self.throw() * near.len() as f64) as usize;
            let order = near.iter().cycle().skip(first);
            for (through, quality) in order.take(near.len().min(ECHOES)) {
                let echo = self.own_words(message.cluster, &message.data, *through, *quality);
                reply.heard.push((self.wait(60, 200), echo));
            }
        }
        let Some(request) = PairingRequest::read(message.cluster, &message.data) else {
            return reply;
        };
        let wanted = match request {
            PairingRequest::Prime(serial, _)
            | PairingRequest::Ask(serial)
            | PairingRequest::Move(serial, _) => Some(serial),
            PairingRequest::Stay(_) => None,
        };
        for place in 0..self.inverters.len() {
            let Some(inverter) = self.inverters.get_mut(place) else {
                break;
            };
            if !inverter.is_awake() || !inverter.manners.is_in_reach {
                continue;
            }
            if conditions.pairs_restarted && inverter.count.starts() < 2 {
                continue;
            }
            let is_meant = wanted == Some(inverter.serial);
            let ear = self.ears.entry(inverter.serial).or_default();
            let step = ear.hear(request, is_meant);
            if let PairingStep::Joined(gateway) = step {
                inverter.gateway = Some(gateway);
                continue;
            }
            let is_of_others = conditions.pairs_others || inverter.manners.answers_for_others;
            let answers = match step {
                _ if conditions.pairs_never => false,
                // Something in it hangs since it got its power.
                PairingStep::Asked => answers_ask(inverter, &conditions),
                PairingStep::Moved => answers_move(inverter, &conditions),
                PairingStep::NotMeant => {
                    wanted.is_some()
                        && is_of_others
                        && !matches!(request, PairingRequest::Prime(..))
                }
                PairingStep::Listens | PairingStep::Joined(_) => false,
            };
            let from = inverter.manners.from_round.max(conditions.pairs_from);
            if !answers || is_meant && ear.rounds < from {
                continue;
            }
            let usual = if inverter.kind.is_long() { 0x1a } else { 0xff };
            let second = inverter.manners.second.unwrap_or(usual);
            let (address, quality) = (inverter.address, inverter.quality(local));
            let data = pairing_answer(inverter.serial, second);
            let after = self.wait(300, 500);
            let route = ZnpMessage::Route {
                destination: address,
                relays: Vec::new(),
            };
            let answer = ZnpMessage::Incoming(AfIncoming {
                cluster: PAIRED_CLUSTER,
                source: address,
                lqi: quality,
                last_hop: address,
                ..heard(data)
            });
            reply.heard.push((after, route));
            reply
                .heard
                .push((after + Duration::from_millis(15), answer));
        }
        reply
    }

    /// What one of them answers to another gateway in the same network, one after the other; `None` if all sleep.
    pub fn overhear(&mut self, network: [u8; 2]) -> Option<ZnpMessage> {
        self.catch_up();
        let local = self.local(self.at);
        let conditions = self.conditions;
        let all = self.inverters.iter();
        let members: Vec<_> = all.filter(|it| is_member(it, network)).collect();
        let inverter = members.get(self.overheard % members.len().max(1))?;
        self.overheard += 1;
        let data = inverter.telemetry(self.at, local, &conditions)?.data();
        Some(ZnpMessage::Incoming(AfIncoming {
            cluster: ANSWER_CLUSTER,
            source: inverter.address,
            lqi: inverter.quality(local),
            last_hop: inverter.address,
            ..heard(data)
        }))
    }

    fn relays(&self, place: usize) -> Vec<ShortAddress> {
        let inverter = self.inverters.get(place);
        let relays = inverter.map(|it| it.manners.relays.iter());
        let address = |place: &usize| Some(self.inverters.get(*place)?.address);
        relays.into_iter().flatten().filter_map(address).collect()
    }

    /// Our own message, said again by somebody.
    fn own_words(
        &self,
        cluster: u16,
        data: &[u8],
        through: ShortAddress,
        quality: u8,
    ) -> ZnpMessage {
        let is_unicast = through == ShortAddress::GATEWAY;
        ZnpMessage::Incoming(AfIncoming {
            cluster,
            source: ShortAddress::GATEWAY,
            broadcast: u8::from(!is_unicast),
            lqi: if is_unicast { 0xff } else { quality },
            last_hop: through,
            radius: if is_unicast { 0 } else { 0x0d },
            ..heard(data.to_vec())
        })
    }
}

/// A message without anything but what is in it.
const fn heard(data: Vec<u8>) -> AfIncoming {
    AfIncoming {
        group: 0,
        cluster: 0,
        source: ShortAddress::GATEWAY,
        source_endpoint: ENDPOINT,
        destination_endpoint: ENDPOINT,
        broadcast: 0,
        lqi: 0,
        security: 0,
        // The stick knows both.
        timestamp: 0,
        sequence: 0,
        data,
        last_hop: ShortAddress::GATEWAY,
        radius: RADIUS - 1,
    }
}

fn is_member(inverter: &SimInverter, network: [u8; 2]) -> bool {
    let own = inverter.gateway.map(EcuId::network);
    inverter.is_awake() && own == Some(network)
}

/// Those of the older kinds answer when they are told to move, the newer ones when they are asked.
fn answers_ask(inverter: &SimInverter, conditions: &AirConditions) -> bool {
    let usual = inverter.kind.is_long();
    match (conditions.pairs_on_ask, conditions.pairs_on_move) {
        (false, false) => inverter.manners.answers_ask.unwrap_or(usual),
        (on_ask, _) => on_ask,
    }
}

fn answers_move(inverter: &SimInverter, conditions: &AirConditions) -> bool {
    let usual = !inverter.kind.is_long();
    match (conditions.pairs_on_ask, conditions.pairs_on_move) {
        (false, false) => inverter.manners.answers_move.unwrap_or(usual),
        (_, on_move) => on_move,
    }
}

const fn next_address(address: ShortAddress) -> ShortAddress {
    ShortAddress(address.0.wrapping_add(0x0107) % 0xfff0 + 1)
}
