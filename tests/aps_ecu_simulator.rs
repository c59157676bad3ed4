//! The simulated gateway over real sockets.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test ends where it fails"
)]

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::Duration;

use jiff::civil::{Date, date};
use jiff::tz::TimeZone;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use wattbridge::adapters::aps_ecu::simulator::{
    Happening, Model, Plant, Settings, Simulator, SimulatorHandle,
};
use wattbridge::adapters::aps_ecu::wire::{
    Answer, EcuInfo, FrameError, Framer, Period, RawFrame, RecordType, Request, Status, Telemetry,
};

const DAY: Date = date(2026, 6, 21);
/// Only reached when something is broken.
const DEADLINE: Duration = Duration::from_secs(20);

struct Setup {
    simulator: Simulator,
    handle: SimulatorHandle,
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
        let settings = Settings {
            zone: TimeZone::get("Europe/Vienna").unwrap(),
            start: Some(DAY.at(12, 0, 0, 0)),
            speed: 0.0,
            faults: faults.iter().map(|fault| fault.parse().unwrap()).collect(),
            ..Settings::new(plant)
        };
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let simulator = Simulator::start(settings, any).await.unwrap();
        let handle = simulator.handle();
        Self { simulator, handle }
    }

    fn fault(&self, rule: &str) {
        self.handle.set_fault(rule.parse().unwrap());
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.simulator.address()).await.unwrap()
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
            setup.simulator.stop().await;
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
        assert!(matches!(event.what, Happening::NotUnderstood { .. }));
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

#[tokio::test]
async fn answers_that_are_late_cut_or_dirty() {
    in_time(async {
        let setup = Setup::new(Model::EcuR, "3xQT2").await;
        let request = setup.telemetry_request();
        let good = setup.bytes(&request).await;

        for rule in ["split=1", "split=7/1ms", "slow=1ms"] {
            setup.fault(rule);
            assert_eq!(setup.bytes(&request).await, good, "{rule}");
            setup.handle.clear_faults();
        }
        setup.fault("truncate=40");
        let cut = setup.bytes(&request).await;
        assert_eq!(cut, good.get(..40).unwrap());
        let error = RawFrame::parse(&cut).unwrap_err();
        assert!(matches!(error, FrameError::Incomplete { have: 40, .. }));
        setup.handle.clear_faults();

        setup.fault("truncate");
        assert_eq!(setup.bytes(&request).await.len(), good.len() / 2);
        setup.handle.clear_faults();

        setup.fault("garbage-before=5");
        setup.fault("garbage-after=9");
        let dirty = setup.bytes(&request).await;
        assert_eq!(dirty.get(5..5 + good.len()), Some(good.as_slice()));
        assert_eq!(dirty.len(), good.len() + 14);
        setup.handle.clear_fault("garbage-after");
        assert_eq!(setup.bytes(&request).await.len(), good.len() + 5);
        setup.handle.clear_faults();
        assert_eq!(setup.bytes(&request).await, good);
    })
    .await;
}

#[tokio::test]
async fn no_answer_in_three_ways() {
    in_time(async {
        let setup = Setup::with_faults(Model::EcuR, "DS3", &["hang@first=1"]).await;
        let mut stream = setup.connect().await;
        stream.write_all(&Request::EcuInfo.encode()).await.unwrap();
        setup.handle.wait_for_requests(1, 1).await;
        stream.shutdown().await.unwrap();
        assert_eq!(stream.read(&mut [0; 64]).await.unwrap(), 0);
        setup.info().await;

        // Without a goodbye of ours: it is the gateway that closes.
        setup.fault("empty@first=1");
        let mut stream = setup.connect().await;
        stream.write_all(&Request::EcuInfo.encode()).await.unwrap();
        assert_eq!(stream.read(&mut [0; 64]).await.unwrap(), 0);
        setup.info().await;

        setup.fault("refuse");
        setup.handle.wait_for_port(false).await;
        let refused = TcpStream::connect(setup.simulator.address()).await;
        assert_eq!(refused.unwrap_err().kind(), ErrorKind::ConnectionRefused);
        setup.handle.clear_fault("refuse");
        setup.handle.wait_for_port(true).await;
        setup.info().await;
    })
    .await;
}

#[tokio::test]
async fn the_port_closes_behind_every_third_connection() {
    in_time(async {
        let setup = Setup::with_faults(Model::EcuR, "DS3", &["refuse=1h@every=3"]).await;
        for _ in 0..3 {
            setup.info().await;
        }
        setup.handle.wait_for_port(false).await;
        let refused = TcpStream::connect(setup.simulator.address()).await;
        assert_eq!(refused.unwrap_err().kind(), ErrorKind::ConnectionRefused);
        setup.handle.clear_faults();
        setup.handle.wait_for_port(true).await;
        setup.info().await;
    })
    .await;
}

