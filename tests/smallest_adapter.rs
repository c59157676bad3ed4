//! The smallest adapter: a pump on a serial line that is asked, answers, and can be switched. It is what
//! docs/adding-a-device.md shows pieces of; one that is kept has each part in a file of its own.
//!
//! | Sent | Answered |
//! |---|---|
//! | `?\r` | `P;SERIAL;WATTS;KILOWATT-HOURS\r`, `-` for what is not known |
//! | `S=0\r`, `S=1\r` | `OK\r` |

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests too")]

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use wattbridge::bridge::{Bridge, Known, Setup};
use wattbridge::clock::{Clock, Moment};
use wattbridge::config::{
    Complaint, DeviceKey, File, Period, Problems, Section, SectionDoc, Settings,
};
use wattbridge::device::protocol::{Heard, Input, Message, Outbox, Output};
use wattbridge::device::{
    Adapter, ConfiguredSource, Decoder, FileReader, LineSource, Protocol, Undecoded, line,
};
use wattbridge::links::{Address, Links, Mask, Parity, SerialSettings};
use wattbridge::model::{
    Command, Control, ControlKind, Decimal, Device, DeviceId, Health, HealthCode, Metric, Quantity,
    Readings, Refusal, Report, Value,
};
use wattbridge::say;
use wattbridge::store::Store;

// ---- wire.rs

/// What a pump says.
#[derive(Debug, PartialEq)]
enum PumpLine {
    Values {
        serial: String,
        power: Option<Decimal>,
        energy: Option<Decimal>,
    },
    Done,
}

impl PumpLine {
    fn read(line: &str) -> Option<Self> {
        if line == "OK" {
            return Some(Self::Done);
        }
        let ["P", serial, power, energy] = line.split(';').collect::<Vec<_>>()[..] else {
            return None;
        };
        let number = |text: &str| match text {
            "-" => Some(None),
            text => text.parse().ok().map(Some),
        };
        Some(Self::Values {
            serial: serial.to_owned(),
            power: number(power)?,
            energy: number(energy)?,
        })
    }
}

// ---- metrics.rs

const METRICS: &[Metric] = &[
    Metric::measurement("power", Quantity::Power),
    Metric::lifetime("energy_total", Quantity::Energy).decimals(1),
];

// ---- config.rs

#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct PumpConfig {
    /// The serial port of the pump, or a TCP server as in tcp://192.168.1.9:2001.
    port: Option<Address>,
    /// How often it is asked.
    interval: Period,
}

impl Default for PumpConfig {
    fn default() -> Self {
        let interval = Period::seconds(10);
        Self {
            port: None,
            interval,
        }
    }
}

impl Settings for PumpConfig {
    const DEVICE_KEYS: &'static [(DeviceKey, &'static str)] = &[
        (DeviceKey::Name, "What the pump is called."),
        (
            DeviceKey::AllowControl,
            "Set to true to be able to switch it.",
        ),
    ];

    fn check(&self) -> Vec<Complaint> {
        let bounds = [Period::seconds(1), Period::hours(1)];
        Complaint::of_periods([("interval", self.interval, bounds)]).collect()
    }
}

// ---- health.rs

fn silent() -> Health {
    Health::new(HealthCode::Silent)
        .seen(say!("three questions in a row were not answered"))
        .advise(say!(
            "Check that the pump has power, its cable, and `port`."
        ))
}

// ---- protocol.rs

const ANSWER: Duration = Duration::from_secs(2);
const TRIES: u32 = 3;

/// With one pump, or a file of what it said.
#[derive(Debug)]
struct PumpConversation {
    interval: Duration,
    bytes: Vec<u8>,
    /// When the question that waits for its answer was put.
    asked: Option<Duration>,
    /// When the next one is due.
    due: Duration,
    /// Questions in a row without an answer.
    missed: u32,
    device: Option<DeviceId>,
    /// The serial number that was heard last. What no checksum protects is believed when it comes twice.
    serial: String,
    /// Commands that wait, the first perhaps under way.
    wishes: Vec<(u64, bool)>,
    is_file: bool,
    out: Outbox,
}

impl PumpConversation {
    fn new(config: &PumpConfig) -> Self {
        let mut out = Outbox::default();
        out.report([Report::Complete(false)]); // it has to say who it is
        Self {
            interval: config.interval.get(),
            bytes: Vec::new(),
            asked: None,
            due: Duration::ZERO,
            missed: 0,
            device: None,
            serial: String::new(),
            wishes: Vec::new(),
            is_file: false,
            out,
        }
    }

    fn of_file(config: &PumpConfig) -> Self {
        let (is_file, out) = (true, Outbox::default());
        let it = Self::new(config);
        Self { is_file, out, ..it }
    }

    /// Asks what is to be asked next: at a user's wish first.
    fn ask(&mut self, now: Moment) {
        let question = match self.wishes.first() {
            Some((_, on)) => format!("S={}\r", u8::from(*on)),
            None => "?\r".to_owned(),
        };
        self.out.push(Output::Send(question.into_bytes()));
        self.asked = Some(now.steady);
    }

