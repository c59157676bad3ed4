use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::adapters::victron::diagnosis;
use crate::adapters::victron::wire::hex::{Frame, Request, encode_frame};
use crate::adapters::victron::wire::text::encode_block;
use crate::model::{Device, DeviceId, Readings};

const START: i64 = 1_800_000_000;

/// A line, and all that it has told.
struct Bench {
    reception: Reception,
    milliseconds: i64,
    reports: Vec<Report>,
    /// Questions that were sent.
    sent: Vec<Request>,
    /// Registers that the device has. Without any it hears nothing.
    registers: BTreeMap<u16, Vec<u8>>,
}

impl Bench {
    fn new(config: Config) -> Self {
        Self::knowing(config, Remembered::default())
    }

    fn knowing(config: Config, known: Remembered) -> Self {
        let port = "VE000001".to_owned();
        let mut reception = Reception::new(Arc::new(config), port, known, TimeZone::UTC);
        reception.opened(Timestamp::from_second(START).unwrap());
        Self {
            reception,
            milliseconds: 0,
            reports: Vec::new(),
            sent: Vec::new(),
            registers: BTreeMap::new(),
        }
    }

    fn at(&self) -> Timestamp {
        Timestamp::from_millisecond(START * 1000 + self.milliseconds).unwrap()
    }

    fn push(&mut self, bytes: &[u8]) {
        let at = self.at();
        let reports = self.reception.push(bytes, at, |_| {});
        self.reports.extend(reports);
        self.ask();
    }

    fn block(&mut self, fields: &[(&str, &str)]) {
        self.push(&encode_block(fields).unwrap());
    }

    /// Lets so much time pass.
    fn wait(&mut self, milliseconds: i64) {
        let end = self.milliseconds + milliseconds;
        loop {
            self.milliseconds = (self.milliseconds + 100).min(end);
            let at = self.at();
            let reports = self.reception.tick(at);
            self.reports.extend(reports);
            self.ask();
            if self.milliseconds >= end {
                break;
            }
        }
    }