#[tokio::test]
async fn places_for_clients_run_out() {
    in_time(async {
        let setup = Setup::with_faults(Model::EcuR, "DS3", &["slots=1"]).await;
        let first = setup.connect().await;
        setup.handle.wait_for_port(false).await;
        let refused = TcpStream::connect(setup.simulator.address()).await;
        assert_eq!(refused.unwrap_err().kind(), ErrorKind::ConnectionRefused);
        drop(first);
        setup.handle.wait_for_port(true).await;
        setup.info().await;
        setup.handle.clear_faults();
        setup.handle.wait_for_port(true).await;

        setup.fault("busy=1");
        let mut first = setup.connect().await;
        first.write_all(&Request::EcuInfo.encode()).await.unwrap();
        read_answer(&mut first).await;
        let asked = setup.handle.requests(1);
        let mut second = setup.connect().await;
        second.write_all(&Request::EcuInfo.encode()).await.unwrap();
        setup.handle.wait_for_requests(1, asked + 1).await;
        second.shutdown().await.unwrap();
        assert_eq!(second.read(&mut [0; 64]).await.unwrap(), 0);
    })
    .await;
}

#[tokio::test]
async fn wrong_numbers() {
    in_time(async {
        let setup = Setup::new(Model::EcuR, "2xDS3").await;
        let good = setup.info().await;
        setup.fault("lifetime-zero@every=2");
        assert_eq!(setup.info().await.lifetime_wh, good.lifetime_wh);
        assert_eq!(setup.info().await.lifetime_wh, 0);
        // Only what it concerns is counted.
        setup.telemetry().await;
        assert_eq!(setup.info().await.lifetime_wh, good.lifetime_wh);
        assert_eq!(setup.info().await.lifetime_wh, 0);
        setup.handle.clear_faults();

        setup.fault("lifetime-jump=500@first=1");
        let jumped = setup.info().await.lifetime_wh;
        assert_eq!(jumped, good.lifetime_wh + 500_000);
        assert_eq!(setup.info().await, good);

        for rule in ["today-zero", "today-stuck"] {
            setup.fault(rule);
            let info = setup.info().await;
            assert_eq!((info.today_wh, info.power_w), (0, good.power_w));
            setup.handle.clear_faults();
        }
        assert_eq!(setup.info().await, good);

        for (rule, status) in [
            ("status-01", Status::WrongEcuId),
            ("status-02", Status::NoData),
        ] {
            setup.fault(rule);
            let bytes = setup.bytes(&setup.telemetry_request()).await;
            assert_eq!(bytes.len(), 16);
            assert_eq!(decoded(&bytes), Answer::Status { command: 2, status });
            setup.handle.clear_faults();
        }

        setup.fault("no-history");
        let request = Request::EnergyHistory {
            ecu: setup.handle.ecu(),
            period: Period::Week,
        };
        let Answer::EnergyHistory(history) = setup.ask(&request).await else {
            panic!();
        };
        assert!(history.days.is_empty());
    })
    .await;
}

#[tokio::test]
async fn troubles_with_inverters() {
    in_time(async {
        let setup = Setup::new(Model::EcuR, "2xDS3,QS1").await;
        let good = setup.telemetry().await;

        setup.fault("sleep");
        let (info, list) = (setup.info().await, setup.telemetry().await);
        assert_eq!((info.power_w, info.online, info.registered), (0, 0, 3));
        assert_eq!(list.online(), 0);
        setup.handle.clear_faults();
        assert_eq!(setup.telemetry().await.records, good.records);

        setup.fault("missing=2");
        let online: Vec<_> = setup
            .telemetry()
            .await
            .records
            .iter()
            .map(|one| one.online)
            .collect();
        assert_eq!(online, [true, false, true]);
        setup.handle.clear_faults();

        setup.fault("lost-inverter=1");
        setup.fault("new-inverter=YC600");
        let list = setup.telemetry().await;
        let kinds: Vec<_> = list.records.iter().map(|one| one.kind).collect();
        assert_eq!(kinds, [RecordType::T01, RecordType::T03, RecordType::T00]);
        setup.handle.clear_faults();
        assert_eq!(setup.telemetry().await.records.len(), 3);

        setup.fault("unknown-type=3");
        let list = setup.telemetry().await;
        let odd = list.records.last().unwrap();
        assert!(matches!(odd.kind, RecordType::Other(_)));
        assert_eq!(list.total_power_w(), good.total_power_w());
        setup.handle.clear_faults();

        setup.fault("ecu-as-inverter");
        let (info, list) = (setup.info().await, setup.telemetry().await);
        assert_eq!((info.registered, list.records.len()), (4, 4));
        assert_eq!(list.inverters(Some(&setup.handle.ecu())).count(), 3);
        setup.handle.clear_faults();

        setup.fault("empty-list");
        assert_eq!(setup.bytes(&setup.telemetry_request()).await.len(), 30);
        assert_eq!(setup.info().await.registered, 3);
    })
    .await;
}

