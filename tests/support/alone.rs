//! A source that runs without a bridge around it.

use std::sync::Arc;

use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use wattbridge::clock::Clock;
use wattbridge::device::{Context, Reports, Traffic};
use wattbridge::links::Links;
use wattbridge::model::Report;
use wattbridge::store::Memory;

/// What it works with: nobody gives commands, and nothing is remembered over a restart.
pub(crate) fn alone(reports: mpsc::Sender<(usize, Report)>, stop: &CancellationToken) -> Context {
    Context {
        reports: Reports::new(0, reports),
        commands: mpsc::channel(1).1,
        forgotten: mpsc::unbounded_channel().1,
        stop: stop.clone(),
        clock: Clock::system(),
        links: Links::default(),
        reserved: Arc::new([]),
        operators: watch::channel(0).1,
        memory: Memory::passing(),
        traffic: Arc::new(Traffic::default()),
    }
}
