//! What faults look like to a reader, and when they come.

use wattbridge::adapters::victron::simulator::{
    Model, SimulatedVictron, VictronFault, VictronSettings,
};
use wattbridge::adapters::victron::wire::hex::Request;
use wattbridge::adapters::victron::wire::text::Reason;
use wattbridge::simulation::FaultRule;

use crate::reader::{Reader, Seen, Told, settings};
use crate::start;

fn rule(text: &str) -> FaultRule<VictronFault> {
    text.parse().unwrap()
}

/// A device with a fault from the start.
async fn with(model: &str, fault: &str) -> (SimulatedVictron, Reader) {
    let settings = VictronSettings {
        faults: vec![rule(fault)],
        ..settings(Model::named(model).unwrap())
    };
    start(settings).await
}

#[tokio::test]
async fn a_damaged_block_comes_as_often_as_it_was_said() {
    for fault in ["digit-lost", "wrong-checksum"] {
        let (simulator, mut reader) = with("mppt-75-15", &format!("{fault}@every=3")).await;
        let (mut good, mut bad) = (0, 0);
        while good < 12 {
            match reader.next().await.unwrap() {
                Seen::Block(_) => good += 1,
                _ => bad += 1,
            }
        }
        assert!((5..=6).contains(&bad), "{fault}: {bad}");
        simulator.stop().await;
    }
}

#[tokio::test]
async fn frames_among_text_cost_no_block() {
    for fault in ["hex-inside", "hex-glued", "hex-unended", "hex-between"] {
        let (simulator, mut reader) = with("mppt-75-15", fault).await;
        let (mut blocks, mut frames) = (0, 0);
        while blocks < 10 {
            match reader.next().await.unwrap() {
                Seen::Block(_) => blocks += 1,
                Seen::Told(Told::Async(..)) => frames += 1,
                other => panic!("{fault}: {other:?}"),
            }
        }
        assert!((8..=11).contains(&frames), "{fault}: {frames}");
        simulator.stop().await;
    }
}

#[tokio::test]
async fn complaints_come_in_storms() {
    let (simulator, mut reader) = with("blue-smart-ip22", "error-storm=7@every=2").await;
    let mut complaints = 0;
    while complaints < 14 {
        if reader.next().await.unwrap() == Seen::Told(Told::Malformed) {
            complaints += 1;
        }
    }
    assert_eq!(reader.refused(), []);
    simulator.stop().await;
}

#[tokio::test]
async fn a_device_may_say_strange_things_in_sound_blocks() {
    for (fault, label, value) in [
        ("malformed", "V", "abc"),
        ("unknown-labels", "NEW#", "42"),
        ("dashes", "PPV", "---"),
        ("zero-counters", "H19", "0"),
        ("long-block=35", "X34", "34"),
    ] {
        let (simulator, mut reader) = with("mppt-75-15", fault).await;
        assert_eq!(reader.value(label).await.as_deref(), Some(value), "{fault}");
        assert_eq!(reader.refused(), [], "{fault}");
        simulator.stop().await;
    }
    let (simulator, mut reader) = with("mppt-75-15", "long-block=60").await;
    reader.next().await;
    assert_eq!(reader.refused(), [Reason::TooManyFields]);
    simulator.stop().await;
}

#[tokio::test]
async fn counters_that_fall_to_zero_are_there_again_in_the_next_block() {
    let (simulator, mut reader) = with("mppt-75-15", "zero-counters@every=4").await;
    reader.until("H19", |value| value == "0").await;
    let next = reader.value("H19").await.unwrap();
    assert!(next.parse::<u64>().unwrap() > 100_000);
    simulator.stop().await;
}

#[tokio::test]
async fn a_device_without_text_still_tells_of_changes_and_answers() {
    let (simulator, mut reader) = with("multi-rs", "text-stops").await;
    let told = reader.next().await.unwrap();
    assert!(matches!(told, Seen::Told(Told::Async(..))), "{told:?}");
    assert_eq!(reader.get(0x0200).await, Ok(vec![3]));
    assert_eq!(simulator.blocks(), 0);
    simulator.set_faults(&[]);
    reader.block().await;
    simulator.stop().await;
}

