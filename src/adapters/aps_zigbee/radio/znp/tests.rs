//! The radio against a scripted stick, and against anything.

use std::time::Duration;

use jiff::Timestamp;
use proptest::prelude::*;

use super::super::super::wire::ids::{EcuId, ShortAddress};
use super::super::super::wire::znp::{
    AfIncoming, CoordinatorState, DeviceInfo, ResetIndication, ZnpFrame, ZnpMessage, ZnpRequest,
    ZnpScanned, ZnpScanner, ZnpStatus,
};
use super::super::{
    Outgoing, Radio, RadioInput, RadioNotice, RadioOutput, RadioState, RadioTrouble, SendTrouble,
    StartStep, StickFirmware,
};
use super::ZnpRadio;
use crate::clock::Moment;

const ID: &str = "A1B2C3D4E5F6";
const INVERTER: ShortAddress = ShortAddress(0x1a2b);

fn moment(steady: Duration) -> Moment {
    Moment {
        wall: Timestamp::UNIX_EPOCH,
        steady,
    }
}

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn ieee() -> [u8; 8] {
    [0xff, 0xff, 0xf6, 0xe5, 0xd4, 0xc3, 0xb2, 0xa1]
}

fn running() -> DeviceInfo {
    DeviceInfo {
        status: ZnpStatus::Success,
        ieee: ieee(),
        address: ShortAddress::GATEWAY,
        kind: 7,
        state: CoordinatorState::Running,
        children: Vec::new(),
    }
}

fn reset_of(product: u8) -> ZnpMessage {
    ZnpMessage::Reset(ResetIndication {
        reason: 2,
        transport: 2,
        product,
        major: 2,
        minor: 7,
        hardware: 2,
    })
}

fn to(address: ShortAddress) -> Outgoing {
    Outgoing::To {
        address,
        cluster: 6,
        data: vec![1, 2, 3],
    }
}

fn unjoined() -> Outgoing {
    Outgoing::Unjoined {
        cluster: 0x020d,
        transaction: 0,
        data: vec![4; 17],
    }
}

fn incoming(source: u16, last_hop: u16) -> ZnpMessage {
    ZnpMessage::Incoming(AfIncoming {
        group: 0,
        cluster: 0x0106,
        source: ShortAddress(source),
        source_endpoint: 0x14,
        destination_endpoint: 0x14,
        broadcast: u8::from(source == 0),
        lqi: 90,
        security: 0,
        timestamp: 1,
        sequence: 0,
        data: vec![9; 30],
        last_hop: ShortAddress(last_hop),
        radius: 0x0e,
    })
}

/// What a stick does with a request: says these, each after so long.
type Script = Box<dyn FnMut(&ZnpRequest, Duration) -> Vec<(Duration, Vec<u8>)>>;

fn at_once(messages: &[ZnpMessage]) -> Vec<(Duration, Vec<u8>)> {
    let delay = Duration::from_millis(10);
    let bytes = |message: &ZnpMessage| (delay, message.encode().unwrap());
    messages.iter().map(bytes).collect()
}

/// A stick as it should be, once it was told what its network is.
#[derive(Default)]
struct Good {
    ieee: [u8; 8],
    is_running: bool,
}

impl Good {
    fn answer(&mut self, request: &ZnpRequest) -> Vec<(Duration, Vec<u8>)> {
        let ok = ZnpStatus::Success;
        at_once(&match request {
            ZnpRequest::Ping => vec![ZnpMessage::Pong(0x0779)],
            ZnpRequest::Loopback(data) => vec![ZnpMessage::Loopback(data.clone())],
            ZnpRequest::Reset(_) => {
                self.is_running = false;
                vec![reset_of(2)]
            }
            ZnpRequest::WriteConfiguration { item, value } => {
                if *item == 1 {
                    self.ieee = value.clone().try_into().unwrap();
                }
                vec![ZnpMessage::Written(ok)]
            }
            ZnpRequest::Register(_) => vec![ZnpMessage::Registered(ok)],
            ZnpRequest::Start => {
                self.is_running = true;
                vec![
                    ZnpMessage::Starting,
                    ZnpMessage::State(CoordinatorState::Starting),
                    ZnpMessage::State(CoordinatorState::Running),
                ]
            }
            ZnpRequest::DeviceInfo | ZnpRequest::DeviceInfoByAnswer => {
                let state = match self.is_running {
                    true => CoordinatorState::Running,
                    false => CoordinatorState::Other(0),
                };
                vec![ZnpMessage::DeviceInfo(DeviceInfo {
                    ieee: self.ieee,
                    state,
                    ..running()
                })]
            }
            ZnpRequest::Send(_) => vec![
                ZnpMessage::Sending(ok),
                ZnpMessage::Confirm {
                    status: ok,
                    endpoint: 0x14,
                    transaction: 1,
                },
            ],
            ZnpRequest::SendForeign(_) => vec![ZnpMessage::SendingForeign(ok)],
            ZnpRequest::Version | ZnpRequest::Other { .. } => Vec::new(),
        })
    }
}

/// A radio, its stick, and the time.
struct Bench {
    radio: ZnpRadio,
    now: Duration,
    script: Script,
    /// What will come from the stick.
    coming: Vec<(Duration, Vec<u8>)>,
    requests: Vec<(Duration, ZnpRequest)>,
    notices: Vec<(Duration, RadioNotice)>,
    pulses: usize,
    reopened: Vec<Duration>,
    skips: usize,
}

