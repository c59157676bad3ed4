//! The simulated gateway over real sockets.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test ends where it fails"
)]

mod faults;
mod life;
#[path = "../support/ports.rs"]
mod ports;

use std::io::ErrorKind;
use std::time::Duration;

use jiff::civil::{Date, date};
use jiff::tz::TimeZone;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use wattbridge::adapters::aps_ecu::simulator::{EcuAct, EcuSettings, Model, Plant, SimulatedEcu};
use wattbridge::adapters::aps_ecu::wire::{
    Answer, EcuInfo, FrameError, Framer, Period, RawFrame, Record, RecordType, Request, Status,
    Telemetry,
};
use wattbridge::simulation::{House, Sky};

const DAY: Date = date(2026, 6, 21);
/// Only reached when something is broken.
const DEADLINE: Duration = Duration::from_secs(20);

struct Setup {
    handle: SimulatedEcu,
}

impl Setup {
    /// A gateway at noon, whose time stands still.
    async fn new(model: Model, inverters: &str) -> Self {
        Self::with_faults(model, inverters, &[]).await
    }

    async fn with_faults(model: Model, inverters: &str, faults: &[&str]) -> Self {
        let serial = match model {
            Model::EcuR => "216000000001",
            Model::EcuRPro => "216200000001",
            Model::EcuB => "216300000001",
            Model::EcuC => "215000000001",
        };
        let list = inverters.parse().unwrap();
        let plant = Plant::new(model, serial.parse().unwrap(), &list).unwrap();
        let zone = TimeZone::get("Europe/Vienna").unwrap();
        let noon = DAY.at(12, 0, 0, 0).to_zoned(zone).unwrap();
        let settings = EcuSettings {
            house: House::new(&noon, Sky::default()).at_speed(0.0),
            faults: faults.iter().map(|fault| fault.parse().unwrap()).collect(),
            ..EcuSettings::new(plant)
        };
        let handle = SimulatedEcu::start(settings, ports::free_address())
            .await
            .unwrap();
        Self { handle }
    }

    fn fault(&self, rule: &str) {
        self.handle.set_fault(rule.parse().unwrap());
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.handle.listens()).await.unwrap()
    }

    /// Waits until the port is closed.
    async fn refuses(&self) {
        self.handle.wait_for_port(false).await;
        let refused = TcpStream::connect(self.handle.listens()).await;
        assert_eq!(refused.unwrap_err().kind(), ErrorKind::ConnectionRefused);
    }

    /// Waits until the port is open.
    async fn answers_again(&self) {
        self.handle.wait_for_port(true).await;
        self.info().await;
    }

    /// All bytes that come for a request until the connection ends.
    async fn bytes(&self, request: &Request) -> Vec<u8> {
        let mut stream = self.connect().await;
        stream.write_all(&request.encode()).await.unwrap();
        stream.shutdown().await.unwrap();
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).await.unwrap();
        bytes
    }

    async fn ask(&self, request: &Request) -> Answer {
        decoded(&self.bytes(request).await)
    }

    async fn info(&self) -> EcuInfo {
        match self.ask(&Request::EcuInfo).await {
            Answer::EcuInfo(info) => info,
            other => panic!("{other:?}"),
        }
    }

    fn telemetry_request(&self) -> Request {
        Request::Telemetry {
            ecu: self.handle.ecu(),
        }
    }

    async fn telemetry(&self) -> Telemetry {
        match self.ask(&self.telemetry_request()).await {
            Answer::Telemetry(telemetry) => telemetry,
            other => panic!("{other:?}"),
        }
    }
}

fn decoded(bytes: &[u8]) -> Answer {
    Answer::decode(&RawFrame::parse(bytes).unwrap()).unwrap()
}

/// One answer on a connection that stays open.
async fn read_answer(stream: &mut TcpStream) -> Answer {
    let mut framer = Framer::new();
    loop {
        if let Some(frame) = framer.next_frame() {
            return Answer::decode(&frame.unwrap()).unwrap();
        }
        let mut piece = [0; 512];
        let count = stream.read(&mut piece).await.unwrap();
        assert_ne!(count, 0, "closed before the answer");
        framer.push(piece.get(..count).unwrap());
    }
}

/// A test that hangs has failed, and says so.
async fn in_time(test: impl Future<Output = ()>) {
    tokio::time::timeout(DEADLINE, test).await.expect("in time");
}

