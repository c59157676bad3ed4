//! The days of a device, read from its line while the program runs, and brought back.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::super::config::VictronConfig;
use super::super::protocol::Conversation;
use super::super::wire::hex::{Answer, Collector, Flags, Frame, Request, Value, Version};
use super::super::wire::history::{DAYS, TODAY, TOTALS};
use super::super::wire::text::encode_block;
use crate::clock::Moment;
use crate::device::Start;
use crate::device::protocol::{Input, Output, Protocol};
use crate::model::{Days, Report};
use crate::store::Memory;

/// A charger at the other end of a line, and what is told of it.
struct Bench {
    conversation: Conversation,
    memory: Memory,
    at: Timestamp,
    elapsed: Duration,
    /// Its number of the day in text.
    number: u16,
    asked: Vec<u16>,
    /// The yield of each day that was told, and how often any were.
    told: BTreeMap<String, String>,
    times: u32,
}

fn conversation(memory: &Memory) -> Conversation {
    let (config, port) = (Arc::new(VictronConfig::default()), "port".to_owned());
    let start = Start {
        memory: memory.clone(),
        zone: TimeZone::UTC,
        is_trial: false,
    };
    Conversation::new(config, port, start)
}

impl Bench {
    fn new() -> Self {
        let at: Timestamp = "2026-03-10T12:00:00Z".parse().unwrap();
        let memory = Memory::passing();
        let mut bench = Self {
            conversation: conversation(&memory),
            memory,
            at,
            elapsed: Duration::ZERO,
            number: 100,
            asked: Vec::new(),
            told: BTreeMap::new(),
            times: 0,
        };
        bench.handle(Input::Opened);
        bench
    }

    /// Hands this over; what is asked then.
    fn handle(&mut self, input: Input<'_>) -> Option<Vec<u8>> {
        let now = Moment {
            steady: self.elapsed,
            wall: self.at,
        };
        self.conversation.handle(input, now);
        let mut asked = None;
        loop {
            match self.conversation.poll() {
                Output::Send(bytes) => assert_eq!(asked.replace(bytes), None),
                Output::Report(Report::Days(days)) => self.tell(&days),
                Output::Wait(_) => break,
                _ => {}
            }
        }
        asked
    }

    fn tell(&mut self, days: &Days) {
        self.times += 1;
        for (date, values) in &days.days {
            let energy = values.iter().find(|it| it.key == "energy_today").unwrap();
            let energy = energy.value.to_json().to_string();
            let before = self.told.insert(date.to_string(), energy);
            assert_eq!(before, None, "{date} was told already");
        }
    }

    fn restart(&mut self) {
        self.conversation = conversation(&self.memory);
        self.handle(Input::Opened);
        self.asked.clear();
    }

    /// A block every two seconds, and an answer to every question.
    fn run(&mut self, minutes: u32) {
        for _ in 0..30 * minutes {
            self.at += SignedDuration::from_secs(2);
            self.elapsed += Duration::from_secs(2);
            let number = self.number.to_string();
            let serial = "HQ21340AB9K";
            let fields = [
                ("PID", "0xA053"),
                ("SER#", serial),
                ("V", "12800"),
                ("HSDS", &number),
            ];
            let mut asked = self.handle(Input::Bytes(&encode_block(&fields).unwrap()));
            while let Some(sent) = asked {
                let answer = self.answer(&sent);
                asked = self.handle(Input::Bytes(&answer));
            }
        }
    }

    fn answer(&mut self, sent: &[u8]) -> Vec<u8> {
        let mut collector = Collector::default();
        let frame = Frame::parse(sent, &mut collector).unwrap();
        let register = match Request::decode(&frame).unwrap() {
            Request::Ping => return Answer::Ping(Version(0x4159)).encode(),
            Request::Get(register) => register,
            _ => return Answer::Done(&[0x53, 0xa0]).encode(),
        };
        let ago = register.checked_sub(TODAY).filter(|ago| *ago <= DAYS);
        if ago.is_some() || register == TOTALS {
            self.asked.push(register);
        }
        let (flags, bytes) = match ago {
            Some(0..=5) => (Flags(0), self.day(ago.unwrap())),
            Some(_) => (Flags::PARAMETER, Vec::new()),
            None if register == TOTALS => (Flags(0), [[1; 10].as_slice(), &[0; 24]].concat()),
            None => (Flags::UNKNOWN_ID, Vec::new()),
        };
        let value = Value {
            register,
            flags,
            bytes: &bytes,
        };
        Answer::Get(value).encode()
    }

    /// The record of a day: its yield is its number.
    fn day(&self, ago: u16) -> Vec<u8> {
        let number = (300 + self.number - ago).to_le_bytes();
        let mut bytes = vec![0; 34];
        bytes[1..3].copy_from_slice(&number);
        bytes[32..].copy_from_slice(&number);
        bytes
    }
}

#[test]
fn the_days_of_a_charger_are_read_and_told() {
    let mut bench = Bench::new();
    bench.run(20);
    // Today is not over yet.
    assert_eq!(bench.told.len(), 5);
    assert_eq!(bench.told["2026-03-09"], "3.99");
    assert_eq!(bench.told["2026-03-05"], "3.95");
    assert_eq!(bench.times, 1);
}

#[test]
fn after_a_day_only_what_is_new_is_read() {
    let mut bench = Bench::new();
    bench.run(20);
    bench.asked.clear();
    bench.at = "2026-03-11T06:00:00Z".parse().unwrap();
    bench.number += 1;
    // They are not told more often than once an hour.
    bench.run(65);
    // The record tells of the new day as well: what is no news is asked for at most twice.
    assert!(bench.asked.contains(&(TODAY + 1)));
    let known = TODAY + 2..=TODAY + 5;
    assert!(
        !bench.asked.iter().any(|register| known.contains(register)),
        "{:04x?}",
        bench.asked
    );
    assert!(bench.asked.len() <= 9, "{:04x?}", bench.asked);
    assert_eq!(bench.told["2026-03-10"], "4");
    assert_eq!(bench.told.len(), 6);
    assert_eq!(bench.times, 2);
}

#[test]
fn what_was_told_is_not_read_again_after_a_restart() {
    let mut bench = Bench::new();
    bench.run(20);
    bench.restart();
    bench.run(20);
    assert!(bench.asked.contains(&TODAY));
    let known = TODAY + 1..=TODAY + 5;
    assert!(
        !bench.asked.iter().any(|register| known.contains(register)),
        "{:04x?}",
        bench.asked
    );
    assert_eq!(bench.times, 1);
}

#[test]
fn what_was_told_is_not_read_again_after_the_port_was_gone() {
    let mut bench = Bench::new();
    bench.run(20);
    bench.asked.clear();
    bench.handle(Input::Opened);
    bench.run(20);
    let known = TODAY + 1..=TODAY + 5;
    assert!(
        !bench.asked.iter().any(|register| known.contains(register)),
        "{:04x?}",
        bench.asked
    );
}
