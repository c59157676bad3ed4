use std::net::SocketAddr;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::*;
use crate::adapters::solaredge::wire::{
    Event, EventKind, Inventory, Inverter, Meter, Optimizer, Phase, SessionKey, address,
};
use crate::links::LinkError;
use crate::links::capture::{CaptureWriter, LinkType, Segment};
use crate::model::{DeviceId, HealthCode, Readings};

const INVERTER: u32 = 0x7f12_3456;
const PANEL: Serial = Serial(0x10a1_b2c3);
const OTHER_PANEL: Serial = Serial(0x1021_b2c4);
/// A morning in June.
const BEGIN: i64 = 1_780_297_200;
const KEY: [u8; 16] = *b"0123456789abcdef";

/// An inverter, and who listens to it.
struct Bench {
    overheard: Overheard,
    memory: Memory,
    seconds: u64,
    sequence: u32,
    number: u16,
    reports: Vec<Report>,
    config: SolarEdgeConfig,
    has_begun: bool,
    /// By how much the clock of this computer is wrong.
    ahead: Duration,
    /// The port of the inverter on its connection.
    port: u16,
}

impl Bench {
    fn new() -> Self {
        Self::with(SolarEdgeConfig {
            interface: Some("eth0".to_owned()),
            ..SolarEdgeConfig::default()
        })
    }

    fn with(config: SolarEdgeConfig) -> Self {
        let memory = Memory::passing();
        let mut bench = Self {
            overheard: begin(&config, &memory),
            memory,
            seconds: 0,
            sequence: 1,
            number: 0,
            reports: Vec::new(),
            config,
            has_begun: false,
            ahead: Duration::ZERO,
            port: 2070,
        };
        bench.handle(Input::Opened);
        bench
    }

    /// The program ends and begins again.
    fn restart(&mut self) {
        self.overheard = begin(&self.config, &self.memory);
        self.reports.clear();
        self.has_begun = false;
        self.handle(Input::Opened);
    }

    fn now(&self) -> Moment {
        Moment {
            wall: Timestamp::from_second(BEGIN).unwrap()
                + Duration::from_secs(self.seconds)
                + self.ahead,
            steady: Duration::from_secs(1000 + self.seconds),
        }
    }

    fn handle(&mut self, input: Input<'_>) {
        let now = self.now();
        self.overheard.handle(input, now);
        loop {
            match self.overheard.poll() {
                Output::Report(report) => self.reports.push(report),
                Output::Wait(wake) => {
                    assert!(
                        wake > now.steady,
                        "it would be asked again at once, for ever"
                    );
                    break;
                }
                Output::Send(_) | Output::Answer(..) => panic!("nothing is ever sent"),
                _ => {}
            }
        }
    }

    fn pass(&mut self, seconds: u64) {
        for _ in 0..seconds / 60 {
            self.seconds += 60;
            self.handle(Input::Time);
        }
    }

    /// These bytes pass on the connection of the inverter.
    fn pass_by(&mut self, bytes: &[u8]) {
        let address = |text: &str| text.parse::<SocketAddr>().unwrap();
        let segment = Segment {
            mac: Some([0x00, 0x27, 0x02, 1, 2, 3]),
            sequence: self.sequence,
            payload: bytes,
            ..Segment::between(
                SocketAddr::new([192, 0, 2, 5].into(), self.port),
                address("198.51.100.2:22222"),
            )
        };
        self.sequence = self.sequence.wrapping_add(bytes.len() as u32);
        let mut writer = CaptureWriter::pcapng(LinkType::ETHERNET);
        if std::mem::replace(&mut self.has_begun, true) {
            writer.clear();
        }
        let at = Duration::from_secs(BEGIN as u64 + self.seconds);
        writer.packet(at, &segment.encode(LinkType::ETHERNET));
        let capture = writer.take();
        self.handle(Input::Bytes(&capture));
    }

