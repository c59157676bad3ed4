//! What the page is told of the past and of the roof: a real server, a real history file, and a simulated house whose
//! truth is known.

// What goes wrong in here shall fail the test, also outside of its own function.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod export;
mod history;
mod roof;
mod served;

#[path = "../house_year/house.rs"]
mod house;
#[allow(dead_code, reason = "other tests send more")]
#[path = "../web_server/http.rs"]
mod http;

use std::time::Duration;

/// Only reached when something is broken.
const DEADLINE: Duration = Duration::from_secs(60);
