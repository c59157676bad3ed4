//! What has been reported of other programs, played once more: the right behaviour in each case.
//!
//! | | What was reported | File |
//! |---|---|---|
//! | 1, 2, 5, 18, 19, 20, 24 | sticks that seem to be dead, or are | `sticks` |
//! | 3, 4, 10, 13, 14, 21 | inverters that cannot be paired, or are silent then | `pairing` |
//! | 6, 7, 8, 16, 17 | energies and powers that cannot be | `energies` |
//! | 9, 11, 12, 15 | values that mean something else, hours without any | `values` |
//! | 22, 23 | limits that are not kept, or not found | `limits` |
//!
//! Bytes of captures are read in place; without them what needs them is ignored.

mod energies;
mod limits;
mod pairing;
mod sticks;
mod values;

use super::*;
use crate::adapters::aps_zigbee::wire::ids::ShortAddress;
use crate::adapters::aps_zigbee::wire::payload::{
    AnswerContent, InverterAnswer, InverterCommand, InverterFirmware, PanelInput, PanelTelemetry,
    StatusBits, TelemetryLayout,
};
use crate::adapters::aps_zigbee::wire::znp::{
    AfIncoming, ZnpFrame, ZnpMessage, ZnpRequest, ZnpScanned, ZnpScanner, ZnpStatus,
};
use crate::hex::Hex;

const SECOND: Duration = Duration::from_secs(1);
/// The serial number of an inverter that is nowhere but in what is played.
const PLAYED: &str = "703000990041";
/// And its address.
const PLACE: ShortAddress = ShortAddress(0x2b1c);

/// An entry of the captures.
fn capture(id: &str) -> serde_json::Value {
    let folder = std::env::var_os("WATTBRIDGE_VECTORS").map_or_else(
        || std::path::PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/vectors"),
        std::path::PathBuf::from,
    );
    for name in ["aps-zigbee-reports.json", "aps-zigbee.json"] {
        let bytes = std::fs::read(folder.join(name)).unwrap();
        let all: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
        let mut entries = all["vectors"].as_array().unwrap().iter();
        if let Some(entry) = entries.find(|entry| entry["id"] == id) {
            return entry.clone();
        }
    }
    panic!("{id} is not there");
}

/// Its bytes.
fn bytes_of(id: &str) -> Vec<u8> {
    crate::hex::bytes(capture(id)["hex"].as_str().unwrap()).unwrap()
}

/// The messages of inverters in what a stick says.
fn heard(bytes: &[u8]) -> Vec<AfIncoming> {
    let mut scanner = ZnpScanner::default();
    scanner.push(bytes);
    let mut all = Vec::new();
    while let Some(scanned) = scanner.next() {
        if let ZnpScanned::Frame { frame, .. } = scanned
            && let ZnpMessage::Incoming(message) = ZnpMessage::decode(frame)
        {
            all.push(message);
        }
    }
    all
}

/// Whose the last answer in what a stick says is, from where, and what it measures.
fn measured(bytes: &[u8]) -> (InverterSerial, ShortAddress, PanelTelemetry) {
    let message = heard(bytes).pop().unwrap();
    let answer = InverterAnswer::decode(&message.data).unwrap();
    match answer.content {
        AnswerContent::Telemetry(telemetry) => (answer.serial, message.source, *telemetry),
        other => panic!("{other:?}"),
    }
}

/// What a stick says when an inverter answers so.
fn answered(telemetry: &PanelTelemetry, source: ShortAddress) -> Vec<u8> {
    let incoming = overheard(source, 0x0106, telemetry.data());
    let confirm = ZnpMessage::Confirm {
        status: ZnpStatus::Success,
        endpoint: 0x14,
        transaction: 1,
    };
    let all = [ZnpMessage::Sending(ZnpStatus::Success), confirm, incoming];
    all.iter().flat_map(|it| it.encode().unwrap()).collect()
}

/// What a DS3 that works well says after so many seconds.
fn ds3(clock: u16, counters: [u64; 2], power: u16) -> PanelTelemetry {
    let input = |counter| PanelInput {
        voltage: Decimal::integer(34),
        current: Decimal::integer(3),
        counter,
    };
    PanelTelemetry {
        serial: PLAYED.parse().unwrap(),
        layout: TelemetryLayout::Ds3,
        model: Some(0x20),
        firmware: Some(InverterFirmware::new(3, 15)),
        temperature: Some(Decimal::integer(30)),
        frequency: Some(Decimal::integer(50)),
        grid_voltage: Some(Decimal::integer(230)),
        clock,
        status: StatusBits::Bb([0; 5]),
        links: None,
        inputs: counters.map(input).to_vec(),
        ac_power: Some(power),
        reactive_power: Some(0),
        state: Some(0),
    }
}

/// A moment in the zone of the tests.
fn at(text: &str) -> Zoned {
    let local: jiff::civil::DateTime = text.parse().unwrap();
    local.to_zoned(zone()).unwrap()
}

fn settings(list: &str, is_paired: bool, faults: &[&str]) -> StickSettings {
    let mut settings = StickSettings::new(listed(list), is_paired.then(gateway));
    settings.faults = faults.iter().map(|it| it.parse().unwrap()).collect();
    settings
}

