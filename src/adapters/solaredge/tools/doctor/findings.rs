//! The diagnosis, in words: what was seen, then what to do.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::time::Duration;

use super::chart::Chart;
use super::patient::Patient;
use super::traffic::Traffic;
use crate::adapters::solaredge::health;
use crate::adapters::solaredge::listener::Seen;
use crate::adapters::solaredge::sessions::Lock;
use crate::adapters::solaredge::tools::times::{how_long, when};
use crate::adapters::solaredge::wire::{Serial, kind_name};

/// A clock that is off by less is right enough.
const CLOCK: u64 = 600;
/// Silence of less is none.
const PAUSE: Duration = Duration::from_secs(900);

/// All that was found.
#[derive(Debug)]
pub struct Findings {
    /// By packets.
    pub traffic: Traffic,
    /// By numbers.
    pub seen: Seen,
    /// By frames.
    pub chart: Chart,
    /// The interface that was listened at.
    pub interface: Option<String>,
    /// For how long.
    pub listened: Option<Duration>,
}

/// What is said, as it grows.
#[derive(Debug, Default)]
struct Words {
    text: String,
    advice: Vec<String>,
}

impl Words {
    fn line(&mut self, words: impl AsRef<str>) {
        self.text.push_str(words.as_ref());
        self.text.push('\n');
    }

    /// The same advice is given once.
    fn advise(&mut self, words: impl Into<String>) {
        let words = words.into();
        if !self.advice.contains(&words) {
            self.advice.push(words);
        }
    }
}

impl Findings {
    /// Whether measured values could be read.
    pub fn is_readable(&self) -> bool {
        self.chart.units.values().any(|unit| unit.telemetry > 0)
    }

    /// What there is to say.
    pub fn text(&self) -> String {
        let mut words = Words::default();
        self.packets(&mut words);
        self.trouble_on_the_way(&mut words);
        for (unit, patient) in &self.chart.units {
            self.unit(*unit, patient, &mut words);
        }
        self.frames(&mut words);
        if words.advice.is_empty() {
            let section = match &self.interface {
                Some(name) => format!("interface = \"{name}\" in a section [[solaredge]]"),
                None => "a section [[solaredge]] with the interface at which these packets pass"
                    .to_owned(),
            };
            words.advise(format!(
                "Nothing: all can be read. What is missing is {section}, if you do not have it yet."
            ));
        }
        let _ = writeln!(words.text, "\nWhat to do");
        for advice in &words.advice {
            let _ = writeln!(words.text, "* {advice}");
        }
        words.text
    }

    fn packets(&self, words: &mut Words) {
        let seen = &self.seen;
        words.line("What was seen");
        let times = self.traffic.times.map(|(first, last)| {
            format!(
                ", {} to {} ({})",
                when(first),
                when(last),
                how_long(last.saturating_sub(first))
            )
        });
        let listened = self
            .listened
            .map(|length| format!(" within {}", how_long(length)));
        words.line(format!(
            "* {} packets{}{}, {} of them TCP.",
            seen.packets,
            listened.unwrap_or_default(),
            times.unwrap_or_default(),
            seen.segments
        ));
        for (mac, ways) in &self.traffic.inverters {
            words.line(format!(
                "* An inverter's network part, {}: {} packets from it, {} to it.",
                mac_words(mac),
                ways.up,
                ways.down
            ));
        }
        if self.traffic.inverters.is_empty() && seen.packets > 0 {
            words.line(
                "* No network part of an inverter (00:27:02, 00:40:9d or 00:04:f3 at the beginning of its MAC address).",
            );
        }
        let ports: Vec<String> = self.traffic.servers.keys().map(u16::to_string).collect();
        if !ports.is_empty() {
            words.line(format!(
                "* {} to port {}.",
                counted(self.traffic.connections.len() as u64, "connection"),
                ports.join(", ")
            ));
        }
        let vlans: Vec<String> = self
            .traffic
            .vlans
            .iter()
            .flatten()
            .map(u16::to_string)
            .collect();
        if !vlans.is_empty() {
            words.line(format!("* In VLAN {}.", vlans.join(", ")));
        }
        words.line(format!(
            "* {} of inverters and {} of their server.",
            counted(seen.from_units, "message"),
            self.chart.from_server
        ));
        let up: u64 = self.traffic.servers.values().map(|ways| ways.up).sum();
        let down: u64 = self.traffic.servers.values().map(|ways| ways.down).sum();
        if down > 0 && up == 0 || seen.from_units == 0 && self.chart.from_server > 0 {
            words.line("* Only what the server says to the inverter passes here, not what the inverter says.");
            words.advise(
                "Let the mirror port show both directions: what the inverter sends is what matters.",
            );
        } else if up > 0 && down == 0 {
            words.line("* Only what the inverter sends passes here; values can be read from that, a key cannot be found in it.");
        }
    }