    fn frame(&mut self, function: u16, data: &[u8]) -> Vec<u8> {
        self.number += 1;
        let mut bytes = Vec::new();
        let frame = Frame {
            sequence: self.number,
            source: INVERTER,
            destination: address::SERVER,
            function,
            data,
        };
        frame.encode(&mut bytes);
        bytes
    }

    fn tell(&mut self, records: &[Record<'_>]) {
        let bytes = self.telemetry(records);
        self.pass_by(&bytes);
    }

    fn telemetry(&mut self, records: &[Record<'_>]) -> Vec<u8> {
        let mut data = Vec::new();
        for record in records {
            record.encode(&mut data);
        }
        self.frame(function::TELEMETRY, &data)
    }

    fn unix(&self) -> u32 {
        u32::try_from(BEGIN).unwrap() + self.seconds as u32
    }

    fn values(&self, id: &str) -> impl Iterator<Item = &Readings> {
        self.reports.iter().filter_map(move |report| match report {
            Report::Readings(readings) if readings.device.as_str() == id => Some(readings),
            _ => None,
        })
    }

    fn last(&self, id: &str, key: &str) -> Option<String> {
        let value = self
            .values(id)
            .filter_map(|readings| readings.get(key))
            .last()?;
        Some(value.to_json().to_string())
    }

    fn health(&self, id: &str) -> Option<HealthCode> {
        let of_device = |report: &Report| match report {
            Report::Health(device, health) | Report::Absent(device, health)
                if device.as_str() == id =>
            {
                Some(health.code)
            }
            _ => None,
        };
        self.reports.iter().rev().find_map(of_device)
    }

    fn late(&self) -> usize {
        let is_late = |report: &&Report| matches!(report, Report::Late(_));
        self.reports.iter().filter(is_late).count()
    }

    fn is_described(&self, id: &str) -> bool {
        let is_it =
            |report: &Report| matches!(report, Report::Device(device) if device.id.as_str() == id);
        self.reports.iter().any(is_it)
    }
}

fn begin(config: &SolarEdgeConfig, memory: &Memory) -> Overheard {
    let keys = Arc::new(UnitKeys::read(config).unwrap());
    let start = Start {
        memory: memory.clone(),
        zone: TimeZone::UTC,
        is_trial: false,
    };
    Overheard::new(&Arc::new(config.clone()), &keys, start)
}

fn id(serial: Serial) -> String {
    DeviceId::new("solaredge", &serial.to_string()).to_string()
}

fn inverter_id() -> String {
    id(Serial(INVERTER))
}

fn inverter(at: u32, watts: f32, total: u64) -> Record<'static> {
    Record::Inverter(Inverter {
        id: INVERTER | 0x0080_0000,
        at,
        uptime: Some(3600),
        interval: Some(300),
        energy_interval: Some(watts / 12.0),
        energy_total: Some(total),
        mode: Some(4),
        phases: vec![Phase {
            voltage: Some(230.5),
            active_power: Some(watts),
            ..Phase::default()
        }],
        ..Inverter::default()
    })
}

fn panel(serial: Serial, at: u32, energy: f32) -> Record<'static> {
    Record::Optimizer(Optimizer {
        serial,
        kind: 0x0080,
        inverter: None,
        at,
        uptime: Some(3600),
        input_voltage: Some(32.0),
        output_voltage: Some(30.0),
        input_current: Some(5.0),
        energy: Some(energy),
        temperature: Some(30.0),
    })
}

fn sleep(at: u32) -> Record<'static> {
    Record::Event(Event {
        id: INVERTER,
        at,
        kind: EventKind::WakeOrSleep { utc: at, local: at },
    })
}