/// In a script, a request with these first bytes of its envelope to this address.
fn request(to: ShortAddress, envelope: &[u8]) -> String {
    let [low, high] = to.0.to_le_bytes();
    let any = "??".repeat(10);
    format!(
        "on FE??2401{low:02X}{high:02X}14140600{any}{}*",
        Hex::of(envelope)
    )
}

/// The same for a poll.
fn poll_of(to: ShortAddress) -> String {
    request(to, &[0xfb, 0xfb, 0x06, 0xbb])
}

impl Bench {
    fn faulty(list: &str, is_paired: bool, faults: &[&str]) -> Self {
        let settings = settings(list, is_paired, faults);
        Self::of(settings, &at("2026-06-21T10:00"), |_, _| {}, |_| {})
    }

    fn quiet(serial: InverterSerial, address: ShortAddress, begin: &Zoned) -> Self {
        Self::playing(serial, address, begin, |_| {})
    }

    /// A stick with an inverter of which nothing is heard but what is played; it is asked every five minutes.
    fn playing(
        serial: InverterSerial,
        address: ShortAddress,
        begin: &Zoned,
        change: impl FnOnce(&mut ZigbeeConfig),
    ) -> Self {
        let settings = settings(&serial.to_string(), true, &[]);
        let mut bench = Self::of(
            settings,
            begin,
            |_, manners| manners.loss = 1.0,
            |config| {
                config.addresses.insert(serial, address);
                config.interval = crate::config::Period::seconds(300);
                change(config);
            },
        );
        let mesh = &mut bench.stick.stick().mesh;
        mesh.inverter(serial).unwrap().address = address;
        bench
    }

    /// The next poll of it is answered so.
    fn play(&mut self, address: ShortAddress, bytes: &[u8]) {
        let script = format!(
            "{} count 1\n after 300\n send {}",
            poll_of(address),
            Hex::of(bytes)
        );
        self.script(&script);
        let before = self.polls(address).len();
        let mut waits = 0;
        while self.polls(address).len() == before {
            self.run(SECOND / 4);
            waits += 1;
            assert!(waits < 100_000, "nobody asks");
        }
        self.run(2 * SECOND);
    }

    fn script(&mut self, text: &str) {
        self.stick.stick().set_script(text.parse().unwrap());
    }

    /// What was asked of the stick, and when.
    fn requests(&self) -> Vec<(Duration, ZnpRequest)> {
        let mut all = Vec::new();
        for (at, bytes) in &self.sent {
            if let Ok(frame) = ZnpFrame::exactly(bytes) {
                all.push((*at, ZnpRequest::decode(frame)));
            }
        }
        all
    }

    /// What was sent to inverters of the network, and when.
    fn told_inverters(&self) -> Vec<(Duration, ShortAddress, InverterCommand)> {
        let requests = self.requests().into_iter();
        let told = requests.filter_map(|(at, request)| match request {
            ZnpRequest::Send(send) => {
                let command = InverterCommand::read(&send.data).ok()?.1;
                Some((at, send.destination, command))
            }
            _ => None,
        });
        told.collect()
    }

    /// When an inverter was polled.
    fn polls(&self, address: ShortAddress) -> Vec<Duration> {
        let all = self.told_inverters().into_iter();
        all.filter(|(_, to, command)| *to == address && *command == InverterCommand::Poll)
            .map(|(at, ..)| at)
            .collect()
    }

    /// How often the stick was told to start anew.
    fn resets(&self) -> usize {
        let requests = self.requests();
        requests
            .iter()
            .filter(|(_, it)| matches!(it, ZnpRequest::Reset(_)))
            .count()
    }

    /// How a device was, one after the other.
    fn healths(&self, id: &str) -> Vec<Health> {
        let reports = self.reports.iter();
        let healths = reports.filter_map(|report| match report {
            Report::Health(device, health) if device.as_str() == id => Some(health.clone()),
            _ => None,
        });
        healths.collect()
    }

    /// Everything that is wrong with anybody.
    fn problems(&self) -> Vec<&Health> {
        let reports = self.reports.iter();
        let problems = reports.filter_map(|report| match report {
            Report::Health(_, health) if health.code.is_problem() => Some(health),
            _ => None,
        });
        problems.collect()
    }

    /// All numbers of a key, one after the other.
    fn numbers(&self, id: &str, key: &str) -> Vec<f64> {
        let values = self.values(id, key);
        values
            .filter_map(|value| Some(value.as_number()?.to_f64()))
            .collect()
    }

    fn last<'a>(&'a self, id: &'a str, key: &'a str) -> &'a Value {
        self.values(id, key).next_back().unwrap()
    }

    fn remembered_address(&self, place: usize) -> Option<ShortAddress> {
        let serial = self.config.inverters[place];
        self.conversation.inverters[&serial]
            .remembered
            .place
            .address()
    }
}

fn near(found: f64, expected: f64, tolerance: f64) {
    assert!(
        (found - expected).abs() <= tolerance,
        "{found} instead of {expected}"
    );
}
