//! Simulated ECUs.

use std::time::Duration;

use jiff::civil::{Date, DateTime, date};
use jiff::tz::TimeZone;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use wattbridge::adapters::aps_ecu::simulator::{EcuSettings, Model, Plant, SimulatedEcu};
use wattbridge::adapters::aps_ecu::wire::{Answer, EcuInfo, Framer, Request, Telemetry, Uid};
use wattbridge::simulation::{House, Sky};

use crate::support::ports::free_address;

pub(crate) const DAY: Date = date(2026, 6, 21);

/// What most tests are about.
pub(crate) const ECU_R: &str = "216000000001";
pub(crate) const ECU_PRO: &str = "216200000001";

/// A simulated ECU on a port of its own.
pub(crate) struct Gateway {
    pub(crate) handle: SimulatedEcu,
}

/// How an ECU shall be.
pub(crate) struct Plan<'a> {
    pub(crate) serial: &'a str,
    pub(crate) inverters: &'a str,
    pub(crate) start: DateTime,
    pub(crate) speed: f64,
    pub(crate) cycle: Duration,
    pub(crate) faults: &'a [&'a str],
    pub(crate) lifetime_wh: u64,
}

impl Default for Plan<'_> {
    /// At noon. New values every 50 ms, so that each round has some.
    fn default() -> Self {
        Self {
            serial: ECU_R,
            inverters: "2xDS3",
            start: DAY.at(12, 0, 0, 0),
            speed: 20.0,
            cycle: Duration::from_secs(1),
            faults: &[],
            lifetime_wh: 4_321_000,
        }
    }
}

impl Gateway {
    pub(crate) async fn start(plan: Plan<'_>) -> Self {
        let serial = plan.serial.parse().unwrap();
        let model = Model::of(&serial).unwrap();
        let plant = Plant::new(model, serial, &plan.inverters.parse().unwrap()).unwrap();
        let zone = TimeZone::get("Europe/Vienna").unwrap();
        let start = plan.start.to_zoned(zone).unwrap();
        let settings = EcuSettings {
            house: House::new(&start, Sky::default()).at_speed(plan.speed),
            cycle: plan.cycle,
            lifetime_wh: Some(plan.lifetime_wh),
            faults: plan.faults.iter().map(|it| it.parse().unwrap()).collect(),
            ..EcuSettings::new(plant)
        };
        let handle = SimulatedEcu::start(settings, free_address()).await.unwrap();
        Self { handle }
    }

    pub(crate) fn port(&self) -> u16 {
        self.handle.listens().port()
    }

    pub(crate) fn fault(&self, rule: &str) {
        self.handle.set_fault(rule.parse().unwrap());
    }

    /// Its device in Home Assistant.
    pub(crate) fn id(&self) -> String {
        format!("aps_ecu_{}", self.handle.ecu())
    }

    /// The devices of its inverters.
    pub(crate) fn inverter_ids(&self) -> Vec<String> {
        self.handle
            .inverters()
            .into_iter()
            .map(inverter_id)
            .collect()
    }

    /// All bytes of its answer, as anybody else would get them.
    pub(crate) async fn bytes(&self, request: &Request) -> Vec<u8> {
        let mut stream = TcpStream::connect(self.handle.address()).await.unwrap();
        stream.write_all(&request.encode()).await.unwrap();
        stream.shutdown().await.unwrap();
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).await.unwrap();
        bytes
    }

    async fn ask(&self, request: &Request) -> Answer {
        let mut framer = Framer::new();
        framer.push(&self.bytes(request).await);
        // Garbage is told of before the frame.
        let frame = std::iter::from_fn(|| framer.next_frame()).find_map(Result::ok);
        Answer::decode(&frame.unwrap()).unwrap()
    }

    pub(crate) async fn info(&self) -> EcuInfo {
        match self.ask(&Request::EcuInfo).await {
            Answer::EcuInfo(info) => info,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) async fn telemetry(&self) -> Telemetry {
        let ecu = self.handle.ecu();
        match self.ask(&Request::Telemetry { ecu }).await {
            Answer::Telemetry(telemetry) => telemetry,
            other => panic!("{other:?}"),
        }
    }

    /// Its section of the file.
    pub(crate) fn section(&self) -> String {
        section(self.port())
    }
}

pub(crate) fn inverter_id(uid: Uid) -> String {
    format!("aps_ecu_{uid}")
}

/// A section for an ECU on this host.
pub(crate) fn section(port: u16) -> String {
    format!(
        "[[aps_ecu]]\nhost = \"127.0.0.1\"\nport = {port}\ninterval = \"300ms\"\n\
         night_interval = \"300ms\"\nquiet = \"\"\nphase_lock = false\ntimeout = \"1s\"\n\
         time_zone = \"Europe/Vienna\"\n"
    )
}
