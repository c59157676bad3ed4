//! Sticks that are asked one thing after the other.

mod inverters;
mod pairing;

use std::time::Duration;

use jiff::Zoned;

use super::super::super::wire::ids::{EcuId, InverterSerial, ShortAddress};
use super::super::super::wire::payload::{
    AnswerContent, InverterAnswer, InverterCommand, LimitScale, PairingHeard, PairingRequest,
    PanelTelemetry, SettingsPage, pairing_heard,
};
use super::super::super::wire::znp::{
    AfEndpoint, AfForeign, AfIncoming, AfSend, CoordinatorState, ZnpMessage, ZnpRequest,
    ZnpScanned, ZnpScanner, ZnpStatus,
};
use super::super::identity::SimFirmware;
use super::super::{StickBench, StickSettings, USUAL_GATEWAY, ZigbeeList};
use crate::simulation::Sky;

const SECOND: Duration = Duration::from_secs(1);
const NOON: &str = "2026-06-21T12:00[Europe/Vienna]";

fn gateway() -> EcuId {
    USUAL_GATEWAY.parse().unwrap()
}

/// A host that says one thing after the other.
struct Host {
    bench: StickBench,
    scanner: ZnpScanner,
}

impl Host {
    fn new(list: &str, is_paired: bool, faults: &[&str], begin: &str) -> Self {
        let list: ZigbeeList = list.parse().unwrap();
        let mut settings = StickSettings::new(list.0, is_paired.then(gateway));
        settings.faults = faults.iter().map(|it| it.parse().unwrap()).collect();
        Self::of(settings, begin)
    }

    fn of(settings: StickSettings, begin: &str) -> Self {
        let begin: Zoned = begin.parse().unwrap();
        Self {
            bench: StickBench::new(settings, Sky::default(), &begin),
            scanner: ZnpScanner::default(),
        }
    }

    /// All that is heard in this time.
    fn hear(&mut self, time: Duration) -> Vec<ZnpMessage> {
        let mut heard = Vec::new();
        for (_, bytes) in self.bench.run(time) {
            self.scanner.push(&bytes);
            while let Some(scanned) = self.scanner.next() {
                if let ZnpScanned::Frame { frame, .. } = scanned {
                    heard.push(ZnpMessage::decode(frame));
                }
            }
        }
        heard
    }

    fn ask(&mut self, request: &ZnpRequest, time: Duration) -> Vec<ZnpMessage> {
        self.bench.send(&request.encode().unwrap());
        self.hear(time)
    }

    fn write(&mut self, item: u8, value: &[u8]) {
        let value = value.to_vec();
        let heard = self.ask(&ZnpRequest::WriteConfiguration { item, value }, SECOND / 2);
        assert_eq!(heard, [ZnpMessage::Written(ZnpStatus::Success)]);
    }

    /// Steps 0 to 9.
    fn configure(&mut self) {
        self.hear(2 * SECOND);
        for _ in 0..2 {
            let heard = self.ask(&ZnpRequest::Reset(0), 2 * SECOND);
            assert!(matches!(heard[..], [ZnpMessage::Reset(it)] if it.reason == 2));
            self.write(3, &[3]);
        }
        self.write(3, &[0]);
        let mut ieee = vec![0xff, 0xff];
        ieee.extend(gateway().reversed());
        self.write(1, &ieee);
        self.write(0x87, &[0]);
        self.write(0x83, &gateway().network());
        self.write(0x84, &[0, 0, 1, 0]);
        let heard = self.ask(&register(), SECOND / 2);
        assert_eq!(heard, [ZnpMessage::Registered(ZnpStatus::Success)]);
        let heard = self.ask(&ZnpRequest::Start, 3 * SECOND);
        let running = ZnpMessage::State(CoordinatorState::Running);
        assert_eq!(
            (heard.first(), heard.last()),
            (Some(&ZnpMessage::Starting), Some(&running))
        );
        let info = self.ask(&ZnpRequest::DeviceInfo, SECOND / 2);
        assert!(matches!(&info[..], [ZnpMessage::DeviceInfo(it)]
            if it.ieee[..] == ieee[..] && it.state == CoordinatorState::Running));
    }

