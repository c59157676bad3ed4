//! The section `[[aps_zigbee]]` of the configuration file.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::inputs::Inputs;
use super::models::InverterModel;
use super::wire::ids::{EcuId, InverterSerial, ShortAddress};
use crate::config::{Complaint, DeviceKey, DeviceKeys, Period, Settings};
use crate::device::Reserved;
use crate::links::{Address, ControlLine};

/// APsystems inverters that a Zigbee stick talks to, in the place of an ECU.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ZigbeeConfig {
    /// The serial port of the stick, best by its lasting name as in `/dev/serial/by-id/usb-...`, or a TCP server as in
    /// `tcp://192.168.1.9:6638`.
    #[schemars(with = "Option<String>")]
    pub port: Option<Address>,
    /// The serial numbers of the inverters, 12 digits each, as on their labels.
    #[schemars(with = "Vec<String>")]
    pub inverters: Vec<InverterSerial>,
    /// The id of the network, 12 hexadecimal digits. Who paired the inverters with another program writes the id from
    /// there, and nothing has to be paired again. Left out, one is made of the first serial number in the
    /// list; once inverters are paired, write it here, so that it stays so whatever the list is.
    #[schemars(with = "Option<String>")]
    pub ecu_id: Option<EcuId>,
    /// Addresses of inverters that are paired already, by serial number: `addresses = { 408000123456 = "0x7C3A" }`. They
    /// are tried in both orders of their bytes.
    #[schemars(with = "BTreeMap<String, String>")]
    pub addresses: BTreeMap<InverterSerial, ShortAddress>,
    /// How often each inverter is asked.
    pub interval: Period,
    /// Where the inverters are, in degrees north. With `longitude` it says when the sun is up; without, they are asked
    /// all day and night.
    pub latitude: Option<f64>,
    /// Where the inverters are, in degrees east.
    pub longitude: Option<f64>,
    /// Minutes after sunrise from when on, and before sunset until when they are asked; a negative number is longer. What
    /// is learnt of how early they wake up and how late they sleep widens it by itself.
    pub sun_offset: i32,
    /// Whether inverters are never asked: for a stick beside a real ECU, whose questions and answers it hears. Its
    /// `ecu_id` then begins with the same four digits as that of the ECU.
    pub listen_only: bool,
    /// What the energy and the power from counters of an inverter are multiplied by, by serial number, if its own meter
    /// says otherwise: `calibration = { 408000123456 = 1.02 }`.
    #[schemars(with = "BTreeMap<String, f64>")]
    pub calibration: BTreeMap<InverterSerial, f64>,
    /// What the inputs of an inverter are called and in which order they are shown, by serial number: each is its letter
    /// and a name, `inputs = { 408000123456 = ["B East", "A West"] }`.
    #[schemars(with = "BTreeMap<String, Vec<String>>")]
    pub inputs: BTreeMap<InverterSerial, Vec<String>>,
    /// The line that is wired to the reset pin of the stick: `dtr` or `rts` of the serial adapter, or a line of the
    /// computer by its name, `gpio:GPIO18`, or by its chip and number, `gpio:gpiochip0/18`. It is made low for half a
    /// second when the stick does not answer any more.
    #[schemars(with = "Option<String>")]
    pub reset_line: Option<ControlLine>,
    /// Whether a limit that was set here is set again when an inverter has forgotten it, as some do at night.
    pub keep_limit: bool,
}

impl Default for ZigbeeConfig {
    fn default() -> Self {
        Self {
            port: None,
            inverters: Vec::new(),
            ecu_id: None,
            addresses: BTreeMap::new(),
            interval: Period::seconds(60),
            latitude: None,
            longitude: None,
            sun_offset: 0,
            listen_only: false,
            calibration: BTreeMap::new(),
            inputs: BTreeMap::new(),
            reset_line: None,
            keep_limit: false,
        }
    }
}

