use std::time::Duration;

use jiff::Timestamp;

use super::super::config::{Group, ValueConfig};
use super::super::{ADAPTER, KIND};
use super::*;
use crate::config::{Period, Section};
use crate::device::{Adapter as _, Decoded, Decoder};
use crate::model::{HealthCode, Readings, Value};

/// A conversation and the time.
struct Bench {
    protocol: Conversation,
    now: u64,
    questions: usize,
    readings: Vec<Readings>,
    health: Option<Health>,
    reopened: bool,
}

impl Bench {
    fn new(config: TextConfig, keys: &[&str]) -> Self {
        let value = |(index, key): (usize, &&str)| ValueConfig {
            id: (*key).to_owned(),
            group: Some(Group::Number(index + 1)),
            ..ValueConfig::default()
        };
        let config = Arc::new(TextConfig {
            values: keys.iter().enumerate().map(value).collect(),
            ..config
        });
        let rules = Arc::new(Rules::new(&config).unwrap());
        let mut bench = Self {
            protocol: Conversation::new(&config, &rules),
            now: 0,
            questions: 0,
            readings: Vec::new(),
            health: None,
            reopened: false,
        };
        bench.handle(Input::Opened);
        bench
    }

    fn asking(pattern: Option<&str>, keys: &[&str]) -> Self {
        let config = TextConfig {
            pattern: pattern.map(str::to_owned),
            ask: "?".to_owned(),
            tries: 1,
            ..TextConfig::default()
        };
        Self::new(config, keys)
    }

    fn handle(&mut self, input: Input<'_>) -> Duration {
        let now = Moment {
            wall: Timestamp::UNIX_EPOCH,
            steady: Duration::from_millis(self.now),
        };
        self.protocol.handle(input, now);
        loop {
            match self.protocol.poll() {
                Output::Send(bytes) => {
                    assert_eq!(bytes, b"?");
                    self.questions += 1;
                }
                Output::Report(Report::Readings(readings)) => self.readings.push(readings),
                Output::Report(Report::Health(_, health)) => self.health = Some(health),
                Output::Reopen => {
                    self.reopened = true;
                    self.protocol.handle(Input::Closed, now);
                }
                Output::Wait(wake) => return wake,
                _ => {}
            }
        }
    }

    /// Lets time pass, waking when it is wanted.
    fn wait(&mut self, milliseconds: u64) {
        let end = self.now + milliseconds;
        loop {
            let wake = self.handle(Input::Time);
            let wake = u64::try_from(wake.as_millis()).unwrap_or(u64::MAX);
            assert!(wake > self.now, "it never waits");
            if wake > end {
                break;
            }
            self.now = wake;
        }
        self.now = end;
    }

    /// Waits for the next question, and answers it in pieces with pauses between them.
    fn answer(&mut self, pieces: &[&str], pause: u64) {
        let asked = self.questions;
        while self.questions == asked {
            self.wait(100);
        }
        for piece in pieces {
            self.handle(Input::Bytes(piece.as_bytes()));
            self.wait(pause);
        }
    }

    /// The values of the last reading.
    fn last(&self, keys: &[&str]) -> Vec<String> {
        let Some(readings) = self.readings.last() else {
            return Vec::new();
        };
        let value = |key: &&str| readings.get(key).and_then(Value::as_number);
        let values = keys.iter().map(value);
        values
            .map(|value| value.map_or_else(String::new, |value| value.to_string()))
            .collect()
    }
}

#[test]
fn a_pause_within_a_line_makes_no_smaller_number_of_it() {
    let mut bench = Bench::asking(None, &["x"]);
    bench.answer(&["10\r\n"], 800);
    assert_eq!(bench.last(&["x"]), ["10"]);
    bench.answer(&["12", "34\r\n"], 800);
    assert_eq!(bench.last(&["x"]), ["1234"]);
}

#[test]
fn lines_that_never_end_are_ended_by_a_pause() {
    let mut bench = Bench::asking(None, &["x"]);
    for value in ["10", "12"] {
        bench.answer(&[value], 2000);
        assert_eq!(bench.last(&["x"]), [value]);
    }
}

#[test]
fn an_end_that_never_comes_is_said() {
    let mut bench = Bench::asking(None, &["x"]);
    bench.answer(&["10\n"], 1);
    assert_eq!(bench.health, Some(Health::ONLINE));
    bench.answer(&["12"], 6000);
    let why = bench.health.unwrap();
    assert!(why.detail.contains("\"12\" came back, but"), "{why:?}");
}

#[test]
fn an_answer_means_the_same_however_it_is_cut() {
    let keys = ["a", "b"];
    for answer in [
        &["A=1\nA=2\nB=3\nA=9\n"][..],
        &["A=1\nA=", "2\nB=3", "\n", "A=9\n"],
    ] {
        let mut bench = Bench::asking(Some(r"A=(\d)|B=(\d)"), &keys);
        bench.answer(answer, 10);
        assert_eq!(bench.last(&keys), ["2", "3"], "{answer:?}");
    }
}

