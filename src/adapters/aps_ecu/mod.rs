//! APsystems ECU-R, ECU-R-Pro, ECU-B and ECU-C: gateways between micro-inverters and the network.
//!
//! The ECU listens on TCP 8899 and answers ASCII questions with frames of mixed ASCII and binary.
//! The byte tables are in [`wire`]; they were collected from public captures and from programs whose
//! authors worked them out, and hold on real frames.
//!
//! | Question | What it answers | Asked |
//! |---|---|---|
//! | 0001 | the ECU: id, firmware, power, energy of today and of its lifetime | each round |
//! | 0002 | each inverter: power per panel, grid voltage and frequency, temperature | each round |
//! | 0030 | radio quality of each inverter | each round |
//! | 0012 | the ECU's clock | at the start and every 6 hours |
//! | 0003, 0004 | power of a day, energy of past days | by `wattbridge aps-ecu history` only |
//!
//! A round takes three short connections, one for each question, and follows the ECU's own rhythm
//! of five minutes.

mod config;
mod exchange;
mod installation;
mod inverter;
mod local_time;
mod metrics;
mod schedule;
mod source;
pub mod wire;

/// The adapter's name in the configuration and in device ids.
pub const KIND: &str = "aps_ecu";