    /// And step 10.
    fn up(mut self) -> Self {
        self.configure();
        let heard = self.command(
            ShortAddress::BROADCAST,
            InverterCommand::NormalOperation,
            SECOND,
        );
        assert_eq!(
            heard.first(),
            Some(&ZnpMessage::Sending(ZnpStatus::Success))
        );
        self
    }

    fn command(
        &mut self,
        to: ShortAddress,
        command: InverterCommand,
        time: Duration,
    ) -> Vec<ZnpMessage> {
        self.ask(
            &ZnpRequest::Send(message(to, command.data(gateway()))),
            time,
        )
    }

    fn address(&mut self, place: usize) -> ShortAddress {
        self.bench.truth().inverters[place].address
    }

    fn serial(&mut self, place: usize) -> InverterSerial {
        self.bench.truth().inverters[place].serial
    }

    /// What an inverter answers.
    fn answers(&mut self, place: usize, command: InverterCommand) -> Vec<AnswerContent> {
        let (serial, address) = (self.serial(place), self.address(place));
        let heard = self.command(address, command, 4 * SECOND);
        let heard = incoming(heard)
            .into_iter()
            .filter(|it| it.source == address);
        heard
            .map(|it| {
                let answer = InverterAnswer::decode(&it.data).unwrap();
                assert_eq!(answer.serial, serial);
                answer.content
            })
            .collect()
    }

    fn poll(&mut self, place: usize) -> Option<PanelTelemetry> {
        match &self.answers(place, InverterCommand::Poll)[..] {
            [AnswerContent::Telemetry(telemetry)] => Some((**telemetry).clone()),
            [] => None,
            other => panic!("{other:?}"),
        }
    }

    fn unjoined(&mut self, request: PairingRequest) -> Vec<ZnpMessage> {
        let message = AfForeign {
            mode: 0x0f,
            destination: [0xff; 8],
            destination_endpoint: 0x14,
            network: 0xffff,
            source_endpoint: 0x14,
            cluster: request.cluster(),
            transaction: request.transaction(),
            options: 0,
            radius: 0x0f,
            data: request.data(),
        };
        self.ask(&ZnpRequest::SendForeign(message), 2 * SECOND)
    }

    /// A round of pairing: what was heard to each of these requests.
    fn pair(&mut self, serial: InverterSerial, requests: &[usize]) -> Vec<Vec<PairingHeard>> {
        let all = PairingRequest::all(serial, gateway());
        let mut rounds = Vec::new();
        for place in requests {
            let heard = self.unjoined(all[*place]);
            assert_eq!(heard[0], ZnpMessage::SendingForeign(ZnpStatus::Success));
            let heard = incoming(heard);
            let meaning =
                |it: &AfIncoming| pairing_heard(serial, gateway(), it.source, it.cluster, &it.data);
            rounds.push(heard.iter().map(meaning).collect());
        }
        rounds
    }
}

fn message(destination: ShortAddress, data: Vec<u8>) -> AfSend {
    AfSend {
        destination,
        destination_endpoint: 0x14,
        source_endpoint: 0x14,
        cluster: 6,
        transaction: 1,
        options: 0,
        radius: 0x0f,
        data,
    }
}

fn register() -> ZnpRequest {
    ZnpRequest::Register(AfEndpoint {
        number: 0x14,
        profile: 0x0f05,
        device: 0x0100,
        version: 1,
        latency: 0,
        inputs: vec![0, 0x15],
        outputs: Vec::new(),
    })
}

fn incoming(heard: Vec<ZnpMessage>) -> Vec<AfIncoming> {
    let incoming = heard.into_iter().filter_map(|message| match message {
        ZnpMessage::Incoming(incoming) => Some(incoming),
        _ => None,
    });
    incoming.collect()
}

