#![cfg(target_os = "linux")]

use std::path::Path;
use std::time::Duration;

use jiff::{ToSpan, Zoned};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;
use tokio_serial::{SerialPortBuilderExt, SerialStream};

use super::super::super::wire::znp::{ZnpMessage, ZnpRequest, ZnpScanned, ZnpScanner};
use super::super::{SimulatedStick, StickSettings, USUAL_GATEWAY, ZigbeeList};
use crate::simulation::{House, SimPlace, Sky};

const LONG: Duration = Duration::from_secs(20);

fn house() -> House {
    let begin: Zoned = "2026-06-21T12:00[Europe/Vienna]".parse().unwrap();
    House::new(&begin, Sky::default())
}

async fn stick(house: &House, place: SimPlace) -> SimulatedStick {
    let list: ZigbeeList = "YC600,DS3".parse().unwrap();
    let mut settings = StickSettings::new(list.0, USUAL_GATEWAY.parse().ok());
    settings.reset_takes = Duration::from_millis(300);
    SimulatedStick::start(settings, house.clone(), place)
        .await
        .unwrap()
}

fn open(path: &Path) -> SerialStream {
    let port = tokio_serial::new(path.to_str().unwrap(), 115_200).open_native_async();
    port.unwrap()
}

/// What the stick says next.
async fn next(port: &mut (impl AsyncRead + Unpin)) -> ZnpMessage {
    let mut scanner = ZnpScanner::default();
    loop {
        let mut chunk = [0; 64];
        let count = timeout(LONG, port.read(&mut chunk)).await.unwrap().unwrap();
        assert!(count > 0);
        scanner.push(&chunk[..count]);
        if let Some(ZnpScanned::Frame { frame, .. }) = scanner.next() {
            return ZnpMessage::decode(frame);
        }
    }
}

async fn ask(port: &mut (impl AsyncRead + AsyncWrite + Unpin), request: ZnpRequest) -> ZnpMessage {
    port.write_all(&request.encode().unwrap()).await.unwrap();
    next(port).await
}

#[tokio::test]
async fn it_is_pulled_plugged_in_and_moved() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("zigbee0");
    let simulator = stick(&house(), SimPlace::Terminal(path.clone())).await;
    let mut port = open(&path);
    let reset = ask(&mut port, ZnpRequest::Reset(0)).await;
    assert!(matches!(reset, ZnpMessage::Reset(_)), "{reset:?}");
    let pong = ask(&mut port, ZnpRequest::Ping).await;
    assert_eq!(pong, ZnpMessage::Pong(0x0779));
    let starts = simulator.counts().starts;

    simulator.unplug();
    let mut chunk = [0; 8];
    let gone = timeout(LONG, port.read(&mut chunk)).await.unwrap();
    assert!(matches!(gone, Ok(0) | Err(_)), "{gone:?}");
    assert!(!path.exists());
    simulator.plug();
    while !path.exists() {
        tokio::task::yield_now().await;
    }
    let mut port = open(&path);
    let reset = next(&mut port).await;
    assert!(matches!(reset, ZnpMessage::Reset(it) if it.reason == 0));
    assert_eq!(simulator.counts().starts, starts + 1);

    let other = folder.path().join("zigbee1");
    simulator.move_to(SimPlace::Terminal(other.clone()));
    while !other.exists() {
        tokio::task::yield_now().await;
    }
    assert!(!path.exists());
    let mut port = open(&other);
    let reset = next(&mut port).await;
    assert!(matches!(reset, ZnpMessage::Reset(it) if it.reason == 0));
    assert_eq!(Path::new(&simulator.port()), other);
    simulator.freeze();
    port.write_all(&ZnpRequest::Ping.encode().unwrap())
        .await
        .unwrap();
    simulator.pulse();
    let reset = next(&mut port).await;
    assert!(matches!(reset, ZnpMessage::Reset(it) if it.reason == 1));
    simulator.unplug();
    let gone = timeout(LONG, port.read(&mut chunk)).await.unwrap();
    assert!(matches!(gone, Ok(0) | Err(_)), "{gone:?}");
    simulator.stop().await;
}

#[tokio::test(start_paused = true)]
async fn the_house_gets_what_the_inverters_feed_in() {
    let house = house();
    let place = SimPlace::Tcp("127.0.0.1:0".parse().unwrap());
    let simulator = stick(&house, place).await;
    tokio::task::yield_now().await;
    let at = house.now();
    let powers = simulator.look(|stick| stick.mesh.power(at));
    assert!(powers > 200.0, "{powers}");
    assert_eq!(house.flows(at).production, powers.round() as i32);
    let before = simulator.truth().produced();
    tokio::time::advance(Duration::from_secs(3600)).await;
    let gained = (simulator.truth().produced() - before) as f64 / 1e6;
    assert!(
        (0.5 * powers..1.5 * powers).contains(&gained),
        "{gained} {powers}"
    );
    house.jump_to(house.local(house.now()) + 10.hours());
    assert_eq!(house.flows(house.now()).production, 0);
    // The house does not keep it.
    drop(simulator);
    tokio::task::yield_now().await;
    assert_eq!(house.flows(at).production, 0);
}
