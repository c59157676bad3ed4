//! The radio that is used with real sticks, on the simulated one.

use std::time::Duration;

use jiff::Zoned;

use super::super::super::radio::znp::ZnpRadio;
use super::super::super::radio::{
    Outgoing, Radio, RadioInput, RadioNotice, RadioOutput, RadioState, RadioTrouble,
};
use super::super::super::wire::ids::{EcuId, InverterSerial, ShortAddress};
use super::super::super::wire::payload::{
    AnswerContent, InverterAnswer, InverterCommand, PairingHeard, PairingRequest, REQUEST_CLUSTER,
    pairing_heard,
};
use super::super::identity::SimFirmware;
use super::super::{StickSettings, USUAL_GATEWAY, ZigbeeList};
use super::StickBench;
use crate::simulation::Sky;

const MINUTE: Duration = Duration::from_secs(60);
const NOON: &str = "2026-06-21T12:00[Europe/Vienna]";

fn gateway() -> EcuId {
    USUAL_GATEWAY.parse().unwrap()
}

struct Pair {
    radio: ZnpRadio,
    bench: StickBench,
    notices: Vec<RadioNotice>,
}

impl Pair {
    fn new(settings: StickSettings) -> Self {
        let begin: Zoned = NOON.parse().unwrap();
        let bench = StickBench::new(settings, Sky::default(), &begin);
        let mut radio = ZnpRadio::new(gateway());
        radio.handle(RadioInput::Opened, bench.now());
        Self {
            radio,
            bench,
            notices: Vec::new(),
        }
    }

    /// Until a notice is the one that is waited for.
    fn until(&mut self, limit: Duration, is_it: impl Fn(&RadioNotice) -> bool) -> bool {
        let end = self.bench.now().steady + limit;
        loop {
            match self.radio.poll() {
                RadioOutput::Send(bytes) => self.bench.send(&bytes),
                RadioOutput::Noticed(notice) => {
                    let found = is_it(&notice);
                    self.notices.push(notice);
                    if found {
                        return true;
                    }
                }
                RadioOutput::Wait(until) => {
                    if self.bench.now().steady >= end {
                        return false;
                    }
                    let said = self.bench.next(until.min(end));
                    let now = self.bench.now();
                    match said {
                        Some(bytes) => self.radio.handle(RadioInput::Bytes(&bytes), now),
                        None => self.radio.handle(RadioInput::Time, now),
                    }
                }
                RadioOutput::Reopen => {
                    let now = self.bench.now();
                    self.radio.handle(RadioInput::Opened, now);
                }
                _ => {}
            }
        }
    }

    fn ready(&mut self) -> bool {
        let is_it = |it: &RadioNotice| *it == RadioNotice::State(RadioState::Ready);
        self.until(10 * MINUTE, is_it)
    }

    /// What one answers when it is polled.
    fn poll(&mut self, place: usize) -> Option<AnswerContent> {
        let address = self.bench.truth().inverters[place].address;
        let data = InverterCommand::Poll.data(gateway());
        let message = Outgoing::To {
            address,
            cluster: REQUEST_CLUSTER,
            data,
        };
        let now = self.bench.now();
        self.radio.send(message, now);
        let is_it =
            |it: &RadioNotice| matches!(it, RadioNotice::Received(it) if it.source == address);
        if !self.until(Duration::from_secs(6), is_it) {
            return None;
        }
        let Some(RadioNotice::Received(heard)) = self.notices.last() else {
            return None;
        };
        Some(InverterAnswer::decode(&heard.data).unwrap().content)
    }