fn confirm(heard: &[ZnpMessage]) -> Option<ZnpStatus> {
    heard.iter().find_map(|message| match message {
        ZnpMessage::Confirm { status, .. } => Some(*status),
        _ => None,
    })
}

#[test]
fn what_is_asked_too_early_is_refused() {
    let mut host = Host::new("DS3", true, &[], NOON);
    host.hear(2 * SECOND);
    let address = host.address(0);
    let refused = |status| ZnpMessage::Sending(status);
    let heard = host.command(address, InverterCommand::Poll, SECOND);
    assert_eq!(heard, [refused(ZnpStatus::InvalidParameter)]);
    host.ask(&register(), SECOND / 2);
    let heard = host.ask(&register(), SECOND / 2);
    assert_eq!(
        heard,
        [ZnpMessage::Registered(ZnpStatus::AlreadyRegistered)]
    );
    let heard = host.command(address, InverterCommand::Poll, SECOND);
    assert_eq!(heard, [refused(ZnpStatus::NotStarted)]);
    host.configure();
    let heard = host.command(address, InverterCommand::Poll, SECOND);
    assert_eq!(heard, [refused(ZnpStatus::InvalidParameter)]);
    let serial = host.serial(0);
    let mut host = host.up();
    let heard = host.unjoined(PairingRequest::Ask(serial));
    assert_eq!(
        heard,
        [ZnpMessage::SendingForeign(ZnpStatus::InvalidParameter)]
    );
    // After its power was off, it seems well and takes nothing.
    host.bench.replug();
    host.hear(5 * SECOND);
    let info = host.ask(&ZnpRequest::DeviceInfo, SECOND / 2);
    assert!(
        matches!(&info[..], [ZnpMessage::DeviceInfo(it)] if it.state == CoordinatorState::Running)
    );
    let heard = host.command(address, InverterCommand::Poll, SECOND);
    assert_eq!(heard, [refused(ZnpStatus::InvalidParameter)]);
}

#[test]
fn while_it_starts_it_hears_nothing() {
    let mut host = Host::new("DS3", true, &["slow-reset=20s"], NOON);
    assert_eq!(host.hear(19 * SECOND), []);
    host.bench.send(&ZnpRequest::Ping.encode().unwrap());
    let heard = host.hear(2 * SECOND);
    assert!(matches!(heard[..], [ZnpMessage::Reset(it)] if it.reason == 0));
    assert_eq!(
        host.ask(&ZnpRequest::Ping, SECOND),
        [ZnpMessage::Pong(0x0779)]
    );
    let mut host = Host::new("DS3", true, &["boot-loader=60s"], NOON);
    assert_eq!(host.ask(&ZnpRequest::Ping, 30 * SECOND), []);
    host.bench.send(&[0xef; 256]);
    assert_eq!(host.hear(2 * SECOND).len(), 1);
}

#[test]
fn other_firmware_looks_as_it_does_and_hears_nobody() {
    for (firmware, capabilities, product) in [
        (SimFirmware::Home12, 0x0179, 0),
        (SimFirmware::Stock30, 0x0779, 2),
        (SimFirmware::Stock3x0, 0x0659, 1),
    ] {
        let list: ZigbeeList = "DS3".parse().unwrap();
        let mut settings = StickSettings::new(list.0, Some(gateway()));
        settings.firmware = firmware;
        let mut host = Host::of(settings, NOON);
        let heard = host.hear(2 * SECOND);
        assert!(matches!(heard[..], [ZnpMessage::Reset(it)] if it.product == product));
        let pong = host.ask(&ZnpRequest::Ping, SECOND);
        assert_eq!(pong, [ZnpMessage::Pong(capabilities)]);
        if firmware == SimFirmware::Stock3x0 {
            let write = ZnpRequest::WriteConfiguration {
                item: 3,
                value: vec![3],
            };
            let refused = ZnpMessage::Refused {
                reason: 1,
                command: 0x2605,
            };
            assert_eq!(host.ask(&write, SECOND), [refused]);
            continue;
        }
        let mut host = host.up();
        let address = host.address(0);
        let heard = host.command(address, InverterCommand::Poll, 6 * SECOND);
        assert_eq!(confirm(&heard), Some(ZnpStatus::Success));
        assert_eq!(heard.len(), 2, "{heard:?}");
    }
}

