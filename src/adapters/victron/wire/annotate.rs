//! A labelled dump of a stream, for people who look for a mistake: ours, or the device's.

use std::fmt::{Display, Write};

use super::hex::{Answer, Frame, Value};
use super::history::{Day, Record, Totals};
use super::labels::{Format, Label, LabelReading, firmware};
use super::products::{Product, parse_id};
use super::registers::{self, Register};
use super::text::{Block, Decoder, Event};
use super::words::Words;
use crate::hex::Hex;
use crate::model::Decimal;

/// Describes what is in a piece of a stream: where it is, what the device sent, what that means.
/// Bytes between blocks and frames are counted at the end.
#[must_use]
pub fn annotate(bytes: &[u8]) -> String {
    let mut decoder = Decoder::new();
    let mut out = String::new();
    decoder.push(bytes, |event| event_lines(&mut out, &event));
    decoder.finish(|event| event_lines(&mut out, &event));
    if decoder.noise() > 0 {
        let _ = writeln!(
            out,
            "{} bytes are part of no block and no frame",
            decoder.noise()
        );
    }
    out
}

/// Describes one event, line by line.
pub fn event_lines(out: &mut String, event: &Event<'_>) {
    match event {
        Event::Block(found) => block(out, found),
        Event::Hex(found) => frame(out, found),
        Event::Refused(refused) => {
            let _ = writeln!(out, "{:>6}  refused  {}", refused.offset, refused.reason);
        }
    }
}

fn block(out: &mut String, block: &Block<'_>) {
    let _ = writeln!(
        out,
        "{:>6}  block of {} fields",
        block.offset(),
        block.len()
    );
    for (name, value) in block.fields() {
        let (label, text) = (name.escape_ascii(), value.escape_ascii());
        let line = format!(
            "        {:<9} {:<16} {}",
            label.to_string(),
            text.to_string(),
            meaning(name, value)
        );
        let _ = writeln!(out, "{}", line.trim_end());
    }
}

fn meaning(name: &[u8], value: &[u8]) -> String {
    let Some(label) = Label::of(name) else {
        return "unknown label".to_owned();
    };
    let read = match (label.read(value), label.format) {
        (LabelReading::Unknown, _) => "not known to the device".to_owned(),
        (LabelReading::Infinite, _) => "infinite".to_owned(),
        (LabelReading::Number(number), Format::Number(_, unit)) => with_unit(number, unit),
        (LabelReading::Number(number), _) => with_unit(number, "min"),
        (LabelReading::Switch(on), _) => if on { "on" } else { "off" }.to_owned(),
        (LabelReading::Word(words, number), _) => words.say(number).into_owned(),
        (LabelReading::Bits(words, mask), _) => bits(words, mask),
        (LabelReading::Malformed(_), _) => "not written as it should be".to_owned(),
        _ if name == b"PID" => parse_id(value)
            .map(|id| Product::of(id).to_string())
            .unwrap_or_default(),
        _ => firmware(name, value).unwrap_or_default(),
    };
    if read.is_empty() {
        label.meaning.to_owned()
    } else {
        format!("{}: {read}", label.meaning)
    }
}

fn with_unit(number: Decimal, unit: &str) -> String {
    format!("{number} {unit}").trim_end().to_owned()
}

fn bits(words: &Words, mask: u32) -> String {
    let word = |bit: Result<&str, u32>| bit.map_or_else(|bit| format!("bit {bit}"), str::to_owned);
    let words: Vec<String> = words.bits(mask).map(word).collect();
    if words.is_empty() {
        "none".to_owned()
    } else {
        words.join(", ")
    }
}

fn frame(out: &mut String, frame: &Frame<'_>) {
    let bytes = hex(frame.payload);
    let _ = write!(out, "{:>6}  frame {:X}  ", frame.offset, frame.command);
    let _ = match Answer::decode(frame) {
        Answer::Done(payload) => writeln!(out, "done {}", hex(payload)),
        Answer::UnknownCommand(payload) => writeln!(out, "unknown command {}", hex(payload)),
        Answer::Malformed => writeln!(out, "what the device got was no frame"),
        Answer::Error(payload) => writeln!(out, "error {}", hex(payload)),
        Answer::Ping(version) => writeln!(out, "ping, firmware {version}"),
        Answer::Get(value) => writeln!(out, "get {}", value_line(&value)),
        Answer::Set(value) => writeln!(out, "set {}", value_line(&value)),
        Answer::Async(value) => writeln!(out, "by itself {}", value_line(&value)),
        Answer::Other { .. } => writeln!(out, "not understood {bytes}"),
    };
}

fn value_line(value: &Value<'_>) -> String {
    let known = Register::of(value.register);
    let name = known.map_or("unknown register", |register| register.name);
    let head = format!("{:#06X} {name}", value.register);
    if !value.flags.is_ok() {
        return format!("{head}: {}", value.flags);
    }
    if let Ok(record) = Record::decode(value) {
        return format!("{head}: {}", record_words(&record));
    }
    let Some(register) = known else {
        return format!("{head}: {}", hex(value.bytes));
    };
    let read = match register.decode(value.bytes) {
        registers::RegisterReading::Unavailable => "not available".to_owned(),
        registers::RegisterReading::Number(number) => match register.words {
            Some(words) if register.bits => {
                bits(words, u32::try_from(number.mantissa()).unwrap_or(u32::MAX))
            }
            Some(words) => words.say(register.number_of_word(number)).into_owned(),
            None => with_unit(number, register.unit),
        },
        registers::RegisterReading::Text(text) => text.escape_debug().to_string(),
        registers::RegisterReading::Raw(bytes) => hex(&bytes),
    };
    format!("{head}: {read}").trim_end().to_owned()
}