    fn trouble_on_the_way(&self, words: &mut Words) {
        let seen = &self.seen;
        for refused in &self.chart.refused {
            words.line(format!("* {refused}"));
            words.advise(
                "Look how the capture is made: `tcpdump -U -w FILE` writes what can be read here, the pcap or the pcapng format.",
            );
        }
        if seen.damaged > 0 || seen.skipped > 0 {
            words.line(format!(
                "* {} with a wrong checksum, {} between messages that are none.",
                counted(seen.damaged, "message"),
                counted(seen.skipped, "byte")
            ));
            words.advise(
                "Some messages are damaged. A few do no harm; if there are many, capture somewhere else, and whole packets (`tcpdump -s 0`).",
            );
        }
        if seen.lost > 0 {
            words.line(format!(
                "* {} of the inverter's connections did not pass here, or were not captured.",
                counted(seen.lost, "byte")
            ));
            words.advise(
                "Part of what was sent is missing: the mirror port may be too busy; mirror the port of the inverter alone.",
            );
        }
        if seen.dropped > 0 {
            words.line(format!(
                "* {} could not be taken fast enough.",
                counted(seen.dropped, "packet")
            ));
            words.advise("This computer was too busy to take all packets: give it less to do, or mirror the port of the inverter alone.");
        }
        if self.traffic.cut > 0 {
            words.line(format!(
                "* Of packets, {} were cut off when they were captured.",
                counted(self.traffic.cut, "byte")
            ));
            words.advise("Capture whole packets: `tcpdump -s 0`.");
        }
        if seen.fragments > 0 {
            words.line(format!(
                "* {} of packets in pieces, which are not put together.",
                counted(seen.fragments, "piece")
            ));
        }
        if !self.chart.tls.is_empty() {
            let who: BTreeSet<String> = self
                .chart
                .tls
                .iter()
                .map(|it| it.ip().to_string())
                .collect();
            let who: Vec<String> = who.into_iter().collect();
            words.line(format!(
                "* TLS: {} encrypts as inverters without a display do. Nobody else can read that, with no key.",
                who.join(", ")
            ));
            if !self.is_readable() {
                words.advise(health::tls().advice.to_string());
            }
        }
        if self.seen.from_units == 0 && self.chart.tls.is_empty() && self.chart.from_server == 0 {
            let place = self.interface.as_deref().unwrap_or("here");
            let health = health::nothing_seen(seen, place, self.listened.unwrap_or_default());
            let is_empty = seen.packets == 0 && self.interface.is_none();
            if is_empty && self.chart.refused.is_empty() {
                words.line("* There is no packet in it.");
            }
            // Of what is no capture, no advice on packets helps.
            if seen.packets > 0 || self.chart.refused.is_empty() {
                // Who reads this asked the doctor.
                let advice = [
                    "; `wattbridge solaredge doctor` looks closer",
                    " `wattbridge solaredge doctor` looks closer.",
                ]
                .iter()
                .fold(health.advice.to_string(), |advice, words| {
                    advice.replace(words, "")
                });
                words.advise(advice);
                words.advise("An inverter says nothing at night: look again by day.");
            }
        }
    }

    fn unit(&self, unit: Serial, patient: &Patient, words: &mut Words) {
        words.line(format!("\n{unit}"));
        self.encryption(unit, patient, words);
        if patient.telemetry > 0 {
            words.line(format!(
                "* Measured values: {}, the last at {}.",
                counted(patient.telemetry, "message"),
                patient
                    .last_telemetry
                    .map_or_else(|| "an unknown time".to_owned(), when)
            ));
            let mut named: BTreeMap<&str, u64> = BTreeMap::new();
            for (kind, count) in &patient.records {
                match kind_name(*kind) {
                    Some(name) => *named.entry(name).or_default() += count,
                    None => words.line(format!(
                        "  {count} × record of type {kind:#06x}, which nobody has explained yet"
                    )),
                }
            }
            for (name, count) in named {
                words.line(format!("  {count} × {name}"));
            }
        }
        if patient.unreadable > 0 {
            words.line(format!(
                "* {} cut off.",
                counted(patient.unreadable, "record")
            ));
        }
        silence(unit, patient, words);
        clock(unit, patient, words);
        if let Some(silent) = patient.silent() {
            let paired = patient.paired.as_ref().map_or(0, BTreeSet::len);
            words.line(format!(
                "* Optimizers: {paired} paired, {} heard.",
                patient.optimizers.len()
            ));
            if silent > 0 && patient.power.is_some_and(|power| power > 0.0) {
                words.advise(format!(
                    "{silent} of the {paired} optimizers of {unit} were not heard. Each says something every five minutes while the \
                     inverter produces: listen longer, and look after those that stay silent."
                ));
            }
        } else if !patient.optimizers.is_empty() {
            words.line(format!(
                "* Optimizers: {} heard; which are paired is told once a day.",
                patient.optimizers.len()
            ));
        }
    }

