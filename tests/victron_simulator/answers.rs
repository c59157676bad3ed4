//! What simulated devices answer.

use std::time::Duration;

use wattbridge::adapters::victron::simulator::{Model, Pace, SimulatedVictron, VictronSettings};
use wattbridge::adapters::victron::wire::hex::{Flags, Request, Version};
use wattbridge::simulation::SimPlace;

use crate::reader::{Reader, Seen, Told, settings};
use crate::start;

fn named(name: &str) -> VictronSettings {
    settings(Model::named(name).unwrap())
}

#[tokio::test]
async fn a_device_says_who_it_is_over_a_pseudo_terminal() {
    let folder = tempfile::tempdir().unwrap();
    let place = SimPlace::Terminal(folder.path().join("ve0"));
    let simulator = SimulatedVictron::start(named("smartshunt"), place)
        .await
        .unwrap();
    let mut reader = Reader::serial(simulator.address());
    assert_eq!(reader.ask(Request::Ping).await, Told::Ping(Version(0x4419)));
    let told = reader.ask(Request::Version).await;
    assert_eq!(told, Told::Done(vec![0x19, 0x44]));
    let told = reader.ask(Request::Product).await;
    assert_eq!(told, Told::Done(vec![0x89, 0xa3]));
    let serial = reader.get(0x010a).await.unwrap();
    assert!(serial.starts_with(b"HQ000000089\0") && serial.len() == 32);
    assert_eq!(simulator.requests(), 4);
    let heard: Vec<_> = simulator
        .heard()
        .into_iter()
        .map(|heard| heard.request)
        .collect();
    assert_eq!(heard[3], Some(Request::Get(0x010a)));
    simulator.stop().await;
}

#[tokio::test]
async fn writes_are_answered_with_the_value_as_it_is_and_are_remembered() {
    let (simulator, mut reader) = start(named("mppt-75-15")).await;
    assert_eq!(reader.set(0xedab, &[0]).await, Ok(vec![0]));
    assert_eq!(reader.until("LOAD", |value| value == "OFF").await, "OFF");
    assert_eq!(reader.set(0xedd5, &[0, 0]).await, Err(Flags::NOT_SUPPORTED));
    assert_eq!(reader.set(0x4711, &[0]).await, Err(Flags::UNKNOWN_ID));
    assert_eq!(reader.get(0x4711).await, Err(Flags::UNKNOWN_ID));
    let writes = simulator.writes();
    let writes: Vec<_> = writes
        .into_iter()
        .map(|written| (written.register, written.value, written.flags))
        .collect();
    assert_eq!(
        writes,
        [
            (0xedab, vec![0], Flags::default()),
            (0xedd5, vec![0, 0], Flags::NOT_SUPPORTED),
            (0x4711, vec![0], Flags::UNKNOWN_ID),
        ]
    );
    assert_eq!(simulator.register(0xedab), Some(vec![0]));
    assert_eq!(simulator.register(0x4711), None);
    simulator.stop().await;
}

#[tokio::test]
async fn what_is_no_question_is_answered_as_devices_do() {
    let (simulator, mut reader) = start(named("mppt-75-15")).await;
    reader.send(b"LOAD\tON\r\n").await;
    reader.send(b":155\n").await;
    assert_eq!(answer(&mut reader).await, Told::Malformed);
    reader.send(b":253\n").await;
    assert_eq!(answer(&mut reader).await, Told::UnknownCommand(vec![2, 0]));
    simulator.stop().await;
}

/// The next frame that was asked for.
async fn answer(reader: &mut Reader) -> Told {
    loop {
        match reader.next().await {
            Some(Seen::Told(Told::Async(..))) => {}
            Some(Seen::Told(told)) => return told,
            Some(_) => {}
            None => panic!("the port is gone"),
        }
    }
}