    /// Sends what is to be sent, and has it answered.
    fn ask(&mut self) {
        let at = self.at();
        while let Some(bytes) = self.reception.next_request(at, true) {
            let mut collector = crate::adapters::victron::wire::hex::Collector::default();
            let frame = Frame::parse(&bytes, &mut collector).unwrap();
            let request = Request::decode(&frame).unwrap();
            self.sent.push(request.clone());
            let Some(answer) = self.answer(&request) else {
                return;
            };
            let reports = self.reception.push(&answer, at, |_| {});
            self.reports.extend(reports);
        }
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
        let at = self.at();
        if let Some(done) = self.reception.command(9, key, value, at)? {
            return Ok(done);
        }
        for _ in 0..10 {
            self.block(block);
            self.wait(1000);
            let mut finished = self.reception.finished().into_iter();
            if let Some(finished) = finished.find(|finished| finished.id == 9) {
                return finished.result;
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
            Report::Health(_, health) | Report::Source(health) => Some(health.code),
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

/// A device that may be set, and has been met.
fn controlled(registers: &[(u16, &[u8])], block: &[(&str, &str)]) -> Bench {
    let config = Config {
        allow_control: true,
        ..Config::default()
    };
    let mut bench = Bench::new(config).hears(registers);
    for _ in 0..20 {
        bench.block(block);
        bench.wait(1000);
    }
    assert!(!bench.devices().last().unwrap().controls.is_empty());
    bench
}

#[test]
fn a_device_without_ears_is_told_all_the_same() {
    let mut bench = Bench::new(Config::default());
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
    let mut bench = Bench::new(Config {
        ask: false,
        ..Config::default()
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
fn a_shunt_is_named_by_the_number_that_it_tells_when_asked() {
    let mut bench = Bench::new(Config::default()).hears(&[
        (0x0100, SMART_SHUNT),
        (0x010a, SERIAL_C),
        (0x010c, b"Boat\0"),
    ]);
    for _ in 0..4 {
        bench.block(SHUNT);
        bench.wait(1000);
    }
    let [device] = bench.devices()[..] else {
        panic!("{:?}", bench.devices())
    };
    assert_eq!(device.id.as_str(), "victron_hq00000000c");
    assert_eq!(device.name, "Boat");
    assert_eq!(device.firmware.as_deref(), Some("1.59"));
}

#[test]
fn of_two_shunts_alike_the_values_go_to_the_right_one() {
    let mut bench =
        Bench::new(Config::default()).hears(&[(0x0100, SMART_SHUNT), (0x010a, SERIAL_C)]);
    for _ in 0..4 {
        bench.block(SHUNT);
        bench.wait(1000);
    }
    // The cable is put into the other one.
    let at = bench.at();
    bench.reception.opened(at);
    bench.registers.insert(0x010a, SERIAL_D.to_vec());
    bench.reports.clear();
    for _ in 0..4 {
        bench.block(&[("PID", "0xA389"), ("V", "25600"), ("SOC", "100")]);
        bench.wait(1000);
    }
    let id = |serial: &str| DeviceId::new(super::super::KIND, serial);
    assert_eq!(
        bench.reports.first(),
        Some(&Report::Health(id("HQ00000000C"), diagnosis::replaced()))
    );
    assert!(!bench.readings().is_empty());
    for readings in bench.readings() {
        assert_eq!(readings.device, id("HQ00000000D"));
    }
}

#[test]
fn another_product_on_the_port_is_another_device() {
    let mut bench = Bench::new(Config {
        ask: false,
        ..Config::default()
    });
    bench.block(CHARGER);
    bench.wait(2000);
    bench.reports.clear();
    for _ in 0..5 {
        bench.block(&[("PID", "0xA054"), ("SER#", "HQ0000000AC"), ("V", "13000")]);
        bench.wait(1000);
    }
    let gone = DeviceId::new(super::super::KIND, "HQ0000000AB");
    assert_eq!(
        bench.reports.first(),
        Some(&Report::Health(gone, diagnosis::replaced()))
    );
    assert_eq!(bench.devices()[0].id.as_str(), "victron_hq0000000ac");
    assert_eq!(
        bench.health(),
        [HealthCode::Unreachable, HealthCode::Online]
    );
    for readings in bench.readings() {
        assert_eq!(readings.get("panel_power"), None);
    }
}

#[test]
fn a_damaged_serial_number_makes_no_device() {
    let damaged: Vec<_> = CHARGER
        .iter()
        .map(|(label, value)| match *label {
            "SER#" => ("SER#", "HQ00000O0AB"),
            label => (label, *value),
        })
        .collect();
    let mut bench = Bench::new(Config {
        ask: false,
        ..Config::default()
    });
    for fields in [
        &damaged[..],
        CHARGER,
        CHARGER,
        CHARGER,
        &damaged,
        CHARGER,
        &damaged,
        CHARGER,
    ] {
        bench.block(fields);
        bench.wait(1000);
    }
    bench.wait(1000);
    let ids: Vec<_> = bench
        .devices()
        .iter()
        .map(|device| device.id.to_string())
        .collect();
    assert_eq!(ids, ["victron_hq0000000ab"]);
    assert!(!bench.readings().is_empty());
}

#[test]
fn silence_is_told_and_so_is_its_end() {
    let mut bench = Bench::new(Config {
        ask: false,
        ..Config::default()
    });
    bench.block(CHARGER);
    bench.wait(60_000);
    assert_eq!(bench.health(), [HealthCode::Online, HealthCode::Silent]);
    bench.block(CHARGER);
    bench.wait(2000);
    assert_eq!(bench.health().last(), Some(&HealthCode::Online));
}

#[test]
fn a_charger_that_lives_on_its_panels_sleeps_at_night() {
    let mut bench = Bench::new(Config {
        ask: false,
        ..Config::default()
    });
    bench.block(&[
        ("PID", "0xA044"),
        ("SER#", "HQ0000000AD"),
        ("V", "25600"),
        ("PPV", "3"),
        ("H19", "100"),
    ]);
    bench.wait(60_000);
    assert_eq!(bench.health(), [HealthCode::Online, HealthCode::Asleep]);
    assert_eq!(bench.number("panel_power").as_deref(), Some("0"));
    assert_eq!(bench.number("energy_resettable").as_deref(), Some("1.00"));
    // Nobody sleeps through the next day. The port is opened anew now and then.
    for round in 0..24 * 400 {
        bench.milliseconds += 9_000;
        bench.wait(0);
        if round % 70 == 0 {
            let at = bench.at();
            bench.reception.opened(at);
        }
    }
    assert_eq!(bench.health().last(), Some(&HealthCode::Silent));
}

#[test]
fn a_night_in_which_the_program_starts_is_a_night_too() {
    let mut evening = Bench::new(Config {
        ask: false,
        ..Config::default()
    });
    for _ in 0..3 {
        evening.block(&[
            ("PID", "0xA044"),
            ("SER#", "HQ0000000AD"),
            ("V", "25600"),
            ("PPV", "3"),
        ]);
        evening.wait(1000);
    }
    let known = evening.reception.unit().remembered().clone();
    let mut night = Bench::knowing(Config::default(), known);
    night.wait(60_000);
    assert_eq!(night.health(), [HealthCode::Asleep]);
    assert_eq!(night.number("panel_power").as_deref(), Some("0"));
    assert_eq!(night.number("battery_voltage"), None);
}

#[test]
fn what_can_be_set_stays_over_a_restart() {
    let config = Config {
        allow_control: true,
        ..Config::default()
    };
    let registers: [(u16, &[u8]); 2] = [(0x0200, &[1]), (0xedab, &[4])];
    let run = |known: Remembered| {
        let mut bench = Bench::knowing(config.clone(), known).hears(&registers);
        for _ in 0..30 {
            bench.block(&[
                ("PID", "0xA053"),
                ("SER#", "HQ0000000AE"),
                ("V", "12600"),
                ("PPV", "3"),
            ]);
            bench.wait(1000);
        }
        bench
    };
    let keys = |device: &&Device| -> Vec<String> {
        let controls = device.controls.iter();
        controls.map(|control| control.key.to_string()).collect()
    };
    let first = run(Remembered::default());
    let all = keys(first.devices().last().unwrap());
    assert_eq!(all, ["mode", "load_output", "load_control"]);
    let again = run(first.reception.unit().remembered().clone());
    let announced: Vec<_> = again.devices().iter().map(keys).collect();
    assert!(!announced.is_empty());
    assert!(announced.iter().all(|keys| *keys == all), "{announced:?}");
    let mut without = Bench::knowing(
        Config::default(),
        first.reception.unit().remembered().clone(),
    );
    without.block(&[("PID", "0xA053"), ("SER#", "HQ0000000AE"), ("V", "12600")]);
    without.wait(30_000);
    let announced: Vec<_> = without.devices().iter().map(keys).collect();
    assert!(!announced.is_empty());
    assert!(announced.iter().all(Vec::is_empty), "{announced:?}");
}

#[test]
fn noise_is_told_from_silence() {
    let mut bench = Bench::new(Config {
        ask: false,
        ..Config::default()
    });
    for _ in 0..100 {
        bench.push(&[0x80, 0xf8, 0x00, 0x78]);
        bench.wait(500);
    }
    assert_eq!(bench.health(), [HealthCode::Garbled]);
    let mut bench = Bench::new(Config {
        ask: false,
        ..Config::default()
    });
    bench.wait(60_000);
    assert_eq!(bench.health(), [HealthCode::Silent]);
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
    let mut bench = Bench::new(Config::default()).hears(charger);
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

#[test]
fn a_command_is_written_read_back_and_shown() {
    let charger: &[(u16, &[u8])] = &[(0x0100, &[0x53, 0xa0]), (0x0200, &[1])];
    let config = Config {
        allow_control: true,
        ..Config::default()
    };
    let mut bench = Bench::new(config).hears(charger);
    for _ in 0..20 {
        bench.block(CHARGER);
        bench.wait(1000);
    }
    let device = bench.devices().last().copied().cloned().unwrap();
    assert!(device.control("mode").is_some());
    let at = bench.at();
    assert_eq!(
        bench.reception.command(5, "mode", &"off".into(), at),
        Ok(None)
    );
    bench.block(CHARGER);
    bench.wait(1000);
    let finished = bench.reception.finished();
    assert_eq!(
        finished,
        [Finished {
            id: 5,
            result: Ok("off".into())
        }]
    );
    assert_eq!(bench.registers[&0x0200], [4]);
    bench.block(CHARGER);
    bench.wait(2000);
    let mode = bench
        .readings()
        .last()
        .and_then(|readings| readings.get("mode").cloned());
    assert_eq!(mode, Some("off".into()));
}

#[test]
fn a_command_that_a_lost_connection_interrupts_blocks_no_other() {
    let mut bench = controlled(CHARGER_REGISTERS, CHARGER);
    let at = bench.at();
    bench
        .reception
        .command(1, "mode", &"off".into(), at)
        .unwrap();
    // It is sent, and the connection is lost before the answer.
    assert!(bench.reception.next_request(at, true).is_some());
    bench.reception.opened(at);
    let finished = bench.reception.finished();
    let [
        Finished {
            id: 1,
            result: Err(why),
        },
    ] = &finished[..]
    else {
        panic!("{finished:?}")
    };
    assert!(why.contains("was lost"), "{why}");
    for _ in 0..3 {
        bench.block(CHARGER);
        bench.wait(1000);
    }
    assert_eq!(bench.set("mode", &"off".into(), CHARGER), Ok("off".into()));
}

#[test]
fn what_was_set_on_one_device_is_never_written_to_another() {
    let other: &[(&str, &str)] = &[
        ("PID", "0xA054"),
        ("SER#", "HQ0000000AC"),
        ("V", "25000"),
        ("PPV", "3"),
    ];
    let ten = Value::Number(crate::model::Decimal::integer(10));
    for has_closed in [true, false] {
        let mut bench = controlled(CHARGER_REGISTERS, CHARGER);
        assert_eq!(
            bench.set("charge_current_limit", &ten, CHARGER),
            Ok(ten.clone())
        );
        if !has_closed {
            // The cable is pulled out at the device.
            bench.registers.clear();
            bench.wait(20_000);
            bench = bench.hears(CHARGER_REGISTERS);
        }
        bench.registers.insert(0x0100, vec![0x54, 0xa0]);
        bench.registers.insert(0x010a, b"HQ0000000AC\0".to_vec());
        // A command for the one that is unplugged.
        let at = bench.at();
        if has_closed {
            bench.milliseconds += 29_000;
            bench.reception.opened(at);
        }
        let since = bench.sent.len();
        let at = bench.at();
        bench
            .reception
            .command(3, "mode", &"off".into(), at)
            .unwrap();
        bench.wait(500);
        for _ in 0..60 {
            bench.block(other);
            bench.wait(1000);
        }
        assert_eq!(bench.written(since), [&Request::Ping; 0]);
        let finished = bench.reception.finished();
        let [
            Finished {
                id: 3,
                result: Err(_),
            },
        ] = &finished[..]
        else {
            panic!("{finished:?}")
        };
        assert_eq!(
            bench.devices().last().unwrap().id.as_str(),
            "victron_hq0000000ac"
        );
    }
}

#[test]
fn a_limit_is_lifted_for_good_though_commands_wait() {
    let ten = Value::Number(crate::model::Decimal::integer(10));
    let mut bench = controlled(CHARGER_REGISTERS, CHARGER);
    assert_eq!(
        bench.set("charge_current_limit", &ten, CHARGER),
        Ok(ten.clone())
    );
    let at = bench.at();
    for (id, key, value) in [
        (1, "charge_current_limit", &ten),
        (2, "mode", &"off".into()),
        (3, "mode", &"charger on".into()),
        (4, "mode", &"off".into()),
    ] {
        assert_eq!(bench.reception.command(id, key, value, at), Ok(None));
    }
    // It is on its way, and the next half of it waits.
    assert!(bench.reception.next_request(at, true).is_some());
    let lifted = bench
        .reception
        .command(5, "lift_charge_current_limit", &Value::Unknown, at);
    assert_eq!(lifted, Ok(Some(Value::Unknown)));
    let since = bench.sent.len();
    for _ in 0..60 {
        bench.block(CHARGER);
        bench.wait(1000);
    }
    let finished: Vec<_> = bench
        .reception
        .finished()
        .into_iter()
        .map(|finished| (finished.id, finished.result.is_ok()))
        .collect();
    assert_eq!(finished, [(1, false), (2, true), (3, true), (4, true)]);
    for request in bench.written(since) {
        assert!(matches!(request, Request::Set(0x0200, _)), "{request:?}");
    }
}

#[test]
fn a_device_that_speaks_hex_only_can_be_set_too() {
    let mut bench = Bench::new(Config {
        allow_control: true,
        ..Config::default()
    })
    .hears(CHARGER_REGISTERS);
    bench.wait(60_000);
    let at = bench.at();
    assert_eq!(
        bench.reception.command(4, "mode", &"off".into(), at),
        Ok(None)
    );
    bench.wait(3_000);
    let result = Ok("off".into());
    assert_eq!(bench.reception.finished(), [Finished { id: 4, result }]);
}

#[test]
fn without_leave_nothing_can_be_set_and_nothing_is_asked() {
    let charger: &[(u16, &[u8])] = &[(0x0100, &[0x53, 0xa0]), (0x0200, &[1])];
    let mut bench = Bench::new(Config {
        ask: false,
        ..Config::default()
    })
    .hears(charger);
    bench.block(CHARGER);
    bench.wait(5000);
    assert_eq!(bench.sent, []);
    let mut bench = Bench::new(Config::default()).hears(charger);
    for _ in 0..20 {
        bench.block(CHARGER);
        bench.wait(1000);
    }
    assert!(
        bench
            .devices()
            .iter()
            .all(|device| device.controls.is_empty())
    );
    assert!(
        !bench
            .sent
            .iter()
            .any(|request| matches!(request, Request::Set(..) | Request::Restart))
    );
}

proptest! {
    #[test]
    fn nothing_that_comes_makes_it_panic_or_write(pieces in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..60), 0..30)) {
        let config = Config { allow_control: true, ..Config::default() };
        let mut bench = Bench::new(config);
        for piece in pieces {
            bench.push(&piece);
            bench.wait(300);
        }
        prop_assert!(!bench.sent.iter().any(|request| matches!(request, Request::Set(..) | Request::Restart)));
    }
}