impl Settings for ZigbeeConfig {
    const DEVICE_KEYS: &'static [(DeviceKey, &'static str)] = &[
        (
            DeviceKey::Enabled,
            "Set to false to leave the stick alone without losing this section.",
        ),
        (
            DeviceKey::Name,
            "What the stick is called. Left out: \"Zigbee stick\" and the beginning of the id of its network.",
        ),
        (
            DeviceKey::Names,
            "What the inverters are called, by serial number: `names = { 408000123456 = \"Garage\" }`.",
        ),
        (DeviceKey::Area, "The room to propose for all of them."),
        (
            DeviceKey::ForgetAfter,
            "How long an inverter is kept that is no longer listed here.",
        ),
        (
            DeviceKey::AllowControl,
            "Set to true for the limit of the power and for switching inverters on and off.",
        ),
    ];

    fn check(&self) -> Vec<Complaint> {
        let mut complaints = Vec::new();
        if self.inverters.is_empty() && !self.listen_only {
            complaints.push(Complaint::new(
                "inverters",
                "no inverter is listed",
                "write their serial numbers, inverters = [\"408000123456\"], as on the labels",
            ));
        }
        let mut seen = std::collections::BTreeSet::new();
        for serial in &self.inverters {
            if !seen.insert(serial) {
                complaints.push(Complaint::new(
                    "inverters",
                    format!("{serial} is there twice"),
                    "leave out one of them; every inverter has a number of its own",
                ));
            }
        }
        if self.latitude.is_some() != self.longitude.is_some() {
            complaints.push(Complaint::new(
                "latitude",
                "latitude and longitude only help together",
                "write both, as a map shows them, or neither",
            ));
        }
        let is_in = |angle: Option<f64>, most: f64| {
            angle.is_none_or(|angle| (-most..=most).contains(&angle))
        };
        if !is_in(self.latitude, 90.0) || !is_in(self.longitude, 180.0) {
            complaints.push(Complaint::new(
                "latitude",
                "there is no such place",
                "write degrees: latitude from -90 to 90, longitude from -180 to 180",
            ));
        }
        if self.sun_offset.unsigned_abs() > 240 {
            complaints.push(Complaint::new(
                "sun_offset",
                "that is more than four hours",
                "write minutes, such as -10, or leave it out",
            ));
        }
        for (serial, factor) in &self.calibration {
            if !(0.5..=1.5).contains(factor) {
                complaints.push(Complaint::new(
                    "calibration",
                    format!("{serial} would be off by half"),
                    "write a factor near 1, such as 1.02",
                ));
            }
        }
        for (serial, inputs) in &self.inputs {
            if let Err(why) = Inputs::read(inputs) {
                complaints.push(Complaint::new(
                    "inputs",
                    format!("{serial}: {why}"),
                    "write the letter of each input once, and a name behind it if you like: [\"B East\", \"A West\"]",
                ));
            }
        }
        if let (Some(line @ (ControlLine::Dtr | ControlLine::Rts)), Some(Address::Tcp(_))) =
            (&self.reset_line, &self.port)
        {
            complaints.push(Complaint::new(
                "reset_line",
                format!("{line} is a line of a serial adapter, and behind a server there is none to switch"),
                "wire the reset pin to this computer and write its line, such as \"gpio:GPIO18\", or leave reset_line out",
            ));
        }
        complaints.extend(self.double_addresses());
        complaints.extend(self.impossible_inputs());
        if self.listen_only && self.ecu_id.is_none() {
            complaints.push(Complaint::new(
                "ecu_id",
                "without the id of the ECU nothing of it is heard",
                "write the ecu_id of the ECU that is listened to; it is on its label and on its page",
            ));
        }
        for (serial, address) in &self.addresses {
            if !address.is_of_inverter() {
                complaints.push(Complaint::new(
                    "addresses",
                    format!("{address} of {serial} is no address of an inverter"),
                    "leave that one out, and pair the inverter; other programs write 0000 for one that is not paired",
                ));
            }
        }
        let period = (
            "interval",
            self.interval,
            [Period::seconds(15), Period::minutes(30)],
        );
        complaints.extend(Complaint::of_periods([period]));
        complaints
    }

    fn check_beside(&self, keys: &DeviceKeys) -> Vec<Complaint> {
        let mut complaints = Vec::new();
        if keys.allow_control && self.listen_only {
            complaints.push(Complaint::new(
                "allow_control",
                "inverters that are only listened to cannot be controlled",
                "leave out listen_only, or allow_control = true",
            ));
        }
        if self.keep_limit && !keys.allow_control {
            complaints.push(Complaint::new(
                "keep_limit",
                "a limit cannot be set again where nothing may be set",
                "write allow_control = true as well, or leave out keep_limit",
            ));
        }
        complaints
    }
}

