//! What goes wrong on the way, as asked for.

use super::*;

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
        setup.refuses().await;
        setup.handle.clear_fault("refuse");
        setup.answers_again().await;
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
        setup.refuses().await;
        setup.handle.clear_faults();
        setup.answers_again().await;
    })
    .await;
}

#[tokio::test]
async fn places_for_clients_run_out() {
    in_time(async {
        let setup = Setup::with_faults(Model::EcuR, "DS3", &["slots=1"]).await;
        let first = setup.connect().await;
        setup.refuses().await;
        drop(first);
        setup.answers_again().await;
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
async fn lists_that_do_not_add_up() {
    in_time(async {
        let setup = Setup::new(Model::EcuR, "2xDS3,QS1").await;
        let good = setup.telemetry().await;

        setup.fault("longer-record=1");
        let list = setup.telemetry().await;
        let sizes: Vec<_> = list.records.iter().map(|one| one.raw.len()).collect();
        assert_eq!(sizes, [25, 25, 23]);
        let described: Vec<_> = list.records.iter().map(Record::is_described).collect();
        assert_eq!(described, [false, false, true]);
        assert_eq!(list.records.first().unwrap().total_power_w(), None);
        setup.handle.clear_faults();

        for count in ["2", "9"] {
            setup.fault(&format!("wrong-count={count}"));
            let list = setup.telemetry().await;
            assert_eq!(list.declared.to_string(), count);
            assert_eq!(list.records, good.records);
        }
        setup.handle.clear_faults();

        setup.fault("blank=2");
        let list = setup.telemetry().await;
        let powers: Vec<_> = list.records.iter().map(Record::total_power_w).collect();
        assert!(powers[0].is_some() && powers[1].is_none());
        assert_eq!(list.online(), 3);
        setup.handle.clear_faults();

        setup.fault("foreign-ecu");
        let (info, list) = (setup.info().await, setup.telemetry().await);
        assert_eq!((info.registered, list.records.len()), (4, 4));
        assert_eq!(list.inverters(None).count(), 3);
        setup.handle.clear_faults();

        setup.fault("strange-ids");
        let (one, other) = (setup.telemetry().await, setup.telemetry().await);
        let ids = |list: &Telemetry| list.records.iter().map(|it| it.uid).collect::<Vec<_>>();
        assert!(ids(&one).iter().all(|uid| !ids(&other).contains(uid)));
    })
    .await;
}

#[tokio::test]
async fn bytes_that_are_too_few_or_too_many() {
    in_time(async {
        let setup = Setup::new(Model::EcuR, "DS3").await;
        let good = setup.bytes(&Request::EcuInfo).await;
        setup.fault("no-newline");
        let short = setup.bytes(&Request::EcuInfo).await;
        assert_eq!(short, good.split_last().unwrap().1);
        setup.handle.clear_faults();

        setup.fault("endless");
        let mut stream = setup.connect().await;
        stream.write_all(&Request::EcuInfo.encode()).await.unwrap();
        let mut many = vec![0; 200_000];
        stream.read_exact(&mut many).await.unwrap();
        assert!(RawFrame::parse(&many).is_err());
        drop(stream);
        setup.handle.clear_faults();

        setup.fault("wide-history");
        let ecu = setup.handle.ecu();
        let period = Period::Month;
        let bytes = setup.bytes(&Request::EnergyHistory { ecu, period }).await;
        assert!(bytes.starts_with(b"APS11"));
        let Answer::EnergyHistory(history) = decoded(&bytes) else {
            panic!();
        };
        assert_eq!((history.days.len(), history.wraps), (30, false));
    })
    .await;
}

#[tokio::test]
async fn inverters_wake_one_after_the_other() {
    in_time(async {
        let setup = Setup::with_faults(Model::EcuR, "4xDS3", &["wake-apart=1h"]).await;
        for (hour, online) in [(5, 0), (7, 2), (8, 3), (10, 4)] {
            setup.handle.jump_to(DAY.at(hour, 30, 0, 0));
            assert_eq!(setup.telemetry().await.online(), online, "{hour}");
        }
    })
    .await;
}
