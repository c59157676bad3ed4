//! Simulated Victron devices over real pseudo-terminals and sockets, read with the project's own
//! decoder.

#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test ends where it fails"
)]

mod answers;
mod faults;
mod life;
#[path = "../support/ports.rs"]
mod ports;
mod reader;

use wattbridge::adapters::victron::simulator::{MODELS, Model, SimulatedVictron, VictronSettings};
use wattbridge::simulation::SimPlace;

use reader::{Reader, fast, settings};

fn anywhere() -> SimPlace {
    SimPlace::Tcp(ports::free_address())
}

/// Starts a device over TCP and a reader of it.
async fn start(settings: VictronSettings) -> (SimulatedVictron, Reader) {
    let simulator = SimulatedVictron::start(settings, anywhere()).await.unwrap();
    let reader = Reader::tcp(simulator.address()).await;
    (simulator, reader)
}

#[tokio::test]
async fn every_model_says_what_it_promises_over_tcp() {
    for model in MODELS {
        let (simulator, mut reader) = start(fast(model)).await;
        promised(model, &mut reader).await;
        simulator.stop().await;
    }
}

#[tokio::test]
async fn every_model_says_what_it_promises_over_a_pseudo_terminal() {
    let folder = tempfile::tempdir().unwrap();
    for model in MODELS {
        let place = SimPlace::Terminal(folder.path().join(model.name));
        let simulator = SimulatedVictron::start(fast(model), place).await.unwrap();
        let mut reader = Reader::serial(simulator.address());
        promised(model, &mut reader).await;
        simulator.stop().await;
    }
}

async fn promised(model: &'static Model, reader: &mut Reader) {
    // The first round may have begun before we came.
    reader.round().await;
    let mut labels = Vec::new();
    while labels.len() < model.labels().count() {
        for (label, _) in reader.block().await {
            labels.push(label);
        }
    }
    let mut promised: Vec<_> = model.labels().collect();
    promised.sort_unstable();
    labels.sort_unstable();
    assert_eq!(labels, promised, "{}", model.name);
    assert_eq!(reader.refused(), [], "{}", model.name);
}

#[tokio::test]
async fn the_product_id_in_text_is_that_of_the_model() {
    for model in MODELS {
        let (simulator, mut reader) = start(settings(model)).await;
        let product = format!("0x{:X}", model.product);
        let told = reader.value("PID").await;
        if model.name == "bmv-602" {
            assert_eq!(told, None);
        } else {
            assert_eq!(told, Some(product), "{}", model.name);
        }
        simulator.stop().await;
    }
}