#[test]
fn what_is_told_is_there_with_one_telegram() {
    let mut bench = Bench::new();
    let at = bench.unix() - 20;
    bench.tell(&[inverter(at, 1500.0, 1_000_000), panel(PANEL, at, 100.0)]);
    assert!(bench.is_described(&inverter_id()) && bench.is_described(&id(PANEL)));
    assert_eq!(bench.last(&inverter_id(), "power").as_deref(), Some("1500"));
    assert_eq!(
        bench.last(&inverter_id(), "energy_total").as_deref(),
        Some("1000")
    );
    assert_eq!(bench.last(&id(PANEL), "power").as_deref(), Some("160"));
    assert_eq!(bench.health(&inverter_id()), Some(HealthCode::Online));
    // The same again, since the answer was lost.
    let before = bench.reports.len();
    bench.tell(&[inverter(at, 1500.0, 1_000_000), panel(PANEL, at, 100.0)]);
    assert_eq!(bench.reports.len(), before);
}

#[test]
fn what_was_kept_back_is_late_and_never_shown() {
    let mut bench = Bench::new();
    for step in 0..12 {
        let at = bench.unix() - 7200 + 300 * step;
        bench.tell(&[
            inverter(at, 3000.0, 1_000_000 + u64::from(step)),
            panel(PANEL, at, 1.0),
        ]);
    }
    assert_eq!(bench.late(), 24);
    assert_eq!(bench.values(&inverter_id()).count(), 0);
    let at = bench.unix() - 10;
    bench.tell(&[inverter(at, 500.0, 1_000_100)]);
    assert_eq!(bench.last(&inverter_id(), "power").as_deref(), Some("500"));
    // The day began with the first record of this day, late as it was.
    assert_eq!(
        bench.last(&inverter_id(), "energy_today").as_deref(),
        Some("0.35")
    );
}

#[test]
fn a_sleeping_inverter_has_no_power_and_a_silent_one_no_values() {
    let mut bench = Bench::new();
    let at = bench.unix();
    bench.tell(&[inverter(at, 6.0, 1_000_000), panel(PANEL, at, 100.0)]);
    bench.tell(&[sleep(at + 1)]);
    assert_eq!(bench.last(&inverter_id(), "power").as_deref(), Some("0"));
    assert_eq!(
        bench.last(&inverter_id(), "voltage").as_deref(),
        Some("null")
    );
    assert_eq!(bench.last(&id(PANEL), "power").as_deref(), Some("0"));
    assert_eq!(bench.health(&inverter_id()), Some(HealthCode::Asleep));
    bench.pass(12 * 3600);
    assert_eq!(bench.health(&inverter_id()), Some(HealthCode::Asleep));
    let at = bench.unix();
    bench.tell(&[inverter(at, 800.0, 1_000_001)]);
    assert_eq!(bench.health(&inverter_id()), Some(HealthCode::Online));
    bench.pass(16 * 60);
    assert_eq!(bench.health(&inverter_id()), Some(HealthCode::Silent));
    assert_eq!(bench.health(&id(PANEL)), Some(HealthCode::Silent));
    let at = bench.unix();
    bench.tell(&[inverter(at, 0.0, 1_000_001)]);
    bench.pass(16 * 60);
    assert_eq!(bench.health(&inverter_id()), Some(HealthCode::Asleep));
}

#[test]
fn a_restart_at_night_knows_that_it_is_night() {
    let mut bench = Bench::new();
    let at = bench.unix();
    bench.tell(&[inverter(at, 6.0, 1_000_000), panel(PANEL, at, 100.0)]);
    bench.tell(&[sleep(at + 1)]);
    bench.pass(3600);
    bench.restart();
    assert!(bench.is_described(&inverter_id()) && bench.is_described(&id(PANEL)));
    assert_eq!(bench.health(&inverter_id()), Some(HealthCode::Asleep));
    assert_eq!(bench.last(&inverter_id(), "power").as_deref(), Some("0"));
    // What wattbridge has heard before is not counted again.
    let at = bench.unix();
    bench.tell(&[inverter(at, 60.0, 1_000_005), panel(PANEL, at, 101.0)]);
    assert_eq!(
        bench.last(&inverter_id(), "energy_today").as_deref(),
        Some("0.0055")
    );
    assert_eq!(
        bench.last(&id(PANEL), "energy_today").as_deref(),
        Some("0.101")
    );
}

