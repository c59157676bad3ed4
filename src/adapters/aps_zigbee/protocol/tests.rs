//! The conversation with a simulated stick, in virtual time.

use jiff::Zoned;
use jiff::civil::date;

use super::*;
use crate::adapters::aps_zigbee::simulator::{
    InverterManners, ListedInverter, StickBench, StickSettings, ZigbeeList,
};
use crate::adapters::aps_zigbee::wire::ids::ShortAddress;
use crate::adapters::aps_zigbee::wire::znp::{AfIncoming, ZnpMessage};
use crate::model::{Command, Decimal, HealthCode};
use crate::simulation::Sky;

const GATEWAY: &str = "D8A3011B9780";

/// A conversation, a stick, and a clock that only goes on when nothing else happens.
struct Bench {
    conversation: StickConversation,
    config: Arc<ZigbeeConfig>,
    memory: Memory,
    stick: StickBench,
    reports: Vec<Report>,
    answers: Vec<(u64, Result<Value, String>)>,
    wake: Duration,
    commands: u64,
    /// By how much the clock of this computer is wrong.
    ahead: SignedDuration,
    /// What was sent to the stick, and when.
    sent: Vec<(Duration, Vec<u8>)>,
    /// How often its reset line was pulsed, and its port opened anew.
    pulses: u32,
    reopened: u32,
}

fn zone() -> TimeZone {
    TimeZone::get("Europe/Vienna").unwrap()
}

fn begin(config: &Arc<ZigbeeConfig>, memory: &Memory) -> StickConversation {
    let start = Start {
        memory: memory.clone(),
        zone: zone(),
        is_trial: false,
    };
    StickConversation::new(config, start)
}

fn gateway() -> EcuId {
    GATEWAY.parse().unwrap()
}

fn listed(list: &str) -> Vec<ListedInverter> {
    list.parse::<ZigbeeList>().unwrap().0
}

/// What the stick hands over when this is heard from there.
fn overheard(source: ShortAddress, cluster: u16, data: Vec<u8>) -> ZnpMessage {
    ZnpMessage::Incoming(AfIncoming {
        group: 0,
        cluster,
        source,
        source_endpoint: 0x14,
        destination_endpoint: 0x14,
        broadcast: 0,
        lqi: 90,
        security: 0,
        timestamp: 1,
        sequence: 1,
        data,
        last_hop: source,
        radius: 0x0e,
    })
}

impl Bench {
    fn new(list: &str, is_paired: bool) -> Self {
        Self::with(list, is_paired, |_, _| {}, |_| {})
    }

    fn with(
        list: &str,
        is_paired: bool,
        manners: impl Fn(usize, &mut InverterManners),
        change: impl FnOnce(&mut ZigbeeConfig),
    ) -> Self {
        let settings = StickSettings::new(listed(list), is_paired.then_some(gateway()));
        let begin_at = date(2026, 6, 21).at(10, 0, 0, 0).to_zoned(zone()).unwrap();
        Self::of(settings, &begin_at, manners, change)
    }

    /// A stick that gets power at this moment.
    fn of(
        settings: StickSettings,
        begin_at: &Zoned,
        manners: impl Fn(usize, &mut InverterManners),
        change: impl FnOnce(&mut ZigbeeConfig),
    ) -> Self {
        let (inverters, is_paired) = (settings.inverters.iter(), settings.paired.is_some());
        let serials: Vec<InverterSerial> = inverters.map(|it| it.serial).collect();
        let mut stick = StickBench::new(settings, Sky::default(), begin_at);
        for (index, serial) in serials.iter().enumerate() {
            let inverter = stick.stick().mesh.inverter(*serial).unwrap();
            manners(index, &mut inverter.manners);
        }
        let mut config = ZigbeeConfig {
            inverters: serials.clone(),
            ecu_id: Some(gateway()),
            latitude: Some(48.2),
            longitude: Some(16.4),
            ..ZigbeeConfig::default()
        };
        if is_paired {
            for serial in serials {
                let mesh = &mut stick.stick().mesh;
                let address = mesh.inverters().iter().find(|it| it.serial == serial);
                config.addresses.insert(serial, address.unwrap().address);
            }
        }
        change(&mut config);
        let config = Arc::new(config);
        let memory = Memory::passing();
        let mut bench = Self {
            conversation: begin(&config, &memory),
            config,
            memory,
            stick,
            reports: Vec::new(),
            answers: Vec::new(),
            wake: Duration::ZERO,
            commands: 0,
            ahead: SignedDuration::ZERO,
            sent: Vec::new(),
            pulses: 0,
            reopened: 0,
        };
        bench.handle(Input::Opened);
        bench
    }

