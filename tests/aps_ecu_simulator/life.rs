//! What happens in the life of a gateway.

use super::*;

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
        let address = setup.handle.listens();
        let mut stream = setup.connect().await;
        stream.write_all(&Request::EcuInfo.encode()).await.unwrap();
        setup.handle.wait_for_requests(1, 1).await;
        setup.handle.stop().await;
        assert_eq!(stream.read(&mut [0; 64]).await.unwrap(), 0);
        let refused = TcpStream::connect(address).await;
        assert_eq!(refused.unwrap_err().kind(), ErrorKind::ConnectionRefused);
    })
    .await;
}

#[tokio::test]
async fn a_cable_that_is_pulled_drops_clients_and_lets_nobody_in_until_it_is_plugged_in() {
    in_time(async {
        let setup = Setup::with_faults(Model::EcuR, "DS3", &["hang"]).await;
        let mut stream = setup.connect().await;
        stream.write_all(&Request::EcuInfo.encode()).await.unwrap();
        setup.handle.wait_for_requests(1, 1).await;
        setup.handle.unplug();
        assert_eq!(stream.read(&mut [0; 64]).await.unwrap(), 0);
        setup.refuses().await;
        setup.handle.plug();
        setup.handle.clear_fault("hang");
        setup.answers_again().await;
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