impl Bench {
    fn new(
        script: impl FnMut(&ZnpRequest, Duration) -> Vec<(Duration, Vec<u8>)> + 'static,
    ) -> Self {
        let mut bench = Self {
            radio: ZnpRadio::new(ID.parse::<EcuId>().unwrap()),
            now: secs(100),
            script: Box::new(script),
            coming: Vec::new(),
            requests: Vec::new(),
            notices: Vec::new(),
            pulses: 0,
            reopened: Vec::new(),
            skips: 0,
        };
        bench.tell(RadioInput::Opened);
        bench
    }

    /// With a stick that has not been told anything yet.
    fn good() -> Self {
        let mut stick = Good::default();
        Self::new(move |request, _| stick.answer(request))
    }

    /// With a stick that does what it should, but for this.
    fn but(
        mut unlike: impl FnMut(&ZnpRequest, Duration) -> Option<Vec<(Duration, Vec<u8>)>> + 'static,
    ) -> Self {
        let mut stick = Good::default();
        Self::new(move |request, now| {
            let usual = stick.answer(request);
            unlike(request, now).unwrap_or(usual)
        })
    }

    fn tell(&mut self, happening: RadioInput<'_>) {
        self.radio.handle(happening, moment(self.now));
        self.settle();
    }

    /// Does what the radio wants until it waits; when it wants to wake.
    fn settle(&mut self) -> Duration {
        for _ in 0..1000 {
            match self.radio.poll() {
                RadioOutput::Wait(until) => return until,
                RadioOutput::Send(bytes) => self.take(&bytes),
                RadioOutput::Reset => self.pulses += 1,
                RadioOutput::Noticed(notice) => self.notices.push((self.now, notice)),
                RadioOutput::Reopen => {
                    self.reopened.push(self.now);
                    self.coming.clear();
                    self.radio.handle(RadioInput::Closed, moment(self.now));
                    self.radio.handle(RadioInput::Opened, moment(self.now));
                }
            }
        }
        panic!("it never waits");
    }

    fn take(&mut self, bytes: &[u8]) {
        if bytes.iter().all(|byte| *byte == 0xef) {
            self.skips += 1;
            return;
        }
        let request = ZnpRequest::decode(ZnpFrame::exactly(bytes).unwrap());
        let answers = (self.script)(&request, self.now);
        let at = |(delay, bytes)| (self.now + delay, bytes);
        self.coming.extend(answers.into_iter().map(at));
        self.coming.sort_by_key(|(at, _)| *at);
        self.requests.push((self.now, request));
    }

    /// Lets time pass up to here.
    fn until(&mut self, end: Duration) {
        for _ in 0..100_000 {
            let wake = self.settle();
            let next = self.coming.first().map_or(Duration::MAX, |(at, _)| *at);
            if wake.min(next) > end {
                self.now = end;
                return;
            }
            if next <= wake {
                let (at, bytes) = self.coming.remove(0);
                self.now = self.now.max(at);
                self.tell(RadioInput::Bytes(&bytes));
            } else {
                self.now = self.now.max(wake);
                self.tell(RadioInput::Time);
            }
        }
        panic!("time does not go on");
    }

    fn pass(&mut self, time: Duration) {
        self.until(self.now + time);
    }

    fn say(&mut self, message: &ZnpMessage) {
        self.tell(RadioInput::Bytes(&message.encode().unwrap()));
    }

    fn send(&mut self, message: Outgoing) {
        self.radio.send(message, moment(self.now));
        self.settle();
    }

    fn state(&self) -> RadioState {
        self.radio.told.clone()
    }

    fn is_ready(&self) -> bool {
        self.state() == RadioState::Ready
    }

    fn troubles(&self) -> Vec<RadioTrouble> {
        let trouble = |notice: &(Duration, RadioNotice)| match &notice.1 {
            RadioNotice::State(RadioState::Trouble(trouble)) => Some(trouble.clone()),
            _ => None,
        };
        self.notices.iter().filter_map(trouble).collect()
    }

    fn outcomes(&mut self) -> Vec<Result<(), SendTrouble>> {
        let outcome = |notice: &(Duration, RadioNotice)| match notice.1 {
            RadioNotice::Done(outcome) => Some(outcome),
            _ => None,
        };
        self.notices.iter().filter_map(outcome).collect()
    }

    fn count(&self, is_wanted: impl Fn(&ZnpRequest) -> bool) -> usize {
        let all = self.requests.iter();
        all.filter(|(_, request)| is_wanted(request)).count()
    }

    fn resets(&self) -> usize {
        self.count(|request| matches!(request, ZnpRequest::Reset(_)))
    }

    /// In order, without what was asked.
    fn names(&self) -> Vec<String> {
        let name = |(_, request): &(Duration, ZnpRequest)| match request {
            ZnpRequest::WriteConfiguration { item, .. } => format!("Write {item:02X}"),
            ZnpRequest::Send(send) => format!("Send {}", send.destination),
            request => {
                let words = format!("{request:?}");
                let end = words.find(['(', ' ']).unwrap_or(words.len());
                words[..end].to_owned()
            }
        };
        self.requests.iter().map(name).collect()
    }
}

