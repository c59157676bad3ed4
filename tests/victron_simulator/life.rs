//! Days, nights, cables, and values that a test decides.

use wattbridge::adapters::victron::simulator::{Model, SimulatedVictron, VictronSettings};
use wattbridge::adapters::victron::wire::hex::{Flags, Value};
use wattbridge::adapters::victron::wire::history::Record;
use wattbridge::simulation::SimPlace;

use crate::reader::{Reader, Seen, Told, settings};
use crate::{anywhere, start};

fn named(name: &str) -> VictronSettings {
    settings(Model::named(name).unwrap())
}

fn number(fields: &[(String, String)], label: &str) -> i64 {
    let (_, value) = fields.iter().find(|(name, _)| name == label).unwrap();
    value.parse().unwrap()
}

/// The record in these bytes.
fn record(register: u16, bytes: &[u8]) -> Record {
    let flags = Flags::default();
    let value = Value {
        register,
        flags,
        bytes,
    };
    Record::decode(&value).unwrap()
}

/// A number in 0.01 kWh, at this place and of this size.
fn energy(bytes: &[u8], at: usize, size: usize) -> i64 {
    let bytes = bytes[at..at + size].iter().rev();
    bytes.fold(0, |sum, byte| sum << 8 | i64::from(*byte))
}

#[tokio::test]
async fn a_new_day_is_told_in_text_and_in_two_frames() {
    let (simulator, mut reader) = start(named("mppt-75-15")).await;
    let before = reader.block().await;
    simulator.next_day();
    let mut told = Vec::new();
    while told.len() < 2 {
        if let Seen::Told(Told::Async(register, bytes)) = reader.next().await.unwrap() {
            told.push((register, bytes));
        }
    }
    let [(0x1050, today), (0x104f, totals)] = told.as_slice() else {
        panic!("{told:?}");
    };
    assert!(matches!(record(0x1050, today), Record::Day(_)));
    assert!(matches!(record(0x104f, totals), Record::Totals(_)));
    assert_eq!(energy(today, 1, 4), 0);
    let after = reader.block().await;
    assert_eq!(number(&after, "HSDS"), number(&before, "HSDS") + 1);
    assert_eq!(number(&after, "H22"), number(&before, "H20"));
    assert_eq!(number(&after, "H23"), number(&before, "H21"));
    assert_eq!(number(&after, "H20"), 0);
    assert_eq!(energy(totals, 6, 4), number(&after, "H19"));
    simulator.stop().await;
}

#[tokio::test]
async fn thirty_days_are_remembered_and_make_the_total() {
    let (simulator, mut reader) = start(named("multi-rs")).await;
    let mut energies = Vec::new();
    for ago in 0..=30_u16 {
        let day = reader.get(0x1050 + ago).await.unwrap();
        assert!(matches!(record(0x1050 + ago, &day), Record::Day(_)));
        energies.push(energy(&day, 1, 4));
        let trackers = reader.get(0x10a0 + ago).await.unwrap();
        assert!(matches!(
            record(0x10a0 + ago, &trackers),
            Record::Trackers(_)
        ));
        let both = energy(&trackers, 3, 2) + energy(&trackers, 5, 2);
        assert_eq!(Some(&both), energies.last());
    }
    let fields = reader.block().await;
    assert_eq!(energies[0], number(&fields, "H20"));
    assert_eq!(energies[1], number(&fields, "H22"));
    let total = energy(&reader.get(0xeddd).await.unwrap(), 0, 4);
    assert!(energies.iter().sum::<i64>() < total);
    simulator.stop().await;
}

#[tokio::test]
async fn a_charger_that_lives_on_its_panels_is_dead_at_night() {
    let (simulator, mut reader) = start(named("mppt-blue-100-30")).await;
    reader.block().await;
    simulator.night(true);
    reader.send(b":154\n").await;
    // The monitor beside it sees ten blocks go by; what the charger said before may still come.
    let (other, mut monitor) = start(named("bmv-700")).await;
    monitor.block().await;
    let silent_from = simulator.blocks();
    for _ in 0..10 {
        monitor.block().await;
    }
    assert_eq!(simulator.blocks(), silent_from);
    simulator.night(false);
    while simulator.blocks() == silent_from {
        reader.block().await;
    }
    other.stop().await;
    simulator.stop().await;
}

#[tokio::test]
async fn a_cable_is_pulled_and_plugged_in_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ve0");
    for place in [SimPlace::Terminal(path.clone()), anywhere()] {
        let is_tcp = matches!(place, SimPlace::Tcp(_));
        let simulator = SimulatedVictron::start(named("bmv-712"), place)
            .await
            .unwrap();
        let address = simulator.address().to_owned();
        let open = async || {
            if is_tcp {
                Reader::tcp(&address).await
            } else {
                Reader::serial(&address)
            }
        };
        let mut reader = open().await;
        reader.block().await;
        simulator.unplug();
        while reader.next().await.is_some() {}
        assert!(!path.is_symlink());
        simulator.plug();
        // The port comes a moment later.
        while !is_tcp && !path.is_symlink() {
            tokio::task::yield_now().await;
        }
        let mut reader = if is_tcp {
            loop {
                let address = address.strip_prefix("tcp://").unwrap();
                if tokio::net::TcpStream::connect(address).await.is_ok() {
                    break open().await;
                }
            }
        } else {
            open().await
        };
        reader.block().await;
        simulator.stop().await;
        assert!(!path.is_symlink());
    }
}

#[tokio::test]
async fn a_test_decides_what_is_said() {
    let (simulator, mut reader) = start(VictronSettings {
        serial: Some("HQ000000097".to_owned()),
        labels: vec![("VPV".to_owned(), None)],
        registers: vec![(0xedab, vec![0])],
        ..named("mppt-75-15")
    })
    .await;
    let fields = reader.block().await;
    assert!(fields.contains(&("SER#".to_owned(), "HQ000000097".to_owned())));
    assert!(fields.contains(&("LOAD".to_owned(), "OFF".to_owned())));
    assert!(!fields.iter().any(|(label, _)| label == "VPV"));
    simulator.set_label("V", Some("11999"));
    simulator.set_label("VPV", Some("1"));
    simulator.set_register(0xeddd, &[1, 0, 0, 0]);
    reader.until("V", |value| value == "11999").await;
    reader.until("VPV", |value| value == "1").await;
    assert_eq!(reader.get(0xeddd).await, Ok(vec![1, 0, 0, 0]));
    assert!(
        simulator
            .text()
            .contains(&("V".to_owned(), "11999".to_owned()))
    );
    simulator.stop().await;
}
