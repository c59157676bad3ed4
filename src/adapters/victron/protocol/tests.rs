mod commands;
mod damage;
mod hour;
mod silence;
mod who;

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::*;
use crate::adapters::victron::wire::hex::{Collector, Frame, Request, encode_frame};
use crate::adapters::victron::wire::text::encode_block;
use crate::model::{Device, DeviceId, HealthCode, Readings};

const START: i64 = 1_800_000_000;
const PLACE: &str = "VE000001";

/// A line, and all that it has told.
struct Bench {
    conversation: Conversation,
    memory: Memory,
    milliseconds: i64,
    reports: Vec<Report>,
    /// Questions that were sent.
    sent: Vec<Request>,
    /// What became of commands.
    answers: Vec<(u64, Result<Value, String>)>,
    /// Registers that the device has. Without any it hears nothing.
    registers: BTreeMap<u16, Vec<u8>>,
    /// When it wants to look at the time.
    wake: Duration,
    /// How often the port was opened again because nothing came.
    reopened: usize,
    /// What was counted.
    heard: Vec<Heard>,
}

impl Bench {
    fn new(config: VictronConfig) -> Self {
        Self::knowing(config, &Remembered::default())
    }

    fn knowing(config: VictronConfig, known: &Remembered) -> Self {
        let start = Start {
            zone: TimeZone::UTC,
            ..Start::afresh()
        };
        let memory = start.memory.clone();
        memory.put(&Remembered::key(PLACE), known);
        let mut bench = Self {
            conversation: Conversation::new(Arc::new(config), PLACE.to_owned(), start),
            memory,
            milliseconds: 0,
            reports: Vec::new(),
            sent: Vec::new(),
            answers: Vec::new(),
            registers: BTreeMap::new(),
            wake: Duration::ZERO,
            reopened: 0,
            heard: Vec::new(),
        };
        bench.handle(Input::Opened);
        bench.handle(Input::Attended(true));
        bench
    }

    /// What is remembered of the device.
    fn remembered(&self) -> Remembered {
        self.memory.get(&Remembered::key(PLACE)).unwrap()
    }

    fn at(&self) -> Moment {
        Moment {
            steady: Duration::from_millis(self.milliseconds.unsigned_abs()),
            wall: Timestamp::from_millisecond(START * 1000 + self.milliseconds).unwrap(),
        }
    }

    /// Hands this over, opens the port again if that is wanted, and has what is asked answered.
    fn handle(&mut self, input: Input<'_>) {
        let reopened = self.reopened;
        let mut asked = self.hand_over(input);
        if self.reopened > reopened {
            asked = self.hand_over(Input::Opened);
        }
        while let Some(answer) = asked.iter().find_map(|request| self.answer(request)) {
            asked = self.hand_over(Input::Bytes(&answer));
        }
    }

    /// Hands this over, and has nothing answered; what is asked.
    fn hand_over(&mut self, input: Input<'_>) -> Vec<Request> {
        let now = self.at();
        self.conversation.handle(input, now);
        let mut asked = Vec::new();
        loop {
            match self.conversation.poll() {
                Output::Send(bytes) => {
                    let mut collector = Collector::default();
                    let frame = Frame::parse(&bytes, &mut collector).unwrap();
                    asked.push(Request::decode(&frame).unwrap());
                }
                Output::Report(report) => self.reports.push(report),
                Output::Answer(id, result) => self.answers.push((id, result)),
                Output::Heard(heard) => self.heard.push(heard),
                Output::Reopen => {
                    self.reopened += 1;
                    self.conversation.handle(Input::Closed, now);
                }
                Output::Wait(wake) => {
                    assert!(wake > now.steady, "it never waits");
                    self.wake = wake;
                    break;
                }
                output => panic!("{output:?} is not of a line"),
            }
        }
        self.sent.extend(asked.iter().cloned());
        asked
    }

    fn push(&mut self, bytes: &[u8]) {
        self.handle(Input::Bytes(bytes));
    }

    fn block(&mut self, fields: &[(&str, &str)]) {
        self.push(&encode_block(fields).unwrap());
    }

    /// Lets so much time pass.
    fn wait(&mut self, milliseconds: i64) {
        let end = self.milliseconds + milliseconds;
        loop {
            self.milliseconds = (self.milliseconds + 100).min(end);
            self.handle(Input::Time);
            if self.milliseconds >= end {
                break;
            }
        }
    }

    /// Gives a command to the device that is known; what is asked for it at once is not answered.
    fn command(&mut self, id: u64, key: &str, value: &Value) {
        let device = self.conversation.reception.device.id().unwrap();
        self.command_to(device, id, key, value);
    }

    fn command_to(&mut self, device: DeviceId, id: u64, key: &str, value: &Value) {
        let (key, value) = (key.to_owned(), value.clone());
        let command = Command { device, key, value };
        let command = &command;
        self.hand_over(Input::Command { id, command });
    }

    /// What became of commands since the last look.
    fn finished(&mut self) -> Vec<(u64, Result<Value, String>)> {
        std::mem::take(&mut self.answers)
    }

    fn answer(&mut self, request: &Request) -> Option<Vec<u8>> {
        if self.registers.is_empty() {
            return None;
        }
        let value = |command, register: u16, flags, bytes: &[u8]| {
            let [low, high] = register.to_le_bytes();
            Some(encode_frame(
                command,
                &[&[low, high, flags], bytes].concat(),
            ))
        };
        match request {
            Request::Ping => Some(encode_frame(5, &[0x16, 0x41])),
            Request::Product => Some(encode_frame(1, self.registers.get(&0x0100)?)),
            Request::Version => Some(encode_frame(1, &[0x59, 0x41])),
            Request::Get(register) => match self.registers.get(register) {
                Some(bytes) => value(7, *register, 0, bytes),
                None => value(7, *register, 1, &[]),
            },
            Request::Set(register, bytes) => {
                self.registers.insert(*register, bytes.clone());
                value(8, *register, 0, bytes)
            }
            Request::Restart => None,
        }
    }