#[tokio::test]
async fn a_restart_is_a_burst_of_broken_text_and_forgets_what_was_in_memory() {
    let (simulator, mut reader) = start(settings(Model::named("mppt-75-15").unwrap())).await;
    reader.set(0x0200, &[4]).await.unwrap();
    reader.until("CS", |value| value == "0").await;
    let refused = reader.refused().len();
    simulator.set_fault(rule("restart@first=1"));
    reader.until("CS", |value| value != "0").await;
    assert!(reader.refused().len() > refused);
    simulator.stop().await;
}

#[tokio::test]
async fn another_device_comes_to_the_cable_and_the_first_one_again() {
    let (simulator, mut reader) = with("mppt-75-15", "swap@every=5").await;
    for product in ["0xA053", "0x203", "0xA053"] {
        reader.until("PID", |value| value == product).await;
    }
    let model = Model::named("unknown").unwrap();
    simulator.set_faults(&[]);
    simulator.swap(model, "HQ000000098");
    reader.until("SER#", |value| value == "HQ000000098").await;
    assert_eq!(simulator.model().name, "unknown");
    simulator.stop().await;
}

#[tokio::test]
async fn a_monitor_is_set_up_anew() {
    let (simulator, mut reader) = with("bmv-712", "aux-changed@every=6").await;
    for label in ["VS", "DM", "T", "VS"] {
        reader.until(label, |_| true).await;
    }
    simulator.set_faults(&[rule("monitor-changed")]);
    reader.until("MON", |value| value == "-9").await;
    reader.until("H10", |value| value == "---").await;
    simulator.set_faults(&[rule("monitor-changed")]);
    reader.until("H10", |value| value != "---").await;
    simulator.stop().await;
}

#[tokio::test]
async fn a_yield_that_is_reset_begins_at_zero_and_the_total_does_not() {
    let (simulator, mut reader) = with("mppt-75-15", "yield-reset@every=20").await;
    let total = simulator.register(0xeddd);
    reader.until("H19", |value| value == "0").await;
    assert_eq!(simulator.register(0xeddd), total);
    simulator.stop().await;
}

#[tokio::test]
async fn answers_fail_in_every_way() {
    let settings = settings(Model::named("smartshunt").unwrap());
    let (simulator, mut reader) = start(settings).await;
    simulator.set_faults(&[rule("not-available@first=1")]);
    assert_eq!(reader.get(0x0fff).await, Ok(vec![0xff, 0xff]));
    simulator.set_faults(&[rule("zero-answer@first=1")]);
    assert_eq!(reader.get(0x0310).await, Ok(vec![0; 4]));
    simulator.set_faults(&[rule("short-product@first=1")]);
    assert_eq!(reader.get(0x0100).await, Ok(vec![0xa3, 0x89]));
    simulator.set_faults(&[rule("late=60@first=1")]);
    // The second question is answered before the first.
    let both = [Request::Product.encode(), Request::Ping.encode()].concat();
    reader.send(&both).await;
    let mut told = Vec::new();
    while told.len() < 2 {
        match reader.next().await.unwrap() {
            Seen::Told(Told::Async(..)) | Seen::Block(_) => {}
            Seen::Told(answer) => told.push(answer),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(told[1], Told::Done(vec![0x89, 0xa3]));
    for lost in ["unanswered", "deaf"] {
        simulator.set_faults(&[rule(&format!("{lost}@first=1"))]);
        let before = simulator.requests();
        reader.send(&Request::Product.encode()).await;
        assert!(matches!(reader.ask(Request::Ping).await, Told::Ping(_)));
        let arrived = if lost == "deaf" { 1 } else { 2 };
        assert_eq!(simulator.requests() - before, arrived, "{lost}");
    }
    assert_eq!(reader.refused(), []);
    simulator.set_faults(&[rule("truncated@first=1")]);
    reader.send(&Request::Product.encode()).await;
    while reader.refused().is_empty() {
        reader.next().await.unwrap();
    }
    simulator.stop().await;
}
