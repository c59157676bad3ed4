//! One configured port: what listening to it and trying it once have in common.

use std::sync::Arc;
use std::time::Duration;

use super::config::Config;
use super::keys::KeyRing;
use super::wire::Profiles;
use crate::links::{Address, LinkError};
use crate::model::{Health, HealthCode};

/// How long opening the port may take.
pub const OPEN: Duration = Duration::from_secs(10);
/// Pauses after which half a telegram, and then a half message, are given up.
pub const PAUSES: [Duration; 2] = [Duration::from_millis(600), Duration::from_millis(2100)];
/// One configured port.
#[derive(Debug)]
pub struct Port {
    pub config: Config,
    pub address: Address,
    pub keys: Arc<KeyRing>,
    pub profiles: Arc<Profiles>,
}

/// What opening the port failed for, for people.
pub fn unreachable(error: &LinkError) -> Health {
    Health::new(HealthCode::Unreachable)
        .seen(error.to_string())
        .advise(error.advice())
}