    fn encryption(&self, unit: Serial, patient: &Patient, words: &mut Words) {
        if self.chart.found.contains(&unit) {
            words.line("* Its key was read out in clear here.");
            words.advise(format!(
                "Write the key of {unit} down: `wattbridge solaredge key --pcap FILES` shows it."
            ));
        }
        if patient.sealed == 0 && patient.lock.is_none_or(|lock| lock == Lock::Clear) {
            if patient.clear > 0 {
                words.line("* It talks in clear; no key is needed so far.");
            } else if patient.telemetry > 0 {
                words.line("* What it says comes through another unit, which encrypts for it.");
            }
            return;
        }
        let state = match patient.lock {
            Some(Lock::Open) => "and can be read",
            Some(Lock::NoKey) => "and there is no key for it",
            Some(Lock::NoSession | Lock::Stale) => {
                "its key is known, but the beginning of this session was not seen"
            }
            Some(Lock::WrongKey) => "and the key does not fit",
            Some(Lock::Clear) | None => "and talked in clear, too",
        };
        words.line(format!(
            "* It encrypts, {state}: {} of {} opened.",
            patient.opened,
            counted(patient.sealed, "sealed message")
        ));
        let health = patient.lock.and_then(|lock| health::shut(lock, unit, None));
        if let Some(health) = health {
            words.advise(match patient.lock {
                Some(Lock::NoSession | Lock::Stale) => {
                    format!("Wait for the next session of {unit}. {}", health.advice)
                }
                _ => health.advice.to_string(),
            });
        }
    }

    fn frames(&self, words: &mut Words) {
        let unknown: Vec<String> = self
            .chart
            .unknown
            .iter()
            .map(|(code, count)| format!("{count} × {code:#06x}"))
            .collect();
        if !unknown.is_empty() {
            words.line(format!(
                "\nMessages whose function nobody has explained yet, which do no harm: {}.",
                unknown.join(", ")
            ));
        }
    }
}

fn silence(unit: Serial, patient: &Patient, words: &mut Words) {
    let is_shut = patient.sealed > patient.opened && patient.telemetry == 0;
    if patient.keep_alives == 0 || is_shut {
        return;
    }
    let (Some(last), telemetry) = (patient.last, patient.last_telemetry) else {
        return;
    };
    let Some(telemetry) = telemetry else {
        words.line(format!(
            "* Connected, no telemetry: {} that it is there, and no values.",
            counted(patient.keep_alives, "message")
        ));
        words.advise(format!(
            "{unit} is connected and sends no values. Values come every five minutes by day: listen longer. If none come all \
             day, switch the inverter off (AC and DC) for some minutes; that has helped others."
        ));
        return;
    };
    let pause = last.saturating_sub(telemetry);
    if pause > PAUSE {
        words.line(format!(
            "* Connected, no telemetry since {} ({}).",
            when(telemetry),
            how_long(pause)
        ));
        if patient.power == Some(0.0) || patient.has_ended_with_event {
            words.line("* It is asleep, by the last that it said.");
        } else {
            words.advise(format!(
                "{unit} is connected, and sends no more values. If that is so by day, switch the inverter off (AC and DC) for some \
                 minutes; that has helped others."
            ));
        }
    }
}

fn clock(unit: Serial, patient: &Patient, words: &mut Words) {
    let Some(difference) = patient.clock.filter(|it| it.unsigned_abs() > CLOCK) else {
        return;
    };
    let length = how_long(Duration::from_secs(difference.unsigned_abs()));
    if difference > 0 {
        words.line(format!(
            "* The times of its values are {length} ahead of the packets."
        ));
        words.advise(format!(
            "Compare the clock of {unit}, and that of the computer that captured: one of them is wrong. Values from the future \
             are not taken for the latest."
        ));
    } else {
        words.line(format!(
            "* Its values are {length} older than the packets, or more."
        ));
        words.advise(format!(
            "{unit} sends what it has stored while it could not reach its server, or one of the two clocks is wrong: the \
             inverter's, or that of the computer that captured. Listen again when it has caught up."
        ));
    }
}

fn counted(count: u64, what: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {what}{plural}")
}

fn mac_words(mac: &[u8; 6]) -> String {
    let bytes: Vec<String> = mac.iter().map(|byte| format!("{byte:02x}")).collect();
    bytes.join(":")
}