#[tokio::test]
async fn a_stale_gateway_repeats_itself_and_then_tells_the_truth() {
    in_time(async {
        let setup = Setup::new(Model::EcuR, "2xDS3").await;
        let (info, list) = (setup.info().await, setup.telemetry().await);
        setup.fault("stale");
        setup.handle.jump_to(DAY.at(14, 0, 0, 0));
        assert_eq!(
            (setup.info().await, setup.telemetry().await),
            (info.clone(), list)
        );
        setup.handle.clear_faults();
        assert!(setup.info().await.lifetime_wh > info.lifetime_wh);
        assert_eq!(setup.telemetry().await.at, Some(DAY.at(14, 0, 0, 0)));
    })
    .await;
}

#[tokio::test]
async fn a_reboot_closes_the_port_and_forgets_the_inverters() {
    in_time(async {
        let setup = Setup::new(Model::EcuR, "2xDS3").await;
        setup.fault("reboot");
        setup.handle.wait_for_port(false).await;
        setup.handle.clear_faults();
        setup.handle.wait_for_port(true).await;
        let no_data = Answer::Status {
            command: 2,
            status: Status::NoData,
        };
        assert_eq!(setup.ask(&setup.telemetry_request()).await, no_data);
        setup.handle.jump_to(DAY.at(12, 5, 0, 0));
        assert_eq!(setup.telemetry().await.online(), 2);
        setup.handle.reboot();
        assert_eq!(setup.ask(&setup.telemetry_request()).await, no_data);
    })
    .await;
}

#[tokio::test]
async fn the_sun_and_the_list_move_at_run_time() {
    in_time(async {
        let setup = Setup::new(Model::EcuR, "2xDS3").await;
        let uid = setup.handle.add_inverter("qs1").unwrap();
        assert!(setup.handle.add_inverter("QS9").is_err());
        let list = setup.telemetry().await;
        assert_eq!(list.records.last().unwrap().uid, uid);
        assert_eq!(list.records.last().unwrap().kind, RecordType::T00);
        let before = setup.handle.truth();
        setup.handle.jump_to(DAY.at(13, 0, 0, 0));
        assert_eq!(setup.telemetry().await.online(), 3);
        assert!(setup.handle.truth().today_wh > before.today_wh);
        assert!(setup.handle.remove_inverter(uid));
        assert!(!setup.handle.remove_inverter(uid));
        assert_eq!(setup.telemetry().await.records.len(), 2);

        let evening = setup.handle.truth();
        setup.handle.jump_to(DAY.tomorrow().unwrap().at(0, 0, 0, 0));
        let (info, truth) = (setup.info().await, setup.handle.truth());
        assert_eq!((info.today_wh, info.power_w, info.online), (0, 0, 0));
        assert!(truth.lifetime_wh > evening.lifetime_wh);

        setup.handle.set_speed(100_000.0);
        setup.handle.set_speed(0.0);
        assert!(setup.handle.truth().at >= truth.at);
    })
    .await;
}

#[tokio::test]
async fn stopping_frees_the_port_and_drops_clients() {
    in_time(async {
        let setup = Setup::with_faults(Model::EcuR, "DS3", &["hang"]).await;
        let address = setup.simulator.address();
        let mut stream = setup.connect().await;
        stream.write_all(&Request::EcuInfo.encode()).await.unwrap();
        setup.handle.wait_for_requests(1, 1).await;
        setup.simulator.stop().await;
        assert_eq!(stream.read(&mut [0; 64]).await.unwrap(), 0);
        let refused = TcpStream::connect(address).await;
        assert_eq!(refused.unwrap_err().kind(), ErrorKind::ConnectionRefused);
        // Nothing to wait for any more, so nobody waits.
        setup.handle.wait_for_requests(1, 99).await;
        setup.handle.wait_for_port(false).await;
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn windows_open_and_close_by_themselves() {
    let setup = Setup::with_faults(Model::EcuR, "DS3", &["refuse@10s..25s"]).await;
    let start = tokio::time::Instant::now();
    setup.handle.wait_for_port(false).await;
    assert_eq!(start.elapsed().as_secs(), 10);
    setup.handle.wait_for_port(true).await;
    assert_eq!(start.elapsed().as_secs(), 25);
}

#[tokio::test(start_paused = true)]
async fn a_silent_client_is_dropped() {
    let setup = Setup::new(Model::EcuR, "DS3").await;
    let mut stream = setup.connect().await;
    assert_eq!(stream.read(&mut [0; 64]).await.unwrap(), 0);
}