    /// The program ends and begins again, with what it remembers.
    fn restart(&mut self) {
        // One ends before the other begins.
        self.conversation = begin(&self.config, &Memory::passing());
        self.conversation = begin(&self.config, &self.memory);
        self.handle(Input::Opened);
    }

    fn now(&self) -> Moment {
        let now = self.stick.now();
        Moment {
            wall: now.wall + self.ahead,
            ..now
        }
    }

    fn handle(&mut self, input: Input<'_>) {
        let now = self.now();
        self.conversation.handle(input, now);
        let mut polls = 0;
        loop {
            polls += 1;
            assert!(polls < 10_000, "it never waits");
            match self.conversation.poll() {
                Output::Send(bytes) => {
                    self.stick.send(&bytes);
                    self.sent.push((now.steady, bytes));
                }
                Output::Report(report) => self.reports.push(report),
                Output::Answer(id, result) => self.answers.push((id, result)),
                Output::SetLine(_, true) => {
                    self.pulses += 1;
                    self.stick.pulse();
                }
                Output::Reopen => {
                    self.reopened += 1;
                    self.conversation.handle(Input::Closed, now);
                    self.conversation.handle(Input::Opened, now);
                }
                Output::Wait(wake) => {
                    self.wake = wake;
                    return;
                }
                _ => {}
            }
        }
    }

    fn run(&mut self, time: Duration) {
        let end = self.stick.now().steady + time;
        let mut turns = 0;
        while self.stick.now().steady < end {
            turns += 1;
            assert!(turns < 2_000_000, "it goes round in circles");
            let least = self.stick.now().steady + Duration::from_millis(10);
            let until = self.wake.max(least).min(end);
            match self.stick.next(until) {
                Some(bytes) => self.handle(Input::Bytes(&bytes)),
                None => self.handle(Input::Time),
            }
            if self.stick.take_close() {
                self.handle(Input::Closed);
                self.stick.replug();
                self.handle(Input::Opened);
            }
        }
    }

    fn minutes(&mut self, minutes: u64) {
        self.run(Duration::from_secs(60 * minutes));
    }

    fn command(&mut self, device: &str, key: &str, value: Value) -> u64 {
        self.commands += 1;
        let id = self.commands;
        let device = self.reports.iter().find_map(|report| match report {
            Report::Device(it) if it.id.as_str() == device => Some(it.id.clone()),
            _ => None,
        });
        let command = Command {
            device: device.unwrap(),
            key: key.to_owned(),
            value,
        };
        self.handle(Input::Command {
            id,
            command: &command,
        });
        id
    }

    fn answer(&self, id: u64) -> Option<&Result<Value, String>> {
        self.answers
            .iter()
            .find(|(it, _)| *it == id)
            .map(|(_, result)| result)
    }

    fn values<'a>(
        &'a self,
        id: &'a str,
        key: &'a str,
    ) -> impl DoubleEndedIterator<Item = &'a Value> {
        self.reports.iter().filter_map(move |report| match report {
            Report::Readings(readings) if readings.device.as_str() == id => readings.get(key),
            _ => None,
        })
    }

    fn number(&self, id: &str, key: &str) -> Option<f64> {
        self.values(id, key)
            .next_back()?
            .as_number()
            .map(Decimal::to_f64)
    }

    fn health(&self, id: &str) -> Option<&Health> {
        self.reports.iter().rev().find_map(|report| match report {
            Report::Health(device, health) if device.as_str() == id => Some(health),
            _ => None,
        })
    }

    fn code(&self, id: &str) -> Option<HealthCode> {
        self.health(id).map(|health| health.code)
    }

    fn ids(&self) -> Vec<String> {
        self.config
            .inverters
            .iter()
            .map(|serial| format!("aps_zigbee_{serial}"))
            .collect()
    }

    fn stick_id(&self) -> String {
        format!("aps_zigbee_{}", GATEWAY.to_lowercase())
    }
}

#[test]
fn paired_inverters_are_read_within_two_minutes() {
    let mut bench = Bench::new("YC600,QS1,DS3", true);
    bench.minutes(5);
    assert_eq!(bench.code(&bench.stick_id()), Some(HealthCode::Online));
    for id in bench.ids() {
        assert_eq!(bench.code(&id), Some(HealthCode::Online), "{id}");
        let power = bench.number(&id, "power").unwrap();
        assert!((20.0..1500.0).contains(&power), "{id} {power}");
        let volts = bench.number(&id, "voltage").unwrap();
        assert!((200.0..260.0).contains(&volts), "{id} {volts}");
        assert!(bench.number(&id, "energy_total").unwrap() > 0.0, "{id}");
        assert!(bench.number(&id, "panel_1_power").unwrap() > 5.0, "{id}");
    }
    let all: f64 = bench
        .ids()
        .iter()
        .map(|id| bench.number(id, "power").unwrap())
        .sum();
    let sum = bench.number(&bench.stick_id(), "power").unwrap();
    assert!((all - sum).abs() < 1.0, "{all} {sum}");
}