#[tokio::test]
async fn a_limit_that_nobody_repeats_ends() {
    let mut settings = named("mppt-75-15");
    settings.pace.limit_lasts = Duration::from_millis(300);
    let (simulator, mut reader) = start(settings).await;
    let free: i64 = reader.value("PPV").await.unwrap().parse().unwrap();
    let little = |value: &str| value.parse::<i64>().unwrap() < free / 3;
    loop {
        assert_eq!(reader.set(0x200e, &[5]).await, Ok(vec![5]));
        assert_eq!(reader.set(0x2015, &[20, 0]).await, Ok(vec![20, 0]));
        if little(&reader.value("PPV").await.unwrap()) {
            break;
        }
    }
    reader.until("PPV", |value| !little(value)).await;
    assert_eq!(reader.get(0x2015).await, Ok(vec![0xff, 0xff]));
    simulator.stop().await;
}

#[tokio::test]
async fn with_old_firmware_text_stops_while_somebody_asks() {
    let mut settings = named("mppt-100-50-old");
    settings.pace.text_returns = 100_000;
    let (simulator, mut reader) = start(settings).await;
    reader.block().await;
    reader.get(0xeddd).await.unwrap();
    let before = simulator.blocks();
    // Much longer than a block takes.
    for _ in 0..20 {
        reader.get(0xeddd).await.unwrap();
    }
    assert_eq!(simulator.blocks(), before);
    simulator.stop().await;
}

#[tokio::test]
async fn with_old_firmware_text_comes_back_and_frames_cut_its_lines() {
    let mut settings = named("mppt-100-50-old");
    settings.pace.text_returns = 10;
    let (simulator, mut reader) = start(settings).await;
    reader.get(0xeddd).await.unwrap();
    reader.block().await;
    let (mut told, mut blocks) = (0, 0);
    while told == 0 || blocks < 10 {
        match reader.next().await.unwrap() {
            Seen::Told(Told::Async(..)) => told += 1,
            Seen::Block(_) => blocks += 1,
            other => panic!("{other:?}"),
        }
    }
    simulator.stop().await;
}

#[tokio::test]
async fn with_new_firmware_text_goes_on_and_changes_are_told_for_a_while() {
    let mut settings = named("mppt-75-15");
    settings.pace = Pace {
        told_for: Duration::from_millis(200),
        ..settings.pace
    };
    settings.house.set_speed(600.0);
    let (simulator, mut reader) = start(settings).await;
    for _ in 0..5 {
        let seen = reader.next().await.unwrap();
        assert!(matches!(seen, Seen::Block(_)), "{seen:?}");
    }
    loop {
        reader.ask(Request::Ping).await;
        reader.block().await;
        if let Seen::Told(Told::Async(register, bytes)) = reader.next().await.unwrap() {
            assert!([0x0201, 0xedd5].contains(&register) && !bytes.is_empty());
            break;
        }
    }
    // It stops by itself: ten blocks in a row without a frame between them.
    let mut in_a_row = 0;
    while in_a_row < 10 {
        match reader.next().await.unwrap() {
            Seen::Block(_) => in_a_row += 1,
            _ => in_a_row = 0,
        }
    }
    simulator.stop().await;
}

#[tokio::test]
async fn a_device_without_hex_never_answers() {
    let (simulator, mut reader) = start(named("bmv-602")).await;
    reader.send(&Request::Ping.encode()).await;
    for _ in 0..10 {
        assert!(matches!(reader.next().await, Some(Seen::Block(_))));
    }
    simulator.stop().await;
}

#[tokio::test]
async fn in_the_rhythm_of_a_line_questions_cost_no_block() {
    for model in ["mppt-75-15", "mppt-100-50-old", "bmv-712"] {
        let mut settings = named(model);
        // Slow enough for blocks to come in pieces.
        settings.pace.interval = Duration::from_millis(350);
        settings.pace.text_returns = 0;
        let (simulator, mut reader) = start(settings).await;
        // We may have come in the middle of this one.
        reader.block().await;
        let before = reader.refused().len();
        for _ in 0..25 {
            reader.get(0x010a).await.unwrap();
        }
        reader.block().await;
        assert_eq!(reader.refused().len(), before, "{model}");
        simulator.stop().await;
    }
}
