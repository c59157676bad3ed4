//! The commands at a simulated stick, in virtual time.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use jiff::Zoned;

use super::console::session::ConsoleSession;
use super::pair::PairingLine;
use super::reset_pulse::ResetPulse;
use crate::adapters::aps_zigbee::simulator::{
    SimFirmware, StickBench, StickSettings, USUAL_GATEWAY, ZigbeeList,
};
use crate::adapters::aps_zigbee::wire::ids::{EcuId, InverterSerial, ShortAddress};
use crate::device::protocol::{Input, Output, Protocol};
use crate::links::{ControlLine, Links};
use crate::simulation::Sky;

const STRANGER: &str = "408000990077";

fn gateway() -> EcuId {
    USUAL_GATEWAY.parse().unwrap()
}

/// A YC600 and a DS3 at noon.
struct Place {
    bench: StickBench,
    serials: Vec<InverterSerial>,
}

fn place(is_paired: bool, firmware: SimFirmware, faults: &[&str]) -> Place {
    let list: ZigbeeList = "YC600,DS3".parse().unwrap();
    let serials = list.0.iter().map(|it| it.serial).collect();
    let mut settings = StickSettings::new(list.0, is_paired.then(gateway));
    settings.firmware = firmware;
    settings.faults = faults.iter().map(|it| it.parse().unwrap()).collect();
    let noon: Zoned = "2026-06-21T12:00[Europe/Vienna]".parse().unwrap();
    Place {
        bench: StickBench::new(settings, Sky::default(), &noon),
        serials,
    }
}

/// What is said.
#[derive(Clone, Default)]
struct Said(Arc<Mutex<Vec<String>>>);

impl Said {
    fn ear(&self) -> Box<dyn Fn(&str) + Send> {
        let said = self.clone();
        Box::new(move |words| said.0.lock().unwrap().push(words.to_owned()))
    }

    fn all(&self) -> String {
        self.0.lock().unwrap().join("\n")
    }
}

/// Lets both talk until it is over.
fn talk<P: Protocol>(protocol: &mut P, bench: &mut StickBench, is_over: impl Fn(&P) -> bool) {
    protocol.handle(Input::Opened, bench.now());
    for _ in 0..50_000 {
        let wake = loop {
            match protocol.poll() {
                Output::Send(bytes) => bench.send(&bytes),
                Output::Reopen => {
                    protocol.handle(Input::Closed, bench.now());
                    protocol.handle(Input::Opened, bench.now());
                }
                Output::Wait(wake) => break wake,
                _ => {}
            }
        };
        if is_over(protocol) {
            return;
        }
        let now = bench.now().steady;
        let (least, most) = (Duration::from_millis(10), Duration::from_millis(100));
        match bench.next(wake.clamp(now + least, now + most)) {
            Some(bytes) => protocol.handle(Input::Bytes(&bytes), bench.now()),
            None => protocol.handle(Input::Time, bench.now()),
        }
    }
    panic!("it never ends");
}

/// Pairs, and says how that ended.
fn paired(place: &mut Place, serial: InverterSerial) -> (Result<ShortAddress, String>, String) {
    let said = Said::default();
    let mut line = PairingLine::new(serial, gateway(), said.ear());
    talk(&mut line, &mut place.bench, |line| line.result.is_some());
    let result = match line.result.clone().unwrap() {
        Ok(address) => Ok(address),
        Err(failure) => Err(line.why_not(&failure, None)),
    };
    (result, said.all())
}

#[test]
fn an_inverter_is_paired_and_each_step_is_said() {
    for faults in [
        &[][..],
        &["pair-round=3"],
        &["pair-on-ask"],
        &["pair-on-move", "stray@every=3"],
        &["needs-waking"],
        &["pair-others"],
    ] {
        for which in 0..2 {
            let mut place = place(false, SimFirmware::Modified, faults);
            let serial = place.serials[which];
            let (result, said) = paired(&mut place, serial);
            let truth = place.bench.truth().inverters.remove(which);
            assert_eq!(result, Ok(truth.address), "{faults:?}: {said}");
            assert_eq!(truth.gateway, Some(gateway()));
            for words in [
                "telling the stick its network",
                "Round 1 of 3",
                "Asking for its address",
                "It answers: its address is",
                "to be sure",
            ] {
                assert!(said.contains(words), "{words}: {said}");
            }
        }
    }
}