#[test]
fn a_new_stick_is_brought_up() {
    let mut bench = Bench::good();
    bench.pass(secs(10));
    assert!(bench.is_ready(), "{:?}", bench.state());
    let expected = [
        "Ping",
        "Version",
        "DeviceInfo",
        "Reset",
        "Write 03",
        "Reset",
        "Write 01",
        "Write 87",
        "Write 83",
        "Write 84",
        "Register",
        "Start",
        "DeviceInfo",
        "Send 0xFFFF",
        "DeviceInfo",
    ];
    assert_eq!(bench.names(), expected);
    assert!(bench.troubles().is_empty());
    let value = |wanted: u8| {
        let value = |(_, request): &(Duration, ZnpRequest)| match request {
            ZnpRequest::WriteConfiguration { item, value } if *item == wanted => {
                Some(value.clone())
            }
            _ => None,
        };
        bench.requests.iter().find_map(value).unwrap()
    };
    assert_eq!(value(1), ieee());
    assert_eq!(value(0x83), [0xa1, 0xb2]);
    assert_eq!(value(0x84), [0, 0, 1, 0]);
    let identified = bench.notices.iter().find_map(|(_, notice)| match notice {
        RadioNotice::Identified(identity) => Some(identity.firmware()),
        _ => None,
    });
    assert_eq!(identified, Some(StickFirmware::Modified));
}

#[test]
fn one_that_runs_already_keeps_its_routes() {
    let mut stick = Good {
        ieee: ieee(),
        is_running: true,
    };
    let mut bench = Bench::new(move |request, _| stick.answer(request));
    bench.pass(secs(5));
    assert!(bench.is_ready());
    assert_eq!(bench.resets(), 0);
    let registered = bench.count(|request| matches!(request, ZnpRequest::Register(_)));
    assert_eq!(registered, 1);
}

#[test]
fn an_endpoint_that_is_registered_already_is_no_trouble() {
    let mut bench = Bench::but(|request, _| {
        let known = ZnpMessage::Registered(ZnpStatus::AlreadyRegistered);
        matches!(request, ZnpRequest::Register(_)).then(|| at_once(&[known]))
    });
    bench.pass(secs(10));
    assert!(bench.is_ready());
}

#[test]
fn nothing_is_sent_between_a_reset_and_its_indication() {
    // The first of four is swallowed, the second takes nearly five seconds.
    let mut resets = 0;
    let mut bench = Bench::but(move |request, _| {
        if *request != ZnpRequest::Reset(0) {
            return None;
        }
        resets += 1;
        Some(match resets {
            1 => Vec::new(),
            2 => vec![(Duration::from_millis(4900), reset_of(2).encode().unwrap())],
            _ => at_once(&[reset_of(2)]),
        })
    });
    bench.pass(secs(30));
    assert!(bench.is_ready());
    let first = bench
        .names()
        .iter()
        .position(|name| name == "Reset")
        .unwrap();
    let times: Vec<Duration> = bench.requests[first..first + 3]
        .iter()
        .map(|it| it.0)
        .collect();
    assert_eq!(
        &bench.names()[first..first + 3],
        ["Reset", "Reset", "Write 03"]
    );
    assert_eq!(times[1] - times[0], secs(5));
    assert_eq!(times[2] - times[1], Duration::from_millis(4900));
    assert_eq!(bench.resets(), 3);
}

#[test]
fn a_lost_write_is_written_again_and_a_refused_one_is_not_passed_over() {
    let mut addresses = 0;
    let mut bench = Bench::but(move |request, _| {
        let is_address = matches!(request, ZnpRequest::WriteConfiguration { item: 1, .. });
        addresses += u32::from(is_address);
        (is_address && addresses < 3).then(Vec::new)
    });
    bench.pass(secs(15));
    assert!(bench.is_ready());
    let names = bench.names();
    assert_eq!(names.iter().filter(|name| *name == "Write 01").count(), 3);
    let mut bench = Bench::but(|request, _| {
        let is_channel = matches!(request, ZnpRequest::WriteConfiguration { item: 0x84, .. });
        is_channel.then(|| at_once(&[ZnpMessage::Written(ZnpStatus::Failure)]))
    });
    bench.pass(secs(15));
    let expected = RadioTrouble::Refused {
        step: Some(StartStep::Configuring),
        status: ZnpStatus::Failure,
    };
    assert_eq!(bench.troubles(), [expected]);
}

#[test]
fn a_late_indication_of_an_earlier_reset_begins_the_writes_again() {
    let mut bench = Bench::but(|request, _| {
        let is_register = matches!(request, ZnpRequest::Register(_));
        is_register.then(Vec::new)
    });
    bench.pass(Duration::from_millis(1500));
    assert_eq!(bench.names().last().unwrap(), "Register");
    let before = bench.resets();
    bench.say(&reset_of(2));
    assert_eq!(bench.names().last().unwrap(), "Write 01");
    assert_eq!(bench.resets(), before);
}

#[test]
fn a_stick_that_restarts_again_and_again_has_a_weak_supply() {
    let mut bench = Bench::but(|request, _| {
        let is_start = *request == ZnpRequest::Start;
        is_start.then(|| at_once(&[reset_of(2)]))
    });
    bench.pass(secs(5));
    assert_eq!(bench.troubles(), [RadioTrouble::KeepsRestarting]);
    let asked = bench.requests.len();
    bench.pass(Duration::from_millis(100));
    assert_eq!(bench.requests.len(), asked);
}