    /// Time means something: an answer that did not come, or the next question.
    fn look(&mut self, now: Moment) {
        match self.asked {
            Some(asked) if now.since(asked) >= ANSWER => {
                self.missed += 1;
                self.out.push(Output::Heard(Heard::Bad));
                if self.missed.is_multiple_of(TRIES) {
                    self.out.report([self.said(silent())]);
                    self.refuse("the pump does not answer");
                }
                self.ask(now);
            }
            None if now.steady >= self.due || !self.wishes.is_empty() => self.ask(now),
            _ => {}
        }
    }

    fn take(&mut self, bytes: &[u8], now: Moment) {
        self.bytes.extend_from_slice(bytes);
        while let Some(end) = self.bytes.iter().position(|byte| *byte == b'\r') {
            let line: Vec<u8> = self.bytes.drain(..=end).collect();
            let line = String::from_utf8_lossy(&line[..end]).into_owned();
            // What is damaged does not end the waiting for the answer.
            match PumpLine::read(&line) {
                Some(answer) => self.answered(answer, now),
                None if self.is_file => self.out.push(Output::Refused(Undecoded {
                    reason: "no line of a pump".to_owned(),
                    annotation: String::new(),
                })),
                None => self.out.push(Output::Heard(Heard::Bad)),
            }
        }
        // Noise without an end is none of its lines.
        self.bytes.truncate(64);
    }

    fn answered(&mut self, answer: PumpLine, now: Moment) {
        match answer {
            PumpLine::Values { serial, .. } if serial != self.serial && !self.is_file => {
                (self.serial, self.due) = (serial, now.steady);
            }
            PumpLine::Values {
                serial,
                power,
                energy,
            } => {
                let id = self.meet(&serial);
                let mut readings = Readings::new(id.clone(), now.wall);
                readings.push("power", power);
                readings.push("energy_total", energy);
                self.out.report([
                    Report::Readings(readings),
                    Report::Health(id, Health::ONLINE),
                ]);
                self.due = now.steady + self.interval;
            }
            PumpLine::Done if self.wishes.is_empty() => {}
            PumpLine::Done => {
                let (id, on) = self.wishes.remove(0);
                self.out.push(Output::Answer(id, Ok(Value::OnOff(on))));
            }
        }
        self.out.push(Output::Message(Message::default()));
        self.out.push(Output::Heard(Heard::Good));
        (self.asked, self.missed) = (None, 0);
    }

    /// It says who it is. A device is described before its values.
    fn meet(&mut self, serial: &str) -> DeviceId {
        let mut device = Device::new("pump", serial, format!("Pump {serial}"), "Nobody");
        device.patience = Some(self.interval + ANSWER * TRIES);
        device.metrics = METRICS.to_vec();
        device.controls = vec![Control {
            key: "running".into(),
            name: "Pump".into(),
            kind: ControlKind::Switch,
            is_setup: false,
        }];
        let id = device.id.clone();
        if self.device.replace(id.clone()) != Some(id.clone()) {
            let device = Box::new(device);
            self.out
                .report([Report::Device(device), Report::Complete(true)]);
        }
        id
    }

    /// How the device is, or the section as long as nobody knows its device.
    fn said(&self, health: Health) -> Report {
        match self.device.clone() {
            Some(id) => Report::Health(id, health),
            None => Report::Source(health),
        }
    }

    fn refuse(&mut self, why: &str) {
        for (id, _) in self.wishes.drain(..) {
            self.out.push(Output::Answer(id, Err(why.to_owned())));
        }
    }

    fn begin(&mut self, id: u64, command: &Command) {
        match command.value {
            Value::OnOff(on) if self.wishes.len() < 4 => self.wishes.push((id, on)),
            _ => self
                .out
                .push(Output::Answer(id, Err(Refusal::Busy.to_string()))),
        }
    }
}

impl Protocol for PumpConversation {
    fn settings(&self) -> SerialSettings {
        SerialSettings::new(9600, Parity::None)
    }

    fn handle(&mut self, input: Input<'_>, now: Moment) {
        match input {
            Input::Opened => {
                (self.due, self.asked) = (now.steady, None);
                self.bytes.clear();
            }
            Input::Bytes(bytes) => self.take(bytes, now),
            Input::Command { id, command } => self.begin(id, command),
            Input::Withdrawn(id) => self.wishes.retain(|(wish, _)| *wish != id),
            Input::Forgotten(id) if self.device.as_ref() == Some(id) => self.device = None,
            Input::Closed => {
                (self.due, self.asked) = (Duration::MAX, None);
                self.refuse(&Refusal::NotConnected.to_string());
            }
            Input::Unreachable(error) => {
                let said = self.said(line::unreachable(error));
                self.out.report([said]);
            }
            Input::Time | Input::End | Input::Attended(_) | Input::Forgotten(_) => {}
        }
        if !self.is_file {
            self.look(now);
        }
        // When time means something next.
        self.out.wake = self.asked.map_or(self.due, |asked| asked + ANSWER);
    }

