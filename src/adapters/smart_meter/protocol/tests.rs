//! The conversation on lines and serial servers of our own, with a clock of our own.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::*;
use crate::adapters::smart_meter::simulator::{Model, Series};
use crate::config::Secret;
use crate::links::{ControlLine, Endpoint, LinkError, Parity};
use crate::model::HealthCode;
use crate::store::Memory;

const KEY: &str = "000102030405060708090A0B0C0D0E0F";
const SERIAL: &str = "/dev/ttyUSB0";
const SERVER: &str = "tcp://192.168.1.9:2001";
const SECOND: Duration = Duration::from_secs(1);

/// A conversation and what it does.
struct Bench {
    conversation: Conversation,
    now: Duration,
    wake: Duration,
    /// What was done to the port, and in which second.
    done: Vec<(u64, &'static str)>,
    reports: Vec<Report>,
}

impl Bench {
    fn new(port: &str) -> Self {
        Self::remembering(port, Memory::passing())
    }

    fn remembering(port: &str, memory: Memory) -> Self {
        let config = MeterConfig {
            port: Some(port.parse().unwrap()),
            key: Some(Secret::new(KEY)),
            ..MeterConfig::default()
        };
        let reading = TelegramReading {
            keys: Arc::new(KeyRing::read(&config).unwrap()),
            profiles: Arc::new(Profiles::default()),
            config,
        };
        let start = Start {
            memory,
            zone: TimeZone::UTC,
            is_trial: false,
        };
        let mut bench = Self {
            conversation: Conversation::new(reading, start),
            now: Duration::ZERO,
            wake: Duration::MAX,
            done: Vec::new(),
            reports: Vec::new(),
        };
        bench.give(Input::Opened);
        bench
    }

    fn give(&mut self, input: Input<'_>) {
        let now = Moment {
            wall: Timestamp::from_second(1_782_000_000).unwrap() + self.now,
            steady: self.now,
        };
        self.conversation.handle(input, now);
        loop {
            let what = match self.conversation.poll() {
                Output::Wait(wake) => {
                    self.wake = wake;
                    return;
                }
                Output::Reopen => "reopen",
                Output::SetLine(ControlLine::Rts, true) => "raise RTS",
                Output::SetLine(ControlLine::Rts, false) => "drop RTS",
                Output::SetLine(ControlLine::Dtr, true) => "raise DTR",
                Output::SetLine(ControlLine::Dtr, false) => "drop DTR",
                Output::Report(report) => {
                    self.reports.push(report);
                    continue;
                }
                _ => continue,
            };
            self.done.push((self.now.as_secs(), what));
            if what == "reopen" {
                self.conversation.handle(Input::Closed, now);
                self.conversation.handle(Input::Opened, now);
            }
        }
    }

    /// Lets time pass as who drives it does.
    fn until(&mut self, moment: Duration) {
        while self.wake <= moment {
            assert!(self.wake > self.now, "time stands still at {:?}", self.now);
            self.now = self.wake;
            self.give(Input::Time);
        }
        self.now = moment;
    }

    fn hear(&mut self, moment: Duration, bytes: &[u8]) {
        self.until(moment);
        self.give(Input::Bytes(bytes));
    }

    fn done(&mut self) -> Vec<(u64, &'static str)> {
        std::mem::take(&mut self.done)
    }

    fn has_readings(&self) -> bool {
        let is_reading = |report: &Report| matches!(report, Report::Readings(_));
        self.reports.iter().any(is_reading)
    }

    /// The last health that was reported.
    fn health(&self) -> Option<&Health> {
        fn of(report: &Report) -> Option<&Health> {
            match report {
                Report::Health(_, health) | Report::Absent(_, health) | Report::Source(health) => {
                    Some(health)
                }
                _ => None,
            }
        }
        self.reports.iter().rev().find_map(of)
    }