impl ZigbeeConfig {
    /// What is said of inverters that are not in the list, by key: a slip perhaps, and nothing that stops the others.
    pub fn unlisted(&self) -> Vec<(&'static str, InverterSerial)> {
        let unlisted = |field, serials: Vec<&InverterSerial>| {
            let unlisted = serials
                .into_iter()
                .filter(|it| !self.inverters.contains(it));
            unlisted.map(|serial| (field, *serial)).collect::<Vec<_>>()
        };
        if self.inverters.is_empty() {
            return Vec::new();
        }
        let all = [
            unlisted("addresses", self.addresses.keys().collect()),
            unlisted("calibration", self.calibration.keys().collect()),
            unlisted("inputs", self.inputs.keys().collect()),
        ];
        all.concat()
    }

    /// Addresses that two inverters of the list have.
    fn double_addresses(&self) -> Vec<Complaint> {
        let mut seen = BTreeMap::new();
        let listed = self
            .addresses
            .iter()
            .filter(|(serial, _)| self.inverters.contains(serial));
        let double = listed.filter_map(|(serial, address)| {
            let other = seen.insert(address, serial)?;
            Some(Complaint::new(
                "addresses",
                format!("{other} and {serial} cannot both be at {address}"),
                "leave out the one that is wrong, or both, and pair them",
            ))
        });
        double.collect()
    }

    /// Letters of inputs that an inverter does not have.
    fn impossible_inputs(&self) -> Vec<Complaint> {
        let impossible = |(serial, list): (&InverterSerial, &Vec<String>)| {
            let highest = Inputs::read(list).ok()?.highest()?;
            let model = InverterModel::of(*serial, None)?;
            (highest >= usize::from(model.inputs)).then(|| {
                Complaint::new(
                    "inputs",
                    format!(
                        "{serial}: a {} has {} inputs only",
                        model.name, model.inputs
                    ),
                    "write the letters that it has, A being the first",
                )
            })
        };
        self.inputs.iter().filter_map(impossible).collect()
    }

    /// The id of the network: the user's, or one made of the first serial number, so that who loses what is remembered
    /// keeps it.
    pub fn network(&self) -> EcuId {
        let made = || EcuId::made_of(self.inverters.first().copied());
        self.ecu_id.unwrap_or_else(made)
    }

