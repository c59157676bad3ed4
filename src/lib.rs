//! wattbridge connects solar inverters and smart meters to Home Assistant.
//!
//! # Layout
//!
//! Data flows one way, commands the other:
//!
//! ```text
//! bytes -> links -> adapters -- Report --> bridge -- Update --> outputs, web -> Home Assistant, the page
//!                      ^                      | `--> history --> web
//!                      +------ Command -------+   only where the user allowed control
//! ```
//!
//! * [`links`]: byte streams to devices, over serial ports and TCP; each can be recorded and replayed.
//! * [`adapters`]: one folder for each kind of device, and the list of them; bytes become reports.
//! * [`device`]: what an adapter is to the house, and the one driver that holds its conversation over a link.
//! * [`bridge`]: keeps every source running, guards and completes the values, holds the latest state.
//! * [`history`]: five-minute slots, hours and days of all of that, in a file of its own.
//! * [`flow`]: where the energy of the house goes, for the history and the page.
//! * [`roof`]: which values are panels, where they lie, and which bring less than their neighbours.
//! * [`outputs`]: where states go, and where commands come from: Home Assistant over MQTT first of all, and
//!   what other programs read.
//! * [`uploads`]: sending the history on to services of the internet and of the house, on one outbox.
//! * [`web`]: the page that the program serves, and its API.
//! * [`words`]: the languages of names, states and advice.
//! * [`model`]: the words that all of these share; pure data without I/O.
//! * [`store`]: the one file in which is kept what must survive a restart.
//! * [`config`]: the configuration file: typed sections, secrets, and mistakes with their line and remedy.
//! * [`migrate`]: configurations of other programs, turned into ours.
//! * [`backup`]: everything in one file, and back again.
//! * `backoff`: how long to wait before something that has failed is tried again.
//! * [`addon`]: what Home Assistant's Supervisor tells the program when it runs as an app (add-on).
//! * `http`: asking a web server.
//! * `tls`: secure connections: whom we trust, what we show.
//! * [`home_assistant`]: asking Home Assistant's Core itself, by its WebSocket API.
//! * `names`: the addresses of a host: from the system, or, for names that end in `.local`, from the host itself.
//! * [`clock`]: the time, as it is or as a replay or test sets it.
//! * [`cli`]: the command line, one file for each subcommand; it puts the others together.
//! * [`hex`]: bytes as people write and read them.
//! * `simulation`: what the simulators of all adapters share; only with the feature `simulate`.
//! * `sqlite`: files of SQLite that outlive mishaps, for the store and the history.
//! * `whole_file`: small files that are replaced as a whole.
//! * `terminal`: what commands say to the user.
//! * `demo`: the MQTT broker inside `wattbridge demo`, and what it shows; only with the feature of that name.
//!
//! Adapters know nothing of topics and Home Assistant, outputs know nothing of frames and devices'
//! protocols; both meet in [`model`]. A new device is one folder and one line in [`adapters::ADAPTERS`],
//! a new output the same in [`outputs::OUTPUTS`].

// A pipe that is closed early ends a command in peace; `println!` would panic.
#![warn(clippy::print_stderr, clippy::print_stdout)]

pub mod adapters;
pub mod addon;
mod backoff;
pub mod backup;
pub mod bridge;
pub mod cli;
pub mod clock;
pub mod config;
#[cfg(feature = "demo")]
pub mod demo;
pub mod device;
pub mod flow;
pub mod hex;
pub mod history;
pub mod home_assistant;
mod http;
pub mod links;
pub mod migrate;
pub mod model;
mod names;
pub mod outputs;
pub mod roof;
#[cfg(feature = "simulate")]
pub mod simulation;
mod sqlite;
pub mod store;
mod terminal;
mod tls;
pub mod uploads;
pub mod web;
mod whole_file;
pub mod words;
