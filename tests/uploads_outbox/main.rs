//! The outbox: from a history to receivers that fail, hang and come back, over real sockets; InfluxDB and
//! VictoriaMetrics themselves, where they are installed; months of a house with all services at once.

#![cfg(feature = "simulate")]
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests too")]

#[path = "../support/alone.rs"]
mod alone;
mod answers;
#[path = "../support/vectors.rs"]
mod captures;
mod changes;
#[allow(dead_code, reason = "each test program uses a part of it")]
#[path = "../uploads_statistics/stand_in.rs"]
mod core;
#[allow(dead_code, reason = "each test program uses a part of it")]
#[path = "../support/emoncms.rs"]
mod emoncms;
mod kills;
mod month;
#[allow(dead_code, reason = "each test program uses a part of it")]
#[path = "../support/ports.rs"]
mod ports;
mod program;
#[allow(dead_code, reason = "each test program uses a part of it")]
#[path = "../support/pvoutput.rs"]
mod pvoutput;
mod real;
mod receiver;
mod room;
mod sender;
mod vectors;
#[path = "../house_year/house.rs"]
mod year_house;