    /// The network, which no other stick may have as well; one that only listens takes it from nobody.
    pub fn reserved(&self) -> Option<Reserved> {
        let id = self.network();
        let [first, second] = id.network();
        let made = if self.ecu_id.is_some() {
            "of its ecu_id"
        } else {
            "of the ecu_id that is made of its first serial number"
        };
        (!self.listen_only).then(|| Reserved {
            key: format!("zigbee network {first:02X}{second:02X}"),
            words: format!(
                "the network {first:02X}{second:02X}, the first four digits {made}, {id},"
            ),
            advice: "two sticks cannot have the same network: write an ecu_id that begins with four other digits in the \
                     section whose inverters are easier to pair again, and pair them; one that only hears the other \
                     one has listen_only = true"
                .to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_no_inverter_has_is_told() {
        let serial = "408000990001".parse().unwrap();
        let of = |address| ZigbeeConfig {
            inverters: vec![serial],
            addresses: BTreeMap::from([(serial, ShortAddress(address))]),
            ..ZigbeeConfig::default()
        };
        assert_eq!(of(0x7c3a).check(), []);
        for address in [0, 0xffff, 0xfff8] {
            assert_eq!(of(address).check()[0].field, "addresses");
        }
    }

    #[test]
    fn what_is_said_of_an_inverter_that_is_not_there_is_told() {
        let [one, two, typo] =
            ["408000990001", "408000990002", "408000990003"].map(|it| it.parse().unwrap());
        let mut config = ZigbeeConfig {
            inverters: vec![one, two],
            ..ZigbeeConfig::default()
        };
        assert_eq!(config.check(), []);
        config.calibration.insert(typo, 1.02);
        assert_eq!(config.unlisted(), [("calibration", typo)]);
        assert_eq!(config.check(), []);
        // Without any list, nobody is off it.
        let listed = std::mem::take(&mut config.inverters);
        let fields: Vec<_> = config.check().iter().map(|it| it.field).collect();
        assert_eq!(fields, ["inverters"]);
        config.inverters = listed;
        config.calibration.clear();
        config.addresses = [one, two].map(|it| (it, ShortAddress(0x7c3a))).into();
        assert_eq!(config.check()[0].field, "addresses");
        config.addresses.clear();
        config.inputs.insert(one, vec!["C East".to_owned()]);
        assert_eq!(config.check()[0].field, "inputs");
        let listening = ZigbeeConfig {
            listen_only: true,
            ..ZigbeeConfig::default()
        };
        assert_eq!(listening.check()[0].field, "ecu_id");
    }

    #[test]
    fn a_server_has_no_lines_of_a_serial_adapter() {
        for (port, line, is_told) in [
            ("tcp://192.0.2.9:6638", "dtr", true),
            ("tcp://192.0.2.9:6638", "RTS", true),
            ("tcp://192.0.2.9:6638", "gpio:GPIO18", false),
            ("/dev/ttyUSB0", "dtr", false),
        ] {
            let config = ZigbeeConfig {
                port: port.parse().ok(),
                inverters: vec!["408000990001".parse().unwrap()],
                reset_line: line.parse().ok(),
                ..ZigbeeConfig::default()
            };
            let told: Vec<_> = config.check().iter().map(|it| it.field).collect();
            let expected: &[&str] = if is_told { &["reset_line"] } else { &[] };
            assert_eq!(told, expected, "{port} {line}");
        }
    }

    #[test]
    fn a_line_that_cannot_be_had_is_told_of_together_with_the_stick() {
        use crate::adapters::aps_zigbee::ADAPTER;
        use crate::config::Section;
        use crate::device::Adapter as _;
        use crate::links::{FakeChip, GpioError, Links};

        let pair = |(key, value): (&str, &str)| (key.to_owned(), value.to_owned());
        let section = |line: &str| {
            let keys = [
                ("port", "tcp://127.0.0.1:1"),
                ("inverters", "[\"408000990001\"]"),
                ("reset_line", line),
            ];
            Section::from_pairs("aps_zigbee", &keys.map(pair)).unwrap()
        };
        let wrong = ADAPTER.configure(&section("18")).unwrap_err().to_string();
        assert!(
            wrong.contains("reset_line") && wrong.contains("gpio:GPIO18"),
            "{wrong}"
        );
        let chip = FakeChip::default();
        let probe = || {
            let configured = ADAPTER.configure(&section("gpio:GPIO18")).unwrap();
            let links = Links::new().with_gpio(chip.lines());
            let runtime = tokio::runtime::Builder::new_current_thread();
            let runtime = { runtime }.enable_all().build().unwrap();
            runtime
                .block_on(configured.source.probe(links))
                .unwrap_err()
        };
        // Nobody is there; that the line is fine is no news.
        assert!(!probe().contains("GPIO18"));
        assert_eq!(chip.news(), ["claim GPIO18", "gone"]);
        *chip.trouble.lock().unwrap() = Some(GpioError::NoChips);
        let told = probe();
        assert!(
            told.contains("cannot be reset by gpio:GPIO18") && told.contains("--device"),
            "{told}"
        );
    }

    #[test]
    fn nothing_is_set_again_where_nothing_may_be_set() {
        let config = ZigbeeConfig {
            keep_limit: true,
            ..ZigbeeConfig::default()
        };
        let mut keys = DeviceKeys::default();
        assert_eq!(config.check_beside(&keys)[0].field, "keep_limit");
        keys.allow_control = true;
        assert_eq!(config.check_beside(&keys), []);
    }
}