#[test]
fn an_optimizer_that_says_nothing_while_the_sun_shines_is_told() {
    let mut bench = Bench::new();
    let at = bench.unix();
    bench.tell(&[Record::Optimizers(Inventory {
        id: INVERTER,
        at,
        listed: vec![PANEL, OTHER_PANEL],
    })]);
    for step in 0..8 {
        let at = bench.unix();
        bench.tell(&[
            inverter(at, 900.0, 1_000_000 + step),
            panel(PANEL, at, 10.0 + step as f32),
        ]);
        bench.pass(300);
    }
    assert_eq!(
        bench.health(&id(OTHER_PANEL)),
        Some(HealthCode::OutOfContact)
    );
    assert_eq!(bench.health(&id(PANEL)), Some(HealthCode::Online));
    assert_eq!(
        bench.last(&inverter_id(), "optimizers_paired").as_deref(),
        Some("2")
    );
    assert_eq!(
        bench
            .last(&inverter_id(), "optimizers_reporting")
            .as_deref(),
        Some("1")
    );
    // It is taken away.
    let at = bench.unix();
    bench.tell(&[Record::Optimizers(Inventory {
        id: INVERTER,
        at,
        listed: vec![PANEL],
    })]);
    assert_eq!(bench.health(&id(OTHER_PANEL)), Some(HealthCode::NoData));
    assert!(
        bench
            .reports
            .iter()
            .any(|report| matches!(report, Report::Absent(..)))
    );
}

fn meter(at: u32, watts: f32) -> Record<'static> {
    Record::Meter(Meter {
        id: INVERTER,
        at,
        kind: 5,
        total_in: Some(5000),
        power_in: Some(watts),
        interval: Some(300),
        ..Meter::default()
    })
}

#[test]
fn what_a_meter_said_before_a_restart_is_not_said_again() {
    let mut bench = Bench::new();
    let at = bench.unix();
    bench.tell(&[meter(at - 300, 900.0), meter(at, 250.0)]);
    bench.restart();
    // The inverter got no answer, and sends it once more.
    bench.tell(&[meter(at - 300, 900.0), meter(at, 250.0)]);
    let grid = format!("{}_meter_5", inverter_id());
    assert_eq!(bench.values(&grid).count(), 0);
    assert_eq!(bench.late(), 2);
    bench.tell(&[meter(at + 1, 260.0)]);
    assert_eq!(bench.last(&grid, "power_import").as_deref(), Some("260"));
}

#[test]
fn a_meter_that_falls_silent_keeps_no_power() {
    let mut bench = Bench::new();
    let meter = |at| meter(at, 250.0);
    let at = bench.unix();
    bench.tell(&[inverter(at, 900.0, 1_000_000), meter(at)]);
    let grid = format!("{}_meter_5", inverter_id());
    assert_eq!(bench.last(&grid, "power_import").as_deref(), Some("250"));
    for step in 1..5 {
        bench.pass(300);
        let at = bench.unix();
        bench.tell(&[inverter(at, 900.0, 1_000_000 + step)]);
    }
    assert_eq!(bench.last(&grid, "power_import").as_deref(), Some("null"));
    assert_eq!(bench.last(&grid, "energy_import").as_deref(), Some("5"));
    assert_eq!(bench.health(&grid), Some(HealthCode::Silent));
}

