//! What is simulated around `victron`: devices at cables that are found by themselves, sums over
//! them, and a program that prints a line.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use tempfile::TempDir;
use wattbridge::adapters::victron::simulator::{Model, Pace, SimulatedVictron, VictronSettings};
use wattbridge::simulation::SimPlace;

/// Devices in Home Assistant: those at cables, two sums, and what the program measures.
pub(crate) const COUNT: usize = DEVICES.len() + 3;

/// A device as Home Assistant has to show it.
pub(crate) struct Page {
    /// In the simulator.
    pub(crate) name: &'static str,
    pub(crate) model: &'static str,
    pub(crate) firmware: &'static str,
    /// What it is asked for last: when that is there, everything is.
    pub(crate) last: &'static [&'static str],
    /// What can be set.
    pub(crate) controls: &'static [&'static str],
}

const CHARGER: &[&str] = &["charge_current_limit", "lift_charge_current_limit", "mode"];

/// All of them.
#[rustfmt::skip]
pub(crate) const DEVICES: &[Page] = &[
    Page {
        name: "bmv-712", model: "BMV-712 Smart", firmware: "4.08",
        last: &["battery_voltage_min", "set_relay"], controls: &["relay"],
    },
    Page {
        name: "mppt-75-15", model: "SmartSolar MPPT 75/15", firmware: "1.59",
        last: &["load_off_reason", "set_load_output"],
        controls: &[
            "charge_current_limit", "lift_charge_current_limit", "load_control", "load_output", "mode",
        ],
    },
    Page {
        name: "mppt-150-70", model: "SmartSolar MPPT 150/70 rev2", firmware: "3.16",
        last: &["charge_current_setting", "energy_today"], controls: CHARGER,
    },
    Page {
        name: "phoenix", model: "Phoenix Inverter 12V 1200VA 230V", firmware: "1.24",
        last: &["operating_time"], controls: &["mode"],
    },
    Page {
        name: "blue-smart-ip22", model: "Blue Smart IP22 Charger 24/8", firmware: "3.42",
        last: &["function"], controls: &["mode"],
    },
    Page {
        name: "orion-xs", model: "Orion XS 12V/12V-50A", firmware: "1.12",
        last: &["set_mode"], controls: &["mode"],
    },
    Page {
        name: "multi-rs", model: "Multi RS Solar 48V 6000VA 230V", firmware: "1.09",
        last: &["ac_input"], controls: &[],
    },
    Page {
        name: "energy-meter", model: "SmartShunt 500A/50mV", firmware: "4.19",
        last: &["uptime", "energy_produced"], controls: &[],
    },
];

/// What the auxiliary input of a battery monitor is for, and that: the middle of the battery.
const AUX: (u16, u8) = (0xeef8, 1);

/// The simulated devices.
pub(crate) struct Cables {
    pub(crate) devices: BTreeMap<&'static str, SimulatedVictron>,
    folder: TempDir,
}

impl Cables {
    pub(crate) async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut devices = BTreeMap::new();
        for (number, page) in DEVICES.iter().enumerate() {
            let cable = format!(
                "dev/serial/by-id/usb-VictronEnergy_BV_VE_Direct_cable_VE{number:06}-if00-port0"
            );
            let path = folder.path().join(cable);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            let mut settings = VictronSettings::new(Model::named(page.name).unwrap());
            settings.pace = Pace {
                interval: Duration::from_millis(500),
                ..Pace::default()
            };
            if page.name == "bmv-712" {
                settings.registers = vec![(AUX.0, vec![AUX.1])];
            }
            let simulator = SimulatedVictron::start(settings, SimPlace::Terminal(path)).await;
            devices.insert(page.name, simulator.unwrap());
        }
        let cables = Self { devices, folder };
        cables.print("51.5");
        cables
    }

    /// The folder in which the program looks for cables.
    pub(crate) fn root(&self) -> &Path {
        self.folder.path()
    }

    /// What to configure for them.
    pub(crate) fn section(&self) -> String {
        let printed = self.printed();
        format!(
            "[[victron]]\nport = \"auto\"\nallow_control = true\n\
             [[sum]]\nid = \"pv\"\nname = \"Total PV power\"\nplus = [\"victron_*/panel_power\"]\n\
             energy = true\n\
             [[sum]]\nid = \"house\"\nname = \"House consumption\"\nplus = [\"sum_pv/power\"]\n\
             minus = [\"{}/battery_power\"]\n\
             [[text]]\nid = \"boiler\"\ncommand = [\"cat\", \"{}\"]\ninterval = \"1s\"\n\
             values = [{{ id = \"water\", quantity = \"temperature\" }}]\n",
            id("bmv-712"),
            printed.display()
        )
    }

    pub(crate) fn device(&self, name: &str) -> &SimulatedVictron {
        &self.devices[name]
    }

    /// Pulls the cable of the device with two trackers.
    pub(crate) fn unplug(&self) {
        self.device("multi-rs").unplug();
    }

    pub(crate) fn plug(&self) {
        self.device("multi-rs").plug();
    }

    fn printed(&self) -> std::path::PathBuf {
        self.folder.path().join("printed")
    }

    /// What the program prints from now on. There is no moment at which it would print half of it.
    pub(crate) fn print(&self, text: &str) {
        let next = self.folder.path().join("next");
        fs::write(&next, text).unwrap();
        fs::rename(next, self.printed()).unwrap();
    }
}

pub(crate) fn serial(name: &str) -> &'static str {
    Model::named(name).unwrap().serial
}

pub(crate) fn id(name: &str) -> String {
    format!("victron_{}", serial(name).to_lowercase())
}

pub(crate) fn unique(name: &str, key: &str) -> String {
    format!("{}_{key}", id(name))
}

pub(crate) fn topic(device: &str, what: &str) -> String {
    format!("wattbridge/{device}/{what}")
}