#[test]
fn an_inverter_is_paired_by_a_button() {
    let mut bench = Bench::new("DS3,YC600", false);
    bench.minutes(1);
    let ids = bench.ids();
    assert_eq!(bench.code(&ids[0]), Some(HealthCode::NoData));
    let id = bench.command(&ids[0], "pair", Value::Unknown);
    assert_eq!(bench.answer(id), Some(&Ok(Value::Unknown)));
    bench.minutes(4);
    assert_eq!(
        bench.code(&ids[0]),
        Some(HealthCode::Online),
        "{:?}",
        bench.health(&ids[0])
    );
    assert!(bench.number(&ids[0], "power").is_some());
    assert_eq!(bench.code(&ids[1]), Some(HealthCode::NoData));
    // It is still paired after a restart.
    bench.restart();
    bench.reports.clear();
    bench.minutes(3);
    assert_eq!(bench.code(&ids[0]), Some(HealthCode::Online));
}

#[test]
fn a_campaign_pairs_all_that_are_missing() {
    let mut bench = Bench::new("DS3,YC600,QS1,DS3", false);
    bench.minutes(1);
    let stick = bench.stick_id();
    bench.command(&stick, "pairing", Value::OnOff(true));
    bench.minutes(20);
    for id in bench.ids() {
        assert_eq!(
            bench.code(&id),
            Some(HealthCode::Online),
            "{id} {:?}",
            bench.health(&id)
        );
    }
    assert_eq!(
        bench.values(&stick, "pairing").next_back(),
        Some(&Value::OnOff(false))
    );
}

#[test]
fn why_pairing_failed_is_told() {
    let far = |_, manners: &mut InverterManners| manners.is_in_reach = false;
    let mut alone = Bench::with("DS3", false, far, |_| {});
    alone.minutes(1);
    let id = alone.ids()[0].clone();
    alone.command(&id, "pair", Value::Unknown);
    alone.minutes(6);
    let health = alone.health(&id).unwrap();
    assert!(health.detail.contains("nobody answered"), "{health:?}");
    assert!(health.advice.contains("noon"), "{health:?}");
}

#[test]
fn at_night_nothing_is_asked_and_nothing_is_wrong() {
    let mut bench = Bench::new("DS3", true);
    bench.minutes(60 * 14);
    let id = bench.ids()[0].clone();
    assert_eq!(bench.code(&id), Some(HealthCode::Asleep));
    assert_eq!(bench.number(&id, "power"), Some(0.0));
    let today = bench.number(&id, "energy_today").unwrap();
    let sums = bench.number(&bench.stick_id(), "power");
    assert_eq!((today, sums), (0.0, Some(0.0)));
    let problems = bench
        .reports
        .iter()
        .filter(|report| matches!(report, Report::Health(_, health) if health.code.is_problem()));
    assert_eq!(problems.count(), 0);
    bench.minutes(60 * 10);
    assert_eq!(bench.code(&id), Some(HealthCode::Online));
    assert!(bench.number(&id, "energy_today").unwrap() > 0.1);
}

#[test]
fn a_limit_is_set_read_back_and_restored() {
    let mut bench = Bench::new("DS3,YC600", true);
    bench.minutes(3);
    for id in bench.ids() {
        let set = bench.command(&id, "power_limit", Decimal::integer(250).into());
        bench.run(Duration::from_secs(50));
        let Some(Ok(value)) = bench.answer(set) else {
            panic!("{id} {:?}", bench.answer(set));
        };
        let watts = value.as_number().unwrap().to_f64();
        assert!((watts - 250.0).abs() < 1.0, "{id} {watts}");
        bench.minutes(2);
        assert!((bench.number(&id, "power_limit").unwrap() - 250.0).abs() < 1.0);
        let restored = bench.command(&id, "restore_limit", Value::Unknown);
        bench.run(Duration::from_secs(50));
        assert!(
            matches!(bench.answer(restored), Some(Ok(_))),
            "{id} {:?}",
            bench.answer(restored)
        );
    }
}