#[tokio::test]
async fn every_model_answers_every_command() {
    in_time(async {
        for model in [Model::EcuR, Model::EcuRPro, Model::EcuB, Model::EcuC] {
            let setup = Setup::new(model, "3xDS3,2xQS1,YC1000,QT2,YC600").await;
            let (ecu, truth) = (setup.handle.ecu(), setup.handle.truth());
            let (info, telemetry) = (setup.info().await, setup.telemetry().await);
            assert_eq!(info.ecu, ecu);
            assert_eq!(info.lifetime_wh, truth.lifetime_wh / 100 * 100);
            assert_eq!(info.today_wh, truth.today_wh / 10 * 10);
            assert_eq!(info.power_w, truth.power_w);
            assert_eq!(u64::from(info.power_w), telemetry.total_power_w());
            assert_eq!(telemetry.online(), 8);
            assert_eq!(telemetry.at, truth.cycle);
            assert!(info.power_w > 0);

            let Answer::Signal(signal) = setup.ask(&Request::Signal { ecu }).await else {
                panic!();
            };
            let uids: Vec<_> = signal.entries.iter().map(|(uid, _)| *uid).collect();
            assert_eq!(uids, setup.handle.inverters());
            let Answer::Clock(clock) = setup.ask(&Request::Clock { ecu }).await else {
                panic!();
            };
            assert_eq!(clock.at, DAY.at(12, 0, 0, 0));
            let request = Request::DayCurve { ecu, date: DAY };
            let Answer::DayCurve(curve) = setup.ask(&request).await else {
                panic!();
            };
            assert!(curve.points.len() > 60);
            let request = Request::EnergyHistory {
                ecu,
                period: Period::Week,
            };
            let Answer::EnergyHistory(history) = setup.ask(&request).await else {
                panic!();
            };
            assert_eq!(history.days.last(), Some(&(DAY, info.today_wh)));
            for command in [1, 2, 30, 12, 3, 4] {
                assert_eq!(setup.handle.requests(command), 1);
            }
            assert_eq!(setup.handle.connections(), 6);
            setup.handle.stop().await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_wrong_id_and_an_unknown_command_are_met_like_by_a_real_one() {
    in_time(async {
        let setup = Setup::new(Model::EcuR, "DS3").await;
        let other = Request::Telemetry {
            ecu: "216000009999".parse().unwrap(),
        };
        assert_eq!(setup.bytes(&other).await, b"APS110015000201\n");

        let mut events = setup.handle.events();
        let mut stream = setup.connect().await;
        stream.write_all(b"APS1100160058END\n").await.unwrap();
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).await.unwrap();
        assert!(bytes.is_empty());
        let event = events.recv().await.unwrap();
        assert!(matches!(event.what, EcuAct::NotUnderstood { .. }));
    })
    .await;
}

#[tokio::test]
async fn questions_may_come_in_pieces_without_a_newline() {
    in_time(async {
        let setup = Setup::new(Model::EcuR, "DS3").await;
        let request = setup.telemetry_request().encode();
        let mut stream = setup.connect().await;
        stream.set_nodelay(true).unwrap();
        for byte in request.strip_suffix(b"\n").unwrap() {
            stream.write_all(&[*byte]).await.unwrap();
            tokio::task::yield_now().await;
        }
        let answer = read_answer(&mut stream).await;
        assert!(matches!(answer, Answer::Telemetry(_)));
    })
    .await;
}

#[tokio::test]
async fn only_the_small_ones_answer_twice_on_one_connection() {
    in_time(async {
        for (model, twice) in [(Model::EcuR, true), (Model::EcuRPro, false)] {
            let setup = Setup::new(model, "DS3").await;
            let request = setup.telemetry_request();
            let mut stream = setup.connect().await;
            stream.write_all(&Request::EcuInfo.encode()).await.unwrap();
            assert_eq!(read_answer(&mut stream).await.command(), 1);
            stream.write_all(&request.encode()).await.unwrap();
            if twice {
                assert_eq!(read_answer(&mut stream).await.command(), 2);
            } else {
                setup.handle.wait_for_requests(2, 1).await;
                stream.shutdown().await.unwrap();
                assert_eq!(stream.read(&mut [0; 64]).await.unwrap(), 0);
            }
        }
    })
    .await;
}

#[tokio::test]
async fn large_and_awkward_lists_arrive_whole() {
    in_time(async {
        let setup = Setup::new(Model::EcuR, "60xDS3").await;
        let bytes = setup.bytes(&setup.telemetry_request()).await;
        assert!(bytes.len() > 1024);
        assert!(matches!(decoded(&bytes), Answer::Telemetry(list) if list.online() == 60));

        let setup = Setup::new(Model::EcuRPro, "10xDS3").await;
        let bytes = setup.bytes(&Request::EcuInfo).await;
        assert_eq!(bytes.get(46..50), Some([0, 10, 0, 10].as_slice()));
        assert_eq!(setup.telemetry().await.records.len(), 10);
    })
    .await;
}