fn sealed(bench: &mut Bench, session: &SessionKey, records: &[Record<'_>]) -> Vec<u8> {
    let inner = bench.telemetry(records);
    let inner = Frame::exactly(&inner).unwrap();
    let envelope = session.seal(&inner, [7; 16], 9, [1, 2, 3, 4]);
    bench.frame(function::SEALED, &envelope)
}

fn session() -> (DeviceKey, SessionKey, Handshake) {
    let key = DeviceKey::new(KEY).unwrap();
    let session = SessionKey::new(zeroize::Zeroizing::new([0x42; 16]));
    let handshake = Handshake::offer(&key, &session, [0x17; 16]);
    (key, session, handshake)
}

#[test]
fn what_is_sealed_is_opened_after_a_restart_too() {
    let (key, session, handshake) = session();
    let mut bench = Bench::with(SolarEdgeConfig {
        interface: Some("eth0".to_owned()),
        key: Some(crate::config::Secret::new(key.reveal().as_str())),
        ..SolarEdgeConfig::default()
    });
    let hello = bench.frame(function::SESSION_KEY, &handshake.data());
    bench.pass_by(&hello);
    for total in [1_000_000, 1_000_100] {
        let at = bench.unix();
        let bytes = sealed(&mut bench, &session, &[inverter(at, 700.0, total)]);
        bench.pass_by(&bytes);
        assert_eq!(bench.last(&inverter_id(), "power").as_deref(), Some("700"));
        assert_eq!(
            bench.last(&inverter_id(), "encryption").as_deref(),
            Some("\"opened\"")
        );
        bench.restart();
        bench.seconds += 300;
    }
    assert!(
        bench
            .memory
            .get::<BTreeMap<String, String>>(FOUND_KEYS)
            .is_none()
    );
}

#[test]
fn sessions_that_somebody_makes_up_do_not_take_the_place_of_the_true_one() {
    let (key, session, handshake) = session();
    let mut bench = Bench::with(SolarEdgeConfig {
        interface: Some("eth0".to_owned()),
        key: Some(crate::config::Secret::new(key.reveal().as_str())),
        ..SolarEdgeConfig::default()
    });
    let hello = bench.frame(function::SESSION_KEY, &handshake.data());
    bench.pass_by(&hello);
    let at = bench.unix();
    let bytes = sealed(&mut bench, &session, &[inverter(at, 700.0, 1_000_000)]);
    bench.pass_by(&bytes);
    let true_port = std::mem::replace(&mut bench.port, 2071);
    let made_up = bench.frame(function::SESSION_KEY, &[0x55; 34]);
    bench.pass_by(&made_up);
    bench.port = 2072;
    for round in 0..5 {
        let bytes = bench.frame(function::SEALED, &[round; 66]);
        bench.pass_by(&bytes);
    }
    // Something that is remembered comes in clear.
    let bytes = bench.telemetry(&[sleep(at - 86_400)]);
    bench.pass_by(&bytes);
    bench.restart();
    bench.port = true_port;
    bench.seconds += 300;
    let at = bench.unix();
    let bytes = sealed(&mut bench, &session, &[inverter(at, 800.0, 1_000_100)]);
    bench.pass_by(&bytes);
    assert_eq!(bench.last(&inverter_id(), "power").as_deref(), Some("800"));
}

#[test]
fn why_it_stays_shut_is_told() {
    let (_, session, handshake) = session();
    let shut = |key: Option<&str>, is_begun: bool| {
        let mut bench = Bench::with(SolarEdgeConfig {
            interface: Some("eth0".to_owned()),
            key: key.map(crate::config::Secret::new),
            ..SolarEdgeConfig::default()
        });
        if is_begun {
            let hello = bench.frame(function::SESSION_KEY, &handshake.data());
            bench.pass_by(&hello);
        }
        let at = bench.unix();
        let bytes = sealed(&mut bench, &session, &[inverter(at, 700.0, 1)]);
        bench.pass_by(&bytes);
        assert_eq!(bench.values(&inverter_id()).count(), 0);
        bench.health(&inverter_id())
    };
    let wrong = "ffeeddccbbaa99887766554433221100";
    assert_eq!(shut(None, true), Some(HealthCode::KeyMissing));
    assert_eq!(shut(Some(wrong), true), Some(HealthCode::KeyWrong));
    assert_eq!(shut(Some(wrong), false), Some(HealthCode::NoData));
}

#[test]
fn a_key_that_is_read_out_is_used_and_remembered() {
    let (_, session, handshake) = session();
    let mut bench = Bench::new();
    let ask = |bench: &mut Bench, part: usize| {
        bench.number += 1;
        let number = bench.number;
        let mut bytes = Vec::new();
        let question = Frame {
            sequence: number,
            source: address::TOOL,
            destination: INVERTER,
            function: function::GET_PARAMETERS,
            data: &(0x0239_u16 + part as u16).to_le_bytes(),
        };
        question.encode(&mut bytes);
        let mut value = KEY[4 * part..4 * part + 4].to_vec();
        value.extend([0, 0]);
        let answer = Frame {
            sequence: number,
            source: INVERTER,
            destination: address::TOOL,
            function: function::PARAMETERS,
            data: &value,
        };
        answer.encode(&mut bytes);
        bench.pass_by(&bytes);
    };
    for part in 0..4 {
        ask(&mut bench, part);
    }
    let hello = bench.frame(function::SESSION_KEY, &handshake.data());
    bench.pass_by(&hello);
    bench.restart();
    let at = bench.unix();
    let bytes = sealed(&mut bench, &session, &[inverter(at, 700.0, 1_000_000)]);
    bench.pass_by(&bytes);
    assert_eq!(bench.last(&inverter_id(), "power").as_deref(), Some("700"));
    let told = format!("{:?}", bench.reports);
    assert!(!told.contains("30313233") && !told.contains("0123456789abcdef"));
}

#[test]
fn a_section_without_packets_says_so() {
    let mut bench = Bench::new();
    bench.pass(600);
    let told: Vec<_> = bench
        .reports
        .iter()
        .filter(|it| matches!(it, Report::Source(_)))
        .collect();
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(bench.last(&inverter_id(), "power"), None::<String>);
}

#[test]
fn a_clock_that_stood_years_ahead_stops_nothing_once_it_is_right() {
    let mut bench = Bench::new();
    bench.ahead = Duration::from_secs(4 * 365 * 86_400);
    for step in 0..5 {
        let at = bench.unix();
        let total = 1_000_000 + 10 * step;
        bench.tell(&[
            inverter(at, 900.0, total),
            panel(PANEL, at, 10.0 + step as f32),
        ]);
        bench.pass(300);
    }
    assert!(bench.values(&inverter_id()).next().is_some());
    bench.ahead = Duration::ZERO;
    bench.restart();
    for step in 5..8 {
        let at = bench.unix();
        let total = 1_000_000 + 10 * step;
        bench.tell(&[
            inverter(at, 901.0, total),
            panel(PANEL, at, 10.0 + step as f32),
        ]);
        bench.pass(300);
    }
    assert_eq!(bench.values(&inverter_id()).count(), 3);
    assert_eq!(bench.values(&id(PANEL)).count(), 3);
    assert_eq!(bench.last(&inverter_id(), "power").as_deref(), Some("901"));
    // The interval of the first record that has a day, and what was gained since.
    let today = bench.last(&inverter_id(), "energy_today");
    assert_eq!(today.as_deref(), Some("0.095083"));
}

#[test]
fn a_cable_that_was_pulled_at_night_leaves_the_inverter_asleep() {
    let mut bench = Bench::new();
    let at = bench.unix();
    bench.tell(&[
        inverter(at, 6.0, 1_000_000),
        panel(PANEL, at, 100.0),
        sleep(at + 1),
    ]);
    let pulled = LinkError::Broken("/dev/null".parse().unwrap(), "pulled".to_owned());
    bench.handle(Input::Closed);
    bench.handle(Input::Unreachable(&pulled));
    assert_eq!(bench.health(&inverter_id()), Some(HealthCode::Unreachable));
    assert_eq!(bench.health(&id(PANEL)), Some(HealthCode::Unreachable));
    bench.has_begun = false;
    bench.handle(Input::Opened);
    assert_eq!(bench.health(&inverter_id()), Some(HealthCode::Asleep));
    assert_eq!(bench.health(&id(PANEL)), Some(HealthCode::Asleep));
}

#[test]
fn a_day_that_begins_while_the_inverter_sleeps_has_brought_nothing_yet() {
    let mut bench = Bench::new();
    let at = bench.unix();
    bench.tell(&[inverter(at, 1200.0, 1_000_000), panel(PANEL, at, 100.0)]);
    bench.pass(300);
    let at = bench.unix();
    bench.tell(&[inverter(at, 6.0, 1_000_100), panel(PANEL, at, 200.0)]);
    bench.tell(&[sleep(at + 1)]);
    let midnight = Timestamp::from_second(BEGIN)
        .unwrap()
        .to_zoned(TimeZone::UTC);
    let midnight = midnight.tomorrow().unwrap().start_of_day().unwrap();
    let left = midnight.timestamp().as_second() - i64::from(bench.unix());
    let today = |bench: &Bench, id: &str| {
        let last = bench
            .values(id)
            .filter(|it| it.get("energy_today").is_some());
        last.last()
            .map(|it| (it.day, bench.last(id, "energy_today").unwrap()))
    };
    let ids = [inverter_id(), id(PANEL)];
    bench.pass(left as u64 - 60);
    for id in &ids {
        assert_ne!(today(&bench, id).unwrap().1, "0");
    }
    bench.pass(120);
    for id in &ids {
        assert_eq!(
            today(&bench, id),
            Some((Some(midnight.date()), "0".to_owned()))
        );
    }
    // Once.
    let before = bench.reports.len();
    bench.pass(4 * 3600);
    assert_eq!(bench.reports.len(), before);
    let at = bench.unix();
    bench.tell(&[inverter(at, 60.0, 1_000_105)]);
    assert_eq!(
        today(&bench, &ids[0]),
        Some((Some(midnight.date()), "0.005".to_owned()))
    );
}

#[test]
fn who_may_have_woken_up_unheard_is_not_said_to_have_brought_nothing() {
    let mut bench = Bench::new();
    let at = bench.unix();
    bench.tell(&[inverter(at, 6.0, 1_000_000)]);
    bench.tell(&[sleep(at + 1)]);
    bench.restart();
    let before = bench
        .values(&inverter_id())
        .filter(|it| it.get("energy_today").is_some())
        .count();
    bench.pass(24 * 3600);
    let after = bench
        .values(&inverter_id())
        .filter(|it| it.get("energy_today").is_some())
        .count();
    assert_eq!(after, before);
}

#[test]
fn values_of_another_time_are_told_as_such() {
    let mut bench = Bench::new();
    let at = bench.unix() + 7200;
    bench.tell(&[inverter(at, 1200.0, 1_000_000)]);
    assert_eq!(bench.health(&inverter_id()), Some(HealthCode::NoData));
    assert_eq!(bench.values(&inverter_id()).count(), 0);
    bench.pass(300);
    bench.tell(&[inverter(at + 300, 1200.0, 1_000_100)]);
    bench.pass(300);
    bench.tell(&[inverter(at + 600, 1200.0, 1_000_200)]);
    assert_eq!(bench.health(&inverter_id()), Some(HealthCode::Degraded));
    assert_eq!(bench.last(&inverter_id(), "power").as_deref(), Some("1200"));
    // This computer's clock is set ahead by a day, and the inverter goes on.
    bench.ahead += Duration::from_secs(86_400);
    bench.pass(300);
    bench.tell(&[inverter(at + 900, 1200.0, 1_000_300)]);
    assert_eq!(bench.health(&inverter_id()), Some(HealthCode::Degraded));
}

mod gaps;