#[test]
fn a_network_that_is_starting_is_waited_for() {
    let mut started = None;
    let mut bench = Bench::but(move |request, now| {
        if *request == ZnpRequest::Start {
            started = Some(now);
            let state = ZnpMessage::State(CoordinatorState::Starting);
            return Some(at_once(&[ZnpMessage::Starting, state]));
        }
        let is_young = started.is_some_and(|at| now < at + secs(20));
        (is_young && *request == ZnpRequest::DeviceInfo).then(|| {
            at_once(&[ZnpMessage::DeviceInfo(DeviceInfo {
                state: CoordinatorState::Starting,
                ..running()
            })])
        })
    });
    bench.pass(secs(20));
    assert_eq!(bench.state(), RadioState::Starting(StartStep::Network));
    bench.pass(secs(5));
    assert!(bench.is_ready());
    assert!(bench.troubles().is_empty());
    assert_eq!(bench.resets(), 2);
}

#[test]
fn a_network_that_never_comes_up_is_told() {
    let mut bench = Bench::but(|request, _| {
        (*request == ZnpRequest::DeviceInfo).then(|| {
            at_once(&[ZnpMessage::DeviceInfo(DeviceInfo {
                state: CoordinatorState::Starting,
                ..running()
            })])
        })
    });
    bench.pass(secs(160));
    let state = Some(CoordinatorState::Starting);
    assert_eq!(bench.troubles(), [RadioTrouble::NotRunning { state }]);
}

#[test]
fn an_address_that_is_not_kept_is_told() {
    for found in [[0; 8], [0xff, 0xff, 1, 2, 3, 4, 5, 6]] {
        let mut bench = Bench::but(move |request, _| {
            (*request == ZnpRequest::DeviceInfo).then(|| {
                at_once(&[ZnpMessage::DeviceInfo(DeviceInfo {
                    ieee: found,
                    ..running()
                })])
            })
        });
        bench.pass(secs(4));
        assert_eq!(bench.troubles(), [RadioTrouble::ForeignAddress { found }]);
        // Three times two.
        assert_eq!(bench.resets(), 6);
    }
}

#[test]
fn an_address_that_was_lost_while_it_worked_is_given_again() {
    let mut lost = true;
    let mut bench = Bench::but(move |request, now| {
        let is_lost = now > secs(200) && lost && *request == ZnpRequest::DeviceInfo;
        is_lost.then(|| {
            lost = false;
            at_once(&[ZnpMessage::DeviceInfo(DeviceInfo {
                ieee: [0; 8],
                ..running()
            })])
        })
    });
    bench.pass(secs(110));
    assert_eq!(bench.resets(), 2);
    bench.radio.check(moment(bench.now));
    bench.pass(secs(10));
    assert!(bench.is_ready());
    assert_eq!(bench.resets(), 4);
    assert!(bench.troubles().is_empty());
}

#[test]
fn wrong_firmwares_are_told_before_anything_is_written() {
    let stock = Bench::but(|request, _| {
        (*request == ZnpRequest::Ping).then(|| at_once(&[ZnpMessage::Pong(0x0179)]))
    });
    let of_reset = |product| {
        Bench::but(move |request, _| match request {
            ZnpRequest::Ping => Some(Vec::new()),
            ZnpRequest::Reset(_) => Some(at_once(&[reset_of(product)])),
            _ => None,
        })
    };
    let refusing = Bench::but(|request, _| {
        let is_write = matches!(request, ZnpRequest::WriteConfiguration { .. });
        let refused = ZnpMessage::Refused {
            reason: 2,
            command: 0x2605,
        };
        is_write.then(|| at_once(&[refused]))
    });
    let mute = Bench::but(|request, _| {
        matches!(request, ZnpRequest::WriteConfiguration { .. }).then(Vec::new)
    });
    for (mut bench, firmware, writes) in [
        (stock, StickFirmware::StockHome12, 0),
        (of_reset(0), StickFirmware::StockHome12, 0),
        (of_reset(1), StickFirmware::Cc26xx, 0),
        (refusing, StickFirmware::Stock30, 1),
        (mute, StickFirmware::Stock30, 3),
    ] {
        bench.pass(secs(20));
        let RadioState::Trouble(RadioTrouble::WrongFirmware(identity)) = bench.state() else {
            panic!("{firmware:?}: {:?}", bench.state());
        };
        assert_eq!(identity.firmware(), firmware);
        let is_write =
            |request: &ZnpRequest| matches!(request, ZnpRequest::WriteConfiguration { .. });
        assert_eq!(bench.count(is_write), writes, "{firmware:?}");
        // The trouble stays while it is tried again.
        bench.pass(secs(640));
        assert_eq!(bench.reopened.len(), 1);
        assert_eq!(bench.troubles().len(), 1, "{:?}", bench.troubles());
    }
}

#[test]
fn wiring_is_told_apart() {
    let silent = Bench::new(|_, _| Vec::new());
    let bridged =
        Bench::new(|request, _| vec![(Duration::from_millis(1), request.encode().unwrap())]);
    let noisy = Bench::new(|_, _| vec![(Duration::from_millis(1), vec![0x80, 0xfe, 0x00])]);
    for (mut bench, expected, after) in [
        (silent, RadioTrouble::NoByte, 165),
        // That needs no patience with a boot loader.
        (bridged, RadioTrouble::OwnBytes, 10),
        (noisy, RadioTrouble::Garbage { bytes: 0 }, 165),
    ] {
        bench.pass(secs(after));
        let found = match bench.troubles().first() {
            Some(RadioTrouble::Garbage { bytes }) if *bytes > 0 => {
                RadioTrouble::Garbage { bytes: 0 }
            }
            other => other.unwrap().clone(),
        };
        assert_eq!(found, expected);
        assert!(bench.count(|request| matches!(request, ZnpRequest::Loopback(_))) >= 1);
        assert!(bench.skips >= 1 && bench.pulses >= 1);
    }
}