    fn poll(&mut self) -> Output {
        self.out.poll()
    }
}

// ---- mod.rs

#[derive(Debug)]
struct Pump;

static ADAPTER: Pump = Pump;

impl Adapter for Pump {
    fn kind(&self) -> &'static str {
        "pump"
    }

    fn spoken(&self) -> &'static str {
        "Pump"
    }

    fn title(&self) -> &'static str {
        "Pumps that nobody makes"
    }

    fn tables(&self) -> &'static [&'static [Metric]] {
        &[METRICS]
    }

    fn page(&self) -> SectionDoc<'static> {
        SectionDoc::of::<PumpConfig>("[[pump]]", "A pump.", "[[pump]]\nport = \"/dev/ttyUSB0\"\n")
    }

    fn address(&self, text: &str) -> Vec<(&'static str, String)> {
        vec![("port", text.to_owned())]
    }

    fn configure(&self, section: &Section) -> Result<ConfiguredSource, Problems> {
        let (config, keys) = section.read_with_keys::<PumpConfig>()?;
        let port = config.port.clone().ok_or_else(|| {
            section.problem::<PumpConfig>("port", "the port is missing", "write it")
        })?;
        let source = LineSource::new(&ADAPTER, port, move |_| PumpConversation::new(&config));
        Ok(ConfiguredSource::new(source, keys))
    }

    fn decoder(&self, section: &Section) -> Result<Box<dyn Decoder>, Problems> {
        let config = section.read_without(&["port"])?;
        Ok(Box::new(FileReader::new(PumpConversation::of_file(
            &config,
        ))))
    }

    fn mask(&self, _: &Section) -> Result<Mask, Problems> {
        // Whole messages come, and as many bytes have to go.
        Ok(Box::new(|bytes| {
            let mut masked = bytes.to_vec();
            let mut fields = masked.split_mut(|byte| *byte == b';');
            if fields.next().is_some_and(|kind| kind == b"P") {
                fields.next().unwrap_or_default().fill(b'0');
            }
            masked
        }))
    }
}

// ---- and that it works

/// A pump at the other end: what it was switched to, it adds to its power.
async fn pump(listener: TcpListener) {
    let mut on = 0;
    loop {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut question = Vec::new();
        while let Ok(byte) = stream.read_u8().await {
            question.push(byte);
            if byte != b'\r' {
                continue;
            }
            let answer = match &question[..] {
                b"?\r" => format!("garb\rP;SN42;{};{}\r", 100 + on, "56.7"),
                b"S=1\r" => {
                    on = 1;
                    "OK\r".to_owned()
                }
                other => panic!("{other:?}"),
            };
            stream.write_all(answer.as_bytes()).await.unwrap();
            question.clear();
        }
    }
}

#[tokio::test]
async fn a_pump_is_read_and_switched() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    let pump = tokio::spawn(pump(listener));
    let text =
        format!("[[pump]]\nport = \"tcp://{at}\"\ninterval = \"1s\"\nallow_control = true\n");
    let file = File::parse(&text, "test.toml").unwrap();
    let source = ADAPTER.configure(&file.sections("pump")[0]).unwrap();
    let (store, saved) = Store::in_memory();
    let (bridge, hub) = Bridge::new(Setup {
        sources: vec![source],
        sums: Vec::new(),
        incomplete: Vec::new(),
        refused: 0,
        instance: "test".to_owned(),
        clock: Clock::system(),
        links: Links::new(),
        store,
        saved,
        save_every: Duration::ZERO,
        history: wattbridge::history::History::off(),
    });
    let stop = CancellationToken::new();
    let running = tokio::spawn(bridge.run(stop.clone()));
    let mut feed = hub.feed();
    let id = DeviceId::new("pump", "SN42");
    let mut until = async |key: &str, value: Decimal| {
        let there = async {
            let is_it = |known: Known| known.state.value(key).as_number() == Some(value);
            while !feed.get(&id).is_some_and(is_it) {
                feed.next().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), there)
            .await
            .unwrap_or_else(|_| panic!("{key} is never {value}"));
    };
    until("power", Decimal::integer(100)).await;
    until("energy_total", Decimal::new(567, 1)).await;
    let commander = hub.feed().commander();
    let told = commander.command(id.as_str(), "running", "ON").await;
    assert_eq!(told.result, Ok(Value::OnOff(true)));
    until("power", Decimal::integer(101)).await;
    stop.cancel();
    running.await.unwrap();
    pump.abort();
}

#[test]
fn a_file_says_the_same() {
    let file = File::parse("[[pump]]\n", "test.toml").unwrap();
    let mut decoder = ADAPTER.decoder(&file.sections("pump")[0]).unwrap();
    decoder.push(b"P;SN42;-;56.7\rwhat\r");
    let decoded = decoder.next().unwrap().unwrap();
    let Report::Readings(readings) = &decoded.reports[1] else {
        panic!("{:?}", decoded.reports);
    };
    assert_eq!(readings.get("power"), Some(&Value::Unknown));
    assert!(decoder.next().unwrap().is_err());
    assert!(decoder.next().is_none());
}