#[test]
fn a_limit_that_is_not_kept_at_first_is_set_again_and_a_refused_one_is_told() {
    let manners = |index, manners: &mut InverterManners| {
        manners.ignored_limits = u32::from(index == 0);
        manners.refuses_limits = index == 1;
    };
    let mut bench = Bench::with("DS3,DS3", true, manners, |_| {});
    bench.minutes(3);
    let ids = bench.ids();
    let set = bench.command(&ids[0], "power_limit", Decimal::integer(200).into());
    let refused = bench.command(&ids[1], "power_limit", Decimal::integer(200).into());
    bench.minutes(2);
    assert!(
        matches!(bench.answer(set), Some(Ok(_))),
        "{:?}",
        bench.answer(set)
    );
    let why = bench.answer(refused).unwrap().clone().unwrap_err();
    assert!(why.contains("refuses"), "{why}");
}

#[test]
fn fifty_inverters_are_asked_within_five_minutes() {
    let list = vec!["DS3"; 50].join(",");
    let mut bench = Bench::new(&list, true);
    bench.minutes(2);
    bench.reports.clear();
    bench.minutes(5);
    for id in bench.ids() {
        assert!(bench.number(&id, "power").is_some(), "{id}");
    }
}

#[test]
fn a_silent_inverter_is_told_and_comes_back() {
    let mut bench = Bench::new("DS3,DS3", true);
    bench.minutes(3);
    let ids = bench.ids();
    let serial = bench.config.inverters[0];
    bench
        .stick
        .stick()
        .mesh
        .inverter(serial)
        .unwrap()
        .manners
        .loss = 1.0;
    bench.minutes(20);
    assert_eq!(bench.code(&ids[0]), Some(HealthCode::OutOfContact));
    assert_eq!(bench.code(&ids[1]), Some(HealthCode::Online));
    bench
        .stick
        .stick()
        .mesh
        .inverter(serial)
        .unwrap()
        .manners
        .loss = 0.0;
    bench.minutes(10);
    assert_eq!(bench.code(&ids[0]), Some(HealthCode::Online));
}

#[test]
fn a_stick_that_froze_is_reset_by_its_line() {
    for line in [None, Some(crate::links::ControlLine::Dtr)] {
        let change = |config: &mut ZigbeeConfig| config.reset_line = line.clone();
        let mut bench = Bench::with("DS3", true, |_, _| {}, change);
        bench.minutes(3);
        bench.stick.stick().freeze();
        bench.minutes(40);
        let expected = if line.is_some() {
            HealthCode::Online
        } else {
            HealthCode::Silent
        };
        assert_eq!(bench.code(&bench.stick_id()), Some(expected));
    }
}

#[test]
fn without_a_place_the_dark_takes_the_power_as_well() {
    let nowhere = |config: &mut ZigbeeConfig| (config.latitude, config.longitude) = (None, None);
    let mut bench = Bench::with("DS3,YC600", true, |_, _| {}, nowhere);
    bench.minutes(60 * 13);
    for id in bench.ids() {
        assert_eq!(bench.number(&id, "power"), Some(0.0), "{id}");
        assert_eq!(bench.code(&id), Some(HealthCode::Asleep), "{id}");
    }
    bench.minutes(60 * 12);
    for id in bench.ids() {
        assert_eq!(bench.code(&id), Some(HealthCode::Online), "{id}");
        assert!(bench.number(&id, "power").unwrap() > 10.0, "{id}");
    }
}

#[test]
fn a_limit_that_is_forgotten_at_night_is_set_again_where_that_is_wanted() {
    for is_kept in [true, false] {
        let manners = |_, manners: &mut InverterManners| manners.forgets_limit = true;
        let change = |config: &mut ZigbeeConfig| config.keep_limit = is_kept;
        let mut bench = Bench::with("DS3", true, manners, change);
        bench.minutes(3);
        let id = bench.ids()[0].clone();
        let set = bench.command(&id, "power_limit", Decimal::integer(150).into());
        bench.minutes(1);
        assert!(
            matches!(bench.answer(set), Some(Ok(_))),
            "{:?}",
            bench.answer(set)
        );
        bench.minutes(60 * 24);
        let limit = bench.number(&id, "power_limit").unwrap();
        assert_eq!((limit - 150.0).abs() < 1.0, is_kept, "{limit}");
    }
}

#[test]
fn what_all_have_counted_does_not_fall_when_one_leaves() {
    let mut bench = Bench::new("DS3,YC600", true);
    bench.minutes(60);
    let stick = bench.stick_id();
    let before = bench.number(&stick, "energy_total").unwrap();
    let mut config = (*bench.config).clone();
    config.inverters.pop();
    bench.config = Arc::new(config);
    bench.restart();
    bench.minutes(5);
    let after = bench.number(&stick, "energy_total").unwrap();
    assert!(after >= before && before > 0.3, "{before} {after}");
}

mod addresses;
mod fortnight;
mod mishaps;
mod odds;
mod promises;
mod reports;