#[test]
fn silence_is_tried_again_for_ever_with_longer_pauses() {
    let mut bench = Bench::new(|_, _| Vec::new());
    bench.pass(secs(4000));
    let pauses: Vec<u64> = bench
        .reopened
        .windows(2)
        .map(|two| (two[1] - two[0]).as_secs())
        .collect();
    assert!(
        bench.reopened[0] > secs(250) && bench.reopened[0] < secs(270),
        "{:?}",
        bench.reopened
    );
    // Each attempt takes some seconds.
    let expected = [36, 126, 606, 606];
    for (pause, expected) in pauses.iter().zip(expected) {
        assert!(pause.abs_diff(expected) <= 3, "{pauses:?}");
    }
    assert!(pauses.len() > 5);
    // Told once, not with each attempt.
    assert_eq!(bench.troubles(), [RadioTrouble::NoByte]);
    let states = bench
        .notices
        .iter()
        .filter(|(_, notice)| matches!(notice, RadioNotice::State(_)));
    assert_eq!(states.count(), 3);
}

#[test]
fn the_boot_loader_is_given_its_time() {
    let mut stick = Good::default();
    let mut bench = Bench::new(move |request, now| {
        if now < secs(100 + 120) {
            Vec::new()
        } else {
            stick.answer(request)
        }
    });
    bench.pass(secs(115));
    assert_eq!(bench.state(), RadioState::Starting(StartStep::BootLoader));
    bench.pass(secs(25));
    assert!(bench.is_ready());
    assert!(bench.troubles().is_empty());
}

#[test]
fn a_stick_that_says_it_has_started_is_not_kept_waiting() {
    let mut is_there = false;
    let mut stick = Good::default();
    let mut bench = Bench::new(move |request, now| {
        is_there |= now > secs(500);
        if is_there {
            stick.answer(request)
        } else {
            Vec::new()
        }
    });
    // It gets its power in the middle of a long pause.
    bench.until(secs(550));
    assert!(matches!(
        bench.state(),
        RadioState::Trouble(RadioTrouble::NoByte)
    ));
    bench.say(&reset_of(2));
    bench.pass(secs(15));
    assert!(bench.is_ready());
}

#[test]
fn a_message_is_taken_confirmed_and_answered() {
    let mut bench = Bench::good();
    bench.pass(secs(10));
    bench.send(to(INVERTER));
    bench.pass(secs(1));
    assert_eq!(bench.outcomes(), [Ok(())]);
    let relays = vec![ShortAddress(0x5566)];
    bench.say(&ZnpMessage::Route {
        destination: INVERTER,
        relays: relays.clone(),
    });
    bench.say(&incoming(INVERTER.0, 0x5566));
    let Some((_, RadioNotice::Received(received))) = bench.notices.last() else {
        panic!("{:?}", bench.notices);
    };
    assert_eq!((received.source, &received.relays), (INVERTER, &relays));
    assert_eq!((received.lqi, received.last_hop), (90, relays[0]));
}

#[test]
fn our_own_messages_that_come_back_are_no_answers() {
    let mut bench = Bench::good();
    bench.pass(secs(10));
    bench.notices.clear();
    bench.say(&incoming(0, 0));
    assert!(bench.notices.is_empty());
    bench.say(&incoming(0, 0x5566));
    assert!(matches!(
        &bench.notices[..],
        [(
            _,
            RadioNotice::Echo {
                through: ShortAddress(0x5566),
                ..
            }
        )]
    ));
}

#[test]
fn what_becomes_of_a_message_is_told() {
    for (status, expected) in [
        (0x00, Ok(())),
        (0xcd, Err(SendTrouble::NoRoute)),
        (0xe9, Err(SendTrouble::NoAck)),
        (0xf0, Err(SendTrouble::Expired)),
        (0xb7, Err(SendTrouble::Expired)),
        (0x11, Err(SendTrouble::Busy)),
        (0x77, Err(SendTrouble::Refused(ZnpStatus::Other(0x77)))),
    ] {
        let mut bench = Bench::but(move |request, _| {
            let is_ours = matches!(request, ZnpRequest::Send(send) if send.destination == INVERTER);
            let confirm = ZnpMessage::Confirm {
                status: status.into(),
                endpoint: 0x14,
                transaction: 0,
            };
            is_ours.then(|| at_once(&[ZnpMessage::Sending(ZnpStatus::Success), confirm]))
        });
        bench.pass(secs(10));
        bench.send(to(INVERTER));
        bench.pass(secs(1));
        assert_eq!(bench.outcomes(), [expected]);
        assert!(bench.is_ready());
    }
}

#[test]
fn a_confirmation_that_does_not_come_matters_for_one_inverter_only() {
    let mut bench = Bench::but(|request, _| {
        let is_send = matches!(request, ZnpRequest::Send(_));
        is_send.then(|| at_once(&[ZnpMessage::Sending(ZnpStatus::Success)]))
    });
    bench.pass(secs(10));
    assert!(bench.is_ready());
    bench.send(to(INVERTER));
    bench.pass(secs(3));
    let everybody = Outgoing::Everybody {
        cluster: 6,
        data: vec![1],
    };
    bench.send(everybody);
    bench.pass(secs(3));
    bench.send(unjoined());
    bench.pass(secs(1));
    assert_eq!(
        bench.outcomes(),
        [Err(SendTrouble::NoConfirm), Ok(()), Ok(())]
    );
}