    /// Who answered in a round of pairing.
    fn pair(&mut self, serial: InverterSerial) -> Vec<ShortAddress> {
        let now = self.bench.now();
        self.radio.restart(now);
        assert!(self.ready());
        self.notices.clear();
        for request in PairingRequest::all(serial, gateway()) {
            let now = self.bench.now();
            let message = Outgoing::Unjoined {
                cluster: request.cluster(),
                transaction: request.transaction(),
                data: request.data(),
            };
            self.radio.send(message, now);
            self.until(Duration::from_secs(2), |_| false);
        }
        let now = self.bench.now();
        self.radio.settle(now);
        assert!(self.ready());
        let heard = self.notices.iter().filter_map(|notice| match notice {
            RadioNotice::Received(it) => Some(pairing_heard(
                serial,
                gateway(),
                it.source,
                it.cluster,
                &it.data,
            )),
            _ => None,
        });
        heard
            .filter_map(|heard| match heard {
                PairingHeard::Answered(address) => Some(address),
                _ => None,
            })
            .collect()
    }
}

fn settings(list: &str, is_paired: bool, faults: &[&str]) -> StickSettings {
    let list: ZigbeeList = list.parse().unwrap();
    let mut settings = StickSettings::new(list.0, is_paired.then(gateway));
    settings.faults = faults.iter().map(|it| it.parse().unwrap()).collect();
    settings
}

#[test]
fn it_is_brought_up_and_inverters_answer_whatever_the_line_is_like() {
    for faults in [
        &[][..],
        &["slow-reset=4s"],
        &["boot-loader=100s"],
        &["slow-start=9s"],
        &["stray", "split=3"],
        &["glued"],
        &["noise@every=3"],
        &["wrong-sum@every=9"],
        &["needs-waking"],
    ] {
        let mut pair = Pair::new(settings("YC600,DS3,QS1", true, faults));
        assert!(pair.ready(), "{faults:?} {:?}", pair.notices);
        for place in 0..3 {
            let mut tries = (0..4).map(|_| pair.poll(place));
            let answered = tries.any(|it| matches!(it, Some(AnswerContent::Telemetry(_))));
            assert!(answered, "{faults:?} {place}");
        }
    }
}

#[test]
fn inverters_are_paired_one_after_the_other() {
    let mut pair = Pair::new(settings("YC600,DS3,QS1", false, &[]));
    assert!(pair.ready());
    assert_eq!(pair.poll(1), None);
    for place in 0..3 {
        let it = pair.bench.truth().inverters[place].clone();
        assert_eq!(pair.pair(it.serial), [it.address]);
    }
    for place in 0..3 {
        assert!(pair.poll(place).is_some(), "{place}");
    }
}

#[test]
fn what_is_wrong_is_found() {
    let trouble = |settings: StickSettings| {
        let mut pair = Pair::new(settings);
        let is_it = |it: &RadioNotice| matches!(it, RadioNotice::State(RadioState::Trouble(_)));
        assert!(pair.until(20 * MINUTE, is_it), "{:?}", pair.notices);
        match pair.notices.pop() {
            Some(RadioNotice::State(RadioState::Trouble(trouble))) => trouble,
            other => panic!("{other:?}"),
        }
    };
    let with = |fault: &str| trouble(settings("DS3", true, &[fault]));
    assert_eq!(with("mute"), RadioTrouble::NoByte);
    assert_eq!(with("own-bytes"), RadioTrouble::OwnBytes);
    assert!(matches!(
        with("address-foreign"),
        RadioTrouble::ForeignAddress { .. }
    ));
    assert!(matches!(
        with("address-lost"),
        RadioTrouble::ForeignAddress { .. }
    ));
    for firmware in [SimFirmware::Home12, SimFirmware::Stock3x0] {
        let mut settings = settings("DS3", true, &[]);
        settings.firmware = firmware;
        assert!(
            matches!(trouble(settings), RadioTrouble::WrongFirmware(_)),
            "{firmware:?}"
        );
    }
}

#[test]
fn after_its_power_was_away_it_is_brought_up_anew() {
    let mut pair = Pair::new(settings("DS3", true, &[]));
    assert!(pair.ready() && pair.poll(0).is_some());
    pair.bench.replug();
    let mut tries = (0..20).map(|_| pair.poll(0));
    assert!(tries.any(|it| it.is_some()));
}