#[test]
fn answers_fail_in_every_way() {
    let poll = |fault: &str| {
        let mut host = Host::new("DS3", true, &[fault], NOON).up();
        let address = host.address(0);
        let heard = host.command(address, InverterCommand::Poll, 12 * SECOND);
        let status = confirm(&heard);
        (status, incoming(heard).len())
    };
    let good = Some(ZnpStatus::Success);
    assert_eq!(poll("lost"), (good, 0));
    assert_eq!(poll("no-route"), (Some(ZnpStatus::NoRoute), 0));
    assert_eq!(poll("no-ack"), (Some(ZnpStatus::NoMacAcknowledgement), 0));
    assert_eq!(poll("no-confirm@..1h"), (None, 1));
    assert_eq!(poll("repeated"), (good, 2));
    assert_eq!(poll("looped"), (good, 2));
    assert_eq!(poll("late"), (good, 1));
    assert_eq!(poll("old-firmware"), (good, 0));
    assert_eq!(poll("night@1s.."), (Some(ZnpStatus::NoRoute), 0));
    assert_eq!(poll("taken-away"), (Some(ZnpStatus::NoRoute), 0));
    assert_eq!(poll("refuse=10@every=2"), (None, 0));
    assert_eq!(poll("deaf"), (Some(ZnpStatus::NoRoute), 0));
    assert_eq!(poll("patience=1"), (good, 0));
    assert_eq!(poll("split=3").1, 1);
    assert_eq!(poll("glued").1, 1);
    assert_eq!(poll("stray").1, 1);
    assert_eq!(poll("slow-answer"), (good, 1));
}

#[test]
fn it_answers_once_or_after_a_few_or_freezes() {
    let mut host = Host::new("DS3", true, &["one-answer"], NOON).up();
    let answers: Vec<_> = (0..3).map(|_| host.poll(0).is_some()).collect();
    assert_eq!(answers, [true, false, false]);
    let mut host = host.up();
    assert!(host.poll(0).is_some());
    let mut host = Host::new("DS3", true, &["patience=2"], NOON).up();
    let answers: Vec<_> = (0..3).map(|_| host.poll(0).is_some()).collect();
    assert_eq!(answers, [false, false, true]);
    let mut host = Host::new("DS3", true, &["freeze=20"], NOON).up();
    while host.poll(0).is_some() {}
    assert_eq!(host.ask(&ZnpRequest::Ping, SECOND), []);
    host.bench.pulse();
    assert!(matches!(host.hear(2 * SECOND)[..], [ZnpMessage::Reset(it)] if it.reason == 1));
}

#[test]
fn a_relayed_inverter_is_found_at_the_second_try_and_needs_its_relay() {
    let mut host = Host::new("DS3,QS1", true, &[], NOON).up();
    let (serial, relay) = (host.serial(1), host.address(0));
    host.bench
        .stick()
        .mesh
        .inverter(serial)
        .unwrap()
        .manners
        .relays = vec![0];
    let address = host.address(1);
    let heard = host.command(address, InverterCommand::Poll, 4 * SECOND);
    assert_eq!(confirm(&heard), Some(ZnpStatus::NoRoute));
    let heard = host.command(address, InverterCommand::Poll, 4 * SECOND);
    let route = ZnpMessage::Route {
        destination: address,
        relays: vec![relay],
    };
    assert!(heard.contains(&route), "{heard:?}");
    let [answer] = &incoming(heard)[..] else {
        panic!("one answer")
    };
    assert_eq!((answer.last_hop, answer.radius), (relay, 0x0d));
}