#[test]
fn a_late_confirmation_is_not_that_of_the_next_message() {
    let mut bench = Bench::but(|request, _| {
        let is_ours = matches!(request, ZnpRequest::Send(send) if send.destination == INVERTER);
        is_ours.then(Vec::new)
    });
    bench.pass(secs(10));
    bench.send(unjoined());
    bench.pass(Duration::from_millis(500));
    bench.send(to(INVERTER));
    let (endpoint, transaction) = (0x14, 0);
    for status in [ZnpStatus::NoRoute, ZnpStatus::NoMacAcknowledgement] {
        bench.say(&ZnpMessage::Confirm {
            status,
            endpoint,
            transaction,
        });
    }
    bench.say(&ZnpMessage::Sending(ZnpStatus::Success));
    assert_eq!(bench.outcomes(), [Ok(()), Err(SendTrouble::NoAck)]);
}

#[test]
fn a_stick_that_lost_its_power_is_brought_up_before_it_sends_again() {
    // It says that all is well, and refuses.
    let mut resets = 0;
    let mut stick = Good {
        ieee: ieee(),
        is_running: true,
    };
    let mut bench = Bench::new(move |request, _| {
        resets += u32::from(*request == ZnpRequest::Reset(0));
        let is_ours = matches!(request, ZnpRequest::Send(send) if send.destination == INVERTER);
        if is_ours && resets == 0 {
            at_once(&[ZnpMessage::Sending(ZnpStatus::InvalidParameter)])
        } else {
            stick.answer(request)
        }
    });
    bench.pass(secs(5));
    assert!(bench.is_ready());
    bench.send(to(INVERTER));
    bench.pass(secs(10));
    assert_eq!(bench.outcomes(), [Err(SendTrouble::NotReady)]);
    assert!(SendTrouble::NotReady.is_of_radio());
    assert!(bench.is_ready());
    bench.send(to(INVERTER));
    bench.pass(secs(1));
    assert_eq!(bench.outcomes().last(), Some(&Ok(())));
    assert!(bench.troubles().is_empty());
}

#[test]
fn a_stick_that_refuses_whatever_is_done_is_not_started_in_a_circle() {
    let mut bench = Bench::but(|request, _| {
        let is_ours = matches!(request, ZnpRequest::Send(send) if send.destination == INVERTER);
        is_ours.then(|| at_once(&[ZnpMessage::Sending(ZnpStatus::InvalidParameter)]))
    });
    bench.pass(secs(10));
    for _ in 0..3 {
        bench.send(to(INVERTER));
        bench.pass(secs(4));
    }
    let expected = RadioTrouble::Refused {
        step: None,
        status: ZnpStatus::InvalidParameter,
    };
    assert_eq!(bench.troubles(), [expected]);
}

#[test]
fn a_refused_message_to_others_wakes_the_stick_once() {
    let mut refusals = 1;
    let mut bench = Bench::but(move |request, _| {
        let is_refused = matches!(request, ZnpRequest::SendForeign(_)) && refusals > 0;
        is_refused.then(|| {
            refusals -= 1;
            at_once(&[ZnpMessage::SendingForeign(ZnpStatus::InvalidParameter)])
        })
    });
    bench.radio.restart(moment(bench.now));
    bench.pass(secs(10));
    assert!(bench.is_ready());
    // Nothing was announced: the round of pairing is to come.
    assert_eq!(
        bench.count(|request| matches!(request, ZnpRequest::Send(_))),
        0
    );
    bench.send(unjoined());
    bench.pass(secs(2));
    assert_eq!(bench.outcomes(), [Ok(())]);
    let names = bench.names();
    let last: Vec<&str> = names.iter().rev().take(3).map(String::as_str).collect();
    assert_eq!(last, ["SendForeign", "DeviceInfoByAnswer", "SendForeign"]);
    let times: Vec<Duration> = bench.requests.iter().rev().take(2).map(|it| it.0).collect();
    assert_eq!(times[0] - times[1], Duration::from_millis(1500));
    let resets = bench.resets();
    bench.radio.settle(moment(bench.now));
    bench.pass(secs(5));
    assert!(bench.is_ready());
    assert_eq!(bench.resets(), resets);
    let names = bench.names();
    let last: Vec<&str> = names.iter().rev().take(2).map(String::as_str).collect();
    assert_eq!(last, ["DeviceInfo", "Send 0xFFFF"]);
}

#[test]
fn a_message_that_was_refused_twice_starts_the_stick_anew_for_pairing() {
    let mut resets = 0;
    let mut bench = Bench::but(move |request, _| {
        resets += u32::from(*request == ZnpRequest::Reset(0));
        let is_refused = matches!(request, ZnpRequest::SendForeign(_)) && resets < 4;
        let refused = ZnpMessage::SendingForeign(ZnpStatus::InvalidParameter);
        is_refused.then(|| at_once(&[refused]))
    });
    bench.radio.restart(moment(bench.now));
    bench.pass(secs(10));
    bench.send(unjoined());
    bench.pass(secs(10));
    assert_eq!(bench.outcomes(), [Err(SendTrouble::NotReady)]);
    assert!(bench.is_ready());
    assert_eq!(
        bench.count(|request| matches!(request, ZnpRequest::Send(_))),
        0
    );
    bench.send(unjoined());
    bench.pass(secs(1));
    assert_eq!(bench.outcomes().last(), Some(&Ok(())));
}