    fn words(&self) -> String {
        self.health().map(Health::sentence).unwrap_or_default()
    }
}

fn meter(model: &str, every: u64) -> Series {
    let model = Model::named(model).unwrap();
    let key = || KEY.parse().unwrap();
    Series::new(
        model,
        key(),
        Some(key()),
        SECOND * u32::try_from(every).unwrap(),
    )
}

fn telegram(series: &mut Series) -> Vec<u8> {
    series.telegram().unwrap().frames.concat()
}

/// After how many tenths of a second a meter on wired M-Bus has its first values, that sends every
/// five seconds and does so first after so many tenths. Other settings read zeros.
fn first_value(phase: u64, memory: Memory) -> u64 {
    const TENTH: Duration = Duration::from_millis(100);
    let mut bench = Bench::remembering(SERIAL, memory);
    let mut series = meter("tinetz", 5);
    let speaks = SerialSettings::new(2400, Parity::Even);
    let mut coming: Vec<u8> = Vec::new();
    // One was under way when the port was opened.
    let begins = |tenth: u64| (tenth + 50 - phase).is_multiple_of(50);
    for tenth in 0..600 {
        let before = bench.conversation.settings();
        if begins(tenth) {
            coming = telegram(&mut series);
        } else if tenth == 0 && phase > 34 {
            coming = telegram(&mut series).split_off(24 * usize::try_from(50 - phase).unwrap());
        }
        bench.until(TENTH * u32::try_from(tenth).unwrap());
        let chunk: Vec<u8> = coming.drain(..coming.len().min(24)).collect();
        let heard = match bench.conversation.settings() {
            settings if settings != before => continue,
            settings if settings == speaks => chunk,
            _ => vec![0; chunk.len() / 8],
        };
        if !heard.is_empty() {
            bench.give(Input::Bytes(&heard));
        }
        if bench.has_readings() {
            return tenth;
        }
    }
    panic!("no values within a minute");
}

#[test]
fn a_meter_on_wired_m_bus_has_values_at_most_fifteen_seconds_later_than_if_its_line_were_known() {
    let known = || {
        let memory = Memory::passing();
        memory.put(LINE, &serde_json::json!({ "baud": 2400, "parity": "even" }));
        memory
    };
    for phase in 0..50 {
        let (soon, late) = (
            first_value(phase, known()),
            first_value(phase, Memory::passing()),
        );
        assert!(soon < late && late <= soon + 150, "{phase}: {soon}, {late}");
    }
}

#[test]
fn a_p1_port_is_read_at_once() {
    let mut bench = Bench::new(SERIAL);
    let settings = bench.conversation.settings();
    assert_eq!(settings, SerialSettings::new(115_200, Parity::None));
    let mut series = meter("p1", 10);
    bench.hear(SECOND * 3, &telegram(&mut series));
    bench.hear(SECOND * 13, &telegram(&mut series));
    assert!(bench.has_readings());
    assert_eq!(bench.conversation.settings(), settings);
    assert_eq!(bench.done(), []);
}

#[test]
fn a_serial_line_that_stays_quiet_is_asked_for_data_and_opened_anew_now_and_then() {
    let mut bench = Bench::new(SERIAL);
    bench.until(SECOND * 100);
    let asked = |second| {
        [
            (second, "drop RTS"),
            (second, "drop DTR"),
            (second + 2, "raise RTS"),
            (second + 2, "raise DTR"),
        ]
    };
    assert_eq!(bench.done(), [asked(30), asked(90)].concat());
    bench.until(SECOND * 299);
    bench.done();
    bench.until(SECOND * 300);
    assert_eq!(bench.done(), [(300, "reopen")]);
    // A serial server has no such lines.
    let mut bench = Bench::new(SERVER);
    bench.until(SECOND * 29);
    assert_eq!(bench.done(), []);
    bench.until(SECOND * 300);
    assert!(bench.done().iter().all(|(_, what)| *what == "reopen"));
}

#[test]
fn a_serial_server_that_falls_silent_is_connected_to_anew_ever_more_seldom() {
    let mut bench = Bench::new(SERVER);
    bench.until(SECOND * 1000);
    let seconds = |bench: &mut Bench| -> Vec<u64> {
        let done = bench.done();
        done.into_iter().map(|(second, _)| second).collect()
    };
    assert_eq!(seconds(&mut bench), [30, 90, 210, 450, 750]);
    // Whatever comes is a sign of life.
    bench.hear(SECOND * 1010, &[0]);
    bench.until(SECOND * 1099);
    assert_eq!(seconds(&mut bench), [1040]);
}

#[test]
fn a_meter_that_rests_for_minutes_is_not_connected_to_anew_in_between() {
    let (mut bench, mut series) = (Bench::new(SERVER), meter("tinetz", 240));
    // Until it has shown its rhythm, connections come and go; none of them is long enough to miss it.
    for n in 1..=10 {
        bench.hear(SECOND * 240 * n, &telegram(&mut series));
    }
    bench.done();
    for n in 11..20 {
        bench.hear(SECOND * 240 * n, &telegram(&mut series));
        assert_eq!(bench.done(), []);
    }
    // Three of its pauses, and it is.
    bench.until(SECOND * (240 * 22 - 1));
    assert_eq!(bench.done(), []);
    bench.until(SECOND * 240 * 22);
    assert_eq!(bench.done(), [(240 * 22, "reopen")]);
}

#[test]
fn what_a_serial_server_does_wrong_is_said() {
    let mut bench = Bench::new(SERVER);
    for second in 0..20 {
        bench.hear(SECOND * 5 * second, &[0xff, 0xfb, 0x03, 0xff, 0xff, 0x10]);
    }
    assert!(bench.words().contains("Telnet"), "{}", bench.words());

    let mut bench = Bench::new(SERVER);
    bench.hear(SECOND, b"HTTP/1.0 400 Bad Request\r\n\r\n");
    let endpoint = Endpoint::parse("192.168.1.9:2001", 1);
    bench.give(Input::Closed);
    bench.give(Input::Unreachable(&LinkError::Closed(endpoint.clone())));
    assert!(bench.words().contains("web server"), "{}", bench.words());

    let mut bench = Bench::new(SERVER);
    bench.hear(SECOND, b"half of a telegram");
    bench.give(Input::Closed);
    bench.give(Input::Unreachable(&LinkError::Refused(endpoint)));
    assert_eq!(bench.health().unwrap().code, HealthCode::Unreachable);
    bench.give(Input::Opened);
    for second in 1..20 {
        bench.hear(SECOND * 5 * second, b"half of a telegram");
    }
    assert_eq!(bench.health().unwrap().code, HealthCode::Garbled);
    assert!(
        bench.words().contains("Another program"),
        "{}",
        bench.words()
    );
}

#[test]
fn a_tenth_of_damaged_telegrams_is_said_of_the_meter_and_one_is_not() {
    let (mut bench, mut series) = (Bench::new(SERIAL), meter("p1", 1));
    let mut minutes = |bench: &mut Bench, minutes: std::ops::Range<u64>, damaged: u64| {
        for second in minutes.start * 60..minutes.end * 60 {
            let mut bytes = telegram(&mut series);
            if second % 300 < damaged {
                let middle = bytes.len() / 2;
                bytes.swap(middle, middle + 1);
                bytes[middle + 2] ^= 1;
            }
            bench.hear(SECOND * u32::try_from(second).unwrap(), &bytes);
        }
    };
    minutes(&mut bench, 0..20, 1);
    let online = bench.health().map(|health| health.code);
    assert_eq!(online, Some(HealthCode::Online), "{}", bench.words());
    minutes(&mut bench, 20..31, 40);
    assert!(bench.words().contains("40 of 300"), "{}", bench.words());
    bench.reports.clear();
    minutes(&mut bench, 31..40, 40);
    assert_eq!(bench.health(), None, "the same is said once");
    minutes(&mut bench, 40..51, 0);
    assert_eq!(bench.health().unwrap().code, HealthCode::Online);
}