#[test]
fn another_gateway_is_heard() {
    let mut host = Host::new("DS3,QS1", true, &["other-gateway=10s"], NOON).up();
    host.hear(15 * SECOND);
    let heard = incoming(host.hear(40 * SECOND));
    assert_eq!(heard.len(), 4);
    assert_ne!(heard[0].source, heard[1].source);
}

#[test]
fn wires_may_be_wrong() {
    let mut host = Host::new("DS3", true, &["own-bytes"], NOON);
    host.bench.send(&[1, 2, 3]);
    assert_eq!(host.bench.run(SECOND)[0].1, [1, 2, 3]);
    let mut host = Host::new("DS3", true, &["mute"], NOON);
    assert_eq!(host.ask(&ZnpRequest::Ping, 10 * SECOND), []);
    let mut host = Host::new("DS3", true, &["wrong-sum@every=2"], NOON);
    host.hear(2 * SECOND);
    assert_eq!(host.ask(&ZnpRequest::Ping, SECOND), []);
    assert_eq!(host.ask(&ZnpRequest::Ping, SECOND).len(), 1);
}

#[test]
fn a_script_comes_before_what_it_would_say() {
    let list: ZigbeeList = "DS3".parse().unwrap();
    let mut settings = StickSettings::new(list.0, Some(gateway()));
    let text = "on FE00210120 count 1\n after 700\n send FE02610179021A\n after 100\n close";
    settings.script = text.parse().unwrap();
    let mut host = Host::of(settings, NOON);
    host.hear(2 * SECOND);
    let heard = host.ask(&ZnpRequest::Ping, SECOND * 6 / 10);
    assert_eq!(heard, []);
    // Its check sum is wrong.
    host.bench.run(SECOND * 15 / 100);
    assert!(!host.bench.take_close());
    host.bench.run(SECOND);
    assert!(host.bench.take_close() && !host.bench.take_close());
    assert_eq!(
        host.ask(&ZnpRequest::Ping, SECOND),
        [ZnpMessage::Pong(0x0779)]
    );
}

#[test]
fn a_firmware_without_the_simple_api_is_silent_when_it_is_configured() {
    let mut host = Host::new("DS3", true, &["no-simple-api"], NOON);
    host.hear(2 * SECOND);
    let write = ZnpRequest::WriteConfiguration {
        item: 3,
        value: vec![3],
    };
    assert_eq!(host.ask(&write, SECOND), []);
    assert_eq!(host.ask(&ZnpRequest::Start, SECOND), []);
    let pong = host.ask(&ZnpRequest::Ping, SECOND);
    assert_eq!(pong, [ZnpMessage::Pong(0x0779)]);
}

#[test]
fn pieces_of_a_frame_may_be_far_apart() {
    let mut host = Host::new("DS3", true, &["split=3", "pause=900ms"], NOON);
    host.hear(10 * SECOND);
    host.bench.send(&ZnpRequest::Ping.encode().unwrap());
    let pieces = host.bench.run(5 * SECOND);
    let sizes: Vec<usize> = pieces.iter().map(|(_, bytes)| bytes.len()).collect();
    assert_eq!(sizes, [3, 3, 1]);
    assert_eq!(pieces[1].0 - pieces[0].0, Duration::from_millis(900));
}

#[test]
fn a_script_may_come_later() {
    let mut host = Host::new("DS3", true, &[], NOON);
    host.hear(2 * SECOND);
    let script = "on FE00210120 count 1\n drop".parse().unwrap();
    host.bench.stick().set_script(script);
    assert_eq!(host.ask(&ZnpRequest::Ping, SECOND), []);
    assert_eq!(host.ask(&ZnpRequest::Ping, SECOND).len(), 1);
}
