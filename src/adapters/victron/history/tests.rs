//! The days of a device, read from its line while the program runs, and brought back.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::super::config::Config;
use super::super::protocol::Conversation;
use super::super::wire::hex::{Answer, Collector, Flags, Frame, Request, Value, Version};
use super::super::wire::history::{DAYS, TODAY, TOTALS};
use super::super::wire::text::encode_block;
use crate::clock::Moment;
use crate::device::Start;
use crate::device::protocol::{Input, Output, Protocol};
use crate::store::Memory;

/// Under which key the days of the charger are kept.
const KEY: &str = "history HQ21340AB9K";

/// A charger at the other end of a line, and what is kept of it.
struct Bench {
    conversation: Conversation,
    memory: Memory,
    at: Timestamp,
    elapsed: Duration,
    /// Its number of the day in text.
    number: u16,
    asked: Vec<u16>,
    /// What was kept last, and how often that was news.
    kept: Option<serde_json::Value>,
    written: u32,
}

fn conversation(memory: &Memory) -> Conversation {
    let (config, port) = (Arc::new(Config::default()), "port".to_owned());
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
            kept: None,
            written: 0,
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
                Output::Wait(_) => break,
                _ => {}
            }
        }
        let kept = self.memory.get(KEY);
        if kept != self.kept {
            self.kept = kept;
            self.written += 1;
        }
        asked
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

    fn days(&self) -> BTreeMap<String, (u64, bool)> {
        let kept = self.kept.as_ref().unwrap();
        let days = kept["days"].as_object().unwrap();
        let day = |day: &serde_json::Value| (day["wh"].as_u64().unwrap(), day["over"] == true);
        days.iter()
            .map(|(date, value)| (date.clone(), day(value)))
            .collect()
    }
}

#[test]
fn the_days_of_a_charger_are_read_and_kept() {
    let mut bench = Bench::new();
    bench.run(20);
    let days = bench.days();
    assert_eq!(days.len(), 6);
    assert_eq!(days["2026-03-10"], (4000, false));
    assert_eq!(days["2026-03-09"], (3990, true));
    assert_eq!(days["2026-03-05"], (3950, true));
    assert_eq!(bench.written, 1);
}

#[test]
fn after_a_day_only_what_is_new_is_read() {
    let mut bench = Bench::new();
    bench.run(20);
    bench.asked.clear();
    bench.at = "2026-03-11T06:00:00Z".parse().unwrap();
    bench.number += 1;
    // It is not written more often than once an hour.
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
    let days = bench.days();
    assert_eq!(days["2026-03-10"], (4000, true));
    assert_eq!(days["2026-03-11"], (4010, false));
    assert_eq!(days.len(), 7);
}

#[test]
fn what_is_kept_is_not_read_again_after_a_restart() {
    let mut bench = Bench::new();
    bench.run(20);
    let before = bench.days();
    bench.restart();
    bench.run(20);
    assert!(bench.asked.contains(&TODAY));
    let known = TODAY + 1..=TODAY + 5;
    assert!(
        !bench.asked.iter().any(|register| known.contains(register)),
        "{:04x?}",
        bench.asked
    );
    assert_eq!(bench.days(), before);
    assert_eq!(bench.written, 1);
}

#[test]
fn what_is_kept_is_not_read_again_after_the_port_was_gone() {
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