#[test]
fn the_rest_of_a_line_that_began_unasked_is_no_answer() {
    for (pause, value) in [(100, "12"), (2000, "34")] {
        let mut bench = Bench::asking(None, &["x"]);
        bench.answer(&["10\n"], 0);
        // Half a line, so long before the next question.
        bench.wait(60_000 - pause);
        bench.handle(Input::Bytes(b"9\n99"));
        bench.answer(&["34\n12\n"], 10);
        assert_eq!(bench.last(&["x"]), [value], "{pause}");
    }
}

#[test]
fn half_of_an_answer_that_waits_when_the_port_is_opened_is_no_answer() {
    let mut bench = Bench::asking(None, &["x"]);
    bench.wait(300);
    bench.handle(Input::Bytes(b"9\n99"));
    bench.answer(&["34\n12\n"], 10);
    assert_eq!(bench.last(&["x"]), ["12"]);
}

#[test]
fn a_question_without_an_answer_is_put_again_and_then_it_has_failed() {
    let mut bench = Bench::asking(None, &["x"]);
    Arc::get_mut(&mut bench.protocol.config).unwrap().tries = 3;
    bench.wait(500 + 3 * 5000 + 2 * 1000 - 1);
    assert_eq!((bench.questions, &bench.health), (3, &None));
    bench.wait(1);
    assert_eq!(bench.health.as_ref().unwrap().code, HealthCode::Silent);
    // The next reading comes an interval after this one began.
    bench.wait(60_000 - 17_001);
    assert_eq!(bench.questions, 3);
    bench.wait(1);
    assert_eq!(bench.questions, 4);
    bench.handle(Input::Bytes(b"7\n"));
    assert_eq!(bench.health, Some(Health::ONLINE));
}

#[test]
fn what_is_asked_while_the_port_is_away_is_not_asked_twice_when_it_is_back() {
    let mut bench = Bench::asking(None, &["x"]);
    bench.wait(600);
    assert_eq!(bench.questions, 1);
    bench.handle(Input::Closed);
    bench.wait(600_000);
    assert_eq!(bench.questions, 1);
    bench.handle(Input::Opened);
    bench.wait(600);
    assert_eq!(bench.questions, 2);
}

#[test]
fn a_port_that_may_be_silent_for_long_stays_open_for_as_long() {
    let config = TextConfig {
        silent_after: Period::minutes(20),
        ..TextConfig::default()
    };
    let mut bench = Bench::new(config, &["x"]);
    bench.wait(19 * 60_000);
    assert!(!bench.reopened, "it was opened anew");
    bench.wait(2 * 60_000);
    assert!(bench.reopened, "it was not");
}

fn decoder(pairs: &[(&str, &str)]) -> Box<dyn Decoder> {
    let pairs: Vec<(String, String)> = pairs
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect();
    let section = Section::from_pairs(KIND, &pairs).unwrap();
    let decoder = ADAPTER.decoder(&section);
    decoder.unwrap_or_else(|problems| panic!("{problems}"))
}

fn all(decoder: &mut dyn Decoder) -> Vec<Result<Decoded, Undecoded>> {
    assert_eq!(decoder.finish(), None);
    std::iter::from_fn(|| decoder.next()).collect()
}

#[test]
fn every_line_is_read_without_a_device_and_even_without_values() {
    let mut decoder = decoder(&[]);
    decoder.push(b"18.50\nhello\n19");
    let results = all(&mut *decoder);
    assert_eq!(results.len(), 3);
    let refused = results[1].as_ref().unwrap_err();
    assert_eq!(
        refused.reason,
        "at byte 6: \"hello\": the pattern does not fit"
    );
    assert!(results[0].is_ok() && results[2].is_ok());
}

#[test]
fn each_byte_of_a_line_is_shown_with_its_meaning() {
    let values = "[{ id = \"current\" }, { id = \"power\", scale = 230, ceiling = 20 }]";
    let mut decoder = decoder(&[("pattern", r"^I=(\d+\.\d)A$"), ("values", values)]);
    decoder.annotate();
    decoder.push(b"\nI=00.1A\n");
    let results = all(&mut *decoder);
    let shown = &results[0].as_ref().unwrap().annotation;
    let lines: Vec<Vec<&str>> = shown
        .lines()
        .map(|line| line.split_whitespace().collect())
        .collect();
    assert_eq!(
        lines,
        [
            vec!["line", "at", "byte", "1"],
            vec!["0", "49", "3d", "text", "\"I=\""],
            vec!["2", "30", "30", "2e", "31", "current", "0.1"],
            vec!["6", "power", "23,", "above", "the", "ceiling", "of", "20"],
            vec!["6", "41", "text", "\"A\""],
        ],
        "{shown}"
    );
}