#[test]
fn a_network_that_is_not_started_yet_is_waited_for() {
    let mut is_refused = true;
    let mut bench = Bench::but(move |request, _| {
        let is_foreign = matches!(request, ZnpRequest::SendForeign(_));
        (is_foreign && std::mem::take(&mut is_refused)).then(|| {
            let refused = ZnpMessage::SendingForeign(ZnpStatus::NotStarted);
            at_once(&[refused, ZnpMessage::State(CoordinatorState::Running)])
        })
    });
    bench.radio.restart(moment(bench.now));
    bench.pass(secs(10));
    let resets = bench.resets();
    bench.send(unjoined());
    bench.pass(secs(1));
    assert_eq!(bench.outcomes(), [Err(SendTrouble::NotReady)]);
    assert!(bench.is_ready());
    assert_eq!(bench.resets(), resets);
}

#[test]
fn a_stick_that_freezes_is_opened_anew_and_then_told_of() {
    let mut bench = Bench::but(|_, now| (now >= secs(200)).then(Vec::new));
    bench.pass(secs(110));
    bench.send(to(INVERTER));
    bench.pass(secs(4));
    assert_eq!(bench.outcomes(), [Err(SendTrouble::NoAnswer)]);
    assert_eq!(
        bench.count(
            |request| matches!(request, ZnpRequest::Send(send) if send.destination == INVERTER)
        ),
        3
    );
    assert_eq!(bench.reopened.len(), 1);
    bench.pass(secs(10));
    assert_eq!(bench.troubles(), [RadioTrouble::Stuck]);
    // And found frozen, even if nothing is to be sent.
    let mut bench = Bench::but(|_, now| (now >= secs(200)).then(Vec::new));
    bench.pass(secs(620));
    assert_eq!(bench.troubles(), [RadioTrouble::Stuck]);
}

#[test]
fn it_is_asked_how_it_is_every_ten_minutes_and_on_demand() {
    let mut bench = Bench::good();
    bench.pass(secs(10));
    let asked = |bench: &Bench| bench.count(|request| *request == ZnpRequest::DeviceInfo);
    let before = asked(&bench);
    bench.pass(secs(3600));
    assert_eq!(asked(&bench), before + 6);
    bench.notices.clear();
    bench.radio.check(moment(bench.now));
    // A message meanwhile waits for it.
    bench.send(to(INVERTER));
    bench.pass(secs(1));
    assert!(matches!(
        &bench.notices[..],
        [
            (_, RadioNotice::State(RadioState::Ready)),
            (_, RadioNotice::Done(Ok(())))
        ]
    ));
    bench.pass(secs(300));
    assert_eq!(bench.notices.len(), 2);
}

#[test]
fn a_stick_that_hears_nothing_is_opened_anew_then_started_anew_every_quarter_of_an_hour() {
    let mut bench = Bench::good();
    bench.pass(secs(10));
    let began = bench.now;
    let resets = bench.resets();
    for _ in 0..60 {
        bench.radio.deaf(moment(bench.now));
        bench.pass(secs(60));
    }
    assert_eq!(bench.reopened.len(), 4);
    assert_eq!(bench.reopened[0], began);
    assert_eq!(bench.resets(), resets + 3 * 2);
    assert_eq!(bench.pulses, 3);
    assert!(bench.troubles().iter().all(|it| *it == RadioTrouble::Deaf));
    assert!(bench.is_ready());
    // Once it has heard something, it begins with the gentle one again.
    bench.say(&incoming(INVERTER.0, INVERTER.0));
    bench.radio.deaf(moment(bench.now));
    bench.pass(secs(10));
    assert_eq!(bench.reopened.len(), 5);
    assert_eq!(bench.resets(), resets + 6);
}

#[test]
fn a_stick_that_restarts_by_itself_is_brought_up_again() {
    let mut bench = Bench::good();
    bench.pass(secs(10));
    let resets = bench.resets();
    bench.send(to(INVERTER));
    bench.say(&reset_of(2));
    bench.pass(secs(10));
    assert_eq!(bench.outcomes(), [Err(SendTrouble::NotReady)]);
    assert_eq!(bench.resets(), resets + 2);
    assert!(bench.is_ready());
}

#[test]
fn a_closed_port_ends_everything_and_an_open_one_begins_it() {
    let mut bench = Bench::good();
    bench.pass(secs(10));
    bench.send(to(INVERTER));
    bench.coming.clear();
    bench.tell(RadioInput::Closed);
    assert_eq!(bench.outcomes(), [Err(SendTrouble::NotReady)]);
    assert_eq!(bench.state(), RadioState::Away);
    bench.pass(secs(1000));
    bench.send(to(INVERTER));
    assert_eq!(bench.outcomes().len(), 2);
    let resets = bench.resets();
    bench.tell(RadioInput::Opened);
    bench.pass(secs(5));
    assert!(bench.is_ready());
    assert_eq!(bench.resets(), resets);
}

#[test]
fn what_cannot_be_sent_is_not_sent() {
    let mut bench = Bench::good();
    bench.send(to(INVERTER));
    bench.pass(secs(10));
    let sent = bench.requests.len();
    bench.send(to(ShortAddress::GATEWAY));
    bench.send(to(ShortAddress::BROADCAST));
    bench.send(Outgoing::Unjoined {
        cluster: 1,
        transaction: 1,
        data: vec![0; 300],
    });
    let expected = [
        Err(SendTrouble::NotReady),
        Err(SendTrouble::Impossible),
        Err(SendTrouble::Impossible),
        Err(SendTrouble::Impossible),
    ];
    assert_eq!(bench.outcomes(), expected);
    assert_eq!(bench.requests.len(), sent);
}