#[test]
fn every_failure_is_said_in_words_of_its_own() {
    use SimFirmware::{Home12, Modified, Stock3x0, Stock30};
    let stranger: InverterSerial = STRANGER.parse().unwrap();
    for (firmware, faults, is_stranger, words) in [
        (Modified, &["mute"][..], false, "not a single byte"),
        (Modified, &["own-bytes"], false, "comes straight back"),
        (Modified, &["freeze=9"], false, "does not answer any more"),
        (
            Modified,
            &["address-foreign"],
            false,
            "does not keep the network",
        ),
        (Home12, &[], false, "Home 1.2"),
        (Stock3x0, &[], false, "CC26xx"),
        (Stock30, &[], false, "nobody answered or passed it on"),
        (
            Modified,
            &["night"],
            false,
            "nobody answered or passed it on",
        ),
        (
            Modified,
            &["no-echo", "pair-never"],
            false,
            "nobody answered or passed it on",
        ),
        (Modified, &[], true, "was passed on by 0x"),
        (
            Modified,
            &["pair-others"],
            true,
            "another inverter answered",
        ),
        (Modified, &["lost"], false, "does not answer there yet"),
        (Modified, &["lost"], false, "If it is a DS3 or newer"),
    ] {
        let mut place = place(false, firmware, faults);
        let serial = if is_stranger {
            stranger
        } else {
            place.serials[0]
        };
        let (result, said) = paired(&mut place, serial);
        let error = result.unwrap_err();
        assert!(
            error.contains(words),
            "{firmware:?} {faults:?}: {error}\n{said}"
        );
        assert!(
            error.contains(&format!("{serial} is not paired")),
            "{error}"
        );
        // What to do stands behind it.
        assert!(error.matches(". ").count() >= 1, "{error}");
    }
}

#[test]
fn a_stick_that_says_nothing_is_told_of_from_the_first_seconds_on() {
    let mut place = place(false, SimFirmware::Modified, &["mute"]);
    let serial = place.serials[0];
    let (_, said) = paired(&mut place, serial);
    let begin = "Not a single byte has come from it so far";
    assert_eq!(said.matches(begin).count(), 1, "{said}");
    let still = said.matches("Still not a single byte after").count();
    assert!((5..15).contains(&still), "{said}");
    let (early, _) = said.split_once(begin).unwrap();
    assert!(early.contains("looking for the stick"), "{said}");
    // Who answers is not hurried.
    let mut place = self::place(false, SimFirmware::Modified, &[]);
    let (_, said) = paired(&mut place, serial);
    assert!(!said.contains("not a single byte"), "{said}");
}

#[test]
fn a_stick_is_reset_by_its_line_while_it_is_looked_for() {
    let mut place = place(false, SimFirmware::Modified, &["mute"]);
    let said = Said::default();
    let mut line = PairingLine::new(place.serials[0], gateway(), said.ear());
    line.reset = ResetPulse::by(Some(ControlLine::Rts), &Links::new());
    let mut pulses = Vec::new();
    line.handle(Input::Opened, place.bench.now());
    while pulses.len() < 2 {
        let wake = loop {
            match line.poll() {
                Output::SetLine(line, is_on) => {
                    pulses.push((line, is_on, place.bench.now().steady));
                }
                Output::Reopen => {
                    line.handle(Input::Closed, place.bench.now());
                    line.handle(Input::Opened, place.bench.now());
                }
                Output::Wait(wake) => break wake,
                _ => {}
            }
        };
        assert!(line.result.is_none(), "{}", said.all());
        assert_eq!(place.bench.next(wake), None);
        line.handle(Input::Time, place.bench.now());
    }
    let [(_, true, low), (ControlLine::Rts, false, high)] = pulses[..] else {
        panic!("{pulses:?}");
    };
    assert_eq!(high - low, Duration::from_millis(500));
}

/// Types lines, and says what was shown.
fn typed(place: &mut Place, may_control: bool, id: Option<EcuId>, lines: &[&str]) -> String {
    let (sender, receiver) = mpsc::channel();
    for line in lines {
        sender.send((*line).to_owned()).unwrap();
    }
    drop(sender);
    let said = Said::default();
    let addresses = BTreeMap::new();
    let mut session = ConsoleSession::new(id, addresses, may_control, receiver, said.ear());
    talk(&mut session, &mut place.bench, ConsoleSession::is_over);
    said.all()
}