/// What a record of the history says, without what the device does not have.
fn record_words(record: &Record) -> String {
    let words = match record {
        Record::Totals(totals) => totals_words(totals),
        Record::Day(day) => day_words(day),
        Record::Trackers(day) => {
            let mut words = vec![told("day number", day.number, "")];
            for (tracker, number) in day.trackers.iter().zip(1..) {
                words.extend([
                    told(&format!("tracker {number} yield"), tracker.energy, "kWh"),
                    told("highest power", tracker.power_most, "W"),
                    told("highest voltage", tracker.voltage_most, "V"),
                ]);
            }
            words
        }
    };
    let words: Vec<String> = words.into_iter().flatten().collect();
    words.join(", ")
}

fn totals_words(totals: &Totals) -> Vec<Option<String>> {
    vec![
        told("yield", totals.yield_total, "kWh"),
        told("yield since reset", totals.yield_user, "kWh"),
        told("highest panel voltage", totals.panel_voltage_most, "V"),
        told("highest battery voltage", totals.battery_voltage_most, "V"),
        told("lowest battery voltage", totals.battery_voltage_least, "V"),
        told("days remembered", totals.days, ""),
        errors("last errors", totals.errors),
    ]
}

fn day_words(day: &Day) -> Vec<Option<String>> {
    vec![
        told("day number", day.number, ""),
        told("yield", day.energy, "kWh"),
        told("load output", day.load_energy, "kWh"),
        told("highest power", day.power_most, "W"),
        told("highest panel voltage", day.panel_voltage_most, "V"),
        told("highest battery voltage", day.battery_voltage_most, "V"),
        told("lowest battery voltage", day.battery_voltage_least, "V"),
        told("highest battery current", day.battery_current_most, "A"),
        told("bulk", day.bulk, "min"),
        told("absorption", day.absorption, "min"),
        told("float", day.float, "min"),
        errors("errors", day.errors),
    ]
}

fn told(name: &str, value: Option<impl Display>, unit: &str) -> Option<String> {
    let words = value.map(|value| format!("{name} {value} {unit}"))?;
    Some(words.trim_end().to_owned())
}

fn errors(name: &str, codes: [u8; 4]) -> Option<String> {
    let codes = codes.iter().filter(|code| **code != 0);
    let codes: Vec<String> = codes.map(ToString::to_string).collect();
    (!codes.is_empty()).then(|| format!("{name} {}", codes.join(" ")))
}

fn hex(bytes: &[u8]) -> String {
    Hex::of(bytes).with(" ").to_string()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::hex::{Flags, encode_frame};
    use super::super::text::encode_block;
    use super::*;

    #[test]
    fn a_stream_is_told_line_by_line() {
        let fields = [
            ("PID", "0xA053"),
            ("V", "12450"),
            ("CS", "13"),
            ("OR", "0x00000009"),
            ("T", "---"),
            ("TTG", "-1"),
            ("NEW", "7"),
        ];
        let day = Value {
            register: 0x105a,
            flags: Flags::PARAMETER,
            bytes: &[],
        };
        let stream = [
            b"xy".as_slice(),
            &encode_block(&fields).unwrap(),
            &encode_frame(10, &[0xdb, 0xed, 0, 0xbf, 0x0a]),
            &encode_frame(10, &[0xec, 0xed, 0, 0xff, 0xff]),
            &Answer::Get(day).encode(),
            &encode_frame(7, &[0xab, 0xed, 0, 0x87]),
            b":15\n",
        ];
        let expected = "     2  block of 7 fields
        PID       0xA053           product id: SmartSolar MPPT 75/15
        V         12450            battery voltage: 12.450 V
        CS        13               state: other (13)
        OR        0x00000009       off reason: no input power, remote input
        T         ---              battery temperature: not known to the device
        TTG       -1               time to go: infinite
        NEW       7                unknown label
    79  frame A  by itself 0xEDDB charger_temperature: 27.51 °C
    94  frame A  by itself 0xEDEC battery_temperature: not available
   109  frame 7  get 0x105A history_day_10: no such value
   120  frame 7  get 0xEDAB load_control: automatic energy selector
   133  refused  HEX frame: it breaks off after 2 digits
2 bytes are part of no block and no frame
";
        assert_eq!(annotate(&stream.concat()), expected);
    }

    #[test]
    fn a_day_of_the_history_is_told_in_words() {
        let mut bytes = [0; 34];
        bytes[1] = 123;
        bytes[5..9].fill(0xff);
        bytes[14] = 33;
        bytes[24..26].copy_from_slice(&[0xf4, 1]);
        let told = annotate(&Answer::Get(Value::new(0x1051, &bytes)).encode());
        for words in ["yield 1.23 kWh", "highest power 500 W", "errors 33"] {
            assert!(told.contains(words), "{told}");
        }
        let unlike_words = ["Day {", "Some(", "None", "load output"];
        assert!(unlike_words.iter().all(|it| !told.contains(it)), "{told}");
    }

    proptest! {
        #[test]
        fn any_bytes_can_be_told(bytes in proptest::collection::vec(any::<u8>(), 0..500)) {
            prop_assert!(annotate(&bytes).is_empty() == bytes.is_empty());
        }
    }
}