#[test]
fn stray_bytes_do_no_harm() {
    let mut stick = Good::default();
    let mut bench = Bench::new(move |request, _| {
        let answers = stick.answer(request);
        let stray = answers.into_iter().map(|(delay, bytes)| {
            let around = [&[0xf0, 0xf8], bytes.as_slice(), &[0xfe, 0x20]].concat();
            (delay, around)
        });
        stray.collect()
    });
    bench.pass(secs(20));
    assert!(bench.is_ready(), "{:?}", bench.state());
    assert!(
        bench
            .notices
            .iter()
            .any(|(_, notice)| matches!(notice, RadioNotice::Noise { .. }))
    );
}

/// What may happen to a radio.
#[derive(Debug, Clone)]
enum Happening {
    Bytes(Vec<u8>),
    Pass(u64),
    Opened,
    Closed,
    Send(bool),
    Restart,
    Settle,
    Check,
    Deaf,
}

fn happenings() -> impl Strategy<Value = Vec<Happening>> {
    let command = proptest::sample::select(vec![
        0x4180_u16, 0x4480, 0x4481, 0x45c0, 0x45c4, 0x6000, 0x6101, 0x6102, 0x6400, 0x6401, 0x6402,
        0x6600, 0x6605, 0x6700, 0x6710, 0x2101, 0x4100,
    ]);
    let data = proptest::collection::vec(prop_oneof![0..10_u8, any::<u8>()], 0..24);
    let frame = (command, data).prop_map(|(command, data)| {
        Happening::Bytes(ZnpRequest::Other { command, data }.encode().unwrap())
    });
    let happening = prop_oneof![
        8 => frame,
        2 => proptest::collection::vec(any::<u8>(), 0..40).prop_map(Happening::Bytes),
        8 => (1..700_000_u64).prop_map(Happening::Pass),
        1 => Just(Happening::Opened),
        1 => Just(Happening::Closed),
        2 => any::<bool>().prop_map(Happening::Send),
        1 => Just(Happening::Restart),
        1 => Just(Happening::Settle),
        1 => Just(Happening::Check),
        1 => Just(Happening::Deaf),
    ];
    proptest::collection::vec(happening, 0..60)
}

proptest! {
    #[test]
    fn whatever_happens_each_message_has_one_outcome_and_a_good_stick_comes_up_at_last(
        all in happenings(),
        is_answering in any::<bool>(),
    ) {
        let mut stick = Good::default();
        let mut bench = Bench::new(move |request, now| {
            let answers = stick.answer(request);
            if is_answering || now > secs(1_000_000) { answers } else { Vec::new() }
        });
        let mut sent = 0;
        for happening in all {
            match happening {
                Happening::Bytes(bytes) => bench.tell(RadioInput::Bytes(&bytes)),
                Happening::Pass(millis) => bench.pass(Duration::from_millis(millis)),
                Happening::Opened => bench.tell(RadioInput::Opened),
                Happening::Closed => bench.tell(RadioInput::Closed),
                Happening::Send(is_foreign) => {
                    sent += 1;
                    bench.send(if is_foreign { unjoined() } else { to(INVERTER) });
                }
                Happening::Restart => bench.radio.restart(moment(bench.now)),
                Happening::Settle => bench.radio.settle(moment(bench.now)),
                Happening::Check => bench.radio.check(moment(bench.now)),
                Happening::Deaf => bench.radio.deaf(moment(bench.now)),
            }
            bench.settle();
        }
        bench.now = bench.now.max(secs(1_000_001));
        bench.tell(RadioInput::Opened);
        bench.pass(secs(60));
        prop_assert_eq!(bench.outcomes().len(), sent);
        prop_assert!(bench.is_ready(), "{:?} {:?}", bench.state(), bench.radio);
        bench.send(to(INVERTER));
        bench.pass(secs(5));
        let last = bench.outcomes().pop();
        prop_assert_eq!(last, Some(Ok(())));
    }

    #[test]
    fn reading_is_the_same_however_the_bytes_are_cut(
        frames in proptest::collection::vec((any::<u16>(), 0..30_usize), 0..6),
        size in 1..20_usize,
    ) {
        let mut bytes = Vec::new();
        for (source, length) in frames {
            let ZnpMessage::Incoming(mut message) = incoming(source, source ^ 1) else {
                unreachable!();
            };
            message.data.truncate(length);
            bytes.extend(ZnpMessage::Incoming(message).encode().unwrap());
        }
        let notices = |pieces: &mut dyn Iterator<Item = &[u8]>| {
            let mut bench = Bench::good();
            bench.pass(secs(10));
            bench.notices.clear();
            for piece in pieces {
                bench.tell(RadioInput::Bytes(piece));
            }
            bench.notices
        };
        let whole = notices(&mut std::iter::once(bytes.as_slice()));
        prop_assert_eq!(notices(&mut bytes.chunks(size)), whole);
    }
}

#[test]
fn what_is_written_is_read_by_the_scanner() {
    let mut scanner = ZnpScanner::default();
    scanner.push(&ZnpRequest::Ping.encode().unwrap());
    assert!(matches!(scanner.next(), Some(ZnpScanned::Frame { .. })));
}