    /// Has a command carried out.
    fn set(&mut self, key: &str, value: &Value, block: &[(&str, &str)]) -> Result<Value, String> {
        self.command(9, key, value);
        for _ in 0..10 {
            self.block(block);
            self.wait(1000);
            let mut finished = self.finished().into_iter();
            if let Some((_, result)) = finished.find(|(id, _)| *id == 9) {
                return result;
            }
        }
        panic!("the command never ends")
    }

    /// What was written since so many questions.
    fn written(&self, since: usize) -> Vec<&Request> {
        let is_write = |request: &&Request| matches!(request, Request::Set(..));
        self.sent[since..].iter().filter(is_write).collect()
    }

    fn hears(mut self, registers: &[(u16, &[u8])]) -> Self {
        let own = registers
            .iter()
            .map(|(register, bytes)| (*register, bytes.to_vec()));
        self.registers = own.collect();
        self
    }

    fn devices(&self) -> Vec<&Device> {
        let devices = self.reports.iter().filter_map(|report| match report {
            Report::Device(device) => Some(device.as_ref()),
            _ => None,
        });
        devices.collect()
    }

    fn readings(&self) -> Vec<&Readings> {
        let readings = self.reports.iter().filter_map(|report| match report {
            Report::Readings(readings) => Some(readings),
            _ => None,
        });
        readings.collect()
    }

    fn health(&self) -> Vec<HealthCode> {
        let codes = self.reports.iter().filter_map(|report| match report {
            Report::Health(_, health) | Report::Absent(_, health) | Report::Source(health) => {
                Some(health.code)
            }
            _ => None,
        });
        codes.collect()
    }

    fn number(&self, key: &str) -> Option<String> {
        let value = self.readings().last()?.get(key)?.as_number()?;
        Some(value.to_string())
    }
}

const CHARGER: &[(&str, &str)] = &[
    ("PID", "0xA053"),
    ("SER#", "HQ0000000AB"),
    ("V", "12800"),
    ("PPV", "20"),
];
/// What can be set on it.
const CHARGER_REGISTERS: &[(u16, &[u8])] = &[
    (0x0100, &[0x53, 0xa0]),
    (0x010a, b"HQ0000000AB\0"),
    (0x0200, &[1]),
    (0x200e, &[0]),
    (0x2015, &[0xff, 0xff]),
    (0xeddf, &[0x96, 0]),
];
const SHUNT: &[(&str, &str)] = &[("PID", "0xA389"), ("V", "12800"), ("SOC", "876")];
const HISTORY: &[(&str, &str)] = &[("H1", "-1000"), ("H17", "123"), ("H18", "456")];
/// A battery monitor's serial number, as a register holds it.
const SERIAL_C: &[u8] = b"HQ00000000C\0\0";
const SERIAL_D: &[u8] = b"HQ00000000D\0\0";
/// As the answer to the question for the product.
const SMART_SHUNT: &[u8] = &[0x89, 0xa3];

#[test]
fn a_device_without_ears_is_told_all_the_same() {
    let mut bench = Bench::new(VictronConfig::default());
    for _ in 0..5 {
        bench.block(CHARGER);
        bench.wait(1000);
    }
    let [device] = bench.devices()[..] else {
        panic!("{:?}", bench.devices())
    };
    assert_eq!(device.id.as_str(), "victron_hq0000000ab");
    assert_eq!(bench.health(), [HealthCode::Online]);
    assert_eq!(bench.number("panel_power").as_deref(), Some("20"));
    let link = bench
        .readings()
        .last()
        .and_then(|readings| readings.get("protocol").cloned());
    assert_eq!(link, Some("text only".into()));
    assert!(
        bench.sent.iter().all(|request| *request == Request::Ping),
        "{:?}",
        bench.sent
    );
    assert!(bench.sent.len() <= 3);
}

#[test]
fn both_blocks_of_a_round_are_told_together() {
    let mut bench = Bench::new(VictronConfig {
        ask: false,
        ..VictronConfig::default()
    });
    for _ in 0..2 {
        bench.block(SHUNT);
        bench.wait(100);
        bench.block(HISTORY);
        bench.wait(2000);
    }
    assert_eq!(bench.readings().len(), 1);
    assert_eq!(bench.number("state_of_charge").as_deref(), Some("87.6"));
    assert_eq!(bench.number("energy_discharged").as_deref(), Some("1.23"));
}

#[test]
fn a_device_that_speaks_hex_only_is_asked_for_everything() {
    let charger: &[(u16, &[u8])] = &[
        (0x0100, &[0x53, 0xa0]),
        (0x010a, b"HQ0000000AB\0"),
        (0xedd5, &[0x00, 0x05]),
        (0xedbc, &[0xd0, 0x07, 0, 0]),
        (0x0201, &[3]),
    ];
    let mut bench = Bench::new(VictronConfig::default()).hears(charger);
    bench.wait(60_000);
    assert_eq!(bench.devices()[0].id.as_str(), "victron_hq0000000ab");
    assert_eq!(bench.number("battery_voltage").as_deref(), Some("12.80"));
    assert_eq!(bench.number("panel_power").as_deref(), Some("20.00"));
    assert_eq!(bench.health().last(), Some(&HealthCode::Online));
    let link = bench
        .readings()
        .last()
        .and_then(|readings| readings.get("protocol").cloned());
    assert_eq!(link, Some("HEX only".into()));
}