#[test]
fn a_console_brings_the_stick_up_and_asks_inverters() {
    let mut place = place(true, SimFirmware::Modified, &[]);
    let truth = place.bench.truth();
    let [serial, other] = [place.serials[0], place.serials[1]];
    let address = truth.inverters[0].address;
    let lines = [
        "ping".to_owned(),
        "version".to_owned(),
        "loopback".to_owned(),
        format!("poll {address}"),
        "start".to_owned(),
        format!("start {USUAL_GATEWAY}"),
        "health".to_owned(),
        format!("poll {other}"),
        format!("poll {address}"),
        format!("poll {serial}"),
        format!("info {serial}"),
        format!("limit {serial}"),
        "raw 2710 0102".to_owned(),
        "nonsense".to_owned(),
    ];
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let said = typed(&mut place, false, None, &lines);
    let mut rest = said.as_str();
    for words in [
        "-> SYS_PING",
        "The stick has just started; it is asked anew.",
        "<- SYS_PING capabilities 0779",
        "the firmware for APsystems inverters",
        "<- SYS_VERSION 02 Z-Stack 3.0.x",
        "-> UTIL_LOOPBACK AABBCC",
        "<- UTIL_LOOPBACK AABBCC",
        "The wires are right",
        "With which id?",
        "Which network?",
        "The stick: telling the stick its network.",
        "-> ZB_WRITE_CONFIGURATION 01 IEEE address: ECU id D8A3011B9780",
        "<- ZDO_STATE_CHANGE_IND running",
        "The stick is ready.",
        "It is well: the coordinator of D8A3011B9780 runs.",
        "is not known here",
        "asks what it measures",
        &format!("{serial} measures"),
        "asks what it measures",
        &format!("{serial} measures"),
        &format!("{serial} is model"),
        "limit of each input:",
        "<- UTIL_LOOPBACK 0102",
        "\"nonsense\" is nothing to type here",
    ] {
        let Some(at) = rest.find(words) else {
            panic!("{words} is not in {rest}\n\nof\n{said}");
        };
        rest = &rest[at + words.len()..];
    }
}

#[test]
fn the_loopback_says_what_is_wrong_with_the_line() {
    for (fault, words) in [
        ("mute", "No byte came"),
        ("own-bytes", "Own bytes back"),
        ("wrong-sum", "Garbage"),
    ] {
        let mut place = place(true, SimFirmware::Modified, &[fault]);
        let said = typed(&mut place, false, None, &["loopback"]);
        assert!(said.contains(words), "{fault}: {said}");
    }
}

#[test]
fn what_changes_an_inverter_needs_leave() {
    let mut place = place(true, SimFirmware::Modified, &[]);
    let truth = place.bench.truth().inverters.remove(1);
    let (serial, address) = (truth.serial, truth.address);
    let poll = format!("poll {address}");
    let limit = format!("limit {serial} 250");
    let off = format!("off {address}");
    // A switch-off as a raw message, with its right sum.
    let data = format!("80971B01A3D8{}", "FBFB06C2000000000000C8FEFE");
    let [low, high] = address.0.to_le_bytes();
    let raw = format!("raw 2401{low:02X}{high:02X}14140600 01000F13 {data}");
    let lines = ["start", &poll, &limit, &off, &raw];
    let said = typed(&mut place, false, Some(gateway()), &lines);
    assert_eq!(said.matches("it is not sent").count(), 3, "{said}");
    let after = place.bench.truth().inverters.remove(1);
    assert_eq!((after.limit, after.is_off), (truth.limit, false));

    let said = typed(&mut place, true, Some(gateway()), &["start", &poll, &limit]);
    assert!(said.contains("Before, its limit was"), "{said}");
    assert!(said.contains("Done: read back as 25"), "{said}");
    let after = place.bench.truth().inverters.remove(1);
    assert_eq!(after.limit.watts().rounded(0), 250_i64.into());
    let said = typed(&mut place, true, Some(gateway()), &["start", &poll, &raw]);
    assert!(said.contains("switches it off"), "{said}");
    assert!(place.bench.truth().inverters.remove(1).is_off);
}

#[test]
fn what_does_not_come_is_said() {
    let mut place = place(true, SimFirmware::Modified, &["no-route"]);
    let address = place.bench.truth().inverters[0].address;
    let poll = format!("poll {address}");
    let said = typed(&mut place, false, Some(gateway()), &[&poll, "start", &poll]);
    assert!(said.contains("Type start, then try again"), "{said}");
    assert!(said.contains("It did not arrive at"), "{said}");
}
